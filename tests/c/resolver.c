/* Looking up names, against a name service that answers late, badly or not at all. */
/* SERVER smtp plain */
#define _DEFAULT_SOURCE
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include "entries.h"
#include "resolver.h"

#include <pthread.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CONNECTS = 300, THREADS = 8 };

/* A name without a dot: the qualified one is asked for. */
int gethostname(char *name, size_t size) {
    snprintf(name, size, "own-host");
    return 0;
}

static int threads(void) {
    return entries("/proc/self/task");
}

/* "localhost:PORT" of the server. */
static const char *by_name(void) {
    static char address[64];
    snprintf(address, sizeof address, "localhost%s", strrchr(server("smtp"), ':'));
    return address;
}

static void codes(void) {
    static const struct {
        const char *host;
        int code, reason, temporary;
        const char *words;
    } cases[] = {
        {"nowhere.example", SMTP_E_RESOLVE, EAI_NONAME, 0, "nowhere.example"},
        {"again-1.example", SMTP_E_RESOLVE_AGAIN, EAI_AGAIN, 1, "again-1.example"},
        {"broken-1.example", SMTP_E_RESOLVE_AGAIN, EAI_SYSTEM, 1, "open files"},
    };
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    int before = threads();
    size_t i;
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        GIVES(cases[i].code, smtp_client_connect(client, cases[i].host, 25));
        GIVES(cases[i].reason, smtp_client_last_errno(client));
        GIVES(cases[i].temporary, smtp_error_is_temporary(cases[i].code, 0));
        HAS(smtp_client_last_error(client), cases[i].words);
    }
    GIVES(SMTP_OK, smtp_client_connect(client, by_name(), 0));
    GIVES(SMTP_OK, send_one(client));
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
    /* The kernel lists a thread for a moment after it was joined. */
    for (i = 0; i < 100 && threads() > before; i++)
        nap(10);
    GIVES(before, threads());
}

static void nobody_waits_for_ever(void) {
    int threads_before = threads(), files_before = entries("/proc/self/fd"), i;
    double start = now();
    for (i = 0; i < CONNECTS; i++) {
        smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
        char host[64];
        snprintf(host, sizeof host, "slow-%d.example", i);
        GIVES(SMTP_OK, smtp_client_set_timeout(client, 5));
        GIVES(SMTP_E_TIMEOUT, smtp_client_connect(client, host, 25));
        smtp_client_free(client);
    }
    CHECK(now() - start < (slow() ? 100 : 20));
    CHECK(threads() - threads_before <= THREADS);
    GIVES(files_before, entries("/proc/self/fd"));
}

static void *cancel_soon(void *client) {
    nap(100);
    GIVES(SMTP_OK, smtp_client_cancel(client));
    return NULL;
}

/* Behind those that hang: who waits for his turn can be cancelled, and a child does not wait. */
static void behind_a_full_queue(void) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    smtp_client *nameless = smtp_client_new(SMTP_PROTOCOL_SMTP);
    pthread_t canceller;
    int status;
    pid_t child;
    double start = now();
    CHECK(threads() > THREADS);

    /* One's own name is looked up within the call's limit, and not beyond it. */
    GIVES(SMTP_OK, smtp_client_set_timeout(nameless, 1000));
    GIVES(SMTP_OK, smtp_client_connect(nameless, server("smtp"), 0));
    GIVES(SMTP_E_TIMEOUT, smtp_client_ehlo(nameless, NULL));
    GIVES(0, smtp_client_is_connected(nameless));
    CHECK(now() - start < (slow() ? 20 : 4));
    smtp_client_free(nameless);

    CHECK(pthread_create(&canceller, NULL, cancel_soon, client) == 0);
    GIVES(SMTP_E_CANCELLED, smtp_client_connect(client, by_name(), 0));
    CHECK(pthread_join(canceller, NULL) == 0);
    fflush(NULL);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        alarm(60);
        GIVES(SMTP_OK, smtp_client_connect(client, by_name(), 0));
        GIVES(SMTP_OK, send_one(client));
        GIVES(221, smtp_client_quit(client));
        GIVES(1, threads());
        /* No exit: what the parent's threads had on their stacks is lost here, and valgrind would
         * say so. */
        raise(SIGKILL);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    /* In the parent the turn comes when the others have given up, and then they are gone. */
    resolver_answers = 1;
    GIVES(SMTP_OK, smtp_client_connect(client, by_name(), 0));
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
    for (status = 0; status < 1000 && threads() > 1; status++)
        nap(10);
    GIVES(1, threads());
}

