//! Setting up what `open` needs: where to, how secured, as whom. Nothing is looked up, sent or
//! logged here, and what is refused changes nothing.

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result, printable};
use crate::sasl;
use crate::session::Protocol;
use crate::transport::{is_address, split_host_port};
use crate::wire::command::check_argument;

use super::endpoint::{Credentials, Endpoint};
use super::security::Security;
use super::token::TokenSource;
use super::{Client, url};

impl Client {
    /// Everything that a URL says; what it leaves out is as in a new client. Its protocol is that
    /// of the next connection.
    pub fn set_url(&mut self, url: &str) -> Result<()> {
        let (protocol, endpoint) = url::parse(url)?;
        self.session.set_protocol(protocol);
        *self.endpoint_to_change() = endpoint;
        Ok(())
    }

    /// As [`Client::connect`] takes them. Addresses that were given belong to the host before.
    pub fn set_host(&mut self, host: &str, port: u16) -> Result<()> {
        check_argument("the host", host)?;
        let (host, port) =
            if host.starts_with('/') { (host.to_owned(), 0) } else { split_host_port(host, port)? };
        let endpoint = self.endpoint_to_change();
        (endpoint.host, endpoint.port) = (host, port);
        endpoint.addresses.clear();
        Ok(())
    }

    /// `None` for both is none.
    pub fn set_credentials(&mut self, user: Option<&str>, password: Option<&str>) -> Result<()> {
        let keep = |text: &str| Zeroizing::new(text.to_owned());
        let credentials = match user {
            None if password.is_none() => None,
            None | Some("") => {
                let text = "the credentials have no user name";
                return Err(Error::new(ErrorKind::InvalidArgument, text));
            }
            Some(user) => {
                let password = password.map(keep);
                Some(Credentials { user: keep(user), password, source: None })
            }
        };
        self.endpoint_to_change().credentials = credentials;
        Ok(())
    }

    /// Tokens in place of a password; `None` for no credentials. Without a user it is the one that
    /// was set before.
    pub fn set_token_source(
        &mut self,
        user: Option<&str>,
        source: Option<TokenSource>,
    ) -> Result<()> {
        let Some(source) = source else {
            self.endpoint_to_change().credentials = None;
            return Ok(());
        };
        let before = self.config.endpoint.credentials.as_ref().map(|one| one.user.clone());
        let user = user.map(|user| Zeroizing::new(user.to_owned())).or(before);
        let none = || Error::new(ErrorKind::InvalidArgument, "the token source has no user name");
        let user = user.ok_or_else(none)?;
        sasl::check_user(&user)?;
        self.endpoint_to_change().credentials =
            Some(Credentials { user, password: None, source: Some(source) });
        Ok(())
    }

