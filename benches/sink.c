/*
 * A mail server that keeps nothing: the other end of every benchmark.
 *
 * One thread, one poll loop, one send per read; a body is passed over at memory speed. With a
 * delay it answers late, which simulates a round trip: replies are queued and released so many
 * milliseconds after the bytes that they answer, and reading goes on meanwhile, so that a client
 * may have as much in flight as it likes. The answer to a ClientHello is late as well: that is all
 * of TLS 1.3's handshake which waits for the server.
 *
 * The command XSTAT on a connection of its own answers with the totals since the XSTAT before:
 * connections, those of them that resumed a session of TLS, messages, octets, commands, flights, and
 * the microseconds of CPU that it took (the warm-up included). A flight begins with bytes of a mail
 * transaction that arrive when no reply is due, so that with a delay it is what costs a client
 * one round trip. A connection whose sender begins with "warm" is not counted.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { HEADROOM = 8192, INPUT = 256 * 1024, MOST_CONNECTIONS = 256, MOST_DUE = 4096 };

enum state { COMMAND, DATA, BDAT };

/* Replies up to `end` (counted from the connection's start) may go out at `at`. */
struct due {
    uint64_t at;
    uint64_t end;
};

struct connection {
    int fd;
    SSL *ssl;
    bool handshaking, start_tls, closing, warm, counted, in_flight, blocked, unwelcomed;
    uint64_t hello_due; /* when its ClientHello may be answered */
    bool hello_taken;
    enum state state;
    uint64_t left; /* of a chunk */
    bool last_chunk;
    char carry[HEADROOM]; /* the command line that has not ended, or the last 4 bytes of DATA */
    size_t carried;
    char *out;
    size_t out_length, out_capacity;
    uint64_t queued, released, sent; /* reply bytes since the start */
    struct due due[MOST_DUE];
    unsigned first_due, due_count;
};

static struct {
    uint64_t delay;
    bool no_pipelining, no_chunking, tls_first;
    SSL_CTX *tls;
} config;

static struct {
    uint64_t connections, resumed, messages, octets, commands, flights;
} totals;

static uint64_t cpu_before; /* this process's, at the last XSTAT */

static struct connection *connections[MOST_CONNECTIONS];
static int connection_count;
static char input[HEADROOM + INPUT];

