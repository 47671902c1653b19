//! What is written, read back by the rules of the RFCs.

use proptest::prelude::*;

use super::header::{self, Date};
use super::list::{self, Entry};
use super::{Built, Fresh, Message, Role, Stream, params};

const RANDOM: [u8; 32] = [7; 32];

const NOW: Date = Date {
    year: 2026,
    month: 12,
    day: 1,
    weekday: 2,
    hour: 9,
    minute: 5,
    second: 0,
    zone_minutes: -210,
};

fn built(message: &mut Message) -> std::sync::Arc<Built> {
    message.build(|| Ok(Fresh { now: NOW, random: RANDOM })).unwrap().clone()
}

/// All its bytes, by a buffer of that size.
fn bytes(built: &std::sync::Arc<Built>, buffer: usize) -> Vec<u8> {
    let mut stream = Stream::new(built).unwrap();
    let (mut all, mut buffer) = (Vec::new(), vec![0; buffer]);
    loop {
        match stream.read(&mut buffer).unwrap() {
            Some(0) => return all,
            Some(count) => all.extend_from_slice(&buffer[..count]),
            None => panic!("memory is always ready"),
        }
    }
}

fn text(message: &mut Message) -> String {
    String::from_utf8(bytes(&built(message), 4096)).unwrap()
}

fn minimal() -> Message {
    let mut message = Message::new();
    message.set_from(None, "a@b.example").unwrap();
    message.add(Role::To, None, "c@d.example").unwrap();
    message
}

/// Checks a field's lines, and gives its value unfolded.
fn unfolded(written: &[u8], name: &str) -> String {
    let text = std::str::from_utf8(written).unwrap();
    let lines: Vec<&str> = text.strip_suffix("\r\n").expect("an end").split("\r\n").collect();
    for (index, line) in lines.iter().enumerate() {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
        assert!(line.len() <= 998, "{} bytes", line.len());
        assert!(!line.contains(" =?utf-8?") || line.len() <= 76, "{} columns: {line}", line.len());
        assert!(index == 0 || line.starts_with(' '), "{line:?}");
        assert!(!line.trim().is_empty(), "a line of blanks");
    }
    let all = lines.concat();
    all.strip_prefix(&format!("{name}: ")).expect("the name").to_owned()
}

/// RFC 2047 section 6.2: blanks between encoded words are no text.
fn decoded(text: &str) -> String {
    let (mut out, mut rest, mut behind_word) = (Vec::new(), text, false);
    while let Some(at) = rest.find("=?utf-8?") {
        let before = &rest[..at];
        if !(behind_word && before.trim().is_empty()) {
            out.extend_from_slice(before.as_bytes());
        }
        let word = &rest[at + 8..];
        let end = 2 + word[2..].find("?=").expect("the end of an encoded word");
        assert!(end > 2, "an empty word");
        let content = &word[2..end];
        let start = out.len();
        match &word[..2] {
            "b?" => out
                .extend(mail_parser::decoders::base64::base64_decode(content.as_bytes()).unwrap()),
            "q?" => {
                let mut bytes = content.bytes();
                while let Some(byte) = bytes.next() {
                    out.push(match byte {
                        b'_' => b' ',
                        b'=' => {
                            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                            u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                        }
                        byte => byte,
                    });
                }
            }
            other => panic!("{other}"),
        }
        assert!(std::str::from_utf8(&out[start..]).is_ok(), "cut within a character");
        assert!(10 + end <= 75, "a word of {}", end + 10);
        rest = &word[end + 2..];
        behind_word = true;
    }
    out.extend_from_slice(rest.as_bytes());
    String::from_utf8(out).unwrap()
}

fn subject(value: &str, utf8: bool) -> Vec<u8> {
    let mut out = Vec::new();
    header::unstructured(&mut out, "Subject", value, utf8);
    out
}

