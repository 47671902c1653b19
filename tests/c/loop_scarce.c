/* A process that runs out of descriptors at any step of a client in an event loop: an error each time,
 * nothing left open, and the client goes on when there are some again. */
/* SERVER smtp plain */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "entries.h"
#include "loop.h"
#include "resolver.h"

#include <sys/resource.h>
#include <unistd.h>

static smtp_client *client;
static char by_name[64];
static int steps, squeezed, spare;
static struct rlimit limit;

/* From here on so many descriptors can be opened. */
static void squeeze(void) {
    struct rlimit low = limit;
    int free_one = dup(0);
    CHECK(free_one >= 0);
    close(free_one);
    low.rlim_cur = (rlim_t)(free_one + spare);
    CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
}

static void relax(void) {
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

#define STEP(code, call)                                                                          \
    do {                                                                                          \
        if (++steps == squeezed)                                                                  \
            squeeze();                                                                            \
        (code) = (call);                                                                          \
        if (steps == squeezed)                                                                    \
            relax();                                                                              \
    } while (0)

static int end(int code) {
    while (code == SMTP_PENDING) {
        CHECK(readable(client, 60000));
        STEP(code, smtp_client_process(client));
    }
    return code;
}

/* Some of everything that opens a descriptor; the first error, or SMTP_OK. */
static int session(void) {
    smtp_transaction *mail = mail_new();
    int pair[2], code;
    CHECK(pipe(pair) == 0);
    CHECK(write(pair[1], MESSAGE, sizeof MESSAGE - 1) == (ssize_t)(sizeof MESSAGE - 1));
    GIVES(SMTP_OK, smtp_transaction_set_message_fd(mail, pair[0]));
    close(pair[0]);
    close(pair[1]);
    STEP(code, smtp_client_set_nonblocking(client, 1));
    GIVES(SMTP_OK, code); /* which opens nothing */
    STEP(code, smtp_client_poll_fd(client));
    if (code >= 0) {
        STEP(code, smtp_client_connect(client, by_name, 0));
        code = end(code);
    }
    if (code == SMTP_OK) {
        STEP(code, smtp_client_ehlo(client, "me.example"));
        code = end(code);
    }
    if (code == 250 && slow())
        code = SMTP_OK;
    if (code == 250) {
        STEP(code, smtp_client_starttls(client));
        code = end(code);
    }
    if (code == SMTP_OK) {
        STEP(code, smtp_client_send(client, mail));
        code = end(code);
    }
    if (code == SMTP_OK) {
        STEP(code, smtp_client_quit(client));
        code = end(code) == 221 ? SMTP_OK : code;
    }
    smtp_transaction_free(mail);
    return code;
}

int main(void) {
    int before, again, failures = 0, rounds = 0;
    snprintf(by_name, sizeof by_name, "localhost%s", strrchr(server("smtp"), ':'));
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    /* What is opened once is opened now. */
    client = client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_OK, session());
    smtp_client_free(client);
    before = entries("/proc/self/fd");
    for (spare = 0; spare < 4; spare++) {
        for (squeezed = 1; squeezed < 200; squeezed++) {
            int code;
            client = client_new(SMTP_PROTOCOL_SMTP);
            steps = 0;
            code = session();
            rounds++;
            if (steps < squeezed && code == SMTP_OK) {
                smtp_client_free(client);
                break;
            }
            if (code != SMTP_OK) {
                if (code != SMTP_E_IO && code != SMTP_E_RESOLVE_AGAIN && code != SMTP_E_TLS) {
                    fprintf(stderr, "step %d, %d left: %d: %s\n", squeezed, spare, code,
                            smtp_client_last_error(client));
                    return 1;
                }
                printf("step %d, %d left: %s: %s\n", squeezed, spare, smtp_error_name(code),
                       smtp_client_last_error(client));
                failures++;
            }
            again = squeezed;
            squeezed = 0;
            GIVES(SMTP_OK, session());
            squeezed = again;
            smtp_client_free(client);
            GIVES(before, entries("/proc/self/fd"));
        }
        CHECK(squeezed < 200);
        if (slow())
            break;
    }
    printf("%d of %d failed\n", failures, rounds);
    CHECK(failures >= (slow() ? 2 : 4));
    GIVES(before, entries("/proc/self/fd"));
    return 0;
}
