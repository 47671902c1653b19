//! What a caller learns when something comes in between: an audit, commands by hand, refusals at
//! odd places, servers with rules of their own, a loss.

use super::*;
use crate::session::mail::Transaction;

pub(super) fn forbidden() -> Error {
    Error::new(ErrorKind::Forbidden, "the audit forbids it")
}

/// Sends all that the session has; gives it.
pub(super) fn transmit(session: &mut Session) -> String {
    let mut all = Vec::new();
    loop {
        let bytes = session.poll_transmit().concat();
        if bytes.is_empty() {
            return String::from_utf8_lossy(&all).into_owned();
        }
        session.sent(bytes.len());
        all.extend(bytes);
    }
}

pub(super) fn ready(ehlo: &'static str) -> Session {
    connected(Protocol::Smtp, &mut Peer::new(ehlo), 4096)
}

pub(super) fn lmtp_ready(ehlo: &'static str) -> Session {
    connected(Protocol::Lmtp, &mut Peer::new(ehlo).lmtp(), 4096)
}

pub(super) fn done(session: &mut Session) -> Vec<Seen> {
    std::iter::from_fn(|| session.finished()).map(|one| seen(&one)).collect()
}

fn large(to: &[&str]) -> Box<Transaction> {
    mail(to, &"x\r\n".repeat(30_000))
}

#[test]
fn what_the_audit_forbids_is_taken_back_only_while_nothing_is_awaited() {
    // Nothing awaited: the connection serves on.
    let mut session = ready(FULL);
    submit(&mut session, mail(&["a@x"], "one"));
    session.poll_transmit();
    session.forbid(forbidden());
    assert_eq!(done(&mut session), [(Some(ErrorKind::Forbidden), vec![(NotTried, 0)])]);
    assert!(session.ended().is_none() && session.is_quiet() && !session.has_output());
    let mut peer = Peer::new(FULL);
    let outcomes = send_all(&mut session, &mut peer, 4096, vec![mail(&["b@x"], "two")]);
    assert_eq!(outcomes, [(None, vec![(Accepted, 250)])]);

    // One in flight: its end is the connection's, and its outcome is what it is.
    let mut session = ready(FULL);
    submit(&mut session, mail(&["a@x"], "one"));
    transmit(&mut session);
    submit(&mut session, mail(&["b@x"], "two"));
    session.poll_transmit();
    session.forbid(forbidden());
    let outcomes = done(&mut session);
    assert_eq!(outcomes[0], (Some(ErrorKind::OutcomeUnknown), vec![(Unknown, 0)]));
    assert_eq!(outcomes[1], (Some(ErrorKind::Forbidden), vec![(NotTried, 0)]));
    assert!(session.ended().is_some());

    // The body behind 354: the server reads whatever comes as a message.
    let mut session = ready(PLAIN);
    submit(&mut session, mail(&["a@x"], "one"));
    for reply in ["250 m\r\n", "250 r\r\n", "354 go\r\n"] {
        transmit(&mut session);
        session.handle_input(reply.as_bytes());
    }
    session.poll_transmit();
    session.forbid(forbidden());
    assert!(session.ended().is_some());

    // The dot that ends a message for nobody, behind 354 likewise.
    let mut session = ready(PIPELINING);
    submit(&mut session, mail(&["a@x"], "one"));
    transmit(&mut session);
    session.handle_input(b"250 m\r\n550 r\r\n354 go\r\n");
    assert_eq!(session.poll_transmit().concat(), b".\r\n");
    session.forbid(forbidden());
    assert!(session.ended().is_some());

    // A chunk behind an accepted envelope, which is reset before the next mail.
    let mut session = ready(FULL);
    submit(&mut session, large(&["a@x"]));
    transmit(&mut session);
    session.handle_input(b"250 m\r\n250 r\r\n");
    assert!(session.poll_transmit().concat().starts_with(b"BDAT"));
    session.forbid(forbidden());
    assert!(session.ended().is_none());
    submit(&mut session, mail(&["b@x"], "two"));
    assert!(transmit(&mut session).starts_with("RSET\r\nMAIL"));
}