#[test]
fn subjects_that_stay_readable() {
    let long = "word ".repeat(30);
    let long = long.trim();
    let cases: &[(&str, &str)] = &[
        ("", "Subject: \r\n"),
        ("Disk full", "Subject: Disk full\r\n"),
        ("Host db1: früh um 3", "Subject: Host db1: =?utf-8?q?fr=C3=BCh?= um 3\r\n"),
        ("=?utf-8?q?x?=", "Subject: =?utf-8?q?=3D=3Futf-8=3Fq=3Fx=3F=3D?=\r\n"),
        ("a  b", "Subject: =?utf-8?q?a__b?=\r\n"),
        (" a", "Subject: =?utf-8?q?_a?=\r\n"),
        ("a ", "Subject: =?utf-8?q?a_?=\r\n"),
        (" ", "Subject: =?utf-8?q?_?=\r\n"),
        ("a\tb", "Subject: =?utf-8?q?a=09b?=\r\n"),
        ("日本語", "Subject: =?utf-8?b?5pel5pys6Kqe?=\r\n"),
    ];
    for (value, expected) in cases {
        assert_eq!(String::from_utf8(subject(value, false)).unwrap(), *expected);
        assert_eq!(decoded(&unfolded(expected.as_bytes(), "Subject")), *value);
    }
    let written = subject(long, false);
    assert!(written.split(|byte| *byte == b'\n').all(|line| line.len() <= 77));
    assert_eq!(unfolded(&written, "Subject"), long);
    assert_eq!(subject("früh", true), "Subject: früh\r\n".as_bytes());
}

#[test]
fn words_are_cut_between_characters_that_belong_together() {
    let family = "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}";
    for value in [family.repeat(8), "e\u{301}".repeat(60)] {
        let written = subject(&value, false);
        assert_eq!(decoded(&unfolded(&written, "Subject")), value);
        let unit = if value.starts_with('e') { "e\u{301}" } else { family };
        for line in String::from_utf8(written).unwrap().trim_end().split("\r\n") {
            let part = decoded(line.trim_start_matches("Subject:").trim());
            assert_eq!(part.len() % unit.len(), 0, "{line}");
        }
    }
    // More marks on one letter than a word holds.
    let value = format!("a{}", "\u{301}".repeat(500));
    assert_eq!(decoded(&unfolded(&subject(&value, false), "Subject")), value);
}

#[test]
fn dates() {
    let mut out = Vec::new();
    header::date(&mut out, &NOW);
    assert_eq!(String::from_utf8(out).unwrap(), "Date: Tue, 01 Dec 2026 09:05:00 -0330\r\n");
    assert_eq!(NOW.checked(), Some(NOW));
    for bad in [
        Date { year: 1899, ..NOW },
        Date { year: 10_000, ..NOW },
        Date { month: 0, ..NOW },
        Date { month: 13, ..NOW },
        Date { day: 32, ..NOW },
        Date { weekday: 7, ..NOW },
        Date { hour: 24, ..NOW },
        Date { minute: 60, ..NOW },
        Date { second: 61, ..NOW },
        Date { zone_minutes: 6000, ..NOW },
    ] {
        assert_eq!(bad.checked(), None, "{bad:?}");
    }
}

fn addresses(list: &[Entry], utf8: bool) -> Vec<u8> {
    let mut out = Vec::new();
    header::mailboxes(&mut out, "To", list, utf8);
    out
}

#[test]
fn lists_of_addresses() {
    let cases: &[(&str, &str)] = &[
        ("a@b.example", "To: a@b.example\r\n"),
        ("Joe Doe <a@b.example>", "To: Joe Doe <a@b.example>\r\n"),
        ("\"Doe, Joe\" <a@b.example>", "To: \"Doe, Joe\" <a@b.example>\r\n"),
        ("\"a \\\"b\\\"\" <a@b.example>", "To: \"a \\\"b\\\"\" <a@b.example>\r\n"),
        ("Jörg <a@b.example>", "To: =?utf-8?q?J=C3=B6rg?= <a@b.example>\r\n"),
        ("=?utf-8?q?J=C3=B6rg?= <a@b>", "To: =?utf-8?q?J=C3=B6rg?= <a@b>\r\n"),
        ("Team: a@b, Joe <c@d>;, e@f", "To: Team: a@b, Joe <c@d>;, e@f\r\n"),
        ("Grün: a@b;", "To: =?utf-8?q?Gr=C3=BCn?= : a@b;\r\n"),
        ("Nobody:;", "To: Nobody:;\r\n"),
    ];
    for (given, expected) in cases {
        let list = list::read("To", None, given).unwrap();
        assert_eq!(String::from_utf8(addresses(&list, false)).unwrap(), *expected);
    }
    let list = list::read("To", None, "Jörg <é@b.example>").unwrap();
    let written = String::from_utf8(addresses(&list, true)).unwrap();
    assert_eq!(written, "To: \"Jörg\" <é@b.example>\r\n");
}

