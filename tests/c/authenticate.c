/* Authentication objects of the caller's own: all that a callback may do, and what it must not. */
/* SERVER smtp plain --auth user:password --mechanisms "PLAIN LOGIN CRAM-MD5 XOAUTH2" */
/* SERVER proving plain --auth user:password --mechanisms "LOGIN SCRAM-SHA-1 SCRAM-SHA-256 EXTERNAL" */
/* SERVER none plain */
/* SERVER strange plain --auth user:password --mechanisms "GSSAPI NTLM" */
/* SERVER impostor plain --auth u:p --mechanisms "SCRAM-SHA-256 PLAIN" --mode 235-at-auth */
/* SERVER endless plain --auth u:p --mechanisms PLAIN --mode 334-at-auth */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

/* What the callback is to do, and what it saw. */
struct plan {
    const char *responses[4]; /* NULL: return without one */
    int results[4];
    int calls;
    int challenges;
    int twice;
};

static int follow(smtp_auth_exchange *exchange, void *user) {
    struct plan *plan = user;
    int step = plan->calls++;
    size_t length = 12345;
    const char *challenge = smtp_auth_exchange_challenge(exchange, &length);
    CHECK(step < 4);
    if (challenge != NULL) {
        CHECK(length < 1000);
        plan->challenges++;
    }
    if (plan->responses[step] != NULL) {
        /* user\0password is written with bars */
        char text[256];
        size_t i, size = strlen(plan->responses[step]);
        memcpy(text, plan->responses[step], size);
        for (i = 0; i < size; i++)
            text[i] = text[i] == '|' ? '\0' : text[i];
        GIVES(SMTP_OK, smtp_auth_exchange_respond(exchange, text, size));
        memset(text, 'x', sizeof text); /* it was copied */
        if (plan->twice)
            GIVES(SMTP_E_MISUSE, smtp_auth_exchange_respond(exchange, text, size));
    }
    return plan->results[step];
}

struct test {
    const char *mechanism;
    struct plan plan;
    int initial_response;
    int expected;
    int calls;
    int challenges;
};

static const struct test TESTS[] = {
    /* initial response on the line */
    {"PLAIN", {{"|user|password"}, {0}, 0, 0, 0}, 1, SMTP_OK, 1, 0},
    {"plain", {{"|user|password"}, {0}, 0, 0, 0}, 1, SMTP_OK, 1, 0},
    /* declined, then asked for by a challenge */
    {"PLAIN", {{NULL, "|user|password"}, {0}, 0, 0, 0}, 1, SMTP_OK, 2, 1},
    /* switched off */
    {"PLAIN", {{"|user|password"}, {0}, 0, 0, 0}, 0, SMTP_OK, 1, 1},
    {"LOGIN", {{"user", "password"}, {0}, 0, 0, 0}, 1, SMTP_OK, 2, 1},
    {"LOGIN", {{NULL, "user", "password"}, {0}, 0, 0, 0}, 1, SMTP_OK, 3, 2},
    /* refused */
    {"PLAIN", {{"|user|wrong"}, {0}, 0, 0, 0}, 1, SMTP_E_AUTHENTICATION, 1, 0},
    /* the server's error challenge of XOAUTH2 is answered with nothing */
    {"XOAUTH2", {{"user=user\1auth=Bearer x\1\1", NULL}, {0}, 0, 0, 0}, 1, SMTP_E_AUTHENTICATION, 2,
     1},
    /* cancelled at once, and after a challenge */
    {"LOGIN", {{"user", NULL}, {0, -1}, 0, 0, 0}, 1, SMTP_E_AUTHENTICATION, 2, 1},
    {"LOGIN", {{NULL, NULL}, {0, -1}, 0, 0, 0}, 1, SMTP_E_AUTHENTICATION, 2, 1},
    {"PLAIN", {{NULL}, {-7}, 0, 0, 0}, 1, SMTP_E_AUTHENTICATION, 1, 0},
    /* too much */
    {"PLAIN", {{"|user|password"}, {0}, 0, 0, 1}, 1, SMTP_OK, 1, 0},
};

