/*
 * Every function with every pointer NULL, with handles that are none, with text that is no UTF-8
 * and with lengths that cannot be: an error code each time, and never a crash. The calls come from
 * the header itself.
 */
/* SERVER smtp plain */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include "calls_setup.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

/* Functions that take that NULL: the header says what it means. */
static const char *const null_is_fine[] = {
    "smtp_client_free client",
    "smtp_tls_free tls",
    "smtp_transaction_free transaction",
    "smtp_envelope_free envelope",
    "smtp_token_source_free source",
    "smtp_client_set_token_source user",
    "smtp_client_set_token_source source",
    "smtp_report_free report",
    "smtp_message_free message",
    "smtp_message_set_from name",
    "smtp_message_add_to name",
    "smtp_message_add_cc name",
    "smtp_message_add_bcc name",
    "smtp_message_add_reply_to name",
    "smtp_message_set_subject subject",
    "smtp_message_set_text text",
    "smtp_message_set_html html",
    "smtp_client_set_source_address host",
    "smtp_client_set_credentials password",
    "smtp_client_set_tls tls",
    "smtp_client_source_address port",
    "smtp_client_set_auth_mechanisms names",
    "smtp_tls_set_client_certificate key_file",
    "smtp_error_advice enhanced",
    NULL,
};

static int is_listed(const char *const *list, const char *function, const char *param) {
    char both[256];
    snprintf(both, sizeof both, "%s %s", function, param);
    for (; *list != NULL; list++)
        if (strcmp(*list, both) == 0)
            return 1;
    return 0;
}

/* NULL is allowed wherever a callback or its data is, and where the header says "NULL for". */
static int may_be_null(const char *function, const char *param) {
    return is_listed(null_is_fine, function, param) || strcmp(param, "user_data") == 0 ||
           strcmp(param, "destroy") == 0 || strcmp(param, "release") == 0 ||
           strcmp(param, "file_name") == 0 || strcmp(param, "content_type") == 0 ||
           (strcmp(param, "callback") == 0 && strstr(function, "_set_") != NULL);
}

static const char *at_function, *at_param;
static int faults;

/* A code that is an error; with `wanted` not 0, that one. */
static void refused(long code, long wanted) {
    if (code >= 0 || (wanted != 0 && code != wanted)) {
        fprintf(stderr, "%s, %s: %ld (%s), %s\n", at_function, at_param, code,
                smtp_error_name((int)code), smtp_last_error());
        faults++;
    }
    CHECK(smtp_last_error()[0] != '\0');
}

static void no_text(const char *text) {
    if (text != NULL && text[0] != '\0') {
        fprintf(stderr, "%s, %s: \"%s\"\n", at_function, at_param, text);
        faults++;
    }
}

static void told(const char *what) {
    if (strstr(smtp_last_error(), what) == NULL) {
        fprintf(stderr, "%s, %s: no %s in: %s\n", at_function, at_param, what, smtp_last_error());
        faults++;
    }
}

static long wanted;

#define TRY(subject, function, param, result, call)                                               \
    at_function = #function;                                                                      \
    at_param = #param;                                                                            \
    TRY_##result(call)
#define TRY_CODE(call) refused((call), wanted);
#define TRY_COUNT(call) GIVES(0, (call));
#define TRY_TEXT(call) no_text(call);
#define TRY_POINTER(call) no_text((call) == NULL ? NULL : "a pointer");
#define TRY_NOTHING(call) (call);

/* Strings that belong to no handle, and facts. */
static int without_handle(const char *function) {
    return strncmp(function, "smtp_client_new", 15) == 0 || strstr(function, "_new") != NULL ||
           strncmp(function, "smtp_last_error", 15) == 0 || strcmp(function, "smtp_error_name") == 0 ||
           strcmp(function, "smtp_error_is_temporary") == 0 ||
           strcmp(function, "smtp_error_advice") == 0 ||
           strcmp(function, "smtp_client_version") == 0 ||
           strcmp(function, "smtp_client_version_number") == 0 ||
           strcmp(function, "smtp_client_has_feature") == 0;
}

