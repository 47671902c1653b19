/* While a call is pending: every other one is SMTP_E_BUSY and disturbs nothing, what it was texts may
 * go, and what it has on loan comes back once, with its outcome, however it ends. */
/* SERVER smtp plain --auth user:password --refuse no@b.example */
/* SERVER mute plain --mode mute */
/* SERVER mute_end plain --mode mute-at-end-of-data */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "loop.h"

#include "calls_setup.h"
#include "resolver.h"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

static int peer; /* the other end of a connection that the test answers itself */

static void say(const char *text) {
    CHECK(write(peer, text, strlen(text)) == (ssize_t)strlen(text));
}

/* Lets the client work until its peer has heard that; its answer. */
static void answer(const char *words, const char *reply) {
    char text[4096];
    size_t length = 0;
    do {
        struct pollfd both[2] = {{0, POLLIN, 0}, {0, POLLIN, 0}};
        both[0].fd = peer;
        both[1].fd = smtp_client_poll_fd(c);
        CHECK(poll(both, 2, 60000) > 0);
        if (both[1].revents)
            CHECK(smtp_client_process(c) >= 0);
        if (both[0].revents) {
            ssize_t count = read(peer, text + length, sizeof text - 1 - length);
            CHECK(count > 0);
            length += (size_t)count;
        }
        text[length] = '\0';
    } while (strstr(text, words) == NULL);
    say(reply);
}

static smtp_client *over_a_pair(void) {
    smtp_client *client = loop_client(SMTP_PROTOCOL_SMTP);
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    peer = pair[1];
    GIVES(SMTP_PENDING, smtp_client_connect_fd(client, pair[0], NULL));
    close(pair[0]);
    return client;
}

static int faults, called;

static void judge(const char *function, long code) {
    /* What tells of errors tells of this one. */
    if (code != SMTP_E_BUSY && strstr(function, "_last_err") == NULL &&
        strcmp(function, "smtp_client_timeout") != 0) {
        fprintf(stderr, "%s: %ld (%s)\n", function, code, smtp_error_name((int)code));
        faults++;
    }
    called++;
}

#define IS(name, function) (strcmp(#function, #name) == 0)
#define BUSY_CODE(function, call) judge(#function, (call))
#define BUSY_COUNT(function, call)                                                                \
    GIVES(SMTP_E_MISUSE, smtp_client_noop(NULL));                                                 \
    GIVES(0, (call));                                                                             \
    GIVES(SMTP_E_BUSY, smtp_last_error_code())
#define BUSY_TEXT(function, call) (void)(call)
#define BUSY_POINTER(function, call) (void)(call)
#define BUSY_NOTHING(function, call) (call)

#define CLIENTS(subject, function, param, result, call) CLIENTS_##subject(function, result, call)
#define CLIENTS_NONE(function, result, call)
#define CLIENTS_TLS(function, result, call)
#define CLIENTS_TRANSACTION(function, result, call)
#define CLIENTS_EXCHANGE(function, result, call)
#define CLIENTS_ENVELOPE(function, result, call)
#define CLIENTS_REPORT(function, result, call)
#define CLIENTS_MESSAGE(function, result, call)
#define CLIENTS_CLIENT(function, result, call)                                                    \
    if (!IS(smtp_client_free, function) && !IS(smtp_client_cancel, function) &&                   \
        !IS(smtp_client_close, function) && !IS(smtp_client_process, function) &&                 \
        !IS(smtp_client_poll_fd, function)) {                                                     \
        BUSY_##result(function, call);                                                            \
    }

#define LENT(subject, function, param, result, call) LENT_##subject(function, result, call)
#define LENT_NONE(function, result, call)
#define LENT_TLS(function, result, call)
#define LENT_CLIENT(function, result, call)
#define LENT_EXCHANGE(function, result, call)
#define LENT_ENVELOPE(function, result, call)
#define LENT_REPORT(function, result, call)
#define LENT_MESSAGE(function, result, call)
#define LENT_TRANSACTION(function, result, call)                                                  \
    if (!IS(smtp_transaction_free, function)) {                                                   \
        BUSY_##result(function, call);                                                            \
    }

static void on_destroy(void *count) {
    ++*(int *)count;
}

