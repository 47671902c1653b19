/* Descriptors: above 1024 (no select), close-on-exec, none left behind, the caller's left alone. */
/* SERVER smtp plain */
/* SERVER smtps tls */
/* SERVER unix unix */
/* SERVER refuse plain --mode 554-at-greeting */
/* SERVER expired tls --cert expired --mode mute-at-quit */
#define _POSIX_C_SOURCE 200809L
#include "check.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { OPENED = 2000 };

/* How many descriptors are open; each beyond the first `known` must close on exec. */
static int open_descriptors(int known) {
    DIR *directory = opendir("/proc/self/fd");
    struct dirent *entry;
    int count = 0;
    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fd == dirfd(directory))
            continue;
        count++;
        if (fd > known && fcntl(fd, F_GETFD) >= 0)
            CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    }
    closedir(directory);
    return count;
}

static void use(int protocol, const char *name, int highest) {
    smtp_client *client = connected(protocol, name);
    if (highest < 1 << 20)
        CHECK(smtp_client_fd(client) > 1024);
    GIVES(SMTP_OK, send_one(client));
    if (protocol == SMTP_PROTOCOL_SMTP)
        smtp_client_starttls(client);
    GIVES(SMTP_OK, send_one(client));
    open_descriptors(highest);
    GIVES(221, smtp_client_quit(client));
    GIVES(SMTP_E_DISCONNECTED, smtp_client_fd(client));
    smtp_client_free(client);
}

/* Connects by hand to HOST:PORT. */
static int connect_by_hand(const char *address) {
    struct sockaddr_in to;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(fd >= 0);
    memset(&to, 0, sizeof to);
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons((unsigned short)atoi(strrchr(address, ':') + 1));
    CHECK(connect(fd, (struct sockaddr *)&to, sizeof to) == 0);
    return fd;
}

static void over_a_socket_of_the_callers(void) {
    int fd = connect_by_hand(server("smtp"));
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    GIVES(SMTP_OK, smtp_client_connect_fd(client, fd, "localhost"));
    close(fd); /* it was duplicated */
    GIVES(SMTP_OK, smtp_client_starttls(client));
    GIVES(SMTP_OK, send_one(client));
    GIVES(221, smtp_client_quit(client));

    /* Refused: the caller's descriptor is still his. */
    fd = connect_by_hand(server("refuse"));
    GIVES(SMTP_E_CONNECT, smtp_client_connect_fd(client, fd, NULL));
    CHECK(fcntl(fd, F_GETFD) >= 0);
    close(fd);
    fd = open("/dev/null", O_RDWR);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_connect_fd(client, fd, NULL));
    CHECK(fcntl(fd, F_GETFD) >= 0);
    close(fd);
    smtp_client_free(client);
}

static void failures(void) {
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    smtp_client *secure = client_new(SMTP_PROTOCOL_SMTPS);
    GIVES(SMTP_E_CONNECT, smtp_client_connect(client, server("refuse"), 0));
    GIVES(554, smtp_client_reply_code(client));
    GIVES(SMTP_E_IO, smtp_client_connect(client, "/nonexistent", 0));
    GIVES(SMTP_E_IO, smtp_client_connect(client, "127.0.0.1", 1));
    GIVES(SMTP_E_TLS, smtp_client_connect(secure, server("expired"), 0));
    HAS(smtp_client_last_error(secure), "expired");
    smtp_client_free(client);
    smtp_client_free(secure);
}

/* The message from a descriptor: read from where it stands, which stays, and duplicated. */
static void message_from_a_descriptor(void) {
    char path[] = "/tmp/smtpclient-test-XXXXXX";
    int fd = mkstemp(path);
    smtp_client *client = connected(SMTP_PROTOCOL_SMTP, "smtp");
    smtp_transaction *transaction = smtp_transaction_new();
    CHECK(fd >= 0);
    unlink(path);
    CHECK(write(fd, "skipped", 7) == 7);
    CHECK(write(fd, MESSAGE, sizeof MESSAGE - 1) == (ssize_t)(sizeof MESSAGE - 1));
    CHECK(lseek(fd, 7, SEEK_SET) == 7);
    GIVES(SMTP_OK, smtp_transaction_set_sender(transaction, "a@a.example"));
    GIVES(SMTP_OK, smtp_transaction_add_recipient(transaction, "b@b.example", NULL, 0));
    GIVES(SMTP_OK, smtp_transaction_set_message_fd(transaction, fd));
    GIVES(SMTP_OK, smtp_client_send(client, transaction));
    GIVES(7, lseek(fd, 0, SEEK_CUR));
    close(fd);
    GIVES(SMTP_OK, smtp_client_send(client, transaction));
    smtp_transaction_free(transaction);
    smtp_client_free(client);
}

/* In a process without standard streams nothing of ours takes their place. */
static void without_standard_streams(void) {
    static const struct {
        int protocol;
        const char *server;
    } ways[] = {{SMTP_PROTOCOL_SMTP, "smtp"}, {SMTP_PROTOCOL_SMTPS, "smtps"},
                {SMTP_PROTOCOL_SMTP, "unix"}};
    int saved[3], taken = 0, i;
    size_t way;
    for (way = 0; way < sizeof ways / sizeof *ways; way++) {
        smtp_client *client = client_new(ways[way].protocol);
        smtp_client *other = client_new(SMTP_PROTOCOL_SMTP);
        int own = -1, name_found;
        for (i = 0; i < 3; i++) {
            saved[i] = fcntl(i, F_DUPFD_CLOEXEC, 3);
            close(i);
        }
        if (smtp_client_set_debug_level(client, 1) == SMTP_OK &&
            smtp_client_connect(client, server(ways[way].server), 0) == SMTP_OK)
            own = smtp_client_fd(client);
        name_found = smtp_client_connect(other, "localhost", 1) == SMTP_E_IO;
        for (i = 0; i < 3; i++)
            taken += fcntl(i, F_GETFD) >= 0;
        for (i = 0; i < 3; i++)
            if (saved[i] >= 0)
                CHECK(dup2(saved[i], i) == i && close(saved[i]) == 0);
        CHECK(own > 2 && taken == 0 && name_found);
        GIVES(SMTP_OK, send_one(client));
        smtp_client_free(client);
        smtp_client_free(other);
    }
}

int main(void) {
    struct rlimit limit;
    int before, highest = 0, i;
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    if (limit.rlim_cur < OPENED + 200) {
        limit.rlim_cur = OPENED + 200;
        CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    }
    without_standard_streams();
    before = open_descriptors(1 << 20);
    use(SMTP_PROTOCOL_SMTPS, "smtps", 1 << 20); /* what OpenSSL opens once */
    CHECK(before == open_descriptors(1 << 20));

    for (i = 0; i < OPENED; i++) {
        highest = open("/dev/null", O_RDONLY);
        CHECK(highest >= 0);
    }
    before = open_descriptors(highest);
    use(SMTP_PROTOCOL_SMTP, "smtp", highest);
    use(SMTP_PROTOCOL_SMTPS, "smtps", highest);
    use(SMTP_PROTOCOL_SMTP, "unix", highest);
    over_a_socket_of_the_callers();
    failures();
    message_from_a_descriptor();
    CHECK(before == open_descriptors(highest));
    return 0;
}
