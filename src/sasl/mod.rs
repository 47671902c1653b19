//! SASL (RFC 4422): what answers a server's challenges, and the type that holds a secret.
//!
//! A mechanism turns challenges into responses. It sends nothing, and it does not decide whether
//! it may be used on a channel: that is the session's and the client's part. Every buffer here
//! that holds a credential, or what one can be computed from, is a [`Secret`] or is wiped.

mod cram_md5;
mod external;
mod json;
mod login;
mod oauth;
mod plain;
mod saslprep;
mod scram;

pub use oauth::{OAUTH, OAuth, check_token, check_user, is_oauth};

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Detail, Error, ErrorKind, Result, printable};

/// What a mechanism must do to take part in an AUTH exchange (RFC 4954 section 4).
pub trait Mechanism: Send {
    /// The name that goes on the AUTH line, as [`check_name`] accepts it.
    fn name(&self) -> &str;

    /// Whether a response reveals the secret to whoever reads the connection. Such a mechanism
    /// is not used over an unencrypted connection unless the caller insists.
    fn is_plaintext(&self) -> bool;

    /// Answers a challenge; `None` asks for the initial response. `Ok(None)` declines the initial
    /// response, or answers a challenge with an empty response. An error cancels the exchange.
    fn step(&mut self, challenge: Option<&[u8]>) -> Result<Option<Secret>>;

    /// Called when the server reports success: a mechanism that authenticates the server checks
    /// it here, and an error fails the login.
    fn success(&mut self, _final_text: &[u8]) -> Result<()> {
        Ok(())
    }

    /// Called when the server refuses, with the code of its reply.
    fn refused(&mut self, _code: u16) -> Refusal {
        Refusal::default()
    }

    /// Whether to ask for an initial response, if the caller has not switched them off.
    fn initial(&self) -> bool {
        true
    }

    /// What the server may say from now on that nobody may see.
    fn echoes(&self) -> Vec<Secret> {
        Vec::new()
    }
}

/// A channel binding: the name of its type, and its data (RFC 5056).
pub type Binding = (&'static str, Vec<u8>);

/// What one exchange has beside the credentials. Only SCRAM asks for it.
#[derive(Default)]
pub struct Occasion {
    /// Random, and of this exchange alone; printable ASCII without commas (RFC 5802 section 5.1).
    pub nonce: String,
    /// None without TLS.
    pub binding: Option<Binding>,
    /// The server offers the mechanism with -PLUS as well.
    pub offers_plus: bool,
}

/// What a refusal means beyond the words of the reply.
#[derive(Debug, Default)]
pub struct Refusal {
    /// What the server said before it, and what to do.
    pub words: Option<String>,
    /// With one no other mechanism is tried: none fares better with a token that was refused, and an
    /// impostor must not be given the secret by another.
    pub detail: Detail,
}

/// The most challenges that one exchange may have. No mechanism in use needs more than three; a
/// server that goes on challenging is cancelled instead of served for ever (smtplib stops at 5).
pub const MAX_ROUNDS: usize = 16;

/// The built-in mechanisms in the order in which a login tries them, strongest first.
pub const DEFAULT_ORDER: &[&str] = &[
    "SCRAM-SHA-256-PLUS",
    "SCRAM-SHA-256",
    "SCRAM-SHA-1-PLUS",
    "SCRAM-SHA-1",
    "CRAM-MD5",
    "PLAIN",
    "LOGIN",
];

/// Built in as well, and tried only by a login that was told to.
const ON_REQUEST: &[&str] = &["EXTERNAL"];

/// RFC 4422 section 3.1: a mechanism name has 1 to 20 characters.
const MAX_NAME: usize = 20;

/// The built-in mechanism `name` (letter case ignored) for these credentials. EXTERNAL has no
/// password, and its user is the authorization identity; for those of [`OAUTH`] it is a token.
pub fn builtin(
    name: &str,
    user: &str,
    password: &str,
    occasion: Occasion,
) -> Result<Box<dyn Mechanism>> {
    check_builtin(name, user, password)?;
    if let Some(scram) = scram::Scram::new(name, user, password, occasion) {
        return Ok(Box::new(scram?));
    }
    if is_oauth(name) {
        return Ok(Box::new(OAuth::new(name, user, password.as_bytes(), None)?));
    }
    let (user, password) = (Secret::from(user), Secret::from(password));
    match name.to_ascii_uppercase().as_str() {
        "EXTERNAL" => Ok(Box::new(external::External::new(user))),
        "CRAM-MD5" => Ok(Box::new(cram_md5::CramMd5::new(user, password))),
        "LOGIN" => Ok(Box::new(login::Login::new(user, password))),
        _ => Ok(Box::new(plain::Plain::new(user, password))),
    }
}

/// What can be told of [`builtin`]'s arguments without an occasion.
pub fn check_builtin(name: &str, user: &str, password: &str) -> Result<()> {
    if !is_builtin(name) {
        return Err(Error::new(
            ErrorKind::NotSupported,
            format!(
                "mechanism {} is not built in: there are {}",
                printable(name.as_bytes(), 2 * MAX_NAME),
                builtin_names().join(", ")
            ),
        ));
    }
    // RFC 4616 section 2 forbids NUL in both; no other mechanism could mean anything by it.
    check_no_nul("user name", user)?;
    check_no_nul("password", password)
}

/// Whether [`builtin`] knows `name` (letter case ignored). For those of [`OAUTH`] the password is a
/// token.
pub fn is_builtin(name: &str) -> bool {
    builtin_names().iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// All names that [`builtin`] knows.
pub fn builtin_names() -> Vec<&'static str> {
    [DEFAULT_ORDER, ON_REQUEST, OAUTH].concat()
}

/// Whether `name` is a mechanism that binds a login to the channel, if need be one that is not known.
pub fn binds(name: &str) -> bool {
    name.len() > 5 && name.as_bytes()[name.len() - 5..].eq_ignore_ascii_case(b"-PLUS")
}

/// Whether `name` is one of SCRAM's.
pub fn is_scram(name: &str) -> bool {
    name.as_bytes().get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"SCRAM-"))
}

