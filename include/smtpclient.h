/*
 * libsmtpclient: an SMTP and LMTP client.
 *
 * Generated from src/ffi by cbindgen; do not edit.
 */

#ifndef SMTPCLIENT_H
#define SMTPCLIENT_H

#include <stddef.h>
#include <stdint.h>

#define SMTPCLIENT_VERSION "0.1.0"
#define SMTPCLIENT_VERSION_MAJOR 0
#define SMTPCLIENT_VERSION_MINOR 1
#define SMTPCLIENT_VERSION_PATCH 0
/* The three in one number, for `#if`: 0x000203 is 0.2.3. */
#define SMTPCLIENT_VERSION_NUMBER 0x000100

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


/**
 * Detail of an error: nothing more is known of it than its code says.
 *
 * What to do: what the code's own text says.
 */
#define SMTP_DETAIL_NONE 0

/**
 * Detail of SMTP_E_TLS: the server's certificate was not accepted.
 *
 * What to do: connect by a name that the certificate has, or give one with
 * smtp_tls_set_server_name(); trust who issued it with smtp_tls_add_ca_file(). An expired one is
 * the server's to renew.
 */
#define SMTP_DETAIL_CERTIFICATE 1

/**
 * Detail of SMTP_E_TIMEOUT: there was no connection yet.
 *
 * What to do: check host, port and firewall; trying again later is safe, since nothing was sent.
 */
#define SMTP_DETAIL_CONNECTING 2

/**
 * Detail of SMTP_E_TIMEOUT or SMTP_E_DISCONNECTED: the greeting had not come yet.
 *
 * What to do: try again later, which is safe, since nothing was sent. Speaking in clear to a port
 * for TLS looks like this too.
 */
#define SMTP_DETAIL_GREETING 3

/**
 * Detail of SMTP_E_INVALID_ARGUMENT or SMTP_E_NOT_SUPPORTED: an address or option in UTF-8 needs
 * the mail option SMTPUTF8, or a server that offers it.
 *
 * What to do: add the option SMTPUTF8, or use smtp_client_send_message(), which adds it by itself;
 * where the server does not offer it, only an address in ASCII reaches it.
 */
#define SMTP_DETAIL_NEEDS_SMTPUTF8 4

/**
 * Detail of SMTP_E_AUTHENTICATION: the server refused an access token (OAuth 2.0).
 *
 * What to do: get a new token, for the scope that the message names if it names one, and log in with
 * that. Where a new one is refused too, it is for another user or service, or the mailbox does not
 * allow SMTP.
 */
#define SMTP_DETAIL_TOKEN 5

/**
 * Detail of SMTP_E_AUTHENTICATION, SMTP_E_TIMEOUT or SMTP_E_CANCELLED: no access token came to log
 * in with. The server has nothing to do with it.
 *
 * What to do: see why the callback of the token source had none, or what it waited for. Behind
 * SMTP_E_AUTHENTICATION the connection serves for another login; behind the others it is closed.
 */
#define SMTP_DETAIL_NO_TOKEN 6

/**
 * Detail of SMTP_E_AUTHENTICATION: the server did not prove that it knows the password, or says that
 * the login is bound to another connection than its own (SCRAM, RFC 5802): it is an impostor, or
 * somebody stands between. No other mechanism is tried after that.
 *
 * What to do: do not send the password there by another mechanism, and tell the server's
 * administrator.
 */
#define SMTP_DETAIL_IMPOSTOR 7

/**
 * Verify the chain, the dates and that the certificate is for the host. The default.
 */
#define SMTP_TLS_VERIFY_FULL 1

/**
 * Verify the chain and the dates, whatever host the certificate is for.
 */
#define SMTP_TLS_VERIFY_CERTIFICATE 2

/**
 * Verify nothing: protects against listeners, not against impostors.
 */
#define SMTP_TLS_VERIFY_NONE 3

/**
 * TLS 1.2 (RFC 5246)
 */
#define SMTP_TLS_VERSION_1_2 12

/**
 * TLS 1.3 (RFC 8446)
 */
#define SMTP_TLS_VERSION_1_3 13

/**
 * SMTP, RFC 5321; port 25 (smtplib.SMTP).
 */
#define SMTP_PROTOCOL_SMTP 1

/**
 * SMTP with TLS from the first byte, RFC 8314; port 465 (smtplib.SMTP_SSL).
 */
#define SMTP_PROTOCOL_SMTPS 2

/**
 * LMTP, RFC 2033; port 2003 (smtplib.LMTP).
 */
#define SMTP_PROTOCOL_LMTP 3

/**
 * For smtp_client_set_timeout(): no limit at all.
 */
#define SMTP_TIMEOUT_NONE (-1)

/**
 * For smtp_client_set_timeout(): RFC 5321 section 4.5.3.2's limit for each wait. The default.
 */
#define SMTP_TIMEOUT_RFC (-2)

/**
 * For smtp_client_set_security(): what the port calls for (RFC 8314). TLS from the first byte on
 * port 465; none on any other to this machine; elsewhere STARTTLS, which is needed on port 587 and
 * for credentials on any port but 25, and is used on others if the server offers it. With
 * SMTP_PROTOCOL_SMTPS, TLS from the first byte whatever the port. The default.
 */
#define SMTP_SECURITY_AUTO 0

/**
 * For smtp_client_set_security(): no TLS. The mail crosses the network in clear.
 */
#define SMTP_SECURITY_NONE 1

/**
 * For smtp_client_set_security(): STARTTLS if the server offers it (RFC 3207), and no TLS if it
 * does not. No defence against whoever can change what the server says.
 */
#define SMTP_SECURITY_OPPORTUNISTIC 2

/**
 * For smtp_client_set_security(): STARTTLS (RFC 3207), and an error without it: nothing but EHLO
 * and STARTTLS is ever sent in clear.
 */
#define SMTP_SECURITY_STARTTLS 3

/**
 * For smtp_client_set_security(): TLS from the first byte (RFC 8314 section 3.3).
 */
#define SMTP_SECURITY_TLS 4

/**
 * Direction in a debug callback: bytes to the server.
 */
#define SMTP_DEBUG_SENT 1

/**
 * Direction in a debug callback: bytes from the server.
 */
#define SMTP_DEBUG_RECEIVED 2

/**
 * Direction in a debug callback: not on the wire, but a note about the connection.
 */
#define SMTP_DEBUG_INFO 3

/**
 * Event in an audit callback: a connection is about to be made.
 */
#define SMTP_AUDIT_CONNECT 1

/**
 * Event in an audit callback: bytes are about to be sent, credentials included.
 */
#define SMTP_AUDIT_SEND 2

/**
 * Host and port, or the path: "mail.example.org:587". Always there
 */
#define SMTP_REPORT_HOST 1

/**
 * How the connection was to be secured: "STARTTLS". Always there
 */
#define SMTP_REPORT_SECURITY 2

/**
 * The server's greeting, with its code: "220 mail.example.org ESMTP"
 */
#define SMTP_REPORT_GREETING 3

/**
 * Reply to EHLO or LHLO before TLS, or without: the server's name and what it offers, lines
 * separated by "\n", without codes
 */
#define SMTP_REPORT_EHLO_CLEAR 4

/**
 * Reply to EHLO or LHLO under TLS
 */
#define SMTP_REPORT_EHLO_TLS 5

/**
 * Version of TLS: "TLSv1.3"
 */
#define SMTP_REPORT_TLS_VERSION 6

/**
 * Cipher suite by its name in the RFCs
 */
#define SMTP_REPORT_TLS_CIPHER 7

/**
 * Group of the key exchange by IANA's name
 */
#define SMTP_REPORT_TLS_GROUP 8

/**
 * For whom the certificate is, the first eight names
 */
#define SMTP_REPORT_CERTIFICATE_NAMES 9

/**
 * Subject of the certificate
 */
#define SMTP_REPORT_CERTIFICATE_SUBJECT 10

/**
 * Who issued the certificate
 */
#define SMTP_REPORT_CERTIFICATE_ISSUER 11

/**
 * From when on the certificate is valid, in UTC (RFC 3339)
 */
#define SMTP_REPORT_CERTIFICATE_NOT_BEFORE 12

/**
 * When the certificate expires, in UTC (RFC 3339)
 */
#define SMTP_REPORT_CERTIFICATE_NOT_AFTER 13

/**
 * The mechanisms for login that the last EHLO offered, separated by spaces; "" if none
 */
#define SMTP_REPORT_AUTH_MECHANISMS 14

/**
 * What became of the login: "accepted (235)", or why it failed
 */
#define SMTP_REPORT_LOGIN 15

/**
 * Why no mail could be sent: the message that smtp_client_open() would leave
 */
#define SMTP_REPORT_ERROR 16

/**
 * There is no such host.
 */
#define SMTP_ADVICE_NAME 1

/**
 * No name server answers.
 */
#define SMTP_ADVICE_NAME_SERVICE 2

/**
 * Nothing listens at host and port.
 */
#define SMTP_ADVICE_REFUSED 3

/**
 * Nothing comes back from host and port.
 */
#define SMTP_ADVICE_NO_ANSWER 4

/**
 * The network lets nothing out to port 25.
 */
#define SMTP_ADVICE_PORT_25 5

/**
 * Mail could be sent, and some addresses of the host do not answer.
 */
#define SMTP_ADVICE_ADDRESSES 6

/**
 * A port that wants TLS from the first byte was spoken to in clear.
 */
#define SMTP_ADVICE_TLS_FIRST 7

/**
 * A port that greets in clear was spoken to in TLS.
 */
#define SMTP_ADVICE_CLEAR_FIRST 8

/**
 * STARTTLS is needed and not offered.
 */
#define SMTP_ADVICE_NO_STARTTLS 9

/**
 * The certificate is for another name, or for none.
 */
#define SMTP_ADVICE_CERTIFICATE_NAME 10

/**
 * The certificate, or one in its chain, has expired.
 */
#define SMTP_ADVICE_CERTIFICATE_EXPIRED 11

/**
 * The certificate is not valid yet.
 */
#define SMTP_ADVICE_CERTIFICATE_NOT_YET_VALID 12

/**
 * Nobody whom this machine trusts has issued the certificate.
 */
#define SMTP_ADVICE_CERTIFICATE_ISSUER 13

/**
 * This machine has no root certificates at all.
 */
#define SMTP_ADVICE_NO_ROOTS 14

/**
 * The certificate expires in less than 14 days.
 */
#define SMTP_ADVICE_CERTIFICATE_EXPIRES 15

/**
 * The certificate is not accepted for another reason.
 */
#define SMTP_ADVICE_CERTIFICATE 16

/**
 * The server wants a certificate of the client.
 */
#define SMTP_ADVICE_CLIENT_CERTIFICATE 17

/**
 * The TLS handshake fails.
 */
#define SMTP_ADVICE_TLS 18

/**
 * The server turns this machine away.
 */
#define SMTP_ADVICE_UNWANTED 19

/**
 * The server has no time now.
 */
#define SMTP_ADVICE_LATER 20

/**
 * What answers is no mail server.
 */
#define SMTP_ADVICE_NOT_SMTP 21

/**
 * The server falls silent or hangs up.
 */
#define SMTP_ADVICE_SILENT 22

/**
 * User name or password is wrong.
 */
#define SMTP_ADVICE_PASSWORD 23

/**
 * The account wants a password made for programs.
 */
#define SMTP_ADVICE_APP_PASSWORD 24

/**
 * The server wants OAuth 2.0 where a password was given.
 */
#define SMTP_ADVICE_OAUTH 25

/**
 * The login is for encrypted connections.
 */
#define SMTP_ADVICE_LOGIN_NEEDS_TLS 26

/**
 * The server offers no login, or does not let this account log in.
 */
#define SMTP_ADVICE_NO_LOGIN 27

/**
 * Client and server have no mechanism for login in common, or none that can be used.
 */
#define SMTP_ADVICE_MECHANISM 28

/**
 * The server does not know the password that it is to check: it may be an impostor.
 */
#define SMTP_ADVICE_IMPOSTOR 29

/**
 * The server refuses the access token.
 */
#define SMTP_ADVICE_TOKEN 30

/**
 * The token source gave no access token, or not in time.
 */
#define SMTP_ADVICE_NO_TOKEN 31

/**
 * Version of TLS: "TLSv1.3"
 */
#define SMTP_TLS_INFO_VERSION 1

/**
 * Cipher suite by its name in the RFCs: "TLS_AES_256_GCM_SHA384"
 */
#define SMTP_TLS_INFO_CIPHER 2

/**
 * Group of the key exchange by IANA's name: "x25519", "X25519MLKEM768"; none before OpenSSL 3.0
 */
#define SMTP_TLS_INFO_GROUP 3

/**
 * Whether the session is one from before: "yes" or "no"
 */
#define SMTP_TLS_INFO_RESUMED 4

/**
 * Subject of the server's certificate: "CN=mail.example.org, O=Example"
 */
#define SMTP_TLS_INFO_SUBJECT 5

/**
 * Who issued it
 */
#define SMTP_TLS_INFO_ISSUER 6

/**
 * When it expires, in UTC (RFC 3339): "2026-12-31T23:59:59Z"
 */
#define SMTP_TLS_INFO_NOT_AFTER 7

/**
 * For whom it is, the first eight names: "mail.example.org, smtp.example.org"
 */
#define SMTP_TLS_INFO_NAMES 8

/**
 * Reason of a request: the source has no token for that user yet.
 */
#define SMTP_TOKEN_FIRST 1

/**
 * Reason of a request: the token that it has is about to expire, or has expired.
 */
#define SMTP_TOKEN_EXPIRING 2

/**
 * Reason of a request: the server has refused the token that it had. smtp_token_request_detail()
 * has the server's words.
 */
#define SMTP_TOKEN_REFUSED 3

/**
 * What became of a recipient: never offered to the server, or surely not delivered; sending again
 * is safe.
 */
#define SMTP_RECIPIENT_NOT_TRIED 0

/**
 * The server took responsibility for delivering to this recipient.
 */
#define SMTP_RECIPIENT_ACCEPTED 1

/**
 * The server refused; code and text say why.
 */
#define SMTP_RECIPIENT_REFUSED 2

/**
 * The message was handed over and its reply never came: it may have been delivered.
 */
#define SMTP_RECIPIENT_UNKNOWN 3

/**
 * Phase of a transaction: it was not sent, or nothing of it reached the server.
 */
#define SMTP_PHASE_NONE 0

/**
 * MAIL went out, and was not accepted or not answered.
 */
#define SMTP_PHASE_SENDER 1

/**
 * MAIL was accepted, and no recipient.
 */
#define SMTP_PHASE_RECIPIENTS 2

/**
 * A recipient was accepted; the message did not go out in whole.
 */
#define SMTP_PHASE_DATA 3

/**
 * The message went out in whole, and the answer never came.
 */
#define SMTP_PHASE_MESSAGE 4

/**
 * The server answered the message, whatever it said; by LMTP, for every recipient.
 */
#define SMTP_PHASE_DONE 5

/**
 * For smtp_transaction_remaining(): those as well who may have got the message.
 */
#define SMTP_REMAINING_UNKNOWN 1

/**
 * What to do: nothing, for it succeeded.
 */
#define SMTP_NEXT_NONE 0

/**
 * Try again at once, on a new connection; if that fails the same way, later.
 */
#define SMTP_NEXT_NOW 1

/**
 * Try again later. RFC 5321 section 4.5.4.1 advises half an hour, and to give up after four or five
 * days.
 */
#define SMTP_NEXT_LATER 2

/**
 * Never try the same again: tell the sender why.
 */
#define SMTP_NEXT_NEVER 3

/**
 * Nothing is wrong with the mail: keep it, and ask a person. It is the settings, the credentials,
 * the certificate or the server; or, after SMTP_E_OUTCOME_UNKNOWN, whether it may arrive twice.
 */
#define SMTP_NEXT_ASK 4

