//! Reply codes that no RFC lists are read by their first digit (RFC 5321 section 4.3.2).

use super::*;
use crate::support::Script;

const REFUSALS: [&str; 3] = ["571 5.7.1 blocked", "599 no", "499 later"];

#[test]
fn one_recipient_refused_with_such_a_code_keeps_nothing_from_the_others() {
    for refusal in REFUSALS {
        for engine in [Engine::new(), Engine::new().without("CHUNKING"), Engine::basic()] {
            let server = Server::engine(engine.refuse("b@x.example", refusal));
            let mut client = connected(&server);
            send(&mut client, &["a@x.example", "b@x.example", "c@x.example"], b"hi").unwrap();
            let [refused] = client.refused() else { panic!("{:?}", client.refused()) };
            assert_eq!(format!("{} {}", refused.code, refused.text), refusal);
            client.quit().unwrap();
            let record = server.finish();
            let messages = record.messages();
            assert_eq!((messages.len(), messages[0].is_accepted()), (1, true), "{refusal}");
            let to: Vec<_> = messages[0].recipients.iter().map(|to| to.address.as_str()).collect();
            assert_eq!(to, ["a@x.example", "c@x.example"], "{refusal}");
        }
    }
}

#[test]
fn a_message_refused_with_such_a_code_is_refused_and_not_in_doubt() {
    for refusal in REFUSALS {
        let script = Script::new()
            .reply("220 x")
            .expect("EHLO ")
            .reply("250 x")
            .expect("MAIL ")
            .reply("250 m")
            .expect("RCPT ")
            .reply("250 r")
            .expect("DATA")
            .reply("354 go")
            .expect("hi")
            .expect(".")
            .reply(refusal)
            .expect("RSET")
            .reply("250 s")
            .expect("NOOP")
            .reply("290 still here");
        let server = Server::script(script);
        let mut client = connected(&server);
        kind(send(&mut client, &["a@x.example"], b"hi"), ErrorKind::Data, refusal);
        assert_eq!(client.noop().unwrap(), 290);
        client.close();
        server.finish_unchecked();
    }
}

#[test]
fn a_login_refused_with_such_a_code_goes_on_to_the_next_mechanism() {
    for refusal in REFUSALS {
        let script = Script::new()
            .reply("220 x")
            .expect("EHLO ")
            .reply("250-x\r\n250 AUTH CRAM-MD5 PLAIN")
            .expect("AUTH CRAM-MD5")
            .reply(refusal)
            .expect("AUTH PLAIN ")
            .reply("235 welcome");
        let server = Server::script(script);
        let mut client = connected(&server);
        client.login("a", "b").unwrap_or_else(|error| panic!("{refusal}: {error}"));
        client.close();
        server.finish_unchecked();
    }
}
