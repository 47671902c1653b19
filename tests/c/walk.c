/*
 * Every function of the header at least once, against a server that behaves, with what it must
 * give. c_api.rs compares the functions used here with the header's.
 */
/* SERVER smtp plain --auth user:password --refuse bob@b.example --with "LIMITS RCPTMAX=100" */
/* SERVER smtps tls --require-client-certificate */
/* SERVER lmtp lmtp-unix --refuse bob@b.example */
/* SERVER basic plain --without PIPELINING --without CHUNKING --without SMTPUTF8 --without SIZE */
#define _POSIX_C_SOURCE 200809L
#include "loop.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

static void facts(void) {
    SAME(SMTPCLIENT_VERSION, smtp_client_version());
    GIVES(SMTPCLIENT_VERSION_NUMBER, smtp_client_version_number());
    GIVES(SMTPCLIENT_VERSION_MAJOR, SMTPCLIENT_VERSION_NUMBER >> 16);
    GIVES(SMTPCLIENT_VERSION_MINOR, SMTPCLIENT_VERSION_NUMBER >> 8 & 0xff);
    GIVES(SMTPCLIENT_VERSION_PATCH, SMTPCLIENT_VERSION_NUMBER & 0xff);
    CHECK(SMTPCLIENT_VERSION_MAJOR >= 0 && SMTPCLIENT_VERSION_MINOR >= 0);
    GIVES(1, smtp_client_has_feature("smtp"));
    GIVES(1, smtp_client_has_feature("lmtp"));
    GIVES(1, smtp_client_has_feature("containment"));
    GIVES(1, smtp_client_has_feature("tls"));
    GIVES(1, smtp_client_has_feature("idna"));
    GIVES(1, smtp_client_has_feature("saslprep"));
    GIVES(1, smtp_client_has_feature("auth:SCRAM-SHA-256-PLUS"));
    GIVES(1, smtp_client_has_feature("auth:external"));
    GIVES(1, smtp_client_has_feature("pipelining"));
    GIVES(1, smtp_client_has_feature("chunking"));
    GIVES(1, smtp_client_has_feature("mime"));
    GIVES(1, smtp_client_has_feature("auth:CRAM-MD5"));
    GIVES(0, smtp_client_has_feature("auth:NTLM"));
    GIVES(0, smtp_client_has_feature("x"));
    SAME("SMTP_E_DATA", smtp_error_name(SMTP_E_DATA));
    GIVES(1, smtp_error_is_temporary(SMTP_E_DATA, 451));
    GIVES(SMTP_NEXT_LATER, smtp_error_advice(SMTP_E_DATA, 451, "4.3.0"));
    SAME("", smtp_last_error());
    GIVES(SMTP_OK, smtp_last_error_code());
    CHECK(smtp_client_new(0) == NULL);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_last_error_code());
}

static char transcript[64 * 1024];
static int transcript_destroyed;

static void on_debug(int direction, const char *data, size_t length, void *user) {
    size_t used = strlen(transcript);
    CHECK(user == transcript);
    CHECK(direction == SMTP_DEBUG_SENT || direction == SMTP_DEBUG_RECEIVED ||
          direction == SMTP_DEBUG_INFO);
    if (used + length + 4 < sizeof transcript) {
        sprintf(transcript + used, "%d ", direction);
        memcpy(transcript + used + 2, data, length);
        transcript[used + 2 + length] = '\n';
        transcript[used + 3 + length] = '\0';
    }
}

static void on_debug_destroyed(void *user) {
    CHECK(user == transcript);
    transcript_destroyed++;
}

static int connects_seen, sends_seen;

static int on_audit(int event, const char *host, int port, const char *data, size_t length,
                    void *user) {
    CHECK(user == NULL && host != NULL && port > 0);
    if (event == SMTP_AUDIT_CONNECT) {
        CHECK(data == NULL && length == 0);
        connects_seen++;
    } else {
        CHECK(event == SMTP_AUDIT_SEND && data != NULL && length > 0);
        sends_seen++;
    }
    return 0;
}

static int64_t most_sent;

static void on_progress(int64_t sent, int64_t total, void *user) {
    CHECK(user == &most_sent && sent >= 0 && (total == -1 || sent <= total));
    if (sent > most_sent)
        most_sent = sent;
}

/* What smtp_client_open() needs; setup.c has more of it. */
static void settings(void) {
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    const char *addresses[] = {"192.0.2.1", "2001:db8::1"};
    GIVES(SMTP_OK, smtp_client_set_url(client, "smtp+starttls://me@mail.example.org"));
    GIVES(SMTP_OK, smtp_client_set_host(client, "mail.example.org", 587));
    GIVES(SMTP_OK, smtp_client_set_security(client, SMTP_SECURITY_AUTO));
    GIVES(SMTP_OK, smtp_client_set_credentials(client, "me", "password"));
    GIVES(SMTP_OK, smtp_client_set_addresses(client, addresses, 2));
    GIVES(SMTP_OK, smtp_client_set_credentials(client, NULL, NULL));
    GIVES(SMTP_OK, smtp_client_set_host(client, server("smtp"), 0));
    GIVES(SMTP_OK, smtp_client_open(client));
    GIVES(SMTP_OK, smtp_client_open(client));
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
}

