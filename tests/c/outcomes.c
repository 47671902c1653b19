/*
 * Faults of servers, each with its own code and a message that says what happened, and every code
 * of the header that these can bring about. (SMTP_E_BUSY is seen in threads.c and
 * SMTP_E_NO_MECHANISM in authenticate.c.)
 */
/* SERVER smtp plain --auth user:password --size 1000 */
/* SERVER no_esmtp plain --mode 500-at-ehlo --mode 500-at-helo */
/* SERVER helo plain --mode 500-at-ehlo */
/* SERVER greeting_554 plain --mode 554-at-greeting */
/* SERVER greeting_garbage plain --mode bad-greeting */
/* SERVER greeting_421 plain --mode 421-at-greeting */
/* SERVER greeting_eof plain --mode close-at-greeting */
/* SERVER greeting_cut plain --mode no-lf-at-greeting */
/* SERVER reset plain --mode reset-at-ehlo */
/* SERVER long_line plain --mode long-line */
/* SERVER endless plain --mode endless */
/* SERVER mixed plain --mode mixed-codes-at-noop */
/* SERVER nul plain --mode nul-at-noop */
/* SERVER bad_code plain --mode bad-code-at-noop */
/* SERVER two_replies plain --mode two-replies-at-noop */
/* SERVER split plain --mode split --refuse bob@b.example */
/* SERVER sender plain --refuse-sender "from@a.example=550 5.7.1 go away" */
/* SERVER sender_421 plain --mode 421-at-mail */
/* SERVER recipients plain --refuse to@b.example */
/* SERVER recipient_421 plain --mode 421-at-rcpt */
/* SERVER data_554 plain --mode 554-at-data --without CHUNKING */
/* SERVER end_554 plain --mode 554-at-end-of-data */
/* SERVER end_421 plain --mode 421-at-end-of-data */
/* SERVER end_eof plain --mode close-after-data */
/* SERVER end_cut plain --mode no-lf-at-end-of-data */
/* SERVER early plain --mode early-reply --without CHUNKING */
/* SERVER quit_421 plain --mode 421-at-quit */
/* SERVER starttls_454 plain --mode 454-at-starttls */
/* SERVER inject plain --mode inject-starttls */
/* SERVER not_tls plain --mode mute-at-quit */
/* SERVER no_starttls plain --without STARTTLS */
/* SERVER expired tls --cert expired --mode mute-at-quit */
/* SERVER early_dates tls --cert not-yet-valid --mode mute-at-quit */
/* SERVER self_signed tls --cert self-signed --mode mute-at-quit */
/* SERVER other_host tls --cert other-host --mode mute-at-quit */
/* SERVER unknown_ca tls --cert unknown-ca --mode mute-at-quit */
/* SERVER no_san tls --cert no-san --mode mute-at-quit */
/* SERVER purpose tls --cert client-purpose --mode mute-at-quit */
/* SERVER wants_certificate tls --require-client-certificate --mode mute-at-quit */
/* SERVER wants_certificate_later plain --require-client-certificate --mode mute-at-quit */
/* SERVER mute plain --mode mute */
/* SERVER lmtp lmtp */
/* SERVER lmtp_ehlo lmtp --mode 500-at-lhlo */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "resolver.h"

static unsigned seen; /* codes, as bits */

static void saw(int code) {
    CHECK(code <= 0 && code > -32);
    seen |= 1u << -code;
}

