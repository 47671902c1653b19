/* destroy and release callbacks run exactly once: on replacement, on free, and when the
 * registering call itself fails. */
/* SERVER smtp plain */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include "calls_setup.h"

static void count(void *user) {
    ++*(int *)user;
}

typedef int (*registrar)(smtp_client *client, int on, int *user);

static int debug(smtp_client *client, int on, int *user) {
    return smtp_client_set_debug_callback(client, on ? a_debug_callback : NULL, user, count);
}
static int audit(smtp_client *client, int on, int *user) {
    return smtp_client_set_audit_callback(client, on ? an_audit_callback : NULL, user, count);
}
static int progress(smtp_client *client, int on, int *user) {
    return smtp_client_set_progress_callback(client, on ? a_progress_callback : NULL, user, count);
}
static int completion(smtp_client *client, int on, int *user) {
    return smtp_client_set_completion_callback(client, on ? a_completion_callback : NULL, user,
                                               count);
}

static registrar in_callback;
static int from_callback;

static int register_again(int event, const char *host, int port, const char *data, size_t size,
                          void *user) {
    (void)event, (void)host, (void)port, (void)data, (void)size, (void)user;
    if (in_callback != NULL)
        GIVES(SMTP_E_BUSY, in_callback(c, 1, &from_callback));
    in_callback = NULL;
    return 0;
}

static void of_a_client(registrar set) {
    int first = 0, second = 0, failed = 0, none = 0;
    c = connected(SMTP_PROTOCOL_SMTP, "smtp");
    GIVES(SMTP_OK, set(c, 1, &first));
    GIVES(SMTP_OK, send_one(c));
    CHECK(first == 0);
    GIVES(SMTP_OK, set(c, 1, &second));
    CHECK(first == 1 && second == 0);
    GIVES(SMTP_OK, set(c, 0, &none)); /* no callback, but data that must be destroyed */
    CHECK(first == 1 && second == 1 && none <= 1);
    first = second = 0;

    GIVES(SMTP_E_MISUSE, set(NULL, 1, &failed));
    CHECK(failed == 1);

    GIVES(SMTP_OK, set(c, 1, &first));
    CHECK(none == 1);
    GIVES(SMTP_OK, smtp_client_close(c));
    CHECK(first == 0);
    smtp_client_free(c);
    CHECK(first == 1);
    GIVES(SMTP_E_MISUSE, set(c, 1, &failed)); /* freed */
    CHECK(failed == 2 && first == 1);

    /* busy */
    from_callback = 0;
    c = connected(SMTP_PROTOCOL_SMTP, "smtp");
    GIVES(SMTP_OK, smtp_client_set_audit_callback(c, register_again, NULL, NULL));
    in_callback = set;
    GIVES(250, smtp_client_noop(c));
    CHECK(in_callback == NULL && from_callback == 1);
    smtp_client_free(c);
    CHECK(from_callback == 1);
}

static void of_a_transaction(void) {
    int first = 0, second = 0, third = 0, failed = 0;
    t = smtp_transaction_new();
    GIVES(SMTP_OK, smtp_transaction_set_message_borrowed(t, MESSAGE, sizeof MESSAGE - 1));
    GIVES(SMTP_OK, smtp_transaction_set_release_callback(t, count, &first));
    CHECK(first == 0);
    GIVES(SMTP_OK, smtp_transaction_set_message(t, MESSAGE, sizeof MESSAGE - 1));
    CHECK(first == 1);
    GIVES(SMTP_OK, smtp_transaction_set_message_reader(t, a_read_callback, NULL, -1));
    GIVES(SMTP_OK, smtp_transaction_set_release_callback(t, count, &second));
    GIVES(SMTP_OK, smtp_transaction_clear(t));
    CHECK(first == 1 && second == 1);
    GIVES(SMTP_OK, smtp_transaction_set_message_borrowed(t, MESSAGE, sizeof MESSAGE - 1));
    GIVES(SMTP_OK, smtp_transaction_set_release_callback(t, count, &third));
    smtp_transaction_free(t);
    CHECK(first == 1 && second == 1 && third == 1);
    GIVES(SMTP_E_MISUSE, smtp_transaction_set_release_callback(t, count, &failed));
    CHECK(failed == 1);

    t = smtp_transaction_new();
    first = second = third = failed = 0;
    GIVES(SMTP_OK, smtp_transaction_set_user_data(t, &first, count));
    GIVES(SMTP_OK, smtp_transaction_set_reader(t, a_read_callback, &second, count, -1));
    GIVES(SMTP_OK, smtp_transaction_set_reader(t, a_read_callback, &third, count, -1));
    CHECK(first == 0 && second == 1 && third == 0);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_transaction_set_reader(t, NULL, &failed, count, -1));
    GIVES(SMTP_E_INVALID_ARGUMENT,
          smtp_transaction_set_reader(t, a_read_callback, &failed, count, -2));
    CHECK(failed == 2 && third == 0);
    GIVES(SMTP_OK, smtp_transaction_clear(t));
    CHECK(third == 1 && first == 0 && smtp_transaction_user_data(t) == &first);
    GIVES(SMTP_OK, smtp_transaction_set_user_data(t, &second, count));
    CHECK(first == 1 && second == 1);
    smtp_transaction_free(t);
    CHECK(first == 1 && second == 2);
    GIVES(SMTP_E_MISUSE, smtp_transaction_set_user_data(t, &failed, count));
    GIVES(SMTP_E_MISUSE, smtp_transaction_set_reader(t, a_read_callback, &failed, count, -1));
    CHECK(failed == 4);
}

/* What fails in a destroy function behind a failed setter does not hide the setter's error. */
static void failing(void *user) {
    ++*(int *)user;
    CHECK(smtp_client_set_timeout(NULL, 0) == SMTP_E_MISUSE);
    CHECK(smtp_transaction_set_sender(t, "\n") < 0);
}

static void destroy_that_fails(void) {
    int failed = 0;
    t = smtp_transaction_new();
    GIVES(SMTP_E_INVALID_ARGUMENT,
          smtp_transaction_set_reader(t, a_read_callback, &failed, failing, -77));
    HAS(smtp_last_error(), "-77");
    HAS(smtp_transaction_last_error(t), "-77");
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_last_error_code());
    smtp_transaction_free(t);
    GIVES(SMTP_E_MISUSE, smtp_transaction_set_release_callback(NULL, failing, &failed));
    HAS(smtp_last_error(), "the transaction is NULL");
    GIVES(SMTP_E_MISUSE, smtp_client_set_debug_callback((smtp_client *)(void *)t, a_debug_callback,
                                                        &failed, failing));
    HAS(smtp_last_error(), "the client is no live handle");
    CHECK(failed == 3);
}

/* destroy may use the handle that it belonged to, or free it. */
static void freeing(void *unused) {
    (void)unused;
    smtp_client_free(c);
}

static void destroy_that_frees(void) {
    c = smtp_client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_OK, smtp_client_set_debug_callback(c, a_debug_callback, NULL, freeing));
    smtp_client_set_debug_callback(c, NULL, NULL, NULL);
    GIVES(SMTP_E_MISUSE, smtp_client_noop(c));
}

int main(void) {
    use_all();
    of_a_client(debug);
    of_a_client(audit);
    of_a_client(progress);
    of_a_client(completion);
    of_a_transaction();
    destroy_that_fails();
    destroy_that_frees();
    return 0;
}
