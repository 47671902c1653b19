/* Every phase has its deadline: a server that says nothing, or a byte now and then, or does not
 * read, holds nobody longer than the time limit. */
/* SERVER mute plain --mode mute */
/* SERVER mute_unix unix --mode mute */
/* SERVER mute_lmtp lmtp --mode mute */
/* SERVER drip plain --mode drip --drip-ms 150 */
/* SERVER mute_ehlo plain --mode mute-at-ehlo */
/* SERVER drip_ehlo plain --mode drip-at-ehlo --drip-ms 150 */
/* SERVER mute_starttls plain --mode mute-at-starttls */
/* SERVER stall_starttls plain --mode stall-at-starttls */
/* SERVER mute_auth plain --auth user:password --mode mute-at-auth */
/* SERVER mute_mail plain --mode mute-at-mail */
/* SERVER mute_rcpt plain --mode mute-at-rcpt */
/* SERVER mute_data plain --mode mute-at-data */
/* SERVER freeze_data narrow --mode freeze-body-at-data */
/* SERVER freeze_bdat narrow --mode freeze-at-bdat */
/* SERVER mute_end plain --mode mute-at-end-of-data */
/* SERVER mute_tls_end tls --mode mute-at-end-of-data */
/* SERVER mute_quit plain --mode mute-at-quit */
/* SERVER good plain */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "phases.h"

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

/* Takes as long for EHLO as for what comes after it, less than the limit each and more together. */
enum { LIMIT = 1500, ANSWER = 1000 };

static void *answer_slowly(void *given) {
    static const char hello[] = "250-slow\r\n250-AUTH PLAIN\r\n250-8BITMIME\r\n250 SMTPUTF8\r\n";
    int fd = *(int *)given;
    char line[512];
    size_t length = 0;
    int halves = 0;
    while (length < sizeof line && recv(fd, line + length, 1, 0) == 1) {
        const char *reply = "250 ok\r\n";
        if (line[length++] != '\n')
            continue;
        length = 0;
        if (halves++ < 2)
            nap(ANSWER);
        if (memcmp(line, "EHLO", 4) == 0)
            reply = hello;
        else if (memcmp(line, "AUTH", 4) == 0)
            reply = "235 in\r\n";
        if (send(fd, reply, strlen(reply), MSG_NOSIGNAL) < 0)
            break;
    }
    close(fd);
    return NULL;
}

static int do_auth(smtp_client *client, const char *name) {
    (void)name;
    return smtp_client_auth_builtin(client, "PLAIN", "user", "password");
}

static int send_utf8(smtp_client *client, const char *name) {
    static const char mail[] = "From: \xc3\xa9@a.example\r\nTo: b@b.example\r\n\r\nbody\r\n";
    (void)name;
    return smtp_client_send_message(client, NULL, NULL, 0, mail, sizeof mail - 1, NULL, 0, NULL, 0);
}

/* The limit is that of the call as a whole, also where the server is greeted first. */
static void both_halves_together(void) {
    static const struct {
        const char *what;
        int (*call)(smtp_client *client, const char *name);
    } calls[] = {
        {"sendmail", do_send},
        {"send_message with UTF-8", send_utf8},
        {"login", do_login},
        {"auth_builtin", do_auth},
    };
    size_t i;
    int faults = 0;
    for (i = 0; i < sizeof calls / sizeof *calls; i++) {
        smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
        pthread_t thread;
        int pair[2];
        int code;
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        CHECK(send(pair[1], "220 slow\r\n", 10, 0) == 10);
        GIVES(SMTP_OK, smtp_client_connect_fd(client, pair[0], NULL));
        close(pair[0]);
        CHECK(pthread_create(&thread, NULL, answer_slowly, &pair[1]) == 0);
        GIVES(SMTP_OK, smtp_client_set_timeout(client, LIMIT));
        code = calls[i].call(client, NULL);
        if (code != SMTP_E_TIMEOUT) {
            fprintf(stderr, "%s, too long as a whole: %s\n", calls[i].what, smtp_error_name(code));
            faults++;
        }
        smtp_client_free(client);
        pthread_join(thread, NULL);
    }
    CHECK(faults == 0);
}

