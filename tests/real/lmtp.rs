//! Delivery to Dovecot by LMTP.

use super::*;

#[test]
fn dovecot_by_tcp_and_unix_socket() {
    let server = dovecot::start();
    for target in [format!("127.0.0.1:{}", server.port), server.socket.clone()] {
        let mut client = client(Protocol::Lmtp);
        client.connect(&target, 0).unwrap();
        send(
            &mut client,
            &["alice@example.test", "nobody@example.test", "carol@example.test"],
            b"Mark: three\r\n\r\nhi\r\n",
            &[],
        )
        .unwrap();
        let refused: Vec<_> =
            client.refused().iter().map(|r| (r.address.as_str(), r.code)).collect();
        assert_eq!(refused, [("nobody@example.test", 550)]);
        for user in ["alice", "carol"] {
            let content = server.instance.delivered(&format!("mail/{user}"), b"Mark: three");
            assert_eq!(content, b"Mark: three\n\nhi\n");
        }
        for message in awkward() {
            send(&mut client, &["dave@example.test"], message, &[]).unwrap();
            let content = server.instance.delivered("mail/dave", mark(message));
            assert!(content == stored(message), "{}", String::from_utf8_lossy(mark(message)));
        }
        assert_eq!(client.quit().unwrap(), 221);
        std::fs::remove_dir_all(server.instance.home.path().join("mail/dave")).unwrap();
    }
}