static void every_other_call_is_busy(void) {
    int destroyed = 0, fd;
    c = over_a_pair();
    l = smtp_tls_new();
    t = mail_new();
    fd = smtp_client_poll_fd(c);
    EVERY_CALL(CLIENTS)
    CHECK(faults == 0 && called > 60);
    GIVES(SMTP_E_BUSY, smtp_client_set_nonblocking(c, 0));
    HAS(smtp_client_last_error(c), "smtp_client_process()");
    GIVES(SMTP_E_BUSY, smtp_client_set_debug_callback(c, a_debug_callback, &destroyed, on_destroy));
    GIVES(SMTP_E_BUSY, smtp_client_set_audit_callback(c, an_audit_callback, &destroyed, on_destroy));
    GIVES(SMTP_E_BUSY,
          smtp_client_set_completion_callback(c, a_completion_callback, &destroyed, on_destroy));
    GIVES(3, destroyed);
    GIVES(SMTP_OK, smtp_transaction_status(t)); /* what was not taken is the caller's */
    GIVES(fd, smtp_client_poll_fd(c));
    GIVES(SMTP_PENDING, smtp_client_process(c));
    CHECK(!readable(c, 0));
    say("220 here\r\n");
    GIVES(SMTP_OK, finish(c, SMTP_PENDING));
    SAME("here", smtp_client_reply_text(c));

    /* What is on loan is busy as well. */
    called = 0;
    GIVES(SMTP_PENDING, smtp_client_send(c, t));
    answer("EHLO", "250 hello\r\n");
    answer("MAIL", "250 sender\r\n");
    answer("RCPT", "250 recipient\r\n");
    EVERY_CALL(LENT)
    EVERY_CALL(CLIENTS)
    CHECK(faults == 0 && called > 80);
    answer("DATA", "354 go on\r\n");
    answer("Hello.\r\n.\r\n", "250 taken\r\n");
    GIVES(SMTP_OK, finish(c, SMTP_PENDING));
    GIVES(SMTP_RECIPIENT_ACCEPTED, smtp_transaction_recipient_status(t, 0));
    smtp_client_free(c);
    smtp_tls_free(l);
    smtp_transaction_free(t);
    close(peer);
}

/* Strings and arrays that go when the call has returned. */
static char *texts[16];
static size_t text_count;

static char *gone(const char *text) {
    return texts[text_count++] = strdup(text);
}

static int after_they_went(int code) {
    while (text_count > 0) {
        char *text = texts[--text_count];
        memset(text, '!', strlen(text));
        free(text);
    }
    GIVES(SMTP_PENDING, code);
    return finish(c, code);
}

static void arguments_may_go(void) {
    enum { RAW = 4 * 1024 * 1024 };
    char address[64], *raw = malloc(RAW), *back = malloc(RAW);
    const char **to = malloc(2 * sizeof *to), **options = malloc(sizeof *options);
    size_t length;
    int code;
    snprintf(address, sizeof address, "localhost%s", strrchr(server("smtp"), ':'));
    c = loop_client(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_OK, after_they_went(smtp_client_connect(c, gone(address), 0)));
    to[0] = gone("b@b.example");
    to[1] = gone("no@b.example");
    options[0] = gone("BODY=8BITMIME");
    code = smtp_client_sendmail(c, gone("a@a.example"), to, 2, MESSAGE, sizeof MESSAGE - 1, options, 1,
                                NULL, 0);
    to[0] = to[1] = options[0] = NULL;
    GIVES(SMTP_OK, after_they_went(code));
    SAME("no@b.example", smtp_client_refused_address(c, 0));
    GIVES(250, after_they_went(smtp_client_ehlo(c, gone("me.example"))));
    HAS(smtp_client_ehlo_response(c), "hello me.example");
    GIVES(252, after_they_went(smtp_client_docmd(c, gone("VRFY"), gone("x@y.example"))));
    HAS(smtp_client_reply_text(c), "x@y.example");
    GIVES(252, after_they_went(smtp_client_verify(c, gone("z@y.example"))));
    HAS(smtp_client_reply_text(c), "z@y.example");
    GIVES(SMTP_OK, after_they_went(smtp_client_connect(c, gone(address), 0)));
    GIVES(SMTP_OK, after_they_went(smtp_client_login(c, gone("user"), gone("password"))));
    GIVES(SMTP_OK, after_they_went(smtp_client_connect(c, gone(address), 0)));
    code = smtp_client_auth_builtin(c, gone("CRAM-MD5"), gone("user"), gone("password"));
    GIVES(SMTP_OK, after_they_went(code));
    to[0] = gone("no@b.example");
    code = smtp_client_send_message(c, gone("a@a.example"), to, 1, MESSAGE, sizeof MESSAGE - 1, NULL,
                                    0, NULL, 0);
    to[0] = NULL;
    GIVES(SMTP_E_RECIPIENTS_REFUSED, after_they_went(code));
    SAME("no@b.example", smtp_client_refused_address(c, 0));
    t = mail_new();
    { /* the array of a batch */
        smtp_transaction **batch = malloc(sizeof *batch);
        batch[0] = t;
        code = smtp_client_send_batch(c, batch, 1);
        batch[0] = NULL;
        free(batch);
        GIVES(SMTP_OK, after_they_went(code));
        GIVES(SMTP_RECIPIENT_ACCEPTED, smtp_transaction_recipient_status(t, 0));
    }
    smtp_transaction_free(t);
    free(to);
    free(options);
    smtp_client_free(c);

    /* More than the socket takes. */
    c = over_a_pair();
    say("220 here\r\n");
    GIVES(SMTP_OK, finish(c, SMTP_PENDING));
    for (length = 0; length < RAW; length++)
        raw[length] = (char)('a' + length % 23);
    GIVES(SMTP_PENDING, smtp_client_send_raw(c, raw, RAW));
    memset(raw, '!', RAW);
    free(raw);
    CHECK(fcntl(peer, F_SETFL, O_NONBLOCK) == 0);
    for (length = 0, code = SMTP_PENDING; length < RAW;) {
        ssize_t count = read(peer, back + length, RAW - length);
        CHECK(count != 0);
        if (count > 0)
            length += (size_t)count;
        else if (code == SMTP_PENDING && readable(c, 60000))
            code = smtp_client_process(c);
    }
    GIVES(SMTP_OK, finish(c, code));
    for (length = 0; length < RAW; length++)
        CHECK(back[length] == (char)('a' + length % 23));
    free(back);
    smtp_client_free(c);
    close(peer);
}