/// The line end that a message lacks is the rest of its chunk.
#[test]
fn the_end_of_a_chunk_that_went_out_cannot_be_taken_back() {
    let mut session = ready(FULL);
    submit(&mut session, mail(&["a@x"], &"x".repeat(100_000)));
    transmit(&mut session);
    session.handle_input(b"250 m\r\n250 r\r\n");
    let chunk = session.poll_transmit().concat();
    assert!(chunk.starts_with(b"BDAT 100002 LAST\r\n"));
    session.sent(chunk.len());
    assert_eq!(session.poll_transmit().concat(), b"\r\n");
    session.forbid(forbidden());
    assert!(session.ended().is_some());
    assert_eq!(done(&mut session)[0].1[0].0, NotTried);
}

#[test]
fn replies_owed_to_the_caller_stand_in_the_way() {
    let misuse = |result: Result<()>| assert_eq!(result.unwrap_err().kind(), ErrorKind::Misuse);
    for by_hand in [
        |session: &mut Session| session.put("NOOP", ""),
        |session: &mut Session| session.raw(b"NOOP\r\n"),
    ] {
        let mut session = ready(FULL);
        by_hand(&mut session).unwrap();
        transmit(&mut session);
        misuse(session.submit(mail(&["a@x"], "hello")));
        assert_eq!(done(&mut session)[0].0, Some(ErrorKind::Misuse));
        misuse(session.command("NOOP", ""));
        misuse(session.mail("a@b", &[]));
        misuse(session.data(b""));
        assert_eq!(transmit(&mut session), "");
        session.collect().unwrap();
        session.handle_input(b"250 n\r\n");
        assert_eq!(session.take_result().unwrap(), 250);
        // An envelope may be open now: who knows what was sent.
        submit(&mut session, mail(&["a@x"], "hello"));
        assert!(transmit(&mut session).starts_with("RSET\r\nMAIL"));
    }
    // A message of the caller's own must be sent to its end.
    let mut session = ready(PLAIN);
    session.command("DATA", "").unwrap();
    transmit(&mut session);
    session.handle_input(b"354 go\r\n");
    misuse(session.quit());
    session.raw(b"text\r\n.\r\n").unwrap();
    transmit(&mut session);
    misuse(session.command("NOOP", ""));
    session.collect().unwrap();
    session.handle_input(b"250 queued\r\n");
    session.command("NOOP", "").unwrap();
}

#[test]
fn a_reply_that_nobody_asked_for_answers_no_command_by_hand() {
    for (early, start) in [(true, "put"), (false, "put"), (true, "raw"), (false, "raw")] {
        let mut session = ready(PLAIN);
        if early {
            session.handle_input(b"250 forged\r\n");
        }
        let sent = match start {
            "put" => session.put("NOOP", ""),
            _ => session.raw(b"NOOP\r\n"),
        };
        if !early {
            sent.unwrap();
            assert!(session.wants_look());
            session.handle_input(b"250 forged\r\n");
            session.collect().unwrap_err();
        }
        assert_eq!(session.ended().unwrap().kind(), ErrorKind::Protocol, "{start}");
    }
}

