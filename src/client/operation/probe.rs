//! Probing: what opening would come to, and what is to be learnt on the way.
//!
//! ```text
//!   every address ─► first that answers ─► dialogue as `open` has it ─► QUIT
//!                                              │ fails
//!                                              └─► second look, by another connection:
//!                                                  the other way round, or whose certificate it is
//! ```
//!
//! No mail is sent, and over what a second look connects to nothing but EHLO and STARTTLS: nobody
//! there was verified. What the server does wrong is what was asked for, and no error of the call.

use std::time::{Duration, Instant};

use crate::client::config::TimeoutPolicy;
use crate::client::report::{Address, OtherWay, Phase, Report, TlsFacts};
use crate::client::{Client, Plan};
use crate::error::{Detail, Error, ErrorKind, Result};
use crate::transport::{Io, Limit, TlsPolicy, Transport, Tried, Wait};

use super::Command;
use super::connect::tls_peer;
use super::open::OwnLogin;

/// Why a probe goes no further.
enum Stop {
    /// That is what it has found.
    Found(Error),
    /// The call itself fails.
    Failed(Error),
}

impl From<Error> for Stop {
    /// What the caller wanted so, or gave wrongly, says nothing of the server.
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::Cancelled
            | ErrorKind::Forbidden
            | ErrorKind::InvalidArgument
            | ErrorKind::Misuse
            | ErrorKind::Busy
            | ErrorKind::NoMemory
            | ErrorKind::Internal => Stop::Failed(error),
            _ => Stop::Found(error),
        }
    }
}

type Step<T = ()> = std::result::Result<T, Stop>;

impl Client {
    /// Leaves a report, and no connection, whatever there was before.
    pub(super) async fn probe(&mut self) -> Result<()> {
        self.report = None;
        self.begin_report()?;
        let deadline = self.probe_deadline();
        let probed = self.examine(deadline).await;
        if probed.is_err() {
            self.report = None;
        }
        self.close();
        probed
    }

    /// What can be told without a connection is told first.
    fn begin_report(&mut self) -> Result<()> {
        let endpoint = &self.config.endpoint;
        if endpoint.host.is_empty() {
            let text = "no server was set: smtp_client_set_url() or smtp_client_set_host() first";
            return Err(Error::new(ErrorKind::Misuse, text));
        }
        self.own_login()?;
        let protocol = self.session.protocol();
        let port = if endpoint.is_path() { 0 } else { endpoint.port(protocol) };
        let plan = endpoint.plan(protocol, false);
        let mut report = Report::new(&endpoint.host, port, protocol, plan);
        if let Some(policy) = &self.config.tls {
            let name = policy.name_to_verify(&endpoint.host);
            report.certified = name.unwrap_or(&endpoint.host).to_owned();
        }
        self.report = Some(Box::new(report));
        Ok(())
    }

    /// The caller's limit is that of the whole. Where RFC 5321 has minutes for each wait, a server
    /// that needs one is what is to be found out.
    fn probe_deadline(&self) -> Option<Instant> {
        match self.config.timeout {
            TimeoutPolicy::After(time) => Instant::now().checked_add(time),
            TimeoutPolicy::Rfc => Some(Instant::now() + WHOLE),
            TimeoutPolicy::Never => None,
        }
    }

    async fn examine(&mut self, deadline: Option<Instant>) -> Result<()> {
        let found = match self.converse(deadline).await {
            Ok(()) => None,
            Err(Stop::Found(error)) => Some(error),
            Err(Stop::Failed(error)) => return Err(error),
        };
        match found {
            None => self.noted().phase = Phase::Done,
            Some(error) => self.noted().error = Some(error),
        }
        self.take_leave(deadline).await?;
        match self.look_again(deadline).await {
            Err(Stop::Failed(error)) if error.kind() == ErrorKind::Cancelled => Err(error),
            // It was to explain what is known already.
            _ => Ok(()),
        }
    }

    fn noted(&mut self) -> &mut Report {
        // Made before the first step, and taken by nobody before the last.
        self.report.as_mut().expect("a probe has its report")
    }

