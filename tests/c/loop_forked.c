/* A fork with a call pending: the child frees its copy, which neither the connection nor the event
 * loop of the parent notices; and one that keeps all it has inherited does not keep that loop awake. */
/* SERVER smtp plain */
/* SERVER smtps tls */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "entries.h"
#include "loop.h"
#include "resolver.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BY_NAME, OWN_NAME, GREETING, HANDSHAKE, MAIL, MAIL_UNDER_TLS, STREAM, IDLE, STARTS };

/* A machine whose name has no dot asks for more of it before the first EHLO. */
int gethostname(char *name, size_t length) {
    snprintf(name, length, "own-host");
    return 0;
}

static char by_name[64];
static int completed, status;

static void on_completion(smtp_transaction *mail, void *user) {
    (void)user;
    status = smtp_transaction_status(mail);
    completed++;
    smtp_transaction_free(mail);
}

/* A client with that pending, and what it must come to. */
static smtp_client *start(int which, int *expected) {
    int protocol = which == HANDSHAKE || which == MAIL_UNDER_TLS ? SMTP_PROTOCOL_SMTPS
                                                                 : SMTP_PROTOCOL_SMTP;
    const char *name = protocol == SMTP_PROTOCOL_SMTPS ? "smtps" : "smtp";
    smtp_client *client;
    completed = 0;
    *expected = SMTP_OK;
    if (which == BY_NAME || which == GREETING || which == HANDSHAKE) {
        client = loop_client(protocol);
        resolver_answers = 0;
        GIVES(SMTP_PENDING,
              smtp_client_connect(client, which == BY_NAME ? by_name : server(name), 0));
        return client;
    }
    if (which == OWN_NAME) {
        client = smtp_client_new(protocol);
        GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 1));
        GIVES(SMTP_OK, finish(client, smtp_client_connect(client, server(name), 0)));
        resolver_own = "own.example.org";
        *expected = 250;
        GIVES(SMTP_PENDING, smtp_client_ehlo(client, NULL));
        return client;
    }
    client = loop_connected(protocol, name);
    if (which == STREAM) {
        GIVES(SMTP_OK, smtp_client_set_completion_callback(client, on_completion, NULL, NULL));
        GIVES(SMTP_OK, finish(client, smtp_client_submit(client, mail_new())));
        GIVES(SMTP_OK, smtp_client_submit(client, mail_new()));
        GIVES(SMTP_PENDING, smtp_client_flush(client));
    } else if (which != IDLE) {
        GIVES(SMTP_PENDING, send_one(client));
    }
    return client;
}

static void in_the_child(smtp_client *client, int which, int way) {
    smtp_client *own;
    int inherited;
    alarm(60);
    inherited = entries("/proc/self/fd");
    GIVES(SMTP_E_MISUSE, smtp_client_process(client));
    HAS(smtp_last_error(), "parent");
    GIVES(SMTP_E_MISUSE, smtp_client_poll_fd(client));
    CHECK(smtp_client_noop(client) < 0 && smtp_client_quit(client) < 0);
    /* Nor does what it must not call do harm to the parent. */
    if (way == 1) {
        smtp_client_set_nonblocking(client, 1);
        smtp_client_cancel(client);
        GIVES(SMTP_OK, smtp_client_close(client));
    }
    smtp_client_free(client);
    GIVES(SMTP_E_MISUSE, smtp_client_process(client));
    /* The queue, its timer and what wakes it, and the connection or what a look-up wakes. */
    GIVES(inherited - (which == OWN_NAME ? 5 : 4), entries("/proc/self/fd"));
    own = loop_connected(SMTP_PROTOCOL_SMTP, "smtp");
    GIVES(SMTP_OK, finish(own, send_one(own)));
    GIVES(221, FINISH(own, smtp_client_quit(own)));
    smtp_client_free(own);
    if (which == STREAM)
        GIVES(2, completed);
    /* No exit: a look-up's thread is not here, and what it had on its stack is lost. */
    raise(SIGKILL);
}

