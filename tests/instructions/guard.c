/*
 * Sends messages of 1 KiB one after another and in a batch; callgrind counts what that costs.
 *
 * guard PORT sequential|batch COUNT
 *
 * Or asks a client for a number, or a text, beside so many other handles:
 *
 * guard 0 number-HANDLES|string-HANDLES COUNT
 */
#include <smtpclient.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int ask(int text, int handles, int count) {
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    int i, sum = 0;
    for (i = 0; i < handles; i++)
        if (smtp_transaction_new() == NULL) return 1;
    if (smtp_client_set_local_hostname(client, "guard") < 0) return 1;
    for (i = 0; i < count; i++)
        sum += text ? smtp_client_local_hostname(client) == NULL : smtp_client_is_connected(client);
    smtp_client_free(client);
    return sum;
}

int main(int words, char **word) {
    static char text[1024];
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    smtp_transaction **mail;
    int count, i, failed;
    if (words != 4) return 2;
    count = atoi(word[3]);
    if (!strncmp(word[2], "number-", 7) || !strncmp(word[2], "string-", 7)) {
        smtp_client_free(client);
        return ask(word[2][0] == 's', atoi(word[2] + 7), count);
    }
    mail = malloc((size_t)count * sizeof *mail);
    memset(text, 'x', sizeof text);
    for (i = 62; i < 1024; i += 64) memcpy(text + i, "\r\n", 2);
    for (i = 0; i < count; i++) {
        mail[i] = smtp_transaction_new();
        smtp_transaction_set_sender(mail[i], "from@example.org");
        smtp_transaction_add_recipient(mail[i], "to@example.org", NULL, 0);
        smtp_transaction_set_message_borrowed(mail[i], text, sizeof text);
    }
    failed = smtp_client_set_local_hostname(client, "guard") < 0 ||
             smtp_client_connect(client, "127.0.0.1", atoi(word[1])) < 0 ||
             smtp_client_ehlo(client, NULL) < 0;
    if (!failed && !strcmp(word[2], "batch"))
        failed = smtp_client_send_batch(client, mail, (size_t)count) < 0;
    else
        for (i = 0; i < count && !failed; i++) failed = smtp_client_send(client, mail[i]) < 0;
    if (failed) fprintf(stderr, "guard: %s\n", smtp_client_last_error(client));
    for (i = 0; i < count; i++) smtp_transaction_free(mail[i]);
    free(mail);
    smtp_client_free(client);
    return failed;
}
