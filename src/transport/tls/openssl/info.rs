//! What OpenSSL knows of a connection, as text.

use std::fmt::Write;

use ::openssl::asn1::{Asn1Time, Asn1TimeRef};
use ::openssl::nid::Nid;
use ::openssl::ssl::SslRef;
use ::openssl::x509::X509NameRef;

use crate::error::printable;

use super::super::TlsInfo;
use super::super::certificate::show_names;
use super::calls::negotiated_group;

pub(super) fn of(ssl: &SslRef, what: TlsInfo) -> Option<String> {
    match what {
        TlsInfo::Version => Some(ssl.version_str().to_owned()),
        TlsInfo::Cipher => {
            let cipher = ssl.current_cipher()?;
            Some(cipher.standard_name().unwrap_or_else(|| cipher.name()).to_owned())
        }
        TlsInfo::Group => group(negotiated_group(ssl)),
        TlsInfo::Resumed => Some(if ssl.session_reused() { "yes" } else { "no" }.to_owned()),
        TlsInfo::Subject => Some(name(ssl.peer_certificate()?.subject_name())),
        TlsInfo::Issuer => Some(name(ssl.peer_certificate()?.issuer_name())),
        TlsInfo::NotBefore => date(ssl.peer_certificate()?.not_before()),
        TlsInfo::NotAfter => date(ssl.peer_certificate()?.not_after()),
        TlsInfo::Names => Some(show_names(ssl.peer_certificate()?.as_ref())),
        TlsInfo::DaysLeft => days_left(ssl.peer_certificate()?.not_after()),
    }
}

/// The group of the key exchange by IANA's name, from OpenSSL's number for it.
fn group(number: i32) -> Option<String> {
    let known = [
        (Nid::X9_62_PRIME256V1.as_raw(), "secp256r1"),
        (Nid::SECP384R1.as_raw(), "secp384r1"),
        (Nid::SECP521R1.as_raw(), "secp521r1"),
        (1034, "x25519"),
        (1035, "x448"),
        (UNKNOWN | 0x001d, "x25519"),
        (UNKNOWN | 0x11eb, "SecP256r1MLKEM768"),
        (UNKNOWN | 0x11ec, "X25519MLKEM768"),
        (UNKNOWN | 0x11ed, "SecP384r1MLKEM1024"),
        (UNKNOWN | 0x0200, "MLKEM512"),
        (UNKNOWN | 0x0201, "MLKEM768"),
        (UNKNOWN | 0x0202, "MLKEM1024"),
    ];
    let found = known.iter().find(|(one, _)| *one == number).map(|(_, name)| (*name).to_owned());
    match number {
        _ if found.is_some() => found,
        0 => None,
        _ if number & UNKNOWN != 0 => Some(format!("0x{:04x}", number & !UNKNOWN)),
        _ => Nid::from_raw(number).short_name().ok().map(str::to_owned),
    }
}

/// What OpenSSL adds to the number of a group in TLS where it has none of its own for it.
const UNKNOWN: i32 = 0x100_0000;

/// RFC 4514 is for machines: here the parts stand in the order of the certificate.
fn name(name: &X509NameRef) -> String {
    let mut text = String::new();
    for entry in name.entries() {
        let gap = if text.is_empty() { "" } else { ", " };
        let kind = entry.object().nid().short_name().unwrap_or("?");
        let value = printable(entry.data().as_slice(), 256);
        let _ = write!(text, "{gap}{kind}={value}");
    }
    text
}

/// As RFC 3339 writes it.
fn date(time: &Asn1TimeRef) -> Option<String> {
    let total = unix_seconds(time)?;
    let (year, month, day) = civil(total.div_euclid(86_400));
    let seconds = total.rem_euclid(86_400);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    Some(format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"))
}

/// Since the first of January 1970.
pub(super) fn unix_seconds(time: &Asn1TimeRef) -> Option<i64> {
    let since = Asn1Time::from_unix(0).ok()?.diff(time).ok()?;
    Some(i64::from(since.days) * 86_400 + i64::from(since.secs))
}

fn days_left(time: &Asn1TimeRef) -> Option<String> {
    let left = Asn1Time::days_from_now(0).ok()?.diff(time).ok()?;
    Some((left.days - i32::from(left.secs < 0)).to_string())
}

/// The date so many days after the first of January 1970: eras of 400 years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (unix, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (-129_600, "1969-12-30T12:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_987_065, "2026-11-29T21:17:45Z"),
            (4_102_444_799, "2099-12-31T23:59:59Z"),
        ] {
            assert_eq!(date(&Asn1Time::from_unix(unix).unwrap()).unwrap(), text);
        }
    }

    #[test]
    fn days_until_then() {
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
        for (seconds, days) in [(86_400 * 9 + 60, "9"), (60, "0"), (-60, "-1"), (-86_460, "-2")] {
            assert_eq!(days_left(&Asn1Time::from_unix(now + seconds).unwrap()).unwrap(), days);
        }
    }

    #[test]
    fn groups() {
        for (number, name) in [
            (1034, Some("x25519")),
            (415, Some("secp256r1")),
            (UNKNOWN | 0x11ec, Some("X25519MLKEM768")),
            (UNKNOWN | 0x1234, Some("0x1234")),
            (1126, Some("ffdhe2048")),
            (0, None),
        ] {
            assert_eq!(group(number).as_deref(), name, "{number}");
        }
    }
}
