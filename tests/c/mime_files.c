/*
 * Attachments of messages that the library writes: from memory, files, pipes and callbacks, of every
 * size; what is sent is what was there, what changes meanwhile is found out, what is borrowed is
 * given back once, and what can be read once is read once.
 */
/* SERVER smtp plain */
/* SERVER data plain --without CHUNKING */
/* SERVER lmtp lmtp */
/* SERVER huge plain --discard */
/* SERVER old plain --without CHUNKING --without SIZE --without 8BITMIME --without SMTPUTF8 --without PIPELINING */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "entries.h"
#include "loop.h"
#include "message.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file that has no name any more, with these bytes. */
static int file_of(const void *data, size_t length) {
    char path[] = "/tmp/smtpclient-test-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0 && unlink(path) == 0);
    CHECK(pwrite(fd, data, length, 0) == (ssize_t)length);
    return fd;
}

/* A reader of so many bytes of a pattern, in pieces of at most `piece`. */
struct source {
    const char *data;
    size_t length, at, piece;
    int calls, destroyed, fails;
    void (*meanwhile)(struct source *);
    smtp_message *message;
    smtp_client *client;
    smtp_transaction *mail;
    int fd;
};

static ptrdiff_t on_read(void *buffer, size_t capacity, void *user) {
    struct source *source = user;
    size_t count = source->length - source->at;
    CHECK(capacity > 0 && source->destroyed == 0);
    source->calls++;
    if (source->meanwhile != NULL)
        source->meanwhile(source);
    if (source->fails == source->calls)
        return -7;
    if (count > source->piece)
        count = source->piece;
    if (count > capacity)
        count = capacity;
    memcpy(buffer, source->data + source->at, count);
    source->at += count;
    return (ptrdiff_t)count;
}

static void on_destroy(void *user) {
    ((struct source *)user)->destroyed++;
}

static struct source source_of(const char *data, size_t length, size_t piece) {
    struct source source = {NULL, 0, 0, 0, 0, 0, 0, NULL, NULL, NULL, NULL, -1};
    source.data = data, source.length = length, source.piece = piece;
    return source;
}

enum { MOST = 200000 };
static char pattern[MOST];

/* The attachment of the last letter is the pattern's beginning. */
static void arrived_whole(const char *name, size_t length) {
    struct bytes one = letter(name, arrived(name));
    struct bytes file = attached(content(&one), "file.bin");
    CHECK(file.length == length && memcmp(file.data, pattern, length) == 0);
    free(file.data), free(one.data);
}

/* In each way, of lengths at the borders of lines and of what is read at a time. */
static void every_length(int protocol, const char *name) {
    static const size_t lengths[] = {0, 1, 2, 3, 56, 57, 58, 113, 114, 1024 * 57 - 1, 1024 * 57,
                                     1024 * 57 + 1, 65536, 2 * 1024 * 57, MOST};
    smtp_client *client = connected(protocol, name);
    size_t i;
    for (i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        size_t length = lengths[i];
        int fd = file_of(pattern, length), released = 0, way, pair[2];
        struct source source = source_of(pattern, length, 10000), sized = source_of(pattern, length, MOST);
        for (way = 0; way < 6; way++) {
            smtp_message *message = message_new();
            switch (way) {
            case 0:
                GIVES(SMTP_OK, smtp_message_add_attachment(message, "file.bin", NULL, pattern, length));
                break;
            case 1:
                GIVES(SMTP_OK, smtp_message_add_attachment_borrowed(message, "file.bin", NULL, pattern,
                                                                    length, &released, count_call));
                break;
            case 2:
                GIVES(SMTP_OK, smtp_message_add_attachment_fd(message, "file.bin", NULL, fd));
                break;
            case 3:
                if (length > 60000) { /* more than a pipe holds */
                    smtp_message_free(message);
                    continue;
                }
                CHECK(pipe(pair) == 0 && write(pair[1], pattern, length) == (ssize_t)length);
                close(pair[1]);
                GIVES(SMTP_OK, smtp_message_add_attachment_fd(message, "file.bin", NULL, pair[0]));
                close(pair[0]);
                break;
            case 4:
                GIVES(SMTP_OK, smtp_message_add_attachment_reader(message, "file.bin", NULL, on_read,
                                                                  &source, on_destroy, -1));
                break;
            default:
                GIVES(SMTP_OK, smtp_message_add_attachment_reader(message, "file.bin", NULL, on_read,
                                                                  &sized, on_destroy,
                                                                  (int64_t)length));
            }
            GIVES(SMTP_OK, smtp_client_send_mime(client, message));
            arrived_whole(name, length);
            smtp_message_free(message);
        }
        GIVES(1, released);
        GIVES(1, source.destroyed);
        GIVES(1, sized.destroyed);
        close(fd);
    }
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
}