/* The ends of what is pending. */
enum { CANCEL, CLOSE, FREE, ENDS };

static int statuses[8], status_count;

static void on_completion(smtp_transaction *mail, void *user) {
    (void)user;
    statuses[status_count++] = smtp_transaction_status(mail);
    smtp_transaction_free(mail);
}

static void end(int how) {
    switch (how) {
    case CANCEL:
        GIVES(SMTP_OK, smtp_client_cancel(c));
        GIVES(SMTP_E_BUSY, smtp_client_noop(c)); /* which does not take the cancel for its own */
        GIVES(SMTP_E_BUSY, smtp_client_is_connected(c));
        GIVES(SMTP_E_CANCELLED, finish(c, SMTP_PENDING));
        GIVES(SMTP_OK, smtp_client_process(c));
        break;
    case CLOSE:
        GIVES(SMTP_OK, smtp_client_close(c));
        GIVES(SMTP_OK, smtp_client_process(c));
        break;
    default:
        smtp_client_free(c);
    }
}

static void outcomes(void) {
    int how, i, destroyed;
    for (how = 0; how < ENDS; how++) {
        /* A call's own: the message was handed over, and nothing came. */
        c = loop_connected(SMTP_PROTOCOL_SMTP, "mute_end");
        t = mail_new();
        destroyed = 0;
        GIVES(SMTP_OK, smtp_client_set_debug_callback(c, a_debug_callback, &destroyed, on_destroy));
        GIVES(SMTP_PENDING, smtp_client_send(c, t));
        for (i = 0; readable(c, slow() ? 500 : 50); i++)
            GIVES(SMTP_PENDING, smtp_client_process(c));
        CHECK(i > 1);
        GIVES(SMTP_E_BUSY, smtp_transaction_status(t));
        end(how);
        GIVES(SMTP_E_OUTCOME_UNKNOWN, smtp_transaction_status(t));
        smtp_transaction_free(t);
        if (how != FREE)
            smtp_client_free(c);
        GIVES(1, destroyed);

        /* A stream's: of some the fate is unknown, and each comes back once. */
        c = loop_connected(SMTP_PROTOCOL_SMTP, "mute_end");
        destroyed = status_count = 0;
        GIVES(SMTP_OK, smtp_client_set_completion_callback(c, on_completion, &destroyed, on_destroy));
        GIVES(SMTP_OK, finish(c, smtp_client_submit(c, mail_new())));
        for (i = 0; i < 4; i++)
            GIVES(SMTP_OK, smtp_client_submit(c, mail_new()));
        GIVES(SMTP_PENDING, smtp_client_flush(c));
        while (readable(c, slow() ? 500 : 50))
            GIVES(SMTP_PENDING, smtp_client_process(c));
        GIVES(0, status_count);
        end(how);
        GIVES(5, status_count);
        GIVES(SMTP_E_OUTCOME_UNKNOWN, statuses[0]);
        if (how != FREE) {
            GIVES(0, destroyed);
            GIVES(SMTP_OK, finish(c, smtp_client_connect(c, server("smtp"), 0)));
            GIVES(SMTP_OK, finish(c, send_one(c)));
            smtp_client_free(c);
        }
        GIVES(1, destroyed);
        GIVES(5, status_count);
    }
}

