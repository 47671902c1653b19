//! Every scenario of tests/client, stepped at any time, mostly in vain.

#[path = "client/main.rs"]
mod scenarios;

use scenarios::support;
