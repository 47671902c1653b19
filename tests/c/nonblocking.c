/* Whatever can be pending is brought to its end by poll(2) on one descriptor, and comes to the same
 * as the call that waits: over TCP, a Unix socket and TLS. */
/* SERVER smtp plain --auth user:password --refuse no@b.example --refuse-sender no@a.example */
/* SERVER unix unix --auth user:password --refuse no@b.example --refuse-sender no@a.example */
/* SERVER smtps tls --auth user:password --refuse no@b.example --refuse-sender no@a.example */
/* SERVER lmtp lmtp --refuse no@b.example */
/* SERVER expired tls --cert expired --mode mute-at-quit */
/* SERVER refuse plain --mode 554-at-greeting */
/* SERVER close plain --mode close-at-greeting */
/* SERVER basic plain --mode 502-at-ehlo */
/* SERVER slowly plain --mode drip --drip-ms 2 */
/* SERVER later plain --delay 20 */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "loop.h"
#include "resolver.h"

#include <sys/un.h>
#include <unistd.h>

static smtp_client *client;
static int protocol;
static const char *to_server;
static char by_name[64];
static smtp_transaction *mails[3];
static int completed;

static int connect_it(void) {
    return smtp_client_connect(client, to_server, 0);
}
static int connect_by_name(void) {
    return smtp_client_connect(client, by_name, 0);
}
static int connect_fd(void) {
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_un un;
    } to;
    socklen_t length = sizeof to.in;
    int fd, code;
    memset(&to, 0, sizeof to);
    if (to_server[0] == '/') {
        to.un.sun_family = AF_UNIX;
        snprintf(to.un.sun_path, sizeof to.un.sun_path, "%s", to_server);
        length = sizeof to.un;
    } else {
        to.in.sin_family = AF_INET;
        to.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        to.in.sin_port = htons((unsigned short)atoi(strrchr(to_server, ':') + 1));
    }
    fd = socket(to.any.sa_family, SOCK_STREAM, 0);
    CHECK(fd >= 0 && connect(fd, &to.any, length) == 0);
    code = smtp_client_connect_fd(client, fd, NULL);
    close(fd);
    return code;
}
static int to_refuse(void) {
    return smtp_client_connect(client, server("refuse"), 0);
}
static int to_close(void) {
    return smtp_client_connect(client, server("close"), 0);
}
static int to_expired(void) {
    return smtp_client_connect(client, server("expired"), 0);
}
static int to_nobody(void) {
    return smtp_client_connect(client, "127.0.0.1", 1);
}
static int to_no_name(void) {
    return smtp_client_connect(client, "nowhere.example", 25);
}
static int to_no_path(void) {
    return smtp_client_connect(client, "/nonexistent", 0);
}
static int to_no_host(void) {
    return smtp_client_connect(client, "[::1", 0);
}
static int to_basic(void) {
    return smtp_client_connect(client, server("basic"), 0);
}
static int to_slowly(void) {
    return smtp_client_connect(client, server("slowly"), 0);
}
static int to_later(void) {
    return smtp_client_connect(client, server("later"), 0);
}
static int open_it(void) {
    const char *colon = strrchr(to_server, ':');
    char host[512];
    if (to_server[0] == '/')
        return smtp_client_noop(client); /* of the same result in both modes */
    snprintf(host, sizeof host, "%.*s", (int)(colon - to_server), to_server);
    GIVES(SMTP_OK, smtp_client_set_host(client, host, atoi(colon + 1)));
    if (protocol != SMTP_PROTOCOL_LMTP)
        GIVES(SMTP_OK, smtp_client_set_credentials(client, "user", "password"));
    return smtp_client_open(client);
}
static int starttls(void) {
    return smtp_client_starttls(client);
}
static int hello(void) {
    return smtp_client_ehlo(client, NULL);
}
static int helo(void) {
    return smtp_client_helo(client, "me.example");
}
static int greet(void) {
    return smtp_client_ehlo_or_helo_if_needed(client);
}
static int docmd(void) {
    return smtp_client_docmd(client, "NOOP", "please");
}
static int putcmd(void) {
    return smtp_client_putcmd(client, "NOOP", NULL);
}
static int send_raw(void) {
    return smtp_client_send_raw(client, "RSET\r\n", 6);
}
static int getreply(void) {
    return smtp_client_getreply(client);
}
static int noop(void) {
    return smtp_client_noop(client);
}
static int rset(void) {
    return smtp_client_rset(client);
}
static int help(void) {
    return smtp_client_help(client, NULL);
}
static int verify(void) {
    return smtp_client_verify(client, "b@b.example");
}
static int expn(void) {
    return smtp_client_expn(client, "list");
}
static int mail_from(void) {
    return smtp_client_mail(client, "a@a.example", NULL, 0);
}
static int rcpt_to(void) {
    return smtp_client_rcpt(client, "b@b.example", NULL, 0);
}
static int rcpt_no(void) {
    return smtp_client_rcpt(client, "no@b.example", NULL, 0);
}
static int data(void) {
    return smtp_client_data(client, MESSAGE, sizeof MESSAGE - 1);
}
static int login(void) {
    return smtp_client_login(client, "user", "password");
}
static int login_wrongly(void) {
    return smtp_client_login(client, "user", "wrong");
}
static int auth_callback(smtp_auth_exchange *exchange, void *word) {
    static const char response[] = "\0user\0password";
    CHECK(strcmp(word, "datum") == 0);
    GIVES(SMTP_E_BUSY, smtp_client_process(client));
    return smtp_auth_exchange_respond(exchange, response, sizeof response - 1);
}
static int auth(void) {
    return smtp_client_auth(client, "PLAIN", auth_callback, "datum");
}
static int auth_cram(void) {
    return smtp_client_auth_builtin(client, "CRAM-MD5", "user", "password");
}
static int auth_login(void) {
    return smtp_client_auth_builtin(client, "LOGIN", "user", "password");
}
static int sendmail_two(void) {
    const char *to[] = {"b@b.example", "no@b.example"};
    return smtp_client_sendmail(client, "a@a.example", to, 2, MESSAGE, sizeof MESSAGE - 1, NULL, 0,
                                NULL, 0);
}
static int sendmail_none(void) {
    const char *to[] = {"no@b.example"};
    return smtp_client_sendmail(client, "a@a.example", to, 1, MESSAGE, sizeof MESSAGE - 1, NULL, 0,
                                NULL, 0);
}
static int sendmail_nobody(void) {
    return smtp_client_sendmail(client, "a@a.example", NULL, 0, MESSAGE, sizeof MESSAGE - 1, NULL, 0,
                                NULL, 0);
}
static int sendmail_from_no(void) {
    const char *to[] = {"b@b.example"};
    return smtp_client_sendmail(client, "no@a.example", to, 1, MESSAGE, sizeof MESSAGE - 1, NULL, 0,
                                NULL, 0);
}
static int send_message(void) {
    static const char mail[] = "From: a@a.example\r\nTo: b@b.example\r\nBcc: no@b.example\r\n\r\n.\r\n";
    return smtp_client_send_message(client, NULL, NULL, 0, mail, sizeof mail - 1, NULL, 0, NULL, 0);
}
static int send_it(void) {
    return smtp_client_send(client, mails[0]);
}
static int send_batch(void) {
    return smtp_client_send_batch(client, mails, 3);
}
static int submit(void) {
    return smtp_client_submit(client, mails[1]);
}
static int flush(void) {
    return smtp_client_flush(client);
}
static int quit(void) {
    return smtp_client_quit(client);
}

