/*
 * A name with two addresses of which one leads nowhere: the other is reached a moment later, and the
 * attempts leave nothing behind. What swallows packets is a port of ::1 whose listener is full.
 */
/* SERVER smtp plain */
/* SERVER mute plain --mode mute-at-greeting */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "entries.h"
#include "resolver.h"

#include <poll.h>
#include <unistd.h>

enum { FILLING = 4, HEAD_START = 250 };

static const char *const both[] = {"::1", "127.0.0.1"};

/* A name of one's own that needs no look-up. */
int gethostname(char *name, size_t size) {
    snprintf(name, size, "own.example.org");
    return 0;
}

static int port_of(const char *name) {
    return atoi(strrchr(server(name), ':') + 1);
}

static struct sockaddr_in6 at(int port) {
    struct sockaddr_in6 place;
    memset(&place, 0, sizeof place);
    place.sin6_family = AF_INET6;
    place.sin6_addr = in6addr_loopback;
    place.sin6_port = htons((unsigned short)port);
    return place;
}

/* Makes that port of ::1 swallow whatever comes, 0 for any; gives the port. */
static int swallow(int port) {
    struct sockaddr_in6 place = at(port);
    socklen_t length = sizeof place;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0), i;
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&place, sizeof place) == 0);
    CHECK(listen(fd, 0) == 0);
    CHECK(getsockname(fd, (struct sockaddr *)&place, &length) == 0);
    for (i = 0; i < FILLING; i++) {
        int filling = socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        CHECK(filling >= 0);
        CHECK(connect(filling, (struct sockaddr *)&place, sizeof place) == 0 || errno == EINPROGRESS);
    }
    return ntohs(place.sin6_port);
}

static int files(void) {
    return entries("/proc/self/fd");
}

/* Opens to the end, however the client is driven; how long that took in milliseconds. */
static double open_timed(smtp_client *client, int expected) {
    double start = now();
    int result = smtp_client_open(client);
    while (result == SMTP_PENDING) {
        struct pollfd entry;
        entry.fd = smtp_client_poll_fd(client);
        entry.events = POLLIN;
        CHECK(poll(&entry, 1, 60000) == 1);
        result = smtp_client_process(client);
    }
    GIVES(expected, result);
    return (now() - start) * 1000;
}

/* The connection stands behind the head start, and not at the system's or the caller's limit. */
static void one_leads_nowhere(int nonblocking, int by_name) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    int before;
    double took;
    GIVES(SMTP_OK, smtp_client_set_host(client, by_name ? "both" : "unknown.example", port_of("smtp")));
    if (!by_name)
        GIVES(SMTP_OK, smtp_client_set_addresses(client, both, 2));
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 60000));
    GIVES(SMTP_OK, smtp_client_set_nonblocking(client, nonblocking));
    if (nonblocking)
        CHECK(smtp_client_poll_fd(client) >= 0);
    before = files();
    took = open_timed(client, SMTP_OK);
    /* The first attempt had its head start; the socket of it is closed. */
    CHECK(took >= HEAD_START - 10);
    CHECK(took < (slow() ? 20000 : 5000));
    GIVES(before + 1, files());
    GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 0));
    GIVES(SMTP_OK, send_one(client));
    GIVES(221, smtp_client_quit(client));
    GIVES(before, files());
    smtp_client_free(client);
}

/* Each address with its own reason; `port` of 127.0.0.1 is closed. */
static void all_fail(int port) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    int before = files();
    char reason[64];
    double took;
    GIVES(SMTP_OK, smtp_client_set_host(client, "both", port));
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 700));
    took = open_timed(client, SMTP_E_TIMEOUT);
    CHECK(took >= 690 && took < (slow() ? 20000 : 5000));
    HAS(smtp_client_last_error(client), "cannot connect to both");
    snprintf(reason, sizeof reason, "[::1]:%d: the time limit", port);
    HAS(smtp_client_last_error(client), reason);
    snprintf(reason, sizeof reason, "127.0.0.1:%d: connect: Connection refused", port);
    HAS(smtp_client_last_error(client), reason);
    GIVES(before, files());
    smtp_client_free(client);
}

/* What connecting takes is not there for the greeting any more. */
static void one_limit_for_all(void) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    int before = files();
    double took;
    GIVES(SMTP_OK, smtp_client_set_host(client, "both", port_of("mute")));
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 900));
    took = open_timed(client, SMTP_E_TIMEOUT);
    CHECK(took >= 890 && took < (slow() ? 20000 : 5000));
    HAS(smtp_client_last_error(client), "greeting");
    GIVES(before, files());
    smtp_client_free(client);
}

/* A family that refuses costs nothing; an address that is given first comes first. */
static void the_first_that_answers(int port) {
    static const char *const other_order[] = {"127.0.0.1", "::1"};
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    double took;
    int before;
    GIVES(SMTP_OK, smtp_client_set_host(client, "unknown.example", port_of("smtp")));
    GIVES(SMTP_OK, smtp_client_set_addresses(client, other_order, 2));
    before = files();
    took = open_timed(client, SMTP_OK);
    printf("the first address answers: %.0f ms\n", took);
    GIVES(before + 1, files());
    smtp_client_close(client);
    GIVES(before, files());
    /* Two that refuse are told both, without waiting for any limit. */
    GIVES(SMTP_OK, smtp_client_set_host(client, "both", port));
    open_timed(client, SMTP_E_IO);
    HAS(smtp_client_last_error(client), "[::1]");
    HAS(smtp_client_last_error(client), "127.0.0.1");
    smtp_client_free(client);
}

int main(void) {
    int nonblocking, dead;
    smtp_client *first = client_new(SMTP_PROTOCOL_SMTP);
    /* What wakes a wait is the process's own, as long as there is a client. */
    GIVES(SMTP_OK, smtp_client_connect(first, server("smtp"), 0));
    GIVES(221, smtp_client_quit(first));
    the_first_that_answers(1);
    swallow(port_of("smtp"));
    swallow(port_of("mute"));
    for (nonblocking = 0; nonblocking < 2; nonblocking++) {
        one_leads_nowhere(nonblocking, 0);
        one_leads_nowhere(nonblocking, 1);
    }
    the_first_that_answers(1);
    dead = swallow(0);
    all_fail(dead);
    one_limit_for_all();
    smtp_client_free(first);
    return 0;
}