static uint64_t now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Microseconds of this process. */
static uint64_t cpu(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1000000u +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static void say(struct connection *c, const char *text, size_t length)
{
    if (c->out_length + length > c->out_capacity) {
        c->out_capacity = 2 * (c->out_length + length) + 4096;
        c->out = realloc(c->out, c->out_capacity);
        if (!c->out)
            die("realloc");
    }
    memcpy(c->out + c->out_length, text, length);
    c->out_length += length;
    c->queued += length;
}

#define SAY(c, literal) say(c, literal "\r\n", sizeof literal "\r\n" - 1)

static void hello(struct connection *c, bool extended)
{
    if (!extended) {
        SAY(c, "250 sink");
        return;
    }
    SAY(c, "250-sink");
    if (!config.no_pipelining)
        SAY(c, "250-PIPELINING");
    if (!config.no_chunking)
        SAY(c, "250-CHUNKING");
    if (config.tls && !c->ssl)
        SAY(c, "250-STARTTLS");
    if (c->ssl)
        SAY(c, "250-AUTH PLAIN");
    SAY(c, "250-ENHANCEDSTATUSCODES");
    SAY(c, "250-SIZE 4294967296");
    SAY(c, "250 8BITMIME");
}

static void count_flight(struct connection *c)
{
    if (!c->in_flight && !c->warm)
        totals.flights++;
    c->in_flight = true;
}

static void message_ends(struct connection *c)
{
    SAY(c, "250 2.0.0 Ok: queued");
    c->state = COMMAND;
    if (!c->warm)
        totals.messages++;
}

static bool is_verb(const char *line, size_t length, const char *verb)
{
    size_t n = strlen(verb);
    return length >= n && strncasecmp(line, verb, n) == 0;
}

static void command(struct connection *c, const char *line, size_t length)
{
    if (!c->warm)
        totals.commands++;
    if (is_verb(line, length, "MAIL")) {
        if (is_verb(line + 4, length - 4, " FROM:<warm")) {
            c->warm = true;
        } else if (!c->counted) {
            c->counted = true;
            totals.connections++;
            totals.resumed += c->ssl && SSL_session_reused(c->ssl);
        }
        count_flight(c);
        SAY(c, "250 2.1.0 Ok");
    } else if (is_verb(line, length, "RCPT")) {
        count_flight(c);
        SAY(c, "250 2.1.5 Ok");
    } else if (is_verb(line, length, "BDAT ") && !config.no_chunking) {
        count_flight(c);
        c->left = strtoull(line + 5, NULL, 10);
        c->last_chunk = length > 5 && memmem(line, length, "LAST", 4);
        c->state = BDAT;
    } else if (is_verb(line, length, "DATA")) {
        count_flight(c);
        SAY(c, "354 End data with <CR><LF>.<CR><LF>");
        c->state = DATA;
    } else if (is_verb(line, length, "EHLO")) {
        hello(c, true);
    } else if (is_verb(line, length, "HELO")) {
        hello(c, false);
    } else if (is_verb(line, length, "STARTTLS") && config.tls && !c->ssl) {
        SAY(c, "220 2.0.0 Ready to start TLS");
        c->start_tls = true;
    } else if (is_verb(line, length, "AUTH PLAIN ") && c->ssl) {
        if (memmem(line, length, " AHVzZXIAc2VjcmV0", 17)) /* user, secret */
            SAY(c, "235 2.7.0 Authentication successful");
        else
            SAY(c, "535 5.7.8 Authentication credentials invalid");
    } else if (is_verb(line, length, "QUIT")) {
        SAY(c, "221 2.0.0 Bye");
        c->closing = true;
    } else if (is_verb(line, length, "RSET") || is_verb(line, length, "NOOP")) {
        SAY(c, "250 2.0.0 Ok");
    } else if (is_verb(line, length, "XSTAT")) {
        char text[256];
        int n = snprintf(text, sizeof text,
                         "250 connections=%llu resumed=%llu messages=%llu octets=%llu commands=%llu flights=%llu cpu=%llu\r\n",
                         (unsigned long long)totals.connections, (unsigned long long)totals.resumed,
                         (unsigned long long)totals.messages, (unsigned long long)totals.octets, (unsigned long long)totals.commands - 1,
                         (unsigned long long)totals.flights, (unsigned long long)(cpu() - cpu_before));
        cpu_before = cpu();
        say(c, text, (size_t)n);
        memset(&totals, 0, sizeof totals);
        c->warm = true;
    } else {
        SAY(c, "502 5.5.1 Unrecognized command");
    }
}

/* Where CR LF . CR LF begins, or `length`. Blocks without "LF . CR" are passed over by SIMD. */
#if defined(__x86_64__)
__attribute__((target_clones("avx2", "default")))
#endif
static size_t end_of_data(const char *text, size_t length)
{
    enum { BLOCK = 512 };
    size_t at = 0;
    while (at < length) {
        if (at + BLOCK + 2 <= length) {
            unsigned char hit = 0;
            for (size_t i = at; i < at + BLOCK; i++)
                hit |= (unsigned char)((text[i] == '\n') & (text[i + 1] == '.') & (text[i + 2] == '\r'));
            if (!hit) {
                at += BLOCK;
                continue;
            }
        }
        size_t stop = at + BLOCK < length ? at + BLOCK : length;
        for (size_t i = at; i < stop; i++) {
            if (i >= 1 && i + 4 <= length && memcmp(text + i - 1, "\r\n.\r\n", 5) == 0)
                return i - 1;
        }
        at = stop;
    }
    return length;
}

/* `start` has HEADROOM bytes before it that may be overwritten. */
static void consume(struct connection *c, char *start, char *end)
{
    char *at = start;
    while (at < end && !c->closing) {
        if (c->state == COMMAND) {
            char *line_end = memchr(at, '\n', (size_t)(end - at));
            if (!line_end) {
                c->carried = (size_t)(end - at);
                if (c->carried >= HEADROOM) {
                    c->closing = true;
                    return;
                }
                memcpy(c->carry, at, c->carried);
                return;
            }
            command(c, at, (size_t)(line_end - at));
            at = line_end + 1;
            if (c->state == DATA) {
                memcpy(at - 4, "\0\0\r\n", 4);
                memcpy(c->carry, "\0\0\r\n", 4);
            } else if (c->state == BDAT && c->left == 0) {
                goto chunk_ends;
            }
            if (c->start_tls)
                return;
        } else if (c->state == BDAT) {
            count_flight(c);
            uint64_t here = (uint64_t)(end - at);
            if (here > c->left)
                here = c->left;
            at += here;
            c->left -= here;
            if (!c->warm)
                totals.octets += here;
            if (c->left > 0)
                return;
        chunk_ends:
            if (c->last_chunk) {
                message_ends(c);
            } else {
                SAY(c, "250 2.0.0 Ok");
                c->state = COMMAND;
            }
        } else {
            count_flight(c);
            char *text = at - 4;
            size_t length = (size_t)(end - text);
            size_t found = end_of_data(text, length);
            if (found == length) {
                if (!c->warm)
                    totals.octets += (uint64_t)(end - at);
                memcpy(c->carry, end - 4, 4);
                return;
            }
            char *next = text + found + 5;
            if (!c->warm)
                totals.octets += (uint64_t)(next - at) >= 3 ? (uint64_t)(next - at) - 3 : 0;
            at = next;
            message_ends(c);
        }
    }
}

static void release(struct connection *c)
{
    if (config.delay) {
        uint64_t time = now();
        while (c->due_count && c->due[c->first_due].at <= time) {
            c->released = c->due[c->first_due].end;
            c->first_due = (c->first_due + 1) % MOST_DUE;
            c->due_count--;
        }
    } else {
        c->released = c->queued;
    }
    c->blocked = false;
    while (c->sent < c->released) {
        size_t length = (size_t)(c->released - c->sent);
        ssize_t n;
        if (c->ssl) {
            n = SSL_write(c->ssl, c->out, (int)length);
            if (n <= 0 && SSL_get_error(c->ssl, (int)n) == SSL_ERROR_WANT_WRITE) {
                c->blocked = true;
                return;
            }
        } else {
            n = send(c->fd, c->out, length, MSG_NOSIGNAL);
            if (n < 0 && errno == EAGAIN) {
                c->blocked = true;
                return;
            }
        }
        if (n <= 0) {
            c->closing = true;
            c->due_count = 0;
            c->sent = c->queued;
            return;
        }
        c->sent += (uint64_t)n;
        c->out_length -= (size_t)n;
        if (c->out_length)
            memmove(c->out, c->out + n, c->out_length);
    }
    if (c->sent == c->queued)
        c->in_flight = false;
}

/* Sends what was queued since `before`, or has it wait. */
static void answer(struct connection *c, uint64_t before)
{
    if (!config.delay) {
        if (c->queued > c->sent)
            release(c);
    } else if (c->queued > before) {
        if (c->due_count == MOST_DUE) { /* release the newest two together */
            c->due[(c->first_due + c->due_count - 1) % MOST_DUE].end = c->queued;
        } else {
            unsigned slot = (c->first_due + c->due_count++) % MOST_DUE;
            c->due[slot] = (struct due){now() + config.delay, c->queued};
        }
    }
}

static void welcome(struct connection *c)
{
    uint64_t before = c->queued;
    c->unwelcomed = false;
    SAY(c, "220 sink ESMTP");
    answer(c, before);
}

/* How many bytes are in `input` behind HEADROOM; 0 if none, -1 at the end. */
static ssize_t fill(struct connection *c)
{
    if (!c->ssl) {
        ssize_t n = recv(c->fd, input + HEADROOM, INPUT, 0);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -1;
        return n == 0 ? -1 : n;
    }
    if (c->handshaking) {
        int n = SSL_accept(c->ssl);
        if (n != 1)
            return SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ ? 0 : -1;
        c->handshaking = false;
        if (c->unwelcomed)
            welcome(c);
    }
    ssize_t total = 0;
    while (total < INPUT) {
        int n = SSL_read(c->ssl, input + HEADROOM + total, (int)(INPUT - total));
        if (n <= 0) {
            ERR_clear_error();
            if (total > 0 || SSL_get_error(c->ssl, n) == SSL_ERROR_WANT_READ)
                return total;
            return -1;
        }
        total += n;
    }
    return total;
}

static void readable(struct connection *c)
{
    ssize_t n;
    if (config.delay && c->handshaking && !c->hello_taken) {
        if (!c->hello_due)
            c->hello_due = now() + config.delay;
        if (now() < c->hello_due)
            return;
        c->hello_taken = true;
    }
    do {
        n = fill(c);
        if (n < 0) {
            c->closing = true;
            return;
        }
        if (n == 0)
            return;
        char *start = input + HEADROOM;
        char *end = start + n;
        if (c->state == DATA) {
            memcpy(start - 4, c->carry, 4);
        } else if (c->state == COMMAND && c->carried) {
            start -= c->carried;
            memcpy(start, c->carry, c->carried);
            c->carried = 0;
        }
        uint64_t before = c->queued;
        consume(c, start, end);
        if (c->state == DATA && !c->closing) {
            /* A client without TCP_NODELAY holds back the end of its message until this is
               acknowledged; 40 ms of Nagle's algorithm in each would hide all else. */
            int on = 1;
            setsockopt(c->fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
        }
        answer(c, before);
    } while (n == INPUT && !c->closing && !c->blocked);
}

static void begin_tls(struct connection *c)
{
    c->start_tls = false;
    c->ssl = SSL_new(config.tls);
    SSL_set_fd(c->ssl, c->fd);
    c->handshaking = true;
}

static void finish(int index)
{
    struct connection *c = connections[index];
    connections[index] = connections[--connection_count];
    if (c->ssl) {
        SSL_shutdown(c->ssl);
        SSL_free(c->ssl);
        ERR_clear_error();
    }
    close(c->fd);
    free(c->out);
    free(c);
}

static void take(int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (connection_count == MOST_CONNECTIONS) {
        close(fd);
        return;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    struct connection *c = calloc(1, sizeof *c);
    if (!c)
        die("calloc");
    c->fd = fd;
    connections[connection_count++] = c;
    c->unwelcomed = true;
    if (config.tls_first)
        begin_tls(c);
    else
        welcome(c);
}

static void extend(X509 *certificate, X509 *issuer, int kind, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, kind, value);
    if (!extension || !X509_add_ext(certificate, extension, -1))
        die("X509_add_ext");
    X509_EXTENSION_free(extension);
}

/* A certificate for `key`, without extensions and unsigned; its own issuer where there is none. */
static X509 *make_certificate(const char *text, EVP_PKEY *key, X509 *issuer)
{
    X509 *certificate = X509_new();
    if (!key || !certificate)
        die("X509_new");
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), (long)time(NULL) + (issuer != NULL));
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 86400);
    X509_set_pubkey(certificate, key);
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0);
    X509_set_issuer_name(certificate, issuer ? X509_get_subject_name(issuer) : name);
    return certificate;
}

