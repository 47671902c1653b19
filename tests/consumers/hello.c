/* Sends one mail to the server at argv[1], and prints the version of the library that did it. */
#include <smtpclient.h>

#include <stdio.h>

int main(int words, char **word) {
    const char *to[] = {"alice@example.org"};
    const char message[] = "Subject: hello\r\n\r\nfrom a consumer\r\n";
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    int failed;
    if (words != 2 || client == NULL) return 2;
    failed = smtp_client_connect(client, word[1], 0) < 0 ||
             smtp_client_sendmail(client, "me@example.org", to, 1, message, sizeof message - 1, NULL,
                                  0, NULL, 0) < 0;
    if (failed) fprintf(stderr, "%s\n", smtp_client_last_error(client));
    smtp_client_quit(client);
    smtp_client_free(client);
    puts(smtp_client_version());
    return failed;
}
