/* In whatever phase a call is pending: the loop sleeps while the server does, and a cancel from
 * another thread or from a signal handler, the time limit, close and free end it and leave nothing
 * behind. */
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
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "entries.h"
#include "hole.h"
#include "loop.h"
#include "phases.h"
#include "resolver.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

enum { CANCEL_BY_THREAD, CANCEL_BY_SIGNAL, TIME_LIMIT, CLOSE, FREE, ENDS };

static smtp_client *volatile target;
static int destroyed;

static void *cancel_it(void *unused) {
    (void)unused;
    GIVES(SMTP_OK, smtp_client_cancel(target));
    return NULL;
}

static void on_signal(int signal) {
    (void)signal;
    smtp_client_cancel(target);
}

static void on_destroy(void *unused) {
    (void)unused;
    destroyed++;
}

static void on_debug(int direction, const char *data, size_t length, void *user) {
    (void)direction, (void)data, (void)length, (void)user;
}

static int do_look_up(smtp_client *client, const char *name) {
    (void)name;
    return smtp_client_connect(client, "slow-name.example", 25);
}

/* A name that is being looked up, and a listener that takes nobody more. */
static char full[64];

static int do_connect_full(smtp_client *client, const char *name) {
    (void)name;
    return smtp_client_connect(client, full, 0);
}

static const struct phase MORE[] = {
    {"smtp", SMTP_PROTOCOL_SMTP, do_look_up, 1, SMTP_E_TIMEOUT},
    {"smtp", SMTP_PROTOCOL_SMTP, do_connect_full, 1, SMTP_E_TIMEOUT},
};

static void fails(const struct phase *phase, int end, const char *what, int code) {
    fprintf(stderr, "%s, end %d: %s: %d: %s\n", phase->server, end, what, code, smtp_last_error());
    abort();
}

static void check(const struct phase *phase, int end) {
    int files = entries("/proc/self/fd"), code, most, turns = 0;
    int limit = slow() ? 1000 : 150;
    smtp_client *client = phase->stuck == do_look_up || phase->stuck == do_connect_full
                              ? client_new(phase->protocol)
                              : before(phase);
    double begun;
    pthread_t thread;
    target = client;
    destroyed = 0;
    GIVES(SMTP_OK, smtp_client_set_debug_callback(client, on_debug, NULL, on_destroy));
    GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 1));
    GIVES(SMTP_OK, smtp_client_set_timeout(client, end == TIME_LIMIT ? limit : 300000));
    begun = now();
    code = phase->stuck(client, phase->server);
    if (code != SMTP_PENDING)
        fails(phase, end, "it was not pending", code);
    /* Until the server stalls, or for a while where it drips. */
    most = strncmp(phase->server, "drip", 4) == 0 ? 2 : 100;
    while (end != TIME_LIMIT && turns < most && readable(client, slow() ? 100 : 20)) {
        turns++;
        if (smtp_client_process(client) != SMTP_PENDING)
            fails(phase, end, "it has ended", code);
    }
    if (turns >= 100)
        fails(phase, end, "the loop spins", turns);
    switch (end) {
    case CANCEL_BY_THREAD:
        CHECK(pthread_create(&thread, NULL, cancel_it, NULL) == 0);
        if (finish(client, SMTP_PENDING) != SMTP_E_CANCELLED)
            fails(phase, end, "not cancelled", smtp_client_last_error_code(client));
        pthread_join(thread, NULL);
        break;
    case CANCEL_BY_SIGNAL:
        CHECK(raise(SIGUSR1) == 0);
        if (finish(client, SMTP_PENDING) != SMTP_E_CANCELLED)
            fails(phase, end, "not cancelled", smtp_client_last_error_code(client));
        break;
    case TIME_LIMIT:
        while (code == SMTP_PENDING) {
            if (!readable(client, 100000) || turns++ > 2000)
                fails(phase, end, "the loop sleeps or spins", turns);
            code = smtp_client_process(client);
        }
        if (code != phase->timed_out || (now() - begun) * 1000 < limit * 0.9 ||
            now() - begun > (slow() ? 60 : 5))
            fails(phase, end, "no time-out at the time", code);
        break;
    case CLOSE:
        GIVES(SMTP_OK, smtp_client_close(client));
        GIVES(SMTP_OK, smtp_client_process(client));
        break;
    default:
        smtp_client_free(client);
        client = NULL;
    }
    if (client != NULL) {
        GIVES(0, smtp_client_is_connected(client));
        GIVES(0, destroyed);
        /* What is left over of it speaks up once at most, and the client is as good as new. */
        for (turns = 0; readable(client, 0); turns++) {
            CHECK(turns < 3);
            GIVES(SMTP_OK, smtp_client_process(client));
        }
        if (phase->protocol == SMTP_PROTOCOL_SMTP && end != TIME_LIMIT) {
            GIVES(SMTP_OK, finish(client, smtp_client_connect(client, server("smtp"), 0)));
            GIVES(SMTP_OK, finish(client, send_one(client)));
        }
        smtp_client_free(client);
    }
    GIVES(1, destroyed);
    GIVES(files, entries("/proc/self/fd"));
}

int main(void) {
    struct sigaction action;
    int i, end, threads = entries("/proc/self/task");
    memset(&action, 0, sizeof action);
    action.sa_handler = on_signal;
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
    fill_a_listener(full, sizeof full);
    for (i = 0; i < PHASE_COUNT + 2; i++) {
        const struct phase *phase = i < PHASE_COUNT ? &PHASES[i] : &MORE[i - PHASE_COUNT];
        for (end = 0; end < ENDS; end++)
            if (!slow() || (i % 3 == 1 && end == i % ENDS)) /* what memory is left is asked of some */
                check(phase, end);
    }
    resolver_answers = 1;
    for (i = 0; i < 1000 && entries("/proc/self/task") > threads; i++)
        nap(10);
    GIVES(threads, entries("/proc/self/task"));
    return 0;
}
