/*
 * Random sequences of all exported functions: with every kind of wrong handle, text, length and
 * array, from one thread or several, and from inside callbacks, against servers that answer,
 * misbehave and hang up. No call may crash, take long, or fail without a word of its own; every
 * destroy callback runs once; nothing is left behind.
 *
 * Each round has a seed. Of one that fails it is shown, with the last calls of each thread.
 * SMTPCLIENT_SEED begins with another one, and SMTPCLIENT_SECONDS says how long to go on.
 */
/* SERVER smtp plain --auth user:password --mode 421-at-rset-3 */
/* SERVER smtps tls --mode reset-at-rcpt-4 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>

static FILE *report; /* standard error is for transcripts, and leads nowhere */
#define CHECK_ERR report
#include "entries.h"
#include "random_judge.h"

#include <inttypes.h>
#include <signal.h>

enum { NESTED = 12, PATIENCE_MS = 3000 };

static uint64_t round_seed;
static double round_until;
static int done; /* threads of the round */

static void show_last_calls(void) {
    unsigned i, at;
    dprintf(fileno(report), "seed %" PRIu64 ", threads: %d\n", round_seed, world.threads);
    for (i = 0; i <= THREADS; i++)
        for (at = pasts[i].count > SHOWN ? pasts[i].count - SHOWN : 0; at < pasts[i].count; at++)
            dprintf(fileno(report), "%u: %*s%s(%p) %s %ld\n", i, 2 * pasts[i].calls[at % SHOWN].depth, "",
                    pasts[i].calls[at % SHOWN].name, pasts[i].calls[at % SHOWN].subject,
                    pasts[i].calls[at % SHOWN].running ? "has not returned" : "=", pasts[i].calls[at % SHOWN].code);
}

static void on_fatal_signal(int number) {
    static int shown;
    if (!__atomic_exchange_n(&shown, 1, __ATOMIC_ACQ_REL)) {
        dprintf(fileno(report), "%s\n", number == SIGALRM ? "a call does not end" : strsignal(number));
        show_last_calls();
    }
    signal(SIGABRT, SIG_DFL);
    abort();
}

#include "random.h"

enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* Without these a sequence hardly ever gets to a connection, and to mail over it. */
static const char *const often[] = {
    "smtp_client_connect", "smtp_client_connect_fd", "smtp_client_send", "smtp_client_submit",
    "smtp_client_sendmail", "smtp_client_send_batch", "smtp_transaction_add_recipient",
    "smtp_client_send_mime", "smtp_transaction_set_mime",
};

/* Of each kind what makes, frees and takes hold of a handle. */
static const char *const in_storms[] = {
    "smtp_client_new", "smtp_client_free", "smtp_client_cancel", "smtp_client_noop", "smtp_client_set_tls",
    "smtp_tls_new", "smtp_tls_free", "smtp_transaction_new", "smtp_transaction_free",
    "smtp_transaction_status", "smtp_client_submit", "smtp_client_is_connected",
    "smtp_message_new", "smtp_message_free", "smtp_transaction_set_mime", "smtp_message_message_id",
};

enum { OFTEN = sizeof often / sizeof *often, IN_STORMS = sizeof in_storms / sizeof *in_storms };
static const struct function *found_often[OFTEN], *found_in_storms[IN_STORMS];

static void find_functions(const char *const *names, int count, const struct function **found) {
    int i;
    for (i = 0; i < count; i++) {
        found[i] = functions;
        while (strcmp(found[i]->name, names[i]) != 0)
            CHECK(++found[i] < functions + FUNCTIONS);
    }
}

static void call_something(void) {
    const struct function *function = &functions[below(FUNCTIONS)];
    if (world.storm && below(8) != 0)
        ONE_OF(found_in_storms)->run();
    else if (!world.storm && below(6) == 0)
        ONE_OF(found_often)->run();
    else if (!world.storm || strncmp(function->name, "smtp_client_connect", 19) != 0)
        function->run();
}

static void reenter(void *user) {
    struct datum *datum = user;
    CHECK(__atomic_load_n(&datum->destroyed, __ATOMIC_ACQUIRE) == 0);
    while (!world.closing && depth < 3 && reentries < NESTED && below(3) == 0) {
        reentries++;
        call_something();
    }
}

