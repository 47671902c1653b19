//! Envelopes from real-world headers, and Bcc out of them.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

/// The addresses in one field's value.
fn read(value: impl AsRef<[u8]>) -> Vec<String> {
    addresses::addresses(value.as_ref())
        .into_iter()
        .map(|address| String::from_utf8(address).unwrap())
        .collect()
}

/// What `email.utils.getaddresses`, and so smtplib, makes of the same value (Python 3.11.7).
enum Python {
    Same,
    Gives(&'static [&'static str]),
}
use Python::{Gives, Same};

/// Value, what it names, what smtplib would send the mail to.
const VALUES: &[(&str, &[&str], Python)] = &[
    // RFC 5322 section 3.4 and appendix A.
    ("a@b", &["a@b"], Same),
    (
        " Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
        &["mary@x.test", "jdoe@example.org", "one@y.test"],
        Same,
    ),
    (
        "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
        &["boss@nil.test", "sysservices@example.net"],
        Same,
    ),
    (
        "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
        &["c@a.test", "joe@where.test", "jdoe@one.test"],
        Same,
    ),
    ("Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", &["pete@silly.test"], Same),
    (
        "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n joe@example.org",
        &["c@public.example", "joe@example.org"],
        Same,
    ),
    ("(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;", &[], Gives(&[""])),
    ("undisclosed-recipients:;", &[], Gives(&[""])),
    ("undisclosed-recipients: ;", &[], Gives(&[""])),
    ("Joe Q. Public <john.q.public@example.com>", &["john.q.public@example.com"], Same),
    (
        "Mary Smith <@node.test:mary@example.net>, , jdoe@test . example",
        &["mary@example.net", "jdoe@test.example"],
        Gives(&["mary@example.net", "", "jdoe@test.example"]),
    ),
    ("<@a,@b.test,:joe@x>", &["joe@x"], Gives(&["", "@b.test", "joe@x"])),
    ("a@[192.0.2.1], <b@[IPv6:2001:db8::1]>", &["a@[192.0.2.1]", "b@[IPv6:2001:db8::1]"], Same),
    ("", &[], Same),
    (" \t ", &[], Gives(&[""])),
    // Blanks, comments and folding in addresses.
    ("a @ b", &["a@b"], Same),
    ("john . doe @ example . org", &["john.doe@example.org"], Same),
    ("< a@b >", &["a@b"], Same),
    ("(c1) a (c2) @ (c3) b (c4)", &["a@b"], Same),
    ("a@b (Joe (the (third))), d@e", &["a@b", "d@e"], Same),
    ("a@b\r\n (Joe),\r\n\td@e\r\n", &["a@b", "d@e"], Same),
    ("a@b,\n c@d,\r e@f\n", &["a@b", "c@d", "e@f"], Same),
    // Quoted local parts.
    ("\"john doe\"@example.org", &["\"john doe\"@example.org"], Same),
    ("<\"john doe\"@example.org>", &["\"john doe\"@example.org"], Same),
    ("\"a@b\"@example.org, x@y", &["\"a@b\"@example.org", "x@y"], Same),
    ("\"a\\\"b\\,c\\\\\"@x", &["\"a\\\"b,c\\\\\"@x"], Same),
    ("\"\"@x", &["\"\"@x"], Same),
    ("\"<a>, b\" (c) @ x", &["\"<a>, b\"@x"], Same),
    ("\"john\r\n doe\"@x", &["\"john doe\"@x"], Gives(&["john"])),
    // RFC 5321 has no mixture of dots and quotes; the mailbox is the same.
    ("john.\"x y\"@b", &["\"john.x y\"@b"], Gives(&["john.\"x y\"@b"])),
    ("\"x\" . y@b", &["\"x.y\"@b"], Gives(&["\"x\".y@b"])),
    // Old mobile addresses, which RFC 5321 would have quoted but everybody takes as they are.
    (
        "john..doe@docomo.example, <joe.@docomo.example>",
        &["john..doe@docomo.example", "joe.@docomo.example"],
        Same,
    ),
    // Names.
    ("\"Doe, John\" <a@b>, \"\\\"x\\\" <y@z>\" <c@d>", &["a@b", "c@d"], Same),
    ("Doe, John <a@b>", &["Doe", "a@b"], Same),
    ("\"a@b\" <c@d>", &["c@d"], Same),
    ("a@b <c@d>", &["c@d"], Gives(&["a@b", "c@d"])),
    (
        "[External] Joe <a@b>, Bob [x <c@d>",
        &["a@b", "c@d"],
        Gives(&["", "External", "", "a@b", "Bob", "", "c@d"]),
    ),
    ("J. :) Smith <a@b>", &["a@b"], Same),
    ("O'Brien \"O\" <a@b>", &["a@b"], Same),
    ("back\\slash <a@b>", &["a@b"], Same),
    ("Jos\u{e9} <jos\u{e9}@ex\u{e4}mple.org>", &["jos\u{e9}@ex\u{e4}mple.org"], Same),
    ("<a@b> Joe Doe, c@d", &["a@b", "c@d"], Gives(&["a@b", "Joe", "c@d"])),
    // Encoded words.
    ("=?utf-8?q?Doe=2C_J?= <a@b>", &["a@b"], Same),
    (
        "=?utf-8?B?RG9lLCBK?= =?iso-8859-1?q?=E9?=\r\n <a@b>, (=?utf-8?q?x?=) c@d",
        &["a@b", "c@d"],
        Same,
    ),
    (
        "=?utf-8?Q?Doe,_J.?= <a@b>, =?utf-8?Q?R:_<x@y>?=<c@d>",
        &["a@b", "c@d"],
        Gives(&["=?utf-8?Q?Doe", "a@b", "x@y", "c@d"]),
    ),
    (
        "=?utf-8?q?a,b?==?utf-8?q?c@d?= <e@f>",
        &["e@f"],
        Gives(&["=?utf-8?q?a", "b?==?utf-8?q?c@d?=", "e@f"]),
    ),
    // RFC 2047 section 5: no encoded word in an address, so these characters are the local part.
    ("=?utf-8?q?x?=@example.org", &["=?utf-8?q?x?=@example.org"], Same),
    ("<=?utf-8?q?x=40y?=@example.org>", &["=?utf-8?q?x=40y?=@example.org"], Same),
    ("=?utf-8?q?x=40y.org?=", &["=?utf-8?q?x=40y.org?="], Same),
    ("=?utf-8?x?a,b?= <a@b>", &["=?utf-8?x?a", "a@b"], Same),
    // Groups that nest, that do not end, and the separator of some programs.
    ("A: B: a@b;;, c@d", &["a@b", "c@d"], Same),
    ("A: a@b, c@d", &["a@b", "c@d"], Same),
    ("A: a@b; B: c@d; e@f", &["a@b", "c@d", "e@f"], Same),
    ("a@b; C D <c@d>;e@f;", &["a@b", "c@d", "e@f"], Gives(&["a@b", "", "c@d", "", "e@f", ""])),
    ("mailto:a@b", &["a@b"], Same),
    // Brackets, quotes and comments that do not match.
    ("<a@b", &["a@b"], Same),
    ("<a@b, c@d", &["a@b", "c@d"], Same),
    ("<a@b; c@d>", &["a@b", "c@d>"], Gives(&["a@b", "c@d", ""])),
    ("<a@b <c@d>", &["a@b", "c@d"], Gives(&["a@b", "c@d", ""])),
    ("<<a@b>>, c@d", &["a@b", "c@d"], Gives(&["", "a@b", "", "", "c@d"])),
    ("Joe <Doe <a@b>>", &["a@b"], Gives(&["Doe", "a@b", "", ""])),
    ("<a@b> <c@d>", &["a@b", "c@d"], Same),
    ("<a@b> c@d, e@f", &["a@b", "c@d", "e@f"], Same),
    ("Joe (Sales <a@b>, Bob (Office) <c@d>", &["a@b", "c@d"], Gives(&["Joe"])),
    ("Joe Sales) <a@b>", &["a@b"], Gives(&["Joe", "", "a@b"])),
    ("\"Joe <a@b>", &["a@b"], Gives(&["Joe <a@b>"])),
    ("Joe\" <a@b>, c@d", &["a@b", "c@d"], Gives(&["Joe"])),
    ("<>", &[], Gives(&[""])),
    ("Nobody <>, a@b", &["a@b"], Gives(&["", "a@b"])),
    (",, a@b,,c@d,", &["a@b", "c@d"], Gives(&["", "a@b", "", "c@d"])),
    ("(only a comment)", &[], Gives(&[""])),
    // A local part alone; an address in quotes.
    ("John", &["John"], Same),
    ("root (System Administrator)", &["root"], Same),
    ("<postmaster>", &["postmaster"], Same),
    ("\"a@b\", 'c@d'", &["a@b", "'c@d'"], Same),
    ("\"\", \" \" <a@b>", &["a@b"], Gives(&["", "a@b"])),
    // No addresses at all: passed on, so that the envelope or the server says so.
    ("John Doe", &["John Doe"], Gives(&["John"])),
    ("John a@b", &["John a@b"], Same),
    ("a@b c@d", &["a@b c@d"], Gives(&["", "@d"])),
    ("a@b@c", &["a@b@c"], Gives(&["", "@c"])),
    ("a@b>", &["a@b>"], Gives(&["a@b", ""])),
    ("a@, @b, <@c>", &["a@", "@b", "@c"], Gives(&["", "@b", ""])),
    ("john\"x\"@b", &["john\"x\"@b"], Same),
    ("a(c)b@x, a@b(c)d", &["a(c)b@x", "a@b(c)d"], Gives(&["ab@x", "a@bd"])),
    ("user@ex:25", &["user@ex:25"], Gives(&["user@ex", "25"])),
    ("<mailto:a@b>", &["mailto:a@b"], Gives(&["mailto", "a@b", ""])),
    ("a@b (Joe, c@d", &["a@b (Joe", "c@d"], Gives(&["a@b"])),
    ("a@[192.0.2.1", &["a@[192.0.2.1"], Gives(&["a@[192.0.2.1]"])),
    ("a@\"b\", [a]@b", &["a@\"b\"", "[a]@b"], Gives(&["", "b", "", "a", "", "@b"])),
    ("a@b\u{0}c, \u{1b}x@y", &["a@b\u{0}c", "\u{1b}x@y"], Same),
];

