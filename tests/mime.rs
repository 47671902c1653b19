//! Messages that the library writes, read back by Python's email package and by mail-parser, which
//! others wrote: field by field, and byte by byte.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use mail_parser::{Address, HeaderValue, MessageParser, MimeHeaders};
use smtpclient::message::build::{Built, Date, Fresh, Message, Role, Stream};

/// A mailbox: name and address.
type Who = (String, String);

/// What a message is given.
#[derive(Clone, Debug, Default)]
struct Given {
    from: Vec<Who>,
    to: Vec<Who>,
    cc: Vec<Who>,
    reply_to: Vec<Who>,
    bcc: Vec<Who>,
    /// A group of To: its name, and who is in it.
    group: Option<(String, Vec<Who>)>,
    subject: String,
    header: String,
    text: Option<String>,
    html: Option<String>,
    files: Vec<File>,
}

#[derive(Clone, Debug)]
struct File {
    name: String,
    media: &'static str,
    /// Shown inline by this.
    id: Option<String>,
    bytes: Vec<u8>,
}

const DATE: Date = Date {
    year: 2026,
    month: 12,
    day: 1,
    weekday: 2,
    hour: 23,
    minute: 5,
    second: 9,
    zone_minutes: 330,
};

const ID: &str = "<00112233@mail.example>";

impl Given {
    fn build(&self) -> Arc<Built> {
        let mut message = Message::new();
        let [(name, address)] = &self.from[..] else { panic!("one author") };
        message.set_from(Some(name), address).unwrap();
        let lists = [
            (Role::To, &self.to),
            (Role::Cc, &self.cc),
            (Role::Bcc, &self.bcc),
            (Role::ReplyTo, &self.reply_to),
        ];
        for (role, list) in lists {
            for (name, address) in list {
                message.add(role, Some(name), address).unwrap();
            }
        }
        if let Some((name, members)) = &self.group {
            let members: Vec<String> = members.iter().map(|(_, address)| address.clone()).collect();
            message.add(Role::To, None, &format!("{name}: {};", members.join(", "))).unwrap();
        }
        message.set_subject(Some(&self.subject)).unwrap();
        message.add_header("Comments", &self.header).unwrap();
        message.add_header("Message-ID", ID).unwrap();
        message.set_date(DATE);
        message.set_text(self.text.as_deref()).unwrap();
        message.set_html(self.html.as_deref()).unwrap();
        for File { name, media, id, bytes } in &self.files {
            let content = Arc::new(bytes.clone());
            match id {
                Some(id) => message.attach_inline(id, Some(name), Some(media), content).unwrap(),
                None => message.attach(Some(name), Some(media), content).unwrap(),
            }
        }
        let random = std::array::from_fn(|at| at as u8 * 7);
        message.build(|| Ok(Fresh { now: DATE, random })).unwrap().clone()
    }

    fn is_multipart(&self) -> bool {
        !self.files.is_empty() || (self.text.is_some() && self.html.is_some())
    }

    /// What a reader is to find, in the words of `read.py`; `encoded` if the text is in base64.
    fn facts(&self, encoded: bool) -> Vec<String> {
        let mut facts = Facts::default();
        facts.tell("Subject", &[self.subject.as_bytes()]);
        facts.addresses("From", &self.from);
        facts.addresses("To", &self.to);
        if let Some((name, members)) = &self.group {
            facts.tell("To group", &[name.as_bytes()]);
            let nameless: Vec<Who> =
                members.iter().map(|(_, address)| (String::new(), address.clone())).collect();
            facts.addresses("To", &nameless);
        }
        if self.to.is_empty() && self.cc.is_empty() && self.group.is_none() {
            facts.tell("To group", &[b"undisclosed-recipients"]);
        }
        facts.addresses("Cc", &self.cc);
        facts.addresses("Reply-To", &self.reply_to);
        facts.tell("Date", &[b"2026-12-01T23:05:09+05:30"]);
        facts.tell("Message-ID", &[ID.as_bytes()]);
        facts.tell("Comments", &[self.header.as_bytes()]);
        let is_shown = |file: &&File| file.id.is_some() && self.html.is_some();
        let shown = self.files.iter().filter(is_shown);
        let attached = self.files.iter().filter(|file| !is_shown(file));
        for File { name, media, id, bytes } in shown.chain(attached) {
            let disposition: &[u8] = if id.is_some() { b"inline" } else { b"attachment" };
            let id = id.as_ref().map_or(String::new(), |id| format!("<{id}>"));
            facts.tell(
                "part",
                &[media.as_bytes(), disposition, name.as_bytes(), id.as_bytes(), bytes],
            );
        }
        let none = self.html.is_none() && self.files.is_empty();
        let text = self.text.clone().or(none.then(String::new));
        for (kind, body) in [("plain", &text), ("html", &self.html)] {
            let Some(body) = body else { continue };
            let mut body = body.replace("\r\n", "\n").replace('\r', "\n");
            let is_bare = !self.is_multipart() && !encoded;
            if is_bare && !body.is_empty() && !body.ends_with('\n') {
                // A message ends with a line end.
                body.push('\n');
            }
            facts.tell(kind, &[body.as_bytes()]);
        }
        facts.0
    }
}

