//! examples-c/queue.c: whatever kills it and wherever, no message is lost, and none is sent twice
//! but one that was reported unknown, and that only by hand.
//!
//! It is killed at system calls, before them and behind them: what happens between two of them
//! leaves no trace, so that this is every point that there is, on a fast machine and a slow one.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::{Mutex, OnceLock, mpsc};
use std::time::{Duration, SystemTime};

#[path = "model/rng.rs"]
#[allow(dead_code)]
mod rng;
mod support;
mod tree;

use rng::Rng;
use support::{Engine, Record, Script, Server, TempDir, closed_port};

/// Kills in the middle of `run`.
const CRASHES: usize = 100;

const GONE: &str = "550 5.1.1 gone";

/// For each message that was acknowledged and each of its recipients: it came once, or a report
/// says that it failed and why, or that nobody knows; and never does it come twice.
#[test]
fn a_hundred_crashes_lose_nothing_and_send_nothing_twice() {
    let seed = std::env::var("SMTPCLIENT_SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| {
        SystemTime::UNIX_EPOCH.elapsed().map_or(1, |time| time.as_millis() as u64)
    });
    println!("SMTPCLIENT_SEED={seed}");
    let mut rng = Rng::new(seed);
    let queue = Queue::new();
    let unruly = unruly(&mut rng);
    let floor = queue.run_at(unruly.port()).killed_at(usize::MAX).stops;

    let (mut crashes, mut mails) = (0, Vec::new());
    while crashes < CRASHES {
        while queue.ids("mail").len() < 3 {
            let mail = Mail::new(mails.len(), &mut rng);
            // Most are added in peace.
            let at = if rng.percent(20) { rng.below(2 * floor) } else { usize::MAX };
            mails.push((queue.add(&mail).killed_at(at).acknowledged(), mail));
        }
        // From where the program itself begins to work; now and then a run comes to its end.
        let span = if rng.percent(50) { 300 } else { 1500 };
        let ended = queue.run_at(unruly.port()).killed_at(floor * 3 / 4 + rng.below(span));
        crashes += usize::from(ended.status.is_none());
    }

    queue.age();
    let calm = serve(Engine::new().refuse("gone@b.example", GONE));
    let last = queue.run_at(calm.port()).killed_at(usize::MAX);
    assert_eq!(last.code(), 0, "{}", last.said);
    for state in ["mail", "sending"] {
        assert_eq!(queue.ids(state), Vec::<String>::new());
    }
    let strays: Vec<String> =
        queue.files().into_iter().filter(|name| name.starts_with("tmp.")).collect();
    assert_eq!(strays, Vec::<String>::new());
    let records = [unruly.finish_unchecked(), calm.finish_unchecked()];
    let tally = check(&queue, &mails, &records);
    println!(
        "{} messages, {} acknowledged; {tally:?}",
        mails.len(),
        mails.iter().filter(|one| one.0.is_some()).count()
    );
}

/// The same for one message and a server that has another answer for each of its recipients, killed
/// at every point that there is.
#[test]
fn no_point_of_a_run_is_a_bad_one() {
    let to = ["al@b.example", "bo@b.example", "gone@b.example"];
    let floor = Queue::new().run_at(closed_port()).killed_at(usize::MAX).stops;
    let mut seen = Tally::default();
    // From where the program itself begins to work.
    for stop in floor * 3 / 4.. {
        let engine = Engine::new().refuse("gone@b.example", GONE);
        let busy = serve(engine.clone().refuse("bo@b.example", "450 4.2.1 not now"));
        let calm = serve(engine);
        let queue = Queue::new();
        let id = queue.add(&mail(1, &to)).finish().acknowledged();
        let first = queue.run_at(busy.port()).killed_at(stop);
        let in_doubt = queue.ids("mail").is_empty() && !queue.ids("sending").is_empty();
        assert_eq!(queue.run_at(calm.port()).finish().code(), 0, "stop {stop}");
        let records = [busy.finish_unchecked(), calm.finish_unchecked()];
        let tally = check(&queue, &[(id, mail(1, &to))], &records);
        let expected = if in_doubt { [0, 0, 3] } else { [2, 1, 0] };
        assert_eq!([tally.delivered, tally.failed, tally.unknown], expected, "stop {stop}");
        seen.delivered += tally.delivered;
        seen.unknown += tally.unknown;
        if first.status.is_some() {
            break;
        }
    }
    println!("{seen:?}");
    assert!(seen.delivered > 0 && seen.unknown > 0, "{seen:?}");
}