#[test]
fn parameters() {
    let long = format!("{}.txt", "n".repeat(100));
    let cases: &[(&str, &str)] = &[
        ("a.txt", "X: y; filename=a.txt\r\n"),
        ("a b.txt", "X: y; filename=\"a b.txt\"\r\n"),
        ("a\"\\.txt", "X: y; filename=\"a\\\"\\\\.txt\"\r\n"),
        ("é.txt", "X: y; filename*=utf-8''%C3%A9.txt\r\n"),
    ];
    for (value, expected) in cases {
        let mut out = Vec::new();
        params::with_params(&mut out, "X", "y", &[("filename", value)]);
        assert_eq!(String::from_utf8(out).unwrap(), *expected);
    }
    let mut out = Vec::new();
    params::with_params(&mut out, "X", "y", &[("filename", &long)]);
    let value = unfolded(&out, "X");
    assert!(value.starts_with("y; filename*0*=utf-8''nnn") && value.contains("; filename*1*=nnn"));
    assert!(out.split(|byte| *byte == b'\n').all(|line| line.len() <= 77));
    for (name, plain) in [
        ("report.pdf", "report.pdf"),
        ("bérénice.pdf", "b_r_nice.pdf"),
        ("日本語.pdf", "_.pdf"),
        ("a\"b\\c", "a_b_c"),
    ] {
        assert_eq!(params::plain_fallback(name), plain);
    }
    let plain = params::plain_fallback(&long);
    assert!(plain.len() == 60 && plain.ends_with("n.txt"), "{plain}");
}

