/*
 * Asks a server whether it would take mail for an address, without sending any: VRFY, EXPN, and as
 * most servers answer those evasively, MAIL and RCPT, which are then taken back by RSET. It shows
 * how to run single commands and read their replies.
 *
 *     verify_address SERVER FROM ADDRESS
 *
 * Exit status: 0 the server would take it, 1 it would not, 2 wrong usage, 3 no answer.
 */
#include <smtpclient.h>

#include <stdio.h>

enum { TAKEN = 0, REFUSED = 1, USAGE = 2, NO_ANSWER = 3 };

/*
 * A function that runs one SMTP command returns the reply's code, whatever it is, and something
 * negative only if no reply came. Shows the reply and passes the code on.
 */
static int show(const smtp_client *client, const char *command, int code) {
    if (code < 0)
        fprintf(stderr, "verify_address: %s: %s\n", command, smtp_client_last_error(client));
    else
        printf("%-4s %d %s\n", command, code, smtp_client_reply_text(client));
    return code;
}

static int verify(smtp_client *client, const char *server, const char *from, const char *address) {
    int mail;
    int rcpt;

    if (smtp_client_connect(client, server, 0) < 0 ||
        smtp_client_ehlo_or_helo_if_needed(client) < 0) {
        fprintf(stderr, "verify_address: %s\n", smtp_client_last_error(client));
        return NO_ANSWER;
    }
    if (show(client, "VRFY", smtp_client_verify(client, address)) < 0 ||
        show(client, "EXPN", smtp_client_expn(client, address)) < 0)
        return NO_ANSWER;

    mail = show(client, "MAIL", smtp_client_mail(client, from, NULL, 0));
    if (mail < 0)
        return NO_ANSWER;
    if (mail / 100 != 2)
        return REFUSED;
    rcpt = show(client, "RCPT", smtp_client_rcpt(client, address, NULL, 0));
    if (rcpt < 0)
        return NO_ANSWER;

    /* What was begun is taken back: no message is sent. */
    if (show(client, "RSET", smtp_client_rset(client)) < 0 ||
        show(client, "QUIT", smtp_client_quit(client)) < 0)
        return NO_ANSWER;
    return rcpt / 100 == 2 ? TAKEN : REFUSED;
}

int main(int argc, char **argv) {
    smtp_client *client;
    int status;

    if (argc != 4) {
        fputs("usage: verify_address SERVER FROM ADDRESS\n", stderr);
        return USAGE;
    }
    client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    if (client == NULL) {
        fprintf(stderr, "verify_address: %s\n", smtp_last_error());
        return NO_ANSWER;
    }
    status = verify(client, argv[1], argv[2], argv[3]);
    smtp_client_free(client);
    return status;
}