#[derive(Debug, Default)]
struct Tally {
    delivered: usize,
    failed: usize,
    unknown: usize,
}

fn check(queue: &Queue, mails: &[(Option<String>, Mail)], records: &[Record]) -> Tally {
    let came = deliveries(records);
    let mut tally = Tally::default();
    for (id, mail) in mails {
        let reported = id.as_ref().map(|id| queue.report(id)).unwrap_or_default();
        for to in &mail.to {
            let times = came.get(&(mail.number, to.clone())).copied().unwrap_or(0);
            let said = reported.get(to).map(String::as_str);
            let what =
                format!("message {} ({id:?}) for {to}: came {times} times, {said:?}", mail.number);
            assert!(times <= 1, "{what}");
            match said.and_then(|said| said.split_once(['\t', ' '])) {
                _ if id.is_none() => {}
                Some(("unknown", _)) => tally.unknown += 1,
                Some(("failed", why)) => {
                    assert!(times == 0 && why.starts_with('5'), "{what}");
                    tally.failed += 1;
                }
                _ => {
                    assert!(times == 1 && said.is_none(), "{what}");
                    tally.delivered += 1;
                }
            }
        }
    }
    tally
}

/// How often each message came to each recipient. What was taken without an answer came as well.
fn deliveries(records: &[Record]) -> BTreeMap<(usize, String), usize> {
    let mut came = BTreeMap::new();
    for message in records.iter().flat_map(Record::messages) {
        if !message.reply.is_empty() && !message.is_accepted() {
            continue;
        }
        let text = String::from_utf8_lossy(&message.content);
        let number = text.strip_prefix("X-Number: ").and_then(|rest| rest.split("\r\n").next());
        let number: usize = number.and_then(|number| number.parse().ok()).expect("a number");
        assert!(message.content == Mail::content(number).replace('\n', "\r\n").as_bytes());
        for to in message.addresses() {
            *came.entry((number, to.to_owned())).or_default() += 1;
        }
    }
    came
}

/// Every connection has a fault of its own, or none.
fn unruly(rng: &mut Rng) -> Server {
    let mut builder = Server::builder();
    for _ in 0..20 * CRASHES {
        let when = rng.range(1, 3);
        let engine = Engine::new().refuse("gone@b.example", GONE);
        let engine = match rng.below(16) {
            0 => engine.at("END-OF-DATA", when, Script::new().reset()),
            1 => engine.at("END-OF-DATA", when, Script::new().cut()),
            2 => engine.answer("END-OF-DATA", when, "451 4.3.0 later"),
            3 => engine.answer("END-OF-DATA", when, "554 5.6.0 not this"),
            4 => engine.answer("MAIL", when, "421 4.3.2 closing"),
            5 => engine.answer("MAIL", when, "452 4.3.1 full"),
            6 => engine.answer("RCPT", when, "421 4.3.2 closing"),
            7 => engine.at("RCPT", when, Script::new().cut()),
            8 => engine.answer("RCPT", when, "550-5.1.1 no\n550 5.1.1 to eve@c.example"),
            9 | 10 => engine.answer("RCPT", when, "450 4.2.1 greylisted"),
            11 => engine.pace(40, Duration::from_micros(300)),
            _ => engine,
        };
        let engine = match rng.below(4) {
            0 => engine.without("CHUNKING"),
            1 => engine.without("CHUNKING").without("PIPELINING"),
            _ => engine,
        };
        builder = builder.script(Script::new().reply("220 b.example ESMTP").serve(engine));
    }
    builder.engine(Engine::new().refuse("gone@b.example", GONE)).start()
}

struct Mail {
    number: usize,
    to: Vec<String>,
}

impl Mail {
    fn new(number: usize, rng: &mut Rng) -> Mail {
        let mut to: Vec<String> =
            (0..rng.range(1, 3)).map(|one| format!("r{number}-{one}@b.example")).collect();
        if rng.percent(25) {
            to.insert(rng.below(to.len()), "gone@b.example".to_owned());
        }
        Mail { number, to }
    }

    /// Some are larger than what is read of a message before its envelope is sent.
    fn content(number: usize) -> String {
        let lines = if number % 5 == 0 { 3000 } else { 3 };
        format!("X-Number: {number}\n\n")
            + &"A line of a message, and a rather dull one.\n".repeat(lines)
    }
}

