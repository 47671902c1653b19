//! Any bytes as the reply to EHLO.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpclient::wire::Capabilities;

fuzz_target!(|input: &[u8]| {
    let offered = Capabilities::parse(input);
    for index in 0..offered.len() {
        assert!(offered.has(offered.name(index).unwrap()));
    }
    let _ = (offered.size_limit(), offered.rcpt_max(), offered.auth_mechanisms().count());
});