enum { ALL, TCP = 1, IN_CLEAR = 2, SMTP = 4, SURE = 8, TLS = 16 };

static const struct step {
    const char *name;
    int (*call)(void);
    int only; /* where it makes sense; SURE: it is pending when there is something to wait for */
} STEPS[] = {
    {"connect", connect_it, SURE},
    {"helo", helo, SMTP | SURE},
    {"ehlo", hello, SURE},
    {"helo or not", greet, ALL},
    {"docmd", docmd, SURE},
    {"putcmd", putcmd, ALL},
    {"getreply", getreply, SURE},
    {"send_raw", send_raw, ALL},
    {"getreply", getreply, SURE},
    {"noop", noop, SURE},
    {"rset", rset, SURE},
    {"help", help, SURE},
    {"verify", verify, SURE},
    {"expn", expn, SURE},
    {"mail", mail_from, SURE},
    {"rcpt", rcpt_to, SURE},
    {"rcpt refused", rcpt_no, SURE},
    {"data", data, SURE},
    {"login", login, SMTP | SURE},
    {"login again", login, SMTP | SURE},
    {"sendmail", sendmail_two, SURE},
    {"sendmail to none", sendmail_none, SURE},
    {"sendmail to nobody", sendmail_nobody, ALL},
    {"sendmail from no", sendmail_from_no, SMTP | SURE},
    {"send_message", send_message, SURE},
    {"send", send_it, SURE},
    {"send_batch", send_batch, SURE},
    {"submit", submit, ALL},
    {"flush", flush, SURE},
    {"flush of nothing", flush, ALL},
    {"quit", quit, SURE},
    {"quit again", quit, ALL},
    {"noop without a connection", noop, ALL},
    {"connect by name", connect_by_name, TCP | SURE},
    {"greet", greet, TCP | SURE},
    {"starttls", starttls, TCP | IN_CLEAR | SURE},
    {"starttls again", starttls, TCP | ALL},
    {"wrong login", login_wrongly, SMTP | TCP | SURE},
    {"sendmail greets", sendmail_two, TCP | SURE},
    {"connect over a connection", connect_it, SURE},
    {"starttls greets", starttls, IN_CLEAR | SURE},
    {"auth", auth, SMTP | SURE},
    {"connect_fd", connect_fd, SURE},
    {"auth_builtin", auth_cram, SMTP | SURE},
    {"quit", quit, SURE},
    {"connect_fd", connect_fd, SURE},
    {"auth_builtin LOGIN", auth_login, SMTP | SURE},
    {"open", open_it, SURE},
    {"open what is open", open_it, TCP},
    {"submit greets", submit, ALL},
    {"quit flushes", quit, SURE},
    {"refused", to_refuse, IN_CLEAR | SURE},
    {"closed", to_close, IN_CLEAR | SURE},
    {"expired", to_expired, TLS | SURE},
    {"nobody", to_nobody, ALL},
    {"no name", to_no_name, SURE},
    {"no path", to_no_path, ALL},
    {"no host", to_no_host, ALL},
    {"one that knows no EHLO", to_basic, SMTP | IN_CLEAR | SURE},
    {"sendmail by HELO", sendmail_two, SMTP | IN_CLEAR | SURE},
    {"one that is slow", to_slowly, SMTP | IN_CLEAR | SURE},
    {"sendmail byte by byte", sendmail_two, SMTP | IN_CLEAR | SURE},
    {"one that settles", to_later, SMTP | IN_CLEAR | SURE},
    {"send_batch to it", send_batch, SMTP | IN_CLEAR | SURE},
    {"quit", quit, SMTP | IN_CLEAR | SURE},
};

