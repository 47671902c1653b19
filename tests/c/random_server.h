/*
 * A server on a thread of the program's own, for random_calls.c: over TCP, a Unix socket, and
 * sockets that it is given. Each connection draws how it behaves: it answers, sometimes wrongly,
 * falls silent, or hangs up after so many lines. Nothing waits for it longer than a second.
 */
#ifndef RANDOM_SERVER_H
#define RANDOM_SERVER_H

#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECTIONS = 192, LINE = 2048, IDLE_MS = 1000, HELD_MS = 200 };

struct connection {
    int fd;
    double until;   /* then it is closed */
    int odd;        /* of a hundred replies so many are none that belong here */
    int lines;      /* after so many it hangs up */
    int silent;     /* it reads and does not answer */
    int held;       /* no connection, but the other end of a pipe */
    int lmtp;
    int recipients; /* accepted ones, for LMTP's replies */
    int in_data;
    size_t chunk;   /* octets of BDAT that are still to come */
    size_t length;
    char line[LINE];
};

static struct {
    pthread_t thread;
    pthread_mutex_t lock; /* over `given` */
    struct { int fd, held; } given[CONNECTIONS];
    int given_count;
    int stop;
    int listeners[2];
    uint64_t random;
    char tcp[64], unix_path[108];
} server_ = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* xorshift64*: one state for each thread, so that a seed gives the same draws again. */
static uint64_t draw(uint64_t *state) {
    *state ^= *state >> 12, *state ^= *state << 25, *state ^= *state >> 27;
    return *state * UINT64_C(0x2545f4914f6cdd1d);
}

static int server_below(int bound) {
    return (int)(draw(&server_.random) >> 33) % bound;
}

static const char *const odd_replies[] = {
    "421 4.3.2 bye\r\n", "450 4.2.0 later\r\n", "550 5.1.1 no\r\n", "571 5.7.1 no\r\n", "250-a\r\n550 b\r\n",
    "this is no SMTP\r\n", "250 cut o", "250 one\r\n250 two\r\n", "354 go ahead\r\n", "334 Y2hhbGxlbmdl\r\n",
    "334 =no=base64=\r\n", "235 2.7.0 in\r\n", "220 go\r\n", "503 5.5.1 order\r\n", "999 what\r\n", "", "\r\n",
    "250-endless\r\n", "452 4.3.1 full\r\n250 surplus\r\n",
};

/* Sends a reply, or what is none; 0 if the client does not read. */
static int reply_with(struct connection *one, const char *reply, int times) {
    size_t length;
    if (server_below(100) < one->odd)
        reply = odd_replies[server_below((int)(sizeof odd_replies / sizeof *odd_replies))];
    length = strlen(reply);
    while (times-- > 0)
        if (send(one->fd, reply, length, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)length)
            return 0;
    return 1;
}

/* Answers one line; 0 if it hangs up. */
static int answer(struct connection *one, const char *line) {
    static const char hello[] = "250-random.example\r\n250-PIPELINING\r\n250-SIZE 100000\r\n250-8BITMIME\r\n"
                                "250-SMTPUTF8\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2\r\n250 CHUNKING\r\n";
    const char *reply = "250 2.0.0 fine\r\n";
    size_t chunk;
    int last, replies = 1;
    if (one->lines-- == 0)
        return 0;
    if (one->silent)
        return 1;
    if (one->in_data) {
        if (strcmp(line, ".") != 0)
            return 1;
        one->in_data = 0;
        replies = one->lmtp ? one->recipients : 1;
    } else if (strncmp(line, "EHLO", 4) == 0 || strncmp(line, "LHLO", 4) == 0) {
        one->lmtp = line[0] == 'L';
        reply = hello;
    } else if (strncmp(line, "MAIL", 4) == 0 || strncmp(line, "RSET", 4) == 0) {
        one->recipients = 0;
    } else if (strncmp(line, "RCPT", 4) == 0) {
        one->recipients++;
    } else if (strncmp(line, "DATA", 4) == 0) {
        one->in_data = 1;
        reply = "354 go ahead\r\n";
    } else if (sscanf(line, "BDAT %zu", &chunk) == 1) {
        last = strstr(line, "LAST") != NULL;
        one->chunk = chunk;
        replies = last && one->lmtp ? one->recipients : 1;
    } else if (strncmp(line, "AUTH", 4) == 0) {
        reply = "334 Y2hhbGxlbmdl\r\n";
    } else if (strncmp(line, "QUIT", 4) == 0) {
        reply = "221 2.0.0 bye\r\n";
        one->lines = 0;
    }
    return reply_with(one, reply, replies);
}

