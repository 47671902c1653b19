//! A server process with a directory of its own. Whatever happens to the test, the server ends: a
//! guard process starts it, reads from a pipe that only this process holds open, and stops the
//! server, kills its process group and removes its directory at the pipe's end or after
//! [`LIFETIME`].

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use crate::support::TempDir;

const LIFETIME: &str = "900";
const PATIENCE: Duration = Duration::from_secs(60);
const PACKAGES: &str = "apt-get install --no-install-recommends postfix dovecot-core dovecot-lmtpd";

/// `$1` the directory, `$2` the lifetime, `$3` how to stop in good order, then the server.
const GUARD: &str = r#"
home=$1 lifetime=$2 stop=$3
shift 3
setsid "$@" </dev/null >"$home/output" 2>&1 &
server=$!
timeout "$lifetime" cat >/dev/null
eval "$stop" >/dev/null 2>&1
kill -KILL -- "-$server"
rm -rf "$home"
"#;

pub struct Instance {
    pub home: TempDir,
    guard: Option<Child>,
}

impl Instance {
    /// A directory that the server's own accounts may enter: in /tmp, because a clone below
    /// somebody's home directory is often closed to them.
    pub fn prepare(label: &str) -> Instance {
        let name = format!("/tmp/smtpclient-{label}-{}-{}", std::process::id(), free_port());
        let home = TempDir::at(name.into());
        open(home.path(), 0o755);
        Instance { home, guard: None }
    }

    /// A directory inside for the mailboxes of [`mail_uid`].
    pub fn mail_dir(&self) -> String {
        let path = self.home.join("mail");
        std::fs::create_dir_all(&path).unwrap();
        std::os::unix::fs::chown(&path, Some(mail_uid()), Some(mail_uid())).unwrap();
        path
    }

    /// Starts the server, which must stay in the foreground. `stop` is for the shell; `$home` is
    /// the instance's directory.
    pub fn start(&mut self, server: &[&str], stop: &str) {
        assert!(
            administrators_path(&mut Command::new("which"))
                .arg(server[0])
                .output()
                .unwrap()
                .status
                .success(),
            "{} is missing: {PACKAGES}",
            server[0]
        );
        let home = self.home.path().to_str().unwrap();
        let mut guard = as_root(&["sh", "-c", GUARD, "guard", home, LIFETIME, stop]);
        guard.args(server).process_group(0).stdin(Stdio::piped());
        guard.stdout(Stdio::null()).stderr(Stdio::null());
        self.guard = Some(guard.spawn().unwrap());
    }