/**
 * Result of a function. Numbers are never reused or renumbered.
 */
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
enum smtp_result : int32_t
#else
enum
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * The call goes on in smtp_client_process(): see smtp_client_set_nonblocking().
     *
     * What to do: watch smtp_client_poll_fd(), and call smtp_client_process() when it is readable.
     */
    SMTP_PENDING = 1,
    /**
     * Success.
     */
    SMTP_OK = 0,
    /**
     * An argument cannot be used (smtplib: ValueError). Nothing was sent.
     *
     * What to do: correct what the message names, mostly an address, an option or a path. The same
     * call never succeeds.
     */
    SMTP_E_INVALID_ARGUMENT = -1,
    /**
     * The call makes no sense now, or the pointer is NULL, freed, or no such handle.
     *
     * What to do: correct the program: connect first, read the replies that are owed, or give a
     * handle that lives.
     */
    SMTP_E_MISUSE = -2,
    /**
     * The handle is running another call, in another thread or around a callback.
     *
     * What to do: wait until the other call has returned, give each thread a client of its own,
     * or, in a callback, do it after the call.
     */
    SMTP_E_BUSY = -3,
    /**
     * Not connected, or the server hung up (SMTPServerDisconnected).
     *
     * What to do: connect anew and send again what is SMTP_RECIPIENT_NOT_TRIED.
     */
    SMTP_E_DISCONNECTED = -4,
    /**
     * The greeting was not 220 (SMTPConnectError).
     *
     * What to do: read smtp_client_reply_text(). 4yz: try again later. 554: the server serves this
     * machine not at all, by its address perhaps.
     */
    SMTP_E_CONNECT = -5,
    /**
     * EHLO and HELO, or LHLO, were refused (SMTPHeloError).
     *
     * What to do: read smtp_client_reply_text(); give a name that the server takes with
     * smtp_client_set_local_hostname().
     */
    SMTP_E_HELO = -6,
    /**
     * The server does not offer what the call needs (SMTPNotSupportedError).
     *
     * What to do: do without what the message names, or use a server that offers it. Many offer
     * AUTH only after STARTTLS, and STARTTLS only before.
     */
    SMTP_E_NOT_SUPPORTED = -7,
    /**
     * The server refused the credentials (SMTPAuthenticationError).
     *
     * What to do: check user and password. Where both are right the server may want a password
     * made for programs, or a token (OAuth 2.0). 454: try again later.
     */
    SMTP_E_AUTHENTICATION = -8,
    /**
     * No authentication mechanism in common (SMTPException).
     *
     * What to do: compare what the message names of both sides: the server may offer more after
     * STARTTLS, smtp_client_set_auth_mechanisms() may allow too few, and smtp_client_auth() can
     * speak any other.
     */
    SMTP_E_NO_MECHANISM = -9,
    /**
     * MAIL was refused, or would be (SMTPSenderRefused).
     *
     * What to do: read smtp_client_reply_text(). 4yz: send again later. 5yz: log in first, or use
     * a sender that this server allows.
     */
    SMTP_E_SENDER_REFUSED = -10,
    /**
     * Every recipient was refused (SMTPRecipientsRefused).
     *
     * What to do: look at each with smtp_client_recipient_code(). 4yz: send again later. 5yz: tell
     * the sender; the address is wrong, or this server does not deliver to it.
     */
    SMTP_E_RECIPIENTS_REFUSED = -11,
    /**
     * DATA or the message was refused (SMTPDataError); by LMTP, for every recipient whose RCPT had
     * been accepted.
     *
     * What to do: read smtp_client_reply_text(). 4yz: send again later. 5yz: the message itself is
     * not wanted, for its size or its content.
     */
    SMTP_E_DATA = -12,
    /**
     * A reply that the command does not allow, such as 454 to STARTTLS (SMTPResponseException).
     *
     * What to do: read smtp_client_reply_code() and smtp_client_reply_text(). 4yz: try again
     * later.
     */
    SMTP_E_RESPONSE = -13,
    /**
     * What came is not SMTP, or longer than the limits allow. The connection was closed.
     *
     * What to do: check host and port: a server that is none for mail looks like this.
     */
    SMTP_E_PROTOCOL = -14,
    /**
     * The system reported an error; see smtp_client_last_errno() (OSError).
     *
     * What to do: read errno: ECONNREFUSED, nothing listens there; EHOSTUNREACH or ENETUNREACH, no
     * way to it. Try again later.
     */
    SMTP_E_IO = -15,
    /**
     * The host name does not exist, or has no address (socket.gaierror). The code of
     * getaddrinfo(3), such as EAI_NONAME, is smtp_client_last_errno().
     *
     * What to do: correct the name.
     */
    SMTP_E_RESOLVE = -16,
    /**
     * The time limit passed (TimeoutError). The connection was closed.
     *
     * What to do: try again later, or allow more time with smtp_client_set_timeout(). A firewall
     * that drops packets looks like this: the detail is SMTP_DETAIL_CONNECTING then.
     */
    SMTP_E_TIMEOUT = -17,
    /**
     * TLS failed: certificate, handshake or record (ssl.SSLError). The connection was closed.
     *
     * What to do: read the message. Where the certificate was not accepted
     * (SMTP_DETAIL_CERTIFICATE) connect by a name that it has, or trust who issued it with
     * smtp_tls_add_ca_file(). A port that does not begin with TLS looks like this too. Do not send in
     * clear instead.
     */
    SMTP_E_TLS = -18,
    /**
     * The connection was lost after the message was handed over and before its reply: it may
     * or may not have been delivered. Never sent again by the library.
     *
     * What to do: decide whether twice is better than never. If so, send again with the same
     * Message-ID, by which the two can be known for one; if not, tell the sender.
     */
    SMTP_E_OUTCOME_UNKNOWN = -19,
    /**
     * smtp_client_cancel() ended the call. The connection was closed.
     *
     * What to do: nothing, if that was wanted. smtp_client_recipient_status() says for whom it
     * came too late.
     */
    SMTP_E_CANCELLED = -20,
    /**
     * The audit callback, or the guard over credentials in clear, forbids it.
     *
     * What to do: call smtp_client_starttls() first or use SMTP_PROTOCOL_SMTPS; where the network
     * can be trusted, smtp_client_set_allow_plaintext_auth(). If the audit callback forbids it,
     * that is as wanted.
     */
    SMTP_E_FORBIDDEN = -21,
    /**
     * Out of memory.
     *
     * What to do: try again with more memory free, or give a large message by
     * smtp_transaction_set_message_fd() or smtp_transaction_set_reader().
     */
    SMTP_E_NO_MEMORY = -22,
    /**
     * A fault of the library itself; please report it.
     *
     * What to do: report it, with the message.
     */
    SMTP_E_INTERNAL = -23,
    /**
     * The name service could not answer now, and may later (socket.gaierror with EAI_AGAIN).
     *
     * What to do: try again later; if it stays so, see whether this machine reaches its name
     * server.
     */
    SMTP_E_RESOLVE_AGAIN = -24,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum smtp_result smtp_result;
#else
typedef int32_t smtp_result;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * One step of an authentication, lent to an smtp_auth_callback: it is SMTP_E_MISUSE after that has
 * returned. Not to be freed.
 */
typedef struct smtp_auth_exchange smtp_auth_exchange;

/**
 * A client: settings, and any number of connections one after another (smtplib: SMTP, SMTP_SSL,
 * LMTP). Settings outlive a connection; what was learnt about a server does not.
 */
typedef struct smtp_client smtp_client;

/**
 * The envelope of a message: what smtp_client_send_message() would put into MAIL and RCPT
 * (RFC 5321 section 3.3). It is read once and never changes; no client and no connection is
 * needed.
 */
typedef struct smtp_envelope smtp_envelope;

/**
 * A message in the making: addresses, subject, text and attachments, which the library writes as
 * MIME (RFC 5322, RFC 2045). It belongs to no client and no transaction, and serves for as many as
 * one likes.
 *
 * All texts are UTF-8 and copied. A control character in one line of text (but for the tab) is
 * SMTP_E_INVALID_ARGUMENT, as is anything else that could not be written; the bodies may hold any,
 * which are encoded. A call that fails changes nothing.
 */
typedef struct smtp_message smtp_message;

/**
 * What smtp_client_probe() has seen. It belongs to no client, and never changes. Every text in it
 * is printable UTF-8, whatever the server sent, and holds no secret.
 */
typedef struct smtp_report smtp_report;

/**
 * A TLS policy (smtplib: ssl.SSLContext, keyfile, certfile). By default the system's roots are
 * trusted, the certificate must be valid for the host by its subject alternative name (RFC 9525),
 * TLS 1.2 and 112 bits of security (OpenSSL's level 2) are the least, and sessions are resumed. One
 * policy may be given to many clients.
 */
typedef struct smtp_tls smtp_tls;

/**
 * A token that a source asks its callback for. It lives until it is answered, by
 * smtp_token_give() or smtp_token_fail(), or until the end of its source; it is SMTP_E_MISUSE
 * after that. Not to be freed.
 */
typedef struct smtp_token_request smtp_token_request;

/**
 * A source of access tokens. It keeps the tokens that its callback gives, one for each user name,
 * and may serve any number of clients on any threads.
 */
typedef struct smtp_token_source smtp_token_source;

/**
 * One mail transaction (RFC 5321 section 3.3): sender, recipients, message, and, after it was
 * sent, what became of it for each recipient. It belongs to no client and may be sent again,
 * which replaces its outcome.
 *
 * While it is being sent (during smtp_client_send() and smtp_client_send_batch(), and from
 * smtp_client_submit() to its completion) every other call on it is SMTP_E_BUSY.
 */
typedef struct smtp_transaction smtp_transaction;

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

/**
 * Gets the transcript, piece by piece.
 *
 * `direction` is SMTP_DEBUG_SENT, SMTP_DEBUG_RECEIVED or SMTP_DEBUG_INFO; `data` are `length` bytes
 * as they went over the wire (credentials as "***"), or a line of text for SMTP_DEBUG_INFO; not
 * NUL-terminated, not escaped.
 */
typedef void (*smtp_debug_callback)(int direction,
                                    const char *data,
                                    size_t length,
                                    void *user_data);

/**
 * Called once when the library no longer needs `user_data`: when the callback is replaced or
 * removed, when its handle is freed, and when registering it fails (then before the function
 * that failed returns). Runs on the thread that makes that call; a call on the handle itself
 * from here is SMTP_E_BUSY or SMTP_E_MISUSE.
 */
typedef void (*smtp_destroy_callback)(void *user_data);

/**
 * Asked before each connect and each send (smtplib's audit events smtplib.connect, smtplib.send).
 * Returning anything but 0 forbids it.
 *
 * `event` is SMTP_AUDIT_CONNECT or SMTP_AUDIT_SEND; `host` and `port` are those of the
 * connection (the path and 0 for a Unix socket); `data` are `length` bytes to be sent, each shown
 * once, in whatever pieces they go out; NULL and 0 for a connect.
 */
typedef int (*smtp_audit_callback)(int event,
                                   const char *host,
                                   int port,
                                   const char *data,
                                   size_t length,
                                   void *user_data);

/**
 * Told how many bytes of the message in transmission have gone to the system, and of how many in
 * all, -1 if that is not known. Bytes are those on the wire, line ends and dots as they are sent.
 */
typedef void (*smtp_progress_callback)(int64_t sent, int64_t total, void *user_data);

/**
 * Gets back a submitted transaction with its outcome. It is the caller's again: it may be read,
 * changed and freed here. To be submitted again it must wait for the end of the call that called
 * back, during which the client is busy.
 */
typedef void (*smtp_completion_callback)(smtp_transaction *transaction, void *user_data);

/**
 * Answers one challenge of the server (RFC 4954 section 4; smtplib: auth object).
 *
 * smtp_auth_exchange_challenge() has the challenge, NULL when an initial response is asked for;
 * smtp_auth_exchange_respond() gives the response. Returning 0 without a response declines the
 * initial response, or answers a challenge with nothing. A negative return cancels: "*" is sent,
 * and the call ends in SMTP_E_AUTHENTICATION.
 *
 * Called once for each challenge, 16 times at most; the server may challenge even after it
 * could have decided, so the callback keeps its own count in user_data if it needs one.
 */
typedef int (*smtp_auth_callback)(smtp_auth_exchange *exchange, void *user_data);

/**
 * Asked for an access token when a login needs one and the source has none that is good.
 *
 * It answers with smtp_token_give() or smtp_token_fail(), here or later and from any thread; the
 * login waits for that, within its time limit, and smtp_client_cancel() ends the wait. A negative
 * return is an answer, too: there is no token. Every request wants an answer: until it has one,
 * whatever logs in for that user waits for it, and no other is made.
 *
 * Runs on the thread of the call that logs in, in which the client is busy, so that with
 * smtp_client_set_nonblocking() it should only begin what takes time. Until a request is answered
 * there is no other for that user of the source; for two users there may be, on two threads. A login
 * in it that would wait for the same request is SMTP_E_MISUSE.
 */
typedef int (*smtp_token_callback)(smtp_token_request *request, void *user_data);

/**
 * Gives the next bytes of a message, on the thread that sends.
 *
 * Returns how many bytes were written to `buffer`, at most `capacity`; 0 at the end of the
 * message; negative if it cannot go on, which fails the transaction with SMTP_E_CANCELLED. More
 * than `capacity` fails it with SMTP_E_INVALID_ARGUMENT. A message that fails is never delivered
 * cut short: the connection is closed in the midst of it, or BDAT given up.
 *
 * (The buffer is the library's own, in place of a sink that copies, so that no byte is copied
 * once more.) While it runs the time limit does not: it should not wait for long.
 */
typedef ptrdiff_t (*smtp_read_callback)(void *buffer, size_t capacity, void *user_data);

/**
 * Takes the bytes of a message.
 *
 * @param data    `length` bytes, which are the library's and end with the call
 * @param length  at least 1
 *
 * Returns 0 to go on; anything else ends the call that writes with SMTP_E_CANCELLED.
 */
typedef int (*smtp_write_callback)(const void *data, size_t length, void *user_data);

/**
 * @defgroup smtpclient-errors What each error means, and what to do
 *
 * Every function that can fail returns one of these codes, or, where it returns a pointer or a
 * count, leaves it for smtp_last_error_code(). The message that belongs to it says what failed,
 * where, and what the server or the system answered: smtp_client_last_error() for a client, and
 * smtp_last_error() for whatever failed last on this thread.
 *
 * Not every failure is worth the same reaction. A program that sends unattended needs three, and
 * smtp_error_advice() says which is due:
 *
 * - try again, at once or later: SMTP_NEXT_NOW, SMTP_NEXT_LATER;
 * - give the mail up, and tell its sender: SMTP_NEXT_NEVER;
 * - keep the mail and tell a person, for nothing is wrong with it: SMTP_NEXT_ASK. So after
 *   SMTP_E_OUTCOME_UNKNOWN: it may have been delivered.
 *
 *     switch (smtp_error_advice(status, smtp_client_reply_code(c),
 *                               smtp_client_reply_enhanced(c))) {
 *     case SMTP_NEXT_NONE:
 *         break;
 *     case SMTP_NEXT_NOW:
 *     case SMTP_NEXT_LATER:
 *         fputs("to be tried again\n", stderr);
 *         break;
 *     case SMTP_NEXT_NEVER:
 *         fprintf(stderr, "given up: %s\n", smtp_client_last_error(c));
 *         break;
 *     default:
 *         fprintf(stderr, "to be looked at: %s\n", smtp_client_last_error(c));
 *     }
 *
 * smtpclient-next-try(3) has more of it, for mail to several recipients. Where yes or no is enough,
 * smtp_error_is_temporary() says whether the same call may succeed later.
 *
 * The numbers never change, and one that was given up is never used again.
 */

/**
 * Message of the last failed call on this thread, in UTF-8: what failed, where, and what the
 * server or the system said. Never NULL; "" if no call has failed; a call that succeeds leaves
 * it alone. At most 1023 bytes. The string is valid until the next failing call on this thread.
 *
 * In a language that moves between threads use smtp_client_last_error(), which belongs to the
 * handle.
 */
SMTP_API const char *smtp_last_error(void);

/**
 * Code of that call: one of smtp_result, SMTP_OK if no call has failed. It tells why a function
 * that returns no code gave 0 or NULL: SMTP_E_BUSY, SMTP_E_MISUSE, SMTP_E_NO_MEMORY, ... A call
 * that succeeds leaves it alone, so that a 0 that is a count may stand beside an older error's.
 */
SMTP_API int smtp_last_error_code(void);

/**
 * Name of a code, such as "SMTP_E_TIMEOUT"; "SMTP_E_?" for a number that is none. A constant
 * string, never NULL. Any thread.
 */
SMTP_API const char *smtp_error_name(int code);

/**
 * Whether the same call may succeed later: 1 if so, else 0.
 *
 * @param code        what a function returned, or smtp_transaction_status()
 * @param reply_code  the server's reply code that belongs to it, 0 if none: 4yz is temporary
 *                    and 5yz permanent (RFC 5321 section 4.2.1). Counts only for errors that are a
 *                    reply's, so that smtp_client_reply_code() may be given in every case. Of
 *                    several recipients refused with different codes it is the last one's; each
 *                    one's own tells more
 *
 * SMTP_E_OUTCOME_UNKNOWN is not temporary, for sending again may deliver twice; nor is
 * SMTP_E_CANCELLED, which may have come when the message was handed over already (the error's text
 * and the transaction say so). Any thread.
 */
SMTP_API
int smtp_error_is_temporary(int code,
                            int reply_code);

/**
 * @defgroup smtpclient-version The library's version and features
 *
 * Which library a program was linked with, as opposed to the header that it was compiled with,
 * and what that library can do. These functions need no client and work on any thread.
 */

/**
 * Version of the library that is running, such as "0.1.0"; SMTPCLIENT_VERSION is that of the
 * header. A constant string, never NULL. Any thread.
 */
SMTP_API const char *smtp_client_version(void);

/**
 * The same as one number, made as SMTPCLIENT_VERSION_NUMBER is, to be compared with it: 0x000203
 * is 0.2.3. Any thread.
 */
SMTP_API
int smtp_client_version_number(void);

/**
 * Whether the library has a feature: 1 if so, 0 if not or if the name is unknown.
 *
 * @param name  "smtp", "lmtp", "tls", "smtputf8", "idna" (domains that are not ASCII, in A-labels
 *              where the server takes no UTF-8), "pipelining", "chunking", "mime" (messages that
 *              the library writes), "containment" (a fault of the library itself is
 *              SMTP_E_INTERNAL; without it, the process is aborted), "tls-info",
 *              "tls-resumption", "tls-pins", "tls-key-uri" (what OpenSSL does for us, and
 *              native-tls does not), "saslprep" (user names and passwords that are not ASCII in SCRAM),
 *              or "auth:" with a mechanism, such as "auth:CRAM-MD5". A library made by
 *              `make MINIMAL=1` lacks "idna", "saslprep" and "containment"
 *
 * Any thread.
 */
SMTP_API
int smtp_client_has_feature(const char *name);

/**
 * @defgroup smtpclient-tls Whom to trust, and what to show, under TLS
 *
 * A client needs no policy: by default it takes a certificate that the system's roots vouch for,
 * that is valid today and that names the host, over TLS 1.2 or later. A policy is for everything
 * else: a company's own authority, a client certificate, another name, or less of a check.
 *
 *     smtp_tls *tls = smtp_tls_new();
 *     if (tls == NULL || smtp_tls_add_ca_file(tls, "/etc/ssl/company.pem") < 0 ||
 *         smtp_client_set_tls(c, tls) < 0)
 *         fprintf(stderr, "%s\n", smtp_last_error());
 *     smtp_tls_free(tls);
 *
 * The policy may be freed at once: the client keeps what it needs. The environment variables
 * `SSL_CERT_FILE` and `SSL_CERT_DIR` say where the system's roots are, where they are set.
 */

/**
 * Makes a policy with the defaults.
 *
 * Returns the policy, to be freed with smtp_tls_free(); NULL only if out of memory
 * (SMTP_E_NO_MEMORY).
 */
