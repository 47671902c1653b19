//! What the server offers: the reply to EHLO (RFC 5321 section 4.1.1.1) as a table.

use crate::error::printable;

/// How much of one parameter string is kept.
const MAX_PARAMS: usize = 8192;

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
        let mut this = Capabilities::default();
        for line in ehlo_text.split(|byte| *byte == b'\n').skip(1) {
            this.add(line);
        }
        this.set_flags();
        this
    }

    /// The keyword ends at white space, or at the `=` of servers from before RFC 2554, which wrote
    /// `AUTH=LOGIN PLAIN`; what begins with neither letter nor digit is none.
    fn add(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        let ends = |byte: &u8| byte.is_ascii_whitespace() || *byte == b'=';
        let (keyword, params) = line.split_at(line.iter().position(ends).unwrap_or(line.len()));
        if !keyword.first().is_some_and(u8::is_ascii_alphanumeric) {
            return;
        }
        let keyword = printable(keyword, MAX_PARAMS);
        let mut params = printable(params.trim_ascii(), MAX_PARAMS);
        if keyword.eq_ignore_ascii_case("AUTH") {
            for name in params.trim_start_matches('=').split_ascii_whitespace() {
                let name = name.to_ascii_uppercase();
                if !self.mechanisms.contains(&name) {
                    self.mechanisms.push(name);
                }
            }
            params = self.mechanisms.join(" ");
        }
        match self.entries.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(&keyword)) {
            Some((_, known)) => *known = params,
            None => self.entries.push((keyword, params)),
        }
    }

    fn set_flags(&mut self) {
        self.pipelining = self.has("PIPELINING");
        self.chunking = self.has("CHUNKING");
        self.starttls = self.has("STARTTLS");
        self.eight_bit_mime = self.has("8BITMIME");
        self.smtputf8 = self.has("SMTPUTF8");
        self.binary_mime = self.has("BINARYMIME");
        // RFC 1870 section 4: 0, nothing, or nonsense is no limit.
        self.size = self.params("SIZE").map(|size| size.parse().ok().filter(|limit| *limit > 0));
        self.mail_max = self.limit("MAILMAX");
        self.rcpt_max = self.limit("RCPTMAX");
        self.rcpt_domain_max = self.limit("RCPTDOMAINMAX");
    }

    /// RFC 9422 section 4; a limit that is no positive number is none.
    fn limit(&self, name: &str) -> Option<u32> {
        self.params("LIMITS")?.split_ascii_whitespace().find_map(|param| {
            let (known, value) = param.split_once('=')?;
            known.eq_ignore_ascii_case(name).then(|| value.parse().ok().filter(|n| *n > 0))?
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

#[cfg(test)]
mod tests {
    use super::*;

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
    fn size_that_is_no_limit() {
        for (text, offered, limit) in [
            ("h\nSIZE", true, None),
            ("h\nSIZE 0", true, None),
            ("h\nSIZE 99999999999999999999999", true, None),
            ("h\nSIZE -1", true, None),
            ("h\nSIZE 35882577", true, Some(35_882_577)),
            ("SIZE 10", false, None),
        ] {
            let parsed = Capabilities::parse(text.as_bytes());
            assert_eq!((parsed.size_offered(), parsed.size_limit()), (offered, limit), "{text}");
        }
    }
}
