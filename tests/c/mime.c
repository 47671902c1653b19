/*
 * Messages that the library writes: what comes out of smtp_message_write() is what arrives, by DATA,
 * by BDAT and over LMTP; whom it goes to; how long a Message-ID stays; one message for many
 * transactions, for several threads, in an event loop. (mime_files.c is about attachments,
 * mime_input.c about what is refused.)
 */
/* SERVER smtp plain --refuse bob@b.example */
/* SERVER data plain --without CHUNKING --refuse bob@b.example */
/* SERVER basic plain --without PIPELINING --without CHUNKING --without SMTPUTF8 --without SIZE --refuse bob@b.example */
/* SERVER lmtp lmtp-unix --refuse bob@b.example */
/* SERVER small plain --size 10000 */
/* SERVER batch plain */
/* SERVER stream plain */
#define _POSIX_C_SOURCE 200809L
#include "loop.h"
#include "message.h"

#include <pthread.h>

static const char GRUSS[] = "Gr\xc3\xbc\xc3\x9f" "e";

/* Everything that a message can have. */
static smtp_message *rich(void) {
    smtp_message *message = smtp_message_new();
    CHECK(message != NULL);
    GIVES(SMTP_OK, smtp_message_set_from(message, "J\xc3\xb6rg, M.", "joerg@a.example"));
    GIVES(SMTP_OK, smtp_message_add_to(message, "You", "you@b.example"));
    GIVES(SMTP_OK, smtp_message_add_to(message, NULL, "Team: one@b.example, Two <two@b.example>;"));
    GIVES(SMTP_OK, smtp_message_add_cc(message, "", "bob@b.example"));
    GIVES(SMTP_OK, smtp_message_add_bcc(message, "Hidden Name", "hidden@b.example"));
    GIVES(SMTP_OK, smtp_message_add_reply_to(message, NULL, "answers@a.example"));
    GIVES(SMTP_OK, smtp_message_set_subject(message, GRUSS));
    GIVES(SMTP_OK, smtp_message_add_header(message, "X-Field", "some value"));
    GIVES(SMTP_OK, smtp_message_set_text(message, ".dot\nplain text\n"));
    GIVES(SMTP_OK, smtp_message_set_text_flowed(message, 1));
    GIVES(SMTP_OK, smtp_message_set_html(message, "<p>html text</p><img src=\"cid:logo\">\n"));
    GIVES(SMTP_OK, smtp_message_set_date(message, 1000000000));
    GIVES(SMTP_OK, smtp_message_add_attachment(message, "a.bin", NULL, "\0\1\2\3", 4));
    GIVES(SMTP_OK, smtp_message_add_inline(message, "logo", "logo.png", "image/png", "\x89PNG", 4));
    return message;
}

enum { RICH_RECIPIENTS = 5 };
static const char *const rich_recipients[] = {"you@b.example", "one@b.example", "two@b.example",
                                              "bob@b.example", "hidden@b.example"};

static void has_it_all(const char *text) {
    static const char *const parts[] = {
        "\r\nX-Field: some value\r\n", "\r\nMIME-Version: 1.0\r\n", "you@b.example", "one@b.example",
        "two@b.example",   "bob@b.example",   "answers@a.example", "multipart/mixed",
        "multipart/alternative", "multipart/related", "text/plain", "text/html", "plain text\r\n",
        "<p>html text</p>", "image/png", "<logo>", "a.bin", "logo.png", "Sep 2001 ", "Message-ID: <",
    };
    size_t i;
    for (i = 0; i < sizeof parts / sizeof *parts; i++)
        HAS(text, parts[i]);
    LACKS(text, "idden");
    LACKS(text, "Bcc");
    LACKS(text, "\xc3");
    CHECK(strstr(text, "\r\n\r\n") != NULL && strcmp(text + strlen(text) - 2, "\r\n") == 0);
}

struct limited {
    int calls, most;
};

static int some_calls(const void *data, size_t length, void *user) {
    struct limited *limited = user;
    CHECK(data != NULL && length > 0);
    return ++limited->calls == limited->most ? 42 : 0;
}

