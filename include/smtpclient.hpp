/*
 * libsmtpclient for C++11 and later: the handles of smtpclient.h as classes.
 *
 * A thin layer, all in this header; what a function does, takes and may fail with is said in
 * smtpclient.h beside the C function of the same name. What differs:
 *
 * - Objects own their handles: they can be moved and not copied. One that was moved from may be
 *   assigned to or destroyed, nothing else.
 * - An error is thrown as smtpclient::error. Reply codes of single commands are returned, whatever
 *   they are, as part of a reply.
 * - Strings are std::string, in UTF-8. One with a NUL inside is an error rather than cut short.
 * - Callbacks are std::function and may throw: the call under way is cancelled, and the first
 *   exception leaves the member function whose call it was, and no other.
 * - ~client() is the end of Python's `with SMTP(...)`: it sends QUIT if there is a connection. It
 *   takes 5 seconds at most, whatever the server does, and less where set_timeout() says so. Half
 *   of them go to what was submitted and not flushed; nobody learns its outcome. Call close()
 *   before to leave without a word, in a forked child for instance. No callback of the client and
 *   no reader runs in it, for what they refer to may be gone; only what tells that a message is
 *   no longer needed does.
 * - A client may be destroyed or assigned to in its own callbacks. The call under way goes on to
 *   its end without further callbacks of it, and then the connection is closed without QUIT.
 *
 * Threads are as in C: one object, one call at a time, but for client::cancel().
 */
#ifndef SMTPCLIENT_HPP
#define SMTPCLIENT_HPP

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>
#if __cplusplus >= 201703L
#include <string_view>
#endif

#include "smtpclient.h"

namespace smtpclient {

/* What a call failed with. */
class error : public std::runtime_error {
public:
    explicit error(int code, const std::string &message, int reply_code = 0,
                   const std::string &enhanced = std::string(), int system_errno = 0,
                   int detail = SMTP_DETAIL_NONE)
        : std::runtime_error(message), code_(code), reply_code_(reply_code),
          system_errno_(system_errno), detail_(detail), enhanced_(enhanced) {}

    /* One of SMTP_E_*. */
    int code() const noexcept { return code_; }
    /* Its name, such as "SMTP_E_TIMEOUT". */
    const char *name() const noexcept { return smtp_error_name(code_); }
    /* The server's last reply code on that client, 0 if none. */
    int reply_code() const noexcept { return reply_code_; }
    /* The enhanced status code of that reply, such as "5.1.1", or "". */
    const std::string &enhanced() const noexcept { return enhanced_; }
    /* The system's errno, 0 if none; of a failed look-up getaddrinfo's code. */
    int system_errno() const noexcept { return system_errno_; }
    /* What tells it from others of its code: one of SMTP_DETAIL_*. */
    int detail() const noexcept { return detail_; }
    /* What to do about it: SMTP_NEXT_NOW and so on. */
    int advice() const noexcept {
        return smtp_error_advice(code_, reply_code_, enhanced_.c_str());
    }
    /* Whether the same call may succeed later. */
    bool is_temporary() const noexcept {
        return smtp_error_is_temporary(code_, reply_code_) != 0;
    }

private:
    int code_;
    int reply_code_;
    int system_errno_;
    int detail_;
    std::string enhanced_;
};

/* A reply of the server. */
struct reply {
    int code;
    std::string text;
    std::string enhanced;

    bool is_positive() const noexcept { return code >= 200 && code < 300; }
};

/* A recipient (or sender) that was refused, and the reply. */
struct refusal {
    std::string address;
    int code;
    std::string text;
    std::string enhanced;
};

enum class protocol {
    smtp = SMTP_PROTOCOL_SMTP,
    smtps = SMTP_PROTOCOL_SMTPS,
    lmtp = SMTP_PROTOCOL_LMTP
};

/* How client::open() secures a connection; see SMTP_SECURITY_AUTO and its neighbours. */
enum class security {
    automatic = SMTP_SECURITY_AUTO,
    none = SMTP_SECURITY_NONE,
    opportunistic = SMTP_SECURITY_OPPORTUNISTIC,
    starttls = SMTP_SECURITY_STARTTLS,
    tls = SMTP_SECURITY_TLS
};

enum class tls_verify {
    full = SMTP_TLS_VERIFY_FULL,
    certificate = SMTP_TLS_VERIFY_CERTIFICATE,
    none = SMTP_TLS_VERIFY_NONE
};

enum class tls_version { v1_2 = SMTP_TLS_VERSION_1_2, v1_3 = SMTP_TLS_VERSION_1_3 };

enum class recipient_status {
    not_tried = SMTP_RECIPIENT_NOT_TRIED,
    accepted = SMTP_RECIPIENT_ACCEPTED,
    refused = SMTP_RECIPIENT_REFUSED,
    unknown = SMTP_RECIPIENT_UNKNOWN
};

/* What became of the last mail for one of its recipients, and the reply. */
struct recipient {
    std::string address;
    recipient_status status;
    int code;
    std::string text;
};

enum class token_reason {
    first = SMTP_TOKEN_FIRST,
    expiring = SMTP_TOKEN_EXPIRING,
    refused = SMTP_TOKEN_REFUSED
};

enum class direction {
    sent = SMTP_DEBUG_SENT,
    received = SMTP_DEBUG_RECEIVED,
    info = SMTP_DEBUG_INFO
};

/* Version of the library that is running. */
inline std::string version() { return smtp_client_version(); }
inline int version_number() { return smtp_client_version_number(); }

namespace detail {

typedef std::vector<std::string> strings;

/* What a client shares with its calls and callbacks: any of them may be the last to need it. */
struct shared {
    typedef std::chrono::steady_clock clock;

    explicit shared(smtp_client *client_handle) noexcept
        : handle(client_handle), gone(false), leave_by(clock::time_point::max()) {}

    smtp_client *const handle;
    /* The object has been destroyed; its handle lives to the end of the call under way. */
    std::atomic<bool> gone;
    /* When the destructor stops waiting for transactions. */
    clock::time_point leave_by;

    bool is_leaving() const noexcept { return leave_by != clock::time_point::max(); }
};

/* A call under way on this thread. Calls nest where a callback makes another. */
class running {
public:
    explicit running(const std::shared_ptr<shared> &client, smtp_transaction *offer = nullptr)
        : client_(client), offered_(offer), outer_(innermost()) {
        innermost() = this;
    }
    ~running() { innermost() = outer_; }
    running(const running &) = delete;
    running &operator=(const running &) = delete;

    const std::shared_ptr<shared> &client() const noexcept { return client_; }
    /* The transaction that is being submitted, until it comes back. */
    smtp_transaction *offered() const noexcept { return offered_; }

    /* The call of `client` that the present callback belongs to. There is none where the C
     * interface was called with the client's handle. */
    static running *of(const shared *client) noexcept {
        running *call = innermost();
        while (call && call->client_.get() != client) {
            call = call->outer_;
        }
        return call;
    }
    static running *&innermost() noexcept {
        static thread_local running *call = nullptr;
        return call;
    }

