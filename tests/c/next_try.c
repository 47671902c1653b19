/*
 * The next try: how far a transaction came, who remains, that those and no others are sent to with
 * the same message, and what to do about each error.
 */
/* SERVER smtp plain */
/* SERVER some plain --refuse "later@b.example=450 4.2.1 greylisted" --refuse "never@b.example=550 5.1.1 unknown" --refuse "many@b.example=552 too many" */
/* SERVER mail_550 plain --refuse-sender "from@a.example=550 5.1.8 no" */
/* SERVER mail_421 plain --mode 421-at-mail */
/* SERVER mail_close plain --mode close-at-mail */
/* SERVER rcpt_550 plain --refuse to@b.example */
/* SERVER rcpt_450 plain --refuse "to@b.example=450 4.7.1 later" */
/* SERVER rcpt_552 plain --refuse "to@b.example=552 too many" */
/* SERVER rcpt_552_full plain --refuse "to@b.example=552 5.2.2 full" */
/* SERVER rcpt_421 plain --mode 421-at-rcpt */
/* SERVER rcpt_close plain --mode close-at-rcpt */
/* SERVER data_451 plain --mode 451-at-data --without CHUNKING */
/* SERVER data_554 plain --mode 554-at-data --without CHUNKING */
/* SERVER data_close plain --mode close-at-data --without CHUNKING */
/* SERVER data_cut plain --mode abandon-at-data --without CHUNKING */
/* SERVER bdat_close plain --mode close-at-bdat */
/* SERVER end_554 plain --mode 554-at-end-of-data --without CHUNKING */
/* SERVER end_421 plain --mode 421-at-end-of-data --without CHUNKING */
/* SERVER end_close plain --mode close-after-data --without CHUNKING */
/* SERVER last_554 plain --mode 554-at-end-of-data */
/* SERVER last_421 plain --mode 421-at-end-of-data */
/* SERVER last_close plain --mode close-after-data */
/* SERVER lmtp lmtp */
/* SERVER lmtp_554 lmtp --mode 554-at-end-of-data */
/* SERVER lmtp_close lmtp --mode close-after-data */
/* SERVER shares plain --with "LIMITS RCPTMAX=1" */
/* SERVER mute_end plain --mode mute-at-end-of-data */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <limits.h>
#include <unistd.h>

enum { SMALL = 1000, LARGE = 300 * 1000, HUGE_ONE = 24 * 1000 * 1000 };

/* Lines of letters, which are sent as they are. */
static const char *text(size_t length) {
    static char bytes[HUGE_ONE];
    size_t at;
    CHECK(length % 50 == 0 && length <= sizeof bytes);
    if (bytes[0] == '\0')
        for (at = 0; at < sizeof bytes; at++)
            bytes[at] = at % 50 == 48 ? '\r' : at % 50 == 49 ? '\n' : (char)('a' + at / 50 % 26);
    return bytes;
}

/* A transaction without a message, whose recipients stand in one string. */
static smtp_transaction *mail(const char *recipients) {
    static const char *const option = "NOTIFY=FAILURE";
    smtp_transaction *made = smtp_transaction_new();
    char each[256], *at;
    GIVES(SMTP_OK, smtp_transaction_set_sender(made, "from@a.example"));
    GIVES(SMTP_OK, smtp_transaction_add_mail_option(made, "RET=HDRS"));
    CHECK(strlen(recipients) < sizeof each);
    strcpy(each, recipients);
    for (at = strtok(each, " "); at != NULL; at = strtok(NULL, " "))
        GIVES(SMTP_OK, smtp_transaction_add_recipient(made, at, &option, 1));
    return made;
}

/* Its recipients are these. */
static void is_for(smtp_transaction *one, const char *recipients) {
    char all[256] = "";
    size_t at;
    for (at = 0; at < smtp_transaction_recipient_count(one); at++) {
        strcat(all, at > 0 ? " " : "");
        strcat(all, smtp_transaction_recipient_address(one, at));
    }
    SAME(recipients, all);
}

static int send_over(const char *name, smtp_transaction *one) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, name);
    int code = smtp_client_send(client, one);
    if (code == SMTP_OK)
        GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
    return code;
}

/* How many messages a server has accepted. */
static int accepted(const char *name) {
    char path[1100], variable[64];
    int count = 0;
    snprintf(variable, sizeof variable, "%s_SPOOL", name);
    do
        snprintf(path, sizeof path, "%s/%04d.eml", given(variable), ++count);
    while (access(path, F_OK) == 0);
    return count - 1;
}

/* The last message that a server has accepted is this one, for these. */
static void got(const char *name, const char *recipients, const char *message, size_t length) {
    char path[1100], variable[64], expected[1100] = "MAIL FROM:<from@a.example> ", each[256], *at;
    char *bytes = malloc(length + 2000), *rest;
    size_t count;
    FILE *opened;
    snprintf(variable, sizeof variable, "%s_SPOOL", name);
    snprintf(path, sizeof path, "%s/%04d.eml", given(variable), accepted(name));
    opened = fopen(path, "rb");
    CHECK(opened != NULL && bytes != NULL);
    count = fread(bytes, 1, length + 1999, opened);
    fclose(opened);
    bytes[count] = '\0';
    CHECK(strncmp(bytes, expected, strlen(expected)) == 0);
    CHECK(strstr(bytes, " RET=HDRS") < strstr(bytes, "RCPT TO:"));
    expected[0] = '\0';
    strcpy(each, recipients);
    for (at = strtok(each, " "); at != NULL; at = strtok(NULL, " "))
        sprintf(expected + strlen(expected), "RCPT TO:<%s> NOTIFY=FAILURE\n", at);
    rest = strstr(bytes, "RCPT TO:");
    CHECK(strncmp(rest, expected, strlen(expected)) == 0);
    rest += strlen(expected);
    CHECK(strncmp(rest, "RCPT TO:", 8) != 0);
    rest = strstr(rest - 1, "\n\n") + 2; /* those who were refused stand before it */
    CHECK((size_t)(bytes + count - rest) == length && memcmp(rest, message, length) == 0);
    free(bytes);
}