static void writing(void) {
    smtp_message *message = rich();
    struct bytes once = written(message), again = written(message);
    struct limited limited = {0, 1};
    has_it_all(once.data);
    CHECK(once.length == again.length && memcmp(once.data, again.data, once.length) == 0);
    GIVES(SMTP_E_CANCELLED, smtp_message_write(message, some_calls, &limited));
    HAS(smtp_message_last_error(message), "42");
    GIVES(SMTP_E_CANCELLED, smtp_message_last_error_code(message));
    GIVES(0, smtp_message_last_errno(message));
    GIVES(1, limited.calls);
    free(again.data);
    again = written(message);
    CHECK(once.length == again.length && memcmp(once.data, again.data, once.length) == 0);
    free(once.data), free(again.data);

    /* More than a buffer holds; the sink ends it in the midst. */
    {
        char *large = calloc(1, 1000000);
        GIVES(SMTP_OK, smtp_message_add_attachment(message, "large", NULL, large, 1000000));
        free(large);
    }
    limited.calls = 0, limited.most = 3;
    GIVES(SMTP_E_CANCELLED, smtp_message_write(message, some_calls, &limited));
    GIVES(3, limited.calls);
    limited.calls = 0, limited.most = -1;
    GIVES(SMTP_OK, smtp_message_write(message, some_calls, &limited));
    CHECK(limited.calls > 10);
    smtp_message_free(message);
    smtp_message_free(NULL);
}

/* The last letter at a server is these bytes, and went to whom the message names but for Bob. */
static void arrived_as(const char *name, const struct bytes *expected) {
    struct bytes one = letter(name, arrived(name));
    size_t i;
    const char *text = content(&one);
    CHECK(strlen(text) == expected->length && strcmp(text, expected->data) == 0);
    HAS(one.data, "MAIL FROM:<joerg@a.example>");
    for (i = 0; i < RICH_RECIPIENTS; i++) {
        char line[128];
        snprintf(line, sizeof line, "\nRCPT TO:<%s>", rich_recipients[i]);
        CHECK(times(one.data, line) == (strcmp(rich_recipients[i], "bob@b.example") != 0));
    }
    free(one.data);
}

static void sending(int protocol, const char *name) {
    smtp_client *client = connected(protocol, name);
    smtp_message *message = rich();
    struct bytes whole = written(message);
    smtp_transaction *mail = smtp_transaction_new();
    size_t i;
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    arrived_as(name, &whole);
    GIVES(RICH_RECIPIENTS, smtp_client_recipient_count(client));
    for (i = 0; i < RICH_RECIPIENTS; i++) {
        SAME(rich_recipients[i], smtp_client_recipient_address(client, i));
        GIVES(i == 3 ? SMTP_RECIPIENT_REFUSED : SMTP_RECIPIENT_ACCEPTED,
              smtp_client_recipient_status(client, i));
    }
    GIVES(1, smtp_client_refused_count(client));
    SAME("bob@b.example", smtp_client_refused_address(client, 0));
    GIVES(550, smtp_client_refused_code(client, 0));

    /* The same through a transaction, which had other people's addresses, and options. */
    GIVES(SMTP_OK, smtp_transaction_set_sender(mail, "other@a.example"));
    GIVES(SMTP_OK, smtp_transaction_add_recipient(mail, "nobody@b.example", NULL, 0));
    GIVES(SMTP_OK, smtp_transaction_set_mime(mail, message));
    GIVES(RICH_RECIPIENTS, smtp_transaction_recipient_count(mail));
    SAME("hidden@b.example", smtp_transaction_recipient_address(mail, 4));
    GIVES(SMTP_RECIPIENT_NOT_TRIED, smtp_transaction_recipient_status(mail, 4));
    GIVES(SMTP_OK, smtp_client_send(client, mail));
    arrived_as(name, &whole);
    GIVES(SMTP_RECIPIENT_ACCEPTED, smtp_transaction_recipient_status(mail, 0));
    GIVES(550, smtp_transaction_recipient_code(mail, 3));

    /* And once more, with an option of its own. */
    if (strcmp(name, "basic") != 0) {
        struct bytes one;
        GIVES(SMTP_OK, smtp_transaction_clear(mail));
        GIVES(SMTP_OK, smtp_transaction_add_mail_option(mail, "RET=HDRS"));
        GIVES(SMTP_OK, smtp_transaction_set_mime(mail, message));
        GIVES(SMTP_OK, smtp_client_send(client, mail));
        arrived_as(name, &whole);
        one = letter(name, arrived(name));
        CHECK(strstr(one.data, "RET=HDRS") < strstr(one.data, "\nRCPT"));
        free(one.data);
    }
    smtp_transaction_free(mail);
    GIVES(SMTP_OK, smtp_message_clear(message));
    GIVES(SMTP_OK, smtp_message_set_from(message, NULL, "joerg@a.example"));
    GIVES(SMTP_OK, smtp_message_add_to(message, NULL, "bob@b.example"));
    GIVES(SMTP_E_RECIPIENTS_REFUSED, smtp_client_send_mime(client, message));
    smtp_message_free(message);
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
    free(whole.data);
}

