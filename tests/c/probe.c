/*
 * smtp_client_probe(): what it reports of servers good and bad, in a call that waits and in an event
 * loop, and what becomes of reports.
 */
/* SERVER smtp plain --auth user:password --mechanisms PLAIN */
/* Which is sent no SMTP, and not to complain of that. */
/* SERVER clear plain --mode mute-at-expn */
/* SERVER smtps tls --auth user:password */
/* SERVER other plain --mode other-host */
/* SERVER bare plain --without STARTTLS */
/* SERVER mute plain --mode mute-at-ehlo */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "loop.h"

#include <errno.h>
#include <pthread.h>

/* Is in no text. */
#define SECRET "s3cr3t-4711"

static smtp_client *client_of(const char *name, int security) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    const char *address = server(name), *port = strrchr(address, ':');
    CHECK(port != NULL);
    GIVES(SMTP_OK, smtp_client_set_host(client, "localhost", atoi(port + 1)));
    GIVES(SMTP_OK, smtp_client_set_security(client, security));
    GIVES(SMTP_OK, smtp_client_set_timeout(client, slow() ? 60000 : 20000));
    return client;
}

static void shows_no_secret(const smtp_report *report) {
    int what;
    size_t i;
    for (what = SMTP_REPORT_HOST; what <= SMTP_REPORT_ERROR; what++) {
        const char *text = smtp_report_text(report, what);
        CHECK(text == NULL || strstr(text, SECRET) == NULL);
        CHECK(text == smtp_report_text(report, what));
    }
    CHECK(smtp_report_text(report, 0) == NULL);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_last_error_code());
    CHECK(smtp_report_text(report, SMTP_REPORT_ERROR + 1) == NULL);
    for (i = 0; i < smtp_report_advice_count(report); i++) {
        CHECK(strstr(smtp_report_advice(report, i), SECRET) == NULL);
        CHECK(smtp_report_advice_kind(report, i) >= SMTP_ADVICE_NAME);
    }
    CHECK(smtp_report_advice(report, i) == NULL);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_last_error_code());
    for (i = 0; i < smtp_report_address_count(report); i++) {
        int worked = smtp_report_address_error(report, i)[0] == '\0';
        CHECK(worked == (smtp_report_address_errno(report, i) == 0));
        CHECK(smtp_report_address_milliseconds(report, i) >= 0);
        CHECK(smtp_report_address(report, i)[0] != '\0');
    }
    CHECK(smtp_report_address(report, i) == NULL && smtp_report_address_error(report, i) == NULL);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_report_address_errno(report, i));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_report_address_milliseconds(report, i));
}

/* Each kind of client comes to the same. */
static smtp_report *probed(smtp_client *client, int in_loop) {
    smtp_report *report;
    GIVES(SMTP_OK, smtp_client_set_nonblocking(client, in_loop));
    report = smtp_client_probe(client);
    if (in_loop && report == NULL && smtp_client_last_error_code(client) == SMTP_PENDING) {
        SAME(smtp_client_last_error(client), smtp_last_error());
        CHECK(smtp_client_report(client) == NULL);
        GIVES(SMTP_E_BUSY, smtp_last_error_code());
        CHECK(smtp_client_probe(client) == NULL);
        GIVES(SMTP_E_BUSY, smtp_last_error_code());
        GIVES(SMTP_OK, finish(client, SMTP_PENDING));
        report = smtp_client_report(client);
    }
    CHECK(report != NULL);
    CHECK(smtp_client_report(client) == NULL);
    GIVES(SMTP_E_MISUSE, smtp_last_error_code());
    GIVES(0, smtp_client_is_connected(client));
    /* it is nobody's but the caller's */
    GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 0));
    smtp_client_free(client);
    shows_no_secret(report);
    return report;
}

static void advises(const smtp_report *report, int code, int kind, const char *words) {
    GIVES(code, smtp_report_code(report));
    GIVES(1, smtp_report_advice_count(report));
    GIVES(kind, smtp_report_advice_kind(report, 0));
    HAS(smtp_report_advice(report, 0), words);
    CHECK(smtp_report_text(report, SMTP_REPORT_ERROR) != NULL);
}

static void well(int in_loop) {
    smtp_client *client = client_of("smtp", SMTP_SECURITY_STARTTLS);
    smtp_report *report;
    GIVES(SMTP_OK, smtp_client_set_credentials(client, "user", "password"));
    report = probed(client, in_loop);
    GIVES(SMTP_OK, smtp_report_code(report));
    GIVES(0, smtp_report_reply_code(report));
    GIVES(0, smtp_report_advice_count(report));
    SAME("STARTTLS", smtp_report_text(report, SMTP_REPORT_SECURITY));
    HAS(smtp_report_text(report, SMTP_REPORT_HOST), "localhost:");
    HAS(smtp_report_text(report, SMTP_REPORT_GREETING), "220 ");
    HAS(smtp_report_text(report, SMTP_REPORT_EHLO_CLEAR), "\nSTARTTLS");
    CHECK(strstr(smtp_report_text(report, SMTP_REPORT_EHLO_TLS), "STARTTLS") == NULL);
    HAS(smtp_report_text(report, SMTP_REPORT_AUTH_MECHANISMS), "PLAIN");
    SAME("accepted (235)", smtp_report_text(report, SMTP_REPORT_LOGIN));
    CHECK(smtp_report_text(report, SMTP_REPORT_ERROR) == NULL);
    if (smtp_client_has_feature("tls-info")) {
        HAS(smtp_report_text(report, SMTP_REPORT_TLS_VERSION), "TLSv1.");
        HAS(smtp_report_text(report, SMTP_REPORT_TLS_CIPHER), "TLS_");
        HAS(smtp_report_text(report, SMTP_REPORT_CERTIFICATE_NAMES), "localhost");
        HAS(smtp_report_text(report, SMTP_REPORT_CERTIFICATE_SUBJECT), "CN=");
        HAS(smtp_report_text(report, SMTP_REPORT_CERTIFICATE_ISSUER), "Test Root");
        HAS(smtp_report_text(report, SMTP_REPORT_CERTIFICATE_NOT_BEFORE), "2020-01-01T");
        HAS(smtp_report_text(report, SMTP_REPORT_CERTIFICATE_NOT_AFTER), "2120-01-01T");
        CHECK(smtp_report_days_left(report) > 10000);
    } else {
        CHECK(smtp_report_text(report, SMTP_REPORT_TLS_VERSION) == NULL);
        GIVES(SMTP_E_NOT_SUPPORTED, smtp_report_days_left(report));
    }
    smtp_report_free(report);
}

