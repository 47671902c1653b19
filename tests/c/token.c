/*
 * Sources of access tokens: when the callback is asked and what it may answer, how tokens are kept,
 * shared and renewed, how a wait for one ends, and that nothing of a token is left behind.
 */
/* SERVER smtp plain --auth me:good --auth me:better --auth you:good --mechanisms "OAUTHBEARER XOAUTH2" */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "entries.h"
#include "loop.h"
#include "secret.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST = 16, THREADS = 8 };

/* What stands for an answer. */
static const char LATER[] = "later", FAILS[] = "fails";

/* A source's user data: what it answers, one after another, and what it was asked. */
struct owner {
    const char *answers[MOST];
    int lifetime, delay, code;
    int calls, destroyed;
    int reasons[MOST];
    char users[MOST][32], details[MOST][512];
    smtp_token_request *request; /* the last one */
    smtp_client *client;         /* whose call it is, if that is looked at */
};

static int on_token(smtp_token_request *request, void *user) {
    struct owner *owner = user;
    int call = __atomic_fetch_add(&owner->calls, 1, __ATOMIC_ACQ_REL);
    const char *answer, *detail = smtp_token_request_detail(request);
    CHECK(call < MOST && owner->destroyed == 0);
    answer = owner->answers[call];
    owner->reasons[call] = smtp_token_request_reason(request);
    CHECK((detail != NULL) == (owner->reasons[call] == SMTP_TOKEN_REFUSED));
    snprintf(owner->users[call], sizeof owner->users[call], "%s", smtp_token_request_user(request));
    snprintf(owner->details[call], sizeof owner->details[call], "%s", detail == NULL ? "" : detail);
    __atomic_store_n(&owner->request, request, __ATOMIC_RELEASE);
    if (owner->client != NULL)
        GIVES(SMTP_E_BUSY, smtp_client_noop(owner->client));
    nap(owner->delay);
    if (answer == LATER)
        return owner->code;
    if (answer == FAILS)
        GIVES(SMTP_OK, smtp_token_fail(request, "the provider\r\nis away"));
    else
        GIVES(SMTP_OK, smtp_token_give(request, answer, owner->lifetime));
    GIVES(SMTP_E_MISUSE, smtp_token_give(request, "again", 0));
    GIVES(SMTP_E_MISUSE, smtp_token_fail(request, "again"));
    return owner->code;
}

static void on_destroy(void *user) {
    ((struct owner *)user)->destroyed++;
}

static smtp_token_source *source_of(struct owner *owner) {
    smtp_token_source *source = smtp_token_source_new(on_token, owner, on_destroy);
    CHECK(source != NULL);
    return source;
}

/* A connected client that has the source, for that user. */
static smtp_client *client_of(smtp_token_source *source, const char *user) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    GIVES(SMTP_OK, smtp_client_set_token_source(client, user, source));
    return client;
}

static int login(smtp_client *client) {
    return smtp_client_login_oauth(client, NULL, NULL);
}

/* The result of a login over a connection of its own. */
static int one_login(smtp_token_source *source, const char *user) {
    smtp_client *client = client_of(source, user);
    int code = login(client);
    smtp_client_free(client);
    return code;
}

static void one_fixed_token(void) {
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    GIVES(SMTP_E_AUTHENTICATION, smtp_client_login_oauth(client, "me", "bad"));
    HAS(smtp_client_last_error(client), "535 5.7.8");
    HAS(smtp_client_last_error(client), "the token was refused (status 401, schemes bearer): get a new one");
    GIVES(SMTP_DETAIL_TOKEN, smtp_client_last_error_detail(client));
    GIVES(SMTP_E_MISUSE, smtp_client_login_oauth(client, "me", NULL));
    HAS(smtp_client_last_error(client), "smtp_client_set_token_source()");
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_login_oauth(client, NULL, "good"));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_login_oauth(client, "me", ""));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_login_oauth(client, "me", "a\r\nRSET"));
    HAS(smtp_client_last_error(client), "control character at offset 1");
    GIVES(SMTP_E_NO_MECHANISM, smtp_client_login(client, "me", "good"));
    HAS(smtp_client_last_error(client), "smtp_client_login_oauth()");
    GIVES(SMTP_OK, smtp_client_login_oauth(client, "me", "good"));
    GIVES(SMTP_OK, send_one(client));
    smtp_client_free(client);
}