#[test]
fn address_lists() {
    for (value, expected, python) in VALUES {
        assert_eq!(&read(value), expected, "{value:?}");
        if let Gives(python) = python {
            assert_ne!(python, expected, "{value:?}");
        }
    }
}

/// mail-parser reads the same where neither quotes nor faults trip it.
#[test]
fn agrees_with_mail_parser() {
    for value in [
        "a@b",
        "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
        "\"Doe, John\" <a@b>, =?utf-8?Q?Doe,_J.?= <c@d>, (x) e@f (y (z))",
        "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;, x@y",
        "undisclosed-recipients:;",
        "Jos\u{e9} <jos\u{e9}@ex\u{e4}mple.org>,\r\n\tb@[192.0.2.1]",
    ] {
        let message = format!("To: {value}\r\n\r\n");
        let parsed = mail_parser::MessageParser::new().parse(&message).unwrap();
        let theirs: Vec<String> = parsed
            .to()
            .into_iter()
            .flat_map(|list| list.iter())
            .filter_map(|address| address.address().map(str::to_owned))
            .collect();
        assert_eq!(read(value), theirs, "{value}");
    }
}

#[test]
fn envelopes() {
    // Header section, sender, recipients.
    let cases: &[(&str, &str, &[&str])] = &[
        ("From: a@b\nTo: c@d\n", "a@b", &["c@d"]),
        // smtplib's order, all instances, whatever the letter case.
        (
            "bcc: 5@x\nCC: 3@x, 4@x\nfrom: a@b, b@b\nTO: 1@x\ntO: 2@x\nBcc: 6@x\n",
            "a@b",
            &["1@x", "2@x", "5@x", "6@x", "3@x", "4@x"],
        ),
        ("From: a@b\nTo: c@d, c@d\nCc: c@d\n", "a@b", &["c@d", "c@d", "c@d"]),
        ("From: a@b\nSender: s@b\nTo: c@d\n", "s@b", &["c@d"]),
        ("From: A: a@b, b@b;\nSender: (nobody)\nTo: G: c@d, e@f;\n", "a@b", &["c@d", "e@f"]),
        ("From: Nobody <>\nFrom: a@b\nTo: x:;\n", "a@b", &[]),
        ("From : a@b\nTo\t: c@d\n", "a@b", &["c@d"]),
        ("From\n : a@b\nTo\n \n\t: c@d\nBcc \n : e@f\n", "a@b", &["c@d", "e@f"]),
        ("From \n : a@b\nTo: c@d\n", "a@b", &["c@d"]),
        ("From:a@b\nTo:\n c@d,\n \n\te@f\n", "a@b", &["c@d", "e@f"]),
        ("From: a@b\rTo: c@d\rBcc: e@f\n", "a@b", &["c@d", "e@f"]),
        ("Subject: x\n From: no@x\nFrom: a@b\nX-To: no@x\nTo-X: no@x\nTo: c@d\n", "a@b", &["c@d"]),
        // What is no field does not end the section.
        ("From: a@b\n>From x\n:\njunk\nTo: c@d\n", "a@b", &["c@d"]),
        ("From joe Mon Jan  5 10:00:00 2026\nFrom: a@b\nTo: c@d\n", "a@b", &["c@d"]),
        // RFC 5322 section 3.6.6.
        (
            "Resent-Date: x\nResent-From: r@x\nResent-To: t@x\nFrom: a@b\nTo: c@d\nBcc: e@f\n",
            "r@x",
            &["t@x"],
        ),
        (
            "resent-date: x\nResent-Sender: s@x\nResent-From: r@x\nresent-CC: 3@x\nResent-Bcc: 2@x\nResent-To: 1@x\n",
            "s@x",
            &["1@x", "2@x", "3@x"],
        ),
        ("Resent-From: r@x\nResent-To: t@x\nFrom: a@b\nTo: c@d\n", "a@b", &["c@d"]),
        ("From: J\u{e9} <a@b>\nTo: j\u{e9}@d\n", "a@b", &["j\u{e9}@d"]),
    ];
    for (head, from, to) in cases {
        for line_end in ["\r\n", "\n", "\r"] {
            let head = head.replace('\n', line_end);
            for rest in [String::new(), format!("{line_end}To: body@x{line_end}")] {
                let message = format!("{head}{rest}");
                let parts = submission(message.as_bytes(), None, None).unwrap();
                assert_eq!(parts.from, *from, "{message:?}");
                // A body is not read; without an empty line there is none.
                assert_eq!(parts.to, *to, "{message:?}");
                let utf8 =
                    from.chars().chain(to.iter().flat_map(|to| to.chars())).any(|c| !c.is_ascii());
                assert_eq!((parts.needs_utf8, parts.header_utf8), (utf8, utf8), "{message:?}");
            }
        }
    }
}