SMTP_API SMTP_NODISCARD smtp_tls *smtp_tls_new(void);

/**
 * Frees a policy; NULL is allowed. Clients that were given it keep what they need.
 */
SMTP_API void smtp_tls_free(smtp_tls *tls);

/**
 * Message of the last failed call on this policy. Never NULL, "" if none has failed. Valid until
 * the next failing call on it, or its end.
 */
SMTP_API
const char *smtp_tls_last_error(const smtp_tls *tls);

/**
 * Code of that call: one of smtp_result, SMTP_OK if none has failed; SMTP_E_BUSY while a call is
 * running, SMTP_E_MISUSE for what is no policy.
 */
SMTP_API
int smtp_tls_last_error_code(const smtp_tls *tls);

/**
 * The system's errno that belongs to that error; 0 if it had none, while a call is running, and
 * for what is no policy.
 */
SMTP_API int smtp_tls_last_errno(const smtp_tls *tls);

/**
 * Trusts the certificates in a PEM file, in place of those from the files given before; those of
 * smtp_tls_add_ca_pem() and the system's roots stay trusted.
 *
 * @param path  read now. SMTP_E_INVALID_ARGUMENT if it cannot be read or has no certificate; then
 *              nothing is changed
 */
SMTP_API
int smtp_tls_set_ca_file(smtp_tls *tls,
                         const char *path);

/**
 * Trusts the certificates in one more PEM file as well as those trusted before.
 *
 * @param path  as smtp_tls_set_ca_file()
 */
SMTP_API int smtp_tls_add_ca_file(smtp_tls *tls, const char *path);

/**
 * Trusts certificates in memory as well as those trusted before.
 *
 * @param pem     `length` bytes of PEM, copied. SMTP_E_INVALID_ARGUMENT if there is no certificate
 *                in it
 * @param length  in bytes
 */
SMTP_API
int smtp_tls_add_ca_pem(smtp_tls *tls,
                        const void *pem,
                        size_t length);

/**
 * Whether the system's roots are trusted: 1 (the default) or 0. With 0 only the certificates
 * given here are.
 */
SMTP_API int smtp_tls_set_system_roots(smtp_tls *tls, int on);

/**
 * Shows the server a client certificate (smtplib: certfile, keyfile).
 *
 * @param cert_file  PEM file with the certificate and its chain
 * @param key_file   PEM file with the key: PKCS#8, PKCS#1 or SEC1, not encrypted; NULL if it is
 *                   in cert_file
 *
 * Both are read now. SMTP_E_INVALID_ARGUMENT if one cannot be read or used, or if the two do not
 * belong together.
 */
SMTP_API
int smtp_tls_set_client_certificate(smtp_tls *tls,
                                    const char *cert_file,
                                    const char *key_file);

/**
 * Shows the server a client certificate with its key from PKCS#12 (RFC 7292).
 *
 * @param data      `length` bytes, copied. SMTP_E_INVALID_ARGUMENT if they cannot be used or the
 *                  password is wrong
 * @param length    in bytes
 * @param password  NULL or "" if there is none
 */
SMTP_API
int smtp_tls_set_client_pkcs12(smtp_tls *tls,
                               const void *data,
                               size_t length,
                               const char *password);

/**
 * Shows the server a client certificate whose key stays where it is: in a store of OpenSSL's
 * (ossl_store(7)), such as a token behind PKCS#11 ("pkcs11:object=mail", RFC 7512) for which
 * OpenSSL's configuration names a provider or an engine. "file:" works everywhere.
 *
 * @param uri  opened now. SMTP_E_INVALID_ARGUMENT if OpenSSL cannot open it, if there is no
 *             private key, or if it does not belong to the certificate; SMTP_E_NOT_SUPPORTED by
 *             native-tls
 *
 * The certificate is the one that the store has beside the key; else the one that was set before,
 * or that smtp_tls_set_client_certificate() sets behind this with NULL for the key file.
 */
SMTP_API
int smtp_tls_set_client_key_uri(smtp_tls *tls,
                                const char *uri);

/**
 * What is verified of the server.
 *
 * @param mode  SMTP_TLS_VERIFY_FULL (the default), SMTP_TLS_VERIFY_CERTIFICATE or
 *              SMTP_TLS_VERIFY_NONE
 */
SMTP_API int smtp_tls_set_verify(smtp_tls *tls, int mode);

/**
 * Wants of the server's public key that it is one of the pins, whatever else is verified, under
 * SMTP_TLS_VERIFY_NONE too. Another is SMTP_E_TLS with SMTP_DETAIL_CERTIFICATE.
 *
 * @param pin  "sha256//" and the SHA-256 of the key in DER in base64, as curl's --pinnedpubkey
 *             takes it (RFC 7469 section 2.4); several with ";" between them. It is added to those
 *             set before. SMTP_E_INVALID_ARGUMENT for anything else, SMTP_E_NOT_SUPPORTED by
 *             native-tls
 */
SMTP_API
int smtp_tls_add_pin(smtp_tls *tls,
                     const char *pin);

/**
 * Whether sessions are resumed (RFC 5077, RFC 8446 section 2.2): 1 (the default) or 0. The tickets
 * of servers are kept in the policy, up to 64, and shown by whichever client of it connects to the
 * same host and port under the same name; what is changed here later forgets them. A ticket that a
 * server refuses is no error. 1 is SMTP_E_NOT_SUPPORTED by native-tls.
 */
SMTP_API
int smtp_tls_set_resumption(smtp_tls *tls,
                            int on);

/**
 * Reads now all that a handshake will need: the system's roots, if they are trusted, and what the
 * TLS library loads at first use. A program calls it before chroot(2), or before it drops the
 * privilege to read them. Otherwise a root is read when a certificate asks for it, from the places
 * that OpenSSL knows and SSL_CERT_FILE and SSL_CERT_DIR override.
 *
 * Returns SMTP_OK; SMTP_E_TLS if something could not be read, such as a missing directory that the
 * environment names, or a broken certificate in a file: the rest is loaded all the same. Clients
 * that are given the policy from now on share it, in a child of a later fork(2) too, as do all in the
 * process with the same trust.
 */
SMTP_API
SMTP_NODISCARD
int smtp_tls_load(smtp_tls *tls);

/**
 * The least version of TLS.
 *
 * @param minimum  SMTP_TLS_VERSION_1_2 (the default, unless OpenSSL's configuration asks for more)
 *                 or SMTP_TLS_VERSION_1_3
 */
SMTP_API
int smtp_tls_set_min_version(smtp_tls *tls,
                             int minimum);

/**
 * The greatest version of TLS. Without this call there is no limit.
 *
 * @param maximum  SMTP_TLS_VERSION_1_2 or SMTP_TLS_VERSION_1_3
 */
SMTP_API int smtp_tls_set_max_version(smtp_tls *tls, int maximum);

/**
 * The name that the certificate must be valid for, and that is asked for by SNI, in place of the
 * host connected to.
 *
 * @param name  a host name, or an IP address; SMTP_E_INVALID_ARGUMENT for what is neither
 */
SMTP_API
int smtp_tls_set_server_name(smtp_tls *tls,
                             const char *name);

/**
 * @defgroup smtpclient-client Make a client and set it up
 *
 * A client holds settings and at most one connection at a time. It may connect as often as it
 * likes, to different servers too: settings stay, and what was learnt about a server is forgotten
 * with its connection. A setting counts from the next call on, or where its function says so.
 *
 *     smtp_client *c = smtp_client_new(SMTP_PROTOCOL_SMTPS);
 *     if (c == NULL || smtp_client_set_timeout(c, 30 * 1000) < 0)
 *         fprintf(stderr, "%s\n", smtp_last_error());
 *     smtp_client_free(c);
 *
 * Which protocol to choose: SMTP_PROTOCOL_SMTPS for a provider's port 465; SMTP_PROTOCOL_SMTP
 * with smtp_client_starttls() for port 587, and without for a server on this machine;
 * SMTP_PROTOCOL_LMTP for a mail store.
 */

/**
 * Makes a client (smtplib: SMTP, SMTP_SSL, LMTP).
 *
 * @param protocol  SMTP_PROTOCOL_SMTP, SMTP_PROTOCOL_SMTPS or SMTP_PROTOCOL_LMTP
 *
 * Returns a client without a connection, to be freed with smtp_client_free(). NULL if the protocol
 * is unknown (SMTP_E_INVALID_ARGUMENT is smtp_last_error_code()) or there is no memory
 * (SMTP_E_NO_MEMORY). A client has no descriptor before it connects.
 */
SMTP_API
SMTP_NODISCARD
smtp_client *smtp_client_new(int protocol);

/**
 * Frees a client; NULL is allowed. An open connection is closed without QUIT: nothing is
 * sent and nothing waited for (smtp_client_quit() ends it politely). Transactions that were
 * submitted and not completed go to the completion callback first, with their true outcome;
 * then the destroy functions of all callbacks run.
 *
 * In a callback of this client it takes effect when the call that runs has ended. A call that
 * another thread is running on it is cancelled as by smtp_client_cancel(), since nothing else could
 * end it from now on, and the client is freed at its end.
 */
SMTP_API
void smtp_client_free(smtp_client *client);

/**
 * Sets the name for EHLO, HELO and LHLO (RFC 5321 section 4.1.1.1; smtplib: local_hostname=).
 * Default: this machine's name if that has a dot, looked up when it is first needed and kept; else
 * this connection's own address, such as "[192.0.2.1]".
 *
 * @param name  without spaces and control characters; it counts from the next hello on
 */
SMTP_API
int smtp_client_set_local_hostname(smtp_client *client,
                                   const char *name);

/**
 * Sets the time limit (smtplib: timeout=). It holds for each call as a whole, name lookup, TLS,
 * and all reads and writes together, so that a server that sends a byte a minute cannot stretch
 * it; in a batch or stream, for each transaction, whichever call waits for its end.
 *
 * @param milliseconds  1 or more, SMTP_TIMEOUT_NONE, or SMTP_TIMEOUT_RFC (the default: each wait
 *                      has the limit of RFC 5321 section 4.5.3.2, two to ten minutes);
 *                      SMTP_E_INVALID_ARGUMENT for 0, as in smtplib, and for other numbers
 *
 * A call that meets it returns SMTP_E_TIMEOUT and closes the connection.
 */
SMTP_API
int smtp_client_set_timeout(smtp_client *client,
                            int milliseconds);

/**
 * Sets the local address to connect from (smtplib: source_address=), for TCP only.
 *
 * @param host  an IPv4 or IPv6 address, NULL or "" for any; SMTP_E_INVALID_ARGUMENT for a name
 * @param port  0 for any
 */
SMTP_API int smtp_client_set_source_address(smtp_client *client, const char *host, int port);

/**
 * The name that smtp_client_set_local_hostname() has set, NULL if none was. Valid until another
 * is set and asked for, or the client's end.
 */
SMTP_API const char *smtp_client_local_hostname(const smtp_client *client);

/**
 * The time limit in milliseconds, SMTP_TIMEOUT_NONE or SMTP_TIMEOUT_RFC. 0, which is no limit, for
 * a client that cannot be used: then smtp_last_error_code() is SMTP_E_BUSY or SMTP_E_MISUSE.
 */
SMTP_API
int smtp_client_timeout(const smtp_client *client);

/**
 * The local address that smtp_client_set_source_address() has set, NULL for any. Valid until
 * another is set and asked for, or the client's end.
 *
 * @param port  gets the local port, 0 for any; may be NULL
 */
SMTP_API const char *smtp_client_source_address(const smtp_client *client, int *port);

/**
 * Sets the TLS policy for this client's handshakes from now on (smtplib: context=).
 *
 * @param tls  the client keeps a reference of its own: the policy may be freed at once, given to
 *             other clients by other threads at the same time, and later changes to it do not
 *             reach this client. NULL goes back to the defaults
 */
SMTP_API
int smtp_client_set_tls(smtp_client *client,
                        const smtp_tls *tls);

/**
 * Whether commands go out without waiting for each reply where the server offers PIPELINING
 * (RFC 2920): 1 (the default) or 0.
 */
SMTP_API int smtp_client_set_pipelining(smtp_client *client, int on);

/**
 * How many transactions may be in flight without their final reply: fewer where less is to be at
 * stake when the connection is lost, for each of them may then be SMTP_E_OUTCOME_UNKNOWN.
 *
 * @param transactions  0 (the default) adapts to the connection, 1 never runs ahead;
 *                      SMTP_E_INVALID_ARGUMENT for a negative number
 */
SMTP_API
int smtp_client_set_window(smtp_client *client,
                           int transactions);

/**
 * Whether messages go out by BDAT where the server offers CHUNKING (RFC 3030): 1 (the default)
 * or 0, which means DATA.
 */
SMTP_API int smtp_client_set_chunking(smtp_client *client, int on);

/**
 * @defgroup smtpclient-setup Say once where to send, and as whom
 *
 * What smtp_client_open() needs to make a connection that is ready for mail: a server, how the way
 * to it is secured, and credentials. All of it can be one string in a configuration,
 *
 *     if (smtp_client_set_url(c, "smtps://me%40example.org@mail.example.org") < 0 ||
 *         smtp_client_set_credentials(c, "me@example.org", password) < 0 ||
 *         smtp_client_open(c) < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *
 * whose password may stand in it too, with escapes, or come apart as here. Nothing is looked up and
 * nothing sent before smtp_client_open(), and a value that is refused changes nothing.
 */

/**
 * Sets everything that smtp_client_open() needs by one URL (RFC 3986):
 *
 * - `smtp://[user[:password]@]host[:port]`: SMTP, with the security of SMTP_SECURITY_AUTO and
 *   port 25;
 * - `smtps://...`: the same with TLS from the first byte and port 465;
 * - `smtp+starttls://...`: with STARTTLS and port 587;
 * - `lmtp://...`: LMTP, with SMTP_SECURITY_AUTO and port 2003;
 * - `lmtp+unix:///path`: LMTP over a Unix socket.
 *
 * It sets the host, the port, the security and the credentials, each also where it does not name
 * them: no user means no credentials, and given addresses are forgotten, since both were those of
 * another server. So smtp_client_set_credentials(), which needs no escapes, comes behind it. The
 * protocol becomes the scheme's, whatever smtp_client_new() was told, from the next connection on;
 * one that is open goes on as it began.
 *
 * @param url  8192 bytes at most. User name, password and path may hold percent escapes for what is
 *             UTF-8 without control characters, and need them for "%", "@", "/", "?", "#" and
 *             spaces, the user name for ":" too. An IPv6 address stands in brackets, its zone behind "%25"
 *             (RFC 6874); a name is in ASCII. A copy of the password is kept until another takes
 *             its place or the client's end, then wiped, and shown nowhere
 *
 * Returns SMTP_OK. SMTP_E_INVALID_ARGUMENT for anything else in it: another scheme, a query, a
 * fragment, a path behind the host, a port that is none. The message says which, without the
 * user name and the password wherever they stand in it. After an error, all is as it was.
 */
SMTP_API
int smtp_client_set_url(smtp_client *client,
                        const char *url);

/**
 * Sets the server for smtp_client_open(); addresses given for another are forgotten.
 *
 * @param host  as for smtp_client_connect(); what certificates must be for, unless the TLS policy
 *              names another
 * @param port  0 for the one in `host`, or else 587 with SMTP_SECURITY_STARTTLS, 465 with
 *              SMTP_SECURITY_TLS (both not for LMTP), and the protocol's default otherwise; ignored
 *              for a path
 *
 * Returns SMTP_OK; SMTP_E_INVALID_ARGUMENT for a host or port that cannot be. Nothing is looked up.
 */
SMTP_API
int smtp_client_set_host(smtp_client *client,
                         const char *host,
                         int port);

/**
 * Sets as whom smtp_client_open() logs in. Without credentials, the default, it does not.
 *
 * @param user      in UTF-8, not empty; NULL with a password that is NULL for no credentials
 * @param password  in UTF-8; NULL to name the user alone. Both are kept until others take their
 *                  place or the client's end, then wiped, and shown nowhere
 *
 * Returns SMTP_OK; SMTP_E_INVALID_ARGUMENT for a password without a user name.
 */
SMTP_API
int smtp_client_set_credentials(smtp_client *client,
                                const char *user,
                                const char *password);

/**
 * Sets how smtp_client_open() secures the connection. Certificates are checked as the policy of
 * smtp_client_set_tls() says. Other functions are not concerned: smtp_client_connect() goes by the
 * protocol, and smtp_client_starttls() does what it says.
 *
 * @param security  SMTP_SECURITY_AUTO (the default), SMTP_SECURITY_NONE,
 *                  SMTP_SECURITY_OPPORTUNISTIC, SMTP_SECURITY_STARTTLS or SMTP_SECURITY_TLS
 *
 * Returns SMTP_OK; SMTP_E_INVALID_ARGUMENT for another value, and with SMTP_PROTOCOL_SMTPS for all
 * but the first and the last.
 */
SMTP_API
int smtp_client_set_security(smtp_client *client,
                             int security);

/**
 * Sets the addresses of the host for smtp_client_open(), in place of a look-up: where there is no
 * name service, as in a chroot, or a test has a server of its own. The name stays what
 * certificates must be for. They are tried in this order, and forgotten when another host is set.
 *
 * @param addresses  IPv4 and IPv6 addresses, the latter with a zone or without, such as
 *                   "192.0.2.1" and "fe80::1%eth0"; no names, ports, brackets or paths
 * @param count      0 for a look-up again, and `addresses` may be NULL
 *
 * Returns SMTP_OK; SMTP_E_INVALID_ARGUMENT if one is no address, the message saying which;
 * SMTP_E_MISUSE if no host was set before, or a Unix socket was. After an error, all is as it was.
 */
SMTP_API
int smtp_client_set_addresses(smtp_client *client,
                              const char *const *addresses,
                              size_t count);

