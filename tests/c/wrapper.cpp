// The C++ layer: clients that end in their own callbacks, exceptions that leave the call they
// belong to and no other, constructors that say why they fail, what is kept and told of messages
// and recipients, and destructors that do not wait.
/* Which is sent no SMTP, and not to complain of that. */
/* SERVER clear plain --mode mute-at-expn */
/* SERVER smtp plain --auth user:password */
/* SERVER mute_quit plain --mode mute-at-quit */
/* SERVER mute_noop plain --mode mute-at-noop */
/* SERVER mute_end plain --mode mute-at-end-of-data */
/* SERVER slow plain --mode drip --drip-ms 10 */
/* SERVER some plain --refuse "later@b.example=450 4.2.1 greylisted" --refuse "never@b.example=550 5.1.1 unknown" */
/* SERVER lost plain --mode close-after-data */
#include <smtpclient.hpp>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <poll.h>

#include "check.h"

using smtpclient::client;
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

void same(const char *expected, const std::string &given) {
    if (given != expected)
        std::cerr << '"' << given << "\", not \"" << expected << "\"\n";
    CHECK(given == expected);
}

std::unique_ptr<client> connected_client(const char *name) {
    std::unique_ptr<client> made(new client);
    made->set_local_hostname("client.example").set_timeout(std::chrono::seconds(20));
    made->connect(server(name));
    return made;
}

transaction mail() {
    transaction one;
    one.set_sender("from@a.example").add_recipient("to@b.example").set_message(MESSAGE);
    return one;
}

/* Each callback ends its client while the client is in the midst of a call; the memory of neither
 * client nor callback may be touched after it (valgrind looks), and none is called any more. */
void destroyed_in_a_callback() {
    std::unique_ptr<client> one;
    int calls = 0;
    const std::function<void()> end = [&]() {
        ++calls;
        one.reset();
    };
    const std::string text(64, 'x');

    const auto with_debug = [&]() {
        one->set_debug_callback([&one, &end, text](smtpclient::direction, const char *, size_t) {
            end();
            CHECK(text.size() == 64); /* what runs is still there */
        });
    };
    const std::vector<std::function<void()>> ways = {
        [&]() { with_debug(), one->noop(); },
        [&]() { with_debug(), one->ehlo_or_helo_if_needed(); },
        [&]() { with_debug(), one->connect(server("smtp")); },
        [&]() { with_debug(), one->is_connected(), one->starttls(); },
        [&]() { with_debug(), one->sendmail("a@b.example", {"to@b.example"}, MESSAGE); },
        [&]() { with_debug(), one->quit(); },
        [&]() {
            one->set_audit_callback([&](int, const char *, int, const char *, size_t) {
                end();
                return true;
            });
            one->sendmail("a@b.example", {"to@b.example"}, MESSAGE);
        },
        [&]() {
            one->set_progress_callback([&](int64_t, int64_t) { end(); });
            transaction sent = mail();
            one->send(sent);
            CHECK(sent.status() == SMTP_OK); /* the call went on to its end */
        },
        [&]() {
            one->set_completion_callback([&](transaction) { end(); });
            client *const streaming = one.get();
            for (int i = 0; i < 3; ++i)
                streaming->submit(mail());
            streaming->flush();
        },
        [&]() { one->auth("XOAUTH2", [&](smtpclient::auth_exchange &) { end(); }); },
        [&]() {
            one->set_debug_callback([&](smtpclient::direction, const char *, size_t) {
                ++calls;
                *one = client(smtpclient::protocol::lmtp);
            });
            one->noop();
            one.reset();
        },
    };
    for (const std::function<void()> &way : ways) {
        one = connected_client("smtp");
        calls = 0;
        try {
            way();
        } catch (const smtpclient::error &error) {
            CHECK(error.code() != SMTP_E_INTERNAL);
        }
        CHECK(calls == 1 && !one);
    }
    /* Its exception is the last that is heard of it. */
    one = connected_client("smtp");
    one->set_debug_callback([&](smtpclient::direction, const char *, size_t) {
        end();
        throw boom("after the end");
    });
    same("after the end", thrown_by([&]() { one->noop(); }));
}

