//! The options of `loopback-server`, which C tests use as well to say what server they need.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use super::certs::Kind;
use super::engine::Engine;
use super::modes;
use super::record::Message;
use super::tls::ServerTls;

pub const HELP: &str = "usage: loopback-server [options]
  --port-file FILE     writes the SMTP port there, alone on a line
  --ports-file FILE    writes NAME=VALUE lines: smtp, smtps, lmtp (ports on 127.0.0.1),
                       unix, lmtp_unix (socket paths), ca (the authority's certificate)
  --spool DIR          writes messages there (0001.eml ...), and ca.pem, client.pem, client.key
  --refuse ADDRESS[=REPLY]            refuses a recipient
  --refuse-sender ADDRESS[=REPLY]     refuses a sender
  --auth USER:PASSWORD                lets somebody log in (offers AUTH)
  --mechanisms NAMES   what AUTH offers, separated by spaces
  --without KEYWORD    does not offer that extension
  --with LINE          one more line in the EHLO reply
  --size N             the SIZE limit
  --port N, --smtps-port N, --lmtp-port N    instead of any free port
  --cert KIND          valid expired not-yet-valid self-signed other-host unknown-ca no-san ip-san
  --require-client-certificate
  --discard            keeps of each message its length and hash alone
  --delay MS           holds replies until the client has been quiet for that long
  --mode NAME          misbehaves: a certificate's kind, ACTION-at-POINT[-N], or
                       drip split mute close-after-data bad-greeting inject-starttls long-line
                       endless early-reply
                       ACTION: 421 (or any code) close reset half-close mute freeze drip stall
                       no-lf garbage long-line endless mixed-codes two-replies nul bad-code
                       early-reply; of DATA alone: freeze-body abandon
                       POINT: greeting ehlo helo lhlo starttls auth mail rcpt data bdat
                       end-of-data rset noop quit; N: only the N-th time on a connection
  --drip-ms MS         pause between drip's bytes (1000)
  --lifetime SECONDS   ends after that long (600)
  --until-stdin-closes ends when standard input does
";

/// What the options ask for.
pub struct Options {
    pub port_file: Option<PathBuf>,
    pub ports_file: Option<PathBuf>,
    pub spool: Option<PathBuf>,
    pub engine: Engine,
    mechanisms: Option<String>,
    modes: Vec<String>,
    pub kind: Kind,
    pub require_client: bool,
    pub ports: [u16; 3],
    pub delay: Duration,
    drip: Duration,
    pub lifetime: Duration,
    pub until_stdin_closes: bool,
}

impl Options {
    /// The TLS that they ask for.
    pub fn tls(&self) -> ServerTls {
        let tls = ServerTls::new(self.kind);
        if self.require_client { tls.require_client() } else { tls }
    }

    /// Writes every accepted message into a directory, as a file with its envelope.
    pub fn spool_to(&mut self, directory: &Path) {
        let directory = directory.to_owned();
        let count = AtomicUsize::new(0);
        self.engine = self.engine.clone().on_message(move |message| {
            let number = count.fetch_add(1, Ordering::Relaxed) + 1;
            let path = directory.join(format!("{number:04}.eml"));
            if let Err(error) = publish(&path, spooled(message)) {
                eprintln!("loopback-server: {}: {error}", path.display());
            }
        });
    }
}

/// An address and a reply, if one is given behind `=`.
fn refusal<'a>(value: &'a str, usual: &'a str) -> (&'a str, &'a str) {
    match value.find("=").filter(|at| value[at + 1..].starts_with(['2', '4', '5'])) {
        Some(at) => (&value[..at], &value[at + 1..]),
        None => (value, usual),
    }
}

fn number<T: std::str::FromStr>(option: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{option} needs a number, not {value:?}"))
}

