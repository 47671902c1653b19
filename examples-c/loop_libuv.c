/*
 * Ten clients on one thread, driven by libuv: each connects, sends ten messages and says
 * goodbye, all at the same time, while a timer of the program's own keeps ticking.
 *
 *     loop_libuv HOST PORT
 */
#define _POSIX_C_SOURCE 200809L
#include <smtpclient.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { CLIENTS = 10, MESSAGES = 10, TICK = 10 /* ms */ };
typedef struct { smtp_client *client; int calls; uv_poll_t watch; } sender;
static const char *host;
static int port, sent, ticks, working = CLIENTS;
static uv_timer_t timer;

static int check(const sender *s, int result) {
    if (result >= 0)
        return result;
    fprintf(stderr, "loop_libuv: %s\n", smtp_client_last_error(s->client));
    exit(1);
}

static void finish(sender *s) {
    uv_close((uv_handle_t *)&s->watch, NULL); /* first, as the descriptor goes with the client */
    smtp_client_free(s->client);
    sent += MESSAGES;
    if (--working == 0)
        uv_close((uv_handle_t *)&timer, NULL);
}

/* Takes the result of a client's last call and makes its next, until one has to wait. */
static void go_on(sender *s, int result) {
    static const char *const to[] = {"you@example.org"};
    static const char message[] = "Subject: hello\r\n\r\nHello from a loop.\r\n";
    while (check(s, result) != SMTP_PENDING) {
        switch (s->calls++) {
        case 0: result = smtp_client_connect(s->client, host, port); break;
        default: result = smtp_client_sendmail(s->client, "me@example.org", to, 1, message,
                                               sizeof message - 1, NULL, 0, NULL, 0); break;
        case MESSAGES + 1: result = smtp_client_quit(s->client); break;
        case MESSAGES + 2: finish(s); return;
        }
    }
}

static void on_ready(uv_poll_t *watch, int status, int events) {
    sender *s = watch->data;
    (void)status, (void)events;
    go_on(s, smtp_client_process(s->client));
}

static void on_tick(uv_timer_t *tick) { (void)tick, ticks++; }

int main(int argc, char **argv) {
    static sender senders[CLIENTS];
    uv_loop_t loop;
    if (argc != 3)
        return fputs("usage: loop_libuv HOST PORT\n", stderr), 2;
    host = argv[1], port = atoi(argv[2]);
    uv_loop_init(&loop);
    uv_timer_init(&loop, &timer);
    uv_timer_start(&timer, on_tick, TICK, TICK);
    for (int i = 0; i < CLIENTS; i++) {
        sender *s = &senders[i];
        s->client = smtp_client_new(SMTP_PROTOCOL_SMTP);
        check(s, smtp_client_set_nonblocking(s->client, 1));
        uv_poll_init(&loop, &s->watch, check(s, smtp_client_poll_fd(s->client)));
        s->watch.data = s;
        uv_poll_start(&s->watch, UV_READABLE, on_ready);
        go_on(s, SMTP_OK);
    }
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    printf("%d messages sent over %d clients, %d ticks\n", sent, CLIENTS, ticks);
    return 0;
}