/* An authority of its own making, and what that signs for 127.0.0.1. The authority is written to `path`
   for clients to trust, and beside it what a directory of roots must call it. */
static SSL_CTX *make_tls(const char *path)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *root_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
    X509 *root = make_certificate("sink's authority", root_key, NULL);
    X509 *certificate = make_certificate("sink", key, root);
    extend(root, root, NID_basic_constraints, "critical,CA:TRUE");
    extend(root, root, NID_key_usage, "critical,keyCertSign");
    extend(root, root, NID_subject_key_identifier, "hash");
    extend(certificate, root, NID_key_usage, "critical,digitalSignature");
    extend(certificate, root, NID_authority_key_identifier, "keyid");
    extend(certificate, root, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    if (!X509_sign(root, root_key, EVP_sha256()) || !X509_sign(certificate, root_key, EVP_sha256()) || !tls ||
        SSL_CTX_use_certificate(tls, certificate) != 1 || SSL_CTX_use_PrivateKey(tls, key) != 1)
        die("the sink's certificate");
    char hash_path[4096];
    snprintf(hash_path, sizeof hash_path, "%s.hash", path);
    FILE *file = fopen(path, "w"), *hash = fopen(hash_path, "w");
    if (!file || !hash || !PEM_write_X509(file, root) || fclose(file) ||
        fprintf(hash, "%08lx\n", X509_subject_name_hash(root)) < 0 || fclose(hash))
        die(path);
    X509_free(certificate);
    X509_free(root);
    EVP_PKEY_free(key);
    EVP_PKEY_free(root_key);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_read_ahead(tls, 1);
    SSL_CTX_set_default_read_buffer_len(tls, INPUT);
    return tls;
}

