/*
 * What random_calls.c draws its arguments from: handles of every kind, right and wrong, texts,
 * bytes, descriptors, callbacks that call back in. The generated random.h names these functions
 * after the parameters' types.
 */
#ifndef RANDOM_WORLD_H
#define RANDOM_WORLD_H

#include "random_server.h"

#include <fcntl.h>
#include <limits.h>
#include <stdint.h>

#define OWN __extension__ static __thread

/* Handles that are alive, those that were, and callback data, of one round. */
enum {
    KIND_smtp_client,
    KIND_smtp_tls,
    KIND_smtp_transaction,
    KIND_smtp_envelope,
    KIND_smtp_report,
    KIND_smtp_auth_exchange,
    KIND_smtp_token_source,
    KIND_smtp_token_request,
    KIND_smtp_message,
    KINDS
};
enum { LIVE = 5, GONE = 16, ELEMENTS = 8, DATA = 1 << 16, BYTES = 70000, FDS = 64, FILES = 6 };

struct datum {
    int expected, destroyed;
};

static struct {
    void *live[KINDS][LIVE];
    void *gone[KINDS][GONE];
    unsigned gone_count;
    struct datum data[DATA];
    int data_count;
    int fds[FDS], fd_count;
    int threads;
    int slots;   /* of each kind so many handles at most */
    int storm;   /* nothing connects, so that no call waits, and all threads want the same handles */
    int closing; /* callbacks call nothing any more */
} world;

/* Memory that never was a handle. */
static long long foreign[64];
static char *heap;

static char mail[BYTES], pem[BYTES];
static char files[FILES][1024]; /* names of files, the first of certificates */

OWN uint64_t random_state;
OWN smtp_auth_exchange *exchange; /* of the callback that runs */
static smtp_token_request *request; /* the last one */
OWN uintptr_t stack;              /* an address there */
OWN int depth;                    /* of calls within callbacks */
OWN int reentries;                /* within the present outermost call */

static int below(int bound) {
    return (int)(draw(&random_state) >> 33) % bound;
}

#define ONE_OF(array) (array)[below((int)(sizeof(array) / sizeof *(array)))]

static void *live(int kind) {
    int first = below(world.slots), i;
    for (i = 0; i < world.slots; i++) {
        void *one = __atomic_load_n(&world.live[kind][(first + i) % world.slots], __ATOMIC_ACQUIRE);
        if (one != NULL)
            return one;
    }
    return NULL;
}

static void remember_gone(int kind, void *handle) {
    unsigned at = __atomic_fetch_add(&world.gone_count, 1, __ATOMIC_RELAXED) % GONE;
    __atomic_store_n(&world.gone[kind][at], handle, __ATOMIC_RELEASE);
}

/* Three of four times a handle, else something that is none or another. */
static void *any_handle(int kind) {
    uintptr_t value = (uintptr_t)live(kind);
    if (kind == KIND_smtp_auth_exchange && below(4) != 0)
        return exchange;
    if (kind == KIND_smtp_token_request && below(4) != 0)
        return __atomic_load_n(&request, __ATOMIC_ACQUIRE);
    if (below(4) != 0)
        return (void *)value;
    switch (below(10)) {
    case 0: return NULL;
    case 1: return foreign + below(64);
    case 2: return (void *)(stack + (uintptr_t)below(64));
    case 3: return heap + below(256);
    case 4: return live((kind + 1 + below(KINDS - 1)) % KINDS);
    case 5: return (void *)(value + 1 + (uintptr_t)below(15));
    case 6: return (void *)(uintptr_t)below(4096);
    case 7: return __atomic_load_n(&world.gone[kind][below(GONE)], __ATOMIC_ACQUIRE);
    case 8: return (void *)(value ^ (uintptr_t)1 << below(64));
    default: return (void *)(uintptr_t)draw(&random_state);
    }
}

static void dispose(int kind, void *handle) {
    switch (kind) {
    case KIND_smtp_client: smtp_client_free(handle); break;
    case KIND_smtp_tls: smtp_tls_free(handle); break;
    case KIND_smtp_transaction: smtp_transaction_free(handle); break;
    case KIND_smtp_envelope: smtp_envelope_free(handle); break;
    case KIND_smtp_token_source: smtp_token_source_free(handle); break;
    case KIND_smtp_report: smtp_report_free(handle); break;
    case KIND_smtp_message: smtp_message_free(handle); break;
    default: CHECK(!"a kind that can be freed");
    }
}

