//! A server's URL (RFC 3986), with which a client is set up:
//!
//! ```text
//! smtp|smtps|smtp+starttls|lmtp :// [user[:password]@] host [:port] [/]
//! lmtp+unix :///path
//! ```
//!
//! Pure. Where a URL is malformed, any part of it may be the password: of what was given, an error
//! shows a scheme of letters and nothing else.

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::session::Protocol;
use crate::transport::{check_server_name, is_address};

use super::endpoint::{Credentials, Endpoint};
use super::security::Security;

/// The protocol of a URL, and where it leads.
pub fn parse(url: &str) -> Result<(Protocol, Endpoint)> {
    read(url).map_err(|what| {
        let (scheme, _) = cut(url, b':');
        // What looks like a scheme is named; another may be somebody's password.
        let is_word = |byte: u8| byte.is_ascii_alphabetic() || byte == b'+';
        let shown = what == UNKNOWN && scheme.len() <= MAX_SHOWN && scheme.bytes().all(is_word);
        let name = if shown { scheme } else { "" };
        Error::new(ErrorKind::InvalidArgument, format!("the URL has {what}{name}"))
    })
}

/// Or what is wrong: the object of "the URL has".
type Read<T> = std::result::Result<T, &'static str>;

fn read(url: &str) -> Read<(Protocol, Endpoint)> {
    if url.len() > MAX_URL {
        return Err("more than 8192 bytes");
    }
    for (byte, what) in [
        (b' ', "a space (write %20)"),
        (b'?', "a query, which is unknown (elsewhere, write ? as %3F)"),
        (b'#', "a fragment, which is unknown (elsewhere, write # as %23)"),
    ] {
        if cut(url, byte).1.is_some() {
            return Err(what);
        }
    }
    let (scheme, behind) = cut(url, b':');
    let rest = behind.and_then(|text| text.strip_prefix("//")).ok_or(NO_SCHEME)?;
    let (protocol, security) = match &*scheme.to_ascii_lowercase() {
        "smtp" => (Protocol::Smtp, Security::Auto),
        "smtps" => (Protocol::Smtps, Security::Tls),
        "smtp+starttls" => (Protocol::Smtp, Security::StartTls),
        "lmtp" => (Protocol::Lmtp, Security::Auto),
        "lmtp+unix" => return socket_path(rest),
        _ => return Err(UNKNOWN),
    };
    let (authority, path) = cut(rest, b'/');
    if path.is_some_and(|path| !path.is_empty()) {
        return Err("a path behind its host, which is unknown (elsewhere, write / as %2F)");
    }
    let (before, behind) = cut(authority, b'@');
    let (host, port) = host_and_port(behind.unwrap_or(before))?;
    let credentials = match behind {
        Some(_) => Some(credentials(before)?),
        None => None,
    };
    Ok((protocol, Endpoint { host, port, security, credentials, addresses: Vec::new() }))
}

fn socket_path(path: &str) -> Read<(Protocol, Endpoint)> {
    if !path.starts_with('/') || path.ends_with('/') {
        return Err("a host, or no path of a socket: lmtp+unix:///path");
    }
    let host = decode(path)?;
    Ok((Protocol::Lmtp, Endpoint { host, ..Endpoint::default() }))
}

fn credentials(text: &str) -> Read<Credentials> {
    let (user, password) = cut(text, b':');
    if user.is_empty() {
        return Err("an @ without a user name before it");
    }
    let password = match password {
        Some(password) => Some(Zeroizing::new(decode(password)?)),
        None => None,
    };
    Ok(Credentials { user: Zeroizing::new(decode(user)?), password, source: None })
}

