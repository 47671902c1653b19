//! The engine against a scripted peer, with every split of the input.

use super::*;
use crate::error::ErrorKind;
use crate::sasl::{self, Occasion};

fn mechanism(name: &str, user: &str, password: &str) -> Candidate {
    sasl::builtin(name, user, password, Occasion::default()).unwrap()
}

mod edges;
mod next_try;
mod truth;

/// What happened, asked for by its kind.
trait Ended {
    fn take_result(&mut self) -> Result<u16>;
    fn finished(&mut self) -> Option<Box<Transaction>>;
}

impl Ended for Session {
    fn take_result(&mut self) -> Result<u16> {
        self.result.take().expect("an operation has ended")
    }

    fn finished(&mut self) -> Option<Box<Transaction>> {
        self.mail.finished()
    }
}

/// A server in memory: reads what the session sends, answers by rules.
struct Peer {
    greeting: &'static str,
    ehlo: &'static str,
    /// (prefix of the command, reply); the first that matches is used and, if `once`, removed.
    rules: Vec<(String, String, bool)>,
    received: Vec<u8>,
    /// Commands in order, and bodies as `<body bytes>`.
    log: Vec<String>,
    mode: Mode,
    finals: usize,
    accepted: usize,
    lmtp: bool,
    /// MAIL was accepted.
    mail: bool,
    /// The message in hand asks to be rejected.
    rejects: bool,
}

#[derive(PartialEq)]
enum Mode {
    Commands,
    Data,
    Bdat(usize, bool),
}

const FULL: &str =
    "250-host\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250 CHUNKING\r\n";
const PIPELINING: &str = "250-host\r\n250 PIPELINING\r\n";
const PLAIN: &str = "250 host\r\n";

impl Peer {
    fn new(ehlo: &'static str) -> Self {
        Peer {
            greeting: "220 host\r\n",
            ehlo,
            rules: Vec::new(),
            received: Vec::new(),
            log: Vec::new(),
            mode: Mode::Commands,
            finals: 0,
            accepted: 0,
            lmtp: false,
            mail: false,
            rejects: false,
        }
    }

    fn rule(mut self, prefix: &str, reply: &str) -> Self {
        self.rules.push((prefix.to_owned(), reply.to_owned(), false));
        self
    }

    fn once(mut self, prefix: &str, reply: &str) -> Self {
        self.rules.push((prefix.to_owned(), reply.to_owned(), true));
        self
    }

    fn lmtp(mut self) -> Self {
        self.lmtp = true;
        self
    }

    fn find(&mut self, line: &str) -> Option<String> {
        let at = self.rules.iter().position(|(prefix, ..)| line.starts_with(prefix.as_str()))?;
        if self.rules[at].2 {
            Some(self.rules.remove(at).1)
        } else {
            Some(self.rules[at].1.clone())
        }
    }

    /// Takes bytes; gives the replies they call forth.
    fn take(&mut self, bytes: &[u8]) -> Vec<u8> {
        self.received.extend_from_slice(bytes);
        let mut replies = Vec::new();
        while let Some(reply) = self.step() {
            replies.extend_from_slice(reply.as_bytes());
        }
        replies
    }

    fn step(&mut self) -> Option<String> {
        match self.mode {
            Mode::Commands => {
                let end = self.received.windows(2).position(|pair| pair == b"\r\n")?;
                let line = String::from_utf8(self.received.drain(..end + 2).collect()).unwrap();
                let line = line.trim_end().to_owned();
                self.log.push(line.clone());
                Some(self.command(&line))
            }
            Mode::Data => {
                let text = self.received.clone();
                let end = if text.starts_with(b".\r\n") {
                    3
                } else {
                    text.windows(5).position(|part| part == b"\r\n.\r\n")? + 5
                };
                let body: Vec<u8> = self.received.drain(..end).collect();
                self.rejects = body.starts_with(b"reject");
                self.log.push(format!("<{}>", String::from_utf8_lossy(&body)));
                self.mode = Mode::Commands;
                Some(self.final_replies())
            }
            Mode::Bdat(length, last) => {
                if self.received.len() < length {
                    return None;
                }
                let body: Vec<u8> = self.received.drain(..length).collect();
                self.rejects = body.starts_with(b"reject");
                self.log.push(format!("<{}>", String::from_utf8_lossy(&body)));
                self.mode = Mode::Commands;
                let nobody = self.accepted == 0;
                match (nobody, last) {
                    (true, _) => Some("554 5.5.1 no valid recipients\r\n".to_owned()),
                    (_, true) => Some(self.final_replies()),
                    _ => Some(self.find("CHUNK").unwrap_or("250 chunk\r\n".to_owned())),
                }
            }
        }
    }

