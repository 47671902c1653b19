/*
 * A name service of the test's own in place of the C library's: what the program defines, the
 * library calls.
 *
 *     localhost      127.0.0.1, the name that the program asks for beside these
 *     both           ::1, then 127.0.0.1
 *     late-*         127.0.0.1, once `resolver_answers` is set
 *     slow-*         again later, once `resolver_answers` is set
 *     again-*        again later, at once
 *     broken-*       EAI_SYSTEM
 *     own-host       with AI_CANONNAME: `resolver_own`, or again later where that is NULL
 *
 * and nothing else exists.
 */
#ifndef RESOLVER_H
#define RESOLVER_H

#include "check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

static volatile int resolver_answers;
/* How often it was asked for a name that begins so. */
static volatile int resolver_asked_late, resolver_asked_own;
static const char *volatile resolver_own;

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
                struct addrinfo **list) {
    struct {
        struct addrinfo entry, other;
        struct sockaddr_in address;
        struct sockaddr_in6 first;
        char canonical[64];
    } *found;
    CHECK(name != NULL && service == NULL && hints != NULL && hints->ai_socktype == SOCK_STREAM);
    if (strncmp(name, "late-", 5) == 0)
        __sync_fetch_and_add(&resolver_asked_late, 1);
    if (strcmp(name, "own-host") == 0)
        __sync_fetch_and_add(&resolver_asked_own, 1);
    if (strncmp(name, "slow-", 5) == 0 || strncmp(name, "late-", 5) == 0) {
        while (!resolver_answers)
            nap(10);
        if (name[0] == 's')
            return EAI_AGAIN;
    }
    if (strncmp(name, "again-", 6) == 0)
        return EAI_AGAIN;
    if (strncmp(name, "broken-", 7) == 0) {
        errno = EMFILE;
        return EAI_SYSTEM;
    }
    if (strcmp(name, "own-host") == 0 && resolver_own == NULL)
        return EAI_AGAIN;
    if (strcmp(name, "own-host") != 0 && strcmp(name, "localhost") != 0 &&
        strcmp(name, "both") != 0 && strncmp(name, "late-", 5) != 0)
        return EAI_NONAME;
    found = calloc(1, sizeof *found);
    if (found == NULL)
        return EAI_MEMORY;
    found->address.sin_family = AF_INET;
    found->address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    found->entry.ai_family = AF_INET;
    found->entry.ai_socktype = SOCK_STREAM;
    found->entry.ai_addr = (struct sockaddr *)&found->address;
    found->entry.ai_addrlen = sizeof found->address;
    if (hints->ai_flags & AI_CANONNAME) {
        snprintf(found->canonical, sizeof found->canonical, "%s",
                 resolver_own == NULL ? name : resolver_own);
        found->entry.ai_canonname = found->canonical;
    }
    if (strcmp(name, "both") == 0) {
        found->other = found->entry;
        found->first.sin6_family = AF_INET6;
        found->first.sin6_addr = in6addr_loopback;
        found->entry.ai_family = AF_INET6;
        found->entry.ai_addr = (struct sockaddr *)&found->first;
        found->entry.ai_addrlen = sizeof found->first;
        found->entry.ai_next = &found->other;
    }
    *list = &found->entry;
    return 0;
}

void freeaddrinfo(struct addrinfo *list) {
    free(list);
}

#endif