/* Handles with which most calls make sense. */
static void begin_world(void) {
    const char *to = "b@b.example";
    int i;
    memset(&world, 0, sizeof world);
    world.threads = below(3) == 0 ? 1 : 2 + below(THREADS - 1);
    world.storm = world.threads > 1 && below(2) == 0;
    world.slots = world.storm ? 1 + below(2) : LIVE;
    for (i = 0; i < 3 && i < world.slots; i++) {
        smtp_client *client = smtp_client_new(i == 2 ? SMTP_PROTOCOL_LMTP : SMTP_PROTOCOL_SMTP);
        smtp_tls *tls = smtp_tls_new();
        smtp_transaction *transaction = smtp_transaction_new();
        smtp_envelope *envelope = smtp_envelope_new("a@a.example", &to, 1, mail, 500);
        smtp_token_source *source = smtp_token_source_new(on_token, any_datum(), NULL);
        smtp_message *message = smtp_message_new();
        CHECK(client != NULL && tls != NULL && transaction != NULL && envelope != NULL);
        CHECK(source != NULL && message != NULL);
        GIVES(SMTP_OK, smtp_client_set_local_hostname(client, "client.example"));
        GIVES(SMTP_OK, smtp_client_set_timeout(client, 200));
        GIVES(SMTP_OK, smtp_tls_set_system_roots(tls, 0));
        GIVES(SMTP_OK, smtp_tls_set_ca_file(tls, file("ca.pem")));
        GIVES(SMTP_OK, smtp_client_set_tls(client, tls));
        GIVES(SMTP_OK, smtp_transaction_set_sender(transaction, "a@a.example"));
        GIVES(SMTP_OK, smtp_transaction_add_recipient(transaction, "b@b.example", NULL, 0));
        GIVES(SMTP_OK, smtp_transaction_set_message_borrowed(transaction, mail, 500));
        GIVES(SMTP_OK, smtp_message_set_from(message, "A", "a@a.example"));
        GIVES(SMTP_OK, smtp_message_add_to(message, NULL, "B <b@b.example>, c@c.example"));
        GIVES(SMTP_OK, smtp_message_add_attachment(message, "a.csv", NULL, mail, 5000));
        world.live[KIND_smtp_client][i] = client;
        world.live[KIND_smtp_tls][i] = tls;
        world.live[KIND_smtp_transaction][i] = transaction;
        world.live[KIND_smtp_envelope][i] = envelope;
        world.live[KIND_smtp_token_source][i] = source;
        world.live[KIND_smtp_message][i] = message;
    }
}

/* Frees everything, and looks at what must have come of it. */
static void end_world(void) {
    int first = below(KINDS), kind, i;
    world.closing = 1;
    for (kind = 0; kind < KINDS; kind++)
        for (i = 0; i < LIVE; i++) {
            int which = (first + kind) % KINDS;
            if (world.live[which][i] != NULL)
                dispose(which, world.live[which][i]);
        }
    for (i = 0; i < world.fd_count && i < FDS; i++)
        if (world.fds[i] > 0)
            close(world.fds[i]);
    for (i = 0; i < world.data_count; i++)
        GIVES(world.data[i].expected, world.data[i].destroyed);
}

static void show_descriptors(void) {
    char name[64], target[256];
    ssize_t length;
    int fd;
    for (fd = 0; fd < 1024; fd++) {
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        length = readlink(name, target, sizeof target);
        if (length > 0)
            fprintf(report, "%d is %.*s\n", fd, (int)length, target);
    }
}

/* A look-up that outlasted its call ends by itself. */
static void comes_down(const char *path, int expected) {
    double until = now() + 10;
    while (entries(path) > expected && now() < until)
        nap(1);
    if (entries(path) > expected)
        show_descriptors();
    GIVES(expected, entries(path));
}

static void begin_thread(int number) {
    past = &pasts[number];
    random_state = (round_seed + 1) * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t)number * 2 + 1;
    mine = smtp_transaction_new();
    CHECK(mine != NULL);
}