    fn final_replies(&mut self) -> String {
        let count = if self.lmtp { self.accepted } else { 1 };
        self.mail = false;
        self.finals += 1;
        self.accepted = 0;
        if self.rejects {
            return "554 5.6.0 rejected\r\n".repeat(count);
        }
        (0..count)
            .map(|_| self.find("FINAL").unwrap_or("250 2.0.0 queued\r\n".to_owned()))
            .collect()
    }

    fn command(&mut self, line: &str) -> String {
        let verb = line.split(' ').next().unwrap_or("").to_owned();
        if let Some(reply) = self.find(line).or_else(|| self.find(&format!("{verb}!"))) {
            if reply.starts_with("354") {
                self.mode = Mode::Data;
            }
            if verb == "MAIL" {
                self.mail = reply.starts_with('2');
                self.accepted = 0;
            }
            if verb == "RCPT" && reply.starts_with('2') {
                self.accepted += 1;
            }
            return reply;
        }
        match verb.as_str() {
            "EHLO" | "LHLO" => self.ehlo.to_owned(),
            "RCPT" if !self.mail => "503 5.5.1 need MAIL\r\n".to_owned(),
            "RCPT" => {
                self.accepted += 1;
                "250 2.1.5 ok\r\n".to_owned()
            }
            "DATA" if self.accepted == 0 => "503 no valid recipients\r\n".to_owned(),
            "DATA" => {
                self.mode = Mode::Data;
                "354 go\r\n".to_owned()
            }
            "BDAT" => {
                let mut words = line.split(' ').skip(1);
                let length = words.next().unwrap().parse().unwrap();
                self.mode = Mode::Bdat(length, words.next() == Some("LAST"));
                String::new()
            }
            "QUIT" => "221 bye\r\n".to_owned(),
            "MAIL" | "RSET" => {
                self.accepted = 0;
                self.mail = verb == "MAIL";
                "250 ok\r\n".to_owned()
            }
            _ => "250 ok\r\n".to_owned(),
        }
    }
}

/// Moves bytes until the session is quiet. `split` is the size of the pieces it reads.
fn run(session: &mut Session, peer: &mut Peer, split: usize) {
    for _ in 0..1_000_000 {
        session.poll_transmit();
        let [encoded, lent] = session.output();
        let bytes = [encoded, lent].concat();
        let replies = if bytes.is_empty() { Vec::new() } else { peer.take(&bytes) };
        session.sent(bytes.len());
        session.poll_transmit();
        for piece in replies.chunks(split) {
            session.handle_input(piece);
        }
        if session.ended().is_some() || (session.is_quiet() && replies.is_empty()) {
            return;
        }
        assert!(
            !bytes.is_empty() || session.has_output() || session.is_quiet(),
            "stuck: {:?}",
            peer.log
        );
    }
    panic!("endless: {:?}", peer.log);
}

fn connected(protocol: Protocol, peer: &mut Peer, split: usize) -> Session {
    let mut session = Session::new(protocol);
    session.opened(Channel { encrypted: false, loopback: true });
    session.handle_input(peer.greeting.as_bytes());
    assert_eq!(session.take_result().unwrap(), 220);
    session.greet("client.example").unwrap();
    run(&mut session, peer, split);
    session.take_result().unwrap();
    session
}

fn mail(to: &[&str], body: &str) -> Box<Transaction> {
    let mut transaction = Transaction::new();
    transaction.set_sender("from@example.org").unwrap();
    for address in to {
        transaction.add_recipient(address, &[]).unwrap();
    }
    transaction.set_body(Body::Owned(body.as_bytes().to_vec()));
    Box::new(transaction)
}

fn submit(session: &mut Session, transaction: Box<Transaction>) {
    session.submit(transaction).unwrap();
}

/// What a caller can tell of a transaction.
type Seen = (Option<ErrorKind>, Vec<(RecipientStatus, u16)>);

fn seen(transaction: &Transaction) -> Seen {
    let recipients = (0..transaction.recipient_count())
        .map(|i| (transaction.recipient_status(i).unwrap(), transaction.recipient_code(i)))
        .collect();
    (transaction.status_kind(), recipients)
}

