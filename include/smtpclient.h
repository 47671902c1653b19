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

/* Marks what the library exports. */
#ifndef SMTP_API
#  if defined(__GNUC__) || defined(__clang__)
#    define SMTP_API __attribute__((visibility("default")))
#  else
#    define SMTP_API
#  endif
#endif

/*
 * Rules that hold for every function:
 *
 * Results. A function that runs one SMTP command whose refusal is no error returns the server's
 * reply code (100 or more); every other function that can fail returns SMTP_OK. Negative is an
 * error: one of smtp_result, its message in smtp_client_last_error() and smtp_last_error().
 *
 * Threads. Different handles may be used by different threads at the same time. One handle runs
 * one call at a time: a second call, from another thread or from one of its callbacks, returns
 * SMTP_E_BUSY and disturbs nothing. Only smtp_client_cancel() may be called at any time.
 *
 * Handles. What a *_new function returns is freed with the *_free function of its kind. NULL, a
 * freed handle or one of another kind is SMTP_E_MISUSE (a freed one as long as no new handle
 * stands at its address). Setters copy what they are given unless they say otherwise.
 *
 * Strings in are NUL-terminated UTF-8. CR, LF, NUL and other control characters in an address,
 * name, option or command are SMTP_E_INVALID_ARGUMENT, and nothing is sent. Arrays are a pointer
 * and a count; NULL with 0 is empty. Strings out belong to the handle; each function says until
 * when they are valid.
 *
 * Callbacks get user_data last. They must not throw an exception (the program is aborted) nor
 * longjmp out (undefined).
 *
 * Processes. No signal handler is installed, no SIGPIPE raised, no environment changed; descriptors
 * are close-on-exec. A forked child may free the parent's handles, which sends nothing, and make
 * its own. A name lookup that outlasts its time limit ends on a thread of its own.
 */


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
 * TLS 1.2
 */
#define SMTP_TLS_VERSION_1_2 12

/**
 * TLS 1.3
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
 * For smtp_client_set_timeout(): no limit.
 */
#define SMTP_TIMEOUT_NONE -1

/**
 * For smtp_client_set_timeout(): RFC 5321 section 4.5.3.2's limit for each wait. The default.
 */
#define SMTP_TIMEOUT_RFC -2

/**
 * Direction of bytes in a debug callback: to the server.
 */
#define SMTP_DEBUG_SENT 1

/**
 * From the server.
 */
#define SMTP_DEBUG_RECEIVED 2

/**
 * Not on the wire: a note about the connection.
 */
#define SMTP_DEBUG_INFO 3

/**
 * An audit callback is asked about a connect.
 */
#define SMTP_AUDIT_CONNECT 1

/**
 * An audit callback is asked about a send: `data` are the bytes, credentials included.
 */
#define SMTP_AUDIT_SEND 2

/**
 * Never offered to the server, or surely not delivered: sending again is safe.
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
 * Result of a function. Numbers are never reused or renumbered.
 */
enum smtp_result
#if defined(__cplusplus) || __STDC_VERSION__ >= 202311L
  : int32_t
#endif // defined(__cplusplus) || __STDC_VERSION__ >= 202311L
 {
    /**
     * Success.
     */
    SMTP_OK = 0,
    /**
     * An argument cannot be used (smtplib: ValueError). Nothing was sent.
     */
    SMTP_E_INVALID_ARGUMENT = -1,
    /**
     * The call makes no sense now, or the pointer is NULL, freed, or no such handle.
     */
    SMTP_E_MISUSE = -2,
    /**
     * The handle is running another call, in another thread or around a callback.
     */
    SMTP_E_BUSY = -3,
    /**
     * Not connected, or the server hung up (SMTPServerDisconnected).
     */
    SMTP_E_DISCONNECTED = -4,
    /**
     * The greeting was not 220 (SMTPConnectError).
     */
    SMTP_E_CONNECT = -5,
    /**
     * EHLO and HELO, or LHLO, were refused (SMTPHeloError).
     */
    SMTP_E_HELO = -6,
    /**
     * The server does not offer what the call needs (SMTPNotSupportedError).
     */
    SMTP_E_NOT_SUPPORTED = -7,
    /**
     * The server refused the credentials (SMTPAuthenticationError).
     */
    SMTP_E_AUTHENTICATION = -8,
    /**
     * No authentication mechanism in common (SMTPException).
     */
    SMTP_E_NO_MECHANISM = -9,
    /**
     * MAIL was refused, or would be (SMTPSenderRefused).
     */
    SMTP_E_SENDER_REFUSED = -10,
    /**
     * Every recipient was refused (SMTPRecipientsRefused).
     */
    SMTP_E_RECIPIENTS_REFUSED = -11,
    /**
     * DATA or the message was refused (SMTPDataError).
     */
    SMTP_E_DATA = -12,
    /**
     * A reply that the command does not allow, such as 454 to STARTTLS (SMTPResponseException).
     */
    SMTP_E_RESPONSE = -13,
    /**
     * What came is not SMTP, or longer than the limits allow. The connection was closed.
     */
    SMTP_E_PROTOCOL = -14,
    /**
     * The system reported an error; see smtp_client_last_errno() (OSError).
     */
    SMTP_E_IO = -15,
    /**
     * The host name could not be resolved (socket.gaierror).
     */
    SMTP_E_RESOLVE = -16,
    /**
     * The time limit passed (TimeoutError). The connection was closed.
     */
    SMTP_E_TIMEOUT = -17,
    /**
     * TLS failed: certificate, handshake or record (ssl.SSLError). The connection was closed.
     */
    SMTP_E_TLS = -18,
    /**
     * The connection was lost after the message was handed over and before its reply: it may
     * or may not have been delivered. Never sent again by the library.
     */
    SMTP_E_OUTCOME_UNKNOWN = -19,
    /**
     * smtp_client_cancel() ended the call. The connection was closed.
     */
    SMTP_E_CANCELLED = -20,
    /**
     * The audit callback, or the guard over credentials in clear, forbids it.
     */
    SMTP_E_FORBIDDEN = -21,
    /**
     * Out of memory.
     */
    SMTP_E_NO_MEMORY = -22,
    /**
     * A fault of the library itself; please report it.
     */
    SMTP_E_INTERNAL = -23,
};
#ifndef __cplusplus
#if __STDC_VERSION__ >= 202311L
typedef enum smtp_result smtp_result;
#else
typedef int32_t smtp_result;
#endif // __STDC_VERSION__ >= 202311L
#endif // __cplusplus