    void came_back(const smtp_transaction *one) noexcept {
        if (offered_ == one) {
            offered_ = nullptr;
        }
    }
    /* Keeps the exception that is being handled from C. What follows from the first is not told. */
    void keep() noexcept {
        if (!thrown_) {
            thrown_ = std::current_exception();
        }
    }
    /* Throws what was kept. */
    void rethrow() {
        if (thrown_) {
            std::exception_ptr exception;
            std::swap(exception, thrown_);
            std::rethrow_exception(exception);
        }
    }
    /* What the call has come to. */
    void finish(int code) {
        rethrow();
        if (code >= 0) {
            return;
        }
        const smtp_client *handle = client_->handle;
        /* Busy is told to the thread alone, and a handle that is gone tells nothing. */
        if (code == SMTP_E_BUSY || client_->gone ||
            smtp_client_last_error_code(handle) != code) {
            throw error(code, smtp_last_error());
        }
        const char *enhanced = smtp_client_reply_enhanced(handle);
        throw error(code, smtp_client_last_error(handle), smtp_client_reply_code(handle),
                    enhanced ? enhanced : "", smtp_client_last_errno(handle),
                    smtp_client_last_error_detail(handle));
    }

private:
    const std::shared_ptr<shared> client_;
    smtp_transaction *offered_;
    running *const outer_;
    std::exception_ptr thrown_;
};

inline std::string owned(const char *text) { return text ? std::string(text) : std::string(); }

/* A string for C, which would end at a NUL. */
inline const char *text(const std::string &string) {
    if (string.find('\0') != std::string::npos) {
        throw error(SMTP_E_INVALID_ARGUMENT, "a string has a NUL inside");
    }
    return string.c_str();
}

/* Text that a program has in whatever form: std::string, a literal, std::string_view. */
class characters {
public:
    characters(const char *text) : text_(text ? text : "") {}
    characters(std::string text) : text_(std::move(text)) {}
#if __cplusplus >= 201703L
    characters(std::string_view text) : text_(text) {}
#endif
    const char *c_str() const { return text(text_); }

private:
    std::string text_;
};

inline std::vector<const char *> array(const strings &from) {
    std::vector<const char *> pointers;
    pointers.reserve(from.size());
    for (const std::string &string : from) {
        pointers.push_back(text(string));
    }
    return pointers;
}

template <typename Handle, void (*free)(Handle *)> struct freed {
    void operator()(Handle *handle) const noexcept { free(handle); }
};

/* User data of a callback that stays registered. */
template <typename Data> void destroy(void *data) { delete static_cast<Data *>(data); }

/* A new handle, or why there is none. */
template <typename Handle> Handle *made(Handle *handle) {
    if (!handle) {
        throw error(smtp_last_error_code(), smtp_last_error());
    }
    return handle;
}

/* What a call on a policy or transaction has failed with. The handle's own message is whole where
 * the thread's may be cut; but one that is busy or gone has none. */
inline error failure(int code, int own_code, const char *own_message, int own_errno) {
    if (own_code == code && *own_message) {
        return error(code, own_message, 0, std::string(), own_errno);
    }
    return error(code, smtp_last_error());
}

} // namespace detail

/* Whether the library that is running has a feature, such as "tls" or "auth:CRAM-MD5". */
inline bool has_feature(const std::string &name) {
    return smtp_client_has_feature(detail::text(name)) != 0;
}

/* A TLS policy. */
class tls {
public:
    tls() : handle_(detail::made(smtp_tls_new())) {}

    tls &set_ca_file(const std::string &path) {
        return done(smtp_tls_set_ca_file(get(), detail::text(path)));
    }
    tls &add_ca_file(const std::string &path) {
        return done(smtp_tls_add_ca_file(get(), detail::text(path)));
    }
    tls &add_ca_pem(const std::string &pem) {
        return done(smtp_tls_add_ca_pem(get(), pem.data(), pem.size()));
    }
    tls &set_system_roots(bool on) { return done(smtp_tls_set_system_roots(get(), on)); }
    tls &set_client_certificate(const std::string &cert_and_key_file) {
        return done(
            smtp_tls_set_client_certificate(get(), detail::text(cert_and_key_file), nullptr));
    }
    tls &set_client_certificate(const std::string &cert_file, const std::string &key_file) {
        return done(smtp_tls_set_client_certificate(get(), detail::text(cert_file),
                                                    detail::text(key_file)));
    }
    tls &set_client_pkcs12(const std::string &data, const std::string &password) {
        return done(smtp_tls_set_client_pkcs12(get(), data.data(), data.size(),
                                               detail::text(password)));
    }
    tls &set_client_key_uri(const std::string &uri) {
        return done(smtp_tls_set_client_key_uri(get(), detail::text(uri)));
    }
    tls &add_pin(const std::string &pin) {
        return done(smtp_tls_add_pin(get(), detail::text(pin)));
    }
    tls &set_resumption(bool on) { return done(smtp_tls_set_resumption(get(), on)); }
    /* Reads the system's roots now: before chroot(2), or before privileges are dropped. */
    tls &load() { return done(smtp_tls_load(get())); }
    tls &set_verify(tls_verify mode) {
        return done(smtp_tls_set_verify(get(), static_cast<int>(mode)));
    }
    tls &set_min_version(tls_version version) {
        return done(smtp_tls_set_min_version(get(), static_cast<int>(version)));
    }
    tls &set_max_version(tls_version version) {
        return done(smtp_tls_set_max_version(get(), static_cast<int>(version)));
    }
    tls &set_server_name(const std::string &name) {
        return done(smtp_tls_set_server_name(get(), detail::text(name)));
    }

    smtp_tls *get() const noexcept { return handle_.get(); }

private:
    tls &done(int code) {
        if (code < 0) {
            throw detail::failure(code, smtp_tls_last_error_code(get()),
                                  smtp_tls_last_error(get()), smtp_tls_last_errno(get()));
        }
        return *this;
    }

    std::unique_ptr<smtp_tls, detail::freed<smtp_tls, smtp_tls_free>> handle_;
};

/* One mail, and what became of it. */
class transaction {
public:
    /* Fills the buffer with at most `capacity` bytes; 0 at the end. */
    typedef std::function<std::size_t(char *buffer, std::size_t capacity)> reader;

    transaction() : handle_(detail::made(smtp_transaction_new())) {}
    /* Takes over a handle of the C interface. */
    explicit transaction(smtp_transaction *handle) noexcept : handle_(handle) {}

    transaction &set_sender(const std::string &address) {
        return done(smtp_transaction_set_sender(get(), detail::text(address)));
    }
    transaction &add_recipient(const std::string &address,
                               const std::vector<std::string> &options = detail::strings()) {
        const std::vector<const char *> pointers = detail::array(options);
        return done(smtp_transaction_add_recipient(get(), detail::text(address), pointers.data(),
                                                   pointers.size()));
    }
    transaction &add_mail_option(const std::string &option) {
        return done(smtp_transaction_add_mail_option(get(), detail::text(option)));
    }
    transaction &set_message(const std::string &message) {
        return done(smtp_transaction_set_message(get(), message.data(), message.size()));
    }
    /* Not copied: see smtp_transaction_set_message_borrowed(). */
    transaction &set_message_borrowed(const void *message, std::size_t length) {
        return done(smtp_transaction_set_message_borrowed(get(), message, length));
    }
    transaction &set_message_reader(reader read, std::int64_t size = -1) {
        std::unique_ptr<reader> data(new reader(std::move(read)));
        /* The library destroys it, also where this call fails. */
        return done(smtp_transaction_set_reader(get(), &read_message, data.release(),
                                                &detail::destroy<reader>, size));
    }
    /* Envelope and message: see smtp_transaction_set_mime(). */
    transaction &set_mime(const class message &from);
    transaction &set_message_fd(int fd) { return done(smtp_transaction_set_message_fd(get(), fd)); }
    /* Runs once, when the present message is no longer needed; set after it. Must not throw. */
    transaction &set_release_callback(std::function<void()> release) {
        typedef std::function<void()> function;
        std::unique_ptr<function> data(new function(std::move(release)));
        return done(smtp_transaction_set_release_callback(get(), &release_message,
                                                          data.release()));
    }
    /* A pointer of the caller's, which stays with it through sending and clear(). */
    transaction &set_user_data(void *data, smtp_destroy_callback destroy = nullptr) {
        return done(smtp_transaction_set_user_data(get(), data, destroy));
    }
    void *user_data() const noexcept { return smtp_transaction_user_data(get()); }
    /* Empties it for another mail. */
    transaction &clear() { return done(smtp_transaction_clear(get())); }