fn send_all(
    session: &mut Session,
    peer: &mut Peer,
    split: usize,
    mails: Vec<Box<Transaction>>,
) -> Vec<Seen> {
    for (slot, mut transaction) in mails.into_iter().enumerate() {
        transaction.set_slot(slot);
        submit(session, transaction);
    }
    run(session, peer, split);
    let mut done: Vec<Box<Transaction>> = std::iter::from_fn(|| session.finished()).collect();
    done.sort_by_key(|transaction| transaction.slot());
    done.iter().map(|transaction| seen(transaction)).collect()
}

use RecipientStatus::{Accepted, NotTried, Refused, Unknown};

#[test]
fn wire_of_one_transaction() {
    let cases = [
        (
            PLAIN,
            "hi\n.dot",
            vec![
                "EHLO client.example",
                "MAIL FROM:<from@example.org>",
                "RCPT TO:<a@x>",
                "RCPT TO:<b@x>",
                "DATA",
                "<hi\r\n..dot\r\n.\r\n>",
            ],
        ),
        (
            FULL,
            "hi\n.dot",
            vec![
                "EHLO client.example",
                "MAIL FROM:<from@example.org> SIZE=10",
                "RCPT TO:<a@x>",
                "RCPT TO:<b@x>",
                "BDAT 10 LAST",
                "<hi\r\n.dot\r\n>",
            ],
        ),
        (
            FULL,
            "\u{e9}\r\n",
            vec![
                "EHLO client.example",
                "MAIL FROM:<from@example.org> SIZE=4 BODY=8BITMIME",
                "RCPT TO:<a@x>",
                "RCPT TO:<b@x>",
                "BDAT 4 LAST",
                "<\u{e9}\r\n>",
            ],
        ),
    ];
    for (ehlo, body, log) in cases {
        for split in [1, 2, 7, 4096] {
            let mut peer = Peer::new(ehlo);
            let mut session = connected(Protocol::Smtp, &mut peer, split);
            let outcome =
                send_all(&mut session, &mut peer, split, vec![mail(&["a@x", "b@x"], body)]);
            assert_eq!(outcome, [(None, vec![(Accepted, 250), (Accepted, 250)])]);
            assert_eq!(peer.log, log);
        }
    }
}

#[test]
fn flights_of_one_transaction() {
    // (extensions, recipients, flights after the greeting)
    for (ehlo, flights) in [(FULL, 1), (PIPELINING, 2), (PLAIN, 5)] {
        let mut peer = Peer::new(ehlo);
        let mut session = connected(Protocol::Smtp, &mut peer, 4096);
        submit(&mut session, mail(&["a@x", "b@x"], "hello\r\n"));
        let mut count = 0;
        loop {
            session.poll_transmit();
            let bytes = session.output().concat();
            if bytes.is_empty() {
                break;
            }
            session.sent(bytes.len());
            count += 1;
            let replies = peer.take(&bytes);
            session.handle_input(&replies);
        }
        assert_eq!(count, flights, "{ehlo}");
        assert!(session.is_quiet());
    }
}

#[test]
fn refusals_in_every_mode() {
    let refused = |code| (Refused, code);
    let cases: Vec<(&str, &str, Seen, bool)> = vec![
        ("MAIL!", "550 5.7.1 no\r\n", (Some(ErrorKind::SenderRefused), vec![]), true),
        (
            "RCPT TO:<b@x>",
            "550 5.1.1 unknown\r\n",
            (None, vec![(Accepted, 250), refused(550)]),
            false,
        ),
        (
            "RCPT!",
            "450 4.2.0 later\r\n",
            (Some(ErrorKind::RecipientsRefused), vec![refused(450), refused(450)]),
            true,
        ),
        (
            "FINAL",
            "554 5.6.0 spam\r\n",
            (Some(ErrorKind::Data), vec![refused(554), refused(554)]),
            true,
        ),
    ];
    for ehlo in [PLAIN, PIPELINING, FULL] {
        for (prefix, reply, (kind, recipients), resets) in &cases {
            for split in [1, 3, 4096] {
                let mut peer = Peer::new(ehlo).rule(prefix, reply);
                let mut session = connected(Protocol::Smtp, &mut peer, split);
                let seen =
                    send_all(&mut session, &mut peer, split, vec![mail(&["a@x", "b@x"], "hello")]);
                assert_eq!(seen[0].0, *kind, "{ehlo} {prefix}");
                if *kind == Some(ErrorKind::SenderRefused) {
                    assert!(seen[0].1.iter().all(|(status, _)| *status == NotTried));
                } else {
                    assert_eq!(&seen[0].1, recipients, "{ehlo} {prefix}");
                }
                assert_eq!(
                    peer.log.last().is_some_and(|line| line == "RSET"),
                    *resets,
                    "{ehlo} {prefix} {:?}",
                    peer.log
                );
                // The connection serves the next mail, whatever the last one met.
                peer.rules.clear();
                let seen = send_all(&mut session, &mut peer, split, vec![mail(&["c@x"], "next")]);
                assert_eq!(seen, [(None, vec![(Accepted, 250)])], "{ehlo} {prefix}");
            }
        }
    }
}