/* What is said of a client that is in the midst of a call comes from nothing that the call holds. */
void busy(client &one) {
    try {
        one.noop();
    } catch (const smtpclient::error &error) {
        HAS(error.what(), "is in use");
        CHECK(error.reply_code() == 0 && error.enhanced().empty() && error.system_errno() == 0);
        throw;
    }
}

/* While one client's exception is on its way, the calls of others, and its own, are not its. */
void an_exception_leaves_its_own_call() {
    const std::unique_ptr<client> one = connected_client("smtp"), other = connected_client("smtp");
    int rounds = 0;
    one->set_debug_callback([&](smtpclient::direction, const char *, size_t) {
        ++rounds;
        if (rounds == 1)
            throw boom("first");
        same("", thrown_by([&]() { other->noop(); }));
        same("SMTP_E_BUSY", thrown_by([&]() { busy(*one); }));
        same("", thrown_by([&]() { mail().clear(); }));
        throw boom("another");
    });
    same("first", thrown_by([&]() { one->docmd("NOOP"); }));
    CHECK(rounds > 1);
    one->set_debug_callback(nullptr);
    same("", thrown_by([&]() { other->noop(); }));

    /* The other's exception is the other's, until the callback lets it out. */
    one->close();
    other->set_audit_callback([](int, const char *, int, const char *, size_t) -> bool {
        throw boom("inner");
    });
    std::string inner;
    one->set_debug_callback([&](smtpclient::direction, const char *, size_t) {
        inner = thrown_by([&]() { other->noop(); });
    });
    same("", thrown_by([&]() { one->connect(server("smtp")); }));
    same("inner", inner);

    /* A reader belongs to no client: its exception is the call's that asks it. */
    transaction read = mail();
    read.set_message_reader([](char *, size_t) -> size_t { throw boom("reader"); });
    same("reader", thrown_by([&]() { one->send(read); }));
    CHECK(read.status() < 0);
}

/* Neither completions nor readers run while a client ends, so that nothing is thrown that had
 * nobody to go to. The server is slow, so that all is under way still. */
void nothing_is_left_of_a_client_that_ended() {
    const std::unique_ptr<client> other = connected_client("smtp");
    int asked = 0;
    bool ending = false;
    {
        const std::unique_ptr<client> one = connected_client("slow");
        one->set_completion_callback([&](transaction) { ++asked; });
        one->submit(mail());
        transaction read = mail();
        read.set_message_reader([&](char *buffer, size_t capacity) -> size_t {
            if (ending) {
                ++asked;
                throw boom("left over");
            }
            /* The beginning is read when it is submitted. */
            std::fill(buffer, buffer + capacity, '\n');
            return capacity;
        });
        one->submit(std::move(read));
        CHECK(asked == 0);
        ending = true;
    }
    CHECK(asked == 0);
    same("", thrown_by([&]() { other->noop(); }));
}

void constructors_say_why() {
    same("SMTP_E_INVALID_ARGUMENT",
         thrown_by([]() { client(static_cast<smtpclient::protocol>(99)); }));
    same("SMTP_E_INVALID_ARGUMENT",
         thrown_by([]() { smtpclient::envelope("To: a@b.example\n\n"); }));
    const smtpclient::envelope whole("From: a@b.example\nTo: c@d.example\nBcc: e@f.example\n\n");
    CHECK(whole.sender() == "a@b.example" && whole.recipients().size() == 2);
    const smtpclient::envelope given("", {"Gr\xc3\xbcn <gr\xc3\xbcn@d.example>"}, "X: y\n\n");
    CHECK(given.sender().empty() && given.recipients()[0] == "gr\xc3\xbcn@d.example");
    CHECK(given.needs_smtputf8() && !whole.needs_smtputf8());
}

