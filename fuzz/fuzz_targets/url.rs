//! Any text as a server's URL: what is taken is safe to use and means what its escaped form means;
//! what is refused changes nothing, and no error shows a secret that stands anywhere in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smtpclient::client::{Client, Protocol};

/// With digits, so that it is no scheme, which would be named.
const SECRET: &str = "s3cr3t";

fuzz_target!(|input: &str| {
    let mut client = Client::new(Protocol::Smtp).unwrap();
    if client.set_url(input).is_ok() {
        check(&mut client);
    } else {
        assert!(client.endpoint().host.is_empty() && client.endpoint().credentials.is_none());
    }
    // The secret in place of each character that could end what it stands in.
    for (at, _) in input.match_indices(['/', ':', '@', '%', '?', '#', '[', ']']) {
        let url = format!("{}{SECRET}{}", &input[..at], &input[at..]);
        if let Err(error) = client.set_url(&url) {
            let shown = input.contains(SECRET) || !error.message().contains(SECRET);
            assert!(shown, "{url}: {error}");
        }
    }
});

fn check(client: &mut Client) {
    let endpoint = client.endpoint();
    let host = endpoint.host.clone();
    assert!(!host.is_empty() && !host.contains(char::is_control));
    assert!(endpoint.is_path() || host.is_ascii() && !host.contains(['/', '@', '[', ' ']));
    assert_ne!(endpoint.port(client.protocol()), 0);
    let Some(credentials) = &endpoint.credentials else { return };
    let user = credentials.user.to_string();
    let password = credentials.password.as_ref().map(|password| password.to_string());
    assert!(!user.is_empty() && !user.contains(char::is_control));
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    let mut url = format!("smtp://{}", escaped(&user));
    if let Some(password) = &password {
        url += &format!(":{}", escaped(password));
    }
    // Escapes are longer than what they stand for.
    if client.set_url(&format!("{url}@h")).is_ok() {
        let again = client.endpoint().credentials.as_ref().unwrap();
        assert_eq!(
            (again.user.as_str(), again.password.as_ref().map(|one| one.to_string())),
            (&*user, password)
        );
    } else {
        assert!(url.len() > 8000);
    }
}