#[test]
fn given_addresses_go_before_the_headers() {
    let message = b"From: a@b\r\nTo: c@d\r\nBcc: e@f\r\n\r\nbody";
    let parts = submission(message, Some("x y@z"), Some(&["1", "\u{e9}@x", "1"])).unwrap();
    assert_eq!((parts.from.as_str(), parts.header_utf8), ("x y@z", false));
    assert_eq!(parts.to, ["1", "\u{e9}@x", "1"]);
    assert_eq!(parts.head, b"From: a@b\r\nTo: c@d\r\n\r\n");
    assert_eq!(&message[parts.body_offset..], b"body");

    let parts = submission(message, Some(""), None).unwrap();
    assert_eq!((parts.from.as_str(), parts.to), ("", vec!["c@d".to_owned(), "e@f".to_owned()]));
    let parts = submission(message, None, Some(&[])).unwrap();
    assert_eq!((parts.from.as_str(), parts.to.len()), ("a@b", 0));
    let parts = submission(b"no fields at all", Some("a@b"), Some(&["c@d"])).unwrap();
    assert_eq!((parts.head.as_slice(), parts.body_offset), (b"no fields at all".as_slice(), 16));
    let parts = submission(b"", Some("a@b"), Some(&["c@d"])).unwrap();
    assert_eq!((parts.head.len(), parts.body_offset), (0, 0));
}

