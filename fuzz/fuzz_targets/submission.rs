//! Any bytes as a message with an envelope in its header.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|message: &[u8]| {
    if let Ok(found) = smtpclient::message::submission(message, None, None) {
        assert!(found.body_offset <= message.len());
        assert!(found.head.len() <= message.len() + 1);
    }
    if let Ok(envelope) = smtpclient::message::Envelope::read(message, None, None) {
        assert!(envelope.recipients().count() > 0);
    }
});
