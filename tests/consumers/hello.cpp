// Sends one mail to the server at argv[1], and prints the version of the library that did it.
#include <smtpclient.hpp>

#include <cstdio>

int main(int words, char **word) {
    if (words != 2) return 2;
    try {
        smtpclient::client client;
        client.connect(word[1], 0);
        client.sendmail("me@example.org", {"alice@example.org"},
                        "Subject: hello\r\n\r\nfrom a consumer\r\n");
    } catch (const smtpclient::error &error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
    std::puts(smtp_client_version());
    return 0;
}
