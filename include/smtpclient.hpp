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
 * - Callbacks are std::function and may throw: the call under way is cancelled, and the exception
 *   leaves the member function that made it.
 * - ~client() is the end of Python's `with SMTP(...)`: it sends QUIT if there is a connection, and
 *   waits for the answer for 5 seconds at most. Call close() before to leave without a word, in a
 *   forked child for instance. No callback runs in it, for what it refers to may be gone.
 *
 * Threads are as in C: one object, one call at a time, but for client::cancel().
 */
#ifndef SMTPCLIENT_HPP
#define SMTPCLIENT_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "smtpclient.h"

namespace smtpclient {

/* What a call failed with. */
class error : public std::runtime_error {
public:
    explicit error(int code, const std::string &message, int reply_code = 0,
                   const std::string &enhanced = std::string(), int system_errno = 0)
        : std::runtime_error(message), code_(code), reply_code_(reply_code),
          system_errno_(system_errno), enhanced_(enhanced) {}

    /* One of SMTP_E_*. */
    int code() const noexcept { return code_; }
    /* Its name, such as "SMTP_E_TIMEOUT". */
    const char *name() const noexcept { return smtp_error_name(code_); }
    /* The server's last reply code on that client, 0 if none. */
    int reply_code() const noexcept { return reply_code_; }
    /* The enhanced status code of that reply, such as "5.1.1", or "". */
    const std::string &enhanced() const noexcept { return enhanced_; }
    /* The system's errno, 0 if none. */
    int system_errno() const noexcept { return system_errno_; }
    /* Whether the same call may succeed later. */
    bool is_temporary() const noexcept {
        return smtp_error_is_temporary(code_, reply_code_) != 0;
    }

private:
    int code_;
    int reply_code_;
    int system_errno_;
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

enum class direction {
    sent = SMTP_DEBUG_SENT,
    received = SMTP_DEBUG_RECEIVED,
    info = SMTP_DEBUG_INFO
};

/* Version of the library that is running. */
inline std::string version() { return smtp_client_version(); }

namespace detail {

typedef std::vector<std::string> strings;

/* The exception that a callback threw. Callbacks run on the thread of the call that causes
 * them, so that this call finds it here when the library returns. */
inline std::exception_ptr &thrown() {
    static thread_local std::exception_ptr exception;
    return exception;
}

inline void rethrow() {
    if (thrown()) {
        std::exception_ptr exception;
        std::swap(exception, thrown());
        std::rethrow_exception(exception);
    }
}

/* The transaction that is being submitted, until it comes back. */
inline smtp_transaction *&offered() {
    static thread_local smtp_transaction *transaction = nullptr;
    return transaction;
}

/* Keeps the exception from C; `failed` if there was one. */
template <typename Result, typename Work>
Result shielded(Result failed, const Work &work) noexcept {
    try {
        return work();
    } catch (...) {
        thrown() = std::current_exception();
        return failed;
    }
}

inline std::string owned(const char *text) { return text ? std::string(text) : std::string(); }

/* A string for C, which would end at a NUL. */
inline const char *text(const std::string &string) {
    if (string.find('\0') != std::string::npos) {
        throw error(SMTP_E_INVALID_ARGUMENT, "a string has a NUL inside");
    }
    return string.c_str();
}

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

template <typename Handle> Handle *made(Handle *handle) {
    if (!handle) {
        throw error(SMTP_E_NO_MEMORY, smtp_last_error());
    }
    return handle;
}

} // namespace detail

/* A TLS policy. */
class tls {
public:
    tls() : handle_(detail::made(smtp_tls_new())) {}

    tls &set_ca_file(const std::string &path) {
        return done(smtp_tls_set_ca_file(get(), detail::text(path)));
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
            throw error(code, smtp_tls_last_error(get()));
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
        done(smtp_transaction_set_message_reader(get(), &read_message, data.get(), size));
        /* From here on the library destroys it, also where this call fails. */
        return done(smtp_transaction_set_release_callback(get(), &detail::destroy<reader>,
                                                          data.release()));
    }
    transaction &set_message_fd(int fd) { return done(smtp_transaction_set_message_fd(get(), fd)); }
    /* Empties it for another mail. */
    transaction &clear() { return done(smtp_transaction_clear(get())); }

