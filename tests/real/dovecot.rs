//! Dovecot: LMTP over TCP and a Unix socket, and the SASL server that Postfix asks.

use std::process::Command;

use super::instance::{Instance, administrators_path, free_port, mail_uid, open};

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
    // The language of the configuration changed with 2.4.
    let configuration = if version() < (2, 4) { OLD } else { NEW };
    let configuration = [
        ("HOME", home.as_str()),
        ("MAIL", &mail),
        ("USERS", &users),
        ("OWNER", &owner.to_string()),
        ("PORT", &port.to_string()),
    ]
    .iter()
    .fold(configuration.to_owned(), |text, (name, value)| text.replace(name, value));
    let file = instance.home.write("dovecot.conf", configuration);
    instance.start(&["dovecot", "-F", "-c", &file], "dovecot -c \"$home/dovecot.conf\" stop");
    instance.wait_for(&[port]);
    Dovecot {
        socket: format!("{home}/lmtp"),
        auth_socket: format!("{home}/auth-client"),
        instance,
        port,
    }
}

/// What `dovecot --version` begins with; a Dovecot that is missing is for [`Instance::start`].
fn version() -> (u32, u32) {
    let output = administrators_path(Command::new("dovecot").arg("--version")).output();
    let text = String::from_utf8(output.map(|output| output.stdout).unwrap_or_default()).unwrap();
    let mut numbers = text.split(['.', ' ', '\n']).map_while(|number| number.parse().ok());
    (numbers.next().unwrap_or_default(), numbers.next().unwrap_or_default())
}

/// Up to 2.3.
const OLD: &str = "
base_dir = HOME/run
state_dir = HOME/state
log_path = HOME/log
protocols = lmtp
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
auth_username_format = %Ln
mail_location = maildir:MAIL/%u
first_valid_uid = 1
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%n USERS
}
userdb {
  driver = passwd-file
  args = username_format=%n USERS
  default_fields = uid=OWNER gid=OWNER home=MAIL/%n
}
service auth {
  unix_listener HOME/auth-client {
    mode = 0666
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = PORT
  }
  unix_listener HOME/lmtp {
    mode = 0666
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
protocol lmtp {
  auth_username_format = %Ln
}
";

/// From 2.4 on.
const NEW: &str = "
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
base_dir = HOME/run
state_dir = HOME/state
log_path = HOME/log
protocols = lmtp
listen = 127.0.0.1
ssl = no
auth_allow_cleartext = yes
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
auth_username_format = %{user | username | lower}
mail_driver = maildir
mail_path = MAIL/%{user}
first_valid_uid = 1
passdb passwd-file {
  passwd_file_path = USERS
}
userdb passwd-file {
  passwd_file_path = USERS
  fields {
    uid:default = OWNER
    gid:default = OWNER
    home:default = MAIL/%{user}
  }
}
service auth {
  unix_listener HOME/auth-client {
    mode = 0666
  }
}
service lmtp {
  inet_listener lmtp {
    listen = 127.0.0.1
    port = PORT
  }
  unix_listener HOME/lmtp {
    mode = 0666
  }
}
service stats {
  unix_listener stats-writer {
    mode = 0666
  }
}
protocol lmtp {
  auth_username_format = %{user | username | lower}
}
";
