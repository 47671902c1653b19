//! SASLprep (RFC 4013): the one form that all spellings of a user name or password have in SCRAM.
//! As RFC 5802 section 2.2 wants it, they are "stored strings": an unassigned code point is refused.
//!
//! Printable ASCII is its own form. The rest takes the feature `saslprep`. No error shows a
//! character, which could be one of a password.

use super::Secret;
use crate::error::{Error, ErrorKind, Result};

/// The form of `text`; `what` is its name in an error.
pub(super) fn prepare(what: &str, text: &str) -> Result<Secret> {
    let prepared = if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_control()) {
            return Err(refused(what, "has a control character"));
        }
        Secret::from(text)
    } else {
        unicode::prepare(what, text)?
    };
    if prepared.as_bytes().is_empty() {
        return Err(refused(what, "is empty"));
    }
    Ok(prepared)
}

fn refused(what: &str, why: &str) -> Error {
    Error::new(ErrorKind::InvalidArgument, format!("{what} {why}, which SCRAM does not take"))
}

#[cfg(feature = "saslprep")]
mod unicode {
    use icu_normalizer::ComposingNormalizerBorrowed;
    use stringprep::tables as table;
    use zeroize::Zeroizing;

    use super::{Result, Secret, refused};

    /// What NFKC makes of a UTF-8 string has at most so many times its length (UAX #15 section 9).
    const LARGEST_GROWTH: usize = 11;

    /// Not by the crate's own function, whose result grows and leaves copies behind, and which looks
    /// for unassigned code points when normalization has replaced some.
    pub(super) fn prepare(what: &str, text: &str) -> Result<Secret> {
        if text.contains(table::unassigned_code_point) {
            return Err(refused(what, "has a character unknown to Unicode 3.2"));
        }
        let mapped = text
            .chars()
            .map(|c| if table::non_ascii_space_character(c) { ' ' } else { c })
            .filter(|c| !table::commonly_mapped_to_nothing(*c));
        let mut prepared = Zeroizing::new(String::with_capacity(LARGEST_GROWTH * text.len()));
        for c in ComposingNormalizerBorrowed::new_nfkc().normalize_iter(mapped) {
            prepared.push(c);
        }
        match prepared.chars().find_map(prohibited) {
            Some(class) => Err(refused(what, class)),
            None if mixes_directions(&prepared) => {
                Err(refused(what, "mixes text from right to left with other text"))
            }
            None => Ok(Secret::from(std::mem::take(&mut *prepared).into_bytes())),
        }
    }

    /// RFC 4013 section 2.3.
    fn prohibited(c: char) -> Option<&'static str> {
        type Table = fn(char) -> bool;
        let classes: [(Table, &str); 9] = [
            (table::non_ascii_space_character, "has a space that is none of ASCII's"),
            (table::ascii_control_character, "has a control character"),
            (table::non_ascii_control_character, "has a control character"),
            (table::private_use, "has a character for private use"),
            (table::non_character_code_point, "has a code point that is no character"),
            (table::inappropriate_for_plain_text, "has a character that is no plain text"),
            (
                table::inappropriate_for_canonical_representation,
                "has a character that describes others",
            ),
            (
                table::change_display_properties_or_deprecated,
                "has a character that changes how others are shown",
            ),
            (table::tagging_character, "has a tagging character"),
        ];
        classes.iter().find_map(|(holds, class)| holds(c).then_some(*class))
    }

    /// RFC 3454 section 6.
    fn mixes_directions(text: &str) -> bool {
        text.contains(table::bidi_r_or_al)
            && (text.contains(table::bidi_l)
                || !text.starts_with(table::bidi_r_or_al)
                || !text.ends_with(table::bidi_r_or_al))
    }
}

#[cfg(not(feature = "saslprep"))]
mod unicode {
    use super::{Error, ErrorKind, Result, Secret};

