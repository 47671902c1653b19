//! Certificates made at test time: an authority, server certificates good and bad in every way that
//! matters, and client certificates with their keys in each common encoding.

use std::sync::OnceLock;

use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::x509::X509;
use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// What is right or wrong with a server's certificate. All but the last few are issued by
/// [`authority`] for `localhost`, 127.0.0.1 and ::1, differing in one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Valid,
    /// Valid, sent with the intermediate authority that issued it.
    Intermediate,
    Expired,
    NotYetValid,
    SelfSigned,
    /// For `other.example` alone.
    OtherHost,
    UnknownCa,
    /// Common name `localhost` and no subject alternative name.
    NoSan,
    /// 127.0.0.1 and ::1 alone.
    IpSan,
    /// `localhost` alone.
    NameSan,
    /// `*.example.org`
    Wildcard,
    /// `mail*.example.org`
    PartialWildcard,
    /// For TLS clients, not servers.
    ClientPurpose,
}

impl Kind {
    /// The kinds by the names the loopback server knows them by.
    pub const NAMES: &[(&str, Kind)] = &[
        ("valid", Kind::Valid),
        ("intermediate", Kind::Intermediate),
        ("expired", Kind::Expired),
        ("not-yet-valid", Kind::NotYetValid),
        ("self-signed", Kind::SelfSigned),
        ("other-host", Kind::OtherHost),
        ("wrong-host", Kind::OtherHost),
        ("unknown-ca", Kind::UnknownCa),
        ("no-san", Kind::NoSan),
        ("ip-san", Kind::IpSan),
        ("name-san", Kind::NameSan),
        ("wildcard", Kind::Wildcard),
        ("partial-wildcard", Kind::PartialWildcard),
        ("client-purpose", Kind::ClientPurpose),
    ];

    pub fn from_name(name: &str) -> Option<Kind> {
        Kind::NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
    }
}

/// An authority that can issue.
pub struct Authority {
    certificate: Certificate,
    key: KeyPair,
    pub pem: String,
}

/// A certificate chain and its key, PEM (the key PKCS#8).
#[derive(Clone)]
pub struct Identity {
    pub chain_pem: String,
    pub key_pem: String,
}

/// The authority that tests trust. One per process.
pub fn authority() -> &'static Authority {
    static AUTHORITY: OnceLock<Authority> = OnceLock::new();
    AUTHORITY.get_or_init(|| Authority::root("Test Root"))
}

impl Authority {
    /// A new self-signed authority that nobody trusts yet.
    pub fn root(name: &str) -> Authority {
        let key = KeyPair::generate().expect("a key");
        let certificate = ca_params(name).self_signed(&key).expect("a root certificate");
        Authority { pem: certificate.pem(), certificate, key }
    }

    fn intermediate(&self, name: &str) -> Authority {
        let key = KeyPair::generate().expect("a key");
        let certificate = ca_params(name)
            .signed_by(&key, &self.certificate, &self.key)
            .expect("an intermediate certificate");
        Authority { pem: certificate.pem(), certificate, key }
    }

    fn issue(&self, params: CertificateParams) -> Identity {
        self.issue_for(params, &KeyPair::generate().expect("a key"))
    }

    fn issue_for(&self, params: CertificateParams, key: &KeyPair) -> Identity {
        let certificate =
            params.signed_by(key, &self.certificate, &self.key).expect("a certificate");
        Identity { chain_pem: certificate.pem(), key_pem: key.serialize_pem() }
    }
}

