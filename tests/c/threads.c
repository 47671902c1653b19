/* Two threads on one handle: the second gets SMTP_E_BUSY at once and disturbs nothing. Different
 * handles: any threads, at the same time. */
/* SERVER mute plain --mode mute */
/* SERVER smtp plain */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include "calls_setup.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static void *connect_to_mute(void *result) {
    *(int *)result = smtp_client_connect(c, server("mute"), 0);
    return NULL;
}

static void busy(const char *function, long code) {
    if (code != SMTP_E_BUSY && strcmp(function, "smtp_client_last_errno") != 0 &&
        strcmp(function, "smtp_client_timeout") != 0) {
        fprintf(stderr, "%s: %ld (%s)\n", function, code, smtp_error_name((int)code));
        abort();
    }
}

#define MEANWHILE(subject, function, param, result, call) MEANWHILE_##subject(function, result, call)
#define MEANWHILE_NONE(function, result, call)
#define MEANWHILE_TLS(function, result, call)
#define MEANWHILE_TRANSACTION(function, result, call)
#define MEANWHILE_EXCHANGE(function, result, call)
#define MEANWHILE_ENVELOPE(function, result, call)
#define MEANWHILE_REPORT(function, result, call)
#define MEANWHILE_MESSAGE(function, result, call)
#define MEANWHILE_CLIENT(function, result, call)                                                  \
    if (strcmp(#function, "smtp_client_free") != 0 &&                                             \
        strcmp(#function, "smtp_client_cancel") != 0)                                             \
        MEANWHILE_CLIENT_##result(function, call);
#define MEANWHILE_CLIENT_CODE(function, call) busy(#function, (call))
#define MEANWHILE_CLIENT_COUNT(function, call)                                                    \
    GIVES(SMTP_E_MISUSE, smtp_client_noop(NULL));                                                 \
    GIVES(0, (call));                                                                             \
    GIVES(SMTP_E_BUSY, smtp_last_error_code())
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
    GIVES(SMTP_E_MISUSE, smtp_client_noop(NULL));
    GIVES(0, smtp_client_timeout(c));
    GIVES(SMTP_E_BUSY, smtp_last_error_code());
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

/* Whoever only reads does not keep the owner out. */
static int polling;

static void *poll_all_along(void *client) {
    long looks = 0;
    while (__atomic_load_n(&polling, __ATOMIC_SEQ_CST)) {
        int connected = smtp_client_is_connected(client);
        int reply = smtp_client_reply_code(client);
        const char *text = smtp_client_reply_text(client);
        CHECK(connected == 1 || connected == SMTP_E_BUSY);
        CHECK(reply >= 200 || reply == SMTP_E_BUSY);
        CHECK(text == NULL || text[0] != '\0');
        looks++;
    }
    return (void *)looks;
}

static void a_poller_beside_the_owner(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    pthread_t threads[2];
    void *looks;
    int i;
    __atomic_store_n(&polling, 1, __ATOMIC_SEQ_CST);
    for (i = 0; i < 2; i++)
        CHECK(pthread_create(&threads[i], NULL, poll_all_along, client) == 0);
    for (i = 0; i < (slow() ? 300 : 20000); i++)
        GIVES(250, smtp_client_noop(client));
    __atomic_store_n(&polling, 0, __ATOMIC_SEQ_CST);
    for (i = 0; i < 2; i++) {
        pthread_join(threads[i], &looks);
        CHECK((long)looks > 0);
    }
    smtp_client_free(client);
}

/* A handle that is freed here while it is called there: the call is one, or it is none. */
static smtp_client *passed;

static void *call_what_is_passed(void *unused) {
    smtp_client *client;
    (void)unused;
    while ((client = __atomic_load_n(&passed, __ATOMIC_SEQ_CST)) != NULL) {
        int code;
        code = smtp_client_noop(client);
        CHECK(code == SMTP_E_DISCONNECTED || code == SMTP_E_MISUSE || code == SMTP_E_BUSY);
        code = smtp_client_cancel(client);
        CHECK(code == SMTP_OK || code == SMTP_E_MISUSE);
        code = smtp_client_is_connected(client);
        CHECK(code == 0 || code == SMTP_E_MISUSE || code == SMTP_E_BUSY);
        code = smtp_client_set_local_hostname(client, "client.example");
        CHECK(code == SMTP_OK || code == SMTP_E_MISUSE || code == SMTP_E_BUSY);
        CHECK(smtp_client_last_error(client) != NULL);
    }
    return NULL;
}

static void freed_while_it_is_called(void) {
    pthread_t threads[3];
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    int i;
    __atomic_store_n(&passed, client, __ATOMIC_SEQ_CST);
    for (i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, call_what_is_passed, NULL) == 0);
    for (i = 0; i < (slow() ? 300 : 30000); i++) {
        smtp_client *next = smtp_client_new(SMTP_PROTOCOL_SMTP);
        CHECK(next != NULL && next != client);
        __atomic_store_n(&passed, next, __ATOMIC_SEQ_CST);
        smtp_client_free(client);
        client = next;
    }
    smtp_client_free(client);
    __atomic_store_n(&passed, NULL, __ATOMIC_SEQ_CST);
    for (i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
}

/* A cancel by whoever has seen that the call runs ends it, every time. */
static void *wait_for_a_greeting(void *fd) {
    return (void *)(long)smtp_client_connect_fd(c, *(int *)fd, NULL);
}

static void no_cancel_is_lost(void) {
    int i, rounds = slow() ? 50 : 2000, ended = 0;
    c = smtp_client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_OK, smtp_client_set_timeout(c, slow() ? 60000 : 10000));
    for (i = 0; i < rounds; i++) {
        int pair[2];
        void *code;
        pthread_t thread;
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        CHECK(pthread_create(&thread, NULL, wait_for_a_greeting, &pair[0]) == 0);
        while (smtp_client_is_connected(c) != SMTP_E_BUSY) {
        }
        GIVES(SMTP_OK, smtp_client_cancel(c));
        pthread_join(thread, &code);
        ended += (long)code == SMTP_E_CANCELLED;
        close(pair[0]);
        close(pair[1]);
    }
    GIVES(rounds, ended);
    smtp_client_free(c);
}

/* Once its client is freed nothing but that can end a call that would wait for ever; that a callback
 * frees it does not end it. */
static void *connect_to_mute_for_ever(void *client) {
    return (void *)(long)smtp_client_connect(client, server("mute"), 0);
}

static void free_at_first_byte(int direction, const char *data, size_t length, void *client) {
    (void)direction, (void)data, (void)length;
    smtp_client_free(client);
}

static void freed_while_it_waits(void) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    pthread_t thread;
    void *code;
    GIVES(SMTP_OK, smtp_client_set_timeout(client, SMTP_TIMEOUT_NONE));
    CHECK(pthread_create(&thread, NULL, connect_to_mute_for_ever, client) == 0);
    while (smtp_client_is_connected(client) != SMTP_E_BUSY)
        nap(1);
    smtp_client_free(client);
    pthread_join(thread, &code);
    GIVES(SMTP_E_CANCELLED, (long)code);

    client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    GIVES(SMTP_OK, smtp_client_set_debug_callback(client, free_at_first_byte, client, NULL));
    GIVES(250, smtp_client_noop(client));
    GIVES(SMTP_E_MISUSE, smtp_client_noop(client));
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
    a_poller_beside_the_owner();
    freed_while_it_is_called();
    no_cancel_is_lost();
    freed_while_it_waits();
    CHECK(pthread_create(&thread, NULL, use_and_free, connected(SMTP_PROTOCOL_SMTP, "smtp")) == 0);
    pthread_join(thread, NULL);
    return 0;
}
