/*
 * Ten clients on one thread, driven by libevent: each connects, sends ten messages and says
 * goodbye, all at the same time, while a timer of the program's own keeps ticking.
 *
 *     loop_libevent HOST PORT
 */
#include <event2/event.h>
#include <smtpclient.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS = 10, MESSAGES = 10, TICK = 10 /* ms */ };
typedef struct { smtp_client *client; int calls; struct event *watch; } sender;
static const char *host;
static int port, sent, ticks, working = CLIENTS;
static struct event *timer;

static int check(const sender *s, int result) {
    if (result >= 0)
        return result;
    fprintf(stderr, "loop_libevent: %s\n", smtp_client_last_error(s->client));
    exit(1);
}

static void finish(sender *s) {
    event_free(s->watch); /* first, as the descriptor goes with the client */
    smtp_client_free(s->client);
    sent += MESSAGES;
    if (--working == 0) event_free(timer);
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

static void on_ready(evutil_socket_t fd, short what, void *data) {
    sender *s = data;
    (void)fd, (void)what;
    go_on(s, smtp_client_process(s->client));
}

static void on_tick(evutil_socket_t fd, short what, void *data) {
    (void)fd, (void)what, (void)data, ticks++;
}

int main(int argc, char **argv) {
    static sender senders[CLIENTS];
    if (argc != 3)
        return fputs("usage: loop_libevent HOST PORT\n", stderr), 2;
    host = argv[1], port = atoi(argv[2]);
    struct event_base *base = event_base_new();
    timer = event_new(base, -1, EV_PERSIST, on_tick, NULL);
    event_add(timer, &(struct timeval){0, TICK * 1000});
    for (int i = 0; i < CLIENTS; i++) {
        sender *s = &senders[i];
        s->client = smtp_client_new(SMTP_PROTOCOL_SMTP);
        check(s, smtp_client_set_nonblocking(s->client, 1));
        s->watch = event_new(base, check(s, smtp_client_poll_fd(s->client)), EV_READ | EV_PERSIST,
                             on_ready, s);
        event_add(s->watch, NULL);
        go_on(s, SMTP_OK);
    }
    event_base_dispatch(base);
    event_base_free(base);
    libevent_global_shutdown();
    printf("%d messages sent over %d clients, %d ticks\n", sent, CLIENTS, ticks);
    return 0;
}