#[test]
fn data_is_ended_with_a_lone_dot_when_nobody_is_left() {
    let mut peer = Peer::new(PIPELINING)
        .rule("RCPT!", "550 no\r\n")
        .rule("DATA", "354 go anyway\r\n")
        .rule("FINAL", "554 nobody\r\n");
    let mut session = connected(Protocol::Smtp, &mut peer, 5);
    let seen = send_all(&mut session, &mut peer, 5, vec![mail(&["a@x"], "secret")]);
    assert_eq!(seen, [(Some(ErrorKind::RecipientsRefused), vec![(Refused, 550)])]);
    assert!(peer.log.contains(&"<.\r\n>".to_owned()), "{:?}", peer.log);
    assert!(!peer.log.iter().any(|line| line.contains("secret")));
}

#[test]
fn a_batch_has_the_outcomes_of_a_lock_step_run() {
    let mails = || {
        vec![
            mail(&["a@x"], "one"),
            mail(&["bad@x"], "two"),
            mail(&["a@x", "bad@x", "c@x"], "three\n.\nthree"),
            mail(&["spam@x"], "four"),
            mail(&["d@x"], "five"),
        ]
    };
    let peer = |ehlo| {
        Peer::new(ehlo)
            .rule("RCPT TO:<bad@x>", "550 5.1.1 bad\r\n")
            .once("MAIL FROM:<from@example.org>", "250 first\r\n")
    };
    let mut expected = None;
    for ehlo in [PLAIN, PIPELINING, FULL] {
        for split in [1, 2, 3, 5, 17, 4096] {
            let mut peer = peer(ehlo);
            let mut session = connected(Protocol::Smtp, &mut peer, split);
            let outcomes = send_all(&mut session, &mut peer, split, mails());
            assert_eq!(outcomes.len(), 5);
            assert_eq!(*expected.get_or_insert(outcomes.clone()), outcomes, "{ehlo} {split}");
        }
    }
}

#[test]
fn a_mail_refused_for_its_predecessors_sake_is_sent_again() {
    // The server keeps the refused transaction until RSET, as some do.
    let mut peer =
        Peer::new(PIPELINING).once("MAIL", "250 ok\r\n").once("FINAL", "452 4.3.1 full\r\n");
    peer.rules.push(("MAIL".into(), "503 5.5.1 nested MAIL\r\n".into(), true));
    peer.rules.push(("RCPT TO:<b@x>".into(), "503 5.5.1 need MAIL\r\n".into(), true));
    let mut session = connected(Protocol::Smtp, &mut peer, 64);
    let mails = vec![mail(&["a@x"], "one"), mail(&["b@x"], "two two")];
    let outcomes = send_all(&mut session, &mut peer, 64, mails);
    assert_eq!(
        outcomes,
        [(Some(ErrorKind::Data), vec![(Refused, 452)]), (None, vec![(Accepted, 250)])],
        "{:?}",
        peer.log
    );
}

#[test]
fn a_loss_leaves_every_transaction_its_true_outcome() {
    // How many of the replies to three pipelined transactions arrive before the loss.
    let all = "250 m\r\n250 r\r\n250 q\r\n250 x\r\n".repeat(3);
    for arrived in 0..=11 {
        let mut peer = Peer::new(FULL);
        let mut session = connected(Protocol::Smtp, &mut peer, 4096);
        for body in ["one", "two", "three"] {
            submit(&mut session, mail(&["a@x"], body));
        }
        let length = session.poll_transmit().concat().len();
        session.sent(length);
        let bytes: String = all.split_inclusive('\n').take(arrived).collect();
        session.handle_input(bytes.as_bytes());
        session.handle_eof(None);
        let outcomes: Vec<Seen> =
            std::iter::from_fn(|| session.finished()).map(|t| seen(&t)).collect();
        for (index, (kind, recipients)) in outcomes.iter().enumerate() {
            // RSET stands between two transactions.
            let whole = arrived >= 4 * index + 3;
            let expected = if whole { None } else { Some(ErrorKind::OutcomeUnknown) };
            assert_eq!(*kind, expected, "{arrived} {index}");
            assert_eq!(recipients[0].0, if whole { Accepted } else { Unknown });
        }
        assert_eq!(outcomes.len(), 3);
    }
}

