/*
 * What the TLS policy can do beyond verifying: sessions resumed, facts told, keys pinned and kept in
 * stores, and the system's roots, wherever the environment says that they are, read when they are
 * needed or before chroot(2).
 */
/* SERVER smtp plain */
/* SERVER other plain */
/* SERVER smtps tls */
/* SERVER shows tls --require-client-certificate */
#define _GNU_SOURCE
#include "check.h"

#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char scratch[] = "/tmp/smtpclient-tls-XXXXXX";

/* The library's TLS is OpenSSL, and not native-tls. */
static int is_full(void) {
    return smtp_client_has_feature("tls-info");
}

static smtp_tls *trusting(void) {
    smtp_tls *tls = smtp_tls_new();
    GIVES(SMTP_OK, smtp_tls_set_system_roots(tls, 0));
    GIVES(SMTP_OK, smtp_tls_set_ca_file(tls, file("ca.pem")));
    return tls;
}

/* A mail over a new connection; gives whether its session was resumed. */
static int resumed(smtp_client *client, int protocol, const char *name) {
    int was;
    GIVES(SMTP_OK, smtp_client_connect(client, server(name), 0));
    if (protocol == SMTP_PROTOCOL_SMTP) {
        GIVES(SMTP_OK, smtp_client_starttls(client));
    }
    GIVES(SMTP_OK, send_one(client));
    was = strcmp(smtp_client_tls_info(client, SMTP_TLS_INFO_RESUMED), "yes") == 0;
    GIVES(221, smtp_client_quit(client));
    return was;
}

static void resumption(void) {
    static const struct {
        int protocol;
        const char *name;
    } ways[] = {{SMTP_PROTOCOL_SMTPS, "smtps"}, {SMTP_PROTOCOL_SMTP, "smtp"}};
    size_t i, turn;
    for (i = 0; i < 2; i++) {
        smtp_tls *tls = trusting();
        smtp_client *one = smtp_client_new(ways[i].protocol);
        smtp_client *other = smtp_client_new(ways[i].protocol);
        GIVES(SMTP_OK, smtp_client_set_tls(one, tls));
        GIVES(SMTP_OK, smtp_client_set_tls(other, tls));
        GIVES(0, resumed(one, ways[i].protocol, ways[i].name));
        for (turn = 0; turn < 5; turn++) {
            GIVES(1, resumed(turn % 2 ? one : other, ways[i].protocol, ways[i].name));
        }
        if (ways[i].protocol == SMTP_PROTOCOL_SMTP) {
            GIVES(0, resumed(one, ways[i].protocol, "other"));
            GIVES(1, resumed(other, ways[i].protocol, "other"));
        }
        /* What a client has it keeps; what is changed begins anew. */
        GIVES(SMTP_OK, smtp_tls_set_resumption(tls, 0));
        GIVES(SMTP_OK, smtp_client_set_tls(other, tls));
        GIVES(1, resumed(one, ways[i].protocol, ways[i].name));
        GIVES(0, resumed(other, ways[i].protocol, ways[i].name));
        GIVES(0, resumed(other, ways[i].protocol, ways[i].name));
        GIVES(SMTP_OK, smtp_tls_set_resumption(tls, 1));
        GIVES(SMTP_OK, smtp_client_set_tls(other, tls));
        GIVES(0, resumed(other, ways[i].protocol, ways[i].name));
        GIVES(1, resumed(other, ways[i].protocol, ways[i].name));
        smtp_client_free(one);
        smtp_client_free(other);
        smtp_tls_free(tls);
    }
}

