/* No write raises SIGPIPE in a host with the default handler, whose action would be its death:
 * plain, Unix socket and TLS, in a flight of commands and in a large body. */
/* SERVER plain plain --mode close-at-noop */
/* SERVER unix unix --mode close-at-noop */
/* SERVER tls tls --mode close-at-noop */
/* SERVER close_mail plain --mode close-at-mail */
/* SERVER close_mail_tls tls --mode close-at-mail */
/* SERVER reset_mail plain --mode reset-at-mail */
/* SERVER abandon plain --mode abandon-at-data */
/* SERVER abandon_unix unix --mode abandon-at-data */
/* SERVER abandon_tls tls --mode abandon-at-data */
/* SERVER close_bdat plain --mode close-at-bdat */
/* SERVER close_bdat_tls tls --mode close-at-bdat */
/* SERVER close_quit plain --mode close-at-quit */
/* SERVER close_greeting plain --mode close-at-greeting */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "phases.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* The server has gone and we keep writing until the system says so. */
static void keep_writing(int protocol, const char *name) {
    smtp_client *client = connected(protocol, name);
    int code = SMTP_OK;
    int i;
    GIVES(SMTP_OK, smtp_client_putcmd(client, "NOOP", NULL));
    for (i = 0; i < 50 && code == SMTP_OK; i++) {
        nap(20);
        code = smtp_client_send_raw(client, "NOOP\r\n", 6);
    }
    CHECK(code == SMTP_E_DISCONNECTED || code == SMTP_E_IO || code == SMTP_E_TLS);
    CHECK(smtp_client_last_error(client)[0] != '\0');
    smtp_client_free(client);
}

static void lost(int protocol, const char *name, int (*send)(smtp_client *, const char *),
                 int chunking) {
    smtp_client *client = client_new(protocol);
    int code;
    GIVES(SMTP_OK, smtp_client_set_chunking(client, chunking));
    if (send != do_connect)
        GIVES(SMTP_OK, smtp_client_connect(client, server(name), 0));
    code = send(client, name);
    if (code != SMTP_E_DISCONNECTED && code != SMTP_E_IO && code != SMTP_E_OUTCOME_UNKNOWN) {
        fprintf(stderr, "%s: %s: %s\n", name, smtp_error_name(code),
                smtp_client_last_error(client));
        abort();
    }
    GIVES(0, smtp_client_is_connected(client));
    smtp_client_free(client);
}

/* Answers on the socket until it is given a message, and closes in the midst of that. */
static void *leave_at_data(void *given) {
    int fd = *(int *)given;
    char line[512];
    char bytes[4096];
    size_t length = 0;
    CHECK(write(fd, "220 ready\r\n", 11) == 11);
    while (read(fd, line + length, 1) == 1 && length + 1 < sizeof line) {
        if (line[length++] != '\n')
            continue;
        if (memcmp(line, "DATA", 4) == 0) {
            CHECK(write(fd, "354 go ahead\r\n", 14) == 14);
            CHECK(read(fd, bytes, sizeof bytes) > 0);
            break;
        }
        CHECK(write(fd, "250 ok\r\n", 8) == 8);
        length = 0;
    }
    close(fd);
    return NULL;
}

/* Over the caller's own pair of sockets: the peer leaves before a large write, and during one. */
static void over_a_pair(void) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    pthread_t thread;
    int pair[2];
    int code;
    char *bytes = calloc(1, LARGE);
    CHECK(bytes != NULL);

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(write(pair[1], "220 ready\r\n", 11) == 11);
    GIVES(SMTP_OK, smtp_client_connect_fd(client, pair[0], NULL));
    close(pair[0]), close(pair[1]);
    code = smtp_client_send_raw(client, bytes, LARGE);
    CHECK(code == SMTP_E_DISCONNECTED || code == SMTP_E_IO);
    GIVES(0, smtp_client_is_connected(client));
    free(bytes);

    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    CHECK(pthread_create(&thread, NULL, leave_at_data, &pair[1]) == 0);
    GIVES(SMTP_OK, smtp_client_connect_fd(client, pair[0], NULL));
    close(pair[0]);
    code = do_send_large(client, NULL);
    CHECK(code == SMTP_E_DISCONNECTED || code == SMTP_E_IO || code == SMTP_E_OUTCOME_UNKNOWN);
    CHECK(smtp_client_last_error(client)[0] != '\0');
    GIVES(0, smtp_client_is_connected(client));
    pthread_join(thread, NULL);
    smtp_client_free(client);
}

int main(void) {
    struct sigaction before, after;
    smtp_client *client;
    signal(SIGPIPE, SIG_DFL);
    CHECK(sigaction(SIGPIPE, NULL, &before) == 0);
    keep_writing(SMTP_PROTOCOL_SMTP, "plain");
    keep_writing(SMTP_PROTOCOL_SMTP, "unix");
    keep_writing(SMTP_PROTOCOL_SMTPS, "tls");
    lost(SMTP_PROTOCOL_SMTP, "close_greeting", do_connect, 1);
    lost(SMTP_PROTOCOL_SMTP, "close_mail", do_send, 1);
    lost(SMTP_PROTOCOL_SMTP, "close_mail", do_batch, 1);
    lost(SMTP_PROTOCOL_SMTP, "close_mail", do_send_large, 1);
    lost(SMTP_PROTOCOL_SMTPS, "close_mail_tls", do_send, 1);
    lost(SMTP_PROTOCOL_SMTPS, "close_mail_tls", do_batch, 1);
    lost(SMTP_PROTOCOL_SMTP, "reset_mail", do_send, 1);
    lost(SMTP_PROTOCOL_SMTP, "abandon", do_send_large, 0);
    lost(SMTP_PROTOCOL_SMTP, "abandon_unix", do_send_large, 0);
    lost(SMTP_PROTOCOL_SMTPS, "abandon_tls", do_send_large, 0);
    lost(SMTP_PROTOCOL_SMTP, "close_bdat", do_send_large, 1);
    lost(SMTP_PROTOCOL_SMTPS, "close_bdat_tls", do_send_large, 1);

    over_a_pair();

    client = connected(SMTP_PROTOCOL_SMTP, "close_quit");
    GIVES(0, smtp_client_quit(client)); /* hung up instead of answering: no error */
    smtp_client_free(client);
    CHECK(sigaction(SIGPIPE, NULL, &after) == 0);
    CHECK(before.sa_handler == after.sa_handler && after.sa_handler == SIG_DFL);
    return 0;
}