#[test]
fn messages_that_cannot_be_sent() {
    let cases: &[(&[u8], &str)] = &[
        (b"", "the message has no From or Sender, and no sender was given"),
        (b"To: a@b\n\nFrom: x@y\n", "the message has no From or Sender, and no sender was given"),
        (
            b"From: <>\nSender:\n\n",
            "the message has no address in From or Sender, and no sender was given",
        ),
        (b"From: a@b\n\nTo: c@d", "the message has no To, Cc or Bcc, and no recipient was given"),
        (
            b"Resent-Date: x\nFrom: a@b\nTo: c@d\n",
            "the message has no Resent-From or Resent-Sender, and no sender was given",
        ),
        (
            b"Resent-Date: x\nResent-From: a@b\nTo: c@d\n",
            "the message has no Resent-To, Resent-Cc or Resent-Bcc, and no recipient was given",
        ),
        (
            b"Resent-Date: x\nResent-Date: y\nFrom: a@b\nTo: c@d\n",
            "the message has more than one Resent-Date field",
        ),
        (b"From: a@b\nCc: J <\xe9@d>\n", "address \u{fffd}@d in Cc is not UTF-8"),
        (b"From: \xff@\x1b\nTo: c@d\n", "address \u{fffd}@\\x1b in From is not UTF-8"),
    ];
    for (message, expected) in cases {
        let error = submission(message, None, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(error.message(), *expected);
    }
    // Checked though nothing is taken from the fields, as in smtplib.
    let twice = b"Resent-Date: x\nresent-date: y\n\n";
    assert!(submission(twice, Some("a@b"), Some(&["c@d"])).is_err());
    // Latin-1 in a name harms nobody.
    let latin1 =
        submission(b"From: Jos\xe9 <a@b>\nTo: \"\xe9, x\" <c@d> (\xe9)\n", None, None).unwrap();
    assert_eq!(
        (latin1.from.as_str(), latin1.to, latin1.needs_utf8),
        ("a@b", vec!["c@d".into()], false)
    );
}

#[test]
fn the_header_section_is_bounded() {
    let fill = |length: usize| {
        let mut message = b"From: a@b\nTo: c@d\nX: ".to_vec();
        message.resize(length, b'x');
        message
    };
    let most = [fill(headers::MAX_HEADER_SECTION), b"\n\nbody".to_vec()].concat();
    let error = submission(&most, None, None).unwrap_err();
    assert_eq!(error.message(), "the message's header section is longer than 4194304 bytes");
    let most = [fill(headers::MAX_HEADER_SECTION - 1), b"\n\nbody".to_vec()].concat();
    assert_eq!(submission(&most, None, None).unwrap().body_offset, most.len() - 4);
    // The body is not.
    let big = [b"From: a@b\nTo: c@d\n\n".to_vec(), fill(2 * headers::MAX_HEADER_SECTION)].concat();
    assert_eq!(submission(&big, None, None).unwrap().head.len(), 19);
}

#[test]
fn the_mbox_line_is_no_header() {
    let message =
        b"From joe Mon Jan  5 10:00:00 2026\r\nBcc: x@y\r\nFrom: a@b\r\n\r\nFrom here\r\n";
    let parts = submission(message, None, None).unwrap();
    assert_eq!(parts.head, b"From: a@b\r\n\r\n");
    assert_eq!(&message[parts.body_offset..], b"From here\r\n");
    // It is at the very start or nowhere.
    let message = b"To: a@b\nFrom joe Mon Jan\nFrom : c@d\n\n";
    assert_eq!(submission(message, None, None).unwrap().head, message);
}

#[test]
fn bcc_is_removed() {
    let cases: &[(&[u8], &[u8])] = &[
        (b"Bcc: x@y\r\nA: 1\r\n\r\n", b"A: 1\r\n\r\n"),
        (b"A: 1\r\nbCC: x@y,\r\n z@y,\r\n \r\n\tq@y\r\n\r\n", b"A: 1\r\n\r\n"),
        (b"A: 1\nBcc:\nB: 2\nRESENT-BCC:\n x\nBcc: y\n\n", b"A: 1\nB: 2\n\n"),
        (b"A: 1\rBcc: x\r y\r\r", b"A: 1\r\r"),
        (b"A: 1\nBcc: x\r y\r\nB: 2\n\r", b"A: 1\nB: 2\n\r"),
        (b"A: 1\rBcc: x\nB: 2\n", b"A: 1\rB: 2\n"),
        // The empty line stays one.
        (b"A: 1\rBcc: x\n\n", b"A: 1\r\n\n"),
        (b"A: 1\rBcc: x\nBcc: y\n\nb", b"A: 1\r\n\n"),
        (b"A: 1\rBcc: x\r\n\r\n", b"A: 1\r\r\n"),
        (b"Bcc \t: x@y\nA: 1\n\n", b"A: 1\n\n"),
        // Folded before the colon: unfolded, it is a Bcc like any other (RFC 5322 section 2.2.3).
        (b"Bcc\r\n : x@y\r\nA: 1\r\n\r\n", b"A: 1\r\n\r\n"),
        (b"A: 1\nBCC \n \t\n\t:\n x@y\nB: 2\n\n", b"A: 1\nB: 2\n\n"),
        (b"A: 1\rresent-bcc\r : x@y\rB: 2\r\r", b"A: 1\rB: 2\r\r"),
        (b"Resent-Bcc\t \r\n\t:x@y\r\n z@y\r\nA: 1\r\n\r\n", b"A: 1\r\n\r\n"),
        (b"A: 1\nBcc\n :", b"A: 1\n"),
        (b"A: 1\nBcc: x@y", b"A: 1\n"),
        (b"A: 1\nBcc: x@y\n z", b"A: 1\n"),
        (b"Bcc: x@y", b""),
        (b"no field\nBcc: x@y\nA: 1\n\n", b"no field\nA: 1\n\n"),
        // What only looks like it.
        (b"Bcc\n: x@y\n\n", b"Bcc\n: x@y\n\n"),
        (b"Bcc\n x : y\n\n", b"Bcc\n x : y\n\n"),
        (b"Bcc\n\n : x@y\n", b"Bcc\n\n"),
        (
            b"X-Bcc: 1\nBccs: 2\nA: b\n Bcc: 3\nBcc\nBc: 4\nBcc\0: 5\n Bcc: 6\n\n",
            b"X-Bcc: 1\nBccs: 2\nA: b\n Bcc: 3\nBcc\nBc: 4\nBcc\0: 5\n Bcc: 6\n\n",
        ),
        (b"\nBcc: x@y\n", b"\n"),
    ];
    for (message, head) in cases {
        let parts = submission(message, Some("a@b"), Some(&["c@d"])).unwrap();
        assert_eq!(parts.head, *head, "{:?}", String::from_utf8_lossy(message));
    }
}

/// Quadratic reading of any of these takes minutes.
#[test]
fn a_megabyte_of_anything_is_read_in_one_pass() {
    let patterns: &[&str] = &[
        "(",
        ")",
        "()",
        "(((\\",
        "\"",
        "\"\\",
        "\"a",
        "<",
        ">",
        "<>",
        "<a@b",
        "<@",
        "<@a,",
        "[",
        "@[",
        "@[a",
        "@",
        ".",
        "a.",
        "a ",
        "a@b,",
        ",",
        ";",
        ":",
        "A:",
        "A:B:;",
        "a@:",
        "a :",
        "Bcc\n ",
        "Bcc\n :",
        "=?",
        "=?a?q?",
        "=?a?q?b?=",
        " =?a?q?",
        ",=?a?q?,",
        "\\",
        "(\"",
        "\"(",
        "\r\n ",
        "\n ",
        "\n\n",
        "To:\n",
        "To:a@b\n",
        "\u{e9}",
        "\0",
        "a@b <c@d> ",
        "<a:",
    ];
    for pattern in patterns {
        for start in ["", "(", "\"", "<", "x@y ", "x@y:", "<@", "=?", "a"] {
            let mut message = format!("From: a@b\nTo: {start}");
            let length = if start.is_empty() { 1 << 20 } else { 1 << 16 };
            message.push_str(&pattern.repeat(length / pattern.len()));
            let begun = Instant::now();
            let _ = submission(message.as_bytes(), None, None);
            assert!(begun.elapsed() < Duration::from_secs(10), "{start}{pattern}...");
        }
    }
}

/// A mailbox as it is written, and the address in it.
fn mailbox() -> impl Strategy<Value = (String, String)> {
    let blank =
        prop_oneof![Just(""), Just(" "), Just("\r\n "), Just(" (a, (b) \\) <c@d>) "), Just("\n\t")];
    let name = prop_oneof![
        Just(""),
        Just("Joe Q. Doe"),
        Just("\"Doe, Joe; <x@y> (:\""),
        Just("=?utf-8?Q?Doe,_<J>?="),
        Just("[list] J"),
        Just("j@x"),
        Just("J\u{e9}"),
    ];
    let local = prop_oneof![
        "[a-z]{1,8}(\\.[a-z+=?_!#]{1,4}){0,2}",
        "[a-z ,<>@:;.()]{0,8}".prop_map(|text| format!("\"{text}\"")),
        Just("\"a\\\"b\\\\\"".to_owned()),
        Just("j\u{e9}".to_owned()),
    ];
    let domain = prop_oneof!["[a-z0-9-]{1,9}(\\.[a-z]{2,3}){0,2}", Just("[192.0.2.1]".to_owned())];
    (blank, name, local, domain, any::<bool>()).prop_map(|(blank, name, local, domain, angle)| {
        let address = format!("{local}@{domain}");
        let bare = format!("{blank}{local}{blank}@{blank}{domain}{blank}");
        let written =
            if name.is_empty() && !angle { bare } else { format!("{name}{blank}<{bare}>{blank}") };
        (written, address)
    })
}

/// A field's lines as bytes, and whether they are a Bcc.
fn field() -> impl Strategy<Value = (Vec<u8>, bool)> {
    let end = prop_oneof![Just("\n"), Just("\r\n"), Just("\r")];
    let name = prop::sample::select(vec![
        "Subject",
        "X-Bcc",
        "Bcc-X",
        "Received",
        "From",
        "To",
        "Bcc",
        "Bcc",
        "Resent-Bcc",
    ]);
    let value = prop::collection::vec(
        prop::collection::vec(any::<u8>(), 0..12).prop_map(|mut line| {
            line.retain(|byte| !matches!(byte, b'\r' | b'\n'));
            line
        }),
        1..4,
    );
    (name, any::<u32>(), value, prop_oneof![Just(" "), Just("\t")], end).prop_map(
        |(name, cases, lines, fold, end)| {
            let mixed: Vec<u8> = name
                .bytes()
                .enumerate()
                .map(|(at, byte)| {
                    if cases >> at & 1 == 1 {
                        byte.to_ascii_uppercase()
                    } else {
                        byte.to_ascii_lowercase()
                    }
                })
                .collect();
            let value = lines.join([end, fold].concat().as_bytes());
            (
                [&mixed, b":".as_slice(), &value, end.as_bytes()].concat(),
                name.ends_with("Bcc") && name != "X-Bcc",
            )
        },
    )
}

proptest! {
    #[test]
    fn every_way_to_write_a_mailbox(mailboxes in prop::collection::vec(mailbox(), 0..8), group: bool) {
        let list = mailboxes.iter().map(|(written, _)| written.as_str()).collect::<Vec<_>>().join(",");
        let value = if group { format!("G (x:) : {list} ;") } else { list };
        let expected: Vec<String> = mailboxes.into_iter().map(|(_, address)| address).collect();
        prop_assert_eq!(read(&value), expected, "{:?}", value);
    }

    #[test]
    fn without_bcc_every_byte_is_the_callers(
        fields in prop::collection::vec(field(), 0..8),
        end in prop_oneof![Just("\r\n"), Just("\n")],
        body: Vec<u8>,
    ) {
        let all: Vec<u8> = fields.iter().flat_map(|(lines, _)| lines.clone()).collect();
        let kept: Vec<u8> = fields.iter().filter(|(_, bcc)| !bcc).flat_map(|(lines, _)| lines.clone()).collect();
        // A CR and the LF of the empty line behind it would be one line end.
        let end = if end == "\n" && all.ends_with(b"\r") { "\r\n" } else { end };
        let end = end.as_bytes();
        let message = [&all, end, &body].concat();
        let parts = submission(&message, Some("a@b"), Some(&["c@d"])).unwrap();
        prop_assert_eq!(&message[parts.body_offset..], &body[..]);
        // Nor may a CR meet that LF because the Bcc between them is gone.
        let bridge: &[u8] = if kept.ends_with(b"\r") && end == b"\n" { b"\n" } else { b"" };
        prop_assert_eq!(parts.head, [&kept, bridge, end].concat());
    }

    #[test]
    fn arbitrary_bytes(message: Vec<u8>, soup in "(From|To|Bcc|Cc|Resent-Date|:|\n|\r| |\t|a|@|<|>|,|;|\\(|\\)|\"|\\\\|\\[|\\]|=\\?|\\.){0,80}") {
        for message in [&message[..], soup.as_bytes()] {
            if let Ok(parts) = submission(message, None, None) {
                for address in parts.to.iter().chain([&parts.from]) {
                    prop_assert!(!address.is_empty() && !address.contains(['\r', '\n']));
                }
            }
            if let Ok(parts) = submission(message, Some("a@b"), Some(&["c@d"])) {
                // Nothing is left to take out.
                let again = submission(&parts.head, Some("a@b"), Some(&["c@d"]));
                let mbox = parts.head.starts_with(b"From ");
                prop_assert!(mbox || again.unwrap().head == parts.head);
            }
            for address in addresses::addresses(message) {
                prop_assert!(!address.is_empty());
                prop_assert!(!address.iter().any(|byte| matches!(byte, b'\r' | b'\n')));
            }
        }
    }
}