enum { STEP_COUNT = sizeof STEPS / sizeof *STEPS };
struct outcome {
    char text[1000];
};

static void on_completion(smtp_transaction *mail, void *user) {
    (void)user;
    CHECK(mail == mails[1]);
    completed++;
}

/* What a call has come to, in all that can be asked about it. */
static void describe(struct outcome *outcome, int code) {
    size_t i;
    int at = snprintf(outcome->text, sizeof outcome->text, "%d %d %d %d %d %d \"%s\" \"%.300s\"", code,
                      smtp_client_is_connected(client), smtp_client_is_encrypted(client), completed,
                      smtp_client_reply_code(client),
                      code < 0 ? smtp_client_last_error_code(client) : 0,
                      smtp_client_reply_text(client),
                      code < 0 ? smtp_client_last_error(client) : "");
    for (i = 0; i < smtp_client_refused_count(client); i++)
        at += snprintf(outcome->text + at, sizeof outcome->text - (size_t)at, " %s %d",
                       smtp_client_refused_address(client, i), smtp_client_refused_code(client, i));
    for (i = 0; i < 3; i++)
        at += snprintf(outcome->text + at, sizeof outcome->text - (size_t)at, " %d/%d",
                       smtp_transaction_status(mails[i]),
                       smtp_transaction_recipient_status(mails[i], 0));
    CHECK((size_t)at < sizeof outcome->text);
}