    pub fn set_security(&mut self, security: Security) -> Result<()> {
        let keeps = matches!(security, Security::Auto | Security::Tls);
        if !keeps && self.session.protocol() == Protocol::Smtps {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "SMTP_PROTOCOL_SMTPS means TLS from the first byte, and no other security",
            ));
        }
        self.endpoint_to_change().security = security;
        Ok(())
    }

    /// IP addresses of the host, in place of a look-up; none for a look-up.
    pub fn set_addresses(&mut self, addresses: &[&str]) -> Result<()> {
        let mut own = Vec::with_capacity(addresses.len());
        for (index, address) in addresses.iter().enumerate() {
            if !is_address(address) {
                let shown = printable(address.as_bytes(), 256);
                let text = format!("address [{index}], \"{shown}\", is no IPv4 or IPv6 address");
                return Err(Error::new(ErrorKind::InvalidArgument, text));
            }
            own.push((*address).to_owned());
        }
        let endpoint = &self.config.endpoint;
        if !own.is_empty() && (endpoint.host.is_empty() || endpoint.is_path()) {
            let text = "addresses need the name of a host, which is to be set first";
            return Err(Error::new(ErrorKind::Misuse, text));
        }
        self.endpoint_to_change().addresses = own;
        Ok(())
    }

    fn endpoint_to_change(&mut self) -> &mut Endpoint {
        self.config.is_opened = false;
        &mut self.config.endpoint
    }

    pub fn endpoint(&self) -> &Endpoint {
        &self.config.endpoint
    }

    /// The protocol of the next connection.
    pub fn protocol(&self) -> Protocol {
        self.session.protocol()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Plan;
    use super::*;

    fn client() -> Client {
        Client::new(Protocol::Smtp).unwrap()
    }

    /// What is set, in one text.
    fn shown(client: &Client) -> String {
        let Endpoint { host, security, credentials, addresses, .. } = client.endpoint();
        let protocol = client.protocol();
        let port = client.endpoint().port(protocol);
        let who = credentials.as_ref().map(|one| {
            (one.user.as_str(), one.password.as_ref().map(|password| password.as_str()))
        });
        format!("{protocol:?} {host} {port} {security:?} {who:?} {addresses:?}")
    }

    #[test]
    fn a_url_sets_all_and_a_bad_one_nothing() {
        let mut client = client();
        client.set_url("smtps://me:pw@mail.example.org").unwrap();
        client.set_addresses(&["192.0.2.1"]).unwrap();
        let set = r#"Smtps mail.example.org 465 Tls Some(("me", Some("pw"))) ["192.0.2.1"]"#;
        assert_eq!(shown(&client), set);
        assert!(client.set_url("lmtp://other.example?").is_err());
        assert!(client.set_host("a\nb", 1).is_err());
        assert!(client.set_host("other.example:x", 0).is_err());
        assert!(client.set_credentials(None, Some("pw")).is_err());
        assert!(client.set_credentials(Some(""), None).is_err());
        assert!(client.set_security(Security::StartTls).is_err());
        assert!(client.set_addresses(&["192.0.2.2", "192.0.2.3:25"]).is_err());
        assert_eq!(shown(&client), set);
        // Neither the credentials nor the addresses are this server's.
        client.set_url("lmtp://other.example").unwrap();
        assert_eq!(shown(&client), "Lmtp other.example 2003 Auto None []");
    }

    #[test]
    fn the_same_apart() {
        let mut client = client();
        client.set_security(Security::StartTls).unwrap();
        client.set_host("[fe80::1%lo]:26", 0).unwrap();
        client.set_credentials(Some("me"), Some("p/#@")).unwrap();
        client.set_addresses(&["::1", "fe80::1%lo"]).unwrap();
        let who = r#"Some(("me", Some("p/#@")))"#;
        let all = format!(r#"Smtp fe80::1%lo 26 StartTls {who} ["::1", "fe80::1%lo"]"#);
        assert_eq!(shown(&client), all);
        client.set_host("mail.example.org", 0).unwrap();
        assert_eq!(shown(&client), format!("Smtp mail.example.org 587 StartTls {who} []"));
        client.set_credentials(None, None).unwrap();
        client.set_security(Security::Auto).unwrap();
        assert_eq!(shown(&client), "Smtp mail.example.org 25 Auto None []");
    }

    #[test]
    fn addresses_are_a_hosts() {
        let mut client = client();
        client.set_addresses(&[]).unwrap();
        assert_eq!(client.set_addresses(&["::1"]).unwrap_err().kind(), ErrorKind::Misuse);
        client.set_host("/run/smtp", 25).unwrap();
        assert_eq!(client.set_addresses(&["::1"]).unwrap_err().kind(), ErrorKind::Misuse);
        client.set_host("mail.example.org", 0).unwrap();
        for bad in ["", "/run/smtp", "name", "[::1]", "127.0.0.1:25", "::1\n"] {
            let error = client.set_addresses(&["::1", bad]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad}");
            assert!(error.message().contains("[1]"), "{error}");
        }
    }

    #[test]
    fn what_is_set_makes_the_plan() {
        let mut client = client();
        let plan = |client: &Client| client.endpoint().plan(client.protocol(), false);
        for (url, expected) in [
            ("smtp://mail.example.org", Plan::IfOffered),
            ("smtp://me@mail.example.org", Plan::IfOffered),
            ("smtp://me@mail.example.org:2525", Plan::StartTls),
            ("smtp://mail.example.org:587", Plan::StartTls),
            ("smtp://mail.example.org:465", Plan::Tls),
            ("smtps://mail.example.org:25", Plan::Tls),
            ("smtp+starttls://mail.example.org:25", Plan::StartTls),
            ("lmtp://mail.example.org", Plan::IfOffered),
            ("lmtp+unix:///run/lmtp", Plan::Clear),
        ] {
            client.set_url(url).unwrap();
            assert_eq!(plan(&client), expected, "{url}");
        }
        client.set_credentials(Some("me"), None).unwrap();
        assert_eq!(plan(&client), Plan::Clear);
    }
}