static smtp_message *with_borrowed(int *released) {
    smtp_message *message = message_new();
    GIVES(SMTP_OK, smtp_message_add_attachment_borrowed(message, "file.bin", NULL, pattern, 1000,
                                                        released, count_call));
    GIVES(0, *released);
    return message;
}

static void given_back_once(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    smtp_message *message;
    smtp_transaction *mail, *other;
    struct source source = source_of(pattern, 10, 10);
    struct bytes whole;
    int released = 0;

    message = with_borrowed(&released);
    GIVES(SMTP_OK, smtp_message_clear(message));
    GIVES(1, released);
    smtp_message_free(message);
    GIVES(1, released);

    released = 0, message = with_borrowed(&released);
    smtp_message_free(message);
    GIVES(1, released);

    /* calls that fail */
    released = 0, message = message_new();
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_attachment_borrowed(
        message, "a\nb", NULL, pattern, 1, &released, count_call));
    GIVES(1, released);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_attachment_borrowed(
        message, "a", "none", pattern, 1, &released, count_call));
    GIVES(2, released);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_attachment_borrowed(
        message, "a", NULL, NULL, 1, &released, count_call));
    GIVES(3, released);
    GIVES(SMTP_E_MISUSE, smtp_message_add_attachment_borrowed(
        NULL, "a", NULL, pattern, 1, &released, count_call));
    GIVES(4, released);
    GIVES(SMTP_OK, smtp_message_add_attachment_borrowed(message, "a", NULL, NULL, 0, NULL, NULL));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_attachment_reader(
        message, "a", NULL, NULL, &released, count_call, -1));
    GIVES(5, released);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_attachment_reader(
        message, "a", NULL, on_read, &released, count_call, -2));
    GIVES(6, released);
    GIVES(SMTP_E_MISUSE, smtp_message_add_attachment_reader(
        NULL, "a", NULL, on_read, &released, count_call, -1));
    GIVES(7, released);
    smtp_message_free(message);

    /* The last that needs it: the message, */
    released = 0, message = with_borrowed(&released);
    whole = written(message);
    free(whole.data);
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    mail = transaction_of(message), other = transaction_of(message);
    GIVES(SMTP_OK, smtp_client_send(client, mail));
    smtp_transaction_free(mail);
    smtp_transaction_free(other);
    GIVES(0, released);
    smtp_message_free(message);
    GIVES(1, released);

    /* or a transaction, that is freed, cleared or given another. */
    released = 0, message = with_borrowed(&released);
    mail = transaction_of(message), other = transaction_of(message);
    GIVES(SMTP_OK, smtp_message_clear(message));
    GIVES(0, released);
    GIVES(SMTP_OK, smtp_client_send(client, mail));
    arrived_whole("smtp", 1000);
    smtp_transaction_free(mail);
    GIVES(0, released);
    GIVES(SMTP_OK, smtp_transaction_clear(other));
    GIVES(1, released);
    smtp_message_free(message);
    released = 0, message = with_borrowed(&released);
    GIVES(SMTP_OK, smtp_transaction_set_mime(other, message));
    smtp_message_free(message);
    GIVES(0, released);
    GIVES(SMTP_OK, smtp_transaction_set_message(other, MESSAGE, sizeof MESSAGE - 1));
    GIVES(1, released);

    /* Set in place of another message, whose own release runs. */
    released = 0;
    GIVES(SMTP_OK, smtp_transaction_set_release_callback(other, count_call, &released));
    message = message_new();
    GIVES(SMTP_OK, smtp_transaction_set_mime(other, message));
    GIVES(1, released);
    smtp_message_free(message);
    smtp_transaction_free(other);

    /* A client keeps nothing of a mail that is over. */
    released = 0, message = with_borrowed(&released);
    GIVES(SMTP_OK, smtp_message_add_attachment_reader(message, "r", NULL, on_read, &source, on_destroy,
                                                      -1));
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    smtp_message_free(message);
    GIVES(1, released);
    GIVES(1, source.destroyed);
    smtp_client_free(client);
    released = 0, message = with_borrowed(&released);
    client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_E_DISCONNECTED, smtp_client_send_mime(client, message));
    smtp_message_free(message);
    GIVES(1, released);
    smtp_client_free(client);
}

