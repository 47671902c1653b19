/*
 * Clients by the thousand in a process that may open 1024 descriptors: one without a connection has
 * none, whatever was set on it, and neither has one that is done; only whoever asks for the
 * descriptor of an event loop keeps it.
 */
/* SERVER smtp plain */
/* SERVER smtps tls */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "entries.h"

#include <poll.h>
#include <sys/resource.h>

enum { CLIENTS = 10000, LIMIT = 1024 };

static int files(void) {
    return entries("/proc/self/fd");
}

static void set_up(smtp_client *client, int nonblocking) {
    static const char *const addresses[] = {"127.0.0.1"};
    int port = atoi(strrchr(server("smtp"), ':') + 1);
    GIVES(SMTP_OK, smtp_client_set_host(client, "localhost", port));
    GIVES(SMTP_OK, smtp_client_set_addresses(client, addresses, 1));
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 60000));
    GIVES(SMTP_OK, smtp_client_set_nonblocking(client, nonblocking));
}

/* The connection is the one descriptor more, for as long as it lasts. */
static void use(smtp_client *client, int before) {
    int i;
    for (i = 0; i < 3; i++) {
        GIVES(SMTP_OK, smtp_client_open(client));
        GIVES(before + 1, files());
        GIVES(SMTP_OK, send_one(client));
        GIVES(before + 1, files());
        if (i % 2 == 0)
            GIVES(221, smtp_client_quit(client));
        else
            smtp_client_close(client);
        GIVES(before, files());
    }
}

static void await(smtp_client *client, int result) {
    while (result == SMTP_PENDING) {
        struct pollfd entry;
        entry.fd = smtp_client_poll_fd(client);
        entry.events = POLLIN;
        CHECK(poll(&entry, 1, 60000) == 1);
        result = smtp_client_process(client);
    }
    CHECK(result >= 0);
}

/* In an event loop: what it watches stays, and goes with the client. */
static void in_a_loop(int before) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    int watched, i;
    set_up(client, 1);
    GIVES(before, files());
    CHECK(smtp_client_poll_fd(client) >= 0);
    watched = files();
    CHECK(watched > before && watched <= before + 4);
    for (i = 0; i < 3; i++) {
        await(client, smtp_client_open(client));
        await(client, send_one(client));
        GIVES(watched + 1, files());
        await(client, smtp_client_quit(client));
        GIVES(watched, files());
    }
    smtp_client_free(client);
    GIVES(before, files());
}

int main(void) {
    static smtp_client *clients[CLIENTS];
    int count = slow() ? CLIENTS / 10 : CLIENTS, before, i;
    struct rlimit limit;
    /* What OpenSSL opens once, and what wakes a wait: the process's, while there is a client. */
    smtp_client *secure = connected(SMTP_PROTOCOL_SMTPS, "smtps");
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = LIMIT;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    GIVES(221, smtp_client_quit(secure));

    before = files();
    for (i = 0; i < count; i++) {
        clients[i] = smtp_client_new(i % 3 == 0 ? SMTP_PROTOCOL_LMTP : SMTP_PROTOCOL_SMTP);
        CHECK(clients[i] != NULL);
        set_up(clients[i], i % 2);
    }
    GIVES(before, files());
    GIVES(SMTP_OK, smtp_client_set_url(clients[count / 2], "smtp://localhost"));
    set_up(clients[count / 2], 0);
    use(clients[count / 2], before);
    in_a_loop(before);
    for (i = 0; i < count; i++)
        smtp_client_free(clients[i]);
    GIVES(before, files());
    smtp_client_free(secure);
    CHECK(files() < before);
    return 0;
}
