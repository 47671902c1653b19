/*
 * Shows the conversation with a server as it happens, by a debug callback: one line per protocol
 * line, with the milliseconds since the start. Credentials appear as ***.
 *
 *     debug_trace SERVER
 *
 * Exit status: 0 the server answered, 1 it did not, 2 wrong usage.
 */
#define _POSIX_C_SOURCE 200809L
#include <smtpclient.h>

#include <stdio.h>
#include <time.h>

/* What the callback is given back as user_data. */
typedef struct trace {
    FILE *out;
    struct timespec start;
} trace;

static double milliseconds_since(const struct timespec *start) {
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0)
        return 0;
    return (double)(now.tv_sec - start->tv_sec) * 1e3 +
           (double)(now.tv_nsec - start->tv_nsec) / 1e6;
}

/* Called with each piece of the conversation. The bytes are the server's or ours, not a string: what
 * a terminal might obey is shown as a dot. */
static void show(int direction, const char *bytes, size_t length, void *user_data) {
    trace *t = (trace *)user_data;
    const char *arrow = direction == SMTP_DEBUG_SENT       ? "->"
                        : direction == SMTP_DEBUG_RECEIVED ? "<-"
                                                           : "--";
    size_t i;
    int fresh = 1;
    for (i = 0; i < length; i++) {
        unsigned char c = (unsigned char)bytes[i];
        if (fresh)
            fprintf(t->out, "%9.2f ms %s ", milliseconds_since(&t->start), arrow);
        fresh = c == '\n';
        if (c != '\r')
            fputc(c == '\n' || (c >= ' ' && c < 127) ? c : '.', t->out);
    }
    if (!fresh)
        fputc('\n', t->out);
}

int main(int argc, char **argv) {
    trace t = {stdout, {0, 0}};
    smtp_client *client;
    int failed;

    if (argc != 2) {
        fputs("usage: debug_trace SERVER\n", stderr);
        return 2;
    }
    if (clock_gettime(CLOCK_MONOTONIC, &t.start) != 0) {
        perror("debug_trace: clock");
        return 1;
    }
    client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    if (client == NULL) {
        fprintf(stderr, "debug_trace: %s\n", smtp_last_error());
        return 1;
    }

    /* `t` outlives the client, so there is nothing to destroy: the last argument is NULL. */
    failed = smtp_client_set_debug_callback(client, show, &t, NULL) < 0 ||
             smtp_client_set_debug_level(client, 1) < 0 ||
             smtp_client_connect(client, argv[1], 0) < 0 ||
             smtp_client_ehlo(client, NULL) < 0 ||
             smtp_client_noop(client) < 0 ||
             smtp_client_quit(client) < 0;
    if (failed)
        fprintf(stderr, "debug_trace: %s\n", smtp_client_last_error(client));
    smtp_client_free(client);
    return failed ? 1 : 0;
}