/**
 * Makes sure that there is a connection to the server that was set, ready for mail: looks the name
 * up, connects, secures the connection as smtp_client_set_security() says, sends EHLO and logs in
 * with the credentials, or a token of the source, all within one time limit. With STARTTLS or TLS nothing but EHLO and
 * STARTTLS goes out in clear.
 *
 * Cheap enough to be called before each mail: if the connection is there, nothing is sent. A server
 * that has closed it meanwhile, or said so (421), is noticed without asking it, and a new
 * connection made. So it is where host, addresses, credentials or security were set anew since, or
 * another function made the connection. (Where no server was set, any that is there will do.)
 *
 * Returns SMTP_OK. The errors of smtp_client_connect(), smtp_client_starttls(),
 * smtp_client_ehlo_or_helo_if_needed(), smtp_client_login() and smtp_client_login_oauth(), the message saying in which phase;
 * SMTP_E_NOT_SUPPORTED if STARTTLS is needed and not offered, SMTP_E_HELO if EHLO is refused then;
 * SMTP_E_MISUSE if no host was set and there is no connection, or for credentials without a
 * password. After an error there is no connection.
 */
SMTP_API
SMTP_NODISCARD
int smtp_client_open(smtp_client *client);

/**
 * @defgroup smtpclient-observe See, count and forbid what a client does
 *
 * Four callbacks, one of which takes the transcript of the dialogue. None is needed to send mail.
 * All run on the thread of the call that causes them, and while they run the client is busy: of
 * its functions only smtp_client_cancel() and smtp_client_free() do anything there.
 *
 *     static void trace(int direction, const char *data, size_t length, void *user_data) {
 *         fputs(direction == SMTP_DEBUG_SENT ? "> " : "< ", (FILE *)user_data);
 *         fwrite(data, 1, length, (FILE *)user_data);
 *     }
 *
 * shows the dialogue where it is set by
 *
 *     if (smtp_client_set_debug_callback(c, trace, stderr, NULL) < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 */

/**
 * Sets the transcript's level (smtplib: set_debuglevel).
 *
 * @param level  0 for none (the default), 1 for a transcript on standard error, 2 for the same with
 *               the time of day in UTC. Credentials are shown as "***", control characters escaped
 *
 * Writing to standard error neither waits nor raises SIGPIPE: a line that a full pipe does not
 * take is dropped, and the next one that fits says how many were.
 */
SMTP_API
int smtp_client_set_debug_level(smtp_client *client,
                                int level);

/**
 * Sends the transcript to a callback in place of standard error; at level 1 if none was set.
 *
 * @param callback   NULL goes back to standard error
 * @param user_data  passed to it
 * @param destroy    called once with user_data when it is no longer needed; may be NULL
 */
SMTP_API
int smtp_client_set_debug_callback(smtp_client *client,
                                   smtp_debug_callback callback,
                                   void *user_data,
                                   smtp_destroy_callback destroy);

/**
 * Whether the transcript shows credentials: 0 (the default) or 1, never to be left on.
 */
SMTP_API int smtp_client_set_debug_secrets(smtp_client *client, int on);

/**
 * Sets the audit callback. What it forbids ends in SMTP_E_FORBIDDEN; where a part of a command or
 * message has gone already, the connection is closed.
 *
 * @param callback   NULL removes it
 * @param user_data  passed to it
 * @param destroy    called once with user_data when it is no longer needed; may be NULL
 */
SMTP_API
int smtp_client_set_audit_callback(smtp_client *client,
                                   smtp_audit_callback callback,
                                   void *user_data,
                                   smtp_destroy_callback destroy);

/**
 * Sets the progress callback, called as a message goes out. It may call smtp_client_cancel().
 *
 * @param callback   NULL removes it
 * @param user_data  passed to it
 * @param destroy    called once with user_data when it is no longer needed; may be NULL
 */
SMTP_API
int smtp_client_set_progress_callback(smtp_client *client,
                                      smtp_progress_callback callback,
                                      void *user_data,
                                      smtp_destroy_callback destroy);

/**
 * Sets the callback that gets each transaction of smtp_client_submit() back.
 *
 * @param callback   NULL removes it: transactions become the caller's again without a word
 * @param user_data  passed to it
 * @param destroy    called once with user_data when it is no longer needed; may be NULL
 */
SMTP_API
int smtp_client_set_completion_callback(smtp_client *client,
                                        smtp_completion_callback callback,
                                        void *user_data,
                                        smtp_destroy_callback destroy);

/**
 * @defgroup smtpclient-report Find out why mail does not go out
 *
 * A probe does what smtp_client_open() would do, sends no mail, and reports all that it sees: each
 * address of the server, its greeting, what it offers, its TLS and certificate, the login. Where
 * something is wrong it looks a second time, and names the classic mistakes with their remedies: a
 * port for TLS that was spoken to in clear, or the other way round; STARTTLS that is missing; a
 * certificate for another name; a password where the server wants something else.
 *
 *     smtp_report *report = smtp_client_probe(c);
 *     size_t i;
 *     if (report == NULL)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *     for (i = 0; i < smtp_report_advice_count(report); i++)
 *         puts(smtp_report_advice(report, i));
 *     smtp_report_free(report);
 *
 * The server, the credentials and the security are those of smtpclient-setup(3). probe.c in
 * smtpclient-examples(3) is a whole program.
 */

/**
 * Finds out what smtp_client_open() would come to, and why, without sending mail: looks the name
 * up, tries every address, goes on as smtp_client_open() does over the one that it would choose, and
 * ends with QUIT. If there is a connection it is closed first; afterwards there is none. The time
 * limit is that of the whole, and a minute where it is SMTP_TIMEOUT_RFC.
 *
 * What is wrong is what was asked for, and no error of the call: a server that refuses, falls silent
 * or has a bad certificate gives a report that says so. Where TLS and clear text may have been
 * mixed up, or the certificate was not accepted, a second connection finds out which: nothing goes
 * over it but EHLO and STARTTLS, for nobody there was verified; facts of TLS in the report may be
 * of such a one.
 *
 * Where calls do not wait (smtp_client_set_nonblocking()) it returns NULL, with
 * smtp_client_last_error_code() being SMTP_PENDING; when smtp_client_process() has returned SMTP_OK,
 * smtp_client_report() gives the report.
 *
 * Returns the report, to be freed with smtp_report_free(). NULL for what is the caller's:
 * SMTP_E_MISUSE if no host was set, or for credentials without a password; SMTP_E_CANCELLED,
 * SMTP_E_FORBIDDEN by the audit callback, SMTP_E_BUSY, SMTP_E_INVALID_ARGUMENT, SMTP_E_NO_MEMORY.
 */
SMTP_API
SMTP_NODISCARD
smtp_report *smtp_client_probe(smtp_client *client);

/**
 * The report of a probe that has ended in smtp_client_process(). It is given once.
 *
 * Returns the report, to be freed with smtp_report_free(). NULL if there is none: SMTP_E_BUSY while
 * the probe is pending, else SMTP_E_MISUSE; or SMTP_E_NO_MEMORY.
 */
SMTP_API
SMTP_NODISCARD
smtp_report *smtp_client_report(smtp_client *client);

/**
 * Frees a report, and with it every text that it gave; NULL is allowed.
 */
SMTP_API void smtp_report_free(smtp_report *report);

/**
 * What smtp_client_open() would return: SMTP_OK if mail could be sent, as far as can be told
 * without sending any; else an error, whose message is SMTP_REPORT_ERROR. SMTP_E_MISUSE also for
 * what is no report.
 */
SMTP_API
int smtp_report_code(const smtp_report *report);

/**
 * The server's reply code that belongs to that error, such as 535; 0 if none does.
 */
SMTP_API int smtp_report_reply_code(const smtp_report *report);

/**
 * A fact, as text.
 *
 * @param what  one of SMTP_REPORT_*
 *
 * Returns the text, valid until the report is freed. NULL if the probe did not come so far, if
 * there is no such thing, or if the library does not know it ("tls-info" of smtp_client_has_feature()
 * is 0), and for a number that is none (SMTP_E_INVALID_ARGUMENT).
 */
SMTP_API
const char *smtp_report_text(const smtp_report *report,
                             int what);

/**
 * Days until the server's certificate expires, rounded down; 0 once it has
 * (SMTP_REPORT_CERTIFICATE_NOT_AFTER says when). SMTP_E_NOT_SUPPORTED if no certificate was seen.
 */
SMTP_API
int smtp_report_days_left(const smtp_report *report);

/**
 * How many addresses the host has, all of which were tried; 0 if it was not found. A Unix socket
 * counts for one.
 */
SMTP_API
size_t smtp_report_address_count(const smtp_report *report);

/**
 * An address, such as "2001:db8::1", or the path of a Unix socket. They stand in the order in
 * which smtp_client_open() tries them.
 *
 * @param index  from 0
 *
 * NULL if there is no such address. Valid until the report is freed.
 */
SMTP_API const char *smtp_report_address(const smtp_report *report, size_t index);

/**
 * Why no connection to that address could be made; "" if one could. NULL if there is no such
 * address. Valid until the report is freed.
 */
SMTP_API const char *smtp_report_address_error(const smtp_report *report, size_t index);

/**
 * The errno that belongs to it, such as ECONNREFUSED; 0 if none does. SMTP_E_INVALID_ARGUMENT if
 * there is no such address.
 */
SMTP_API
int smtp_report_address_errno(const smtp_report *report,
                              size_t index);

/**
 * How long it took to connect to that address, or to fail. SMTP_E_INVALID_ARGUMENT if there is no
 * such address.
 */
SMTP_API
int smtp_report_address_milliseconds(const smtp_report *report,
                                     size_t index);

/**
 * How many pieces of advice there are; 0 if nothing is wrong, or nothing that is known here.
 */
SMTP_API size_t smtp_report_advice_count(const smtp_report *report);

/**
 * What is wrong and what to do about it, in one or two sentences for a person, the most important
 * first. NULL if there is no such advice. Valid until the report is freed.
 */
SMTP_API
const char *smtp_report_advice(const smtp_report *report,
                               size_t index);

/**
 * The same for a program: one of SMTP_ADVICE_*. SMTP_E_INVALID_ARGUMENT if there is no such advice.
 */
SMTP_API
int smtp_report_advice_kind(const smtp_report *report,
                            size_t index);

/**
 * @defgroup smtpclient-connection Connect, secure and end a connection
 *
 * First connect, then encrypt unless the protocol does so by itself, log in if the server wants
 * it (see smtpclient-auth(3)), send (see smtpclient-mail(3)), and quit.
 *
 *     if (smtp_client_connect(c, "mail.example.org", 587) < 0 ||
 *         smtp_client_starttls(c) < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *     else
 *         smtp_client_quit(c);
 *
 * Never go on after a failed smtp_client_starttls(): the connection may be open still, and
 * readable by everybody.
 */

/**
 * Connects and reads the greeting (RFC 5321 section 3.1; smtplib: connect). An open connection
 * is closed first. All addresses of the host are tried, IPv6 and IPv4, within the time limit;
 * with SMTP_PROTOCOL_SMTPS the TLS handshake comes next.
 *
 * @param host  name, IPv4 or IPv6 address, "host:port", "[v6]:port", or the path of a Unix
 *              socket, which begins with "/"
 * @param port  0 for the one in `host`, or else the protocol's default; ignored for a path
 *
 * Returns SMTP_OK, the greeting being smtp_client_reply_text(). SMTP_E_INVALID_ARGUMENT for a
 * host or port that cannot be, before any lookup; SMTP_E_FORBIDDEN by the audit callback;
 * SMTP_E_RESOLVE if the name does not exist and SMTP_E_RESOLVE_AGAIN if that cannot be found out
 * now, smtp_client_last_errno() being getaddrinfo's code; SMTP_E_IO if no address could be
 * reached, the message naming each with its reason; SMTP_E_TIMEOUT; SMTP_E_CANCELLED; SMTP_E_TLS;
 * SMTP_E_DISCONNECTED if the server hung up without a greeting; SMTP_E_PROTOCOL if that is no
 * SMTP; SMTP_E_CONNECT if it is not 220, smtp_client_reply_code() being what it is. After an
 * error there is no connection.
 */
SMTP_API
SMTP_NODISCARD
int smtp_client_connect(smtp_client *client,
                        const char *host,
                        int port);

/**
 * Speaks over a connected stream socket of the caller's, and reads the greeting. An open
 * connection is closed first.
 *
 * @param fd           a connected TCP or Unix stream socket. It is duplicated: the caller's own
 *                     stays his to close, but must not be read or written any more, and
 *                     becomes non-blocking
 * @param server_name  whom its certificate must be for; NULL for "localhost".
 *                     SMTP_E_INVALID_ARGUMENT for what is no host name or IP address
 *
 * Returns and errors as smtp_client_connect(); SMTP_E_INVALID_ARGUMENT if it is no such socket.
 */
SMTP_API
SMTP_NODISCARD
int smtp_client_connect_fd(smtp_client *client,
                           int fd,
                           const char *server_name);

/**
 * Speaks over a connected stream socket whose greeting the caller has read already: one of a
 * pool, say, or one that a proxy handed over. Nothing is read and nothing sent; the next call is
 * the first on the connection, and EHLO is sent when one needs it. An open connection is closed
 * first. smtp_client_reply_code() is 0 until the first reply.
 *
 * @param fd           as for smtp_client_connect_fd(); what the caller has read ends with the
 *                     greeting's last line, and what he has not is the server's next reply
 * @param server_name  as for smtp_client_connect_fd()
 *
 * Returns SMTP_OK. SMTP_E_INVALID_ARGUMENT for a descriptor or a name that cannot be;
 * SMTP_E_FORBIDDEN by the audit callback; SMTP_E_MISUSE with SMTP_PROTOCOL_SMTPS, where the
 * greeting is under TLS. SMTP_E_MISUSE and a name that cannot be change nothing; after any other
 * error there is no connection.
 */
SMTP_API
SMTP_NODISCARD
int smtp_client_adopt_fd(smtp_client *client,
                         int fd,
                         const char *server_name);

/**
 * STARTTLS (RFC 3207; smtplib: starttls) under the client's TLS policy. EHLO is sent first if
 * need be. Everything learnt before is forgotten: EHLO must be sent anew, which the sending and
 * login functions do by themselves.
 *
 * Returns SMTP_OK: the connection is encrypted, and the server is who it should be. On any error
 * it is NOT encrypted. SMTP_E_NOT_SUPPORTED if STARTTLS is not offered and SMTP_E_RESPONSE if it
 * is refused leave the connection open, in clear; SMTP_E_MISUSE if TLS is active already;
 * SMTP_E_PROTOCOL if data was injected behind the reply, and SMTP_E_TLS with the reason (expired,
 * self-signed, unknown issuer, another host, ...), close the connection.
 */
SMTP_API
SMTP_NODISCARD
int smtp_client_starttls(smtp_client *client);

/**
 * Sends QUIT and closes the connection (RFC 5321 section 4.1.1.10; smtplib: quit). Waits for the
 * reply for 5 seconds at most, and within the time limit.
 *
 * Returns the reply code; 0 if the server hung up without one, which is no error of any mail (and
 * leaves smtp_client_reply_code() and its text those of the reply before); or an error. The
 * connection is closed in every case.
 */
SMTP_API
int smtp_client_quit(smtp_client *client);

/**
 * Closes the connection without a word (smtplib: close). Closing a closed one is no error.
 * Transactions that were submitted and not completed go to the completion callback. A call that is
 * pending ends as if it were cancelled, and its result is not told any more.
 */
SMTP_API
int smtp_client_close(smtp_client *client);

/**
 * Ends the call that is running on this client, in whatever phase: it returns SMTP_E_CANCELLED
 * and closes the connection. Does not wait for that.
 *
 * May be called at any time, from any thread, from a callback and from a signal handler; it takes
 * no lock, uses no heap, and leaves errno alone. Whoever has seen that the call runs (SMTP_E_BUSY
 * came back, or one of its callbacks runs) ends it for certain. Without a running call it does
 * nothing: it is forgotten when the next one begins. (A call whose last reply is here already may
 * still return that.)
 *
 * Returns SMTP_OK, or SMTP_E_MISUSE for what is no client (without a message).
 */
SMTP_API
int smtp_client_cancel(smtp_client *client);

/**
 * Whether there is a connection: 1 or 0, or an error. One that the server has closed counts
 * until a call notices; smtp_client_noop() asks.
 */
SMTP_API int smtp_client_is_connected(const smtp_client *client);

/**
 * Whether the connection is under TLS: 1 or 0 (also without a connection), or an error.
 */
SMTP_API int smtp_client_is_encrypted(const smtp_client *client);

/**
 * The server's certificate (X.509 in DER).
 *
 * @param length  gets its length in bytes, 0 if there is none; may be NULL
 *
 * NULL without TLS, and for a client that cannot be used. Valid until this function is called
 * for another connection of the client, or the client's end.
 */
SMTP_API const void *smtp_client_peer_certificate(const smtp_client *client, size_t *length);

/**
 * A fact of the TLS connection, as text.
 *
 * @param what  one of SMTP_TLS_INFO_*
 *
 * Returns the text; valid until the next call of this function with the same `what` on the client.
 * NULL without TLS, where the connection has no such thing, and on an error:
 * SMTP_E_INVALID_ARGUMENT for what is none of them, SMTP_E_NOT_SUPPORTED by native-tls
 * (`smtp_client_has_feature("tls-info")` is 0).
 */
SMTP_API
const char *smtp_client_tls_info(const smtp_client *client,
                                 int what);

/**
 * The descriptor of the connection's socket, to be looked at (its addresses, its options) and
 * neither read, written nor closed; SMTP_E_DISCONNECTED if there is none. Valid until the
 * connection ends.
 */
SMTP_API int smtp_client_fd(const smtp_client *client);