static int connect_it(smtp_client *client, const char *name) {
    return smtp_client_connect(client, server(name), 0);
}
static int ehlo(smtp_client *client, const char *name) {
    GIVES(SMTP_OK, connect_it(client, name));
    return smtp_client_ehlo_or_helo_if_needed(client);
}
static int noop(smtp_client *client, const char *name) {
    GIVES(SMTP_OK, connect_it(client, name));
    return smtp_client_noop(client);
}
/* A reply more than was asked for: noticed at the latest by the next command. */
static int noop_twice(smtp_client *client, const char *name) {
    int code = noop(client, name);
    return code < 0 ? code : smtp_client_noop(client);
}
static int mail(smtp_client *client, const char *name) {
    GIVES(SMTP_OK, connect_it(client, name));
    return send_one(client);
}
static int large(smtp_client *client, const char *name) {
    static char message[2 * 1024 * 1024];
    const char *to = "to@b.example";
    GIVES(SMTP_OK, connect_it(client, name));
    memset(message, 'x', sizeof message);
    return smtp_client_sendmail(client, "from@a.example", &to, 1, message, sizeof message, NULL, 0,
                                NULL, 0);
}
static int quit(smtp_client *client, const char *name) {
    GIVES(SMTP_OK, connect_it(client, name));
    return smtp_client_quit(client);
}
static int starttls(smtp_client *client, const char *name) {
    GIVES(SMTP_OK, connect_it(client, name));
    return smtp_client_starttls(client);
}
static int starttls_and_on(smtp_client *client, const char *name) {
    int code = starttls(client, name);
    return code < 0 ? code : smtp_client_ehlo(client, NULL);
}
static int connect_and_on(smtp_client *client, const char *name) {
    int code = connect_it(client, name);
    return code < 0 ? code : smtp_client_ehlo(client, NULL);
}
static int login_wrong(smtp_client *client, const char *name) {
    GIVES(SMTP_OK, connect_it(client, name));
    return smtp_client_login(client, "user", "wrong");
}
static int login_missing(smtp_client *client, const char *name) {
    GIVES(SMTP_OK, connect_it(client, name));
    GIVES(SMTP_OK, smtp_client_set_auth_mechanisms(client, "PLAIN"));
    return smtp_client_auth(client, "X-NONE", NULL, NULL);
}
static int nobody_there(smtp_client *client, const char *name) {
    (void)name;
    return smtp_client_connect(client, "127.0.0.1", 1);
}
static int no_name_service(smtp_client *client, const char *name) {
    (void)name;
    return smtp_client_connect(client, "again-1.example", 25);
}

static int no_such_name(smtp_client *client, const char *name) {
    (void)name;
    /* A name that the C library refuses itself: no network is needed. */
    return smtp_client_connect(client, "-no-such-host.invalid", 25);
}
static int forbid(int event, const char *host, int port, const char *data, size_t length,
                  void *user) {
    (void)event, (void)host, (void)port, (void)data, (void)length, (void)user;
    return 1;
}
static int forbidden(smtp_client *client, const char *name) {
    GIVES(SMTP_OK, smtp_client_set_audit_callback(client, forbid, NULL, NULL));
    return connect_it(client, name);
}
static int too_late(smtp_client *client, const char *name) {
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 200));
    return connect_it(client, name);
}
static int helo(smtp_client *client, const char *name) {
    GIVES(SMTP_OK, connect_it(client, name));
    return smtp_client_helo(client, NULL);
}
static int not_connected(smtp_client *client, const char *name) {
    (void)name;
    return smtp_client_noop(client);
}
static void cancel_from_progress(int64_t sent, int64_t total, void *client) {
    (void)sent, (void)total;
    smtp_client_cancel(client);
}
static int cancelled(smtp_client *client, const char *name) {
    GIVES(SMTP_OK, smtp_client_set_progress_callback(client, cancel_from_progress, client, NULL));
    return large(client, name);
}

struct fault {
    const char *server;
    int protocol;
    int (*what)(smtp_client *client, const char *name);
    int code;
    int reply;         /* the reply code, -1 = any */
    int goes_on;       /* connected afterwards */
    const char *tells; /* the message has this */
};

enum { SMTP = SMTP_PROTOCOL_SMTP, SMTPS = SMTP_PROTOCOL_SMTPS, LMTP = SMTP_PROTOCOL_LMTP };