/* A server's limit is known before anything is uploaded. */
static void too_large(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "small");
    smtp_message *message = message_new();
    char *large = calloc(1, 20000);
    GIVES(SMTP_OK, smtp_message_add_attachment(message, "large", NULL, large, 20000));
    free(large);
    CHECK(smtp_client_send_mime(client, message) < 0);
    HAS(smtp_client_last_error(client), "10000");
    GIVES(0, arrived("small"));
    GIVES(SMTP_OK, smtp_message_clear(message));
    GIVES(SMTP_OK, smtp_message_set_from(message, NULL, "me@a.example"));
    GIVES(SMTP_OK, smtp_message_add_to(message, NULL, "you@b.example"));
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    GIVES(1, arrived("small"));
    smtp_message_free(message);
    smtp_client_free(client);
}

static void envelopes(void) {
    static const char *const all[] = {"a@b.example", "A@b.example", "c@b.example", "d@b.example"};
    smtp_message *message = smtp_message_new();
    smtp_envelope *envelope;
    size_t i;
    CHECK(smtp_message_envelope(message) == NULL);
    HAS(smtp_last_error(), "From");
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_last_error_code(message));
    GIVES(SMTP_OK, smtp_message_set_from(message, "No", "first@a.example"));
    GIVES(SMTP_OK, smtp_message_set_from(message, NULL, "Me <me@a.example>"));
    envelope = smtp_message_envelope(message);
    CHECK(envelope != NULL);
    GIVES(0, smtp_envelope_recipient_count(envelope)); /* yet */
    smtp_envelope_free(envelope);
    GIVES(SMTP_OK, smtp_message_add_to(message, NULL, "a@b.example, A <a@B.example>, A@b.example"));
    GIVES(SMTP_OK, smtp_message_add_to(message, "Again", "a@b.example"));
    GIVES(SMTP_OK, smtp_message_add_cc(message, NULL, "Group: c@b.example, a@B.EXAMPLE;"));
    GIVES(SMTP_OK, smtp_message_add_bcc(message, NULL, "c@b.example, d@b.example"));
    GIVES(SMTP_OK, smtp_message_add_header(message, "bCC", "D <d@b.example>"));
    GIVES(SMTP_OK, smtp_message_add_reply_to(message, NULL, "e@b.example"));
    envelope = smtp_message_envelope(message);
    SAME("me@a.example", smtp_envelope_sender(envelope));
    GIVES(4, smtp_envelope_recipient_count(envelope));
    for (i = 0; i < 4; i++)
        SAME(all[i], smtp_envelope_recipient(envelope, i));
    GIVES(0, smtp_envelope_needs_smtputf8(envelope));
    smtp_envelope_free(envelope);

    /* Several authors need one who sends. */
    GIVES(SMTP_OK, smtp_message_set_from(message, NULL, "one@a.example, two@a.example"));
    CHECK(smtp_message_envelope(message) == NULL);
    HAS(smtp_message_last_error(message), "Sender");
    GIVES(SMTP_OK, smtp_message_add_header(message, "Sender", "Two <two@a.example>"));
    envelope = smtp_message_envelope(message);
    SAME("two@a.example", smtp_envelope_sender(envelope));
    smtp_envelope_free(envelope);
    smtp_message_free(message);
}