/**
 * @defgroup smtpclient-events Clients in an event loop
 *
 * For programs that have a loop and must not wait: one descriptor for each client is watched for
 * input, whatever the client is doing, and one function is called when it is readable. Every call
 * can be made so, from connecting to quitting.
 *
 *     smtp_client_set_nonblocking(c, 1);
 *     struct pollfd watch = {smtp_client_poll_fd(c), POLLIN, 0};
 *     int result = smtp_client_connect(c, "mail.example.org", 25);
 *     while (result == SMTP_PENDING && poll(&watch, 1, -1) >= 0)
 *         result = smtp_client_process(c);
 *     if (result < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *
 * In a loop of many clients one wait serves them all. loop_poll.c, loop_libuv.c,
 * loop_libevent.c and loop_glib.c in smtpclient-examples(3) are whole programs.
 */

/**
 * Whether calls wait: 0 (the default), or 1, and they do not. From then on a call that would wait
 * returns SMTP_PENDING at once and goes on in smtp_client_process(), whose result is at last what
 * the call would have returned. (smtp_client_probe() returns a pointer, and so says it by
 * smtp_client_last_error_code().) One call can be pending on a client; every other is SMTP_E_BUSY
 * meanwhile, those that read what the client knows included, but for smtp_client_process(),
 * smtp_client_poll_fd(), smtp_client_cancel(), smtp_client_close() and smtp_client_free(). The time
 * limit is the same as if the call waited.
 *
 * Strings and arrays given to a call are copied, and smtp_client_send_raw()'s bytes; a message, a
 * reader, a transaction and a callback's user_data stay in use until the call has ended. Callbacks
 * run inside smtp_client_process(), and in the call itself. smtp_client_submit() takes a
 * transaction at once as long as there is room for it; SMTP_PENDING says that there is none, or that
 * the server has to be greeted first, and the call is pending until that is done. What is submitted is sent without smtp_client_flush(), by
 * smtp_client_process(), which completes it too.
 *
 * SMTP_E_BUSY while a call is pending.
 */
SMTP_API
int smtp_client_set_nonblocking(smtp_client *client,
                                int on);

/**
 * The descriptor that an event loop watches for input, and nothing else: it is readable whenever
 * smtp_client_process() has something to do. Sockets, name lookups, time limits and cancels are all
 * behind it.
 *
 * Returns the descriptor, the same for the life of the client whose it stays: neither to be read
 * nor closed. It is readable as long as there is something to do (level-triggered). SMTP_E_MISUSE
 * for a client whose calls wait, and in a child process for a client of its parent's; SMTP_E_IO if
 * the process has no more descriptors.
 */
SMTP_API
int smtp_client_poll_fd(smtp_client *client);

/**
 * Does what can be done now, and waits for nothing. To be called whenever smtp_client_poll_fd() is
 * readable; more often does no harm.
 *
 * Returns SMTP_PENDING if a call is pending still; the result of the pending call if it has ended:
 * a reply code, SMTP_OK or an error. With nothing pending, SMTP_OK, or why the connection has
 * ended: SMTP_E_DISCONNECTED if the server closed it (smtp_client_reply_code() being 421 if it said
 * so), and the error of a stream of submitted transactions, which were completed with it. There is
 * no connection then, and the next call returns SMTP_OK. SMTP_E_BUSY in a callback of this client;
 * SMTP_E_MISUSE in a child process for a client of its parent's, which it may only free.
 */
SMTP_API
int smtp_client_process(smtp_client *client);

/**
 * @defgroup smtpclient-command Single SMTP commands
 *
 * For programs that ask more of a server than to take mail, or that test one. Each function sends
 * one command and returns the code of the reply, whatever it is: 550 is an answer here and no
 * error. A negative result says that no valid reply came.
 *
 *     int code = smtp_client_verify(c, "alice@example.org");
 *     if (code < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *     else
 *         printf("%d %s\n", code, smtp_client_reply_text(c));
 *
 * To send mail use smtpclient-mail(3), which runs these commands, many at a time where the server
 * can take that.
 */

/**
 * HELO (RFC 5321 section 4.1.1.1; smtplib: helo). LMTP has none: SMTP_E_MISUSE.
 *
 * @param name  what to call ourselves; NULL for the local host name
 *
 * Returns the reply code.
 */
SMTP_API int smtp_client_helo(smtp_client *client, const char *name);

/**
 * EHLO, or LHLO to an LMTP server (RFC 5321 section 4.1.1.1, RFC 2033 section 4.1; smtplib: ehlo).
 * A reply 2yz replaces what is known of the server's extensions, another clears it.
 *
 * @param name  what to call ourselves; NULL for the local host name
 *
 * Returns the reply code.
 */
SMTP_API
int smtp_client_ehlo(smtp_client *client,
                     const char *name);

/**
 * EHLO, and HELO if it is refused, unless the server was greeted before (smtplib:
 * ehlo_or_helo_if_needed). To LMTP only LHLO is sent.
 *
 * Returns SMTP_OK, or SMTP_E_HELO if all were refused, smtp_client_reply_code() being the last
 * answer. The sending functions, smtp_client_starttls() and the login functions call it by
 * themselves; the functions for single commands do not.
 */
SMTP_API int smtp_client_ehlo_or_helo_if_needed(smtp_client *client);

/**
 * Sends any command and reads its reply (smtplib: docmd). Not for commands whose reply is
 * followed by something other than the next command, such as STARTTLS.
 *
 * @param verb  such as "XCLIENT"
 * @param args  what follows it after a space; NULL or "" if nothing does
 *
 * Returns the reply code; the text is smtp_client_reply_text().
 */
SMTP_API int smtp_client_docmd(smtp_client *client, const char *verb, const char *args);

/**
 * Sends any command without waiting for its reply, which smtp_client_getreply() reads (smtplib:
 * putcmd). Until every reply owed has been read, commands and mail are SMTP_E_MISUSE; further calls
 * of this function, smtp_client_send_raw(), smtp_client_quit() and smtp_client_close() are not.
 *
 * @param verb  such as "NOOP"
 * @param args  what follows it after a space; NULL or "" if nothing does
 *
 * Returns SMTP_OK.
 */
SMTP_API
int smtp_client_putcmd(smtp_client *client,
                       const char *verb,
                       const char *args);

/**
 * Reads one reply, for what smtp_client_putcmd() or smtp_client_send_raw() sent (RFC 5321 section
 * 4.2; smtplib: getreply). Returns the reply code.
 */
SMTP_API
int smtp_client_getreply(smtp_client *client);

/**
 * Sends bytes as they are, unchecked and unchanged (smtplib: send). The replies that they cause are
 * the caller's to read with smtp_client_getreply(): one for each line, but one for a whole message
 * behind 354 or for a chunk behind BDAT. As long as one is owed, or the last line or message has not
 * come to its end, commands and mail are SMTP_E_MISUSE.
 *
 * @param data    `length` bytes, of which nothing is checked: line ends and dots included
 * @param length  in bytes
 *
 * Returns SMTP_OK when all have gone to the system.
 */
SMTP_API
int smtp_client_send_raw(smtp_client *client,
                         const void *data,
                         size_t length);

/**
 * NOOP (RFC 5321 section 4.1.1.9; smtplib: noop). Returns the reply code.
 */
SMTP_API int smtp_client_noop(smtp_client *client);

/**
 * RSET: gives up the mail transaction under way (RFC 5321 section 4.1.1.5; smtplib: rset). Returns
 * the reply code.
 */
SMTP_API
int smtp_client_rset(smtp_client *client);

/**
 * HELP (RFC 5321 section 4.1.1.8; smtplib: help).
 *
 * @param args  what help is wanted on; NULL or "" for nothing in particular
 *
 * Returns the reply code; the answer is smtp_client_reply_text().
 */
SMTP_API int smtp_client_help(smtp_client *client, const char *args);

/**
 * VRFY (RFC 5321 section 4.1.1.6; smtplib: verify, vrfy).
 *
 * @param address  "a@b" or "Name <a@b>"; the bare address is sent
 *
 * Returns the reply code; the answer is smtp_client_reply_text(). Most servers answer 252: they
 * do not tell.
 */
SMTP_API int smtp_client_verify(smtp_client *client, const char *address);

/**
 * EXPN (RFC 5321 section 4.1.1.7; smtplib: expn).
 *
 * @param list  a mailing list's name or address; the bare address is sent
 *
 * Returns the reply code; the members are smtp_client_reply_text(), one a line.
 */
SMTP_API int smtp_client_expn(smtp_client *client, const char *list);

/**
 * MAIL: begins a mail transaction (RFC 5321 section 4.1.1.2; smtplib: mail). The server is not
 * greeted first and no parameter is added.
 *
 * @param sender        "a@b", "Name <a@b>", or "" or "<>" for the null reverse-path
 * @param options       parameters, "keyword" or "keyword=value"; not sent after HELO
 * @param option_count  how many
 *
 * Returns the reply code, whatever it is. With SMTPUTF8 (RFC 6531) among the options the addresses
 * of this transaction may be UTF-8; SMTP_E_NOT_SUPPORTED if the server does not offer it, or what
 * another option needs. It counts for the server's MAILMAX (RFC 9422).
 */
SMTP_API
int smtp_client_mail(smtp_client *client,
                     const char *sender,
                     const char *const *options,
                     size_t option_count);

/**
 * RCPT: one recipient of the mail transaction (RFC 5321 section 4.1.1.3; smtplib: rcpt).
 *
 * @param recipient     "a@b" or "Name <a@b>"
 * @param options       parameters, "keyword" or "keyword=value"; not sent after HELO
 * @param option_count  how many
 *
 * Returns the reply code, whatever it is.
 */
SMTP_API
int smtp_client_rcpt(smtp_client *client,
                     const char *recipient,
                     const char *const *options,
                     size_t option_count);

/**
 * DATA, then the message, then its final reply (RFC 5321 section 4.1.1.4; smtplib: data).
 *
 * @param message  `length` bytes: bare CR and bare LF become CRLF, a line that begins with a dot
 *                 gets another, a missing last line end is added; read during the call alone
 * @param length   in bytes
 *
 * Returns the final reply's code, whatever it is (over LMTP that of the last recipient);
 * SMTP_E_DATA if DATA itself is not answered with 354; SMTP_E_OUTCOME_UNKNOWN if the connection
 * was lost, or the time was up, between the message's end and the final reply. SMTP_E_CANCELLED says
 * in its text whether it came there.
 */
SMTP_API
int smtp_client_data(smtp_client *client,
                     const void *message,
                     size_t length);

/**
 * @defgroup smtpclient-auth Log in
 *
 * smtp_client_login() is what nearly every program needs: it takes the strongest mechanism that
 * both sides know; with an access token, smtp_client_login_oauth() (see smtpclient-token(3)).
 * smtp_client_auth() is for mechanisms that the library does not know; custom_auth.c in
 * smtpclient-examples(3) is one.
 *
 *     if (smtp_client_starttls(c) < 0 || smtp_client_login(c, user, password) < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *
 * A password is not sent where others can read it: without TLS, and to another machine, mechanisms
 * that show it are SMTP_E_FORBIDDEN.
 */

/**
 * Logs in with the strongest mechanism that both sides know, and with the next where the server
 * refuses one (RFC 4954; smtplib: login). EHLO is sent first if need be. Mechanisms and their
 * order: SCRAM-SHA-256-PLUS, SCRAM-SHA-256, SCRAM-SHA-1-PLUS, SCRAM-SHA-1, CRAM-MD5, PLAIN, LOGIN,
 * or those of smtp_client_set_auth_mechanisms(); smtp_client_auth_builtin() says what each is.
 *
 * The SCRAM ones with -PLUS bind the login to the TLS connection, so that nobody in between can
 * pass it on. Where one is used, SCRAM without -PLUS is not tried. Where SCRAM does not take the
 * user name or password (RFC 4013: a control character, say), the others are tried.
 *
 * @param user      in UTF-8
 * @param password  in UTF-8; neither is kept, and copies are wiped
 *
 * Returns SMTP_OK (235, or 503 if authenticated already). SMTP_E_NOT_SUPPORTED if the server does
 * not offer AUTH (some do only after STARTTLS); SMTP_E_NO_MECHANISM if none is in common, the
 * message naming both sides, and saying so where the server wants OAuth 2.0 (see
 * smtp_client_login_oauth()); SMTP_E_AUTHENTICATION with the last refusal, or
 * if a challenge cannot be answered, when no other mechanism is tried, or if the server
 * does not prove by SCRAM that it knows the password, which ends the connection where it claims a
 * success; SMTP_E_INVALID_ARGUMENT or SMTP_E_NOT_SUPPORTED if only SCRAM is left and does not
 * take the user name or password; SMTP_E_FORBIDDEN if
 * only mechanisms are left that would show the password on an unencrypted connection to another
 * machine (see smtp_client_set_allow_plaintext_auth()).
 */
SMTP_API
SMTP_NODISCARD
int smtp_client_login(smtp_client *client,
                      const char *user,
                      const char *password);

/**
 * Authenticates with a mechanism of the caller's own (smtplib: auth). EHLO is sent first if need
 * be.
 *
 * @param mechanism  its name, such as "XOAUTH2" (RFC 4422 section 3.1: 1 to 20 of A-Z, 0-9, "-"
 *                   and "_")
 * @param callback   called for the initial response and each challenge, until the call has ended
 * @param user_data  passed to it; may be NULL
 *
 * Returns and errors as smtp_client_login(). The mechanism is taken for one that shows the
 * credentials to a listener, so that it is SMTP_E_FORBIDDEN in clear.
 */
SMTP_API
SMTP_NODISCARD
int smtp_client_auth(smtp_client *client,
                     const char *mechanism,
                     smtp_auth_callback callback,
                     void *user_data);

/**
 * Authenticates with one of the library's mechanisms (smtplib: auth with auth_cram_md5, auth_plain
 * or auth_login).
 *
 * @param mechanism  "SCRAM-SHA-256" (RFC 7677), "SCRAM-SHA-1" (RFC 5802), either with "-PLUS"
 *                   (bound to TLS by RFC 9266 or RFC 5929), "CRAM-MD5" (RFC 2195), "PLAIN"
 *                   (RFC 4616), "LOGIN", "OAUTHBEARER" (RFC 7628) or "XOAUTH2", whose password is
 *                   an access token, or "EXTERNAL" (RFC 4422: by the client certificate, for
 *                   instance)
 * @param user       in UTF-8; for EXTERNAL whom to act as, "" for whomever the server takes the
 *                   client for
 * @param password   in UTF-8, NULL for EXTERNAL; neither is kept, and copies are wiped
 *
 * Returns and errors as smtp_client_login(); SMTP_E_NOT_SUPPORTED for another mechanism, and for one
 * with -PLUS without TLS. A server that asks SCRAM for fewer than 4096 rounds of its hash, or more
 * than 1000000 (0.2 s of a processor that has instructions for it, else 1 s), gets no answer.
 */
SMTP_API
SMTP_NODISCARD
int smtp_client_auth_builtin(smtp_client *client,
                             const char *mechanism,
                             const char *user,
                             const char *password);

/**
 * Whether initial responses are sent on the AUTH line (RFC 4954 section 4): 1 (the default) or 0
 * (smtplib: initial_response_ok=).
 */
SMTP_API
int smtp_client_set_initial_response(smtp_client *client,
                                     int on);

/**
 * Which mechanisms smtp_client_login() and smtp_client_login_oauth() try, and in which order; each
 * passes over those of the other.
 *
 * @param names  separated by spaces, in any letter case; NULL or "" for the library's own order;
 *               SMTP_E_NOT_SUPPORTED for one that it does not know. "EXTERNAL", which that order
 *               has not, takes the user for whom to act as and leaves the password unused
 */
SMTP_API
int smtp_client_set_auth_mechanisms(smtp_client *client,
                                    const char *names);

/**
 * Whether credentials may cross an unencrypted connection to another machine, readable by
 * whoever listens: 0 (the default) or 1. One to this machine, decided by its address alone,
 * is always allowed.
 */
SMTP_API int smtp_client_set_allow_plaintext_auth(smtp_client *client, int on);

/**
 * The server's challenge, decoded from base64; NULL when an initial response is asked for.
 *
 * @param length  gets its length in bytes; may be NULL
 *
 * The bytes may be any; a NUL that `length` does not count follows them. Valid until the callback
 * returns.
 */
SMTP_API
const void *smtp_auth_exchange_challenge(const smtp_auth_exchange *exchange,
                                         size_t *length);

/**
 * Gives the response, before encoding in base64, which is the library's.
 *
 * @param data    `length` bytes, copied; the copy is wiped after use
 * @param length  in bytes; 0 is an empty response
 *
 * Returns SMTP_OK; SMTP_E_MISUSE a second time in one callback, the first response standing.
 */
SMTP_API
int smtp_auth_exchange_respond(smtp_auth_exchange *exchange,
                               const void *data,
                               size_t length);

/**
 * @defgroup smtpclient-token Log in with OAuth 2.0
 *
 * Providers that take no passwords any more want an access token, which a program gets from them
 * over HTTPS; the library does no HTTP. With a token at hand,
 *
 *     if (smtp_client_login_oauth(c, "me@example.org", token) < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *
 * is all it takes. Tokens live for an hour or so, and a program that runs longer has a source of
 * them: a callback, which is asked for a token when a login needs one, and not before.
 *
 *     static int ask(smtp_token_request *request, void *user_data) {
 *         FILE *file = fopen((const char *)user_data, "r");
 *         char token[8192];
 *         int found = file != NULL && fscanf(file, "%8191s", token) == 1;
 *         if (file != NULL)
 *             fclose(file);
 *         return found ? smtp_token_give(request, token, 0)
 *                      : smtp_token_fail(request, "there is no token in the file");
 *     }
 *
 * It is set once, for all clients that log in with it, and smtp_client_open() does the rest:
 *
 *     char path[] = "/run/mail/token";
 *     smtp_token_source *source = smtp_token_source_new(ask, path, NULL);
 *     if (source == NULL || smtp_client_set_token_source(c, "me@example.org", source) < 0 ||
 *         smtp_client_open(c) < 0)
 *         fprintf(stderr, "%s\n", smtp_last_error());
 *     smtp_token_source_free(source);
 *
 * The callback may answer later and from another thread as well. send_oauth2.c in
 * smtpclient-examples(3) is a whole program.
 */

