//! Delivery to Dovecot by LMTP.

use smtpclient::client::RecipientStatus;
use smtpclient::error::ErrorKind;

use super::*;

#[test]
fn dovecot() {
    let server = dovecot::start();
    for target in [format!("127.0.0.1:{}", server.port), server.socket.clone()] {
        for (chunking, pipelining) in WAYS {
            let mut client = client(Protocol::Lmtp);
            client.set_chunking(chunking);
            client.set_pipelining(pipelining);
            client.connect(&target, 0).unwrap();
            one_refused_of_three(&mut client, &server.instance);
            awkward_messages(&mut client, &server.instance, "dave");
            batch(&mut client, &server.instance);
            assert_eq!(client.quit().unwrap(), 221);
            for mailbox in ["alice", "carol", "dave"] {
                std::fs::remove_dir_all(server.instance.home.path().join("mail").join(mailbox))
                    .unwrap();
            }
        }
    }
}

fn one_refused_of_three(client: &mut Client, server: &instance::Instance) {
    let to = ["alice@example.test", "nobody@example.test", "carol@example.test"];
    send(client, &to, b"Mark: three\r\n\r\nhi\r\n", &[]).unwrap();
    let refused = client.refused();
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].address.as_str(), refused[0].code), ("nobody@example.test", 550));
    assert_eq!(refused[0].enhanced, "5.1.1");
    for user in ["alice", "carol"] {
        assert_eq!(server.delivered(user, b"Mark: three"), b"Mark: three\n\nhi\n");
    }
    // Twice the same recipient: two replies.
    send(client, &["carol@example.test"; 2], b"Mark: twice\r\n\r\n", &[]).unwrap();
    assert!(client.refused().is_empty());
    assert_eq!(server.delivered("carol", b"Mark: twice"), b"Mark: twice\n\n");
}

/// Dovecot answers 503 to everything behind a refused BDAT or DATA until RSET, and takes RCPT for
/// the transaction before.
fn batch(client: &mut Client, server: &instance::Instance) {
    let kinds: [&[&str]; 5] = [
        &["alice@example.test"],
        &["nobody@example.test"],
        &["alice@example.test", "nobody@example.test", "carol@example.test"],
        &["nobody@example.test", "none@example.test"],
        &["carol@example.test"],
    ];
    let mut batch: Vec<_> = (0..25)
        .map(|n| {
            let from = format!("sender{n}@example.org");
            transaction(&from, kinds[n % 5], format!("Mark: batch {n}\r\n\r\nbody {n}\r\n"))
        })
        .collect();
    client.send_batch(&mut batch).unwrap_err();
    for (n, transaction) in batch.iter().enumerate() {
        let lost = matches!(n % 5, 1 | 3);
        let expected = lost.then_some(ErrorKind::RecipientsRefused);
        assert_eq!(transaction.status_kind(), expected, "{n}: {}", transaction.error_message());
        for index in 0..transaction.recipient_count() {
            let address = transaction.recipient_address(index).unwrap();
            let status = match address.starts_with("no") {
                true => RecipientStatus::Refused,
                false => RecipientStatus::Accepted,
            };
            assert_eq!(transaction.recipient_status(index), Some(status), "{n}: {address}");
            if status == RecipientStatus::Accepted {
                let mailbox = address.split('@').next().unwrap();
                let mark = format!("Mark: batch {n}");
                let content = server.delivered(mailbox, mark.as_bytes());
                assert_eq!(content, format!("{mark}\n\nbody {n}\n").as_bytes());
                server.assert_once(mailbox, &mark, &format!("sender{n}@example.org"));
            }
        }
    }
}
