/* What the library exports. */
#ifndef SMTP_API
#  if defined(__GNUC__) || defined(__clang__)
#    define SMTP_API __attribute__((visibility("default")))
#  else
#    define SMTP_API
#  endif
#endif

/*
 * A result that should be looked at: ignoring it may send mail in clear, or lose it. The compiler
 * warns of that where SMTP_WARN_UNUSED is defined; not by default, for GCC's warning cannot be
 * silenced by a cast where a program means it.
 */
#ifndef SMTP_NODISCARD
#  if defined(SMTP_WARN_UNUSED) && (defined(__GNUC__) || defined(__clang__))
#    define SMTP_NODISCARD __attribute__((warn_unused_result))
#  else
#    define SMTP_NODISCARD
#  endif
#endif

/**
 * @mainpage SMTP and LMTP client library
 *
 * libsmtpclient sends mail over SMTP, SMTP over TLS and LMTP, and says what became of it for every
 * recipient: accepted, refused with the server's own words, or, where the connection was lost
 * behind the message, that nobody can know. It writes no messages and reads no mailboxes.
 *
 * This program sends a message to two people, and says who does not get it and why:
 *
 *     #include <smtpclient.h>
 *     #include <stdio.h>
 *
 *     int main(void) {
 *         const char *to[] = {"alice@example.org", "bob@example.org"};
 *         const char message[] = "Subject: hello\r\n\r\nHello from C.\r\n";
 *         smtp_client *c = smtp_client_new(SMTP_PROTOCOL_SMTP);
 *         int failed = smtp_client_connect(c, "localhost", 25) < 0 ||
 *                      smtp_client_sendmail(c, "me@example.org", to, 2, message,
 *                                           sizeof message - 1, NULL, 0, NULL, 0) < 0;
 *         if (failed)
 *             fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *         for (size_t i = 0; i < smtp_client_refused_count(c); i++)
 *             fprintf(stderr, "%s: %s\n", smtp_client_refused_address(c, i),
 *                     smtp_client_refused_text(c, i));
 *         smtp_client_quit(c);
 *         smtp_client_free(c);
 *         return failed;
 *     }
 */

