/*
 * The limit: a client that knows beforehand what the server will say, and does nothing but write
 * the right bytes and count the replies. What it reaches, no library can pass.
 *
 * Workloads: sequential (one flight for each message, then wait), batch (never waits: reads replies
 * while it writes), large (64 MiB by BDAT), large-data (by DATA, the message being fit for it),
 * escape (by DATA, line ends and dots put right on the fly), escape-bdat (in chunks, line ends
 * alone), recipients (one flight), connect (a connection for each message); first (log in and send
 * one message), handshake and memory (connect only, once and twice). Over TLS with --ca, the
 * certificate and its name verified, and sessions resumed.
 */
#include "common.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>

static int sock;
static SSL *ssl;
static SSL_CTX *tls;

static void open_socket(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)bench.port)};
    int on = 1;
    ssl = NULL;
    sock = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (sock < 0 || connect(sock, (struct sockaddr *)&address, sizeof address))
        die("connect");
    setsockopt(sock, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static void write_all(const char *bytes, size_t length)
{
    while (length) {
        ssize_t n = ssl ? SSL_write(ssl, bytes, length > 1 << 30 ? 1 << 30 : (int)length)
                        : send(sock, bytes, length, MSG_NOSIGNAL);
        if (n <= 0)
            die("send");
        bytes += n;
        length -= (size_t)n;
    }
}

static ssize_t read_some(char *bytes, size_t room)
{
    ssize_t n = ssl ? SSL_read(ssl, bytes, (int)room) : recv(sock, bytes, room, 0);
    if (n <= 0)
        die("recv");
    return n;
}

/* Counts final reply lines; a refusal ends the program. */
static struct {
    char line[8];
    size_t length;
} parser;

static long count_replies(const char *bytes, size_t length)
{
    long replies = 0;
    const char *end = bytes + length;
    while (bytes < end) {
        const char *line_end = memchr(bytes, '\n', (size_t)(end - bytes));
        const char *stop = line_end ? line_end : end;
        const char *line = bytes;
        if (parser.length || !line_end) {
            while (bytes < stop && parser.length < 4)
                parser.line[parser.length++] = *bytes++;
            line = parser.line;
        }
        if (!line_end)
            return replies;
        if (line[0] != '2' && line[0] != '3')
            die("refused");
        replies += line[3] != '-';
        parser.length = 0;
        bytes = line_end + 1;
    }
    return replies;
}

static void await(long replies)
{
    char bytes[65536];
    while (replies > 0)
        replies -= count_replies(bytes, (size_t)read_some(bytes, sizeof bytes));
}

static SSL_SESSION *session; /* to be resumed next; a ticket of TLS 1.3 is shown once (RFC 8446 C.4) */

static int keep(SSL *unused, SSL_SESSION *given)
{
    (void)unused;
    SSL_SESSION_free(session);
    session = given;
    return 1;
}

static void make_tls(void)
{
    tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(tls, keep);
    if (trusts_system() ? SSL_CTX_set_default_verify_paths(tls) != 1
                        : SSL_CTX_load_verify_locations(tls, bench.ca, NULL) != 1)
        die("verify locations");
}

static void secure(void)
{
    if (!tls)
        make_tls();
    ssl = SSL_new(tls);
    SSL_set_fd(ssl, sock);
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), "127.0.0.1");
    if (session) {
        SSL_set_session(ssl, session);
        if (SSL_SESSION_get_protocol_version(session) == TLS1_3_VERSION) {
            SSL_SESSION_free(session);
            session = NULL;
        }
    }
    if (SSL_connect(ssl) != 1) {
        ERR_print_errors_fp(stderr);
        die("SSL_connect");
    }
}

static void greet(void)
{
    static const char ehlo[] = "EHLO bench.example.org\r\n";
    open_socket();
    if (bench.tls_first)
        secure();
    await(1);
    write_all(ehlo, sizeof ehlo - 1);
    await(1);
    if (!bench.ca || bench.tls_first)
        return;
    write_all("STARTTLS\r\n", 10);
    await(1);
    secure();
    write_all(ehlo, sizeof ehlo - 1);
    await(1);
}