#[test]
fn what_was_not_handed_over_was_not_tried() {
    let mut peer = Peer::new(FULL);
    let mut session = connected(Protocol::Smtp, &mut peer, 4096);
    submit(&mut session, mail(&["a@x"], "one"));
    submit(&mut session, mail(&["b@x"], "two"));
    session.poll_transmit();
    // One byte short of the second's end of data.
    let length = session.output().concat().len();
    session.sent(length - 1);
    session.handle_eof(None);
    let outcomes: Vec<Seen> = std::iter::from_fn(|| session.finished()).map(|t| seen(&t)).collect();
    assert_eq!(outcomes[0].0, Some(ErrorKind::OutcomeUnknown));
    assert_eq!(outcomes[1], (Some(ErrorKind::Disconnected), vec![(NotTried, 0)]));
}

#[test]
fn after_421_the_rest_was_not_tried() {
    let mut peer = Peer::new(FULL).once("MAIL", "250 ok\r\n");
    peer.rules.push(("MAIL".into(), "421 4.3.2 closing\r\n".into(), true));
    let mut session = connected(Protocol::Smtp, &mut peer, 4096);
    let mails = vec![mail(&["a@x"], "one"), mail(&["b@x"], "two"), mail(&["c@x"], "three")];
    let outcomes = send_all(&mut session, &mut peer, 4096, mails);
    assert_eq!(outcomes[0], (None, vec![(Accepted, 250)]));
    assert_eq!(outcomes[1].0, Some(ErrorKind::SenderRefused));
    assert_eq!(outcomes[2], (Some(ErrorKind::Disconnected), vec![(NotTried, 0)]));
    assert!(session.ended().is_some());
}

#[test]
fn lmtp_has_a_reply_for_each_accepted_recipient() {
    for ehlo in [PLAIN, PIPELINING, FULL] {
        let mut peer = Peer::new(ehlo)
            .lmtp()
            .rule("RCPT TO:<b@x>", "550 5.1.1 no b\r\n")
            .once("FINAL", "250 2.0.0 a\r\n")
            .once("FINAL", "452 4.2.2 c is full\r\n");
        let mut session = connected(Protocol::Lmtp, &mut peer, 3);
        let outcomes =
            send_all(&mut session, &mut peer, 3, vec![mail(&["a@x", "b@x", "c@x"], "hello")]);
        assert_eq!(
            outcomes,
            [(None, vec![(Accepted, 250), (Refused, 550), (Refused, 452)])],
            "{ehlo}"
        );
        assert_eq!(peer.log[0], "LHLO client.example");
    }
}

#[test]
fn lmtp_replies_missing_or_too_many() {
    let mut peer = Peer::new(FULL).lmtp();
    let mut session = connected(Protocol::Lmtp, &mut peer, 64);
    submit(&mut session, mail(&["a@x", "b@x"], "hello"));
    session.poll_transmit();
    let length = session.output().concat().len();
    session.sent(length);
    session.handle_input(b"250 m\r\n250 r\r\n250 r\r\n250 a\r\n");
    session.handle_eof(None);
    let (kind, recipients) = seen(&session.finished().unwrap());
    assert_eq!(kind, Some(ErrorKind::OutcomeUnknown));
    assert_eq!(recipients, [(Accepted, 250), (Unknown, 250)]);

    let mut peer = Peer::new(FULL).lmtp();
    let mut session = connected(Protocol::Lmtp, &mut peer, 64);
    submit(&mut session, mail(&["a@x"], "hello"));
    session.poll_transmit();
    let length = session.output().concat().len();
    session.sent(length);
    session.handle_input(b"250 m\r\n250 r\r\n250 a\r\n250 extra\r\n");
    assert_eq!(session.ended().unwrap().kind(), ErrorKind::Protocol);
    assert_eq!(seen(&session.finished().unwrap()), (None, vec![(Accepted, 250)]));
}

