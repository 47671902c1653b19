//! Any text as an address: what is accepted cannot leave its brackets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpclient::wire::Path;

fuzz_target!(|input: &str| {
    if let Ok(path) = Path::parse(input) {
        assert!(!path.as_str().chars().any(char::is_control));
        assert_eq!(Path::parse(&format!("<{}>", path.as_str())).unwrap().as_str(), path.as_str());
        let _ = path.with_ascii_domain();
    }
});
