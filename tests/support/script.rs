//! A conversation written down: what the client must send, and what it is told, byte by byte.

use std::time::Duration;

use super::conn::{Conn, Flow};
use super::data::Body;
use super::engine::Engine;
use super::record::{End, Message};

/// Steps that a connection goes through. At its end the connection is closed politely, unless the
/// script stands in for one command of an [`Engine`], which then goes on.
#[derive(Clone, Default)]
pub struct Script(Vec<Step>);

#[derive(Clone)]
enum Step {
    Send(Vec<u8>),
    Pace(usize, Duration),
    Endless(Vec<u8>),
    Expect(String),
    AnyLine,
    ExpectBytes(Vec<u8>),
    ReadBytes(usize),
    Body,
    Chunk,
    Silence(Duration),
    Pause(Duration),
    StartTls,
    Serve(Box<Engine>),
    Hold(bool),
    ExpectEnd,
    HalfClose,
    Close,
    Cut,
    Reset,
}

impl Script {
    pub fn new() -> Script {
        Script::default()
    }

    fn then(mut self, step: Step) -> Script {
        self.0.push(step);
        self
    }

    /// Sends a reply: lines separated by `\n`, each sent with CRLF.
    pub fn reply(self, lines: &str) -> Script {
        let mut bytes = lines.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes();
        bytes.extend_from_slice(b"\r\n");
        self.send(bytes)
    }

    /// Sends bytes as they are, in one write unless the pace says otherwise.
    pub fn send(self, bytes: impl AsRef<[u8]>) -> Script {
        self.then(Step::Send(bytes.as_ref().to_vec()))
    }

    /// From here on every write is cut into pieces, with a pause after each.
    pub fn pace(self, piece: usize, pause: Duration) -> Script {
        self.then(Step::Pace(piece, pause))
    }

    /// Sends these bytes again and again until the client goes away.
    pub fn endless(self, bytes: impl AsRef<[u8]>) -> Script {
        self.then(Step::Endless(bytes.as_ref().to_vec()))
    }

    /// Reads a line that must begin so; the verb's case does not matter, the rest's does.
    pub fn expect(self, prefix: &str) -> Script {
        self.then(Step::Expect(prefix.to_owned()))
    }

    /// Reads any line.
    pub fn any_line(self) -> Script {
        self.then(Step::AnyLine)
    }

    /// Reads exactly these bytes.
    pub fn expect_bytes(self, bytes: impl AsRef<[u8]>) -> Script {
        self.then(Step::ExpectBytes(bytes.as_ref().to_vec()))
    }

    /// Reads that many bytes, whatever they are.
    pub fn read_bytes(self, count: usize) -> Script {
        self.then(Step::ReadBytes(count))
    }

    /// Reads a message up to its final dot and records it.
    pub fn body(self) -> Script {
        self.then(Step::Body)
    }

    /// Reads a `BDAT n [LAST]` line and its bytes and records them as a message.
    pub fn chunk(self) -> Script {
        self.then(Step::Chunk)
    }

    /// Fails if anything comes within that time.
    pub fn silence(self, limit: Duration) -> Script {
        self.then(Step::Silence(limit))
    }

    pub fn pause(self, duration: Duration) -> Script {
        self.then(Step::Pause(duration))
    }

    /// The TLS handshake, with the server's certificate.
    pub fn start_tls(self) -> Script {
        self.then(Step::StartTls)
    }

    /// Leaves the rest of the connection to an engine, which does not greet.
    pub fn serve(self, engine: Engine) -> Script {
        self.then(Step::Serve(Box::new(engine)))
    }

    /// Reads everything and says nothing until the client goes away.
    pub fn mute(self) -> Script {
        self.then(Step::Hold(true))
    }

    /// Neither reads nor writes, until the server ends: the client's writes fill the buffers.
    pub fn freeze(self) -> Script {
        self.then(Step::Hold(false))
    }

    /// The client must close, sending nothing more.
    pub fn expect_end(self) -> Script {
        self.then(Step::ExpectEnd)
    }

    /// Closes the sending direction; reading goes on.
    pub fn half_close(self) -> Script {
        self.then(Step::HalfClose)
    }

    /// Closes politely: close_notify, FIN, and reading until the client has closed.
    pub fn close(self) -> Script {
        self.then(Step::Close)
    }

    /// Closes the socket at once, without close_notify.
    pub fn cut(self) -> Script {
        self.then(Step::Cut)
    }

    /// Closes with a TCP reset.
    pub fn reset(self) -> Script {
        self.then(Step::Reset)
    }

    pub(super) fn run(&self, conn: &mut Conn) -> Flow<()> {
        for (number, step) in self.0.iter().enumerate() {
            step.run(conn).map_err(|end| step.judge(number, end))?;
        }
        Ok(())
    }
}

