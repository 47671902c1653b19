// The C++ layer of messages that the library writes: every member function, texts and ranges of
// every kind, what is borrowed and read, and exceptions out of sinks and readers.
/* SERVER smtp plain --refuse bob@b.example */
#include <smtpclient.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

#include "message.h"

using smtpclient::client;
using smtpclient::message;
using smtpclient::transaction;

namespace {

struct boom : std::runtime_error {
    explicit boom(const std::string &what) : std::runtime_error(what) {}
};

/* What the work throws, as text; "" if nothing. */
std::string thrown_by(const std::function<void()> &work) {
    try {
        work();
        return "";
    } catch (const boom &exception) {
        return exception.what();
    } catch (const smtpclient::error &error) {
        return error.name();
    }
}

void same(const std::string &expected, const std::string &given) {
    SAME(expected.c_str(), given.c_str());
}

void has(const std::string &text, const std::string &part) {
    HAS(text.c_str(), part.c_str());
}

std::unique_ptr<client> connected_client() {
    std::unique_ptr<client> made(new client);
    made->set_local_hostname("client.example").set_timeout(std::chrono::seconds(20));
    made->connect(server("smtp"));
    return made;
}

message simple() {
    message one;
    one.set_from("Me", "me@a.example").add_to("you@b.example").set_text("Hello.\n");
    return one;
}

/* The content of the last letter. */
std::string last() {
    bytes one = letter("smtp", arrived("smtp"));
    const std::string text = content(&one);
    std::free(one.data);
    return text;
}

std::string file(const std::string &text, const char *name) {
    bytes one = attached(text.c_str(), name);
    const std::string whole(one.data, one.length);
    std::free(one.data);
    return whole;
}

std::string joined(const std::vector<std::string> &texts) {
    std::string all;
    for (const std::string &text : texts)
        all += text + ' ';
    return all;
}

void everything() {
    const std::string name = "Me", address = "me@a.example";
    const std::string_view view("to-view@b.example and more", 17);
    const std::vector<unsigned char> vector = {0, 1, 2};
    const std::array<std::uint16_t, 2> array = {{0x0101, 0x0202}};
    message one;
    one.set_from("replaced@a.example")
        .set_from(name, address)
        .add_to(view)
        .add_to(std::string("Name, with a comma"), "to-named@b.example")
        .add_cc("Cc <cc@b.example>, Group: cc-group@b.example;")
        .add_cc("Bob", std::string_view("bob@b.example"))
        .add_bcc("bcc@b.example")
        .add_bcc("", "bcc-named@b.example")
        .add_reply_to("answers@a.example")
        .add_reply_to(std::string_view("A"), "more-answers@a.example")
        .set_subject(std::string_view("subject and more", 7))
        .add_header("X-Field", std::string("value"))
        .set_text("plain text \n")
        .set_text_flowed(true)
        .set_html(std::string("<img src=\"cid:logo\"><img src=\"cid:other\">\n"))
        .set_date(1000000000)
        .add_attachment("pointer.bin", "", "\0\1", 2)
        .add_attachment("string.bin", "application/x-test", std::string("str\0ing", 7))
        .add_attachment("vector.bin", "", vector)
        .add_attachment(std::string_view("array.bin"), "", array)
        .add_inline("logo", "logo.png", "", "PNG", 3)
        .add_inline("other", "other.png", "image/png", std::string("PNG"));
    const std::string text = one.str();
    for (const char *part :
         {"to-view@b.example", "to-named@b.example", "cc-group@b.example", "more-answers@a.example",
          "Subject: subject\r\n", "X-Field: value\r\n", "Sep 2001 ", "flowed", "application/x-test",
          "<other>"})
        has(text, part);
    LACKS(text.c_str(), "replaced");
    LACKS(text.c_str(), "bcc@");
    LACKS(text.c_str(), "bcc-named");
    same(std::string("\0\1", 2), file(text, "pointer.bin"));
    same("str", file(text, "string.bin"));
    CHECK(file(text, "string.bin").size() == 7 && file(text, "vector.bin").size() == 3);
    CHECK(file(text, "array.bin").size() == 4);
    has(text, one.message_id());
    same("me@a.example", one.envelope().sender());
    same("to-view@b.example to-named@b.example cc@b.example cc-group@b.example bob@b.example "
         "bcc@b.example bcc-named@b.example ",
         joined(one.envelope().recipients()));

    const std::unique_ptr<client> by = connected_client();
    const std::vector<smtpclient::refusal> refused = by->send_mime(one);
    CHECK(refused.size() == 1 && refused[0].address == "bob@b.example");
    CHECK(by->recipients().size() == 7);
    same(text, last());
    transaction mail;
    mail.set_sender("other@a.example").set_mime(one);
    CHECK(mail.recipient_count() == 7);
    by->send(mail);
    same(text, last());
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { one.clear().str(); }));

    one.set_from("me@a.example").set_date(std::chrono::system_clock::from_time_t(1000000000));
    has(one.str(), "Sep 2001 ");
}

