/* A client in an event loop, which is poll(2) on its descriptor and nothing else. */
#ifndef LOOP_H
#define LOOP_H

#include "check.h"

#include <poll.h>

/* Whether there is something to do, or comes to be within the time. */
static inline int readable(smtp_client *client, int milliseconds) {
    struct pollfd watched;
    watched.fd = smtp_client_poll_fd(client);
    watched.events = POLLIN;
    watched.revents = 0;
    CHECK(watched.fd >= 0);
    return poll(&watched, 1, milliseconds) == 1 && watched.revents == POLLIN;
}

/* The result of a call, be it pending. */
static inline int finish(smtp_client *client, int code) {
    while (code == SMTP_PENDING) {
        CHECK(readable(client, slow() ? 300000 : 60000));
        code = smtp_client_process(client);
    }
    return code;
}

/* The result of a call that must be pending. */
#define FINISH(client, call) (SMTP_PENDING == (call) ? finish((client), SMTP_PENDING) : -1000)

static inline smtp_client *loop_client(int protocol) {
    smtp_client *client = client_new(protocol);
    GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 1));
    return client;
}

static inline smtp_client *loop_connected(int protocol, const char *name) {
    smtp_client *client = loop_client(protocol);
    GIVES(SMTP_OK, finish(client, smtp_client_connect(client, server(name), 0)));
    return client;
}

static inline smtp_transaction *mail_new(void) {
    smtp_transaction *mail = smtp_transaction_new();
    CHECK(mail != NULL);
    GIVES(SMTP_OK, smtp_transaction_set_sender(mail, "a@a.example"));
    GIVES(SMTP_OK, smtp_transaction_add_recipient(mail, "b@b.example", NULL, 0));
    GIVES(SMTP_OK, smtp_transaction_set_message(mail, MESSAGE, sizeof MESSAGE - 1));
    return mail;
}

#endif
