/* libESMTP: the messages of a session are queued before it starts, and go out one by one. */
#include "common.h"

#include <openssl/ssl.h>
#include <libesmtp.h> /* declares more behind openssl/ssl.h */
#include <stdarg.h>

/* The library asks until it gets NULL; `len` NULL means begin again. */
static const char *give(void **context, int *length, void *unused)
{
    (void)unused;
    if (!*context)
        *context = calloc(1, sizeof(size_t));
    size_t *at = *context;
    if (!length) {
        *at = 0;
        return NULL;
    }
    size_t left = message_length - *at;
    size_t here = left < 65536 ? left : 65536;
    if (!here)
        return NULL;
    const char *block = message + *at;
    *length = (int)here;
    *at += here;
    return block;
}

/* It compares host names alone, so that an address needs a yes; the chain is verified all the same. */
static void on_event(smtp_session_t session, int event, void *arg, ...)
{
    (void)session;
    va_list more;
    va_start(more, arg);
    if (event == SMTP_EV_WRONG_PEER_CERTIFICATE || event == SMTP_EV_NO_CLIENT_CERTIFICATE)
        *va_arg(more, int *) = 1;
    va_end(more);
}

static void session_of(long count)
{
    char server[64];
    long accepted = 0;
    SSL_CTX *tls = NULL;
    smtp_session_t session = smtp_create_session();
    smtp_message_t *messages = calloc((size_t)count, sizeof *messages);
    FILE **files = calloc((size_t)count, sizeof *files);
    snprintf(server, sizeof server, "127.0.0.1:%d", bench.port);
    smtp_set_server(session, server);
    smtp_set_hostname(session, "bench.example.org");
    smtp_set_eventcb(session, on_event, NULL);
    if (bench.ca) {
        tls = SSL_CTX_new(TLS_client_method());
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
        if (SSL_CTX_load_verify_locations(tls, bench.ca, NULL) != 1)
            die("load_verify_locations");
        smtp_starttls_set_ctx(session, tls);
        smtp_starttls_enable(session, Starttls_REQUIRED);
    }
    for (long i = 0; i < count; i++) {
        smtp_message_t m = messages[i] = smtp_add_message(session);
        smtp_set_reverse_path(m, bench.sender);
        for (long r = 0; r < bench.recipients; r++) {
            char address[64];
            recipient(address, sizeof address, r);
            smtp_add_recipient(m, address);
        }
        smtp_size_set_estimate(m, message_length);
        if (bench.file || !strcmp(bench.shape, "lf")) {
            /* It makes CRLF of LF for a FILE alone. */
            files[i] = bench.file ? fopen(bench.file, "r") : fmemopen(message, message_length, "r");
            smtp_set_message_fp(m, files[i]);
        } else {
            smtp_set_messagecb(m, give, NULL);
        }
    }
    if (!smtp_start_session(session)) {
        char text[128];
        fprintf(stderr, "libesmtp: %s\n", smtp_strerror(smtp_errno(), text, sizeof text));
        exit(1);
    }
    for (long i = 0; i < count; i++) {
        const smtp_status_t *status = smtp_message_transfer_status(messages[i]);
        accepted += status && status->code == 250;
        if (files[i])
            fclose(files[i]);
    }
    if (accepted != count) {
        fprintf(stderr, "libesmtp: %ld of %ld accepted\n", accepted, count);
        exit(1);
    }
    smtp_destroy_session(session);
    if (tls)
        SSL_CTX_free(tls);
    free(messages);
    free(files);
}

static void connect_each(long count)
{
    for (long i = 0; i < count; i++)
        session_of(1);
}

int main(int count, char **arguments)
{
    parse_options(count, arguments);
    signal(SIGPIPE, SIG_IGN);
    return run(workload_is("connect") ? connect_each : session_of);
}