/* Some are refused for now, some for good; the rest, and no others, are sent to again. */
static void those_who_were_refused_for_now(void) {
    smtp_transaction *one = mail("to@b.example later@b.example never@b.example many@b.example");
    static const int temporary[] = {0, 1, 0, 1};
    static int data;
    smtp_transaction *next, *last;
    size_t at;
    GIVES(SMTP_OK, smtp_transaction_set_user_data(one, &data, NULL));
    GIVES(SMTP_OK, smtp_transaction_set_message(one, text(SMALL), SMALL));
    GIVES(SMTP_OK, send_over("some", one));
    got("some", "to@b.example", text(SMALL), SMALL);
    GIVES(SMTP_PHASE_DONE, smtp_transaction_phase(one));
    for (at = 0; at < 4; at++)
        GIVES(temporary[at], smtp_transaction_recipient_is_temporary(one, at));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_transaction_recipient_is_temporary(one, 4));
    HAS(smtp_transaction_last_error(one), "no recipient 4");
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_transaction_recipient_is_temporary(one, (size_t)-1));

    CHECK(smtp_transaction_remaining(one, 2) == NULL);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_last_error_code());
    HAS(smtp_transaction_last_error(one), "0x2");
    CHECK(smtp_transaction_remaining(one, -1) == NULL);
    CHECK(smtp_transaction_remaining(one, SMTP_REMAINING_UNKNOWN | INT_MIN) == NULL);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_last_error_code());

    next = smtp_transaction_remaining(one, 0);
    CHECK(next != NULL);
    is_for(next, "later@b.example many@b.example");
    CHECK(smtp_transaction_user_data(next) == NULL && smtp_transaction_user_data(one) == &data);
    GIVES(SMTP_PHASE_NONE, smtp_transaction_phase(next));
    GIVES(SMTP_OK, smtp_transaction_status(next));
    GIVES(SMTP_RECIPIENT_NOT_TRIED, smtp_transaction_recipient_status(next, 0));
    GIVES(0, smtp_transaction_recipient_code(next, 0));
    SAME("", smtp_transaction_recipient_text(next, 0));
    /* The one that was sent stays as it was. */
    is_for(one, "to@b.example later@b.example never@b.example many@b.example");
    GIVES(450, smtp_transaction_recipient_code(one, 1));
    GIVES(SMTP_PHASE_DONE, smtp_transaction_phase(one));

    /* Nothing has changed, and then it has. */
    GIVES(SMTP_E_RECIPIENTS_REFUSED, send_over("some", next));
    GIVES(SMTP_PHASE_RECIPIENTS, smtp_transaction_phase(next));
    last = smtp_transaction_remaining(next, SMTP_REMAINING_UNKNOWN);
    is_for(last, "later@b.example many@b.example");
    smtp_transaction_free(next);
    smtp_transaction_free(one);
    GIVES(SMTP_OK, send_over("smtp", last));
    got("smtp", "later@b.example many@b.example", text(SMALL), SMALL);
    CHECK(smtp_transaction_remaining(last, SMTP_REMAINING_UNKNOWN) == NULL);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_transaction_last_error_code(last));
    SAME("nobody remains", smtp_transaction_last_error(last));
    smtp_transaction_free(last);
}