/**
 * Logs in with an OAuth 2.0 access token: by OAUTHBEARER (RFC 7628) if the server offers it, else
 * by XOAUTH2, or in the order of smtp_client_set_auth_mechanisms(). EHLO is sent first if need be.
 *
 * @param user   whose mailbox it is, in UTF-8 without control characters; NULL for the one set by
 *               smtp_client_set_token_source(), where `token` is NULL too
 * @param token  the access token, not empty, of printable ASCII without spaces, so short that its
 *               line has at most 12288 octets (RFC 4954 section 4), which are 9 KiB of token. A
 *               copy is wiped after use. NULL for one of the source that was set by
 *               smtp_client_set_token_source(); if the server refuses that, one new token is
 *               asked for, and tried on the same connection
 *
 * Returns SMTP_OK. SMTP_E_INVALID_ARGUMENT for a user or token that cannot be, before anything is
 * sent, the message saying where and not what; SMTP_E_MISUSE for NULL without a source;
 * SMTP_E_NOT_SUPPORTED if the server does not offer AUTH; SMTP_E_NO_MECHANISM if it takes no tokens,
 * or the mechanisms that were chosen do not; SMTP_E_FORBIDDEN on an unencrypted connection to
 * another machine (see smtp_client_set_allow_plaintext_auth()); SMTP_E_AUTHENTICATION if the server
 * refuses, the message saying with which status and for which scope, and
 * smtp_client_last_error_detail() being SMTP_DETAIL_TOKEN where a new token may help; the same
 * without that if the source gave none. SMTP_E_TIMEOUT and SMTP_E_CANCELLED close the connection.
 */
SMTP_API
SMTP_NODISCARD
int smtp_client_login_oauth(smtp_client *client,
                            const char *user,
                            const char *token);

/**
 * Sets where smtp_client_open(), and smtp_client_login_oauth() without a token, get their tokens;
 * password and user of smtp_client_set_credentials() are forgotten.
 *
 * @param user    as for smtp_client_login_oauth(); NULL for the one that was set before, by a URL for
 *                instance
 * @param source  the client keeps a reference of its own: the source may be freed at once, and
 *                given to other clients. NULL for no credentials
 *
 * Returns SMTP_OK; SMTP_E_INVALID_ARGUMENT for a user that cannot be, or none.
 */
SMTP_API
int smtp_client_set_token_source(smtp_client *client,
                                 const char *user,
                                 const smtp_token_source *source);

/**
 * Makes a source of tokens.
 *
 * A token is kept until a minute before its end, or the last tenth of its life where that is less,
 * or until the server refuses it. Logins that need one at the same time wait for the same request.
 * In a forked child the source has the parent's tokens and asks for new ones by itself; it is
 * SMTP_E_MISUSE there if another thread was using it in the moment of the fork.
 *
 * @param callback   asked for tokens; not NULL
 * @param user_data  passed to it
 * @param destroy    called once with user_data when neither the source nor any client needs it any
 *                   more, or before this function returns NULL; may be NULL. It may run on any
 *                   thread that frees a client or source or answers a request
 *
 * Returns the source, to be freed with smtp_token_source_free(); NULL if the callback is NULL
 * (SMTP_E_INVALID_ARGUMENT is smtp_last_error_code()) or there is no memory (SMTP_E_NO_MEMORY).
 */
SMTP_API
SMTP_NODISCARD
smtp_token_source *smtp_token_source_new(smtp_token_callback callback,
                                         void *user_data,
                                         smtp_destroy_callback destroy);

/**
 * Frees a source; NULL is allowed. Clients that were given it keep what they need of it. With the
 * last of them requests that were not answered end, and its tokens are wiped.
 */
SMTP_API
void smtp_token_source_free(smtp_token_source *source);

/**
 * Why a token is asked for: SMTP_TOKEN_FIRST, SMTP_TOKEN_EXPIRING or SMTP_TOKEN_REFUSED. Negative
 * for a request that was answered: SMTP_E_MISUSE.
 */
SMTP_API
int smtp_token_request_reason(const smtp_token_request *request);

/**
 * For whom a token is asked for. NULL for a request that was answered. Valid until the request is
 * answered, or the end of its source.
 */
SMTP_API
const char *smtp_token_request_user(const smtp_token_request *request);

/**
 * What the login with the token before failed with, for SMTP_TOKEN_REFUSED: the server's words,
 * with status and scope where it named them. NULL for another reason. Valid as
 * smtp_token_request_user().
 */
SMTP_API const char *smtp_token_request_detail(const smtp_token_request *request);

/**
 * Answers a request with a token, from any thread.
 *
 * @param token             as for smtp_client_login_oauth(); a copy is kept by the source, and
 *                          wiped at its end
 * @param lifetime_seconds  how long it is good from now on (OAuth's expires_in); 0 if that is not
 *                          known: it is then kept until the server refuses it
 *
 * Returns SMTP_OK, also where nobody waits for it any more: the next login uses it. For arguments
 * that cannot be SMTP_E_INVALID_ARGUMENT, which is the answer of those who wait for the token as
 * well. SMTP_E_MISUSE for a request that was answered already, or whose source is gone.
 */
SMTP_API
int smtp_token_give(smtp_token_request *request,
                    const char *token,
                    int lifetime_seconds);

/**
 * Answers a request: there is no token. Those who wait for it fail with SMTP_E_AUTHENTICATION and
 * this text; the next login asks anew. From any thread.
 *
 * @param text  why, in UTF-8; of a long one the first 512 bytes are shown. NULL or "" if there is
 *              nothing to say
 *
 * Returns SMTP_OK; SMTP_E_MISUSE for a request that was answered already, or whose source is gone.
 */
SMTP_API
int smtp_token_fail(smtp_token_request *request,
                    const char *text);

/**
 * @defgroup smtpclient-mail Send mail
 *
 * Three ways, from the simplest to the fastest:
 *
 * - smtp_client_sendmail() and smtp_client_send_message() send one message and return when the
 *   server has answered. smtpclient-recipient(3) tells of each recipient afterwards.
 * - smtp_client_send() and smtp_client_send_batch() send transactions, each of which holds its own
 *   outcome: see smtpclient-transaction(3).
 * - smtp_client_submit() takes one transaction after another without waiting, for as long as there
 *   is mail; smtp_client_flush() waits for what is left.
 *
 * The last gives each transaction back through a completion callback, such as
 *
 *     static void completed(smtp_transaction *transaction, void *user_data) {
 *         size_t *failures = (size_t *)user_data;
 *         if (smtp_transaction_status(transaction) < 0)
 *             ++*failures;
 *         smtp_transaction_free(transaction);
 *     }
 *
 * which smtp_client_set_completion_callback() sets once. Then the client is fed:
 *
 *     if (smtp_client_submit(c, transaction) < 0 || smtp_client_flush(c) < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *
 * The message must be whole: its header (From, Date, Message-ID, ...), an empty line, and the
 * text. Nothing is added to it and nothing encoded; who would rather not write it has it written:
 * smtp_client_send_mime().
 */

/**
 * Sends one message to any number of recipients (RFC 5321 section 3.3; smtplib: sendmail). The
 * server is greeted first if need be; SIZE and BODY=8BITMIME are added where they are offered.
 *
 * @param from      reverse-path: "a@b", "Name <a@b>", or "" or "<>" for the null one
 * @param to        forward-paths, `to_count` of them, at least one, each counted though it may
 *                  repeat another
 * @param to_count  how many
 * @param message   `length` bytes: bare CR and bare LF become CRLF, a missing last line end is
 *                  added, leading dots are escaped; read in place until the call has ended
 * @param length    in bytes
 * @param mail_options       parameters for MAIL, "keyword" or "keyword=value". Where the server does
 *                           not offer what one needs, SIZE, BODY=8BITMIME and AUTH are left out,
 *                           and others, such as RET or NOTIFY without DSN, are
 *                           SMTP_E_NOT_SUPPORTED; so is PRDR, which changes what replies mean
 * @param mail_option_count  how many
 * @param rcpt_options       parameters for each RCPT
 * @param rcpt_option_count  how many
 *
 * Returns SMTP_OK if at least one recipient was accepted; smtp_client_refused_count() tells
 * about the others: refused, or, with what stopped it, not offered because the server takes fewer at
 * a time (LIMITS, RFC 9422). SMTP_E_INVALID_ARGUMENT and SMTP_E_NOT_SUPPORTED before MAIL is sent;
 * SMTP_E_SENDER_REFUSED, SMTP_E_RECIPIENTS_REFUSED and SMTP_E_DATA with the server's reply, the
 * connection being usable unless that was 421; SMTP_E_OUTCOME_UNKNOWN if the connection was lost
 * or the time was up between the message's end and its reply: it may have been delivered.
 * SMTP_E_CANCELLED says so in its text. SMTP_E_PROTOCOL if an LMTP server sent more replies than
 * there were recipients; those not listed as refused had been accepted then.
 */
SMTP_API
SMTP_NODISCARD
int smtp_client_sendmail(smtp_client *client,
                         const char *from,
                         const char *const *to,
                         size_t to_count,
                         const void *message,
                         size_t length,
                         const char *const *mail_options,
                         size_t mail_option_count,
                         const char *const *rcpt_options,
                         size_t rcpt_option_count);

/**
 * Sends an RFC 5322 message to the addresses that it names (smtplib: send_message). Bcc and
 * Resent-Bcc fields are left out; all else is sent as it is.
 *
 * @param from  NULL to take it from the message: Resent-Sender or Resent-From where there is one
 *              Resent- block, else Sender, else the first address of From
 * @param to    NULL to take them from the message: every address of To, Cc and Bcc, or of their
 *              Resent- counterparts. (Not NULL and a count of 0 is an empty list, which is
 *              SMTP_E_INVALID_ARGUMENT: a binding must not pass NULL for one)
 *
 * Returns and errors as smtp_client_sendmail(), whose parameters the others are. SMTPUTF8 and
 * BODY=8BITMIME (RFC 6531) are added where an address needs them. SMTP_E_INVALID_ARGUMENT for a
 * message with several Resent- blocks, or without the fields that are needed.
 */
SMTP_API
SMTP_NODISCARD
int smtp_client_send_message(smtp_client *client,
                             const char *from,
                             const char *const *to,
                             size_t to_count,
                             const void *message,
                             size_t length,
                             const char *const *mail_options,
                             size_t mail_option_count,
                             const char *const *rcpt_options,
                             size_t rcpt_option_count);

/**
 * Sends one transaction, which then holds its outcome for each recipient. The server is greeted
 * first if need be.
 *
 * @param transaction  busy during the call, and the caller's again after it
 *
 * Returns SMTP_OK if at least one recipient was accepted, else the error as
 * smtp_client_sendmail(), which is smtp_transaction_status() as well; but a call that was cancelled
 * or forbidden, or that an LMTP server answered once too often, returns that, and the transaction
 * has its own outcome. SMTP_E_BUSY if the transaction is in use, SMTP_E_MISUSE if it is none; then
 * nothing is sent.
 */
SMTP_API
int smtp_client_send(smtp_client *client,
                     smtp_transaction *transaction);

/**
 * Sends transactions, with as many in flight as the server's PIPELINING (RFC 2920) and CHUNKING
 * (RFC 3030) let. Each then holds its own outcome, whatever became of the others: see
 * smtp_transaction_status(). One whose recipients are all SMTP_RECIPIENT_NOT_TRIED can be sent
 * again as it is (but for a reader that was read, see smtp_transaction_set_message_reader()). LMTP
 * has one transaction in flight at a time, for its replies can only be counted.
 *
 * @param transactions  `count` handles, each once; all are busy during the call, and the caller's
 *                      again after it. The array is read at the beginning alone
 * @param count         how many
 *
 * Returns SMTP_OK if every status is SMTP_OK, else the first that is not, or SMTP_E_CANCELLED,
 * SMTP_E_FORBIDDEN or SMTP_E_PROTOCOL if that is how the call ended. If one is in use
 * (SMTP_E_BUSY), is none, or stands in the array twice (SMTP_E_MISUSE), nothing is sent and no
 * outcome changes.
 */
SMTP_API
int smtp_client_send_batch(smtp_client *client,
                           smtp_transaction *const *transactions,
                           size_t count);

/**
 * Gives a transaction to a stream of them, without waiting for its outcome. Waits only while as
 * much is in flight as may be: a number of bytes that adapts to the connection, 16 MiB at most,
 * and 16,384 replies, or as many transactions as smtp_client_set_window() says. Small transactions
 * are gathered, so that smtp_client_flush() must end the stream (in an event loop
 * smtp_client_process() sends them as well); every other call on the connection flushes first.
 *
 * @param transaction  busy, and with it a borrowed message or reader in use, until the completion
 *                     callback gets it (see smtp_client_set_completion_callback()): during this or
 *                     a later call on the client, smtp_client_close() and smtp_client_free()
 *                     included
 *
 * Returns SMTP_OK if it is on its way. If the connection was lost or could not be greeted, the
 * error, and it has been completed with that. SMTP_E_BUSY if the transaction is in use,
 * SMTP_E_MISUSE if it is none; then the callback will not get it.
 */
SMTP_API
int smtp_client_submit(smtp_client *client,
                       smtp_transaction *transaction);

/**
 * Sends what smtp_client_submit() has gathered, and waits for the outcome of everything
 * submitted: afterwards all of it has gone to the completion callback.
 *
 * Returns SMTP_OK even if transactions failed, each of which knows why; an error if the connection
 * was lost.
 */
SMTP_API
int smtp_client_flush(smtp_client *client);

/**
 * @defgroup smtpclient-transaction One mail: sender, recipients, outcome
 *
 * A transaction is made, filled, sent by a function of smtpclient-mail(3), and then asked what
 * became of it. It may be cleared and used again, which spares memory.
 *
 *     smtp_transaction *mail = smtp_transaction_new();
 *     if (mail == NULL || smtp_transaction_set_sender(mail, "me@example.org") < 0 ||
 *         smtp_transaction_add_recipient(mail, "alice@example.org", NULL, 0) < 0 ||
 *         smtp_transaction_set_message(mail, message, length) < 0)
 *         fprintf(stderr, "%s\n", smtp_last_error());
 *     else if (smtp_client_send(c, mail) < 0)
 *         fprintf(stderr, "%s\n", smtp_transaction_error(mail));
 *     smtp_transaction_free(mail);
 *
 * The two kinds of error are apart: smtp_transaction_last_error() is about a call on the
 * transaction that failed, such as an address that cannot be; smtp_transaction_error() is about
 * the mail that was not sent.
 */

/**
 * Makes an empty transaction.
 *
 * Returns the transaction, to be freed with smtp_transaction_free(); NULL only if out of memory
 * (SMTP_E_NO_MEMORY).
 */
SMTP_API SMTP_NODISCARD smtp_transaction *smtp_transaction_new(void);

/**
 * Frees a transaction; NULL is allowed. One that is being sent goes on, and is freed when it
 * comes back: a borrowed message must live until then, and no completion callback is called.
 */
SMTP_API void smtp_transaction_free(smtp_transaction *transaction);

/**
 * Empties a transaction for another mail: sender, recipients, options, message and outcome, but not
 * its user data. Its memory is kept, which is cheaper than a new one.
 */
SMTP_API
int smtp_transaction_clear(smtp_transaction *transaction);

/**
 * Message of the last failed call on this transaction (not of a send: see
 * smtp_transaction_error()). Never NULL, "" if none has failed. Valid until the next failing call
 * on it, or its end.
 */
SMTP_API
const char *smtp_transaction_last_error(const smtp_transaction *transaction);

/**
 * Code of that call: one of smtp_result, SMTP_OK if none has failed; SMTP_E_BUSY while it is in
 * use, SMTP_E_MISUSE for what is no transaction.
 */
SMTP_API int smtp_transaction_last_error_code(const smtp_transaction *transaction);

/**
 * The system's errno that belongs to that error; 0 if it had none, while it is in use, and for
 * what is no transaction.
 */
SMTP_API int smtp_transaction_last_errno(const smtp_transaction *transaction);

/**
 * Keeps a pointer of the caller's with the transaction, whatever it is sent, cleared and sent
 * again: what it stands for, for a completion callback.
 *
 * @param user_data  what smtp_transaction_user_data() gives back; NULL removes it
 * @param destroy    called once with user_data when another takes its place, or the transaction
 *                   is freed (if it is being sent: when it comes back); may be NULL
 */
SMTP_API
int smtp_transaction_set_user_data(smtp_transaction *transaction,
                                   void *user_data,
                                   smtp_destroy_callback destroy);

/**
 * The pointer of smtp_transaction_set_user_data(); NULL if none was set, and for a transaction
 * that cannot be used (smtp_last_error_code() tells).
 */
SMTP_API void *smtp_transaction_user_data(const smtp_transaction *transaction);

/**
 * Sets the reverse-path (RFC 5321 section 4.1.1.2).
 *
 * @param address  "a@b", "Name <a@b>", or "" or "<>" for the null path; copied
 */
SMTP_API int smtp_transaction_set_sender(smtp_transaction *transaction, const char *address);

/**
 * Adds a recipient with its own RCPT parameters (RFC 5321 section 4.1.1.3).
 *
 * @param address       "a@b" or "Name <a@b>"; copied. One that was added before counts again
 * @param options       "keyword" or "keyword=value" each; copied
 * @param option_count  how many
 *
 * Recipients are numbered from 0 in the order in which they were added.
 */
SMTP_API
int smtp_transaction_add_recipient(smtp_transaction *transaction,
                                   const char *address,
                                   const char *const *options,
                                   size_t option_count);

/**
 * Adds a MAIL parameter (RFC 5321 section 4.1.1.2). SIZE and BODY=8BITMIME are added by the
 * library where the server offers them; SMTPUTF8 is not, and addresses in UTF-8 need it. What an
 * option needs is checked when the transaction is sent, as for smtp_client_sendmail().
 *
 * @param option  "keyword" or "keyword=value"; copied
 */
