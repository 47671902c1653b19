/*
 * What smtp_message takes and what it refuses: whatever could become a field, a part or a recipient
 * of its own, whatever could not be written, and whatever is too long. What is refused changes
 * nothing, and what is taken is sent.
 */
/* SERVER smtp plain */
#define _POSIX_C_SOURCE 200809L
#include "message.h"

/* Each setter of one line of text, with the text where it may be anything. */
static int as_from_name(smtp_message *m, const char *text) {
    return smtp_message_set_from(m, text, "me@a.example");
}
static int as_from(smtp_message *m, const char *text) {
    return smtp_message_set_from(m, NULL, text);
}
static int as_from_address(smtp_message *m, const char *text) {
    return smtp_message_set_from(m, "Me", text);
}
static int as_to_name(smtp_message *m, const char *text) {
    return smtp_message_add_to(m, text, "you@b.example");
}
static int as_to(smtp_message *m, const char *text) {
    return smtp_message_add_to(m, NULL, text);
}
static int as_to_address(smtp_message *m, const char *text) {
    return smtp_message_add_to(m, "", text);
}
static int as_cc(smtp_message *m, const char *text) {
    return smtp_message_add_cc(m, NULL, text);
}
static int as_cc_name(smtp_message *m, const char *text) {
    return smtp_message_add_cc(m, text, "you@b.example");
}
static int as_bcc(smtp_message *m, const char *text) {
    return smtp_message_add_bcc(m, NULL, text);
}
static int as_bcc_name(smtp_message *m, const char *text) {
    return smtp_message_add_bcc(m, text, "you@b.example");
}
static int as_reply_to(smtp_message *m, const char *text) {
    return smtp_message_add_reply_to(m, NULL, text);
}
static int as_reply_to_name(smtp_message *m, const char *text) {
    return smtp_message_add_reply_to(m, text, "you@b.example");
}
static int as_subject(smtp_message *m, const char *text) {
    return smtp_message_set_subject(m, text);
}
static int as_field_name(smtp_message *m, const char *text) {
    return smtp_message_add_header(m, text, "value");
}
static int as_field_value(smtp_message *m, const char *text) {
    return smtp_message_add_header(m, "X-Field", text);
}
static int as_structured_value(smtp_message *m, const char *text) {
    return smtp_message_add_header(m, "References", text);
}
static int as_to_field(smtp_message *m, const char *text) {
    return smtp_message_add_header(m, "To", text);
}
static int as_sender_field(smtp_message *m, const char *text) {
    return smtp_message_add_header(m, "Sender", text);
}
static int as_message_id(smtp_message *m, const char *text) {
    return smtp_message_add_header(m, "Message-ID", text);
}
static int as_file_name(smtp_message *m, const char *text) {
    return smtp_message_add_attachment(m, text, NULL, "x", 1);
}
static int as_content_type(smtp_message *m, const char *text) {
    return smtp_message_add_attachment(m, "a", text, "x", 1);
}
static int as_content_id(smtp_message *m, const char *text) {
    return smtp_message_add_inline(m, text, "a", NULL, "x", 1);
}
static int as_inline_name(smtp_message *m, const char *text) {
    return smtp_message_add_inline(m, "id", text, NULL, "x", 1);
}
static int as_text(smtp_message *m, const char *text) {
    return smtp_message_set_text(m, text);
}
static int as_html(smtp_message *m, const char *text) {
    return smtp_message_set_html(m, text);
}

typedef int setter(smtp_message *, const char *);

static setter *const lines[] = {
    as_from_name, as_from, as_from_address, as_to_name, as_to, as_to_address, as_cc, as_cc_name,
    as_bcc, as_bcc_name, as_reply_to, as_reply_to_name, as_subject, as_field_name, as_field_value,
    as_structured_value, as_to_field, as_sender_field, as_message_id, as_file_name, as_content_type,
    as_content_id, as_inline_name,
};
static setter *const bodies[] = {as_text, as_html};

enum { LINES = sizeof lines / sizeof *lines, LARGE = 10 << 20 };

