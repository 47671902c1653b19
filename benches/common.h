/*
 * What the C programs under measurement share: their options, the message, the clock, and the one
 * line that each prints. Every program runs a short session first, uncounted by the sink, and then
 * the one that is measured, from before the connection is made until QUIT is answered. With --fresh
 * there is no such beginning: whoever starts the program measures it whole.
 */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static struct {
    int port;
    const char *workload;
    long count;      /* messages */
    long recipients; /* of each */
    size_t size;
    const char *shape;
    const char *ca;   /* TLS, trusting this; "system" are the system's roots */
    bool tls_first;   /* from the first byte, not by STARTTLS */
    bool fresh;
    const char *file; /* the message comes from here, through a descriptor */
    const char *sender;
} bench = {.workload = "sequential", .count = 1000, .recipients = 1, .size = 1024, .shape = "crlf", .sender = "a@example.org"};

static char *message;
static size_t message_length, small_length; /* the whole, and a short beginning of it */

static void die(const char *what)
{
    fprintf(stderr, "%s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

static inline bool workload_is(const char *name)
{
    return strcmp(bench.workload, name) == 0;
}

static inline void recipient(char *address, size_t room, long index)
{
    snprintf(address, room, "user%04ld@example.net", index);
}

/* A header, then whole lines of `shape`: "crlf" and "lf" are 76 characters and that line end, "dots"
   begins each with a dot, "dot" has nothing else in it. The length is exactly `size`; but "base64" is
   as long as the base64 of so much. */
static void make_message(size_t size)
{
    bool lf = strcmp(bench.shape, "lf") == 0, dot = strcmp(bench.shape, "dot") == 0;
    bool dots = dot || strcmp(bench.shape, "dots") == 0;
    const char *end = lf ? "\n" : "\r\n";
    if (strcmp(bench.shape, "base64") == 0)
        size = size / 57 * 78 + 1024;
    size_t width = dot ? 1 : 76, line = width + strlen(end);
    message = malloc(size + 1024);
    if (!message)
        die("malloc");
    int header = sprintf(message, "From: Ann <a@example.org>%sTo: Bob <user0000@example.net>%sSubject: Benchmark%s"
                                  "Date: Mon, 23 Nov 2026 12:00:00 +0000%sMessage-ID: <bench.1@example.org>%sX-Fill: ",
                         end, end, end, end, end);
    size_t at = (size_t)header;
    size_t fill = (size - at - 2 * strlen(end)) % line;
    memset(message + at, 'x', fill);
    at += fill;
    at += (size_t)sprintf(message + at, "%s%s", end, end);
    for (; at < size; at += line) {
        memset(message + at, "abcdefghijklmnopqrstuvwxyz"[(at / line) % 26], width);
        if (dots)
            message[at] = '.';
        memcpy(message + at + width, end, strlen(end));
        if (at < 1024)
            small_length = at + line;
    }
    message_length = at;
}

/* The parts of a mail of some 10 KiB, most of it German. */
static char letter[3000], page[3200], table[3000];

static inline void make_parts(void)
{
    static const char words[] = "Die Platte auf Gerät db1 läuft über: größer als 97 %, Grüße. ";
    for (size_t at = 0; at + sizeof words < sizeof letter; at += sizeof words - 1) {
        memcpy(letter + at, words, sizeof words);
        if (at % 5 == 0)
            letter[at + sizeof words - 2] = '\n';
    }
    snprintf(page, sizeof page, "<html><body><p>%s</p></body></html>", letter);
    for (size_t at = 0; at < sizeof table; at++)
        table[at] = (char)(at * 2654435761u >> 13);
}

static void parse_options(int count, char **arguments)
{
    for (int i = 1; i + 1 < count; i += 2) {
        const char *name = arguments[i], *value = arguments[i + 1];
        if (!strcmp(name, "--port"))
            bench.port = atoi(value);
        else if (!strcmp(name, "--workload"))
            bench.workload = value;
        else if (!strcmp(name, "--count"))
            bench.count = atol(value);
        else if (!strcmp(name, "--recipients"))
            bench.recipients = atol(value);
        else if (!strcmp(name, "--size"))
            bench.size = (size_t)atoll(value);
        else if (!strcmp(name, "--shape"))
            bench.shape = value;
        else if (!strcmp(name, "--ca"))
            bench.ca = value;
        else if (!strcmp(name, "--file"))
            bench.file = value;
        else if (!strcmp(name, "--tls-first"))
            bench.tls_first = true;
        else if (!strcmp(name, "--fresh"))
            bench.fresh = true;
        else {
            fprintf(stderr, "unknown option %s\n", name);
            exit(2);
        }
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    alarm(120);
    struct stat file;
    if (bench.fresh && bench.file && stat(bench.file, &file) == 0)
        message_length = (size_t)file.st_size; /* to make it in memory as well would count */
    else
        make_message(bench.size);
}

static inline bool trusts_system(void)
{
    return bench.ca && strcmp(bench.ca, "system") == 0;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec * 1e-6;
}

static struct {
    struct timespec time;
    struct rusage usage;
    long resident;
} begun;

static long kib_of(const char *key)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[256];
    long kib = -1;
    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, key, strlen(key)))
            kib = atol(line + strlen(key));
    if (status)
        fclose(status);
    return kib;
}

static void measure_begin(void)
{
    /* 5 resets the high-water mark of resident memory, see proc(5). */
    int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        if (write(fd, "5", 1) < 0)
            errno = 0;
        close(fd);
    }
    begun.resident = kib_of("VmRSS:");
    getrusage(RUSAGE_SELF, &begun.usage);
    clock_gettime(CLOCK_MONOTONIC, &begun.time);
}

static void measure_end(void)
{
    struct timespec time;
    struct rusage usage;
    clock_gettime(CLOCK_MONOTONIC, &time);
    getrusage(RUSAGE_SELF, &usage);
    double seconds = (double)(time.tv_sec - begun.time.tv_sec) + (double)(time.tv_nsec - begun.time.tv_nsec) * 1e-9;
    double cpu = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime) - seconds_of(begun.usage.ru_utime) -
                 seconds_of(begun.usage.ru_stime);
    printf("seconds=%.9f cpu=%.6f memory_kib=%ld\n", seconds, cpu, kib_of("VmHWM:") - begun.resident);
}

/* What a fresh process tells of itself: when the first message was accepted, by CLOCK_MONOTONIC; its
   CPU from main() on, so that the rest is loading; and memory. */
static struct {
    double accepted;
    long added;
} told;

static inline void mark_accepted(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    told.accepted = (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* Bytes of the heap in use. */
static inline size_t heap(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static double cpu_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

static void tell(double cpu_before)
{
    printf("accepted=%.9f own_cpu=%.6f added_kib=%.1f\n", told.accepted, cpu_seconds() - cpu_before,
           (double)told.added / 1024);
}

/* Runs `session(count)`: once to warm up, with a small message, and once for the measurement. */
static int run(void (*session)(long count))
{
    if (bench.fresh) {
        double before = cpu_seconds();
        session(bench.count);
        tell(before);
        return 0;
    }
    size_t length = message_length;
    const char *file = bench.file;
    bool small = length <= 65536;
    message_length = small ? length : small_length;
    bench.sender = "warm@example.org";
    long recipients = bench.recipients;
    bench.recipients = 1;
    bench.file = NULL;
    session(3);
    message_length = length;
    bench.sender = "a@example.org";
    bench.recipients = recipients;
    bench.file = file;
    measure_begin();
    session(bench.count);
    measure_end();
    return 0;
}

#endif