SMTP_API
int smtp_transaction_add_mail_option(smtp_transaction *transaction,
                                     const char *option);

/**
 * What became of it: SMTP_OK if at least one recipient was accepted and the fate of none is
 * unknown, else the error as smtp_client_sendmail(). Before it was sent SMTP_OK too.
 */
SMTP_API int smtp_transaction_status(const smtp_transaction *transaction);

/**
 * Why it failed, in words, with the server's reply or the system's error; "" if it did not, or
 * was not sent. NULL only for a transaction that cannot be used. Valid until it is sent, cleared
 * or freed.
 */
SMTP_API
const char *smtp_transaction_error(const smtp_transaction *transaction);

/**
 * What tells its error from others of its code: SMTP_DETAIL_NONE or another of SMTP_DETAIL_*; or
 * an error, which is negative.
 */
SMTP_API
int smtp_transaction_error_detail(const smtp_transaction *transaction);

/**
 * Code of the reply that decided it, that to the message or the one that ended it sooner; 0 if
 * none came.
 */
SMTP_API int smtp_transaction_reply_code(const smtp_transaction *transaction);

/**
 * Text of that reply, lines joined by "\n"; "" if none came. NULL only for a transaction that
 * cannot be used. Valid until it is sent, cleared or freed.
 */
SMTP_API const char *smtp_transaction_reply_text(const smtp_transaction *transaction);

/**
 * Enhanced status code of that reply (RFC 3463), such as "4.7.0", for smtp_error_advice(); "" if it
 * had none. NULL only for a transaction that cannot be used. Valid until it is sent, cleared or
 * freed.
 */
SMTP_API
const char *smtp_transaction_reply_enhanced(const smtp_transaction *transaction);

/**
 * Number of recipients. 0 also for a transaction that cannot be used: then
 * smtp_last_error_code() is SMTP_E_BUSY or SMTP_E_MISUSE.
 */
SMTP_API size_t smtp_transaction_recipient_count(const smtp_transaction *transaction);

/**
 * Address of a recipient as it was given.
 *
 * @param index  from 0
 *
 * NULL if there is no such recipient. Valid until the transaction is cleared or freed.
 */
SMTP_API
const char *smtp_transaction_recipient_address(const smtp_transaction *transaction,
                                               size_t index);

/**
 * What became of the message for a recipient.
 *
 * @param index  from 0
 *
 * Returns SMTP_RECIPIENT_NOT_TRIED, _ACCEPTED, _REFUSED or _UNKNOWN; SMTP_E_INVALID_ARGUMENT if
 * there is no such recipient.
 */
SMTP_API
int smtp_transaction_recipient_status(const smtp_transaction *transaction,
                                      size_t index);

/**
 * Code of the last reply for a recipient: that to RCPT, or LMTP's after the message (RFC 2033
 * section 4.2).
 *
 * @param index  from 0
 *
 * Returns 0 if none came; SMTP_E_INVALID_ARGUMENT if there is no such recipient.
 */
SMTP_API int smtp_transaction_recipient_code(const smtp_transaction *transaction, size_t index);

/**
 * Text of that reply, lines joined by "\n".
 *
 * @param index  from 0
 *
 * "" if none came, NULL if there is no such recipient. Valid until the transaction is sent, cleared
 * or freed.
 */
SMTP_API
const char *smtp_transaction_recipient_text(const smtp_transaction *transaction,
                                            size_t index);

/**
 * Enhanced status code of that reply (RFC 3463), such as "5.1.1".
 *
 * @param index  from 0
 *
 * "" if it had none, NULL if there is no such recipient. Valid until the transaction is sent,
 * cleared or freed.
 */
SMTP_API
const char *smtp_transaction_recipient_enhanced(const smtp_transaction *transaction,
                                                size_t index);

/**
 * @defgroup smtpclient-message The message of a transaction
 *
 * One of these four gives a transaction its message, and a later one takes the place of an
 * earlier:
 *
 * - smtp_transaction_set_message() copies it: the simplest;
 * - smtp_transaction_set_message_borrowed() leaves it where it is: the cheapest for one that many
 *   transactions share;
 * - smtp_transaction_set_reader() asks for it piece by piece: for one that is made as it is sent;
 * - smtp_transaction_set_message_fd() reads a file, pipe or socket: for one that is large.
 *
 * Whichever it is, lines may end in LF or CRLF, and a line may begin with a dot: what goes over
 * the wire is right. For a message that the library writes there is smtp_transaction_set_mime().
 */

/**
 * Sets the message, copied.
 *
 * @param message  `length` bytes. As it is sent bare CR and bare LF become CRLF, a missing last
 *                 line end is added, and leading dots are escaped
 * @param length   in bytes
 */
SMTP_API
int smtp_transaction_set_message(smtp_transaction *transaction,
                                 const void *message,
                                 size_t length);

/**
 * Sets the message, borrowed: what needs no change goes from here to the system without a copy.
 *
 * @param message  `length` bytes, sent as smtp_transaction_set_message() says. They stay the
 *                 caller's, and must neither change nor go away until the transaction was freed
 *                 and is not being sent, was cleared, or got another message;
 *                 smtp_transaction_set_release_callback() tells when
 * @param length   in bytes
 */
SMTP_API
int smtp_transaction_set_message_borrowed(smtp_transaction *transaction,
                                          const void *message,
                                          size_t length);

/**
 * Sets a callback to read the message from as it is sent, through a fixed buffer. What it gives
 * is sent as smtp_transaction_set_message() says.
 *
 * @param read       called until it returns 0 or fails
 * @param user_data  passed to it
 * @param destroy    called once with user_data when the reader is no longer needed: when the
 *                   message is replaced, when the transaction is cleared or freed (if it is being
 *                   sent: when it comes back), and when this call fails; may be NULL
 * @param size       how many bytes it will give, or -1 if that is not known; a size is declared
 *                   to the server and must be kept, or the transaction fails
 *
 * A message that was read cannot be sent again before the reader is set again: SMTP_E_MISUSE.
 */
SMTP_API
int smtp_transaction_set_reader(smtp_transaction *transaction,
                                smtp_read_callback read,
                                void *user_data,
                                smtp_destroy_callback destroy,
                                int64_t size);

/**
 * smtp_transaction_set_reader() without a destroy function: user_data must live as long as a
 * borrowed message would.
 */
SMTP_API
int smtp_transaction_set_message_reader(smtp_transaction *transaction,
                                        smtp_read_callback read,
                                        void *user_data,
                                        int64_t size);

/**
 * Sets a file descriptor to read the message from as it is sent, from where it stands to its
 * end, through a fixed buffer. What it gives is sent as smtp_transaction_set_message() says.
 *
 * @param fd  a file, pipe or socket open for reading. It is duplicated: the caller may close his
 *            own. A regular file is read by position, so that the offset stays and the transaction
 *            can be sent again; its size is declared to the server: what is added to it from now on
 *            is not sent, and one that has become shorter fails the transaction. Anything else is
 *            read once: to send it again, set it again
 *
 * SMTP_E_INVALID_ARGUMENT for what cannot be read from. While a pipe or socket has nothing to
 * give, the time limit and smtp_client_cancel() hold as ever.
 */
SMTP_API
int smtp_transaction_set_message_fd(smtp_transaction *transaction,
                                    int fd);

/**
 * Sets what tells that the present message, borrowed or from a reader, is no longer needed. To be
 * set after the message, each time.
 *
 * @param release    runs once: when the message is replaced, when the transaction is cleared or
 *                   freed (if it is being sent: when it comes back), and when this call fails;
 *                   another one set for the same message does not take its place, both run
 * @param user_data  passed to it
 */
SMTP_API
int smtp_transaction_set_release_callback(smtp_transaction *transaction,
                                          smtp_destroy_callback release,
                                          void *user_data);

/**
 * @defgroup smtpclient-mime Write a message
 *
 * From addresses, texts and files the library writes a message as MIME, with all that other
 * programs expect in it: header fields folded and encoded, alternatives of text and HTML, images,
 * attachments of any size, which are read as they are sent.
 *
 *     int fd = open("/var/log/disks.csv", O_RDONLY);
 *     smtp_message *m = smtp_message_new();
 *     if (m == NULL || smtp_message_set_from(m, "Monitor", "monitor@example.org") < 0 ||
 *         smtp_message_add_to(m, "On call", "oncall@example.org") < 0 ||
 *         smtp_message_add_bcc(m, NULL, "archive@example.org") < 0 ||
 *         smtp_message_set_subject(m, "Disk nearly full: 97 %") < 0 ||
 *         smtp_message_set_text(m, "Tomorrow it will be full.\n") < 0 ||
 *         smtp_message_add_attachment_fd(m, "disks.csv", NULL, fd) < 0 ||
 *         smtp_client_send_mime(c, m) < 0)
 *         fprintf(stderr, "%s\n", smtp_last_error());
 *     smtp_message_free(m);
 *     close(fd);
 *
 * One message serves for as many transactions as one likes (smtp_transaction_set_mime()), and may
 * be changed between them: each keeps what it was given. send_report.c in smtpclient-examples(3) is
 * a whole program.
 */

/**
 * Makes an empty message.
 *
 * Returns the message, to be freed with smtp_message_free(); NULL only if out of memory
 * (SMTP_E_NO_MEMORY).
 */
SMTP_API SMTP_NODISCARD smtp_message *smtp_message_new(void);

/**
 * Frees a message; NULL is allowed. Transactions that got it keep what they need.
 */
SMTP_API void smtp_message_free(smtp_message *message);

/**
 * Empties a message for another.
 */
SMTP_API int smtp_message_clear(smtp_message *message);

/**
 * Message of the last failed call on this message. Never NULL, "" if none has failed. Valid until
 * the next failing call on it, or its end.
 */
SMTP_API
const char *smtp_message_last_error(const smtp_message *message);

/**
 * Code of that call: one of smtp_result, SMTP_OK if none has failed; SMTP_E_BUSY while it is in
 * use, SMTP_E_MISUSE for what is no message.
 */
SMTP_API int smtp_message_last_error_code(const smtp_message *message);

/**
 * The system's errno that belongs to that error; 0 if it had none, while it is in use, and for
 * what is no message.
 */
SMTP_API int smtp_message_last_errno(const smtp_message *message);

/**
 * Sets the author (RFC 5322 section 3.6.2), in place of any before. It is the reverse-path too,
 * unless smtp_message_add_header() gives a Sender.
 *
 * @param name     what readers see beside the address, of 500 bytes at most; "" for none. NULL if
 *                 `address` may be a list as it stands in a header: "Joe <a@b>, c@d"
 * @param address  "a@b"
 */
SMTP_API
int smtp_message_set_from(smtp_message *message,
                          const char *name,
                          const char *address);

/**
 * Adds a recipient who is seen by all (RFC 5322 section 3.6.3).
 *
 * @param name     as for smtp_message_set_from(); a list may have groups too:
 *                 "Team: a@b, Joe <c@d>;"
 * @param address  "a@b". A domain that is not ASCII is written as A-labels (RFC 5890), which every
 *                 server takes; a local part that is not ASCII makes the message one for SMTPUTF8
 *                 (RFC 6531), and sending it to a server without that is SMTP_E_NOT_SUPPORTED
 *
 * One who is named several times, here or as smtp_message_add_cc() and smtp_message_add_bcc(), is
 * one recipient.
 */
SMTP_API
int smtp_message_add_to(smtp_message *message,
                        const char *name,
                        const char *address);

/**
 * Adds a recipient of a copy, as smtp_message_add_to().
 */
SMTP_API int smtp_message_add_cc(smtp_message *message, const char *name, const char *address);

/**
 * Adds a recipient whom nobody sees, as smtp_message_add_to(): he is in the envelope alone.
 */
SMTP_API int smtp_message_add_bcc(smtp_message *message, const char *name, const char *address);

/**
 * Adds an address for answers, as smtp_message_add_to() takes it. It gets nothing itself.
 */
SMTP_API
int smtp_message_add_reply_to(smtp_message *message,
                              const char *name,
                              const char *address);

/**
 * Sets the subject.
 *
 * @param subject  one line of at most 64 KiB, written as encoded words (RFC 2047) where it must be;
 *                 NULL for none
 */
SMTP_API
int smtp_message_set_subject(smtp_message *message,
                             const char *subject);

/**
 * Adds a header field.
 *
 * @param name   its name, of 70 characters at most. From, To, Cc, Bcc and Reply-To take a list of
 *               addresses as smtp_message_add_to(), Sender takes one, Message-ID "<left@right>".
 *               Date, MIME-Version and Content-* are written by the library, and Resent-* is for
 *               messages that exist: SMTP_E_INVALID_ARGUMENT
 * @param value  one line of at most 64 KiB, folded and encoded as the field needs it. In fields
 *               that programs read, such as References, In-Reply-To, List-Unsubscribe and
 *               List-Unsubscribe-Post (RFC 8058), it must be ASCII
 */
SMTP_API
int smtp_message_add_header(smtp_message *message,
                            const char *name,
                            const char *value);

/**
 * Sets the plain text. With an HTML text as well, readers choose which to show.
 *
 * @param text  of any length; LF, CR and CRLF end lines, whose length does not matter: what no
 *              server would take is encoded. NULL for none
 */
SMTP_API int smtp_message_set_text(smtp_message *message, const char *text);

/**
 * Says that lines of the plain text that end in a blank go on in the next (format=flowed, RFC
 * 3676). The text itself is as it was given either way.
 *
 * @param on  not 0: flowed; 0: fixed, which is the default
 */
SMTP_API int smtp_message_set_text_flowed(smtp_message *message, int on);

/**
 * Sets the HTML text.
 *
 * @param html  as for smtp_message_set_text(). Images that are part of the message stand in it as
 *              "cid:" and their content id: smtp_message_add_inline()
 */
SMTP_API
int smtp_message_set_html(smtp_message *message,
                          const char *html);

/**
 * Sets the date; without it, it is the time at which the message is first sent or written.
 *
 * @param seconds  since 1970-01-01 00:00:00 UTC, up to the year 9999. It is written as local time,
 *                 with the zone of the process
 */
SMTP_API
int smtp_message_set_date(smtp_message *message,
                          int64_t seconds);

/**
 * Attaches bytes, copied.
 *
 * @param file_name     what the recipient's program calls it, without a path; at most 1,024 bytes,
 *                      NULL for none
 * @param content_type  "image/png" or "text/csv; charset=utf-8"; NULL to guess it by the end of the
 *                      file name. "message/rfc822" must be in memory, with lines that need no
 *                      encoding; "multipart/..." is SMTP_E_INVALID_ARGUMENT
 * @param data          `length` bytes, which arrive as they are
 * @param length        in bytes; may be 0
 */
SMTP_API
int smtp_message_add_attachment(smtp_message *message,
                                const char *file_name,
                                const char *content_type,
                                const void *data,
                                size_t length);

/**
 * Attaches bytes, borrowed.
 *
 * @param file_name     as for smtp_message_add_attachment()
 * @param content_type  as for smtp_message_add_attachment()
 * @param data          `length` bytes that must neither change nor go away before `release` is
 *                      called
 * @param length        in bytes; may be 0
 * @param user_data     passed to release
 * @param release       called once when neither the message nor a transaction that got it needs the
 *                      bytes any more, and when this call fails; may be NULL, and then they must
 *                      outlive all of them
 */
SMTP_API
int smtp_message_add_attachment_borrowed(smtp_message *message,
                                         const char *file_name,
                                         const char *content_type,
                                         const void *data,
                                         size_t length,
                                         void *user_data,
                                         smtp_destroy_callback release);

/**
 * Attaches what a descriptor gives, from where it stands to its end, read as the message is sent
 * through a fixed buffer.
 *
 * @param file_name     as for smtp_message_add_attachment()
 * @param content_type  as for smtp_message_add_attachment()
 * @param fd            a file, pipe or socket open for reading. It is duplicated: the caller may
 *                      close his own. A regular file is read by position, so that the offset stays
 *                      and the message can be sent again; what is added to the file from now on is
 *                      not sent, and one that has become shorter fails the transaction. Anything
 *                      else can be read once: a second transaction is SMTP_E_MISUSE
 */
SMTP_API
int smtp_message_add_attachment_fd(smtp_message *message,
                                   const char *file_name,
                                   const char *content_type,
                                   int fd);

/**
 * Attaches what a callback gives as the message is sent, through a fixed buffer.
 *
 * @param file_name     as for smtp_message_add_attachment()
 * @param content_type  as for smtp_message_add_attachment()
 * @param read          called until it returns 0 or fails, once: a second transaction, or writing
 *                      the message before, is SMTP_E_MISUSE
 * @param user_data     passed to it
 * @param destroy       called once with user_data when neither the message nor its transaction
 *                      needs it any more, and when this call fails; may be NULL
 * @param size          how many bytes it will give, or -1 if that is not known; then the server is
 *                      told no size. A size must be kept, or the transaction fails
 */
SMTP_API
int smtp_message_add_attachment_reader(smtp_message *message,
                                       const char *file_name,
                                       const char *content_type,
                                       smtp_read_callback read,
                                       void *user_data,
                                       smtp_destroy_callback destroy,
                                       int64_t size);

/**
 * Adds an image or the like that the HTML text shows (RFC 2387, RFC 2392), copied. Without an HTML
 * text it is an attachment.
 *
 * @param content_id    what stands in the HTML text behind "cid:", such as "logo"; ASCII without
 *                      blanks, each once
 * @param file_name     as for smtp_message_add_attachment()
 * @param content_type  as for smtp_message_add_attachment()
 * @param data          `length` bytes
 * @param length        in bytes
 */
SMTP_API
int smtp_message_add_inline(smtp_message *message,
                            const char *content_id,
                            const char *file_name,
                            const char *content_type,
                            const void *data,
                            size_t length);

