//! Media types (RFC 2045 section 5.1): checking what a program gives, and guessing by the file name
//! what it does not.

use crate::error::{Result, SHOWN_TEXT, printable};

use super::check::{self, invalid};
use super::params::is_token;

/// A media type with its parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `type/subtype` in lower case.
    pub essence: String,
    pub params: Vec<(String, String)>,
}

impl Media {
    pub fn parse(input: &str) -> Result<Media> {
        check::text("the content type", input, MOST)?;
        let bad = |what: &str| {
            let shown = printable(input.as_bytes(), SHOWN_TEXT);
            invalid(format!("the content type \"{shown}\" {what}"))
        };
        let (essence, mut rest) = input.split_once(';').unwrap_or((input, ""));
        let essence = essence.trim_matches(BLANKS).to_ascii_lowercase();
        let (kind, subtype) =
            essence.split_once('/').ok_or_else(|| bad("is not of the form type/subtype"))?;
        if !is_token(kind) || !is_token(subtype) {
            return Err(bad("is not of the form type/subtype"));
        }
        if kind == "multipart" {
            return Err(bad("is the library's to make; give its parts one by one"));
        }
        let mut params: Vec<(String, String)> = Vec::new();
        while !rest.trim_matches(BLANKS).is_empty() {
            let (name, behind) =
                rest.split_once('=').ok_or_else(|| bad("has a parameter without a value"))?;
            let name = name.trim_matches(BLANKS).to_ascii_lowercase();
            // RFC 2231's signs in a name are made here.
            if !is_token(&name) || name.contains(['*', '\'', '%']) {
                return Err(bad("has a parameter with no proper name"));
            }
            if params.iter().any(|(other, _)| *other == name) {
                return Err(bad("has a parameter twice"));
            }
            let (value, behind) = value(behind.trim_start_matches(BLANKS))
                .ok_or_else(|| bad("has a parameter with no proper value"))?;
            params.push((name, value));
            let behind = behind.trim_start_matches(BLANKS);
            rest = match behind.strip_prefix(';') {
                Some(rest) => rest,
                None if behind.is_empty() => "",
                None => return Err(bad("has something behind the value of a parameter")),
            };
        }
        Ok(Media { essence, params })
    }

    /// What the end of a file name stands for; bytes of no known kind otherwise.
    pub fn guess(file_name: &str) -> Media {
        let known = file_name.rsplit_once('.').and_then(|(_, end)| {
            KNOWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(end)).map(|(_, media)| *media)
        });
        Media {
            essence: known.unwrap_or("application/octet-stream").to_owned(),
            params: Vec::new(),
        }
    }

    /// A message in a message may not be encoded (RFC 2046 section 5.2.1).
    pub fn is_message(&self) -> bool {
        matches!(self.essence.as_str(), "message/rfc822" | "message/global" | "message/partial")
    }

    pub fn is_text(&self) -> bool {
        self.essence.starts_with("text/")
    }

    pub fn has_param(&self, name: &str) -> bool {
        self.params.iter().any(|(other, _)| other == name)
    }
}

/// A token or quoted string at the beginning of `text`, and what stands behind it.
fn value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
        return is_token(&text[..end]).then(|| (text[..end].to_owned(), &text[end..]));
    };
    let mut value = String::new();
    let mut characters = quoted.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(characters.next()?),
            character => value.push(character),
        }
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

/// Longer than any in use.
const MOST: usize = 900;