static void quit(void)
{
    write_all("QUIT\r\n", 6);
    await(1);
    if (ssl) {
        SSL_shutdown(ssl);
        SSL_free(ssl);
        ssl = NULL;
    }
    close(sock);
}

/* MAIL and every RCPT into `buffer`. */
static size_t envelope(char *buffer, size_t size)
{
    size_t at = (size_t)sprintf(buffer, "MAIL FROM:<%s> SIZE=%zu\r\n", bench.sender, size);
    for (long i = 0; i < bench.recipients; i++) {
        char address[64];
        recipient(address, sizeof address, i);
        at += (size_t)sprintf(buffer + at, "RCPT TO:<%s>\r\n", address);
    }
    return at;
}

/* The whole of a transaction in one flight, repeated `times`. */
static char *flights(long times, size_t *length)
{
    size_t room = message_length + 256 + 64 * (size_t)bench.recipients;
    char *buffer = malloc(room * (size_t)times);
    if (!buffer)
        die("malloc");
    size_t at = envelope(buffer, message_length);
    at += (size_t)sprintf(buffer + at, "BDAT %zu LAST\r\n", message_length);
    memcpy(buffer + at, message, message_length);
    at += message_length;
    for (long i = 1; i < times; i++)
        memcpy(buffer + at * (size_t)i, buffer, at);
    *length = at;
    return buffer;
}

static void sequential(long count)
{
    size_t length;
    char *flight = flights(1, &length);
    greet();
    for (long i = 0; i < count; i++) {
        write_all(flight, length);
        await(bench.recipients + 2);
    }
    quit();
    free(flight);
}

