//! smtp_message: a message that the library writes.

use std::ffi::{c_char, c_int, c_void};
use std::sync::Arc;
use std::time::SystemTime;

use crate::client::{Built, Content, Date, Fresh, Message, Role, Stream, random, set_mime};
use crate::error::{Error, ErrorKind, Result};

use super::boundary::callback::{UserData, smtp_destroy_callback};
use super::boundary::panic::guarded;
use super::boundary::{Handle, Kind, Recent, convert};
use super::client::{perform, smtp_client};
use super::content::{self, Borrowed, Callback};
use super::envelope::{self, smtp_envelope};
use super::message::smtp_read_callback;
use super::transaction::{self, smtp_transaction};

/// A message in the making: addresses, subject, text and attachments, which the library writes as
/// MIME (RFC 5322, RFC 2045). It belongs to no client and no transaction, and serves for as many as
/// one likes.
///
/// All texts are UTF-8 and copied. A control character in one line of text (but for the tab) is
/// SMTP_E_INVALID_ARGUMENT, as is anything else that could not be written; the bodies may hold any,
/// which are encoded. A call that fails changes nothing.
#[allow(non_camel_case_types)]
pub struct smtp_message {
    _opaque: (),
}

/// Takes the bytes of a message.
///
/// @param data    `length` bytes, which are the library's and end with the call
/// @param length  at least 1
///
/// Returns 0 to go on; anything else ends the call that writes with SMTP_E_CANCELLED.
#[allow(non_camel_case_types)]
pub type smtp_write_callback = Option<
    unsafe extern "C-unwind" fn(
        data: *const c_void,
        length: usize,
        user_data: *mut c_void,
    ) -> c_int,
>;

/// What a message's handle holds.
#[derive(Default)]
pub(super) struct Owned(Message);

impl Kind for Owned {
    const TAG: u8 = 9;
    const NAME: &'static str = "message";
    type Recent = [Recent; 1];
}

impl Owned {
    fn build(&mut self) -> Result<Arc<Built>> {
        let fresh = || Ok(Fresh { now: now()?, random: random()? });
        self.0.build(fresh).cloned()
    }
}

fn set(message: *mut smtp_message, change: impl FnOnce(&mut Message) -> Result<()>) -> c_int {
    Handle::run(message, |owned: &mut Owned| change(&mut owned.0).map(|()| 0))
}

fn add(
    message: *mut smtp_message,
    role: Role,
    name: *const c_char,
    address: *const c_char,
) -> c_int {
    set(message, |message| {
        let name = convert::optional_text("the name", name)?;
        message.add(role, name, convert::text("the address", address)?)
    })
}

/// Attaches what `make` gives.
fn attach(
    message: *mut smtp_message,
    file_name: *const c_char,
    content_type: *const c_char,
    make: impl FnOnce() -> Result<Arc<dyn Content>>,
) -> c_int {
    set(message, |message| {
        let file_name = convert::optional_text("the file name", file_name)?;
        let content_type = convert::optional_text("the content type", content_type)?;
        message.attach(file_name, content_type, make()?)
    })
}

fn copied(data: *const c_void, length: usize) -> Result<Arc<dyn Content>> {
    let data = convert::bytes("the attachment", data.cast(), length)?;
    Ok(Arc::new(convert::copy("the attachment", data)?))
}

/// Makes an empty message.
///
/// Returns the message, to be freed with smtp_message_free(); NULL only if out of memory
/// (SMTP_E_NO_MEMORY).
#[must_use]
#[unsafe(no_mangle)]
pub extern "C" fn smtp_message_new() -> *mut smtp_message {
    guarded(std::ptr::null_mut(), || Handle::create(Owned::default()))
}

/// Frees a message; NULL is allowed. Transactions that got it keep what they need.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_free(message: *mut smtp_message) {
    guarded((), || Handle::<Owned>::free(message));
}