/// Whether the built-in mechanism `name` has a password.
pub fn has_password(name: &str) -> bool {
    !name.eq_ignore_ascii_case("EXTERNAL")
}

/// Checks that `name` can be a mechanism's: 1 to 20 letters, digits, hyphens and underscores
/// (RFC 4422 section 3.1; letter case ignored).
pub fn check_name(name: &str) -> Result<()> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(allowed) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::InvalidArgument,
        format!(
            "mechanism name must be 1 to {MAX_NAME} letters, digits, '-' or '_', not \"{}\"",
            printable(name.as_bytes(), 2 * MAX_NAME)
        ),
    ))
}

/// `bytes` as base64 (RFC 4648 section 4), in one line.
pub fn encode(bytes: &[u8]) -> Secret {
    // The buffer has its final size from the start: growing would leave copies behind.
    let mut text = vec![0; bytes.len().div_ceil(3) * 4];
    let written = STANDARD.encode_slice(bytes, &mut text).unwrap_or(0); // never fails: it fits
    text.truncate(written);
    Secret::from(text)
}

/// The bytes of a challenge. No space, line break or missing padding is forgiven (RFC 4954
/// section 4). The error does not show the text: a server may have echoed a credential in it.
pub fn decode(text: &[u8]) -> Result<Secret> {
    let mut bytes = Zeroizing::new(vec![0; text.len() / 4 * 3 + 3]);
    match STANDARD.decode_slice(text, &mut bytes) {
        Ok(length) => {
            bytes.truncate(length);
            Ok(Secret(bytes))
        }
        Err(_) => Err(Error::new(ErrorKind::Authentication, "challenge is not base64")),
    }
}

/// Overwrites the stack that the caller's callees have used: the crates that hash wipe neither keys
/// nor states, which answer challenges as well as the password does.
#[inline(never)]
fn burn_stack() {
    [0_u8; 8 * 1024].zeroize();
}

/// Bytes that nobody may see: wiped when dropped, and never shown by `Debug`.
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// The bytes themselves. What is made of them must be wiped as well.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The same as text, which a name or a password is.
    pub fn as_text(&self) -> Result<&str> {
        std::str::from_utf8(&self.0)
            .map_err(|_| Error::new(ErrorKind::InvalidArgument, "the secret is not UTF-8"))
    }
}