impl Step {
    /// A client may hang up while it is talked to or waited for, not while it is expected to talk.
    fn judge(&self, number: usize, end: End) -> End {
        let wanted = match self {
            Step::Expect(prefix) => format!("a line {prefix:?}"),
            Step::AnyLine => "a line".to_owned(),
            Step::ExpectBytes(_) | Step::ReadBytes(_) => "bytes".to_owned(),
            Step::Body => "a message".to_owned(),
            Step::Chunk => "a chunk".to_owned(),
            _ => return end,
        };
        match end {
            End::Failed(why) => End::Failed(format!("step {}: {why}", number + 1)),
            End::Closed => End::Closed,
            end => End::Failed(format!("step {}: expected {wanted}, got {end:?}", number + 1)),
        }
    }

    fn run(&self, conn: &mut Conn) -> Flow<()> {
        match self {
            Step::Send(bytes) => conn.send(bytes),
            Step::Pace(piece, pause) => {
                conn.set_pace(*piece, *pause);
                Ok(())
            }
            Step::Endless(bytes) => loop {
                conn.send(bytes)?;
            },
            Step::Expect(prefix) => expect(conn, prefix),
            Step::AnyLine => conn.command().map(drop),
            Step::ExpectBytes(bytes) => expect_bytes(conn, bytes),
            Step::ReadBytes(count) => take(conn, *count).map(drop),
            Step::Body => {
                let mut body = Body::new(false);
                body.read_dotted(conn)?;
                record(conn, body);
                Ok(())
            }
            Step::Chunk => chunk(conn),
            Step::Silence(limit) => match conn.is_silent(*limit)? {
                true => Ok(()),
                false => Err(End::Failed(format!("input where none was due: {}", shown(conn)))),
            },
            Step::Pause(duration) => conn.pause(*duration),
            Step::StartTls => conn.start_tls(),
            Step::Serve(engine) => engine.serve(conn),
            Step::Hold(read) => Err(conn.hold(*read)),
            Step::ExpectEnd => match conn.fill() {
                Err(end) => Err(end),
                Ok(()) => Err(End::Failed(format!("input where none was due: {}", shown(conn)))),
            },
            Step::HalfClose => {
                conn.flush()?;
                conn.half_close();
                Ok(())
            }
            Step::Close => Err(conn.close()),
            Step::Cut => Err(conn.cut()),
            Step::Reset => Err(conn.reset()),
        }
    }
}

fn expect(conn: &mut Conn, prefix: &str) -> Flow<()> {
    let line = conn.command()?;
    let verb = prefix.find([' ', ':']).unwrap_or(prefix.len());
    let same = line.len() >= prefix.len()
        && line[..verb].eq_ignore_ascii_case(&prefix.as_bytes()[..verb])
        && line[verb..].starts_with(&prefix.as_bytes()[verb..]);
    match same {
        true => Ok(()),
        false => {
            let line = String::from_utf8_lossy(&line).into_owned();
            Err(End::Failed(format!("expected {prefix:?}, got {line:?}")))
        }
    }
}

fn take(conn: &mut Conn, count: usize) -> Flow<Vec<u8>> {
    let mut bytes = Vec::new();
    while bytes.len() < count {
        if conn.buffered().is_empty() {
            conn.fill()?;
        }
        let more = (count - bytes.len()).min(conn.buffered().len());
        bytes.extend_from_slice(&conn.buffered()[..more]);
        conn.consume(more);
    }
    Ok(bytes)
}

fn expect_bytes(conn: &mut Conn, expected: &[u8]) -> Flow<()> {
    let got = take(conn, expected.len())?;
    if got == expected {
        return Ok(());
    }
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Err(End::Failed(format!("expected {:?}, got {:?}", text(expected), text(&got))))
}

fn chunk(conn: &mut Conn) -> Flow<()> {
    let line = String::from_utf8_lossy(&conn.command()?).to_ascii_uppercase();
    let length = line.strip_prefix("BDAT ").and_then(|rest| rest.split(' ').next()?.parse().ok());
    let length = length.ok_or_else(|| End::Failed(format!("expected BDAT, got {line:?}")))?;
    let mut body = Body::new(false);
    body.read_chunk(conn, length)?;
    record(conn, body);
    Ok(())
}

fn record(conn: &Conn, body: Body) {
    let mut message = Message { encrypted: conn.is_tls(), ..Message::default() };
    body.finish(&mut message);
    conn.log(|log| log.messages.push(message.into()));
}

fn shown(conn: &Conn) -> String {
    format!("{:?}", String::from_utf8_lossy(conn.buffered()))
}