/* Files are read by position, from where they stood, and as often as one likes. */
static void files(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    char path[] = "/tmp/smtpclient-test-XXXXXX", text[4096];
    smtp_message *message = message_new();
    smtp_transaction *mail;
    struct bytes one, part;
    ssize_t length;
    int fd = mkstemp(path), i;
    CHECK(fd >= 0 && write(fd, "left out", 8) == 8 && write(fd, pattern, 150000) == 150000);
    CHECK(lseek(fd, 8, SEEK_SET) == 8);
    GIVES(SMTP_OK, smtp_message_add_attachment_fd(message, "file.bin", NULL, fd));
    CHECK(unlink(path) == 0);
    CHECK(lseek(fd, 3, SEEK_SET) == 3); /* of no interest any more */
    CHECK(pwrite(fd, "more", 4, 150008) == 4);
    for (i = 0; i < 2; i++) {
        struct bytes whole = written(message);
        free(whole.data);
        GIVES(SMTP_OK, smtp_client_send_mime(client, message));
        arrived_whole("smtp", 150000);
        CHECK(lseek(fd, 0, SEEK_CUR) == 3);
    }
    CHECK(close(fd) == 0);
    mail = transaction_of(message);
    GIVES(SMTP_OK, smtp_client_send(client, mail));
    arrived_whole("smtp", 150000);
    smtp_transaction_free(mail);
    smtp_message_free(message);

    /* What stands at its end, or behind it, has nothing to give. */
    fd = file_of(pattern, 10);
    for (i = 10; i < 30; i += 15) {
        message = message_new();
        CHECK(lseek(fd, i, SEEK_SET) == i);
        GIVES(SMTP_OK, smtp_message_add_attachment_fd(message, "file.bin", NULL, fd));
        GIVES(SMTP_OK, smtp_client_send_mime(client, message));
        arrived_whole("smtp", 0);
        smtp_message_free(message);
    }
    close(fd);

    /* Some have no size, and yet something in them; and they can be sent again. */
    fd = open("/proc/version", O_RDONLY);
    CHECK(fd >= 0 && (length = pread(fd, text, sizeof text, 0)) > 10);
    message = message_new();
    GIVES(SMTP_OK, smtp_message_add_attachment_fd(message, "version", "application/octet-stream", fd));
    close(fd);
    for (i = 0; i < 2; i++) {
        GIVES(SMTP_OK, smtp_client_send_mime(client, message));
        one = letter("smtp", arrived("smtp"));
        part = attached(content(&one), "version");
        CHECK(part.length == (size_t)length && memcmp(part.data, text, part.length) == 0);
        free(part.data), free(one.data);
    }
    smtp_message_free(message);
    fd = open("/dev/null", O_RDONLY);
    message = message_new();
    GIVES(SMTP_OK, smtp_message_add_attachment_fd(message, "file.bin", NULL, fd));
    close(fd);
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    arrived_whole("smtp", 0);
    smtp_message_free(message);
    smtp_client_free(client);
}

static void no_files(void) {
    smtp_message *message = message_new();
    int fd, pair[2];
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_attachment_fd(message, "x", NULL, -1));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_attachment_fd(message, "x", NULL, 99999));
    GIVES(EBADF, smtp_message_last_errno(message));
    fd = open("/tmp", O_RDONLY);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_attachment_fd(message, "x", NULL, fd));
    close(fd);
    fd = open("/dev/null", O_WRONLY);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_attachment_fd(message, "x", NULL, fd));
    close(fd);
    CHECK(pipe(pair) == 0);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_attachment_fd(message, "x", NULL, pair[1]));
    close(pair[0]), close(pair[1]);
    smtp_message_free(message);
}

static void grow(struct source *source) {
    CHECK(pwrite(source->fd, "growing", 7, 100000) == 7);
}

static void shrink(struct source *source) {
    CHECK(ftruncate(source->fd, 99999) == 0);
}