/* What a probe sees; probe.c has more of it. */
static void probed(void) {
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    smtp_report *report;
    GIVES(SMTP_OK, smtp_client_set_host(client, server("smtp"), 0));
    report = smtp_client_probe(client);
    CHECK(report != NULL && smtp_client_report(client) == NULL);
    GIVES(SMTP_OK, smtp_report_code(report));
    GIVES(0, smtp_report_reply_code(report));
    HAS(smtp_report_text(report, SMTP_REPORT_GREETING), "220 ");
    GIVES(SMTP_E_NOT_SUPPORTED, smtp_report_days_left(report));
    GIVES(1, smtp_report_address_count(report));
    SAME("127.0.0.1", smtp_report_address(report, 0));
    SAME("", smtp_report_address_error(report, 0));
    GIVES(0, smtp_report_address_errno(report, 0));
    CHECK(smtp_report_address_milliseconds(report, 0) >= 0);
    GIVES(0, smtp_report_advice_count(report));
    CHECK(smtp_report_advice(report, 0) == NULL);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_report_advice_kind(report, 0));
    smtp_report_free(report);
    smtp_client_free(client);
}

/* The same server from an event loop; nonblocking.c has more of it. */
static void in_a_loop(void) {
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_E_MISUSE, smtp_client_poll_fd(client));
    GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 1));
    GIVES(SMTP_OK, finish(client, smtp_client_connect(client, server("smtp"), 0)));
    CHECK(smtp_client_poll_fd(client) > 2);
    GIVES(221, finish(client, smtp_client_quit(client)));
    GIVES(SMTP_OK, smtp_client_process(client));
    GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 0));
    smtp_client_free(client);
}

