//! The server's side of TLS: one acceptor by OpenSSL, because native-tls's cannot ask for a client
//! certificate nor go below TLS 1.2.

use openssl::pkey::PKey;
use openssl::sha::sha256;
use openssl::ssl::{NameType, Ssl, SslContext, SslContextBuilder, SslMethod, SslVerifyMode};
use openssl::ssl::{SslRef, SslStream, SslVersion};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;

use super::certs::{Kind, authority, server_identity};
use super::record::TlsFacts;
use super::stream::Shared;

/// How a server does TLS.
#[derive(Clone)]
pub struct ServerTls {
    kind: Kind,
    require_client: bool,
    versions: (Option<SslVersion>, Option<SslVersion>),
    tickets: usize,
}

impl ServerTls {
    pub fn new(kind: Kind) -> ServerTls {
        ServerTls { kind, require_client: false, versions: (None, None), tickets: 2 }
    }

    /// Refuses a client without a certificate from [`authority`]. Under TLS 1.3 the client learns
    /// that only after its side of the handshake is done.
    pub fn require_client(mut self) -> ServerTls {
        self.require_client = true;
        self
    }

    /// Speaks TLS 1.3 alone.
    pub fn tls13(mut self) -> ServerTls {
        self.versions = (Some(SslVersion::TLS1_3), Some(SslVersion::TLS1_3));
        self
    }

    /// Speaks TLS 1.2 alone.
    pub fn tls12(mut self) -> ServerTls {
        self.versions = (Some(SslVersion::TLS1_2), Some(SslVersion::TLS1_2));
        self
    }

    /// Speaks TLS 1.1 and below.
    pub fn old(mut self) -> ServerTls {
        self.versions = (None, Some(SslVersion::TLS1_1));
        self
    }

    /// How many TLS 1.3 session tickets follow the handshake.
    pub fn tickets(mut self, count: usize) -> ServerTls {
        self.tickets = count;
        self
    }

    /// Builds what the connections share.
    pub(super) fn acceptor(&self) -> Acceptor {
        let identity = server_identity(self.kind);
        let mut builder = SslContextBuilder::new(SslMethod::tls_server()).expect("a TLS context");
        // Even what is too weak for today's clients must be spoken where a test asks for it.
        builder.set_security_level(0);
        builder.set_cipher_list("ALL:@SECLEVEL=0").expect("cipher list");
        builder.set_min_proto_version(self.versions.0).expect("minimum version");
        builder.set_max_proto_version(self.versions.1).expect("maximum version");
        builder.set_num_tickets(self.tickets).expect("ticket count");
        let key = PKey::private_key_from_pem(identity.key_pem.as_bytes()).expect("a key");
        builder.set_private_key(&key).expect("the key");
        let mut chain = X509::stack_from_pem(identity.chain_pem.as_bytes()).expect("a chain");
        builder.set_certificate(&chain.remove(0)).expect("the certificate");
        for issuer in chain {
            builder.add_extra_chain_cert(issuer).expect("the chain");
        }
        if self.require_client {
            let mut store = X509StoreBuilder::new().expect("a store");
            let root = X509::from_pem(authority().pem.as_bytes()).expect("the root");
            store.add_cert(root).expect("the root in the store");
            builder.set_verify_cert_store(store.build()).expect("the store");
            builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
            builder.set_session_id_context(b"test").expect("a session context");
        }
        Acceptor(builder.build())
    }
}

/// What the connections of one server share.
#[derive(Clone)]
pub(super) struct Acceptor(SslContext);

impl Acceptor {
    /// The handshake; the socket's time-outs bound each wait in it.
    pub fn accept(&self, socket: Shared) -> Result<SslStream<Shared>, String> {
        let ssl = Ssl::new(&self.0).map_err(|error| error.to_string())?;
        let mut stream = SslStream::new(ssl, socket).map_err(|error| error.to_string())?;
        stream.accept().map_err(|error| error.to_string())?;
        Ok(stream)
    }
}

pub(super) fn facts(ssl: &SslRef) -> TlsFacts {
    TlsFacts {
        version: ssl.version_str().to_owned(),
        cipher: ssl.current_cipher().map_or(String::new(), |cipher| cipher.name().to_owned()),
        server_name: ssl.servername(NameType::HOST_NAME).map(str::to_owned),
        client_certificate: ssl.peer_certificate().and_then(|one| one.to_der().ok()),
    }
}

/// RFC 9266 under TLS 1.3, RFC 5929 before; certificates of tests are signed with SHA-256.
pub(super) fn channel_binding(ssl: &SslRef, kind: &str) -> Option<Vec<u8>> {
    let is_13 = ssl.version2() == Some(SslVersion::TLS1_3);
    match kind {
        "tls-exporter" if is_13 => {
            let mut data = vec![0; 32];
            let label = "EXPORTER-Channel-Binding";
            ssl.export_keying_material(&mut data, label, Some(&[])).ok()?;
            Some(data)
        }
        "tls-server-end-point" if !is_13 => {
            Some(sha256(&ssl.certificate()?.to_der().ok()?).to_vec())
        }
        _ => None,
    }
}
