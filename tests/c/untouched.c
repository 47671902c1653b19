/* What belongs to the process stays as it was: signal handlers and mask, environment, locale,
 * umask, working directory, time zone, threads, standard output and error, and errno, whether a
 * call succeeds or fails. */
/* SERVER smtp plain --auth user:password */
/* SERVER smtps tls */
/* SERVER unix unix */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include <stdio.h>
static FILE *errors; /* the standard error of the start */
#define CHECK_ERR errors
#include "entries.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

enum { SIGNALS = 64 };

struct process {
    void (*handlers[SIGNALS])(int);
    sigset_t mask;
    size_t variables;
    unsigned long environment;
    char locale[256];
    char directory[1024];
    mode_t umask;
    int threads;
};

static void look(struct process *process) {
    struct sigaction action;
    char **variable;
    const char *byte;
    int number;
    memset(process, 0, sizeof *process);
    for (number = 1; number < SIGNALS; number++)
        if (sigaction(number, NULL, &action) == 0)
            process->handlers[number] = action.sa_handler;
    CHECK(sigprocmask(SIG_SETMASK, NULL, &process->mask) == 0);
    for (variable = environ; *variable != NULL; variable++) {
        process->variables++;
        for (byte = *variable; *byte != '\0'; byte++)
            process->environment = process->environment * 31 + (unsigned char)*byte;
    }
    snprintf(process->locale, sizeof process->locale, "%s", setlocale(LC_ALL, NULL));
    CHECK(getcwd(process->directory, sizeof process->directory) != NULL);
    process->umask = umask(077);
    umask(process->umask);
    process->threads = entries("/proc/self/task");
}

enum { MARK = 1234 };

/* The call gives that code, and errno is what it was. */
#define KEEPS_ERRNO(code, call)                                                                   \
    errno = MARK;                                                                                 \
    GIVES(code, call);                                                                            \
    CHECK(errno == MARK);

static void errno_is_kept(int protocol, const char *name) {
    smtp_client *client = client_new(protocol);
    size_t length;
    KEEPS_ERRNO(SMTP_OK, smtp_client_set_timeout(client, 60000))
    KEEPS_ERRNO(SMTP_OK, smtp_client_connect(client, server(name), 0))
    KEEPS_ERRNO(250, smtp_client_ehlo(client, NULL))
    KEEPS_ERRNO(1, smtp_client_is_connected(client))
    if (protocol == SMTP_PROTOCOL_SMTP && name[0] == 's') {
        KEEPS_ERRNO(SMTP_OK, smtp_client_starttls(client))
    }
    errno = MARK;
    smtp_client_peer_certificate(client, &length);
    CHECK(errno == MARK);
    KEEPS_ERRNO(SMTP_OK, send_one(client))
    KEEPS_ERRNO(SMTP_OK, smtp_client_cancel(client))
    KEEPS_ERRNO(221, smtp_client_quit(client))
    KEEPS_ERRNO(SMTP_E_DISCONNECTED, smtp_client_noop(client))
    KEEPS_ERRNO(SMTP_E_IO, smtp_client_connect(client, "/nonexistent", 0))
    KEEPS_ERRNO(ENOENT, smtp_client_last_errno(client)) /* that is where it is */
    KEEPS_ERRNO(SMTP_E_MISUSE, smtp_client_noop(NULL))
    KEEPS_ERRNO(SMTP_OK, smtp_client_connect(client, server(name), 0))
    errno = MARK;
    smtp_client_free(client); /* closes the connection */
    CHECK(errno == MARK);
}

static void use(int protocol, const char *name) {
    smtp_client *client = connected(protocol, name);
    GIVES(SMTP_OK, send_one(client));
    if (protocol == SMTP_PROTOCOL_SMTP && name[0] == 's') {
        GIVES(SMTP_OK, smtp_client_starttls(client));
        GIVES(SMTP_OK, smtp_client_login(client, "user", "password"));
    }
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_noop(client) == 250 ? smtp_client_expn(client, "\n")
                                                                   : 0);
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
}

int main(void) {
    struct process before, after;
    char path[] = "/tmp/smtpclient-test-XXXXXX";
    smtp_client *client;
    struct stat written;
    int aside, saved_out, saved_err, tries;

    errors = stderr;
    setlocale(LC_ALL, "");
    aside = mkstemp(path);
    CHECK(aside >= 0);
    unlink(path);
    fflush(NULL);
    saved_out = dup(STDOUT_FILENO);
    saved_err = dup(STDERR_FILENO);
    CHECK(saved_out >= 0 && saved_err >= 0);
    errors = fdopen(saved_err, "w");
    CHECK(dup2(aside, STDOUT_FILENO) >= 0 && dup2(aside, STDERR_FILENO) >= 0);

    look(&before);
    use(SMTP_PROTOCOL_SMTP, "smtp");
    use(SMTP_PROTOCOL_SMTPS, "smtps");
    use(SMTP_PROTOCOL_SMTP, "unix");
    client = client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_E_RESOLVE, smtp_client_connect(client, "-no-such-host.invalid", 25));
    smtp_client_free(client);
    look(&after);
    /* The kernel lists a thread for a moment after it was joined. */
    for (tries = 0; tries < 100 && after.threads > before.threads; tries++) {
        nap(10);
        after.threads = entries("/proc/self/task");
    }

    fflush(NULL);
    CHECK(dup2(saved_out, STDOUT_FILENO) >= 0 && dup2(saved_err, STDERR_FILENO) >= 0);
    CHECK(fstat(aside, &written) == 0 && written.st_size == 0);
    CHECK(memcmp(before.handlers, after.handlers, sizeof before.handlers) == 0);
    CHECK(memcmp(&before.mask, &after.mask, sizeof before.mask) == 0);
    CHECK(before.variables == after.variables && before.environment == after.environment);
    CHECK(strcmp(before.locale, after.locale) == 0);
    CHECK(strcmp(before.directory, after.directory) == 0);
    CHECK(before.umask == after.umask);
    CHECK(after.threads == before.threads);

    errno_is_kept(SMTP_PROTOCOL_SMTP, "smtp");
    errno_is_kept(SMTP_PROTOCOL_SMTPS, "smtps");
    errno_is_kept(SMTP_PROTOCOL_SMTP, "unix");
    return 0;
}
