/*
 * post_quantum CERTIFICATE_AND_KEY CA: connects to a server in a child process, both on the OpenSSL
 * that the program is linked with, and prints the group that the two have agreed on by themselves.
 */
#include <openssl/ssl.h>
#include <smtpclient.h>

#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static int serve(int fd, const char *pem) {
    static const char greeting[] = "220 mail.example ESMTP\r\n";
    char bytes[64];
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    SSL *ssl;
    if (SSL_CTX_use_certificate_chain_file(context, pem) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, pem, SSL_FILETYPE_PEM) != 1) {
        return 1;
    }
    ssl = SSL_new(context);
    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) != 1 || SSL_write(ssl, greeting, sizeof greeting - 1) < 1) {
        return 1;
    }
    SSL_read(ssl, bytes, sizeof bytes);
    return 0;
}

int main(int argc, char **argv) {
    int pair[2], code;
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTPS);
    smtp_tls *tls = smtp_tls_new();
    pid_t child;
    if (argc != 3 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) != 0 || (child = fork()) < 0) {
        return 2;
    }
    if (child == 0) {
        close(pair[0]);
        _exit(serve(pair[1], argv[1]));
    }
    close(pair[1]);
    smtp_tls_set_system_roots(tls, 0);
    smtp_tls_set_ca_file(tls, argv[2]);
    smtp_client_set_tls(client, tls);
    code = smtp_client_connect_fd(client, pair[0], "localhost");
    close(pair[0]);
    if (code == SMTP_OK) {
        puts(smtp_client_tls_info(client, SMTP_TLS_INFO_GROUP));
    } else {
        puts(smtp_client_last_error(client));
    }
    smtp_client_free(client);
    smtp_tls_free(tls);
    waitpid(child, NULL, 0);
    return code != SMTP_OK;
}
