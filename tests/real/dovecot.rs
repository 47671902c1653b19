//! Dovecot: LMTP over TCP and a Unix socket, and the SASL server that Postfix asks.

use super::instance::{Instance, free_port, mail_uid, open};

pub struct Dovecot {
    pub instance: Instance,
    pub port: u16,
    pub socket: String,
    pub auth_socket: String,
}

pub fn start() -> Dovecot {
    let mut instance = Instance::prepare("dovecot");
    let home = instance.home.path().to_str().unwrap().to_owned();
    let (port, owner) = (free_port(), mail_uid());
    let mail = instance.mail_dir();
    let users: String =
        ["alice", "carol", "dave"].map(|user| format!("{user}:{{PLAIN}}secret::::::\n")).concat();
    let users = instance.home.write("users", users);
    open(std::path::Path::new(&users), 0o644);
    let config = format!(
        "base_dir = {home}/run\nlog_path = {home}/log\nprotocols = lmtp\nssl = no\n\
         listen = 127.0.0.1\ndisable_plaintext_auth = no\nauth_mechanisms = plain login cram-md5\n\
         mail_location = maildir:{mail}/%u\nfirst_valid_uid = 1\nstate_dir = {home}/state\n\
         passdb {{\n  driver = passwd-file\n  args = scheme=PLAIN username_format=%n {users}\n}}\n\
         userdb {{\n  driver = passwd-file\n  args = username_format=%n {users}\n\
         default_fields = uid={owner} gid={owner} home={mail}/%n\n}}\n\
         service auth {{\n  unix_listener {home}/auth-client {{\n    mode = 0666\n  }}\n}}\n\
         service lmtp {{\n  inet_listener lmtp {{\n    address = 127.0.0.1\n    port = {port}\n  }}\n\
         unix_listener {home}/lmtp {{\n    mode = 0666\n  }}\n}}\n\
         service stats {{\n  unix_listener stats-writer {{\n    mode = 0666\n  }}\n}}\n\
         protocol lmtp {{\n  auth_username_format = %Ln\n}}\nauth_username_format = %Ln\n"
    );
    let file = instance.home.write("dovecot.conf", config);
    instance.start(&["dovecot", "-F", "-c", &file], "dovecot -c \"$home/dovecot.conf\" stop");
    instance.wait_for(&[port]);
    Dovecot {
        socket: format!("{home}/lmtp"),
        auth_socket: format!("{home}/auth-client"),
        instance,
        port,
    }
}