static void make(void) {
    c = smtp_client_new(SMTP_PROTOCOL_SMTP);
    l = smtp_tls_new();
    t = smtp_transaction_new();
    e = smtp_envelope_new("a@b.example", one_address, 1, "bytes", 5);
    k = smtp_token_source_new(a_token_callback, NULL, NULL);
    r = a_report();
    m = smtp_message_new();
    CHECK(c != NULL && l != NULL && t != NULL && e != NULL && k != NULL && r != NULL && m != NULL);
    GIVES(SMTP_OK, smtp_client_set_timeout(c, 5000));
}

static void unmake(void) {
    smtp_client_free(c);
    smtp_tls_free(l);
    smtp_transaction_free(t);
    smtp_envelope_free(e);
    smtp_token_source_free(k);
    smtp_report_free(r);
    smtp_message_free(m);
}

/* What gives 0 where there is no handle: errno, and a time limit, which is never 0. */
#define HANDLE_TEXT_OK(function)                                                                  \
    (strstr(function, "_last_errno") != NULL || strcmp(function, "smtp_client_timeout") == 0)

/* Each call about a handle, with a pointer that is no such handle. */
#define ABOUT_NO_HANDLE(subject, function, param, result, call)                                   \
    if (!without_handle(#function) && !HANDLE_TEXT_OK(#function)) {                               \
        wanted = SMTP_E_MISUSE;                                                                   \
        TRY(subject, function, param, result, call)                                               \
    }

static void no_handles(void) {
    static double zeros[512];
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    smtp_tls *tls = smtp_tls_new();
    smtp_transaction *transaction = smtp_transaction_new();
    smtp_envelope *envelope = smtp_envelope_new("a@b.example", one_address, 1, "bytes", 5);
    smtp_token_source *source = smtp_token_source_new(a_token_callback, NULL, NULL);
    smtp_report *report = a_report();
    smtp_message *message = smtp_message_new();

    /* NULL; and what only tells of errors leaves the one that was. */
    GIVES(SMTP_E_MISUSE, smtp_client_noop(NULL));
    c = NULL, l = NULL, t = NULL, x = NULL, e = NULL, k = NULL, q = NULL, r = NULL;
    m = NULL;
    EVERY_CALL(ABOUT_NO_HANDLE)
    CHECK(smtp_client_last_error(NULL) != NULL);

    /* handles of another kind */
    c = (smtp_client *)tls, l = (smtp_tls *)transaction, t = (smtp_transaction *)client;
    x = (smtp_auth_exchange *)client, e = (smtp_envelope *)tls;
    k = (smtp_token_source *)tls, q = (smtp_token_request *)source;
    r = (smtp_report *)client, m = (smtp_message *)transaction;
    EVERY_CALL(ABOUT_NO_HANDLE)

    /* memory that was never one */
    c = (smtp_client *)(void *)zeros, l = (smtp_tls *)(void *)zeros;
    t = (smtp_transaction *)(void *)zeros, x = (smtp_auth_exchange *)(void *)zeros;
    e = (smtp_envelope *)(void *)zeros, k = (smtp_token_source *)(void *)zeros;
    q = (smtp_token_request *)(void *)zeros, r = (smtp_report *)(void *)zeros;
    m = (smtp_message *)(void *)zeros;
    EVERY_CALL(ABOUT_NO_HANDLE)

    /* a pointer that is not even aligned, into a live handle */
    c = (smtp_client *)(void *)((char *)client + 1), l = (smtp_tls *)(void *)((char *)tls + 1);
    t = (smtp_transaction *)(void *)((char *)transaction + 1);
    x = (smtp_auth_exchange *)(void *)((char *)client + 1);
    e = (smtp_envelope *)(void *)((char *)envelope + 1);
    k = (smtp_token_source *)(void *)((char *)source + 1);
    q = (smtp_token_request *)(void *)((char *)source + 1);
    r = (smtp_report *)(void *)((char *)report + 1);
    m = (smtp_message *)(void *)((char *)message + 1);
    EVERY_CALL(ABOUT_NO_HANDLE)

    /* freed ones */
    smtp_client_free(client);
    smtp_tls_free(tls);
    smtp_transaction_free(transaction);
    smtp_envelope_free(envelope);
    smtp_token_source_free(source);
    k = source, q = (smtp_token_request *)source;
    smtp_report_free(report);
    smtp_message_free(message);
    c = client, l = tls, t = transaction, x = (smtp_auth_exchange *)client, e = envelope;
    r = report, m = message;
    EVERY_CALL(ABOUT_NO_HANDLE)
}

/* A source that is made would have to be freed. */
#define WITH_NULL(subject, function, param, result, call)                                         \
    if (strcmp(#function, "smtp_token_source_new") == 0) {                                        \
    } else if (may_be_null(#function, #param)) {                                                         \
        (void)(call);                                                                             \
    } else if (!HANDLE_TEXT_OK(#function) && strcmp(#function, "smtp_client_has_feature") != 0) { \
        wanted = 0;                                                                               \
        TRY(subject, function, param, result, call)                                               \
    }                                                                                             \
    unmake();                                                                                     \
    make();

/* Everything refused may still not harm the handles. */
static void nulls(void) {
    make();
    x = NULL;
    EVERY_NULL(WITH_NULL)
    CHECK(smtp_client_has_feature(NULL) == 0);
    unmake();
}

/* Of a token request there is none outside of a callback's call. */
#define WITH_BAD_TEXT(subject, function, param, result, call)                                     \
    if (strcmp(#function, "smtp_client_has_feature") != 0 &&                                      \
        strncmp(#function, "smtp_token_", 11) != 0) {                                             \
        wanted = SMTP_E_INVALID_ARGUMENT;                                                         \
        TRY(subject, function, param, result, call)                                               \
        told("UTF-8");                                                                            \
        told("1"); /* the offset */                                                               \
    }

static void bad_texts(void) {
    make();
    EVERY_BAD_TEXT(WITH_BAD_TEXT)
    CHECK(smtp_client_has_feature("a\xff") == 0);
    unmake();
}

#define WITH_HUGE_LENGTH(subject, function, param, result, call)                                  \
    if (strcmp(#function, "smtp_auth_exchange_respond") != 0) {                                   \
        wanted = SMTP_E_INVALID_ARGUMENT;                                                         \
        TRY(subject, function, param, result, call)                                               \
    }

static void huge_lengths(void) {
    make();
    EVERY_HUGE_LENGTH(WITH_HUGE_LENGTH)
    unmake();
}

/* Control characters in any argument: refused, and nothing sent. The server sees to the latter. */
static void control_characters(void) {
    static const char *const evil[] = {"a\r\nRSET",      "a\nRSET",  "a\rRSET", "a\x01",
                                       "a\x7f",          "a\tb",     "a\xc2\x85"};
    size_t i;
    c = connected(SMTP_PROTOCOL_SMTP, "smtp");
    GIVES(250, smtp_client_ehlo(c, NULL));
    for (i = 0; i < sizeof evil / sizeof *evil; i++) {
        const char *text = evil[i];
        char address[64], quoted[64];
        const char *list;
        snprintf(address, sizeof address, "%s@b.example", text);
        snprintf(quoted, sizeof quoted, "\"%s\"@b.example", text);
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_local_hostname(c, text));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_source_address(c, text, 0));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_ehlo(c, text));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_helo(c, text));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_docmd(c, text, NULL));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_docmd(c, "NOOP", text));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_putcmd(c, text, NULL));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_putcmd(c, "NOOP", text));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_help(c, text));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_verify(c, address));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_verify(c, quoted));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_expn(c, text));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_mail(c, address, NULL, 0));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_mail(c, quoted, NULL, 0));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_mail(c, "a@b.example", &text, 1));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_rcpt(c, address, NULL, 0));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_rcpt(c, quoted, NULL, 0));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_rcpt(c, "a@b.example", &text, 1));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_auth(c, text, an_auth_callback, NULL));
        list = address;
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_sendmail(c, "a@b.example", &list, 1, MESSAGE, 5,
                                                            NULL, 0, NULL, 0));
        list = quoted;
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_sendmail(c, "a@b.example", &list, 1, MESSAGE, 5,
                                                            NULL, 0, NULL, 0));
        list = "a@b.example";
        GIVES(SMTP_E_INVALID_ARGUMENT,
              smtp_client_sendmail(c, quoted, &list, 1, MESSAGE, 5, NULL, 0, NULL, 0));
        GIVES(SMTP_E_INVALID_ARGUMENT,
              smtp_client_sendmail(c, list, &list, 1, MESSAGE, 5, &text, 1, NULL, 0));
        GIVES(SMTP_E_INVALID_ARGUMENT,
              smtp_client_sendmail(c, list, &list, 1, MESSAGE, 5, NULL, 0, &text, 1));
        GIVES(250, smtp_client_noop(c));
    }
    /* parameters behind an address are none of the address's business */
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_rcpt(c, "a@b> NOTIFY=NEVER <c@d", NULL, 0));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_rcpt(c, "a@b NOTIFY=NEVER", NULL, 0));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_connect(c, "a\nb", 25));
    smtp_client_free(c);
}

