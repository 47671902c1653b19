//! Postfix: SMTP with STARTTLS, SMTP over TLS, SASL by Dovecot, delivery to maildirs.

use super::dovecot::{self, Dovecot};
use super::instance::{Instance, as_root, free_port, mail_uid, open};
use crate::support::{Kind, authority, certs};

pub struct Postfix {
    pub instance: Instance,
    /// A file with the certificate that signed its own.
    pub authority: String,
    pub smtp: u16,
    pub smtps: u16,
    /// Refuses a sender in reply to MAIL, not to RCPT as Postfix is otherwise set to.
    pub hasty: u16,
    pub sasl: Dovecot,
}

/// What the instance takes at most.
pub const SIZE_LIMIT: usize = 2_000_000;

const SERVICES: &str = "
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
";

pub fn start() -> Postfix {
    let sasl = dovecot::start();
    let mut instance = Instance::prepare("postfix");
    let home = instance.home.path().to_str().unwrap().to_owned();
    let (smtp, smtps, hasty, owner) = (free_port(), free_port(), free_port(), mail_uid());
    let mail = instance.mail_dir();
    let identity = certs::server_identity(Kind::Valid);
    let certificate = instance.home.write("cert.pem", identity.chain_pem);
    let authority = instance.home.write("authority.pem", &authority().pem);
    let key = instance.home.write("key.pem", identity.key_pem);
    open(std::path::Path::new(&key), 0o600);
    for folder in ["etc", "queue", "data"] {
        std::fs::create_dir_all(instance.home.join(folder)).unwrap();
    }
    let given = as_root(&["chown", "postfix", &instance.home.join("data")]).status();
    assert!(given.is_ok_and(|status| status.success()), "no user postfix: apt-get install postfix");
    instance.home.write(
        "etc/main.cf",
        format!(
            "compatibility_level = 3.6\nqueue_directory = {home}/queue\ndata_directory = {home}/data\n\
             command_directory = /usr/sbin\ndaemon_directory = /usr/lib/postfix/sbin\n\
             mail_owner = postfix\nsetgid_group = postdrop\nmyhostname = mail.test\nmydestination =\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks =\n\
             maillog_file = {home}/log\nmaillog_file_prefixes = {home}\n\
             virtual_mailbox_domains = example.test\nvirtual_mailbox_base = {mail}\n\
             virtual_mailbox_maps = inline:{{ alice@example.test=alice/ carol@example.test=carol/ \
             dave@example.test=dave/ erin@example.test=erin/ frank@example.test=frank/ j\u{f6}rg@example.test=joerg/ }}\n\
             virtual_uid_maps = static:{owner}\nvirtual_gid_maps = static:{owner}\n\
             virtual_mailbox_limit = 0\nvirtual_minimum_uid = 1\nmessage_size_limit = {SIZE_LIMIT}\n\
             smtpd_relay_restrictions = reject_unauth_destination\n\
             smtpd_sender_restrictions = inline:{{ refused@example.org=REJECT }}\n\
             smtpd_peername_lookup = no\nlocal_header_rewrite_clients =\n\
             smtpd_tls_cert_file = {certificate}\nsmtpd_tls_key_file = {key}\n\
             smtpd_tls_security_level = may\nsmtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\n\
             smtpd_sasl_path = {}\nsmtputf8_enable = yes\nsmtpd_error_sleep_time = 0\n\
             smtpd_hard_error_limit = 1000\nsmtpd_soft_error_limit = 1000\n",
            sasl.auth_socket
        ),
    );
    instance.home.write(
        "etc/master.cf",
        format!(
            "127.0.0.1:{smtp} inet n - n - - smtpd\n\
             127.0.0.1:{smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes\n\
             127.0.0.1:{hasty} inet n - n - - smtpd -o smtpd_delay_reject=no{SERVICES}"
        ),
    );
    let etc = format!("{home}/etc");
    instance.start(&["postfix", "-c", &etc, "start-fg"], "postfix -c \"$home/etc\" abort");
    instance.wait_for(&[smtp, smtps, hasty]);
    Postfix { instance, smtp, smtps, hasty, authority, sasl }
}
