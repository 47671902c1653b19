//! Any arguments to the builder of messages: what is not refused is written by the rules, whatever
//! buffer it is read by, and comes back from a parser that others wrote.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use mail_parser::{MessageParser, MimeHeaders};
use smtpclient::error::ErrorKind;
use smtpclient::message::build::{Built, Date, Fresh, Message, Role, Stream};

const NOW: Date = Date {
    year: 2026,
    month: 12,
    day: 1,
    weekday: 2,
    hour: 0,
    minute: 0,
    second: 0,
    zone_minutes: 0,
};

fuzz_target!(|input: &[u8]| {
    let mut message = Message::new();
    message.set_from(None, "a@b.example").unwrap();
    let mut files = Vec::new();
    let mut subject = None;
    // Each call is a letter, and what stands up to the next 0xff: two arguments with 0xfe between.
    for call in input.split(|byte| *byte == 0xff) {
        let Some((kind, rest)) = call.split_first() else { continue };
        let mut parts = rest.splitn(2, |byte| *byte == 0xfe);
        let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let Ok(text) = std::str::from_utf8(first) else { continue };
        let other = std::str::from_utf8(second).unwrap_or("c@d.example");
        let content = Arc::new(second.to_vec());
        let done = match kind % 12 {
            0 => message.set_from(Some(text), other),
            1 => message.add(Role::To, None, text),
            2 => message.add(Role::Cc, Some(text), other),
            3 => message.add(Role::Bcc, None, text),
            4 => message.add(Role::ReplyTo, Some(text), other),
            5 => message.set_subject(Some(text)).map(|()| subject = Some(text.to_owned())),
            6 => message.add_header(text, other),
            7 => message.set_text(Some(text)),
            8 => message.set_html(Some(text)),
            9 => message.attach_inline(text, Some("x.png"), None, content),
            10 => message.attach(Some("x"), Some(text), content),
            _ => {
                let done = message.attach(Some(text), Some("a/b"), content);
                if done.is_ok() {
                    files.push(second.to_vec());
                }
                done
            }
        };
        if let Err(error) = done {
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        }
    }
    let random = std::array::from_fn(|at| input.get(at).copied().unwrap_or(at as u8));
    let built = message.build(|| Ok(Fresh { now: NOW, random }));
    let built = match built {
        Ok(built) => Arc::clone(built),
        // Several authors and no Sender.
        Err(error) => return assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}"),
    };
    let written = read(&built, 4096);
    check(&built, &written);
    let size = 1 + usize::from(input.first().copied().unwrap_or_default());
    assert!(read(&built, size) == written, "by a buffer of {size}");

    let parsed = MessageParser::default().parse(&written[..]).expect("a message");
    if let Some(subject) = subject.filter(|one| !one.is_empty()) {
        assert_eq!(parsed.subject().unwrap_or_default(), subject);
    }
    let found = parsed.parts.iter().filter(|part| part.is_content_type("a", "b"));
    let found: Vec<&[u8]> = found.map(|part| part.contents()).collect();
    let written_so: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
    // Others of that type may be among them.
    assert!(written_so.iter().all(|file| found.contains(file)));
});

fn read(built: &Arc<Built>, size: usize) -> Vec<u8> {
    let mut stream = Stream::new(built).expect("it is in memory");
    let (mut all, mut buffer) = (Vec::new(), vec![0; size]);
    loop {
        match stream.read(&mut buffer).expect("it is in memory") {
            Some(0) => return all,
            Some(count) => all.extend_from_slice(&buffer[..count]),
            None => panic!("it is in memory"),
        }
    }
}

fn check(built: &Built, written: &[u8]) {
    assert_eq!(built.size(), Some(written.len() as u64));
    assert!(built.envelope().needs_utf8() || written.is_ascii());
    assert!(written.ends_with(b"\r\n") && !written.contains(&0));
    for line in written[..written.len() - 2].split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        assert!(!line.contains(&b'\r') && line.len() <= 998);
    }
    let lines = written.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(written.windows(2).filter(|pair| pair == b"\r\n").count(), lines);
    let dots = written.windows(3).any(|part| part == b"\r\n." || part == b"\n.");
    assert_eq!(built.has_dot_lines(), dots);
}