static char *id_of(smtp_message *message) {
    const char *id = smtp_message_message_id(message);
    char *copy;
    CHECK(id != NULL && id[0] == '<' && id[strlen(id) - 1] == '>');
    copy = malloc(strlen(id) + 1);
    return strcpy(copy, id);
}

/* Another one, if `other`; frees the former. */
static char *id_after(smtp_message *message, char *before, int other) {
    char *after = id_of(message);
    CHECK((strcmp(before, after) != 0) == other);
    free(before);
    return after;
}

static void message_ids(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    smtp_message *message = smtp_message_new();
    smtp_transaction *mail;
    struct limited limited = {0, 1};
    struct bytes whole;
    char *id;
    CHECK(smtp_message_message_id(message) == NULL);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_last_error_code(message));
    HAS(smtp_message_last_error(message), "From");
    GIVES(SMTP_OK, smtp_message_set_from(message, NULL, "me@A.example"));
    GIVES(SMTP_OK, smtp_message_add_to(message, NULL, "you@b.example"));
    id = id_of(message);
    HAS(id, "@a.example>");
    CHECK(strlen(id) > 16 + strlen("<@a.example>"));
    /* It is still the same message: nobody has seen it. */
    GIVES(SMTP_OK, smtp_message_set_subject(message, "one"));
    smtp_envelope_free(smtp_message_envelope(message));
    GIVES(SMTP_OK, smtp_message_set_text(message, "text"));
    id = id_after(message, id, 0);

    /* As often as it is sent, even if that fails. */
    whole = written(message);
    HAS(whole.data, id);
    GIVES(SMTP_E_CANCELLED, smtp_message_write(message, some_calls, &limited));
    id = id_after(message, id, 0);
    {
        smtp_client *other = smtp_client_new(SMTP_PROTOCOL_SMTP);
        GIVES(SMTP_E_DISCONNECTED, smtp_client_send_mime(other, message));
        smtp_client_free(other);
    }
    id = id_after(message, id, 0);
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    mail = transaction_of(message);
    GIVES(SMTP_OK, smtp_client_send(client, mail));
    id = id_after(message, id, 0);
    {
        struct bytes one = letter("smtp", arrived("smtp"));
        SAME(whole.data, content(&one)); /* and the same Date */
        free(one.data);
    }

    /* What is changed now is another message. */
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_set_subject(message, "\n")); /* but that did nothing */
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_to(message, NULL, "no body"));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_header(message, "Date", "now"));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_attachment_fd(message, "x", NULL, -1));
    id = id_after(message, id, 0);
    GIVES(SMTP_OK, smtp_message_set_subject(message, "two"));
    id = id_after(message, id, 1);
    GIVES(SMTP_OK, smtp_message_add_bcc(message, NULL, "c@b.example"));
    id = id_after(message, id, 0); /* which nobody has seen yet */
    GIVES(SMTP_OK, smtp_transaction_set_mime(mail, message));
    GIVES(SMTP_OK, smtp_message_add_bcc(message, NULL, "d@b.example"));
    id = id_after(message, id, 1);
    GIVES(SMTP_OK, smtp_message_clear(message));
    GIVES(SMTP_OK, smtp_message_set_from(message, NULL, "me@a.example"));
    id = id_after(message, id, 1);

    /* One that was given stays. */
    GIVES(SMTP_OK, smtp_message_add_header(message, "message-id", "<given@a.example>"));
    id = id_after(message, id, 1);
    SAME("<given@a.example>", id);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_message_add_header(message, "Message-ID", "<other@a.example>"));
    GIVES(SMTP_OK, smtp_message_add_to(message, NULL, "you@b.example"));
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    GIVES(SMTP_OK, smtp_message_set_subject(message, "three"));
    id = id_after(message, id, 0);
    free(whole.data);
    whole = written(message);
    GIVES(1, times(whole.data, "Message-ID: <given@a.example>\r\n"));
    GIVES(1, times(whole.data, "essage-"));
    free(whole.data);
    free(id);
    smtp_transaction_free(mail);
    smtp_message_free(message);
    smtp_client_free(client);
}

