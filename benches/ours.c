/*
 * This library, through its C interface, as a user would: defaults throughout.
 *
 * Workloads: sequential (sendmail after sendmail), batch (transactions made before the clock starts,
 * as the raw program has its bytes ready; then send_batch), stream (made, submitted and freed one by
 * one, all of it measured), large, recipients, connect; mime (a file attached), build (a mail of 10
 * KiB, to memory); first (log in and send one message), handshake and memory (connect only, with one
 * client and with two).
 */
#include "common.h"

#include <smtpclient.h>

static smtp_tls *tls;
static char **recipients;
static smtp_transaction **prepared;

static void check(int result, smtp_client *client, const char *what)
{
    if (result < 0) {
        fprintf(stderr, "%s: %s: %s\n", what, smtp_error_name(result),
                client ? smtp_client_last_error(client) : smtp_last_error());
        exit(1);
    }
}

static void name_recipients(void)
{
    recipients = calloc((size_t)bench.recipients, sizeof *recipients);
    for (long i = 0; i < bench.recipients; i++) {
        recipients[i] = malloc(64);
        recipient(recipients[i], 64, i);
    }
}

static smtp_client *new_client(void)
{
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    if (!client)
        check(-1, NULL, "new");
    if (tls)
        check(smtp_client_set_tls(client, tls), client, "set_tls");
    if (bench.tls_first) {
        check(smtp_client_set_host(client, "127.0.0.1", bench.port), client, "set_host");
        check(smtp_client_set_security(client, SMTP_SECURITY_TLS), client, "set_security");
    }
    return client;
}

static void greet(smtp_client *client)
{
    if (bench.tls_first) {
        check(smtp_client_open(client), client, "open");
        return;
    }
    check(smtp_client_connect(client, "127.0.0.1", bench.port), client, "connect");
    if (bench.ca)
        check(smtp_client_starttls(client), client, "starttls");
}

static void quit(smtp_client *client)
{
    if (smtp_client_quit(client) != 221)
        check(SMTP_E_RESPONSE, client, "quit");
}

static void send_one(smtp_client *client)
{
    check(smtp_client_sendmail(client, bench.sender, (const char *const *)recipients, (size_t)bench.recipients, message,
                               message_length, NULL, 0, NULL, 0),
          client, "sendmail");
}

static void sequential(long count)
{
    smtp_client *client = new_client();
    greet(client);
    for (long i = 0; i < count; i++)
        send_one(client);
    quit(client);
    smtp_client_free(client);
}

static void connect_each(long count)
{
    smtp_client *client = new_client();
    for (long i = 0; i < count; i++) {
        greet(client);
        send_one(client);
        quit(client);
    }
    smtp_client_free(client);
}

static void first(long unused)
{
    (void)unused;
    smtp_client *client = new_client();
    greet(client);
    check(smtp_client_login(client, "user", "secret"), client, "login");
    send_one(client);
    mark_accepted();
    quit(client);
    smtp_client_free(client);
}

static smtp_client *secured(void)
{
    smtp_client *client = new_client();
    greet(client);
    check(smtp_client_ehlo_or_helo_if_needed(client), client, "ehlo");
    return client;
}

static void handshake(long unused)
{
    (void)unused;
    smtp_client_free(secured());
}

static void memory(long unused)
{
    (void)unused;
    smtp_client *one = secured();
    size_t before = heap();
    smtp_client *two = secured();
    told.added = (long)(heap() - before);
    smtp_client_free(two);
    smtp_client_free(one);
}

static smtp_transaction *transaction(void)
{
    smtp_transaction *t = smtp_transaction_new();
    if (!t)
        check(-1, NULL, "transaction");
    check(smtp_transaction_set_sender(t, bench.sender), NULL, "sender");
    for (long i = 0; i < bench.recipients; i++)
        check(smtp_transaction_add_recipient(t, recipients[i], NULL, 0), NULL, "recipient");
    if (bench.file) {
        int fd = open(bench.file, O_RDONLY | O_CLOEXEC);
        check(smtp_transaction_set_message_fd(t, fd), NULL, "message_fd");
        close(fd);
    } else {
        check(smtp_transaction_set_message_borrowed(t, message, message_length), NULL, "message");
    }
    return t;
}

static void large(long count)
{
    smtp_client *client = new_client();
    greet(client);
    for (long i = 0; i < count; i++) {
        smtp_transaction *t = transaction();
        check(smtp_client_send(client, t), client, "send");
        smtp_transaction_free(t);
    }
    quit(client);
    smtp_client_free(client);
}

