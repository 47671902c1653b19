//! The TLS policy: whom to trust, what to show, what to verify. What is not set is the safe way.

use std::net::Ipv6Addr;
use std::sync::{Arc, RwLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;

use crate::error::{Error, ErrorKind, Result, printable};

use super::certificate::{self, Identity};
use super::host_errors::HostErrors;
use super::{Engine, IS_FULL, Library, not_supported};

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

/// Whom to trust and what to show. Copies share what was loaded, and the tickets.
#[derive(Clone, Default)]
pub struct TlsPolicy {
    settings: Settings,
    /// Made at first use. Nobody ever waits for this lock: in a forked child its holder may be a
    /// thread that is lost.
    context: Arc<RwLock<Option<Made>>>,
}

/// What connections share, for the process that made it: a child does not share OpenSSL's own locks
/// in it with threads that it has lost.
struct Made {
    process: u32,
    context: <Library as Engine>::Context,
}

/// What was set. Whatever is changed here, no ticket from before is shown again.
#[derive(Clone)]
pub(super) struct Settings {
    roots: Vec<X509>,
    /// Those from files, which another file may replace.
    file_roots: Vec<X509>,
    pub system_roots: bool,
    pub identity: Option<Identity>,
    /// From a store: what a certificate that is given without a key belongs to.
    stored_key: Option<PKey<Private>>,
    pub verify: Verify,
    /// `None` is TLS 1.2, or what the system's own settings ask for beyond that.
    pub min_version: Option<TlsVersion>,
    pub max_version: Option<TlsVersion>,
    pub resumes: bool,
    /// SHA-256 of the public keys of which the server must have one, if there are any.
    pub pins: Vec<Pin>,
    server_name: Option<String>,
    /// By [`TlsPolicy::load`].
    pub loaded: Option<<Library as Engine>::Loaded>,
}

/// The hash of a key, in DER as in the certificate (RFC 7469 section 2.4).
pub(super) type Pin = [u8; 32];

impl Default for Settings {
    fn default() -> Self {
        Settings {
            roots: Vec::new(),
            file_roots: Vec::new(),
            system_roots: true,
            identity: None,
            stored_key: None,
            verify: Verify::Full,
            min_version: None,
            max_version: None,
            resumes: true,
            pins: Vec::new(),
            server_name: None,
            loaded: None,
        }
    }
}

impl Settings {
    /// Those that the caller has given.
    pub fn own_roots(&self) -> impl Iterator<Item = &X509> {
        self.roots.iter().chain(&self.file_roots)
    }
}

impl TlsPolicy {
    #[inline(never)]
    fn change(&mut self) -> &mut Settings {
        self.context = Arc::default();
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
        let identity = match (key_file, &self.settings.stored_key) {
            (None, Some(key)) => certificate::identity_with_key(file, key.clone())
                .or_else(|error| certificate::identity_from_files(file, None).map_err(|_| error))?,
            _ => certificate::identity_from_files(file, key_file)?,
        };
        let settings = self.change();
        settings.identity = Some(identity);
        if key_file.is_some() {
            settings.stored_key = None;
        }
        Ok(())
    }

    /// Shows a client certificate from PKCS#12.
    pub fn set_client_pkcs12(&mut self, data: &[u8], password: &str) -> Result<()> {
        let _aside = HostErrors::set_aside();
        let identity = certificate::identity_from_pkcs12(data, password)?;
        let settings = self.change();
        settings.identity = Some(identity);
        settings.stored_key = None;
        Ok(())
    }

    pub fn set_verify(&mut self, verify: Verify) {
        self.change().verify = verify;
    }

    pub fn set_min_version(&mut self, version: TlsVersion) {
        self.change().min_version = Some(version);
    }

    pub fn set_max_version(&mut self, version: TlsVersion) {
        self.change().max_version = Some(version);
    }

    /// Whether tickets are kept, and shown when the same server is met again.
    pub fn set_resumption(&mut self, on: bool) -> Result<()> {
        if on && !IS_FULL {
            return Err(not_supported("resuming sessions"));
        }
        self.change().resumes = on;
        Ok(())
    }

    /// One more public key that the server may have, where it must have one of them; several are
    /// separated by ";".
    pub fn add_pin(&mut self, pin: &str) -> Result<()> {
        let pins = pin.split(';').map(parse_pin).collect::<Result<Vec<_>>>()?;
        if !IS_FULL {
            return Err(not_supported("pins"));
        }
        self.change().pins.extend(pins);
        Ok(())
    }

    /// Shows a client certificate with a key from a store of OpenSSL's. The certificate is what the
    /// store has beside the key; else the one that was shown before, or is set behind this.
    pub fn set_client_key_uri(&mut self, uri: &str) -> Result<()> {
        let _aside = HostErrors::set_aside();
        let (key, stored) = Library::load_key(uri)?;
        let shown = self.settings.identity.as_ref().map(Identity::certificates);
        let certificates = if stored.is_empty() { shown.unwrap_or_default() } else { stored };
        let identity = if certificates.is_empty() {
            None
        } else {
            let identity = Identity::new(certificates, key.clone());
            Some(identity.map_err(|error| error.in_context("the client key's URI"))?)
        };
        let settings = self.change();
        settings.identity = identity;
        settings.stored_key = Some(key);
        Ok(())
    }

    /// Reads now all that a handshake will need, the system's roots above all.
    pub fn load(&mut self) -> Result<()> {
        let _aside = HostErrors::set_aside();
        let (result, loaded) = Library::load(&self.context()?);
        self.settings.loaded = Some(loaded);
        result
    }

    /// The same, but anybody is believed: to look at what a server shows, and for nothing else. So
    /// it shows nothing of ours, and leaves no ticket behind.
    pub fn blind(&self) -> Self {
        let mut blind = TlsPolicy { settings: self.settings.clone(), context: Arc::default() };
        let Settings { verify, pins, identity, stored_key, resumes, system_roots, .. } =
            &mut blind.settings;
        *verify = Verify::None;
        pins.clear();
        (*identity, *stored_key) = (None, None);
        (*resumes, *system_roots) = (false, false);
        blind
    }

    /// The name to send and verify in place of the host connected to.
    pub fn set_server_name(&mut self, name: &str) -> Result<()> {
        check_server_name(name)?;
        self.settings.server_name = Some(name.to_owned());
        Ok(())
    }

    /// The name that the certificate must be for, given the host that was connected to.
    pub fn name_to_verify<'a>(&'a self, host: &'a str) -> Result<&'a str> {
        certified(self.settings.server_name.as_deref().unwrap_or(host))
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(super) fn context(&self) -> Result<<Library as Engine>::Context> {
        let _aside = HostErrors::set_aside();
        let process = std::process::id();
        if let Some(context) = self.made_by(process) {
            return Ok(context);
        }
        let context = Library::prepare(&self.settings)?;
        // Where another thread holds the lock, that one keeps its own.
        if let Ok(mut made) = self.context.try_write() {
            *made = Some(Made { process, context: context.clone() });
        }
        Ok(context)
    }

    /// As if it had been made by the settings.
    #[cfg(all(test, not(any(feature = "native", target_vendor = "apple"))))]
    pub(super) fn share(&self, context: <Library as Engine>::Context) {
        if let Ok(mut made) = self.context.write() {
            *made = Some(Made { process: std::process::id(), context });
        }
    }

    fn made_by(&self, process: u32) -> Option<<Library as Engine>::Context> {
        let made = self.context.try_read().ok()?;
        made.as_ref().filter(|made| made.process == process).map(|made| made.context.clone())
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

/// The form that curl has as well: `sha256//` and base64.
fn parse_pin(pin: &str) -> Result<Pin> {
    let hash = pin.strip_prefix("sha256//").and_then(|text| STANDARD.decode(text).ok());
    hash.and_then(|bytes| Pin::try_from(bytes).ok()).ok_or_else(|| {
        let pin = printable(pin.as_bytes(), 64);
        let text = format!("the pin \"{pin}\" is not \"sha256//\" and 32 bytes in base64");
        Error::new(ErrorKind::InvalidArgument, text)
    })
}

fn roots_of_file(path: &str) -> Result<Vec<X509>> {
    let _aside = HostErrors::set_aside();
    let pem = certificate::read_file(path)?;
    certificate::parse_roots(&pem).map_err(|error| error.in_context(path))
}

/// The longest server name: RFC 1035 section 2.3.4.
const MAX_NAME: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    fn is_built(policy: &TlsPolicy) -> bool {
        policy.context.read().unwrap().is_some()
    }

    /// As in a child that was forked while another thread of its parent was at work here.
    #[test]
    fn nobody_waits_for_the_holder_of_the_lock() {
        let policy = TlsPolicy::default();
        let held = policy.context.write().unwrap();
        policy.context().unwrap();
        drop(held);
        assert!(!is_built(&policy));
        policy.context().unwrap();
        policy.context.write().unwrap().as_mut().unwrap().process += 1;
        policy.context().unwrap();
        let process = policy.context.read().unwrap().as_ref().unwrap().process;
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
        policy.context().unwrap();
        assert!(is_built(&copy));
        copy.set_server_name("mail.example.org").unwrap();
        assert!(is_built(&copy), "a name needs no other store");
        copy.set_verify(Verify::None);
        assert!(!is_built(&copy));
        assert!(is_built(&policy));
    }
}