/* A new handle goes where there is room, else away. */
static void keep(int kind, void *handle) {
    int i;
    for (i = 0; i < world.slots; i++) {
        void *none = NULL;
        if (__atomic_compare_exchange_n(&world.live[kind][i], &none, handle, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            return;
    }
    dispose(kind, handle);
}

/* Before a handle is freed. */
static void forget(int kind, void *handle) {
    int i;
    for (i = 0; i < LIVE && handle != NULL; i++) {
        void *one = handle;
        if (__atomic_compare_exchange_n(&world.live[kind][i], &one, NULL, 0, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
            remember_gone(kind, handle);
    }
}

/* Before there are threads. */
static void find_files(void) {
    static const char *const names[FILES] = {"ca.pem", "client.pem", "client.key", "rsa.pem", "client-both.pem", "none"};
    int i;
    for (i = 0; i < FILES; i++)
        snprintf(files[i], sizeof *files, "%s", file(names[i]));
}

/* Addresses, parameters, commands, credentials: any of them anywhere. */
static const char *any_text(const char *name) {
    static const char *const words[] = {
        "a@b.example", "Name <c@d.example>", "\"q q\"@e.example", "<>", "u\xc3\xbcser@b\xc3\xbc" "cher.example",
        "e@b\xc3\xbc" "cher.example", "John", "a@x,b@x", "SIZE=10", "BODY=8BITMIME", "SMTPUTF8", "NOTIFY=NEVER",
        "RET=HDRS", "NOOP", "MAIL", "RSET", "QUIT", "DATA", "BDAT", "5 LAST", "FROM:<a@b.example>", "user", "PIPELINING",
    };
    static const char *const bad[] = {"", "a\xff", "a\r\nRSET", "a\nb", "\x01", " ", "a@b> NOTIFY=NEVER <c@d"};
    static const char *const mechanisms[] = {"PLAIN", "LOGIN", "CRAM-MD5", "XOAUTH2", "plain login oauthbearer", "NONSENSE"};
    static const char *const hosts[] = {"[::1]:1", "127.0.0.1:1", "/nonexistent", "%lo", ".", "127.0.0.1:x", "localhost:1"};
    static const char *const types[] = {"text/plain", "image/png", "text/csv; charset=utf-8", "message/rfc822", "multipart/mixed", "x"};
    static const char *const fields[] = {"Subject", "Message-ID", "References", "List-Unsubscribe", "X-Field", "To", "Bcc", "Date"};
    static const char *const urls[] = {"smtp://u:p%40@127.0.0.1:1", "smtps://[::1]", "smtp+starttls://u@h", "lmtp://localhost:1", "lmtp+unix:///nonexistent", "smtp://u:p@h?q", "http://h"};
    switch (below(16)) {
    case 0: return NULL;
    case 1: return ONE_OF(bad);
    case 2: return mail + BYTES - 1 - below(9000); /* long */
    default: break;
    }
    if (strcmp(name, "host") == 0)
        switch (below(8)) {
        case 0: return ONE_OF(hosts);
        case 1: return server("smtp");
        case 2: return server("smtps");
        case 3: return server_.unix_path;
        default: return server_.tcp;
        }
    if (strcmp(name, "url") == 0)
        return ONE_OF(urls);
    if (strcmp(name, "mechanism") == 0 || strcmp(name, "names") == 0)
        return ONE_OF(mechanisms);
    if (strcmp(name, "content_type") == 0)
        return ONE_OF(types);
    if (strcmp(name, "name") == 0 && below(4) == 0)
        return ONE_OF(fields);
    if (strcmp(name, "path") == 0 || strstr(name, "_file") != NULL)
        return ONE_OF(files);
    return ONE_OF(words);
}

static const char *const *any_texts(const char **room, const char *name) {
    int i;
    for (i = 0; i < ELEMENTS; i++)
        room[i] = any_text(below(4) == 0 ? name : "address");
    return below(16) == 0 ? NULL : room;
}

static smtp_transaction *const *any_transactions(smtp_transaction **room) {
    int i;
    for (i = 0; i < ELEMENTS; i++)
        room[i] = below(4) == 0 ? any_handle(KIND_smtp_transaction) : live(KIND_smtp_transaction);
    return below(16) == 0 ? NULL : room;
}

static size_t any_count(void) {
    static const size_t huge[] = {SIZE_MAX, SIZE_MAX / 2, SIZE_MAX / 8 + 2, (size_t)1 << 40};
    return below(16) == 0 ? ONE_OF(huge) : (size_t)below(below(2) == 0 ? 3 : ELEMENTS + 1);
}

/* At most what any_bytes() gives, or more than any object has. */
static size_t any_length(void) {
    static const size_t huge[] = {SIZE_MAX, SIZE_MAX / 2 + 1, SIZE_MAX - 4096};
    switch (below(16)) {
    case 0: return ONE_OF(huge);
    case 1: return (size_t)below(BYTES - 1000);
    default: return (size_t)below(300);
    }
}

static const void *any_bytes(void) {
    return below(16) == 0 ? NULL : below(8) == 0 ? pem : mail + (below(2) == 0 ? 0 : below(1000));
}

static size_t *any_place(void) {
    OWN size_t place;
    return below(4) == 0 ? NULL : &place;
}

static int *any_number(void) {
    OWN int number;
    return below(4) == 0 ? NULL : &number;
}

static size_t any_index(void) {
    return below(8) == 0 ? SIZE_MAX : (size_t)below(4);
}

/* Nothing, a file, a socket to the server, a pipe that has little to give and ends late. */
static int any_fd(void) {
    int pair[2], at = __atomic_fetch_add(&world.fd_count, 1, __ATOMIC_RELAXED), kind = below(6);
    if (at >= FDS || kind == 0)
        return below(2) == 0 ? -1 : 100000;
    if (kind == 1) {
        pair[0] = open(below(2) == 0 ? "/dev/null" : files[0], O_RDONLY);
    } else if (kind == 2) {
        CHECK(pipe(pair) == 0 && write(pair[1], mail, 500) == 500);
        give_server(pair[1], 1);
    } else {
        CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
        give_server(pair[1], 0);
    }
    CHECK(pair[0] >= 0);
    return world.fds[at] = pair[0];
}

/* What ends by itself: nothing, a file, or a pipe of which nobody but the server has the other end,
 * and that only for a moment. */
static int any_source(void) {
    int pair[2], at = __atomic_fetch_add(&world.fd_count, 1, __ATOMIC_RELAXED), kind = below(6);
    if (at >= FDS || kind == 0)
        return below(2) == 0 ? -1 : 100000;
    if (kind == 1) {
        CHECK(pipe(pair) == 0 && write(pair[1], mail, 500) == 500);
        give_server(pair[1], 1);
    } else {
        pair[0] = open(kind == 2 ? "/proc/self/status" : files[below(FILES - 1)], O_RDONLY);
    }
    CHECK(pair[0] >= 0);
    return world.fds[at] = pair[0];
}

static int any_int(const char *name) {
    static const int limits[] = {1, 5, 20, 50, 100, 0, -3, SMTP_TIMEOUT_NONE, SMTP_TIMEOUT_RFC};
    static const int ports[] = {0, 0, 0, 0, 0, 0, 1, -1, 65536};
    static const int numbers[] = {0, 1, 1, 2, 3, 12, 13, -1, 250, 451, 550, -17, INT_MAX, INT_MIN};
    if (strcmp(name, "fd") == 0)
        return any_fd();
    if (strcmp(name, "milliseconds") == 0)
        return ONE_OF(limits);
    if (strcmp(name, "port") == 0)
        return ONE_OF(ports);
    return strcmp(name, "protocol") == 0 ? below(5) : ONE_OF(numbers);
}

static int64_t any_int64(void) {
    static const int64_t sizes[] = {-1, -1, -1, 0, 10, 500, INT64_MAX, INT64_MIN};
    return ONE_OF(sizes);
}

static void *any_datum(void) {
    int at = __atomic_fetch_add(&world.data_count, 1, __ATOMIC_RELAXED);
    CHECK(at < DATA);
    return &world.data[at];
}

/* In a callback: calls some functions, unless it has done so enough. */
static void reenter(void *user);

static void on_debug(int direction, const char *data, size_t length, void *user) {
    (void)direction, (void)data, (void)length;
    reenter(user);
}
static void on_destroy(void *user) {
    struct datum *datum = user;
    reenter(user);
    CHECK(__atomic_add_fetch(&datum->destroyed, 1, __ATOMIC_ACQ_REL) == 1);
}
static int on_audit(int event, const char *host, int port, const char *data, size_t length, void *user) {
    (void)event, (void)port, (void)length;
    CHECK(host != NULL && (data != NULL || length == 0));
    reenter(user);
    return below(64) == 0;
}
static void on_progress(int64_t sent, int64_t total, void *user) {
    CHECK(sent >= 0 && total >= -1);
    reenter(user);
}
static void on_completion(smtp_transaction *transaction, void *user) {
    CHECK(transaction != NULL);
    reenter(user);
}
static int on_auth(smtp_auth_exchange *given, void *user) {
    smtp_auth_exchange *outer = exchange;
    exchange = given;
    reenter(user);
    exchange = outer;
    remember_gone(KIND_smtp_auth_exchange, given);
    return below(8) == 0 ? -1 : 0;
}
/* Answered before anything else, so that nobody waits for himself. */
static int on_token(smtp_token_request *given, void *user) {
    __atomic_store_n(&request, given, __ATOMIC_RELEASE);
    switch (below(8)) {
    case 0: return -1;
    case 1: (void)smtp_token_fail(given, "none"); break;
    default: (void)smtp_token_give(given, "ya29.token", below(3)); break;
    }
    reenter(user);
    return 0;
}
static ptrdiff_t on_read(void *buffer, size_t capacity, void *user) {
    size_t length = (size_t)below(600);
    reenter(user);
    if (below(16) == 0)
        return below(2) == 0 ? -1 : PTRDIFF_MAX;
    memcpy(buffer, mail, length < capacity ? length : capacity);
    return (ptrdiff_t)(length < 200 ? 0 : length < capacity ? length : capacity);
}
static int on_write(const void *data, size_t length, void *user) {
    CHECK(data != NULL && length > 0);
    reenter(user);
    return below(16) == 0;
}

#define CALLBACK(kind)                                                                            \
    static smtp_##kind##_callback any_smtp_##kind##_callback(void) {                              \
        return below(8) == 0 ? NULL : on_##kind;                                                  \
    }
CALLBACK(debug)
CALLBACK(destroy)
CALLBACK(audit)
CALLBACK(progress)
CALLBACK(completion)
CALLBACK(auth)
CALLBACK(read)
CALLBACK(token)
CALLBACK(write)

#endif