static int applies(const struct step *step) {
    return !((step->only & TCP && to_server[0] == '/') ||
             (step->only & IN_CLEAR && protocol == SMTP_PROTOCOL_SMTPS) ||
             (step->only & TLS && protocol != SMTP_PROTOCOL_SMTPS) ||
             (step->only & SMTP && protocol == SMTP_PROTOCOL_LMTP));
}

/* Makes every call in turn; how many were pending. */
static int walk(int in_a_loop, struct outcome *outcomes) {
    int i, pending = 0, faults = 0, fd = -1;
    client = client_new(protocol);
    GIVES(SMTP_OK, smtp_client_set_completion_callback(client, on_completion, NULL, NULL));
    GIVES(SMTP_OK, smtp_client_set_timeout(client, slow() ? 120000 : 10000));
    completed = 0;
    for (i = 0; i < 3; i++)
        mails[i] = mail_new();
    if (in_a_loop) {
        GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 1));
        fd = smtp_client_poll_fd(client);
    }
    for (i = 0; i < STEP_COUNT; i++) {
        const struct step *step = &STEPS[i];
        int code;
        if (!applies(step))
            continue;
        code = step->call();
        if (in_a_loop && (code == SMTP_PENDING) < ((step->only & SURE) != 0)) {
            fprintf(stderr, "%s: it was not pending, but %d\n", step->name, code);
            faults++;
        }
        pending += code == SMTP_PENDING;
        if (in_a_loop) {
            code = finish(client, code);
            GIVES(fd, smtp_client_poll_fd(client));
        }
        describe(&outcomes[i], code);
        if (!in_a_loop)
            printf("%s: %s\n", step->name, outcomes[i].text);
    }
    smtp_client_free(client);
    for (i = 0; i < 3; i++)
        smtp_transaction_free(mails[i]);
    CHECK(faults == 0);
    return pending;
}

static void comes_to_the_same(int kind, const char *name) {
    static struct outcome waiting[STEP_COUNT], looping[STEP_COUNT];
    int i, faults = 0;
    protocol = kind;
    to_server = server(name);
    if (to_server[0] != '/')
        snprintf(by_name, sizeof by_name, "localhost%s", strrchr(to_server, ':'));
    GIVES(0, walk(0, waiting));
    CHECK(walk(1, looping) > 20);
    for (i = 0; i < STEP_COUNT; i++)
        if (applies(&STEPS[i]) && strcmp(waiting[i].text, looping[i].text) != 0) {
            fprintf(stderr, "%s, %s:\n  waiting %s\n  looping %s\n", name, STEPS[i].name,
                    waiting[i].text, looping[i].text);
            faults++;
        }
    CHECK(faults == 0);
}

int main(void) {
    comes_to_the_same(SMTP_PROTOCOL_SMTP, "smtp");
    if (slow())
        return 0;
    comes_to_the_same(SMTP_PROTOCOL_SMTP, "unix");
    comes_to_the_same(SMTP_PROTOCOL_SMTPS, "smtps");
    comes_to_the_same(SMTP_PROTOCOL_LMTP, "lmtp");
    return 0;
}