static char *large(char byte) {
    char *text = malloc(LARGE + 1);
    CHECK(text != NULL);
    memset(text, byte, LARGE);
    text[LARGE] = '\0';
    return text;
}

/* The call is refused, and the message is what it was. */
static void refused(setter *set, const char *text) {
    smtp_message *message = message_new();
    struct bytes before = written(message), after;
    GIVES(SMTP_E_INVALID_ARGUMENT, set(message, text));
    CHECK(smtp_message_last_error(message)[0] != '\0' && strlen(smtp_message_last_error(message)) < 1000);
    after = written(message);
    SAME(before.data, after.data);
    free(before.data), free(after.data);
    smtp_message_free(message);
}

static void evil_lines(void) {
    static const char *const controls[] = {
        "a@b.example\r\nBcc: c@d.example", "a\nb@b.example", "a\rb@b.example", "a@b.example\n",
        "\x01", "a\x1b[2J", "\x7f", "a\xc2\x85" "b", "a\x0b", "\b",
    };
    static const char *const no_utf8[] = {"\xff", "a\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xed\xbf\xbf",
                                          "\xf4\x90\x80\x80", "\x80"};
    char *long_text = large('a');
    size_t i, j;
    for (i = 0; i < LINES; i++) {
        for (j = 0; j < sizeof controls / sizeof *controls; j++)
            refused(lines[i], controls[j]);
        for (j = 0; j < sizeof no_utf8 / sizeof *no_utf8; j++) {
            refused(lines[i], no_utf8[j]);
            HAS(smtp_last_error(), "UTF-8");
        }
        refused(lines[i], long_text);
    }
    for (i = 0; i < 2; i++)
        for (j = 0; j < sizeof no_utf8 / sizeof *no_utf8; j++)
            refused(bodies[i], no_utf8[j]);
    free(long_text);
}

static void nothing_given(void) {
    smtp_message *message = message_new();
    smtp_transaction *mail = smtp_transaction_new();
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    int arrived_before = arrived("smtp");
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_set_from(message, "Me", NULL));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_set_from(message, NULL, NULL));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_to(message, NULL, NULL));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_header(message, NULL, "x"));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_header(message, "X", NULL));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_attachment(message, NULL, NULL, NULL, 1));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_inline(message, NULL, NULL, NULL, "x", 1));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_write(message, NULL, NULL));
    GIVES(SMTP_E_MISUSE, smtp_transaction_set_mime(mail, NULL));
    GIVES(SMTP_E_MISUSE, smtp_transaction_set_mime(NULL, message));
    GIVES(SMTP_E_MISUSE, smtp_transaction_set_mime(mail, (smtp_message *)(void *)client));
    GIVES(SMTP_E_MISUSE, smtp_client_send_mime(client, NULL));
    GIVES(SMTP_E_MISUSE, smtp_client_send_mime(client, (smtp_message *)(void *)mail));
    GIVES(SMTP_E_MISUSE, smtp_client_send_mime(NULL, message));
    /* What may be left out, or taken back. */
    GIVES(SMTP_OK, smtp_message_set_subject(message, NULL));
    GIVES(SMTP_OK, smtp_message_set_text(message, NULL));
    GIVES(SMTP_OK, smtp_message_set_html(message, NULL));
    GIVES(SMTP_OK, smtp_message_add_attachment(message, NULL, NULL, NULL, 0));
    GIVES(SMTP_OK, smtp_message_add_attachment(message, "", "text/plain", "", 0));
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    GIVES(arrived_before + 1, arrived("smtp"));

    /* Nobody it is from, and nobody it is for. */
    GIVES(SMTP_OK, smtp_message_clear(message));
    {
        struct bytes none = {NULL, 0, 0};
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_write(message, keep_bytes, &none));
        CHECK(none.length == 0);
    }
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_send_mime(client, message));
    GIVES(SMTP_OK, smtp_message_add_to(message, NULL, "you@b.example"));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_send_mime(client, message));
    HAS(smtp_client_last_error(client), "From");
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_transaction_set_mime(mail, message));
    GIVES(SMTP_OK, smtp_message_clear(message));
    GIVES(SMTP_OK, smtp_message_set_from(message, "Me", "me@a.example"));
    GIVES(SMTP_OK, smtp_message_add_to(message, NULL, "Nobody:;"));
    GIVES(SMTP_OK, smtp_message_add_reply_to(message, NULL, "you@b.example"));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_send_mime(client, message));
    HAS(smtp_client_last_error(client), "recipient");
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_transaction_set_mime(mail, message));
    {
        struct bytes whole = written(message); /* a draft */
        HAS(whole.data, "\r\n\r\n");
        free(whole.data);
    }
    GIVES(arrived_before + 1, arrived("smtp"));
    GIVES(250, smtp_client_noop(client));

    /* No text at all is a message as well. */
    GIVES(SMTP_OK, smtp_message_add_bcc(message, NULL, "you@b.example"));
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    {
        struct bytes one = letter("smtp", arrived("smtp"));
        LACKS(content(&one), "ubject");
        HAS(one.data, "RCPT TO:<you@b.example>\n");
        free(one.data);
    }
    smtp_transaction_free(mail);
    smtp_message_free(message);
    smtp_client_free(client);
}