/* The other end of the client's connection is this test's own, so that it sees every byte. */
static int peer;

static void connect_to_ourselves(void) {
    int pair[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    peer = pair[1];
    CHECK(write(peer, "220 ready\r\n", 11) == 11);
    GIVES(SMTP_OK, smtp_client_connect_fd(c, pair[0], NULL));
    close(pair[0]);
}

static void nothing_came(const char *call) {
    char byte;
    if (recv(peer, &byte, 1, MSG_DONTWAIT) != -1 || (errno != EAGAIN && errno != EWOULDBLOCK)) {
        fprintf(stderr, "%s sent something, or closed the connection\n", call);
        abort();
    }
}

#define UNSENT(call)                                                                              \
    GIVES(SMTP_E_INVALID_ARGUMENT, call);                                                         \
    nothing_came(#call);

/* One bad argument among good ones: not even EHLO is sent, nor the good part of a transaction. */
static void nothing_is_sent(void) {
    static const char *const evil[] = {"x\r\nRSET", "x\nRSET", "x\rRSET",   "x\x01",
                                       "x\x1b[2J",   "x\x7f",   "x\xc2\x85", "x\xff"};
    static const char mail[] = "From: a@a.example\r\nTo: b@b.example\r\n\r\nbody\r\n";
    static const size_t size = sizeof mail - 1;
    size_t i;
    make();
    connect_to_ourselves();
    for (i = 0; i < sizeof evil / sizeof *evil; i++) {
        const char *text = evil[i], *good = "a@b.example";
        const char *addresses[2], *options[2] = {"KEYWORD=value", NULL};
        char address[64], domain[64], named[64], option[64];
        snprintf(address, sizeof address, "%s@b.example", text);
        snprintf(domain, sizeof domain, "a@%s", text);
        snprintf(named, sizeof named, "Name <%s@b.example>", text);
        snprintf(option, sizeof option, "KEYWORD=%s", text);
        addresses[0] = good, addresses[1] = address;
        options[1] = option;

        UNSENT(smtp_client_ehlo(c, text))
        UNSENT(smtp_client_helo(c, text))
        UNSENT(smtp_client_docmd(c, text, NULL))
        UNSENT(smtp_client_docmd(c, "NOOP", text))
        UNSENT(smtp_client_putcmd(c, text, NULL))
        UNSENT(smtp_client_putcmd(c, "NOOP", text))
        UNSENT(smtp_client_help(c, text))
        UNSENT(smtp_client_verify(c, address))
        UNSENT(smtp_client_verify(c, named))
        UNSENT(smtp_client_expn(c, text))
        UNSENT(smtp_client_mail(c, address, NULL, 0))
        UNSENT(smtp_client_mail(c, domain, NULL, 0))
        UNSENT(smtp_client_mail(c, named, NULL, 0))
        UNSENT(smtp_client_mail(c, good, &text, 1))
        UNSENT(smtp_client_mail(c, good, options, 2))
        UNSENT(smtp_client_rcpt(c, address, NULL, 0))
        UNSENT(smtp_client_rcpt(c, domain, NULL, 0))
        UNSENT(smtp_client_rcpt(c, named, NULL, 0))
        UNSENT(smtp_client_rcpt(c, good, options, 2))
        UNSENT(smtp_client_auth(c, text, an_auth_callback, NULL))

        UNSENT(smtp_client_sendmail(c, address, &good, 1, mail, size, NULL, 0, NULL, 0))
        UNSENT(smtp_client_sendmail(c, good, addresses, 2, mail, size, NULL, 0, NULL, 0))
        UNSENT(smtp_client_sendmail(c, good, &good, 1, mail, size, options, 2, NULL, 0))
        UNSENT(smtp_client_sendmail(c, good, &good, 1, mail, size, NULL, 0, options, 2))
        UNSENT(smtp_client_send_message(c, address, NULL, 0, mail, size, NULL, 0, NULL, 0))
        UNSENT(smtp_client_send_message(c, NULL, addresses, 2, mail, size, NULL, 0, NULL, 0))
        UNSENT(smtp_client_send_message(c, NULL, NULL, 0, mail, size, options, 2, NULL, 0))
        UNSENT(smtp_client_send_message(c, NULL, NULL, 0, mail, size, NULL, 0, options, 2))

        /* A transaction takes no such thing, so that it can send none. */
        UNSENT(smtp_transaction_set_sender(t, address))
        UNSENT(smtp_transaction_set_sender(t, named))
        UNSENT(smtp_transaction_add_recipient(t, address, NULL, 0))
        UNSENT(smtp_transaction_add_recipient(t, good, options, 2))
        UNSENT(smtp_transaction_add_mail_option(t, option))
        GIVES(0, smtp_transaction_recipient_count(t));

        /* Names that go elsewhere than to the server. */
        UNSENT(smtp_client_set_local_hostname(c, text))
        UNSENT(smtp_client_set_source_address(c, text, 0))
        UNSENT(smtp_client_set_url(c, text))
        UNSENT(smtp_client_set_host(c, text, 25))
        UNSENT(smtp_client_set_addresses(c, &text, 1))
        UNSENT(smtp_tls_set_server_name(l, text))
        CHECK(smtp_client_set_auth_mechanisms(c, text) < 0);
        CHECK(smtp_client_auth_builtin(c, text, "user", "password") < 0);
        CHECK(smtp_client_has_extension(c, text) <= 0);
        CHECK(smtp_client_extension_params(c, text) == NULL);
        nothing_came("a name");
    }
    /* Credentials are encoded, and may hold anything that is text. */
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_login(c, "\xff", "password"));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_login(c, "user", "\xff"));
    nothing_came("smtp_client_login");
    GIVES(1, smtp_client_is_connected(c)); /* nor was the connection harmed */
    GIVES(SMTP_OK, smtp_client_putcmd(c, "NOOP", NULL));
    {
        char line[16];
        CHECK(recv(peer, line, sizeof line, 0) == 6 && memcmp(line, "NOOP\r\n", 6) == 0);
    }
    close(peer);
    unmake();
}