static const struct fault FAULTS[] = {
    {"greeting_554", SMTP, connect_it, SMTP_E_CONNECT, 554, 0, "554"},
    {"greeting_garbage", SMTP, connect_it, SMTP_E_PROTOCOL, 0, 0, "this is no SMTP"},
    {"greeting_421", SMTP, connect_it, SMTP_E_CONNECT, 421, 0, "421"},
    {"greeting_eof", SMTP, connect_it, SMTP_E_DISCONNECTED, 0, 0, ""},
    {"greeting_cut", SMTP, connect_it, SMTP_E_DISCONNECTED, 0, 0, "220 que"},
    {"reset", SMTP, ehlo, SMTP_E_DISCONNECTED, 220, 0, "reset"},
    {"long_line", SMTP, ehlo, SMTP_E_PROTOCOL, -1, 0, "8192"},
    {"endless", SMTP, ehlo, SMTP_E_PROTOCOL, -1, 0, "1000"},
    {"mixed", SMTP, noop, SMTP_E_PROTOCOL, -1, 0, "550"},
    {"nul", SMTP, noop, SMTP_E_PROTOCOL, -1, 0, "NUL"},
    {"bad_code", SMTP, noop, SMTP_E_PROTOCOL, -1, 0, "999"},
    {"two_replies", SMTP, noop_twice, SMTP_E_PROTOCOL, -1, 0, ""},
    {"no_esmtp", SMTP, ehlo, SMTP_E_HELO, 500, 1, "500"},
    {"lmtp_ehlo", LMTP, ehlo, SMTP_E_HELO, 500, 1, "500"},
    {"lmtp", LMTP, helo, SMTP_E_MISUSE, -1, 1, "HELO"},
    {"helo", SMTP, mail, SMTP_OK, 250, 1, NULL},
    {"split", SMTP, mail, SMTP_OK, 250, 1, NULL},
    {"sender", SMTP, mail, SMTP_E_SENDER_REFUSED, 550, 1, "go away"},
    {"sender_421", SMTP, mail, SMTP_E_SENDER_REFUSED, 421, 0, "421"},
    {"recipients", SMTP, mail, SMTP_E_RECIPIENTS_REFUSED, 550, 1, "to@b.example"},
    {"recipient_421", SMTP, mail, SMTP_E_RECIPIENTS_REFUSED, 421, 0, "421"},
    {"data_554", SMTP, mail, SMTP_E_DATA, 554, 1, "554"},
    {"end_554", SMTP, mail, SMTP_E_DATA, 554, 1, "554"},
    {"end_421", SMTP, mail, SMTP_E_DATA, 421, 0, "421"},
    {"end_eof", SMTP, mail, SMTP_E_OUTCOME_UNKNOWN, -1, 0, ""},
    {"end_cut", SMTP, mail, SMTP_E_OUTCOME_UNKNOWN, -1, 0, ""},
    {"early", SMTP, large, SMTP_E_DATA, 552, 0, "552"},
    {"smtp", SMTP, large, SMTP_E_SENDER_REFUSED, -1, 1, "1000"},
    {"quit_421", SMTP, quit, 421, 421, 0, NULL},
    {"starttls_454", SMTP, starttls, SMTP_E_RESPONSE, 454, 1, "454"},
    {"inject", SMTP, starttls, SMTP_E_PROTOCOL, -1, 0, ""},
    {"no_starttls", SMTP, starttls, SMTP_E_NOT_SUPPORTED, -1, 1, "STARTTLS"},
    {"expired", SMTPS, connect_it, SMTP_E_TLS, 0, 0, "expired"},
    {"early_dates", SMTPS, connect_it, SMTP_E_TLS, 0, 0, "not yet valid"},
    {"self_signed", SMTPS, connect_it, SMTP_E_TLS, 0, 0, "self-signed"},
    {"other_host", SMTPS, connect_it, SMTP_E_TLS, 0, 0, "127.0.0.1"},
    {"unknown_ca", SMTPS, connect_it, SMTP_E_TLS, 0, 0, "issuer"},
    {"no_san", SMTPS, connect_it, SMTP_E_TLS, 0, 0, "not valid for"},
    {"purpose", SMTPS, connect_it, SMTP_E_TLS, 0, 0, "purpose"},
    {"wants_certificate", SMTPS, connect_and_on, SMTP_E_TLS, -1, 0, "certificate"},
    {"wants_certificate_later", SMTP, starttls_and_on, SMTP_E_TLS, -1, 0, "certificate"},
    {"not_tls", SMTPS, connect_it, SMTP_E_TLS, 0, 0, "not TLS"},
    {"smtp", SMTP, login_wrong, SMTP_E_AUTHENTICATION, 535, 1, "535"},
    {"smtp", SMTP, login_missing, SMTP_E_INVALID_ARGUMENT, -1, 1, "callback"},
    {"smtp", SMTP, forbidden, SMTP_E_FORBIDDEN, 0, 0, "audit"},
    {"smtp", SMTP, nobody_there, SMTP_E_IO, 0, 0, "127.0.0.1"},
    {"smtp", SMTP, no_name_service, SMTP_E_RESOLVE_AGAIN, 0, 0, "again-1.example"},
    {"smtp", SMTP, no_such_name, SMTP_E_RESOLVE, 0, 0, "-no-such-host.invalid"},
    {"smtp", SMTP, not_connected, SMTP_E_DISCONNECTED, 0, 0, "connect"},
    {"recipients", SMTP, cancelled, SMTP_E_RECIPIENTS_REFUSED, -1, 1, ""},
    {"split", SMTP, cancelled, SMTP_E_CANCELLED, -1, 0, "cancel"},
    {"mute", SMTP, too_late, SMTP_E_TIMEOUT, 0, 0, "time"},
};

