/* Whatever allocation of a *_new function fails, it gives NULL and SMTP_E_NO_MEMORY, and the next
 * one succeeds. The allocator here is this program's own, around the C library's. */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <errno.h>

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

static int counting;     /* allocations are counted */
static int countdown;    /* the allocation that fails; 0 for none */
static int ever_after;   /* and so does each that follows */
static int failed_count; /* how many have failed */

static int fails(void) {
    if (!counting || countdown == 0)
        return 0;
    if (--countdown > 0)
        return 0;
    if (ever_after)
        countdown = 1;
    failed_count++;
    errno = ENOMEM;
    return 1;
}

void *malloc(size_t size) {
    return fails() ? NULL : __libc_malloc(size);
}
void *calloc(size_t count, size_t size) {
    return fails() ? NULL : __libc_calloc(count, size);
}
void *realloc(void *old, size_t size) {
    return fails() ? NULL : __libc_realloc(old, size);
}
void *aligned_alloc(size_t alignment, size_t size) {
    return fails() ? NULL : __libc_memalign(alignment, size);
}
int posix_memalign(void **place, size_t alignment, size_t size) {
    if (fails())
        return ENOMEM;
    *place = __libc_memalign(alignment, size);
    return *place == NULL ? ENOMEM : 0;
}

static void *new_client(void) {
    return smtp_client_new(SMTP_PROTOCOL_SMTP);
}
static void *new_tls(void) {
    return smtp_tls_new();
}
static void *new_transaction(void) {
    return smtp_transaction_new();
}
static void *new_message(void) {
    return smtp_message_new();
}
static void free_client(void *client) {
    smtp_client_free(client);
}
static void free_tls(void *tls) {
    smtp_tls_free(tls);
}
static void free_transaction(void *transaction) {
    smtp_transaction_free(transaction);
}
static void free_message(void *message) {
    smtp_message_free(message);
}

static const struct {
    const char *name;
    void *(*make)(void);
    void (*free)(void *made);
} kinds[] = {
    {"client", new_client, free_client},
    {"tls", new_tls, free_tls},
    {"transaction", new_transaction, free_transaction},
    {"message", new_message, free_message},
};

int main(void) {
    size_t kind;
    for (kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        for (ever_after = 0; ever_after < 2; ever_after++) {
            int nth, failures = 0;
            for (nth = 1; nth < 100; nth++) {
                void *made;
                countdown = nth;
                failed_count = 0;
                smtp_client_noop(NULL); /* another error before */
                counting = 1;
                made = kinds[kind].make();
                counting = 0;
                countdown = 0;
                if (failed_count == 0) {
                    CHECK(made != NULL);
                    kinds[kind].free(made);
                    break;
                }
                failures++;
                CHECK(made == NULL);
                GIVES(SMTP_E_NO_MEMORY, smtp_last_error_code());
                HAS(smtp_last_error(), "out of memory");
                made = kinds[kind].make();
                CHECK(made != NULL);
                kinds[kind].free(made);
            }
            printf("%s: %d\n", kinds[kind].name, failures);
            CHECK(failures > 0 && nth < 100);
        }
    }
    return 0;
}
