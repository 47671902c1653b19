//! The error queue that OpenSSL keeps for each thread, which the host program shares with us.
//!
//! OpenSSL takes whatever lies in it for the outcome of the present operation, so that it must be
//! empty before each (SSL_get_error(3)); and what the host left there is the host's to read.

use openssl::error::ErrorStack;

/// What the host had in the queue of this thread. It gets that back, and nothing of ours, when
/// this is dropped.
pub(super) struct HostErrors(ErrorStack);

impl HostErrors {
    pub fn set_aside() -> Self {
        HostErrors(ErrorStack::get())
    }

    /// Empties the queue of what our own operations left, between one and the next.
    pub fn forget_ours() {
        drop(ErrorStack::get());
    }
}

impl Drop for HostErrors {
    fn drop(&mut self) {
        HostErrors::forget_ours();
        self.0.put();
    }
}