#[derive(Default)]
struct Facts(Vec<String>);

impl Facts {
    fn tell(&mut self, key: &str, values: &[&[u8]]) {
        let mut line = key.to_owned();
        for value in values {
            write!(
                line,
                "\t{}",
                String::from_utf8_lossy(smtpclient::sasl::encode(value).as_bytes())
            )
            .unwrap();
        }
        self.0.push(line);
    }

    fn addresses(&mut self, field: &str, list: &[Who]) {
        for (name, address) in list {
            self.tell(field, &[name.as_bytes(), address.as_bytes()]);
        }
    }
}

/// A fact as a person reads it.
fn shown(fact: &str) -> String {
    let mut words = fact.split('\t');
    let key = words.next().unwrap_or_default().to_owned();
    let decode = |word: &str| {
        let bytes = smtpclient::sasl::decode(word.as_bytes()).unwrap();
        let text = String::from_utf8_lossy(bytes.as_bytes()).into_owned();
        format!("{:.300?}", text)
    };
    words.fold(key, |line, word| format!("{line} {}", decode(word)))
}

fn compare(reader: &str, given: &Given, encoded: bool, found: &[String]) {
    let expected = given.facts(encoded);
    for at in 0..expected.len().max(found.len()) {
        let (expected, found) = (expected.get(at), found.get(at));
        let same = match (expected, found) {
            (Some(expected), Some(found)) if reader == "Python" => {
                as_python(expected) == as_python(found)
            }
            _ => expected == found,
        };
        assert!(
            same,
            "{reader}:\nexpected {}\nfound    {}\nof {given:.2000?}",
            expected.map_or("nothing".to_owned(), |fact| shown(fact)),
            found.map_or("nothing".to_owned(), |fact| shown(fact)),
        );
    }
}

/// Python takes blanks in a row in a name for one, and before 3.13 puts one between two encoded words
/// (CPython issue 121284): mail-parser alone is asked for those. It takes
/// quotes and brackets, and blanks, off the name of a file.
fn as_python(fact: &str) -> String {
    let words: Vec<&str> = fact.split('\t').collect();
    match words[..] {
        ["From" | "To" | "Cc" | "Reply-To", name, address] => {
            let name = smtpclient::sasl::decode(name.as_bytes()).unwrap();
            format!("{}\t{address}", name.as_text().unwrap().replace(' ', ""))
        }
        ["part", media, disposition, name, id, bytes] => {
            let name = smtpclient::sasl::decode(name.as_bytes()).unwrap();
            let name = name.as_text().unwrap().trim_matches(['<', '>', '"', ' ']).to_owned();
            [media, disposition, &name, id, bytes].join("\t")
        }
        _ => fact.to_owned(),
    }
}

