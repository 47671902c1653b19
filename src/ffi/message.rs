//! The message of a transaction: copied, borrowed, from a callback, or from a descriptor.

use std::ffi::{c_int, c_void};
use std::sync::Arc;

use crate::client::{Body, BodyReader, Content};
use crate::error::{Error, ErrorKind, Result};

use super::boundary::callback::{UserData, smtp_destroy_callback};
use super::boundary::convert;
use super::content::{self, Callback};
use super::transaction::{set, smtp_transaction};

/// Gives the next bytes of a message, on the thread that sends.
///
/// Returns how many bytes were written to `buffer`, at most `capacity`; 0 at the end of the
/// message; negative if it cannot go on, which fails the transaction with SMTP_E_CANCELLED. More
/// than `capacity` fails it with SMTP_E_INVALID_ARGUMENT. A message that fails is never delivered
/// cut short: the connection is closed in the midst of it, or BDAT given up.
///
/// (The buffer is the library's own, in place of a sink that copies, so that no byte is copied
/// once more.) While it runs the time limit does not: it should not wait for long.
#[allow(non_camel_case_types)]
pub type smtp_read_callback = Option<
    unsafe extern "C-unwind" fn(
        buffer: *mut c_void,
        capacity: usize,
        user_data: *mut c_void,
    ) -> isize,
>;

/// Sets the message, copied.
///
/// @param message  `length` bytes. As it is sent bare CR and bare LF become CRLF, a missing last
///                 line end is added, and leading dots are escaped
/// @param length   in bytes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_set_message(
    transaction: *mut smtp_transaction,
    message: *const c_void,
    length: usize,
) -> c_int {
    set(transaction, |owned| {
        let message = convert::bytes("the message", message.cast(), length)?;
        owned.set_body(Body::Owned(convert::copy("the message", message)?));
        Ok(())
    })
}

/// Sets the message, borrowed: what needs no change goes from here to the system without a copy.
///
/// @param message  `length` bytes, sent as smtp_transaction_set_message() says. They stay the
///                 caller's, and must neither change nor go away until the transaction was freed
///                 and is not being sent, was cleared, or got another message;
///                 smtp_transaction_set_release_callback() tells when
/// @param length   in bytes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_set_message_borrowed(
    transaction: *mut smtp_transaction,
    message: *const c_void,
    length: usize,
) -> c_int {
    set(transaction, |owned| {
        // The caller's promise makes the bytes outlive the body that holds them.
        let message: &'static [u8] = convert::bytes("the message", message.cast(), length)?;
        owned.set_body(Body::Borrowed(message));
        Ok(())
    })
}

/// Sets a callback to read the message from as it is sent, through a fixed buffer. What it gives
/// is sent as smtp_transaction_set_message() says.
///
/// @param read       called until it returns 0 or fails
/// @param user_data  passed to it
/// @param destroy    called once with user_data when the reader is no longer needed: when the
///                   message is replaced, when the transaction is cleared or freed (if it is being
///                   sent: when it comes back), and when this call fails; may be NULL
/// @param size       how many bytes it will give, or -1 if that is not known; a size is declared
///                   to the server and must be kept, or the transaction fails
///
/// A message that was read cannot be sent again before the reader is set again: SMTP_E_MISUSE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_set_reader(
    transaction: *mut smtp_transaction,
    read: smtp_read_callback,
    user_data: *mut c_void,
    destroy: smtp_destroy_callback,
    size: i64,
) -> c_int {
    let user = UserData::new(user_data, destroy);
    set(transaction, |owned| {
        let Some(function) = read else {
            return Err(convert::invalid("the read callback is NULL"));
        };
        if size < -1 {
            return Err(convert::invalid(format!("the size {size} is neither -1 nor a size")));
        }
        let content = Callback::content(function, user, u64::try_from(size).ok());
        owned.set_body(Reader::body(content));
        Ok(())
    })
}

/// smtp_transaction_set_reader() without a destroy function: user_data must live as long as a
/// borrowed message would.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_set_message_reader(
    transaction: *mut smtp_transaction,
    read: smtp_read_callback,
    user_data: *mut c_void,
    size: i64,
) -> c_int {
    // SAFETY: the same contract.
    unsafe { smtp_transaction_set_reader(transaction, read, user_data, None, size) }
}

/// Sets a file descriptor to read the message from as it is sent, from where it stands to its
/// end, through a fixed buffer. What it gives is sent as smtp_transaction_set_message() says.
///
/// @param fd  a file, pipe or socket open for reading. It is duplicated: the caller may close his
///            own. A regular file is read by position, so that the offset stays and the transaction
///            can be sent again; its size is declared to the server: what is added to it from now on
///            is not sent, and one that has become shorter fails the transaction. Anything else is
///            read once: to send it again, set it again
///
/// SMTP_E_INVALID_ARGUMENT for what cannot be read from. While a pipe or socket has nothing to
/// give, the time limit and smtp_client_cancel() hold as ever.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_set_message_fd(
    transaction: *mut smtp_transaction,
    fd: c_int,
) -> c_int {
    set(transaction, |owned| {
        owned.set_body(Reader::body(content::of_descriptor(fd)?));
        Ok(())
    })
}

/// Sets what tells that the present message, borrowed or from a reader, is no longer needed. To be
/// set after the message, each time.
///
/// @param release    runs once: when the message is replaced, when the transaction is cleared or
///                   freed (if it is being sent: when it comes back), and when this call fails;
///                   another one set for the same message does not take its place, both run
/// @param user_data  passed to it
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_set_release_callback(
    transaction: *mut smtp_transaction,
    release: smtp_destroy_callback,
    user_data: *mut c_void,
) -> c_int {
    let data = UserData::new(user_data, release);
    set(transaction, |owned| {
        owned.releases.push(Arc::new(data));
        Ok(())
    })
}

/// Reads the whole of a content.
struct Reader {
    content: Arc<dyn Content>,
    at: u64,
    begun: bool,
}

impl Reader {
    fn body(content: Arc<dyn Content>) -> Body {
        let size = content.size();
        Body::Reader(Box::new(Reader { content, at: 0, begun: false }), size)
    }
}

/// To be told of a message otherwise than of an attachment.
fn read_before() -> Error {
    let text = "the message reader was read to send another transaction; set it again";
    Error::new(ErrorKind::Misuse, text)
}

impl BodyReader for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> Result<Option<usize>> {
        if !self.begun {
            self.content.begin().map_err(|_| read_before())?;
            self.begun = true;
        }
        let read = self.content.read(self.at, buffer)?;
        self.at += read.unwrap_or(0) as u64;
        Ok(read)
    }

    fn descriptor(&self) -> Option<i32> {
        self.content.descriptor()
    }

    fn again(&self) -> Option<Box<dyn BodyReader>> {
        self.content.check().ok()?;
        let content = Arc::clone(&self.content);
        Some(Box::new(Reader { content, at: 0, begun: false }))
    }
}