int main(void) {
    smtp_client *client;
    struct plan plan = {{NULL}, {0}, 0, 0, 0};
    char name[400];
    size_t i;
    for (i = 0; i < sizeof TESTS / sizeof *TESTS; i++) {
        const struct test *test = &TESTS[i];
        int code;
        plan = test->plan;
        client = connected(SMTP_PROTOCOL_SMTP, "smtp");
        GIVES(SMTP_OK, smtp_client_set_initial_response(client, test->initial_response));
        code = smtp_client_auth(client, test->mechanism, follow, &plan);
        if (code != test->expected || plan.calls != test->calls ||
            plan.challenges != test->challenges) {
            fprintf(stderr, "test %d: %s (%s), %d calls, %d challenges\n", (int)i,
                    smtp_error_name(code), smtp_client_last_error(client), plan.calls,
                    plan.challenges);
            return 1;
        }
        GIVES(250, smtp_client_noop(client)); /* in every case it goes on */
        smtp_client_free(client);
    }

    client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    plan.calls = 0;
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_auth(client, "NO SPACE", follow, &plan));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_auth(client, "", follow, &plan));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_auth(client, "ABCDEFGHIJKLMNOPQRSTU", follow, &plan));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_auth(client, "PLAIN", NULL, &plan));
    CHECK(plan.calls == 0);
    GIVES(SMTP_E_NOT_SUPPORTED, smtp_client_auth_builtin(client, "NTLM", "user", "password"));
    /* long credentials go behind the 334 (RFC 4954 section 4) */
    memset(name, 'u', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    GIVES(SMTP_E_AUTHENTICATION, smtp_client_auth_builtin(client, "PLAIN", name, name));
    GIVES(SMTP_OK, smtp_client_auth_builtin(client, "PLAIN", "user", "password"));
    smtp_client_free(client);

    /* SCRAM comes first; EXTERNAL has no password, and is not tried by itself */
    client = connected(SMTP_PROTOCOL_SMTP, "proving");
    GIVES(SMTP_E_AUTHENTICATION, smtp_client_auth_builtin(client, "scram-sha-1", "user", "wrong"));
    GIVES(SMTP_E_NO_MECHANISM, smtp_client_auth_builtin(client, "SCRAM-SHA-256-PLUS", "user", "password"));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_auth_builtin(client, "SCRAM-SHA-1", "user", NULL));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_auth_builtin(client, "SCRAM-SHA-1", "user", "a\a"));
    GIVES(SMTP_OK, smtp_client_login(client, "user", "password"));
    smtp_client_free(client);
    client = connected(SMTP_PROTOCOL_SMTP, "proving");
    GIVES(SMTP_OK, smtp_client_auth_builtin(client, "EXTERNAL", "", NULL));
    smtp_client_free(client);
    /* it takes any password, and proves nothing */
    client = connected(SMTP_PROTOCOL_SMTP, "impostor");
    GIVES(SMTP_E_AUTHENTICATION, smtp_client_login(client, "user", "password"));
    GIVES(SMTP_DETAIL_IMPOSTOR, smtp_client_last_error_detail(client));
    GIVES(0, smtp_client_is_connected(client));
    smtp_client_free(client);

    client = connected(SMTP_PROTOCOL_SMTP, "none");
    GIVES(SMTP_E_NOT_SUPPORTED, smtp_client_login(client, "user", "password"));
    GIVES(SMTP_E_NOT_SUPPORTED, smtp_client_auth(client, "PLAIN", follow, &plan));
    smtp_client_free(client);

    client = connected(SMTP_PROTOCOL_SMTP, "strange");
    GIVES(SMTP_E_NO_MECHANISM, smtp_client_login(client, "user", "password"));
    HAS(smtp_client_last_error(client), "GSSAPI");
    HAS(smtp_client_last_error(client), "CRAM-MD5");
    smtp_client_free(client);

    client = connected(SMTP_PROTOCOL_SMTP, "endless");
    GIVES(SMTP_E_AUTHENTICATION, smtp_client_login(client, "u", "p"));
    smtp_client_free(client);
    return 0;
}
