/*
 * Around every call of random_calls.c: what is remembered of it, and what its result must be.
 */
#ifndef RANDOM_JUDGE_H
#define RANDOM_JUDGE_H

#include "random_world.h"

enum { THREADS = 4, SHOWN = 24 };

/* One call, while it runs. */
struct call {
    const char *name;
    const void *subject;
    double begun;
    unsigned past;
    char marker[128];
};

/* The last calls of each thread, to be shown when all is lost; that of the main thread is 0. */
static struct past {
    struct {
        const char *name;
        const void *subject;
        int depth, running;
        long code;
    } calls[SHOWN];
    unsigned count;
    long since; /* milliseconds; 0 if none runs */
} pasts[THREADS + 1];

static unsigned long good, failed;
OWN struct past *past;
OWN smtp_transaction *mine; /* in no other thread's hands */
OWN unsigned markers;

/* Memory, or what cannot be an address: never a handle, whatever a handle is. */
static int is_surely_none(const void *subject) {
    uintptr_t at = (uintptr_t)subject;
    return at < 4096 || (at >= (uintptr_t)foreign && at < (uintptr_t)(foreign + 64)) ||
           (at >= (uintptr_t)heap && at < (uintptr_t)(heap + 256));
}

static void mark(long since) {
    if (depth == 0)
        __atomic_store_n(&past->since, since, __ATOMIC_RELEASE);
}

static struct call begin(const char *name, const void *subject) {
    struct call call = {name, subject, 0, past->count++, ""};
    unsigned at = call.past % SHOWN;
    /* An error that no other call makes, so that the call's own can be told from it. (A storm has no
     * time for that but now and then.) */
    if ((!world.storm || below(8) == 0) &&
        smtp_transaction_set_message_fd(mine, -2 - (int)(markers++ % 1000000)) == SMTP_E_INVALID_ARGUMENT)
        snprintf(call.marker, sizeof call.marker, "%s", smtp_last_error());
    call.begun = now();
    mark((long)(call.begun * 1000));
    past->calls[at].name = name;
    past->calls[at].subject = subject;
    past->calls[at].depth = depth++;
    past->calls[at].running = 1;
    past->calls[at].code = 0;
    return call;
}

static void end(struct call *call) {
    double taken = now() - call->begun;
    past->calls[call->past % SHOWN].running = 0;
    depth--;
    mark(0);
    /* The time limits are shorter, and no server waits longer; some calls have many deadlines. */
    if (taken > (slow() ? 60 : 15)) {
        fprintf(report, "%s took %g s\n", call->name, taken);
        CHECK(!"a call that ends in time");
    }
}

/* What a getter without further arguments returns may be a number that was stored. */
static int is_stored(const char *name) {
    static const char *const names[] = {"_error_code", "_error_detail", "_errno", "_status", "_timeout",
                                        "_report_code"};
    size_t i;
    for (i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(name, "_set_") == NULL && strlen(name) > strlen(names[i]) &&
            strcmp(name + strlen(name) - strlen(names[i]), names[i]) == 0)
            return 1;
    return 0;
}

static void end_code(struct call *call, int code) {
    past->calls[call->past % SHOWN].code = code;
    end(call);
    __atomic_fetch_add(code < 0 ? &failed : &good, 1, __ATOMIC_RELAXED);
    if (code < 0) {
        CHECK(smtp_error_name(code)[strlen("SMTP_E_")] != '?');
        /* cancel must not touch the text: it may run in a signal handler */
        if (!is_stored(call->name) && strcmp(call->name, "smtp_client_cancel") != 0) {
            CHECK(smtp_last_error()[0] != '\0');
            CHECK(strcmp(smtp_last_error(), call->marker) != 0);
        }
    }
    if (call->subject != NULL && is_surely_none(call->subject) && !is_stored(call->name))
        CHECK(code == SMTP_E_MISUSE || code == SMTP_E_INVALID_ARGUMENT);
}

static void end_count(struct call *call, size_t count) {
    past->calls[call->past % SHOWN].code = (long)count;
    end(call);
    if (call->subject != NULL && is_surely_none(call->subject))
        CHECK(count == 0);
}

/* It lives until another call on its handle, so that only a lone thread may look at it. */
static void end_text(struct call *call, const char *text) {
    end(call);
    if (call->subject != NULL && is_surely_none(call->subject))
        CHECK(text == NULL || text[0] == '\0');
    else if (text != NULL && world.threads == 1)
        CHECK(strlen(text) < (size_t)1 << 24);
}

static void end_pointer(struct call *call, const void *pointer) {
    end(call);
    if (call->subject != NULL && is_surely_none(call->subject))
        CHECK(pointer == NULL);
}

static void end_new(struct call *call, int kind, void *handle) {
    end(call);
    if (kind == KIND_smtp_client && handle != NULL) {
        /* The machine's own name may take long to look up. (Another thread may have guessed the handle.) */
        int named = smtp_client_set_local_hostname(handle, "client.example");
        int limited = smtp_client_set_timeout(handle, 100);
        CHECK(world.threads > 1 || (named == SMTP_OK && limited == SMTP_OK));
    }
    if (handle != NULL)
        keep(kind, handle);
}

static void expect_destroy(void *user, smtp_destroy_callback destroy) {
    ((struct datum *)user)->expected = destroy != NULL;
}

#endif