static void *connect_late(void *client) {
    char host[64];
    snprintf(host, sizeof host, "late-name.example%s", strrchr(server("smtp"), ':'));
    GIVES(SMTP_OK, smtp_client_connect(client, host, 0));
    GIVES(SMTP_OK, send_one(client));
    GIVES(221, smtp_client_quit(client));
    return NULL;
}

/* A look-up that outlives its caller is there for the next who want that name. */
static void a_lookup_is_joined(void) {
    enum { CALLERS = 3 };
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    smtp_client *others[CALLERS];
    pthread_t callers[CALLERS];
    int i;
    resolver_answers = 0;
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 50));
    GIVES(SMTP_E_TIMEOUT, smtp_client_connect(client, "late-name.example", 25));
    for (i = 0; i < 100 && resolver_asked_late == 0; i++)
        nap(10);
    GIVES(1, resolver_asked_late);
    GIVES(SMTP_E_TIMEOUT, smtp_client_connect(client, "late-name.example", 25));
    for (i = 0; i < CALLERS; i++) {
        others[i] = client_new(SMTP_PROTOCOL_SMTP);
        CHECK(pthread_create(&callers[i], NULL, connect_late, others[i]) == 0);
    }
    nap(slow() ? 3000 : 300);
    GIVES(1, resolver_asked_late);
    resolver_answers = 1;
    for (i = 0; i < CALLERS; i++) {
        CHECK(pthread_join(callers[i], NULL) == 0);
        smtp_client_free(others[i]);
    }
    /* They asked nobody else, and nothing is kept: whoever comes later asks anew. */
    GIVES(1, resolver_asked_late);
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 60000));
    connect_late(client);
    GIVES(2, resolver_asked_late);
    smtp_client_free(client);
    resolver_answers = 0;
}

/* One's own name: what was not found out is not taken for the answer. */
static void own_name(void) {
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 60000));
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
    resolver_own = NULL;
    GIVES(250, smtp_client_ehlo(client, NULL));
    HAS(smtp_client_reply_text(client), "hello [127.0.0.1]");
    GIVES(1, resolver_asked_own);
    resolver_own = "own.example.org";
    GIVES(250, smtp_client_ehlo(client, NULL));
    GIVES(2, resolver_asked_own);
    HAS(smtp_client_reply_text(client), "hello own.example.org");
    resolver_own = NULL; /* and that is kept */
    GIVES(250, smtp_client_ehlo(client, NULL));
    HAS(smtp_client_reply_text(client), "hello own.example.org");
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);

    /* That there is none counts for a while, and for this client. */
    client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    resolver_own = "no-dot";
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
    GIVES(250, smtp_client_ehlo(client, NULL));
    HAS(smtp_client_reply_text(client), "hello [127.0.0.1]");
    resolver_own = "own.example.org";
    GIVES(250, smtp_client_ehlo(client, NULL));
    HAS(smtp_client_reply_text(client), "hello [127.0.0.1]");
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
    GIVES(250, smtp_client_ehlo(client, NULL));
    HAS(smtp_client_reply_text(client), "hello [127.0.0.1]");
    smtp_client_free(client);
    client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
    GIVES(250, smtp_client_ehlo(client, NULL));
    HAS(smtp_client_reply_text(client), "hello own.example.org");
    smtp_client_free(client);
}

int main(void) {
    codes();
    own_name();
    a_lookup_is_joined();
    nobody_waits_for_ever();
    behind_a_full_queue();
    return 0;
}
