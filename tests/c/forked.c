/* A child forked in mid-session may free the parent's handle, which sends nothing, and make its
 * own; the parent goes on. */
/* SERVER smtp plain */
/* SERVER smtps tls */
/* SERVER mute plain --mode mute */
#define _POSIX_C_SOURCE 200809L
#include "entries.h"

#include <pthread.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static void fork_with(int protocol, const char *name, int close_too) {
    smtp_client *client = connected(protocol, name);
    smtp_client *other;
    int status;
    pid_t child;
    GIVES(SMTP_OK, send_one(client));
    fflush(NULL);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (close_too)
            GIVES(SMTP_OK, smtp_client_close(client));
        smtp_client_free(client);
        other = connected(protocol, name);
        GIVES(SMTP_OK, send_one(other));
        GIVES(221, smtp_client_quit(other));
        smtp_client_free(other);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* Neither QUIT nor close_notify nor FIN has come from the child. */
    GIVES(250, smtp_client_noop(client));
    GIVES(SMTP_OK, send_one(client));
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
}

static void ended_well(pid_t child) {
    int status;
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static smtp_client *busy;

static void *wait_in_vain(void *unused) {
    (void)unused;
    return (void *)(long)smtp_client_connect(busy, server("mute"), 0);
}

/* What another thread was in the midst of at the fork: the child frees it, and its descriptors are
 * gone; the parent's call goes on. */
static void fork_beside_a_call(void) {
    int before = entries("/proc/self/fd"), i;
    smtp_client *other;
    pthread_t thread;
    void *code;
    pid_t child;
    busy = client_new(SMTP_PROTOCOL_SMTP);
    CHECK(pthread_create(&thread, NULL, wait_in_vain, NULL) == 0);
    while (smtp_client_is_connected(busy) != SMTP_E_BUSY)
        nap(1);
    nap(slow() ? 1000 : 100); /* it waits for the greeting by now */
    fflush(NULL);
    child = fork();
    if (child == 0) {
        int inherited = entries("/proc/self/fd");
        GIVES(SMTP_E_BUSY, smtp_client_noop(busy));
        smtp_client_free(busy);
        GIVES(SMTP_E_MISUSE, smtp_client_noop(busy));
        GIVES(inherited - 2, entries("/proc/self/fd")); /* the connection, and what wakes its wait */
        for (i = 0; i < 3; i++) {
            other = connected(SMTP_PROTOCOL_SMTP, "smtp");
            GIVES(SMTP_OK, send_one(other));
            GIVES(221, smtp_client_quit(other));
            smtp_client_free(other);
        }
        GIVES(inherited - 2, entries("/proc/self/fd"));
        _exit(0);
    }
    ended_well(child);
    GIVES(SMTP_E_BUSY, smtp_client_noop(busy));
    GIVES(SMTP_OK, smtp_client_cancel(busy));
    pthread_join(thread, &code);
    GIVES(SMTP_E_CANCELLED, (long)code);
    smtp_client_free(busy);
    GIVES(before, entries("/proc/self/fd"));
}

/* The thread that forks in a callback has its call in the child as well. */
static pid_t forked;

static int fork_and_free(int event, const char *host, int port, const char *data, size_t length,
                         void *client) {
    (void)host, (void)port, (void)data, (void)length;
    if (event != SMTP_AUDIT_SEND)
        return 0;
    forked = fork();
    CHECK(forked >= 0);
    if (forked == 0)
        smtp_client_free(client);
    return forked == 0;
}

static void fork_in_a_callback(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    int code;
    GIVES(SMTP_OK, smtp_client_set_audit_callback(client, fork_and_free, client, NULL));
    fflush(NULL);
    code = smtp_client_noop(client);
    if (forked == 0) {
        GIVES(SMTP_E_FORBIDDEN, code);
        GIVES(SMTP_E_MISUSE, smtp_client_noop(client));
        _exit(0);
    }
    GIVES(250, code);
    ended_well(forked);
    GIVES(SMTP_OK, smtp_client_set_audit_callback(client, NULL, NULL, NULL));
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
}

static int reading;

static void *read_all_along(void *client) {
    while (__atomic_load_n(&reading, __ATOMIC_SEQ_CST))
        CHECK(smtp_client_reply_text(client) != NULL);
    return NULL;
}

/* Whatever a reader was in the midst of, the child uses the handle, and frees it. */
static void fork_beside_readers(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    pthread_t thread;
    int i;
    __atomic_store_n(&reading, 1, __ATOMIC_SEQ_CST);
    CHECK(pthread_create(&thread, NULL, read_all_along, client) == 0);
    for (i = 0; i < 100; i++) {
        pid_t child;
        fflush(NULL);
        child = fork();
        if (child == 0) {
            HAS(smtp_client_reply_text(client), "ready");
            GIVES(SMTP_OK, smtp_client_set_timeout(client, 1000));
            smtp_client_free(client);
            GIVES(SMTP_E_MISUSE, smtp_client_noop(client));
            _exit(0);
        }
        ended_well(child);
    }
    __atomic_store_n(&reading, 0, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
}

int main(void) {
    fork_with(SMTP_PROTOCOL_SMTP, "smtp", 0);
    fork_with(SMTP_PROTOCOL_SMTP, "smtp", 1);
    fork_with(SMTP_PROTOCOL_SMTPS, "smtps", 0);
    fork_with(SMTP_PROTOCOL_SMTPS, "smtps", 1);
    fork_beside_a_call();
    fork_in_a_callback();
    if (!slow()) /* what the reader's thread had allocated is lost to the child, as valgrind says */
        fork_beside_readers();
    return 0;
}