static void tokens_are_kept_and_shared(void) {
    struct owner owner = {{"good", "good", "good", "good"}, 3600, 0, 0, 0, 0, {0}, {""}, {""}, NULL, NULL};
    smtp_token_source *source = source_of(&owner);
    smtp_client *client = client_of(source, "me");
    GIVES(SMTP_OK, login(client));
    GIVES(SMTP_OK, one_login(source, "me"));
    GIVES(1, owner.calls);
    GIVES(SMTP_TOKEN_FIRST, owner.reasons[0]);
    SAME("me", owner.users[0]);
    GIVES(SMTP_OK, one_login(source, "you")); /* each user has his own */
    SAME("you", owner.users[1]);
    GIVES(SMTP_E_AUTHENTICATION, one_login(source, "nobody"));
    GIVES(4, owner.calls);
    smtp_token_source_free(source);
    GIVES(0, owner.destroyed); /* the client has it still */
    GIVES(SMTP_E_MISUSE, smtp_client_set_token_source(client, "me", source));
    smtp_client_free(client);
    GIVES(1, owner.destroyed);
}

static void open_uses_them(void) {
    struct owner owner = {{"good"}, 3600, 0, 0, 0, 0, {0}, {""}, {""}, NULL, NULL};
    smtp_token_source *source = source_of(&owner);
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_token_source(client, NULL, source));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_token_source(client, "", source));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_set_token_source(client, "a\x01", source));
    GIVES(SMTP_OK, smtp_client_set_host(client, server("smtp"), 0));
    GIVES(SMTP_OK, smtp_client_set_credentials(client, "me", "password"));
    GIVES(SMTP_OK, smtp_client_set_token_source(client, NULL, source)); /* whoever was set */
    smtp_token_source_free(source);
    GIVES(SMTP_OK, smtp_client_open(client));
    GIVES(SMTP_OK, smtp_client_open(client));
    GIVES(SMTP_OK, smtp_client_close(client));
    GIVES(SMTP_OK, smtp_client_open(client));
    GIVES(SMTP_OK, send_one(client));
    GIVES(1, owner.calls);
    GIVES(SMTP_OK, smtp_client_set_token_source(client, NULL, NULL));
    GIVES(1, owner.destroyed);
    GIVES(SMTP_E_MISUSE, login(client));
    smtp_client_free(client);
}

static void tokens_expire(void) {
    struct owner owner = {{"good", "good", "good"}, 1, 0, 0, 0, 0, {0}, {""}, {""}, NULL, NULL};
    smtp_token_source *source = source_of(&owner);
    GIVES(SMTP_OK, one_login(source, "me"));
    nap(1000);
    owner.lifetime = 0;
    GIVES(SMTP_OK, one_login(source, "me"));
    GIVES(2, owner.calls);
    GIVES(SMTP_TOKEN_EXPIRING, owner.reasons[1]);
    nap(1100);
    GIVES(SMTP_OK, one_login(source, "me")); /* 0 is no end */
    GIVES(2, owner.calls);
    smtp_token_source_free(source);
    GIVES(1, owner.destroyed);
}

/* After a refusal one new token is asked for and tried, never a second. */
static void refused_tokens(void) {
    struct owner owner = {{"bad", "good", "bad", "worse", "good"}, 3600, 0, 0, 0, 0, {0}, {""}, {""}, NULL, NULL};
    struct owner fails = {{"bad", FAILS, "good"}, 3600, 0, 0, 0, 0, {0}, {""}, {""}, NULL, NULL};
    smtp_token_source *source = source_of(&owner);
    smtp_client *client = client_of(source, "me");
    GIVES(SMTP_OK, login(client));
    GIVES(2, owner.calls);
    GIVES(SMTP_TOKEN_REFUSED, owner.reasons[1]);
    HAS(owner.details[1], "535 5.7.8");
    HAS(owner.details[1], "status 401");
    smtp_client_free(client);

    client = client_of(source, "you");
    GIVES(SMTP_E_AUTHENTICATION, login(client));
    GIVES(4, owner.calls);
    HAS(smtp_client_last_error(client), "so was the token before it");
    GIVES(SMTP_DETAIL_TOKEN, smtp_client_last_error_detail(client));
    GIVES(1, smtp_client_is_connected(client));
    /* The next login does not try it again. */
    GIVES(SMTP_OK, login(client));
    GIVES(SMTP_TOKEN_REFUSED, owner.reasons[4]);
    GIVES(5, owner.calls);
    smtp_client_free(client);
    smtp_token_source_free(source);
    GIVES(1, owner.destroyed);

    source = source_of(&fails);
    client = client_of(source, "me");
    GIVES(SMTP_E_AUTHENTICATION, login(client));
    HAS(smtp_client_last_error(client), "535 5.7.8");
    HAS(smtp_client_last_error(client), "the provider\\r\\nis away");
    GIVES(SMTP_OK, login(client));
    GIVES(SMTP_TOKEN_REFUSED, fails.reasons[2]);
    smtp_client_free(client);
    smtp_token_source_free(source);
    GIVES(1, fails.destroyed);
}