/// Empties a message for another.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_clear(message: *mut smtp_message) -> c_int {
    set(message, |message| {
        *message = Message::new();
        Ok(())
    })
}

/// Message of the last failed call on this message. Never NULL, "" if none has failed. Valid until
/// the next failing call on it, or its end.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_last_error(message: *const smtp_message) -> *const c_char {
    Handle::<Owned>::last_message(message)
}

/// Code of that call: one of smtp_result, SMTP_OK if none has failed; SMTP_E_BUSY while it is in
/// use, SMTP_E_MISUSE for what is no message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_last_error_code(message: *const smtp_message) -> c_int {
    Handle::<Owned>::last_code(message)
}

/// The system's errno that belongs to that error; 0 if it had none, while it is in use, and for
/// what is no message.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_last_errno(message: *const smtp_message) -> c_int {
    Handle::<Owned>::last_errno(message)
}

/// Sets the author (RFC 5322 section 3.6.2), in place of any before. It is the reverse-path too,
/// unless smtp_message_add_header() gives a Sender.
///
/// @param name     what readers see beside the address, of 500 bytes at most; "" for none. NULL if
///                 `address` may be a list as it stands in a header: "Joe <a@b>, c@d"
/// @param address  "a@b"
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_set_from(
    message: *mut smtp_message,
    name: *const c_char,
    address: *const c_char,
) -> c_int {
    set(message, |message| {
        let name = convert::optional_text("the name", name)?;
        message.set_from(name, convert::text("the address", address)?)
    })
}

/// Adds a recipient who is seen by all (RFC 5322 section 3.6.3).
///
/// @param name     as for smtp_message_set_from(); a list may have groups too:
///                 "Team: a@b, Joe <c@d>;"
/// @param address  "a@b". A domain that is not ASCII is written as A-labels (RFC 5890), which every
///                 server takes; a local part that is not ASCII makes the message one for SMTPUTF8
///                 (RFC 6531), and sending it to a server without that is SMTP_E_NOT_SUPPORTED
///
/// One who is named several times, here or as smtp_message_add_cc() and smtp_message_add_bcc(), is
/// one recipient.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_add_to(
    message: *mut smtp_message,
    name: *const c_char,
    address: *const c_char,
) -> c_int {
    add(message, Role::To, name, address)
}

/// Adds a recipient of a copy, as smtp_message_add_to().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_add_cc(
    message: *mut smtp_message,
    name: *const c_char,
    address: *const c_char,
) -> c_int {
    add(message, Role::Cc, name, address)
}

/// Adds a recipient whom nobody sees, as smtp_message_add_to(): he is in the envelope alone.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_add_bcc(
    message: *mut smtp_message,
    name: *const c_char,
    address: *const c_char,
) -> c_int {
    add(message, Role::Bcc, name, address)
}

/// Adds an address for answers, as smtp_message_add_to() takes it. It gets nothing itself.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_add_reply_to(
    message: *mut smtp_message,
    name: *const c_char,
    address: *const c_char,
) -> c_int {
    add(message, Role::ReplyTo, name, address)
}

/// Sets the subject.
///
/// @param subject  one line of at most 64 KiB, written as encoded words (RFC 2047) where it must be;
///                 NULL for none
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_set_subject(
    message: *mut smtp_message,
    subject: *const c_char,
) -> c_int {
    set(message, |message| message.set_subject(convert::optional_text("the subject", subject)?))
}

/// Adds a header field.
///
/// @param name   its name, of 70 characters at most. From, To, Cc, Bcc and Reply-To take a list of
///               addresses as smtp_message_add_to(), Sender takes one, Message-ID "<left@right>".
///               Date, MIME-Version and Content-* are written by the library, and Resent-* is for
///               messages that exist: SMTP_E_INVALID_ARGUMENT
/// @param value  one line of at most 64 KiB, folded and encoded as the field needs it. In fields
///               that programs read, such as References, In-Reply-To, List-Unsubscribe and
///               List-Unsubscribe-Post (RFC 8058), it must be ASCII
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_add_header(
    message: *mut smtp_message,
    name: *const c_char,
    value: *const c_char,
) -> c_int {
    set(message, |message| {
        let name = convert::text("the name", name)?;
        message.add_header(name, convert::text("the value", value)?)
    })
}