/* A file that another program writes to while it is being sent: the part before it tells when. */
static void files_that_change(int protocol, const char *name) {
    smtp_client *client = connected(protocol, name);
    int changes, sent = arrived(name);
    for (changes = 0; changes < 2; changes++) {
        int fd = file_of(pattern, 100000);
        smtp_message *message = message_new();
        smtp_transaction *mail;
        struct source source = source_of("first", 5, 5);
        source.fd = fd, source.meanwhile = changes == 0 ? grow : shrink;
        GIVES(SMTP_OK, smtp_message_add_attachment_reader(message, "first", NULL, on_read, &source,
                                                          on_destroy, 5));
        GIVES(SMTP_OK, smtp_message_add_attachment_fd(message, "file.bin", NULL, fd));
        mail = transaction_of(message);
        smtp_message_free(message);
        if (changes == 0) {
            GIVES(SMTP_OK, smtp_client_send(client, mail));
            arrived_whole(name, 100000);
            sent++;
        } else {
            GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_send(client, mail));
            HAS(smtp_transaction_error(mail), "file.bin");
            HAS(smtp_transaction_error(mail), "99999");
            CHECK(smtp_transaction_recipient_status(mail, 0) != SMTP_RECIPIENT_ACCEPTED);
        }
        smtp_transaction_free(mail);
        close(fd);
        GIVES(sent, arrived(name));
    }
    smtp_client_free(client);
}

static void read_once(smtp_message *message, smtp_client *client) {
    smtp_transaction *mail = smtp_transaction_new();
    struct bytes none = {NULL, 0, 0};
    int before = arrived("smtp");
    GIVES(SMTP_OK, smtp_message_set_subject(message, "Once more"));
    GIVES(SMTP_E_MISUSE, smtp_client_send_mime(client, message));
    HAS(smtp_client_last_error(client), "once");
    GIVES(SMTP_E_MISUSE, smtp_message_write(message, keep_bytes, &none));
    HAS(smtp_message_last_error(message), "once");
    CHECK(none.length == 0);
    GIVES(SMTP_OK, smtp_transaction_set_sender(mail, "kept@a.example"));
    GIVES(SMTP_OK, smtp_transaction_add_recipient(mail, "kept@b.example", NULL, 0));
    GIVES(SMTP_OK, smtp_transaction_set_message(mail, MESSAGE, sizeof MESSAGE - 1));
    GIVES(SMTP_E_MISUSE, smtp_transaction_set_mime(mail, message));
    GIVES(SMTP_OK, smtp_client_send(client, mail)); /* what it had before */
    GIVES(before + 1, arrived("smtp"));
    SAME("kept@b.example", smtp_transaction_recipient_address(mail, 0));
    smtp_transaction_free(mail);
    smtp_message_free(message);
}

static void *feed(void *fd) {
    int i;
    for (i = 0; i < 10; i++) {
        nap(20);
        CHECK(write(*(int *)fd, pattern + i * 1000, 1000) == 1000);
    }
    close(*(int *)fd);
    return NULL;
}

static smtp_message *with_pipe(int *input) {
    smtp_message *message = message_new();
    int pair[2];
    CHECK(pipe(pair) == 0);
    GIVES(SMTP_OK, smtp_message_add_attachment_fd(message, "file.bin", NULL, pair[0]));
    close(pair[0]);
    *input = pair[1];
    return message;
}

static void *cancel_soon(void *client) {
    nap(200);
    GIVES(SMTP_OK, smtp_client_cancel(client));
    return NULL;
}