/* What cannot be a token is no answer that leaves anybody waiting. */
static int on_bad_token(smtp_token_request *request, void *user) {
    const char *token = user;
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_token_give(request, token, token == NULL ? 60 : 0));
    GIVES(SMTP_E_MISUSE, smtp_token_give(request, "good", 60));
    return 0;
}

static int on_bad_lifetime(smtp_token_request *request, void *user) {
    (void)user;
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_token_give(request, "good", -1));
    return 0;
}

static int on_failure(smtp_token_request *request, void *user) {
    GIVES(SMTP_OK, smtp_token_fail(request, user));
    return 0;
}

static void fails_with(smtp_token_source *source, const char *words) {
    smtp_client *client = client_of(source, "me");
    GIVES(SMTP_E_AUTHENTICATION, login(client));
    GIVES(SMTP_DETAIL_NO_TOKEN, smtp_client_last_error_detail(client));
    HAS(smtp_client_last_error(client), "the token source gave no token: ");
    HAS(smtp_client_last_error(client), words);
    CHECK(strstr(smtp_client_last_error(client), "s3cr3t") == NULL);
    GIVES(1, smtp_client_is_connected(client));
    smtp_client_free(client);
    smtp_token_source_free(source);
}

static void answers_that_are_none(void) {
    static const struct {
        const char *token, *words;
    } bad[] = {
        {"", "the token is empty"},
        {NULL, "the token is NULL"},
        {"s3cr3t\r", "a control character at offset 6"},
        {"s3cr3t\nRSET", "a control character at offset 6"},
        {"s3cr3t\1host=", "a control character at offset 6"},
        {"s3cr3t x", "a space at offset 6"},
        {"s3cr3t\xc3\xa9", "not ASCII at offset 6"},
        {"s3cr3t\xff", "not valid UTF-8 at offset 6"},
    };
    struct owner owner = {{LATER}, 0, 0, -5, 0, 0, {0}, {""}, {""}, NULL, NULL};
    struct owner gives = {{"good"}, 0, 0, -5, 0, 0, {0}, {""}, {""}, NULL, NULL};
    smtp_token_source *source;
    size_t i;
    for (i = 0; i < sizeof bad / sizeof *bad; i++)
        fails_with(smtp_token_source_new(on_bad_token, (void *)bad[i].token, NULL), bad[i].words);
    fails_with(smtp_token_source_new(on_bad_lifetime, NULL, NULL), "the lifetime is negative");
    fails_with(smtp_token_source_new(on_failure, "no network", NULL), "no token: no network");
    fails_with(smtp_token_source_new(on_failure, NULL, NULL), "it did not say why");
    fails_with(source_of(&owner), "its callback failed with -5");
    GIVES(SMTP_E_MISUSE, smtp_token_give(owner.request, "good", 0));
    CHECK(smtp_token_request_user(owner.request) == NULL);
    CHECK(smtp_token_request_detail(owner.request) == NULL);
    GIVES(SMTP_E_MISUSE, smtp_token_request_reason(owner.request));
    GIVES(1, owner.destroyed);
    /* One that answers and then fails has answered. */
    source = source_of(&gives);
    GIVES(SMTP_OK, one_login(source, "me"));
    smtp_token_source_free(source);
    CHECK(smtp_token_source_new(NULL, &owner, on_destroy) == NULL);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_last_error_code());
    GIVES(2, owner.destroyed);
}

/* One that answers later, from a thread of its own. */
static void *give_later(void *user) {
    struct owner *owner = user;
    while (__atomic_load_n(&owner->request, __ATOMIC_ACQUIRE) == NULL)
        nap(5);
    nap(owner->lifetime == 0 ? 100 : 400);
    GIVES(SMTP_OK, smtp_token_give(owner->request, "good", 3600));
    GIVES(SMTP_E_MISUSE, smtp_token_give(owner->request, "good", 3600));
    return NULL;
}