/// The host without brackets, and the port, 0 if there is none.
fn host_and_port(place: &str) -> Read<(String, u16)> {
    if cut(place, b'@').1.is_some() {
        return Err("a second @ (write it %40 before the last)");
    }
    let (host, port) = match place.strip_prefix('[') {
        None => {
            let (name, port) = cut(place, b':');
            (check_name(name)?, port)
        }
        Some(inside) => {
            let (address, Some(behind)) = cut(inside, b']') else {
                return Err(NO_ADDRESS);
            };
            let port = behind.strip_prefix(':');
            if port.is_none() && !behind.is_empty() {
                return Err("something behind the ] that is no port");
            }
            (literal(address)?, port)
        }
    };
    Ok((host, port.map_or(Ok(0), number)?))
}

fn number(digits: &str) -> Read<u16> {
    let mut number = 0;
    for byte in digits.bytes() {
        number = number * 10 + u32::from(byte.wrapping_sub(b'0'));
        if !byte.is_ascii_digit() || number > u32::from(u16::MAX) {
            return Err(NO_PORT);
        }
    }
    if number == 0 { Err(NO_PORT) } else { Ok(number as u16) }
}

fn check_name(name: &str) -> Read<String> {
    if name.is_empty() {
        return Err("no host (an IPv6 address stands in brackets)");
    }
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if name.bytes().all(fits) && check_server_name(name).is_ok() {
        return Ok(name.to_owned());
    }
    Err("no host name in ASCII (an international one has A-labels)")
}

/// An IPv6 address, whose zone stands behind %25 (RFC 6874): without the 25, it could be an escape
/// by chance.
fn literal(text: &str) -> Read<String> {
    let address = decode(text)?;
    let bare = cut(text, b'%').1.is_some_and(|zone| !zone.starts_with("25"));
    if bare || cut(&address, b':').1.is_none() || !is_address(&address) {
        return Err(NO_ADDRESS);
    }
    Ok(address)
}

/// What stands before the first `end`, and what behind it, if there is one.
#[inline(never)]
fn cut(text: &str, end: u8) -> (&str, Option<&str>) {
    match text.bytes().position(|byte| byte == end) {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        None => (text, None),
    }
}

/// What a part of a URL stands for (RFC 3986 section 2.1).
fn decode(text: &str) -> Read<String> {
    // The buffer has its final size from the start: growing would leave copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { escaped(&mut rest)? } else { byte });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| "escapes that give no UTF-8")?;
    if text.chars().any(char::is_control) {
        return Err(CONTROL);
    }
    Ok(text.to_owned())
}

fn escaped(rest: &mut std::str::Bytes<'_>) -> Read<u8> {
    let mut digit = || char::from(rest.next()?).to_digit(16);
    match digit().zip(digit()) {
        Some((high, low)) => Ok((high << 4 | low) as u8),
        None => Err("a % without two hexadecimal digits (write %25)"),
    }
}

const CONTROL: &str = "a control character";
const NO_SCHEME: &str = "no scheme, such as smtps://";
const NO_PORT: &str = "no port number from 1 to 65535 behind its host";
const NO_ADDRESS: &str = "no IPv6 address in [] (write a zone as %25zone)";

const UNKNOWN: &str = "a scheme that is none of smtp, smtps, smtp+starttls, lmtp and lmtp+unix: ";

/// Longest URL: a token for a password has its place in it.
const MAX_URL: usize = 8192;