static void *run_thread(void *number) {
    int calls;
    stack = (uintptr_t)&calls;
    begin_thread((int)(intptr_t)number);
    for (calls = 0; calls < (world.storm ? 40000 : 400) && now() < round_until; calls++) {
        reentries = 0;
        call_something();
    }
    smtp_transaction_free(mine);
    __atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* A client may have been told to wait for ever: whatever it waits for, cancel ends it. */
static void cancel_the_patient(void) {
    int thread, i;
    for (thread = 1; thread <= THREADS; thread++) {
        long since = __atomic_load_n(&pasts[thread].since, __ATOMIC_ACQUIRE);
        for (i = 0; since > 0 && now() * 1000 - (double)since > PATIENCE_MS && i < LIVE; i++)
            smtp_client_cancel(__atomic_load_n(&world.live[KIND_smtp_client][i], __ATOMIC_ACQUIRE));
    }
}

static void run_round(void) {
    pthread_t threads[THREADS];
    intptr_t i;
    alarm(slow() ? 200 : 60);
    memset(pasts, 0, sizeof pasts);
    begin_thread(0);
    start_server(round_seed);
    begin_world();
    done = 0;
    round_until = now() + (slow() ? 4 : 1);
    for (i = 0; i < world.threads; i++)
        CHECK(pthread_create(&threads[i], NULL, run_thread, (void *)(i + 1)) == 0);
    for (; __atomic_load_n(&done, __ATOMIC_ACQUIRE) < world.threads; nap(5))
        cancel_the_patient();
    for (i = 0; i < world.threads; i++)
        pthread_join(threads[i], NULL);
    end_world();
    smtp_transaction_free(mine);
    stop_server();
}

static void prepare(void) {
    static const char head[] = "From: a@a.example\r\nTo: b@b.example, c@c.example\r\nBcc: d@d.example\r\n"
                               "Subject: random\r\n\r\n.dot\nbare\rline\r\n\xe4\r\n";
    static const int fatal[] = {SIGABRT, SIGALRM, SIGSEGV, SIGBUS, SIGILL, SIGFPE};
    const char *sanitizer = getenv("SMTPCLIENT_SANITIZER");
    size_t i;
    FILE *certificates = fopen(file("ca.pem"), "r");
    report = fdopen(dup(2), "w");
    CHECK(report != NULL && certificates != NULL && freopen("/dev/null", "w", stderr) != NULL);
    setvbuf(report, NULL, _IONBF, 0);
    memset(mail, 'x', BYTES - 1);
    memcpy(mail, head, sizeof head - 1);
    for (i = sizeof head + 70; i + 10000 < BYTES; i += 80)
        memcpy(mail + i, "\r\n", 2);
    CHECK(fread(pem, 1, BYTES, certificates) > 0);
    fclose(certificates);
    heap = calloc(1, 256);
    find_files();
    find_functions(often, OFTEN, found_often);
    find_functions(in_storms, IN_STORMS, found_in_storms);
    sanitizer = sanitizer == NULL ? "" : sanitizer;
    /* AddressSanitizer has more to say of a bad address; ThreadSanitizer aborts under its own locks. */
    for (i = 0; i < sizeof fatal / sizeof *fatal; i++)
        if (sanitizer[0] == '\0' || (strcmp(sanitizer, "address") == 0 && i < 2))
            signal(fatal[i], on_fatal_signal);
}

static void *nothing(void *unused) {
    return unused;
}

/* Threads that are there before the library is used: ThreadSanitizer has one, from the first that
 * is made on. */
static int threads_before(void) {
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, nothing, NULL) == 0);
    pthread_join(thread, NULL);
    nap(200);
    return entries("/proc/self/task");
}

/* A sanitizer names what it reports with the help of a process, which has pipes, and which it begins
 * with the first report, suppressed or not: it is begun here, to be counted from the first. */
static void begin_symbolizer(void) {
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
    extern void __sanitizer_symbolize_pc(void *, const char *, char *, size_t);
    char name[64];
    __sanitizer_symbolize_pc((void *)(uintptr_t)run_round, "%f", name, sizeof name);
#endif
#endif
}

int main(void) {
    const char *seed = getenv("SMTPCLIENT_SEED"), *seconds = getenv("SMTPCLIENT_SECONDS");
    double until = now() + (seconds != NULL ? atof(seconds) : slow() ? 20 : 10);
    int rounds = 0, descriptors = 0, threads;
    prepare();
    begin_symbolizer();
    threads = threads_before();
    round_seed = seed != NULL ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL) * 1000;
    for (; now() < until || rounds == 0; round_seed++, rounds++) {
        fprintf(report, "seed %" PRIu64 "\n", round_seed);
        run_round();
        comes_down("/proc/self/task", threads);
        if (rounds == 0) /* what is opened once, and kept */
            descriptors = entries("/proc/self/fd");
        comes_down("/proc/self/fd", descriptors);
    }
    fprintf(report, "%d rounds, %lu calls went well, %lu failed\n", rounds, good, failed);
    CHECK(good > 100 && failed > 100);
    free(heap);
    fclose(report);
    return 0;
}