/// A directory of messages.
struct Queue(TempDir);

impl Queue {
    fn new() -> Queue {
        Queue(TempDir::new("queue"))
    }

    fn add(&self, mail: &Mail) -> Program {
        let mut program = Program::new("add", self.0.path());
        program.command.arg("me@a.example").args(&mail.to);
        program.input(&Mail::content(mail.number))
    }

    fn run_at(&self, port: u16) -> Program {
        let mut program = Program::new("run", self.0.path());
        program.command.env("SMTP_URL", format!("smtp://127.0.0.1:{port}"));
        program
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.0.path()).expect("the directory");
        let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("UTF-8");
        entries.map(|entry| name(entry.expect("an entry"))).collect()
    }

    fn ids(&self, state: &str) -> Vec<String> {
        let id = |name: String| Some(name.strip_suffix(state)?.strip_suffix('.')?.to_owned());
        self.files().into_iter().filter_map(id).collect()
    }

    fn text(&self, id: &str, state: &str) -> String {
        fs::read_to_string(self.0.join(&format!("{id}.{state}"))).expect("a file")
    }

    /// What is said of each recipient of a message that is over: the word, a space, and why.
    fn report(&self, id: &str) -> BTreeMap<String, String> {
        let found = ["unknown", "failed"]
            .into_iter()
            .filter(|state| self.ids(state).contains(&id.to_owned()));
        let found: Vec<&str> = found.collect();
        assert!(found.len() <= 1, "{id} is {found:?}");
        let Some(state) = found.first() else { return BTreeMap::new() };
        let text = self.text(id, state);
        let (envelope, _) = text.split_once("\n\n").expect("an envelope");
        let lines = envelope.lines().filter(|line| !line.starts_with("from "));
        lines
            .map(|line| {
                let (word, rest) = line.split_once(' ').expect("a word");
                let (address, why) = rest.split_once('\t').unwrap_or((rest, ""));
                (address.to_owned(), format!("{word} {why}"))
            })
            .collect()
    }

    /// Two days pass for what is being written.
    fn age(&self) {
        for name in self.files().iter().filter(|name| name.starts_with("tmp.")) {
            let file = File::options().append(true).open(self.0.join(name)).expect("a file");
            let then = SystemTime::now() - Duration::from_secs(2 * 24 * 60 * 60);
            file.set_modified(then).expect("a time");
        }
    }
}

/// One call of the program; what it prints goes to files, so that nobody need read it meanwhile.
struct Program {
    command: Command,
    home: TempDir,
}

struct Ended {
    /// None if it was killed.
    status: Option<ExitStatus>,
    /// How often it stood before a system call or behind one.
    stops: usize,
    printed: String,
    said: String,
}

impl Program {
    fn new(what: &str, directory: &Path) -> Program {
        let home = TempDir::new("queue-run");
        let mut command = Command::new(program());
        command.arg(what).arg(directory).env_remove("SMTP_URL");
        Program { command, home }.input("")
    }

    fn input(mut self, text: &str) -> Program {
        let path = self.home.write("input", text);
        self.command.stdin(File::open(path).expect("a file"));
        self
    }

    fn spawn(&mut self) -> std::process::Child {
        let output = |name| File::create(self.home.join(name)).expect("a file");
        self.command.stdout(output("printed")).stderr(output("said"));
        self.command.spawn().expect("the program")
    }

    fn ended(&self, status: Option<ExitStatus>, stops: usize) -> Ended {
        let text = |name| fs::read_to_string(self.home.join(name)).expect("UTF-8");
        Ended { status, stops, printed: text("printed"), said: text("said") }
    }

    fn finish(mut self) -> Ended {
        let status = self.spawn().wait().expect("its end");
        self.ended(Some(status), 0)
    }