/* smtplib's low-level methods. */
static void commands(void) {
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    const char *notify = "NOTIFY=NEVER";
    const char *body = "BODY=8BITMIME";
    size_t i, found = 0;
    int port = 7;
    CHECK(client != NULL);
    CHECK(smtp_client_local_hostname(client) == NULL);
    CHECK(smtp_client_source_address(client, &port) == NULL && port == 0);
    GIVES(SMTP_TIMEOUT_RFC, smtp_client_timeout(client));
    GIVES(SMTP_OK, smtp_client_set_timeout(client, SMTP_TIMEOUT_NONE));
    GIVES(SMTP_TIMEOUT_NONE, smtp_client_timeout(client));
    GIVES(SMTP_OK, smtp_client_set_source_address(client, NULL, 7));
    CHECK(smtp_client_source_address(client, &port) == NULL && port == 7);
    GIVES(SMTP_OK, smtp_client_set_local_hostname(client, "client.example"));
    GIVES(SMTP_OK, smtp_client_set_source_address(client, "127.0.0.1", 0));
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 60000));
    SAME("client.example", smtp_client_local_hostname(client));
    SAME("127.0.0.1", smtp_client_source_address(client, &port));
    GIVES(0, port);
    GIVES(60000, smtp_client_timeout(client));
    GIVES(SMTP_OK, smtp_client_set_debug_callback(client, on_debug, transcript, on_debug_destroyed));
    GIVES(SMTP_OK, smtp_client_set_debug_level(client, 1));
    GIVES(SMTP_OK, smtp_client_set_debug_secrets(client, 0));
    GIVES(SMTP_OK, smtp_client_set_audit_callback(client, on_audit, NULL, NULL));
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
    GIVES(1, connects_seen);
    GIVES(220, smtp_client_reply_code(client));
    GIVES(1, smtp_client_is_connected(client));
    GIVES(0, smtp_client_is_encrypted(client));
    CHECK(smtp_client_fd(client) >= 0);
    CHECK(smtp_client_peer_certificate(client, NULL) == NULL);

    GIVES(250, smtp_client_helo(client, NULL));
    HAS(smtp_client_helo_response(client), "client.example");
    CHECK(smtp_client_ehlo_response(client) == NULL);
    GIVES(0, smtp_client_does_esmtp(client));
    GIVES(250, smtp_client_ehlo(client, "other.example"));
    HAS(smtp_client_ehlo_response(client), "hello other.example\nPIPELINING\nSIZE 104857600\n");
    GIVES(SMTP_OK, smtp_client_ehlo_or_helo_if_needed(client));
    GIVES(1, smtp_client_does_esmtp(client));
    GIVES(1, smtp_client_has_extension(client, "sIzE"));
    GIVES(0, smtp_client_has_extension(client, "SIZ"));
    SAME("104857600", smtp_client_extension_params(client, "size"));
    SAME("", smtp_client_extension_params(client, "8bitmime"));
    SAME("PLAIN LOGIN CRAM-MD5 XOAUTH2", smtp_client_extension_params(client, "AUTH"));
    CHECK(smtp_client_extension_params(client, "X") == NULL);
    for (i = 0; i < smtp_client_extension_count(client); i++)
        found += strcmp(smtp_client_extension_name(client, i), "CHUNKING") == 0;
    CHECK(found == 1 && smtp_client_extension_name(client, i) == NULL);

    GIVES(250, smtp_client_noop(client));
    SAME("2.0.0", smtp_client_reply_enhanced(client));
    GIVES(214, smtp_client_help(client, NULL));
    HAS(smtp_client_reply_text(client), "RFC 5321");
    GIVES(214, smtp_client_help(client, "MAIL"));
    GIVES(252, smtp_client_verify(client, "Somebody <a@b.example>"));
    HAS(smtp_client_reply_text(client), "will try a@b.example");
    GIVES(502, smtp_client_expn(client, "list"));
    GIVES(250, smtp_client_docmd(client, "NOOP", "an argument"));
    GIVES(500, smtp_client_docmd(client, "XYZZY", NULL));
    GIVES(SMTP_OK, smtp_client_putcmd(client, "NOOP", NULL));
    GIVES(SMTP_E_MISUSE, smtp_client_noop(client));
    GIVES(250, smtp_client_getreply(client));
    GIVES(SMTP_OK, smtp_client_send_raw(client, "NOOP\r\n", 6));
    GIVES(250, smtp_client_getreply(client));

    GIVES(250, smtp_client_mail(client, "from@a.example", &body, 1));
    GIVES(250, smtp_client_rcpt(client, "to@b.example", &notify, 1));
    GIVES(550, smtp_client_rcpt(client, "bob@b.example", NULL, 0));
    SAME("5.1.1", smtp_client_reply_enhanced(client));
    SAME("5.1.1 no such user", smtp_client_reply_text(client));
    GIVES(250, smtp_client_data(client, ".dots\r\n.\n", 9));
    GIVES(250, smtp_client_mail(client, "", NULL, 0));
    GIVES(250, smtp_client_rset(client));
    GIVES(SMTP_E_DATA, smtp_client_data(client, "x", 1));
    GIVES(503, smtp_client_reply_code(client));
    GIVES(SMTP_E_DATA, smtp_client_last_error_code(client));
    GIVES(0, smtp_client_last_errno(client));
    GIVES(SMTP_DETAIL_NONE, smtp_client_last_error_detail(client));
    GIVES(SMTP_E_DATA, smtp_last_error_code());
    SAME(smtp_last_error(), smtp_client_last_error(client));
    GIVES(SMTP_OK, smtp_client_cancel(client)); /* no call is running */
    GIVES(250, smtp_client_noop(client));
    GIVES(221, smtp_client_quit(client));
    CHECK(sends_seen > 10);
    HAS(transcript, "1 EHLO other.example\r\n");
    HAS(transcript, "2 250-loopback.test hello other.example\r\n250-PIPELINING\r\n");
    CHECK(transcript_destroyed == 0);
    smtp_client_free(client);
    CHECK(transcript_destroyed == 1);
}

static int on_xoauth2(smtp_auth_exchange *exchange, void *user) {
    static const char response[] = "user=user\1auth=Bearer password\1\1";
    size_t length = 99;
    CHECK(user == transcript);
    CHECK(smtp_auth_exchange_challenge(exchange, &length) == NULL);
    GIVES(SMTP_OK, smtp_auth_exchange_respond(exchange, response, sizeof response - 1));
    GIVES(SMTP_E_MISUSE, smtp_auth_exchange_respond(exchange, response, sizeof response - 1));
    return 0;
}

static smtp_client *to_login(void) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_OK, smtp_client_set_initial_response(client, 1));
    GIVES(SMTP_OK, smtp_client_set_allow_plaintext_auth(client, 0));
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
    return client;
}