void a_probe_gives_a_report() {
    client one;
    same("SMTP_E_MISUSE", thrown_by([&]() { one.probe(); }));
    one.set_host(server("smtp"));
    const smtpclient::report well = one.probe();
    CHECK(well && well.code() == SMTP_OK && well.reply_code() == 0 && well.days_left() < 0);
    CHECK(well.advices().empty() && well.addresses().at(0).error.empty());
    CHECK(well.text(SMTP_REPORT_GREETING).find("220 ") == 0);
    one.set_host(server("clear")).set_security(smtpclient::security::tls);
    const std::vector<smtpclient::report::advice> advice = one.probe().advices();
    CHECK(advice.at(0).kind == SMTP_ADVICE_CLEAR_FIRST);
    HAS(advice.at(0).text.c_str(), "smtp+starttls://");
    one.set_host(server("smtp")).set_nonblocking(true).set_security(smtpclient::security::none);
    CHECK(!one.probe());
    pollfd watched = {one.poll_fd(), POLLIN, 0};
    while (one.process() == SMTP_PENDING) {
        CHECK(poll(&watched, 1, 60000) == 1);
    }
    CHECK(one.take_report().code() == SMTP_OK);
    same("SMTP_E_MISUSE", thrown_by([&]() { one.take_report(); }));
}

/* What the work fails with. */
smtpclient::error failure_of(const std::function<void()> &work) {
    try {
        work();
    } catch (const smtpclient::error &error) {
        return error;
    }
    return smtpclient::error(SMTP_OK, "nothing was thrown");
}

void errors_tell_their_details() {
    const auto pem = failure_of([]() { smtpclient::tls().add_ca_file("/no/such.pem"); });
    CHECK(pem.code() == SMTP_E_INVALID_ARGUMENT && pem.system_errno() == ENOENT);
    HAS(pem.what(), "/no/such.pem");
    const auto fd = failure_of([]() { mail().set_message_fd(9999); });
    CHECK(fd.code() == SMTP_E_INVALID_ARGUMENT && fd.system_errno() == EBADF);
    const std::unique_ptr<client> one = connected_client("smtp");
    one->ehlo();
    const auto path = failure_of([&]() { one->mail("gr\xc3\xbcn@b.example"); });
    CHECK(path.detail() == SMTP_DETAIL_NEEDS_SMTPUTF8);
    CHECK(failure_of([&]() { one->mail("\n"); }).detail() == SMTP_DETAIL_NONE);
    transaction sent;
    sent.set_sender("gr\xc3\xbcn@b.example").add_recipient("to@b.example").set_message(MESSAGE);
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { one->send(sent); }));
    CHECK(failure_of([&]() { sent.check(); }).detail() == SMTP_DETAIL_NEEDS_SMTPUTF8);
}

/* Those who remain are sent to again, with the message of one that is gone; where nobody remains
 * there is no transaction. */