    /* SMTP_OK or why it failed. */
    int status() const noexcept { return smtp_transaction_status(get()); }
    /* The same in words. */
    std::string error_message() const { return detail::owned(smtp_transaction_error(get())); }
    int reply_code() const noexcept { return smtp_transaction_reply_code(get()); }
    std::string reply_text() const { return detail::owned(smtp_transaction_reply_text(get())); }
    std::string reply_enhanced() const {
        return detail::owned(smtp_transaction_reply_enhanced(get()));
    }
    /* Throws if it failed. */
    const transaction &check() const {
        if (status() < 0) {
            throw error(status(), error_message(), reply_code(), reply_enhanced(), 0,
                        smtp_transaction_error_detail(get()));
        }
        return *this;
    }

    std::size_t recipient_count() const noexcept {
        return smtp_transaction_recipient_count(get());
    }
    std::string recipient_address(std::size_t index) const {
        return detail::owned(smtp_transaction_recipient_address(get(), index));
    }
    smtpclient::recipient_status recipient_status(std::size_t index) const {
        const int status = smtp_transaction_recipient_status(get(), index);
        done(status);
        return static_cast<smtpclient::recipient_status>(status);
    }
    int recipient_code(std::size_t index) const {
        const int code = smtp_transaction_recipient_code(get(), index);
        done(code);
        return code;
    }
    std::string recipient_text(std::size_t index) const {
        return detail::owned(smtp_transaction_recipient_text(get(), index));
    }
    std::string recipient_enhanced(std::size_t index) const {
        return detail::owned(smtp_transaction_recipient_enhanced(get(), index));
    }

    bool recipient_is_temporary(std::size_t index) const {
        const int temporary = smtp_transaction_recipient_is_temporary(get(), index);
        done(temporary);
        return temporary == 1;
    }
    /* How far it came: SMTP_PHASE_NONE and so on. */
    int phase() const {
        const int phase = smtp_transaction_phase(get());
        done(phase);
        return phase;
    }
    /* For those who were refused for now or not tried; without a handle if there are none. */
    transaction remaining(int flags = 0) {
        smtp_transaction *const next = smtp_transaction_remaining(get(), flags);
        if (!next && smtp_transaction_last_error_code(get()) != SMTP_E_INVALID_ARGUMENT) {
            done(smtp_last_error_code());
        }
        return transaction(next);
    }
    explicit operator bool() const noexcept { return get() != nullptr; }

    smtp_transaction *get() const noexcept { return handle_.get(); }
    /* Gives the handle away. */
    smtp_transaction *release() noexcept { return handle_.release(); }

private:
    friend class message;

    static std::ptrdiff_t read_message(void *buffer, std::size_t capacity, void *data) noexcept {
        detail::running *const call = detail::running::innermost();
        if (call && call->client()->is_leaving()) {
            return -1;
        }
        try {
            const std::size_t count =
                (*static_cast<reader *>(data))(static_cast<char *>(buffer), capacity);
            /* One too large for the type is one too large for the buffer. */
            const std::ptrdiff_t most = std::numeric_limits<std::ptrdiff_t>::max();
            return count > static_cast<std::size_t>(most) ? most
                                                          : static_cast<std::ptrdiff_t>(count);
        } catch (...) {
            if (call) {
                call->keep();
            }
            return -1;
        }
    }

    static void release_message(void *data) noexcept {
        const std::unique_ptr<std::function<void()>> release(
            static_cast<std::function<void()> *>(data));
        if (*release) {
            (*release)();
        }
    }

    void done(int code) const {
        if (code < 0) {
            throw detail::failure(code, smtp_transaction_last_error_code(get()),
                                  smtp_transaction_last_error(get()),
                                  smtp_transaction_last_errno(get()));
        }
    }
    transaction &done(int code) {
        static_cast<const transaction *>(this)->done(code);
        return *this;
    }

    std::unique_ptr<smtp_transaction, detail::freed<smtp_transaction, smtp_transaction_free>>
        handle_;
};

/* The envelope of a message before it is sent. */
class envelope {
public:
    /* Takes over a handle of the C interface. */
    explicit envelope(smtp_envelope *handle) noexcept : handle_(handle) {}
    /* All from the message's header. */
    explicit envelope(const std::string &message)
        : handle_(detail::made(
              smtp_envelope_new(nullptr, nullptr, 0, message.data(), message.size()))) {}
    envelope(const std::string &from, const std::vector<std::string> &to,
             const std::string &message)
        : handle_(nullptr) {
        /* Not NULL, though it may be empty: no recipients are an error, not the header's. */
        std::vector<const char *> recipients = detail::array(to);
        recipients.push_back(nullptr);
        handle_.reset(detail::made(smtp_envelope_new(detail::text(from), recipients.data(),
                                                     to.size(), message.data(), message.size())));
    }

    std::string sender() const { return detail::owned(smtp_envelope_sender(get())); }
    std::vector<std::string> recipients() const {
        std::vector<std::string> all;
        const std::size_t count = smtp_envelope_recipient_count(get());
        for (std::size_t index = 0; index < count; ++index) {
            all.push_back(detail::owned(smtp_envelope_recipient(get(), index)));
        }
        return all;
    }
    bool needs_smtputf8() const noexcept { return smtp_envelope_needs_smtputf8(get()) == 1; }

    smtp_envelope *get() const noexcept { return handle_.get(); }

private:
    std::unique_ptr<smtp_envelope, detail::freed<smtp_envelope, smtp_envelope_free>> handle_;
};

/* A message that the library writes: see smtp_message_new(). What takes text takes std::string,
 * literals, and std::string_view where there is one. */
class message {
    typedef detail::characters text;
    template <typename Range>
    using if_range = typename std::enable_if<!std::is_convertible<const Range &, text>::value>::type;

public:
    typedef transaction::reader reader;
    /* Takes some of the bytes. It may throw, which ends the writing. */
    typedef std::function<void(const char *data, std::size_t length)> sink;

    message() : handle_(detail::made(smtp_message_new())) {}
    /* Takes over a handle of the C interface. */
    explicit message(smtp_message *handle) noexcept : handle_(handle) {}