/// The same facts as mail-parser reads them.
fn parsed(bytes: &[u8]) -> Vec<String> {
    let message = MessageParser::default().parse(bytes).expect("a message");
    let mut facts = Facts::default();
    facts.tell("Subject", &[message.subject().unwrap_or_default().as_bytes()]);
    for (field, value) in [
        ("From", message.from()),
        ("To", message.to()),
        ("Cc", message.cc()),
        ("Reply-To", message.reply_to()),
    ] {
        match value {
            Some(Address::List(list)) => {
                list.iter().for_each(|one| address(&mut facts, field, one))
            }
            Some(Address::Group(groups)) => {
                for group in groups {
                    if let Some(name) = &group.name {
                        facts.tell(&format!("{field} group"), &[name.as_bytes()]);
                    }
                    group.addresses.iter().for_each(|one| address(&mut facts, field, one));
                }
            }
            None => {}
        }
    }
    let date = message.date().expect("a date").to_rfc3339();
    facts.tell("Date", &[date.as_bytes()]);
    let id = format!("<{}>", message.message_id().expect("an id"));
    facts.tell("Message-ID", &[id.as_bytes()]);
    let any = match message.header("Comments") {
        Some(HeaderValue::Text(text)) => text.to_string(),
        _ => String::new(),
    };
    facts.tell("Comments", &[any.as_bytes()]);
    for part in message.attachments() {
        let media = part.content_type().expect("a type");
        let media = format!("{}/{}", media.ctype(), media.subtype().unwrap_or_default());
        let disposition = part.content_disposition().map_or("", |one| one.ctype());
        let id = part.content_id().map_or(String::new(), |id| format!("<{id}>"));
        let bytes = match part.message() {
            Some(inner) => inner.raw_message().to_vec(),
            None => part.contents().to_vec(),
        };
        let name = part.attachment_name().unwrap_or_default();
        facts.tell(
            "part",
            &[media.as_bytes(), disposition.as_bytes(), name.as_bytes(), id.as_bytes(), &bytes],
        );
    }
    for (kind, parts) in [("plain", &message.text_body), ("html", &message.html_body)] {
        for at in parts {
            let part = &message.parts[*at];
            let is_own = match kind {
                "plain" => part.is_text() && !part.is_text_html(),
                _ => part.is_text_html(),
            };
            if is_own && part.content_disposition().is_none() {
                let text = part.text_contents().unwrap_or_default().replace("\r\n", "\n");
                facts.tell(kind, &[text.as_bytes()]);
            }
        }
    }
    facts.0
}

fn address(facts: &mut Facts, field: &str, one: &mail_parser::Addr<'_>) {
    let name = one.name.as_deref().unwrap_or_default();
    let address = one.address.as_deref().unwrap_or_default();
    facts.tell(field, &[name.as_bytes(), address.as_bytes()]);
}

/// All its bytes, by a buffer of that size.
fn bytes(built: &Arc<Built>, buffer: usize) -> Vec<u8> {
    let mut stream = Stream::new(built).unwrap();
    let (mut all, mut buffer) = (Vec::new(), vec![0; buffer]);
    loop {
        match stream.read(&mut buffer).unwrap().expect("memory is always ready") {
            0 => return all,
            count => all.extend_from_slice(&buffer[..count]),
        }
    }
}