    /* SMTP_OK or why it failed. */
    int status() const noexcept { return smtp_transaction_status(get()); }
    /* The same in words. */
    std::string error_message() const { return detail::owned(smtp_transaction_error(get())); }
    int reply_code() const noexcept { return smtp_transaction_reply_code(get()); }
    std::string reply_text() const { return detail::owned(smtp_transaction_reply_text(get())); }
    /* Throws if it failed. */
    const transaction &check() const {
        if (status() < 0) {
            throw error(status(), error_message(), reply_code());
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

    smtp_transaction *get() const noexcept { return handle_.get(); }
    /* Gives the handle away. */
    smtp_transaction *release() noexcept { return handle_.release(); }

private:
    static std::ptrdiff_t read_message(void *buffer, std::size_t capacity, void *data) {
        return detail::shielded<std::ptrdiff_t>(-1, [&]() -> std::ptrdiff_t {
            const std::size_t count =
                (*static_cast<reader *>(data))(static_cast<char *>(buffer), capacity);
            /* One too large for the type is one too large for the buffer. */
            const std::ptrdiff_t most = std::numeric_limits<std::ptrdiff_t>::max();
            return count > static_cast<std::size_t>(most) ? most
                                                          : static_cast<std::ptrdiff_t>(count);
        });
    }

    void done(int code) const {
        detail::rethrow();
        if (code < 0) {
            throw error(code, code == SMTP_E_BUSY ? smtp_last_error()
                                                  : smtp_transaction_last_error(get()));
        }
    }
    transaction &done(int code) {
        static_cast<const transaction *>(this)->done(code);
        return *this;
    }

    std::unique_ptr<smtp_transaction, detail::freed<smtp_transaction, smtp_transaction_free>>
        handle_;
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

    explicit client(smtpclient::protocol protocol = smtpclient::protocol::smtp)
        : handle_(detail::made(smtp_client_new(static_cast<int>(protocol)))) {
        /* Transactions that are given away must come back to someone. */
        set_completion_callback(completion_callback());
    }
    client(client &&other) noexcept = default;
    client &operator=(client &&other) noexcept {
        if (this != &other) {
            leave();
            handle_ = std::move(other.handle_);
        }
        return *this;
    }
    ~client() { leave(); }

    /* Settings. */

    client &set_local_hostname(const std::string &name) {
        return done(smtp_client_set_local_hostname(get(), detail::text(name)));
    }
    client &set_timeout(std::chrono::milliseconds limit) {
        const std::chrono::milliseconds::rep most = std::numeric_limits<int>::max();
        const bool fits = limit.count() > 0 && limit.count() <= most;
        return done(smtp_client_set_timeout(get(), fits ? static_cast<int>(limit.count()) : 0));
    }
    client &set_no_timeout() { return done(smtp_client_set_timeout(get(), SMTP_TIMEOUT_NONE)); }
    client &set_rfc_timeout() { return done(smtp_client_set_timeout(get(), SMTP_TIMEOUT_RFC)); }
    client &set_source_address(const std::string &host, int port = 0) {
        return done(smtp_client_set_source_address(get(), detail::text(host), port));
    }
    client &set_tls(const tls &policy) { return done(smtp_client_set_tls(get(), policy.get())); }
    client &set_pipelining(bool on) { return done(smtp_client_set_pipelining(get(), on)); }
    client &set_chunking(bool on) { return done(smtp_client_set_chunking(get(), on)); }
    client &set_initial_response(bool on) {
        return done(smtp_client_set_initial_response(get(), on));
    }
    client &set_auth_mechanisms(const std::string &names) {
        return done(smtp_client_set_auth_mechanisms(get(), detail::text(names)));
    }
    client &set_allow_plaintext_auth(bool on) {
        return done(smtp_client_set_allow_plaintext_auth(get(), on));
    }
    client &set_debug_level(int level) { return done(smtp_client_set_debug_level(get(), level)); }
    client &set_debug_secrets(bool on) { return done(smtp_client_set_debug_secrets(get(), on)); }

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

    reply connect(const std::string &host, int port = 0) {
        done(smtp_client_connect(get(), detail::text(host), port));
        return last_reply();
    }
    reply connect_fd(int fd) {
        done(smtp_client_connect_fd(get(), fd, nullptr));
        return last_reply();
    }
    reply connect_fd(int fd, const std::string &server_name) {
        done(smtp_client_connect_fd(get(), fd, detail::text(server_name)));
        return last_reply();
    }
    client &adopt_fd(int fd) { return done(smtp_client_adopt_fd(get(), fd, nullptr)); }
    client &adopt_fd(int fd, const std::string &server_name) {
        return done(smtp_client_adopt_fd(get(), fd, detail::text(server_name)));
    }
    /* The connection is encrypted, or this throws. */
    client &starttls() { return done(smtp_client_starttls(get())); }
    /* The code is 0 if the server hung up without a reply. */
    reply quit() { return command(smtp_client_quit(get())); }
    client &close() { return done(smtp_client_close(get())); }
    /* At any time, from any thread and from signal handlers. */
    void cancel() noexcept { smtp_client_cancel(get()); }
    bool is_connected() const { return flag(smtp_client_is_connected(get())); }
    bool is_encrypted() const { return flag(smtp_client_is_encrypted(get())); }
    /* In DER; empty without TLS. */
    std::string peer_certificate() const {
        std::size_t length = 0;
        const void *bytes = smtp_client_peer_certificate(get(), &length);
        return bytes ? std::string(static_cast<const char *>(bytes), length) : std::string();
    }
    int fd() const {
        const int fd = smtp_client_fd(get());
        check(fd);
        return fd;
    }

    /* Single commands: the reply, whatever its code. */

    reply helo() { return command(smtp_client_helo(get(), nullptr)); }
    reply helo(const std::string &name) {
        return command(smtp_client_helo(get(), detail::text(name)));
    }
    reply ehlo() { return command(smtp_client_ehlo(get(), nullptr)); }
    reply ehlo(const std::string &name) {
        return command(smtp_client_ehlo(get(), detail::text(name)));
    }
    client &ehlo_or_helo_if_needed() { return done(smtp_client_ehlo_or_helo_if_needed(get())); }
    reply docmd(const std::string &verb, const std::string &args = std::string()) {
        return command(smtp_client_docmd(get(), detail::text(verb), detail::text(args)));
    }
    client &putcmd(const std::string &verb, const std::string &args = std::string()) {
        return done(smtp_client_putcmd(get(), detail::text(verb), detail::text(args)));
    }
    reply getreply() { return command(smtp_client_getreply(get())); }
    client &send_raw(const std::string &data) {
        return done(smtp_client_send_raw(get(), data.data(), data.size()));
    }
    reply noop() { return command(smtp_client_noop(get())); }
    reply rset() { return command(smtp_client_rset(get())); }
    reply help(const std::string &args = std::string()) {
        return command(smtp_client_help(get(), detail::text(args)));
    }
    reply verify(const std::string &address) {
        return command(smtp_client_verify(get(), detail::text(address)));
    }
    reply expn(const std::string &list) {
        return command(smtp_client_expn(get(), detail::text(list)));
    }
    reply mail(const std::string &sender, const strings &options = strings()) {
        const std::vector<const char *> pointers = detail::array(options);
        return command(
            smtp_client_mail(get(), detail::text(sender), pointers.data(), pointers.size()));
    }
    reply rcpt(const std::string &recipient, const strings &options = strings()) {
        const std::vector<const char *> pointers = detail::array(options);
        return command(
            smtp_client_rcpt(get(), detail::text(recipient), pointers.data(), pointers.size()));
    }
    reply data(const std::string &message) {
        return command(smtp_client_data(get(), message.data(), message.size()));
    }

    /* Authentication. */

    client &login(const std::string &user, const std::string &password) {
        return done(smtp_client_login(get(), detail::text(user), detail::text(password)));
    }
    client &auth(const std::string &mechanism, auth_callback callback) {
        return done(
            smtp_client_auth(get(), detail::text(mechanism), &authenticate, &callback));
    }
    client &auth_builtin(const std::string &mechanism, const std::string &user,
                         const std::string &password) {
        return done(smtp_client_auth_builtin(get(), detail::text(mechanism), detail::text(user),
                                             detail::text(password)));
    }

    /* Mail. The refused are returned where at least one recipient was accepted. */

    std::vector<refusal> sendmail(const std::string &from, const strings &to,
                                  const std::string &message,
                                  const strings &mail_options = strings(),
                                  const strings &rcpt_options = strings()) {
        const std::vector<const char *> recipients = detail::array(to);
        const std::vector<const char *> mail = detail::array(mail_options);
        const std::vector<const char *> rcpt = detail::array(rcpt_options);
        done(smtp_client_sendmail(get(), detail::text(from), recipients.data(),
                                  recipients.size(), message.data(), message.size(), mail.data(),
                                  mail.size(), rcpt.data(), rcpt.size()));
        return refused();
    }
    /* The envelope is taken from the message's header. */
    std::vector<refusal> send_message(const std::string &message,
                                      const strings &mail_options = strings(),
                                      const strings &rcpt_options = strings()) {
        const std::vector<const char *> mail = detail::array(mail_options);
        const std::vector<const char *> rcpt = detail::array(rcpt_options);
        done(smtp_client_send_message(get(), nullptr, nullptr, 0, message.data(), message.size(),
                                      mail.data(), mail.size(), rcpt.data(), rcpt.size()));
        return refused();
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
        done(smtp_client_send_message(get(), detail::text(from), recipients.data(), to.size(),
                                      message.data(), message.size(), mail.data(), mail.size(),
                                      rcpt.data(), rcpt.size()));
        return refused();
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

    /* Throws if it failed; the transaction holds its outcome either way. */
    client &send(transaction &one) { return done(smtp_client_send(get(), one.get())); }
    /* Throws the first failure; each transaction holds its own outcome either way. */
    client &send_batch(std::vector<transaction> &all) {
        std::vector<smtp_transaction *> handles;
        handles.reserve(all.size());
        for (const transaction &one : all) {
            handles.push_back(one.get());
        }
        return done(smtp_client_send_batch(get(), handles.data(), handles.size()));
    }
    /* It comes back through the completion callback. */
    client &submit(transaction one) {
        smtp_transaction *const outer = detail::offered();
        detail::offered() = one.get();
        const int code = smtp_client_submit(get(), one.get());
        /* What is under way or was given back already is no longer ours; what was not taken is
         * freed here. */
        if (code >= 0 || detail::offered() != one.get()) {
            one.release();
        }
        detail::offered() = outer;
        return done(code);
    }
    client &flush() { return done(smtp_client_flush(get())); }

    /* What the server said. */

    reply last_reply() const {
        reply last = {smtp_client_reply_code(get()), detail::owned(smtp_client_reply_text(get())),
                      detail::owned(smtp_client_reply_enhanced(get()))};
        return last;
    }
    /* "" if it was not sent on this connection. */
    std::string helo_response() const { return detail::owned(smtp_client_helo_response(get())); }
    std::string ehlo_response() const { return detail::owned(smtp_client_ehlo_response(get())); }
    bool does_esmtp() const { return flag(smtp_client_does_esmtp(get())); }
    bool has_extension(const std::string &name) const {
        return flag(smtp_client_has_extension(get(), detail::text(name)));
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

    smtp_client *get() const noexcept { return handle_.get(); }

private:
    /* User data of a callback. */
    template <typename Function> struct registered {
        Function function;
        smtp_client *handle;

        /* Ends the call under way if the callback throws. */
        template <typename Work> void run(const Work &work) const noexcept {
            const bool whole = detail::shielded(false, [&]() {
                work();
                return true;
            });
            if (!whole) {
                smtp_client_cancel(handle);
            }
        }
    };

    template <typename Setter, typename Pointer, typename Function>
    client &set(Setter setter, Pointer pointer, Function function) {
        typedef registered<Function> data;
        std::unique_ptr<data> own(new data{std::move(function), get()});
        /* The library destroys it, also where the setter fails. */
        return done(setter(get(), pointer, own.release(), &detail::destroy<data>));
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
        return detail::shielded(1, [&]() {
            return own->function(event, host, port, bytes, length) ? 0 : 1;
        });
    }

    static void progress(std::int64_t sent, std::int64_t total, void *user) {
        const auto *own = static_cast<const registered<progress_callback> *>(user);
        own->run([&]() { own->function(sent, total); });
    }

    static void complete(smtp_transaction *handle, void *user) {
        transaction back(handle);
        if (detail::offered() == handle) {
            detail::offered() = nullptr;
        }
        const auto *own = static_cast<const registered<completion_callback> *>(user);
        if (own->function) {
            own->run([&]() { own->function(std::move(back)); });
        }
    }

    static int authenticate(smtp_auth_exchange *handle, void *user) {
        return detail::shielded(-1, [&]() {
            auth_exchange exchange(handle);
            (*static_cast<const auth_callback *>(user))(exchange);
            return exchange.is_cancelled() ? -1 : 0;
        });
    }

    void check(int code) const {
        detail::rethrow();
        if (code < 0) {
            /* Busy is told to the thread alone. */
            const bool busy = smtp_client_last_error_code(get()) != code;
            throw error(code, busy ? smtp_last_error() : smtp_client_last_error(get()),
                        busy ? 0 : smtp_client_reply_code(get()),
                        busy ? std::string() : detail::owned(smtp_client_reply_enhanced(get())),
                        busy ? 0 : smtp_client_last_errno(get()));
        }
    }
    client &done(int code) {
        check(code);
        return *this;
    }
    bool flag(int code) const {
        check(code);
        return code != 0;
    }
    reply command(int code) const {
        check(code);
        if (code == 0) {
            return reply();
        }
        return last_reply();
    }

    void leave() noexcept {
        if (handle_) {
            smtp_client_set_debug_callback(get(), &silent, nullptr, nullptr);
            smtp_client_set_audit_callback(get(), nullptr, nullptr, nullptr);
            smtp_client_set_progress_callback(get(), nullptr, nullptr, nullptr);
            smtp_client_set_completion_callback(get(), &drop, nullptr, nullptr);
            if (smtp_client_is_connected(get()) == 1) {
                smtp_client_quit(get());
            }
            handle_.reset();
        }
    }

    static void silent(int, const char *, std::size_t, void *) {}
    static void drop(smtp_transaction *handle, void *) { smtp_transaction_free(handle); }

    std::unique_ptr<smtp_client, detail::freed<smtp_client, smtp_client_free>> handle_;
};

} // namespace smtpclient

#endif