/* The library reads and encodes what the raw program has ready-made. */
static void mime(long count)
{
    bool small = message_length == small_length;
    size_t length = small ? 1024 : bench.size;
    char *content = bench.file || small ? NULL : message;
    smtp_client *client = new_client();
    greet(client);
    for (long i = 0; i < count; i++) {
        smtp_message *m = smtp_message_new();
        check(smtp_message_set_from(m, "Ann", bench.sender), NULL, "from");
        check(smtp_message_add_to(m, "Bob", recipients[0]), NULL, "to");
        check(smtp_message_set_subject(m, "Benchmark"), NULL, "subject");
        if (bench.file) {
            int fd = open(bench.file, O_RDONLY | O_CLOEXEC);
            check(smtp_message_add_attachment_fd(m, "data.bin", NULL, fd), NULL, "attachment");
            close(fd);
        } else {
            check(smtp_message_add_attachment_borrowed(m, "data.bin", NULL, small ? (char *)&bench : content,
                                                       small ? sizeof bench : length, NULL, NULL),
                  NULL, "attachment");
        }
        check(smtp_client_send_mime(client, m), client, "send_mime");
        smtp_message_free(m);
    }
    quit(client);
    smtp_client_free(client);
}

static char built[64 * 1024];
static size_t built_length;

static int keep(const void *data, size_t length, void *user_data)
{
    (void)user_data;
    memcpy(built + built_length, data, length);
    built_length += length;
    return 0;
}

/* From nothing to the bytes of the mail. */
static void build(long count)
{
    for (long i = 0; i < count; i++) {
        smtp_message *m = smtp_message_new();
        check(smtp_message_set_from(m, "Überwachung", "monitor@example.org"), NULL, "from");
        check(smtp_message_add_to(m, "Jörg Müller", "joerg@example.org"), NULL, "to");
        check(smtp_message_set_subject(m, "Platte auf db1 läuft über"), NULL, "subject");
        check(smtp_message_set_text(m, letter), NULL, "text");
        check(smtp_message_set_html(m, page), NULL, "html");
        check(smtp_message_add_attachment(m, "größe.bin", "application/octet-stream", table, sizeof table), NULL,
              "attachment");
        built_length = 0;
        check(smtp_message_write(m, keep, NULL), NULL, "write");
        smtp_message_free(m);
    }
    if (built_length < 9000 || built_length > 16000)
        die("not of 10 KiB");
}

static void prepare(long count)
{
    prepared = calloc((size_t)count, sizeof *prepared);
    for (long i = 0; i < count; i++)
        prepared[i] = transaction();
}

static void batch(long count)
{
    smtp_client *client = new_client();
    greet(client);
    check(smtp_client_send_batch(client, prepared, (size_t)count), client, "send_batch");
    quit(client);
    smtp_client_free(client);
}

static long accepted;

static void completed(smtp_transaction *t, void *user_data)
{
    (void)user_data;
    accepted += smtp_transaction_status(t) == SMTP_OK;
    smtp_transaction_free(t);
}

static void stream(long count)
{
    smtp_client *client = new_client();
    smtp_client_set_completion_callback(client, completed, NULL, NULL);
    greet(client);
    accepted = 0;
    for (long i = 0; i < count; i++)
        check(smtp_client_submit(client, transaction()), client, "submit");
    check(smtp_client_flush(client), client, "flush");
    quit(client);
    smtp_client_free(client);
    if (accepted != count)
        die("stream: not all were accepted");
}

int main(int count, char **arguments)
{
    double cpu_before = cpu_seconds();
    parse_options(count, arguments);
    name_recipients();
    if (bench.ca && !trusts_system()) {
        tls = smtp_tls_new();
        check(smtp_tls_set_ca_file(tls, bench.ca), NULL, "ca_file");
    }
    if (workload_is("batch") && bench.fresh) {
        prepare(bench.count);
        batch(bench.count);
        tell(cpu_before);
        return 0;
    }
    if (workload_is("batch")) {
        bench.sender = "warm@example.org";
        prepare(64);
        batch(64);
        bench.sender = "a@example.org";
        prepare(bench.count);
        measure_begin();
        batch(bench.count);
        measure_end();
        return 0;
    }
    if (workload_is("connect"))
        return run(connect_each);
    if (workload_is("stream"))
        return run(stream);
    if (workload_is("large"))
        return run(large);
    if (workload_is("mime"))
        return run(mime);
    if (workload_is("build")) {
        make_parts();
        return run(build);
    }
    if (workload_is("first"))
        return run(first);
    if (workload_is("handshake"))
        return run(handshake);
    if (workload_is("memory"))
        return run(memory);
    return run(sequential);
}