/* What each server makes of one message to one recipient. */
static void how_far_it_came(void) {
    static const struct {
        const char *server;
        int protocol;
        size_t length;
        int code, phase, status, temporary;
    } cases[] = {
        {"mail_550", SMTP_PROTOCOL_SMTP, SMALL, SMTP_E_SENDER_REFUSED, SMTP_PHASE_SENDER,
         SMTP_RECIPIENT_NOT_TRIED, 0},
        {"mail_421", SMTP_PROTOCOL_SMTP, SMALL, SMTP_E_SENDER_REFUSED, SMTP_PHASE_SENDER,
         SMTP_RECIPIENT_NOT_TRIED, 1},
        {"mail_close", SMTP_PROTOCOL_SMTP, LARGE, SMTP_E_DISCONNECTED, SMTP_PHASE_SENDER,
         SMTP_RECIPIENT_NOT_TRIED, 1},
        {"rcpt_550", SMTP_PROTOCOL_SMTP, SMALL, SMTP_E_RECIPIENTS_REFUSED, SMTP_PHASE_RECIPIENTS,
         SMTP_RECIPIENT_REFUSED, 0},
        {"rcpt_450", SMTP_PROTOCOL_SMTP, SMALL, SMTP_E_RECIPIENTS_REFUSED, SMTP_PHASE_RECIPIENTS,
         SMTP_RECIPIENT_REFUSED, 1},
        {"rcpt_552", SMTP_PROTOCOL_SMTP, SMALL, SMTP_E_RECIPIENTS_REFUSED, SMTP_PHASE_RECIPIENTS,
         SMTP_RECIPIENT_REFUSED, 1},
        {"rcpt_552_full", SMTP_PROTOCOL_SMTP, SMALL, SMTP_E_RECIPIENTS_REFUSED,
         SMTP_PHASE_RECIPIENTS, SMTP_RECIPIENT_REFUSED, 0},
        {"rcpt_421", SMTP_PROTOCOL_SMTP, LARGE, SMTP_E_RECIPIENTS_REFUSED, SMTP_PHASE_RECIPIENTS,
         SMTP_RECIPIENT_REFUSED, 1},
        {"rcpt_close", SMTP_PROTOCOL_SMTP, LARGE, SMTP_E_DISCONNECTED, SMTP_PHASE_RECIPIENTS,
         SMTP_RECIPIENT_NOT_TRIED, 1},
        {"data_451", SMTP_PROTOCOL_SMTP, SMALL, SMTP_E_DATA, SMTP_PHASE_DATA,
         SMTP_RECIPIENT_REFUSED, 1},
        {"data_554", SMTP_PROTOCOL_SMTP, SMALL, SMTP_E_DATA, SMTP_PHASE_DATA,
         SMTP_RECIPIENT_REFUSED, 0},
        {"data_close", SMTP_PROTOCOL_SMTP, SMALL, SMTP_E_DISCONNECTED, SMTP_PHASE_DATA,
         SMTP_RECIPIENT_NOT_TRIED, 1},
        {"data_cut", SMTP_PROTOCOL_SMTP, HUGE_ONE, SMTP_E_DISCONNECTED, SMTP_PHASE_DATA,
         SMTP_RECIPIENT_NOT_TRIED, 1},
        {"bdat_close", SMTP_PROTOCOL_SMTP, HUGE_ONE, SMTP_E_DISCONNECTED, SMTP_PHASE_DATA,
         SMTP_RECIPIENT_NOT_TRIED, 1},
        {"end_554", SMTP_PROTOCOL_SMTP, SMALL, SMTP_E_DATA, SMTP_PHASE_DONE,
         SMTP_RECIPIENT_REFUSED, 0},
        {"end_421", SMTP_PROTOCOL_SMTP, LARGE, SMTP_E_DATA, SMTP_PHASE_DONE,
         SMTP_RECIPIENT_REFUSED, 1},
        {"end_close", SMTP_PROTOCOL_SMTP, SMALL, SMTP_E_OUTCOME_UNKNOWN, SMTP_PHASE_MESSAGE,
         SMTP_RECIPIENT_UNKNOWN, 0},
        {"end_close", SMTP_PROTOCOL_SMTP, LARGE, SMTP_E_OUTCOME_UNKNOWN, SMTP_PHASE_MESSAGE,
         SMTP_RECIPIENT_UNKNOWN, 0},
        {"last_554", SMTP_PROTOCOL_SMTP, LARGE, SMTP_E_DATA, SMTP_PHASE_DONE,
         SMTP_RECIPIENT_REFUSED, 0},
        {"last_421", SMTP_PROTOCOL_SMTP, SMALL, SMTP_E_DATA, SMTP_PHASE_DONE,
         SMTP_RECIPIENT_REFUSED, 1},
        {"last_close", SMTP_PROTOCOL_SMTP, SMALL, SMTP_E_OUTCOME_UNKNOWN, SMTP_PHASE_MESSAGE,
         SMTP_RECIPIENT_UNKNOWN, 0},
        {"last_close", SMTP_PROTOCOL_SMTP, LARGE, SMTP_E_OUTCOME_UNKNOWN, SMTP_PHASE_MESSAGE,
         SMTP_RECIPIENT_UNKNOWN, 0},
        {"smtp", SMTP_PROTOCOL_SMTP, SMALL, SMTP_OK, SMTP_PHASE_DONE, SMTP_RECIPIENT_ACCEPTED, 0},
        {"lmtp", SMTP_PROTOCOL_LMTP, SMALL, SMTP_OK, SMTP_PHASE_DONE, SMTP_RECIPIENT_ACCEPTED, 0},
        {"lmtp_554", SMTP_PROTOCOL_LMTP, SMALL, SMTP_E_DATA, SMTP_PHASE_DONE,
         SMTP_RECIPIENT_REFUSED, 0},
        {"lmtp_close", SMTP_PROTOCOL_LMTP, SMALL, SMTP_E_OUTCOME_UNKNOWN, SMTP_PHASE_MESSAGE,
         SMTP_RECIPIENT_UNKNOWN, 0},
    };
    size_t at;
    for (at = 0; at < sizeof cases / sizeof *cases; at++) {
        smtp_client *client = connected(cases[at].protocol, cases[at].server);
        smtp_transaction *one = mail("to@b.example"), *next, *other;
        int code, phase, status, temporary, remains;
        GIVES(SMTP_OK, smtp_transaction_set_message_borrowed(one, text(cases[at].length),
                                                             cases[at].length));
        GIVES(SMTP_PHASE_NONE, smtp_transaction_phase(one));
        code = smtp_client_send(client, one);
        phase = smtp_transaction_phase(one);
        status = smtp_transaction_recipient_status(one, 0);
        temporary = smtp_transaction_recipient_is_temporary(one, 0);
        if (code != cases[at].code || phase != cases[at].phase || status != cases[at].status ||
            temporary != cases[at].temporary)
            fprintf(stderr, "%s, %lu bytes: %s, phase %d, status %d, temporary %d: %s\n",
                    cases[at].server, (unsigned long)cases[at].length, smtp_error_name(code), phase,
                    status, temporary, smtp_transaction_error(one));
        CHECK(code == cases[at].code && phase == cases[at].phase && status == cases[at].status &&
              temporary == cases[at].temporary);
        /* Who was not tried remains whatever the reason. */
        remains = status == SMTP_RECIPIENT_NOT_TRIED || temporary;
        next = smtp_transaction_remaining(one, 0);
        CHECK((next != NULL) == remains);
        if (!remains) {
            GIVES(SMTP_E_INVALID_ARGUMENT, smtp_last_error_code());
            HAS(smtp_last_error(), "nobody remains");
        }
        other = smtp_transaction_remaining(one, SMTP_REMAINING_UNKNOWN);
        CHECK((other != NULL) == (remains || status == SMTP_RECIPIENT_UNKNOWN));
        if (status == SMTP_RECIPIENT_UNKNOWN)
            HAS(smtp_transaction_last_error(one), "SMTP_REMAINING_UNKNOWN");
        if (next == NULL)
            next = other;
        else
            smtp_transaction_free(other);
        if (next != NULL && cases[at].length < HUGE_ONE) {
            GIVES(SMTP_OK, send_over("smtp", next));
            got("smtp", "to@b.example", text(cases[at].length), cases[at].length);
        }
        smtp_transaction_free(next);
        /* What comes in its place begins anew. */
        GIVES(SMTP_OK, smtp_transaction_clear(one));
        GIVES(SMTP_PHASE_NONE, smtp_transaction_phase(one));
        smtp_transaction_free(one);
        smtp_client_free(client);
    }
}

