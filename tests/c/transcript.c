/* The transcript on standard error harms nobody: whatever that is, no write to it raises a signal
 * or waits, and neither its flags nor the signals of the process change. */
/* SERVER smtp plain */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#include <stdio.h>
static FILE *errors; /* the standard error of the start */
#define CHECK_ERR errors
#include "check.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

/* How many long lines say more than a pipe, a socket or a terminal holds, and how many a little. */
enum { MANY = 500, FEW = 20 };

/* A session whose transcript goes to that descriptor, and so many lines of it. */
static smtp_client *talking(int fd, int level, int lines) {
    static char command[480];
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    double start = now();
    int flags = fcntl(fd, F_GETFL);
    int i;
    memset(command, 'x', sizeof command - 1);
    CHECK(dup2(fd, STDERR_FILENO) == STDERR_FILENO);
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 60000));
    GIVES(SMTP_OK, smtp_client_set_debug_level(client, level));
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
    for (i = 0; i < lines; i++)
        GIVES(250, smtp_client_docmd(client, "NOOP", command));
    CHECK(fcntl(fd, F_GETFL) == flags);
    CHECK(now() - start < 50); /* it waited for nobody */
    return client;
}

static void talk(int fd, int level) {
    smtp_client *client = talking(fd, level, FEW);
    GIVES(SMTP_OK, send_one(client));
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
}

static int is_pending(int number) {
    sigset_t pending;
    CHECK(sigpending(&pending) == 0);
    return sigismember(&pending, number);
}

static void nobody_reads(int level) {
    struct sigaction action;
    sigset_t pipe_only, before, after;
    int ends[2];
    memset(&before, 0, sizeof before);
    memset(&after, 0, sizeof after);
    CHECK(pipe(ends) == 0);
    close(ends[0]);
    CHECK(sigprocmask(SIG_SETMASK, NULL, &before) == 0);
    talk(ends[1], level); /* SIGPIPE would be the end */
    CHECK(sigprocmask(SIG_SETMASK, NULL, &after) == 0);
    CHECK(memcmp(&before, &after, sizeof before) == 0);
    CHECK(sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL);

    /* Blocked by the host: none is left pending, and one that was stays so. */
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    CHECK(sigprocmask(SIG_BLOCK, &pipe_only, NULL) == 0);
    talk(ends[1], level);
    CHECK(!is_pending(SIGPIPE));
    raise(SIGPIPE);
    talk(ends[1], level);
    CHECK(is_pending(SIGPIPE));
    signal(SIGPIPE, SIG_IGN); /* discards it */
    signal(SIGPIPE, SIG_DFL);
    CHECK(sigprocmask(SIG_UNBLOCK, &pipe_only, NULL) == 0);
    close(ends[1]);
}

/* What there is to read now. */
static size_t drained(int fd, char *text, size_t size) {
    size_t length = 0;
    ssize_t count = 1;
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    while (count > 0 && length < size - 1) {
        count = read(fd, text + length, size - 1 - length);
        length += count > 0 ? (size_t)count : 0;
    }
    text[length] = '\0';
    return length;
}

static void reader_sleeps(int reader, int writer) {
    static char text[1024 * 1024];
    smtp_client *client = talking(writer, 1, MANY);
    CHECK(drained(reader, text, sizeof text) > 2000);
    HAS(text, "send: NOOP xxx");
    /* Now that there is room: the end of the line that was cut, if any, what is missing, and on. */
    GIVES(250, smtp_client_noop(client));
    CHECK(drained(reader, text, sizeof text) > 0);
    HAS(text, " lines are missing here\nsend: NOOP\\r\\n\nreply: 250 ");
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
    close(reader);
    close(writer);
}

static void a_file(void) {
    static char text[1024 * 1024];
    char path[] = "/tmp/smtpclient-test-XXXXXX";
    struct rlimit limit, small;
    int fd = mkstemp(path);
    ssize_t length;
    CHECK(fd >= 0);
    unlink(path);
    CHECK(write(fd, "before\n", 7) == 7);
    talk(fd, 2);
    length = pread(fd, text, sizeof text - 1, 0);
    CHECK(length > 7);
    text[length] = '\0';
    CHECK(strncmp(text, "before\n", 7) == 0);
    HAS(text, "Z send: QUIT\\r\\n\n");
    CHECK(strstr(text, "missing here") == NULL);

    /* A file that may not grow: SIGXFSZ would be the end. */
    CHECK(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    small = limit;
    small.rlim_cur = (rlim_t)length;
    CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
    talk(fd, 1);
    CHECK(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    close(fd);
}

static void a_terminal(void) {
    struct termios raw;
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    int slave;
    CHECK(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    CHECK(slave >= 0 && tcgetattr(slave, &raw) == 0);
    raw.c_oflag &= ~(tcflag_t)OPOST;
    CHECK(tcsetattr(slave, TCSANOW, &raw) == 0);
    reader_sleeps(master, slave);
}

int main(void) {
    int ends[2];
    int saved = dup(STDERR_FILENO);
    CHECK(saved >= 0);
    errors = fdopen(saved, "w");
    nobody_reads(1);
    nobody_reads(2);
    CHECK(pipe(ends) == 0);
    reader_sleeps(ends[0], ends[1]);
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
    reader_sleeps(ends[0], ends[1]);
    a_terminal();
    a_file();
    CHECK(dup2(saved, STDERR_FILENO) == STDERR_FILENO);
    return 0;
}