/// What holds for every message.
fn check_structure(given: &Given, built: &Arc<Built>, written: &[u8]) {
    assert_eq!(built.size(), Some(written.len() as u64));
    let utf8 = built.envelope().needs_utf8();
    assert!(utf8 || written.is_ascii(), "8 bits without SMTPUTF8");
    assert!(written.ends_with(b"\r\n") && !written.contains(&0));
    let mut lines = 0;
    for line in written.split(|byte| *byte == b'\n') {
        lines += 1;
        let Some(line) = line.strip_suffix(b"\r") else {
            assert!(line.is_empty(), "a bare LF");
            continue;
        };
        assert!(!line.contains(&b'\r') && line.len() <= 998, "{} bytes", line.len());
    }
    assert!(lines > 5);
    let text = String::from_utf8_lossy(written);
    let (header, _) = text.split_once("\r\n\r\n").expect("a header");
    assert!(!header.to_ascii_lowercase().contains("\r\nbcc:"));
    for line in header.split("\r\n").filter(|line| line.contains("=?utf-8?")) {
        assert!(line.len() <= 76, "{} columns: {line}", line.len());
    }
    let mut multiparts = 0;
    for declared in text.split("boundary=\"").skip(1) {
        let Some((boundary, _)) = declared.split_once('"').filter(|(one, _)| one.starts_with("=_"))
        else {
            continue;
        };
        multiparts += 1;
        let lines = |line: &str| text.split("\r\n").filter(|one| *one == line).count();
        let (begin, end) = (lines(&format!("--{boundary}")), lines(&format!("--{boundary}--")));
        assert!(begin >= 1 && end == 1, "{begin} and {end}");
        // It is declared, and nowhere else.
        assert_eq!(text.matches(boundary).count(), begin + end + 1);
    }
    assert_eq!(multiparts > 0, given.is_multipart());
    for (_, address) in &given.bcc {
        let found = written.windows(address.len()).any(|part| part == address.as_bytes());
        assert!(!found, "{address} is seen");
    }
    let small = written.len() < 20_000;
    for buffer in [1, 2, 3, 77, 78, 79, 4096].into_iter().filter(|size| small || *size > 70) {
        assert!(bytes(built, buffer) == written, "by a buffer of {buffer}");
    }
}

/// Builds, checks, and reads back with both.
fn prove(name: &str, all: &[Given]) {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("mime-{name}"));
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir_all(&place).unwrap();
    let mut command = Command::new("python3");
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/mime/read.py"));
    let mut by_base64 = Vec::new();
    for (index, given) in all.iter().enumerate() {
        let built = given.build();
        let written = bytes(&built, 64 * 1024);
        check_structure(given, &built, &written);
        let encoded =
            String::from_utf8_lossy(&written).contains("\r\nContent-Transfer-Encoding: base64\r\n");
        by_base64.push(encoded);
        compare("mail-parser", given, encoded, &parsed(&written));
        let path = place.join(format!("{index:04}.eml"));
        std::fs::write(&path, &written).unwrap();
        command.arg(path);
    }
    let output = command
        .output()
        .unwrap_or_else(|_| panic!("missing: apt-get install --no-install-recommends python3"));
    let found = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages: Vec<Vec<String>> = found
        .split("= ")
        .skip(1)
        .map(|text| text.lines().skip(1).map(str::to_owned).collect())
        .collect();
    assert_eq!(messages.len(), all.len());
    for ((given, encoded), found) in all.iter().zip(by_base64).zip(messages) {
        compare("Python", given, encoded, &found);
    }
    let _ = std::fs::remove_dir_all(&place);
}

fn who(name: &str, address: &str) -> Who {
    (name.to_owned(), address.to_owned())
}

fn simple() -> Given {
    Given {
        from: vec![who("", "me@here.example")],
        to: vec![who("", "you@there.example")],
        subject: "hello".to_owned(),
        header: "x".to_owned(),
        text: Some("Hello.\n".to_owned()),
        ..Given::default()
    }
}

fn file(name: &str, media: &'static str, bytes: &[u8]) -> File {
    File { name: name.to_owned(), media, id: None, bytes: bytes.to_vec() }
}

fn image(id: &str, name: &str) -> File {
    File {
        name: name.to_owned(),
        media: "image/png",
        id: Some(id.to_owned()),
        bytes: (0..=255).collect(),
    }
}

const TEXTS: &[&str] = &[
    "",
    "a",
    "one line\n",
    "two\nlines",
    "empty lines\n\n\n",
    "\nfirst",
    "Grüße\n",
    "Grüße, ohne Ende",
    "日本語のテキスト\n",
    ".\n..\n.hidden\n",
    "From the beginning\n>From\n",
    "trailing blanks  \nand a tab\t\n",
    "a\rb\r\nc\nd",
    "= equals =3D\n",
    "-- \nsignature\n",
    "--=_0_00070e151c232a31383f464d\n",
];

const NAMES: &[&str] = &[
    "",
    "Joe",
    "Joe Doe",
    "Doe, Joe",
    "Joe \"the\" Doe",
    "back\\slash",
    "J. R. <x@y>",
    "Jörg Müller",
    "Jörg, (Müller)",
    "=?utf-8?q?x?=",
    "日本語日本語日本語日本語日本語日本語日本語日本語日本語日本語",
    "a  b",
    "a@b",
];

