/*
 * Finds out why mail does not go out: connects to a server as a program would that sends mail, sends
 * none, prints what it saw, and what to do about what is wrong.
 *
 *     probe URL [USER]
 *
 * The URL is that of smtp_client_set_url(), such as smtp+starttls://mail.example.org. With a user's
 * name it logs in too, by the password in the environment variable SMTP_PASSWORD.
 *
 * Exit status: 0 mail could be sent, 1 it could not, 2 wrong usage.
 */
#include <smtpclient.h>

#include <stdio.h>
#include <stdlib.h>

static const struct {
    int what;
    const char *name;
} facts[] = {
    {SMTP_REPORT_SECURITY, "security"},
    {SMTP_REPORT_GREETING, "greeting"},
    {SMTP_REPORT_EHLO_CLEAR, "EHLO in clear"},
    {SMTP_REPORT_TLS_VERSION, "TLS"},
    {SMTP_REPORT_TLS_CIPHER, "cipher"},
    {SMTP_REPORT_TLS_GROUP, "key exchange"},
    {SMTP_REPORT_CERTIFICATE_NAMES, "certificate for"},
    {SMTP_REPORT_CERTIFICATE_ISSUER, "issued by"},
    {SMTP_REPORT_CERTIFICATE_NOT_AFTER, "valid until"},
    {SMTP_REPORT_EHLO_TLS, "EHLO under TLS"},
    {SMTP_REPORT_AUTH_MECHANISMS, "logins offered"},
    {SMTP_REPORT_LOGIN, "login"},
    {SMTP_REPORT_ERROR, "error"},
};

/* A fact may have several lines: the later ones stand below the first. */
static void print_fact(const char *name, const char *text) {
    printf("%-16s", name);
    for (; *text != '\0'; text++) {
        putchar(*text);
        if (*text == '\n')
            printf("%-16s", "");
    }
    putchar('\n');
}

static void print_report(const smtp_report *report) {
    size_t i;
    printf("%-16s%s\n", "server", smtp_report_text(report, SMTP_REPORT_HOST));
    for (i = 0; i < smtp_report_address_count(report); i++) {
        const char *error = smtp_report_address_error(report, i);
        printf("%-16s%s: %s, %d ms\n", "address", smtp_report_address(report, i),
               error[0] == '\0' ? "connected" : error, smtp_report_address_milliseconds(report, i));
    }
    for (i = 0; i < sizeof facts / sizeof *facts; i++) {
        const char *text = smtp_report_text(report, facts[i].what);
        if (text != NULL)
            print_fact(facts[i].name, text);
    }
    if (smtp_report_days_left(report) >= 0)
        printf("%-16s%d\n", "days left", smtp_report_days_left(report));
    puts(smtp_report_code(report) == SMTP_OK ? "Mail could be sent." : "Mail cannot be sent.");
    if (smtp_report_advice_count(report) > 0)
        puts("What to do:");
    for (i = 0; i < smtp_report_advice_count(report); i++)
        printf("- %s\n", smtp_report_advice(report, i));
}

int main(int argc, char **argv) {
    const char *password = getenv("SMTP_PASSWORD");
    smtp_client *client;
    smtp_report *report = NULL;
    int status = 1;

    if (argc < 2 || argc > 3 || (argc == 3 && password == NULL)) {
        fputs("usage: probe URL [USER], the user's password in SMTP_PASSWORD\n", stderr);
        return 2;
    }
    client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    if (client == NULL || smtp_client_set_url(client, argv[1]) < 0 ||
        (argc == 3 && smtp_client_set_credentials(client, argv[2], password) < 0) ||
        (report = smtp_client_probe(client)) == NULL) {
        fprintf(stderr, "probe: %s\n", smtp_last_error());
    } else {
        print_report(report);
        status = smtp_report_code(report) == SMTP_OK ? 0 : 1;
    }
    smtp_report_free(report);
    smtp_client_free(client);
    return status;
}
