// A C++ exception out of a callback ends the program by abort(), not by corrupting it.
/* SERVER smtp plain */
#include <smtpclient.h>

#include <cstddef>
#include <cstdlib>
#include <exception>
#include <stdexcept>

static void throws(int, const char *, std::size_t, void *) {
    throw std::runtime_error("out of a callback");
}

int main() {
    smtp_client *client = smtp_client_new(SMTP_PROTOCOL_SMTP);
    if (smtp_client_set_debug_callback(client, throws, nullptr, nullptr) != SMTP_OK)
        return 1;
    try {
        smtp_client_connect(client, std::getenv("SMTP_TEST_smtp"), 0);
    } catch (const std::exception &) {
        return 2; // the exception came through: the library's frames were skipped
    }
    return 3;
}