static void names_of_fields(void) {
    static const char *const bad[] = {
        "", " ", "X Field", "X-Field:", "X:Y", "J\xc3\xb6rg", "Date", "dAtE", "MIME-Version", "Content-Type",
        "content-transfer-encoding", "Content-", "CONTENT-DISPOSITION", "\t",
        "X2345678901234567890123456789012345678901234567890123456789012345678901",
    };
    static const char *const good[] = {"X", "x-1", "!#$%&'*+-/^_`{|}~",
        "X234567890123456789012345678901234567890123456789012345678901234567890"};
    static const char *const once[] = {"Subject", "References", "In-Reply-To", "List-Unsubscribe"};
    static const char *const no_ids[] = {"<>", "x@y", "<x>", "<x@y", "<x y@z>", "<x@y> <z@y>", "",
                                         "<x@y>\t", "<\xc3\xb6@y>", "<\"x\"@y>"};
    static const char *const no_senders[] = {"", "a@b.example, c@d.example", "Group: a@b.example;", "a b"};
    smtp_message *message = message_new();
    struct bytes whole;
    size_t i;
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(as_field_name, bad[i]);
    for (i = 0; i < sizeof no_ids / sizeof *no_ids; i++)
        refused(as_message_id, no_ids[i]);
    for (i = 0; i < sizeof no_senders / sizeof *no_senders; i++)
        refused(as_sender_field, no_senders[i]);
    refused(as_structured_value, "<gr\xc3\xbc\xc3\x9f@a.example>");
    refused(as_to_field, "");
    for (i = 0; i < sizeof good / sizeof *good; i++)
        GIVES(SMTP_OK, smtp_message_add_header(message, good[i], "value"));
    GIVES(SMTP_OK, smtp_message_set_subject(message, NULL));
    for (i = 0; i < sizeof once / sizeof *once; i++) {
        GIVES(SMTP_OK, smtp_message_add_header(message, once[i], "<mailto:a@b.example>"));
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_header(message, once[i], "<mailto:c@d.example>"));
    }
    GIVES(SMTP_OK, smtp_message_add_header(message, "List-Unsubscribe-Post",
                                           "List-Unsubscribe=One-Click"));
    GIVES(SMTP_OK, smtp_message_add_header(message, "X-Empty", ""));
    whole = written(message);
    for (i = 0; i < sizeof good / sizeof *good; i++) {
        char line[128];
        snprintf(line, sizeof line, "\r\n%s: value\r\n", good[i]);
        HAS(whole.data, line);
    }
    HAS(whole.data, "\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n");
    free(whole.data);
    smtp_message_free(message);
}