enum { BATCH = 100 };

/* One message, changed between; each transaction keeps what it was given. */
static void one_message_for_many(int chunking) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "batch");
    smtp_message *message = message_new();
    smtp_transaction *batch[BATCH];
    char *ids[BATCH], text[64], to[64];
    char *data = malloc(10000);
    int before = arrived("batch"), i, released = 0;
    GIVES(SMTP_OK, smtp_client_set_chunking(client, chunking));
    memset(data, 'x', 10000);
    GIVES(SMTP_OK, smtp_message_add_attachment_borrowed(message, "data.bin", NULL, data, 10000,
                                                        &released, count_call));
    for (i = 0; i < BATCH; i++) {
        snprintf(text, sizeof text, "number %d of many", i);
        GIVES(SMTP_OK, smtp_message_set_subject(message, text));
        snprintf(to, sizeof to, "bcc%d@b.example", i);
        GIVES(SMTP_OK, smtp_message_add_bcc(message, NULL, to));
        batch[i] = transaction_of(message);
        GIVES(2 + i, smtp_transaction_recipient_count(batch[i]));
        ids[i] = id_of(message);
        CHECK(i == 0 || strcmp(ids[i - 1], ids[i]) != 0);
    }
    GIVES(SMTP_OK, smtp_message_set_text(message, "nobody's"));
    smtp_message_free(message);
    GIVES(0, released);
    GIVES(SMTP_OK, smtp_client_send_batch(client, batch, BATCH));
    GIVES(before + BATCH, arrived("batch"));
    for (i = 0; i < BATCH; i++) {
        struct bytes one = letter("batch", before + i + 1);
        GIVES(SMTP_OK, smtp_transaction_status(batch[i]));
        snprintf(text, sizeof text, "Subject: number %d of many\r\n", i);
        HAS(one.data, text);
        HAS(one.data, ids[i]);
        HAS(one.data, "Hello.\r\n.dot\r\n");
        GIVES(i + 1, times(one.data, "RCPT TO:<bcc"));
        LACKS(content(&one), "bcc0@");
        if (i % 10 == 0) {
            struct bytes file = attached(content(&one), "data.bin");
            CHECK(file.length == 10000 && memcmp(file.data, data, 10000) == 0);
            free(file.data);
        }
        free(one.data);
        free(ids[i]);
        GIVES(0, released);
        smtp_transaction_free(batch[i]);
    }
    GIVES(1, released);
    free(data);
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
}

static int completed;

static void on_completion(smtp_transaction *mail, void *unused) {
    (void)unused;
    smtp_transaction_free(mail);
    completed++;
}

