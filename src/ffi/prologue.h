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
