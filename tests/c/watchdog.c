/* No call of a client in an event loop waits, whatever its server does not do: a second thread looks
 * how long each takes. */
/* SERVER mute plain --mode mute */
/* SERVER mute_unix unix --mode mute */
/* SERVER mute_lmtp lmtp --mode mute */
/* SERVER drip plain --mode drip --drip-ms 30 */
/* SERVER mute_ehlo plain --mode mute-at-ehlo */
/* SERVER drip_ehlo plain --mode drip-at-ehlo --drip-ms 30 */
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
/* SERVER smtps tls --delay 30 */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "hole.h"
#include "loop.h"
#include "phases.h"
#include "resolver.h"

#include <pthread.h>
#include <unistd.h>

/* Milliseconds; a server that stalls does so for good. */
enum { BOUND = 200, STUCK = 30000 };

static long long entered; /* when the present call began, in microseconds; 0 without one */
static long long longest; /* that a call of this phase was seen to take */
static const char *volatile phase_name;
static int over;

static long long microseconds(void) {
    return (long long)(now() * 1e6);
}

static void *watch(void *unused) {
    (void)unused;
    while (!__atomic_load_n(&over, __ATOMIC_SEQ_CST)) {
        long long since = __atomic_load_n(&entered, __ATOMIC_SEQ_CST);
        long long took = since == 0 ? 0 : microseconds() - since;
        if (took > __atomic_load_n(&longest, __ATOMIC_SEQ_CST))
            __atomic_store_n(&longest, took, __ATOMIC_SEQ_CST);
        if (took > STUCK * 1000LL) {
            fprintf(stderr, "%s: a call has waited for %d seconds\n", phase_name, STUCK / 1000);
            abort();
        }
        nap(2);
    }
    return NULL;
}

#define TIMED(code, call)                                                                         \
    do {                                                                                          \
        __atomic_store_n(&entered, microseconds(), __ATOMIC_SEQ_CST);                             \
        (code) = (call);                                                                          \
        __atomic_store_n(&entered, 0, __ATOMIC_SEQ_CST);                                          \
    } while (0)

static char hole[64], queue[128];

static int do_look_up(smtp_client *client, const char *name) {
    (void)name;
    return smtp_client_connect(client, "slow-name.example", 25);
}

static int do_connect_hole(smtp_client *client, const char *name) {
    (void)name;
    return smtp_client_connect(client, hole, 0);
}

static int do_connect_queue(smtp_client *client, const char *name) {
    (void)name;
    return smtp_client_connect(client, queue, 0);
}

static const struct phase MORE[] = {
    {"(name)", SMTP_PROTOCOL_SMTP, do_look_up, 1, 0},
    {"(hole)", SMTP_PROTOCOL_SMTP, do_connect_hole, 1, 0},
    {"(queue)", SMTP_PROTOCOL_SMTP, do_connect_queue, 1, 0},
    {"smtps", SMTP_PROTOCOL_SMTPS, do_connect, 1, 0},
    {"smtps", SMTP_PROTOCOL_SMTPS, do_send_large, 1, 0},
};

enum { MORE_COUNT = sizeof MORE / sizeof *MORE };

/* Reading the roots takes its time, and is done beforehand. */
static smtp_tls *roots;

static void read_the_roots(void) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTPS);
    roots = smtp_tls_new();
    GIVES(SMTP_OK, smtp_tls_set_ca_file(roots, file("ca.pem")));
    GIVES(SMTP_OK, smtp_client_set_tls(client, roots));
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtps"), 0));
    smtp_client_free(client);
}

/* A call, and what comes of it for a while; how long the longest step took. */
static long long stall(const struct phase *phase) {
    smtp_client *client = phase->server[0] == '(' ? client_new(phase->protocol) : before(phase);
    double end = now() + 0.1;
    int code;
    phase_name = phase->server;
    GIVES(SMTP_OK, smtp_client_set_tls(client, roots));
    GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 1));
    CHECK(smtp_client_poll_fd(client) >= 0);
    __atomic_store_n(&longest, 0, __ATOMIC_SEQ_CST);
    TIMED(code, phase->stuck(client, phase->server));
    while (code == SMTP_PENDING && now() < end)
        if (readable(client, 20))
            TIMED(code, smtp_client_process(client));
    /* Nor does what ends it wait. */
    if (code == SMTP_PENDING) {
        GIVES(SMTP_OK, smtp_client_cancel(client));
        CHECK(readable(client, 60000));
        TIMED(code, smtp_client_process(client));
    }
    TIMED(code, smtp_client_close(client));
    smtp_client_free(client);
    return __atomic_load_n(&longest, __ATOMIC_SEQ_CST) / 1000;
}

int main(void) {
    int i, tries;
    pthread_t watcher;
    CHECK(pthread_create(&watcher, NULL, watch, NULL) == 0);
    read_the_roots();
    fill_a_listener(hole, sizeof hole);
    fill_a_queue(queue, sizeof queue);
    for (i = 0; i < PHASE_COUNT + MORE_COUNT; i++) {
        const struct phase *phase = i < PHASE_COUNT ? &PHASES[i] : &MORE[i - PHASE_COUNT];
        long long took = 0;
        /* On a busy machine a thread may not get its turn; it does not happen each time. */
        for (tries = 0; tries < 5 && (tries == 0 || took > BOUND); tries++)
            took = stall(phase);
        if (took > BOUND) {
            fprintf(stderr, "%s: a call took %lld ms\n", phase->server, took);
            return 1;
        }
        printf("%s: %lld ms\n", phase->server, took);
    }
    resolver_answers = 1;
    __atomic_store_n(&over, 1, __ATOMIC_SEQ_CST);
    pthread_join(watcher, NULL);
    unlink(queue);
    smtp_tls_free(roots);
    return 0;
}
