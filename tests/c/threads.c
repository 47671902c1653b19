/* Two threads on one handle: the second gets SMTP_E_BUSY at once and disturbs nothing. Different
 * handles: any threads, at the same time. */
/* SERVER mute plain --mode mute */
/* SERVER smtp plain */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include "calls_setup.h"

#include <pthread.h>

static void *connect_to_mute(void *result) {
    *(int *)result = smtp_client_connect(c, server("mute"), 0);
    return NULL;
}

static void busy(const char *function, long code) {
    if (code != SMTP_E_BUSY && strcmp(function, "smtp_client_last_errno") != 0) {
        fprintf(stderr, "%s: %ld (%s)\n", function, code, smtp_error_name((int)code));
        abort();
    }
}

#define MEANWHILE(subject, function, param, result, call) MEANWHILE_##subject(function, result, call)
#define MEANWHILE_NONE(function, result, call)
#define MEANWHILE_TLS(function, result, call)
#define MEANWHILE_TRANSACTION(function, result, call)
#define MEANWHILE_EXCHANGE(function, result, call)
#define MEANWHILE_CLIENT(function, result, call)                                                  \
    if (strcmp(#function, "smtp_client_free") != 0 &&                                             \
        strcmp(#function, "smtp_client_cancel") != 0)                                             \
        MEANWHILE_CLIENT_##result(function, call);
#define MEANWHILE_CLIENT_CODE(function, call) busy(#function, (call))
#define MEANWHILE_CLIENT_COUNT(function, call) GIVES(0, (call))
#define MEANWHILE_CLIENT_TEXT(function, call) (void)(call)
#define MEANWHILE_CLIENT_POINTER(function, call) (void)(call)
#define MEANWHILE_CLIENT_NOTHING(function, call) (call)

static void second_thread(void) {
    pthread_t thread;
    int code = 0;
    c = client_new(SMTP_PROTOCOL_SMTP);
    l = smtp_tls_new();
    t = smtp_transaction_new();
    CHECK(pthread_create(&thread, NULL, connect_to_mute, &code) == 0);
    while (smtp_client_noop(c) != SMTP_E_BUSY)
        nap(1);
    EVERY_CALL(MEANWHILE)
    GIVES(SMTP_OK, smtp_client_cancel(c));
    pthread_join(thread, NULL);
    GIVES(SMTP_E_CANCELLED, code);
    smtp_client_free(c);
    smtp_tls_free(l);
    smtp_transaction_free(t);
}

struct crowd {
    smtp_client *client;
    int rounds;
    int done;
};

static void *noop_all_along(void *given) {
    struct crowd *crowd = given;
    int i;
    for (i = 0; i < crowd->rounds; i++) {
        int code = smtp_client_noop(crowd->client);
        if (code != SMTP_E_BUSY) {
            GIVES(250, code);
            crowd->done++;
        }
    }
    return NULL;
}

/* No call is lost or mixed up, however many want the handle. */
static void one_handle_for_all(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    struct crowd crowds[8];
    pthread_t threads[8];
    int i, done = 0;
    for (i = 0; i < 8; i++) {
        crowds[i].client = client;
        crowds[i].rounds = slow() ? 200 : 10000;
        crowds[i].done = 0;
        CHECK(pthread_create(&threads[i], NULL, noop_all_along, &crowds[i]) == 0);
    }
    for (i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
        done += crowds[i].done;
    }
    CHECK(done > 0);
    GIVES(250, smtp_client_noop(client));
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
}

static void *send_many(void *number) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    int i;
    if (*(int *)number % 2 == 0)
        GIVES(SMTP_OK, smtp_client_starttls(client));
    for (i = 0; i < (slow() ? 3 : 30); i++)
        GIVES(SMTP_OK, send_one(client));
    /* errors are each thread's own */
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_timeout(client, 0));
    HAS(smtp_last_error(), "time");
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
    return NULL;
}

static void a_handle_each(void) {
    pthread_t threads[8];
    int numbers[8];
    int i;
    for (i = 0; i < 8; i++) {
        numbers[i] = i;
        CHECK(pthread_create(&threads[i], NULL, send_many, &numbers[i]) == 0);
    }
    for (i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    SAME("", smtp_last_error());
}

/* Made here, used there, freed elsewhere. */
static void *use_and_free(void *client) {
    GIVES(SMTP_OK, send_one(client));
    smtp_client_free(client);
    return NULL;
}

int main(void) {
    pthread_t thread;
    use_all();
    a_handle_each();
    second_thread();
    one_handle_for_all();
    CHECK(pthread_create(&thread, NULL, use_and_free, connected(SMTP_PROTOCOL_SMTP, "smtp")) == 0);
    pthread_join(thread, NULL);
    return 0;
}