    /// Runs it to its end, or until it has stood that often at a system call: there it is killed.
    fn killed_at(mut self, stop: usize) -> Ended {
        // SAFETY: between fork and exec the child makes one system call, which touches no memory.
        unsafe { self.command.pre_exec(|| ptrace(libc::PTRACE_TRACEME as _, 0, 0)) };
        let pid = self.spawn().id() as libc::pid_t;
        for stops in 0.. {
            let status = wait_for(pid);
            if status.code().is_some() {
                return self.ended(Some(status), stops);
            }
            assert_eq!(status.signal(), None, "it crashed by itself");
            if stops == 0 {
                // Should this program end first, so shall that one.
                let options = libc::PTRACE_O_EXITKILL | libc::PTRACE_O_TRACESYSGOOD;
                ptrace(libc::PTRACE_SETOPTIONS as _, pid, options as _).expect("options");
            }
            if stops == stop {
                // SAFETY: the call touches no memory, and the process is this one's child.
                unsafe { libc::kill(pid, libc::SIGKILL) };
                while wait_for(pid).signal() != Some(libc::SIGKILL) {}
                return self.ended(None, stops);
            }
            let signal = match status.stopped_signal().expect("a stop") & 0x7f {
                libc::SIGTRAP => 0,
                other => other,
            };
            ptrace(libc::PTRACE_SYSCALL as _, pid, signal as _).expect("it goes on");
        }
        unreachable!()
    }
}

impl Ended {
    fn code(&self) -> i32 {
        self.status.and_then(|status| status.code()).expect("an exit status")
    }

    /// The ID that `add` printed.
    fn acknowledged(&self) -> Option<String> {
        self.printed.strip_suffix('\n').map(str::to_owned)
    }
}

fn ptrace(request: libc::c_int, pid: libc::pid_t, data: usize) -> std::io::Result<()> {
    let none = std::ptr::null_mut::<libc::c_void>();
    // SAFETY: none of these requests reads or writes memory of this process.
    match unsafe { libc::ptrace(request as _, pid, none, data) } {
        -1 => Err(std::io::Error::last_os_error()),
        _ => Ok(()),
    }
}

fn wait_for(pid: libc::pid_t) -> ExitStatus {
    let mut status = 0;
    // SAFETY: the status is this function's own.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!(waited, pid, "{}", std::io::Error::last_os_error());
    ExitStatus::from_raw(status)
}

/// The example, built by its own Makefile against the installed tree.
fn program() -> &'static PathBuf {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let directory = tree::scratch("examples-queue");
        // Relative where it can be: make knows no targets with a space in their names.
        let build = match directory.strip_prefix(env!("CARGO_MANIFEST_DIR")) {
            Ok(below) => Path::new("..").join(below),
            Err(_) => directory.clone(),
        };
        let path = tree::installed().join("lib/pkgconfig");
        tree::run(
            tree::make(&format!("{}/queue", build.display()))
                .args(["-B", "-C", "examples-c"])
                .arg(format!("PKG_CONFIG_PATH={}", path.display()))
                .arg(format!("BUILD={}", build.display())),
        );
        directory.join("queue")
    })
}

/// Without TLS, which these tests have no use for.
fn serve(engine: Engine) -> Server {
    Server::builder().engine(engine).start()
}

fn mail(number: usize, to: &[&str]) -> Mail {
    Mail { number, to: to.iter().map(|one| (*one).to_owned()).collect() }
}

/// One message, three recipients, three fates, over two runs.
#[test]
fn each_recipient_has_a_fate_of_his_own() {
    let queue = Queue::new();
    let added = queue.add(&mail(1, &["al@b.example", "bo@b.example", "gone@b.example"])).finish();
    let id = added.acknowledged().expect("an ID");
    assert_eq!((added.code(), queue.files()), (0, vec![format!("{id}.mail")]));

    let busy = Engine::new().refuse("bo@b.example", "450 4.2.1 not now");
    let busy = serve(busy.refuse("gone@b.example", "550-5.1.1 gone\n550 5.1.1 to eve@c.example"));
    let first = queue.run_at(busy.port()).finish();
    assert_eq!(first.code(), 75, "{}", first.said);
    let text = queue.text(&id, "mail");
    let lines: Vec<&str> = text.lines().take(4).collect();
    let failed = "failed gone@b.example\t550 5.1.1 gone 5.1.1 to eve@c.example";
    let waits = "to bo@b.example\t450 4.2.1 not now";
    assert_eq!(lines, ["from me@a.example", waits, failed, ""], "{text}");
    for line in &lines[1..3] {
        assert!(first.said.contains(&format!("queue: {id}: {line}\n")), "{}", first.said);
    }

    let calm = serve(Engine::new());
    let second = queue.run_at(calm.port()).finish();
    assert_eq!((second.code(), &*second.said), (0, ""));
    assert_eq!(queue.files(), [format!("{id}.failed")]);
    assert!(queue.report(&id)["gone@b.example"].starts_with("failed 550 "));
    let third = queue.run_at(closed_port()).finish();
    assert_eq!((third.code(), &*third.said), (0, ""), "nothing waits");
    let records = [busy.finish(), calm.finish()];
    let came: Vec<_> = deliveries(&records).into_iter().collect();
    let once = |to: &str| ((1, to.to_owned()), 1);
    assert_eq!(came, [once("al@b.example"), once("bo@b.example")]);
}