#[test]
fn a_large_body_waits_for_the_envelope_and_goes_in_chunks() {
    let body = "0123456789abcdef0123456789abcdef0123456789abcdef\r\n".repeat(50_000);
    for (ehlo, text) in
        [(FULL, body.clone()), (FULL, body.replace("\r\n", "\n")), (PLAIN, body.clone())]
    {
        let mut peer = Peer::new(ehlo);
        let mut session = connected(Protocol::Smtp, &mut peer, 4096);
        session.capabilities = Capabilities::parse(
            ehlo.replace("SIZE 1000000", "SIZE")
                .replace("250-", "")
                .replace("250 ", "")
                .replace("\r\n", "\n")
                .as_bytes(),
        );
        let outcomes = send_all(&mut session, &mut peer, 4096, vec![mail(&["a@x"], &text)]);
        assert_eq!(outcomes, [(None, vec![(Accepted, 250)])], "{:?}", &peer.log[..3]);
        let received: String = peer
            .log
            .iter()
            .filter(|line| line.starts_with('<'))
            .map(|line| line[1..line.len() - 1].to_owned())
            .collect();
        let received =
            if ehlo == PLAIN { received[..received.len() - 3].to_owned() } else { received };
        assert_eq!(received.len(), body.len());
        assert!(received == body);
    }
    let mut peer = Peer::new(FULL).rule("RCPT!", "550 no\r\n");
    let mut session = connected(Protocol::Smtp, &mut peer, 4096);
    send_all(&mut session, &mut peer, 4096, vec![mail(&["a@x"], &"x\r\n".repeat(40_000))]);
    assert!(!peer.log.iter().any(|line| line.starts_with("BDAT")), "{:?}", peer.log);
}

#[test]
fn a_refused_chunk_stops_the_upload() {
    let mut peer = Peer::new(PIPELINING).once("CHUNK", "552 5.3.4 too big\r\n");
    peer.ehlo = "250-host\r\n250-PIPELINING\r\n250 CHUNKING\r\n";
    let mut session = connected(Protocol::Smtp, &mut peer, 4096);
    let body = "0123456789abcdef0123456789abcdef0123456789abcdef\r\n".repeat(200_000);
    let outcomes = send_all(&mut session, &mut peer, 4096, vec![mail(&["a@x"], &body)]);
    assert_eq!(outcomes, [(Some(ErrorKind::Data), vec![(Refused, 552)])]);
    let chunks = peer.log.iter().filter(|line| line.starts_with("BDAT")).count();
    assert!(chunks <= 3, "{chunks} chunks of 10 MB went out");
    assert_eq!(peer.log.last().unwrap(), "RSET");
}

#[test]
fn an_early_refusal_of_data_ends_the_connection() {
    let mut peer = Peer::new(PLAIN);
    let mut session = connected(Protocol::Smtp, &mut peer, 64);
    submit(&mut session, mail(&["a@x"], &"hello world\n".repeat(100_000)));
    for reply in ["250 m\r\n", "250 r\r\n", "354 go\r\n"] {
        let length = session.poll_transmit().concat().len();
        session.sent(length);
        session.handle_input(reply.as_bytes());
    }
    session.poll_transmit();
    session.sent(1000);
    session.handle_input(b"552 5.3.4 too much\r\n");
    assert_eq!(seen(&session.finished().unwrap()), (Some(ErrorKind::Data), vec![(Refused, 552)]));
    assert!(session.ended().is_some() && !session.has_output());
}

#[test]
fn replies_that_nobody_asked_for() {
    // In lock-step a second reply is in hand when the next command would go out.
    let mut peer = Peer::new(PLAIN);
    let mut session = connected(Protocol::Smtp, &mut peer, 64);
    submit(&mut session, mail(&["a@x"], "hello"));
    session.poll_transmit();
    let length = session.output().concat().len();
    session.sent(length);
    session.handle_input(b"250 mail\r\n250 forged\r\n");
    session.poll_transmit();
    assert_eq!(session.ended().unwrap().kind(), ErrorKind::Protocol);

    // A reply before its command was sent.
    let mut session = connected(Protocol::Smtp, &mut Peer::new(PLAIN), 64);
    session.command("NOOP", "").unwrap();
    session.handle_input(b"250 too soon\r\n");
    assert_eq!(session.take_result().unwrap_err().kind(), ErrorKind::Protocol);

    // The farewell of a server that gave up waiting is the answer, wherever it is found.
    for before in [true, false] {
        let mut session = connected(Protocol::Smtp, &mut Peer::new(PLAIN), 64);
        if before {
            session.handle_input(b"421 4.4.2 idle too long\r\n");
        }
        session.command("NOOP", "").unwrap();
        if !before {
            assert!(session.wants_look());
            session.handle_input(b"421 4.4.2 idle too long\r\n");
        }
        session.poll_transmit();
        assert_eq!(session.take_result().unwrap(), 421);
        assert!(session.ended().unwrap().message().contains("idle too long"));
        assert!(!session.has_output());
    }

    // Not even half of a reply may be there.
    for early in [&b"25"[..], b"250 x\r\n", b"\r\n"] {
        let mut session = connected(Protocol::Smtp, &mut Peer::new(PLAIN), 64);
        session.command("NOOP", "").unwrap();
        session.handle_input(early);
        assert_eq!(session.take_result().unwrap_err().kind(), ErrorKind::Protocol, "{early:?}");
    }
}

