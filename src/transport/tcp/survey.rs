//! Connecting to every address of a host, to find out which of them answer.
//!
//! All are tried at the same time, [`AT_ONCE`] of them at most, and each for a bounded time: one
//! that swallows packets must not use up what the dialogue behind needs.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};

use super::super::park::watch;
use super::super::socket::Socket;
use super::super::{Limit, Target};
use super::{AT_ONCE, Source, all_failed, begin, earlier, in_turn, system};

/// One address, and what came of connecting to it.
#[derive(Clone, Debug)]
pub struct Tried {
    pub address: SocketAddr,
    pub took: Duration,
    /// `None` where it worked.
    pub error: Option<Error>,
}

/// Gives them in the order in which [`super::connect`] tries them, and the first connection in it.
pub(in crate::transport) async fn survey(
    target: &Target<'_>,
    limit: Limit<'_>,
) -> Result<(Vec<Tried>, Result<Socket>)> {
    let source = target.source.map(Source::parse).transpose()?;
    let addresses = in_turn(target, limit).await?;
    let mut trials = Vec::new();
    for some in addresses.chunks(AT_ONCE) {
        let mut wave: Vec<Trial> =
            some.iter().map(|address| Trial::start(*address, source.as_ref())).collect();
        await_all(&mut wave, limit).await?;
        trials.extend(wave);
    }
    let first = trials.iter_mut().find_map(|trial| match trial.tried.error {
        None => trial.socket.take(),
        Some(_) => None,
    });
    let tried: Vec<Tried> = trials.into_iter().map(|trial| trial.tried).collect();
    let failures =
        || tried.iter().filter_map(|one| Some((one.address, one.error.clone()?))).collect();
    let reached = first.ok_or_else(|| all_failed(target.host, failures()));
    Ok((tried, reached))
}

struct Trial {
    tried: Tried,
    begun: Instant,
    /// `None` once it has failed.
    socket: Option<Socket>,
    is_over: bool,
}

impl Trial {
    fn start(address: SocketAddr, source: Option<&Source>) -> Self {
        let tried = Tried { address, took: Duration::ZERO, error: None };
        let mut trial = Trial { tried, begun: Instant::now(), socket: None, is_over: false };
        match begin(address, source) {
            Ok((socket, is_over)) => (trial.socket, trial.is_over) = (Some(socket), is_over),
            Err(error) => trial.fail(error),
        }
        trial
    }

    fn finish(&mut self) {
        let ended = self.socket.as_ref().map(Socket::finish_connect);
        (self.tried.took, self.is_over) = (self.begun.elapsed(), true);
        if let Some(Err(error)) = ended {
            self.fail(system(&error));
        }
    }

    fn fail(&mut self, error: Error) {
        (self.socket, self.is_over) = (None, true);
        (self.tried.took, self.tried.error) = (self.begun.elapsed(), Some(error));
    }

    fn is_connected(&self) -> bool {
        self.is_over && self.socket.is_some()
    }
}

/// Waits until each trial has ended, by itself or for want of time.
async fn await_all(wave: &mut [Trial], limit: Limit<'_>) -> Result<()> {
    let begun = Instant::now();
    let mut deadline = earlier(limit.deadline, Some(begun + NO_ANSWER));
    let mut is_settled = false;
    loop {
        if !is_settled && wave.iter().any(Trial::is_connected) {
            is_settled = true;
            deadline = earlier(deadline, Some(Instant::now() + OTHERS));
            if let Some(end) = limit.deadline {
                let left = end.saturating_duration_since(Instant::now());
                deadline = earlier(deadline, Some(Instant::now() + left / 4));
            }
        }
        let pending = |trial: &&Trial| !trial.is_over;
        let sockets = wave.iter().filter(pending).filter_map(|trial| trial.socket.as_ref());
        let fds: Vec<_> = sockets.map(|socket| watch(socket.fd(), libc::POLLOUT)).collect();
        if fds.is_empty() {
            return Ok(());
        }
        let mut pending = wave.iter_mut().filter(|trial| !trial.is_over);
        match limit.park.wait(&fds, deadline).await {
            Ok(ready) => pending.nth(ready.index).into_iter().for_each(Trial::finish),
            Err(error) if error.kind() == ErrorKind::Timeout => pending.for_each(|trial| {
                let waited = trial.begun.elapsed();
                let waited = u64::try_from(waited.as_millis()).unwrap_or(u64::MAX);
                let text = format!("no answer within {waited} ms");
                let os_code = libc::ETIMEDOUT;
                trial.fail(Error::new(ErrorKind::Timeout, text).with_os_code(os_code));
            }),
            Err(error) => return Err(error),
        }
    }
}

/// How long an address is waited for where none has answered yet: three tries of a system that
/// doubles its time between them (RFC 6298 section 5).
const NO_ANSWER: Duration = Duration::from_secs(10);

/// How long the others are waited for once one has answered: one more try.
const OTHERS: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::super::super::Cancel;
    use super::super::super::tests::drive;
    use super::super::tests::{black_hole, closed_port, listener};
    use super::*;

    fn survey_of(addresses: &[SocketAddr], time: u64) -> (Vec<Trial>, Duration) {
        let begun = Instant::now();
        let cancel = Cancel::new().unwrap();
        let deadline = Some(begun + Duration::from_millis(time));
        let mut wave: Vec<Trial> =
            addresses.iter().map(|address| Trial::start(*address, None)).collect();
        drive(deadline, &cancel, async |limit| await_all(&mut wave, limit).await).unwrap();
        (wave, begun.elapsed())
    }

    #[test]
    fn each_address_has_its_own_outcome() {
        let (_hole, hole, _filling) = black_hole();
        let (_listener, open) = listener();
        let (wave, took) = survey_of(&[hole, closed_port(), open, open], 1000);
        let codes: Vec<i32> =
            wave.iter().map(|trial| trial.tried.error.as_ref().map_or(0, Error::os_code)).collect();
        assert_eq!(codes, [libc::ETIMEDOUT, libc::ECONNREFUSED, 0, 0]);
        assert!(took < Duration::from_millis(800), "what is left of the time is for the dialogue");
        assert!(wave[0].tried.took >= Duration::from_millis(200));
    }

    #[test]
    fn one_that_never_answers_ends_with_the_time() {
        let (_hole, hole, _filling) = black_hole();
        let (wave, took) = survey_of(&[hole], 150);
        assert_eq!(wave[0].tried.error.as_ref().unwrap().kind(), ErrorKind::Timeout);
        assert!(took < Duration::from_secs(2));
    }
}