    pub(super) fn prepare(what: &str, _: &str) -> Result<Secret> {
        Err(Error::new(
            ErrorKind::NotSupported,
            format!("{what} is not ASCII, which SCRAM takes only in a library with \"saslprep\""),
        ))
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "saslprep")]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ascii() {
        for text in ["user", " a~", "a=b,c", "USER"] {
            assert_eq!(prepare("the name", text).unwrap().as_bytes(), text.as_bytes());
        }
        for (text, why) in [("", "is empty"), ("a\x07", "control"), ("\x7f", "control")] {
            let error = prepare("the name", text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text:?}");
            assert!(error.message().starts_with("the name "), "{error}");
            assert!(error.message().contains(why), "{error}");
        }
    }

    #[cfg(not(feature = "saslprep"))]
    #[test]
    fn without_the_tables() {
        let error = prepare("the name", "jos\u{e9}").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotSupported);
    }

    #[cfg(feature = "saslprep")]
    #[test]
    fn forms() {
        for (text, form) in [
            // RFC 4013 section 3.
            ("I\u{ad}X", "IX"),
            ("user", "user"),
            ("USER", "USER"),
            ("\u{aa}", "a"),
            ("\u{2168}", "IX"),
            // Non-ASCII spaces, and a zero width one, which table C.1.2 has as well as B.1.
            ("a\u{a0}b\u{3000}c\u{2003}d", "a b c d"),
            ("a\u{200b}b", "a b"),
            // What table B.1 maps to nothing.
            ("a\u{34f}\u{1806}\u{200d}\u{2060}\u{fe0f}\u{feff}b", "ab"),
            // Composed, decomposed, compatible.
            ("jos\u{e9}", "jos\u{e9}"),
            ("jose\u{301}", "jos\u{e9}"),
            ("\u{fb01}", "fi"),
            ("\u{ff21}\u{ff22}", "AB"),
            ("\u{212b}", "\u{c5}"),
            ("\u{1e9b}\u{323}", "\u{1e69}"),
            ("\u{ac00}", "\u{ac00}"),
            ("\u{1100}\u{1161}", "\u{ac00}"),
            // Letter case stays.
            ("\u{c4}\u{df}", "\u{c4}\u{df}"),
            // From right to left all through, digits in the midst.
            ("\u{627}1\u{628}", "\u{627}1\u{628}"),
            ("\u{5d0}\u{5d1}", "\u{5d0}\u{5d1}"),
            // The one that grows most.
            (
                "\u{fdfa}",
                "\u{635}\u{644}\u{649} \u{627}\u{644}\u{644}\u{647} \u{639}\u{644}\u{64a}\u{647} \u{648}\u{633}\u{644}\u{645}",
            ),
        ] {
            let prepared = prepare("it", text).unwrap();
            assert_eq!(prepared.as_text().unwrap(), form, "{text:?}");
        }
    }

    #[cfg(feature = "saslprep")]
    #[test]
    fn what_has_no_form() {
        for (text, why) in [
            // RFC 4013 section 3.
            ("\u{7}", "control"),
            ("\u{627}1", "right to left"),
            ("\u{ad}", "is empty"),
            ("\u{e9}\u{7f}", "control"),
            ("\u{80}", "control"),
            ("\u{2028}", "control"),
            ("\u{e000}", "private use"),
            ("\u{10fffd}", "private use"),
            ("\u{fdd0}", "no character"),
            ("\u{1ffff}", "no character"),
            ("\u{fffd}", "no plain text"),
            ("\u{2ff0}", "describes others"),
            ("\u{200e}", "shown"),
            ("\u{202e}", "shown"),
            ("\u{e0001}", "tagging"),
            ("\u{e0041}", "tagging"),
            ("1\u{627}", "right to left"),
            ("\u{627}a\u{628}", "right to left"),
            ("\u{5d0}\u{e9}\u{5d0}", "right to left"),
            // Assigned since 3.2: stored strings have none (RFC 3454 section 7), even where
            // normalization turns one into others.
            ("\u{221}", "Unicode 3.2"),
            ("\u{1f511}", "Unicode 3.2"),
            ("\u{1f100}", "Unicode 3.2"),
            ("\u{a64a}", "Unicode 3.2"),
        ] {
            let error = prepare("the password", text).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{text:?}");
            // The tables A.1 and C.4 overlap.
            let both = why == "no character" && error.message().contains("Unicode 3.2");
            assert!(error.message().contains(why) || both, "{text:?}: {error}");
            assert!(!text.chars().any(|c| !c.is_ascii() && error.message().contains(c)));
        }
    }

    #[cfg(feature = "saslprep")]
    proptest! {
        /// What is prepared stays as it is, in a buffer that never grew.
        #[test]
        fn a_form_is_its_own(text: String) {
            if let Ok(form) = prepare("it", &text) {
                let again = prepare("it", form.as_text().unwrap()).unwrap();
                prop_assert_eq!(again.as_bytes(), form.as_bytes());
                prop_assert!(form.as_bytes().len() <= 11 * text.len());
            }
        }
    }
}
