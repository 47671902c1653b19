/* Handles in great number: none costs a descriptor, none that is gone is ever believed again, and
 * what was never one is not read. */
/* SERVER smtp plain */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "entries.h"

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MANY = 70000, CLIENTS = 1019 };

static void is_none(void *pointer) {
    GIVES(SMTP_E_MISUSE, smtp_client_noop(pointer));
    GIVES(SMTP_E_MISUSE, smtp_client_cancel(pointer));
    GIVES(SMTP_E_MISUSE, smtp_client_is_connected(pointer));
    GIVES(SMTP_E_MISUSE, smtp_transaction_status(pointer));
    GIVES(SMTP_E_MISUSE, smtp_tls_set_verify(pointer, SMTP_TLS_VERIFY_FULL));
    GIVES(SMTP_E_MISUSE, smtp_last_error_code());
    smtp_client_free(pointer);
    smtp_transaction_free(pointer);
    smtp_tls_free(pointer);
}

/* Foreign pointers, also to memory that nobody can read. */
static void foreign(void) {
    char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *heap = calloc(1, 4096);
    int at;
    CHECK(page != MAP_FAILED && heap != NULL);
    for (at = 0; at < 64; at++) {
        is_none(page + at);
        is_none(heap + at);
        is_none((char *)&at + at);
    }
    munmap(page, 4096);
    is_none(page);
    free(heap);
}

static void many(void) {
    static smtp_transaction *all[MANY];
    int count = slow() ? 7000 : MANY, i;
    for (i = 0; i < count; i++) {
        all[i] = smtp_transaction_new();
        CHECK(all[i] != NULL);
    }
    foreign();
    for (i = 0; i < count; i++)
        GIVES(0, smtp_transaction_recipient_count(all[i]));
    for (i = 1; i < count; i++)
        smtp_transaction_free(all[i]);
    foreign();
    for (i = 1; i < count; i++)
        GIVES(SMTP_E_MISUSE, smtp_transaction_status(all[i]));
    /* Their places are others' now. */
    for (i = 0; i < count; i++) {
        smtp_transaction *other = smtp_transaction_new();
        GIVES(SMTP_OK, smtp_transaction_set_sender(other, "a@b.example"));
        GIVES(SMTP_E_MISUSE, smtp_transaction_clear(all[count - 1]));
        smtp_transaction_free(other);
    }
    GIVES(SMTP_OK, smtp_transaction_status(all[0]));
    smtp_transaction_free(all[0]);
}

/* With the usual limit of 1,024 descriptors there are as many clients as one likes. */
static void idle_clients(void) {
    static smtp_client *clients[CLIENTS];
    struct rlimit limit, before;
    int open_before = entries("/proc/self/fd");
    int count = slow() ? 60 : CLIENTS, i;
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    limit = before;
    limit.rlim_cur = 1024;
    CHECK(slow() || setrlimit(RLIMIT_NOFILE, &limit) == 0);
    for (i = 0; i < count; i++) {
        clients[i] = smtp_client_new(SMTP_PROTOCOL_SMTP);
        CHECK(clients[i] != NULL);
        GIVES(SMTP_OK, smtp_client_set_local_hostname(clients[i], "client.example"));
    }
    GIVES(open_before, entries("/proc/self/fd"));
    for (i = 0; i < count; i++) {
        GIVES(SMTP_OK, smtp_client_connect(clients[i], server("smtp"), 0));
        GIVES(221, smtp_client_quit(clients[i]));
        /* One descriptor that wakes waits, for all of them. */
        CHECK(entries("/proc/self/fd") <= open_before + 1);
    }
    for (i = 0; i < count; i++)
        smtp_client_free(clients[i]);
    GIVES(open_before, entries("/proc/self/fd"));
    CHECK(slow() || setrlimit(RLIMIT_NOFILE, &before) == 0);
}

/* No descriptor is left for waking: a call waits all the same, and a time limit ends it. */
static void no_descriptor_left(void) {
    static int taken[4096];
    struct rlimit limit, before;
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    int pair[2], count = 0;
    CHECK(getrlimit(RLIMIT_NOFILE, &before) == 0);
    limit = before;
    limit.rlim_cur = 256;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(pipe(pair) == 0);
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
    smtp_client_free(client); /* and with the last client goes what wakes */
    client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_OK, smtp_client_set_local_hostname(client, "client.example"));
    while ((taken[count] = dup(pair[0])) >= 0)
        count++;
    close(taken[--count]); /* for the connection itself */
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
    CHECK(dup(pair[0]) < 0);
    GIVES(SMTP_OK, send_one(client));
    smtp_client_free(client);
    while (count > 0)
        close(taken[--count]);
    close(pair[0]);
    close(pair[1]);
    CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
}

/* A host without standard streams gets none of ours in their place. */
static void not_a_standard_stream(void) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    int saved = dup(STDIN_FILENO);
    CHECK(saved > STDERR_FILENO);
    close(STDIN_FILENO);
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
    if (smtp_client_fd(client) != STDIN_FILENO) {
        CHECK(dup(saved) == STDIN_FILENO);
        close(STDIN_FILENO);
    }
    GIVES(221, smtp_client_quit(client));
    CHECK(dup2(saved, STDIN_FILENO) == STDIN_FILENO);
    close(saved);
    smtp_client_free(client);
}

int main(void) {
    foreign();
    many();
    idle_clients();
    if (!slow())
        no_descriptor_left();
    not_a_standard_stream();
    return 0;
}