static void *log_in(void *source) {
    GIVES(SMTP_OK, one_login(source, "me"));
    return NULL;
}

static void requests_are_joined(void) {
    struct owner owner = {{LATER}, 1, 0, 0, 0, 0, {0}, {""}, {""}, NULL, NULL};
    struct owner refused = {{"bad", "good"}, 3600, 200, 0, 0, 0, {0}, {""}, {""}, NULL, NULL};
    struct owner *owners[2];
    size_t which, i;
    owners[0] = &owner, owners[1] = &refused;
    /* A token that comes late; and one that is refused to all of them, for which one other comes. */
    for (which = 0; which < 2; which++) {
        smtp_token_source *source = source_of(owners[which]);
        pthread_t threads[THREADS], giver;
        if (which == 0)
            CHECK(pthread_create(&giver, NULL, give_later, &owner) == 0);
        for (i = 0; i < THREADS; i++)
            CHECK(pthread_create(&threads[i], NULL, log_in, source) == 0);
        for (i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        if (which == 0)
            pthread_join(giver, NULL);
        smtp_token_source_free(source);
        GIVES(1 + which, owners[which]->calls);
        GIVES(1, owners[which]->destroyed);
    }
    GIVES(SMTP_TOKEN_REFUSED, refused.reasons[1]);
}

static void in_a_loop(void) {
    struct owner owner = {{LATER, "better"}, 0, 0, 0, 0, 0, {0}, {""}, {""}, NULL, NULL};
    smtp_token_source *source = source_of(&owner);
    smtp_client *one = loop_connected(SMTP_PROTOCOL_SMTP, "smtp");
    smtp_client *other = loop_connected(SMTP_PROTOCOL_SMTP, "smtp");
    pthread_t giver;
    GIVES(SMTP_OK, smtp_client_set_token_source(one, "me", source));
    GIVES(SMTP_OK, smtp_client_set_token_source(other, "me", source));
    GIVES(SMTP_OK, finish(one, smtp_client_ehlo_or_helo_if_needed(one)));
    GIVES(SMTP_OK, finish(other, smtp_client_ehlo_or_helo_if_needed(other)));
    GIVES(SMTP_PENDING, login(one));
    GIVES(SMTP_PENDING, login(other));
    GIVES(1, owner.calls);
    CHECK(!readable(one, 50) && !readable(other, 0));
    GIVES(SMTP_PENDING, smtp_client_process(one));
    CHECK(pthread_create(&giver, NULL, give_later, &owner) == 0);
    GIVES(SMTP_OK, finish(one, SMTP_PENDING));
    GIVES(SMTP_OK, finish(other, SMTP_PENDING));
    pthread_join(giver, NULL);
    GIVES(1, owner.calls);
    smtp_client_free(one);
    smtp_client_free(other);
    smtp_token_source_free(source);
    GIVES(1, owner.destroyed);
}

static void *cancel_soon(void *client) {
    nap(100);
    GIVES(SMTP_OK, smtp_client_cancel(client));
    return NULL;
}

/* A wait that ends before the answer: that is kept for the next login all the same. */
static void waits_that_end(void) {
    enum { CANCEL, TIMEOUT, LOOP_CANCEL, LOOP_TIMEOUT, LOOP_CLOSE, FREE, WAYS };
    int way;
    for (way = 0; way < WAYS; way++) {
        struct owner owner = {{LATER}, 3600, 0, 0, 0, 0, {0}, {""}, {""}, NULL, NULL};
        smtp_token_source *source = source_of(&owner);
        int loops = way >= LOOP_CANCEL;
        int ends = way == TIMEOUT || way == LOOP_TIMEOUT ? SMTP_E_TIMEOUT : SMTP_E_CANCELLED;
        smtp_client *client = client_of(source, "me");
        pthread_t thread;
        GIVES(SMTP_OK, smtp_client_ehlo_or_helo_if_needed(client));
        GIVES(SMTP_OK, smtp_client_set_nonblocking(client, loops));
        if (way == TIMEOUT || way == LOOP_TIMEOUT)
            GIVES(SMTP_OK, smtp_client_set_timeout(client, 150));
        if (way == CANCEL || way == LOOP_CANCEL)
            CHECK(pthread_create(&thread, NULL, cancel_soon, client) == 0);
        if (way == LOOP_CLOSE || way == FREE) {
            GIVES(SMTP_PENDING, login(client));
            if (way == LOOP_CLOSE)
                GIVES(SMTP_OK, smtp_client_close(client));
        } else {
            double begun = now();
            GIVES(ends, finish(client, login(client)));
            GIVES(SMTP_DETAIL_NO_TOKEN, smtp_client_last_error_detail(client));
            HAS(smtp_client_last_error(client), "waiting for a token");
            CHECK(now() - begun > 0.05 && now() - begun < (slow() ? 30 : 5));
            GIVES(0, smtp_client_is_connected(client));
        }
        if (way == CANCEL || way == LOOP_CANCEL)
            pthread_join(thread, NULL);
        if (way == FREE)
            smtp_client_free(client);
        GIVES(SMTP_TOKEN_FIRST, smtp_token_request_reason(owner.request));
        GIVES(SMTP_OK, smtp_token_give(owner.request, "good", 3600));
        GIVES(SMTP_OK, one_login(source, "me"));
        GIVES(1, owner.calls);
        if (way != FREE)
            smtp_client_free(client);
        smtp_token_source_free(source);
        GIVES(1, owner.destroyed);
    }
}

/* The callback's own time counts. */
static void a_callback_that_is_late(void) {
    struct owner owner = {{"good"}, 3600, 300, 0, 0, 0, {0}, {""}, {""}, NULL, NULL};
    smtp_token_source *source = source_of(&owner);
    smtp_client *client = client_of(source, "me");
    GIVES(SMTP_OK, smtp_client_ehlo_or_helo_if_needed(client));
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 200));
    GIVES(SMTP_E_TIMEOUT, login(client));
    GIVES(0, smtp_client_is_connected(client));
    smtp_client_free(client);
    GIVES(SMTP_OK, one_login(source, "me")); /* but it was given */
    GIVES(1, owner.calls);
    smtp_token_source_free(source);
}