/* A bad host or server name is refused before anything is done. */
static void bad_hosts(void) {
    static const char *const evil[] = {"a\r\nb", "a\nb", "a\x01", "a\x7f", "a\xc2\x85", "a\xff"};
    int pair[2];
    size_t i;
    make();
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    for (i = 0; i < sizeof evil / sizeof *evil; i++) {
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_connect(c, evil[i], 25));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_connect_fd(c, pair[0], evil[i]));
        GIVES(0, smtp_client_is_connected(c));
    }
    close(pair[0]), close(pair[1]);
    unmake();
}

static void numbers(void) {
    make();
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_timeout(c, 0));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_timeout(c, -3));
    GIVES(SMTP_OK, smtp_client_set_timeout(c, SMTP_TIMEOUT_NONE));
    GIVES(SMTP_OK, smtp_client_set_timeout(c, SMTP_TIMEOUT_RFC));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_debug_level(c, -1));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_debug_level(c, 3));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_source_address(c, NULL, -1));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_source_address(c, NULL, 65536));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_source_address(c, "localhost", 0));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_source_address(c, "127.0.0.1:25", 0));
    GIVES(SMTP_OK, smtp_client_set_source_address(c, "::1", 0));
    GIVES(SMTP_OK, smtp_client_set_source_address(c, "", 0));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_connect(c, ".", 25));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_connect(c, "%lo", 25));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_server_name(l, "."));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_server_name(l, "%lo"));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_server_name(l, ""));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_connect(c, "127.0.0.1", -1));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_connect(c, "127.0.0.1", 65536));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_connect(c, "127.0.0.1:", 0));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_connect(c, "127.0.0.1:smtp", 0));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_connect(c, "127.0.0.1:99999", 0));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_verify(l, 0));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_verify(l, 4));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_min_version(l, 11));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_max_version(l, 0));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_ca_file(l, "/nonexistent"));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_ca_file(l, "/dev/null"));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_add_ca_pem(l, "no PEM", 6));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_client_pkcs12(l, "no PKCS12", 9, ""));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_connect_fd(c, -1, NULL));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_connect_fd(c, 2, NULL)); /* no socket */
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_transaction_set_message_fd(t, -1));
    SAME("SMTP_E_TIMEOUT", smtp_error_name(SMTP_E_TIMEOUT));
    SAME("SMTP_OK", smtp_error_name(SMTP_OK));
    SAME("SMTP_PENDING", smtp_error_name(SMTP_PENDING));
    SAME("SMTP_E_?", smtp_error_name(-1000));
    SAME("SMTP_E_?", smtp_error_name(2));
    GIVES(1, smtp_error_is_temporary(SMTP_E_SENDER_REFUSED, 451));
    GIVES(0, smtp_error_is_temporary(SMTP_E_SENDER_REFUSED, 550));
    GIVES(1, smtp_error_is_temporary(SMTP_E_TIMEOUT, 0));
    GIVES(0, smtp_error_is_temporary(SMTP_E_OUTCOME_UNKNOWN, 0));
    GIVES(0, smtp_error_is_temporary(SMTP_E_INVALID_ARGUMENT, 0));
    GIVES(0, smtp_error_is_temporary(SMTP_OK, 250));
    unmake();
}

