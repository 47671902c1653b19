/* Listeners that take nobody more: connecting to them goes on for as long as it may. */
#ifndef HOLE_H
#define HOLE_H

#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A TCP port whose backlog is full; gives its address. */
static inline void fill_a_listener(char *address, size_t size) {
    struct sockaddr_in to;
    socklen_t length = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM, 0), i;
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&to, sizeof to) == 0 && listen(listener, 0) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&to, &length) == 0);
    for (i = 0; i < 4; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK(fd >= 0);
        (void)!connect(fd, (struct sockaddr *)&to, sizeof to);
    }
    snprintf(address, size, "127.0.0.1:%d", ntohs(to.sin_port));
}

/* The same with a Unix socket; gives its path, to be unlinked. */
static inline void fill_a_queue(char *path, size_t size) {
    struct sockaddr_un to;
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), i;
    memset(&to, 0, sizeof to);
    to.sun_family = AF_UNIX;
    snprintf(to.sun_path, sizeof to.sun_path, "/tmp/smtpclient-test-%ld", (long)getpid());
    snprintf(path, size, "%s", to.sun_path);
    unlink(path);
    CHECK(bind(listener, (struct sockaddr *)&to, sizeof to) == 0 && listen(listener, 0) == 0);
    for (i = 0; i < 4; i++) {
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK(fd >= 0);
        (void)!connect(fd, (struct sockaddr *)&to, sizeof to);
    }
}

#endif
