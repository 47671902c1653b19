/*
 * Every function of a client called from every one of its callbacks: SMTP_E_BUSY, and the call
 * around it goes on. Freed in a callback: the end of that call frees it. From a destroy function
 * it is SMTP_E_BUSY or SMTP_E_MISUSE, of a transaction too.
 */
/* SERVER smtp plain --auth user:password */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include "calls_setup.h"

static const char *from_callback;
static int calls, faults;
/* The handle is being freed: the last words of its transcript come when it is none any more. */
static int ending;
/* In a destroy function. */
static int destroying;
/* 1: the next callback frees the client; 2: one has. */
static int free_instead;

static void judge(const char *function, long code) {
    /* 0 is "no errno", and no time limit. */
    if (code == 0 && (strstr(function, "_last_errno") != NULL ||
                      strcmp(function, "smtp_client_timeout") == 0))
        return;
    if (destroying && (code == SMTP_E_MISUSE || code == SMTP_E_BUSY))
        return;
    if (code != (ending ? SMTP_E_MISUSE : SMTP_E_BUSY)) {
        fprintf(stderr, "%s in %s: %ld (%s)\n", function, from_callback, code,
                smtp_error_name((int)code));
        faults++;
    }
}

#define AGAIN(subject, function, param, result, call) AGAIN_##subject(function, result, call)
#define AGAIN_NONE(function, result, call)
#define AGAIN_TLS(function, result, call)
#define AGAIN_TRANSACTION(function, result, call)
#define AGAIN_EXCHANGE(function, result, call)
#define AGAIN_ENVELOPE(function, result, call)
#define AGAIN_REPORT(function, result, call)
#define AGAIN_MESSAGE(function, result, call)
#define AGAIN_CLIENT(function, result, call)                                                      \
    if (strcmp(#function, "smtp_client_free") != 0 &&                                             \
        strcmp(#function, "smtp_client_cancel") != 0) {                                           \
        AGAIN_CLIENT_##result(function, call);                                                    \
        calls++;                                                                                  \
    }
#define AGAIN_CLIENT_CODE(function, call) judge(#function, (call))
#define AGAIN_CLIENT_COUNT(function, call) GIVES(0, (call))
#define AGAIN_CLIENT_TEXT(function, call) (void)(call)
#define AGAIN_CLIENT_POINTER(function, call) (void)(call)
#define AGAIN_CLIENT_NOTHING(function, call) (call)

/* What every callback does. */
static void reenter(const char *where) {
    from_callback = where;
    if (free_instead) {
        if (free_instead == 1)
            smtp_client_free(c);
        free_instead = 2;
        GIVES(SMTP_E_MISUSE, smtp_client_noop(c));
        return;
    }
    if (calls > 20000)
        return; /* a callback that is called often */
    EVERY_CALL(AGAIN)
}

static void on_debug(int direction, const char *data, size_t size, void *user) {
    (void)direction, (void)data, (void)size, (void)user;
    reenter("the debug callback");
}
static int on_audit(int event, const char *host, int port, const char *data, size_t size,
                    void *user) {
    (void)event, (void)host, (void)port, (void)data, (void)size, (void)user;
    reenter("the audit callback");
    return 0;
}
static void on_progress(int64_t sent, int64_t total, void *user) {
    (void)sent, (void)total, (void)user;
    reenter("the progress callback");
}
static void on_completion(smtp_transaction *transaction, void *user) {
    (void)user;
    GIVES(SMTP_OK, smtp_transaction_status(transaction));
    GIVES(SMTP_E_BUSY, smtp_client_submit(c, transaction));
    reenter("the completion callback");
}
static int on_auth(smtp_auth_exchange *exchange, void *user) {
    static const char response[] = "\0user\0password";
    (void)user;
    reenter("the auth callback");
    return smtp_auth_exchange_respond(exchange, response, sizeof response - 1);
}
static ptrdiff_t on_read(void *buffer, size_t capacity, void *user) {
    int *rounds = user;
    reenter("the reader");
    CHECK(capacity >= sizeof MESSAGE);
    if (++*rounds > 3)
        return 0;
    memcpy(buffer, MESSAGE, sizeof MESSAGE - 1);
    return sizeof MESSAGE - 1;
}

#define RELEASED(subject, function, param, result, call) RELEASED_##subject(function, result, call)
#define RELEASED_NONE(function, result, call)
#define RELEASED_TLS(function, result, call)
#define RELEASED_CLIENT(function, result, call)
#define RELEASED_EXCHANGE(function, result, call)
#define RELEASED_ENVELOPE(function, result, call)
#define RELEASED_REPORT(function, result, call)
#define RELEASED_MESSAGE(function, result, call)
#define RELEASED_TRANSACTION(function, result, call)                                              \
    if (strcmp(#function, "smtp_transaction_free") != 0) {                                        \
        AGAIN_CLIENT_##result(function, call);                                                    \
        calls++;                                                                                  \
    }

static void on_destroy(void *user) {
    ++*(int *)user;
    destroying = 1;
    reenter("a destroy function");
    destroying = 0;
}
static void on_release(void *user) {
    ++*(int *)user;
    from_callback = "a release function";
    destroying = 1;
    EVERY_CALL(RELEASED)
    destroying = 0;
}

/* Replacing, removing and freeing run the destroy function, which calls everything. */
static void from_destroy_functions(void) {
    int destroyed = 0, released = 0;
    c = connected(SMTP_PROTOCOL_SMTP, "smtp");
    l = smtp_tls_new();
    t = smtp_transaction_new();
    calls = 0;
    GIVES(SMTP_OK, smtp_client_set_debug_callback(c, a_debug_callback, &destroyed, on_destroy));
    GIVES(SMTP_OK, smtp_client_set_debug_callback(c, a_debug_callback, &destroyed, on_destroy));
    CHECK(destroyed == 1 && calls > 50);
    GIVES(SMTP_OK, smtp_client_set_debug_callback(c, NULL, NULL, NULL));
    CHECK(destroyed == 2);
    GIVES(SMTP_OK, smtp_client_set_progress_callback(c, a_progress_callback, &destroyed, on_destroy));
    GIVES(250, smtp_client_noop(c)); /* nothing was disturbed */
    smtp_client_free(c);
    CHECK(destroyed == 3 && faults == 0);

    calls = 0;
    GIVES(SMTP_OK, smtp_transaction_set_message_borrowed(t, MESSAGE, sizeof MESSAGE - 1));
    GIVES(SMTP_OK, smtp_transaction_set_release_callback(t, on_release, &released));
    GIVES(SMTP_OK, smtp_transaction_set_message(t, MESSAGE, sizeof MESSAGE - 1));
    CHECK(released == 1 && calls > 10);
    GIVES(SMTP_OK, smtp_transaction_set_message_borrowed(t, MESSAGE, sizeof MESSAGE - 1));
    GIVES(SMTP_OK, smtp_transaction_set_release_callback(t, on_release, &released));
    GIVES(SMTP_OK, smtp_transaction_clear(t));
    CHECK(released == 2);
    GIVES(SMTP_OK, smtp_transaction_set_message_borrowed(t, MESSAGE, sizeof MESSAGE - 1));
    GIVES(SMTP_OK, smtp_transaction_set_release_callback(t, on_release, &released));
    smtp_transaction_free(t);
    CHECK(released == 3 && faults == 0);
    smtp_tls_free(l);
}

enum { DEBUG, AUDIT, PROGRESS, COMPLETION, AUTH, READER, KINDS };

/* Makes `c` with one callback, and the call that runs it. Returns that call's result. */
static int run(int kind) {
    int rounds = 0;
    int code;
    c = connected(SMTP_PROTOCOL_SMTP, "smtp");
    l = smtp_tls_new();
    t = smtp_transaction_new();
    GIVES(SMTP_OK, smtp_transaction_set_sender(t, "a@a.example"));
    GIVES(SMTP_OK, smtp_transaction_add_recipient(t, "b@b.example", NULL, 0));
    GIVES(SMTP_OK, smtp_transaction_set_message(t, MESSAGE, sizeof MESSAGE - 1));
    switch (kind) {
    case DEBUG:
        GIVES(SMTP_OK, smtp_client_set_debug_callback(c, on_debug, NULL, NULL));
        code = smtp_client_send(c, t);
        break;
    case AUDIT:
        GIVES(SMTP_OK, smtp_client_set_audit_callback(c, on_audit, NULL, NULL));
        code = smtp_client_send(c, t);
        break;
    case PROGRESS:
        GIVES(SMTP_OK, smtp_client_set_progress_callback(c, on_progress, NULL, NULL));
        code = smtp_client_send(c, t);
        break;
    case COMPLETION:
        GIVES(SMTP_OK, smtp_client_set_completion_callback(c, on_completion, NULL, NULL));
        GIVES(SMTP_OK, smtp_client_submit(c, t));
        code = smtp_client_flush(c);
        break;
    case AUTH:
        code = smtp_client_auth(c, "PLAIN", on_auth, NULL);
        break;
    default:
        GIVES(SMTP_OK, smtp_transaction_set_message_reader(t, on_read, &rounds, -1));
        code = smtp_client_send(c, t);
    }
    return code;
}

int main(void) {
    int kind;
    use_all();
    from_destroy_functions();
    for (kind = 0; kind < KINDS; kind++) {
        calls = 0;
        GIVES(SMTP_OK, run(kind));
        CHECK(calls > 50);
        CHECK(faults == 0);
        GIVES(250, smtp_client_noop(c)); /* nothing was disturbed */
        ending = 1;
        smtp_client_free(c);
        ending = 0;
        CHECK(faults == 0);
        smtp_tls_free(l);
        smtp_transaction_free(t);

        free_instead = 1;
        run(kind);
        CHECK(free_instead == 2);
        free_instead = 0;
        GIVES(SMTP_E_MISUSE, smtp_client_noop(c));
        smtp_tls_free(l);
        smtp_transaction_free(t);
    }
    return 0;
}