/// A server's certificate of that kind.
pub fn server_identity(kind: Kind) -> Identity {
    let names: &[&str] = match kind {
        Kind::OtherHost => &["other.example"],
        Kind::NoSan => &[],
        Kind::IpSan => &["127.0.0.1", "::1"],
        Kind::NameSan => &["localhost"],
        Kind::Wildcard => &["*.example.org"],
        Kind::PartialWildcard => &["mail*.example.org"],
        _ => &["localhost", "127.0.0.1", "::1"],
    };
    let mut params = leaf_params("localhost", names, ExtendedKeyUsagePurpose::ServerAuth);
    match kind {
        Kind::Expired => params.not_after = date_time_ymd(2021, 1, 1),
        Kind::NotYetValid => params.not_before = date_time_ymd(2100, 1, 1),
        Kind::ClientPurpose => {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }
        _ => {}
    }
    match kind {
        Kind::SelfSigned => {
            let key = KeyPair::generate().expect("a key");
            let certificate = params.self_signed(&key).expect("a self-signed certificate");
            Identity { chain_pem: certificate.pem(), key_pem: key.serialize_pem() }
        }
        Kind::UnknownCa => Authority::root("Nobody's Root").issue(params),
        Kind::Intermediate => {
            let issuer = authority().intermediate("Test Intermediate");
            let mut identity = issuer.issue(params);
            identity.chain_pem.push_str(&issuer.pem);
            identity
        }
        _ => authority().issue(params),
    }
}

/// A client's certificate issued by [`authority`], its key in every encoding.
pub struct ClientIdentity {
    pub certificate_pem: String,
    pub key_pkcs8: String,
    /// `EC PRIVATE KEY` for an EC key, `RSA PRIVATE KEY` for RSA.
    pub key_traditional: String,
    /// PKCS#8, encrypted with the password `secret`.
    pub key_encrypted: String,
    /// Certificate and key as PKCS#12 with the password `secret`.
    pub pkcs12: Vec<u8>,
}

/// An EC client certificate (key: PKCS#8, SEC1, PKCS#12).
pub fn client_identity() -> ClientIdentity {
    client_identity_from(authority(), &KeyPair::generate().expect("a key"))
}

/// An RSA client certificate (key: PKCS#8, PKCS#1, PKCS#12).
pub fn rsa_client_identity() -> ClientIdentity {
    let rsa = Rsa::generate(2048).expect("an RSA key");
    let pem = PKey::from_rsa(rsa).and_then(|key| key.private_key_to_pem_pkcs8()).expect("PKCS#8");
    let pem = String::from_utf8(pem).expect("PEM is ASCII");
    client_identity_from(authority(), &KeyPair::from_pem(&pem).expect("an RSA key"))
}

/// A client certificate from an authority that the server does not know.
pub fn unknown_client_identity() -> ClientIdentity {
    client_identity_from(&Authority::root("Nobody's Root"), &KeyPair::generate().expect("a key"))
}

fn client_identity_from(issuer: &Authority, key: &KeyPair) -> ClientIdentity {
    let params = leaf_params("test client", &[], ExtendedKeyUsagePurpose::ClientAuth);
    let identity = issuer.issue_for(params, key);
    let private = PKey::private_key_from_pem(identity.key_pem.as_bytes()).expect("a private key");
    let traditional = match private.ec_key() {
        Ok(ec) => ec.private_key_to_pem(),
        Err(_) => private.rsa().and_then(|rsa| rsa.private_key_to_pem()),
    };
    let cipher = openssl::symm::Cipher::aes_256_cbc();
    let encrypted = private.private_key_to_pem_pkcs8_passphrase(cipher, b"secret");
    let certificate = X509::from_pem(identity.chain_pem.as_bytes()).expect("a certificate");
    let pkcs12 = Pkcs12::builder()
        .name("test client")
        .pkey(&private)
        .cert(&certificate)
        .build2("secret")
        .and_then(|bundle| bundle.to_der())
        .expect("a PKCS#12 bundle");
    let text = |pem: Vec<u8>| String::from_utf8(pem).expect("PEM is ASCII");
    ClientIdentity {
        certificate_pem: identity.chain_pem,
        key_pkcs8: identity.key_pem,
        key_traditional: text(traditional.expect("a traditional encoding")),
        key_encrypted: text(encrypted.expect("an encrypted key")),
        pkcs12,
    }
}

fn leaf_params(
    common_name: &str,
    names: &[&str],
    purpose: ExtendedKeyUsagePurpose,
) -> CertificateParams {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("subject alternative names");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![purpose];
    params.use_authority_key_identifier_extension = true;
    params
}

fn ca_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2120, 1, 1);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}