static void logins(void) {
    static const char *const mechanisms[] = {"CRAM-MD5", "PLAIN", "LOGIN"};
    smtp_client *client = to_login();
    size_t i;
    GIVES(SMTP_OK, smtp_client_set_auth_mechanisms(client, "LOGIN PLAIN"));
    GIVES(SMTP_E_AUTHENTICATION, smtp_client_login(client, "user", "wrong"));
    GIVES(535, smtp_client_reply_code(client));
    GIVES(SMTP_OK, smtp_client_login(client, "user", "password"));
    GIVES(SMTP_OK, smtp_client_login(client, "user", "password")); /* 503: already */
    smtp_client_free(client);
    for (i = 0; i < 6; i++) {
        client = to_login();
        GIVES(SMTP_OK, smtp_client_set_initial_response(client, i < 3));
        GIVES(SMTP_OK, smtp_client_auth_builtin(client, mechanisms[i % 3], "user", "password"));
        GIVES(221, smtp_client_quit(client));
        smtp_client_free(client);
    }
    client = to_login();
    GIVES(SMTP_OK, smtp_client_auth(client, "XOAUTH2", on_xoauth2, transcript));
    smtp_client_free(client);
}

/* token.c has more of it. */
static int on_token(smtp_token_request *request, void *user) {
    int *calls = user;
    SAME("user", smtp_token_request_user(request));
    if (++*calls == 1) {
        GIVES(SMTP_TOKEN_FIRST, smtp_token_request_reason(request));
        CHECK(smtp_token_request_detail(request) == NULL);
        return smtp_token_give(request, "wrong", 3600);
    }
    GIVES(SMTP_TOKEN_REFUSED, smtp_token_request_reason(request));
    HAS(smtp_token_request_detail(request), "535");
    return *calls == 2 ? smtp_token_give(request, "password", 0) : smtp_token_fail(request, "none");
}

static void tokens(void) {
    int calls = 0;
    smtp_token_source *source = smtp_token_source_new(on_token, &calls, NULL);
    smtp_client *client = to_login();
    GIVES(SMTP_OK, smtp_client_login_oauth(client, "user", "password"));
    smtp_client_free(client);
    client = to_login();
    GIVES(SMTP_OK, smtp_client_set_token_source(client, "user", source));
    smtp_token_source_free(source);
    GIVES(SMTP_OK, smtp_client_login_oauth(client, NULL, NULL));
    GIVES(2, calls);
    smtp_client_free(client);
}

static const char LATIN[] = "From: \"A\" <a@a.example>\r\nTo: to@b.example,\r\n bob@b.example\r\n"
                            "Bcc: c@b.example\r\nSubject: gr\xc3\xbc\xc3\x9f\r\n\r\nHello.\r\n";

static void mails(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    const char *to[] = {"to@b.example", "Bob <bob@b.example>", "c@b.example"};
    const char *ret = "RET=HDRS";
    const char *notify = "NOTIFY=NEVER";
    int chunking;
    for (chunking = 0; chunking < 2; chunking++) {
        GIVES(SMTP_OK, smtp_client_set_pipelining(client, chunking));
        GIVES(SMTP_OK, smtp_client_set_chunking(client, chunking));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_window(client, -1));
        GIVES(SMTP_OK, smtp_client_set_window(client, chunking));
        GIVES(SMTP_OK, smtp_client_set_progress_callback(client, on_progress, &most_sent, NULL));
        most_sent = 0;
        GIVES(SMTP_OK, smtp_client_sendmail(client, "from@a.example", to, 3, MESSAGE,
                                            sizeof MESSAGE - 1, &ret, 1, &notify, 1));
        CHECK(most_sent >= (int64_t)sizeof MESSAGE - 1);
        GIVES(1, smtp_client_refused_count(client));
        SAME("Bob <bob@b.example>", smtp_client_refused_address(client, 0));
        GIVES(550, smtp_client_refused_code(client, 0));
        SAME("5.1.1 no such user", smtp_client_refused_text(client, 0));
        SAME("5.1.1", smtp_client_refused_enhanced(client, 0));
        CHECK(smtp_client_refused_address(client, 1) == NULL);
        GIVES(3, smtp_client_recipient_count(client));
        GIVES(SMTP_RECIPIENT_ACCEPTED, smtp_client_recipient_status(client, 0));
        GIVES(SMTP_RECIPIENT_REFUSED, smtp_client_recipient_status(client, 1));
        GIVES(550, smtp_client_recipient_code(client, 1));
        SAME("Bob <bob@b.example>", smtp_client_recipient_address(client, 1));
        SAME("5.1.1 no such user", smtp_client_recipient_text(client, 1));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_recipient_status(client, 3));
        CHECK(smtp_client_recipient_address(client, 3) == NULL);
        GIVES(SMTP_E_RECIPIENTS_REFUSED, smtp_client_sendmail(client, "from@a.example", to + 1, 1,
                                                              MESSAGE, 5, NULL, 0, NULL, 0));
        GIVES(SMTP_OK, smtp_client_send_message(client, NULL, NULL, 0, LATIN, sizeof LATIN - 1,
                                                NULL, 0, NULL, 0));
        GIVES(1, smtp_client_refused_count(client));
        GIVES(SMTP_OK, smtp_client_send_message(client, "x@a.example", to, 1, LATIN,
                                                sizeof LATIN - 1, &ret, 1, &notify, 1));
        GIVES(0, smtp_client_refused_count(client));
    }
    smtp_client_free(client);

    client = connected(SMTP_PROTOCOL_SMTP, "basic");
    GIVES(SMTP_OK, smtp_client_send_message(client, NULL, NULL, 0, LATIN, sizeof LATIN - 1, NULL, 0,
                                            NULL, 0));
    GIVES(SMTP_OK, send_one(client));
    smtp_client_free(client);
}