/* It is there until it is answered: whoever comes waits for it. */
static void one_that_is_never_answered(void) {
    struct owner owner = {{LATER}, 0, 0, 0, 0, 0, {0}, {""}, {""}, NULL, NULL};
    smtp_token_source *source = source_of(&owner);
    smtp_client *client;
    int i;
    for (i = 0; i < 2; i++) {
        client = client_of(source, "me");
        GIVES(SMTP_OK, smtp_client_ehlo_or_helo_if_needed(client));
        GIVES(SMTP_OK, smtp_client_set_timeout(client, 100));
        GIVES(SMTP_E_TIMEOUT, login(client));
        smtp_client_free(client);
    }
    GIVES(1, owner.calls);
    smtp_token_source_free(source);
    GIVES(1, owner.destroyed);
    GIVES(SMTP_E_MISUSE, smtp_token_give(owner.request, "good", 0));
    HAS(smtp_last_error(), "request");
    GIVES(SMTP_E_MISUSE, smtp_token_fail(owner.request, NULL));
    GIVES(SMTP_E_MISUSE, smtp_token_fail((smtp_token_request *)source, NULL));
}

/* In the callback: the client is busy, and freed at its call's end; the source may be freed as well. */
struct inside {
    smtp_client *client, *other;
    smtp_token_source *source;
    int destroyed;
};

static int on_free(smtp_token_request *request, void *user) {
    struct inside *inside = user;
    GIVES(SMTP_E_BUSY, login(inside->client));
    GIVES(SMTP_E_BUSY, smtp_client_set_token_source(inside->client, "me", inside->source));
    GIVES(SMTP_E_MISUSE, login(inside->other)); /* it would wait for itself */
    HAS(smtp_client_last_error(inside->other), "token callback");
    smtp_client_free(inside->client);
    smtp_token_source_free(inside->source);
    GIVES(SMTP_E_MISUSE, smtp_client_noop(inside->client));
    CHECK(inside->destroyed == 0);
    GIVES(SMTP_OK, smtp_token_give(request, "good", 60));
    return 0;
}

static void on_inside_destroy(void *user) {
    ((struct inside *)user)->destroyed++;
}