    /* One address, or a list as it stands in a header: "Joe <a@b>, Team: c@d, e@f;". */
    message &set_from(const text &list) {
        return done(smtp_message_set_from(get(), nullptr, list.c_str()));
    }
    message &set_from(const text &name, const text &address) {
        return done(smtp_message_set_from(get(), name.c_str(), address.c_str()));
    }
    message &add_to(const text &list) { return add(&smtp_message_add_to, list); }
    message &add_to(const text &name, const text &address) {
        return add(&smtp_message_add_to, name, address);
    }
    /* Any range of such. */
    template <typename Range, typename = if_range<Range>> message &add_to(const Range &lists) {
        return add_all(&smtp_message_add_to, lists);
    }
    message &add_cc(const text &list) { return add(&smtp_message_add_cc, list); }
    message &add_cc(const text &name, const text &address) {
        return add(&smtp_message_add_cc, name, address);
    }
    template <typename Range, typename = if_range<Range>> message &add_cc(const Range &lists) {
        return add_all(&smtp_message_add_cc, lists);
    }
    message &add_bcc(const text &list) { return add(&smtp_message_add_bcc, list); }
    message &add_bcc(const text &name, const text &address) {
        return add(&smtp_message_add_bcc, name, address);
    }
    template <typename Range, typename = if_range<Range>> message &add_bcc(const Range &lists) {
        return add_all(&smtp_message_add_bcc, lists);
    }
    message &add_reply_to(const text &list) { return add(&smtp_message_add_reply_to, list); }
    message &add_reply_to(const text &name, const text &address) {
        return add(&smtp_message_add_reply_to, name, address);
    }
    message &set_subject(const text &subject) {
        return done(smtp_message_set_subject(get(), subject.c_str()));
    }
    message &add_header(const text &name, const text &value) {
        return done(smtp_message_add_header(get(), name.c_str(), value.c_str()));
    }
    message &set_text(const text &plain) {
        return done(smtp_message_set_text(get(), plain.c_str()));
    }
    message &set_text_flowed(bool on) { return done(smtp_message_set_text_flowed(get(), on)); }
    message &set_html(const text &html) { return done(smtp_message_set_html(get(), html.c_str())); }
    message &set_date(std::int64_t seconds) { return done(smtp_message_set_date(get(), seconds)); }
    message &set_date(std::chrono::system_clock::time_point date) {
        return set_date(static_cast<std::int64_t>(std::chrono::system_clock::to_time_t(date)));
    }

    /* "" is no file name, and a content type to be guessed. */
    message &add_attachment(const text &file_name, const text &content_type, const void *data,
                            std::size_t length) {
        return done(smtp_message_add_attachment(get(), file_name.c_str(), or_null(content_type),
                                                data, length));
    }
    /* What has its elements one behind the other: std::string, std::vector, std::span. */
    template <typename Bytes>
    message &add_attachment(const text &file_name, const text &content_type, const Bytes &data) {
        return add_attachment(file_name, content_type, data.data(),
                              data.size() * sizeof(*data.data()));
    }
    /* Not copied; release runs once, when nobody needs them any more. It must not throw. */
    message &add_attachment_borrowed(const text &file_name, const text &content_type,
                                     const void *data, std::size_t length,
                                     std::function<void()> release = nullptr) {
        typedef std::function<void()> function;
        const char *const name = file_name.c_str();
        const char *const type = or_null(content_type);
        std::unique_ptr<function> user(new function(std::move(release)));
        return done(smtp_message_add_attachment_borrowed(get(), name, type, data, length,
                                                         user.release(),
                                                         &transaction::release_message));
    }
    message &add_attachment_fd(const text &file_name, const text &content_type, int fd) {
        return done(smtp_message_add_attachment_fd(get(), file_name.c_str(),
                                                   or_null(content_type), fd));
    }
    message &add_attachment_reader(const text &file_name, const text &content_type, reader read,
                                   std::int64_t size = -1) {
        const char *const name = file_name.c_str();
        const char *const type = or_null(content_type);
        std::unique_ptr<reader> user(new reader(std::move(read)));
        return done(smtp_message_add_attachment_reader(get(), name, type,
                                                       &transaction::read_message, user.release(),
                                                       &detail::destroy<reader>, size));
    }
    message &add_inline(const text &content_id, const text &file_name, const text &content_type,
                        const void *data, std::size_t length) {
        return done(smtp_message_add_inline(get(), content_id.c_str(), file_name.c_str(),
                                            or_null(content_type), data, length));
    }
    template <typename Bytes>
    message &add_inline(const text &content_id, const text &file_name, const text &content_type,
                        const Bytes &data) {
        return add_inline(content_id, file_name, content_type, data.data(),
                          data.size() * sizeof(*data.data()));
    }
    /* Empties it for another. */
    message &clear() { return done(smtp_message_clear(get())); }

    std::string message_id() { return detail::owned(made(smtp_message_message_id(get()))); }
    /* Whom it would go to, Bcc included. */
    smtpclient::envelope envelope() {
        return smtpclient::envelope(made(smtp_message_envelope(get())));
    }
    /* As it would be sent. */
    void write(const sink &to) {
        /* A call of no client's, so that what a reader throws is this one's. */
        detail::running call(std::make_shared<detail::shared>(nullptr));
        writing under_way = {&to, &call};
        const int code = smtp_message_write(get(), &write_some, &under_way);
        call.rethrow();
        done(code);
    }
    std::string str() {
        std::string whole;
        write([&whole](const char *data, std::size_t length) { whole.append(data, length); });
        return whole;
    }

    smtp_message *get() const noexcept { return handle_.get(); }
    /* Gives the handle away. */
    smtp_message *release() noexcept { return handle_.release(); }

private:
    struct writing {
        const sink *to;
        detail::running *call;
    };

    static int write_some(const void *data, std::size_t length, void *user_data) noexcept {
        writing *const under_way = static_cast<writing *>(user_data);
        try {
            (*under_way->to)(static_cast<const char *>(data), length);
            return 0;
        } catch (...) {
            under_way->call->keep();
            return -1;
        }
    }

    static const char *or_null(const text &content_type) {
        const char *const type = content_type.c_str();
        return *type ? type : nullptr;
    }

    typedef int adder(smtp_message *, const char *, const char *);
    message &add(adder *function, const text &list) {
        return done(function(get(), nullptr, list.c_str()));
    }
    message &add(adder *function, const text &name, const text &address) {
        return done(function(get(), name.c_str(), address.c_str()));
    }
    template <typename Range> message &add_all(adder *function, const Range &lists) {
        for (const auto &list : lists) {
            add(function, text(list));
        }
        return *this;
    }

    message &done(int code) {
        if (code < 0) {
            throw failure(code);
        }
        return *this;
    }
    template <typename Pointer> Pointer *made(Pointer *pointer) {
        if (!pointer) {
            throw failure(smtp_last_error_code());
        }
        return pointer;
    }
    error failure(int code) const {
        return detail::failure(code, smtp_message_last_error_code(get()),
                               smtp_message_last_error(get()), smtp_message_last_errno(get()));
    }

    std::unique_ptr<smtp_message, detail::freed<smtp_message, smtp_message_free>> handle_;
};

inline transaction &transaction::set_mime(const class message &from) {
    return done(smtp_transaction_set_mime(get(), from.get()));
}

/* What a probe has seen of a server, and what to do about it. */
class report {
public:
    struct address {
        std::string text;
        /* Empty if it worked. */
        std::string error;
        int system_errno;
        std::chrono::milliseconds took;
    };
    struct advice {
        /* One of SMTP_ADVICE_*. */
        int kind;
        std::string text;
    };

