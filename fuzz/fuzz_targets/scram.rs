//! Any messages as a server's in SCRAM, one a line, and any user and password: no panic, and a server
//! that does not know the password is never taken for one that does.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpclient::sasl::{self, Occasion};

fuzz_target!(|input: (&str, &str, &[u8])| {
    let (user, password, messages) = input;
    for name in ["SCRAM-SHA-256", "SCRAM-SHA-1-PLUS"] {
        let binding = Some(("tls-exporter", b"data".to_vec()));
        let occasion = Occasion { nonce: "abcDEF".to_owned(), binding, offers_plus: false };
        let Ok(mut mechanism) = sasl::builtin(name, user, password, occasion) else { continue };
        assert!(mechanism.step(None).is_ok());
        for message in messages.split(|byte| *byte == b'\n') {
            let _ = mechanism.step(Some(message));
        }
        assert!(mechanism.success(messages).is_err());
    }
});
