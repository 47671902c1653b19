/*
 * Sends a report with a file attached, as a monitoring daemon would: the library writes the mail.
 *
 *     send_report [--ca FILE] URL FROM TO SUBJECT FILE < text
 *     send_report smtp+starttls://relay.example "Monitor <monitor@relay.example>" \
 *         "On call <oncall@relay.example>" "Platte fast voll: 97 %" /var/log/disks.csv < text
 *
 * URL is as for smtp_client_set_url(). FROM and TO are as they stand in a header: TO may be a
 * list. Build it with
 *
 *     cc -o send_report send_report.c $(pkg-config --cflags --libs smtpclient)
 *
 * Exit status: 0 the server took the message for everybody or somebody, 1 for nobody, 2 wrong usage.
 */
#define _POSIX_C_SOURCE 200809L

#include <smtpclient.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* All of standard input; NULL if that is no text, or longer than a report may be. */
static const char *read_text(void) {
    static char text[64 * 1024];
    size_t used = fread(text, 1, sizeof text - 1, stdin);
    return feof(stdin) && memchr(text, 0, used) == NULL ? text : NULL;
}

/* The mail itself: whom, what, and the file, which is read as it is sent. */
static int write_mail(smtp_message *mail, char **words) {
    const char *path = words[4];
    const char *slash = strrchr(path, '/');
    const char *text = read_text();
    int status = SMTP_OK;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        perror(path);
        return -1;
    }
    if (text == NULL) {
        fputs("send_report: standard input is no text, or too long\n", stderr);
        status = -1;
    } else if (smtp_message_set_from(mail, NULL, words[1]) < 0 ||
        smtp_message_add_to(mail, NULL, words[2]) < 0 ||
        smtp_message_set_subject(mail, words[3]) < 0 ||
        smtp_message_set_text(mail, text) < 0 ||
        smtp_message_add_header(mail, "Auto-Submitted", "auto-generated") < 0 ||
        smtp_message_add_attachment_fd(mail, slash ? slash + 1 : path, NULL, fd) < 0) {
        fprintf(stderr, "send_report: %s\n", smtp_message_last_error(mail));
        status = -1;
    }
    close(fd); /* the message has its own */
    return status;
}

static int send_mail(smtp_client *client, smtp_message *mail, char **words, const char *ca_file) {
    size_t i;
    smtp_tls *tls = smtp_tls_new();
    int status = (ca_file != NULL && smtp_tls_set_ca_file(tls, ca_file) < 0) ||
                         smtp_client_set_tls(client, tls) < 0
                     ? smtp_last_error_code()
                     : SMTP_OK;
    smtp_tls_free(tls);
    if (status < 0 || (status = smtp_client_set_url(client, words[0])) < 0 ||
        (status = smtp_client_open(client)) < 0 ||
        (status = smtp_client_send_mime(client, mail)) < 0)
        fprintf(stderr, "send_report: %s\n", smtp_last_error());
    for (i = 0; i < smtp_client_refused_count(client); i++)
        fprintf(stderr, "refused: %s: %d %s\n", smtp_client_refused_address(client, i),
                smtp_client_refused_code(client, i), smtp_client_refused_text(client, i));
    if (status == SMTP_OK)
        printf("sent as %s\n", smtp_message_message_id(mail));
    return status;
}

int main(int argc, char **argv) {
    const char *ca_file = NULL;
    smtp_message *mail;
    smtp_client *client;
    int status = -1;

    if (argc == 8 && strcmp(argv[1], "--ca") == 0) {
        ca_file = argv[2];
        argv += 2;
        argc -= 2;
    }
    if (argc != 6) {
        fputs("usage: send_report [--ca FILE] URL FROM TO SUBJECT FILE < text\n", stderr);
        return 2;
    }
    mail = smtp_message_new();
    client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    if (mail == NULL || client == NULL)
        fprintf(stderr, "send_report: %s\n", smtp_last_error());
    else if (write_mail(mail, argv + 1) == SMTP_OK)
        status = send_mail(client, mail, argv + 1, ca_file);
    if (client != NULL)
        smtp_client_quit(client);
    smtp_client_free(client);
    smtp_message_free(mail);
    return status == SMTP_OK ? 0 : 1;
}