/// Ends of file names that programs send by mail, each with what IANA's registry calls it. A file
/// that holds a message is not here: such a part may not be encoded.
const KNOWN: &[(&str, &str)] = &[
    ("7z", "application/x-7z-compressed"),
    ("avif", "image/avif"),
    ("bmp", "image/bmp"),
    ("bz2", "application/x-bzip2"),
    ("conf", "text/plain"),
    ("css", "text/css"),
    ("csv", "text/csv"),
    ("diff", "text/x-diff"),
    ("doc", "application/msword"),
    ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ("gif", "image/gif"),
    ("gz", "application/gzip"),
    ("htm", "text/html"),
    ("html", "text/html"),
    ("ics", "text/calendar"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript"),
    ("json", "application/json"),
    ("log", "text/plain"),
    ("md", "text/markdown"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("odp", "application/vnd.oasis.opendocument.presentation"),
    ("ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("odt", "application/vnd.oasis.opendocument.text"),
    ("ogg", "audio/ogg"),
    ("patch", "text/x-diff"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("ppt", "application/vnd.ms-powerpoint"),
    ("pptx", "application/vnd.openxmlformats-officedocument.presentationml.presentation"),
    ("ps", "application/postscript"),
    ("rtf", "application/rtf"),
    ("svg", "image/svg+xml"),
    ("tar", "application/x-tar"),
    ("tgz", "application/gzip"),
    ("tif", "image/tiff"),
    ("tiff", "image/tiff"),
    ("txt", "text/plain"),
    ("vcf", "text/vcard"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
    ("xls", "application/vnd.ms-excel"),
    ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    ("xml", "application/xml"),
    ("xz", "application/x-xz"),
    ("yaml", "application/yaml"),
    ("yml", "application/yaml"),
    ("zip", "application/zip"),
    ("zst", "application/zstd"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_with_parameters() {
        let cases: &[(&str, &str, &[(&str, &str)])] = &[
            ("text/plain", "text/plain", &[]),
            (" Text/HTML ; charset=UTF-8 ", "text/html", &[("charset", "UTF-8")]),
            ("a/b;x=1;y=\"2; \\\"3\\\"\";", "a/b", &[("x", "1"), ("y", "2; \"3\"")]),
            ("a/b; x = 1 ; y=\"\u{e9}\"", "a/b", &[("x", "1"), ("y", "\u{e9}")]),
            ("application/vnd.a+b.c-d", "application/vnd.a+b.c-d", &[]),
        ];
        for (input, essence, params) in cases {
            let media = Media::parse(input).unwrap_or_else(|error| panic!("{input}: {error}"));
            let seen: Vec<_> =
                media.params.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
            assert_eq!((media.essence.as_str(), &seen[..]), (*essence, *params), "{input}");
        }
    }

    #[test]
    fn what_is_no_type() {
        let long = format!("a/{}", "b".repeat(MOST));
        for (input, words) in [
            ("", "type/subtype"),
            ("text", "type/subtype"),
            ("text/", "type/subtype"),
            ("/plain", "type/subtype"),
            ("te xt/plain", "type/subtype"),
            ("t\u{e9}xt/plain", "type/subtype"),
            ("text/plain/x", "type/subtype"),
            ("multipart/mixed", "the library's"),
            ("a/b; x", "without a value"),
            ("a/b; x=", "no proper value"),
            ("a/b; x=\"1", "no proper value"),
            ("a/b; x*=1", "no proper name"),
            ("a/b; x=1; X=2", "twice"),
            ("a/b; x=\"1\" y=2", "behind the value"),
            ("a/b\r\nX: y", "control character"),
            (&long, "longer than"),
        ] {
            let error = Media::parse(input).unwrap_err();
            assert!(error.message().contains(words), "{input}: {error}");
        }
    }

    #[test]
    fn guesses_by_the_end_of_the_name() {
        for (name, essence) in [
            ("report.pdf", "application/pdf"),
            ("REPORT.PDF", "application/pdf"),
            ("a.tar.gz", "application/gzip"),
            ("syslog.log", "text/plain"),
            ("mail.eml", "application/octet-stream"),
            ("nothing", "application/octet-stream"),
            (".", "application/octet-stream"),
            ("", "application/octet-stream"),
        ] {
            assert_eq!(Media::guess(name).essence, essence, "{name}");
        }
        let sorted = KNOWN.windows(2).all(|pair| pair[0].0 < pair[1].0);
        assert!(sorted && KNOWN.iter().all(|(_, media)| Media::parse(media).is_ok()));
    }
}
