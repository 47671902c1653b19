//! What OpenSSL can and native-tls cannot: resumption, facts, pins, channel bindings; and roots.

use std::os::unix::fs::symlink;

use ::openssl::base64::encode_block;
use ::openssl::pkey::PKey;
use ::openssl::rsa::Rsa;
use ::openssl::sha::sha256;
use ::openssl::ssl::{SslContext, SslOptions, SslVersion};
use ::openssl::x509::X509;

use super::super::tests::certs::{self, Kind, authority, client_identity, server_identity};
use super::super::tests::{Folder, VERSIONS, read, secure, serve, server_context, trusting};
use super::super::{TlsInfo, TlsPolicy, TlsVersion, Verify};
use super::*;
use crate::error::{Detail, ErrorKind, Flaw};
use crate::transport::Transport;

/// A server that keeps its ticket keys, as long as it lives.
fn lasting(kind: Kind, version: SslVersion) -> SslContext {
    let mut context = server_context(kind, version);
    context.set_session_id_context(b"test").unwrap();
    context.build()
}

/// One connection as the policy has it, to a server that says a word.
fn visit(policy: &TlsPolicy, server: &SslContext, host: &str) -> Result<Transport> {
    let (transport, thread) = serve(server.clone(), |mut stream| {
        let _ = stream.ssl_write(b"220 hello\r\n");
        let _ = stream.ssl_read(&mut [0; 16]);
    });
    let mut transport = secure(transport, policy, host, 5000)?;
    let mut buffer = [0; 64];
    while read(&mut transport, &mut buffer)? == Io::Blocked {}
    drop(thread);
    Ok(transport)
}

fn is_resumed(transport: &Transport) -> bool {
    transport.tls_info(TlsInfo::Resumed).unwrap().as_deref() == Some("yes")
}

#[test]
fn a_server_that_is_met_again_resumes() {
    for version in VERSIONS {
        let (policy, server) = (trusting(), lasting(Kind::Valid, version));
        let resumed: Vec<bool> = (0..6)
            .map(|turn| {
                let mut transport = visit(&policy, &server, "localhost").unwrap();
                assert!(transport.peer_certificate().is_some(), "{version:?}");
                // With a goodbye or without.
                if turn % 2 == 0 {
                    transport.shutdown();
                }
                is_resumed(&transport)
            })
            .collect();
        assert_eq!(resumed, [false, true, true, true, true, true], "{version:?}");
        assert!(is_resumed(&visit(&policy.clone(), &server, "localhost").unwrap()));
    }
}

/// Each changes the policy, or is another place, so that nothing from before is shown.
#[test]
fn tickets_are_for_the_same_place_under_the_same_settings_alone() {
    let identity = client_identity();
    let folder = Folder::new("tickets");
    let both = format!("{}{}", identity.key_pkcs8, identity.certificate_pem);
    let both = folder.file("both.pem", &both);
    let pin = std::cell::RefCell::new(String::new());
    let changes: [(&str, &dyn Fn(&mut TlsPolicy)); 8] = [
        ("verification", &|policy| policy.set_verify(Verify::Certificate)),
        ("roots", &|policy| policy.add_ca_pem(authority().pem.as_bytes()).unwrap()),
        ("system's roots", &|policy| policy.set_system_roots(true)),
        ("pins", &|policy| policy.add_pin(&pin.borrow()).unwrap()),
        ("client certificate", &|policy| policy.set_client_certificate(&both, None).unwrap()),
        ("version", &|policy| policy.set_min_version(TlsVersion::Tls12)),
        ("name", &|policy| policy.set_server_name("127.0.0.1").unwrap()),
        ("switch", &|policy| policy.set_resumption(false).unwrap()),
    ];
    for version in VERSIONS {
        let server = lasting(Kind::Valid, version);
        pin.replace(pin_of(&server));
        for (what, change) in &changes {
            let mut policy = trusting();
            visit(&policy, &server, "localhost").unwrap();
            let before = policy.clone();
            change(&mut policy);
            assert!(!is_resumed(&visit(&policy, &server, "localhost").unwrap()), "{what}");
            assert!(is_resumed(&visit(&before, &server, "localhost").unwrap()), "{what}: the copy");
        }
        let policy = trusting();
        visit(&policy, &server, "localhost").unwrap();
        assert!(!is_resumed(&visit(&policy, &server, "127.0.0.1").unwrap()), "another host");
    }
}

