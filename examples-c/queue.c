/*
 * A mail queue that no crash harms: a directory with one file for each message, whose name says how
 * far it has come. docs/next-try.md goes through it step by step.
 *
 *     queue add DIR FROM TO... < message    prints the message's ID once it is safe on disk
 *     SMTP_URL=URL queue run DIR            sends what waits
 *
 *     tmp.ID      is being written
 *     ID.mail     waits for the next run
 *     ID.sending  the server may have it, and what became of it is not on disk yet
 *     ID.unknown  is over: somebody may have it or not, and it is not sent again by itself
 *     ID.failed   is over: somebody will not get it
 *
 * A file begins with the envelope, a line "from ADDRESS" and one for each recipient who does not
 * have the message: "to ADDRESS", "failed ADDRESS" or "unknown ADDRESS", behind a tab why. An empty
 * line and the message follow.
 *
 * Exit status (sysexits.h): 0 nothing waits, 64 wrong usage, 74 the disk fails, 75 something waits
 * for the next run, 78 something waits for somebody to look.
 */
#define _DEFAULT_SOURCE /* flock, beside POSIX */
#include <smtpclient.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { DONE = 0, USAGE = 64, DISK = 74, LATER = 75, LOOK = 78 };
enum { DAY = 24 * 60 * 60, GIVE_UP = 5 * DAY /* RFC 5321 section 4.5.4.1 */ };

typedef struct letter {
    const char *id, *state; /* its file is called ID.STATE */
    FILE *file;
    int64_t left; /* so much of the message was not read yet */
    smtp_transaction *mail;
    int crashed; /* a run was killed while it sent this */
} letter;

static int directory;         /* the present one, open: to lock it, and to make names safe */
static char own[64], tmp[72]; /* an ID that nobody else has, and the file that is being written */

/* What fails ends the program where it stands: that is one more crash, which does no harm. */
static void check(int good, const char *what) {
    if (good)
        return;
    fprintf(stderr, "queue: %s: %s\n", what, strerror(errno));
    unlink(tmp);
    exit(DISK);
}

static const char *name(const char *id, const char *state) {
    static char names[2][300];
    static int turn;
    turn = !turn;
    snprintf(names[turn], sizeof names[turn], "%s.%s", id, state);
    return names[turn];
}

static int exists(const char *id, const char *state) {
    return access(name(id, state), F_OK) == 0;
}

static void move(const char *from, const char *to) {
    check(rename(from, to) == 0 && fsync(directory) == 0, to);
}

static void drop(const char *file) {
    check(unlink(file) == 0 && fsync(directory) == 0, file);
}

/* Puts the message behind the envelope in `out`, which is `tmp`. What is safe gets its name. */
static void commit(FILE *out, FILE *message, const char *to) {
    char piece[16 * 1024];
    size_t length;
    fputc('\n', out);
    while ((length = fread(piece, 1, sizeof piece, message)) > 0)
        check(fwrite(piece, 1, length, out) == length, tmp);
    check(!ferror(message) && !ferror(out) && fflush(out) == 0, tmp);
    check(fsync(fileno(out)) == 0 && fclose(out) == 0, tmp);
    move(tmp, to);
}

static int add(int count, char **addresses) {
    smtp_transaction *mail = smtp_transaction_new(); /* what it takes for an address is one line */
    int i, bad = mail == NULL || smtp_transaction_set_sender(mail, addresses[0]) < 0;
    FILE *out;
    for (i = 1; i < count && !bad; i++)
        bad = smtp_transaction_add_recipient(mail, addresses[i], NULL, 0) < 0;
    smtp_transaction_free(mail);
    if (bad)
        return fprintf(stderr, "queue: %s\n", smtp_last_error()), USAGE;
    check((out = fopen(tmp, "w")) != NULL, tmp);
    for (i = 0; i < count; i++)
        fprintf(out, "%s %s\n", i == 0 ? "from" : "to", addresses[i]);
    commit(out, stdin, name(own, "mail"));
    check(puts(own) >= 0 && fflush(stdout) == 0, "standard output");
    return DONE;
}

/* No server has a message whose last byte was not read yet: until then a crash is no matter. */
static ptrdiff_t read_message(void *buffer, size_t capacity, void *user_data) {
    letter *l = user_data;
    size_t length = fread(buffer, 1, capacity, l->file);
    check(!ferror(l->file), l->id);
    l->left -= (int64_t)length;
    if (l->left <= 0 && strcmp(l->state, "mail") == 0) {
        move(name(l->id, "mail"), name(l->id, "sending"));
        l->state = "sending";
    }
    return (ptrdiff_t)length;
}

