/* A plugin that sends mail: its host knows nothing of how. */
#include <smtpclient.h>

#include <stddef.h>

const char *deliver(const char *server);

const char *deliver(const char *server) {
    static char version[32];
    const char *to[] = {"alice@example.org"};
    const char message[] = "Subject: hello\r\n\r\nfrom a plugin\r\n";
    const char *running = smtp_client_version();
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    size_t at = 0;
    int failed = client == NULL || smtp_client_connect(client, server, 0) < 0 ||
                 smtp_client_sendmail(client, "me@example.org", to, 1, message, sizeof message - 1,
                                      NULL, 0, NULL, 0) < 0;
    smtp_client_quit(client);
    smtp_client_free(client);
    for (; running[at] != '\0' && at + 1 < sizeof version; at++) version[at] = running[at];
    return failed ? NULL : version;
}
