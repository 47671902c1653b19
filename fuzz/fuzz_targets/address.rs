//! Any text as an address: what is accepted cannot leave its brackets, nor become another.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpclient::wire::Path;

fuzz_target!(|input: &str| {
    if let Ok(path) = Path::parse(input) {
        assert!(!path.as_str().chars().any(char::is_control));
        assert_eq!(Path::parse(&format!("<{}>", path.as_str())).unwrap().as_str(), path.as_str());
        assert_eq!(path.is_null(), matches!(input, "" | "<>"));
        if let Some(ascii) = path.with_ascii_domain() {
            assert!(ascii.is_ascii());
            assert_eq!(ascii.local_part(), path.local_part());
            assert_eq!(Path::parse(ascii.as_str()).unwrap(), ascii);
        }
    }
});
