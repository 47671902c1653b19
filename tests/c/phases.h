/*
 * The phases in which a client can hang, each with the server that hangs there and the call that
 * is stuck. The SERVER comments stand in the tests that include this.
 */
#ifndef PHASES_H
#define PHASES_H

#include "check.h"

/* More than all socket buffers hold. */
enum { LARGE = 32 * 1024 * 1024 };

static int do_connect(smtp_client *client, const char *name) {
    return smtp_client_connect(client, server(name), 0);
}

static int do_ehlo(smtp_client *client, const char *name) {
    (void)name;
    return smtp_client_ehlo(client, NULL);
}

static int do_starttls(smtp_client *client, const char *name) {
    (void)name;
    return smtp_client_starttls(client);
}

static int do_login(smtp_client *client, const char *name) {
    (void)name;
    return smtp_client_login(client, "user", "password");
}

static int do_send(smtp_client *client, const char *name) {
    (void)name;
    return send_one(client);
}

/* Made once and beforehand: whoever cancels or times the call must not catch its preparation. */
static const char *large_message(void) {
    static char message[LARGE];
    size_t i;
    if (message[0] == '\0') {
        memset(message, 'x', LARGE);
        for (i = 78; i + 1 < LARGE; i += 80)
            memcpy(message + i, "\r\n", 2);
    }
    return message;
}

static int do_send_large(smtp_client *client, const char *name) {
    const char *to = "to@b.example";
    (void)name;
    return smtp_client_sendmail(client, "a@a.example", &to, 1, large_message(), LARGE, NULL, 0,
                                NULL, 0);
}

static int do_batch(smtp_client *client, const char *name) {
    smtp_transaction *batch[20];
    size_t i;
    int code;
    (void)name;
    for (i = 0; i < 20; i++) {
        batch[i] = smtp_transaction_new();
        GIVES(SMTP_OK, smtp_transaction_set_sender(batch[i], "a@a.example"));
        GIVES(SMTP_OK, smtp_transaction_add_recipient(batch[i], "b@b.example", NULL, 0));
        GIVES(SMTP_OK, smtp_transaction_set_message_borrowed(batch[i], MESSAGE, sizeof MESSAGE - 1));
    }
    code = smtp_client_send_batch(client, batch, 20);
    for (i = 0; i < 20; i++)
        smtp_transaction_free(batch[i]);
    return code;
}

static int do_quit(smtp_client *client, const char *name) {
    (void)name;
    return smtp_client_quit(client);
}

struct phase {
    const char *server;
    int protocol;
    int (*stuck)(smtp_client *client, const char *name);
    int chunking;
    int timed_out; /* what a time-out there is called */
};

static const struct phase PHASES[] = {
    {"mute", SMTP_PROTOCOL_SMTP, do_connect, 1, SMTP_E_TIMEOUT},
    {"mute", SMTP_PROTOCOL_SMTPS, do_connect, 1, SMTP_E_TIMEOUT},
    {"mute_unix", SMTP_PROTOCOL_SMTP, do_connect, 1, SMTP_E_TIMEOUT},
    {"mute_lmtp", SMTP_PROTOCOL_LMTP, do_connect, 1, SMTP_E_TIMEOUT},
    {"drip", SMTP_PROTOCOL_SMTP, do_connect, 1, SMTP_E_TIMEOUT},
    {"mute_ehlo", SMTP_PROTOCOL_SMTP, do_ehlo, 1, SMTP_E_TIMEOUT},
    {"drip_ehlo", SMTP_PROTOCOL_SMTP, do_ehlo, 1, SMTP_E_TIMEOUT},
    {"mute_starttls", SMTP_PROTOCOL_SMTP, do_starttls, 1, SMTP_E_TIMEOUT},
    {"stall_starttls", SMTP_PROTOCOL_SMTP, do_starttls, 1, SMTP_E_TIMEOUT},
    {"mute_auth", SMTP_PROTOCOL_SMTP, do_login, 1, SMTP_E_TIMEOUT},
    {"mute_mail", SMTP_PROTOCOL_SMTP, do_send, 0, SMTP_E_TIMEOUT},
    {"mute_rcpt", SMTP_PROTOCOL_SMTP, do_send, 0, SMTP_E_TIMEOUT},
    {"mute_data", SMTP_PROTOCOL_SMTP, do_send, 0, SMTP_E_TIMEOUT},
    {"freeze_data", SMTP_PROTOCOL_SMTP, do_send_large, 0, SMTP_E_TIMEOUT},
    {"freeze_bdat", SMTP_PROTOCOL_SMTP, do_send_large, 1, SMTP_E_TIMEOUT},
    {"mute_end", SMTP_PROTOCOL_SMTP, do_send, 0, SMTP_E_OUTCOME_UNKNOWN},
    {"mute_end", SMTP_PROTOCOL_SMTP, do_send, 1, SMTP_E_OUTCOME_UNKNOWN},
    {"mute_end", SMTP_PROTOCOL_SMTP, do_batch, 1, SMTP_E_OUTCOME_UNKNOWN},
    {"mute_tls_end", SMTP_PROTOCOL_SMTPS, do_send, 0, SMTP_E_OUTCOME_UNKNOWN},
    {"mute_quit", SMTP_PROTOCOL_SMTP, do_quit, 1, SMTP_E_TIMEOUT},
};

/* A client that stands before the phase. */
static inline smtp_client *before(const struct phase *phase) {
    smtp_client *client = client_new(phase->protocol);
    large_message();
    GIVES(SMTP_OK, smtp_client_set_chunking(client, phase->chunking));
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 60000));
    if (phase->stuck != do_connect)
        GIVES(SMTP_OK, smtp_client_connect(client, server(phase->server), 0));
    return client;
}

enum { PHASE_COUNT = sizeof PHASES / sizeof *PHASES };

#endif