/// Header and structure of the whole, line by line.
#[test]
fn a_message_with_everything() {
    let mut message = minimal();
    message.set_subject(Some("früh")).unwrap();
    message.add(Role::Cc, Some("Jo"), "e@f.example").unwrap();
    message.add(Role::Bcc, None, "secret@g.example").unwrap();
    message.add_header("X-Host", "db1").unwrap();
    message.set_text(Some("Viele Grüße\n")).unwrap();
    message.set_html(Some("<img src='cid:logo'>")).unwrap();
    let image: std::sync::Arc<dyn super::Content> = std::sync::Arc::new(vec![0_u8, 1, 2]);
    message.attach_inline("logo", None, Some("image/png"), image.clone()).unwrap();
    message.attach(Some("é.csv"), None, std::sync::Arc::new(b"a,b\r\n".to_vec())).unwrap();
    let b = "07".repeat(12);
    let expected = format!(
        "Date: Tue, 01 Dec 2026 09:05:00 -0330\n\
         From: a@b.example\n\
         To: c@d.example\n\
         Cc: Jo <e@f.example>\n\
         Subject: =?utf-8?q?fr=C3=BCh?=\n\
         Message-ID: <07070707070707070707070707070707@b.example>\n\
         X-Host: db1\n\
         MIME-Version: 1.0\n\
         Content-Type: multipart/mixed; boundary=\"=_0_{b}\"\n\
         \n\
         --=_0_{b}\n\
         Content-Type: multipart/alternative;\n \
           boundary=\"=_1_{b}\"\n\
         \n\
         --=_1_{b}\n\
         Content-Type: text/plain; charset=utf-8\n\
         Content-Transfer-Encoding: quoted-printable\n\
         \n\
         Viele Gr=C3=BC=C3=9Fe\n\
         \n\
         --=_1_{b}\n\
         Content-Type: multipart/related; boundary=\"=_2_{b}\";\n \
           type=\"text/html\"\n\
         \n\
         --=_2_{b}\n\
         Content-Type: text/html; charset=utf-8\n\
         Content-Transfer-Encoding: 7bit\n\
         \n\
         <img src='cid:logo'>\n\
         --=_2_{b}\n\
         Content-Type: image/png\n\
         Content-Disposition: inline\n\
         Content-ID: <logo>\n\
         Content-Transfer-Encoding: base64\n\
         \n\
         AAEC\n\
         \n\
         --=_2_{b}--\n\
         \n\
         --=_1_{b}--\n\
         \n\
         --=_0_{b}\n\
         Content-Type: text/csv; name=_.csv\n\
         Content-Disposition: attachment; filename*=utf-8''%C3%A9.csv\n\
         Content-Transfer-Encoding: 7bit\n\
         \n\
         a,b\n\
         \n\
         --=_0_{b}--\n"
    );
    assert_eq!(text(&mut message).replace("\r\n", "\n"), expected);
    let built = built(&mut message);
    assert_eq!(built.size(), Some(bytes(&built, 4096).len() as u64));
    for buffer in [1, 2, 3, 77, 78, 79, 100_000] {
        assert!(bytes(&built, buffer) == bytes(&built, 4096), "by {buffer}");
    }
    let to: Vec<_> = built.envelope().recipients().collect();
    assert_eq!(to, ["c@d.example", "e@f.example", "secret@g.example"]);
    assert_eq!(built.envelope().sender(), "a@b.example");
}

/// What stands before a boundary is the text as it was given, with or without a last line end.
#[test]
fn texts_end_as_they_were_given() {
    for text in ["a", "a\n", "a\n\n", "Viele Grüße", "Viele Grüße\n", "日本語", "日本語\n", ""]
    {
        let mut message = minimal();
        message.set_text(Some(text)).unwrap();
        message.set_html(Some("<p>")).unwrap();
        let written = bytes(&built(&mut message), 4096);
        let parsed = mail_parser::MessageParser::default().parse(&written).unwrap();
        assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n"), text);
    }
}

/// No content holds the boundary, however it came by the random bits.
#[test]
fn boundaries_are_nowhere_in_the_content() {
    let token = "07".repeat(12);
    let next = format!("08{}", "07".repeat(11));
    let mut message = minimal();
    message.set_text(Some(&format!("--=_0_{token}--\n_{next}\n"))).unwrap();
    message.attach(None, None, std::sync::Arc::new(b"x".to_vec())).unwrap();
    let text = text(&mut message);
    assert_eq!(text.matches(&format!("\r\n--=_0_09{}", "07".repeat(11))).count(), 3, "{text}");
}

#[test]
fn what_is_made_stays_until_the_message_is_another() {
    let mut message = minimal();
    let id = message.message_id(|| Ok([1; 32])).unwrap().to_owned();
    assert_eq!(id, "<01010101010101010101010101010101@b.example>");
    message.set_text(Some("one")).unwrap();
    assert!(text(&mut message).contains(&id));
    assert!(text(&mut message).contains(&id));
    message.set_text(Some("two")).unwrap();
    assert!(!text(&mut message).contains(&id));
    message.add_header("Message-ID", "<x@y>").unwrap();
    message.set_text(Some("three")).unwrap();
    text(&mut message);
    message.set_text(Some("four")).unwrap();
    assert!(text(&mut message).contains("Message-ID: <x@y>\r\n"));
    assert!(Message::new().message_id(|| Ok([1; 32])).is_err());
}

#[test]
fn one_recipient_is_one() {
    let mut message = minimal();
    message.add(Role::Bcc, None, "c@D.EXAMPLE, C@d.example").unwrap();
    message.add(Role::Cc, Some("c"), "c@d.example").unwrap();
    let built = built(&mut message);
    assert_eq!(built.envelope().recipients().collect::<Vec<_>>(), ["c@d.example", "C@d.example"]);
}

