//! A server process with a directory of its own; it ends with its value, whatever happens.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::TempDir;

/// The account that mailboxes belong to.
pub const MAIL_UID: u32 = 65534;

pub struct Instance {
    pub home: TempDir,
    child: Option<Child>,
    /// What stops it in good order.
    stop: Vec<String>,
}

impl Instance {
    /// A directory that the server's own accounts may enter.
    pub fn prepare(label: &str) -> Instance {
        let root = std::fs::metadata("/proc/self")
            .is_ok_and(|data| std::os::unix::fs::MetadataExt::uid(&data) == 0);
        assert!(
            root,
            "Postfix and Dovecot change their user: run the tests as root, or: sudo make test"
        );
        let home = TempDir::new(label);
        open(home.path(), 0o755);
        Instance { home, child: None, stop: Vec::new() }
    }

    /// A directory inside for the mailboxes.
    pub fn mail_dir(&self) -> String {
        let path = self.home.join("mail");
        std::fs::create_dir_all(&path).unwrap();
        std::os::unix::fs::chown(&path, Some(MAIL_UID), Some(MAIL_UID)).unwrap();
        path
    }

    /// Starts the server in the foreground, in a process group of its own.
    pub fn start(&mut self, command: &[&str], stop: &[&str]) {
        let log = std::fs::File::create(self.home.join("output")).unwrap();
        let mut server = Command::new(command[0]);
        server.args(&command[1..]).process_group(0).stdin(Stdio::null());
        server.stdout(log.try_clone().unwrap()).stderr(log);
        self.child = Some(server.spawn().unwrap_or_else(|error| {
            panic!(
                "{} does not start: {error}; apt-get install postfix dovecot-core dovecot-lmtpd",
                command[0]
            )
        }));
        self.stop = stop.iter().map(|word| (*word).to_owned()).collect();
    }

    /// Waits until something accepts connections there.
    pub fn wait_for(&mut self, ports: &[u16]) {
        let limit = Instant::now() + Duration::from_secs(20);
        for port in ports {
            while std::net::TcpStream::connect(("127.0.0.1", *port)).is_err() {
                if Instant::now() > limit {
                    panic!("nothing listens on {port}:\n{}", self.log());
                }
                std::thread::sleep(Duration::from_millis(50));
            }
        }
    }

    pub fn log(&self) -> String {
        ["output", "log"]
            .map(|name| std::fs::read_to_string(self.home.join(name)).unwrap_or_default())
            .join("\n")
    }

    /// The content, from its first own line on, of the message in `mailbox` that has `mark`.
    pub fn delivered(&self, mailbox: &str, mark: &[u8]) -> Vec<u8> {
        let limit = Instant::now() + Duration::from_secs(20);
        while Instant::now() < limit {
            for folder in ["new", "cur"] {
                let Ok(files) = std::fs::read_dir(self.home.path().join(mailbox).join(folder))
                else {
                    continue;
                };
                for file in files.flatten() {
                    let text = std::fs::read(file.path()).unwrap_or_default();
                    let line = [b"\n", mark, b"\n"].concat();
                    if let Some(at) = text.windows(line.len()).position(|part| part == line) {
                        return text[at + 1..].to_vec();
                    }
                }
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("{} was not delivered to {mailbox}\n{}", String::from_utf8_lossy(mark), self.log());
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if let Some((program, args)) = self.stop.split_first() {
            let _ = Command::new(program)
                .args(args)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
        if let Some(child) = &mut self.child {
            let group = format!("-{}", child.id());
            let _ =
                Command::new("kill").args(["-KILL", "--", &group]).stderr(Stdio::null()).status();
            let _ = child.wait();
        }
    }
}

pub fn open(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A port that nobody uses now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port()
}
