//! The engine on native-tls, that is on whatever the system has. It verifies, and no more: no
//! facts of a connection, no channel binding, no session kept, no pins.

use std::error::Error as _;
use std::io::{self, Read, Write};

use ::openssl::error::ErrorStack;
use ::openssl::pkey::{PKey, Private};
use ::openssl::x509::X509;
use native_tls::{Certificate, HandshakeError, MidHandshakeTlsStream, TlsConnector, TlsStream};

use crate::error::{Error, Result};

use super::certificate::{self, Identity};
use super::ciphertext::Ciphertext;
use super::policy::{Settings, TlsVersion, Verify};
use super::{Binding, Engine, Io, Peer, TlsInfo, fault, not_supported};

pub(super) struct Native {
    state: State,
    /// Whom the certificate must be for, if that is verified.
    name: Option<String>,
}

enum State {
    Shaking(MidHandshakeTlsStream<Ciphertext>),
    Done(TlsStream<Ciphertext>),
}

impl Native {
    fn after(
        attempt: std::result::Result<TlsStream<Ciphertext>, HandshakeError<Ciphertext>>,
        name: Option<String>,
    ) -> Result<(Self, bool)> {
        match attempt {
            Ok(stream) => {
                if let Some(name) = &name {
                    let leaf = stream.peer_certificate().ok().flatten();
                    let der = leaf.and_then(|leaf| leaf.to_der().ok());
                    certificate::check_names(der.as_deref(), name)?;
                }
                Ok((Native { state: State::Done(stream), name }, true))
            }
            Err(HandshakeError::WouldBlock(middle)) => {
                Ok((Native { state: State::Shaking(middle), name }, false))
            }
            Err(HandshakeError::Failure(error)) => {
                Err(of_handshake(&error, name.as_deref().unwrap_or_default()))
            }
        }
    }
}

impl Engine for Native {
    type Context = TlsConnector;
    type Loaded = ();

    const IS_FULL: bool = false;

    fn prepare(settings: &Settings) -> Result<TlsConnector> {
        let mut builder = TlsConnector::builder();
        builder
            .min_protocol_version(Some(version(settings.min_version.unwrap_or(TlsVersion::Tls12))))
            .max_protocol_version(settings.max_version.map(version))
            .disable_built_in_roots(!settings.system_roots)
            .danger_accept_invalid_certs(settings.verify == Verify::None)
            .danger_accept_invalid_hostnames(settings.verify != Verify::Full);
        let setup = |error: native_tls::Error| fault::tls(&reason(&error));
        for root in settings.own_roots() {
            let der = root.to_der().map_err(|error| fault::tls(&fault::of_stack(&error)))?;
            builder.add_root_certificate(Certificate::from_der(&der).map_err(setup)?);
        }
        if let Some(identity) = &settings.identity {
            builder.identity(native_identity(identity)?);
        }
        builder.build().map_err(setup)
    }

    fn load_key(_: &str) -> Result<(PKey<Private>, Vec<X509>)> {
        Err(not_supported("client keys by URI"))
    }

    /// The connector has read them all.
    fn load(_: &TlsConnector) -> (Result<()>, ()) {
        (Ok(()), ())
    }

    fn begin(
        connector: &TlsConnector,
        settings: &Settings,
        _: Peer<'_>,
        name: &str,
        ciphertext: Ciphertext,
    ) -> Result<Self> {
        let verified = (settings.verify == Verify::Full).then(|| name.to_owned());
        Native::after(connector.connect(name, ciphertext), verified).map(|(engine, _)| engine)
    }