#[test]
fn what_nobody_knows_is_told_and_not_sent_again() {
    let queue = Queue::new();
    let id = queue.add(&mail(1, &["al@b.example"])).finish().acknowledged().expect("an ID");
    let cut = Engine::new().at("END-OF-DATA", 1, Script::new().cut());
    let server = serve(cut);
    let first = queue.run_at(server.port()).finish();
    assert!(first.said.contains(&format!("queue: {id}: unknown al@b.example\t")), "{}", first.said);
    assert_eq!((first.code(), queue.files()), (0, vec![format!("{id}.unknown")]));
    assert_eq!(queue.run_at(server.port()).finish().code(), 0);
    assert_eq!(server.finish().messages().len(), 1);
}

/// What is nobody's fault waits for somebody to look; meanwhile the others go.
#[test]
fn what_is_not_the_mails_fault_waits() {
    let queue = Queue::new();
    queue.add(&mail(1, &["al@b.example", "bo@b.example"])).finish();
    queue.add(&mail(2, &["al@b.example"])).finish();
    let wants = serve(Engine::new().refuse("bo@b.example", "530 5.7.0 log in first"));
    let first = queue.run_at(wants.port()).finish();
    assert_eq!((first.code(), queue.files().len()), (78, 1), "{}", first.said);
    let locked = serve(Engine::new().answer("MAIL", 0, "530 5.7.0 log in first"));
    assert_eq!(queue.run_at(locked.port()).finish().code(), 78);
    let sender = serve(Engine::new().answer("MAIL", 0, "550 5.1.8 not from you"));
    assert_eq!(queue.run_at(sender.port()).finish().code(), 0);
    let [file] = &queue.files()[..] else { panic!("{:?}", queue.files()) };
    let id = file.strip_suffix(".failed").expect("a report");
    assert!(queue.report(id)["bo@b.example"].contains("550 5.1.8 not from you"));
    let records = [wants.finish(), locked.finish(), sender.finish()];
    assert_eq!(deliveries(&records).len(), 2);
}

/// Two files with one ID are what a crash may leave: the one with the later state is what counts.
#[test]
fn of_two_files_the_later_counts() {
    let server = serve(Engine::new());
    for (later, earlier) in [
        ("failed", "mail"),
        ("failed", "sending"),
        ("unknown", "mail"),
        ("unknown", "sending"),
        ("mail", "sending"),
    ] {
        let queue = Queue::new();
        let id = queue.add(&mail(1, &["al@b.example"])).finish().acknowledged().expect("an ID");
        let file = |state: &str| queue.0.join(&format!("{id}.{state}"));
        let letter = fs::read(file("mail")).expect("a letter");
        fs::remove_file(file("mail")).expect("a file");
        fs::write(file(later), &letter).expect("a file");
        fs::write(file(earlier), "from me@a.example\nto old@b.example\n\n").expect("a file");
        assert_eq!(queue.run_at(server.port()).finish().code(), 0);
        let left = if later == "mail" { vec![] } else { vec![format!("{id}.{later}")] };
        assert_eq!(queue.files(), left, "{later}, {earlier}");
        assert!(left.is_empty() || fs::read(file(later)).expect("a file") == letter);
    }
    assert_eq!(server.finish().messages().len(), 1);
}

/// The second finds the directory locked while the first has a message with the server.
#[test]
fn two_runs_send_a_message_once() {
    let queue = Queue::new();
    let id = queue.add(&mail(1, &["al@b.example"])).finish().acknowledged().expect("an ID");
    let (came, arrival) = mpsc::channel();
    let (go, leave) = mpsc::channel();
    let leave = Mutex::new(leave);
    let server = serve(Engine::new().on_message(move |_| {
        came.send(()).expect("the test waits");
        let _ = leave.lock().expect("one message").recv_timeout(Duration::from_secs(30));
    }));
    let mut first = queue.run_at(server.port());
    let mut running = first.spawn();
    arrival.recv_timeout(Duration::from_secs(30)).expect("a message");
    let second = queue.run_at(server.port()).finish();
    assert_eq!((second.code(), &*second.said), (75, "queue: another run is at work\n"));
    assert_eq!(queue.files(), [format!("{id}.sending")]);
    go.send(()).expect("the server waits");
    assert_eq!(running.wait().expect("its end").code(), Some(0));
    assert_eq!(queue.files(), Vec::<String>::new());
    assert_eq!(server.finish().messages().len(), 1);
}