    /* Takes over what smtp_client_report() gave. */
    explicit report(smtp_report *handle) noexcept : handle_(handle) {}
    /* There is none where the probe is pending in an event loop. */
    explicit operator bool() const noexcept { return handle_ != nullptr; }

    /* What client::open() would have come to: SMTP_OK, or an error's code. */
    int code() const noexcept { return smtp_report_code(get()); }
    int reply_code() const noexcept { return smtp_report_reply_code(get()); }
    /* A fact by SMTP_REPORT_*; empty where there is none. */
    std::string text(int what) const { return detail::owned(smtp_report_text(get(), what)); }
    /* Negative if no certificate was seen. */
    int days_left() const noexcept { return smtp_report_days_left(get()); }
    std::vector<address> addresses() const {
        std::vector<address> all;
        const std::size_t count = smtp_report_address_count(get());
        for (std::size_t index = 0; index < count; ++index) {
            all.push_back({detail::owned(smtp_report_address(get(), index)),
                           detail::owned(smtp_report_address_error(get(), index)),
                           smtp_report_address_errno(get(), index),
                           std::chrono::milliseconds(
                               smtp_report_address_milliseconds(get(), index))});
        }
        return all;
    }
    std::vector<advice> advices() const {
        std::vector<advice> all;
        const std::size_t count = smtp_report_advice_count(get());
        for (std::size_t index = 0; index < count; ++index) {
            all.push_back({smtp_report_advice_kind(get(), index),
                           detail::owned(smtp_report_advice(get(), index))});
        }
        return all;
    }

    smtp_report *get() const noexcept { return handle_.get(); }

private:
    std::unique_ptr<smtp_report, detail::freed<smtp_report, smtp_report_free>> handle_;
};

/* One step of an authentication of the caller's own. */
class auth_exchange {
public:
    explicit auth_exchange(smtp_auth_exchange *handle) noexcept
        : handle_(handle), cancelled_(false) {}

    /* False when an initial response is asked for. */
    bool has_challenge() const noexcept {
        return smtp_auth_exchange_challenge(handle_, nullptr) != nullptr;
    }
    std::string challenge() const {
        std::size_t length = 0;
        const void *bytes = smtp_auth_exchange_challenge(handle_, &length);
        return bytes ? std::string(static_cast<const char *>(bytes), length) : std::string();
    }
    /* Not responding declines the initial response, or answers a challenge with nothing. */
    void respond(const std::string &response) {
        const int code =
            smtp_auth_exchange_respond(handle_, response.data(), response.size());
        if (code < 0) {
            throw error(code, smtp_last_error());
        }
    }
    /* Ends the exchange: the login fails. */
    void cancel() noexcept { cancelled_ = true; }
    bool is_cancelled() const noexcept { return cancelled_; }

private:
    smtp_auth_exchange *handle_;
    bool cancelled_;
};

/* A token that a token_source asks for. It may be copied, kept, and answered once, from any thread. */
class token_request {
public:
    explicit token_request(smtp_token_request *handle) noexcept : handle_(handle) {}

    token_reason reason() const {
        return static_cast<token_reason>(checked(smtp_token_request_reason(handle_)));
    }
    std::string user() const {
        return smtpclient::detail::owned(smtp_token_request_user(handle_));
    }
    /* Why the login with the token before failed; "" where none did. */
    std::string detail() const {
        return smtpclient::detail::owned(smtp_token_request_detail(handle_));
    }

    /* Without a lifetime it is kept until the server refuses it. */
    void give(const std::string &token, std::chrono::seconds lifetime = std::chrono::seconds(0)) {
        const std::int64_t most = std::numeric_limits<int>::max();
        const std::int64_t asked = lifetime.count();
        const std::int64_t seconds = asked < 0 ? -1 : asked < most ? asked : most;
        /* What cannot be a string of C's is an answer as well. */
        const bool whole = token.find('\0') == std::string::npos;
        checked(smtp_token_give(handle_, whole ? token.c_str() : "", static_cast<int>(seconds)));
    }
    void fail(const std::string &text) { checked(smtp_token_fail(handle_, text.c_str())); }

private:
    static int checked(int code) {
        if (code < 0) {
            throw error(code, smtp_last_error());
        }
        return code;
    }

    smtp_token_request *handle_;
};

/* Where access tokens come from; it may be given to many clients. */
class token_source {
public:
    /* Called on the thread of a login; may answer later. If it throws, there is no token, and the
     * exception leaves the call that logs in. */
    typedef std::function<void(token_request)> callback;

    explicit token_source(callback function) {
        std::unique_ptr<callback> own(new callback(std::move(function)));
        const smtp_token_callback asked = *own ? &ask : nullptr;
        /* The library destroys it, also where it makes no source. */
        handle_.reset(detail::made(
            smtp_token_source_new(asked, own.release(), &detail::destroy<callback>)));
    }

    smtp_token_source *get() const noexcept { return handle_.get(); }

private:
    static int ask(smtp_token_request *request, void *user) noexcept {
        try {
            (*static_cast<const callback *>(user))(token_request(request));
            return 0;
        } catch (...) {
            detail::running *const call = detail::running::innermost();
            if (call) {
                call->keep();
            }
            return -1;
        }
    }

    std::unique_ptr<smtp_token_source,
                    detail::freed<smtp_token_source, smtp_token_source_free>>
        handle_;
};

/* A client: settings, and any number of connections one after another. */
class client {
public:
    typedef std::vector<std::string> strings;
    typedef std::function<void(smtpclient::direction, const char *data, std::size_t length)>
        debug_callback;
    /* Returning false forbids. `data` is NULL for a connect. */
    typedef std::function<bool(int event, const char *host, int port, const char *data,
                               std::size_t length)>
        audit_callback;
    /* `total` is -1 if it is not known. */
    typedef std::function<void(std::int64_t sent, std::int64_t total)> progress_callback;
    /* Gets a submitted transaction back, with its outcome. */
    typedef std::function<void(transaction)> completion_callback;
    typedef std::function<void(auth_exchange &)> auth_callback;

    explicit client(smtpclient::protocol protocol = smtpclient::protocol::smtp) {
        owner made(detail::made(smtp_client_new(static_cast<int>(protocol))));
        shared_ = std::make_shared<detail::shared>(made.get());
        made.release();
        try {
            /* Transactions that are given away must come back to someone. */
            set_completion_callback(completion_callback());
        } catch (...) {
            leave();
            throw;
        }
    }
    client(client &&other) noexcept = default;
    client &operator=(client &&other) noexcept {
        if (this != &other) {
            leave();
            shared_ = std::move(other.shared_);
        }
        return *this;
    }
    ~client() { leave(); }

    /* Settings. */