/// The longest unknown scheme that is shown; no known one is longer.
const MAX_SHOWN: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_good_urls_say() {
        use Protocol::{Lmtp, Smtp, Smtps};
        use Security::{Auto, StartTls, Tls};
        let long = format!("smtp://{}@h", "u".repeat(MAX_URL - 9));
        let user = "u".repeat(MAX_URL - 9);
        #[allow(clippy::type_complexity)]
        let cases: &[(
            &str,
            Protocol,
            Security,
            &str,
            u16,
            Option<(&str, Option<&str>)>,
        )] = &[
            ("smtp://mail.example.org", Smtp, Auto, "mail.example.org", 25, None),
            ("SMTPS://mail.example.org/", Smtps, Tls, "mail.example.org", 465, None),
            ("smtp+StartTLS://a.example", Smtp, StartTls, "a.example", 587, None),
            ("lmtp://localhost", Lmtp, Auto, "localhost", 2003, None),
            ("smtp://h:1", Smtp, Auto, "h", 1, None),
            ("smtp://h.example.:65535/", Smtp, Auto, "h.example.", 65535, None),
            ("smtp://under_score-1", Smtp, Auto, "under_score-1", 25, None),
            ("smtp://192.0.2.1:0587", Smtp, Auto, "192.0.2.1", 587, None),
            ("smtps://[::1]", Smtps, Tls, "::1", 465, None),
            ("smtp://[2001:db8::1]:2525/", Smtp, Auto, "2001:db8::1", 2525, None),
            ("smtp://[fe80::1%25eth0]:25", Smtp, Auto, "fe80::1%eth0", 25, None),
            ("smtp://[fe80::1%25%65th%30]", Smtp, Auto, "fe80::1%eth0", 25, None),
            ("lmtp+unix:///run/lmtp", Lmtp, Auto, "/run/lmtp", 2003, None),
            ("lmtp+unix:///a%20b%3F/c@d", Lmtp, Auto, "/a b?/c@d", 2003, None),
            ("smtp://me@h", Smtp, Auto, "h", 25, Some(("me", None))),
            ("smtp://me:@h", Smtp, Auto, "h", 25, Some(("me", Some("")))),
            ("smtp://me:pw@h:26", Smtp, Auto, "h", 26, Some(("me", Some("pw")))),
            ("smtp://me:p:w@h", Smtp, Auto, "h", 25, Some(("me", Some("p:w")))),
            ("smtp://m%3Ae%40x:%2f%23%3f%40%25%20@h", Smtp, Auto, "h", 25, {
                Some(("m:e@x", Some("/#?@% ")))
            }),
            ("smtp://m%C3%BCe:m\u{fc}[e]@[::1]", Smtp, Auto, "::1", 25, {
                Some(("m\u{fc}e", Some("m\u{fc}[e]")))
            }),
            (&long, Smtp, Auto, "h", 25, Some((&user, None))),
        ];
        for (url, protocol, security, host, port, who) in cases {
            let (found, endpoint) = parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
            assert_eq!((found, endpoint.security), (*protocol, *security), "{url}");
            assert_eq!((&*endpoint.host, endpoint.port(found)), (*host, *port), "{url}");
            let credentials = endpoint.credentials.as_ref().map(|one| {
                (one.user.as_str(), one.password.as_ref().map(|password| password.as_str()))
            });
            assert_eq!(credentials, *who, "{url}");
            assert!(endpoint.addresses.is_empty());
        }
    }

    /// The secret is at every place where a password may come to stand; no error shows it.
    #[test]
    fn bad_urls_are_told_without_their_secret() {
        let long = format!("smtp://s3cr3t:{}@h", "s".repeat(MAX_URL));
        let cases: &[(&str, &str)] = &[
            ("", "scheme"),
            ("s3cr3t", "scheme"),
            ("me:s3cr3t@h", "scheme"),
            ("smtp:me:s3cr3t@h", "scheme"),
            ("smtp:/me:s3cr3t@h", "scheme"),
            ("://s3cr3t@h", "scheme"),
            ("me:s3cr3t://x@h", "scheme"),
            ("s3cr3t://x@h", "scheme"),
            ("averyverylongscheme://s3cr3t@h", "scheme"),
            ("http://me:s3cr3t@h", "none of smtp, smtps, smtp+starttls, lmtp and lmtp+unix: http"),
            ("smtp+unix:///s3cr3t", ": smtp+unix"),
            ("lmtps://me:s3cr3t@h", ": lmtps"),
            ("smtp://me:s3cr3t@h?tls=no", "query"),
            ("smtp://me:s3?s3cr3t@h", "query"),
            ("smtp://h#s3cr3t", "fragment"),
            ("smtp://me:s3#s3cr3t@h", "fragment"),
            ("lmtp+unix:///run#s3cr3t", "fragment"),
            ("smtp://h/s3cr3t", "path"),
            ("smtp://h//", "path"),
            ("smtp://me:s3cr3t/x@h", "path"),
            ("smtp://me:/s3cr3t@h", "path"),
            ("smtp://h:0", "port"),
            ("smtp://h:65536", "port"),
            ("smtp://h:", "port"),
            ("smtp://h:+25", "port"),
            ("smtp://h:-1", "port"),
            ("smtp://h:25x", "port"),
            ("smtp://h:\u{663}", "port"),
            ("smtp://me:s3cr3t", "port"),
            ("smtp://me:s3cr3t:25", "port"),
            ("smtp://[::1]:s3cr3t", "port"),
            ("smtp://[::1]s3cr3t", "behind the ]"),
            ("smtp://", "no host"),
            ("smtp:///", "no host"),
            ("smtp://:25", "no host"),
            ("smtp://me:s3cr3t@", "no host"),
            ("smtp://me:s3cr3t@:25", "no host"),
            ("smtp://::1", "no host"),
            ("smtp://me:s3@s3cr3t@h", "a second @"),
            ("smtp://s3cr3t@me:x@h", "a second @"),
            ("smtp://@h", "without a user name"),
            ("smtp://:s3cr3t@h", "without a user name"),
            ("smtp://me:s3cr3t%@h", "%25"),
            ("smtp://me:s3cr3t%4@h", "%25"),
            ("smtp://me:s3cr3t%4g@h", "%25"),
            ("smtp://me:s3cr3t%+4@h", "%25"),
            ("smtp://%zz:s3cr3t@h", "%25"),
            ("smtp://me:s3cr3t%0a@h", "control"),
            ("smtp://me:s3cr3t%0D%0A@h", "control"),
            ("smtp://me%00:s3cr3t@h", "control"),
            ("smtp://me:s3cr3t%7f@h", "control"),
            ("smtp://me:s3cr3t%C2%85@h", "control"),
            ("lmtp+unix:///s3cr3t%00", "control"),
            ("smtp://me:s3cr3t\r\n@h", "control"),
            ("smtp://me:s3cr3t\0@h", "control"),
            ("smtp://me:s3cr3t @h", "space"),
            (" smtp://me:s3cr3t@h", "space"),
            ("smtp://me:s3cr3t%ff@h", "no UTF-8"),
            ("smtp://me:s3cr3t%C0%80@h", "no UTF-8"),
            ("smtp://%ed%a0%80:s3cr3t@h", "no UTF-8"),
            ("smtp://s3cr3t%2eexample", "host name"),
            ("smtp://m\u{fc}ller.example", "host name"),
            ("smtp://a..s3cr3t", "host name"),
            ("smtp://.", "host name"),
            ("smtp://me:s3cr3t@h\\x", "host name"),
            ("smtp://[s3cr3t", "no IPv6 address"),
            ("smtp://[s3cr3t]", "IPv6"),
            ("smtp://[127.0.0.1]", "IPv6"),
            ("smtp://[v1.s3cr3t:x]", "IPv6"),
            ("smtp://[fe80::1%25]", "IPv6"),
            ("smtp://[fe80::1%32]", "IPv6"),
            ("smtp://[fe80::1%eth0]", "%25"),
            ("smtp://me:s3cr3t@[::1", "no IPv6 address"),
            ("lmtp+unix://run/s3cr3t", "no path of a socket"),
            ("lmtp+unix://me:s3cr3t@/run", "no path of a socket"),
            ("lmtp+unix://", "no path of a socket"),
            ("lmtp+unix:///", "no path of a socket"),
            ("lmtp+unix:///s3cr3t/", "no path of a socket"),
            (&long, "8192"),
        ];
        for (url, told) in cases {
            let Err(error) = parse(url) else { panic!("{url} was taken") };
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{url}");
            assert!(error.message().contains(told), "{url}: {error}");
            assert!(!error.message().contains("s3"), "{url}: {error}");
        }
    }
}