/// Sets the plain text. With an HTML text as well, readers choose which to show.
///
/// @param text  of any length; LF, CR and CRLF end lines, whose length does not matter: what no
///              server would take is encoded. NULL for none
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_set_text(
    message: *mut smtp_message,
    text: *const c_char,
) -> c_int {
    set(message, |message| message.set_text(convert::optional_text("the text", text)?))
}

/// Says that lines of the plain text that end in a blank go on in the next (format=flowed, RFC
/// 3676). The text itself is as it was given either way.
///
/// @param on  not 0: flowed; 0: fixed, which is the default
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_set_text_flowed(
    message: *mut smtp_message,
    on: c_int,
) -> c_int {
    set(message, |message| {
        message.set_flowed(on != 0);
        Ok(())
    })
}

/// Sets the HTML text.
///
/// @param html  as for smtp_message_set_text(). Images that are part of the message stand in it as
///              "cid:" and their content id: smtp_message_add_inline()
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_set_html(
    message: *mut smtp_message,
    html: *const c_char,
) -> c_int {
    set(message, |message| message.set_html(convert::optional_text("the HTML text", html)?))
}

/// Sets the date; without it, it is the time at which the message is first sent or written.
///
/// @param seconds  since 1970-01-01 00:00:00 UTC, up to the year 9999. It is written as local time,
///                 with the zone of the process
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_set_date(message: *mut smtp_message, seconds: i64) -> c_int {
    set(message, |message| {
        message.set_date(local_date(seconds)?);
        Ok(())
    })
}

/// Attaches bytes, copied.
///
/// @param file_name     what the recipient's program calls it, without a path; at most 1,024 bytes,
///                      NULL for none
/// @param content_type  "image/png" or "text/csv; charset=utf-8"; NULL to guess it by the end of the
///                      file name. "message/rfc822" must be in memory, with lines that need no
///                      encoding; "multipart/..." is SMTP_E_INVALID_ARGUMENT
/// @param data          `length` bytes, which arrive as they are
/// @param length        in bytes; may be 0
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_add_attachment(
    message: *mut smtp_message,
    file_name: *const c_char,
    content_type: *const c_char,
    data: *const c_void,
    length: usize,
) -> c_int {
    attach(message, file_name, content_type, || copied(data, length))
}

/// Attaches bytes, borrowed.
///
/// @param file_name     as for smtp_message_add_attachment()
/// @param content_type  as for smtp_message_add_attachment()
/// @param data          `length` bytes that must neither change nor go away before `release` is
///                      called
/// @param length        in bytes; may be 0
/// @param user_data     passed to release
/// @param release       called once when neither the message nor a transaction that got it needs the
///                      bytes any more, and when this call fails; may be NULL, and then they must
///                      outlive all of them
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_add_attachment_borrowed(
    message: *mut smtp_message,
    file_name: *const c_char,
    content_type: *const c_char,
    data: *const c_void,
    length: usize,
    user_data: *mut c_void,
    release: smtp_destroy_callback,
) -> c_int {
    let release = UserData::new(user_data, release);
    attach(message, file_name, content_type, || {
        // The caller's promise makes them outlive what holds them.
        let data: &'static [u8] = convert::bytes("the attachment", data.cast(), length)?;
        Ok(Borrowed::content(data, release))
    })
}