/* Replies that have come by the time of a close count; where a call that waits for them is pending,
 * it ends as by a cancel, and they may stay unread. */
static void what_has_come_counts(void) {
    int pending;
    for (pending = 0; pending < 2; pending++) {
        c = over_a_pair();
        say("220 here\r\n");
        GIVES(SMTP_OK, finish(c, SMTP_PENDING));
        status_count = 0;
        GIVES(SMTP_OK, smtp_client_set_completion_callback(c, on_completion, NULL, NULL));
        GIVES(SMTP_PENDING, smtp_client_submit(c, mail_new()));
        answer("EHLO", "250 hello\r\n");
        GIVES(SMTP_OK, finish(c, SMTP_PENDING));
        if (pending)
            GIVES(SMTP_PENDING, smtp_client_flush(c));
        answer("MAIL", "250 sender\r\n");
        answer("RCPT", "250 recipient\r\n");
        answer("DATA", "354 go on\r\n");
        answer("\r\n.\r\n", "250 taken\r\n");
        GIVES(SMTP_OK, smtp_client_close(c));
        GIVES(1, status_count);
        CHECK(statuses[0] == SMTP_OK || (pending && statuses[0] == SMTP_E_OUTCOME_UNKNOWN));
        smtp_client_free(c);
        close(peer);
    }
}

/* The window: one in flight, and the next one waits for it. */
static void beyond_the_window(void) {
    c = loop_connected(SMTP_PROTOCOL_SMTP, "smtp");
    status_count = 0;
    GIVES(SMTP_OK, smtp_client_set_completion_callback(c, on_completion, NULL, NULL));
    GIVES(SMTP_OK, smtp_client_set_window(c, 1));
    GIVES(250, finish(c, smtp_client_ehlo(c, NULL)));
    GIVES(SMTP_OK, smtp_client_submit(c, mail_new()));
    t = mail_new();
    GIVES(SMTP_PENDING, smtp_client_submit(c, t));
    GIVES(SMTP_E_BUSY, smtp_client_submit(c, t));
    GIVES(SMTP_E_BUSY, smtp_client_flush(c));
    GIVES(SMTP_OK, finish(c, SMTP_PENDING));
    CHECK(status_count >= 1);
    /* The second is sent and completed by process alone. */
    while (status_count < 2) {
        CHECK(readable(c, 60000));
        GIVES(SMTP_OK, smtp_client_process(c));
    }
    GIVES(SMTP_OK, statuses[0]);
    GIVES(SMTP_OK, statuses[1]);
    GIVES(SMTP_OK, smtp_client_flush(c));
    GIVES(221, FINISH(c, smtp_client_quit(c)));
    smtp_client_free(c);
}

/* Modes change with a stream in flight. */
static void from_loop_to_waiting(void) {
    int i;
    c = loop_connected(SMTP_PROTOCOL_SMTP, "smtp");
    status_count = 0;
    GIVES(SMTP_OK, smtp_client_set_completion_callback(c, on_completion, NULL, NULL));
    GIVES(SMTP_OK, finish(c, smtp_client_submit(c, mail_new())));
    GIVES(SMTP_OK, smtp_client_submit(c, mail_new()));
    i = smtp_client_poll_fd(c);
    GIVES(SMTP_OK, smtp_client_set_nonblocking(c, 0));
    GIVES(SMTP_E_MISUSE, smtp_client_poll_fd(c));
    GIVES(SMTP_OK, smtp_client_flush(c));
    GIVES(2, status_count);
    GIVES(SMTP_OK, smtp_client_submit(c, mail_new()));
    GIVES(SMTP_OK, smtp_client_set_nonblocking(c, 1));
    GIVES(i, smtp_client_poll_fd(c));
    while (status_count < 3) {
        CHECK(readable(c, 60000));
        GIVES(SMTP_OK, smtp_client_process(c));
    }
    GIVES(221, FINISH(c, smtp_client_quit(c)));
    smtp_client_free(c);
}

int main(void) {
    use_all();
    every_other_call_is_busy();
    arguments_may_go();
    outcomes();
    what_has_come_counts();
    beyond_the_window();
    from_loop_to_waiting();
    return 0;
}