int main(void) {
    size_t i;
    int code, faults = 0;
    smtp_client *client;
    for (i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) {
        const struct fault *fault = &FAULTS[i];
        int connected_after;
        client = client_new(fault->protocol);
        GIVES(SMTP_OK, smtp_client_set_timeout(client, 30000));
        code = fault->what(client, fault->server);
        if (code < 0)
            saw(code);
        connected_after = smtp_client_is_connected(client);
        if (code != fault->code ||
            (fault->reply >= 0 && smtp_client_reply_code(client) != fault->reply) ||
            connected_after != fault->goes_on ||
            (fault->tells != NULL && strstr(smtp_client_last_error(client), fault->tells) == NULL)) {
            fprintf(stderr, "%d %s: got %d (%s), reply %d, connected %d: %s\n", (int)i,
                    fault->server, code, smtp_error_name(code), smtp_client_reply_code(client),
                    connected_after, smtp_client_last_error(client));
            faults++;
        }
        if (fault->code < 0 && code < 0 && smtp_client_last_error(client)[0] == '\0')
            faults++;
        if (connected_after && code < 0 && connected_after == fault->goes_on)
            GIVES(250, smtp_client_noop(client));
        /* whatever happened, the handle serves again */
        GIVES(SMTP_OK, smtp_client_set_audit_callback(client, NULL, NULL, NULL));
        GIVES(SMTP_OK, smtp_client_set_progress_callback(client, NULL, NULL, NULL));
        GIVES(SMTP_OK, smtp_client_set_timeout(client, 30000));
        if (fault->protocol == SMTP && !slow()) {
            GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
            GIVES(SMTP_OK, send_one(client));
        }
        smtp_client_free(client);
    }

    /* The rest of the codes. */
    client = client_new(SMTP_PROTOCOL_SMTP);
    saw(smtp_client_set_timeout(client, 0));
    saw(smtp_client_close(client));
    smtp_client_free(client);
    saw(smtp_client_noop(NULL));

    CHECK(faults == 0);
    for (code = 0; strcmp(smtp_error_name(code), "SMTP_E_?") != 0; code--)
        if (code != SMTP_E_BUSY && code != SMTP_E_NO_MECHANISM && code != SMTP_E_NO_MEMORY &&
            code != SMTP_E_INTERNAL && code != SMTP_E_RESOLVE_AGAIN && !(seen & 1u << -code)) {
            fprintf(stderr, "%s was not seen\n", smtp_error_name(code));
            faults++;
        }
    CHECK(faults == 0);
    return 0;
}
