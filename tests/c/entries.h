/* How many things a directory of /proc/self lists: descriptors in "fd", threads in "task". */
#ifndef ENTRIES_H
#define ENTRIES_H

#include "check.h"

#include <dirent.h>

static int entries(const char *path) {
    DIR *directory = opendir(path);
    struct dirent *entry;
    int count = 0;
    CHECK(directory != NULL);
    while ((entry = readdir(directory)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

#endif