/* The next line of the envelope, without its end; NULL behind the last. */
static char *next_line(FILE *file) {
    static char *line;
    static size_t room;
    ssize_t length = getline(&line, &room, file);
    if (length <= 1)
        return NULL;
    line[length - 1] = '\0';
    return line;
}

/* Reads the envelope; negative if it is none. */
static int load(letter *l) {
    char *line;
    struct stat facts;
    int status = SMTP_OK;
    l->file = fopen(name(l->id, l->state), "r");
    check(l->file != NULL && fstat(fileno(l->file), &facts) == 0, l->id);
    l->mail = smtp_transaction_new();
    while (status == SMTP_OK && (line = next_line(l->file)) != NULL) {
        line[strcspn(line, "\t")] = '\0';
        if (strncmp(line, "from ", 5) == 0)
            status = smtp_transaction_set_sender(l->mail, line + 5);
        else if (strncmp(line, "to ", 3) == 0)
            status = smtp_transaction_add_recipient(l->mail, line + 3, NULL, 0);
    }
    l->left = (int64_t)facts.st_size - (int64_t)ftello(l->file);
    if (feof(l->file) || smtp_transaction_recipient_count(l->mail) == 0)
        status = SMTP_E_INVALID_ARGUMENT;
    if (status == SMTP_OK)
        status = smtp_transaction_set_reader(l->mail, read_message, l, NULL, l->left);
    return status;
}

/* What became of a recipient, his line's first word, and the state of a letter: of its last one. */
enum { HAS_IT, FAILED, UNKNOWN, WAITS, STUCK };
static const char *const words[] = {"", "failed ", "unknown ", "to ", "to "};
static const char *const states[] = {"", "failed", "unknown", "mail", "mail"};

static int fate(const letter *l, size_t i) {
    int advice, status = smtp_transaction_recipient_status(l->mail, i);
    if (l->crashed || status == SMTP_RECIPIENT_UNKNOWN)
        return UNKNOWN;
    if (status == SMTP_RECIPIENT_ACCEPTED)
        return HAS_IT;
    if (smtp_transaction_recipient_is_temporary(l->mail, i) == 1)
        return time(NULL) - atoll(l->id) > GIVE_UP ? FAILED : WAITS;
    if (status == SMTP_RECIPIENT_REFUSED)
        advice = smtp_error_advice(SMTP_E_RECIPIENTS_REFUSED,
                                   smtp_transaction_recipient_code(l->mail, i),
                                   smtp_transaction_recipient_enhanced(l->mail, i));
    else
        advice = smtp_error_advice(smtp_transaction_status(l->mail),
                                   smtp_transaction_reply_code(l->mail),
                                   smtp_transaction_reply_enhanced(l->mail));
    return advice == SMTP_NEXT_NEVER ? FAILED : STUCK; /* it is not the mail's fault */
}

/* A recipient's line. A reply of several becomes one: no server may write lines of an envelope. */
static void write_line(FILE *out, const letter *l, size_t i, int now) {
    const char *why = smtp_transaction_error(l->mail);
    fprintf(out, "%s%s\t", words[now], smtp_transaction_recipient_address(l->mail, i));
    if (smtp_transaction_recipient_status(l->mail, i) == SMTP_RECIPIENT_REFUSED) {
        fprintf(out, "%d ", smtp_transaction_recipient_code(l->mail, i));
        why = smtp_transaction_recipient_text(l->mail, i);
    } else if (l->crashed) {
        why = "a run was killed while it sent";
    }
    for (; *why != '\0'; why++)
        fputc((unsigned char)*why < ' ' ? ' ' : *why, out);
    fputc('\n', out);
}

/*
 * Writes down what became of a letter, by the name of its next state, and only then removes the old
 * file. A crash between the two leaves both, of which the new one counts. The last of the fates.
 */
static int settle(letter *l) {
    size_t i, count = smtp_transaction_recipient_count(l->mail);
    int now, next = HAS_IT;
    char *line;
    FILE *out = fopen(tmp, "w");
    check(out != NULL, tmp);
    rewind(l->file);
    while ((line = next_line(l->file)) != NULL)
        if (strncmp(line, "to ", 3) != 0) {
            now = strncmp(line, "unknown ", 8) == 0 ? UNKNOWN : strncmp(line, "failed ", 7) == 0;
            next = now > next ? now : next;
            fprintf(out, "%s\n", line);
        }
    for (i = 0; i < count; i++)
        if ((now = fate(l, i)) != HAS_IT) {
            next = now > next ? now : next;
            write_line(out, l, i, now);
            fprintf(stderr, "queue: %s: ", l->id);
            write_line(stderr, l, i, now);
        }
    if (next == HAS_IT)
        fclose(out), unlink(tmp);
    else
        commit(out, l->file, name(l->id, states[next]));
    if (strcmp(states[next], l->state) != 0)
        drop(name(l->id, l->state));
    return next;
}