impl From<Vec<u8>> for Secret {
    fn from(bytes: Vec<u8>) -> Self {
        Secret(Zeroizing::new(bytes))
    }
}

impl From<&[u8]> for Secret {
    fn from(bytes: &[u8]) -> Self {
        Secret::from(bytes.to_vec())
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Secret::from(text.as_bytes())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

fn check_no_nul(what: &str, text: &str) -> Result<()> {
    match text.bytes().position(|byte| byte == 0) {
        None => Ok(()),
        Some(offset) => Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("{what} has a NUL character at offset {offset}"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn made(name: &str, user: &str, password: &str) -> Result<Box<dyn Mechanism>> {
        let nonce = "abcDEF".to_owned();
        let binding = Some(("tls-exporter", b"data".to_vec()));
        builtin(name, user, password, Occasion { nonce, binding, offers_plus: true })
    }

    /// The responses to `challenges`; `None` asks for the initial response.
    fn run(name: &str, user: &str, password: &str, challenges: &[Option<&[u8]>]) -> Vec<String> {
        let mut mechanism = made(name, user, password).unwrap();
        challenges
            .iter()
            .map(|challenge| match mechanism.step(*challenge).unwrap() {
                Some(response) => String::from_utf8(response.as_bytes().to_vec()).unwrap(),
                None => "none".to_owned(),
            })
            .collect()
    }

    #[test]
    fn responses() {
        let rfc2195: &[u8] = b"<1896.697170952@postoffice.reston.mci.net>";
        let hashed = "tim b913a602c7eda7a495b4e6e7334d3890";
        let long = "k".repeat(100);
        #[allow(clippy::type_complexity)]
        let cases: &[(&str, &str, &str, &[Option<&[u8]>], &[&str])] = &[
            // RFC 2195 section 2.
            ("CRAM-MD5", "tim", "tanstaaftanstaaf", &[Some(rfc2195)], &[hashed]),
            // No initial response, and every challenge is answered, like smtplib.
            ("cram-md5", "tim", "tanstaaftanstaaf", &[None, Some(rfc2195)], &["none", hashed]),
            // From Python's hmac: an empty challenge, a password longer than MD5's block, UTF-8.
            ("CRAM-MD5", "u", "p", &[Some(b"")], &["u 847b23cf9af43ac56556eb09eac586a5"]),
            (
                "CRAM-MD5",
                "a b",
                &long,
                &[Some(b"<1@x>")],
                &["a b 386f82315f78ae2cbad709d59516436c"],
            ),
            (
                "CRAM-MD5",
                "jos\u{e9}",
                "p\u{e4}ss",
                &[Some(b"<1@x>")],
                &["jos\u{e9} bb247d155f06aeb33d94855bf8352f4e"],
            ),
            // RFC 4616 section 4, both examples without their authorization identity.
            ("PLAIN", "tim", "tanstaaftanstaaf", &[None], &["\0tim\0tanstaaftanstaaf"]),
            ("Plain", "Kurt", "xipj3plmq", &[None], &["\0Kurt\0xipj3plmq"]),
            ("PLAIN", "u", "", &[Some(b""), Some(b"x")], &["\0u\0", "\0u\0"]),
            ("PLAIN", "jos\u{e9}", "\u{1f511}", &[None], &["\0jos\u{e9}\0\u{1f511}"]),
            // By round, whatever the server's prompt says, as smtplib does.
            ("LOGIN", "u", "p", &[None, Some(b"Password:")], &["u", "p"]),
            ("login", "u", "p", &[Some(b"Username:"), Some(b"Password:")], &["u", "p"]),
            ("LOGIN", "u", "p", &[Some(b"Password:"), Some(b"Username:")], &["u", "p"]),
            ("LOGIN", "u", "p", &[None, Some(b"User Name\0"), Some(b"?")], &["u", "p", "p"]),
            ("LOGIN", "", "", &[None, Some(b"")], &["", ""]),
            // RFC 4422 appendix A: whom to act as, or nobody else.
            ("EXTERNAL", "", "ignored", &[None], &[""]),
            ("external", "fred@example.com", "", &[Some(b"")], &["fred@example.com"]),
            // RFC 5802 section 5; the whole of it is in scram/tests.rs.
            ("SCRAM-SHA-1-PLUS", "user", "p", &[None], &["p=tls-exporter,,n=user,r=abcDEF"]),
        ];
        for (name, user, password, challenges, expected) in cases {
            assert_eq!(&run(name, user, password, challenges), expected, "{name} {user}");
        }
    }

    #[test]
    fn facts() {
        for (name, plaintext, initial) in [
            ("SCRAM-SHA-256-PLUS", false, true),
            ("SCRAM-SHA-256", false, true),
            ("SCRAM-SHA-1-PLUS", false, true),
            ("SCRAM-SHA-1", false, true),
            ("CRAM-MD5", false, false),
            ("PLAIN", true, true),
            ("LOGIN", true, true),
            ("EXTERNAL", false, true),
        ] {
            assert!(is_builtin(name) && is_builtin(&name.to_ascii_lowercase()));
            let mut mechanism = made(&name.to_ascii_lowercase(), "u", "p").unwrap();
            assert_eq!(mechanism.name(), name);
            assert_eq!(mechanism.is_plaintext(), plaintext, "{name}");
            assert_eq!(mechanism.initial(), initial, "{name}");
            assert_eq!(mechanism.success(b"2.7.0 ok").is_err(), is_scram(name), "{name}");
            assert_eq!(has_password(name), name != "EXTERNAL");
            assert_eq!(binds(name), name.ends_with("-PLUS"));
            check_name(name).unwrap();
        }
        assert!(!is_builtin("SCRAM-SHA-512") && !is_builtin("") && !is_builtin("PLAIN "));
        assert!(!binds("-PLUS") && binds("x-plus") && !binds("\u{e9}\u{e9}\u{e9}\u{e9}"));
        assert_eq!(builtin_names().len(), 10);
        assert!(!DEFAULT_ORDER.contains(&"EXTERNAL"));
    }

    #[test]
    fn refused_arguments() {
        let there_are = "is not built in: there are SCRAM-SHA-256-PLUS, SCRAM-SHA-256, \
                         SCRAM-SHA-1-PLUS, SCRAM-SHA-1, CRAM-MD5, PLAIN, LOGIN, EXTERNAL, OAUTHBEARER, XOAUTH2";
        let (ntlm, bad) =
            (format!("mechanism NTLM {there_are}"), format!("mechanism x\\r\\ny {there_are}"));
        let cases = [
            ("NTLM", "u", "p", ErrorKind::NotSupported, ntlm.as_str()),
            ("x\r\ny", "u", "p", ErrorKind::NotSupported, &bad),
            (
                "PLAIN",
                "u\0x",
                "p",
                ErrorKind::InvalidArgument,
                "user name has a NUL character at offset 1",
            ),
            (
                "LOGIN",
                "u",
                "pq\0",
                ErrorKind::InvalidArgument,
                "password has a NUL character at offset 2",
            ),
            (
                "CRAM-MD5",
                "\0",
                "p",
                ErrorKind::InvalidArgument,
                "user name has a NUL character at offset 0",
            ),
        ];
        for (name, user, password, kind, message) in cases {
            let error = made(name, user, password).err().unwrap();
            assert_eq!((error.kind(), error.message()), (kind, message));
        }
    }

    #[test]
    fn mechanism_names() {
        for name in ["PLAIN", "plain", "X", "SCRAM-SHA-256-PLUS", "X_1-2", "12345678901234567890"] {
            check_name(name).unwrap();
        }
        for name in ["", "123456789012345678901", "A B", "A\r\nB", "\u{e9}", "A=", "A\0", "A/B"] {
            assert_eq!(check_name(name).unwrap_err().kind(), ErrorKind::InvalidArgument, "{name}");
        }
    }

    #[test]
    fn challenges_that_are_base64_or_not() {
        for (text, bytes) in
            [("", ""), ("VXNlcm5hbWU6", "Username:"), ("YQ==", "a"), ("YWI=", "ab")]
        {
            assert_eq!(decode(text.as_bytes()).unwrap().as_bytes(), bytes.as_bytes());
        }
        for text in [
            "=",
            "YQ",
            "YQ=",
            "YQ===",
            "YR==",
            "YQ==YQ==",
            " YQ==",
            "YQ==\n",
            "Y Q=",
            "Username:",
            "-_-_",
            "\u{e9}",
        ] {
            let error = decode(text.as_bytes()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Authentication, "{text:?}");
            assert_eq!(error.message(), "challenge is not base64");
        }
    }

    #[test]
    fn a_secret_is_never_shown() {
        let secret = Secret::from(b"hunter2".to_vec());
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert_eq!(format!("{:?}", Some(&secret)), "Some(Secret(..))");
    }

    /// Looks for a password in all writable memory of the process after each mechanism used it.
    #[cfg(target_os = "linux")]
    #[test]
    fn nothing_of_a_password_stays_in_memory() {
        use std::sync::mpsc::channel;

        use zeroize::Zeroize;

        // Made by a rule, so that the test itself holds no copy of it. Its first bytes are not
        // looked for: where the buffer is freed, the allocator writes over them.
        let letter = |at: usize| b'A' + (at * at * 7 + at * 3 + 5) as u8 % 57;
        let (length, searched) = (60, 24..48);
        // As it is, as HMAC pads it, and as base64 has it at the offset where PLAIN puts it.
        let base64 = move |at: usize| {
            let bit = |bit: usize| letter(bit / 8) >> (7 - bit % 8) & 1;
            let sextet = (0..6).fold(0, |value, at_bit| value << 1 | bit(at * 6 + at_bit));
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[usize::from(sextet)]
        };
        let shapes: [&dyn Fn(usize) -> u8; 4] =
            [&letter, &|at| letter(at) ^ 0x36, &|at| letter(at) ^ 0x5c, &base64];
        // Of SCRAM, SaltedPassword, ClientKey and the state of the hash behind HMAC's inner key, then
        // the same for SHA-1: from their ninth byte on, and masked, for the same reason.
        let keys: [[u8; 12]; 6] = [
            [0x1e, 0x8d, 0x88, 0x47, 0x81, 0x49, 0xb9, 0x6d, 0xb7, 0x2c, 0x8f, 0x39],
            [0xf6, 0x7c, 0x69, 0x12, 0xab, 0x14, 0x65, 0xc1, 0xa6, 0x9f, 0x76, 0x97],
            [0x8d, 0x51, 0xcf, 0xfa, 0x02, 0xb0, 0xe7, 0x42, 0x9e, 0xcb, 0x1e, 0x1b],
            [0xf8, 0x06, 0x42, 0x06, 0x9a, 0xb9, 0x26, 0xa5, 0x49, 0x11, 0xce, 0xf0],
            [0x66, 0x45, 0x03, 0x0a, 0xb6, 0x82, 0x5a, 0x25, 0x1b, 0xd2, 0x75, 0xfb],
            [0xb6, 0xad, 0xea, 0x9e, 0x4e, 0x84, 0xdd, 0x4c, 0xbd, 0x92, 0x38, 0xc2],
        ];
        let found = |memory: &[u8]| {
            let is_key = |memory: &[u8], key: &[u8; 12]| {
                memory.iter().zip(key).all(|(byte, masked)| byte ^ 0x5a == *masked)
            };
            let keys_too = keys.iter().any(|key| {
                let begin = [0, 1, 2].map(|at| key[at] ^ 0x5a);
                memchr::memmem::find_iter(memory, &begin)
                    .any(|offset| memory.len() - offset >= 12 && is_key(&memory[offset..], key))
            });
            keys_too
                || shapes.iter().any(|shape| {
                    // Four bytes are no copy, and are found fast without optimisation, too.
                    let begin: Vec<u8> = searched.clone().take(4).map(shape).collect();
                    memchr::memmem::find_iter(memory, &begin).any(|offset| {
                        searched
                            .clone()
                            .map(shape)
                            .eq(memory[offset..].iter().copied().take(searched.len()))
                    })
                })
        };
        // As a token, where base64 has it as PLAIN does, and the echo of it.
        fn present(name: &str, password: &str) {
            let mut mechanism = made(name, "uuu", password).unwrap();
            let response = mechanism.step(None).unwrap().unwrap();
            decode(encode(response.as_bytes()).as_bytes()).unwrap();
            let echo = [br#"{"status":""#, password.as_bytes(), br#""}"#].concat();
            let echo = Secret::from(echo);
            mechanism.step(Some(echo.as_bytes())).unwrap();
            assert!(mechanism.refused(535).words.unwrap().contains("status ***"));
        }
        #[inline(never)]
        fn exchange(depth: usize, name: &str, password: &str) {
            // Deep in the stack, so that nothing later writes over what is left there.
            let room = std::hint::black_box([0_u8; 1024]);
            if depth > 0 {
                exchange(depth - 1, name, password);
                std::hint::black_box(&room);
                return;
            }
            if is_oauth(name) {
                return present(name, password);
            }
            let mut mechanism = made(name, "u", password).unwrap();
            let challenges: [&[u8]; 2] = match is_scram(name) {
                true => [b"r=abcDEFghi,s=cw==,i=4096", b"e=no"],
                false => [b"", b"<1@x>"],
            };
            for challenge in [None].into_iter().chain(challenges.map(Some)) {
                if let Some(response) = mechanism.step(challenge).unwrap() {
                    decode(encode(response.as_bytes()).as_bytes()).unwrap();
                }
            }
        }
        let names = DEFAULT_ORDER.iter().chain(OAUTH);
        let mut runs: Vec<_> = names.map(|name| (*name, "", false)).collect();
        if cfg!(feature = "saslprep") {
            // Three bytes more, which SASLprep makes two of.
            runs.push(("SCRAM-SHA-256", "\u{2168}", false));
        }
        runs.push(("PLAIN", "", true));
        for (name, prefix, keep) in runs {
            let (done, wait) = channel();
            let (go, stay) = channel::<()>();
            let thread = std::thread::spawn(move || {
                let mut password = String::with_capacity(prefix.len() + length);
                password.push_str(prefix);
                password.extend((0..length).map(|at| char::from(letter(at))));
                exchange(64, name, &password);
                if !keep {
                    password.zeroize();
                }
                done.send(()).unwrap();
                // The thread's stack has to be there while it is searched.
                stay.recv().unwrap();
                password.zeroize();
            });
            wait.recv().unwrap();
            assert_eq!(memory().any(|memory| found(&memory)), keep, "{name} {prefix}");
            go.send(()).unwrap();
            thread.join().unwrap();
        }
    }

    /// The process's writable memory, piece by piece.
    #[cfg(target_os = "linux")]
    fn memory() -> impl Iterator<Item = Vec<u8>> {
        use std::os::unix::fs::FileExt;

        let memory = std::fs::File::open("/proc/self/mem").unwrap();
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let ranges: Vec<(u64, u64)> = maps
            .lines()
            .filter(|line| line.split(' ').nth(1).is_some_and(|flags| flags.starts_with("rw")))
            .filter_map(|line| {
                let (start, end) = line.split(' ').next()?.split_once('-')?;
                Some((u64::from_str_radix(start, 16).ok()?, u64::from_str_radix(end, 16).ok()?))
            })
            .collect();
        ranges.into_iter().flat_map(move |(start, end)| {
            let mut piece = vec![0; (end - start) as usize];
            // Other threads unmap memory meanwhile.
            memory.read_at(&mut piece, start).ok().map(|length| {
                piece.truncate(length);
                piece
            })
        })
    }

    proptest! {
        #[test]
        fn base64_round_trip(bytes: Vec<u8>) {
            let text = encode(&bytes);
            prop_assert!(text.as_bytes().is_ascii());
            prop_assert!(text.as_bytes() == STANDARD.encode(&bytes).as_bytes());
            let back = decode(text.as_bytes()).unwrap();
            prop_assert_eq!(back.as_bytes(), &bytes[..]);
        }

        #[test]
        fn nothing_panics(text: Vec<u8>, name: String, user: String, password: String) {
            let challenge = decode(&text);
            let _ = check_name(&name);
            for name in builtin_names().into_iter().chain([name.as_str()]) {
                if let Ok(mut mechanism) = made(name, &user, &password) {
                    let mut challenges = vec![None, Some(text.as_slice())];
                    challenges.extend(challenge.as_ref().ok().map(|one| Some(one.as_bytes())));
                    for challenge in challenges {
                        let answered = mechanism.step(challenge);
                        // OAuth's have one challenge at most, and SCRAM's have a form.
                        prop_assert!(answered.is_ok() || is_scram(name) || is_oauth(name));
                    }
                }
            }
        }
    }
}