    /// As [`open`](Client::open) does it.
    async fn converse(&mut self, deadline: Option<Instant>) -> Step {
        self.aim_at_endpoint()?;
        let transport = self.reach_each(deadline).await?;
        let plan = self.settle_plan(&transport);
        let transport = match plan {
            Plan::Tls => self.shake_hands(transport, deadline).await?,
            _ => self.listen(transport, deadline).await?,
        };
        self.noted().phase = Phase::Greeting;
        let replies = self.session.replies();
        let greeted = self.be_greeted(transport, deadline, false).await;
        if self.session.replies() != replies {
            self.noted().greeting = Some(self.session.reply().describe());
        }
        greeted?;
        self.say_hello(plan == Plan::StartTls, deadline).await?;
        let is_offered = self.session.capabilities().starttls();
        if plan == Plan::StartTls || (plan == Plan::IfOffered && is_offered) {
            self.noted().phase = Phase::StartTls;
            self.start_tls(deadline).await?;
            self.note_tls();
            self.say_hello(false, deadline).await?;
        }
        self.try_login(deadline).await
    }

    fn aim_at_endpoint(&mut self) -> Result<()> {
        let (host, port) = (self.noted().host.clone(), self.noted().port);
        self.aim(host, port)
    }

    /// Tries every address; the connection is that which opening would have.
    async fn reach_each(&mut self, deadline: Option<Instant>) -> Result<Transport> {
        if self.host.starts_with('/') {
            return self.reach_path(deadline).await;
        }
        let target = self.target(&self.config.endpoint.addresses);
        let limit = Limit { deadline, park: &self.park };
        let (tried, reached) = Transport::survey(&target, limit).await?;
        let report = self.noted();
        report.addresses = tried.into_iter().map(Address::from).collect();
        let works = report.addresses.iter().position(|one| one.error.is_none());
        report.chosen = works.unwrap_or(0);
        reached
    }

    async fn reach_path(&mut self, deadline: Option<Instant>) -> Result<Transport> {
        let begun = Instant::now();
        let reached = self.reach(&[], deadline).await;
        let took = begun.elapsed();
        let error = reached.as_ref().err().cloned();
        let text = crate::error::printable(self.host.as_bytes(), 256);
        self.noted().addresses = vec![Address { text, milliseconds: milliseconds(took), error }];
        reached
    }

    /// Where the server is decides as well.
    fn settle_plan(&mut self, transport: &Transport) -> Plan {
        let protocol = self.session.protocol();
        let plan = self.config.endpoint.plan(protocol, transport.peer_is_loopback());
        self.noted().plan = plan;
        plan
    }

    async fn shake_hands(
        &mut self,
        transport: Transport,
        deadline: Option<Instant>,
    ) -> Result<Transport> {
        self.noted().phase = Phase::Tls;
        let policy = self.config.tls.get_or_insert_default();
        let limit = Limit { deadline: soon(deadline, HANDSHAKE, 4), park: &self.park };
        let transport = transport.start_tls(policy, tls_peer(&self.host, self.port), limit).await?;
        let report = self.noted();
        (report.tls, report.is_encrypted) = (TlsFacts::of(&transport), true);
        Ok(transport)
    }

    /// A server that waits for TLS says nothing: if one is silent, that is looked into before the
    /// time is over.
    async fn listen(
        &mut self,
        transport: Transport,
        deadline: Option<Instant>,
    ) -> Result<Transport> {
        self.noted().phase = Phase::Greeting;
        match self.hear(&transport, soon(deadline, SILENCE, 2)).await {
            Err(error) if error.kind() != ErrorKind::Timeout => return Err(error),
            Ok(()) => return Ok(transport),
            Err(_) => {}
        }
        self.look_for_tls(deadline).await?;
        if self.noted().other_way.is_none() {
            return Ok(transport);
        }
        let text = "the greeting: none came, and the server answers to TLS";
        let error = Error::new(ErrorKind::Timeout, text).with_os_code(libc::ETIMEDOUT);
        Err(error.with_detail(Detail::Greeting))
    }

    /// Waits until there is something to read.
    async fn hear(&self, transport: &Transport, deadline: Option<Instant>) -> Result<()> {
        let limit = Limit { deadline, park: &self.park };
        if transport.has_buffered() || !transport.ask(Wait::default(), limit) {
            return Ok(());
        }
        self.park.answer().await.map(drop)
    }