/// Whoever is refused for now is so for five days.
#[test]
fn it_gives_up_in_the_end() {
    let queue = Queue::new();
    let id = queue.add(&mail(1, &["al@b.example"])).finish().acknowledged().expect("an ID");
    let old = "1500000000.000000000.1";
    fs::rename(queue.0.join(&format!("{id}.mail")), queue.0.join(&format!("{old}.mail")))
        .expect("a file");
    let server = serve(Engine::new().refuse("al@b.example", "450 4.2.1 not now"));
    assert_eq!(queue.run_at(server.port()).finish().code(), 0);
    assert_eq!(queue.report(old)["al@b.example"], "failed 450 4.2.1 not now");
}

/// A full disk is one more crash: `add` leaves nothing, and `run` what it knows.
#[test]
fn a_disk_that_is_full_loses_nothing() {
    let queue = Queue::new();
    let full = |mut program: Program| {
        // SAFETY: between fork and exec there are system calls only.
        unsafe {
            program.command.pre_exec(|| {
                let limit = libc::rlimit { rlim_cur: 64, rlim_max: 64 };
                libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
                match libc::setrlimit(libc::RLIMIT_FSIZE, &raw const limit) {
                    0 => Ok(()),
                    _ => Err(std::io::Error::last_os_error()),
                }
            })
        };
        program.finish()
    };
    let letter = mail(1, &["al@b.example", "bo@b.example"]);
    let added = full(queue.add(&letter));
    assert_eq!((added.code(), &*added.printed, queue.files()), (74, "", vec![]));

    let id = queue.add(&letter).finish().acknowledged().expect("an ID");
    let server = serve(Engine::new().refuse("bo@b.example", GONE));
    assert_eq!(full(queue.run_at(server.port())).code(), 74);
    assert_eq!(queue.files(), [format!("{id}.sending")]);
    assert_eq!(queue.run_at(server.port()).finish().code(), 0);
    let unknown = "unknown a run was killed while it sent";
    let report = queue.report(&id);
    assert_eq!((&*report["al@b.example"], &*report["bo@b.example"]), (unknown, unknown));
    assert_eq!(server.finish().messages().len(), 1);
}

/// What a run does to the disk, in which order, so that a machine that stops loses nothing either;
/// and any of it may fail.
#[test]
fn what_counts_is_safe_on_the_disk_and_may_fail_there() {
    let to = ["al@b.example", "bo@b.example"];
    let busy = || serve(Engine::new().refuse("bo@b.example", "450 4.2.1 not now"));
    let queue = Queue::new();
    let (added, steps) = watched(queue.add(&mail(1, &to)), 0);
    let id = added.acknowledged().expect("an ID");
    let named = |state: &str| format!("rename {id}.{state}");
    assert_eq!(steps, ["fsync file", &named("mail"), "fsync directory"]);
    let (ran, steps) = watched(queue.run_at(busy().port()), 0);
    let expected = [
        &named("sending"),
        "fsync directory",
        "fsync file",
        &named("mail"),
        "fsync directory",
        &format!("unlink {id}.sending"),
        "fsync directory",
    ];
    assert_eq!((ran.code(), &steps[..]), (75, &expected.map(str::to_owned)[..]));

    for at in 1..=3 {
        let queue = Queue::new();
        let added = watched(queue.add(&mail(1, &to)), at).0;
        assert_eq!((added.code(), &*added.printed), (74, ""), "step {at}");
        assert_eq!(queue.files().len(), usize::from(at == 3), "{:?}", queue.files());
    }
    for at in 1..=expected.len() {
        let servers = [busy(), serve(Engine::new())];
        let queue = Queue::new();
        let id = queue.add(&mail(1, &to)).finish().acknowledged();
        assert_eq!(watched(queue.run_at(servers[0].port()), at).0.code(), 74, "step {at}");
        assert_eq!(queue.run_at(servers[1].port()).finish().code(), 0, "step {at}");
        let records = servers.map(Server::finish_unchecked);
        let tally = check(&queue, &[(id, mail(1, &to))], &records);
        // From the mark to the outcome nobody knows.
        assert_eq!(tally.unknown, if (2..=4).contains(&at) { 2 } else { 0 }, "step {at}");
    }
}