/**
 * One step of an authentication, valid during the callback alone.
 */
typedef struct smtp_auth_exchange smtp_auth_exchange;

/**
 * A client: settings, and any number of connections one after another. One call at a time; only
 * smtp_client_cancel() may be called at any time.
 */
typedef struct smtp_client smtp_client;

/**
 * A TLS policy (smtplib: ssl.SSLContext, keyfile, certfile). By default the system's roots are
 * trusted, the certificate must be valid for the host by its subject alternative name, and TLS
 * 1.2 is the least. One policy may be given to many clients.
 */
typedef struct smtp_tls smtp_tls;

/**
 * One mail transaction: sender, recipients, message, and, after it was sent, what became of it
 * for each recipient. It can be sent again; what was not tried, as it is.
 *
 * While it is being sent (in smtp_client_send_batch(), or between smtp_client_submit() and its
 * completion) every other call on it returns SMTP_E_BUSY.
 */
typedef struct smtp_transaction smtp_transaction;

/**
 * Gets the transcript: `length` bytes at `data`, not NUL-terminated, valid during the call.
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
 * Asked before each connect and each send (smtplib's audit events). Returning anything but 0
 * forbids it.
 *
 * `event` is SMTP_AUDIT_CONNECT or SMTP_AUDIT_SEND; `host` and `port` are those of the
 * connection; `data` and `length` are the bytes to be sent, NULL and 0 for a connect. All
 * valid during the call.
 */
typedef int (*smtp_audit_callback)(int event,
                                   const char *host,
                                   int port,
                                   const char *data,
                                   size_t length,
                                   void *user_data);

/**
 * Told how many bytes of the present message went out, and of how many (-1 if unknown).
 */
typedef void (*smtp_progress_callback)(int64_t sent, int64_t total, void *user_data);

/**
 * Gets back a submitted transaction with its outcome. It may be read, changed, or freed here,
 * but not submitted: the client is busy.
 */
typedef void (*smtp_completion_callback)(smtp_transaction *transaction, void *user_data);

/**
 * Answers one challenge of the server (smtplib: auth object).
 *
 * smtp_auth_exchange_challenge() has the challenge, NULL when an initial response is asked for;
 * smtp_auth_exchange_respond() gives the response. Returning 0 without a response declines the
 * initial response, or answers a challenge with nothing. A negative return cancels: "*" is sent,
 * and the call ends in SMTP_E_AUTHENTICATION.
 */
typedef int (*smtp_auth_callback)(smtp_auth_exchange *exchange, void *user_data);

/**
 * Gives the next bytes of a message.
 *
 * Returns how many bytes were written to `buffer`, at most `capacity`; 0 at the end of the
 * message; negative if it cannot go on, which fails the transaction without a delivery. Called
 * on the thread that sends. (The buffer is the library's own, so that no byte is copied twice.)
 */
typedef ptrdiff_t (*smtp_read_callback)(void *buffer, size_t capacity, void *user_data);

