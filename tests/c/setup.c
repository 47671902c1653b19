/*
 * What smtp_client_open() needs, set by a URL and apart: good and bad URLs, which change nothing and
 * are told without the secret in them, wherever it stands; and what becomes of the secret.
 */
/* SERVER smtp plain */
/* SERVER lmtp lmtp-unix */
#define _POSIX_C_SOURCE 200809L
#include "secret.h"

#include <unistd.h>

#define LENGTH(array) (sizeof(array) / sizeof *(array))

/* In every URL that has a password, and in no error. */
#define SECRET "s3cr3t-4711"

struct bad {
    const char *url, *told;
};

static const struct bad bad_urls[] = {
    {"", "scheme"},
    {SECRET, "scheme"},
    {"me:" SECRET "@mail.example", "scheme"},
    {"smtp:me:" SECRET "@mail.example", "scheme"},
    {"me:" SECRET "://x@mail.example", "scheme"},
    {SECRET "://x@mail.example", "scheme"},
    {"http://me:" SECRET "@mail.example", "http"},
    {"submission://me:" SECRET "@mail.example", "submission"},
    {"smtp+unix:///run/" SECRET, "smtp+unix"},
    {"smtp://me:" SECRET "@mail.example?verify=0", "query"},
    {"smtp://me:a?" SECRET "@mail.example", "query"},
    {"smtp://mail.example#" SECRET, "fragment"},
    {"smtp://me:a#" SECRET "@mail.example", "fragment"},
    {"smtp://mail.example/" SECRET, "path"},
    {"smtp://me:a/" SECRET "@mail.example", "path"},
    {"smtp://me:" SECRET "//@mail.example", "path"},
    {"smtp://me:" SECRET, "port"},
    {"smtp://me:" SECRET "@mail.example:0", "port"},
    {"smtp://me:" SECRET "@mail.example:65536", "port"},
    {"smtp://me:" SECRET "@mail.example:99999999999999999999", "port"},
    {"smtp://me:" SECRET "@mail.example:smtp", "port"},
    {"smtp://me:" SECRET "@mail.example:", "port"},
    {"smtp://me:" SECRET "@[::1]:-1", "port"},
    {"smtp://", "host"},
    {"smtp:///", "host"},
    {"smtp://me:" SECRET "@", "host"},
    {"smtp://me:" SECRET "@:25", "host"},
    {"smtp://me:" SECRET "@a..b", "host"},
    {"smtp://me:" SECRET "@m\xc3\xbcller.example", "host"},
    {"smtp://me:" SECRET "@%6dail.example", "host"},
    {"smtp://me:" SECRET "@::1", "brackets"},
    {"smtp://me:" SECRET "@[::1", "]"},
    {"smtp://me:" SECRET "@[::1]x", "]"},
    {"smtp://me:" SECRET "@[127.0.0.1]", "IPv6"},
    {"smtp://me:" SECRET "@[fe80::1%25]", "IPv6"},
    {"smtp://me:" SECRET "@[fe80::1%lo]", "%25"},
    {"smtp://me:a@" SECRET "@mail.example", "@"},
    {"smtp://" SECRET "@a@mail.example", "@"},
    {"smtp://:" SECRET "@mail.example", "user name"},
    {"smtp://@mail.example", "user name"},
    {"smtp://me:" SECRET "%@mail.example", "%"},
    {"smtp://me:" SECRET "%4@mail.example", "%"},
    {"smtp://me:" SECRET "%x1@mail.example", "%"},
    {"smtp://me:" SECRET "%00@mail.example", "control"},
    {"smtp://me:" SECRET "%0a@mail.example", "control"},
    {"smtp://me:" SECRET "%0D@mail.example", "control"},
    {"smtp://me%1b:" SECRET "@mail.example", "control"},
    {"smtp://me:" SECRET "%7F@mail.example", "control"},
    {"smtp://me:" SECRET "%c2%85@mail.example", "control"},
    {"smtp://me:" SECRET "\r\n@mail.example", "control"},
    {"smtp://me:" SECRET "\x7f@mail.example", "control"},
    {"smtp://me:" SECRET " @mail.example", "space"},
    {"smtp://me:" SECRET "@mail.example ", "space"},
    {"smtp://me:" SECRET "%ff@mail.example", "UTF-8"},
    {"smtp://me:" SECRET "%c0%80@mail.example", "UTF-8"},
    {"smtp://me:" SECRET "\xff@mail.example", "UTF-8"},
    {"lmtp+unix://run/" SECRET, "host"},
    {"lmtp+unix://me:" SECRET "@/run/lmtp", "host"},
    {"lmtp+unix://", "path"},
    {"lmtp+unix:///" SECRET "/", "path"},
    {"lmtp+unix:///" SECRET "%00", "control"},
    {"lmtp+unix:///" SECRET "?x", "query"},
};

