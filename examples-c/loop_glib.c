/*
 * Ten clients on one thread, driven by GLib: each connects, sends ten messages and says
 * goodbye, all at the same time, while a timer of the program's own keeps ticking.
 *
 *     loop_glib HOST PORT
 */
#include <glib-unix.h>
#include <smtpclient.h>
#include <stdio.h>
#include <stdlib.h>

enum { CLIENTS = 10, MESSAGES = 10, TICK = 10 /* ms */ };
typedef struct { smtp_client *client; int calls; guint watch; } sender;
static const char *host;
static int port, sent, ticks, working = CLIENTS;

static int check(const sender *s, int result) {
    if (result >= 0)
        return result;
    fprintf(stderr, "loop_glib: %s\n", smtp_client_last_error(s->client));
    exit(1);
}

static void finish(sender *s) {
    g_source_remove(s->watch); /* first, as the descriptor goes with the client */
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

static gboolean on_ready(gint fd, GIOCondition condition, gpointer data) {
    sender *s = data;
    (void)fd, (void)condition;
    go_on(s, smtp_client_process(s->client));
    return G_SOURCE_CONTINUE; /* has no effect where finish() has removed it */
}

static gboolean on_tick(gpointer data) {
    (void)data;
    ticks++;
    return G_SOURCE_CONTINUE;
}

int main(int argc, char **argv) {
    static sender senders[CLIENTS];
    guint timer;
    if (argc != 3)
        return fputs("usage: loop_glib HOST PORT\n", stderr), 2;
    host = argv[1], port = atoi(argv[2]);
    timer = g_timeout_add(TICK, on_tick, NULL);
    for (int i = 0; i < CLIENTS; i++) {
        sender *s = &senders[i];
        s->client = smtp_client_new(SMTP_PROTOCOL_SMTP);
        check(s, smtp_client_set_nonblocking(s->client, 1));
        s->watch = g_unix_fd_add(check(s, smtp_client_poll_fd(s->client)), G_IO_IN, on_ready, s);
        go_on(s, SMTP_OK);
    }
    while (working > 0)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(timer);
    printf("%d messages sent over %d clients, %d ticks\n", sent, CLIENTS, ticks);
    return 0;
}