/* The same message's envelope, without a client. */
static void envelopes(void) {
    static const char *const names[] = {"to@b.example", "bob@b.example", "c@b.example"};
    static const char *const given[] = {"Bob <bob@b.example>"};
    static const char utf8[] = "From: a@b.example\nTo: gr\xc3\xbc\xc3\x9f@b.example\n\n";
    smtp_envelope *envelope = smtp_envelope_new(NULL, NULL, 0, LATIN, sizeof LATIN - 1);
    size_t i;
    SAME("a@a.example", smtp_envelope_sender(envelope));
    GIVES(3, smtp_envelope_recipient_count(envelope));
    for (i = 0; i < 3; i++)
        SAME(names[i], smtp_envelope_recipient(envelope, i));
    CHECK(smtp_envelope_recipient(envelope, 3) == NULL);
    HAS(smtp_last_error(), "no recipient 3");
    GIVES(0, smtp_envelope_needs_smtputf8(envelope));
    smtp_envelope_free(envelope);

    envelope = smtp_envelope_new("<>", given, 1, utf8, sizeof utf8 - 1);
    SAME("", smtp_envelope_sender(envelope));
    GIVES(1, smtp_envelope_recipient_count(envelope));
    SAME("bob@b.example", smtp_envelope_recipient(envelope, 0));
    GIVES(1, smtp_envelope_needs_smtputf8(envelope)); /* the header does */
    smtp_envelope_free(envelope);

    CHECK(smtp_envelope_new(NULL, given, 0, LATIN, sizeof LATIN - 1) == NULL);
    HAS(smtp_last_error(), "there is no recipient");
    CHECK(smtp_envelope_new("a@x,b@x", given, 1, LATIN, sizeof LATIN - 1) == NULL);
    HAS(smtp_last_error(), "two addresses");
    CHECK(smtp_envelope_new(NULL, given, 1, "To: a@b\n\n", 9) == NULL);
    HAS(smtp_last_error(), "no From or Sender");
    smtp_envelope_free(NULL);
}

static ptrdiff_t on_read(void *buffer, size_t capacity, void *user) {
    int *rounds = user;
    if (++*rounds > 3)
        return 0;
    CHECK(capacity >= 7);
    memcpy(buffer, "a line\n", 7);
    return 7;
}

static void on_release(void *user) {
    ++*(int *)user;
}

static int completed;

static void on_completion(smtp_transaction *transaction, void *user) {
    CHECK(user == NULL);
    GIVES(SMTP_OK, smtp_transaction_status(transaction));
    completed++;
}

/* A transaction with a good and a refused recipient and no message. */
static smtp_transaction *transaction(void) {
    smtp_transaction *made = smtp_transaction_new();
    const char *notify = "NOTIFY=NEVER";
    GIVES(SMTP_OK, smtp_transaction_set_sender(made, "A <from@a.example>"));
    GIVES(SMTP_OK, smtp_transaction_add_mail_option(made, "RET=HDRS"));
    GIVES(SMTP_OK, smtp_transaction_add_recipient(made, "to@b.example", &notify, 1));
    GIVES(SMTP_OK, smtp_transaction_add_recipient(made, "bob@b.example", NULL, 0));
    return made;
}

static void outcome(smtp_transaction *mail) {
    GIVES(SMTP_OK, smtp_transaction_status(mail));
    GIVES(250, smtp_transaction_reply_code(mail));
    HAS(smtp_transaction_reply_text(mail), "2.");
    HAS(smtp_transaction_reply_enhanced(mail), "2.");
    GIVES(2, smtp_transaction_recipient_count(mail));
    SAME("to@b.example", smtp_transaction_recipient_address(mail, 0));
    GIVES(SMTP_RECIPIENT_ACCEPTED, smtp_transaction_recipient_status(mail, 0));
    GIVES(250, smtp_transaction_recipient_code(mail, 0));
    GIVES(SMTP_RECIPIENT_REFUSED, smtp_transaction_recipient_status(mail, 1));
    GIVES(550, smtp_transaction_recipient_code(mail, 1));
    SAME("5.1.1 no such user", smtp_transaction_recipient_text(mail, 1));
    SAME("5.1.1", smtp_transaction_recipient_enhanced(mail, 1));
    CHECK(smtp_transaction_recipient_address(mail, 2) == NULL);
}