    fn handshake(self) -> Result<(Self, bool)> {
        match self.state {
            State::Done(_) => Ok((self, true)),
            State::Shaking(middle) => Native::after(middle.handshake(), self.name),
        }
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<Io> {
        let State::Done(stream) = &mut self.state else { return Ok(Io::Blocked) };
        match stream.read(buffer) {
            Ok(count) => Ok(Io::Done(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Io::Blocked),
            // The parser knows whether the end came in the middle of a reply.
            Err(error) if is_end(&error) => Ok(Io::Done(0)),
            Err(error) => Err(of_stream("receiving", &error)),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<Io> {
        let State::Done(stream) = &mut self.state else { return Ok(Io::Blocked) };
        match stream.write(bytes) {
            Ok(count) => Ok(Io::Done(count)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Io::Blocked),
            Err(error) => Err(of_stream("sending", &error)),
        }
    }

    fn has_plaintext(&self) -> bool {
        match &self.state {
            State::Done(stream) => stream.buffered_read_size().is_ok_and(|size| size > 0),
            State::Shaking(_) => false,
        }
    }

    fn say_goodbye(&mut self) {
        if let State::Done(stream) = &mut self.state {
            let _ = stream.shutdown();
        }
    }

    /// Another word for it is not to be had: a goodbye that goes nowhere.
    fn keep_session(&mut self, in_child: bool) {
        if in_child {
            self.ciphertext_mut().mute();
            self.say_goodbye();
        }
    }

    fn ciphertext(&self) -> &Ciphertext {
        match &self.state {
            State::Done(stream) => stream.get_ref(),
            State::Shaking(middle) => middle.get_ref(),
        }
    }

    fn ciphertext_mut(&mut self) -> &mut Ciphertext {
        match &mut self.state {
            State::Done(stream) => stream.get_mut(),
            State::Shaking(middle) => middle.get_mut(),
        }
    }

    fn peer_certificate(&self) -> Option<Vec<u8>> {
        match &self.state {
            State::Done(stream) => stream.peer_certificate().ok()??.to_der().ok(),
            State::Shaking(_) => None,
        }
    }

    fn info(&self, _: TlsInfo) -> Result<Option<String>> {
        Err(not_supported("facts of a connection"))
    }

    /// It has tls-server-end-point, and does not tell the version that calls for another.
    fn channel_binding(&self) -> Option<Binding> {
        None
    }
}

fn version(version: TlsVersion) -> native_tls::Protocol {
    match version {
        TlsVersion::Tls12 => native_tls::Protocol::Tlsv12,
        TlsVersion::Tls13 => native_tls::Protocol::Tlsv13,
    }
}

fn native_identity(identity: &Identity) -> Result<native_tls::Identity> {
    let unusable = |error: ErrorStack| fault::tls(&fault::of_stack(&error));
    let (chain, key) = identity.to_pem().map_err(unusable)?;
    native_tls::Identity::from_pkcs8(&chain, &key).map_err(|error| fault::tls(&reason(&error)))
}

/// A handshake failed.
fn of_handshake(error: &native_tls::Error, host: &str) -> Error {
    if let Some(error) = cause::<io::Error>(error) {
        return fault::of_socket("TLS was being set up", error);
    }
    let text = error.to_string();
    // native-tls appends the result of the verification in brackets.
    let verdict = text.rsplit_once('(').and_then(|(_, tail)| tail.strip_suffix(')'));
    if let Some(verdict) = verdict.filter(|_| text.contains("certificate verify failed")) {
        return fault::Distrust::of(verdict, host).into();
    }
    if fault::is_cut_off(&text) {
        return fault::tls("the server closed the connection during the handshake");
    }
    fault::tls(&reason(error))
}

/// Reading or writing failed.
fn of_stream(what: &str, error: &io::Error) -> Error {
    match ssl_errors(error) {
        Some(errors) => fault::tls(&fault::of_stack(errors)),
        None => fault::of_socket(what, error),
    }
}

/// The stream ended without close_notify.
fn is_end(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::UnexpectedEof
        || ssl_errors(error).is_some_and(fault::is_cut_off_by)
}

fn ssl_errors(error: &io::Error) -> Option<&ErrorStack> {
    error.get_ref()?.downcast_ref::<::openssl::ssl::Error>()?.ssl_error()
}

/// The library's reasons.
fn reason(error: &native_tls::Error) -> String {
    match cause::<ErrorStack>(error) {
        Some(errors) => fault::of_stack(errors),
        None => error.to_string().split(", ").map(without_codes).collect::<Vec<_>>().join(", "),
    }
}

/// `error:0A000086:SSL routines:function:reason:file.c:12:` to `reason`.
fn without_codes(text: &str) -> String {
    match text.strip_prefix("error:").and_then(|fields| fields.split(':').nth(3)) {
        Some(reason) => fault::in_words(reason.trim()),
        None => text.to_owned(),
    }
}

fn cause<T: std::error::Error + 'static>(error: &native_tls::Error) -> Option<&T> {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(found) = cause.downcast_ref::<T>() {
            return Some(found);
        }
        source = cause.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_without_codes() {
        for (reason, expected) in [
            ("wrong version number", "not TLS"),
            ("sslv3 alert handshake failure", "the alert \"handshake failure\""),
            ("dh key too small", "dh key too small"),
        ] {
            let words = without_codes(&format!("error:0A00018F:SSL routines:f:{reason}:f.c:9:"));
            assert!(words.contains(expected) && !words.contains(".c"), "{words}");
        }
    }
}