/* All that the server was sent in one go may have reached it; the phase goes by its answers. */
static void handed_over_at_once(void) {
    static const struct {
        const char *server;
        int phase;
    } cases[] = {{"mail_close", SMTP_PHASE_SENDER}, {"rcpt_close", SMTP_PHASE_RECIPIENTS}};
    size_t at;
    for (at = 0; at < 2; at++) {
        smtp_transaction *one = mail("to@b.example"), *next;
        GIVES(SMTP_OK, smtp_transaction_set_message(one, text(SMALL), SMALL));
        GIVES(SMTP_E_OUTCOME_UNKNOWN, send_over(cases[at].server, one));
        GIVES(cases[at].phase, smtp_transaction_phase(one));
        CHECK(smtp_transaction_remaining(one, 0) == NULL);
        next = smtp_transaction_remaining(one, SMTP_REMAINING_UNKNOWN);
        is_for(next, "to@b.example");
        smtp_transaction_free(one);
        smtp_transaction_free(next);
    }
}

static void on_release(void *count) {
    ++*(int *)count;
}

/* One that was never sent has everybody before it. */
static void never_sent(void) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    smtp_transaction *one = smtp_transaction_new(), *next;
    CHECK(smtp_transaction_remaining(one, 0) == NULL);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_last_error_code());
    smtp_transaction_free(one);
    one = mail("to@b.example never@b.example");
    GIVES(SMTP_OK, smtp_transaction_set_message(one, text(SMALL), SMALL));
    GIVES(1, smtp_transaction_recipient_is_temporary(one, 0));
    next = smtp_transaction_remaining(one, 0);
    is_for(next, "to@b.example never@b.example");
    smtp_transaction_free(next);
    /* There is no connection. */
    GIVES(SMTP_E_DISCONNECTED, smtp_client_send(client, one));
    GIVES(SMTP_PHASE_NONE, smtp_transaction_phase(one));
    GIVES(1, smtp_transaction_recipient_is_temporary(one, 1));
    next = smtp_transaction_remaining(one, 0);
    GIVES(SMTP_OK, send_over("smtp", next));
    got("smtp", "to@b.example never@b.example", text(SMALL), SMALL);
    smtp_transaction_free(next);
    smtp_transaction_free(one);
    smtp_client_free(client);
}

/* A borrowed message is let go of once, when the last that may be sent needs it no longer. */
static void borrowed(void) {
    enum { FREE_BOTH, FREE_NEXT_FIRST, CLEAR_BOTH, SET_ANOTHER, SEND_NEXT, ONE_MORE, WAYS };
    int way;
    for (way = 0; way < WAYS; way++) {
        smtp_transaction *one = mail("to@b.example later@b.example"), *next, *third = NULL;
        int released = 0, again = 0;
        GIVES(SMTP_OK, smtp_transaction_set_message_borrowed(one, text(LARGE), LARGE));
        GIVES(SMTP_OK, smtp_transaction_set_release_callback(one, on_release, &released));
        GIVES(SMTP_OK, smtp_transaction_set_release_callback(one, on_release, &again));
        GIVES(SMTP_OK, send_over("some", one));
        next = smtp_transaction_remaining(one, 0);
        CHECK(next != NULL && released == 0);
        switch (way) {
        case FREE_BOTH:
            smtp_transaction_free(one);
            CHECK(released == 0);
            smtp_transaction_free(next);
            break;
        case FREE_NEXT_FIRST:
            smtp_transaction_free(next);
            CHECK(released == 0);
            smtp_transaction_free(one);
            break;
        case CLEAR_BOTH:
            GIVES(SMTP_OK, smtp_transaction_clear(one));
            CHECK(released == 0);
            GIVES(SMTP_OK, smtp_transaction_clear(next));
            CHECK(released == 1);
            smtp_transaction_free(one);
            smtp_transaction_free(next);
            break;
        case SET_ANOTHER:
            GIVES(SMTP_OK, smtp_transaction_set_message(next, text(SMALL), SMALL));
            CHECK(released == 0);
            GIVES(SMTP_OK, smtp_transaction_set_message_borrowed(one, text(SMALL), SMALL));
            CHECK(released == 1);
            smtp_transaction_free(next);
            smtp_transaction_free(one);
            break;
        case SEND_NEXT:
            smtp_transaction_free(one);
            GIVES(SMTP_OK, send_over("smtp", next));
            got("smtp", "later@b.example", text(LARGE), LARGE);
            CHECK(released == 0);
            smtp_transaction_free(next);
            break;
        case ONE_MORE:
            /* Of the first, and of the second. */
            third = smtp_transaction_remaining(one, 0);
            smtp_transaction_free(one);
            one = smtp_transaction_remaining(next, 0);
            smtp_transaction_free(next);
            CHECK(released == 0);
            smtp_transaction_free(one);
            CHECK(released == 0);
            smtp_transaction_free(third);
            break;
        }
        CHECK(released == 1 && again == 1);
    }
}

