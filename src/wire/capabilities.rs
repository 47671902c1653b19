//! What the server offers: the reply to EHLO (RFC 5321 section 4.1.1.1) as a table.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::error::printable;

/// The extensions of the last EHLO, in the server's order.
#[derive(Clone, Debug, Default)]
pub struct Capabilities {
    entries: Vec<(String, String)>,
    mechanisms: Vec<String>,
    pipelining: bool,
    chunking: bool,
    starttls: bool,
    eight_bit_mime: bool,
    smtputf8: bool,
    binary_mime: bool,
    size: Option<Option<u64>>,
    mail_max: Option<u32>,
    rcpt_max: Option<u32>,
    rcpt_domain_max: Option<u32>,
}

impl Capabilities {
    /// Of a reply's text: the greeting, then one keyword a line.
    pub fn parse(ehlo_text: &[u8]) -> Self {
        let mut reader = Reader::default();
        ehlo_text.split(|byte| *byte == b'\n').skip(1).for_each(|line| reader.line(line));
        reader.offered.set_flags();
        reader.offered
    }

    fn set_flags(&mut self) {
        self.pipelining = self.has("PIPELINING");
        self.chunking = self.has("CHUNKING");
        self.starttls = self.has("STARTTLS");
        self.eight_bit_mime = self.has("8BITMIME");
        self.smtputf8 = self.has("SMTPUTF8");
        self.binary_mime = self.has("BINARYMIME");
        self.size = self.params("SIZE").map(positive);
        self.mail_max = self.limit("MAILMAX");
        self.rcpt_max = self.limit("RCPTMAX");
        self.rcpt_domain_max = self.limit("RCPTDOMAINMAX");
    }

    fn limit(&self, name: &str) -> Option<u32> {
        self.params("LIMITS")?.split_ascii_whitespace().find_map(|param| {
            let (known, value) = param.split_once('=')?;
            known.eq_ignore_ascii_case(name).then(|| positive(value))?
        })
    }

    /// Whether the extension is offered; letter case does not matter.
    pub fn has(&self, name: &str) -> bool {
        self.params(name).is_some()
    }

    /// The extension's parameters as sent, `""` if it has none.
    pub fn params(&self, name: &str) -> Option<&str> {
        let entry = self.entries.iter().find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(&entry.1)
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keyword at `index`, as sent.
    pub fn name(&self, index: usize) -> Option<&str> {
        Some(&self.entries.get(index)?.0)
    }

    pub fn pipelining(&self) -> bool {
        self.pipelining
    }

    pub fn chunking(&self) -> bool {
        self.chunking
    }

    pub fn starttls(&self) -> bool {
        self.starttls
    }

    pub fn eight_bit_mime(&self) -> bool {
        self.eight_bit_mime
    }

    pub fn smtputf8(&self) -> bool {
        self.smtputf8
    }

    pub fn binary_mime(&self) -> bool {
        self.binary_mime
    }

    pub fn size_offered(&self) -> bool {
        self.size.is_some()
    }

    /// The largest message the server takes, in octets, if it says.
    pub fn size_limit(&self) -> Option<u64> {
        self.size.flatten()
    }

    /// SASL mechanisms, upper case, each once.
    pub fn auth_mechanisms(&self) -> impl Iterator<Item = &str> {
        self.mechanisms.iter().map(String::as_str)
    }

    /// Most transactions on one connection.
    pub fn mail_max(&self) -> Option<u32> {
        self.mail_max
    }

    /// Most recipients in one transaction.
    pub fn rcpt_max(&self) -> Option<u32> {
        self.rcpt_max
    }

    /// Most recipient domains in one transaction.
    pub fn rcpt_domain_max(&self) -> Option<u32> {
        self.rcpt_domain_max
    }
}

/// Reads the lines of one reply, in time linear in their length: what was seen before is found by
/// its hash, however many names a hostile server has packed into 64 KiB.
#[derive(Default)]
struct Reader<'a> {
    offered: Capabilities,
    /// Where each keyword stands.
    places: HashMap<Name<'a>, usize>,
    mechanisms: HashMap<Name<'a>, usize>,
}

impl<'a> Reader<'a> {
    /// The keyword ends at white space, or at the `=` of servers from before RFC 2554, which wrote
    /// `AUTH=LOGIN PLAIN`; what begins with neither letter nor digit is none.
    fn line(&mut self, line: &'a [u8]) {
        let line = line.trim_ascii();
        let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'=';
        let (keyword, params) = line.split_at(line.iter().position(ends).unwrap_or(line.len()));
        if !keyword.first().is_some_and(u8::is_ascii_alphanumeric) {
            return;
        }
        let entries = &mut self.offered.entries;
        let place = *self.places.entry(Name(keyword)).or_insert_with(|| {
            entries.push((shown(keyword), String::new()));
            entries.len() - 1
        });
        let known = &mut entries[place].1;
        if !keyword.eq_ignore_ascii_case(b"AUTH") {
            *known = shown(params.trim_ascii());
            return;
        }
        let from = params.iter().position(|byte| *byte != b'=').unwrap_or(params.len());
        let names = params[from..].split(u8::is_ascii_whitespace);
        for name in names.filter(|name| !name.is_empty()) {
            let place = self.offered.mechanisms.len();
            if *self.mechanisms.entry(Name(name)).or_insert(place) == place {
                let name = shown(name).to_ascii_uppercase();
                if !known.is_empty() {
                    known.push(' ');
                }
                known.push_str(&name);
                self.offered.mechanisms.push(name);
            }
        }
    }
}