    /// Waits until something accepts connections there.
    pub fn wait_for(&self, ports: &[u16]) {
        let limit = Instant::now() + PATIENCE;
        for port in ports {
            while std::net::TcpStream::connect(("127.0.0.1", *port)).is_err() {
                assert!(Instant::now() < limit, "nothing listens on {port}:\n{}", self.log());
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    pub fn log(&self) -> String {
        ["output", "log"]
            .map(|name| std::fs::read_to_string(self.home.join(name)).unwrap_or_default())
            .join("\n")
    }

    /// What the client sent of the message in `mailbox` whose first line is `mark`.
    pub fn delivered(&self, mailbox: &str, mark: &[u8]) -> Vec<u8> {
        let line = [mark, b"\n"].concat();
        self.found(mailbox, |content| content.starts_with(&line)).unwrap_or_else(|| {
            panic!(
                "{} was not delivered to {mailbox}\n{}",
                String::from_utf8_lossy(mark),
                self.log()
            )
        })
    }

    /// The first message in `mailbox`, without the trace fields of the server, that is as wanted.
    pub fn found(&self, mailbox: &str, wanted: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
        let limit = Instant::now() + PATIENCE;
        while Instant::now() < limit {
            let content = self.contents(mailbox).into_iter().find(|content| wanted(content));
            if content.is_some() {
                return content;
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        None
    }

    /// The message with that first line is in `mailbox` once, and has that return path.
    pub fn assert_once(&self, mailbox: &str, mark: &str, sender: &str) {
        let line = format!("{mark}\n");
        let texts = self.texts(mailbox);
        let mut found =
            texts.iter().filter(|text| without_trace(text).starts_with(line.as_bytes()));
        let path = format!("Return-Path: <{sender}>\n");
        assert!(found.next().is_some_and(|text| text.starts_with(path.as_bytes())), "{mark}");
        assert!(found.next().is_none(), "{mark} was delivered twice");
    }

    /// All messages in `mailbox` now, without their trace fields.
    pub fn contents(&self, mailbox: &str) -> Vec<Vec<u8>> {
        self.texts(mailbox).iter().map(|text| without_trace(text).to_vec()).collect()
    }

    fn texts(&self, mailbox: &str) -> Vec<Vec<u8>> {
        let folders =
            ["new", "cur"].map(|folder| self.home.path().join("mail").join(mailbox).join(folder));
        let files = folders.iter().filter_map(|folder| std::fs::read_dir(folder).ok()).flatten();
        files.filter_map(|file| std::fs::read(file.ok()?.path()).ok()).collect()
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some(guard) = &mut self.guard {
            drop(guard.stdin.take());
            let _ = guard.wait();
        }
    }
}

/// The text behind the fields that delivery puts first (RFC 5321 section 4.4), folded lines
/// included.
fn without_trace(text: &[u8]) -> &[u8] {
    let mut at = 0;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let folded = at > 0 && matches!(line[0], b' ' | b'\t');
        let names = ["Return-Path:", "X-Original-To:", "Delivered-To:", "Received:"];
        if !folded && !names.iter().any(|name| line.starts_with(name.as_bytes())) {
            break;
        }
        at += line.len();
    }
    &text[at..]
}

fn uid() -> u32 {
    std::fs::metadata("/proc/self").unwrap().uid()
}

/// The account that mailboxes belong to: one without rights, but readable to the test.
pub fn mail_uid() -> u32 {
    match uid() {
        0 => 65534,
        uid => uid,
    }
}

/// A command with root's rights: both servers change their user, and refuse to start without.
pub fn as_root(words: &[&str]) -> Command {
    static WAY: OnceLock<Vec<String>> = OnceLock::new();
    let way = WAY.get_or_init(way_to_root);
    let mut words = way.iter().map(String::as_str).chain(words.iter().copied());
    let mut command = Command::new(words.next().unwrap());
    command.args(words);
    administrators_path(&mut command);
    command
}

/// What makes root: nothing, sudo, or a namespace with a root of its own, in which this user is
/// itself, so that both can read what the other wrote, and the rest are the user's subordinates
/// (subuid(5)).
fn way_to_root() -> Vec<String> {
    let (user, group) = (uid(), std::fs::metadata("/proc/self").unwrap().gid());
    let (user, group) = (format!("--map-user={user}"), format!("--map-group={group}"));
    let namespace = ["unshare", &user, &group, "--map-auto", "--setuid=0", "--setgid=0", "--"]
        .map(str::to_owned);
    let ways = [vec!["sudo".to_owned(), "-n".to_owned()], namespace.to_vec()];
    let works = |way: &Vec<String>| {
        let mut command = Command::new(&way[0]);
        command.args(&way[1..]).arg("true").stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if uid() == 0 {
        return Vec::new();
    }
    ways.into_iter().find(works).expect(
        "Postfix and Dovecot start as root alone: run the tests as root, where sudo needs no \
         password, or where a user may make namespaces (apt-get install uidmap); or leave them \
         out by `make test REAL=no`",
    )
}

/// Where Debian keeps the servers; not on everybody's PATH.
pub fn administrators_path(command: &mut Command) -> &mut Command {
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{path}:/usr/sbin:/sbin"))
}

pub fn open(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A port that nobody uses now, below those that the system gives to connections.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = (std::process::id() % 1000) as u16 * 20;
    loop {
        let port = 10_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 20_000;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