/// Attaches what a descriptor gives, from where it stands to its end, read as the message is sent
/// through a fixed buffer.
///
/// @param file_name     as for smtp_message_add_attachment()
/// @param content_type  as for smtp_message_add_attachment()
/// @param fd            a file, pipe or socket open for reading. It is duplicated: the caller may
///                      close his own. A regular file is read by position, so that the offset stays
///                      and the message can be sent again; what is added to the file from now on is
///                      not sent, and one that has become shorter fails the transaction. Anything
///                      else can be read once: a second transaction is SMTP_E_MISUSE
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_add_attachment_fd(
    message: *mut smtp_message,
    file_name: *const c_char,
    content_type: *const c_char,
    fd: c_int,
) -> c_int {
    attach(message, file_name, content_type, || content::of_descriptor(fd))
}

/// Attaches what a callback gives as the message is sent, through a fixed buffer.
///
/// @param file_name     as for smtp_message_add_attachment()
/// @param content_type  as for smtp_message_add_attachment()
/// @param read          called until it returns 0 or fails, once: a second transaction, or writing
///                      the message before, is SMTP_E_MISUSE
/// @param user_data     passed to it
/// @param destroy       called once with user_data when neither the message nor its transaction
///                      needs it any more, and when this call fails; may be NULL
/// @param size          how many bytes it will give, or -1 if that is not known; then the server is
///                      told no size. A size must be kept, or the transaction fails
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_add_attachment_reader(
    message: *mut smtp_message,
    file_name: *const c_char,
    content_type: *const c_char,
    read: smtp_read_callback,
    user_data: *mut c_void,
    destroy: smtp_destroy_callback,
    size: i64,
) -> c_int {
    let user = UserData::new(user_data, destroy);
    attach(message, file_name, content_type, || {
        let function = read.ok_or_else(|| convert::invalid("the read callback is NULL"))?;
        if size < -1 {
            return Err(convert::invalid(format!("the size {size} is neither -1 nor a size")));
        }
        Ok(Callback::content(function, user, u64::try_from(size).ok()))
    })
}

/// Adds an image or the like that the HTML text shows (RFC 2387, RFC 2392), copied. Without an HTML
/// text it is an attachment.
///
/// @param content_id    what stands in the HTML text behind "cid:", such as "logo"; ASCII without
///                      blanks, each once
/// @param file_name     as for smtp_message_add_attachment()
/// @param content_type  as for smtp_message_add_attachment()
/// @param data          `length` bytes
/// @param length        in bytes
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_add_inline(
    message: *mut smtp_message,
    content_id: *const c_char,
    file_name: *const c_char,
    content_type: *const c_char,
    data: *const c_void,
    length: usize,
) -> c_int {
    set(message, |message| {
        let id = convert::text("the content id", content_id)?;
        let file_name = convert::optional_text("the file name", file_name)?;
        let content_type = convert::optional_text("the content type", content_type)?;
        message.attach_inline(id, file_name, content_type, copied(data, length)?)
    })
}

/// The Message-ID with its angle brackets (RFC 5322 section 3.6.4). It is made once, of random bits
/// of the system and the domain of From, and is the same however often the message is sent; one
/// that is changed after it was sent or written is another message and gets another, unless
/// smtp_message_add_header() gave it.
///
/// NULL, with an error, without a From, and for what is no message. Valid until the message is
/// changed, sent or freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_message_id(message: *mut smtp_message) -> *const c_char {
    let made = set(message, |message| message.message_id(random).map(drop));
    if made < 0 {
        return std::ptr::null();
    }
    Handle::text(message, 0, |owned: &Owned| Ok(owned.0.known_id().map(|id| id.as_bytes().into())))
}

/// The envelope of the message: whom it would go to, Bcc included, as smtp_transaction_set_mime()
/// takes it.
///
/// Returns the envelope, to be freed with smtp_envelope_free(); NULL, with an error, if the message
/// has no From or something else that it needs.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_envelope(message: *mut smtp_message) -> *mut smtp_envelope {
    Handle::call(
        message,
        |_| std::ptr::null_mut(),
        |owned: &mut Owned| envelope::create(&owned.0.envelope()?),
    )
}

