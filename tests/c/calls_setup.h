/* What the generated calls.h needs around it: arguments by the names that it uses. */
#ifndef CALLS_SETUP_H
#define CALLS_SETUP_H

#include <smtpclient.h>

#include <stddef.h>
#include <stdint.h>

#include "calls.h"

static smtp_client *c;
static smtp_tls *l;
static smtp_transaction *t;
static smtp_auth_exchange *x;
static smtp_envelope *e;
static smtp_token_source *k;
static smtp_token_request *q;
static smtp_report *r;
static smtp_message *m;
static size_t length;
static int number;
static int user_datum;
static void *user_data = &user_datum;
static const char *const one_address[] = {"a@b.example"};
static const char *const one_option[] = {"KEYWORD=value"};
static const char *const one_bad[] = {"a\xff"};

static void a_debug_callback(int direction, const char *data, size_t size, void *user) {
    (void)direction, (void)data, (void)size, (void)user;
}
static void a_destroy_callback(void *user) {
    (void)user;
}
static int an_audit_callback(int event, const char *host, int port, const char *data, size_t size,
                             void *user) {
    (void)event, (void)host, (void)port, (void)data, (void)size, (void)user;
    return 0;
}
static void a_progress_callback(int64_t sent, int64_t total, void *user) {
    (void)sent, (void)total, (void)user;
}
static void a_completion_callback(smtp_transaction *transaction, void *user) {
    (void)transaction, (void)user;
}
static int an_auth_callback(smtp_auth_exchange *exchange, void *user) {
    (void)exchange, (void)user;
    return -1;
}
static ptrdiff_t a_read_callback(void *buffer, size_t capacity, void *user) {
    (void)buffer, (void)capacity, (void)user;
    return 0;
}
static int a_token_callback(smtp_token_request *request, void *user) {
    (void)user;
    return smtp_token_fail(request, "none");
}
static int a_write_callback(const void *data, size_t size, void *user) {
    (void)data, (void)size, (void)user;
    return 0;
}

/* Of a host that nothing listens at. */
static inline smtp_report *a_report(void) {
    smtp_client *prober = smtp_client_new(SMTP_PROTOCOL_SMTP);
    smtp_report *report = NULL;
    if (prober != NULL && smtp_client_set_host(prober, "127.0.0.1", 1) == SMTP_OK)
        report = smtp_client_probe(prober);
    smtp_client_free(prober);
    return report;
}

/* So that no test must use them all. */
static inline void use_all(void) {
    (void)c, (void)l, (void)t, (void)x, (void)e, (void)k, (void)q, (void)r, (void)m;
    (void)length, (void)number, (void)user_data;
    (void)one_address, (void)one_option, (void)one_bad;
    (void)a_debug_callback, (void)a_destroy_callback;
    (void)an_audit_callback, (void)a_progress_callback, (void)a_completion_callback;
    (void)an_auth_callback, (void)a_read_callback, (void)a_token_callback, (void)a_write_callback;
}

#endif