    client &set_local_hostname(const std::string &name) {
        return done([&]() { return smtp_client_set_local_hostname(get(), detail::text(name)); });
    }
    /* Everything that open() needs; credentials set apart need no escapes, and come behind it. */
    client &set_url(const std::string &url) {
        return done([&]() { return smtp_client_set_url(get(), detail::text(url)); });
    }
    /* The same, one by one; port 0 is the default. */
    client &set_host(const std::string &host, int port = 0) {
        return done([&]() { return smtp_client_set_host(get(), detail::text(host), port); });
    }
    client &set_credentials(const std::string &user, const std::string &password) {
        return done([&]() {
            return smtp_client_set_credentials(get(), detail::text(user), detail::text(password));
        });
    }
    /* Tokens in place of a password. */
    client &set_token_source(const std::string &user, const token_source &source) {
        return done([&]() {
            return smtp_client_set_token_source(get(), detail::text(user), source.get());
        });
    }
    client &set_no_credentials() {
        return done([&]() { return smtp_client_set_credentials(get(), nullptr, nullptr); });
    }
    client &set_security(smtpclient::security way) {
        return done([&]() { return smtp_client_set_security(get(), static_cast<int>(way)); });
    }
    /* None for a look-up. */
    client &set_addresses(const std::vector<std::string> &addresses) {
        const std::vector<const char *> texts = detail::array(addresses);
        return done([&]() {
            return smtp_client_set_addresses(get(), texts.data(), texts.size());
        });
    }
    client &set_timeout(std::chrono::milliseconds limit) {
        const std::chrono::milliseconds::rep most = std::numeric_limits<int>::max();
        const bool fits = limit.count() > 0 && limit.count() <= most;
        return set_limit(fits ? static_cast<int>(limit.count()) : 0);
    }
    client &set_no_timeout() { return set_limit(SMTP_TIMEOUT_NONE); }
    client &set_rfc_timeout() { return set_limit(SMTP_TIMEOUT_RFC); }
    /* One of SMTP_TIMEOUT_NONE and SMTP_TIMEOUT_RFC milliseconds where that was set. */
    std::chrono::milliseconds timeout() const {
        const int limit = smtp_client_timeout(get());
        if (limit == 0) {
            throw error(smtp_last_error_code(), smtp_last_error());
        }
        return std::chrono::milliseconds(limit);
    }
    /* "" if none was set. */
    std::string local_hostname() const {
        return detail::owned(smtp_client_local_hostname(get()));
    }
    client &set_source_address(const std::string &host, int port = 0) {
        return done([&]() {
            return smtp_client_set_source_address(get(), detail::text(host), port);
        });
    }
    /* "" and 0 for any. */
    std::pair<std::string, int> source_address() const {
        int port = 0;
        std::string host = detail::owned(smtp_client_source_address(get(), &port));
        return std::make_pair(std::move(host), port);
    }
    client &set_tls(const tls &policy) {
        return done([&]() {
            return smtp_client_set_tls(get(), policy.get());
        });
    }
    client &set_pipelining(bool on) {
        return done([&]() {
            return smtp_client_set_pipelining(get(), on);
        });
    }
    /* How many transactions may be in flight: 0 adapts, 1 never runs ahead. */
    client &set_window(int transactions) {
        return done([&]() { return smtp_client_set_window(get(), transactions); });
    }
    /* In an event loop: see smtp_client_set_nonblocking(). Calls that would wait are pending when they
     * have returned, and process() gives what became of them; sending is done by the C functions,
     * with get(). */
    client &set_nonblocking(bool on) {
        return done([&]() { return smtp_client_set_nonblocking(get(), on); });
    }
    int poll_fd() {
        return call([&]() { return smtp_client_poll_fd(get()); });
    }
    /* SMTP_PENDING, a reply code or SMTP_OK; throws the error of the pending call. */
    int process() {
        return call([&]() { return smtp_client_process(get()); });
    }
    client &set_chunking(bool on) {
        return done([&]() {
            return smtp_client_set_chunking(get(), on);
        });
    }
    client &set_initial_response(bool on) {
        return done([&]() { return smtp_client_set_initial_response(get(), on); });
    }
    client &set_auth_mechanisms(const std::string &names) {
        return done([&]() { return smtp_client_set_auth_mechanisms(get(), detail::text(names)); });
    }
    client &set_allow_plaintext_auth(bool on) {
        return done([&]() { return smtp_client_set_allow_plaintext_auth(get(), on); });
    }
    client &set_debug_level(int level) {
        return done([&]() {
            return smtp_client_set_debug_level(get(), level);
        });
    }
    client &set_debug_secrets(bool on) {
        return done([&]() {
            return smtp_client_set_debug_secrets(get(), on);
        });
    }

    /* Callbacks; an empty function removes one. */

    client &set_debug_callback(debug_callback callback) {
        const smtp_debug_callback function = callback ? &debug : nullptr;
        return set(&smtp_client_set_debug_callback, function, std::move(callback));
    }
    client &set_audit_callback(audit_callback callback) {
        const smtp_audit_callback function = callback ? &audit : nullptr;
        return set(&smtp_client_set_audit_callback, function, std::move(callback));
    }
    client &set_progress_callback(progress_callback callback) {
        const smtp_progress_callback function = callback ? &progress : nullptr;
        return set(&smtp_client_set_progress_callback, function, std::move(callback));
    }
    /* Without one, submitted transactions are freed when they come back. */
    client &set_completion_callback(completion_callback callback) {
        const smtp_completion_callback function = &complete;
        return set(&smtp_client_set_completion_callback, function, std::move(callback));
    }

    /* The connection. */

    /* Nothing, if there is one to the server that was set; else all that it takes. */
    client &open() { return done([&]() { return smtp_client_open(get()); }); }
    /* What open() would come to, and why; sends no mail. In an event loop the report is empty, and
     * take_report() gives it when process() has returned SMTP_OK. */
    report probe() {
        return reported([&]() { return smtp_client_probe(get()); });
    }
    report take_report() {
        return reported([&]() { return smtp_client_report(get()); });
    }
    reply connect(const std::string &host, int port = 0) {
        return said([&]() { return smtp_client_connect(get(), detail::text(host), port); });
    }
    reply connect_fd(int fd) {
        return said([&]() { return smtp_client_connect_fd(get(), fd, nullptr); });
    }
    reply connect_fd(int fd, const std::string &server_name) {
        return said([&]() { return smtp_client_connect_fd(get(), fd, detail::text(server_name)); });
    }
    /* A socket whose greeting was read. */
    client &adopt_fd(int fd) {
        return done([&]() { return smtp_client_adopt_fd(get(), fd, nullptr); });
    }
    client &adopt_fd(int fd, const std::string &server_name) {
        return done([&]() { return smtp_client_adopt_fd(get(), fd, detail::text(server_name)); });
    }
    /* The connection is encrypted, or this throws. */
    client &starttls() { return done([&]() { return smtp_client_starttls(get()); }); }
    /* The code is 0 if the server hung up without a reply. */
    reply quit() { return command([&]() { return smtp_client_quit(get()); }); }
    client &close() { return done([&]() { return smtp_client_close(get()); }); }
    /* At any time, from any thread and from signal handlers. */
    void cancel() noexcept { smtp_client_cancel(get()); }
    bool is_connected() const { return flag([&]() { return smtp_client_is_connected(get()); }); }
    bool is_encrypted() const { return flag([&]() { return smtp_client_is_encrypted(get()); }); }
    /* In DER; empty without TLS. */
    std::string peer_certificate() const {
        std::size_t length = 0;
        const void *bytes = smtp_client_peer_certificate(get(), &length);
        return bytes ? std::string(static_cast<const char *>(bytes), length) : std::string();
    }
    /* A fact by SMTP_TLS_INFO_*; empty where there is none. */
    std::string tls_info(int what) const {
        return detail::owned(smtp_client_tls_info(get(), what));
    }
    int fd() const {
        return call([&]() { return smtp_client_fd(get()); });
    }

    /* Single commands: the reply, whatever its code. */