static struct {
    pthread_t thread;
    int fd;
    size_t length;
} writer;

static void *write_some(void *unused) {
    static const char line[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\r\n";
    size_t written = 0;
    (void)unused;
    while (written < writer.length) {
        ssize_t count = write(writer.fd, line, sizeof line - 1);
        CHECK(count > 0);
        written += (size_t)count;
    }
    return NULL;
}

static int start_writer(int fd, size_t length) {
    writer.fd = fd;
    writer.length = length;
    return pthread_create(&writer.thread, NULL, write_some, NULL) == 0;
}

static void join_writer(void) {
    pthread_join(writer.thread, NULL);
}

static void *cancel_soon(void *client) {
    nap(300);
    GIVES(SMTP_OK, smtp_client_cancel(client));
    return NULL;
}

/* A message from a pipe or socket that has nothing to give is no reason to wait for ever, be it
 * its beginning or the middle of it. */
static void messages_that_do_not_come(void) {
    static const size_t given[] = {0, 200 * 1024};
    int kind, cancelled;
    size_t i;
    for (i = 0; i < 2; i++)
        for (kind = 0; kind < 2; kind++)
            for (cancelled = 0; cancelled < 2; cancelled++) {
                smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
                smtp_transaction *mail = smtp_transaction_new();
                pthread_t thread;
                int pair[2];
                int code;
                double begun = now();
                GIVES(SMTP_OK, smtp_client_connect(client, server("good"), 0));
                CHECK((kind == 0 ? pipe(pair) : socketpair(AF_UNIX, SOCK_STREAM, 0, pair)) == 0);
                GIVES(SMTP_OK, smtp_transaction_set_sender(mail, "a@a.example"));
                GIVES(SMTP_OK, smtp_transaction_add_recipient(mail, "b@b.example", NULL, 0));
                GIVES(SMTP_OK, smtp_transaction_set_message_fd(mail, pair[0]));
                GIVES(SMTP_OK, smtp_client_set_timeout(client, cancelled ? 20000 : 500));
                CHECK(start_writer(pair[1], given[i]));
                if (cancelled)
                    CHECK(pthread_create(&thread, NULL, cancel_soon, client) == 0);
                code = smtp_client_send(client, mail);
                CHECK(code == (cancelled ? SMTP_E_CANCELLED : SMTP_E_TIMEOUT));
                CHECK(now() - begun < (slow() ? 60 : 10));
                GIVES(SMTP_RECIPIENT_NOT_TRIED, smtp_transaction_recipient_status(mail, 0));
                if (cancelled)
                    pthread_join(thread, NULL);
                join_writer();
                close(pair[0]);
                close(pair[1]);
                smtp_transaction_free(mail);
                smtp_client_free(client);
            }
}

int main(void) {
    int i;
    for (i = 0; i < PHASE_COUNT; i++) {
        const struct phase *phase = &PHASES[i];
        smtp_client *client = before(phase);
        double limit = slow() ? 2.0 : 0.4;
        double begun, took;
        int code;
        GIVES(SMTP_OK, smtp_client_set_timeout(client, (int)(limit * 1000)));
        begun = now();
        code = phase->stuck(client, phase->server);
        took = now() - begun;
        if (code != phase->timed_out || took < limit * 0.9 || took > limit + (slow() ? 60 : 3)) {
            fprintf(stderr, "%d (%s): %s after %.2f s: %s\n", i, phase->server,
                    smtp_error_name(code), took, smtp_client_last_error(client));
            return 1;
        }
        GIVES(code, smtp_client_last_error_code(client));
        GIVES(0, smtp_client_is_connected(client));
        GIVES(SMTP_E_DISCONNECTED, smtp_client_noop(client));
        smtp_client_free(client);
    }
    both_halves_together();
    messages_that_do_not_come();
    return 0;
}