/// Reads options, as they stand on a command line.
pub fn parse(mut words: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        port_file: None,
        ports_file: None,
        spool: None,
        engine: Engine::new(),
        mechanisms: None,
        modes: Vec::new(),
        kind: Kind::Valid,
        require_client: false,
        ports: [0; 3],
        delay: Duration::ZERO,
        drip: Duration::from_millis(1000),
        lifetime: Duration::from_secs(600),
        until_stdin_closes: false,
    };
    while let Some(option) = words.next() {
        let engine = options.engine.clone();
        match option.as_str() {
            "--discard" => options.engine = engine.discard(),
            "--require-client-certificate" => options.require_client = true,
            "--until-stdin-closes" => options.until_stdin_closes = true,
            _ => {
                let value = words.next().ok_or_else(|| format!("{option} needs a value"))?;
                valued(&mut options, engine, &option, &value)?;
            }
        }
    }
    if let Some(names) = &options.mechanisms {
        options.engine = options.engine.mechanisms(names);
    }
    for mode in &options.modes {
        options.engine = modes::apply(options.engine, mode, options.drip)?;
    }
    Ok(options)
}

fn valued(options: &mut Options, engine: Engine, option: &str, value: &str) -> Result<(), String> {
    match option {
        "--port-file" => options.port_file = Some(value.into()),
        "--ports-file" => options.ports_file = Some(value.into()),
        "--spool" => options.spool = Some(value.into()),
        "--refuse" => {
            let (address, reply) = refusal(value, "550 5.1.1 no such user");
            options.engine = engine.refuse(address, reply);
        }
        "--refuse-sender" => {
            let (address, reply) = refusal(value, "550 5.7.1 sender refused");
            options.engine = engine.refuse_sender(address, reply);
        }
        "--auth" => {
            let (user, password) = value.split_once(':').ok_or("--auth needs USER:PASSWORD")?;
            options.engine = engine.user(user, password);
        }
        "--mechanisms" => options.mechanisms = Some(value.to_owned()),
        "--without" => options.engine = engine.without(value),
        "--with" => options.engine = engine.with(value),
        "--size" => options.engine = engine.size(number(option, value)?),
        "--port" => options.ports[0] = number(option, value)?,
        "--smtps-port" => options.ports[1] = number(option, value)?,
        "--lmtp-port" => options.ports[2] = number(option, value)?,
        "--cert" => {
            options.kind = Kind::from_name(value).ok_or_else(|| format!("no kind {value:?}"))?;
        }
        "--mode" => match Kind::from_name(value) {
            Some(kind) => options.kind = kind,
            None => options.modes.push(value.to_owned()),
        },
        "--delay" => options.delay = Duration::from_millis(number(option, value)?),
        "--drip-ms" => options.drip = Duration::from_millis(number(option, value)?),
        "--lifetime" => options.lifetime = Duration::from_secs(number(option, value)?),
        _ => return Err(format!("unknown option {option}")),
    }
    Ok(())
}

/// The message as a file: its envelope, a blank line, its bytes.
fn spooled(message: &Message) -> Vec<u8> {
    let words = |start: String, params: &[String]| {
        let words: Vec<String> = [start].into_iter().chain(params.iter().cloned()).collect();
        words.join(" ") + "\n"
    };
    let mut text = words(format!("MAIL FROM:<{}>", message.sender), &message.mail_params);
    for recipient in &message.recipients {
        text += &words(format!("RCPT TO:<{}>", recipient.address), &recipient.params);
    }
    for (address, reply) in &message.refused {
        text += &format!("refused <{address}>: {reply}\n");
    }
    if message.content.is_empty() && message.size > 0 {
        text += &format!("{} octets, hash {:016x}\n", message.size, message.hash);
    }
    let mut bytes = text.into_bytes();
    bytes.push(b'\n');
    bytes.extend_from_slice(&message.content);
    bytes
}

/// Writes a file of which nobody sees half.
pub fn publish(path: &Path, content: impl AsRef<[u8]>) -> std::io::Result<()> {
    let unfinished = path.with_extension("new");
    std::fs::write(&unfinished, content)?;
    std::fs::rename(unfinished, path)
}