static void frees(int which, int way) {
    int expected, ended;
    smtp_client *client = start(which, &expected);
    pid_t child;
    fflush(NULL);
    child = fork();
    CHECK(child >= 0);
    if (child == 0)
        in_the_child(client, which, way);
    CHECK(waitpid(child, &ended, 0) == child);
    if (!WIFSIGNALED(ended) || WTERMSIG(ended) != SIGKILL)
        fprintf(stderr, "start %d, way %d\n", which, way);
    CHECK(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
    if (which != IDLE)
        GIVES(expected, finish(client, SMTP_PENDING));
    if (which == STREAM) {
        GIVES(2, completed);
        GIVES(SMTP_OK, status);
    }
    GIVES(SMTP_OK, finish(client, send_one(client)));
    GIVES(221, FINISH(client, smtp_client_quit(client)));
    smtp_client_free(client);
}

/* How often the loop wakes in a while. */
static int wakes(smtp_client *client, int code) {
    int count = 0;
    double end = now() + 0.06;
    while (now() < end)
        if (readable(client, 20)) {
            GIVES(code, smtp_client_process(client));
            count++;
        }
    return count;
}

/* The child has every descriptor for as long as the parent wants it to. */
static void keeps(int which) {
    int expected, ended, stay[2], i;
    smtp_client *client = start(which, &expected);
    char byte;
    pid_t child;
    CHECK(pipe(stay) == 0);
    fflush(NULL);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(stay[1]);
        alarm(60);
        if (read(stay[0], &byte, 1) == 0)
            raise(SIGKILL);
        _exit(1);
    }
    close(stay[0]);
    if (which != IDLE)
        GIVES(expected, finish(client, SMTP_PENDING));
    for (i = 0; i < 3; i++) {
        const char *to = i == 1 ? by_name : server("smtp");
        GIVES(SMTP_OK, FINISH(client, smtp_client_connect(client, to, 0)));
        GIVES(SMTP_OK, finish(client, send_one(client)));
        CHECK(wakes(client, SMTP_OK) <= 2);
    }
    GIVES(221, FINISH(client, smtp_client_quit(client)));
    CHECK(wakes(client, SMTP_OK) <= 2);
    GIVES(SMTP_OK, smtp_client_process(client));
    smtp_client_free(client);
    close(stay[1]);
    CHECK(waitpid(child, &ended, 0) == child && WIFSIGNALED(ended));
}

/* A thread of the parent's is inside process at the fork: the child has not got it, and frees the
 * client all the same. */
static volatile int stays, is_inside;

static int stay(int event, const char *host, int port, const char *data, size_t length, void *user) {
    (void)host, (void)port, (void)data, (void)length, (void)user;
    if (event == SMTP_AUDIT_SEND && stays) {
        is_inside = 1;
        while (stays)
            nap(1);
    }
    return 0;
}

static void *go_on(void *client) {
    return (void *)(long)finish((smtp_client *)client, SMTP_PENDING);
}

static void beside_a_thread(void) {
    smtp_client *client = loop_connected(SMTP_PROTOCOL_SMTP, "smtp");
    pthread_t thread;
    void *result;
    pid_t child;
    int exit_status, inherited;
    GIVES(SMTP_OK, smtp_client_set_audit_callback(client, stay, NULL, NULL));
    GIVES(SMTP_PENDING, send_one(client)); /* EHLO is out */
    stays = 1;
    CHECK(pthread_create(&thread, NULL, go_on, client) == 0);
    while (!is_inside)
        nap(1);
    fflush(NULL);
    child = fork();
    if (child == 0) {
        alarm(60);
        inherited = entries("/proc/self/fd");
        GIVES(SMTP_E_BUSY, smtp_client_process(client));
        smtp_client_free(client);
        GIVES(SMTP_E_MISUSE, smtp_client_process(client));
        /* The queue, its timer, what wakes it, and the connection. */
        GIVES(inherited - 4, entries("/proc/self/fd"));
        fflush(NULL);
        kill(getpid(), SIGKILL); /* what the thread had stays, and valgrind would count it */
    }
    CHECK(child > 0 && waitpid(child, &exit_status, 0) == child);
    CHECK(WIFSIGNALED(exit_status) && WTERMSIG(exit_status) == SIGKILL);
    stays = 0;
    pthread_join(thread, &result);
    GIVES(SMTP_OK, (long)result);
    GIVES(221, FINISH(client, smtp_client_quit(client)));
    smtp_client_free(client);
}

int main(void) {
    int which, way, before = entries("/proc/self/fd");
    snprintf(by_name, sizeof by_name, "localhost%s", strrchr(server("smtp"), ':'));
    for (which = 0; which < STARTS; which++) {
        if (slow() && which != OWN_NAME && which != STREAM && which != MAIL)
            continue;
        for (way = 0; way < 2; way++)
            if (!slow() || way == (which == STREAM))
                frees(which, way);
        if (which != HANDSHAKE && which != MAIL_UNDER_TLS && (!slow() || which == STREAM))
            keeps(which);
    }
    beside_a_thread();
    GIVES(before, entries("/proc/self/fd"));
    return 0;
}