static void content_types(void) {
    static const char *const bad[] = {
        "", "text", "text/", "/plain", "te xt/plain", "text/plain/x", "multipart/mixed", "MULTIPART/x",
        "a/b; x", "a/b; x=", "a/b; x=\"1", "a/b; x*=1", "a/b; x=1; X=2", "a/b; x=1 y=2", "t\xc3\xa9xt/plain",
    };
    smtp_message *message = message_new();
    struct bytes whole;
    char type[1000];
    size_t i;
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(as_content_type, bad[i]);
    memset(type, 'b', sizeof type - 1);
    type[sizeof type - 1] = '\0';
    memcpy(type, "a/", 2);
    refused(as_content_type, type);
    /* In a message as it is, or not at all. */
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_attachment(message, "a.eml", "message/rfc822",
                                                               "X: y\n\nbare\n", 11));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_attachment_fd(message, "a.eml", "message/rfc822", 0));
    GIVES(SMTP_OK, smtp_message_add_attachment(message, "a.eml", "message/rfc822",
                                               "X: inner\r\n\r\nText.\r\n", 19));
    GIVES(SMTP_OK, smtp_message_add_attachment(message, "b", "text/csv; charset=utf-8; x=\"1; 2\"", "x", 1));
    GIVES(SMTP_OK, smtp_message_add_attachment(message, "c.PDF", NULL, "x", 1));
    whole = written(message);
    HAS(whole.data, "\r\nX: inner\r\n\r\nText.\r\n");
    HAS(whole.data, "text/csv;");
    HAS(whole.data, "application/pdf");
    free(whole.data);
    smtp_message_free(message);
}

static void content_ids(void) {
    smtp_message *message = message_new();
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_inline(message, "", "a", NULL, "x", 1));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_inline(message, "a b", "a", NULL, "x", 1));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_inline(message, "a>", "a", NULL, "x", 1));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_inline(message, "\xc3\xa4", "a", NULL, "x", 1));
    GIVES(SMTP_OK, smtp_message_add_inline(message, "logo", "a", NULL, "x", 1));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_inline(message, "logo", "b", NULL, "x", 1));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_inline(message, "<logo>", "b", NULL, "x", 1));
    GIVES(SMTP_OK, smtp_message_add_inline(message, "logo@a.example", "b", NULL, NULL, 0));
    smtp_message_free(message);
}

/* As long as it may be, and one byte more. */
static void limits(void) {
    static const struct {
        setter *set;
        size_t most;
    } limited[] = {
        {as_from_name, 500}, {as_to_name, 500}, {as_cc_name, 500}, {as_subject, 64 * 1024},
        {as_field_value, 64 * 1024}, {as_file_name, 1024}, {as_inline_name, 1024}, {as_field_name, 70},
    };
    char *text = large('a');
    size_t i;
    for (i = 0; i < sizeof limited / sizeof *limited; i++) {
        smtp_message *message = message_new();
        struct bytes whole;
        text[limited[i].most] = '\0';
        GIVES(SMTP_OK, limited[i].set(message, text));
        whole = written(message);
        HAS(whole.data, "aaaa");
        free(whole.data);
        smtp_message_free(message);
        text[limited[i].most] = 'a';
        text[limited[i].most + 1] = '\0';
        refused(limited[i].set, text);
        text[limited[i].most + 1] = 'a';
    }
    free(text);
}

/* No line is longer than RFC 5322 section 2.1.1 has it, none ends in anything but CRLF. */
static void well_formed(const struct bytes *whole) {
    size_t i, begun = 0;
    for (i = 0; i < whole->length; i++) {
        CHECK((whole->data[i] == '\n') == (i > 0 && whole->data[i - 1] == '\r'));
        if (whole->data[i] == '\n') {
            CHECK(i - 1 - begun <= 998);
            begun = i + 1;
        }
    }
    CHECK(begun == whole->length);
}

static void large_bodies(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    char *text = large('a');
    int i;
    for (i = 0; i < 3; i++) {
        smtp_message *message = message_new();
        struct bytes whole, one;
        size_t at;
        if (i == 1)
            for (at = 0; at < LARGE; at += 70)
                text[at] = '\n';
        if (i == 2)
            for (at = 0; at + 2 < LARGE; at += 7)
                memcpy(text + at, "\xc3\xbc", 2);
        GIVES(SMTP_OK, smtp_message_set_text(message, text));
        GIVES(SMTP_OK, smtp_message_set_html(message, text));
        GIVES(SMTP_OK, smtp_message_add_attachment(message, "a", NULL, text, LARGE));
        whole = written(message);
        well_formed(&whole);
        if (i == 2) {
            GIVES(SMTP_OK, smtp_client_send_mime(client, message));
            one = letter("smtp", arrived("smtp"));
            SAME(whole.data, content(&one));
            free(one.data);
        }
        free(whole.data);
        smtp_message_free(message);
    }
    free(text);
    smtp_client_free(client);
}