#[test]
fn who_verified_less_shows_nothing_where_more_is_verified() {
    let server = lasting(Kind::OtherHost, SslVersion::TLS1_3);
    let mut policy = trusting();
    policy.set_verify(Verify::None);
    visit(&policy, &server, "localhost").unwrap();
    assert!(is_resumed(&visit(&policy, &server, "localhost").unwrap()));
    policy.set_verify(Verify::Full);
    let error = visit(&policy, &server, "localhost").map(drop).unwrap_err();
    assert!(error.message().contains("not valid for localhost"), "{error}");
}

/// Its tickets are refused, and what it shows instead is verified.
#[test]
fn a_server_that_is_another_by_now() {
    for version in VERSIONS {
        let policy = trusting();
        visit(&policy, &lasting(Kind::Valid, version), "localhost").unwrap();
        let renewed = lasting(Kind::Valid, version);
        assert!(!is_resumed(&visit(&policy, &renewed, "localhost").unwrap()));
        assert!(is_resumed(&visit(&policy, &renewed, "localhost").unwrap()));
        let error = visit(&policy, &lasting(Kind::UnknownCa, version), "localhost");
        let error = error.map(drop).unwrap_err();
        assert_eq!(error.detail(), Detail::Certificate(Flaw::Issuer), "{error}");
        let mut without = server_context(Kind::Valid, version);
        without.set_options(SslOptions::NO_TICKET);
        without.set_session_cache_mode(::openssl::ssl::SslSessionCacheMode::OFF);
        let without = without.build();
        for _ in 0..3 {
            assert!(!is_resumed(&visit(&policy, &without, "localhost").unwrap()));
        }
    }
}

#[test]
fn tickets_are_bounded() {
    let policy = trusting();
    let mut server = server_context(Kind::Valid, SslVersion::TLS1_3);
    server.set_num_tickets(20).unwrap();
    server.set_session_id_context(b"test").unwrap();
    let server = server.build();
    let count = |policy: &TlsPolicy| policy.context().unwrap().tickets.unwrap().count();
    visit(&policy, &server, "localhost").unwrap();
    assert_eq!(count(&policy), 8);
    visit(&policy, &server, "127.0.0.1").unwrap();
    assert_eq!(count(&policy), 16);
    for last in 2..14 {
        let mut policy = policy.clone();
        policy.set_server_name("localhost").unwrap();
        visit(&policy, &server, &format!("127.0.0.{last}")).unwrap();
    }
    assert_eq!(count(&policy), 64);
}

#[test]
fn facts() {
    for (version, expected) in VERSIONS.into_iter().zip(["TLSv1.2", "TLSv1.3"]) {
        let transport = visit(&trusting(), &lasting(Kind::Valid, version), "localhost").unwrap();
        let info = |what| transport.tls_info(what).unwrap().unwrap();
        assert_eq!(info(TlsInfo::Version), expected);
        assert!(info(TlsInfo::Cipher).starts_with("TLS_"), "{}", info(TlsInfo::Cipher));
        if ::openssl::version::number() >= 0x3000_0000 {
            assert!(["x25519", "X25519MLKEM768"].contains(&&*info(TlsInfo::Group)));
        }
        assert_eq!(info(TlsInfo::Resumed), "no");
        assert_eq!(info(TlsInfo::Names), "localhost, 127.0.0.1, ::1");
        let chain = X509::stack_from_pem(server_identity(Kind::Valid).chain_pem.as_bytes());
        let leaf = &chain.unwrap()[0];
        let issuer = leaf.issuer_name().entries().next().unwrap();
        let issuer = String::from_utf8_lossy(issuer.data().as_slice()).into_owned();
        assert!(info(TlsInfo::Issuer).contains(&format!("CN={issuer}")), "{issuer}");
        assert!(!info(TlsInfo::Subject).is_empty());
        let until = info(TlsInfo::NotAfter);
        let year = leaf.not_after().to_string();
        assert!(year.contains(&until[..4]) && until.ends_with('Z'), "{until}: {year}");
    }
}

fn pin_of(server: &SslContext) -> String {
    let key = server.certificate().unwrap().public_key().unwrap().public_key_to_der().unwrap();
    format!("sha256//{}", encode_block(&sha256(&key)))
}