/// Writes the message as it would be sent, without Bcc, to a callback: to show it, to sign it, or
/// to keep it in a file.
///
/// @param sink       called with some of the bytes, until they have ended
/// @param user_data  passed to it
///
/// Returns SMTP_OK; SMTP_E_INVALID_ARGUMENT without a From, SMTP_E_CANCELLED if the sink ended it,
/// or what went wrong with an attachment. Waits, without a time limit, for one that is a pipe.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_message_write(
    message: *mut smtp_message,
    sink: smtp_write_callback,
    user_data: *mut c_void,
) -> c_int {
    Handle::run(message, |owned: &mut Owned| {
        let sink = sink.ok_or_else(|| convert::invalid("the sink is NULL"))?;
        let mut stream = Stream::new(&owned.build()?)?;
        let mut buffer = vec![0; BUFFER];
        loop {
            match stream.read(&mut buffer)? {
                Some(0) => return Ok(0),
                Some(count) => {
                    // SAFETY: so many bytes were just written; user data is what the caller gave.
                    let ended = unsafe { sink(buffer.as_ptr().cast(), count, user_data) };
                    if ended != 0 {
                        let text = format!("the sink of the message gave up with {ended}");
                        return Err(Error::new(ErrorKind::Cancelled, text));
                    }
                }
                None => {
                    stream.descriptor().map(|fd| content::wait_for_input(fd, -1));
                }
            }
        }
    })
}

/// Gives a transaction the envelope and the message: sender and recipients in place of its own, Bcc
/// among them, and SMTPUTF8 with BODY=8BITMIME (RFC 6531) if an address needs it. Other options of
/// the transaction stay.
///
/// @param transaction  which keeps what it needs: the message may be changed, sent by another
///                     transaction, and freed
/// @param message      with a From and a recipient, or SMTP_E_INVALID_ARGUMENT
///
/// SMTP_E_MISUSE if an attachment can be read once, and was.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_transaction_set_mime(
    transaction: *mut smtp_transaction,
    message: *mut smtp_message,
) -> c_int {
    transaction::set(transaction, |owned| {
        let built = Handle::borrow(message, Owned::build)?;
        owned.change_body(|transaction| set_mime(transaction, &built))
    })
}

/// Sends a message to all its recipients, Bcc included. The server is greeted first if need be.
///
/// @param message  not in use any more once the call has begun
///
/// Returns and errors as smtp_client_send_message(), and for each recipient
/// smtp_client_recipient_status(); as smtp_transaction_set_mime() before anything is sent.
#[must_use]
#[unsafe(no_mangle)]
pub unsafe extern "C" fn smtp_client_send_mime(
    client: *mut smtp_client,
    message: *mut smtp_message,
) -> c_int {
    perform(client, |client| client.send_mime(&Handle::borrow(message, Owned::build)?))
}

fn now() -> Result<Date> {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    local_date(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// The time as the clocks of the process's zone show it.
fn local_date(seconds: i64) -> Result<Date> {
    let impossible = || convert::invalid(format!("the date {seconds} is none that can be written"));
    let time = libc::time_t::try_from(seconds).map_err(|_| impossible())?;
    let mut fields = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both live for the call.
    if unsafe { libc::localtime_r(&raw const time, fields.as_mut_ptr()) }.is_null() {
        return Err(impossible());
    }
    // SAFETY: zeroed, and filled by the call.
    let fields = unsafe { fields.assume_init() };
    let small = |value: c_int| u8::try_from(value).unwrap_or(u8::MAX);
    let date = Date {
        year: fields.tm_year.saturating_add(1900),
        month: small(fields.tm_mon + 1),
        day: small(fields.tm_mday),
        weekday: small(fields.tm_wday),
        hour: small(fields.tm_hour),
        minute: small(fields.tm_min),
        second: small(fields.tm_sec),
        zone_minutes: i32::try_from(fields.tm_gmtoff / 60).unwrap_or(0),
    };
    date.checked().ok_or_else(impossible)
}

/// How much of a message is written at a time.
const BUFFER: usize = 64 * 1024;
