/* An event loop against whoever meddles: cancels and frees from other threads at any moment, streams
 * that nobody flushes, addresses that lead nowhere, servers that speak out of turn. */
/* SERVER smtp plain */
/* SERVER smtps tls */
/* SERVER mute plain --mode mute */
/* SERVER mute_end plain --mode mute-at-end-of-data */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "entries.h"
#include "loop.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

static smtp_client *volatile target;
static int begun; /* counts the calls that are pending */
static int frees; /* not cancels */
enum { ROUNDS = 2000, SLOW_ROUNDS = 60 };

static int rounds(void) {
    return slow() ? SLOW_ROUNDS : ROUNDS;
}

static void *meddle(void *unused) {
    unsigned long random = 1;
    int i, spin;
    (void)unused;
    for (i = 1; i <= rounds(); i++) {
        while (__atomic_load_n(&begun, __ATOMIC_SEQ_CST) < i)
            nap(0);
        random = random * 6364136223846793005UL + 1442695040888963407UL;
        for (spin = (int)(random >> 52); spin > 0; spin--)
            __asm__ __volatile__("" ::: "memory");
        if (frees)
            smtp_client_free(target);
        else
            GIVES(SMTP_OK, smtp_client_cancel(target));
    }
    return NULL;
}

/* One cancel, among calls that are busy and calls of process without need: it is never lost. */
static void cancels(void) {
    pthread_t thread;
    int i, code;
    target = loop_client(SMTP_PROTOCOL_SMTP);
    begun = frees = 0;
    CHECK(pthread_create(&thread, NULL, meddle, NULL) == 0);
    for (i = 1; i <= rounds(); i++) {
        code = smtp_client_connect(target, server("mute"), 0);
        GIVES(SMTP_PENDING, code);
        __atomic_store_n(&begun, i, __ATOMIC_SEQ_CST);
        while (code == SMTP_PENDING) {
            if (i % 2) {
                code = smtp_client_noop(target);
                CHECK(code == SMTP_E_BUSY);
                CHECK(smtp_client_is_connected(target) == SMTP_E_BUSY);
            }
            if (i % 3)
                CHECK(readable(target, 60000));
            code = smtp_client_process(target);
        }
        GIVES(SMTP_E_CANCELLED, code);
    }
    pthread_join(thread, NULL);
    smtp_client_free(target);
}

/* A free takes effect at the end of the call that runs, and everything goes with it. */
static void frees_meanwhile(void) {
    int before = entries("/proc/self/fd"), i, code;
    pthread_t thread;
    begun = 0;
    frees = 1;
    CHECK(pthread_create(&thread, NULL, meddle, NULL) == 0);
    for (i = 1; i <= rounds(); i++) {
        smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
        GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 1));
        GIVES(SMTP_PENDING, smtp_client_connect(client, server("mute"), 0));
        target = client;
        __atomic_store_n(&begun, i, __ATOMIC_SEQ_CST);
        do
            code = smtp_client_process(client);
        while (code == SMTP_PENDING);
        CHECK(code == SMTP_E_MISUSE || code == SMTP_E_CANCELLED);
    }
    pthread_join(thread, NULL);
    GIVES(before, entries("/proc/self/fd"));
}

/* More look-ups and connections at the same time than anything is bounded to. */
static void crowd(void) {
    enum { CLIENTS = 60 };
    smtp_client *clients[CLIENTS];
    struct pollfd watched[CLIENTS];
    int results[CLIENTS], left = CLIENTS, i, turns = 0;
    char by_name[64];
    snprintf(by_name, sizeof by_name, "localhost%s", strrchr(server("smtp"), ':'));
    for (i = 0; i < CLIENTS; i++) {
        clients[i] = loop_client(SMTP_PROTOCOL_SMTP);
        results[i] = smtp_client_connect(clients[i], i % 2 ? by_name : server("smtp"), 0);
        watched[i].fd = smtp_client_poll_fd(clients[i]);
        watched[i].events = POLLIN;
    }
    while (left > 0) {
        CHECK(poll(watched, CLIENTS, 60000) > 0 && turns++ < 10000);
        for (i = 0; i < CLIENTS; i++)
            if (watched[i].fd >= 0 && watched[i].revents != 0) {
                results[i] = smtp_client_process(clients[i]);
                if (results[i] == SMTP_OK)
                    results[i] = send_one(clients[i]); /* and so on, for ever */
                CHECK(results[i] == SMTP_PENDING);
                if (turns > 100) {
                    watched[i].fd = -1;
                    left--;
                }
            }
    }
    for (i = 0; i < CLIENTS; i++)
        smtp_client_free(clients[i]);
}

