/* dlopen, use and dlclose, again and again; threads that used the library end after that. */
/* SERVER smtp plain */
/* SERVER smtps tls */
#define _POSIX_C_SOURCE 200809L
#include <smtpclient.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* check.h would link the library. */
#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                       \
            abort();                                                                              \
        }                                                                                         \
    } while (0)

static void *library;

/* ISO C forbids the cast of an object pointer to a function pointer, POSIX demands that it work. */
static void find(const char *name, void *function, size_t size) {
    void *symbol = dlsym(library, name);
    CHECK(symbol != NULL && size == sizeof symbol);
    memcpy(function, &symbol, size);
}

static void open_library(void) {
    library = dlopen(getenv("SMTP_TEST_LIBRARY"), RTLD_NOW | RTLD_LOCAL);
    if (library == NULL)
        fprintf(stderr, "%s\n", dlerror());
    CHECK(library != NULL);
}

static void use(int protocol, const char *address) {
    static const char message[] = "Subject: test\r\n\r\nHello.\r\n";
    const char *to = "to@b.example";
    smtp_client *(*client_new)(int);
    void (*client_free)(smtp_client *);
    int (*client_connect)(smtp_client *, const char *, int);
    int (*client_quit)(smtp_client *);
    int (*set_tls)(smtp_client *, smtp_tls *);
    int (*set_verify)(smtp_tls *, int);
    smtp_tls *(*tls_new)(void);
    void (*tls_free)(smtp_tls *);
    int (*sendmail)(smtp_client *, const char *, const char *const *, size_t, const void *, size_t,
                    const char *const *, size_t, const char *const *, size_t);
    smtp_client *client;
    smtp_tls *tls;
    find("smtp_client_new", &client_new, sizeof client_new);
    find("smtp_client_free", &client_free, sizeof client_free);
    find("smtp_client_connect", &client_connect, sizeof client_connect);
    find("smtp_client_quit", &client_quit, sizeof client_quit);
    find("smtp_client_set_tls", &set_tls, sizeof set_tls);
    find("smtp_client_sendmail", &sendmail, sizeof sendmail);
    find("smtp_tls_new", &tls_new, sizeof tls_new);
    find("smtp_tls_free", &tls_free, sizeof tls_free);
    find("smtp_tls_set_verify", &set_verify, sizeof set_verify);
    client = client_new(protocol);
    tls = tls_new();
    CHECK(client != NULL && tls != NULL);
    CHECK(set_verify(tls, SMTP_TLS_VERIFY_NONE) == SMTP_OK);
    CHECK(set_tls(client, tls) == SMTP_OK);
    tls_free(tls);
    CHECK(client_connect(client, address, 0) == SMTP_OK);
    CHECK(sendmail(client, "a@a.example", &to, 1, message, sizeof message - 1, NULL, 0, NULL, 0) ==
          SMTP_OK);
    CHECK(client_quit(client) == 221);
    client_free(client);
}

static pthread_barrier_t used, closed;

static void *use_then_end(void *unused) {
    (void)unused;
    use(SMTP_PROTOCOL_SMTP, getenv("SMTP_TEST_smtp"));
    pthread_barrier_wait(&used);
    pthread_barrier_wait(&closed);
    return NULL; /* with whatever the library left in this thread */
}

int main(void) {
    int rounds = getenv("SMTP_TEST_SLOW") ? 5 : 1000;
    int i;
    pthread_t thread;
    for (i = 0; i < rounds; i++) {
        open_library();
        if (i % 50 < 5)
            use(i % 2 ? SMTP_PROTOCOL_SMTP : SMTP_PROTOCOL_SMTPS,
                getenv(i % 2 ? "SMTP_TEST_smtp" : "SMTP_TEST_smtps"));
        CHECK(dlclose(library) == 0);
    }
    pthread_barrier_init(&used, NULL, 2);
    pthread_barrier_init(&closed, NULL, 2);
    open_library();
    CHECK(pthread_create(&thread, NULL, use_then_end, NULL) == 0);
    pthread_barrier_wait(&used);
    CHECK(dlclose(library) == 0);
    pthread_barrier_wait(&closed);
    CHECK(pthread_join(thread, NULL) == 0);
    return 0;
}