/* One try, or without a client the end of one that was killed: the last of the fates. */
static int try_once(smtp_client *client, const char *id, const char *state) {
    letter l = {id, state, NULL, 0, NULL, client == NULL};
    int next = STUCK;
    if (load(&l) < 0) {
        fprintf(stderr, "queue: %s: it is no letter. %s\n", id, smtp_last_error());
    } else {
        if (client != NULL)
            (void)smtp_client_send(client, l.mail); /* the transaction knows what became of it */
        next = settle(&l);
    }
    smtp_transaction_free(l.mail);
    fclose(l.file);
    return next;
}

/* DONE if there is a connection, or is one now; or else the status for the run to end with. */
static int open_connection(smtp_client *client) {
    int tries, advice = SMTP_NEXT_NOW;
    for (tries = 0; tries < 2 && advice == SMTP_NEXT_NOW; tries++) {
        if (smtp_client_open(client) >= 0)
            return DONE;
        fprintf(stderr, "queue: %s\n", smtp_client_last_error(client));
        advice = smtp_error_advice(smtp_client_last_error_code(client),
                                   smtp_client_reply_code(client),
                                   smtp_client_reply_enhanced(client));
    }
    return advice == SMTP_NEXT_ASK || advice == SMTP_NEXT_NEVER ? LOOK : LATER;
}

/* Whether a file is in that state and counts; if so, its name becomes its ID. */
static int in_state(char *file, const char *state) {
    char *dot = strrchr(file, '.');
    if (dot == NULL || strcmp(dot + 1, state) != 0)
        return 0;
    *dot = '\0';
    if (exists(file, "unknown") || exists(file, "failed") ||
        (strcmp(state, "sending") == 0 && exists(file, "mail"))) {
        drop(name(file, state)); /* a crash has left two: the one with the later state counts */
        return 0;
    }
    return 1;
}

static int run(smtp_client *client) {
    int i, count, now, status = DONE, stop = DONE;
    struct dirent **files;
    struct stat facts;
    if (flock(directory, LOCK_EX | LOCK_NB) < 0)
        return fputs("queue: another run is at work\n", stderr), LATER;
    count = scandir(".", &files, NULL, alphasort); /* in the order of their IDs: by age */
    check(count >= 0, "the directory");
    for (i = 0; i < count; i++) { /* first, what was left by those that were killed */
        char *id = files[i]->d_name;
        if (in_state(id, "sending"))
            (void)try_once(NULL, id, "sending");
        else if (strncmp(id, "tmp.", 4) == 0 && stat(id, &facts) == 0)
            (void)(time(NULL) - facts.st_mtime > DAY && unlink(id));
    }
    for (i = 0; i < count && stop == DONE; i++) {
        char *id = files[i]->d_name;
        if (!in_state(id, "mail") || (stop = open_connection(client)) != DONE)
            continue;
        now = try_once(client, id, "mail");
        now = now == STUCK ? LOOK : now == WAITS ? LATER : DONE;
        status = now > status ? now : status;
    }
    while (count > 0)
        free(files[--count]);
    free(files);
    return stop != DONE ? stop : status;
}

int main(int argc, char **argv) {
    const char *url = getenv("SMTP_URL");
    smtp_client *client;
    struct timespec now;
    int status = LOOK, adds = argc > 4 && strcmp(argv[1], "add") == 0;

    if (!adds && (argc != 3 || strcmp(argv[1], "run") != 0 || url == NULL)) {
        fputs("usage: queue add DIR FROM TO... < message\n"
              "       SMTP_URL=URL queue run DIR\n", stderr);
        return USAGE;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    snprintf(own, sizeof own, "%010lld.%09ld.%ld", (long long)now.tv_sec, now.tv_nsec,
             (long)getpid());
    snprintf(tmp, sizeof tmp, "tmp.%s", own);
    umask(077);
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* whole lines for a log */
    check(chdir(argv[2]) == 0 && (directory = open(".", O_RDONLY)) >= 0, argv[2]);
    if (adds)
        return add(argc - 3, argv + 3);

    client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    if (client == NULL || smtp_client_set_url(client, url) < 0) {
        fprintf(stderr, "queue: %s\n", smtp_last_error());
    } else {
        status = run(client);
        if (smtp_client_is_connected(client) == 1)
            (void)smtp_client_quit(client); /* all is said: a failed goodbye changes nothing */
    }
    smtp_client_free(client);
    return status;
}