static void pipes(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp"), *loop;
    smtp_message *message;
    smtp_transaction *first, *second;
    struct bytes whole, part;
    pthread_t thread;
    double begun;
    int input, before, pair[2];

    message = with_pipe(&input); /* a slow one */
    CHECK(pthread_create(&thread, NULL, feed, &input) == 0);
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    pthread_join(thread, NULL);
    arrived_whole("smtp", 10000);
    read_once(message, client);

    message = with_pipe(&input); /* that is written, not sent */
    CHECK(pthread_create(&thread, NULL, feed, &input) == 0);
    whole = written(message);
    pthread_join(thread, NULL);
    part = attached(whole.data, "file.bin");
    CHECK(part.length == 10000 && memcmp(part.data, pattern, 10000) == 0);
    free(part.data), free(whole.data);
    read_once(message, client);

    /* Two transactions may have it, but one gets it. */
    before = arrived("smtp");
    message = with_pipe(&input);
    first = transaction_of(message), second = transaction_of(message);
    CHECK(write(input, pattern, 100) == 100);
    close(input);
    GIVES(SMTP_OK, smtp_client_send(client, first));
    arrived_whole("smtp", 100);
    GIVES(SMTP_E_MISUSE, smtp_client_send(client, second));
    HAS(smtp_transaction_error(second), "file.bin");
    GIVES(before + 1, arrived("smtp"));
    smtp_transaction_free(first), smtp_transaction_free(second);
    smtp_message_free(message);
    smtp_client_free(client);

    /* a socket */
    client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
    message = message_new();
    GIVES(SMTP_OK, smtp_message_add_attachment_fd(message, "file.bin", NULL, pair[0]));
    CHECK(pthread_create(&thread, NULL, feed, &pair[1]) == 0);
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    pthread_join(thread, NULL);
    arrived_whole("smtp", 10000);
    close(pair[0]);
    smtp_message_free(message);

    /* in an event loop, which does not wait */
    loop = loop_connected(SMTP_PROTOCOL_SMTP, "smtp");
    message = with_pipe(&input);
    begun = now();
    GIVES(SMTP_PENDING, smtp_client_send_mime(loop, message));
    CHECK(now() - begun < 5);
    smtp_message_free(message);
    CHECK(pthread_create(&thread, NULL, feed, &input) == 0);
    GIVES(SMTP_OK, finish(loop, SMTP_PENDING));
    pthread_join(thread, NULL);
    arrived_whole("smtp", 10000);
    smtp_client_free(loop);

    /* Nothing comes: the time limit holds, and so does cancelling. */
    before = arrived("smtp");
    message = with_pipe(&input);
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 300));
    begun = now();
    GIVES(SMTP_E_TIMEOUT, smtp_client_send_mime(client, message));
    CHECK(now() - begun > 0.25 && now() - begun < (slow() ? 20 : 5));
    smtp_message_free(message);
    close(input);
    smtp_client_free(client);
    client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    message = with_pipe(&input);
    CHECK(pthread_create(&thread, NULL, cancel_soon, client) == 0);
    GIVES(SMTP_E_CANCELLED, smtp_client_send_mime(client, message));
    pthread_join(thread, NULL);
    smtp_message_free(message);
    close(input);
    smtp_client_free(client);
    GIVES(before, arrived("smtp"));
}

/* From the reader while the message is being written. */
static void use_the_message(struct source *source) {
    smtp_message *message = source->message;
    struct bytes none = {NULL, 0, 0};
    GIVES(SMTP_E_BUSY, smtp_message_set_subject(message, "x"));
    GIVES(SMTP_E_BUSY, smtp_message_clear(message));
    GIVES(SMTP_E_BUSY, smtp_message_write(message, keep_bytes, &none));
    CHECK(smtp_message_message_id(message) == NULL && smtp_last_error_code() == SMTP_E_BUSY);
    CHECK(smtp_message_envelope(message) == NULL && smtp_last_error_code() == SMTP_E_BUSY);
    GIVES(SMTP_E_BUSY, smtp_client_send_mime(source->client, message));
    GIVES(SMTP_E_BUSY, smtp_transaction_set_mime(source->mail, message));
    GIVES(SMTP_E_BUSY, smtp_message_last_error_code(message));
    GIVES(0, smtp_message_last_errno(message));
}

/* From the reader while the message is being sent, and in use no more. */
static void change_the_message(struct source *source) {
    GIVES(SMTP_OK, smtp_message_set_subject(source->message, "x"));
}

static void free_the_message(struct source *source) {
    smtp_message_free(source->message);
    source->meanwhile = NULL;
}

