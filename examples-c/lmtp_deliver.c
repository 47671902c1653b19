/*
 * Delivers the message on standard input to a mail store by LMTP, which answers for every recipient
 * by itself: one mailbox may be full while the others take the message.
 *
 *     lmtp_deliver SOCKET FROM TO... < message
 *
 * SOCKET is the path of a Unix socket (/run/dovecot/lmtp) or HOST:PORT. The message goes straight
 * from the descriptor to the server, so that a large one costs no memory.
 *
 * Exit status, as a mail server wants it (sysexits.h): 0 delivered to all, 75 try the failed ones
 * again later, 69 at least one refused for good, 64 wrong usage.
 */
#include <smtpclient.h>

#include <stdio.h>

enum { DELIVERED = 0, USAGE = 64, UNAVAILABLE = 69, TRY_LATER = 75 };

/* One line per recipient; returns the worst that happened. */
static int report(const smtp_transaction *mail) {
    size_t count = smtp_transaction_recipient_count(mail);
    int worst = DELIVERED;
    size_t i;

    for (i = 0; i < count; i++) {
        const char *address = smtp_transaction_recipient_address(mail, i);
        int code = smtp_transaction_recipient_code(mail, i);

        switch (smtp_transaction_recipient_status(mail, i)) {
        case SMTP_RECIPIENT_ACCEPTED:
            printf("%s: delivered\n", address);
            break;
        case SMTP_RECIPIENT_REFUSED:
            printf("%s: refused: %d %s\n", address, code, smtp_transaction_recipient_text(mail, i));
            if (code / 100 == 5)
                worst = UNAVAILABLE;
            else if (worst == DELIVERED)
                worst = TRY_LATER;
            break;
        case SMTP_RECIPIENT_UNKNOWN: /* the reply was lost: to try again may deliver twice */
            printf("%s: may have been delivered\n", address);
            if (worst == DELIVERED)
                worst = TRY_LATER;
            break;
        default:
            printf("%s: not tried\n", address);
            if (worst == DELIVERED)
                worst = TRY_LATER;
        }
    }
    return worst;
}

/* The envelope and where the message comes from; negative if an argument is unusable. */
static int fill(smtp_transaction *mail, int count, char **words) {
    int i;
    if (smtp_transaction_set_sender(mail, words[0]) < 0)
        return -1;
    for (i = 1; i < count; i++)
        if (smtp_transaction_add_recipient(mail, words[i], NULL, 0) < 0)
            return -1;
    return smtp_transaction_set_message_fd(mail, 0);
}

static int deliver(smtp_client *client, smtp_transaction *mail, const char *server) {
    int status;
    if (smtp_client_connect(client, server, 0) < 0) {
        fprintf(stderr, "lmtp_deliver: %s\n", smtp_client_last_error(client));
        return TRY_LATER;
    }
    if (smtp_client_send(client, mail) < 0)
        fprintf(stderr, "lmtp_deliver: %s\n", smtp_client_last_error(client));
    status = report(mail);

    /* The verdicts are in: a failed goodbye changes none of them. */
    if (smtp_client_quit(client) < 0)
        fprintf(stderr, "lmtp_deliver: note: %s\n", smtp_client_last_error(client));
    return status;
}

int main(int argc, char **argv) {
    smtp_client *client;
    smtp_transaction *mail;
    int status = TRY_LATER;

    if (argc < 4) {
        fputs("usage: lmtp_deliver SOCKET FROM TO... < message\n", stderr);
        return USAGE;
    }
    client = smtp_client_new(SMTP_PROTOCOL_LMTP);
    mail = smtp_transaction_new();
    if (client == NULL || mail == NULL) {
        fprintf(stderr, "lmtp_deliver: %s\n", smtp_last_error());
    } else if (fill(mail, argc - 2, argv + 2) < 0) {
        fprintf(stderr, "lmtp_deliver: %s\n", smtp_last_error());
        status = USAGE;
    } else {
        status = deliver(client, mail, argv[1]);
    }
    smtp_transaction_free(mail);
    smtp_client_free(client);
    return status;
}
