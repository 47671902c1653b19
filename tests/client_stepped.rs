//! Every scenario of tests/client, stepped whenever the client's descriptor is readable, and only then.

#[path = "client/main.rs"]
mod scenarios;

use scenarios::support;