/// One reply too many must not pass for that of the next transaction.
#[test]
fn lmtp_has_one_transaction_in_flight() {
    let mut peer = Peer::new(FULL).lmtp();
    let mut session = connected(Protocol::Lmtp, &mut peer, 64);
    for _ in 0..2 {
        submit(&mut session, mail(&["a@x"], "hello"));
    }
    session.poll_transmit();
    let sent = session.output().concat();
    assert_eq!(sent.windows(4).filter(|word| *word == b"MAIL").count(), 1);
    session.sent(sent.len());
    session.handle_input(b"250 m\r\n250 r\r\n250 one\r\n250 two\r\n");
    assert_eq!(session.ended().unwrap().kind(), ErrorKind::Protocol);
    assert_eq!(seen(&session.finished().unwrap()), (None, vec![(Accepted, 250)]));
    assert_eq!(seen(&session.finished().unwrap()).1, vec![(NotTried, 0)]);
}

/// Why the rest of a split transaction was not sent is told for each of its recipients.
#[test]
fn what_a_split_transaction_left_out_is_told() {
    let mut peer = Peer::new("250-host\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=1 MAILMAX=1\r\n");
    let mut session = connected(Protocol::Smtp, &mut peer, 64);
    submit(&mut session, mail(&["a@x", "b@x"], "hello"));
    run(&mut session, &mut peer, 64);
    let done = session.finished().unwrap();
    assert_eq!(seen(&done), (None, vec![(Accepted, 250), (NotTried, 0)]));
    assert!(String::from_utf8_lossy(done.recipient_text(1)).contains("MAILMAX"));
}

#[test]
fn a_line_without_its_end_is_no_reply() {
    let mut session = connected(Protocol::Smtp, &mut Peer::new(PLAIN), 64);
    session.command("NOOP", "").unwrap();
    let length = session.output().concat().len();
    session.sent(length);
    session.handle_input(b"250 que");
    session.handle_eof(None);
    let error = session.take_result().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disconnected);
    assert!(error.message().contains("250 que"), "{error}");
}

#[test]
fn hello_falls_back_to_helo() {
    let mut peer = Peer::new("502 what?\r\n");
    let mut session = connected(Protocol::Smtp, &mut peer, 1);
    assert_eq!(peer.log, ["EHLO client.example", "HELO client.example"]);
    assert!(!session.greeting().does_esmtp() && session.greeting().is_greeted());
    // After HELO nothing of ESMTP is sent, and what cannot be dropped is refused.
    let mut transaction = mail(&["a@x"], "\u{e9}");
    transaction.add_mail_option("BODY=8BITMIME").unwrap();
    let outcomes = send_all(&mut session, &mut peer, 1, vec![transaction]);
    assert_eq!(outcomes[0].0, None);
    assert_eq!(peer.log[2], "MAIL FROM:<from@example.org>");
    let mut transaction = mail(&["a@x"], "hi");
    transaction.add_mail_option("SMTPUTF8").unwrap();
    let outcomes = send_all(&mut session, &mut peer, 1, vec![transaction]);
    assert_eq!(outcomes[0].0, Some(ErrorKind::NotSupported));
    assert!(!peer.log[6..].iter().any(|line| line.starts_with("MAIL")));
}

#[test]
fn limits_of_the_server_are_kept() {
    let mut peer = Peer::new(
        "250-host\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 LIMITS RCPTMAX=2 MAILMAX=3\r\n",
    );
    let mut session = connected(Protocol::Smtp, &mut peer, 64);
    let outcomes = send_all(
        &mut session,
        &mut peer,
        64,
        vec![mail(&["a@x", "b@x", "c@x", "d@x", "e@x"], "hello"), mail(&["f@x"], "too many")],
    );
    assert_eq!(outcomes[0], (None, vec![(Accepted, 250); 5]), "{:?}", peer.log);
    assert_eq!(outcomes[1].0, Some(ErrorKind::NotSupported));
    assert_eq!(peer.log.iter().filter(|line| line.starts_with("MAIL")).count(), 3);
}

