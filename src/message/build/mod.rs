//! Building a message (RFC 5322, RFC 2045 to 2047, 2231, 6532): what a program says about it, kept
//! until it is built, which gives its envelope, its exact size where that can be known, and a
//! stream of its bytes. Time and random bits are arguments.

pub mod base64;
mod check;
mod choice;
mod content;
mod fields;
mod header;
mod layout;
mod lines;
mod list;
mod media;
mod params;
mod quoted_printable;
mod stream;
mod words;

pub use content::Content;
pub use header::Date;
pub use layout::Built;
pub use stream::Stream;

use std::sync::Arc;

use crate::error::Result;
use crate::message::Envelope;

use check::invalid;
use fields::Fields;
use media::Media;

/// Whom a list of mailboxes is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    From,
    ReplyTo,
    To,
    Cc,
    Bcc,
}

/// What each message needs that no other has.
pub struct Fresh {
    pub now: Date,
    pub random: [u8; 32],
}

/// A message in the making. It may be changed at any time; what was built stays as it is.
#[derive(Default)]
pub struct Message {
    fields: Fields,
    text: Option<String>,
    /// The text's lines are those of RFC 3676.
    flowed: bool,
    html: Option<String>,
    attachments: Vec<Attachment>,
    built: Option<Arc<Built>>,
}

/// A file of a message.
struct Attachment {
    file_name: Option<String>,
    /// Shown in the HTML text, which names it so.
    content_id: Option<String>,
    media: Media,
    content: Arc<dyn Content>,
}

impl Message {
    pub fn new() -> Self {
        Message::default()
    }

    /// Takes in place of its From (RFC 5322 section 3.6.2) what is given as [`add`](Self::add)
    /// takes it.
    pub fn set_from(&mut self, name: Option<&str>, address: &str) -> Result<()> {
        let from = list::read("From", name, address)?;
        self.changing().from = from;
        Ok(())
    }

    /// Adds one address with its name, or, without a name, a list as it stands in a header.
    pub fn add(&mut self, role: Role, name: Option<&str>, address: &str) -> Result<()> {
        let entries = list::read(role.field(), name, address)?;
        self.changing().list(role).extend(entries);
        Ok(())
    }

    pub fn set_subject(&mut self, subject: Option<&str>) -> Result<()> {
        check::text("the subject", subject.unwrap_or_default(), check::MOST_VALUE)?;
        self.changing().subject = subject.map(str::to_owned);
        Ok(())
    }

    /// Adds any other field. Those of addresses, Subject and Message-ID are taken as their own
    /// functions take them.
    pub fn add_header(&mut self, name: &str, value: &str) -> Result<()> {
        check::field_name(name)?;
        check::text(&format!("the value of {name}"), value, check::MOST_VALUE)?;
        self.fields.add(name, value)?;
        self.changing();
        Ok(())
    }

    /// Sets the plain text; line ends of any kind become CRLF, and nothing else changes.
    pub fn set_text(&mut self, text: Option<&str>) -> Result<()> {
        check::body("the text", text.unwrap_or_default())?;
        self.changing();
        self.text = text.map(str::to_owned);
        Ok(())
    }

    /// Says of the text that its lines are to be joined where they end in a blank (RFC 3676).
    pub fn set_flowed(&mut self, flowed: bool) {
        self.changing();
        self.flowed = flowed;
    }

    pub fn set_html(&mut self, html: Option<&str>) -> Result<()> {
        check::body("the HTML text", html.unwrap_or_default())?;
        self.changing();
        self.html = html.map(str::to_owned);
        Ok(())
    }

    pub fn set_date(&mut self, date: Date) {
        self.changing().set_date(date);
    }

    /// Attaches what `content` gives. Without a media type it is guessed by the file name.
    pub fn attach(
        &mut self,
        file_name: Option<&str>,
        media: Option<&str>,
        content: Arc<dyn Content>,
    ) -> Result<()> {
        self.add_part(None, file_name, media, content)
    }

    /// The same for an image or the like that the HTML text shows as `cid:content_id` (RFC 2392).
    pub fn attach_inline(
        &mut self,
        content_id: &str,
        file_name: Option<&str>,
        media: Option<&str>,
        content: Arc<dyn Content>,
    ) -> Result<()> {
        let id = content_id.strip_prefix('<').and_then(|id| id.strip_suffix('>'));
        let id = id.unwrap_or(content_id);
        check::message_id("the content id", id)?;
        if self.attachments.iter().any(|other| other.content_id.as_deref() == Some(id)) {
            return Err(invalid(format!("there is a part with the content id {id} already")));
        }
        self.add_part(Some(id.to_owned()), file_name, media, content)
    }

    fn add_part(
        &mut self,
        content_id: Option<String>,
        file_name: Option<&str>,
        media: Option<&str>,
        content: Arc<dyn Content>,
    ) -> Result<()> {
        let file_name = file_name.filter(|name| !name.is_empty());
        if let Some(name) = file_name {
            check::text("the file name", name, MOST_FILE_NAME)?;
        }
        let media = match media {
            Some(media) => Media::parse(media)?,
            None => Media::guess(file_name.unwrap_or_default()),
        };
        if media.is_message() && !content.bytes().is_some_and(choice::is_exact_seven_bit) {
            return Err(invalid(format!(
                "{} may not be encoded (RFC 2046 section 5.2.1), so it must be in memory, with no \
                 line over 998 bytes, no NUL, and CRLF at the end of each line",
                media.essence
            )));
        }
        self.changing();
        let file_name = file_name.map(str::to_owned);
        self.attachments.push(Attachment { file_name, content_id, media, content });
        Ok(())
    }

    /// The Message-ID with its brackets, made now if it was not (RFC 5322 section 3.6.4).
    pub fn message_id(&mut self, random: impl FnOnce() -> Result<[u8; 32]>) -> Result<&str> {
        self.fields.message_id(random)
    }

    /// The same, if it was made or given.
    pub fn known_id(&self) -> Option<&str> {
        self.fields.known_id()
    }

    /// Whom it would go to.
    pub fn envelope(&self) -> Result<Envelope> {
        self.fields.check()?;
        self.fields.envelope()
    }

    /// Builds it, unless nothing has changed since it was built.
    pub fn build(&mut self, fresh: impl FnOnce() -> Result<Fresh>) -> Result<&Arc<Built>> {
        let built = match self.built.take() {
            Some(built) => built,
            None => {
                self.fields.check()?;
                let fresh = fresh()?;
                self.fields.complete(&fresh)?;
                Arc::new(layout::build(self, &fresh.random)?)
            }
        };
        Ok(self.built.insert(built))
    }

    /// One that is changed after it was built is another message, and is known by another
    /// Message-ID and Date, unless those were given.
    fn changing(&mut self) -> &mut Fields {
        if self.built.take().is_some() {
            self.fields.forget_made();
        }
        &mut self.fields
    }
}

impl Role {
    fn field(self) -> &'static str {
        match self {
            Role::From => "From",
            Role::ReplyTo => "Reply-To",
            Role::To => "To",
            Role::Cc => "Cc",
            Role::Bcc => "Bcc",
        }
    }
}

/// No file system has longer ones.
const MOST_FILE_NAME: usize = 1024;

#[cfg(test)]
mod tests;