/* The message and its transaction are gone while the mail is on its way. */
static void freed_in_flight(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "stream");
    smtp_message *message;
    char data[] = "borrowed bytes";
    int i, released = 0;
    GIVES(SMTP_OK, smtp_client_set_completion_callback(client, on_completion, NULL, NULL));
    for (i = 0; i < 10; i++) {
        message = message_new();
        GIVES(SMTP_OK, smtp_message_add_attachment_borrowed(message, "b.bin", NULL, data,
                                                            sizeof data - 1, &released, count_call));
        GIVES(SMTP_OK, smtp_client_submit(client, transaction_of(message)));
        smtp_message_free(message);
    }
    GIVES(SMTP_OK, smtp_client_flush(client));
    GIVES(10, completed);
    GIVES(10, released);
    for (i = 0; i < 10; i++) {
        struct bytes one = letter("stream", i + 1);
        struct bytes file = attached(content(&one), "b.bin");
        SAME("borrowed bytes", file.data);
        free(file.data), free(one.data);
    }
    smtp_client_free(client);

    /* One whose fate is open comes back when its client ends. */
    completed = 0;
    client = connected(SMTP_PROTOCOL_SMTP, "stream");
    GIVES(SMTP_OK, smtp_client_set_completion_callback(client, on_completion, NULL, NULL));
    message = message_new();
    released = 0;
    GIVES(SMTP_OK, smtp_message_add_attachment_borrowed(message, "b.bin", NULL, data,
                                                        sizeof data - 1, &released, count_call));
    GIVES(SMTP_OK, smtp_client_submit(client, transaction_of(message)));
    smtp_message_free(message);
    smtp_client_free(client);
    GIVES(1, completed);
    GIVES(1, released);
}

static void in_a_loop(void) {
    smtp_client *client = loop_connected(SMTP_PROTOCOL_SMTP, "smtp");
    smtp_message *message = rich();
    struct bytes whole = written(message), one;
    smtp_transaction *mail;
    int before = arrived("smtp");
    GIVES(SMTP_OK, FINISH(client, smtp_client_send_mime(client, message)));
    arrived_as("smtp", &whole);
    GIVES(1, smtp_client_refused_count(client));
    GIVES(SMTP_PENDING, smtp_client_send_mime(client, message));
    GIVES(SMTP_E_BUSY, smtp_client_send_mime(client, message));
    GIVES(SMTP_OK, smtp_message_clear(message)); /* not in use any more */
    smtp_message_free(message);
    GIVES(SMTP_OK, finish(client, SMTP_PENDING));
    arrived_as("smtp", &whole);
    message = message_new();
    mail = transaction_of(message);
    GIVES(SMTP_PENDING, smtp_client_send(client, mail));
    GIVES(SMTP_E_BUSY, smtp_transaction_set_mime(mail, message));
    smtp_message_free(message);
    GIVES(SMTP_OK, finish(client, SMTP_PENDING));
    one = letter("smtp", before + 3);
    HAS(one.data, "Hello.\r\n.dot\r\n");
    free(one.data), free(whole.data);
    smtp_transaction_free(mail);
    smtp_client_free(client);
}

/* An address that only SMTPUTF8 can carry. */
static void beyond_ascii(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    smtp_client *basic = connected(SMTP_PROTOCOL_SMTP, "basic");
    smtp_message *message = message_new();
    smtp_transaction *mail;
    smtp_envelope *envelope;
    struct bytes one;
    int before = arrived("basic");

    /* A domain alone has another form. */
    GIVES(SMTP_OK, smtp_message_add_to(message, GRUSS, "x@b\xc3\xbc" "cher.example"));
    envelope = smtp_message_envelope(message);
    GIVES(0, smtp_envelope_needs_smtputf8(envelope));
    SAME("x@xn--bcher-kva.example", smtp_envelope_recipient(envelope, 1));
    smtp_envelope_free(envelope);
    GIVES(SMTP_OK, smtp_client_send_mime(basic, message));
    one = letter("basic", ++before);
    HAS(one.data, "RCPT TO:<x@xn--bcher-kva.example>\n");
    LACKS(one.data, "SMTPUTF8");
    LACKS(one.data, "\xc3");
    free(one.data);

    GIVES(SMTP_OK, smtp_message_add_to(message, GRUSS, "gr\xc3\xbcn@b.example"));
    GIVES(SMTP_E_NOT_SUPPORTED, smtp_client_send_mime(basic, message));
    mail = transaction_of(message);
    GIVES(SMTP_E_NOT_SUPPORTED, smtp_client_send(basic, mail));
    GIVES(SMTP_E_NOT_SUPPORTED, smtp_transaction_status(mail));
    GIVES(before, arrived("basic"));
    GIVES(250, smtp_client_noop(basic)); /* nothing was begun */
    GIVES(SMTP_OK, smtp_transaction_set_mime(mail, message));
    GIVES(SMTP_OK, smtp_client_send(client, mail));
    GIVES(SMTP_OK, smtp_client_send_mime(client, message));
    one = letter("smtp", arrived("smtp"));
    HAS(one.data, "RCPT TO:<gr\xc3\xbcn@b.example>\n");
    HAS(one.data, " SMTPUTF8");
    HAS(one.data, " BODY=8BITMIME");
    HAS(content(&one), "<gr\xc3\xbcn@b.example>");
    free(one.data);

    /* The transaction serves for one that needs nothing of it, too. */
    GIVES(SMTP_OK, smtp_message_clear(message));
    GIVES(SMTP_OK, smtp_message_set_from(message, NULL, "me@a.example"));
    GIVES(SMTP_OK, smtp_message_add_to(message, NULL, "you@b.example"));
    GIVES(SMTP_OK, smtp_transaction_set_mime(mail, message));
    GIVES(SMTP_OK, smtp_client_send(basic, mail));
    GIVES(before + 1, arrived("basic"));
    smtp_transaction_free(mail);
    smtp_message_free(message);
    smtp_client_free(client);
    smtp_client_free(basic);
}