/* Bodies may hold any line, and none of them ends the mail or begins a part. */
static void odd_bodies(void) {
    static const char *const texts[] = {
        "", "\n", "\r", "\r\n", "\r\r\n\n", ".", ".\n", "..\r\n.\r\n", "no end", "From x\n", "--\n", "-- \n",
        "ends in a blank \n", "tab\t\n", "\xef\xbb\xbf" "mark\n", "=?utf-8?q?x?=\n", "a=3D=\n", "bare\rcr\n",
    };
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    smtp_message *message = message_new();
    size_t i;
    int html;
    for (i = 0; i < sizeof texts / sizeof *texts; i++)
        for (html = 0; html < 2; html++) {
            struct bytes whole, one;
            GIVES(SMTP_OK, smtp_message_set_text(message, texts[i]));
            GIVES(SMTP_OK, smtp_message_set_html(message, html ? texts[i] : NULL));
            whole = written(message);
            well_formed(&whole);
            GIVES(SMTP_OK, smtp_client_send_mime(client, message));
            one = letter("smtp", arrived("smtp"));
            SAME(whole.data, content(&one));
            free(one.data), free(whole.data);
        }
    smtp_message_free(message);
    smtp_client_free(client);
}

static void dates(void) {
    static const int64_t bad[] = {INT64_MAX, INT64_MIN, INT64_C(253402387200)};
    static const int64_t good[] = {0, 1, -1, 1700000000, INT64_C(253402214400), INT64_C(4102444800)};
    smtp_message *message = message_new();
    size_t i;
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_set_date(message, bad[i]));
    for (i = 0; i < sizeof good / sizeof *good; i++) {
        struct bytes whole;
        GIVES(SMTP_OK, smtp_message_set_date(message, good[i]));
        whole = written(message);
        HAS(whole.data, "Date: ");
        free(whole.data);
    }
    smtp_message_free(message);
}

/* A list of thousands, in one call and one by one. */
static void many_recipients(void) {
    enum { MANY = 10000 };
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    smtp_message *message = message_new();
    smtp_envelope *envelope;
    struct bytes list = {NULL, 0, 0}, whole, one;
    char text[64];
    int i, first, many = slow() ? MANY / 10 : MANY;
    for (i = 0; i < many; i++) {
        snprintf(text, sizeof text, "%sName %d <to%d@b.example>", i == 0 ? "" : ", ", i, i);
        append(&list, text, strlen(text));
    }
    for (first = 0; first < 2; first++) {
        GIVES(SMTP_OK, smtp_message_clear(message));
        GIVES(SMTP_OK, smtp_message_set_from(message, NULL, "me@a.example"));
        if (first == 0)
            GIVES(SMTP_OK, smtp_message_add_to(message, NULL, list.data));
        for (i = 0; i < many && first == 1; i++) {
            snprintf(text, sizeof text, "to%d@b.example", i);
            GIVES(SMTP_OK, smtp_message_add_to(message, "Name", text));
        }
        envelope = smtp_message_envelope(message);
        GIVES(many, smtp_envelope_recipient_count(envelope));
        smtp_envelope_free(envelope);
        whole = written(message);
        well_formed(&whole);
        GIVES(many, times(whole.data, "@b.example>"));
        free(whole.data);
    }
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    GIVES(many, smtp_client_recipient_count(client));
    one = letter("smtp", arrived("smtp"));
    GIVES(many, times(one.data, "\nRCPT TO:<"));
    free(one.data), free(list.data);
    smtp_message_free(message);
    smtp_client_free(client);
}

int main(void) {
    evil_lines();
    nothing_given();
    names_of_fields();
    content_types();
    content_ids();
    limits();
    large_bodies();
    odd_bodies();
    dates();
    many_recipients();
    return 0;
}
