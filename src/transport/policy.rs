//! The TLS policy: whom to trust, what to show, what to verify. What is not set is the safe way.

use std::net::Ipv6Addr;
use std::sync::{Arc, RwLock};

use native_tls::{Identity, TlsConnector};

use crate::error::{Error, ErrorKind, Result, printable};

use super::host_errors::HostErrors;
use super::{certificate, fault};

/// What is verified of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verify {
    /// The chain, the dates, and that the certificate is for this host.
    #[default]
    Full,
    /// The chain and the dates, whatever host it is for.
    Certificate,
    /// Nothing.
    None,
}

/// A protocol version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsVersion {
    Tls12,
    Tls13,
}

impl TlsVersion {
    fn native(self) -> native_tls::Protocol {
        match self {
            TlsVersion::Tls12 => native_tls::Protocol::Tlsv12,
            TlsVersion::Tls13 => native_tls::Protocol::Tlsv13,
        }
    }
}

/// Whom to trust and what to show. Copies share the loaded trust store.
#[derive(Clone, Default)]
pub struct TlsPolicy {
    settings: Settings,
    /// Built at first use, for loading the system's roots takes milliseconds. Nobody ever waits
    /// for this lock: in a forked child its holder may be a thread that is lost.
    connector: Arc<RwLock<Option<Built>>>,
}

/// A connector, for the process that built it: a child does not share OpenSSL's own locks in it
/// with threads that it has lost.
struct Built {
    process: u32,
    connector: TlsConnector,
}

#[derive(Clone)]
struct Settings {
    roots: Vec<native_tls::Certificate>,
    /// Those from files, which another file may replace.
    file_roots: Vec<native_tls::Certificate>,
    system_roots: bool,
    identity: Option<Identity>,
    verify: Verify,
    min_version: TlsVersion,
    max_version: Option<TlsVersion>,
    server_name: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            roots: Vec::new(),
            file_roots: Vec::new(),
            system_roots: true,
            identity: None,
            verify: Verify::Full,
            min_version: TlsVersion::Tls12,
            max_version: None,
            server_name: None,
        }
    }
}

impl TlsPolicy {
    #[inline(never)]
    fn change(&mut self) -> &mut Settings {
        self.connector = Arc::default();
        &mut self.settings
    }

    /// Trusts the certificates in a PEM file in place of those from other files, besides the
    /// system's if those are on.
    pub fn set_ca_file(&mut self, path: &str) -> Result<()> {
        let roots = roots_of_file(path)?;
        self.change().file_roots = roots;
        Ok(())
    }

    /// Trusts the certificates in one more PEM file.
    pub fn add_ca_file(&mut self, path: &str) -> Result<()> {
        let roots = roots_of_file(path)?;
        self.change().file_roots.extend(roots);
        Ok(())
    }

    /// Trusts the certificates in PEM.
    pub fn add_ca_pem(&mut self, pem: &[u8]) -> Result<()> {
        let _aside = HostErrors::set_aside();
        let roots = certificate::parse_roots(pem)?;
        self.change().roots.extend(roots);
        Ok(())
    }

    pub fn set_system_roots(&mut self, on: bool) {
        self.change().system_roots = on;
    }

    /// Shows a client certificate; both in PEM, the key in the same file if it has none of its
    /// own.
    pub fn set_client_certificate(&mut self, file: &str, key_file: Option<&str>) -> Result<()> {
        let _aside = HostErrors::set_aside();
        let identity = certificate::identity_from_files(file, key_file)?;
        self.change().identity = Some(identity);
        Ok(())
    }

    /// Shows a client certificate from PKCS#12.
    pub fn set_client_pkcs12(&mut self, data: &[u8], password: &str) -> Result<()> {
        let _aside = HostErrors::set_aside();
        let identity = certificate::identity_from_pkcs12(data, password)?;
        self.change().identity = Some(identity);
        Ok(())
    }

    pub fn set_verify(&mut self, verify: Verify) {
        self.change().verify = verify;
    }

    pub fn set_min_version(&mut self, version: TlsVersion) {
        self.change().min_version = version;
    }

    pub fn set_max_version(&mut self, version: TlsVersion) {
        self.change().max_version = Some(version);
    }

    /// The name to send and verify in place of the host connected to.
    pub fn set_server_name(&mut self, name: &str) -> Result<()> {
        check_server_name(name)?;
        self.settings.server_name = Some(name.to_owned());
        Ok(())
    }

    /// The name that the certificate must be for, given the host that was connected to.
    pub(super) fn name_to_verify<'a>(&'a self, host: &'a str) -> Result<&'a str> {
        certified(self.settings.server_name.as_deref().unwrap_or(host))
    }

    pub(super) fn verify(&self) -> Verify {
        self.settings.verify
    }

    pub(super) fn connector(&self) -> Result<TlsConnector> {
        let process = std::process::id();
        if let Some(connector) = self.built_by(process) {
            return Ok(connector);
        }
        let connector = self.settings.build()?;
        // Where another thread holds the lock, that one keeps its own.
        if let Ok(mut built) = self.connector.try_write() {
            *built = Some(Built { process, connector: connector.clone() });
        }
        Ok(connector)
    }

    fn built_by(&self, process: u32) -> Option<TlsConnector> {
        let built = self.connector.try_read().ok()?;
        built.as_ref().filter(|built| built.process == process).map(|built| built.connector.clone())
    }
}

