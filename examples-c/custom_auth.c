/*
 * Logs in with a mechanism of one's own: XOAUTH2 as an auth callback, with an access token from the
 * environment. (The library knows that one by itself: send_oauth2.c. It shows how others are made.)
 *
 *     ACCESS_TOKEN=ya29.vF9dft4... custom_auth [--ca FILE] SERVER USER
 *
 * Exit status: 0 logged in, 1 not, 2 wrong usage.
 */
#include <smtpclient.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the mechanism needs; the callback gets it as user_data. */
typedef struct oauth {
    const char *user;
    const char *token;
} oauth;

/* Overwrites a secret; volatile, so that the compiler does not leave it out before free(). */
static void wipe(char *secret, size_t length) {
    volatile char *at = secret;
    while (length-- > 0)
        *at++ = 0;
}

/* user=NAME ^A auth=Bearer TOKEN ^A ^A */
static int respond_with_token(smtp_auth_exchange *exchange, const oauth *account) {
    size_t room = strlen(account->user) + strlen(account->token) + sizeof "user=\1auth=Bearer \1\1";
    char *response = (char *)malloc(room);
    int status;

    if (response == NULL)
        return -1;
    snprintf(response, room, "user=%s\1auth=Bearer %s\1\1", account->user, account->token);
    status = smtp_auth_exchange_respond(exchange, response, strlen(response)); /* copies */
    wipe(response, room);
    free(response);
    return status;
}

/*
 * Called once for the initial response, when the challenge is NULL, then for each challenge of the
 * server. Both are plain bytes: the library does the base64. A negative return cancels the login.
 */
static int xoauth2(smtp_auth_exchange *exchange, void *user_data) {
    const oauth *account = (const oauth *)user_data;
    size_t length = 0;
    const void *challenge = smtp_auth_exchange_challenge(exchange, &length);

    /* An empty challenge asks for the token too: the library could not send it along with AUTH. */
    if (challenge == NULL || length == 0)
        return respond_with_token(exchange, account);

    /* Any other says in JSON why the token is refused, and wants an empty answer before the 535. */
    fprintf(stderr, "custom_auth: the server says %.*s\n", (int)length, (const char *)challenge);
    return smtp_auth_exchange_respond(exchange, "", 0);
}

/* Encrypts first: without it the library would refuse to send the token to another machine. */
static int log_in(smtp_client *client, const char *server, oauth *account) {
    if (smtp_client_connect(client, server, 0) < 0 || smtp_client_starttls(client) < 0 ||
        smtp_client_auth(client, "XOAUTH2", xoauth2, account) < 0) {
        fprintf(stderr, "custom_auth: %s\n", smtp_client_last_error(client));
        return 1;
    }
    printf("logged in: %d %s\n", smtp_client_reply_code(client), smtp_client_reply_text(client));
    if (smtp_client_quit(client) < 0)
        fprintf(stderr, "custom_auth: note: %s\n", smtp_client_last_error(client));
    return 0;
}

/* Trusts the certificates in a file as well as the system's. */
static int trust(smtp_client *client, const char *ca_file) {
    smtp_tls *tls = smtp_tls_new();
    int status = 0;
    if (tls == NULL || smtp_tls_set_ca_file(tls, ca_file) < 0 ||
        smtp_client_set_tls(client, tls) < 0) {
        fprintf(stderr, "custom_auth: %s\n", smtp_last_error());
        status = 1;
    }
    smtp_tls_free(tls); /* the client keeps a reference of its own */
    return status;
}

int main(int argc, char **argv) {
    const char *ca_file = NULL;
    oauth account;
    smtp_client *client;
    int status;

    if (argc > 2 && strcmp(argv[1], "--ca") == 0) {
        ca_file = argv[2];
        argc -= 2;
        argv += 2;
    }
    account.token = getenv("ACCESS_TOKEN");
    if (argc != 3 || account.token == NULL) {
        fputs("usage: ACCESS_TOKEN=TOKEN custom_auth [--ca FILE] SERVER USER\n"
              "  SERVER  HOST:PORT, for example smtp.example.org:587\n",
              stderr);
        return 2;
    }
    account.user = argv[2];

    client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    if (client == NULL) {
        fprintf(stderr, "custom_auth: %s\n", smtp_last_error());
        return 1;
    }
    status = ca_file != NULL ? trust(client, ca_file) : 0;
    if (status == 0)
        status = log_in(client, argv[1], &account);
    smtp_client_free(client);
    return status;
}
