/* The descriptor of a client: whose it is, when it is readable and when not, and what process tells
 * of a connection on which nothing is pending. */
/* SERVER smtp plain */
/* SERVER smtps tls */
/* SERVER mute plain --mode mute */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "entries.h"
#include "loop.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often the loop wakes in that time. */
static int wakes(smtp_client *client, int code, int milliseconds) {
    double end = now() + milliseconds / 1000.0, left;
    int count = 0;
    while ((left = end - now()) > 0)
        if (readable(client, (int)(left * 1000) + 1)) {
            GIVES(code, smtp_client_process(client));
            count++;
        }
    return count;
}

static void misuse(void) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP), *other = loop_client(SMTP_PROTOCOL_SMTP);
    int before = entries("/proc/self/fd"), fd, i;
    GIVES(SMTP_E_MISUSE, smtp_client_process(NULL));
    GIVES(SMTP_E_MISUSE, smtp_client_poll_fd(NULL));
    GIVES(SMTP_E_MISUSE, smtp_client_set_nonblocking(NULL, 1));
    GIVES(SMTP_E_MISUSE, smtp_client_poll_fd(client));
    HAS(smtp_client_last_error(client), "smtp_client_set_nonblocking()");
    GIVES(SMTP_OK, smtp_client_process(client)); /* that waits, and has no connection */
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
    GIVES(SMTP_OK, smtp_client_process(client));
    GIVES(SMTP_E_MISUSE, smtp_client_poll_fd(client));

    /* One for life, over connections and changes of the mode. */
    GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 7));
    fd = smtp_client_poll_fd(client);
    CHECK(fd > 2 && (fcntl(fd, F_GETFD) & FD_CLOEXEC));
    CHECK(!readable(client, 0));
    for (i = 0; i < 3; i++) {
        GIVES(250, FINISH(client, smtp_client_noop(client)));
        GIVES(SMTP_OK, FINISH(client, smtp_client_connect(client, server("smtp"), 0)));
        GIVES(fd, smtp_client_poll_fd(client));
        GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 0));
        GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 0));
        GIVES(250, smtp_client_noop(client));
        if (i == 1)
            GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
        GIVES(SMTP_OK, smtp_client_process(client));
        GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 1));
        GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 1));
        GIVES(fd, smtp_client_poll_fd(client));
    }
    GIVES(221, FINISH(client, smtp_client_quit(client)));
    GIVES(fd, smtp_client_poll_fd(client));
    while (readable(client, 0))
        GIVES(SMTP_OK, smtp_client_process(client));
    GIVES(SMTP_OK, smtp_client_process(client));
    /* A cancel of nothing is forgotten, and rings once at most. */
    GIVES(SMTP_OK, smtp_client_cancel(client));
    GIVES(SMTP_OK, smtp_client_process(client));
    CHECK(!readable(client, 0));
    GIVES(SMTP_OK, smtp_client_cancel(client));
    GIVES(SMTP_OK, FINISH(client, smtp_client_connect(client, server("smtp"), 0)));
    smtp_client_free(client);
    GIVES(SMTP_E_MISUSE, smtp_client_process(client));
    GIVES(SMTP_E_MISUSE, smtp_client_poll_fd(client));
    CHECK(fcntl(fd, F_GETFD) < 0);
    smtp_client_free(other);
    GIVES(before, entries("/proc/self/fd"));
}

/* A callback has a busy client, whoever runs it. */
static int calls;

static void on_debug(int direction, const char *data, size_t length, void *client) {
    (void)direction, (void)data, (void)length;
    GIVES(SMTP_E_BUSY, smtp_client_process(client));
    GIVES(SMTP_E_BUSY, smtp_client_poll_fd(client));
    GIVES(SMTP_E_BUSY, smtp_client_set_nonblocking(client, 0));
    GIVES(SMTP_E_BUSY, smtp_client_close(client));
    calls++;
}

static void free_it(smtp_transaction *mail, void *client) {
    GIVES(SMTP_OK, smtp_transaction_status(mail));
    smtp_client_free(client);
    smtp_transaction_free(mail);
    calls++;
}