static int listen_on(const char *port_file)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) || listen(fd, 256) ||
        getsockname(fd, (struct sockaddr *)&address, &size))
        die("listen");
    char temporary[4096];
    snprintf(temporary, sizeof temporary, "%s.new", port_file);
    FILE *file = fopen(temporary, "w");
    if (!file || fprintf(file, "%d\n", ntohs(address.sin_port)) < 0 || fclose(file) || rename(temporary, port_file))
        die(port_file);
    return fd;
}

int main(int count, char **arguments)
{
    int newest = TLS1_3_VERSION;
    const char *port_file = NULL, *authority = NULL;
    unsigned lifetime = 900;
    for (int i = 1; i < count; i++) {
        const char *value = i + 1 < count ? arguments[i + 1] : "";
        if (!strcmp(arguments[i], "--no-pipelining")) {
            config.no_pipelining = true;
            continue;
        } else if (!strcmp(arguments[i], "--no-chunking")) {
            config.no_chunking = true;
            continue;
        } else if (!strcmp(arguments[i], "--tls-first")) {
            config.tls_first = true;
            continue;
        } else if (!strcmp(arguments[i], "--tls12")) {
            newest = TLS1_2_VERSION;
            continue;
        } else if (!strcmp(arguments[i], "--port-file")) {
            port_file = value;
        } else if (!strcmp(arguments[i], "--delay-ms")) {
            config.delay = (uint64_t)(atof(value) * 1e6);
        } else if (!strcmp(arguments[i], "--tls")) {
            authority = value;
        } else if (!strcmp(arguments[i], "--lifetime")) {
            lifetime = (unsigned)atoi(value);
        } else if (!strcmp(arguments[i], "--cpu")) {
            cpu_set_t cpus;
            CPU_ZERO(&cpus);
            CPU_SET((unsigned)atoi(value), &cpus);
            if (sched_setaffinity(0, sizeof cpus, &cpus))
                die("--cpu");
        } else {
            fprintf(stderr, "sink: unknown option %s\n", arguments[i]);
            return 2;
        }
        i++;
    }
    if (!port_file) {
        fprintf(stderr, "usage: sink --port-file FILE [--delay-ms N] [--no-pipelining] [--no-chunking]\n"
                        "            [--tls AUTHORITY_TO_WRITE [--tls-first] [--tls12]] [--cpu N] [--lifetime SECONDS]\n");
        return 2;
    }
    alarm(lifetime);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    prctl(PR_SET_TIMERSLACK, 1);
    signal(SIGPIPE, SIG_IGN);
    if (authority) {
        config.tls = make_tls(authority);
        SSL_CTX_set_max_proto_version(config.tls, newest);
    }
    int listener = listen_on(port_file);
    for (;;) {
        struct pollfd polled[1 + MOST_CONNECTIONS];
        int watched = connection_count;
        uint64_t soonest = 0;
        polled[0] = (struct pollfd){listener, POLLIN, 0};
        for (int i = 0; i < watched; i++) {
            struct connection *c = connections[i];
            short events = (short)(c->closing ? 0 : POLLIN);
            if (c->hello_due && !c->hello_taken) {
                events = 0;
                if (!soonest || c->hello_due < soonest)
                    soonest = c->hello_due;
            }
            polled[i + 1] = (struct pollfd){c->fd, (short)(c->blocked ? events | POLLOUT : events), 0};
            if (c->due_count && (!soonest || c->due[c->first_due].at < soonest))
                soonest = c->due[c->first_due].at;
        }
        struct timespec wait = {0, 0};
        if (soonest) {
            uint64_t time = now();
            uint64_t left = soonest > time ? soonest - time : 0;
            wait = (struct timespec){(time_t)(left / 1000000000u), (long)(left % 1000000000u)};
        }
        if (ppoll(polled, (nfds_t)(1 + watched), soonest ? &wait : NULL, NULL) < 0 && errno != EINTR)
            die("ppoll");
        /* Backwards, because finish() moves the last one into the gap. */
        for (int i = watched - 1; i >= 0; i--) {
            struct connection *c = connections[i];
            if (polled[i + 1].revents & (POLLIN | POLLHUP | POLLERR)) {
                if (!c->closing)
                    readable(c);
                else if (polled[i + 1].revents & (POLLHUP | POLLERR)) /* nobody listens any more */
                    c->due_count = 0, c->sent = c->queued;
            }
            if (c->hello_due && !c->hello_taken && !c->closing)
                readable(c);
            if (c->due_count || c->blocked)
                release(c);
            if (c->start_tls && c->sent == c->queued)
                begin_tls(c);
            if (c->closing && c->sent == c->queued)
                finish(i);
        }
        if (polled[0].revents & POLLIN)
            take(listener);
    }
}
