/* A child forked in mid-session may free the parent's handle, which sends nothing, and make its
 * own; the parent goes on. */
/* SERVER smtp plain */
/* SERVER smtps tls */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

static void fork_with(int protocol, const char *name, int close_too) {
    smtp_client *client = connected(protocol, name);
    smtp_client *other;
    int status;
    pid_t child;
    GIVES(SMTP_OK, send_one(client));
    fflush(NULL);
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        if (close_too)
            GIVES(SMTP_OK, smtp_client_close(client));
        smtp_client_free(client);
        other = connected(protocol, name);
        GIVES(SMTP_OK, send_one(other));
        GIVES(221, smtp_client_quit(other));
        smtp_client_free(other);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    /* Neither QUIT nor close_notify nor FIN has come from the child. */
    GIVES(250, smtp_client_noop(client));
    GIVES(SMTP_OK, send_one(client));
    GIVES(221, smtp_client_quit(client));
    smtp_client_free(client);
}

int main(void) {
    fork_with(SMTP_PROTOCOL_SMTP, "smtp", 0);
    fork_with(SMTP_PROTOCOL_SMTP, "smtp", 1);
    fork_with(SMTP_PROTOCOL_SMTPS, "smtps", 0);
    fork_with(SMTP_PROTOCOL_SMTPS, "smtps", 1);
    return 0;
}