static void facts(void) {
    static const int all[] = {SMTP_TLS_INFO_VERSION, SMTP_TLS_INFO_CIPHER,  SMTP_TLS_INFO_GROUP,
                              SMTP_TLS_INFO_RESUMED, SMTP_TLS_INFO_SUBJECT, SMTP_TLS_INFO_ISSUER,
                              SMTP_TLS_INFO_NOT_AFTER, SMTP_TLS_INFO_NAMES};
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTP);
    const char *version;
    size_t i;
    for (i = 0; i < sizeof all / sizeof *all; i++) {
        CHECK(smtp_client_tls_info(client, all[i]) == NULL);
    }
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
    CHECK(smtp_client_tls_info(client, SMTP_TLS_INFO_VERSION) == NULL);
    GIVES(SMTP_OK, smtp_client_last_error_code(client));
    GIVES(SMTP_OK, smtp_client_starttls(client));
    for (i = 0; i < sizeof all / sizeof *all; i++) {
        const char *text = smtp_client_tls_info(client, all[i]);
        if (text == NULL && all[i] == SMTP_TLS_INFO_GROUP)
            continue; /* before OpenSSL 3.0 */
        CHECK(text != NULL && *text != '\0');
        CHECK(text == smtp_client_tls_info(client, all[i]));
    }
    version = smtp_client_tls_info(client, SMTP_TLS_INFO_VERSION);
    HAS(smtp_client_tls_info(client, SMTP_TLS_INFO_NAMES), "localhost");
    SAME("TLSv1.3", version);
    CHECK(smtp_client_tls_info(client, 0) == NULL);
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_client_last_error_code(client));
    CHECK(smtp_client_tls_info(client, 9999) == NULL);
    CHECK(smtp_client_tls_info(client, -1) == NULL);
    GIVES(221, smtp_client_quit(client));
    CHECK(smtp_client_tls_info(client, SMTP_TLS_INFO_VERSION) == NULL);
    smtp_client_free(client);
    CHECK(smtp_client_tls_info(NULL, SMTP_TLS_INFO_VERSION) == NULL);
}

static void pins(void) {
    static const char other[] = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    static const char *const bad[] = {"", "sha256//", "sha256//AAAA", "md5//AAAA", "\xff", "*"};
    smtp_tls *tls = trusting();
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTPS);
    size_t i;
    for (i = 0; i < sizeof bad / sizeof *bad; i++) {
        GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_add_pin(tls, bad[i]));
    }
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_add_pin(tls, NULL));
    GIVES(SMTP_OK, smtp_tls_add_pin(tls, other));
    GIVES(SMTP_OK, smtp_tls_set_verify(tls, SMTP_TLS_VERIFY_NONE));
    GIVES(SMTP_OK, smtp_client_set_tls(client, tls));
    GIVES(SMTP_E_TLS, smtp_client_connect(client, server("smtps"), 0));
    GIVES(SMTP_DETAIL_CERTIFICATE, smtp_client_last_error_detail(client));
    HAS(smtp_client_last_error(client), "none of the pins");
    GIVES(0, smtp_client_is_connected(client));
    smtp_client_free(client);
    smtp_tls_free(tls);
}

static void keys_in_stores(void) {
    smtp_tls *tls = trusting();
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTPS);
    char uri[1100];
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_client_key_uri(tls, NULL));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_client_key_uri(tls, "file:/nonexistent"));
    HAS(smtp_tls_last_error(tls), "cannot open");
    snprintf(uri, sizeof uri, "file:%s", file("client.key"));
    GIVES(SMTP_OK, smtp_tls_set_client_key_uri(tls, uri));
    GIVES(SMTP_E_INVALID_ARGUMENT, smtp_tls_set_client_certificate(tls, file("rsa.pem"), NULL));
    GIVES(SMTP_OK, smtp_tls_set_client_certificate(tls, file("client.pem"), NULL));
    GIVES(SMTP_OK, smtp_client_set_tls(client, tls));
    GIVES(SMTP_OK, smtp_client_connect(client, server("shows"), 0));
    GIVES(SMTP_OK, send_one(client));
    smtp_client_free(client);
    smtp_tls_free(tls);
}

static const char *write_file(const char *name, const char *const *parts) {
    static char paths[16][256];
    static size_t next;
    char *path = paths[next++ % 16];
    FILE *opened;
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    opened = fopen(path, "wb");
    CHECK(opened != NULL);
    for (; *parts != NULL; parts++) {
        CHECK(fputs(*parts, opened) >= 0);
    }
    CHECK(fclose(opened) == 0);
    return path;
}