/* While it is being sent nothing can be asked of it; freed, it comes to its end with the client. */
static void in_flight(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "mute_end");
    smtp_transaction *one = mail("to@b.example later@b.example"), *next;
    int released = 0;
    GIVES(SMTP_OK, smtp_transaction_set_message_borrowed(one, text(SMALL), SMALL));
    GIVES(SMTP_OK, smtp_transaction_set_release_callback(one, on_release, &released));
    GIVES(SMTP_OK, send_over("some", one));
    next = smtp_transaction_remaining(one, 0);
    GIVES(SMTP_OK, smtp_client_submit(client, next));
    GIVES(SMTP_E_BUSY, smtp_transaction_phase(next));
    GIVES(SMTP_E_BUSY, smtp_transaction_recipient_is_temporary(next, 0));
    CHECK(smtp_transaction_remaining(next, 0) == NULL);
    GIVES(SMTP_E_BUSY, smtp_last_error_code());
    smtp_transaction_free(next);
    CHECK(released == 0);
    smtp_transaction_free(one);
    CHECK(released == 0);
    GIVES(SMTP_OK, smtp_client_close(client));
    GIVES(SMTP_E_MISUSE, smtp_transaction_phase((smtp_transaction *)client));
    CHECK(smtp_transaction_remaining((smtp_transaction *)client, 0) == NULL);
    smtp_client_free(client);
    CHECK(released == 1);

    GIVES(SMTP_E_MISUSE, smtp_transaction_phase(next));
    GIVES(SMTP_E_MISUSE, smtp_transaction_recipient_is_temporary(next, 0));
    CHECK(smtp_transaction_remaining(next, 0) == NULL);
    GIVES(SMTP_E_MISUSE, smtp_last_error_code());
    GIVES(SMTP_E_MISUSE, smtp_transaction_phase(NULL));
    GIVES(SMTP_E_MISUSE, smtp_transaction_recipient_is_temporary(NULL, 0));
    CHECK(smtp_transaction_remaining(NULL, 0) == NULL);
    GIVES(SMTP_E_MISUSE, smtp_last_error_code());
}

struct source {
    size_t at, length;
    int calls, destroyed;
};

static ptrdiff_t on_read(void *buffer, size_t capacity, void *user) {
    struct source *source = user;
    size_t left = source->length - source->at, count = left < capacity ? left : capacity;
    memcpy(buffer, text(source->length) + source->at, count);
    source->at += count;
    source->calls++;
    return (ptrdiff_t)count;
}

static void on_destroy(void *user) {
    ((struct source *)user)->destroyed++;
}

/* It is not sent before it has its message again, and the server hears nothing of it. */
static void must_be_set_again(smtp_transaction *next, const char *recipients) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    int before = accepted("smtp");
    GIVES(SMTP_E_MISUSE, smtp_client_send(client, next));
    GIVES(SMTP_PHASE_NONE, smtp_transaction_phase(next));
    HAS(smtp_transaction_error(next), "set it again");
    GIVES(SMTP_E_MISUSE, smtp_client_send(client, next));
    GIVES(250, smtp_client_noop(client));
    GIVES(before, accepted("smtp"));
    GIVES(SMTP_OK, smtp_transaction_set_message(next, text(SMALL), SMALL));
    GIVES(SMTP_OK, smtp_client_send(client, next));
    got("smtp", recipients, text(SMALL), SMALL);
    smtp_client_free(client);
}

static void from_a_reader(void) {
    struct source source = {0, LARGE, 0, 0}, other = {0, LARGE, 0, 0};
    smtp_transaction *one = mail("to@b.example later@b.example"), *next;
    int calls;
    GIVES(SMTP_OK, smtp_transaction_set_reader(one, on_read, &source, on_destroy, LARGE));
    GIVES(SMTP_OK, send_over("some", one));
    got("some", "to@b.example", text(LARGE), LARGE);
    calls = source.calls;
    CHECK(calls > 1);
    next = smtp_transaction_remaining(one, 0);
    must_be_set_again(next, "later@b.example");
    /* So it is for the one that was sent, and for what remains of what was never sent. */
    must_be_set_again(one, "to@b.example later@b.example");
    CHECK(source.calls == calls && source.destroyed == 1);
    smtp_transaction_free(next);
    next = mail("to@b.example");
    GIVES(SMTP_OK, smtp_transaction_set_reader(next, on_read, &other, on_destroy, -1));
    smtp_transaction_free(one);
    one = smtp_transaction_remaining(next, 0);
    smtp_transaction_free(next);
    CHECK(other.destroyed == 0 && other.calls == 0);
    next = smtp_transaction_remaining(one, 0);
    GIVES(SMTP_OK, send_over("smtp", next));
    got("smtp", "to@b.example", text(LARGE), LARGE);
    must_be_set_again(one, "to@b.example");
    CHECK(other.destroyed == 0);
    smtp_transaction_free(one);
    smtp_transaction_free(next);
    CHECK(other.destroyed == 1);
}

