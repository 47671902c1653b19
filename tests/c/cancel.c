/* smtp_client_cancel ends a call in every phase, from another thread and from a signal handler. */
/* SERVER mute plain --mode mute */
/* SERVER mute_unix unix --mode mute */
/* SERVER mute_lmtp lmtp --mode mute */
/* SERVER drip plain --mode drip --drip-ms 150 */
/* SERVER mute_ehlo plain --mode mute-at-ehlo */
/* SERVER drip_ehlo plain --mode drip-at-ehlo --drip-ms 150 */
/* SERVER mute_starttls plain --mode mute-at-starttls */
/* SERVER stall_starttls plain --mode stall-at-starttls */
/* SERVER mute_auth plain --auth user:password --mode mute-at-auth */
/* SERVER mute_mail plain --mode mute-at-mail */
/* SERVER mute_rcpt plain --mode mute-at-rcpt */
/* SERVER mute_data plain --mode mute-at-data */
/* SERVER freeze_data narrow --mode freeze-body-at-data */
/* SERVER freeze_bdat narrow --mode freeze-at-bdat */
/* SERVER mute_end plain --mode mute-at-end-of-data */
/* SERVER mute_tls_end tls --mode mute-at-end-of-data */
/* SERVER mute_quit plain --mode mute-at-quit */
/* SERVER smtp plain */
/* SERVER greeted plain --auth user:password */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "check.h"
#include "phases.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

static smtp_client *volatile target;
static volatile sig_atomic_t cancelled;

static void *cancel_soon(void *unused) {
    (void)unused;
    nap(slow() ? 1500 : 150);
    GIVES(SMTP_OK, smtp_client_cancel(target));
    return NULL;
}

static void on_alarm(int signal) {
    (void)signal;
    cancelled = smtp_client_cancel(target) == SMTP_OK;
}

static void check(const struct phase *phase, int by_signal) {
    smtp_client *client = before(phase);
    double begun = now();
    int code;
    pthread_t thread;
    target = client;
    cancelled = 0;
    if (by_signal) {
        struct itimerval soon = {{0, 0}, {0, 0}};
        soon.it_value.tv_sec = slow() ? 1 : 0;
        soon.it_value.tv_usec = slow() ? 500000 : 150000;
        CHECK(setitimer(ITIMER_REAL, &soon, NULL) == 0);
    } else {
        CHECK(pthread_create(&thread, NULL, cancel_soon, NULL) == 0);
    }
    code = phase->stuck(client, phase->server);
    if (code != SMTP_E_CANCELLED || now() - begun > (slow() ? 90 : 30)) {
        fprintf(stderr, "%s, by %s: %s after %.2f s: %s\n", phase->server,
                by_signal ? "signal" : "thread", smtp_error_name(code), now() - begun,
                smtp_client_last_error(client));
        abort();
    }
    if (by_signal)
        CHECK(cancelled);
    else
        pthread_join(thread, NULL);
    GIVES(0, smtp_client_is_connected(client));

    /* The handle is as good as new, and an old cancel does not reach a new call. */
    if (phase->protocol == SMTP_PROTOCOL_SMTP) {
        GIVES(SMTP_OK, smtp_client_cancel(client));
        GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
        GIVES(SMTP_OK, send_one(client));
    }
    smtp_client_free(client);
}

/* Some calls greet the server first. A cancel at the answer to that counts for the whole call, not
 * for its first half. */
static int hellos;

static void cancel_at_hello(int direction, const char *data, size_t length, void *client) {
    if (direction == SMTP_DEBUG_RECEIVED && length > 4 && memcmp(data, "250-", 4) == 0) {
        hellos++;
        GIVES(SMTP_OK, smtp_client_cancel(client));
    }
}

static int send_ascii(smtp_client *client, const char *name) {
    static const char mail[] = "From: a@a.example\r\nTo: b@b.example\r\n\r\nbody\r\n";
    (void)name;
    return smtp_client_send_message(client, NULL, NULL, 0, mail, sizeof mail - 1, NULL, 0, NULL, 0);
}

static int send_utf8(smtp_client *client, const char *name) {
    static const char mail[] = "From: \xc3\xa9@a.example\r\nTo: b@b.example\r\n\r\nbody\r\n";
    (void)name;
    return smtp_client_send_message(client, NULL, NULL, 0, mail, sizeof mail - 1, NULL, 0, NULL, 0);
}

static int do_auth(smtp_client *client, const char *name) {
    (void)name;
    return smtp_client_auth_builtin(client, "PLAIN", "user", "password");
}

static void between_the_halves(void) {
    static const struct {
        const char *what;
        int (*call)(smtp_client *client, const char *name);
    } calls[] = {
        {"sendmail", do_send},
        {"send_message", send_ascii},
        {"send_message with UTF-8", send_utf8},
        {"send_batch", do_batch},
        {"login", do_login},
        {"auth_builtin", do_auth},
        {"starttls", do_starttls},
    };
    size_t i;
    int faults = 0;
    for (i = 0; i < sizeof calls / sizeof *calls; i++) {
        smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "greeted");
        int code;
        hellos = 0;
        GIVES(SMTP_OK, smtp_client_set_debug_callback(client, cancel_at_hello, client, NULL));
        code = calls[i].call(client, "greeted");
        CHECK(hellos >= 1);
        if (code != SMTP_E_CANCELLED) {
            fprintf(stderr, "%s, cancelled at the answer to EHLO: %s\n", calls[i].what,
                    smtp_error_name(code));
            faults++;
        }
        smtp_client_free(client);
    }
    CHECK(faults == 0);
}

/* connect closes the connection before first, and what is under way there comes back: a cancel in
 * that callback is one of this call. */
static void cancel_at_completion(smtp_transaction *mail, void *client) {
    CHECK(smtp_transaction_status(mail) < 0);
    GIVES(SMTP_OK, smtp_client_cancel(client));
    cancelled++;
}

static void in_the_close_of_connect(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "mute_end");
    smtp_transaction *mail = smtp_transaction_new();
    GIVES(SMTP_OK, smtp_transaction_set_sender(mail, "a@a.example"));
    GIVES(SMTP_OK, smtp_transaction_add_recipient(mail, "b@b.example", NULL, 0));
    GIVES(SMTP_OK, smtp_transaction_set_message(mail, MESSAGE, sizeof MESSAGE - 1));
    GIVES(SMTP_OK, smtp_client_set_completion_callback(client, cancel_at_completion, client, NULL));
    GIVES(SMTP_OK, smtp_client_submit(client, mail));
    cancelled = 0;
    GIVES(SMTP_E_CANCELLED, smtp_client_connect(client, server("smtp"), 0));
    CHECK(cancelled == 1);
    smtp_transaction_free(mail);
    smtp_client_free(client);
}

int main(void) {
    struct sigaction action;
    int i;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    for (i = 0; i < PHASE_COUNT; i++) {
        check(&PHASES[i], 0);
        check(&PHASES[i], 1);
    }
    between_the_halves();
    in_the_close_of_connect();
    return 0;
}