/// Postfix keeps a refused transaction until RSET: without one the next body went to its
/// recipients.
#[test]
fn reset_stands_before_every_pipelined_mail() {
    for ehlo in [PIPELINING, FULL] {
        let mut peer = Peer::new(ehlo).once("FINAL", "450 4.3.0 later\r\n");
        let mut session = connected(Protocol::Smtp, &mut peer, 4096);
        let mails = ["a@x", "b@x", "c@x"].map(|to| mail(&[to], "hello")).into();
        let outcomes = send_all(&mut session, &mut peer, 4096, mails);
        assert_eq!(outcomes[0], (Some(ErrorKind::Data), vec![(Refused, 450)]));
        assert_eq!(outcomes[1..], [(None, vec![(Accepted, 250)]), (None, vec![(Accepted, 250)])]);
        let before: Vec<_> = peer
            .log
            .windows(2)
            .filter(|two| two[1].starts_with("MAIL"))
            .map(|two| &two[0])
            .collect();
        assert_eq!(before[1..], ["RSET", "RSET"], "{:?}", peer.log);
        assert_eq!(peer.log.iter().filter(|line| *line == "RSET").count(), 2);
    }
    // A server that refuses even that may hold the first envelope: it gets no dot.
    let mut session = ready(PIPELINING);
    submit(&mut session, mail(&["a@x"], "one"));
    submit(&mut session, mail(&["b@x"], "two"));
    transmit(&mut session);
    session.handle_input(b"250 m\r\n250 r\r\n354 go\r\n");
    transmit(&mut session);
    session.handle_input(b"450 a\r\n550 not now\r\n501 nested\r\n250 r\r\n354 go\r\n");
    assert_eq!(transmit(&mut session), "");
    assert_eq!(session.ended().unwrap().kind(), ErrorKind::Protocol);
}

#[test]
fn an_early_refusal_stops_a_body_that_is_encoded_and_not_sent() {
    let mut session = ready(PIPELINING);
    submit(&mut session, mail(&["a@x"], &"dots\n.\n".repeat(10_000)));
    submit(&mut session, mail(&["b@x"], "two"));
    transmit(&mut session);
    session.handle_input(b"250 m\r\n250 r\r\n354 go\r\n");
    // All of it lies in the buffer, the next envelope behind it.
    assert!(session.poll_transmit().concat().ends_with(b"DATA\r\n"));
    session.sent(1000);
    session.handle_input(b"552 5.3.4 too much\r\n");
    assert_eq!(transmit(&mut session), "");
    assert!(session.ended().is_some());
    let outcomes = done(&mut session);
    assert_eq!(outcomes[0], (Some(ErrorKind::Data), vec![(Refused, 552)]));
    assert_eq!(outcomes[1].1, [(NotTried, 0)]);
}

#[test]
fn what_did_not_reach_the_system_did_not_reach_the_server() {
    for (unhanded, status) in [(0, Unknown), (1, NotTried)] {
        let mut session = ready(FULL);
        submit(&mut session, mail(&["a@x"], "one"));
        transmit(&mut session);
        session.set_unhanded(unhanded);
        session.handle_eof(None);
        assert_eq!(done(&mut session)[0].1[0].0, status, "{unhanded}");
    }
}

#[test]
fn lmtp_counts_recipients_by_hand_and_nothing_else() {
    let mut session = lmtp_ready(PLAIN);
    session.mail("a@b", &[]).unwrap();
    transmit(&mut session);
    session.handle_input(b"250 m\r\n");
    session.rcpt("c@d", &[]).unwrap();
    transmit(&mut session);
    session.handle_input(b"250 r\r\n");
    session.put("NOOP", "").unwrap();
    transmit(&mut session);
    session.collect().unwrap();
    session.handle_input(b"250 n\r\n");
    session.data(b"hello").unwrap();
    transmit(&mut session);
    session.handle_input(b"354 go\r\n");
    transmit(&mut session);
    session.handle_input(b"250 c has it\r\n");
    assert_eq!(session.take_result().unwrap(), 250);
    assert!(session.is_quiet());
}

#[test]
fn an_lmtp_farewell_may_come_in_pieces() {
    let mut session = lmtp_ready(FULL);
    submit(&mut session, mail(&["a@x"], "hello"));
    transmit(&mut session);
    session.handle_input(b"250 m\r\n250 r\r\n250 a\r\n42");
    session.handle_input(b"1 4.4.2 bye\r\n");
    assert_eq!(done(&mut session), [(None, vec![(Accepted, 250)])]);
    assert!(session.ended().is_none());
    session.handle_eof(None);
    assert_eq!(session.reply().code(), 421);
}

