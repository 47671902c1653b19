/*
 * Ten clients on one thread, driven by poll alone: each connects, sends ten messages and says
 * goodbye, all at the same time, while a timer of the program's own keeps ticking.
 *
 *     loop_poll HOST PORT
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <poll.h>
#include <smtpclient.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { CLIENTS = 10, MESSAGES = 10, TICK = 10 /* ms */ };
typedef struct { smtp_client *client; int calls; } sender;
static const char *host;
static int port, sent, ticks, working = CLIENTS;
static sender senders[CLIENTS];
static struct pollfd watches[CLIENTS];

static int check(const sender *s, int result) {
    if (result >= 0)
        return result;
    fprintf(stderr, "loop_poll: %s\n", smtp_client_last_error(s->client));
    exit(1);
}

static void finish(sender *s) {
    watches[s - senders].fd = -1;
    smtp_client_free(s->client);
    sent += MESSAGES;
    working--;
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

static long long now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000LL + time.tv_nsec / 1000000;
}

int main(int argc, char **argv) {
    if (argc != 3)
        return fputs("usage: loop_poll HOST PORT\n", stderr), 2;
    host = argv[1], port = atoi(argv[2]);
    for (int i = 0; i < CLIENTS; i++) {
        sender *s = &senders[i];
        s->client = smtp_client_new(SMTP_PROTOCOL_SMTP);
        check(s, smtp_client_set_nonblocking(s->client, 1));
        watches[i] = (struct pollfd){check(s, smtp_client_poll_fd(s->client)), POLLIN, 0};
        go_on(s, SMTP_OK);
    }
    for (long long due = now() + TICK, left; working > 0;) {
        if ((left = due - now()) <= 0)
            ticks++, left = TICK, due = now() + TICK;
        if (poll(watches, CLIENTS, (int)left) < 0 && errno != EINTR)
            return perror("loop_poll"), 1;
        for (int i = 0; i < CLIENTS; i++)
            if (watches[i].fd >= 0 && watches[i].revents != 0)
                go_on(&senders[i], smtp_client_process(senders[i].client));
    }
    printf("%d messages sent over %d clients, %d ticks\n", sent, CLIENTS, ticks);
    return 0;
}