static void mistakes(int in_loop) {
    smtp_report *report = probed(client_of("clear", SMTP_SECURITY_TLS), in_loop);
    smtp_client *client;
    advises(report, SMTP_E_TLS, SMTP_ADVICE_CLEAR_FIRST, "smtp+starttls://");
    smtp_report_free(report);

    client = client_of("smtps", SMTP_SECURITY_STARTTLS);
    GIVES(SMTP_OK, smtp_client_set_timeout(client, slow() ? 20000 : 3000));
    report = probed(client, in_loop);
    advises(report, SMTP_E_TIMEOUT, SMTP_ADVICE_TLS_FIRST, "smtps://");
    smtp_report_free(report);

    report = probed(client_of("bare", SMTP_SECURITY_STARTTLS), in_loop);
    advises(report, SMTP_E_NOT_SUPPORTED, SMTP_ADVICE_NO_STARTTLS, "STARTTLS");
    CHECK(smtp_report_text(report, SMTP_REPORT_EHLO_TLS) == NULL);
    smtp_report_free(report);

    client = client_of("other", SMTP_SECURITY_STARTTLS);
    GIVES(SMTP_OK, smtp_client_set_credentials(client, "user", SECRET));
    report = probed(client, in_loop);
    advises(report, SMTP_E_TLS, SMTP_ADVICE_CERTIFICATE_NAME, "smtp_tls_set_server_name()");
    CHECK(smtp_report_text(report, SMTP_REPORT_LOGIN) == NULL);
    if (smtp_client_has_feature("tls-info"))
        SAME("other.example", smtp_report_text(report, SMTP_REPORT_CERTIFICATE_NAMES));
    smtp_report_free(report);

    client = client_of("smtp", SMTP_SECURITY_STARTTLS);
    GIVES(SMTP_OK, smtp_client_set_credentials(client, "user", SECRET));
    report = probed(client, in_loop);
    advises(report, SMTP_E_AUTHENTICATION, SMTP_ADVICE_PASSWORD, "password");
    GIVES(535, smtp_report_reply_code(report));
    smtp_report_free(report);

    client = client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_OK, smtp_client_set_host(client, "127.0.0.1", 1));
    report = probed(client, in_loop);
    advises(report, SMTP_E_IO, SMTP_ADVICE_REFUSED, "127.0.0.1:1");
    GIVES(1, smtp_report_address_count(report));
    GIVES(ECONNREFUSED, smtp_report_address_errno(report, 0));
    smtp_report_free(report);
}

/* What is wrong with the call, and not with the server. */
static void no_report(void) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    CHECK(smtp_client_report(client) == NULL);
    GIVES(SMTP_E_MISUSE, smtp_client_last_error_code(client));
    CHECK(smtp_client_probe(client) == NULL);
    GIVES(SMTP_E_MISUSE, smtp_client_last_error_code(client));
    HAS(smtp_client_last_error(client), "smtp_client_set_url()");
    GIVES(SMTP_OK, smtp_client_set_url(client, "smtp://me@127.0.0.1:1"));
    CHECK(smtp_client_probe(client) == NULL);
    HAS(smtp_client_last_error(client), "smtp_client_set_credentials()");
    smtp_client_free(client);
    smtp_report_free(NULL);
}

static void *cancel_soon(void *client) {
    nap(slow() ? 3000 : 300);
    GIVES(SMTP_OK, smtp_client_cancel(client));
    return NULL;
}

static void cancelled(void) {
    smtp_client *client = client_of("mute", SMTP_SECURITY_NONE);
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, cancel_soon, client) == 0);
    CHECK(smtp_client_probe(client) == NULL);
    pthread_join(thread, NULL);
    GIVES(SMTP_E_CANCELLED, smtp_client_last_error_code(client));

    GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 1));
    CHECK(smtp_client_probe(client) == NULL);
    GIVES(SMTP_PENDING, smtp_client_last_error_code(client));
    GIVES(SMTP_OK, smtp_client_cancel(client));
    GIVES(SMTP_E_CANCELLED, finish(client, SMTP_PENDING));
    CHECK(smtp_client_report(client) == NULL);
    GIVES(SMTP_E_MISUSE, smtp_client_last_error_code(client));

    /* freed in the midst, and with a report that nobody took */
    CHECK(smtp_client_probe(client) == NULL);
    GIVES(SMTP_PENDING, smtp_client_last_error_code(client));
    smtp_client_free(client);
    client = client_of("smtp", SMTP_SECURITY_NONE);
    GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 1));
    CHECK(smtp_client_probe(client) == NULL);
    GIVES(SMTP_OK, finish(client, SMTP_PENDING));
    smtp_client_free(client);
}

int main(void) {
    int in_loop;
    for (in_loop = 0; in_loop < 2; in_loop++) {
        well(in_loop);
        mistakes(in_loop);
    }
    no_report();
    cancelled();
    return 0;
}