/// (what the chunk and the pipelined last one are answered; the outcome)
#[test]
fn chunks_with_replies_that_contradict() {
    let body = "x".repeat(78) + "\r\n";
    let huge = mail(&["a@x"], &body.repeat(20_000));
    let mut session = ready("250-host\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
    submit(&mut session, huge);
    transmit(&mut session);
    session.handle_input(b"250 m\r\n250 r\r\n");
    assert!(transmit(&mut session).contains("LAST"));
    session.handle_input(b"452 no room\r\n250 yet taken\r\n");
    assert_eq!(done(&mut session), [(Some(ErrorKind::OutcomeUnknown), vec![(Unknown, 250)])]);
}

/// How many replies LMTP's last chunk gets behind a refused one, nobody can count: it does not go
/// out before the others are answered. A message in memory is one chunk.
#[test]
fn lmtp_keeps_the_last_chunk_until_the_others_are_answered() {
    let whole = "x".repeat(78) + "\r\n";
    let bare = "x".repeat(79) + "\n";
    for (line, recipients, chunks, last) in
        [(&whole, 2, 1, true), (&bare, 2, 1, false), (&whole, 1, 2, true), (&bare, 1, 7, true)]
    {
        let mut session = lmtp_ready("250-host\r\n250-PIPELINING\r\n250 CHUNKING\r\n");
        submit(&mut session, mail(&["a@x", "b@x"][..recipients], &line.repeat(20_000)));
        transmit(&mut session);
        session.handle_input(b"250 m\r\n");
        session.handle_input(&b"250 r\r\n".repeat(recipients));
        let sent = transmit(&mut session);
        let case = format!("{recipients} recipients, {:?}", &line[78..]);
        assert_eq!(sent.matches("BDAT ").count(), chunks, "{case}");
        assert_eq!(sent.contains("LAST"), last, "{case}");
        if !last {
            session.handle_input(b"552 no room\r\n");
            assert_eq!(transmit(&mut session), "RSET\r\n");
            let refused = vec![(Refused, 552), (Refused, 552)];
            assert_eq!(done(&mut session), [(Some(ErrorKind::Data), refused)]);
        }
    }
}

#[test]
fn bdat_that_is_not_understood_is_given_up_with_this_server() {
    for (code, closes) in [(500, true), (502, true), (503, true), (554, false)] {
        let mut session = ready(FULL);
        submit(&mut session, mail(&["a@x"], "hello"));
        transmit(&mut session);
        session.handle_input(format!("250 m\r\n250 r\r\n{code} what\r\n").as_bytes());
        assert_eq!(done(&mut session), [(Some(ErrorKind::Data), vec![(Refused, code)])]);
        assert_eq!(session.ended().is_some(), closes, "{code}");
        // The same server again, and another.
        for (ehlo, by_data) in [(FULL, closes), ("250-other\r\n250 CHUNKING\r\n", false)] {
            session.closed();
            session.opened(Channel::default());
            session.handle_input(b"220 x\r\n");
            session.greet("client.example").unwrap();
            transmit(&mut session);
            session.handle_input(ehlo.as_bytes());
            assert_eq!(!session.chunks(), by_data, "{code} {ehlo}");
        }
    }
    let mut session = lmtp_ready(FULL);
    submit(&mut session, mail(&["a@x", "b@x"], "hello"));
    transmit(&mut session);
    session.handle_input(b"250 m\r\n250 r\r\n250 r\r\n503 what\r\n250 line\r\n");
    assert_eq!(done(&mut session)[0].1, [(Refused, 503), (Refused, 503)]);
    assert!(session.ended().is_some());
    // Nobody was there to send to, and the lines of the chunk are answered all the same.
    let mut session = ready(FULL);
    submit(&mut session, mail(&["a@x"], "hello"));
    transmit(&mut session);
    session.handle_input(b"250 m\r\n550 r\r\n500 what\r\n500 hello\r\n");
    let refused = (Some(ErrorKind::RecipientsRefused), vec![(Refused, 550)]);
    assert_eq!(done(&mut session), [refused]);
    assert!(session.ended().is_some() && !session.chunks());
    // Where nobody is there to send to, 503 is the proper reply.
    let mut session = ready(FULL);
    submit(&mut session, mail(&["a@x"], "hello"));
    transmit(&mut session);
    session.handle_input(b"250 m\r\n550 r\r\n503 no recipient\r\n");
    assert!(session.ended().is_none());
}

/// A chunk behind a refused sender is answered 503 by a server that knows BDAT and by one that
/// does not; the second then answers its lines, and the RSET behind it with one of those.
#[test]
fn replies_to_a_chunk_that_was_read_as_commands_are_found_out() {
    let mut session = ready(FULL);
    submit(&mut session, mail(&["a@x"], "one"));
    submit(&mut session, mail(&["b@x"], "two"));
    transmit(&mut session);
    session
        .handle_input(b"450 m\r\n503 r\r\n503 bdat\r\n500 one\r\n250 rset\r\n250 m\r\n250 r\r\n");
    let outcomes = done(&mut session);
    assert_eq!(outcomes[0].0, Some(ErrorKind::SenderRefused));
    assert_eq!(outcomes[1], (Some(ErrorKind::OutcomeUnknown), vec![(Unknown, 0)]));
    assert_eq!(session.ended().unwrap().kind(), ErrorKind::Protocol);
}

#[test]
fn a_server_that_takes_nothing_behind_the_end_of_data() {
    // Haraka offers PIPELINING, and answers what stands behind an unanswered message with 503.
    let mut session = ready(PIPELINING);
    for to in ["a@x", "b@x", "c@x"] {
        submit(&mut session, mail(&[to], to));
    }
    transmit(&mut session);
    session.handle_input(b"250 m\r\n250 r\r\n354 go\r\n");
    assert!(transmit(&mut session).contains("<from@example.org>"));
    session.handle_input(b"250 a\r\n503 rset\r\n503 mail\r\n503 rcpt\r\n503 data\r\n");
    for to in ["b@x", "c@x"] {
        let sent = transmit(&mut session);
        assert!(sent.contains(to) && sent.matches("MAIL").count() == 1, "{sent}");
        let reset = if sent.starts_with("RSET") { "250 rset\r\n" } else { "" };
        session.handle_input(format!("{reset}250 m\r\n250 r\r\n354 go\r\n").as_bytes());
        assert!(transmit(&mut session).ends_with(&format!("{to}\r\n.\r\n")));
        session.handle_input(b"250 taken\r\n");
    }
    assert_eq!(done(&mut session), vec![(None, vec![(Accepted, 250)]); 3]);
    assert!(session.is_quiet());
}

#[test]
fn a_connection_that_has_refused_four_goes_on_one_at_a_time() {
    // Exim closes after ten RSETs that no accepted message stands before.
    let mut peer = Peer::new(FULL).rule("RCPT TO:<bad", "550 5.1.1 no\r\n");
    let mut session = connected(Protocol::Smtp, &mut peer, 4096);
    let mails = (0..40).map(|n| mail(&[if n < 4 { "bad@x" } else { "good@x" }], "hi")).collect();
    session.options.window = 1;
    let outcomes = send_all(&mut session, &mut peer, 4096, mails);
    assert_eq!(outcomes.iter().filter(|(kind, _)| kind.is_none()).count(), 36);
    assert_eq!(peer.log.iter().filter(|line| *line == "RSET").count(), 4);
    session.options.window = 0;
    submit(&mut session, mail(&["a@x"], "one"));
    submit(&mut session, mail(&["b@x"], "two"));
    assert_eq!(transmit(&mut session).matches("MAIL").count(), 1);
}

/// Exim resets the connection behind its tenth RSET, so that its last words are lost: it has few
/// transactions in hand until it has accepted some.
#[test]
fn exim_is_given_few_at_first() {
    let mut peer = Peer::new(FULL).rule("RCPT TO:<bad", "550 5.1.1 no\r\n");
    peer.greeting = "220 host ESMTP Exim 4.96\r\n";
    let mut session = connected(Protocol::Smtp, &mut peer, 4096);
    for n in 0..60 {
        submit(&mut session, mail(&[if n % 10 == 9 { "bad@x" } else { "good@x" }], "hi"));
    }
    let mut most = 0;
    loop {
        let sent = transmit(&mut session);
        if sent.is_empty() {
            break;
        }
        most = most.max(sent.matches("MAIL").count());
        session.handle_input(&peer.take(sent.as_bytes()));
    }
    assert_eq!(done(&mut session).iter().filter(|(kind, _)| kind.is_none()).count(), 54);
    assert!((8..=24).contains(&most), "{most}");
}

#[test]
fn too_many_and_521_say_that_the_rest_was_not_looked_at() {
    // Three in flight; the second's RSET is one too many for the server.
    let mut session = ready(FULL);
    for to in ["a@x", "b@x", "c@x"] {
        submit(&mut session, mail(&[to], "hello"));
    }
    transmit(&mut session);
    session.handle_input(b"250 m\r\n550 r\r\n554 no\r\n554 Too many nonmail commands\r\n");
    session.handle_eof(None);
    let outcomes = done(&mut session);
    assert_eq!(outcomes[0], (Some(ErrorKind::RecipientsRefused), vec![(Refused, 550)]));
    assert_eq!(outcomes[1], (Some(ErrorKind::Disconnected), vec![(NotTried, 0)]));
    assert_eq!(outcomes[2].1, [(NotTried, 0)]);
    assert_eq!(session.reply().code(), 554);

    // Postfix answers one recipient with 521 and closes.
    let mut session = ready(FULL);
    submit(&mut session, mail(&["a@x", "b@x"], "hello"));
    transmit(&mut session);
    session.handle_input(b"250 m\r\n250 r\r\n521 5.7.1 go away\r\n");
    let one = session.finished().unwrap();
    assert_eq!(
        seen(&one),
        (Some(ErrorKind::RecipientsRefused), vec![(NotTried, 250), (Refused, 521)])
    );
    assert_eq!((one.reply_code(), session.reply().code()), (521, 521));
    assert!(one.error_message().contains("go away"));
}

#[test]
fn codes_that_came_unasked_or_to_a_hello_are_told() {
    // A farewell before the first command of a mail.
    let mut session = ready(FULL);
    session.handle_input(b"421 4.3.2 maintenance\r\n");
    submit(&mut session, mail(&["a@x"], "hello"));
    session.poll_transmit();
    let one = session.finished().unwrap();
    assert_eq!((seen(&one).0, one.reply_code()), (Some(ErrorKind::SenderRefused), 421));
    assert_eq!(session.reply().code(), 421);
    // Behind a loss.
    let mut session = ready(FULL);
    session.handle_input(b"421 4.3.2 maintenance\r\n");
    session.handle_eof(None);
    assert_eq!((session.reply().code(), session.ended().unwrap().reply_code()), (421, 421));
    // A hello refused for now.
    let mut session = Session::new(Protocol::Smtp);
    session.opened(Channel::default());
    session.handle_input(b"220 x\r\n");
    session.take_result().unwrap();
    session.greet("client.example").unwrap();
    transmit(&mut session);
    session.handle_input(b"421 busy\r\n");
    let error = session.take_result().unwrap_err();
    assert_eq!((error.kind(), error.reply_code()), (ErrorKind::Helo, 421));
    let mut transaction = mail(&["a@x"], "hello");
    transaction.fail_at_hello(error, session.reply());
    assert_eq!((transaction.reply_code(), transaction.reply_text()), (421, &b"busy"[..]));
}

#[test]
fn options_are_checked_against_what_the_server_offers() {
    let dsn = "250-host\r\n250-DSN\r\n250-SIZE\r\n250 8BITMIME\r\n";
    // (EHLO, for MAIL or for RCPT, option, what goes out of it; None: refused)
    let cases = [
        (PLAIN, "MAIL", "SIZE=5", Some(false)),
        (dsn, "MAIL", "SIZE=5", Some(false)),
        (PLAIN, "MAIL", "BODY=8BITMIME", Some(false)),
        (dsn, "MAIL", "BODY=8BITMIME", Some(true)),
        (PLAIN, "MAIL", "RET=HDRS", None),
        (dsn, "MAIL", "RET=HDRS", Some(true)),
        (PLAIN, "RCPT", "NOTIFY=NEVER", None),
        (dsn, "RCPT", "notify=never", Some(true)),
        (dsn, "MAIL", "PRDR", None),
        (dsn, "MAIL", "REQUIRETLS", None),
        (dsn, "MAIL", "SMTPUTF8", None),
        (dsn, "MAIL", "X-OWN=1", Some(true)),
    ];
    for (ehlo, verb, option, written) in cases {
        let mut session = ready(ehlo);
        let mut transaction = mail(&[], "hello");
        let to = if verb == "RCPT" { vec![option] } else { vec![] };
        transaction.add_recipient("a@x", &to).unwrap();
        if verb == "MAIL" {
            transaction.add_mail_option(option).unwrap();
        }
        submit(&mut session, transaction);
        let mut sent = transmit(&mut session);
        session.handle_input(b"250 ok\r\n");
        sent += &transmit(&mut session);
        match written {
            Some(written) => assert_eq!(sent.contains(option), written, "{ehlo} {option}: {sent}"),
            None => assert_eq!(done(&mut session)[0].0, Some(ErrorKind::NotSupported), "{option}"),
        }
    }
}

#[test]
fn a_cancelled_login_tells_the_servers_last_words() {
    let mut session = ready("250-host\r\n250 AUTH CRAM-MD5\r\n");
    session.authenticate(vec![mechanism("CRAM-MD5", "anna", "secret")]).unwrap();
    transmit(&mut session);
    session.handle_input(b"334 no base64!\r\n");
    assert_eq!(transmit(&mut session), "*\r\n");
    session.handle_input(b"501 5.7.0 cancelled, then\r\n");
    let error = session.take_result().unwrap_err();
    assert!(error.message().contains("501 5.7.0 cancelled, then"), "{error}");
    assert_eq!(error.reply_code(), 501);
}

#[test]
fn no_echo_of_a_credential_is_told() {
    let plain = "AGFubmEAdG9wLXNlY3JldA==";
    let echoes = [
        format!("535 bad: {plain}\r\n"),
        "535 anna may not use top-secret\r\n".to_owned(),
        format!("535-{plain}\r\n535 top-secret\r\n"),
        format!("{plain}\r\n"),
        format!("535 {}", &plain[..12]),
        "535 top-sec".to_owned(),
    ];
    for echo in echoes {
        for cut in [1, 7, 4096] {
            let mut session = ready("250-host\r\n250 AUTH PLAIN\r\n");
            session.authenticate(vec![mechanism("PLAIN", "anna", "top-secret")]).unwrap();
            assert!(transmit(&mut session).contains(plain));
            for piece in echo.as_bytes().chunks(cut) {
                session.handle_input(piece);
            }
            session.handle_eof(None);
            let told = session.take_result().unwrap_err().message().to_owned();
            let shown = String::from_utf8_lossy(session.reply().bytes()).into_owned();
            for secret in ["AGFubm", "top-s", "anna"] {
                assert!(!told.contains(secret), "{echo:?}: {told}");
                assert!(!shown.contains(secret), "{echo:?}: {shown}");
            }
        }
    }
}

#[test]
fn an_envelope_opened_by_hand_is_ended_before_mail() {
    let mut session = ready(FULL);
    session.mail("a@b", &[]).unwrap();
    transmit(&mut session);
    session.handle_input(b"250 m\r\n");
    session.rcpt("victim@x", &[]).unwrap();
    transmit(&mut session);
    session.handle_input(b"250 r\r\n");
    submit(&mut session, mail(&["a@x"], "hello"));
    assert!(transmit(&mut session).starts_with("RSET\r\nMAIL"));
}

#[test]
fn switches_count_from_the_next_transaction_on() {
    let mut session = ready(FULL);
    let mut binary = large(&["a@x"]);
    session.capabilities = Capabilities::parse(b"host\nPIPELINING\nCHUNKING\nBINARYMIME\n8BITMIME");
    binary.add_mail_option("BODY=BINARYMIME").unwrap();
    submit(&mut session, binary);
    transmit(&mut session);
    session.options.chunking = false;
    session.options.pipelining = false;
    session.handle_input(b"250 m\r\n250 r\r\n");
    assert!(transmit(&mut session).starts_with("BDAT "));
    session.handle_input(b"250 taken\r\n");
    submit(&mut session, mail(&["b@x"], "text"));
    assert_eq!(transmit(&mut session).matches("\r\n").count(), 1);
}

#[test]
fn what_was_submitted_first_completes_first() {
    let mut session =
        ready("250-host\r\n250-PIPELINING\r\n250-CHUNKING\r\n250 LIMITS MAILMAX=2\r\n");
    for n in 0..4 {
        let mut one = mail(&["a@x"], "hello");
        one.set_slot(n);
        submit(&mut session, one);
    }
    let mut unfit = mail(&["a@x"], "hello");
    unfit.add_mail_option("PRDR").unwrap();
    unfit.set_slot(4);
    submit(&mut session, unfit);
    transmit(&mut session);
    assert!(session.finished().is_none(), "nothing before the first is answered");
    session.handle_input("250 ok\r\n".repeat(7).as_bytes());
    let slots: Vec<usize> = std::iter::from_fn(|| session.finished()).map(|t| t.slot()).collect();
    assert_eq!(slots, [0, 1, 2, 3, 4]);
    // One MAIL by hand counts as well.
    let mut session = ready("250-host\r\n250 LIMITS MAILMAX=1\r\n");
    session.mail("a@b", &[]).unwrap();
    transmit(&mut session);
    session.handle_input(b"250 ok\r\n");
    assert_eq!(session.mail("a@b", &[]).unwrap_err().kind(), ErrorKind::NotSupported);
}

/// One that is refused here does not hide that the one before it was refused there.
#[test]
fn reset_follows_a_failure_though_an_unfit_one_stands_behind() {
    let mut peer = Peer::new(FULL).once("FINAL", "599 no\r\n");
    let mut session = connected(Protocol::Smtp, &mut peer, 4096);
    let mut unfit = mail(&["b@x"], "two");
    unfit.add_mail_option("PRDR").unwrap();
    send_all(&mut session, &mut peer, 4096, vec![mail(&["a@x"], "one"), unfit]);
    assert_eq!(peer.log.last().unwrap(), "RSET");
}

#[test]
fn a_reply_to_data_that_is_neither_ends_the_connection() {
    let mut session = ready(PLAIN);
    submit(&mut session, mail(&["a@x"], "hello"));
    for reply in ["250 m\r\n", "250 r\r\n", "250 what now\r\n"] {
        transmit(&mut session);
        session.handle_input(reply.as_bytes());
    }
    assert_eq!(done(&mut session), [(Some(ErrorKind::Protocol), vec![(NotTried, 250)])]);
    assert_eq!(session.ended().unwrap().kind(), ErrorKind::Protocol);
}

/// The text of a reply that decides for many is kept once, and bounded for each.
#[test]
fn a_long_refusal_of_many_costs_little() {
    let mut session = ready(FULL);
    let to: Vec<String> = (0..1000).map(|n| format!("r{n}@x")).collect();
    let to: Vec<&str> = to.iter().map(String::as_str).collect();
    submit(&mut session, mail(&to, "hello"));
    transmit(&mut session);
    session.handle_input(b"250 m\r\n");
    (0..1000).for_each(|_| session.handle_input(b"250 r\r\n"));
    let line = |more: char| format!("554{more}{}\r\n", "x".repeat(7000));
    session.handle_input((line('-').repeat(8) + &line(' ')).as_bytes());
    let one = session.finished().unwrap();
    assert_eq!(one.reply_text().len(), 9 * 7000 + 8);
    assert!((0..1000).all(|index| one.recipient_text(index).len() == 4096));
    assert!(one.text_bytes() < 100_000, "{}", one.text_bytes());
}