/* What a reader gave before it broke its promise is no message for anybody. */
static void from_a_reader_that_fell_short(size_t length) {
    struct source source = {0, 0, 0, 0};
    smtp_transaction *one = mail("to@b.example"), *next;
    int before = accepted("smtp");
    source.length = length;
    GIVES(SMTP_OK, smtp_transaction_set_reader(one, on_read, &source, NULL, (int64_t)length + 50));
    GIVES(SMTP_E_INVALID_ARGUMENT, send_over("smtp", one));
    CHECK(smtp_transaction_phase(one) < SMTP_PHASE_MESSAGE);
    next = smtp_transaction_remaining(one, 0);
    GIVES(before, accepted("smtp"));
    must_be_set_again(next, "to@b.example");
    must_be_set_again(one, "to@b.example");
    smtp_transaction_free(one);
    smtp_transaction_free(next);
}

/* Fills a pipe, which has room for it; the end that is written is closed. */
static int filled_pipe(size_t length) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK(write(ends[1], text(length), length) == (ssize_t)length);
    close(ends[1]);
    return ends[0];
}

static void from_a_pipe(void) {
    /* More than is kept of what is read, and than a pipe holds. */
    smtp_transaction *one = mail("to@b.example later@b.example"), *next;
    int ends[2], count;
    pid_t child;
    CHECK(pipe(ends) == 0);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        const char *at = text(LARGE), *end = at + LARGE;
        close(ends[0]);
        while (at < end && (count = (int)write(ends[1], at, (size_t)(end - at))) > 0)
            at += count;
        _exit(0);
    }
    close(ends[1]);
    GIVES(SMTP_OK, smtp_transaction_set_message_fd(one, ends[0]));
    close(ends[0]);
    GIVES(SMTP_OK, send_over("some", one));
    got("some", "to@b.example", text(LARGE), LARGE);
    next = smtp_transaction_remaining(one, 0);
    must_be_set_again(next, "later@b.example");
    must_be_set_again(one, "to@b.example later@b.example");
    ends[0] = filled_pipe(SMALL);
    GIVES(SMTP_OK, smtp_transaction_set_message_fd(one, ends[0]));
    close(ends[0]);
    GIVES(SMTP_OK, send_over("smtp", one));
    got("smtp", "to@b.example later@b.example", text(SMALL), SMALL);
    smtp_transaction_free(next);
    smtp_transaction_free(one);
}

/* A file is read by position: as often as one likes, and nobody else's offset moves. */
static void from_a_file(size_t length) {
    enum { SKIPPED = 150, AT = 77 };
    char path[] = "/tmp/smtpclient-test-XXXXXX";
    int fd = mkstemp(path), before;
    smtp_transaction *one = mail("to@b.example later@b.example"), *next;
    smtp_client *client;
    CHECK(fd >= 0);
    unlink(path);
    CHECK(write(fd, text(SKIPPED), SKIPPED) == SKIPPED);
    CHECK(write(fd, text(length), length) == (ssize_t)length);
    CHECK(lseek(fd, SKIPPED, SEEK_SET) == SKIPPED);
    GIVES(SMTP_OK, smtp_transaction_set_message_fd(one, fd));
    GIVES(SMTP_OK, send_over("some", one));
    got("some", "to@b.example", text(length), length);
    GIVES(SKIPPED, lseek(fd, 0, SEEK_CUR));
    /* Where it stands later is nothing to it, nor is what is added. */
    GIVES(AT, lseek(fd, AT, SEEK_SET));
    next = smtp_transaction_remaining(one, 0);
    CHECK(pwrite(fd, text(SMALL), SMALL, (off_t)(SKIPPED + length)) == SMALL);
    GIVES(SMTP_OK, send_over("smtp", next));
    got("smtp", "later@b.example", text(length), length);
    GIVES(SMTP_OK, send_over("smtp", one));
    got("smtp", "to@b.example later@b.example", text(length), length);
    GIVES(AT, lseek(fd, 0, SEEK_CUR));
    smtp_transaction_free(next);

    /* One recipient at a time, for each of whom it is read. */
    before = accepted("shares");
    GIVES(SMTP_OK, send_over("shares", one));
    GIVES(before + 2, accepted("shares"));
    got("shares", "later@b.example", text(length), length);
    GIVES(SMTP_PHASE_DONE, smtp_transaction_phase(one));

    /* One that has become shorter fails, and nothing of it is delivered. */
    GIVES(SKIPPED, lseek(fd, SKIPPED, SEEK_SET));
    CHECK(ftruncate(fd, (off_t)(SKIPPED + length)) == 0);
    smtp_transaction_free(one);
    one = mail("to@b.example later@b.example");
    GIVES(SMTP_OK, smtp_transaction_set_message_fd(one, fd));
    next = smtp_transaction_remaining(one, 0);
    CHECK(ftruncate(fd, (off_t)(SKIPPED + length - 50)) == 0);
    before = accepted("smtp");
    GIVES(SMTP_E_INVALID_ARGUMENT, send_over("smtp", next));
    GIVES(SMTP_RECIPIENT_NOT_TRIED, smtp_transaction_recipient_status(next, 0));
    CHECK(smtp_transaction_phase(next) < SMTP_PHASE_MESSAGE);
    smtp_transaction_free(one);
    one = smtp_transaction_remaining(next, 0);
    GIVES(SMTP_E_INVALID_ARGUMENT, send_over("smtp", one));
    GIVES(before, accepted("smtp"));
    /* It is as long as it was again. */
    CHECK(ftruncate(fd, SKIPPED) == 0);
    GIVES(SKIPPED, lseek(fd, 0, SEEK_END));
    CHECK(write(fd, text(length), length) == (ssize_t)length);
    close(fd);
    client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    GIVES(SMTP_OK, smtp_client_send(client, next));
    got("smtp", "to@b.example later@b.example", text(length), length);
    smtp_client_free(client);
    smtp_transaction_free(one);
    smtp_transaction_free(next);
}