/// A keyword, a mechanism or a domain: letter case does not matter (RFC 5321 sections 2.4 and
/// 4.1.1.1, RFC 4422 section 3.1).
pub struct Name<'a>(pub &'a [u8]);

impl PartialEq for Name<'_> {
    fn eq(&self, other: &Self) -> bool {
        #[cfg(test)]
        tests::COMPARED.set(tests::COMPARED.get() + 1);
        self.0.eq_ignore_ascii_case(other.0)
    }
}

impl Eq for Name<'_> {}

impl Hash for Name<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.iter().for_each(|byte| state.write_u8(byte.to_ascii_uppercase()));
    }
}

/// Whole: the limits of a reply bound it.
fn shown(text: &[u8]) -> String {
    printable(text, text.len())
}

/// Digits and nothing else, which parsing alone would not ask for (`+10`). RFC 1870 section 4 and
/// RFC 9422 section 4: 0, nothing, or nonsense is no limit.
fn positive<N: FromStr + PartialOrd + Default>(text: &str) -> Option<N> {
    let number = text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?;
    number.filter(|number| *number > N::default())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How many names were compared with others.
        pub(super) static COMPARED: Cell<usize> = const { Cell::new(0) };
    }

    /// As many names as a reply can hold, all on few lines or each on its own: every one may be
    /// compared with a handful that hash alike, not with all before it.
    #[test]
    fn names_are_found_without_a_look_at_all_the_others() {
        let mechanisms = |each: usize| {
            let name = |number: usize| format!("M{number:x}");
            let names: Vec<String> = (0..10_000).map(name).collect();
            let lines = names.chunks(each).map(|names| format!("AUTH {}", names.join(" ")));
            (format!("host\n{}", lines.collect::<Vec<_>>().join("\n")), 10_000, 1)
        };
        let keywords: String = (0..999).map(|number| format!("\nX-{number} a b")).collect();
        let cases = [mechanisms(10_000), mechanisms(1000), mechanisms(10), (keywords, 0, 999)];
        for (text, mechanisms, keywords) in cases {
            COMPARED.set(0);
            let offered = Capabilities::parse(text.as_bytes());
            assert_eq!((offered.mechanisms.len(), offered.len()), (mechanisms, keywords));
            let compared = COMPARED.get();
            assert!(compared <= 4 * (mechanisms + keywords) + 1000, "{compared} comparisons");
        }
    }

    #[test]
    fn keywords_and_parameters() {
        let text = b"host greets\nPIPELINING\nsize 1000\nAUTH PLAIN login\nAUTH=LOGIN CRAM-MD5\n\
                     LIMITS RCPTMAX=10 MAILMAX=0 RCPTDOMAINMAX=x\nX-Own  a b \nX-Own c\n\n\
                     X-TAB\ta\nX-IS=b\n-X d\n=\n";
        let offered = Capabilities::parse(text);
        assert!(offered.pipelining() && offered.has("pipelining") && !offered.chunking());
        assert_eq!(offered.size_limit(), Some(1000));
        assert_eq!(offered.auth_mechanisms().collect::<Vec<_>>(), ["PLAIN", "LOGIN", "CRAM-MD5"]);
        assert_eq!(offered.params("auth"), Some("PLAIN LOGIN CRAM-MD5"));
        assert_eq!(offered.params("x-own"), Some("c"));
        assert_eq!(offered.params("none"), None);
        assert_eq!(
            (offered.rcpt_max(), offered.mail_max(), offered.rcpt_domain_max()),
            (Some(10), None, None)
        );
        assert_eq!((offered.params("x-tab"), offered.params("x-is")), (Some("a"), Some("=b")));
        assert_eq!(offered.len(), 7);
        assert_eq!(offered.name(1), Some("size"));
    }

    #[test]
    fn limits_are_digits() {
        let cases = [
            ("1", Some(1)),
            ("4294967295", Some(u32::MAX)),
            ("4294967296", None),
            ("0", None),
            ("", None),
            ("+10", None),
            ("-1", None),
            ("10x", None),
            ("1=0", None),
            ("\u{661}", None),
        ];
        for (value, limit) in cases {
            for name in ["MAILMAX", "RCPTMAX", "RCPTDOMAINMAX"] {
                let text = format!("h\nLIMITS junk = {name}={value} =7 {name}X=9");
                let offered = Capabilities::parse(text.as_bytes());
                let found = match name {
                    "MAILMAX" => offered.mail_max(),
                    "RCPTMAX" => offered.rcpt_max(),
                    _ => offered.rcpt_domain_max(),
                };
                assert_eq!(found, limit, "{text}");
            }
        }
    }

    #[test]
    fn size_that_is_no_limit() {
        for (text, offered, limit) in [
            ("h\nSIZE", true, None),
            ("h\nSIZE 0", true, None),
            ("h\nSIZE 99999999999999999999999", true, None),
            ("h\nSIZE -1", true, None),
            ("h\nSIZE +10", true, None),
            ("h\nSIZE=+10", true, None),
            ("h\nSIZE 10 20", true, None),
            ("h\nSIZE 10k", true, None),
            ("h\nSIZE 0x10", true, None),
            ("h\nSIZE \u{661}\u{660}", true, None),
            ("h\nSIZE 35882577", true, Some(35_882_577)),
            ("SIZE 10", false, None),
        ] {
            let parsed = Capabilities::parse(text.as_bytes());
            assert_eq!((parsed.size_offered(), parsed.size_limit()), (offered, limit), "{text}");
        }
    }
}