static void transactions(int protocol, const char *name) {
    smtp_client *client = connected(protocol, name);
    smtp_transaction *mail = transaction();
    smtp_transaction *batch[8];
    int released = 0, rounds = 0, i;
    FILE *file = tmpfile();
    GIVES(SMTP_RECIPIENT_NOT_TRIED, smtp_transaction_recipient_status(mail, 0));
    CHECK(smtp_transaction_user_data(mail) == NULL);
    GIVES(SMTP_OK, smtp_transaction_set_user_data(mail, &completed, NULL));

    GIVES(SMTP_OK, smtp_transaction_set_message(mail, MESSAGE, sizeof MESSAGE - 1));
    GIVES(SMTP_OK, smtp_client_send(client, mail));
    outcome(mail);
    GIVES(SMTP_OK, smtp_transaction_set_message_borrowed(mail, MESSAGE, sizeof MESSAGE - 1));
    GIVES(SMTP_OK, smtp_transaction_set_release_callback(mail, on_release, &released));
    GIVES(SMTP_OK, smtp_client_send(client, mail));
    outcome(mail);
    CHECK(released == 0);
    GIVES(SMTP_OK, smtp_transaction_set_message_reader(mail, on_read, &rounds, -1));
    CHECK(released == 1);
    GIVES(SMTP_OK, smtp_client_send(client, mail));
    outcome(mail);
    rounds = 0;
    GIVES(SMTP_OK, smtp_transaction_set_reader(mail, on_read, &rounds, on_release, 21));
    GIVES(SMTP_OK, smtp_client_send(client, mail));
    outcome(mail);
    CHECK(rounds >= 3);
    CHECK(file != NULL && fputs("a line\nand another\n", file) >= 0 && fflush(file) == 0);
    rewind(file);
    GIVES(SMTP_OK, smtp_transaction_set_message_fd(mail, fileno(file)));
    fclose(file);
    GIVES(SMTP_OK, smtp_client_send(client, mail));
    outcome(mail);
    GIVES(SMTP_OK, smtp_client_send(client, mail)); /* a file can be read again */
    outcome(mail);
    GIVES(SMTP_PHASE_DONE, smtp_transaction_phase(mail));
    GIVES(0, smtp_transaction_recipient_is_temporary(mail, 1));
    GIVES(SMTP_OK, smtp_transaction_clear(mail));
    GIVES(0, smtp_transaction_recipient_count(mail));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_send(client, mail)); /* nobody to send to */
    CHECK(smtp_transaction_error(mail)[0] != '\0');
    GIVES(SMTP_DETAIL_NONE, smtp_transaction_error_detail(mail));
    SAME("", smtp_transaction_last_error(mail));
    GIVES(SMTP_OK, smtp_transaction_last_error_code(mail));
    CHECK(smtp_transaction_user_data(mail) == &completed);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_transaction_set_sender(mail, "\n"));
    SAME(smtp_last_error(), smtp_transaction_last_error(mail));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_transaction_last_error_code(mail));
    GIVES(0, smtp_transaction_last_errno(mail));
    CHECK(smtp_transaction_remaining(mail, 0) == NULL); /* nobody */
    smtp_transaction_free(mail);

    GIVES(SMTP_OK, smtp_client_set_completion_callback(client, on_completion, NULL, NULL));
    completed = 0;
    for (i = 0; i < 8; i++) {
        batch[i] = transaction();
        GIVES(SMTP_OK, smtp_transaction_set_message_borrowed(batch[i], MESSAGE, sizeof MESSAGE - 1));
    }
    GIVES(SMTP_OK, smtp_client_send_batch(client, batch, 8));
    CHECK(completed == 0);
    for (i = 0; i < 8; i++) {
        outcome(batch[i]);
        GIVES(SMTP_OK, smtp_client_submit(client, batch[i]));
    }
    GIVES(SMTP_OK, smtp_client_flush(client));
    CHECK(completed == 8);
    for (i = 0; i < 8; i++) {
        outcome(batch[i]);
        smtp_transaction_free(batch[i]);
    }
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
}

static size_t taken;

static int on_write(const void *data, size_t length, void *user) {
    CHECK(data != NULL && length > 0 && user == &taken);
    taken += length;
    return 0;
}