static const char *const good_urls[] = {
    "smtp://mail.example",
    "SMTPS://mail.example/",
    "smtp+starttls://me%40example.org:p%40%2f%23%3f%25%20@mail.example:2525",
    "smtp://me@[2001:db8::1]:587",
    "smtp://[fe80::1%25lo]",
    "lmtp://127.0.0.1",
    "lmtp+unix:///run/a%20socket",
};

static char transcript[4096];

static void on_debug(int direction, const char *data, size_t length, void *user) {
    size_t used = strlen(transcript);
    (void)direction, (void)user;
    CHECK(used + length + 1 < sizeof transcript);
    memcpy(transcript + used, data, length);
    transcript[used + length] = '\0';
}

static void shows_no_secret(const char *text) {
    if (strstr(text, "s3cr3t") != NULL) {
        fprintf(stderr, "the secret is shown: %s\n", text);
        abort();
    }
}

static void refused(smtp_client *client, const char *url, const char *told) {
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_url(client, url));
    HAS(smtp_client_last_error(client), told);
    SAME(smtp_client_last_error(client), smtp_last_error());
    shows_no_secret(smtp_last_error());
}

static void urls(void) {
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    char *longest = malloc(8192 + 2);
    size_t i;
    CHECK(client != NULL && longest != NULL);
    GIVES(SMTP_OK, smtp_client_set_debug_callback(client, on_debug, NULL, NULL));
    GIVES(SMTP_OK, smtp_client_set_debug_level(client, 2));
    GIVES(SMTP_OK, smtp_client_set_debug_secrets(client, 1));
    for (i = 0; i < LENGTH(good_urls); i++)
        GIVES(SMTP_OK, smtp_client_set_url(client, good_urls[i]));
    for (i = 0; i < LENGTH(bad_urls); i++)
        refused(client, bad_urls[i].url, bad_urls[i].told);
    memset(longest, 'a', 8192);
    memcpy(longest, "smtp://" SECRET "@", 19);
    strcpy(longest + 8192 - 13, "@mail.example");
    refused(client, longest, "@");
    longest[18] = 'a';
    GIVES(SMTP_OK, smtp_client_set_url(client, longest));
    strcat(longest, "s");
    refused(client, longest, "8192");
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_url(client, NULL));
    SAME("", transcript);
    free(longest);
    smtp_client_free(client);
}

