//! Clients in the event loop of the host program.

use std::ffi::c_int;

use super::client::{run, run_code, smtp_client};

/// Whether calls wait: 0 (the default), or 1, and they do not. From then on a call that would wait
/// returns SMTP_PENDING at once and goes on in smtp_client_process(), whose result is at last what
/// the call would have returned. (smtp_client_probe() returns a pointer, and so says it by
/// smtp_client_last_error_code().) One call can be pending on a client; every other is SMTP_E_BUSY
/// meanwhile, those that read what the client knows included, but for smtp_client_process(),
/// smtp_client_poll_fd(), smtp_client_cancel(), smtp_client_close() and smtp_client_free(). The time
/// limit is the same as if the call waited.
///
/// Strings and arrays given to a call are copied, and smtp_client_send_raw()'s bytes; a message, a
/// reader, a transaction and a callback's user_data stay in use until the call has ended. Callbacks
/// run inside smtp_client_process(), and in the call itself. smtp_client_submit() takes a
/// transaction at once as long as there is room for it; SMTP_PENDING says that there is none, or that
/// the server has to be greeted first, and the call is pending until that is done. What is submitted is sent without smtp_client_flush(), by
/// smtp_client_process(), which completes it too.
///
/// SMTP_E_BUSY while a call is pending.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_set_nonblocking(client: *mut smtp_client, on: c_int) -> c_int {
    run(client, |owned| owned.driver.set_nonblocking(on != 0))
}

/// The descriptor that an event loop watches for input, and nothing else: it is readable whenever
/// smtp_client_process() has something to do. Sockets, name lookups, time limits and cancels are all
/// behind it.
///
/// Returns the descriptor, the same for the life of the client whose it stays: neither to be read
/// nor closed. It is readable as long as there is something to do (level-triggered). SMTP_E_MISUSE
/// for a client whose calls wait, and in a child process for a client of its parent's; SMTP_E_IO if
/// the process has no more descriptors.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_poll_fd(client: *mut smtp_client) -> c_int {
    run_code(client, |owned| owned.driver.poll_fd())
}

/// Does what can be done now, and waits for nothing. To be called whenever smtp_client_poll_fd() is
/// readable; more often does no harm.
///
/// Returns SMTP_PENDING if a call is pending still; the result of the pending call if it has ended:
/// a reply code, SMTP_OK or an error. With nothing pending, SMTP_OK, or why the connection has
/// ended: SMTP_E_DISCONNECTED if the server closed it (smtp_client_reply_code() being 421 if it said
/// so), and the error of a stream of submitted transactions, which were completed with it. There is
/// no connection then, and the next call returns SMTP_OK. SMTP_E_BUSY in a callback of this client;
/// SMTP_E_MISUSE in a child process for a client of its parent's, which it may only free.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_process(client: *mut smtp_client) -> c_int {
    run_code(client, |owned| {
        let came = owned.driver.process();
        owned.ended(came)
    })
}