static void callbacks(void) {
    smtp_client *client = loop_client(SMTP_PROTOCOL_SMTP);
    int code;
    GIVES(SMTP_OK, smtp_client_set_debug_callback(client, on_debug, client, NULL));
    GIVES(SMTP_OK, FINISH(client, smtp_client_connect(client, server("smtp"), 0)));
    GIVES(SMTP_OK, FINISH(client, send_one(client)));
    CHECK(calls > 5);
    GIVES(SMTP_OK, smtp_client_set_debug_callback(client, NULL, NULL, NULL));
    /* Freed in a callback of process: at its end. */
    calls = 0;
    GIVES(SMTP_OK, smtp_client_set_completion_callback(client, free_it, client, NULL));
    GIVES(SMTP_OK, finish(client, smtp_client_submit(client, mail_new())));
    GIVES(SMTP_PENDING, smtp_client_flush(client));
    for (code = SMTP_PENDING; code == SMTP_PENDING && calls == 0;)
        code = smtp_client_process(client);
    GIVES(1, calls);
    GIVES(SMTP_E_MISUSE, smtp_client_process(client));
}

static double processor_time(void) {
    struct rusage used;
    CHECK(getrusage(RUSAGE_SELF, &used) == 0);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* Called without need it costs little, and unneeded the loop sleeps. */
static void silence(void) {
    smtp_client *client = loop_client(SMTP_PROTOCOL_SMTP);
    int spurious = slow() ? 2000 : 100000, before, i;
    double begun;
    GIVES(SMTP_PENDING, smtp_client_connect(client, server("mute"), 0));
    before = entries("/proc/self/fd");
    while (readable(client, 100))
        GIVES(SMTP_PENDING, smtp_client_process(client));
    GIVES(0, wakes(client, SMTP_PENDING, 300));
    begun = processor_time();
    for (i = 0; i < spurious; i++)
        GIVES(SMTP_PENDING, smtp_client_process(client));
    printf("%.2f us each\n", (processor_time() - begun) / spurious * 1e6);
    CHECK(processor_time() - begun < spurious * (slow() ? 5e-3 : 50e-6));
    GIVES(0, wakes(client, SMTP_PENDING, 100));
    GIVES(before, entries("/proc/self/fd"));
    GIVES(SMTP_OK, smtp_client_cancel(client));
    GIVES(SMTP_E_CANCELLED, finish(client, SMTP_PENDING));
    GIVES(SMTP_OK, finish(client, smtp_client_connect(client, server("smtp"), 0)));
    wakes(client, SMTP_OK, 20);
    GIVES(0, wakes(client, SMTP_OK, 100));
    for (i = 0; i < spurious / 10; i++)
        GIVES(SMTP_OK, smtp_client_process(client));
    GIVES(250, FINISH(client, smtp_client_noop(client)));
    smtp_client_free(client);
}

/* What becomes of a connection on which nothing is pending. */
static void idle(const char *last_words, int by_reset, int code, int reply) {
    smtp_client *client = loop_client(SMTP_PROTOCOL_SMTP);
    struct linger at_once = {1, 0};
    struct sockaddr_in to;
    socklen_t length = sizeof to;
    int listener = socket(AF_INET, SOCK_STREAM, 0), peer;
    char address[64];
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(bind(listener, (struct sockaddr *)&to, sizeof to) == 0 && listen(listener, 5) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&to, &length) == 0);
    snprintf(address, sizeof address, "127.0.0.1:%d", ntohs(to.sin_port));
    GIVES(SMTP_PENDING, smtp_client_connect(client, address, 0));
    peer = accept(listener, NULL, NULL);
    CHECK(peer >= 0 && write(peer, "220 hi\r\n", 8) == 8);
    GIVES(SMTP_OK, finish(client, SMTP_PENDING));
    wakes(client, SMTP_OK, 20);
    CHECK(!readable(client, 50));
    CHECK(write(peer, last_words, strlen(last_words)) == (ssize_t)strlen(last_words));
    if (by_reset)
        CHECK(setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    close(peer);
    do
        CHECK(readable(client, 60000));
    while ((peer = smtp_client_process(client)) == SMTP_OK);
    GIVES(code, peer);
    GIVES(code, smtp_client_last_error_code(client));
    GIVES(reply, smtp_client_reply_code(client));
    GIVES(0, smtp_client_is_connected(client));
    /* Once told it is quiet. */
    GIVES(SMTP_OK, smtp_client_process(client));
    GIVES(0, wakes(client, SMTP_OK, 50));
    GIVES(SMTP_E_DISCONNECTED, smtp_client_noop(client));
    GIVES(SMTP_OK, FINISH(client, smtp_client_connect(client, server("smtp"), 0)));
    GIVES(221, FINISH(client, smtp_client_quit(client)));
    smtp_client_free(client);
    close(listener);
}

/* A message that comes slowly, by what it can come. */
static int written;

static void *write_slowly(void *fd) {
    int i;
    for (i = 0; i < 10; i++) {
        nap(20);
        CHECK(write(*(int *)fd, MESSAGE, sizeof MESSAGE - 1) == sizeof MESSAGE - 1);
        __atomic_add_fetch(&written, 1, __ATOMIC_SEQ_CST);
    }
    close(*(int *)fd);
    return NULL;
}

static ptrdiff_t read_some(void *buffer, size_t capacity, void *rounds) {
    CHECK(capacity >= sizeof MESSAGE);
    if (++*(int *)rounds > 10)
        return 0;
    memcpy(buffer, MESSAGE, sizeof MESSAGE - 1);
    return sizeof MESSAGE - 1;
}

static void messages(int protocol, const char *name) {
    smtp_client *client = loop_connected(protocol, name);
    smtp_transaction *mail = mail_new();
    char path[] = "/tmp/smtpclient-test-XXXXXX";
    int pair[2], i, rounds = 0, code, turns;
    pthread_t thread;
    int fd = mkstemp(path);
    CHECK(fd >= 0 && unlink(path) == 0);
    for (i = 0; i < 20000; i++)
        CHECK(write(fd, MESSAGE, sizeof MESSAGE - 1) == (ssize_t)(sizeof MESSAGE - 1));
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    GIVES(SMTP_OK, smtp_transaction_set_message_fd(mail, fd));
    close(fd);
    GIVES(SMTP_OK, FINISH(client, smtp_client_send(client, mail)));
    HAS(smtp_client_reply_text(client), "500000 octets");

    CHECK(pipe(pair) == 0);
    GIVES(SMTP_OK, smtp_transaction_set_message_fd(mail, pair[0]));
    close(pair[0]);
    CHECK(pthread_create(&thread, NULL, write_slowly, &pair[1]) == 0);
    code = smtp_client_send(client, mail);
    for (turns = 0; code == SMTP_PENDING; turns++) {
        CHECK(readable(client, 60000) && turns < 1000);
        code = smtp_client_process(client);
    }
    pthread_join(thread, NULL);
    GIVES(SMTP_OK, code);
    HAS(smtp_client_reply_text(client), "250 octets");

    GIVES(SMTP_OK, smtp_transaction_set_message_reader(mail, read_some, &rounds, -1));
    GIVES(SMTP_OK, FINISH(client, smtp_client_send(client, mail)));
    HAS(smtp_client_reply_text(client), "250 octets");
    GIVES(11, rounds);

    /* One that never comes: the limit holds, by the descriptor alone. */
    CHECK(pipe(pair) == 0);
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 200));
    GIVES(SMTP_OK, smtp_transaction_set_message_fd(mail, pair[0]));
    GIVES(SMTP_E_TIMEOUT, finish(client, smtp_client_send(client, mail)));
    close(pair[0]);
    close(pair[1]);
    smtp_transaction_free(mail);
    smtp_client_free(client);
}

int main(void) {
    misuse();
    callbacks();
    silence();
    idle("", 0, SMTP_E_DISCONNECTED, 220);
    idle("421 4.3.2 closing\r\n", 0, SMTP_E_DISCONNECTED, 421);
    idle("", 1, SMTP_E_DISCONNECTED, 220);
    messages(SMTP_PROTOCOL_SMTP, "smtp");
    if (!slow())
        messages(SMTP_PROTOCOL_SMTPS, "smtps");
    return 0;
}