struct advice {
    int code, reply;
    const char *enhanced;
    int advice;
};

static const struct advice ADVICE[] = {
    {SMTP_OK, 0, NULL, SMTP_NEXT_NONE},
    {SMTP_OK, 550, "5.1.1", SMTP_NEXT_NONE},
    {SMTP_PENDING, 0, NULL, SMTP_NEXT_NONE},
    {SMTP_E_INVALID_ARGUMENT, 0, NULL, SMTP_NEXT_NEVER},
    {SMTP_E_INVALID_ARGUMENT, 450, "4.7.1", SMTP_NEXT_NEVER},
    {SMTP_E_MISUSE, 0, NULL, SMTP_NEXT_ASK},
    {SMTP_E_BUSY, 0, NULL, SMTP_NEXT_NOW},
    {SMTP_E_DISCONNECTED, 0, NULL, SMTP_NEXT_NOW},
    {SMTP_E_DISCONNECTED, 550, "", SMTP_NEXT_NOW},
    {SMTP_E_CONNECT, 0, NULL, SMTP_NEXT_LATER},
    {SMTP_E_CONNECT, 421, "4.3.2", SMTP_NEXT_LATER},
    {SMTP_E_CONNECT, 554, "5.7.1", SMTP_NEXT_ASK},
    {SMTP_E_HELO, 450, NULL, SMTP_NEXT_LATER},
    {SMTP_E_HELO, 550, NULL, SMTP_NEXT_ASK},
    {SMTP_E_NOT_SUPPORTED, 0, NULL, SMTP_NEXT_ASK},
    {SMTP_E_AUTHENTICATION, 0, NULL, SMTP_NEXT_ASK},
    {SMTP_E_AUTHENTICATION, 454, "4.7.0", SMTP_NEXT_LATER},
    {SMTP_E_AUTHENTICATION, 535, "5.7.8", SMTP_NEXT_ASK},
    {SMTP_E_NO_MECHANISM, 0, NULL, SMTP_NEXT_ASK},
    {SMTP_E_SENDER_REFUSED, 451, "4.3.0", SMTP_NEXT_LATER},
    {SMTP_E_SENDER_REFUSED, 550, "5.1.8", SMTP_NEXT_NEVER},
    {SMTP_E_SENDER_REFUSED, 530, "5.7.0", SMTP_NEXT_ASK},
    {SMTP_E_SENDER_REFUSED, 0, NULL, SMTP_NEXT_NEVER}, /* too large for the server */
    {SMTP_E_RECIPIENTS_REFUSED, 450, "4.7.1", SMTP_NEXT_LATER},
    {SMTP_E_RECIPIENTS_REFUSED, 550, "5.1.1", SMTP_NEXT_NEVER},
    {SMTP_E_RECIPIENTS_REFUSED, 552, NULL, SMTP_NEXT_LATER},
    {SMTP_E_RECIPIENTS_REFUSED, 552, "", SMTP_NEXT_LATER},
    {SMTP_E_RECIPIENTS_REFUSED, 552, "5.2.2", SMTP_NEXT_NEVER},
    {SMTP_E_RECIPIENTS_REFUSED, 552, "5.5.3", SMTP_NEXT_LATER},
    {SMTP_E_DATA, 451, NULL, SMTP_NEXT_LATER},
    {SMTP_E_DATA, 552, NULL, SMTP_NEXT_NEVER},
    {SMTP_E_DATA, 554, "5.6.0", SMTP_NEXT_NEVER},
    {SMTP_E_DATA, 550, "5.7.9", SMTP_NEXT_ASK},
    {SMTP_E_RESPONSE, 454, NULL, SMTP_NEXT_LATER},
    {SMTP_E_RESPONSE, 250, NULL, SMTP_NEXT_ASK},
    {SMTP_E_PROTOCOL, 0, NULL, SMTP_NEXT_ASK},
    {SMTP_E_IO, 0, NULL, SMTP_NEXT_LATER},
    {SMTP_E_RESOLVE, 0, NULL, SMTP_NEXT_ASK},
    {SMTP_E_TIMEOUT, 0, NULL, SMTP_NEXT_LATER},
    {SMTP_E_TLS, 0, NULL, SMTP_NEXT_ASK},
    {SMTP_E_OUTCOME_UNKNOWN, 0, NULL, SMTP_NEXT_ASK},
    {SMTP_E_OUTCOME_UNKNOWN, 421, "4.3.2", SMTP_NEXT_ASK},
    {SMTP_E_CANCELLED, 0, NULL, SMTP_NEXT_ASK},
    {SMTP_E_FORBIDDEN, 0, NULL, SMTP_NEXT_ASK},
    {SMTP_E_NO_MEMORY, 0, NULL, SMTP_NEXT_LATER},
    {SMTP_E_INTERNAL, 0, NULL, SMTP_NEXT_ASK},
    {SMTP_E_RESOLVE_AGAIN, 0, NULL, SMTP_NEXT_LATER},
    /* A reply code, as a single command returns it; the other one is not looked at. */
    {200, 0, NULL, SMTP_NEXT_NONE},
    {250, 550, NULL, SMTP_NEXT_NONE},
    {354, 0, NULL, SMTP_NEXT_NONE},
    {399, 0, NULL, SMTP_NEXT_NONE},
    {400, 0, NULL, SMTP_NEXT_LATER},
    {421, 0, NULL, SMTP_NEXT_LATER},
    {450, 550, "4.2.1", SMTP_NEXT_LATER},
    {499, 0, NULL, SMTP_NEXT_LATER},
    {500, 0, NULL, SMTP_NEXT_ASK},
    {504, 0, NULL, SMTP_NEXT_ASK},
    {530, 0, NULL, SMTP_NEXT_ASK},
    {535, 0, NULL, SMTP_NEXT_ASK},
    {550, 0, NULL, SMTP_NEXT_NEVER},
    {550, 0, "5.7.8", SMTP_NEXT_ASK},
    {550, 450, "5.1.1", SMTP_NEXT_NEVER},
    {552, 0, NULL, SMTP_NEXT_NEVER},
    {552, 0, "5.5.3", SMTP_NEXT_LATER},
    {599, 0, NULL, SMTP_NEXT_NEVER},
    /* What is no enhanced code, or another reply's, is as none. */
    {SMTP_E_DATA, 550, "5.7", SMTP_NEXT_NEVER},
    {SMTP_E_DATA, 550, "5.7.8.1", SMTP_NEXT_NEVER},
    {SMTP_E_DATA, 550, "5.7.x", SMTP_NEXT_NEVER},
    {SMTP_E_DATA, 550, "5.7.8888", SMTP_NEXT_NEVER},
    {SMTP_E_DATA, 550, "4.7.8", SMTP_NEXT_NEVER},
    {SMTP_E_DATA, 550, "-5.7.8", SMTP_NEXT_NEVER},
    {SMTP_E_DATA, 550, "\xc3\xbc", SMTP_NEXT_NEVER},
    {SMTP_E_DATA, 450, "5.1.1", SMTP_NEXT_LATER},
    {SMTP_E_DATA, 550, "5.7.8 with the reply's text", SMTP_NEXT_ASK},
    /* A number that is no reply code. */
    {SMTP_E_TIMEOUT, INT_MIN, NULL, SMTP_NEXT_LATER},
    {SMTP_E_DATA, 65536 + 450, NULL, SMTP_NEXT_NEVER},
    {SMTP_E_DATA, -450, NULL, SMTP_NEXT_NEVER},
    {SMTP_E_DATA, 600, NULL, SMTP_NEXT_ASK},
};