void those_who_remain_are_tried_again() {
    const std::shared_ptr<int> reader = std::make_shared<int>(0);
    std::unique_ptr<client> one = connected_client("some");
    transaction next;
    {
        transaction sent;
        sent.set_sender("from@a.example").set_message(MESSAGE);
        sent.add_recipient("to@b.example").add_recipient("later@b.example");
        sent.add_recipient("never@b.example");
        CHECK(sent && sent.phase() == SMTP_PHASE_NONE);
        one->send(sent);
        CHECK(sent.phase() == SMTP_PHASE_DONE && !sent.recipient_is_temporary(0));
        CHECK(sent.recipient_is_temporary(1) && !sent.recipient_is_temporary(2));
        same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { sent.recipient_is_temporary(3); }));
        next = sent.remaining();
    }
    CHECK(next && next.recipient_count() == 1);
    same("later@b.example", next.recipient_address(0));
    const auto refused = failure_of([&]() { one->send(next), next.check(); });
    CHECK(refused.code() == SMTP_E_RECIPIENTS_REFUSED);
    CHECK(refused.advice() == SMTP_NEXT_LATER);
    next = next.remaining(SMTP_REMAINING_UNKNOWN);
    CHECK(next && next.phase() == SMTP_PHASE_NONE);
    connected_client("smtp")->send(next);
    next.check();
    CHECK(!next.remaining());

    /* Of what may have been delivered only who says so sends again. */
    one = connected_client("lost");
    transaction lost = mail();
    const auto unknown = failure_of([&]() { one->send(lost), lost.check(); });
    CHECK(unknown.code() == SMTP_E_OUTCOME_UNKNOWN && unknown.advice() == SMTP_NEXT_ASK);
    CHECK(lost.phase() == SMTP_PHASE_MESSAGE && !lost.remaining());
    CHECK(lost.remaining(SMTP_REMAINING_UNKNOWN).recipient_count() == 1);

    /* A functor lives until the last that may ask it is gone. */
    transaction unsent = mail();
    unsent.set_message_reader([reader](char *, size_t) -> size_t {
        ++*reader;
        return 0;
    });
    {
        transaction other = unsent.remaining();
        unsent.clear();
        CHECK(reader.use_count() > 1);
        connected_client("smtp")->send(other);
        CHECK(*reader == 1);
    }
    CHECK(reader.use_count() == 1);

    const transaction moved = std::move(unsent);
    CHECK(moved && !unsent);
    same("SMTP_E_MISUSE", thrown_by([&]() { unsent.phase(); }));
    same("SMTP_E_MISUSE", thrown_by([&]() { unsent.recipient_is_temporary(0); }));
    same("SMTP_E_MISUSE", thrown_by([&]() { unsent.remaining(); }));
}

void settings_can_be_read() {
    CHECK(smtpclient::has_feature("lmtp") && !smtpclient::has_feature("uucp"));
    client one;
    CHECK(one.local_hostname().empty() && one.source_address() == std::make_pair(std::string(), 0));
    CHECK(one.timeout().count() == SMTP_TIMEOUT_RFC);
    one.set_local_hostname("client.example").set_source_address("127.0.0.1", 0);
    one.set_timeout(std::chrono::seconds(7)).set_window(1);
    CHECK(one.local_hostname() == "client.example" && one.source_address().first == "127.0.0.1");
    CHECK(one.timeout() == std::chrono::seconds(7));
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { one.set_window(-1); }));
    client two;
    two.set_url("smtps://me@mail.example.org").set_credentials("me", "password");
    two.set_host("mail.example.org").set_addresses({"192.0.2.1"}).set_addresses({});
    two.set_security(smtpclient::security::tls).set_no_credentials();
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { two.set_url("smtp://mail.example.org?x"); }));
    one.connect(server("smtp"));
    one.set_debug_callback([&](smtpclient::direction, const char *, size_t) { one.timeout(); });
    same("SMTP_E_BUSY", thrown_by([&]() { one.noop(); }));
}

/* A source's callback may answer, fail, or throw; and ends with the last that needs it. */
void tokens_come_from_a_source() {
    const std::shared_ptr<int> calls = std::make_shared<int>(0);
    const std::unique_ptr<client> one = connected_client("smtp");
    {
        smtpclient::token_source source([calls](smtpclient::token_request request) {
            CHECK(request.user() == "user");
            switch (++*calls) {
            case 1:
                CHECK(request.reason() == smtpclient::token_reason::first && request.detail().empty());
                throw boom("thrown");
            case 2: return request.fail("no network");
            case 3: return request.give("wrong", std::chrono::seconds(3600));
            default:
                CHECK(request.reason() == smtpclient::token_reason::refused);
                CHECK(request.detail().find("535") != std::string::npos);
                return request.give("password");
            }
        });
        one->set_token_source("user", source);
        CHECK(calls.use_count() == 2);
    }
    same("thrown", thrown_by([&]() { one->login_oauth(); }));
    same("SMTP_E_AUTHENTICATION", thrown_by([&]() { one->login_oauth(); }));
    one->login_oauth();
    CHECK(*calls == 4);
    one->set_no_credentials();
    CHECK(calls.use_count() == 1);
    same("SMTP_E_MISUSE", thrown_by([&]() { one->login_oauth(); }));
    client two;
    two.connect(server("smtp"));
    two.login_oauth("user", "password");
    same("SMTP_E_INVALID_ARGUMENT", thrown_by([&]() { smtpclient::token_source none(nullptr); }));
}

