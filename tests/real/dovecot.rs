//! Dovecot: LMTP over TCP and a Unix socket, and the SASL server that Postfix asks.

use std::process::Command;

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
    let places = Places { home: &home, mail: &mail, users: &users, owner: &owner, port };
    let config = if is_before_2_4() { places.config_2_3() } else { places.config_2_4() };
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

/// Dovecot 2.4 has another language for its settings, and will not start without being told that
/// this is it.
fn is_before_2_4() -> bool {
    let output = Command::new("dovecot").arg("--version").output();
    let output = output.expect("missing here: apt-get install dovecot-core dovecot-lmtpd");
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut numbers = version.split(['.', '-', ' ']).map_while(|number| number.parse().ok());
    (numbers.next(), numbers.next()) < (Some(2_u32), Some(4_u32))
}

struct Places<'a> {
    home: &'a str,
    mail: &'a str,
    users: &'a str,
    owner: &'a dyn std::fmt::Display,
    port: u16,
}

impl Places<'_> {
    fn config_2_3(&self) -> String {
        let Places { mail, users, owner, .. } = self;
        self.common("address")
            + &format!(
                "disable_plaintext_auth = no\nmail_location = maildir:{mail}/%u\n\
                 passdb {{\n  driver = passwd-file\n\
                 args = scheme=PLAIN username_format=%n {users}\n}}\n\
                 userdb {{\n  driver = passwd-file\n  args = username_format=%n {users}\n\
                 default_fields = uid={owner} gid={owner} home={mail}/%n\n}}\n\
                 protocol lmtp {{\n  auth_username_format = %Ln\n}}\n\
                 auth_username_format = %Ln\n"
            )
    }

    fn config_2_4(&self) -> String {
        let Places { mail, users, owner, .. } = self;
        "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n".to_owned()
            + &self.common("listen")
            + &format!(
                "auth_allow_cleartext = yes\nmail_driver = maildir\nmail_path = {mail}/%{{user}}\n\
                 passdb passwd-file {{\n  default_password_scheme = PLAIN\n\
                 passwd_file_path = {users}\n}}\n\
                 userdb passwd-file {{\n  passwd_file_path = {users}\n\
                 fields {{\n    uid:default = {owner}\n    gid:default = {owner}\n\
                 home:default = {mail}/%{{user}}\n  }}\n}}\n\
                 auth_username_format = %{{user|username|lower}}\n"
            )
    }

    /// What both languages say alike, but for the name of a listener's address.
    fn common(&self, address: &str) -> String {
        let Places { home, port, .. } = self;
        format!(
            "base_dir = {home}/run\nlog_path = {home}/log\nstate_dir = {home}/state\n\
             protocols = lmtp\nssl = no\nlisten = 127.0.0.1\nfirst_valid_uid = 1\n\
             auth_mechanisms = plain login cram-md5\n\
             service auth {{\n  unix_listener {home}/auth-client {{\n    mode = 0666\n  }}\n}}\n\
             service lmtp {{\n  inet_listener lmtp {{\n    {address} = 127.0.0.1\n    port = {port}\n  }}\n\
             unix_listener {home}/lmtp {{\n    mode = 0666\n  }}\n}}\n\
             service stats {{\n  unix_listener stats-writer {{\n    mode = 0666\n  }}\n}}\n"
        )
    }
}
