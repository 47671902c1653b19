//! Whole exchanges of the RFCs and of another implementation, and everything that a server must not say.

use std::time::Instant;

use proptest::prelude::*;

use super::message::{LEAST_ITERATIONS, MOST_ITERATIONS};
use super::*;

const NONCE: &str = "abcDEF";

fn occasion(nonce: &str, binding: Option<(&'static str, &[u8])>, offers_plus: bool) -> Occasion {
    let binding = binding.map(|(kind, data)| (kind, data.to_vec()));
    Occasion { nonce: nonce.to_owned(), binding, offers_plus }
}

fn scram(name: &str, user: &str, password: &str, occasion: Occasion) -> Scram {
    Scram::new(name, user, password, occasion).unwrap().unwrap()
}

/// `user` with the password `pencil`, unbound.
fn usual(name: &str) -> Scram {
    scram(name, "user", "pencil", occasion(NONCE, None, false))
}

fn answered(scram: &mut Scram, challenge: Option<&str>) -> Result<String> {
    let response = scram.step(challenge.map(str::as_bytes))?;
    Ok(response.map_or("none".to_owned(), |text| text.as_text().unwrap().to_owned()))
}

/// A whole exchange: what each side says, in turn. Those that are not of an RFC are from Python's
/// hashlib and hmac.
struct Exchange {
    name: &'static str,
    user: &'static str,
    password: &'static str,
    nonce: &'static str,
    binding: Option<(&'static str, &'static [u8])>,
    offers_plus: bool,
    said: [&'static str; 4],
}

const DATA: &[u8] = b"\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\
                      \x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f";

const EXCHANGES: &[Exchange] = &[
    // RFC 5802 section 5.
    Exchange {
        name: "SCRAM-SHA-1",
        user: "user",
        password: "pencil",
        nonce: "fyko+d2lbbFgONRv9qkxdawL",
        binding: None,
        offers_plus: false,
        said: [
            "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ],
    },
    // RFC 7677 section 3.
    Exchange {
        name: "SCRAM-SHA-256",
        user: "user",
        password: "pencil",
        nonce: "rOprNGfwEbeRWgbNEkqO",
        binding: None,
        offers_plus: true,
        said: [
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ],
    },
    Exchange {
        name: "SCRAM-SHA-256-PLUS",
        user: "user",
        password: "pencil",
        nonce: NONCE,
        binding: Some(("tls-exporter", DATA)),
        offers_plus: false,
        said: [
            "p=tls-exporter,,n=user,r=abcDEF",
            "r=abcDEFghi,s=c2FsdCBvZiBzaXh0ZWVuLg==,i=4096",
            "c=cD10bHMtZXhwb3J0ZXIsLAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f,r=abcDEFghi,\
             p=jYOk7pW1JTQKIx/tVHXmeWd9ZOoc0OMHn/gRI763n1g=",
            "v=MlZgi1/AsP5cRZ6moSzE6vlo7yE3I50/lZrLkpeN5Z8=",
        ],
    },
    // Prepared and escaped.
    #[cfg(feature = "saslprep")]
    Exchange {
        name: "SCRAM-SHA-1-PLUS",
        user: "a,b=\u{ad}c",
        password: "\u{2168}\u{a0}jose\u{301}",
        nonce: NONCE,
        binding: Some(("tls-server-end-point", DATA)),
        offers_plus: true,
        said: [
            "p=tls-server-end-point,,n=a=2Cb=3Dc,r=abcDEF",
            "r=abcDEFghi,s=/wBzYWx0,i=10000",
            "c=cD10bHMtc2VydmVyLWVuZC1wb2ludCwsAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=,\
             r=abcDEFghi,p=+DEN0cW3PJxqUXxjLuyRhYiSEm0=",
            "v=APzp3A0b4HBMqqtQcqJzBWJsPZA=",
        ],
    },
    // The server's offer lacks -PLUS, and what the client makes of that is signed.
    #[cfg(feature = "saslprep")]
    Exchange {
        name: "SCRAM-SHA-256",
        user: "jos\u{e9}",
        password: "p\u{e4}ss",
        nonce: NONCE,
        binding: Some(("tls-exporter", DATA)),
        offers_plus: false,
        said: [
            "y,,n=jos\u{e9},r=abcDEF",
            "r=abcDEFghi,s=cw==,i=4097",
            "c=eSws,r=abcDEFghi,p=cyM3h67fVs4atSZdHnndi9yZF3P9hbfXS34ZHcmdJJY=",
            "v=5i1bkjLqP72aLmnP5n8zD6Lw360I8OyIhlVbyBKVBO8=",
        ],
    },
];

impl Exchange {
    fn begun(&self) -> Scram {
        let occasion = occasion(self.nonce, self.binding, self.offers_plus);
        scram(self.name, self.user, self.password, occasion)
    }

    /// Up to the client's proof.
    fn proved(&self) -> Scram {
        let [introduction, server, proof, _] = self.said;
        let mut scram = self.begun();
        assert_eq!(answered(&mut scram, None).unwrap(), introduction);
        assert_eq!(answered(&mut scram, Some(server)).unwrap(), proof);
        scram
    }
}

#[test]
fn exchanges() {
    for exchange in EXCHANGES {
        let signature = exchange.said[3];
        assert_eq!(exchange.begun().name(), exchange.name);
        assert!(!exchange.begun().is_plaintext() && exchange.begun().initial());
        let mut scram = exchange.proved();
        assert_eq!(answered(&mut scram, Some(signature)).unwrap(), "none");
        scram.success(b"2.7.0 welcome").unwrap();
        // Extensions behind what must be there mean nothing.
        let mut scram = exchange.proved();
        answered(&mut scram, Some(&format!("{signature},x=y,z="))).unwrap();
        scram.success(b"").unwrap();
        // In the text of 235.
        let encoded = encode(signature.as_bytes());
        let encoded = encoded.as_text().unwrap();
        for text in [
            signature.to_owned(),
            format!("2.7.0 {signature}"),
            encoded.to_owned(),
            format!("2.7.0 authenticated\n2.7.0 {encoded} welcome"),
        ] {
            exchange.proved().success(text.as_bytes()).unwrap();
        }
    }
}

/// Without an initial response, the server begins with an empty challenge.
#[test]
fn the_client_speaks_first() {
    let mut scram = usual("scram-sha-1");
    assert_eq!(answered(&mut scram, Some("")).unwrap(), "n,,n=user,r=abcDEF");
    let error = answered(&mut usual("SCRAM-SHA-1"), Some("r=x")).unwrap_err();
    assert!(error.message().contains("speaks first"), "{error}");
}

#[test]
fn flags() {
    let bound: Option<(&'static str, &[u8])> = Some(("tls-exporter", b"data"));
    for (name, binding, offers_plus, flag) in [
        ("SCRAM-SHA-256-PLUS", bound, true, "p=tls-exporter"),
        ("SCRAM-SHA-1-PLUS", bound, false, "p=tls-exporter"),
        // Stripped from the offer, or never there: only the server knows.
        ("SCRAM-SHA-256", bound, false, "y"),
        // Never the untrue "y".
        ("SCRAM-SHA-256", bound, true, "n"),
        ("SCRAM-SHA-256", None, false, "n"),
        ("SCRAM-SHA-1", None, true, "n"),
    ] {
        let mut scram = scram(name, "u", "p", occasion(NONCE, binding, offers_plus));
        let said = answered(&mut scram, None).unwrap();
        assert_eq!(said, format!("{flag},,n=u,r=abcDEF"), "{name}");
    }
}

#[test]
fn what_cannot_begin() {
    let usual = || occasion(NONCE, None, true);
    let cases = [
        ("SCRAM-SHA-256-PLUS", "u", "p", usual(), ErrorKind::NotSupported, "binds the login"),
        ("SCRAM-SHA-1", "", "p", usual(), ErrorKind::InvalidArgument, "the user name is empty"),
        ("SCRAM-SHA-1", "u", "", usual(), ErrorKind::InvalidArgument, "the password is empty"),
        ("SCRAM-SHA-1", "u\x07", "p", usual(), ErrorKind::InvalidArgument, "the user name has"),
        ("SCRAM-SHA-1", "u", "p\t", usual(), ErrorKind::InvalidArgument, "the password has"),
        ("SCRAM-SHA-1", "u", "p", Occasion::default(), ErrorKind::Internal, "nonce"),
        ("SCRAM-SHA-1", "u", "p", occasion("a,b", None, true), ErrorKind::Internal, "nonce"),
    ];
    for (name, user, password, occasion, kind, words) in cases {
        let error = Scram::new(name, user, password, occasion).unwrap().err().unwrap();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.message().contains(words), "{error}");
    }
    for name in ["SCRAM-SHA-512", "SCRAM-SHA-1-", "PLAIN", ""] {
        assert!(Scram::new(name, "u", "p", usual()).is_none(), "{name}");
    }
}

#[test]
fn what_a_server_must_not_say_first() {
    let many = format!("r=abcDEFx,s=cw==,i=4096,x={}", "y".repeat(4096));
    let cases: &[(&str, &str)] = &[
        ("", "has nothing where the nonce (r=) belongs"),
        (",", "has \"\" where a letter"),
        ("garbage", "has \"garbage\" where a letter"),
        ("r=abcDEFx,s=cw==,i=4096,", "has \"\" where a letter"),
        ("r=abcDEFx,s=cw==,i=4096,xy=z", "has \"xy=z\" where a letter"),
        ("r=abcDEFx,s=cw==,i=4096,1=z", "has \"1=z\" where a letter"),
        ("r=abcDEFx,s=cw==,i=4096,x=\0", "has \"x=\\x00\" where a letter"),
        ("r=abcDEFx,s=cw==", "has nothing where the iteration count (i=) belongs"),
        ("r=abcDEFx,i=4096", "has i= where the salt (s=) belongs"),
        ("s=cw==,r=abcDEFx,i=4096", "has s= where the nonce (r=) belongs"),
        ("r=abcDEFx,i=4096,s=cw==", "has i= where the salt (s=) belongs"),
        ("r=abcDEFx,x=y,s=cw==,i=4096", "has x= where the salt (s=) belongs"),
        ("R=abcDEFx,s=cw==,i=4096", "has R= where the nonce (r=) belongs"),
        ("r=abcDEFx,r=abcDEFx,s=cw==,i=4096", "has r= twice"),
        ("r=abcDEFx,s=cw==,s=cw==,i=4096", "has s= twice"),
        ("r=abcDEFx,s=cw==,i=4096,i=5000", "has i= twice"),
        ("r=abcDEFx,s=cw==,i=4096,x=1,x=2", "has x= twice"),
        ("m=ext,r=abcDEFx,s=cw==,i=4096", "demands an extension (m=)"),
        ("r=abcDEFx,s=cw==,i=4096,m=ext", "demands an extension (m=)"),
        // Of somebody else's exchange, or of none.
        ("r=xyzDEFx,s=cw==,i=4096", "does not begin with the client's"),
        ("r=abcDE,s=cw==,i=4096", "does not begin with the client's"),
        ("r=,s=cw==,i=4096", "does not begin with the client's"),
        ("r=abcDEF,s=cw==,i=4096", "adds nothing"),
        ("r=abcDEF x,s=cw==,i=4096", "may not stand in one"),
        ("r=abcDEF\u{e9},s=cw==,i=4096", "may not stand in one"),
        ("r=abcDEFx,s=,i=4096", "salt is empty"),
        ("r=abcDEFx,s=cw,i=4096", "salt is not base64: cw"),
        ("r=abcDEFx,s=c w=,i=4096", "salt is not base64"),
        ("r=abcDEFx,s=cw==,i=", "no positive number"),
        ("r=abcDEFx,s=cw==,i=0", "no positive number"),
        ("r=abcDEFx,s=cw==,i=-4096", "no positive number"),
        ("r=abcDEFx,s=cw==,i=+4096", "no positive number"),
        ("r=abcDEFx,s=cw==,i=04096", "no positive number"),
        ("r=abcDEFx,s=cw==,i=4096 ", "no positive number"),
        ("r=abcDEFx,s=cw==,i=0x1000", "no positive number"),
        ("r=abcDEFx,s=cw==,i=1", "asks for 1 iterations, less than 4096"),
        ("r=abcDEFx,s=cw==,i=4095", "asks for 4095 iterations, less than 4096"),
        ("r=abcDEFx,s=cw==,i=1000001", "asks for 1000001 iterations, more than 1000000"),
        ("r=abcDEFx,s=cw==,i=4000000000", "asks for 4000000000 iterations, more than"),
        ("r=abcDEFx,s=cw==,i=99999999999999999999", "asks for 99999999999999999999 iterations"),
        (&many, "bytes, more than 4096"),
    ];
    for name in ["SCRAM-SHA-1", "SCRAM-SHA-256"] {
        for (challenge, words) in cases {
            let mut scram = usual(name);
            answered(&mut scram, None).unwrap();
            // Nothing is computed before all is checked.
            let began = Instant::now();
            let error = answered(&mut scram, Some(challenge)).unwrap_err();
            assert!(began.elapsed().as_millis() < 500, "{challenge}");
            assert_eq!(error.kind(), ErrorKind::Authentication, "{challenge}");
            assert!(error.message().starts_with(&format!("AUTH {name}: the server")), "{error}");
            assert!(error.message().contains(words), "{challenge}: {error}");
            assert!(scram.success(b"").is_err() && scram.echoes().is_empty());
            assert!(answered(&mut scram, Some(EXCHANGES[0].said[1])).is_err());
        }
        let mut scram = usual(name);
        answered(&mut scram, None).unwrap();
        let error = scram.step(Some(b"r=abcDEF\xff,s=cw==,i=4096")).unwrap_err();
        assert!(error.message().contains("not UTF-8"), "{error}");
    }
    assert_eq!((LEAST_ITERATIONS, MOST_ITERATIONS), (4096, 1_000_000));
}

#[test]
fn what_a_server_must_not_say_last() {
    let foreign = EXCHANGES[2].said[3];
    for exchange in EXCHANGES.iter().take(2) {
        let (right, server) = (exchange.said[3], exchange.said[1]);
        let cases = [
            ("", "is empty"),
            ("garbage", "has \"garbage\" where a letter"),
            ("v=!", "is not base64"),
            ("v=", "signature is wrong"),
            ("v=AAAA", "signature is wrong"),
            (foreign, "signature is wrong"),
            (&right[..22], "signature is wrong"),
            (server, "has r= where its signature (v=) belongs"),
            (&format!("x=y,{right}"), "has x= where its signature"),
            (&format!("{right},{right}"), "has v= twice"),
        ];
        for (challenge, words) in cases {
            let mut scram = exchange.proved();
            let error = answered(&mut scram, Some(challenge)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Authentication, "{challenge}");
            assert!(error.message().contains(words), "{challenge}: {error}");
            // No second try, and no success.
            assert!(answered(&mut scram, Some(right)).is_err());
            assert!(scram.success(right.as_bytes()).is_err());
        }
    }
}

#[test]
fn a_success_without_the_servers_proof_is_none() {
    let exchange = &EXCHANGES[1];
    let right = exchange.said[3];
    let mut introduced = exchange.begun();
    answered(&mut introduced, None).unwrap();
    for (scram, text, words) in [
        (exchange.begun(), right, "did not prove"),
        (introduced, right, "did not prove"),
        (exchange.proved(), "", "did not prove"),
        (exchange.proved(), "2.7.0 authentication successful", "did not prove"),
        (exchange.proved(), "v=!", "did not prove"),
        (exchange.proved(), "2.7.0 v=AAAA", "signature is wrong"),
        (exchange.proved(), "dj1BQUFB", "signature is wrong"),
        (exchange.proved(), EXCHANGES[0].said[3], "signature is wrong"),
    ] {
        let mut scram = scram;
        let error = scram.success(text.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Authentication, "{text}");
        assert!(error.message().starts_with("AUTH SCRAM-SHA-256: the server"), "{error}");
        assert!(error.message().contains(words), "{text}: {error}");
    }
}

/// A refusal is a refusal, and not a broken server.
#[test]
fn the_servers_own_error_is_kept() {
    let exchange = &EXCHANGES[0];
    let mut at_first = exchange.begun();
    answered(&mut at_first, None).unwrap();
    for (scram, challenge, told) in [
        (at_first, "e=unknown-user", "unknown-user"),
        (exchange.proved(), "e=invalid-proof", "invalid-proof"),
        (exchange.proved(), "e=other\u{7}error,x=y", "other\\x07error"),
    ] {
        let mut scram = scram;
        assert_eq!(scram.refusal, None);
        assert_eq!(answered(&mut scram, Some(challenge)).unwrap(), "none");
        assert_eq!(scram.refused(535).words.unwrap(), format!("before, it said {told}"));
        assert!(scram.success(exchange.said[3].as_bytes()).is_err());
        assert!(answered(&mut scram, Some(exchange.said[3])).is_err());
    }
}

#[test]
fn what_the_server_is_about_to_say_is_known() {
    let exchange = &EXCHANGES[0];
    assert!(exchange.begun().echoes().is_empty());
    let mut scram = exchange.proved();
    let echoes: Vec<Vec<u8>> = scram.echoes().iter().map(|echo| echo.as_bytes().to_vec()).collect();
    assert_eq!(echoes[1], exchange.said[3].as_bytes());
    assert_eq!(echoes[0], encode(exchange.said[3].as_bytes()).as_bytes());
    answered(&mut scram, Some(exchange.said[3])).unwrap();
    assert!(scram.echoes().is_empty());
}

/// A million rounds are about a second at most, where the compiler optimises.
#[cfg(not(debug_assertions))]
#[test]
fn the_most_iterations_take_their_time_and_no_more() {
    for name in ["SCRAM-SHA-1", "SCRAM-SHA-256"] {
        let mut scram = usual(name);
        answered(&mut scram, None).unwrap();
        let began = Instant::now();
        answered(&mut scram, Some("r=abcDEFx,s=cw==,i=1000000")).unwrap();
        println!("{name}: {:?}", began.elapsed());
        assert!(began.elapsed().as_secs() < 5);
    }
}

proptest! {
    // Each computes some thousand rounds, without optimisation.
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn nothing_panics(
        user: String,
        password: String,
        challenges: Vec<Option<Vec<u8>>>,
        attributes in "(r=abcDEFx?,)?(s=[A-Za-z=]{0,5},)?(i=[0-9]{0,4})?(,[a-z]=[a-z]{0,3}){0,2}",
        end in "([ve]=)?[A-Za-z=]{0,9}",
    ) {
        for name in ["SCRAM-SHA-1", "SCRAM-SHA-256-PLUS"] {
            let occasion = occasion(NONCE, Some(("tls-exporter", b"data")), true);
            let Some(Ok(mut scram)) = Scram::new(name, &user, &password, occasion) else { continue };
            let _ = scram.step(None);
            let _ = scram.step(Some(attributes.as_bytes()));
            let _ = scram.step(Some(end.as_bytes()));
            for challenge in &challenges {
                let _ = scram.step(challenge.as_deref());
            }
            prop_assert!(scram.success(end.as_bytes()).is_err());
        }
        let mut scram = EXCHANGES[0].proved();
        prop_assert!(scram.success(end.as_bytes()).is_err());
        let mut scram = EXCHANGES[0].proved();
        let _ = scram.step(Some(end.as_bytes()));
        prop_assert!(scram.success(b"").is_err());
    }
}
