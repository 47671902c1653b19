//! The TLS policy: whom to trust, what to show, what to verify. What is not set is the safe way.

use std::sync::{Arc, OnceLock};

use native_tls::{Identity, TlsConnector};

use crate::error::{Error, ErrorKind, Result};

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
    /// Built at first use, for loading the system's roots takes milliseconds.
    connector: Arc<OnceLock<TlsConnector>>,
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
        let identity = certificate::identity_from_files(file, key_file)?;
        self.change().identity = Some(identity);
        Ok(())
    }

    /// Shows a client certificate from PKCS#12.
    pub fn set_client_pkcs12(&mut self, data: &[u8], password: &str) -> Result<()> {
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
        if name.is_empty() || name.len() > MAX_NAME || !name.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                "the server name is no host name in ASCII (an international one has A-labels)",
            ));
        }
        self.settings.server_name = Some(name.to_owned());
        Ok(())
    }

    /// The name that the certificate must be for, given the host that was connected to.
    pub(super) fn name_to_verify<'a>(&'a self, host: &'a str) -> &'a str {
        let name = self.settings.server_name.as_deref().unwrap_or(host);
        // A zone says which interface, and the final dot of a rooted name is for the resolver
        // (RFC 6066 section 3); neither is part of a certificate.
        let name = name.split('%').next().unwrap_or(name);
        name.strip_suffix('.').unwrap_or(name)
    }

    pub(super) fn verify(&self) -> Verify {
        self.settings.verify
    }

    pub(super) fn connector(&self) -> Result<&TlsConnector> {
        if let Some(connector) = self.connector.get() {
            return Ok(connector);
        }
        let settings = &self.settings;
        let mut builder = TlsConnector::builder();
        builder
            .min_protocol_version(Some(settings.min_version.native()))
            .max_protocol_version(settings.max_version.map(TlsVersion::native))
            .disable_built_in_roots(!settings.system_roots)
            .danger_accept_invalid_certs(settings.verify == Verify::None)
            .danger_accept_invalid_hostnames(settings.verify != Verify::Full);
        for root in settings.roots.iter().chain(&settings.file_roots) {
            builder.add_root_certificate(root.clone());
        }
        if let Some(identity) = &settings.identity {
            builder.identity(identity.clone());
        }
        let built = builder.build().map_err(|error| fault::of_setup(&error))?;
        Ok(self.connector.get_or_init(|| built))
    }
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
        assert!(copy.connector.get().is_some());
        copy.set_server_name("mail.example.org").unwrap();
        assert!(copy.connector.get().is_some(), "a name needs no other store");
        copy.set_verify(Verify::None);
        assert!(copy.connector.get().is_none());
        assert!(policy.connector.get().is_some());
    }
}