static void apart(void) {
    static const char *const addresses[] = {"192.0.2.1", "::1", "fe80::1%lo"};
    static const char *const bad[] = {"name", "192.0.2.1:25", "[::1]", "/run/lmtp", "", " ::1"};
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    smtp_client *over_tls = smtp_client_new(SMTP_PROTOCOL_SMTPS);
    int security;
    size_t i;
    GIVES(SMTP_E_MISUSE, smtp_client_set_addresses(client, addresses, 3));
    GIVES(SMTP_OK, smtp_client_set_host(client, "mail.example:2525", 0));
    GIVES(SMTP_OK, smtp_client_set_host(client, "mail.example", 65535));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_host(client, NULL, 25));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_host(client, "", 25));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_host(client, "a\r\nb", 25));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_host(client, "/run\n", 0));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_host(client, "mail.example", 65536));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_host(client, "mail.example:0", 0));

    GIVES(SMTP_OK, smtp_client_set_addresses(client, addresses, 3));
    for (i = 0; i < LENGTH(bad); i++) {
        const char *both[2];
        both[0] = "::1", both[1] = bad[i];
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_addresses(client, both, 2));
        HAS(smtp_client_last_error(client), "[1]");
    }
    GIVES(SMTP_OK, smtp_client_set_addresses(client, NULL, 0));
    GIVES(SMTP_OK, smtp_client_set_host(client, "/run/smtp", 0));
    GIVES(SMTP_E_MISUSE, smtp_client_set_addresses(client, addresses, 1));

    GIVES(SMTP_OK, smtp_client_set_credentials(client, "me", SECRET "/#@:%"));
    GIVES(SMTP_OK, smtp_client_set_credentials(client, "me", NULL));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_credentials(client, NULL, SECRET));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_credentials(client, "", SECRET));
    shows_no_secret(smtp_last_error());
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_credentials(client, "me", SECRET "\xff"));
    shows_no_secret(smtp_last_error());
    GIVES(SMTP_OK, smtp_client_set_credentials(client, NULL, NULL));

    for (security = SMTP_SECURITY_AUTO; security <= SMTP_SECURITY_TLS; security++) {
        int fits = security == SMTP_SECURITY_AUTO || security == SMTP_SECURITY_TLS;
        GIVES(SMTP_OK, smtp_client_set_security(client, security));
        GIVES(fits ? SMTP_OK : SMTP_E_INVALID_ARGUMENT,
              smtp_client_set_security(over_tls, security));
    }
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_security(client, -1));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_security(client, SMTP_SECURITY_TLS + 1));
    smtp_client_free(client);
    smtp_client_free(over_tls);
}

/* The scheme's protocol is the next connection's, and not the open one's. */
static void protocols(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    char url[1024];
    snprintf(url, sizeof url, "lmtp+unix://%s", server("lmtp"));
    GIVES(SMTP_OK, smtp_client_set_url(client, url));
    GIVES(250, smtp_client_ehlo(client, NULL));
    GIVES(SMTP_OK, send_one(client));
    GIVES(SMTP_OK, smtp_client_connect(client, server("lmtp"), 0));
    GIVES(250, smtp_client_ehlo(client, NULL));
    GIVES(SMTP_OK, send_one(client));
    GIVES(221, smtp_client_quit(client));
    GIVES(SMTP_OK, smtp_client_set_url(client, "smtp://localhost"));
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
    GIVES(250, smtp_client_ehlo(client, NULL));
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
}

/* A password of 60 letters. */
static char letter(size_t at) {
    return (char)('A' + (at * at * 7 + at * 3 + 5) % 26);
}

enum { WHOLE = 60, FROM = 24, TO = 48 };

static void put_secret(char *to) {
    size_t at;
    for (at = 0; at < WHOLE; at++)
        to[at] = letter(at);
}

static void the_secret_is_wiped(void) {
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    char url[256] = "smtp://me:";
    size_t length = strlen(url);
    put_secret(url + length);
    strcpy(url + length + WHOLE, "@mail.example#");
    CHECK(is_in_memory(letter, FROM, TO));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_url(client, url));
    /* This one is found out after the decoding. */
    strcpy(url + length + WHOLE, "%ff@mail.example");
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_url(client, url));
    wipe(url, sizeof url);
    CHECK(!is_in_memory(letter, FROM, TO));

    strcpy(url, "smtp://me:");
    put_secret(url + length);
    strcpy(url + length + WHOLE, "@mail.example");
    GIVES(SMTP_OK, smtp_client_set_url(client, url));
    wipe(url, sizeof url);
    CHECK(is_in_memory(letter, FROM, TO));
    GIVES(SMTP_OK, smtp_client_set_url(client, "smtp://other.example"));
    CHECK(!is_in_memory(letter, FROM, TO));

    put_secret(url);
    GIVES(SMTP_OK, smtp_client_set_credentials(client, "me", url));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_credentials(client, NULL, url));
    wipe(url, sizeof url);
    CHECK(is_in_memory(letter, FROM, TO));
    smtp_client_free(client);
    CHECK(!is_in_memory(letter, FROM, TO));
}

int main(void) {
    urls();
    apart();
    protocols();
    if (!slow()) /* Whoever watches the program has copies of his own. */
        the_secret_is_wiped();
    return 0;
}