/* What the caller keeps with a transaction comes back with it, and ends once. */
void transactions_carry_what_they_are_given() {
    int released = 0, ended = 0, completed = 0;
    const std::unique_ptr<client> one = connected_client("smtp");
    one->set_completion_callback([&](transaction back) {
        CHECK(back.user_data() == &ended && released == 0);
        back.clear();
        CHECK(released == 1 && ended == 0 && back.user_data() == &ended);
        ++completed;
    });
    transaction given = mail();
    CHECK(!given.user_data());
    given.set_message_borrowed(MESSAGE, sizeof MESSAGE - 1);
    given.set_release_callback([&]() { ++released; });
    given.set_user_data(&ended, [](void *count) { ++*static_cast<int *>(count); });
    one->submit(std::move(given)).flush();
    CHECK(completed == 1 && released == 1 && ended == 1);
}

void every_recipient_is_told_of() {
    const std::unique_ptr<client> one = connected_client("smtp");
    CHECK(one->recipients().empty());
    one->sendmail("from@a.example", {"to@b.example", "too@b.example"}, MESSAGE);
    const std::vector<smtpclient::recipient> all = one->recipients();
    CHECK(all.size() == 2 && all[1].address == "too@b.example" && all[1].code == 250);
    CHECK(all[0].status == smtpclient::recipient_status::accepted && !all[0].text.empty());
    one->set_audit_callback([](int, const char *, int, const char *, size_t) { return false; });
    same("SMTP_E_FORBIDDEN",
         thrown_by([&]() { one->sendmail("from@a.example", {"to@b.example"}, MESSAGE); }));
    CHECK(one->recipients().at(0).status == smtpclient::recipient_status::not_tried);
}

/* How long a client's end takes, in seconds, after that use of it. */
double end_after(const char *name, const std::function<void(client &)> &use) {
    std::unique_ptr<client> one = connected_client(name);
    use(*one);
    const double begun = now();
    one.reset();
    return now() - begun;
}

/* The time limit is 20 seconds, and the servers hold out for longer. */
void destructors_do_not_wait() {
    const auto stream = [](client &one) {
        one.ehlo_or_helo_if_needed();
        for (int i = 0; i < 40; ++i)
            one.submit(mail());
    };
    const auto nothing = [](client &) {};
    double quit = 0, impatient = 0, owed = 0, unanswered = 0, slowly = 0;
    std::vector<std::thread> threads;
    threads.emplace_back([&]() { quit = end_after("mute_quit", nothing); });
    threads.emplace_back([&]() {
        impatient = end_after("mute_quit", [](client &one) {
            one.set_timeout(std::chrono::milliseconds(300));
        });
    });
    threads.emplace_back([&]() {
        owed = end_after("mute_noop", [](client &one) { one.putcmd("NOOP"); });
    });
    threads.emplace_back([&]() { unanswered = end_after("mute_end", stream); });
    threads.emplace_back([&]() { slowly = end_after("slow", stream); });
    for (std::thread &one : threads)
        one.join();
    std::cerr << "ends after " << quit << ' ' << impatient << ' ' << owed << ' ' << unanswered
              << ' ' << slowly << '\n';
    const double most = 5.0 + (slow() ? 1.5 : 0.3);
    CHECK(quit > 4.5 && quit < most);
    CHECK(impatient < 1.5);
    CHECK(owed < most && unanswered < most && slowly < most);
}

} // namespace

int main() {
    destroyed_in_a_callback();
    an_exception_leaves_its_own_call();
    nothing_is_left_of_a_client_that_ended();
    constructors_say_why();
    a_probe_gives_a_report();
    errors_tell_their_details();
    those_who_remain_are_tried_again();
    settings_can_be_read();
    tokens_come_from_a_source();
    transactions_carry_what_they_are_given();
    every_recipient_is_told_of();
    destructors_do_not_wait();
    return 0;
}
