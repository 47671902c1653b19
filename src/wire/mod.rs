//! Bytes to values and back: replies, capabilities, addresses, commands, message data.
//!
//! Pure: no I/O, no clock. A value that exists is safe to write; whatever a server sends is
//! bounded by the limits here before it is stored.

pub mod address;
pub mod capabilities;
pub mod command;
pub mod dot;
pub mod reply;
pub mod status;
pub mod survey;
pub mod wiped;
mod words;

pub use address::Path;
pub use capabilities::{Capabilities, Name};
pub use command::Param;
pub use dot::LineEncoder;
pub use reply::{Reply, ReplyParser};
pub use status::EnhancedStatus;
pub use survey::{Survey, Surveyor};
pub use wiped::Wiped;

/// Longest reply line, in bytes without its line end. RFC 5321 section 4.5.3.1.5 allows 512;
/// real servers send more, and nobody needs more than this.
pub const MAX_REPLY_LINE: usize = 8192;

/// Most bytes in one reply, all lines together.
pub const MAX_REPLY_BYTES: usize = 64 * 1024;

/// Most lines in one reply.
pub const MAX_REPLY_LINES: usize = 1000;
