//! Dovecot: LMTP over TCP and a Unix socket, and the SASL server that Postfix asks.

use std::process::Command;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;

use super::instance::{Instance, administrators_path, free_port, mail_uid, open};

pub struct Dovecot {
    pub instance: Instance,
    pub port: u16,
    pub socket: String,
    pub auth_socket: String,
    /// It takes access tokens: [`token`] makes them.
    pub takes_tokens: bool,
}

/// What tokens are signed with.
const SECRET: &[u8] = b"what only the provider and the server know";

/// An access token as Dovecot can check by itself: a JSON Web Token (RFC 7519), signed by HMAC.
pub fn token(user: &str, life: i64) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let now = i64::try_from(now.as_secs()).unwrap();
    let head = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
    let body = format!(r#"{{"sub":"{user}","iat":{},"exp":{}}}"#, now - 10, now + life);
    let text = format!("{head}.{}", BASE64_URL_SAFE_NO_PAD.encode(body));
    let key = PKey::hmac(SECRET).unwrap();
    let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
    let signature = signer.sign_oneshot_to_vec(text.as_bytes()).unwrap();
    format!("{text}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
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
    let keys = instance.home.join("keys/default/HS256");
    std::fs::create_dir_all(&keys).unwrap();
    let key = instance.home.write("keys/default/HS256/default", BASE64_STANDARD.encode(SECRET));
    let tokens = instance.home.write("oauth2.conf", TOKENS.replace("HOME", &home));
    for path in [&key, &tokens] {
        open(std::path::Path::new(path), 0o644);
    }
    // The language of the configuration changed with 2.4.
    let takes_tokens = version() < (2, 4);
    let configuration = if takes_tokens { OLD } else { NEW };
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
        takes_tokens,
    }
}

/// What checks tokens, up to 2.3.
const TOKENS: &str = "
introspection_mode = local
local_validation_key_dict = fs:posix:prefix=HOME/keys/
username_attribute = sub
";

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
auth_mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256 xoauth2 oauthbearer
auth_failure_delay = 0
auth_username_format = %Ln
mail_location = maildir:MAIL/%u
first_valid_uid = 1
passdb {
  driver = passwd-file
  mechanisms = plain login cram-md5 scram-sha-1 scram-sha-256
  args = scheme=PLAIN username_format=%n USERS
}
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = HOME/oauth2.conf
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
