/*
 * A fault of the library in any of its functions: the call gives SMTP_E_INTERNAL, or nothing, the
 * host's standard error stays empty, and handles can be freed. Linked with a library that panics
 * when it is told to.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
static FILE *errors; /* the standard error of the start */
#define CHECK_ERR errors
#include "check.h"

#include "calls_setup.h"

#include <sys/stat.h>
#include <unistd.h>

extern int smtp_test_panic_at(int calls);

/* Constants; what was stored before; what must work in a signal handler; exchanges, of which there
 * are none outside their callback, and token requests, of which there is none here. */
static const char *const cannot_fail[] = {
    "smtp_client_version",
    "smtp_client_version_number",
    "smtp_client_has_feature", /* 0, as for a feature that is not there */
    "smtp_error_name",
    "smtp_error_is_temporary",
    "smtp_last_error",
    "smtp_last_error_code",
    "smtp_client_last_error",
    "smtp_client_last_error_code",
    "smtp_client_last_errno",
    "smtp_client_last_error_detail",
    "smtp_tls_last_error",
    "smtp_tls_last_error_code",
    "smtp_tls_last_errno",
    "smtp_transaction_last_error",
    "smtp_transaction_last_error_code",
    "smtp_transaction_last_errno",
    "smtp_message_last_error",
    "smtp_message_last_error_code",
    "smtp_message_last_errno",
    "smtp_client_cancel",
    "smtp_auth_exchange_challenge",
    "smtp_auth_exchange_respond",
    "smtp_token_request_reason",
    "smtp_token_request_user",
    "smtp_token_request_detail",
    NULL,
};

static int faults;

static int is_listed(const char *function) {
    const char *const *name;
    for (name = cannot_fail; *name != NULL; name++)
        if (strcmp(*name, function) == 0)
            return 1;
    return 0;
}

static void wrong(const char *function, const char *what) {
    fprintf(errors, "%s: %s (%s)\n", function, what, smtp_last_error());
    faults++;
}

static void before(void) {
    c = smtp_client_new(SMTP_PROTOCOL_SMTP);
    l = smtp_tls_new();
    t = smtp_transaction_new();
    e = smtp_envelope_new("a@b.example", one_address, 1, "bytes", 5);
    k = smtp_token_source_new(a_token_callback, NULL, NULL);
    r = a_report();
    m = smtp_message_new();
    CHECK(c != NULL && l != NULL && t != NULL && e != NULL && k != NULL && r != NULL && m != NULL);
    smtp_test_panic_at(1);
}

static void after(const char *function) {
    if (smtp_test_panic_at(0) != 0) {
        if (!is_listed(function))
            wrong(function, "did not panic");
    } else if (strstr(smtp_last_error(), "a panic that a test asked for") == NULL) {
        wrong(function, "says nothing of the panic");
    }
    smtp_client_free(c);
    smtp_tls_free(l);
    smtp_transaction_free(t);
    smtp_envelope_free(e);
    smtp_token_source_free(k);
    smtp_report_free(r);
    smtp_message_free(m);
}

#define TRY(subject, function, param, result, call)                                               \
    if (!is_listed(#function)) {                                                                  \
        before();                                                                                 \
        TRY_##result(#function, call)                                                             \
        after(#function);                                                                         \
    }
#define TRY_CODE(function, call)                                                                  \
    if ((call) != (strcmp(function, "smtp_client_timeout") == 0 ? 0 : SMTP_E_INTERNAL))                                                                \
        wrong(function, "is not SMTP_E_INTERNAL");
#define TRY_COUNT(function, call)                                                                 \
    if ((call) != 0)                                                                              \
        wrong(function, "is not 0");
#define TRY_TEXT(function, call)                                                                  \
    {                                                                                             \
        const char *text = (call);                                                                \
        if (text != NULL && text[0] != '\0')                                                      \
            wrong(function, "is a text");                                                         \
    }
#define TRY_POINTER(function, call)                                                               \
    if ((call) != NULL)                                                                           \
        wrong(function, "is a pointer");
#define TRY_NOTHING(function, call) call;

int main(void) {
    char path[] = "/tmp/smtpclient-test-XXXXXX";
    struct stat written;
    int aside, saved;
    errors = stderr;
    use_all();
    CHECK(setenv("RUST_BACKTRACE", "1", 1) == 0);
    aside = mkstemp(path);
    CHECK(aside >= 0);
    unlink(path);
    saved = dup(STDERR_FILENO);
    CHECK(saved >= 0);
    errors = fdopen(saved, "w");
    CHECK(dup2(aside, STDERR_FILENO) >= 0);
    EVERY_CALL(TRY)
    CHECK(fstat(aside, &written) == 0 && written.st_size == 0);
    CHECK(faults == 0);
    fclose(errors);
    close(aside);
    return 0;
}
