/* A storm of signals without SA_RESTART: invisible, and the deadline is kept. */
/* SERVER smtp plain */
/* SERVER smtps tls */
/* SERVER unix unix */
/* SERVER lmtp lmtp */
/* SERVER slow plain --mode drip --drip-ms 4 */
/* SERVER mute plain --mode mute */
#define _POSIX_C_SOURCE 200809L
#define _DEFAULT_SOURCE
#include "check.h"

#include <signal.h>
#include <sys/time.h>

static volatile sig_atomic_t interruptions;

static void on_alarm(int signal) {
    (void)signal;
    interruptions++;
}

static void send_through(int protocol, const char *name, int encrypt) {
    enum { SIZE = 1024 * 1024 };
    static char message[SIZE];
    const char *to = "to@b.example";
    smtp_client *client = client_new(protocol);
    size_t i;
    memset(message, 'x', SIZE);
    for (i = 78; i < SIZE; i += 79)
        message[i] = '\n';
    GIVES(SMTP_OK, smtp_client_connect(client, server(name), 0));
    if (encrypt)
        GIVES(SMTP_OK, smtp_client_starttls(client));
    for (i = 0; i < 3; i++) {
        GIVES(SMTP_OK, send_one(client));
        GIVES(SMTP_OK, smtp_client_sendmail(client, "a@a.example", &to, 1, message, SIZE, NULL, 0,
                                            NULL, 0));
    }
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
}

int main(void) {
    struct sigaction action;
    struct itimerval storm = {{0, 0}, {0, 0}};
    smtp_client *client;
    double begun;
    storm.it_interval.tv_usec = storm.it_value.tv_usec = slow() ? 50000 : 1000;
    memset(&action, 0, sizeof action);
    action.sa_handler = on_alarm;
    sigemptyset(&action.sa_mask);
    CHECK(sigaction(SIGALRM, &action, NULL) == 0);
    CHECK(setitimer(ITIMER_REAL, &storm, NULL) == 0);

    send_through(SMTP_PROTOCOL_SMTP, "smtp", 0);
    send_through(SMTP_PROTOCOL_SMTP, "smtp", 1);
    send_through(SMTP_PROTOCOL_SMTPS, "smtps", 0);
    send_through(SMTP_PROTOCOL_SMTP, "unix", 0);
    send_through(SMTP_PROTOCOL_LMTP, "lmtp", 0);

    /* A server that answers a byte at a time: every wait is interrupted many times over. */
    client = connected(SMTP_PROTOCOL_SMTP, "slow");
    GIVES(SMTP_OK, send_one(client));
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);

    client = client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_OK, smtp_client_set_timeout(client, 1000));
    begun = now();
    GIVES(SMTP_E_TIMEOUT, smtp_client_connect(client, server("mute"), 0));
    CHECK(now() - begun > 0.9 && now() - begun < (slow() ? 20 : 3));
    smtp_client_free(client);
    CHECK(interruptions > 10);
    return 0;
}