#[test]
fn size_limit_is_checked_before_mail() {
    let mut peer = Peer::new("250-host\r\n250 SIZE 10\r\n");
    let mut session = connected(Protocol::Smtp, &mut peer, 64);
    let outcomes = send_all(&mut session, &mut peer, 64, vec![mail(&["a@x"], "twelve bytes")]);
    assert_eq!(outcomes[0].0, Some(ErrorKind::SenderRefused));
    assert_eq!(peer.log.len(), 1);
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// (sender refused, recipients refused or not, message rejected, size of the message)
    type Plan = (bool, Vec<bool>, bool, usize);

    fn plans() -> impl Strategy<Value = Vec<Plan>> {
        let rarely = || prop::bool::weighted(0.3);
        let plan = (
            rarely(),
            prop::collection::vec(rarely(), 1..4),
            rarely(),
            prop_oneof![0..300usize, 60_000..80_000usize],
        );
        prop::collection::vec(plan, 1..8)
    }

    fn transactions(plans: &[Plan]) -> Vec<Box<Transaction>> {
        plans
            .iter()
            .map(|(sender, recipients, rejected, size)| {
                let mut transaction = Transaction::new();
                let from = if *sender { "refused@x" } else { "from@x" };
                transaction.set_sender(from).unwrap();
                for refused in recipients {
                    let to = if *refused { "refused@x" } else { "to@x" };
                    transaction.add_recipient(to, &[]).unwrap();
                }
                let start = if *rejected { "reject\n" } else { "keep\n" };
                let body = format!("{start}{}", ".x\n".repeat(size / 3));
                transaction.set_body(Body::Owned(body.into_bytes()));
                Box::new(transaction)
            })
            .collect()
    }

    fn outcomes(protocol: Protocol, ehlo: &'static str, split: usize, plans: &[Plan]) -> Vec<Seen> {
        let mut peer = Peer::new(ehlo)
            .rule("MAIL FROM:<refused", "550 5.1.8 no\r\n")
            .rule("RCPT TO:<refused", "550 5.1.1 no\r\n");
        peer.lmtp = protocol.is_lmtp();
        let mut session = connected(protocol, &mut peer, split);
        send_all(&mut session, &mut peer, split, transactions(plans))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever is in flight and however the replies are cut, everyone gets the verdict that
        /// a lock-step run gives.
        #[test]
        fn outcomes_do_not_depend_on_the_way(plans in plans(), split in 1..200usize, lmtp: bool) {
            let protocol = if lmtp { Protocol::Lmtp } else { Protocol::Smtp };
            let lock_step = outcomes(protocol, PLAIN, 4096, &plans);
            prop_assert_eq!(lock_step.len(), plans.len());
            for ehlo in [PIPELINING, FULL] {
                // Behind a refused sender a pipelined RCPT is answered, a lock-step one not sent.
                let codes_aside = |seen: Vec<Seen>| -> Vec<_> {
                    seen.into_iter()
                        .map(|(kind, who)| {
                            (kind, who.into_iter().map(|(status, code)| {
                                (status, if status == NotTried { 0 } else { code })
                            }).collect::<Vec<_>>())
                        })
                        .collect()
                };
                let seen = codes_aside(outcomes(protocol, ehlo, split, &plans));
                prop_assert_eq!(&seen, &codes_aside(lock_step.clone()), "{}", ehlo);
            }
        }

        /// Losing the connection after any number of bytes in either direction leaves nobody
        /// accepted whom the server did not accept, and nobody untried who may have got it.
        #[test]
        fn a_loss_anywhere_is_told_truly(plans in plans(), sent in 0..5000usize, read in 0..400usize) {
            let mut peer = Peer::new(FULL);
            let mut session = connected(Protocol::Smtp, &mut peer, 4096);
            for transaction in transactions(&plans) {
                submit(&mut session, transaction);
            }
            session.poll_transmit();
            let bytes = session.output().concat();
            let sent = sent.min(bytes.len());
            let replies = peer.take(&bytes[..sent]);
            session.sent(sent);
            session.handle_input(&replies[..read.min(replies.len())]);
            let delivered = peer.finals;
            session.handle_eof(None);
            let seen: Vec<Seen> =
                std::iter::from_fn(|| session.finished()).map(|t| super::seen(&t)).collect();
            let whole = seen.iter().filter(|(kind, _)| kind.is_none()).count();
            let unknown = seen.iter().filter(|(kind, _)| *kind == Some(ErrorKind::OutcomeUnknown)).count();
            prop_assert!(whole <= delivered);
            prop_assert!(whole + unknown + plans.iter().filter(|p| p.2).count() >= delivered);
        }
    }
}