    reply helo() { return command([&]() { return smtp_client_helo(get(), nullptr); }); }
    reply helo(const std::string &name) {
        return command([&]() { return smtp_client_helo(get(), detail::text(name)); });
    }
    reply ehlo() { return command([&]() { return smtp_client_ehlo(get(), nullptr); }); }
    reply ehlo(const std::string &name) {
        return command([&]() { return smtp_client_ehlo(get(), detail::text(name)); });
    }
    client &ehlo_or_helo_if_needed() {
        return done([&]() {
            return smtp_client_ehlo_or_helo_if_needed(get());
        });
    }
    reply docmd(const std::string &verb, const std::string &args = std::string()) {
        return command([&]() {
            return smtp_client_docmd(get(), detail::text(verb), detail::text(args));
        });
    }
    client &putcmd(const std::string &verb, const std::string &args = std::string()) {
        return done([&]() {
            return smtp_client_putcmd(get(), detail::text(verb), detail::text(args));
        });
    }
    reply getreply() { return command([&]() { return smtp_client_getreply(get()); }); }
    client &send_raw(const std::string &data) {
        return done([&]() { return smtp_client_send_raw(get(), data.data(), data.size()); });
    }
    reply noop() { return command([&]() { return smtp_client_noop(get()); }); }
    reply rset() { return command([&]() { return smtp_client_rset(get()); }); }
    reply help(const std::string &args = std::string()) {
        return command([&]() { return smtp_client_help(get(), detail::text(args)); });
    }
    reply verify(const std::string &address) {
        return command([&]() { return smtp_client_verify(get(), detail::text(address)); });
    }
    reply expn(const std::string &list) {
        return command([&]() { return smtp_client_expn(get(), detail::text(list)); });
    }
    reply mail(const std::string &sender, const strings &options = strings()) {
        const std::vector<const char *> pointers = detail::array(options);
        return command([&]() {
            return smtp_client_mail(get(), detail::text(sender), pointers.data(), pointers.size());
        });
    }
    reply rcpt(const std::string &recipient, const strings &options = strings()) {
        const std::vector<const char *> pointers = detail::array(options);
        return command([&]() {
            return smtp_client_rcpt(get(), detail::text(recipient), pointers.data(),
                                    pointers.size());
        });
    }
    reply data(const std::string &message) {
        return command([&]() { return smtp_client_data(get(), message.data(), message.size()); });
    }

    /* Authentication. */

    client &login(const std::string &user, const std::string &password) {
        return done([&]() {
            return smtp_client_login(get(), detail::text(user), detail::text(password));
        });
    }
    /* With an OAuth 2.0 access token. */
    client &login_oauth(const std::string &user, const std::string &token) {
        return done([&]() {
            return smtp_client_login_oauth(get(), detail::text(user), detail::text(token));
        });
    }
    /* With one of the source that was set. */
    client &login_oauth() {
        return done([&]() { return smtp_client_login_oauth(get(), nullptr, nullptr); });
    }
    client &auth(const std::string &mechanism, auth_callback callback) {
        registered<auth_callback> own = {std::move(callback), shared_};
        return done([&]() {
            return smtp_client_auth(get(), detail::text(mechanism), &authenticate, &own);
        });
    }
    client &auth_builtin(const std::string &mechanism, const std::string &user,
                         const std::string &password) {
        return done([&]() {
            return smtp_client_auth_builtin(get(), detail::text(mechanism), detail::text(user),
                                            detail::text(password));
        });
    }

    /* Mail. The refused are returned where at least one recipient was accepted. */

    std::vector<refusal> sendmail(const std::string &from, const strings &to,
                                  const std::string &message,
                                  const strings &mail_options = strings(),
                                  const strings &rcpt_options = strings()) {
        const std::vector<const char *> recipients = detail::array(to);
        const std::vector<const char *> mail = detail::array(mail_options);
        const std::vector<const char *> rcpt = detail::array(rcpt_options);
        return refused_by([&]() {
            return smtp_client_sendmail(get(), detail::text(from), recipients.data(),
                                        recipients.size(), message.data(), message.size(),
                                        mail.data(), mail.size(), rcpt.data(), rcpt.size());
        });
    }
    /* The envelope is taken from the message's header. */
    std::vector<refusal> send_message(const std::string &message,
                                      const strings &mail_options = strings(),
                                      const strings &rcpt_options = strings()) {
        const std::vector<const char *> mail = detail::array(mail_options);
        const std::vector<const char *> rcpt = detail::array(rcpt_options);
        return refused_by([&]() {
            return smtp_client_send_message(get(), nullptr, nullptr, 0, message.data(),
                                            message.size(), mail.data(), mail.size(), rcpt.data(),
                                            rcpt.size());
        });
    }
    std::vector<refusal> send_message(const std::string &from, const strings &to,
                                      const std::string &message,
                                      const strings &mail_options = strings(),
                                      const strings &rcpt_options = strings()) {
        /* Not NULL, though it may be empty: no recipients are an error, not the header's. */
        std::vector<const char *> recipients = detail::array(to);
        recipients.push_back(nullptr);
        const std::vector<const char *> mail = detail::array(mail_options);
        const std::vector<const char *> rcpt = detail::array(rcpt_options);
        return refused_by([&]() {
            return smtp_client_send_message(get(), detail::text(from), recipients.data(), to.size(),
                                            message.data(), message.size(), mail.data(),
                                            mail.size(), rcpt.data(), rcpt.size());
        });
    }
    /* To all whom the message names, Bcc included. */
    std::vector<refusal> send_mime(const message &mail) {
        return refused_by([&]() { return smtp_client_send_mime(get(), mail.get()); });
    }
    /* Whom the last sendmail() or send_message() was refused, also after it has thrown. */
    std::vector<refusal> refused() const {
        std::vector<refusal> all;
        const std::size_t count = smtp_client_refused_count(get());
        for (std::size_t index = 0; index < count; ++index) {
            refusal one = {detail::owned(smtp_client_refused_address(get(), index)),
                           smtp_client_refused_code(get(), index),
                           detail::owned(smtp_client_refused_text(get(), index)),
                           detail::owned(smtp_client_refused_enhanced(get(), index))};
            all.push_back(std::move(one));
        }
        return all;
    }

    /* All recipients of the last sendmail() or send_message(), however it ended. */
    std::vector<recipient> recipients() const {
        std::vector<recipient> all;
        const std::size_t count = smtp_client_recipient_count(get());
        for (std::size_t index = 0; index < count; ++index) {
            recipient one = {detail::owned(smtp_client_recipient_address(get(), index)),
                             static_cast<recipient_status>(
                                 smtp_client_recipient_status(get(), index)),
                             smtp_client_recipient_code(get(), index),
                             detail::owned(smtp_client_recipient_text(get(), index))};
            all.push_back(std::move(one));
        }
        return all;
    }

    /* Throws if it failed; the transaction holds its outcome either way. */
    client &send(transaction &one) {
        return done([&]() {
            return smtp_client_send(get(), one.get());
        });
    }
    /* Throws the first failure; each transaction holds its own outcome either way. */
    client &send_batch(std::vector<transaction> &all) {
        std::vector<smtp_transaction *> handles;
        handles.reserve(all.size());
        for (const transaction &one : all) {
            handles.push_back(one.get());
        }
        return done([&]() {
            return smtp_client_send_batch(get(), handles.data(), handles.size());
        });
    }
    /* It comes back through the completion callback. */
    client &submit(transaction one) {
        detail::running call(shared_, one.get());
        const int code = smtp_client_submit(get(), one.get());
        /* What is under way or was given back already is no longer ours; what was not taken is
         * freed here. */
        if (code >= 0 || !call.offered()) {
            one.release();
        }
        call.finish(code);
        return *this;
    }
    client &flush() { return done([&]() { return smtp_client_flush(get()); }); }

