/*
 * Sends a message from standard input through a provider that wants OAuth 2.0, such as Gmail or
 * Microsoft 365. The access token comes from a command, which prints it.
 *
 *     send_oauth2 [--ca FILE] -c COMMAND URL FROM TO... < message
 *     send_oauth2 -c "oauth2-helper me@gmail.com" smtp+starttls://me%40gmail.com@smtp.gmail.com \
 *                 me@gmail.com alice@example.org < message
 *
 * The command is run when a token is needed, and once more if the server refuses that one, then with
 * OAUTH2_REASON=refused in its environment. Exit status: 0 sent, 1 not, 2 wrong usage.
 */
#define _POSIX_C_SOURCE 200809L
#include <smtpclient.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SENT = 0, FAILED = 1, USAGE = 2 };

/* The first line that the command prints, without its end; 0 if it prints none, or fails. */
static int run(const char *command, char *line, int room) {
    FILE *output = popen(command, "r");
    int found;

    if (output == NULL)
        return 0;
    found = fgets(line, room, output) != NULL;
    while (getc(output) != EOF) {
    }
    if (pclose(output) != 0 || !found)
        return 0;
    line[strcspn(line, "\r\n")] = '\0';
    return 1;
}

/*
 * Asked by the library when a login needs a token. The user is smtp_token_request_user(request), should
 * the command serve several. A lifetime of 0 says that it is not known: the token is kept, in this
 * process, until the server refuses it.
 */
static int ask(smtp_token_request *request, void *user_data) {
    int refused = smtp_token_request_reason(request) == SMTP_TOKEN_REFUSED;
    char token[16 * 1024];
    volatile char *at = token;
    int status;

    if (refused)
        fprintf(stderr, "send_oauth2: %s\n", smtp_token_request_detail(request));
    setenv("OAUTH2_REASON", refused ? "refused" : "needed", 1);
    if (run((const char *)user_data, token, (int)sizeof token))
        status = smtp_token_give(request, token, 0); /* copies */
    else
        status = smtp_token_fail(request, "the command printed none");
    while (at < token + sizeof token)
        *at++ = 0;
    return status;
}

/* All of standard input, in memory that the caller frees; NULL if there is none for it. */
static char *read_all(size_t *length) {
    size_t room = 0;
    char *text = NULL;

    *length = 0;
    do {
        char *larger = (char *)realloc(text, room = room * 2 + 65536);
        if (larger == NULL) {
            free(text);
            return NULL;
        }
        text = larger;
        *length += fread(text + *length, 1, room - *length, stdin);
    } while (*length == room);
    return text;
}

/* Trusts the certificates in a file as well as the system's. */
static int trust(smtp_client *client, const char *ca_file) {
    smtp_tls *tls = smtp_tls_new();
    int status = -1;
    if (tls != NULL && (status = smtp_tls_set_ca_file(tls, ca_file)) == SMTP_OK)
        status = smtp_client_set_tls(client, tls);
    smtp_tls_free(tls); /* the client keeps a reference of its own */
    return status;
}

int main(int argc, char **argv) {
    const char *ca_file = NULL;
    char *command = NULL, *message;
    smtp_client *client;
    smtp_token_source *source;
    size_t length;
    size_t i;
    int status = FAILED;

    for (; argc > 2 && argv[1][0] == '-'; argc -= 2, argv += 2) {
        if (strcmp(argv[1], "--ca") == 0)
            ca_file = argv[2];
        else if (strcmp(argv[1], "-c") == 0)
            command = argv[2];
        else
            break;
    }
    if (argc < 4 || argv[1][0] == '-' || command == NULL) {
        fputs("usage: send_oauth2 [--ca FILE] -c COMMAND URL FROM TO... < message\n"
              "  URL  with the user in it: smtp+starttls://me%40gmail.com@smtp.gmail.com\n",
              stderr);
        return USAGE;
    }
    client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    source = smtp_token_source_new(ask, command, NULL);
    message = read_all(&length);
    if (client == NULL || source == NULL || message == NULL)
        fputs("send_oauth2: out of memory\n", stderr);
    else if (smtp_client_set_url(client, argv[1]) < 0 ||
             smtp_client_set_token_source(client, NULL, source) < 0 || /* for the URL's user */
             (ca_file != NULL && trust(client, ca_file) < 0) ||
             smtp_client_open(client) < 0 ||
             smtp_client_sendmail(client, argv[2], (const char *const *)(argv + 3),
                                  (size_t)(argc - 3), message, length, NULL, 0, NULL, 0) < 0)
        fprintf(stderr, "send_oauth2: %s\n", smtp_last_error());
    else {
        printf("sent: %s\n", smtp_client_reply_text(client));
        status = smtp_client_refused_count(client) == 0 ? SENT : FAILED;
        for (i = 0; i < smtp_client_refused_count(client); i++)
            fprintf(stderr, "refused: %s: %s\n", smtp_client_refused_address(client, i),
                    smtp_client_refused_text(client, i));
        smtp_client_quit(client); /* the mail is safe in the server's hands */
    }
    free(message);
    smtp_client_free(client);
    smtp_token_source_free(source);
    return status;
}