static int completed, status;

static void on_completion(smtp_transaction *mail, void *user) {
    (void)user;
    status = smtp_transaction_status(mail);
    completed++;
    smtp_transaction_free(mail);
}

/* What is submitted has its time limit without any call that waits for it. */
static void nobody_flushes(void) {
    smtp_client *client = loop_connected(SMTP_PROTOCOL_SMTP, "mute_end");
    int code = SMTP_OK, turns = 0;
    double start = now();
    GIVES(SMTP_OK, smtp_client_set_completion_callback(client, on_completion, NULL, NULL));
    GIVES(250, finish(client, smtp_client_ehlo(client, NULL)));
    GIVES(SMTP_OK, smtp_client_set_timeout(client, slow() ? 1000 : 300));
    GIVES(SMTP_OK, smtp_client_submit(client, mail_new()));
    while (completed == 0) {
        CHECK(readable(client, 60000) && turns++ < 100);
        code = smtp_client_process(client);
    }
    CHECK(code == SMTP_E_TIMEOUT || code == SMTP_E_OUTCOME_UNKNOWN);
    GIVES(SMTP_E_OUTCOME_UNKNOWN, status);
    CHECK(now() - start > (slow() ? 0.9 : 0.25));
    GIVES(0, smtp_client_is_connected(client));
    GIVES(SMTP_OK, smtp_client_process(client));
    CHECK(!readable(client, 0));
    smtp_client_free(client);
}

/* The first address swallows what is sent to it; the second gets its turn by the descriptor alone. */
static void a_black_hole_first(void) {
    static const char *const addresses[] = {"127.0.0.2", "127.0.0.1"};
    smtp_client *client = loop_client(SMTP_PROTOCOL_SMTP);
    int listener = socket(AF_INET, SOCK_STREAM, 0), i, filling[4];
    int port = atoi(strrchr(server("smtp"), ':') + 1);
    struct sockaddr_in to;
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = inet_addr("127.0.0.2");
    to.sin_port = htons((unsigned short)port);
    CHECK(bind(listener, (struct sockaddr *)&to, sizeof to) == 0 && listen(listener, 0) == 0);
    for (i = 0; i < 4; i++) {
        filling[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)!connect(filling[i], (struct sockaddr *)&to, sizeof to);
    }
    GIVES(SMTP_OK, smtp_client_set_host(client, "localhost", port));
    GIVES(SMTP_OK, smtp_client_set_addresses(client, addresses, 2));
    GIVES(SMTP_OK, FINISH(client, smtp_client_open(client)));
    GIVES(SMTP_OK, FINISH(client, send_one(client)));
    smtp_client_free(client);
    for (i = 0; i < 4; i++)
        close(filling[i]);
    close(listener);
}

/* Bytes that nobody has asked for end the connection, and are told once. */
static void out_of_turn(const char *words) {
    smtp_client *client = loop_client(SMTP_PROTOCOL_SMTP);
    int pair[2], code;
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    GIVES(SMTP_PENDING, smtp_client_connect_fd(client, pair[0], NULL));
    close(pair[0]);
    CHECK(write(pair[1], "220 hi\r\n", 8) == 8);
    GIVES(SMTP_OK, finish(client, SMTP_PENDING));
    CHECK(write(pair[1], words, strlen(words)) == (ssize_t)strlen(words));
    do
        CHECK(readable(client, 60000));
    while ((code = smtp_client_process(client)) == SMTP_OK);
    GIVES(SMTP_E_PROTOCOL, code);
    GIVES(0, smtp_client_is_connected(client));
    GIVES(SMTP_OK, smtp_client_process(client));
    CHECK(!readable(client, 20));
    smtp_client_free(client);
    close(pair[1]);
}

/* Tickets come behind the handshake; then it is quiet. */
static void quiet_under_tls(void) {
    smtp_client *client = loop_connected(SMTP_PROTOCOL_SMTPS, "smtps");
    int turns = 0;
    while (readable(client, 50)) {
        CHECK(turns++ < 10);
        GIVES(SMTP_OK, smtp_client_process(client));
    }
    GIVES(SMTP_OK, FINISH(client, send_one(client)));
    GIVES(SMTP_OK, smtp_client_process(client));
    CHECK(!readable(client, 50));
    GIVES(221, FINISH(client, smtp_client_quit(client)));
    smtp_client_free(client);
}

int main(void) {
    cancels();
    frees_meanwhile();
    crowd();
    nobody_flushes();
    a_black_hole_first();
    out_of_turn("250 hi\r\n");
    out_of_turn("garbage\r\n");
    quiet_under_tls();
    return 0;
}