    /* What the server said. */

    reply last_reply() const {
        return last_reply_of(*shared_);
    }
    /* "" if it was not sent on this connection. */
    std::string helo_response() const { return detail::owned(smtp_client_helo_response(get())); }
    std::string ehlo_response() const { return detail::owned(smtp_client_ehlo_response(get())); }
    bool does_esmtp() const { return flag([&]() { return smtp_client_does_esmtp(get()); }); }
    bool has_extension(const std::string &name) const {
        return flag([&]() { return smtp_client_has_extension(get(), detail::text(name)); });
    }
    /* "" if it has none, and if it is not offered. */
    std::string extension_params(const std::string &name) const {
        return detail::owned(smtp_client_extension_params(get(), detail::text(name)));
    }
    strings extensions() const {
        strings names;
        const std::size_t count = smtp_client_extension_count(get());
        for (std::size_t index = 0; index < count; ++index) {
            names.push_back(detail::owned(smtp_client_extension_name(get(), index)));
        }
        return names;
    }

    smtp_client *get() const noexcept { return shared_ ? shared_->handle : nullptr; }

private:
    typedef detail::shared shared;
    typedef std::unique_ptr<smtp_client, detail::freed<smtp_client, smtp_client_free>> owner;

    /* User data of a callback. */
    template <typename Function> struct registered {
        Function function;
        std::shared_ptr<shared> client;

        /* False if the callback has thrown; the exception waits for the end of the call. */
        template <typename Work> bool shielded(const Work &work) const noexcept {
            try {
                if (!client->gone) {
                    work();
                }
                return true;
            } catch (...) {
                detail::running *const call = detail::running::of(client.get());
                if (call) {
                    call->keep();
                }
                return false;
            }
        }
        /* Ends the call under way if the callback throws. */
        template <typename Work> void run(const Work &work) const noexcept {
            if (!shielded(work)) {
                smtp_client_cancel(client->handle);
            }
        }
    };

    template <typename Setter, typename Pointer, typename Function>
    client &set(Setter setter, Pointer pointer, Function function) {
        typedef registered<Function> data;
        std::unique_ptr<data> own(new data{std::move(function), shared_});
        /* The library destroys it, also where the setter fails. */
        return done([&]() {
            return setter(get(), pointer, own.release(), &detail::destroy<data>);
        });
    }

    static void debug(int direction, const char *bytes, std::size_t length, void *user) {
        const auto *own = static_cast<const registered<debug_callback> *>(user);
        own->run([&]() {
            own->function(static_cast<smtpclient::direction>(direction), bytes, length);
        });
    }

    static int audit(int event, const char *host, int port, const char *bytes, std::size_t length,
                     void *user) {
        const auto *own = static_cast<const registered<audit_callback> *>(user);
        bool allowed = own->client->gone;
        own->shielded([&]() { allowed = own->function(event, host, port, bytes, length); });
        return allowed ? 0 : 1;
    }

    static void progress(std::int64_t sent, std::int64_t total, void *user) {
        const auto *own = static_cast<const registered<progress_callback> *>(user);
        own->run([&]() { own->function(sent, total); });
    }

    static void complete(smtp_transaction *handle, void *user) {
        transaction back(handle);
        const auto *own = static_cast<const registered<completion_callback> *>(user);
        detail::running *const call = detail::running::of(own->client.get());
        if (call) {
            call->came_back(handle);
        }
        if (own->function) {
            own->run([&]() { own->function(std::move(back)); });
        }
        if (shared::clock::now() >= own->client->leave_by) {
            smtp_client_cancel(own->client->handle);
        }
    }

    static int authenticate(smtp_auth_exchange *handle, void *user) {
        const auto *own = static_cast<const registered<auth_callback> *>(user);
        bool goes_on = false;
        own->shielded([&]() {
            auth_exchange exchange(handle);
            own->function(exchange);
            goes_on = !exchange.is_cancelled();
        });
        return goes_on ? 0 : -1;
    }

    /* Runs a call of the C interface; a callback in it may destroy this object. */
    template <typename Work> int call(const Work &work) const {
        detail::running under_way(shared_);
        const int code = work();
        under_way.finish(code);
        return code;
    }
    template <typename Work> client &done(const Work &work) {
        call(work);
        return *this;
    }
    template <typename Work> bool flag(const Work &work) const { return call(work) != 0; }
    template <typename Work> reply command(const Work &work) const {
        const std::shared_ptr<shared> own = shared_;
        const int code = call(work);
        return code == 0 ? reply() : last_reply_of(*own);
    }
    template <typename Work> report reported(const Work &work) const {
        report made(nullptr);
        call([&]() {
            made = report(work());
            return made ? SMTP_OK : smtp_last_error_code();
        });
        return made;
    }
    template <typename Work> reply said(const Work &work) const {
        const std::shared_ptr<shared> own = shared_;
        call(work);
        return last_reply_of(*own);
    }
    template <typename Work> std::vector<refusal> refused_by(const Work &work) const {
        const std::shared_ptr<shared> own = shared_;
        call(work);
        return own->gone ? std::vector<refusal>() : refused();
    }

    static reply last_reply_of(const shared &own) {
        if (own.gone) {
            return reply();
        }
        reply last = {smtp_client_reply_code(own.handle),
                      detail::owned(smtp_client_reply_text(own.handle)),
                      detail::owned(smtp_client_reply_enhanced(own.handle))};
        return last;
    }

    client &set_limit(int milliseconds) {
        return done([&]() { return smtp_client_set_timeout(get(), milliseconds); });
    }

    /* Ends the object. What its handle still does, it does without callbacks. */
    void leave() noexcept {
        if (shared_) {
            shared_->gone = true;
            if (smtp_client_is_connected(get()) == 1) {
                say_goodbye();
            }
            smtp_client_free(get());
            shared_.reset();
        }
    }

    /* Half of the time goes to transactions under way: none may take longer alone, and once it is
     * over the next that comes back ends the waiting. What is then left goes to QUIT. */
    void say_goodbye() noexcept {
        const detail::running call(shared_);
        const shared::clock::time_point begun = shared::clock::now();
        const std::chrono::milliseconds most(5000);
        const int limit = smtp_client_timeout(get());
        if (!wait_at_most(most / 2, limit)) {
            return; /* A call is running, in whose callback this is. */
        }
        shared_->leave_by = begun + most / 2;
        const int flushed = smtp_client_flush(get());
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            begun + most - shared::clock::now());
        if (flushed == SMTP_OK && left.count() > 0 && wait_at_most(left, limit)) {
            smtp_client_quit(get());
        }
    }

    /* The caller's own limit counts where it is shorter. */
    bool wait_at_most(std::chrono::milliseconds time, int limit) noexcept {
        const int most = static_cast<int>(time.count());
        const bool shorter = limit > 0 && limit < most;
        return smtp_client_set_timeout(get(), shorter ? limit : most) == SMTP_OK;
    }

    std::shared_ptr<shared> shared_;
};

} // namespace smtpclient

#endif