#ifdef __cplusplus
extern "C" {
#endif // __cplusplus

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
 * Name of a code, such as "SMTP_E_TIMEOUT"; "SMTP_E_?" for a number that is none. A constant
 * string, never NULL. Any thread.
 */
SMTP_API const char *smtp_error_name(int code);

/**
 * Whether the same call may succeed later: 1 if so, else 0.
 *
 * @param code        what a function returned, or smtp_transaction_status()
 * @param reply_code  the server's reply code that belongs to it, 0 if none: 4yz is temporary
 *                    and 5yz permanent (RFC 5321 section 4.2.1)
 *
 * SMTP_E_OUTCOME_UNKNOWN is not temporary: sending again may deliver twice. Any thread.
 */
SMTP_API int smtp_error_is_temporary(int code, int reply_code);

/**
 * Version of the library that is running, such as "0.1.0"; SMTPCLIENT_VERSION is that of the
 * header. A constant string, never NULL. Any thread.
 */
SMTP_API const char *smtp_client_version(void);

/**
 * Whether the library has a feature: 1 if so, 0 if not or if the name is unknown.
 *
 * @param name  "smtp", "lmtp", "tls", "smtputf8", "pipelining", "chunking", or "auth:" with a
 *              mechanism, such as "auth:CRAM-MD5"
 *
 * Any thread.
 */
SMTP_API int smtp_client_has_feature(const char *name);

/**
 * Makes a policy with the defaults. Free it with smtp_tls_free(). NULL only if out of memory.
 */
SMTP_API smtp_tls *smtp_tls_new(void);

/**
 * Frees a policy; NULL is allowed. Clients that were given it keep what they need.
 */
SMTP_API void smtp_tls_free(smtp_tls *tls);

/**
 * Trusts the certificates in a PEM file as well. SMTP_E_INVALID_ARGUMENT if it cannot be read
 * or has none.
 */
SMTP_API int smtp_tls_set_ca_file(smtp_tls *tls, const char *path);

/**
 * Trusts the certificates in `length` bytes of PEM as well; the bytes are copied.
 */
SMTP_API int smtp_tls_add_ca_pem(smtp_tls *tls, const void *pem, size_t length);

/**
 * Whether the system's roots are trusted: 1 (the default) or 0.
 */
SMTP_API int smtp_tls_set_system_roots(smtp_tls *tls, int on);

/**
 * Shows the server a client certificate.
 *
 * @param cert_file  PEM file with the certificate and its chain
 * @param key_file   PEM file with the key: PKCS#8, PKCS#1 or SEC1, not encrypted; NULL if it is
 *                   in cert_file
 *
 * SMTP_E_INVALID_ARGUMENT if a file cannot be read or used, or the two do not belong together.
 */
SMTP_API
int smtp_tls_set_client_certificate(smtp_tls *tls,
                                    const char *cert_file,
                                    const char *key_file);

/**
 * Shows the server a client certificate from `length` bytes of PKCS#12, which are copied.
 *
 * @param password  NULL or "" if there is none
 */
SMTP_API
int smtp_tls_set_client_pkcs12(smtp_tls *tls,
                               const void *data,
                               size_t length,
                               const char *password);

/**
 * What is verified of the server.
 *
 * @param mode  SMTP_TLS_VERIFY_FULL, SMTP_TLS_VERIFY_CERTIFICATE or SMTP_TLS_VERIFY_NONE
 */
SMTP_API int smtp_tls_set_verify(smtp_tls *tls, int mode);

/**
 * The least version: SMTP_TLS_VERSION_1_2 (the default) or SMTP_TLS_VERSION_1_3.
 */
SMTP_API int smtp_tls_set_min_version(smtp_tls *tls, int minimum);

/**
 * The greatest version: SMTP_TLS_VERSION_1_2 or SMTP_TLS_VERSION_1_3. Default: no limit.
 */
SMTP_API int smtp_tls_set_max_version(smtp_tls *tls, int maximum);

/**
 * The name that the certificate must be valid for, in place of the host connected to.
 */
SMTP_API int smtp_tls_set_server_name(smtp_tls *tls, const char *name);

/**
 * Makes a client (smtplib: SMTP(), SMTP_SSL(), LMTP()).
 *
 * @param protocol  SMTP_PROTOCOL_SMTP, SMTP_PROTOCOL_SMTPS or SMTP_PROTOCOL_LMTP
 *
 * Free it with smtp_client_free(). NULL if the protocol is unknown or there is no memory (or
 * descriptor) left; smtp_last_error() says which. Nothing is sent.
 */
SMTP_API smtp_client *smtp_client_new(int protocol);

/**
 * Frees a client; NULL is allowed. An open connection is closed without QUIT; nothing is
 * sent and nothing waited for. Inside one of the client's own callbacks it takes effect when
 * the outer call ends.
 */
SMTP_API void smtp_client_free(smtp_client *client);

/**
 * Sets the name for EHLO, HELO and LHLO (smtplib: local_hostname=). Copied. Default: this
 * machine's FQDN, or else the address literal of the connection.
 */
SMTP_API int smtp_client_set_local_hostname(smtp_client *client, const char *name);

/**
 * Sets the time limit in milliseconds for each call as a whole, name lookup and TLS included
 * (smtplib: timeout=); in a batch, for each transaction. 0 is SMTP_E_INVALID_ARGUMENT, as in
 * smtplib.
 *
 * @param milliseconds  1 or more, SMTP_TIMEOUT_NONE, or SMTP_TIMEOUT_RFC (the default: each wait
 *                      has RFC 5321 section 4.5.3.2's limit)
 *
 * After SMTP_E_TIMEOUT the connection is closed.
 */
SMTP_API
int smtp_client_set_timeout(smtp_client *client,
                            int milliseconds);

/**
 * Sets the local address to connect from (smtplib: source_address=).
 *
 * @param host  an IP address; NULL or "" for any
 * @param port  0 for any
 */
SMTP_API int smtp_client_set_source_address(smtp_client *client, const char *host, int port);

/**
 * Sets the TLS policy; the client keeps its own reference. NULL goes back to the defaults.
 * Changes made to `tls` afterwards do not reach the client.
 */
SMTP_API int smtp_client_set_tls(smtp_client *client, smtp_tls *tls);

/**
 * Whether PIPELINING (RFC 2920) is used where it is offered: 1 (the default) or 0.
 */
SMTP_API int smtp_client_set_pipelining(smtp_client *client, int on);

/**
 * Whether CHUNKING (RFC 3030) is used where it is offered: 1 (the default) or 0.
 */
SMTP_API int smtp_client_set_chunking(smtp_client *client, int on);

/**
 * Sets the transcript's level (smtplib: set_debuglevel): 0 none, 1 on standard error, 2 the same
 * with the time of day in UTC. Credentials are shown as ***.
 */
SMTP_API
int smtp_client_set_debug_level(smtp_client *client,
                                int level);

/**
 * Sends the transcript to a callback in place of standard error, at level 1 if none was set.
 * NULL goes back to standard error.
 *
 * @param destroy  may be NULL; called once with user_data when it is no longer needed
 */
SMTP_API
int smtp_client_set_debug_callback(smtp_client *client,
                                   smtp_debug_callback callback,
                                   void *user_data,
                                   smtp_destroy_callback destroy);

/**
 * Whether the transcript shows credentials: 0 (the default) or 1.
 */
SMTP_API int smtp_client_set_debug_secrets(smtp_client *client, int on);

/**
 * Sets the audit callback; NULL removes it. What it forbids ends in SMTP_E_FORBIDDEN.
 *
 * @param destroy  may be NULL; called once with user_data when it is no longer needed
 */
SMTP_API
int smtp_client_set_audit_callback(smtp_client *client,
                                   smtp_audit_callback callback,
                                   void *user_data,
                                   smtp_destroy_callback destroy);

/**
 * Sets the progress callback; NULL removes it.
 *
 * @param destroy  may be NULL; called once with user_data when it is no longer needed
 */
SMTP_API
int smtp_client_set_progress_callback(smtp_client *client,
                                      smtp_progress_callback callback,
                                      void *user_data,
                                      smtp_destroy_callback destroy);

/**
 * Sets what smtp_client_submit() gives its transactions back through; NULL removes it.
 *
 * @param destroy  may be NULL; called once with user_data when it is no longer needed
 */
SMTP_API
int smtp_client_set_completion_callback(smtp_client *client,
                                        smtp_completion_callback callback,
                                        void *user_data,
                                        smtp_destroy_callback destroy);

/**
 * Connects and reads the greeting (smtplib: connect). An open connection is closed first.
 *
 * @param host  name, IPv4 or IPv6 address, "host:port", "[v6]:port", or the path of a Unix
 *              socket, which begins with "/"
 * @param port  0 for the one in `host`, or else the protocol's default
 *
 * Returns SMTP_OK. SMTP_E_INVALID_ARGUMENT for a host or port that cannot be, before any lookup;
 * SMTP_E_RESOLVE; SMTP_E_IO if no address could be reached, the message naming each;
 * SMTP_E_TIMEOUT; SMTP_E_TLS; SMTP_E_DISCONNECTED if the server hung up without a greeting;
 * SMTP_E_CONNECT if the greeting was not 220, the reply being smtp_client_reply_code().
 */
SMTP_API
int smtp_client_connect(smtp_client *client,
                        const char *host,
                        int port);

/**
 * Speaks over a connected stream socket of the caller's, and reads the greeting.
 *
 * @param fd           duplicated: the caller may close his. The socket is made non-blocking
 * @param server_name  for TLS; NULL if there will be none
 *
 * Errors as smtp_client_connect(); SMTP_E_INVALID_ARGUMENT if it is no such socket.
 */
SMTP_API int smtp_client_connect_fd(smtp_client *client, int fd, const char *server_name);

/**
 * STARTTLS (RFC 3207; smtplib: starttls) under the client's TLS policy. EHLO is sent first if
 * need be, and must be sent anew afterwards, which the sending functions do by themselves.
 *
 * Returns SMTP_OK. SMTP_E_NOT_SUPPORTED if it is not offered; SMTP_E_RESPONSE if it is refused
 * (the connection goes on, in clear); SMTP_E_MISUSE if TLS is active; SMTP_E_PROTOCOL if data was
 * injected behind the reply, and SMTP_E_TLS with the reason: both close the connection.
 */
SMTP_API
int smtp_client_starttls(smtp_client *client);

/**
 * Sends QUIT and closes the connection, whatever comes (smtplib: quit). Waits for the reply
 * for 5 seconds at most.
 *
 * Returns the reply code, 0 if the server hung up without one, or an error; the connection is
 * closed in every case.
 */
SMTP_API int smtp_client_quit(smtp_client *client);

/**
 * Closes the connection without a word (smtplib: close). Closing a closed one is no error.
 */
SMTP_API int smtp_client_close(smtp_client *client);

/**
 * Ends the call that is running on this client, which returns SMTP_E_CANCELLED and closes the
 * connection. May be called at any time, from any thread and from a signal handler; without a
 * running call it does nothing. Returns SMTP_OK, or SMTP_E_MISUSE for what is no client.
 */
SMTP_API int smtp_client_cancel(smtp_client *client);

/**
 * Whether there is a connection: 1 or 0, or an error. A connection that the server has closed
 * counts until a call notices.
 */
SMTP_API int smtp_client_is_connected(const smtp_client *client);

/**
 * Whether the connection is under TLS: 1 or 0, or an error.
 */
SMTP_API int smtp_client_is_encrypted(const smtp_client *client);

/**
 * The server's certificate in DER, its length in `*length`; NULL without TLS. Valid until the
 * next call of this function on the client, or its end.
 */
SMTP_API const void *smtp_client_peer_certificate(const smtp_client *client, size_t *length);

/**
 * The connection's descriptor, for looking only; SMTP_E_DISCONNECTED if there is none.
 */
SMTP_API int smtp_client_fd(const smtp_client *client);

/**
 * HELO (smtplib: helo). LMTP has none: SMTP_E_MISUSE.
 *
 * @param name  what to call ourselves; NULL for the local host name
 */
SMTP_API int smtp_client_helo(smtp_client *client, const char *name);

/**
 * EHLO, or LHLO to an LMTP server (smtplib: ehlo). A reply 2yz replaces what is known of the
 * server's extensions, another clears it.
 *
 * @param name  what to call ourselves; NULL for the local host name
 */
SMTP_API int smtp_client_ehlo(smtp_client *client, const char *name);

/**
 * EHLO, and HELO if it is refused, unless the server was greeted before (smtplib:
 * ehlo_or_helo_if_needed). To LMTP only LHLO is sent.
 *
 * Returns SMTP_OK, or SMTP_E_HELO if all were refused. The sending functions,
 * smtp_client_starttls() and the login functions call it by themselves.
 */
SMTP_API int smtp_client_ehlo_or_helo_if_needed(smtp_client *client);

/**
 * Any command (smtplib: docmd).
 *
 * @param args  NULL or "" if there are none
 */
SMTP_API int smtp_client_docmd(smtp_client *client, const char *name, const char *args);

/**
 * Sends any command without waiting for its reply, which smtp_client_getreply() reads (smtplib:
 * putcmd). Until then other commands are SMTP_E_MISUSE. Returns SMTP_OK.
 *
 * @param args  NULL or "" if there are none
 */
SMTP_API int smtp_client_putcmd(smtp_client *client, const char *name, const char *args);

/**
 * Reads one reply (smtplib: getreply).
 */
SMTP_API int smtp_client_getreply(smtp_client *client);

/**
 * Sends `length` bytes as they are (smtplib: send). Returns SMTP_OK.
 */
SMTP_API int smtp_client_send_raw(smtp_client *client, const void *data, size_t length);

/**
 * NOOP (smtplib: noop).
 */
SMTP_API int smtp_client_noop(smtp_client *client);

/**
 * RSET (smtplib: rset).
 */
SMTP_API int smtp_client_rset(smtp_client *client);

/**
 * HELP (smtplib: help); the answer is smtp_client_reply_text().
 *
 * @param args  NULL or "" for none
 */
SMTP_API int smtp_client_help(smtp_client *client, const char *args);

/**
 * VRFY (smtplib: verify, vrfy). The bare address is sent.
 */
SMTP_API int smtp_client_verify(smtp_client *client, const char *address);

/**
 * EXPN (smtplib: expn).
 */
SMTP_API int smtp_client_expn(smtp_client *client, const char *list);

/**
 * MAIL (smtplib: mail). Nothing is greeted and no SIZE added.
 *
 * @param sender        "" or "<>" for the null reverse-path
 * @param options       parameters, "keyword" or "keyword=value"; not sent after HELO
 * @param option_count  how many
 *
 * With SMTPUTF8 among the options the addresses of this transaction may be UTF-8;
 * SMTP_E_NOT_SUPPORTED if the server does not offer it.
 */
SMTP_API
int smtp_client_mail(smtp_client *client,
                     const char *sender,
                     const char *const *options,
                     size_t option_count);

/**
 * RCPT (smtplib: rcpt).
 *
 * @param options       parameters, "keyword" or "keyword=value"; not sent after HELO
 * @param option_count  how many
 */
SMTP_API
int smtp_client_rcpt(smtp_client *client,
                     const char *recipient,
                     const char *const *options,
                     size_t option_count);

/**
 * DATA, then the message, then its final reply (smtplib: data). Line ends become CRLF and lines
 * that begin with a dot get another.
 *
 * Returns the final reply's code, whatever it is (over LMTP that of the last recipient);
 * SMTP_E_DATA if DATA itself is not answered with 354.
 */
SMTP_API int smtp_client_data(smtp_client *client, const void *message, size_t length);

/**
 * Logs in with the strongest mechanism that both sides know, and with the next where the server
 * refuses one (smtplib: login). EHLO is sent first if need be.
 *
 * Returns SMTP_OK (235, or 503 if authenticated already). SMTP_E_NOT_SUPPORTED if the server does
 * not offer AUTH; SMTP_E_NO_MECHANISM; SMTP_E_AUTHENTICATION with the last refusal;
 * SMTP_E_FORBIDDEN if the credentials would cross an unencrypted connection to another machine
 * (see smtp_client_set_allow_plaintext_auth()). The strings are not kept.
 */
SMTP_API
int smtp_client_login(smtp_client *client,
                      const char *user,
                      const char *password);

/**
 * Authenticates with a mechanism of the caller's own (smtplib: auth).
 *
 * @param mechanism  its name, such as "XOAUTH2" (RFC 4422: 1 to 20 of A-Z, 0-9, "-" and "_")
 * @param callback   called for the initial response and each challenge, during this call only
 * @param user_data  passed to it
 *
 * Returns and errors as smtp_client_login(). It is taken for one that reveals the credentials
 * to a listener.
 */
SMTP_API
int smtp_client_auth(smtp_client *client,
                     const char *mechanism,
                     smtp_auth_callback callback,
                     void *user_data);

/**
 * Authenticates with one of the library's mechanisms: "CRAM-MD5", "PLAIN" or "LOGIN" (smtplib:
 * auth with auth_cram_md5, auth_plain, auth_login). Returns and errors as smtp_client_login().
 */
SMTP_API
int smtp_client_auth_builtin(smtp_client *client,
                             const char *mechanism,
                             const char *user,
                             const char *password);

/**
 * Whether initial responses are sent on the AUTH line: 1 (the default) or 0 (smtplib:
 * initial_response_ok=).
 */
SMTP_API int smtp_client_set_initial_response(smtp_client *client, int on);

/**
 * Which mechanisms smtp_client_login() tries, in which order: names separated by spaces; NULL or
 * "" for the library's own order. SMTP_E_NOT_SUPPORTED for one that it does not know.
 */
SMTP_API
int smtp_client_set_auth_mechanisms(smtp_client *client,
                                    const char *names);

/**
 * Whether credentials may cross an unencrypted connection to another machine: 0 (the default)
 * or 1. A connection to this machine, by its address, is always allowed.
 */
SMTP_API int smtp_client_set_allow_plaintext_auth(smtp_client *client, int on);

/**
 * The server's challenge, decoded, its length in `*length` (which may be NULL); NULL when an
 * initial response is asked for. Not NUL-terminated. Valid during the callback.
 */
SMTP_API
const void *smtp_auth_exchange_challenge(const smtp_auth_exchange *exchange,
                                         size_t *length);

/**
 * Gives the response: `length` bytes, copied, encoded in base64 by the library. Once a callback;
 * a second time is SMTP_E_MISUSE.
 */
SMTP_API
int smtp_auth_exchange_respond(smtp_auth_exchange *exchange,
                               const void *data,
                               size_t length);

/**
 * Sends one message to any number of recipients (smtplib: sendmail). The server is greeted
 * first if need be.
 *
 * @param from     reverse-path; "" or "<>" for the null one
 * @param to       forward-paths, `to_count` of them, at least one
 * @param message  `length` bytes; line ends become CRLF; not kept after the call
 * @param mail_options  parameters for MAIL, "keyword" or "keyword=value"
 * @param rcpt_options  parameters for each RCPT
 *
 * Returns SMTP_OK if at least one recipient was accepted; smtp_client_refused_count() tells
 * about the others. SMTP_E_INVALID_ARGUMENT before anything is sent; SMTP_E_SENDER_REFUSED,
 * SMTP_E_RECIPIENTS_REFUSED and SMTP_E_DATA after RSET, the connection being usable;
 * SMTP_E_OUTCOME_UNKNOWN if the reply to the message never came.
 */
SMTP_API
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
 * Sends an RFC 5322 message (smtplib: send_message). Bcc and Resent-Bcc fields are left out; all
 * else is sent as it is.
 *
 * @param from  NULL to take it from the message: Resent-Sender or Resent-From where there is one
 *              Resent- block, else Sender, else the first address of From
 * @param to    NULL to take them from the message: every address of To, Cc and Bcc, or of their
 *              Resent- counterparts
 *
 * The rest is as smtp_client_sendmail(). SMTPUTF8 and BODY=8BITMIME are added where an address
 * needs them. SMTP_E_INVALID_ARGUMENT for a message with several Resent- blocks or without the
 * fields that are needed.
 */
SMTP_API
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
 * Sends one transaction, whose outcome it then holds. Returns its status, or SMTP_E_CANCELLED,
 * SMTP_E_FORBIDDEN or SMTP_E_PROTOCOL if that is how the call ended.
 */
SMTP_API int smtp_client_send(smtp_client *client, smtp_transaction *transaction);

/**
 * Sends transactions, with as many in flight as the server's PIPELINING and CHUNKING let. Each
 * then holds its outcome; what was not tried can be sent again as it is.
 *
 * @param transactions  `count` handles, each once, all of which are busy during the call
 *
 * Returns SMTP_OK if every status is SMTP_OK, else the first that is not, or SMTP_E_CANCELLED,
 * SMTP_E_FORBIDDEN or SMTP_E_PROTOCOL if that is how the call ended. SMTP_E_BUSY, and nothing
 * is sent, if one is in use or stands in the array twice.
 */
SMTP_API
int smtp_client_send_batch(smtp_client *client,
                           smtp_transaction *const *transactions,
                           size_t count);

/**
 * Gives a transaction to a stream of them, without waiting for its outcome. It stays busy until
 * the completion callback gets it, during this or a later call on the client. Waits while as
 * much is in flight as may be: 4 MiB (adapting between 64 KiB and 16 MiB) or 16,384 replies.
 *
 * Returns SMTP_OK if it is on its way; an error if the connection was lost or could not be
 * greeted, in which case it has been completed with that. Small transactions are gathered:
 * smtp_client_flush() sends what waits. Any other call on the client flushes first.
 */
SMTP_API int smtp_client_submit(smtp_client *client, smtp_transaction *transaction);

/**
 * Sends what smtp_client_submit() has gathered, and waits for the outcome of everything
 * submitted. Returns SMTP_OK, or the error that ended the connection.
 */
SMTP_API int smtp_client_flush(smtp_client *client);

/**
 * Makes an empty transaction. Free it with smtp_transaction_free(). NULL only if out of memory.
 */
SMTP_API smtp_transaction *smtp_transaction_new(void);

/**
 * Frees a transaction; NULL is allowed. One that is being sent is freed when it comes back.
 */
SMTP_API void smtp_transaction_free(smtp_transaction *transaction);

/**
 * Empties a transaction for another mail, keeping its memory.
 */
SMTP_API int smtp_transaction_clear(smtp_transaction *transaction);

/**
 * Sets the reverse-path: "a@b", "Name <a@b>", or "" or "<>" for the null path. Copied.
 */
SMTP_API int smtp_transaction_set_sender(smtp_transaction *transaction, const char *address);

/**
 * Adds a recipient with its own RCPT parameters (RFC 5321 section 4.1.2), all copied.
 *
 * @param options        "keyword" or "keyword=value" each; NULL if option_count is 0
 * @param option_count   how many
 */
SMTP_API
int smtp_transaction_add_recipient(smtp_transaction *transaction,
                                   const char *address,
                                   const char *const *options,
                                   size_t option_count);

/**
 * Adds a MAIL parameter, "keyword" or "keyword=value". Copied. SIZE and BODY=8BITMIME are added
 * by the library where the server offers them.
 */
SMTP_API
int smtp_transaction_add_mail_option(smtp_transaction *transaction,
                                     const char *option);

/**
 * What became of it: SMTP_OK if at least one recipient was accepted and the fate of none is
 * unknown, else the error; SMTP_OK as well before it was sent.
 */
SMTP_API int smtp_transaction_status(const smtp_transaction *transaction);

/**
 * Code of the reply that decided it, 0 if none came.
 */
SMTP_API int smtp_transaction_reply_code(const smtp_transaction *transaction);

/**
 * Text of the reply that decided it, or the error where no reply came; "" if neither. NULL only
 * for a handle that cannot be used. Valid until the transaction is sent, cleared or freed.
 */
SMTP_API const char *smtp_transaction_reply_text(const smtp_transaction *transaction);

/**
 * Number of recipients; 0 for a handle that cannot be used.
 */
SMTP_API size_t smtp_transaction_recipient_count(const smtp_transaction *transaction);

/**
 * Address of a recipient as it was given, NULL if there is none at `index`. Valid until the
 * transaction is changed, sent or freed.
 */
SMTP_API
const char *smtp_transaction_recipient_address(const smtp_transaction *transaction,
                                               size_t index);

/**
 * What became of the message for a recipient: SMTP_RECIPIENT_*.
 */
SMTP_API
int smtp_transaction_recipient_status(const smtp_transaction *transaction,
                                      size_t index);

/**
 * Code of the last reply for a recipient (RCPT's, or LMTP's after the data), 0 if none came.
 */
SMTP_API int smtp_transaction_recipient_code(const smtp_transaction *transaction, size_t index);

/**
 * Text of that reply, "" if none came, NULL if there is no recipient at `index`. Valid until the
 * transaction is changed, sent or freed.
 */
SMTP_API
const char *smtp_transaction_recipient_text(const smtp_transaction *transaction,
                                            size_t index);

/**
 * Enhanced status code of that reply (RFC 3463), such as "5.1.1"; "" if it had none, NULL if
 * there is no recipient at `index`. Valid until the transaction is changed, sent or freed.
 */
SMTP_API
const char *smtp_transaction_recipient_enhanced(const smtp_transaction *transaction,
                                                size_t index);

/**
 * Sets the message: `length` bytes, copied. Line ends are normalised to CRLF as it is sent.
 */
SMTP_API
int smtp_transaction_set_message(smtp_transaction *transaction,
                                 const void *message,
                                 size_t length);

/**
 * Sets the message: `length` bytes that stay the caller's and must not change or go away
 * before the transaction is freed, cleared or given another message (see
 * smtp_transaction_set_release_callback()). What needs no change is sent without a copy.
 */
SMTP_API
int smtp_transaction_set_message_borrowed(smtp_transaction *transaction,
                                          const void *message,
                                          size_t length);

/**
 * Sets a callback to read the message from as it is sent.
 *
 * @param read       called until it returns 0 or fails
 * @param user_data  passed to it; must live as long as a borrowed message would
 * @param size       bytes it will give, or -1 if unknown; if known it is declared to the server
 *                   and must be kept
 *
 * A message that was read cannot be sent again before the reader is set again.
 */
SMTP_API
int smtp_transaction_set_message_reader(smtp_transaction *transaction,
                                        smtp_read_callback read,
                                        void *user_data,
                                        int64_t size);

/**
 * Sets a file descriptor to read the message from, from where it stands to its end. It is
 * duplicated: the caller may close his. The file offset is shared, as dup(2) does.
 */
SMTP_API int smtp_transaction_set_message_fd(smtp_transaction *transaction, int fd);

/**
 * Sets what is called once when the library no longer needs a borrowed message or a reader's
 * user data: when the message is replaced, and when the transaction is cleared or freed.
 */
SMTP_API
int smtp_transaction_set_release_callback(smtp_transaction *transaction,
                                          smtp_destroy_callback release,
                                          void *user_data);

/**
 * Message of the last failed call on this client, in UTF-8: what failed, where (such as
 * `RCPT TO:<a@b>`), and what the server or the system said; no secrets. Never NULL: "" if no call
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
 * Code of the reply that was read last on this client, 0 if none was.
 */
SMTP_API int smtp_client_reply_code(const smtp_client *client);

/**
 * Text of that reply: lines joined by "\n", codes stripped, made valid UTF-8; "" if there was
 * none. NULL only for a handle that cannot be used. Valid until the next call on the client that
 * reads a reply, or its end.
 */
SMTP_API
const char *smtp_client_reply_text(const smtp_client *client);

/**
 * Enhanced status code of that reply (RFC 3463), such as "5.1.1", or "". NULL only for a handle
 * that cannot be used. Valid as smtp_client_reply_text().
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
 * Whether the server accepted EHLO or LHLO: 1 or 0, or an error (smtplib: does_esmtp).
 */
SMTP_API int smtp_client_does_esmtp(const smtp_client *client);

/**
 * Whether the server offers an extension, such as "SIZE": 1 or 0, or an error (smtplib:
 * has_extn). Letter case does not matter.
 */
SMTP_API int smtp_client_has_extension(const smtp_client *client, const char *name);

/**
 * Parameters of an extension, "" if it has none, NULL if it is not offered (smtplib:
 * esmtp_features). Valid until the next EHLO, or the end of the connection.
 */
SMTP_API const char *smtp_client_extension_params(const smtp_client *client, const char *name);

/**
 * Number of extensions offered; 0 for a handle that cannot be used.
 */
SMTP_API size_t smtp_client_extension_count(const smtp_client *client);

/**
 * Keyword of an extension as the server wrote it, NULL if there is none at `index`. Valid until
 * the next EHLO, or the end of the connection.
 */
SMTP_API const char *smtp_client_extension_name(const smtp_client *client, size_t index);

/**
 * Number of recipients that the last smtp_client_sendmail() or smtp_client_send_message() could
 * not deliver to because the server refused them; after SMTP_E_SENDER_REFUSED entry 0 is the
 * sender. 0 for a handle that cannot be used.
 */
SMTP_API size_t smtp_client_refused_count(const smtp_client *client);

/**
 * Address of a refused recipient as it was given, NULL if there is none at `index`. Valid until
 * the next send on the client, or its end.
 */
SMTP_API const char *smtp_client_refused_address(const smtp_client *client, size_t index);

/**
 * Reply code for a refused recipient, 0 if there is none at `index`.
 */
SMTP_API int smtp_client_refused_code(const smtp_client *client, size_t index);

/**
 * Text of that reply, NULL if there is none at `index`. Valid until the next send on the client,
 * or its end.
 */
SMTP_API
const char *smtp_client_refused_text(const smtp_client *client,
                                     size_t index);

/**
 * Enhanced status code of that reply, "" if it had none, NULL if there is none at `index`. Valid
 * until the next send on the client, or its end.
 */
SMTP_API
const char *smtp_client_refused_enhanced(const smtp_client *client,
                                         size_t index);

#ifdef __cplusplus
}  // extern "C"
#endif  // __cplusplus

#endif  /* SMTPCLIENT_H */
