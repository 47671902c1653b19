//! What every exported function stands on. A C pointer becomes a slot of the table and no more
//! than that; a call takes the slot, runs under the guard, and leaves its error where C reads it.
//! Nothing here knows what a handle holds, and nothing here uses the rest of `ffi`.

pub mod call;
pub mod callback;
pub mod code;
pub mod convert;
pub mod fault;
pub mod memory;
pub mod panic;
pub mod slot;
pub mod table;
pub mod text;

pub use call::{Handle, Kind, View};
pub use memory::boxed;
pub use text::Recent;
