/*
 * One of the cases of tests/complexity.rs, N large: its server knows by the name in EHLO which.
 *
 * cases PORT CASE N
 *
 * Prints how many bytes of heap the outcome keeps, then how many once every text of it was read.
 */
#include <malloc.h>
#include <smtpclient.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static smtp_client *client;
static const char *name;
static int count;

static int is(const char *other) { return strcmp(name, other) == 0; }

static void must(int code, const char *what) {
    if (code < 0) {
        fprintf(stderr, "%s: %s: %s\n", name, what, smtp_client_last_error(client));
        exit(1);
    }
}

static smtp_transaction *mail(int recipients) {
    static const char text[] = "Subject: many\r\n\r\nHello.\r\n";
    smtp_transaction *mail = smtp_transaction_new();
    char address[64];
    int i;
    must(smtp_transaction_set_sender(mail, "from@a.example"), "sender");
    for (i = 0; i < recipients; i++) {
        snprintf(address, sizeof address, is("domains") ? "to@b%d.example" : "to%d@b.example", i);
        must(smtp_transaction_add_recipient(mail, address, NULL, 0), "recipient");
    }
    must(smtp_transaction_set_message_borrowed(mail, text, sizeof text - 1), "message");
    if (is("unsendable")) must(smtp_transaction_add_mail_option(mail, "SMTPUTF8"), "option");
    return mail;
}

/* Large blocks are mapped, and counted apart. */
static size_t heap(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static void one_for_all(void) {
    smtp_transaction *one = mail(count);
    size_t before = heap(), kept, read = 0;
    int code = smtp_client_send(client, one), i;
    if (strncmp(name, "text", 4) != 0 && strstr(name, "refused") == NULL) must(code, "send");
    kept = heap() - before;
    for (i = 0; i < count; i++) read += strlen(smtp_transaction_recipient_text(one, (size_t)i));
    printf("%zu %zu %zu\n", kept, heap() - before, read);
    smtp_transaction_free(one);
}

static void refused_list(void) {
    char (*addresses)[32] = calloc((size_t)count, sizeof *addresses);
    const char **to = calloc((size_t)count, sizeof *to);
    size_t i, listed;
    for (i = 0; i < (size_t)count; i++) {
        snprintf(addresses[i], sizeof *addresses, "to%d@b.example", (int)i);
        to[i] = addresses[i];
    }
    if (smtp_client_sendmail(client, "a@a.example", to, (size_t)count, "x", 1, NULL, 0, NULL, 0) !=
        SMTP_E_RECIPIENTS_REFUSED)
        must(-1, "sendmail");
    listed = smtp_client_refused_count(client);
    if (listed != (size_t)count) must(-1, "the list");
    for (i = 0; i < listed; i++)
        if (smtp_client_refused_code(client, i) != 550 || smtp_client_refused_text(client, i) == NULL ||
            strcmp(smtp_client_refused_address(client, i), to[i]) != 0)
            must(-1, "the list");
    free(addresses);
    free(to);
}

static void completed(smtp_transaction *transaction, void *user) {
    ++*(int *)user;
    smtp_transaction_free(transaction);
}

static void stream(void) {
    int done = 0, i;
    must(smtp_client_set_completion_callback(client, completed, &done, NULL), "callback");
    for (i = 0; i < count; i++) must(smtp_client_submit(client, mail(1)), "submit");
    must(smtp_client_flush(client), "flush");
    if (done != count) must(-1, "completions");
}

static void batch(void) {
    smtp_transaction **all = calloc((size_t)count, sizeof *all);
    int code, i;
    for (i = 0; i < count; i++) all[i] = mail(1);
    if (is("twice")) smtp_transaction_free(all[count - 1]), all[count - 1] = all[0];
    code = smtp_client_send_batch(client, all, (size_t)count);
    if (is("batch")) must(code, "batch");
    if (is("unsendable") && code != SMTP_E_NOT_SUPPORTED) must(-1, "a batch that cannot be sent");
    if (is("twice") && count > 1 && code != SMTP_E_MISUSE) must(-1, "a batch with one twice");
    for (i = 0; i < count - is("twice"); i++) smtp_transaction_free(all[i]);
    free(all);
}

int main(int words, char **word) {
    char hello[64];
    if (words != 4) return 2;
    name = word[2];
    count = atoi(word[3]);
    snprintf(hello, sizeof hello, "%s.%d", name, count);
    client = smtp_client_new(strncmp(name, "lmtp", 4) == 0 ? SMTP_PROTOCOL_LMTP : SMTP_PROTOCOL_SMTP);
    must(smtp_client_set_local_hostname(client, hello), "name");
    must(smtp_client_connect(client, "127.0.0.1", atoi(word[1])), "connect");
    must(smtp_client_ehlo_or_helo_if_needed(client), "EHLO");
    if (is("auth")) must(smtp_client_login(client, "user", "password"), "login");
    else if (is("keywords")) must(smtp_client_has_extension(client, "KEY1"), "keywords");
    else if (is("refused-list")) refused_list();
    else if (strncmp(name, "stream", 6) == 0) stream();
    else if (is("batch") || is("unsendable") || is("twice")) batch();
    else one_for_all();
    smtp_client_free(client);
    return 0;
}