static char authority[16384];

/* Under the default policy, with nothing set but where the system's roots are. */
static int open_by_default(int is_loaded) {
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    smtp_tls *tls = smtp_tls_new();
    int code;
    if (is_loaded) {
        GIVES(SMTP_OK, smtp_tls_load(tls));
    }
    GIVES(SMTP_OK, smtp_client_set_tls(client, tls));
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtp"), 0));
    code = smtp_client_starttls(client);
    if (code == SMTP_OK) {
        GIVES(SMTP_OK, send_one(client));
    }
    smtp_client_free(client);
    smtp_tls_free(tls);
    return code;
}

static int load(void) {
    smtp_tls *tls = smtp_tls_new();
    int code = smtp_tls_load(tls);
    smtp_tls_free(tls);
    return code;
}

static void where_roots_are(void) {
    static const char broken[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    const char *good[] = {authority, NULL}, *nothing[] = {NULL};
    const char *middle[] = {broken, authority, NULL}, *bad[] = {broken, NULL};
    const char *bundle = write_file("good.pem", good), *empty = write_file("empty.pem", nothing);
    const char *mixed = write_file("mixed.pem", middle), *bad_file = write_file("bad.pem", bad);
    char missing[300];
    struct {
        const char *file, *directory;
        int opens, loads;
        const char *told;
    } cases[8];
    size_t i;
    snprintf(missing, sizeof missing, "%s/missing", scratch);
    memset(cases, 0, sizeof cases);
    cases[0].file = bundle, cases[0].directory = scratch, cases[0].opens = 1, cases[0].loads = 1;
    cases[1].file = mixed, cases[1].directory = scratch, cases[1].opens = 1;
    cases[1].told = "certificate 1 in";
    cases[2].file = bad_file, cases[2].directory = scratch, cases[2].told = "certificate 1 in";
    cases[3].file = missing, cases[3].directory = scratch, cases[3].told = "cannot read";
    cases[4].file = empty, cases[4].directory = missing, cases[4].told = "missing";
    cases[5].file = empty, cases[5].directory = scratch, cases[5].told = "no roots";
    cases[6].file = bundle, cases[6].directory = missing, cases[6].opens = 1;
    cases[6].told = "missing";
    cases[7] = cases[0];
    for (i = 0; i < sizeof cases / sizeof *cases; i++) {
        setenv("SSL_CERT_FILE", cases[i].file, 1);
        setenv("SSL_CERT_DIR", cases[i].directory, 1);
        GIVES(cases[i].opens ? SMTP_OK : SMTP_E_TLS, open_by_default(0));
        if (!cases[i].opens) {
            HAS(smtp_last_error(), "unknown issuer");
        }
        GIVES(cases[i].loads ? SMTP_OK : SMTP_E_TLS, load());
        if (!cases[i].loads) {
            HAS(smtp_last_error(), cases[i].told);
        }
    }
}

/* As a daemon does: it reads what it needs, and locks itself in. */
static void behind_chroot(void) {
    const char *good[] = {authority, NULL};
    smtp_tls *tls = smtp_tls_new();
    char empty[300];
    int status;
    pid_t child;
    snprintf(empty, sizeof empty, "%s/empty", scratch);
    CHECK(mkdir(empty, 0755) == 0);
    setenv("SSL_CERT_FILE", write_file("locked.pem", good), 1);
    setenv("SSL_CERT_DIR", empty, 1);
    GIVES(SMTP_OK, smtp_tls_load(tls));
    GIVES(SMTP_OK, smtp_tls_set_min_version(tls, SMTP_TLS_VERSION_1_3));
    child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        const char *address = "127.0.0.1";
        smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
        int port = atoi(strrchr(server("smtp"), ':') + 1);
        GIVES(SMTP_OK, smtp_client_set_tls(client, tls));
        GIVES(SMTP_OK, smtp_client_set_host(client, "localhost", port));
        GIVES(SMTP_OK, smtp_client_set_security(client, SMTP_SECURITY_STARTTLS));
        GIVES(SMTP_OK, smtp_client_set_addresses(client, &address, 1));
        /* Who is not root may be in a namespace of his own. */
        if (geteuid() != 0 && unshare(CLONE_NEWUSER) != 0) {
            printf("no chroot(2) here: neither root nor a user namespace\n");
            _exit(0);
        }
        CHECK(chroot(empty) == 0 && chdir("/") == 0);
        CHECK(access("/etc", F_OK) != 0);
        if (geteuid() == 0) {
            CHECK(setgid(65534) == 0 && setuid(65534) == 0);
        }
        GIVES(SMTP_OK, smtp_client_open(client));
        GIVES(1, smtp_client_is_encrypted(client));
        GIVES(SMTP_OK, send_one(client));
        GIVES(221, smtp_client_quit(client));
        smtp_client_free(client);
        smtp_tls_free(tls);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    smtp_tls_free(tls);
}

/* A policy on which nothing was set is one all the same. */
static void tickets_of_an_untouched_policy(void) {
    const char *good[] = {authority, NULL};
    smtp_tls *tls = smtp_tls_new();
    smtp_client *one = smtp_client_new(SMTP_PROTOCOL_SMTPS);
    smtp_client *other = smtp_client_new(SMTP_PROTOCOL_SMTPS);
    setenv("SSL_CERT_FILE", write_file("good.pem", good), 1);
    GIVES(SMTP_OK, smtp_client_set_tls(one, tls));
    GIVES(SMTP_OK, smtp_client_set_tls(other, tls));
    GIVES(0, resumed(one, SMTP_PROTOCOL_SMTPS, "smtps"));
    GIVES(1, resumed(other, SMTP_PROTOCOL_SMTPS, "smtps"));
    smtp_client_free(one);
    smtp_client_free(other);
    smtp_tls_free(tls);
}

static void not_by_native_tls(void) {
    smtp_tls *tls = trusting();
    smtp_client *client = client_new(SMTP_PROTOCOL_SMTPS);
    const char pin[] = "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    GIVES(SMTP_E_NOT_SUPPORTED, smtp_tls_add_pin(tls, pin));
    GIVES(SMTP_E_NOT_SUPPORTED, smtp_tls_set_resumption(tls, 1));
    GIVES(SMTP_OK, smtp_tls_set_resumption(tls, 0));
    GIVES(SMTP_E_NOT_SUPPORTED, smtp_tls_set_client_key_uri(tls, "file:x"));
    GIVES(SMTP_OK, smtp_tls_load(tls));
    GIVES(SMTP_OK, smtp_client_set_tls(client, tls));
    GIVES(SMTP_OK, smtp_client_connect(client, server("smtps"), 0));
    CHECK(smtp_client_tls_info(client, SMTP_TLS_INFO_VERSION) == NULL);
    GIVES(SMTP_E_NOT_SUPPORTED, smtp_client_last_error_code(client));
    smtp_client_free(client);
    smtp_tls_free(tls);
}

static void clean_up(void) {
    static const char *const names[] = {"good.pem", "empty.pem",  "mixed.pem",
                                        "bad.pem",  "locked.pem", "empty"};
    char path[300];
    size_t i;
    for (i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(path, sizeof path, "%s/%s", scratch, names[i]);
        remove(path);
    }
    CHECK(remove(scratch) == 0);
}

int main(void) {
    FILE *opened = fopen(file("ca.pem"), "rb");
    static const char *const features[] = {"tls-info", "tls-resumption", "tls-pins", "tls-key-uri"};
    size_t i;
    CHECK(opened != NULL && fread(authority, 1, sizeof authority - 1, opened) > 0);
    fclose(opened);
    for (i = 0; i < 4; i++) {
        GIVES(is_full(), smtp_client_has_feature(features[i]));
    }
    if (!is_full()) {
        not_by_native_tls();
        return 0;
    }
    CHECK(mkdtemp(scratch) != NULL);
    resumption();
    facts();
    pins();
    keys_in_stores();
    where_roots_are();
    tickets_of_an_untouched_policy();
    if (!slow()) {
        behind_chroot();
    }
    clean_up();
    return 0;
}
