/*
 * Sends a file that holds a whole message, header and all: the sender and the recipients are taken
 * from its From, To, Cc and Bcc fields, and Bcc is left out of what is sent.
 *
 *     send_message SERVER FILE
 *
 * Exit status: 0 the server took the message for everybody, 1 for nobody, 2 wrong usage,
 * 3 for some: each refused recipient is named on standard error.
 */
#include <smtpclient.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>

enum { SENT = 0, FAILED = 1, USAGE = 2, SENT_TO_SOME = 3 };

/* Reads a file as a whole; NULL, and why on standard error, if that fails. The caller frees it. */
static char *read_file(const char *path, size_t *length) {
    FILE *file = fopen(path, "rb");
    char *text = NULL;
    long size;

    *length = 0;
    if (file != NULL && fseek(file, 0, SEEK_END) == 0 && (size = ftell(file)) >= 0 &&
        fseek(file, 0, SEEK_SET) == 0 && (text = (char *)malloc((size_t)size + 1)) != NULL) {
        *length = fread(text, 1, (size_t)size, file);
        if (ferror(file)) {
            free(text);
            text = NULL;
        }
    }
    if (text == NULL)
        fprintf(stderr, "send_message: %s: %s\n", path, strerror(errno));
    if (file != NULL)
        fclose(file);
    return text;
}

static int deliver(smtp_client *client, const char *server, const char *message, size_t length) {
    int status;
    size_t refused;
    size_t i;

    if (smtp_client_connect(client, server, 0) < 0) {
        fprintf(stderr, "send_message: %s\n", smtp_client_last_error(client));
        return FAILED;
    }
    /* NULL for the sender and for the recipients: the header has them. */
    status = smtp_client_send_message(client, NULL, NULL, 0, message, length, NULL, 0, NULL, 0);
    refused = smtp_client_refused_count(client);
    for (i = 0; i < refused; i++)
        fprintf(stderr, "refused: %s: %d %s\n", smtp_client_refused_address(client, i),
                smtp_client_refused_code(client, i), smtp_client_refused_text(client, i));
    if (status < 0) {
        fprintf(stderr, "send_message: %s\n", smtp_client_last_error(client));
        return FAILED;
    }
    printf("sent: %s\n", smtp_client_reply_text(client));

    /* The mail is safe in the server's hands: a failed goodbye changes nothing. */
    if (smtp_client_quit(client) < 0)
        fprintf(stderr, "send_message: note: %s\n", smtp_client_last_error(client));
    return refused == 0 ? SENT : SENT_TO_SOME;
}

int main(int argc, char **argv) {
    smtp_client *client;
    char *message;
    size_t length;
    int status = FAILED;

    if (argc != 3) {
        fputs("usage: send_message SERVER FILE\n", stderr);
        return USAGE;
    }
    message = read_file(argv[2], &length);
    if (message == NULL)
        return FAILED;
    client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    if (client == NULL)
        fprintf(stderr, "send_message: %s\n", smtp_last_error());
    else
        status = deliver(client, argv[1], message, length);
    smtp_client_free(client);
    free(message);
    return status;
}
