/* Handles from their making to their end: orders of freeing, reconnecting, the three protocols. */
/* SERVER smtp plain --refuse bob@b.example */
/* SERVER smtps tls */
/* SERVER unix unix */
/* SERVER lmtp lmtp --refuse bob@b.example */
/* SERVER lmtp_unix lmtp-unix */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

/* Everything about a fresh handle that needs no connection. */
static void unconnected(void) {
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    CHECK(client != NULL);
    SAME("", smtp_client_last_error(client));
    GIVES(SMTP_OK, smtp_client_last_error_code(client));
    GIVES(0, smtp_client_reply_code(client));
    SAME("", smtp_client_reply_text(client));
    SAME("", smtp_client_reply_enhanced(client));
    GIVES(0, smtp_client_is_connected(client));
    GIVES(0, smtp_client_is_encrypted(client));
    GIVES(SMTP_E_DISCONNECTED, smtp_client_fd(client));
    GIVES(SMTP_OK, smtp_client_close(client));
    GIVES(SMTP_E_DISCONNECTED, smtp_client_noop(client));
    GIVES(SMTP_E_DISCONNECTED, smtp_client_last_error_code(client));
    GIVES(SMTP_E_DISCONNECTED, send_one(client));
    CHECK(smtp_client_last_error(client)[0] != '\0');
    CHECK(smtp_client_helo_response(client) == NULL);
    CHECK(smtp_client_ehlo_response(client) == NULL);
    smtp_client_free(client);

    CHECK(smtp_client_new(0) == NULL);
    HAS(smtp_last_error(), "protocol");
    CHECK(smtp_client_new(-1) == NULL);
    smtp_client_free(NULL);
    smtp_tls_free(NULL);
    smtp_transaction_free(NULL);
}

/* One handle, many connections; every one starts clean. */
static void again_and_again(int protocol, const char *name, int encrypt) {
    smtp_client *client = client_new(protocol);
    int round;
    for (round = 0; round < 6; round++) {
        GIVES(SMTP_OK, smtp_client_connect(client, server(name), 0));
        CHECK(smtp_client_ehlo_response(client) == NULL);
        GIVES(0, smtp_client_extension_count(client));
        GIVES(0, smtp_client_does_esmtp(client));
        CHECK(smtp_client_is_encrypted(client) == (protocol == SMTP_PROTOCOL_SMTPS));
        if (encrypt) {
            GIVES(SMTP_OK, smtp_client_starttls(client));
            GIVES(1, smtp_client_is_encrypted(client));
            CHECK(smtp_client_ehlo_response(client) == NULL);
        }
        GIVES(SMTP_OK, send_one(client));
        GIVES(1, smtp_client_does_esmtp(client));
        GIVES(1, smtp_client_has_extension(client, "pipelining"));
        if (round % 3 == 0)
            GIVES(221, smtp_client_quit(client));
        else if (round % 3 == 1)
            GIVES(SMTP_OK, smtp_client_close(client));
        /* else: connecting closes the old connection */
        if (round % 3 != 2) {
            GIVES(0, smtp_client_is_connected(client));
            GIVES(0, smtp_client_is_encrypted(client));
            GIVES(0, smtp_client_extension_count(client));
            CHECK(smtp_client_ehlo_response(client) == NULL);
            GIVES(SMTP_E_DISCONNECTED, smtp_client_noop(client));
        }
    }
    smtp_client_free(client); /* with an open connection */
}

/* A policy outlives nothing and serves many. */
static void policies(void) {
    smtp_tls *tls = smtp_tls_new();
    smtp_client *clients[4];
    int i;
    GIVES(SMTP_OK, smtp_tls_set_ca_file(tls, file("ca.pem")));
    for (i = 0; i < 4; i++) {
        clients[i] = smtp_client_new(SMTP_PROTOCOL_SMTPS);
        GIVES(SMTP_OK, smtp_client_set_tls(clients[i], tls));
    }
    smtp_tls_free(tls);
    for (i = 0; i < 4; i++)
        GIVES(SMTP_OK, smtp_client_connect(clients[i], server("smtps"), 0));
    for (i = 3; i >= 0; i--) {
        size_t length = 0;
        GIVES(250, smtp_client_noop(clients[i]));
        CHECK(smtp_client_peer_certificate(clients[i], &length) != NULL && length > 100);
        smtp_client_free(clients[i]);
    }
}

/* Transactions know nothing of the client that sent them. */
static void transactions(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    smtp_transaction *first = smtp_transaction_new();
    smtp_transaction *second = smtp_transaction_new();
    smtp_transaction *both[2];
    GIVES(SMTP_OK, smtp_transaction_set_sender(first, "from@a.example"));
    GIVES(SMTP_OK, smtp_transaction_add_recipient(first, "to@b.example", NULL, 0));
    GIVES(SMTP_OK, smtp_transaction_add_recipient(first, "bob@b.example", NULL, 0));
    GIVES(SMTP_OK, smtp_transaction_set_message(first, MESSAGE, sizeof MESSAGE - 1));
    GIVES(SMTP_OK, smtp_transaction_set_sender(second, "from@a.example"));
    GIVES(SMTP_OK, smtp_transaction_add_recipient(second, "bob@b.example", NULL, 0));
    GIVES(SMTP_OK, smtp_transaction_set_message_borrowed(second, MESSAGE, sizeof MESSAGE - 1));
    both[0] = first;
    both[1] = second;
    GIVES(SMTP_E_RECIPIENTS_REFUSED, smtp_client_send_batch(client, both, 2));
    smtp_client_free(client);
    GIVES(SMTP_OK, smtp_transaction_status(first));
    GIVES(SMTP_E_RECIPIENTS_REFUSED, smtp_transaction_status(second));
    GIVES(SMTP_RECIPIENT_ACCEPTED, smtp_transaction_recipient_status(first, 0));
    GIVES(SMTP_RECIPIENT_REFUSED, smtp_transaction_recipient_status(first, 1));
    GIVES(550, smtp_transaction_recipient_code(first, 1));
    SAME("5.1.1", smtp_transaction_recipient_enhanced(first, 1));

    client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    GIVES(SMTP_OK, smtp_client_send(client, first)); /* again, as it is */
    smtp_transaction_free(first);
    smtp_transaction_free(second);
    smtp_client_free(client);
}

int main(void) {
    unconnected();
    again_and_again(SMTP_PROTOCOL_SMTP, "smtp", 0);
    again_and_again(SMTP_PROTOCOL_SMTP, "smtp", 1);
    again_and_again(SMTP_PROTOCOL_SMTPS, "smtps", 0);
    again_and_again(SMTP_PROTOCOL_SMTP, "unix", 0);
    again_and_again(SMTP_PROTOCOL_LMTP, "lmtp", 0);
    again_and_again(SMTP_PROTOCOL_LMTP, "lmtp_unix", 0);
    policies();
    transactions();
    return 0;
}