/* The thread's message and the handle's: the same at first, then each its own. */
static void two_errors(void) {
    smtp_client *one = smtp_client_new(SMTP_PROTOCOL_SMTP);
    smtp_client *other = smtp_client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_timeout(one, 0));
    SAME(smtp_last_error(), smtp_client_last_error(one));
    GIVES(SMTP_E_DISCONNECTED, smtp_client_noop(other));
    SAME(smtp_last_error(), smtp_client_last_error(other));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_last_error_code(one));
    CHECK(strcmp(smtp_client_last_error(one), smtp_client_last_error(other)) != 0);
    GIVES(SMTP_OK, smtp_client_set_timeout(one, 1000)); /* success leaves it alone */
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_last_error_code(one));
    GIVES(SMTP_E_IO, smtp_client_connect(one, "/nonexistent/socket", 0));
    CHECK(smtp_client_last_errno(one) == 2); /* ENOENT */
    HAS(smtp_client_last_error(one), "/nonexistent/socket");
    smtp_client_free(one);
    smtp_client_free(other);
}

int main(void) {
    use_all();
    no_handles();
    nulls();
    bad_texts();
    huge_lengths();
    CHECK(faults == 0);
    control_characters();
    nothing_is_sent();
    bad_hosts();
    numbers();
    two_errors();
    return 0;
}
