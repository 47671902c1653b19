//! Sockets against a peer in this process.

use super::*;