static void readers(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    smtp_message *message;
    struct source source;
    struct bytes whole = {NULL, 0, 0}, part;
    smtp_transaction *mail = smtp_transaction_new();
    int sizes, before;

    /* Less or more than it said is another message; and so is one that fails. */
    for (sizes = 0; sizes < 4; sizes++) {
        before = arrived("smtp");
        message = message_new();
        source = source_of(pattern, 100000, 50000);
        source.fails = sizes == 3 ? 2 : 0;
        GIVES(SMTP_OK, smtp_message_add_attachment_reader(message, "file.bin", NULL, on_read, &source,
                                                          on_destroy, 100000 + (sizes - 1) % 2));
        if (sizes == 1) {
            GIVES(SMTP_OK, smtp_client_send_mime(client, message));
            arrived_whole("smtp", 100000);
            read_once(message, client);
        } else {
            GIVES(sizes == 3 ? SMTP_E_CANCELLED : SMTP_E_INVALID_ARGUMENT,
                  smtp_client_send_mime(client, message));
            HAS(smtp_client_last_error(client), "file.bin");
            HAS(smtp_client_last_error(client), sizes == 3 ? "-7" : "announced");
            GIVES(before, arrived("smtp"));
            smtp_message_free(message);
            smtp_client_free(client);
            client = connected(SMTP_PROTOCOL_SMTP, "smtp");
        }
        GIVES(1, source.destroyed);
    }
    /* What no message can have is too large for the server, or not kept; with two it overflows. */
    for (sizes = 0; sizes < 4; sizes++) {
        smtp_client *other = connected(SMTP_PROTOCOL_SMTP, sizes < 2 ? "smtp" : "old");
        struct source second = source_of(pattern, 1000, 1000);
        before = arrived(sizes < 2 ? "smtp" : "old");
        source = source_of(pattern, 1000, 1000);
        message = message_new();
        GIVES(SMTP_OK, smtp_message_add_attachment_reader(message, "file.bin", NULL, on_read, &source,
                                                          on_destroy, INT64_MAX));
        if (sizes % 2 == 1)
            GIVES(SMTP_OK, smtp_message_add_attachment_reader(message, "second.bin", NULL, on_read,
                                                              &second, on_destroy, INT64_MAX));
        CHECK(smtp_client_send_mime(other, message) < 0);
        smtp_message_free(message);
        smtp_client_free(other);
        GIVES(before, arrived(sizes < 2 ? "smtp" : "old"));
        GIVES(1, source.destroyed);
    }
    /* The first fails to be written, too. */
    message = message_new();
    source = source_of(pattern, 100, 100);
    source.fails = 1;
    GIVES(SMTP_OK, smtp_message_add_attachment_reader(message, "file.bin", NULL, on_read, &source,
                                                      on_destroy, -1));
    GIVES(SMTP_E_CANCELLED, smtp_message_write(message, keep_bytes, &whole));
    HAS(smtp_message_last_error(message), "-7");
    read_once(message, client);
    GIVES(1, source.destroyed);

    /* used in its own reader */
    message = message_new();
    source = source_of(pattern, 100, 50);
    source.meanwhile = use_the_message, source.message = message;
    source.client = client, source.mail = mail;
    GIVES(SMTP_OK, smtp_message_add_attachment_reader(message, "file.bin", NULL, on_read, &source,
                                                      on_destroy, 100));
    free(whole.data);
    whole = written(message);
    part = attached(whole.data, "file.bin");
    CHECK(part.length == 100 && source.calls >= 2);
    free(part.data), free(whole.data);
    smtp_message_free(message);
    GIVES(1, source.destroyed);

    message = message_new();
    source = source_of(pattern, 100, 50);
    source.meanwhile = change_the_message, source.message = message;
    GIVES(SMTP_OK, smtp_message_add_attachment_reader(message, "file.bin", NULL, on_read, &source,
                                                      on_destroy, -1));
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    whole = letter("smtp", arrived("smtp"));
    HAS(whole.data, "Subject: Test\r\n");
    arrived_whole("smtp", 100);
    free(whole.data);
    smtp_message_free(message);

    /* freed in it */
    message = message_new();
    source = source_of(pattern, 100, 50);
    source.meanwhile = free_the_message, source.message = message;
    GIVES(SMTP_OK, smtp_message_add_attachment_reader(message, "file.bin", NULL, on_read, &source,
                                                      on_destroy, -1));
    memset(&whole, 0, sizeof whole);
    GIVES(SMTP_OK, smtp_message_write(message, keep_bytes, &whole));
    GIVES(SMTP_E_MISUSE, smtp_message_clear(message));
    GIVES(1, source.destroyed);
    part = attached(whole.data, "file.bin");
    GIVES(100, part.length);
    free(part.data), free(whole.data);
    smtp_transaction_free(mail);
    smtp_client_free(client);
}

/* Writes while it is written to; and frees the message. */
static int end_in_the_sink(const void *data, size_t length, void *user) {
    smtp_message *message = user;
    CHECK(data != NULL && length > 0);
    GIVES(SMTP_E_BUSY, smtp_message_set_text(message, "x"));
    smtp_message_free(message);
    GIVES(SMTP_E_MISUSE, smtp_message_set_text(message, "x"));
    return 0;
}

