//! Builds and runs the C test programs beside this file; `calls` generates what is made from the
//! header itself.

pub mod calls;
mod program;

pub use program::{Program, Run, panicking_library};
