//! Sessions to be resumed (RFC 5077, RFC 8446 section 2.2): those of one policy under one state of
//! its settings, so that none is shown where more would be verified than when it was given.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::SystemTime;

use ::openssl::error::ErrorStack;
use ::openssl::ex_data::Index;
use ::openssl::ssl::{Ssl, SslRef, SslSession, SslVersion};

use super::super::Peer;
use super::calls;
use super::info::unix_seconds;

#[derive(Default)]
pub(super) struct Tickets(Mutex<Vec<Ticket>>);

struct Ticket {
    place: Place,
    session: SslSession,
    /// When the certificate that was verified expires, in seconds of Unix time.
    until: i64,
}

/// For whom a ticket is: where it was given, and to whom that had to belong.
#[derive(Clone, PartialEq, Eq)]
struct Place {
    host: String,
    port: u16,
    name: String,
}

/// Where what the server gives on a connection belongs.
pub(super) struct Album {
    tickets: Arc<Tickets>,
    place: Place,
}

impl Tickets {
    /// Shows the latest ticket that there is for the peer, and keeps what it gives.
    pub fn offer(
        self: &Arc<Self>,
        ssl: &mut SslRef,
        peer: Peer<'_>,
        name: &str,
    ) -> Result<(), ErrorStack> {
        let place = Place { host: peer.host.to_owned(), port: peer.port, name: name.to_owned() };
        if let Some(session) = self.take(&place) {
            calls::show_session(ssl, &session)?;
        }
        let album = Album { tickets: Arc::clone(self), place };
        ssl.set_ex_data(index()?, album);
        Ok(())
    }

    /// RFC 8446 appendix C.4: shown twice, a ticket would tell a listener that both are one client.
    /// The sessions of TLS 1.2 tell that anyway, and servers seldom give another.
    fn take(&self, place: &Place) -> Option<SslSession> {
        // A lock is never waited for: in a forked child its holder may be lost.
        let mut tickets = self.0.try_lock().ok()?;
        let now = unix_now();
        tickets.retain(|ticket| ticket.until > now);
        let at = tickets.iter().rposition(|ticket| ticket.place == *place)?;
        if tickets[at].session.protocol_version() == SslVersion::TLS1_3 {
            return Some(tickets.remove(at).session);
        }
        Some(tickets[at].session.clone())
    }

    fn keep(&self, ticket: Ticket) {
        let Ok(mut tickets) = self.0.try_lock() else { return };
        let is_old = ticket.session.protocol_version() != SslVersion::TLS1_3;
        tickets.retain(|one| !is_old || one.place != ticket.place);
        let of_same =
            |tickets: &[Ticket]| tickets.iter().filter(|one| one.place == ticket.place).count();
        let is_full = of_same(&tickets) >= MOST_OF_ONE;
        let oldest = tickets.iter().position(|one| !is_full || one.place == ticket.place);
        if let Some(oldest) = oldest.filter(|_| is_full || tickets.len() >= MOST) {
            tickets.remove(oldest);
        }
        tickets.push(ticket);
    }

    #[cfg(test)]
    pub fn count(&self) -> usize {
        self.0.try_lock().map_or(0, |tickets| tickets.len())
    }
}

/// OpenSSL hands a session over.
pub(super) fn keep(ssl: &SslRef, session: SslSession) {
    let until = ssl.peer_certificate().and_then(|leaf| unix_seconds(leaf.not_after()));
    let album = index().ok().and_then(|index| ssl.ex_data(index));
    if let (Some(album), Some(until)) = (album, until) {
        album.tickets.keep(Ticket { place: album.place.clone(), session, until });
    }
}

/// Where a connection has its album.
fn index() -> Result<Index<Ssl, Album>, ErrorStack> {
    static INDEX: LazyLock<Option<Index<Ssl, Album>>> = LazyLock::new(|| Ssl::new_ex_index().ok());
    INDEX.ok_or_else(ErrorStack::get)
}

fn unix_now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs() as i64)
}

/// Most tickets of one policy. Each is some kilobytes, with the server's certificates.
const MOST: usize = 64;

/// Most of one server: as many connections may be resumed at the same time. OpenSSL's servers give
/// two with a new session, and one with each that is resumed.
const MOST_OF_ONE: usize = 8;