/// Runs a program, whose call of that number fails if it is one of those that change the disk; and
/// all that it made of them.
fn watched(mut program: Program, at: usize) -> (Ended, Vec<String>) {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    let library = BUILT.get_or_init(|| {
        let source = tree::scratch("queue-disk.c");
        let library = tree::scratch("queue-disk.so");
        fs::write(&source, DISK).expect("a source file");
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(source).arg("-ldl");
        tree::run(&mut compiler);
        library
    });
    let log = program.home.join("log");
    let environment = [("LD_PRELOAD", library.as_os_str()), ("DISK_LOG", log.as_ref())];
    program.command.envs(environment).env("DISK_FAILS_AT", at.to_string());
    let status = program.spawn().wait().expect("its end");
    let steps = fs::read_to_string(&log).unwrap_or_default();
    (program.ended(Some(status), 0), steps.lines().map(str::to_owned).collect())
}

const DISK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static int fails(const char *what, const char *name) {
    static int calls;
    FILE *log = fopen(getenv("DISK_LOG"), "a");
    fprintf(log, "%s %s\n", what, name);
    fclose(log);
    errno = EIO;
    return ++calls == atoi(getenv("DISK_FAILS_AT"));
}

int rename(const char *from, const char *to) {
    int (*real)(const char *, const char *) = dlsym(RTLD_NEXT, "rename");
    return fails("rename", to) ? -1 : real(from, to);
}

int unlink(const char *name) {
    int (*real)(const char *) = dlsym(RTLD_NEXT, "unlink");
    return fails("unlink", name) ? -1 : real(name);
}

int fsync(int fd) {
    int (*real)(int) = dlsym(RTLD_NEXT, "fsync");
    struct stat facts;
    fstat(fd, &facts);
    return fails("fsync", S_ISDIR(facts.st_mode) ? "directory" : "file") ? -1 : real(fd);
}
"#;

#[test]
fn what_cannot_be_is_said() {
    let queue = Queue::new();
    let usage = |arguments: &[&str]| {
        let mut program = Program::new("help", queue.0.path());
        program.command = Command::new(self::program());
        program.command.args(arguments).env_remove("SMTP_URL");
        program.finish()
    };
    let directory = queue.0.path().to_str().expect("UTF-8");
    for arguments in
        [&[][..], &["run", directory], &["add", directory, "me@a.example"], &["x", directory]]
    {
        let ended = usage(arguments);
        assert_eq!(ended.code(), 64, "{arguments:?}");
        assert!(ended.said.starts_with("usage: queue add "), "{}", ended.said);
    }
    for address in
        ["al@b.example\nto eve@c.example", "al@b.example\teve", "a l@b.example> <eve@c.example"]
    {
        let ended = queue.add(&mail(1, &[address])).finish();
        assert_eq!((ended.code(), queue.files()), (64, vec![]), "{address:?}");
    }
    // Files of others are left alone, even where they have the name of a letter.
    for (file, text) in [
        ("a.mail", ""),
        ("b.mail", "from me@a.example\nto al@b.example"),
        ("c.mail", "x\n\n"),
        ("d.sending", "\n"),
    ] {
        queue.0.write(file, text);
    }
    let server = serve(Engine::new());
    let ended = queue.run_at(server.port()).finish();
    assert_eq!((ended.code(), queue.files().len()), (78, 4), "{}", ended.said);
    for file in ["a.mail", "b.mail", "c.mail"] {
        fs::remove_file(queue.0.join(file)).expect("a file");
    }
    assert!(server.finish().messages().is_empty());

    queue.add(&mail(1, &["al@b.example"])).finish();
    let ended = queue.run_at(closed_port()).finish();
    assert!(ended.code() == 75 && ended.said.contains("127.0.0.1"), "{}", ended.said);
    let mut wrong = queue.run_at(1);
    wrong.command.env("SMTP_URL", "gopher://b.example");
    let ended = wrong.finish();
    assert!(ended.code() == 78 && ended.said.contains("gopher"), "{}", ended.said);
    assert_eq!(queue.ids("mail").len(), 1);
}