struct rivals {
    smtp_message *message;
    int name, good, busy;
};

/* Changes, writes and asks, as fast as it goes. */
static void *use(void *given) {
    struct rivals *rival = given;
    int i, rounds = slow() ? 200 : 2000;
    for (i = 0; i < rounds; i++) {
        smtp_message *message = rival->message;
        struct limited limited = {0, -1};
        smtp_envelope *envelope;
        int code = SMTP_OK;
        char text[32];
        switch (i % 6) {
        case 0:
            snprintf(text, sizeof text, "subject %d", rival->name);
            code = smtp_message_set_subject(message, text);
            break;
        case 1: code = smtp_message_write(message, some_calls, &limited); break;
        case 2:
            envelope = smtp_message_envelope(message);
            code = envelope != NULL ? SMTP_OK : smtp_last_error_code();
            smtp_envelope_free(envelope);
            break;
        case 3: (void)smtp_message_message_id(message); break;
        case 4: code = smtp_message_set_text(message, rival->name ? "one\n" : "other\n"); break;
        default:
            (void)smtp_message_last_error(message);
            code = smtp_message_last_error_code(message);
            code = code == SMTP_E_BUSY ? code : SMTP_OK;
        }
        CHECK(code == SMTP_OK || code == SMTP_E_BUSY);
        *(code == SMTP_OK ? &rival->good : &rival->busy) += 1;
    }
    return NULL;
}

static void two_threads(void) {
    smtp_message *message = message_new();
    struct rivals rivals[2];
    pthread_t threads[2];
    struct bytes whole;
    int i;
    for (i = 0; i < 2; i++) {
        rivals[i].message = message, rivals[i].name = i, rivals[i].good = rivals[i].busy = 0;
        CHECK(pthread_create(&threads[i], NULL, use, &rivals[i]) == 0);
    }
    for (i = 0; i < 2; i++) {
        pthread_join(threads[i], NULL);
        CHECK(rivals[i].good > 0);
    }
    whole = written(message);
    CHECK(times(whole.data, "Subject: subject ") == 1);
    CHECK(times(whole.data, "\r\none\r\n") + times(whole.data, "\r\nother\r\n") == 1);
    free(whole.data);
    smtp_message_free(message);
}

int main(void) {
    writing();
    sending(SMTP_PROTOCOL_SMTP, "smtp");
    sending(SMTP_PROTOCOL_SMTP, "data");
    sending(SMTP_PROTOCOL_SMTP, "basic");
    sending(SMTP_PROTOCOL_LMTP, "lmtp");
    too_large();
    envelopes();
    message_ids();
    one_message_for_many(0);
    one_message_for_many(1);
    freed_in_flight();
    in_a_loop();
    beyond_ascii();
    two_threads();
    return 0;
}
