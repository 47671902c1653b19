/* What the tests of smtp_message share: messages, sinks, and what arrived at a server. */
#ifndef MESSAGE_H
#define MESSAGE_H

#include "check.h"

#include <dirent.h>

/* Bytes that grow, with a 0 behind them. */
struct bytes {
    char *data;
    size_t length, room;
};

static inline void append(struct bytes *to, const void *data, size_t length) {
    if (to->length + length >= to->room) {
        to->room = 2 * (to->length + length) + 1;
        to->data = (char *)realloc(to->data, to->room);
        CHECK(to->data != NULL);
    }
    if (length > 0)
        memcpy(to->data + to->length, data, length);
    to->length += length;
    to->data[to->length] = '\0';
}

static inline int keep_bytes(const void *data, size_t length, void *to) {
    CHECK(data != NULL && length > 0);
    append((struct bytes *)to, data, length);
    return 0;
}

/* The message as it would be sent; to be freed. */
static inline struct bytes written(smtp_message *message) {
    struct bytes whole = {NULL, 0, 0};
    GIVES(SMTP_OK, smtp_message_write(message, keep_bytes, &whole));
    CHECK(whole.length > 0);
    return whole;
}

/* How many messages the server has taken. */
static inline int arrived(const char *name) {
    char variable[64];
    struct dirent *entry;
    DIR *directory;
    int count = 0;
    snprintf(variable, sizeof variable, "%s_SPOOL", name);
    directory = opendir(given(variable));
    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL)
        count += strstr(entry->d_name, ".eml") != NULL;
    closedir(directory);
    return count;
}

/* Of those the one with that number, 1 the first: its envelope, an empty line, its bytes. */
static inline struct bytes letter(const char *name, int number) {
    char variable[64], path[1100], some[16384];
    struct bytes whole = {NULL, 0, 0};
    size_t count;
    FILE *opened;
    snprintf(variable, sizeof variable, "%s_SPOOL", name);
    snprintf(path, sizeof path, "%s/%04d.eml", given(variable), number);
    opened = fopen(path, "rb");
    CHECK(opened != NULL);
    while ((count = fread(some, 1, sizeof some, opened)) > 0)
        append(&whole, some, count);
    fclose(opened);
    CHECK(whole.length > 0);
    return whole;
}

/* The bytes of a letter behind its envelope. */
static inline const char *content(const struct bytes *letter) {
    const char *end = strstr(letter->data, "\n\n");
    CHECK(end != NULL);
    return end + 2;
}

/* How often a text has a part. */
static inline int times(const char *text, const char *part) {
    int count = 0;
    while ((text = strstr(text, part)) != NULL)
        count++, text += strlen(part);
    return count;
}

#define LACKS(text, part)                                                                         \
    do {                                                                                          \
        if (strstr((text), (part)) != NULL) {                                                     \
            fprintf(CHECK_ERR, "%s:%d: \"%s\" in %s\n", __FILE__, __LINE__, (part), (text));      \
            abort();                                                                              \
        }                                                                                         \
    } while (0)

/* What base64 the attachment of that name is, decoded; to be freed. */
static inline struct bytes attached(const char *text, const char *file_name) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct bytes whole = {NULL, 0, 0};
    unsigned long bits = 0;
    int count = 0;
    const char *at = strstr(text, file_name), *digit, *end;
    CHECK(at != NULL && (at = strstr(at, "\r\n\r\n")) != NULL && (end = strstr(at, "\r\n--")) != NULL);
    append(&whole, "", 0);
    for (at += 4; at < end; at++) {
        char byte;
        if (*at == '\r' || *at == '\n' || *at == '=')
            continue;
        digit = strchr(digits, *at);
        CHECK(digit != NULL && *digit != '\0');
        bits = bits << 6 | (unsigned long)(digit - digits);
        if (++count % 4 != 1) {
            byte = (char)(bits >> (6 - 2 * ((count + 3) % 4)) & 0xff);
            append(&whole, &byte, 1);
        }
    }
    return whole;
}

/* From me to one recipient, with a short text. */
static inline smtp_message *message_new(void) {
    smtp_message *message = smtp_message_new();
    CHECK(message != NULL);
    GIVES(SMTP_OK, smtp_message_set_from(message, "Me", "me@a.example"));
    GIVES(SMTP_OK, smtp_message_add_to(message, "You", "you@b.example"));
    GIVES(SMTP_OK, smtp_message_set_subject(message, "Test"));
    GIVES(SMTP_OK, smtp_message_set_text(message, "Hello.\n.dot\n"));
    return message;
}

/* The same for a transaction. */
static inline smtp_transaction *transaction_of(smtp_message *message) {
    smtp_transaction *made = smtp_transaction_new();
    CHECK(made != NULL);
    GIVES(SMTP_OK, smtp_transaction_set_mime(made, message));
    return made;
}

static inline void count_call(void *count) {
    ++*(int *)count;
}

#endif