/* A message that the library writes; mime.c has more of it. */
static void messages(int protocol, const char *name) {
    smtp_client *client = connected(protocol, name);
    smtp_message *message = smtp_message_new();
    smtp_transaction *mail = smtp_transaction_new();
    smtp_envelope *envelope;
    FILE *file = tmpfile();
    int released = 0, rounds = 0;
    CHECK(file != NULL && fputs("a,b\n", file) >= 0 && fflush(file) == 0);
    rewind(file);
    SAME("", smtp_message_last_error(message));
    GIVES(SMTP_OK, smtp_message_last_error_code(message));
    CHECK(smtp_message_message_id(message) == NULL);
    GIVES(SMTP_OK, smtp_message_set_from(message, "Me", "from@a.example"));
    GIVES(SMTP_OK, smtp_message_add_to(message, NULL, "to@b.example"));
    GIVES(SMTP_OK, smtp_message_add_cc(message, "Bob", "bob@b.example"));
    GIVES(SMTP_OK, smtp_message_add_bcc(message, "", "c@b.example"));
    GIVES(SMTP_OK, smtp_message_add_reply_to(message, NULL, "answers@a.example"));
    GIVES(SMTP_OK, smtp_message_set_subject(message, "gr\xc3\xbc\xc3\x9f"));
    GIVES(SMTP_OK, smtp_message_add_header(message, "Auto-Submitted", "auto-generated"));
    GIVES(SMTP_OK, smtp_message_set_text(message, "text\n"));
    GIVES(SMTP_OK, smtp_message_set_text_flowed(message, 1));
    GIVES(SMTP_OK, smtp_message_set_html(message, "<img src=\"cid:logo\">\n"));
    GIVES(SMTP_OK, smtp_message_set_date(message, 1700000000));
    GIVES(SMTP_OK, smtp_message_add_inline(message, "logo", "logo.png", NULL, "PNG", 3));
    GIVES(SMTP_OK, smtp_message_add_attachment(message, "a.bin", NULL, "\0\1", 2));
    GIVES(SMTP_OK, smtp_message_add_attachment_borrowed(message, "b.txt", "text/plain", "text", 4,
                                                        &released, on_release));
    GIVES(SMTP_OK, smtp_message_add_attachment_fd(message, "c.csv", NULL, fileno(file)));
    fclose(file);
    CHECK(smtp_message_message_id(message)[0] == '<');
    envelope = smtp_message_envelope(message);
    GIVES(3, smtp_envelope_recipient_count(envelope));
    smtp_envelope_free(envelope);
    taken = 0;
    GIVES(SMTP_OK, smtp_message_write(message, on_write, &taken));
    CHECK(taken > 500);
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    GIVES(1, smtp_client_refused_count(client));
    GIVES(SMTP_OK, smtp_message_add_attachment_reader(message, "d.bin", NULL, on_read, &rounds,
                                                      NULL, -1));
    GIVES(SMTP_OK, smtp_transaction_set_mime(mail, message));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_set_subject(message, "\n"));
    SAME(smtp_last_error(), smtp_message_last_error(message));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_last_error_code(message));
    GIVES(0, smtp_message_last_errno(message));
    GIVES(SMTP_OK, smtp_message_clear(message));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_send_mime(client, message));
    smtp_message_free(message);
    GIVES(SMTP_OK, smtp_client_send(client, mail));
    GIVES(SMTP_RECIPIENT_REFUSED, smtp_transaction_recipient_status(mail, 1));
    CHECK(rounds > 3);
    smtp_transaction_free(mail);
    GIVES(1, released);
    smtp_client_free(client);
}

static char *read_file(const char *name, size_t *length) {
    FILE *opened = fopen(file(name), "rb");
    char *bytes = malloc(16384);
    CHECK(opened != NULL && bytes != NULL);
    *length = fread(bytes, 1, 16384, opened);
    fclose(opened);
    return bytes;
}