/**
 * The Message-ID with its angle brackets (RFC 5322 section 3.6.4). It is made once, of random bits
 * of the system and the domain of From, and is the same however often the message is sent; one
 * that is changed after it was sent or written is another message and gets another, unless
 * smtp_message_add_header() gave it.
 *
 * NULL, with an error, without a From, and for what is no message. Valid until the message is
 * changed, sent or freed.
 */
SMTP_API
const char *smtp_message_message_id(smtp_message *message);

/**
 * The envelope of the message: whom it would go to, Bcc included, as smtp_transaction_set_mime()
 * takes it.
 *
 * Returns the envelope, to be freed with smtp_envelope_free(); NULL, with an error, if the message
 * has no From or something else that it needs.
 */
SMTP_API
SMTP_NODISCARD
smtp_envelope *smtp_message_envelope(smtp_message *message);

/**
 * Writes the message as it would be sent, without Bcc, to a callback: to show it, to sign it, or
 * to keep it in a file.
 *
 * @param sink       called with some of the bytes, until they have ended
 * @param user_data  passed to it
 *
 * Returns SMTP_OK; SMTP_E_INVALID_ARGUMENT without a From, SMTP_E_CANCELLED if the sink ended it,
 * or what went wrong with an attachment. Waits, without a time limit, for one that is a pipe.
 */
SMTP_API
int smtp_message_write(smtp_message *message,
                       smtp_write_callback sink,
                       void *user_data);

/**
 * Gives a transaction the envelope and the message: sender and recipients in place of its own, Bcc
 * among them, and SMTPUTF8 with BODY=8BITMIME (RFC 6531) if an address needs it. Other options of
 * the transaction stay.
 *
 * @param transaction  which keeps what it needs: the message may be changed, sent by another
 *                     transaction, and freed
 * @param message      with a From and a recipient, or SMTP_E_INVALID_ARGUMENT
 *
 * SMTP_E_MISUSE if an attachment can be read once, and was.
 */
SMTP_API
int smtp_transaction_set_mime(smtp_transaction *transaction,
                              smtp_message *message);

/**
 * Sends a message to all its recipients, Bcc included. The server is greeted first if need be.
 *
 * @param message  not in use any more once the call has begun
 *
 * Returns and errors as smtp_client_send_message(), and for each recipient
 * smtp_client_recipient_status(); as smtp_transaction_set_mime() before anything is sent.
 */
SMTP_API SMTP_NODISCARD int smtp_client_send_mime(smtp_client *client, smtp_message *message);

/**
 * @defgroup smtpclient-next-try The next try
 *
 * Mail that did not reach everybody is tried again, for those whom it did not reach and for nobody
 * else. A transaction that was sent says how far it came, for whom another try may help, and makes
 * the transaction for the next one; smtp_error_advice() says when that should be, if at all.
 *
 *     int code = smtp_client_send(c, transaction);
 *     int advice = smtp_error_advice(code, smtp_transaction_reply_code(transaction),
 *                                    smtp_transaction_reply_enhanced(transaction));
 *     smtp_transaction *next = NULL;
 *     if (advice == SMTP_NEXT_ASK)
 *         fprintf(stderr, "to be looked at: %s\n", smtp_transaction_error(transaction));
 *     else if (advice == SMTP_NEXT_NEVER && code != SMTP_E_RECIPIENTS_REFUSED)
 *         fprintf(stderr, "given up: %s\n", smtp_transaction_error(transaction));
 *     else
 *         next = smtp_transaction_remaining(transaction, 0);
 *     if (next != NULL)
 *         printf("%lu remain\n", (unsigned long)smtp_transaction_recipient_count(next));
 *     smtp_transaction_free(transaction);
 *
 * The two share their message, whichever is freed first. SMTP_OK says that somebody got the mail, so
 * that others may remain after it too, and where recipients were refused each has an answer of his
 * own. After SMTP_E_OUTCOME_UNKNOWN, if twice is better than never, SMTP_REMAINING_UNKNOWN makes it
 * go to those as well who may have got it.
 */

/**
 * How far the last attempt to send a transaction came, by what the server has answered; of one that
 * went in several parts (LIMITS, RFC 9422), the part that came furthest.
 *
 * Returns SMTP_PHASE_NONE and so on, each greater than the one before it; or an error, which is
 * negative.
 */
SMTP_API
int smtp_transaction_phase(const smtp_transaction *transaction);

/**
 * Whether another try may help a recipient.
 *
 * @param index  from 0
 *
 * Returns 1 if he was refused for now (4yz; 552 to RCPT, see RFC 5321 section 4.5.3.1.10), or was
 * not tried for a reason that may pass: a lost connection, a time limit, a server that takes fewer
 * at a time. 0 if he was accepted, his fate is unknown, or he was refused for good, or not tried
 * because of what stays, such as a refused sender. SMTP_E_INVALID_ARGUMENT if there is no such
 * recipient.
 */
SMTP_API
int smtp_transaction_recipient_is_temporary(const smtp_transaction *transaction,
                                            size_t index);

/**
 * Makes a transaction for those recipients alone who were refused for now or not tried, whatever the
 * reason, with the same sender, options and message.
 *
 * @param transaction  one that was sent; it stays as it is. A message in memory is shared, and one
 *                     that was borrowed stays so until both no longer need it
 * @param flags        0, or SMTP_REMAINING_UNKNOWN for those as well whose fate is not known, who may
 *                     then get the message twice
 *
 * Returns the transaction, to be freed with smtp_transaction_free(); user data is not copied. NULL
 * with SMTP_E_INVALID_ARGUMENT if nobody remains. Where the message came from a reader or pipe that
 * was read, it must be set again: sending without it is SMTP_E_MISUSE.
 */
SMTP_API
SMTP_NODISCARD
smtp_transaction *smtp_transaction_remaining(smtp_transaction *transaction,
                                             int flags);

/**
 * What to do about an error.
 *
 * @param code        what a function returned, smtp_transaction_status(), or a reply code. For one
 *                    recipient of several: SMTP_E_RECIPIENTS_REFUSED with his own reply
 * @param reply_code  the server's reply code that belongs to it, 0 if none
 * @param enhanced    the enhanced status code of that reply (RFC 3463), such as "4.7.1"; "" or NULL
 *                    if it had none
 *
 * Returns SMTP_NEXT_NONE and so on; SMTP_E_INVALID_ARGUMENT for a code that is none. Any thread.
 */
SMTP_API
int smtp_error_advice(int code,
                      int reply_code,
                      const char *enhanced);

/**
 * @defgroup smtpclient-envelope Whom a message would go to
 *
 * Reads the addresses out of a message's header as smtp_client_send_message() does, without a
 * client or a connection: to show them, to check them, or to sort recipients by server.
 *
 *     smtp_envelope *envelope = smtp_envelope_new(NULL, NULL, 0, message, length);
 *     size_t i;
 *     for (i = 0; i < smtp_envelope_recipient_count(envelope); i++)
 *         puts(smtp_envelope_recipient(envelope, i));
 *     smtp_envelope_free(envelope);
 */

/**
 * Reads the envelope of an RFC 5322 message as smtp_client_send_message() does, with the same
 * arguments, and checks every address. The message is not kept.
 *
 * @param from      NULL to take it from the message, else the reverse-path: "" or "<>" for the
 *                  null one
 * @param to        NULL to take them from the message, else `to_count` forward-paths
 * @param to_count  how many
 * @param message   `length` bytes; the header section is enough. Read during the call alone
 * @param length    in bytes
 *
 * Returns the envelope, to be freed with smtp_envelope_free(). NULL if smtp_client_send_message() would
 * fail before it sent anything: smtp_last_error() says why, such as an address that cannot be
 * used, no recipient, or no From.
 */
SMTP_API
SMTP_NODISCARD
smtp_envelope *smtp_envelope_new(const char *from,
                                 const char *const *to,
                                 size_t to_count,
                                 const void *message,
                                 size_t length);

/**
 * Frees an envelope, and with it every string that it gave; NULL is allowed.
 */
SMTP_API void smtp_envelope_free(smtp_envelope *envelope);

/**
 * The reverse-path, without name, comments or angle brackets; "" for the null one.
 *
 * NULL only for what is no envelope. Valid until the envelope is freed.
 */
SMTP_API const char *smtp_envelope_sender(const smtp_envelope *envelope);

/**
 * Number of recipients, at least 1; 0 for what is no envelope.
 */
SMTP_API size_t smtp_envelope_recipient_count(const smtp_envelope *envelope);

/**
 * A forward-path, without name, comments or angle brackets. They stand in the order in which
 * they would be sent: those of To, Bcc and Cc, or as given. One that is named twice is there twice.
 *
 * @param index  from 0
 *
 * NULL if there is no such recipient. Valid until the envelope is freed.
 */
SMTP_API
const char *smtp_envelope_recipient(const smtp_envelope *envelope,
                                    size_t index);

/**
 * Whether only a server that offers SMTPUTF8 (RFC 6531) can take the message: an address in the
 * header that is sent, or a local part in the envelope, is not ASCII. (A domain that is not ASCII
 * in the envelope alone goes out as A-labels, RFC 5890, and a name needs nothing.)
 *
 * Returns 1 or 0; SMTP_E_MISUSE for what is no envelope.
 */
SMTP_API
int smtp_envelope_needs_smtputf8(const smtp_envelope *envelope);

/**
 * @defgroup smtpclient-reply The last error, the last reply, and what the server offers
 *
 * Questions to a client. None sends anything, all may be asked by several threads at once, and
 * while another call runs on the client they answer SMTP_E_BUSY, NULL or 0.
 *
 *     if (smtp_client_ehlo_or_helo_if_needed(c) < 0)
 *         fprintf(stderr, "%s\n", smtp_client_last_error(c));
 *     else if (smtp_client_has_extension(c, "SIZE") == 1)
 *         printf("takes %s bytes\n", smtp_client_extension_params(c, "SIZE"));
 */

/**
 * Message of the last failed call on this client, in UTF-8: what failed, where (such as
 * `RCPT TO` and its address), and what the server or the system said; no secrets. Never NULL: "" if no call
 * has failed, or for what is no client; a note that a call is running while one is. A call that
 * succeeds leaves it alone, as does one that returned SMTP_E_BUSY.
 *
 * Valid until the next call on this client that fails, or its end.
 */
SMTP_API
const char *smtp_client_last_error(const smtp_client *client);

/**
 * Code of that call: one of smtp_result, SMTP_OK if none has failed. SMTP_E_BUSY while a call is
 * running, SMTP_E_MISUSE for what is no client.
 */
SMTP_API
int smtp_client_last_error_code(const smtp_client *client);

/**
 * The system's errno that belongs to that error; 0 if it had none, while a call is running, and
 * for what is no client.
 */
SMTP_API int smtp_client_last_errno(const smtp_client *client);

/**
 * What tells that error from others of its code: SMTP_DETAIL_NONE or another of SMTP_DETAIL_*.
 * SMTP_E_BUSY while a call is running, SMTP_E_MISUSE for what is no client.
 */
SMTP_API int smtp_client_last_error_detail(const smtp_client *client);

/**
 * Code of the reply that was read last on this client, 0 if none was.
 */
SMTP_API int smtp_client_reply_code(const smtp_client *client);

/**
 * Text of that reply: lines joined by "\n", codes stripped; "" if there was none. NULL only for a
 * client that cannot be used. Valid until the next call on the client that reads a reply, or its
 * end.
 */
SMTP_API
const char *smtp_client_reply_text(const smtp_client *client);

/**
 * Enhanced status code of that reply (RFC 2034, RFC 3463), such as "5.1.1"; "" if it had none.
 * NULL only for a client that cannot be used. Valid as smtp_client_reply_text().
 */
SMTP_API const char *smtp_client_reply_enhanced(const smtp_client *client);

/**
 * Text of the reply to HELO on this connection, NULL if it was not sent (smtplib: helo_resp).
 * Valid until the next HELO, or the end of the connection.
 */
SMTP_API const char *smtp_client_helo_response(const smtp_client *client);

/**
 * Text of the reply to EHLO or LHLO on this connection, NULL if it was not sent (smtplib:
 * ehlo_resp). Valid until the next EHLO, or the end of the connection.
 */
SMTP_API const char *smtp_client_ehlo_response(const smtp_client *client);

/**
 * Whether the server accepted EHLO or LHLO on this connection: 1 or 0, or an error (smtplib:
 * does_esmtp).
 */
SMTP_API int smtp_client_does_esmtp(const smtp_client *client);

/**
 * Whether the server offers an extension, by the last EHLO on this connection (smtplib: has_extn).
 *
 * @param name  such as "SIZE", in any letter case
 *
 * Returns 1 or 0, or an error.
 */
SMTP_API
int smtp_client_has_extension(const smtp_client *client,
                              const char *name);

/**
 * Parameters of an extension (smtplib: esmtp_features). Those of AUTH include the old form
 * "AUTH=LOGIN".
 *
 * @param name  such as "SIZE", in any letter case
 *
 * "" if it has none, NULL if it is not offered. Valid until the next EHLO, or the end of the
 * connection.
 */
SMTP_API const char *smtp_client_extension_params(const smtp_client *client, const char *name);

/**
 * Number of extensions that the server offers, by the last EHLO on this connection. 0 also for a
 * client that cannot be used: then smtp_last_error_code() is SMTP_E_BUSY or SMTP_E_MISUSE.
 */
SMTP_API
size_t smtp_client_extension_count(const smtp_client *client);

/**
 * Keyword of an extension as the server wrote it.
 *
 * @param index  from 0, in the server's order
 *
 * NULL if there is none. Valid until the next EHLO, or the end of the connection.
 */
SMTP_API const char *smtp_client_extension_name(const smtp_client *client, size_t index);

/**
 * @defgroup smtpclient-recipient What became of each recipient
 *
 * What the last smtp_client_sendmail() or smtp_client_send_message() did for whom. The functions
 * with `refused` in their names list those alone that the server refused, which is enough after
 * SMTP_OK; those with `recipient` list everybody, and are right behind any outcome.
 *
 *     size_t i;
 *     for (i = 0; i < smtp_client_recipient_count(c); i++)
 *         if (smtp_client_recipient_status(c, i) != SMTP_RECIPIENT_ACCEPTED)
 *             fprintf(stderr, "%s: %s\n", smtp_client_recipient_address(c, i),
 *                     smtp_client_recipient_text(c, i));
 *
 * Transactions have functions of their own for this: see smtpclient-transaction(3).
 */

/**
 * Number of recipients that the server refused in the last smtp_client_sendmail() or
 * smtp_client_send_message() (smtplib: the dictionary that sendmail returns); after
 * SMTP_E_SENDER_REFUSED entry 0 is the sender. 0 also for a client that cannot be used: then
 * smtp_last_error_code() is SMTP_E_BUSY or SMTP_E_MISUSE.
 */
SMTP_API size_t smtp_client_refused_count(const smtp_client *client);

/**
 * Address of a refused recipient as it was given.
 *
 * @param index  from 0, in the order of the recipients
 *
 * NULL if there is none. Valid until the next send on the client, or its end.
 */
SMTP_API const char *smtp_client_refused_address(const smtp_client *client, size_t index);

/**
 * Code of the reply that refused it.
 *
 * @param index  from 0
 *
 * Returns 0 if there is none.
 */
SMTP_API int smtp_client_refused_code(const smtp_client *client, size_t index);

/**
 * Text of that reply, lines joined by "\n".
 *
 * @param index  from 0
 *
 * NULL if there is none. Valid until the next send on the client, or its end.
 */
SMTP_API const char *smtp_client_refused_text(const smtp_client *client, size_t index);

/**
 * Enhanced status code of that reply (RFC 3463), such as "5.1.1".
 *
 * @param index  from 0
 *
 * "" if it had none, NULL if there is no such entry. Valid until the next send on the client, or
 * its end.
 */
SMTP_API
const char *smtp_client_refused_enhanced(const smtp_client *client,
                                         size_t index);

/**
 * Number of recipients of the last smtp_client_sendmail() or smtp_client_send_message(), accepted
 * or not, however it ended; 0 before the first, and behind one whose arguments could not be used.
 * 0 also for a client that cannot be used: then smtp_last_error_code() is SMTP_E_BUSY or
 * SMTP_E_MISUSE.
 */
SMTP_API
size_t smtp_client_recipient_count(const smtp_client *client);

/**
 * Address of such a recipient as it was given, or as it stood in the message.
 *
 * @param index  from 0, in the order of the recipients
 *
 * NULL if there is none. Valid until the next send on the client, or its end.
 */
SMTP_API const char *smtp_client_recipient_address(const smtp_client *client, size_t index);

/**
 * What became of the mail for such a recipient. It is the truth also where the call returned
 * SMTP_E_CANCELLED, SMTP_E_FORBIDDEN, SMTP_E_TIMEOUT or SMTP_E_PROTOCOL.
 *
 * @param index  from 0
 *
 * Returns SMTP_RECIPIENT_NOT_TRIED, _ACCEPTED, _REFUSED or _UNKNOWN; SMTP_E_INVALID_ARGUMENT if
 * there is no such recipient.
 */
SMTP_API int smtp_client_recipient_status(const smtp_client *client, size_t index);

/**
 * Code of the last reply for such a recipient: that to RCPT, to the message where that refused
 * it, or LMTP's own (RFC 2033 section 4.2).
 *
 * @param index  from 0
 *
 * Returns 0 if none came; SMTP_E_INVALID_ARGUMENT if there is no such recipient.
 */
SMTP_API int smtp_client_recipient_code(const smtp_client *client, size_t index);

/**
 * Text of that reply, lines joined by "\n", with the enhanced status code (RFC 3463) that it may
 * begin with; where there was none, what stopped the mail.
 *
 * @param index  from 0
 *
 * "" if neither is known, NULL if there is no such recipient. Valid until the next send on the
 * client, or its end.
 */
SMTP_API
const char *smtp_client_recipient_text(const smtp_client *client,
                                       size_t index);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SMTPCLIENT_H */