/*
 * What holds for every function, unless it says otherwise:
 *
 * Results. A function that runs one SMTP command whose refusal is no error returns the server's
 * reply code (200 to 599), whatever it is; every other function that can fail returns SMTP_OK.
 * Negative is an error: one of smtp_result. So `if (smtp_client_rcpt(c, a, NULL, 0) != 250)`, and
 * `if (smtp_client_sendmail(...) < 0)`. smtpclient-errors(3) says of each what to do.
 *
 * Errors. The message of a failed call is kept twice: smtp_client_last_error() has that of the
 * last failed call on a handle (smtp_tls_last_error() and smtp_transaction_last_error() likewise),
 * smtp_last_error() that of the last failed call on this thread, and smtp_last_error_code() its
 * code, which also tells why a function without a code of its own gave 0 or NULL (because the
 * handle is busy or none, say). A language whose code moves between threads must use the first. A
 * successful call leaves both alone; a call that finds its handle busy leaves the handle's alone.
 * Messages are UTF-8, control characters escaped, the server's text bounded, and hold no secrets.
 *
 * Beside the errors that a function names, any may return SMTP_E_INVALID_ARGUMENT, SMTP_E_MISUSE,
 * SMTP_E_BUSY, SMTP_E_NO_MEMORY and SMTP_E_INTERNAL, and one that speaks to the server
 * SMTP_E_DISCONNECTED, SMTP_E_IO, SMTP_E_TLS, SMTP_E_TIMEOUT, SMTP_E_PROTOCOL, SMTP_E_CANCELLED
 * and SMTP_E_FORBIDDEN.
 *
 * Replies. The server's last reply is smtp_client_reply_code(), smtp_client_reply_text() and
 * smtp_client_reply_enhanced(), behind an error too. Its first digit is what counts: 2 is done, 4
 * is refused for now, 5 is refused for good (RFC 5321 section 4.2.1); this text writes 4yz for any
 * code that begins with 4.
 *
 * Threads. Different handles may be used by any threads at the same time. One handle runs one call
 * at a time: a second call, from another thread or from one of its callbacks, returns SMTP_E_BUSY
 * (NULL or 0 where no code can be returned) and disturbs nothing. Functions that take a const
 * handle only look: any number of them may run at the same time, and they never make another call
 * SMTP_E_BUSY; while a call runs they are it themselves. Only smtp_client_cancel() may be called
 * at any time, and it alone in a signal handler. A handle is not bound to the thread that made it.
 *
 * Handles. What a *_new function returns is freed by the *_free function of its kind, which never
 * blocks and sends nothing; NULL may be freed. During a call on the handle, free takes effect when
 * that call ends. A handle is a value, not an address: it points to no memory. Every function
 * gives SMTP_E_MISUSE for NULL, for a freed handle, also one that another thread frees at this
 * very moment, for a handle of another kind, and for a pointer to anything else, which is not
 * read. (Where pointers have 32 bits, a freed handle's value may come back after some two million
 * more handles.)
 *
 * Pointers in. They are read during the call alone, and copied where more is needed, unless the
 * function says that it borrows. Strings are NUL-terminated UTF-8; SMTP_E_INVALID_ARGUMENT for
 * what is not, and for CR, LF and other control characters in an address, name, option or
 * command, before anything is sent. (What stands behind a NUL is not seen: a binding whose strings
 * may hold one must look.) Arrays are a pointer and a count; NULL with 0 is empty.
 *
 * Pointers out. They belong to the handle and must not be freed. Each function says until when its
 * string is valid; until then neither calls on other handles nor a repeated call of the same
 * function change it. A reply's text is made valid UTF-8.
 *
 * Choices. They are ints with named constants, and switches are 0 or not 0. Another value of a
 * choice is SMTP_E_INVALID_ARGUMENT.
 *
 * Callbacks. They get user_data last and run on the thread of the call that causes them. What they
 * are given is valid until they return. They must not throw an exception (the program is aborted)
 * nor longjmp out (undefined).
 *
 * Waiting. A call waits until it is done, or, after smtp_client_set_nonblocking(), for nothing: then
 * it goes on in smtp_client_process().
 *
 * Time. Every call on a connection ends within its time limit, see smtp_client_set_timeout().
 *
 * Secrets. Passwords and responses are not kept but for those that smtp_client_open() is to use, and
 * tokens by their source: copies are overwritten when they are no longer needed. Transcripts show them as "***" unless
 * smtp_client_set_debug_secrets() is on, and no error has one in its text; the audit callback alone
 * gets what is really sent.
 *
 * Environment. No variable is read but `SSL_CERT_FILE` and `SSL_CERT_DIR`, which name the system's
 * roots, and those that OpenSSL and the system's resolver read by themselves.
 *
 * Memory. Where there is none for a new handle its *_new function returns NULL, and a large copy
 * is SMTP_E_NO_MEMORY. If any other allocation fails (a setting, a reply, a list of recipients:
 * from some bytes to some kilobytes) the process is aborted, as everywhere in Rust's library.
 *
 * The process. No signal handler is installed, no SIGPIPE raised, no environment, locale, errno,
 * mask or OpenSSL error queue changed; descriptors are close-on-exec and never one of 0 to 2, and
 * a client without a connection has none, but for what smtp_client_poll_fd() stands on, once that
 * or a call of a non-blocking client has been made. Names are looked up on threads of the library's
 * own, eight at most in the process, which block all signals. They end with the call, or, where a
 * lookup outlasts its time limit, when the system's resolver gives up; further lookups wait for
 * that, each within its own time limit. The library stays mapped after dlclose(3).
 *
 * Fork. A forked child may free the handles of its parent, which sends nothing on the parent's
 * connections, and make its own; it waits for no lock of this library that a thread of its parent
 * may have held. OpenSSL has such locks: where another thread may have been at work under TLS in
 * the moment of the fork, in this library or elsewhere, the child must not begin TLS before
 * exec(3).
 */