    /// EHLO; HELO behind it only where STARTTLS is not needed, of which that knows nothing.
    async fn say_hello(&mut self, needs_tls: bool, deadline: Option<Instant>) -> Result<()> {
        self.noted().phase = Phase::Hello;
        if self.lacks_name() {
            self.look_up_own_name(deadline).await?;
        }
        let started = if needs_tls { self.start(Command::Ehlo(None)) } else { self.greet() };
        let code = self.operate(started, deadline).await?;
        if needs_tls && code / 100 != 2 {
            return Err(self.session.refusal(ErrorKind::Helo, self.session.hello_verb()));
        }
        let (greeting, capabilities) = (self.session.greeting(), self.session.capabilities());
        let lines = greeting.helo_response().or(greeting.ehlo_response()).unwrap_or_default();
        let mechanisms: Vec<&str> = capabilities.auth_mechanisms().collect();
        let (mechanisms, offers) = (mechanisms.join(" "), capabilities.starttls());
        if let Some(report) = &mut self.report {
            report.hear_hello(lines, mechanisms, offers);
        }
        Ok(())
    }

    fn note_tls(&mut self) {
        if let (Some(report), Some(transport)) = (&mut self.report, &self.transport) {
            (report.tls, report.is_encrypted) = (TlsFacts::of(transport), true);
        }
    }

    async fn try_login(&mut self, deadline: Option<Instant>) -> Step {
        let login = self.own_login()?;
        if !matches!(login, OwnLogin::None) {
            let report = self.noted();
            report.phase = Phase::Login;
            report.by_token = matches!(login, OwnLogin::BySource);
        }
        // That the guard forbids it is a finding; that the audit does, is not.
        let (result, is_guarded) = match login {
            OwnLogin::None => return Ok(()),
            OwnLogin::ByPassword(login) => {
                let started = self.start(login);
                let is_guarded = started.is_err();
                (self.operate(started, deadline).await, is_guarded)
            }
            OwnLogin::BySource => {
                let is_open = !self.is_private();
                let result = Box::pin(self.login_by_source(None, deadline)).await;
                let is_guarded = is_open
                    && result.as_ref().is_err_and(|error| error.kind() == ErrorKind::Forbidden);
                (result.map(|()| self.session.reply().code()), is_guarded)
            }
        };
        self.noted().login = Some(match &result {
            Ok(code) => format!("accepted ({code})"),
            Err(error) => error.message().to_owned(),
        });
        match result {
            Ok(_) => Ok(()),
            Err(error) if is_guarded => Err(Stop::Found(error)),
            Err(error) => Err(error.into()),
        }
    }

    /// QUIT, if there is somebody to hear it.
    async fn take_leave(&mut self, deadline: Option<Instant>) -> Result<()> {
        if self.transport.is_none() {
            return Ok(());
        }
        match self.quit(Ok(deadline)).await {
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(error),
            _ => Ok(()),
        }
    }

    /// What failed may be explained by a connection of another kind.
    async fn look_again(&mut self, deadline: Option<Instant>) -> Step {
        let report = self.noted();
        let Some(error) = &report.error else { return Ok(()) };
        if report.other_way.is_some() || report.chosen >= report.addresses.len() {
            return Ok(());
        }
        match (report.phase, report.plan) {
            (Phase::Tls | Phase::StartTls, _) if report.is_distrusted() => {
                self.look_at_certificate(deadline).await
            }
            (Phase::Tls, _) => self.look_for_greeting(deadline).await,
            (Phase::Greeting, plan) if plan != Plan::Tls && error.reply_code() == 0 => {
                self.look_for_tls(deadline).await.map_err(Stop::from)
            }
            _ => Ok(()),
        }
    }

    /// Whether the server greets in clear. Nothing is sent.
    async fn look_for_greeting(&mut self, deadline: Option<Instant>) -> Step {
        let deadline = soon(deadline, SILENCE, 2);
        let mut transport = self.reach_again(deadline).await?;
        let (mut line, mut length) = ([0; 512], 0);
        while length < line.len() && !line[..length].contains(&b'\n') {
            match transport.read(&mut line[length..])? {
                Io::Done(0) => break,
                Io::Done(count) => length += count,
                Io::Blocked => self.hear(&transport, deadline).await?,
            }
        }
        let line = line[..length].split(|byte| *byte == b'\n').next().unwrap_or_default();
        if is_greeting(line) {
            let report = self.noted();
            report.other_way = Some(OtherWay::Clear);
            report.greeting = Some(crate::error::printable(line.trim_ascii_end(), line.len()));
        }
        Ok(())
    }