static bool want_write(ssize_t n)
{
    if (!ssl)
        return n < 0 && errno == EAGAIN;
    int error = SSL_get_error(ssl, (int)n);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

static void batch(long count)
{
    enum { TOGETHER = 256 };
    size_t length;
    char *many = flights(TOGETHER, &length);
    char bytes[65536];
    greet();
    fcntl(sock, F_SETFL, O_NONBLOCK);
    uint64_t left = length * (uint64_t)count, at = 0;
    long due = 3 * count;
    while (due > 0) {
        while (left) {
            uint64_t here = length * TOGETHER - at;
            here = here < left ? here : left;
            ssize_t n = ssl ? SSL_write(ssl, many + at, (int)here) : send(sock, many + at, here, MSG_NOSIGNAL);
            if (n <= 0 && want_write(n))
                break;
            if (n <= 0)
                die("send");
            left -= (uint64_t)n;
            at = (at + (uint64_t)n) % (length * TOGETHER);
        }
        struct pollfd polled = {sock, (short)(left ? POLLIN | POLLOUT : POLLIN), 0};
        if (poll(&polled, 1, -1) < 0)
            die("poll");
        if (!(polled.revents & POLLIN))
            continue;
        ssize_t n;
        do {
            n = ssl ? SSL_read(ssl, bytes, sizeof bytes) : recv(sock, bytes, sizeof bytes, 0);
            if (n > 0)
                due -= count_replies(bytes, (size_t)n);
            else if (!want_write(n))
                die("recv");
        } while (ssl && n > 0 && due > 0);
    }
    fcntl(sock, F_SETFL, 0);
    quit();
    free(many);
}

static void send_file(void)
{
    static char block[256 * 1024];
    int fd = open(bench.file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        die(bench.file);
    for (ssize_t n; (n = read(fd, block, sizeof block)) > 0;)
        write_all(block, (size_t)n);
    close(fd);
}

/* The envelope's verdict is waited for, because nobody should upload 64 MiB to be refused. */
static void large(long count)
{
    char line[128];
    char commands[512];
    size_t length = envelope(commands, message_length);
    greet();
    for (long i = 0; i < count; i++) {
        write_all(commands, length);
        await(2);
        write_all(line, (size_t)sprintf(line, "BDAT %zu LAST\r\n", message_length));
        if (bench.file)
            send_file();
        else
            write_all(message, message_length);
        await(1);
    }
    quit();
}

static void large_data(long count)
{
    char commands[512];
    size_t length = envelope(commands, message_length);
    length += (size_t)sprintf(commands + length, "DATA\r\n");
    greet();
    for (long i = 0; i < count; i++) {
        write_all(commands, length);
        await(3);
        if (bench.file)
            send_file();
        else
            write_all(message, message_length);
        write_all(".\r\n", 3);
        await(1);
    }
    quit();
}

enum { BLOCK = 256 * 1024 };

/* The lines of the message from `at` on, as long as they fit; gives where it stopped. */
static size_t escape(size_t at, bool dots, char *out, size_t *used)
{
    size_t to = 0;
    while (at < message_length) {
        const char *line = message + at;
        const char *end = memchr(line, '\n', message_length - at);
        size_t width = end ? (size_t)(end - line) : message_length - at;
        if (to + width + 3 > BLOCK)
            break;
        at += width + 1;
        if (width && line[width - 1] == '\r')
            width--;
        if (dots && line[0] == '.')
            out[to++] = '.';
        memcpy(out + to, line, width);
        memcpy(out + to + width, "\r\n", 2);
        to += width + 2;
    }
    *used = to;
    return at;
}

static void escape_data(long count)
{
    static char out[BLOCK];
    char commands[512];
    size_t length = envelope(commands, message_length);
    length += (size_t)sprintf(commands + length, "DATA\r\n");
    greet();
    for (long i = 0; i < count; i++) {
        write_all(commands, length);
        await(3);
        for (size_t at = 0, used; at < message_length;) {
            at = escape(at, true, out, &used);
            write_all(out, used);
        }
        write_all(".\r\n", 3);
        await(1);
    }
    quit();
}

static void escape_bdat(long count)
{
    static char out[64 + BLOCK];
    char commands[512];
    size_t length = envelope(commands, message_length);
    greet();
    for (long i = 0; i < count; i++) {
        long chunks = 0;
        write_all(commands, length);
        await(2);
        for (size_t at = 0, used; at < message_length; chunks++) {
            char head[64];
            at = escape(at, false, out + 64, &used);
            size_t n = (size_t)sprintf(head, "BDAT %zu%s\r\n", used, at < message_length ? "" : " LAST");
            memcpy(out + 64 - n, head, n);
            write_all(out + 64 - n, used + n);
        }
        await(chunks);
    }
    quit();
}

static void connect_each(long count)
{
    size_t length;
    char *flight = flights(1, &length);
    for (long i = 0; i < count; i++) {
        greet();
        write_all(flight, length);
        await(bench.recipients + 2);
        quit();
    }
    free(flight);
}

static void first(long unused)
{
    static const char login[] = "AUTH PLAIN AHVzZXIAc2VjcmV0\r\n"; /* user, secret */
    size_t length;
    (void)unused;
    char *flight = flights(1, &length);
    greet();
    write_all(login, sizeof login - 1);
    await(1);
    write_all(flight, length);
    await(bench.recipients + 2);
    mark_accepted();
    quit();
    free(flight);
}

/* Nothing of it helps the next one. */
static void handshake(long unused)
{
    (void)unused;
    greet();
    SSL_free(ssl);
    SSL_SESSION_free(session);
    SSL_CTX_free(tls);
    close(sock);
    ssl = NULL;
    session = NULL;
    tls = NULL;
}

static void memory(long unused)
{
    (void)unused;
    greet();
    size_t before = heap();
    greet();
    told.added = (long)(heap() - before);
}

int main(int count, char **arguments)
{
    static const struct {
        const char *name;
        void (*session)(long count);
    } sessions[] = {{"sequential", sequential},   {"recipients", sequential},   {"batch", batch},
                    {"large", large},             {"large-data", large_data},   {"escape", escape_data},
                    {"escape-bdat", escape_bdat}, {"connect", connect_each},    {"first", first},
                    {"handshake", handshake},     {"memory", memory}};
    parse_options(count, arguments);
    for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++)
        if (workload_is(sessions[i].name))
            return run(sessions[i].session);
    die("unknown workload");
}
