/*
 * What every C test uses: checks that name their line, the addresses of the servers that the test
 * asks for in its SERVER comments, and clients that trust their certificates.
 *
 *     SERVER name transport [options of loopback-server]
 *
 * makes a server whose address is server("name"). Transports: plain (with STARTTLS), tls, unix,
 * lmtp, lmtp-unix. A server without --mode fails the test if a client breaks a rule of SMTP.
 */
#ifndef CHECK_H
#define CHECK_H

#include <smtpclient.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Where a failed check says so. */
#ifndef CHECK_ERR
#define CHECK_ERR stderr
#endif

#define CHECK(condition)                                                                          \
    do {                                                                                          \
        if (!(condition)) {                                                                       \
            fprintf(CHECK_ERR, "%s:%d: %s\n  last error of the thread: %s\n", __FILE__, __LINE__, \
                    #condition, smtp_last_error());                                               \
            fflush(CHECK_ERR);                                                                    \
            abort();                                                                              \
        }                                                                                         \
    } while (0)

/* The call returns that code. */
#define GIVES(code, call)                                                                         \
    do {                                                                                          \
        long check_expected = (long)(code);                                                       \
        long check_got = (long)(call);                                                            \
        if (check_got != check_expected) {                                                        \
            fprintf(CHECK_ERR, "%s:%d: %s\n  expected %ld (%s), got %ld (%s): %s\n", __FILE__,    \
                    __LINE__, #call, check_expected, smtp_error_name((int)check_expected),        \
                    check_got, smtp_error_name((int)check_got), smtp_last_error());               \
            fflush(CHECK_ERR);                                                                    \
            abort();                                                                              \
        }                                                                                         \
    } while (0)

/* Both are texts, and the same. */
#define SAME(expected, text)                                                                      \
    do {                                                                                          \
        const char *check_text = (text);                                                          \
        if (check_text == NULL || strcmp((expected), check_text) != 0) {                          \
            fprintf(CHECK_ERR, "%s:%d: %s is \"%s\", not \"%s\"\n", __FILE__, __LINE__, #text,    \
                    check_text == NULL ? "(null)" : check_text, (expected));                      \
            fflush(CHECK_ERR);                                                                    \
            abort();                                                                              \
        }                                                                                         \
    } while (0)

#define HAS(text, part)                                                                           \
    do {                                                                                          \
        const char *check_text = (text);                                                          \
        if (check_text == NULL || strstr(check_text, (part)) == NULL) {                           \
            fprintf(CHECK_ERR, "%s:%d: no \"%s\" in %s: \"%s\"\n", __FILE__, __LINE__, (part),    \
                    #text, check_text == NULL ? "(null)" : check_text);                           \
            fflush(CHECK_ERR);                                                                    \
            abort();                                                                              \
        }                                                                                         \
    } while (0)

/* The environment's variable SMTP_TEST_<name>, which must be there. */
static inline const char *given(const char *name) {
    char variable[128];
    const char *value;
    snprintf(variable, sizeof variable, "SMTP_TEST_%s", name);
    value = getenv(variable);
    if (value == NULL) {
        fprintf(stderr, "%s is not set: run this through cargo test\n", variable);
        exit(2);
    }
    return value;
}

/* The address of a server from the test's SERVER comments. */
static inline const char *server(const char *name) {
    return given(name);
}

/* A file: ca.pem client.pem client.key (PKCS#8) client-sec1.key rsa.pem rsa.key (PKCS#8)
 * rsa-pkcs1.key client.p12 client-encrypted.key (the last two: password "secret"). */
static inline const char *file(const char *name) {
    static char path[1024];
    snprintf(path, sizeof path, "%s/%s", given("FILES"), name);
    return path;
}

/* Whether the program runs under valgrind, many times slower. */
static inline int slow(void) {
    return getenv("SMTP_TEST_SLOW") != NULL;
}

/* Seconds since some fixed moment. */
static inline double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static inline void nap(long milliseconds) {
    struct timespec time;
    time.tv_sec = milliseconds / 1000;
    time.tv_nsec = milliseconds % 1000 * 1000000L;
    while (nanosleep(&time, &time) != 0) {
    }
}

/* A client that trusts the test's authority. */
static inline smtp_client *client_new(int protocol) {
    smtp_client *client = smtp_client_new(protocol);
    smtp_tls *tls = smtp_tls_new();
    CHECK(client != NULL && tls != NULL);
    GIVES(SMTP_OK, smtp_tls_set_system_roots(tls, 0));
    GIVES(SMTP_OK, smtp_tls_set_ca_file(tls, file("ca.pem")));
    GIVES(SMTP_OK, smtp_client_set_tls(client, tls));
    smtp_tls_free(tls);
    GIVES(SMTP_OK, smtp_client_set_local_hostname(client, "client.example"));
    return client;
}

/* A client connected to a server of the test. */
static inline smtp_client *connected(int protocol, const char *name) {
    smtp_client *client = client_new(protocol);
    GIVES(SMTP_OK, smtp_client_connect(client, server(name), 0));
    return client;
}

static const char MESSAGE[] = "Subject: test\r\n\r\nHello.\r\n";

/* Sends MESSAGE to one recipient. */
static inline int send_one(smtp_client *client) {
    const char *to = "to@b.example";
    return smtp_client_sendmail(client, "from@a.example", &to, 1, MESSAGE, sizeof MESSAGE - 1, NULL,
                                0, NULL, 0);
}

#endif