#[test]
fn nobody_to_be_seen() {
    let mut message = Message::new();
    message.set_from(None, "a@b").unwrap();
    message.add(Role::Bcc, None, "x@y").unwrap();
    let text = text(&mut message);
    assert!(text.contains("To: undisclosed-recipients:;\r\n") && !text.contains("x@y"));
}

#[test]
fn who_needs_smtputf8() {
    for (role, address, needs) in [
        (Role::To, "é@b.example", true),
        (Role::Bcc, "é@b.example", true),
        (Role::ReplyTo, "é@b.example", true),
        (Role::To, "e@bücher.example", false),
        (Role::To, "Jörg <e@b.example>", false),
    ] {
        let mut message = minimal();
        message.set_subject(Some("früh")).unwrap();
        message.set_text(Some("früh")).unwrap();
        message.add(role, None, address).unwrap();
        let built = built(&mut message);
        assert_eq!(built.envelope().needs_utf8(), needs, "{address}");
        assert_eq!(built.is_eight_bit(), needs);
        let text = String::from_utf8(bytes(&built, 100)).unwrap();
        assert_eq!(text.contains("Subject: früh\r\n"), needs);
        assert_eq!(text.contains("Content-Transfer-Encoding: 8bit\r\n"), needs);
    }
}

#[test]
fn what_is_refused() {
    type Change = fn(&mut Message) -> crate::error::Result<()>;
    let cases: &[(Change, &str)] = &[
        (|m| m.set_subject(Some("a\r\nBcc: x@y")), "control character \\r at offset 1"),
        (|m| m.set_subject(Some(&"x".repeat(65_537))), "longer than 65536 bytes"),
        (|m| m.add_header("X-A: b\r\nBcc", "c"), "no name of a header field"),
        (|m| m.add_header("", "c"), "no name of a header field"),
        (|m| m.add_header("Ünï", "c"), "no name of a header field"),
        (|m| m.add_header(&"X".repeat(71), "c"), "longer than 70"),
        (|m| m.add_header("X", "a\nb"), "control character"),
        (|m| m.add_header("Date", "now"), "a function of its own"),
        (|m| m.add_header("Content-Type", "text/plain"), "the library's"),
        (|m| m.add_header("mime-version", "1.0"), "the library's"),
        (|m| m.add_header("Resent-Bcc", "a@b"), "sent before"),
        (|m| m.add_header("Message-ID", "x@y"), "of the form"),
        (|m| m.add_header("Message-ID", "<x y@z>"), "must be"),
        (|m| m.add_header("Sender", "a@b, c@d"), "one address"),
        (|m| m.add_header("References", "é"), "nothing but ASCII"),
        (|m| m.add_header("References", &"x".repeat(990)), "does not fit a line"),
        (|m| m.set_text(Some("a\0b")), "a NUL at offset 1"),
        (|m| m.set_html(Some("\0")), "a NUL at offset 0"),
        (|m| m.attach(Some("a\nb"), None, std::sync::Arc::new(vec![])), "control character"),
        (|m| m.attach(Some(&"n".repeat(1025)), None, std::sync::Arc::new(vec![])), "longer than"),
        (|m| m.attach(None, Some("x"), std::sync::Arc::new(vec![])), "type/subtype"),
        (
            |m| m.attach(None, Some("message/rfc822"), std::sync::Arc::new(b"a\nb".to_vec())),
            "may not be encoded",
        ),
        (|m| m.attach_inline("a b", None, None, std::sync::Arc::new(vec![])), "without blanks"),
    ];
    for (change, words) in cases {
        let mut message = minimal();
        let before = text(&mut message);
        let error = change(&mut message).unwrap_err();
        assert!(error.message().contains(words), "{error}");
        // It changes nothing.
        assert_eq!(text(&mut message), before, "{words}");
    }
    let mut message = Message::new();
    let error = message.build(|| panic!("nothing is needed for it")).map(drop).unwrap_err();
    assert!(error.message().contains("no From"), "{error}");
    message.set_from(None, "a@b, c@d").unwrap();
    let error = message.build(|| panic!("nothing is needed for it")).map(drop).unwrap_err();
    assert!(error.message().contains("Sender"), "{error}");
    message.add_header("Sender", "c@d").unwrap();
    assert_eq!(built(&mut message).envelope().sender(), "c@d");
    for name in ["Sender", "Subject", "Message-ID", "References", "In-Reply-To"] {
        let value = if name == "Sender" { "x@y" } else { "<x@y>" };
        let _ = message.add_header(name, value);
        let error = message.add_header(name, value).unwrap_err();
        assert!(error.message().contains("already"), "{error}");
    }
}