/* Any range of what can be a text, but a text, which is a range of characters too. */
void ranges() {
    static const char *const array[] = {"a@b.example", "b@b.example"};
    const std::vector<std::string> vector = {"c@b.example", "D <d@b.example>"};
    const std::set<std::string> set = {"e@b.example"};
    const std::list<std::string_view> list = {"f@b.example"};
    const std::vector<const char *> empty;
    message one;
    one.set_from("me@a.example").add_to(array).add_to(vector).add_to(empty).add_to(set);
    one.add_cc(list).add_cc(array).add_bcc(std::vector<std::string>{"g@b.example"});
    one.add_to(std::string("h@b.example")).add_bcc(std::string_view("i@b.example"));
    char buffer[] = "j@b.example";
    one.add_to(buffer);
    same("a@b.example b@b.example c@b.example d@b.example e@b.example h@b.example j@b.example "
         "f@b.example g@b.example i@b.example ",
         joined(one.envelope().recipients()));
    const std::vector<std::string> bad = {"k@b.example", "no ne"};
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { one.add_to(bad); }));
}

void errors() {
    message one;
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { one.set_subject("a\nb"); }));
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { one.set_from("\xff"); }));
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { one.message_id(); }));
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { one.envelope(); }));
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { one.str(); }));
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { one.add_attachment("a", "none", "x", 1); }));
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { one.add_attachment_fd("a", "", -1); }));
    /* What C would cut off. */
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { one.set_subject(std::string("a\0b", 3)); }));
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { one.set_text(std::string_view("a\0b", 3)); }));
    try {
        one.add_attachment_fd("a", "", 99999);
        CHECK(!"it throws");
    } catch (const smtpclient::error &error) {
        CHECK(error.code() == SMTP_E_INVALID_ARGUMENT && error.system_errno() == EBADF);
        has(error.what(), "99999");
    }
    const std::unique_ptr<client> by = connected_client();
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { by->send_mime(one); }));
    transaction mail;
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { mail.set_mime(one); }));
    const message none(nullptr);
    same("SMTP_E_MISUSE", thrown_by([&]() { mail.set_mime(none); }));
}

/* The function that gives back runs once, also where what it belongs to is refused. */
void borrowed_and_files() {
    const std::unique_ptr<client> by = connected_client();
    static const char data[] = "borrowed";
    const std::shared_ptr<int> released = std::make_shared<int>(0);
    const auto release = [released]() { ++*released; };
    {
        message one = simple();
        one.add_attachment_borrowed("b.bin", "", data, 8, release);
        one.add_attachment_borrowed("c.bin", "", data, 8);
        same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() {
                 one.add_attachment_borrowed("b.bin", "none", data, 8, release);
             }));
        same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() {
                 one.add_attachment_borrowed(std::string("a\0b", 3), "", data, 8, release);
             }));
        CHECK(*released <= 2);
        *released = 0;
        transaction mail;
        mail.set_mime(one);
        one.clear();
        CHECK(*released == 0);
        by->send(mail);
        same("borrowed", file(last(), "b.bin"));
    }
    CHECK(*released == 1 && released.use_count() == 2);

    const int fd = open("/proc/version", O_RDONLY);
    message one = simple();
    one.add_attachment_fd("v.bin", "", fd);
    close(fd);
    by->send_mime(one);
    has(file(last(), "v.bin"), "Linux");
}

void readers_and_sinks() {
    const std::unique_ptr<client> by = connected_client();
    const std::shared_ptr<int> calls = std::make_shared<int>(0);
    {
        message one = simple();
        one.add_attachment_reader("r.bin", "", [calls](char *buffer, std::size_t capacity) -> std::size_t {
            CHECK(capacity > 3);
            buffer[0] = 'x';
            return ++*calls < 4 ? 1 : 0;
        }, 3);
        by->send_mime(one);
        same("xxx", file(last(), "r.bin"));
        same("SMTP_E_MISUSE", thrown_by([&]() { by->send_mime(one); }));
        CHECK(calls.use_count() == 2);
    }
    CHECK(calls.use_count() == 1 && *calls == 4);

    /* Its exception is that of the call that reads. */
    const auto throwing = [](char *, std::size_t) -> std::size_t { throw boom("reader"); };
    message one = simple();
    one.add_attachment_reader("r.bin", "", throwing);
    same("reader", thrown_by([&]() { by->send_mime(one); }));
    message two = simple();
    two.add_attachment_reader("r.bin", "", throwing);
    same("reader", thrown_by([&]() { two.str(); }));

    /* A sink's ends the writing. */
    message three = simple();
    int written = 0;
    same("sink", thrown_by([&]() {
             three.write([&](const char *, std::size_t) {
                 ++written;
                 throw boom("sink");
             });
         }));
    CHECK(written == 1);
    std::string whole;
    three.write([&](const char *data, std::size_t length) {
        same("SMTP_E_BUSY", thrown_by([&]() { three.set_subject("x"); }));
        whole.append(data, length);
    });
    same(whole, three.str());
    same("SMTP_E_INVALID_ARGUMENT",
         thrown_by([&]() { one.add_attachment_reader("x", "none", throwing); }));
}

void moved_and_released() {
    message one = simple();
    smtp_message *const handle = one.get();
    message two = std::move(one);
    CHECK(!one.get() && two.get() == handle);
    same("SMTP_E_MISUSE", thrown_by([&]() { one.set_subject("x"); }));
    one = std::move(two);
    CHECK(one.get() == handle && !two.get());
    CHECK(one.release() == handle && !one.get());
    message three(handle);
    has(three.str(), "Hello.\r\n");
    std::vector<message> many;
    many.push_back(std::move(three));
    many.push_back(simple());
    CHECK(many[0].message_id() != many[1].message_id());
    CHECK(smtpclient::has_feature("mime"));
}

} // namespace

int main() {
    everything();
    ranges();
    errors();
    borrowed_and_files();
    readers_and_sinks();
    moved_and_released();
    return 0;
}
