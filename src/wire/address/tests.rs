//! What is an address, what is none, and what goes out of it.

use super::*;

#[test]
fn quoteaddr() {
    let cases = [
        ("", ""),
        ("<>", ""),
        ("a@b", "a@b"),
        ("<a@b>", "a@b"),
        (" a@b ", "a@b"),
        ("Name <a@b>", "a@b"),
        ("\"Last, First <x>\" <a@b>", "a@b"),
        ("a@b (Name (nested) \\) here)", "a@b"),
        ("John", "John"),
        ("<postmaster>", "postmaster"),
        ("\"john doe\"@b", "\"john doe\"@b"),
        ("\"a<b>c\"@d", "\"a<b>c\"@d"),
        ("\"a\\\"b\"@d", "\"a\\\"b\"@d"),
        ("\"a@b\"@c", "\"a@b\"@c"),
        ("a@[IPv6:::1]", "a@[IPv6:::1]"),
        ("user+tag@b", "user+tag@b"),
        ("\u{e9}@b", "\u{e9}@b"),
        // Comments and blanks on either side; commas where they separate nothing.
        (" (Name) a@b (x, y) (z)", "a@b"),
        ("(c)<a@b>(c) ", "a@b"),
        ("Name (Last, First; <x@y>) < a@b >", "a@b"),
        ("\"x, y; z\" <a@b>", "a@b"),
        ("a@b <c@d>", "c@d"),
        ("\"a,b;c(d)\"@e", "\"a,b;c(d)\"@e"),
        ("<\"a, b\"@c> (d)", "\"a, b\"@c"),
        ("a%b!c/d'e@f", "a%b!c/d'e@f"),
    ];
    for (input, expected) in cases {
        assert_eq!(Path::parse(input).unwrap().as_str(), expected, "{input}");
    }
}

#[test]
fn what_is_refused() {
    let cases = [
        "a\r\nRSET@b",
        "a@b\n",
        "a@b\r",
        "a\0@b",
        "\"a\r\nRSET\"@b",
        "\"a\0\"@b",
        "a\tb@c",
        "a\u{7f}@b",
        "a\u{85}@b",
        "a@b> NOTIFY=NEVER <c@d",
        "a@b>",
        "<a@b",
        "<<a@b>>",
        "<a@b> x",
        "a b@c",
        "<a@b SIZE=1>",
        "\"a@b",
        "a\" x \"@b",
        "\"a\"b@c",
        "a@\"b c\"",
        "a@b (open",
        "(open",
        "Smile :( <a@b>",
        // Blank, or all comment: neither an address nor the null path.
        " ",
        "   ",
        "(c)",
        " (c) (d(e)) ",
        " <> ",
        "<> ",
        "< >",
        "<>(c)",
        "Nobody <>",
        // More than one address, or a comment in the midst of one.
        "a@x,b@x",
        "a@x, b@x",
        "a@x ,b@x",
        "a@x;b@x",
        "a@x;",
        "joe,jane",
        "<a@x>,<b@x>",
        "<a@x>, <b@x>",
        "<a@x> <b@x>",
        "<a@x,b@x>",
        "a@x, <b@x>",
        "a@x; Name <b@x>",
        "Last, First <a@b>",
        "G: a@x;",
        "<@relay:a@b>",
        "a@b@c",
        "a@x b@x",
        "a(b)@c",
        "<a(b)@c>",
        "<(b)a@c>",
        "<a@c(b)>",
        "<a(b)@b\u{fc}cher.example>",
        "a(b)@b\u{fc}cher.example",
        "ab)@c",
    ];
    for input in cases {
        let error = Path::parse(input).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{input:?}");
        assert!(!error.message().contains(['\r', '\n', '\0']), "{input:?}");
    }
    assert!(Path::parse(&"x".repeat(MAX_PATH + 1)).is_err());
}

#[test]
fn parts_and_a_labels() {
    let cases = [
        ("a@b", "a", "b", Some("a@b")),
        ("\"a@b\"@c", "\"a@b\"", "c", Some("\"a@b\"@c")),
        ("John", "John", "", None),
        ("a@b\u{fc}cher.example", "a", "b\u{fc}cher.example", Some("a@xn--bcher-kva.example")),
        ("\u{e9}@b.example", "\u{e9}", "b.example", None),
        (
            "<\"a(b) <c>\"@b\u{fc}cher.example>",
            "\"a(b) <c>\"",
            "b\u{fc}cher.example",
            Some("\"a(b) <c>\"@xn--bcher-kva.example"),
        ),
        // What IDNA maps to `>`, a comma, a blank, an at sign; an address literal.
        ("a@b\u{ff1e}c", "a", "b\u{ff1e}c", None),
        ("a@b\u{ff0c}c", "a", "b\u{ff0c}c", None),
        ("a@b\u{3000}c", "a", "b\u{3000}c", None),
        ("a@b\u{ff20}c", "a", "b\u{ff20}c", None),
        ("a@[\u{fc}]", "a", "[\u{fc}]", None),
    ];
    for (input, local, domain, ascii) in cases {
        let path = Path::parse(input).unwrap();
        assert_eq!((path.local_part(), path.domain()), (local, domain));
        let ascii = ascii.filter(|_| cfg!(feature = "idna") || input.is_ascii());
        assert_eq!(path.with_ascii_domain().as_ref().map(Path::as_str), ascii, "{input}");
    }
}

proptest::proptest! {
    #[test]
    fn what_is_accepted_cannot_leave_its_brackets(input in "[a-c@<>(),; \"\\\\.\r\n\u{e9}\u{ff0c}\u{ff1e}]{0,12}") {
        if let Ok(path) = Path::parse(&input) {
            proptest::prop_assert_eq!(path.is_null(), matches!(input.as_str(), "" | "<>"));
            // It stands in what was given, whole; and what goes out would be read the same.
            proptest::prop_assert!(input.contains(path.as_str()));
            let again = Path::parse(&format!("<{}>", path.as_str()));
            proptest::prop_assert_eq!(again.unwrap(), path.clone());
            if let Some(labels) = path.with_ascii_domain() {
                proptest::prop_assert!(labels.is_ascii());
                proptest::prop_assert_eq!(labels.local_part(), path.local_part());
                proptest::prop_assert_eq!(Path::parse(labels.as_str()).unwrap(), labels);
            }
            let mut quotes = Quotes::default();
            for character in path.as_str().chars() {
                proptest::prop_assert!(!character.is_control());
                let quoted = quotes.takes(character);
                proptest::prop_assert!(quoted || !"<> (),;".contains(character));
            }
            proptest::prop_assert!(!quotes.inside);
        }
    }
}