static void sinks(void) {
    int released = 0;
    smtp_message *message = with_borrowed(&released);
    GIVES(SMTP_OK, smtp_message_write(message, end_in_the_sink, message));
    GIVES(SMTP_E_MISUSE, smtp_message_clear(message));
    GIVES(1, released);
}

static long most_memory(void) {
    struct rusage usage;
    CHECK(getrusage(RUSAGE_SELF, &usage) == 0);
    return usage.ru_maxrss; /* in KiB */
}

static int64_t told;

static void on_progress(int64_t sent, int64_t total, void *unused) {
    (void)unused;
    CHECK(sent <= total || total == -1);
    told = total;
}

static size_t written_bytes;

static int count_bytes(const void *data, size_t length, void *unused) {
    (void)data, (void)unused;
    written_bytes += length;
    return 0;
}

static ptrdiff_t on_read_zeros(void *buffer, size_t capacity, void *user) {
    struct source *source = user;
    size_t count = source->length - source->at;
    count = count > capacity ? capacity : count;
    memset(buffer, 0, count);
    source->at += count;
    return (ptrdiff_t)count;
}

/* Through a buffer of fixed size, the server being told the size beforehand. */
static void a_large_file(void) {
    off_t size = slow() ? 8 << 20 : 64 << 20;
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "huge");
    smtp_message *message = message_new();
    int fd = file_of("", 0), i;
    long before;
    struct bytes one;
    struct source source = source_of(NULL, (size_t)size, (size_t)size);
    char octets[64];
    CHECK(ftruncate(fd, size) == 0);
    GIVES(SMTP_OK, smtp_message_add_attachment_fd(message, "file.bin", NULL, fd));
    GIVES(SMTP_OK, smtp_client_set_progress_callback(client, on_progress, NULL, NULL));
    before = most_memory();
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    GIVES(SMTP_OK, smtp_message_write(message, count_bytes, NULL));
    CHECK(written_bytes > (size_t)size / 3 * 4);
    /* Commands and line ends go over the wire as well. */
    CHECK(told >= (int64_t)written_bytes && told < (int64_t)written_bytes + 65536);
    for (i = 0; i < 2; i++) {
        GIVES(SMTP_OK, smtp_client_set_chunking(client, i));
        GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    }
    if (!slow() && most_memory() - before > 8 * 1024) {
        fprintf(stderr, "%ld KiB more\n", most_memory() - before);
        CHECK(!"a fixed buffer");
    }
    /* The same from a reader. */
    smtp_message_free(message);
    message = message_new();
    GIVES(SMTP_OK, smtp_message_add_attachment_reader(message, "file.bin", NULL, on_read_zeros, &source,
                                                      on_destroy, size));
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    CHECK(source.at == (size_t)size);
    CHECK(slow() || most_memory() - before < 8 * 1024);
    for (i = 1; i <= 4; i++) {
        one = letter("huge", i);
        snprintf(octets, sizeof octets, "\n%lu octets", (unsigned long)written_bytes);
        HAS(one.data, octets);
        snprintf(octets, sizeof octets, " SIZE=%lu\n", (unsigned long)written_bytes);
        HAS(one.data, octets);
        free(one.data);
    }
    smtp_message_free(message);
    close(fd);
    smtp_client_free(client);
}

int main(void) {
    int descriptors;
    size_t i;
    for (i = 0; i < MOST; i++)
        pattern[i] = (char)(i * 7 + i / 251);
    every_length(SMTP_PROTOCOL_SMTP, "smtp");
    descriptors = entries("/proc/self/fd"); /* what is opened once, and kept */
    every_length(SMTP_PROTOCOL_SMTP, "data");
    every_length(SMTP_PROTOCOL_LMTP, "lmtp");
    every_length(SMTP_PROTOCOL_SMTP, "old");
    given_back_once();
    files();
    no_files();
    files_that_change(SMTP_PROTOCOL_SMTP, "smtp");
    files_that_change(SMTP_PROTOCOL_SMTP, "data");
    files_that_change(SMTP_PROTOCOL_LMTP, "lmtp");
    pipes();
    readers();
    sinks();
    a_large_file();
    GIVES(descriptors, entries("/proc/self/fd"));
    return 0;
}