/// Any text without control characters, much of it of what matters.
fn line() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[a-z]{1,12}",
        2 => Just(" ".to_owned()),
        1 => Just("\t".to_owned()),
        1 => Just("=?utf-8?q?x?=".to_owned()),
        1 => Just("\"\\(),:;<>@[]".to_owned()),
        2 => "\\PC{1,8}",
        1 => "[a-z]{60,120}",
        1 => "[äöü]{20,60}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn every_subject_comes_back(value in line()) {
        let written = subject(&value, false);
        prop_assert!(written.is_ascii());
        prop_assert_eq!(decoded(&unfolded(&written, "Subject")), value.clone());
        prop_assert_eq!(decoded(&unfolded(&subject(&value, true), "Subject")), value);
    }

    #[test]
    fn every_name_comes_back(names in prop::collection::vec(line(), 1..4)) {
        let names: Vec<&str> = names.iter().map(String::as_str).filter(|name| name.len() <= 500).collect();
        let mut list = Vec::new();
        for name in &names {
            list.extend(list::read("To", Some(name), "a@b.example").unwrap());
        }
        for utf8 in [false, true] {
            let written = addresses(&list, utf8);
            let value = unfolded(&written, "To");
            let read = list::read("To", None, &value);
            if names.is_empty() {
                continue;
            }
            let read = read.unwrap();
            prop_assert_eq!(read.len(), names.len());
            for (entry, given) in read.iter().zip(&names) {
                let [one] = entry.mailboxes() else { panic!("{entry:?}") };
                let name = match &one.name {
                    None => String::new(),
                    Some(list::Name::Text(name)) => name.clone(),
                    Some(list::Name::Encoded(name)) => decoded(name),
                };
                prop_assert_eq!(&name, given);
                prop_assert_eq!(one.path.as_str(), "a@b.example");
            }
        }
    }

    #[test]
    fn every_file_name_comes_back(name in line()) {
        let mut out = Vec::new();
        params::with_params(&mut out, "X", "y", &[("filename", &name)]);
        let value = unfolded(&out, "X");
        let mut read = Vec::new();
        if let Some(quoted) = value.strip_prefix("y; filename=\"") {
            let mut bytes = quoted.strip_suffix('"').unwrap().bytes();
            while let Some(byte) = bytes.next() {
                read.push(if byte == b'\\' { bytes.next().unwrap() } else { byte });
            }
        } else if let Some(token) = value.strip_prefix("y; filename=") {
            read.extend_from_slice(token.as_bytes());
        } else {
            for segment in value.strip_prefix("y; ").unwrap().split("; ") {
                let (_, text) = segment.split_once('=').unwrap();
                let text = text.strip_prefix("utf-8''").unwrap_or(text);
                let mut bytes = text.bytes();
                while let Some(byte) = bytes.next() {
                    read.push(match byte {
                        b'%' => {
                            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                            u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
                        }
                        byte => byte,
                    });
                }
            }
        }
        prop_assert_eq!(String::from_utf8(read).unwrap(), name);
        prop_assert!(out.split(|byte| *byte == b'\n').all(|line| line.len() <= 77));
        let plain = params::plain_fallback(&value);
        prop_assert!(plain.is_ascii() && plain.len() <= 60);
    }
}