static void in_the_callback(void) {
    struct inside inside = {NULL, NULL, NULL, 0};
    struct owner owner = {{"good"}, 3600, 0, 0, 0, 0, {0}, {""}, {""}, NULL, NULL};
    smtp_token_source *source = source_of(&owner);
    int code;
    owner.client = client_of(source, "me");
    GIVES(SMTP_OK, login(owner.client));
    smtp_client_free(owner.client);
    smtp_token_source_free(source);

    inside.source = smtp_token_source_new(on_free, &inside, on_inside_destroy);
    inside.client = client_of(inside.source, "me");
    inside.other = client_of(inside.source, "me");
    code = login(inside.client);
    CHECK(code == SMTP_OK || code == SMTP_E_CANCELLED);
    GIVES(SMTP_OK, login(inside.other));
    GIVES(0, inside.destroyed);
    smtp_client_free(inside.other);
    GIVES(1, inside.destroyed);
}

/* A child has the tokens of its parent's and none of its requests, and harms neither. */
static void in_a_child(void) {
    struct owner owner = {{"good", LATER, "good", "good"}, 3600, 0, 0, 0, 0, {0}, {""}, {""}, NULL, NULL};
    smtp_token_source *source = source_of(&owner);
    smtp_client *client;
    pid_t child;
    int status = 0;
    GIVES(SMTP_OK, one_login(source, "you"));
    client = client_of(source, "me");
    GIVES(SMTP_OK, smtp_client_ehlo_or_helo_if_needed(client));
    GIVES(SMTP_OK, smtp_client_set_nonblocking(client, 1));
    GIVES(SMTP_PENDING, login(client));
    GIVES(2, owner.calls);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        GIVES(SMTP_OK, one_login(source, "you")); /* kept */
        GIVES(2, owner.calls);
        GIVES(SMTP_OK, one_login(source, "me")); /* asked for anew */
        GIVES(3, owner.calls);
        smtp_client_free(client);
        smtp_token_source_free(source);
        GIVES(1, owner.destroyed);
        exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    GIVES(SMTP_OK, smtp_token_give(owner.request, "good", 60));
    GIVES(SMTP_OK, finish(client, SMTP_PENDING));
    smtp_client_free(client);
    smtp_token_source_free(source);
    GIVES(1, owner.destroyed);
}

enum { LONG = 8192, FROM = 4000, TO = 4040 };

static char letter(size_t at) {
    return (char)('A' + (at * at * 7 + at * 3 + at / 57 + 5) % 26 + (at % 3 == 0 ? 32 : 0));
}

static void put_token(char *room) {
    size_t i;
    for (i = 0; i < LONG; i++)
        room[i] = letter(i);
    room[LONG] = '\0';
}

static char encoded(size_t at) {
    /* As base64 has it behind "user=you\1auth=Bearer ", which is 21 bytes long. */
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    int value = 0;
    size_t i;
    for (i = 0; i < 6; i++) {
        size_t bit = at * 6 + i;
        value = value << 1 | (letter(bit / 8) >> (7 - bit % 8) & 1);
    }
    return digits[value];
}

static int is_anywhere(void) {
    return is_in_memory(letter, FROM, TO) || is_in_memory(encoded, FROM, TO);
}

static int on_long_token(smtp_token_request *request, void *user) {
    char token[LONG + 1];
    (void)user;
    put_token(token);
    GIVES(SMTP_OK, smtp_token_give(request, token, 3600));
    wipe(token, sizeof token);
    return 0;
}

static void nothing_of_a_token_is_left(void) {
    smtp_token_source *source = smtp_token_source_new(on_long_token, NULL, NULL);
    smtp_client *client = client_of(source, "you");
    char token[LONG + 1];
    GIVES(SMTP_OK, smtp_client_set_auth_mechanisms(client, "XOAUTH2"));
    GIVES(SMTP_E_AUTHENTICATION, login(client));
    HAS(smtp_client_last_error(client), "535");
    put_token(token);
    CHECK(is_anywhere());
    GIVES(SMTP_E_AUTHENTICATION, smtp_client_login_oauth(client, "you", token));
    wipe(token, sizeof token);
    smtp_token_source_free(source);
    smtp_client_free(client);
    if (!slow()) /* valgrind keeps what was freed */
        CHECK(!is_anywhere());
}

int main(void) {
    int fds;
    one_fixed_token();
    fds = entries("/proc/self/fd");
    tokens_are_kept_and_shared();
    open_uses_them();
    tokens_expire();
    refused_tokens();
    answers_that_are_none();
    requests_are_joined();
    in_a_loop();
    waits_that_end();
    a_callback_that_is_late();
    one_that_is_never_answered();
    in_the_callback();
    in_a_child();
    nothing_of_a_token_is_left();
    GIVES(fds, entries("/proc/self/fd"));
    return 0;
}