    /// Whether the server does TLS from the first byte, and if so, with what.
    async fn look_for_tls(&mut self, deadline: Option<Instant>) -> Result<()> {
        match self.shake_hands_blindly(soon(deadline, SILENCE, 2)).await {
            Ok(facts) => {
                let report = self.noted();
                (report.tls, report.other_way) = (facts, Some(OtherWay::Tls));
            }
            Err(error) if error.kind() == ErrorKind::Cancelled => return Err(error),
            Err(_) => {}
        }
        Ok(())
    }

    async fn shake_hands_blindly(&mut self, deadline: Option<Instant>) -> Result<TlsFacts> {
        let transport = self.reach_again(deadline).await?;
        let policy = self.blind_policy();
        let limit = Limit { deadline, park: &self.park };
        let transport =
            transport.start_tls(&policy, tls_peer(&self.host, self.port), limit).await?;
        Ok(TlsFacts::of(&transport))
    }

    fn blind_policy(&self) -> TlsPolicy {
        self.config.tls.as_ref().map_or_else(|| TlsPolicy::default().blind(), TlsPolicy::blind)
    }

    /// Whose certificate it is that was not accepted. Nothing is sent in the connection but what is
    /// in clear for everybody.
    async fn look_at_certificate(&mut self, deadline: Option<Instant>) -> Step {
        let deadline = soon(deadline, HANDSHAKE, 4);
        if self.noted().plan == Plan::Tls {
            self.noted().tls = self.shake_hands_blindly(deadline).await?;
            return Ok(());
        }
        let transport = self.reach_again(deadline).await?;
        self.be_greeted(transport, deadline, false).await?;
        let started = self.start(Command::Ehlo(None));
        self.operate(started, deadline).await?;
        let policy = self.blind_policy();
        let shown = self.start_tls_under(Some(&policy), deadline).await;
        if let (Ok(()), Some(transport), Some(report)) = (&shown, &self.transport, &mut self.report)
        {
            report.tls = TlsFacts::of(transport);
        }
        self.close();
        shown.map_err(Stop::from)
    }

    /// Another connection to the same address.
    async fn reach_again(&mut self, deadline: Option<Instant>) -> Result<Transport> {
        self.aim_at_endpoint()?;
        let report = self.report.as_ref();
        let chosen = report.and_then(|report| report.addresses.get(report.chosen));
        let addresses = chosen.map(|one| std::slice::from_ref(&one.text)).unwrap_or_default();
        self.reach(addresses, deadline).await
    }
}

impl From<Tried> for Address {
    fn from(tried: Tried) -> Self {
        let text = match tried.address {
            std::net::SocketAddr::V6(six) if six.scope_id() != 0 => {
                format!("{}%{}", six.ip(), six.scope_id())
            }
            other => other.ip().to_string(),
        };
        Address { text, milliseconds: milliseconds(tried.took), error: tried.error }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// In so long, and before more than its share of the rest is over: one part of `parts` is kept for
/// what comes behind.
fn soon(deadline: Option<Instant>, time: Duration, parts: u32) -> Option<Instant> {
    let now = Instant::now();
    let share = deadline.map_or(time, |deadline| {
        let left = deadline.saturating_duration_since(now);
        time.min(left - left / parts)
    });
    Some(now + share)
}

/// A line as SMTP has it: three digits, and a space or hyphen.
fn is_greeting(line: &[u8]) -> bool {
    line.len() > 3 && line[..3].iter().all(u8::is_ascii_digit) && matches!(line[3], b' ' | b'-')
}

/// The whole of a probe, where the caller has set no limit.
const WHOLE: Duration = Duration::from_secs(60);

/// How long a server may be silent before it is asked in another way. Those that make one wait on
/// purpose do it for less or are asked again behind it.
const SILENCE: Duration = Duration::from_secs(5);

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(15);
