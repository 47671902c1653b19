/*
 * Sends the message on standard input.
 *
 *     send [options] SERVER FROM TO... < message
 *
 * SERVER is HOST, HOST:PORT, [IPV6]:PORT or the path of a Unix socket. Build it with
 *
 *     cc -o send send.c $(pkg-config --cflags --libs smtpclient)
 *
 * Exit status: 0 the server took the message for everybody, 1 for nobody, 2 wrong usage,
 * 3 for some: each refused recipient is named on standard error.
 */
#include <smtpclient.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENT = 0, FAILED = 1, USAGE = 2, SENT_TO_SOME = 3 };

typedef struct options {
    int protocol;
    int starttls;
    int debug;
    const char *ca_file;
} options;

static int usage(void) {
    fputs("usage: send [options] SERVER FROM TO... < message\n"
          "  SERVER      HOST, HOST:PORT, [IPV6]:PORT or /path/of/socket\n"
          "  --starttls  encrypt the connection before anything is sent\n"
          "  --tls       TLS from the first byte (port 465)\n"
          "  --lmtp      speak LMTP (port 2003): deliver to a mail store\n"
          "  --ca FILE   trust the certificates in FILE as well as the system's\n"
          "  --debug     show the conversation on standard error\n",
          stderr);
    return USAGE;
}

/* Prints what failed and whether it is worth trying again later, as the server's reply says: the one
 * about the first refused recipient if there is any, else the last. */
static int fail(const smtp_client *client) {
    int reply = smtp_client_refused_count(client) > 0 ? smtp_client_refused_code(client, 0)
                                                      : smtp_client_reply_code(client);
    int later = smtp_error_is_temporary(smtp_client_last_error_code(client), reply);
    fprintf(stderr, "send: %s%s\n", smtp_client_last_error(client),
            later ? " (try again later)" : "");
    return FAILED;
}

/* Reads all of standard input; NULL if that fails. The caller frees it. */
static char *read_message(size_t *length) {
    size_t room = 64 * 1024;
    size_t used = 0;
    char *message = (char *)malloc(room);
    while (message != NULL) {
        used += fread(message + used, 1, room - used, stdin);
        if (used < room)
            break;
        char *larger = room > (size_t)-1 / 2 ? NULL : (char *)realloc(message, room * 2);
        if (larger == NULL) {
            free(message);
            return NULL;
        }
        message = larger;
        room *= 2;
    }
    if (message != NULL && ferror(stdin)) {
        free(message);
        return NULL;
    }
    *length = used;
    return message;
}

/* Applies the options that the client must know before it connects. */
static int configure(smtp_client *client, const options *given) {
    if (given->debug && smtp_client_set_debug_level(client, 1) < 0)
        return fail(client);
    if (given->ca_file != NULL) {
        smtp_tls *tls = smtp_tls_new();
        if (tls == NULL || smtp_tls_set_ca_file(tls, given->ca_file) < 0 ||
            smtp_client_set_tls(client, tls) < 0) {
            fprintf(stderr, "send: %s\n", smtp_last_error());
            smtp_tls_free(tls);
            return FAILED;
        }
        smtp_tls_free(tls); /* the client keeps a reference of its own */
    }
    return SENT;
}

static int send_message(smtp_client *client, const options *given, int count, char **words) {
    const char *server = words[0];
    const char *from = words[1];
    const char *const *to = (const char *const *)(words + 2);
    size_t recipients = (size_t)(count - 2);
    size_t length = 0;
    size_t i;
    int status;

    char *message = read_message(&length);
    if (message == NULL) {
        fputs("send: the message on standard input cannot be read\n", stderr);
        return FAILED;
    }
    if (smtp_client_connect(client, server, 0) < 0 ||
        (given->starttls && smtp_client_starttls(client) < 0)) {
        free(message);
        return fail(client);
    }

    status = smtp_client_sendmail(client, from, to, recipients, message, length, NULL, 0, NULL, 0);
    free(message);
    for (i = 0; i < smtp_client_refused_count(client); i++)
        fprintf(stderr, "refused: %s: %d %s\n", smtp_client_refused_address(client, i),
                smtp_client_refused_code(client, i), smtp_client_refused_text(client, i));
    if (status < 0)
        return fail(client);

    recipients -= smtp_client_refused_count(client);
    printf("sent to %lu recipient%s\n", (unsigned long)recipients, recipients == 1 ? "" : "s");
    status = smtp_client_refused_count(client) == 0 ? SENT : SENT_TO_SOME;

    /* The mail is safe in the server's hands: a failed goodbye changes nothing. */
    if (smtp_client_quit(client) < 0)
        fprintf(stderr, "send: note: %s\n", smtp_client_last_error(client));
    return status;
}

int main(int argc, char **argv) {
    options given = {SMTP_PROTOCOL_SMTP, 0, 0, NULL};
    smtp_client *client;
    int status;
    int i;

    for (i = 1; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--starttls") == 0)
            given.starttls = 1;
        else if (strcmp(argv[i], "--tls") == 0)
            given.protocol = SMTP_PROTOCOL_SMTPS;
        else if (strcmp(argv[i], "--lmtp") == 0)
            given.protocol = SMTP_PROTOCOL_LMTP;
        else if (strcmp(argv[i], "--debug") == 0)
            given.debug = 1;
        else if (strcmp(argv[i], "--ca") == 0 && i + 1 < argc)
            given.ca_file = argv[++i];
        else
            return usage();
    }
    if (argc - i < 3)
        return usage();

    client = smtp_client_new(given.protocol);
    if (client == NULL) {
        fprintf(stderr, "send: %s\n", smtp_last_error());
        return FAILED;
    }
    status = configure(client, &given);
    if (status == SENT)
        status = send_message(client, &given, argc - i, argv + i);
    smtp_client_free(client);
    return status;
}