static void encrypted(void) {
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTPS);
    smtp_tls *tls = smtp_tls_new();
    size_t length = 0;
    char *bytes = read_file("ca.pem", &length);
    SAME("", smtp_tls_last_error(tls));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_verify(tls, 0));
    SAME(smtp_last_error(), smtp_tls_last_error(tls));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_last_error_code(tls));
    GIVES(0, smtp_tls_last_errno(tls));
    GIVES(SMTP_OK, smtp_tls_set_system_roots(tls, 0));
    GIVES(SMTP_OK, smtp_tls_add_ca_pem(tls, bytes, length));
    free(bytes);
    GIVES(SMTP_OK, smtp_tls_set_ca_file(tls, file("ca.pem")));
    GIVES(SMTP_OK, smtp_tls_add_ca_file(tls, file("ca.pem")));
    GIVES(SMTP_OK, smtp_tls_set_verify(tls, SMTP_TLS_VERIFY_CERTIFICATE));
    GIVES(SMTP_OK, smtp_tls_set_verify(tls, SMTP_TLS_VERIFY_NONE));
    GIVES(SMTP_OK, smtp_tls_set_verify(tls, SMTP_TLS_VERIFY_FULL));
    GIVES(SMTP_OK, smtp_tls_set_min_version(tls, SMTP_TLS_VERSION_1_2));
    GIVES(SMTP_OK, smtp_tls_set_max_version(tls, SMTP_TLS_VERSION_1_3));
    GIVES(SMTP_OK, smtp_tls_set_server_name(tls, "localhost"));
    GIVES(SMTP_OK, smtp_tls_set_client_certificate(tls, file("client-both.pem"), NULL));
    if (smtp_client_has_feature("tls-key-uri")) {
        char uri[1100];
        snprintf(uri, sizeof uri, "file:%s", file("client-both.pem"));
        GIVES(SMTP_OK, smtp_tls_set_client_key_uri(tls, uri));
        GIVES(SMTP_OK, smtp_tls_set_resumption(tls, 1));
    }
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_add_pin(tls, "sha256//"));
    GIVES(SMTP_OK, smtp_tls_load(tls));
    GIVES(SMTP_OK, smtp_client_set_tls(client, tls));
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtps"), 0));
    GIVES(1, smtp_client_is_encrypted(client));
    CHECK(smtp_client_peer_certificate(client, &length) != NULL && length > 100);
    GIVES(SMTP_E_MISUSE, smtp_client_starttls(client));
    GIVES(smtp_client_has_feature("tls-info"),
          smtp_client_tls_info(client, SMTP_TLS_INFO_VERSION) != NULL);
    GIVES(SMTP_OK, send_one(client));
    GIVES(SMTP_OK, smtp_client_close(client));

    bytes = read_file("client.p12", &length);
    GIVES(SMTP_OK, smtp_tls_set_client_pkcs12(tls, bytes, length, "secret"));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_client_pkcs12(tls, bytes, length, "wrong"));
    free(bytes);
    GIVES(SMTP_OK, smtp_client_set_tls(client, tls));
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtps"), 0));
    GIVES(SMTP_OK, send_one(client));
    smtp_client_free(client);
    smtp_tls_free(tls);

    client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    GIVES(SMTP_OK, smtp_client_starttls(client));
    GIVES(SMTP_OK, send_one(client));
    smtp_client_free(client);
}

/* Connects by hand. */
static int plain_socket(void) {
    struct sockaddr_in to;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((unsigned short)atoi(strrchr(server("smtp"), ':') + 1));
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

static void over_a_socket(void) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    int fd = plain_socket();
    GIVES(SMTP_OK, smtp_client_connect_fd(client, fd, NULL));
    close(fd);
    GIVES(220, smtp_client_reply_code(client));
    GIVES(SMTP_OK, send_one(client));
    smtp_client_free(client);
}

/* The caller reads the greeting, and the client goes on, or finds what should not be there. */
static void over_a_greeted_socket(void) {
    static const char *const names[] = {"", ".", "%lo", ".b.example", "a..b"};
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    smtp_client *secure = client_new(SMTP_PROTOCOL_SMTPS);
    int fd = plain_socket();
    char byte = 0;
    size_t i;
    while (byte != '\n')
        CHECK(read(fd, &byte, 1) == 1);
    for (i = 0; i < sizeof names / sizeof *names; i++) {
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_adopt_fd(client, fd, names[i]));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_connect_fd(client, fd, names[i]));
    }
    GIVES(SMTP_E_MISUSE, smtp_client_adopt_fd(secure, fd, "localhost"));
    smtp_client_free(secure);
    GIVES(250, smtp_client_noop(client)); /* over the connection it had */
    GIVES(221, smtp_client_quit(client));
    GIVES(SMTP_OK, smtp_client_adopt_fd(client, fd, "localhost"));
    close(fd);
    GIVES(1, smtp_client_is_connected(client));
    GIVES(0, smtp_client_reply_code(client));
    GIVES(SMTP_OK, smtp_client_starttls(client));
    GIVES(SMTP_OK, send_one(client));
    GIVES(221, smtp_client_quit(client));

    /* A greeting that is still to be read is no reply to EHLO. */
    fd = plain_socket();
    CHECK(recv(fd, &byte, 1, MSG_PEEK) == 1);
    GIVES(SMTP_OK, smtp_client_adopt_fd(client, fd, NULL));
    close(fd);
    GIVES(SMTP_E_PROTOCOL, smtp_client_ehlo(client, NULL));
    GIVES(0, smtp_client_is_connected(client));
    smtp_client_free(client);
}

int main(void) {
    facts();
    settings();
    probed();
    in_a_loop();
    commands();
    logins();
    tokens();
    mails();
    envelopes();
    transactions(SMTP_PROTOCOL_SMTP, "smtp");
    transactions(SMTP_PROTOCOL_LMTP, "lmtp");
    messages(SMTP_PROTOCOL_SMTP, "smtp");
    messages(SMTP_PROTOCOL_LMTP, "lmtp");
    encrypted();
    over_a_socket();
    over_a_greeted_socket();
    return 0;
}
