/* Opens the plugin, sends through it and closes it again, as often as it is told. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef const char *(*deliver_function)(const char *server);

int main(int words, char **word) {
    int rounds, round;
    if (words != 4) return 2;
    rounds = atoi(word[3]);
    for (round = 0; round < rounds; round++) {
        const char *version;
        deliver_function deliver;
        void *symbol, *plugin = dlopen(word[1], RTLD_NOW | RTLD_LOCAL);
        if (plugin == NULL || (symbol = dlsym(plugin, "deliver")) == NULL) {
            fprintf(stderr, "%s\n", dlerror());
            return 1;
        }
        /* ISO C knows no way from an object's pointer to a function's; POSIX asks for this one. */
        memcpy(&deliver, &symbol, sizeof deliver);
        if ((version = deliver(word[2])) == NULL) return 1;
        if (round == 0) puts(version);
        dlclose(plugin);
    }
    return 0;
}