const VALUES: &[&str] = &[
    "x",
    "plain words of a subject",
    "früh",
    "Re: [list] früh am Morgen: alles voll",
    "=?utf-8?q?x?=",
    "before =?utf-8?b?eHg=?= behind",
    "a_b=c?d",
    "two  blanks",
    "\u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467} family, family \u{1f468}\u{200d}\u{1f469}\u{200d}\u{1f467}",
    "日本語の件名はとても長いので何行にも折り返されるはずです。日本語の件名はとても長いので",
];

const FILES: &[&str] = &[
    "report.pdf",
    "two words.txt",
    "quote\".txt",
    "back\\slash.txt",
    "größe.csv",
    "日本語.pdf",
    "100%.txt",
    "it's*.txt",
    "a-very-long-name-of-a-file-that-does-not-fit-a-line-of-seventy-six-columns-at-all.tar.gz",
    "ein-sehr-länger-Dateiname-der-auf-keinen-Fall-in-eine-Zeile-von-sechsundsiebzig-Spalten-paßt.tar.gz",
];

#[test]
fn each_part_by_itself() {
    let mut all = vec![simple()];
    for text in TEXTS {
        let text = Some((*text).to_owned());
        all.push(Given { text: text.clone(), ..simple() });
        all.push(Given { html: text.clone(), text: None, ..simple() });
        all.push(Given { html: text.clone(), text: text.clone(), ..simple() });
        all.push(Given { text, files: vec![file("a.bin", "a/b", b"\0\r\n")], ..simple() });
    }
    for line in [900, 998, 999, 100_000] {
        all.push(Given { text: Some(format!("{}\nbehind\n", "x".repeat(line))), ..simple() });
        all.push(Given { text: Some("ü".repeat(line / 2)), ..simple() });
    }
    for name in NAMES {
        let list =
            vec![who(name, "a@b.example"), who(name, "c.d@e.example"), who("", "f@g.example")];
        all.push(Given { from: vec![who(name, "a@b.example")], ..simple() });
        all.push(Given { to: list.clone(), cc: list.clone(), reply_to: list, ..simple() });
    }
    for value in VALUES {
        all.push(Given { subject: (*value).to_owned(), header: (*value).to_owned(), ..simple() });
    }
    for name in FILES {
        all.push(Given { files: vec![file(name, "application/pdf", b"%PDF")], ..simple() });
    }
    for (size, value) in [(0, 0), (1, 0), (56, 9), (57, 255), (58, 128), (100_000, 10)] {
        let bytes: Vec<u8> = (0..size).map(|at| (at * value) as u8).collect();
        all.push(Given {
            files: vec![file("data.bin", "application/octet-stream", &bytes)],
            ..simple()
        });
    }
    for bytes in [&b"a,b\r\n1,2\r\n"[..], b"a,b\n", b"a\rb", b"no end", "ä\r\n".as_bytes(), b"."] {
        all.push(Given { files: vec![file("t.csv", "text/csv", bytes)], ..simple() });
    }
    let inner = b"From: x@y\r\nSubject: inner\r\n\r\nbody\r\n";
    all.push(Given { files: vec![file("", "message/rfc822", inner)], ..simple() });
    prove("parts", &all);
}

#[test]
fn how_parts_nest() {
    let html = Some("<img src=\"cid:logo\"><img src=\"cid:b@c\">".to_owned());
    let mut all = Vec::new();
    for html in [None, html] {
        for text in [None, Some("text\n".to_owned())] {
            for inline in [vec![], vec![image("logo", "logo.png"), image("b@c", "")]] {
                for attached in [
                    vec![],
                    vec![file("a.pdf", "application/pdf", b"1"), file("ä.txt", "text/plain", b"2")],
                ] {
                    let files = [inline.clone(), attached].concat();
                    all.push(Given { html: html.clone(), text: text.clone(), files, ..simple() });
                }
            }
        }
    }
    prove("nesting", &all);
}