#[test]
fn pins() {
    // Each has a key of its own.
    let [server, another, foreign] =
        [Kind::Valid, Kind::Valid, Kind::UnknownCa].map(|kind| lasting(kind, SslVersion::TLS1_3));
    let [pin, other, its_pin] = [&server, &another, &foreign].map(pin_of);
    for verify in [Verify::Full, Verify::Certificate, Verify::None] {
        for (pins, fits) in [
            (vec![pin.clone()], true),
            (vec![other.clone()], false),
            (vec![other.clone(), pin.clone()], true),
            (vec![format!("{other};{pin}")], true),
        ] {
            let mut policy = trusting();
            policy.set_verify(verify);
            pins.iter().for_each(|pin| policy.add_pin(pin).unwrap());
            match visit(&policy, &server, "localhost") {
                Ok(_) => assert!(fits, "{pins:?}"),
                Err(error) => {
                    assert!(!fits, "{pins:?}: {error}");
                    assert_eq!(
                        (error.kind(), error.detail()),
                        (ErrorKind::Tls, Detail::Certificate(Flaw::Other))
                    );
                    assert!(error.message().ends_with("none of the pins"), "{error}");
                }
            }
        }
    }
    let mut policy = trusting();
    policy.add_pin(&its_pin).unwrap();
    let error = visit(&policy, &foreign, "localhost").map(drop).unwrap_err();
    assert!(error.message().contains("unknown issuer"), "a pin replaces nothing: {error}");
    for bad in
        ["", "sha256//", "sha1//AAAA", "sha256//AAAA", &pin[..40], &format!("{pin};"), "\r\n"]
    {
        let error = trusting().add_pin(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{bad:?}");
    }
}

#[test]
fn both_ends_have_the_same_channel_binding() {
    for (version, name) in VERSIONS.into_iter().zip(["tls-server-end-point", "tls-exporter"]) {
        let server = lasting(Kind::Valid, version);
        let leaf = server.certificate().unwrap().to_der().unwrap();
        let policy = trusting();
        for turn in 0..2 {
            let (transport, thread) = serve(server.clone(), move |mut stream| {
                let _ = stream.ssl_write(b"x");
                let mut data = vec![0; 32];
                let label = "EXPORTER-Channel-Binding";
                stream.ssl().export_keying_material(&mut data, label, Some(&[])).unwrap();
                data
            });
            let mut transport = secure(transport, &policy, "localhost", 5000).unwrap();
            while read(&mut transport, &mut [0; 8]).unwrap() == Io::Blocked {}
            assert_eq!(is_resumed(&transport), turn == 1);
            let exported = thread.join().unwrap().unwrap();
            let binding = transport.channel_binding().unwrap();
            // The certificates of the tests are signed with SHA-256.
            let expected = if name == "tls-exporter" { exported } else { sha256(&leaf).to_vec() };
            assert_eq!(binding, (name, expected));
        }
    }
}

/// RSA with 1024 bits has 80 bits of security.
#[test]
fn a_key_that_is_too_weak_is_refused() {
    let key = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    let mut name = ::openssl::x509::X509Name::builder().unwrap();
    name.append_entry_by_text("CN", "weak").unwrap();
    let name = name.build();
    let mut leaf = X509::builder().unwrap();
    leaf.set_version(2).unwrap();
    leaf.set_subject_name(&name).unwrap();
    leaf.set_issuer_name(&name).unwrap();
    leaf.set_pubkey(&key).unwrap();
    leaf.set_not_before(&::openssl::asn1::Asn1Time::days_from_now(0).unwrap()).unwrap();
    leaf.set_not_after(&::openssl::asn1::Asn1Time::days_from_now(9).unwrap()).unwrap();
    let context = leaf.x509v3_context(None, None);
    let mut names = ::openssl::x509::extension::SubjectAlternativeName::new();
    let names = names.dns("localhost").build(&context).unwrap();
    leaf.append_extension(names).unwrap();
    leaf.sign(&key, MessageDigest::sha256()).unwrap();
    let leaf = leaf.build();
    let mut server = SslContext::builder(::openssl::ssl::SslMethod::tls_server()).unwrap();
    server.set_security_level(0);
    server.set_certificate(&leaf).unwrap();
    server.set_private_key(&key).unwrap();
    let mut policy = TlsPolicy::default();
    policy.set_system_roots(false);
    policy.add_ca_pem(&leaf.to_pem().unwrap()).unwrap();
    let error = visit(&policy, &server.build(), "localhost").map(drop).unwrap_err();
    assert!(error.message().contains("key too weak"), "{error}");
}

#[test]
fn keys_by_uri() {
    let folder = Folder::new("key-uri");
    let (identity, other) = (client_identity(), client_identity());
    let key = folder.file("key.pem", &identity.key_pkcs8);
    let certificate = folder.file("certificate.pem", &identity.certificate_pem);
    let both = format!("{}{}", identity.key_pkcs8, identity.certificate_pem);
    let both = folder.file("both.pem", &both);
    let foreign = folder.file("foreign.pem", &other.key_pkcs8);
    let shown = X509::from_pem(identity.certificate_pem.as_bytes()).unwrap();
    let leaf = |policy: &TlsPolicy| policy.settings().identity.as_ref().map(|one| one.leaf.clone());
    let uri = |path: &str| format!("file:{path}");
    for steps in [
        vec![("uri", &both)],
        vec![("uri", &key), ("certificate", &certificate)],
        vec![("certificate", &both), ("uri", &key)],
    ] {
        let mut policy = trusting();
        for (what, path) in &steps {
            match *what {
                "uri" => policy.set_client_key_uri(&uri(path)).unwrap(),
                _ => policy.set_client_certificate(path, None).unwrap(),
            }
        }
        assert!(leaf(&policy).as_ref() == Some(&shown), "{steps:?}");
    }
    let mut policy = trusting();
    policy.set_client_certificate(&both, None).unwrap();
    for (bad, words) in [
        (uri(&foreign), "does not belong"),
        (uri("/nonexistent/key"), "cannot open"),
        (uri(&certificate), "no private key"),
        ("pkcs11:object=mail".to_owned(), "URI"),
        (String::new(), "URI"),
    ] {
        let error = policy.set_client_key_uri(&bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.message().contains(words), "{error}");
        assert!(leaf(&policy).as_ref() == Some(&shown), "a failure changes nothing");
    }
}

/// Connects with the system's roots being these.
fn with_roots(roots: Arc<roots::Roots>) -> TlsPolicy {
    let mut policy = TlsPolicy::default();
    let trust = Arc::new(Trust::new(Vec::new(), Some(roots)).unwrap());
    policy.set_resumption(false).unwrap();
    policy.share(Context { trust, tickets: None });
    policy
}

#[test]
fn the_systems_roots_are_found_where_they_are() {
    let folder = Folder::new("roots");
    let root = X509::from_pem(authority().pem.as_bytes()).unwrap();
    let bundle = filler(30);
    let middle = format!("# comment\n{bundle}{}{bundle}", authority().pem);
    let file = folder.file("bundle.pem", &middle);
    let hashed = folder.file("root.pem", &authority().pem);
    let link = folder.0.join(format!("{:08x}.0", subject_hash(&root)));
    symlink(&hashed, link).unwrap();
    let directory = folder.0.to_str().unwrap();
    let nothing = folder.file("empty.pem", "");
    for version in VERSIONS {
        let server = lasting(Kind::Valid, version);
        for (file, directories) in
            [(&*file, ""), (&nothing, directory), ("/nonexistent", directory), (&file, directory)]
        {
            for is_loaded in [false, true] {
                let mut policy = with_roots(roots::at(file, directories, (false, false)));
                if is_loaded {
                    policy.load().unwrap();
                }
                visit(&policy, &server, "localhost").unwrap();
            }
        }
    }
}

/// Whatever the server sends, the bundle is asked who vouches for it.
#[test]
fn roots_in_the_bundle_for_every_kind_of_chain() {
    let folder = Folder::new("chains");
    let with_root = |kind| {
        let mut server = server_context(kind, SslVersion::TLS1_3);
        server.add_extra_chain_cert(X509::from_pem(authority().pem.as_bytes()).unwrap()).unwrap();
        server.build()
    };
    let self_signed = lasting(Kind::SelfSigned, SslVersion::TLS1_3);
    let itself = String::from_utf8(self_signed.certificate().unwrap().to_pem().unwrap()).unwrap();
    // Another key by the same name, as where an authority has renewed its own.
    let namesake = certs::Authority::root("Test Root").pem;
    // Sent without the intermediate authority, which the caller knows.
    let identity = server_identity(Kind::Intermediate);
    let chain = X509::stack_from_pem(identity.chain_pem.as_bytes()).unwrap();
    let key = PKey::private_key_from_pem(identity.key_pem.as_bytes()).unwrap();
    let mut cut = SslContext::builder(::openssl::ssl::SslMethod::tls_server()).unwrap();
    cut.set_certificate(&chain[0]).unwrap();
    cut.set_private_key(&key).unwrap();
    let intermediate = String::from_utf8(chain[1].to_pem().unwrap()).unwrap();
    for (bundle, own, server) in [
        (authority().pem.clone(), "", with_root(Kind::Valid)),
        (itself, "", self_signed),
        (authority().pem.clone(), &*intermediate, cut.build()),
        (authority().pem.clone(), &*namesake, lasting(Kind::Valid, SslVersion::TLS1_3)),
        (format!("{namesake}{}", authority().pem), "", lasting(Kind::Valid, SslVersion::TLS1_3)),
    ] {
        let file = folder.file("bundle.pem", &format!("{}{bundle}", filler(2)));
        let own = X509::stack_from_pem(own.as_bytes()).unwrap();
        let trust = Trust::new(own, Some(roots::at(&file, "", (true, false)))).unwrap();
        let policy = TlsPolicy::default();
        policy.share(Context { trust: Arc::new(trust), tickets: None });
        visit(&policy, &server, "localhost").unwrap();
    }
}

#[test]
fn what_is_wrong_with_the_systems_roots_is_said() {
    let folder = Folder::new("bad-roots");
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let (before, good) = (filler(3), &authority().pem);
    let middle = folder.file("middle.pem", &format!("{before}{broken}{good}"));
    let none = folder.file("none.pem", &format!("{before}{broken}"));
    let garbage = folder.file("garbage.pem", "-----BEGIN CERTIFICATE-----\n!\n-----END");
    let directory = folder.0.to_str().unwrap();
    let server = lasting(Kind::Valid, SslVersion::TLS1_3);
    for (file, directories, is_named, is_found, words) in [
        (&*middle, "", (true, false), true, "certificate 4 in"),
        (&none, "", (true, false), false, "certificate 4 in"),
        (&garbage, "", (true, false), false, "certificate 1 in"),
        ("/nonexistent/file", "", (true, false), false, "cannot read /nonexistent/file"),
        (directory, "", (true, false), false, "cannot read"),
        ("/nonexistent", "/nonexistent/directory", (false, true), false, "/nonexistent/directory"),
        ("/nonexistent", "/nonexistent/directory", (false, false), false, "no roots"),
    ] {
        let mut policy = with_roots(roots::at(file, directories, is_named));
        let visited = visit(&policy, &server, "localhost").map(drop);
        let loaded = policy.load().unwrap_err();
        assert_eq!(loaded.kind(), ErrorKind::Tls, "{loaded}");
        assert!(loaded.message().contains(words), "{loaded}");
        match visited {
            Ok(()) => assert!(is_found, "{file}"),
            Err(error) => {
                assert!(!is_found, "{file}: {error}");
                let is_bare = file == "/nonexistent";
                let flaw = if is_bare { Flaw::NoRoots } else { Flaw::Issuer };
                assert_eq!(error.detail(), Detail::Certificate(flaw), "{error}");
                assert!(error.message().contains("unknown issuer"), "{error}");
            }
        }
    }
}

#[test]
fn who_trusts_the_same_shares_it_and_the_last_one_frees_it() {
    let one = trusting().context().unwrap();
    let (two, both) = (trusting().context().unwrap(), TlsPolicy::default().context().unwrap());
    assert!(Arc::ptr_eq(&one.trust, &two.trust));
    assert!(!Arc::ptr_eq(&one.trust, &both.trust));
    let roots = |context: &Context| Arc::downgrade(context.trust.roots().unwrap());
    let mut policy = TlsPolicy::default();
    policy.add_ca_pem(&filler(1).into_bytes()).unwrap();
    let more = policy.context().unwrap();
    assert!(!Arc::ptr_eq(&more.trust, &both.trust));
    assert!(roots(&more).ptr_eq(&roots(&both)), "the system's are read once");
    let trust = Arc::downgrade(&more.trust);
    drop((policy, more));
    assert!(trust.upgrade().is_none());
}

/// Certificates that vouch for nobody here.
fn filler(count: usize) -> String {
    let mut text = String::new();
    for number in 0..count {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        let name = format!("Filler {number}");
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        text.push_str(&params.self_signed(&key).unwrap().pem());
    }
    text
}

/// What openssl-rehash(1) calls a file by.
fn subject_hash(root: &X509) -> u32 {
    root.subject_name_hash()
}
