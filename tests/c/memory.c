/*
 * A message of 64 MiB costs the sender less than 4 MiB beyond itself, by DATA and by BDAT, with
 * clean line ends and with ones that must be mended, in clear and under TLS; and from a reader or
 * a descriptor less than 1 MiB.
 */
/* SERVER data plain --discard --size 0 --without CHUNKING */
/* SERVER bdat plain --discard --size 0 */
/* SERVER tls tls --discard --size 0 */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "check.h"

#include <unistd.h>

enum { SIZE = 64 * 1024 * 1024 };

/* Peak resident size in KiB, reset first if asked for. */
static long peak(int reset) {
    char line[256];
    long value = -1;
    FILE *status;
    if (reset) {
        FILE *refs = fopen("/proc/self/clear_refs", "w");
        CHECK(refs != NULL && fputs("5", refs) >= 0 && fclose(refs) == 0);
    }
    status = fopen("/proc/self/status", "r");
    CHECK(status != NULL);
    while (fgets(line, sizeof line, status) != NULL)
        if (sscanf(line, "VmHWM: %ld", &value) == 1)
            break;
    fclose(status);
    CHECK(value > 0);
    return value;
}

static void check(const char *what, long before, long allowed) {
    long added = peak(0) - before;
    printf("%s: %ld KiB\n", what, added);
    if (added >= allowed) {
        fprintf(stderr, "%s: the peak rose by %ld KiB, allowed are %ld\n", what, added, allowed);
        abort();
    }
}

static void fill(char *message, const char *line) {
    size_t length = strlen(line), i;
    for (i = 0; i + length <= SIZE; i += length)
        memcpy(message + i, line, length);
    memset(message + i, 'x', SIZE - i);
    memcpy(message + SIZE - 2, "\r\n", 2);
}

static void from_memory(int protocol, const char *name, const char *message, const char *what) {
    const char *to = "to@b.example";
    smtp_client *client = connected(protocol, name);
    char label[128];
    long before;
    snprintf(label, sizeof label, "%s, %s", name, what);
    GIVES(SMTP_OK, send_one(client)); /* what the first send costs once */
    before = peak(1);
    GIVES(SMTP_OK, smtp_client_sendmail(client, "a@a.example", &to, 1, message, SIZE, NULL, 0, NULL,
                                        0));
    check(label, before, 4 * 1024);
    smtp_client_free(client);
}

static ptrdiff_t read_some(void *buffer, size_t capacity, void *user) {
    size_t *left = user;
    size_t count = capacity < *left ? capacity : *left;
    size_t i;
    memset(buffer, 'x', count);
    for (i = 76; i < count; i += 77)
        ((char *)buffer)[i] = '\n';
    *left -= count;
    return (ptrdiff_t)count;
}

static smtp_transaction *transaction(void) {
    smtp_transaction *made = smtp_transaction_new();
    GIVES(SMTP_OK, smtp_transaction_set_sender(made, "a@a.example"));
    GIVES(SMTP_OK, smtp_transaction_add_recipient(made, "b@b.example", NULL, 0));
    return made;
}

static void streamed(int protocol, const char *name, int fd) {
    smtp_client *client = connected(protocol, name);
    smtp_transaction *mail = transaction();
    size_t left = SIZE;
    char label[128];
    long before;
    GIVES(SMTP_OK, send_one(client));
    snprintf(label, sizeof label, "%s, from a reader", name);
    before = peak(1);
    GIVES(SMTP_OK, smtp_transaction_set_message_reader(mail, read_some, &left, -1));
    GIVES(SMTP_OK, smtp_client_send(client, mail));
    CHECK(left == 0);
    check(label, before, 1024);

    snprintf(label, sizeof label, "%s, from a descriptor", name);
    CHECK(lseek(fd, 0, SEEK_SET) == 0);
    before = peak(1);
    GIVES(SMTP_OK, smtp_transaction_set_message_fd(mail, fd));
    GIVES(SMTP_OK, smtp_client_send(client, mail));
    check(label, before, 1024);
    smtp_transaction_free(mail);
    smtp_client_free(client);
}

int main(void) {
    static const char *const lines[] = {"a line of usual length and its end, as mail has it\r\n",
                                        "a line that ends as Unix has it\n", ".\n"};
    static const char *const names[] = {"CRLF", "bare LF", "dots"};
    char path[] = "/tmp/smtpclient-test-XXXXXX";
    char *message = malloc(SIZE);
    int fd = mkstemp(path);
    size_t i;
    CHECK(message != NULL && fd >= 0);
    unlink(path);
    for (i = 0; i < 3; i++) {
        fill(message, lines[i]);
        from_memory(SMTP_PROTOCOL_SMTP, "data", message, names[i]);
        from_memory(SMTP_PROTOCOL_SMTP, "bdat", message, names[i]);
        from_memory(SMTP_PROTOCOL_SMTPS, "tls", message, names[i]);
    }
    fill(message, lines[0]); /* the size of a file is declared as it is */
    for (i = 0; i < SIZE; i += 1024 * 1024)
        CHECK(write(fd, message + i, 1024 * 1024) == 1024 * 1024);
    free(message);
    streamed(SMTP_PROTOCOL_SMTP, "data", fd);
    streamed(SMTP_PROTOCOL_SMTP, "bdat", fd);
    streamed(SMTP_PROTOCOL_SMTPS, "tls", fd);
    return 0;
}