impl Settings {
    fn build(&self) -> Result<TlsConnector> {
        let _aside = HostErrors::set_aside();
        let mut builder = TlsConnector::builder();
        builder
            .min_protocol_version(Some(self.min_version.native()))
            .max_protocol_version(self.max_version.map(TlsVersion::native))
            .disable_built_in_roots(!self.system_roots)
            .danger_accept_invalid_certs(self.verify == Verify::None)
            .danger_accept_invalid_hostnames(self.verify != Verify::Full);
        for root in self.roots.iter().chain(&self.file_roots) {
            builder.add_root_certificate(root.clone());
        }
        if let Some(identity) = &self.identity {
            builder.identity(identity.clone());
        }
        builder.build().map_err(|error| fault::of_setup(&error))
    }
}

/// Refuses what no certificate can be for.
pub fn check_server_name(name: &str) -> Result<()> {
    certified(name).map(drop)
}

/// The part of a host's name that is in certificates. A zone says which interface (RFC 4007
/// section 11), and the final dot of a rooted name is for the resolver (RFC 6066 section 3). An
/// empty label is none: to OpenSSL a name with a leading dot stands for all below it.
fn certified(name: &str) -> Result<&str> {
    let host = match name.split_once('%') {
        Some((address, _)) if address.parse::<Ipv6Addr>().is_ok() => address,
        Some(_) => return Err(no_server_name(name)),
        None => name.strip_suffix('.').unwrap_or(name),
    };
    let fits = host.len() <= MAX_NAME
        && host.bytes().all(|byte| byte.is_ascii_graphic())
        && host.split('.').all(|label| !label.is_empty());
    if fits { Ok(host) } else { Err(no_server_name(name)) }
}

fn no_server_name(name: &str) -> Error {
    let name = printable(name.as_bytes(), MAX_NAME);
    let text = format!(
        "the server name \"{name}\" is no host name in ASCII (an international one has A-labels)"
    );
    Error::new(ErrorKind::InvalidArgument, text)
}

fn roots_of_file(path: &str) -> Result<Vec<native_tls::Certificate>> {
    let pem = certificate::read_file(path)?;
    certificate::parse_roots(&pem).map_err(|error| error.in_context(path))
}

/// The longest server name: RFC 1035 section 2.3.4.
const MAX_NAME: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn is_built(policy: &TlsPolicy) -> bool {
        policy.connector.read().unwrap().is_some()
    }

    /// As in a child that was forked while another thread of its parent was at work here.
    #[test]
    fn nobody_waits_for_the_holder_of_the_lock() {
        let policy = TlsPolicy::default();
        let held = policy.connector.write().unwrap();
        policy.connector().unwrap();
        drop(held);
        assert!(!is_built(&policy));
        policy.connector().unwrap();
        policy.connector.write().unwrap().as_mut().unwrap().process += 1;
        policy.connector().unwrap();
        let process = policy.connector.read().unwrap().as_ref().unwrap().process;
        assert_eq!(process, std::process::id(), "a child builds its own");
    }

    #[test]
    fn names_that_certificates_can_be_for() {
        for (name, expected) in [
            ("mail.example.org", Some("mail.example.org")),
            ("mail.example.org.", Some("mail.example.org")),
            ("192.0.2.1", Some("192.0.2.1")),
            ("::1", Some("::1")),
            ("fe80::1%lo", Some("fe80::1")),
            ("", None),
            (".", None),
            ("..", None),
            ("a..b", None),
            (".example.org", None),
            ("%lo", None),
            ("mail.example.org%lo", None),
            ("a b", None),
            ("m\u{fc}ller.example", None),
        ] {
            match certified(name) {
                Ok(host) => assert_eq!(Some(host), expected, "{name:?}"),
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{name:?}");
                    assert_eq!(expected, None, "{name:?}: {error}");
                }
            }
        }
    }

    /// A file with a certificate of its own.
    fn ca_file(name: &str) -> std::path::PathBuf {
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::new([name.to_owned()]).unwrap();
        let file = format!("smtpclient-{name}-{}.pem", std::process::id());
        let path = std::env::temp_dir().join(file);
        std::fs::write(&path, certificate.self_signed(&key).unwrap().pem()).unwrap();
        path
    }

    #[test]
    fn a_ca_file_replaces_those_before_and_more_may_be_added() {
        let paths = ["first", "second", "third"].map(ca_file);
        let [first, second, third] = paths.each_ref().map(|path| path.to_str().unwrap());
        let mut policy = TlsPolicy::default();
        let ders = |policy: &TlsPolicy| -> Vec<Vec<u8>> {
            policy.settings.file_roots.iter().map(|root| root.to_der().unwrap()).collect()
        };
        policy.add_ca_pem(&std::fs::read(first).unwrap()).unwrap();
        policy.set_ca_file(first).unwrap();
        policy.add_ca_file(second).unwrap();
        let both = ders(&policy);
        assert_eq!(both.len(), 2);
        assert!(policy.set_ca_file("/nonexistent").is_err());
        assert_eq!(ders(&policy), both, "a failure changes nothing");
        policy.set_ca_file(third).unwrap();
        let one = ders(&policy);
        assert!(one.len() == 1 && !both.contains(&one[0]));
        assert_eq!(policy.settings.roots.len(), 1, "what came from memory stays");
        paths.iter().for_each(|path| std::fs::remove_file(path).unwrap());
    }

    #[test]
    fn copies_share_the_trust_store_until_one_is_changed() {
        let policy = TlsPolicy::default();
        let mut copy = policy.clone();
        policy.connector().unwrap();
        assert!(is_built(&copy));
        copy.set_server_name("mail.example.org").unwrap();
        assert!(is_built(&copy), "a name needs no other store");
        copy.set_verify(Verify::None);
        assert!(!is_built(&copy));
        assert!(is_built(&policy));
    }
}