/* Reads what has come; 0 if the connection is over. */
static int serve(struct connection *one) {
    char bytes[4096];
    ssize_t got = recv(one->fd, bytes, sizeof bytes, MSG_DONTWAIT), i;
    if (got <= 0)
        return got < 0 && errno == EAGAIN;
    one->until = now() + IDLE_MS / 1000.0;
    for (i = 0; i < got; i++) {
        if (one->chunk > 0) {
            one->chunk--;
        } else if (bytes[i] == '\n') {
            one->line[one->length - (one->length > 0 && one->line[one->length - 1] == '\r')] = '\0';
            one->length = 0;
            if (!answer(one, one->line))
                return 0;
        } else if (one->length < LINE - 1) {
            one->line[one->length++] = bytes[i];
        }
    }
    return 1;
}

static void welcome(struct connection *one, int fd, int held) {
    static const int odds[] = {0, 0, 0, 3, 30};
    memset(one, 0, sizeof *one);
    one->fd = fd;
    one->until = now() + (held ? HELD_MS : IDLE_MS) / 1000.0;
    one->odd = odds[server_below(5)];
    one->lines = server_below(3) == 0 ? server_below(20) : -1;
    one->silent = server_below(20) == 0;
    one->held = held;
    if (!held && !one->silent)
        reply_with(one, "220 random.example\r\n", 1);
}

static void *serve_all(void *unused) {
    static struct connection all[CONNECTIONS];
    static struct pollfd polled[CONNECTIONS + 2];
    int count = 0, i, fd;
    (void)unused;
    while (!__atomic_load_n(&server_.stop, __ATOMIC_ACQUIRE)) {
        for (i = 0; i < 2; i++)
            polled[i].fd = server_.listeners[i], polled[i].events = POLLIN;
        for (i = 0; i < count; i++)
            polled[i + 2].fd = all[i].held ? -1 : all[i].fd, polled[i + 2].events = POLLIN;
        poll(polled, (nfds_t)count + 2, 10);
        for (i = count; i-- > 0;)
            if ((polled[i + 2].revents != 0 && !serve(&all[i])) || now() > all[i].until) {
                close(all[i].fd);
                all[i] = all[--count];
            }
        for (i = 0; i < 2; i++)
            if (polled[i].revents != 0 && count < CONNECTIONS && (fd = accept(polled[i].fd, NULL, NULL)) >= 0)
                welcome(&all[count++], fd, 0);
        pthread_mutex_lock(&server_.lock);
        while (server_.given_count > 0 && count < CONNECTIONS) {
            struct connection *one = &all[count++];
            server_.given_count--;
            welcome(one, server_.given[server_.given_count].fd, server_.given[server_.given_count].held);
        }
        pthread_mutex_unlock(&server_.lock);
    }
    while (count > 0)
        close(all[--count].fd);
    return NULL;
}

/* Gives the server a socket to speak on, or a descriptor to hold for a while. Closes it at once if
 * there are too many. */
static void give_server(int fd, int held) {
    pthread_mutex_lock(&server_.lock);
    if (server_.given_count < CONNECTIONS / 4) {
        server_.given[server_.given_count].held = held;
        server_.given[server_.given_count++].fd = fd;
    } else {
        close(fd);
    }
    pthread_mutex_unlock(&server_.lock);
}

static int listen_at(const struct sockaddr *address, socklen_t length) {
    int fd = socket(address->sa_family, SOCK_STREAM, 0);
    CHECK(fd >= 0 && bind(fd, address, length) == 0 && listen(fd, 64) == 0);
    return fd;
}

static void start_server(uint64_t seed) {
    struct sockaddr_in tcp;
    struct sockaddr_un path;
    socklen_t length = sizeof tcp;
    memset(&tcp, 0, sizeof tcp), memset(&path, 0, sizeof path);
    tcp.sin_family = AF_INET, tcp.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server_.listeners[0] = listen_at((struct sockaddr *)&tcp, sizeof tcp);
    CHECK(getsockname(server_.listeners[0], (struct sockaddr *)&tcp, &length) == 0);
    snprintf(server_.tcp, sizeof server_.tcp, "127.0.0.1:%d", ntohs(tcp.sin_port));
    snprintf(server_.unix_path, sizeof server_.unix_path, "/tmp/smtpclient-random-%ld", (long)getpid());
    path.sun_family = AF_UNIX;
    memcpy(path.sun_path, server_.unix_path, sizeof path.sun_path);
    unlink(server_.unix_path);
    server_.listeners[1] = listen_at((struct sockaddr *)&path, sizeof path);
    server_.random = seed | 1;
    server_.stop = 0;
    CHECK(pthread_create(&server_.thread, NULL, serve_all, NULL) == 0);
}

static void stop_server(void) {
    __atomic_store_n(&server_.stop, 1, __ATOMIC_RELEASE);
    pthread_join(server_.thread, NULL);
    while (server_.given_count > 0)
        close(server_.given[--server_.given_count].fd);
    close(server_.listeners[0]), close(server_.listeners[1]);
    unlink(server_.unix_path);
}

#endif
