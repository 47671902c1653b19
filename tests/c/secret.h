/*
 * Whether a secret is somewhere in the process's memory. It is one by a rule, so that the program holds
 * no copy of it, and only its middle is looked for: the allocator writes over the first bytes of what is
 * freed.
 */
#ifndef SECRET_H
#define SECRET_H

#include "check.h"

#include <fcntl.h>
#include <unistd.h>

static inline void wipe(volatile char *room, size_t length) {
    while (length > 0)
        room[--length] = 0;
}

/* What stands at each place of it. */
typedef char letter_at(size_t at);

static inline int holds(const char *piece, size_t length, letter_at *letter, size_t from, size_t to) {
    const char *at = piece, *end = piece + length;
    while ((at = memchr(at, letter(from), (size_t)(end - at))) != NULL) {
        size_t same = 1;
        while (from + same < to && at + same < end && at[same] == letter(from + same))
            same++;
        if (from + same == to)
            return 1;
        at++;
    }
    return 0;
}

/* Whether the part of it between the two places is there. */
static inline int is_in_memory(letter_at *letter, size_t from, size_t to) {
    static char piece[1 << 16], line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    int memory = open("/proc/self/mem", O_RDONLY), found = 0;
    CHECK(maps != NULL && memory >= 0);
    while (fgets(line, sizeof line, maps) != NULL) {
        unsigned long begin, end;
        char flags[8];
        if (sscanf(line, "%lx-%lx %7s", &begin, &end, flags) != 3 || strncmp(flags, "rw", 2) != 0)
            continue;
        while (begin < end) {
            ssize_t got = pread(memory, piece, sizeof piece, (off_t)begin);
            unsigned long length = (unsigned long)got, overlap = (unsigned long)(to - from);
            if (got <= 0)
                break;
            found |= holds(piece, (size_t)got, letter, from, to);
            /* What lies across the end of a piece is in the next one. */
            begin += length > overlap && begin + length < end ? length - overlap : length;
            wipe(piece, (size_t)got);
        }
    }
    close(memory);
    fclose(maps);
    return found;
}

#endif