#[test]
fn whom_it_is_for() {
    let quoted = who("Quoted", "\"john doe\"@b.example");
    let utf8 = || who("Jörg", "jörg@b.example");
    let all = [
        Given { to: vec![quoted], ..simple() },
        Given {
            to: vec![utf8()],
            subject: "früh".to_owned(),
            text: Some("früh\n".to_owned()),
            ..simple()
        },
        Given {
            from: vec![utf8()],
            cc: vec![utf8()],
            reply_to: vec![utf8()],
            header: "ü".repeat(400),
            ..simple()
        },
        Given { bcc: vec![who("Hidden", "hidden@secret.example")], ..simple() },
        Given { to: vec![], bcc: vec![who("Hidden", "hidden@secret.example")], ..simple() },
        Given {
            group: Some(("Team".to_owned(), vec![who("", "a@b.example"), who("", "c@d.example")])),
            to: vec![],
            ..simple()
        },
        Given {
            to: (0..10_000)
                .map(|n| who(&format!("User {n}"), &format!("user{n}@b.example")))
                .collect(),
            ..simple()
        },
    ];
    prove("whom", &all);
    let many = all[6].build();
    assert_eq!(many.envelope().recipients().count(), 10_000);
    assert_eq!(
        all[4].build().envelope().recipients().collect::<Vec<_>>(),
        ["hidden@secret.example"]
    );
}

/// xorshift: any sequence will do, if it is the same one for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }

    fn text(&mut self, most: usize) -> String {
        const PIECES: &[&str] = &[
            "a",
            "word",
            " ",
            " ",
            "ü",
            "ß",
            "日本",
            "\u{1f600}",
            "e\u{301}",
            "=",
            "?",
            "_",
            "\"",
            "\\",
            "(",
            ")",
            "<",
            ">",
            "@",
            ",",
            ";",
            ":",
            "=?utf-8?q?x?=",
            "?=",
            "%41",
            "'",
            "*",
            ".",
            "longer words in a row",
        ];
        (0..self.below(most)).map(|_| self.of(PIECES)).collect()
    }

    fn who(&mut self) -> Who {
        const ADDRESSES: &[&str] =
            &["a@b.example", "first.last@sub.example", "x+y@b.example", "o'neil@b.example"];
        (self.text(12), self.of(ADDRESSES).to_owned())
    }

    fn list(&mut self) -> Vec<Who> {
        (0..self.below(4)).map(|_| self.who()).collect()
    }

    fn body(&mut self) -> Option<String> {
        let lines = self.below(6);
        let text: String =
            (0..lines).map(|_| self.text(40) + self.of(&["\n", "\n", "\r\n", ".\n"])).collect();
        (self.below(3) > 0).then(|| text + self.of(&["", "end"]))
    }

    fn given(&mut self) -> Given {
        // mail-parser gives the bytes of a text as far as they are UTF-8.
        let file = |random: &mut Random, id: usize| {
            let media = random.of(&["application/pdf", "image/png", "text/plain", "text/csv"]);
            let bytes = match media.starts_with("text/") {
                true => random.body().unwrap_or_default().into_bytes(),
                false => (0..random.below(300)).map(|_| random.below(256) as u8).collect(),
            };
            // A text that is shown is a body to it.
            let shown = !media.starts_with("text/") && random.below(3) == 0;
            let id = shown.then(|| format!("id{id}@x"));
            File { name: random.text(30), media, id, bytes }
        };
        Given {
            from: vec![self.who()],
            to: self.list(),
            cc: self.list(),
            reply_to: self.list(),
            bcc: Vec::new(),
            group: None,
            subject: self.text(40),
            header: self.text(40),
            text: self.body(),
            html: self.body(),
            files: (0..self.below(4)).map(|id| file(self, id)).collect(),
        }
    }
}

#[test]
fn messages_at_random() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let seed =
        std::env::var("MIME_SEED").map_or(now.as_nanos() as u64 | 1, |seed| seed.parse().unwrap());
    println!("MIME_SEED={seed}");
    let mut random = Random(seed);
    let all: Vec<Given> = (0..300).map(|_| random.given()).collect();
    prove("random", &all);
}