static void what_to_do(void) {
    static const int none[] = {2, 99, 100, 199, 600, 999, -1000, INT_MAX, INT_MIN};
    size_t at;
    int code, faults = 0;
    for (at = 0; at < sizeof ADVICE / sizeof *ADVICE; at++) {
        const struct advice *one = &ADVICE[at];
        int advice = smtp_error_advice(one->code, one->reply, one->enhanced);
        if (advice != one->advice) {
            fprintf(stderr, "%d (%s), %d, \"%s\": %d, not %d\n", one->code,
                    smtp_error_name(one->code), one->reply,
                    one->enhanced == NULL ? "(null)" : one->enhanced, advice, one->advice);
            faults++;
        }
    }
    /* No code is left out, here or there. */
    for (code = SMTP_PENDING; strcmp(smtp_error_name(code), "SMTP_E_?") != 0; code--) {
        int found = 0;
        for (at = 0; at < sizeof ADVICE / sizeof *ADVICE; at++)
            found |= ADVICE[at].code == code;
        if (!found) {
            fprintf(stderr, "%s has no advice here\n", smtp_error_name(code));
            faults++;
        }
    }
    CHECK(faults == 0 && code < SMTP_E_RESOLVE_AGAIN);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_error_advice(code, 0, NULL));
    for (at = 0; at < sizeof none / sizeof *none; at++) {
        GIVES(SMTP_E_MISUSE, smtp_client_noop(NULL));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_error_advice(none[at], 0, NULL));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_last_error_code());
        HAS(smtp_last_error(), "is no error code");
    }
    GIVES(SMTP_E_MISUSE, smtp_client_noop(NULL));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_error_advice(SMTP_E_DATA, 550, "5.1.1\xff"));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_last_error_code());
    HAS(smtp_last_error(), "the enhanced status code");
    HAS(smtp_last_error(), "UTF-8");
}

int main(void) {
    what_to_do();
    those_who_were_refused_for_now();
    how_far_it_came();
    handed_over_at_once();
    never_sent();
    borrowed();
    in_flight();
    from_a_reader();
    from_a_reader_that_fell_short(SMALL);
    from_a_reader_that_fell_short(LARGE);
    from_a_pipe();
    from_a_file(SMALL);
    from_a_file(LARGE);
    return 0;
}
