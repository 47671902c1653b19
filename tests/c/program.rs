//! One C test program: its servers, its build, its runs.

use std::io::Read;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::calls;
use crate::support::certs::{client_identity, rsa_client_identity};
use crate::support::options::{self, Options};
use crate::support::{Server, TempDir, authority};
use crate::tree;

/// How a program is run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Run {
    Native,
    Valgrind,
}

/// A compiled test program.
pub struct Program {
    source: PathBuf,
    binary: PathBuf,
}

static BUILT: AtomicUsize = AtomicUsize::new(0);

/// How long a program may take beyond what it is told, whatever it does.
const LIMIT: Duration = Duration::from_secs(900);

/// How long a program is told to go on.
fn asked_for() -> Duration {
    let seconds = std::env::var("SMTPCLIENT_SECONDS").ok();
    Duration::from_secs(seconds.map_or(0, |seconds| seconds.parse().expect("SMTPCLIENT_SECONDS")))
}

impl Program {
    /// Compiles `tests/c/NAME` with the flags that pkg-config gives: as strict C99, or as C++17.
    pub fn build(name: &str) -> Program {
        Program::build_with(name, &[])
    }

    pub fn build_with(name: &str, more: &[&str]) -> Program {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c").join(name);
        let plus = name.ends_with(".cpp");
        let linked = !more.contains(&"-DNOT_LINKED");
        // Some are built by several tests, of which one may run it while another writes.
        let number = BUILT.fetch_add(1, Ordering::Relaxed);
        let binary = tree::scratch(&format!("c-{}-{number}", name.replace('.', "-")));
        if let Some(sanitizer) = Sanitizer::asked_for() {
            sanitizer.build(&source, &binary);
            return Program { source, binary };
        }
        let mut command = Command::new(if plus { "g++" } else { "gcc" });
        command.arg(if plus { "-std=c++17" } else { "-std=c99" });
        command.args(["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-g", "-O1", "-pthread"]);
        command.args(more.iter().filter(|flag| !flag.starts_with("-l")));
        command.arg("-I").arg(calls::directory());
        command.args(tree::pkg_config(&["--cflags", "smtpclient"]));
        command.arg("-o").arg(&binary).arg(&source);
        if linked {
            command.args(tree::pkg_config(&["--libs", "smtpclient"]));
        }
        command.args(more.iter().filter(|flag| flag.starts_with("-l")));
        command.arg(format!("-Wl,-rpath,{}", tree::installed().join("lib").display()));
        tree::run(&mut command);
        Program { source, binary }
    }

    /// The file names of all programs in `tests/c`.
    pub fn names() -> Vec<String> {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c");
        let files = std::fs::read_dir(directory).expect("tests/c").flatten();
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        names.filter(|name| name.ends_with(".c") || name.ends_with(".cpp")).collect()
    }

    /// Runs the program with its servers; it must end with status 0, and every server must be
    /// content.
    pub fn run(&self, how: Run) {
        if how == Run::Valgrind && Sanitizer::asked_for().is_some() {
            return;
        }
        let status = self.status(how);
        assert!(status.success(), "{}: {status}", self.name());
    }

    /// Runs the program to its end by that signal.
    pub fn run_into_signal(&self, signal: i32) {
        let status = self.status(Run::Native);
        assert_eq!(status.signal(), Some(signal), "{}: {status}", self.name());
    }

    /// The names that the program has from its libraries.
    pub fn undefined_symbols(&self) -> Vec<String> {
        let symbols = tree::run(Command::new("nm").args(["-D", "-u"]).arg(&self.binary));
        let names = symbols.split_whitespace().map(|word| word.split('@').next().unwrap_or(word));
        names.map(str::to_owned).collect()
    }

    fn name(&self) -> String {
        self.source.file_name().expect("a file name").to_string_lossy().into_owned()
    }

    fn status(&self, how: Run) -> ExitStatus {
        let servers = self.servers();
        let mut command = match (how, Sanitizer::asked_for()) {
            (_, Some(sanitizer)) => sanitizer.command(&self.binary),
            (Run::Native, None) => Command::new(&self.binary),
            (Run::Valgrind, None) => valgrind(&self.binary),
        };
        command.env("SMTP_TEST_FILES", files().path());
        command.env("SMTP_TEST_LIBRARY", tree::installed().join("lib").join(tree::SONAME));
        for server in &servers {
            command.env(format!("SMTP_TEST_{}", server.name), server.server.address());
            command.env(format!("SMTP_TEST_{}_SPOOL", server.name), server.spool.path());
        }
        let (status, said) = run_within(&mut command, LIMIT + asked_for());
        // What a program that went well has to say is seen with --nocapture.
        println!("{}: {status}\n{said}", self.name());
        for server in servers {
            server.finish(status.success());
        }
        status
    }

    /// The servers that the `SERVER` comments of the source ask for.
    fn servers(&self) -> Vec<TestServer> {
        let text = std::fs::read_to_string(&self.source).expect("the C source");
        let comments = text.lines().filter_map(|line| line.trim().strip_prefix("/* SERVER "));
        comments.filter_map(|line| line.strip_suffix("*/")).map(TestServer::start).collect()
    }
}

/// The sanitizer that `scripts/soak` wants programs to be built with, in place of valgrind.
struct Sanitizer {
    name: String,
    /// The library, instrumented.
    archive: PathBuf,
    /// The sanitizer's own code, which must be that of the compiler that made the archive.
    runtime: PathBuf,
}

impl Sanitizer {
    fn asked_for() -> Option<Sanitizer> {
        let name = std::env::var("SMTPCLIENT_SANITIZER").ok()?;
        let path = |name| PathBuf::from(std::env::var_os(name).expect(name));
        let (archive, runtime) = (path("SMTPCLIENT_ARCHIVE"), path("SMTPCLIENT_RUNTIME"));
        Some(Sanitizer { name, archive, runtime })
    }

    /// In two steps, because clang would link a runtime of its own.
    fn build(&self, source: &Path, binary: &Path) {
        let object = binary.with_extension("o");
        let mut compiler = Command::new("clang");
        compiler.args(["-std=c99", "-g", "-O1", "-pthread", "-fno-omit-frame-pointer", "-c"]);
        compiler.arg(format!("-fsanitize={}", self.name)).arg("-I").arg(calls::directory());
        compiler.arg("-I").arg(tree::installed().join("include"));
        tree::run(compiler.arg("-o").arg(&object).arg(source));
        let mut linker = Command::new("clang");
        linker.arg("-o").arg(binary).arg(object).arg(&self.archive);
        linker.arg("-Wl,--whole-archive").arg(&self.runtime).arg("-Wl,--no-whole-archive");
        linker.args(["-lssl", "-lcrypto", "-lpthread", "-lrt", "-lm", "-ldl", "-lutil", "-lgcc_s"]);
        // The runtime finds what it replaces by name.
        tree::run(linker.arg("-rdynamic"));
    }

    fn command(&self, binary: &Path) -> Command {
        let mut command = Command::new(binary);
        let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
        // A program's standard error may lead elsewhere.
        command.env(
            "ASAN_OPTIONS",
            "abort_on_error=1:log_path=stdout:detect_stack_use_after_return=1",
        );
        let suppressions = tests.join("tsan.supp");
        let options = "halt_on_error=1:log_path=stdout:second_deadlock_stack=1";
        command.env("TSAN_OPTIONS", format!("{options}:suppressions={}", suppressions.display()));
        command.env("SMTP_TEST_SLOW", "1");
        command
    }
}

/// The directory of a shared library built with the feature `test-panic`.
pub fn panicking_library() -> PathBuf {
    let target = tree::scratch("panicking");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["rustc", "--quiet", "--locked", "--lib", "--crate-type", "cdylib"]);
    cargo.args(["--features", "test-panic", "--target-dir"]).arg(&target);
    tree::run(cargo.current_dir(env!("CARGO_MANIFEST_DIR")));
    let directory = target.join("debug");
    let soname = directory.join(tree::SONAME);
    if !soname.exists() {
        std::os::unix::fs::symlink("libsmtpclient.so", soname).expect("a link");
    }
    directory
}

struct TestServer {
    name: String,
    server: Server,
    spool: TempDir,
    /// A server that misbehaves cannot expect perfect clients.
    strict: bool,
}

impl TestServer {
    fn start(line: &str) -> TestServer {
        let mut words = split(line).into_iter();
        let name = words.next().expect("a server's name");
        let transport = words.next().expect("a server's transport");
        let words: Vec<String> = words.collect();
        let strict = !words.iter().any(|word| word == "--mode");
        let mut options = options::parse(words.into_iter()).expect("a server's options");
        let spool = TempDir::new("spool");
        options.spool_to(spool.path());
        let server = listen(&transport, &options);
        TestServer { name, server, spool, strict }
    }

    /// Asks whether the clients kept the rules. (Of the record of a failed run nothing is asked.)
    fn finish(self, asked: bool) {
        match asked && self.strict {
            true => drop(self.server.finish()),
            false => drop(self.server.finish_unchecked()),
        }
    }
}

fn listen(transport: &str, options: &Options) -> Server {
    let builder = Server::builder().settle(options.delay).deadline(LIMIT);
    let engine = options.engine.clone();
    match transport {
        "plain" => builder.tls(options.tls()).engine(engine),
        "tls" => builder.implicit_tls(options.tls()).engine(engine),
        "unix" => builder.unix().tls(options.tls()).engine(engine),
        "lmtp" => builder.tls(options.tls()).engine(engine.into_lmtp()),
        "lmtp-unix" => builder.unix().engine(engine.into_lmtp()),
        // Nothing but the small buffers differs: what the client sends is soon not read any more.
        "narrow" => builder.small_buffers().engine(engine),
        other => panic!("no transport {other:?}"),
    }
    .start()
}

/// Words at spaces, save within double quotes.
fn split(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for character in line.trim().chars() {
        match character {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().expect("a word").push(other),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// The files that C tests find by `file()`.
fn files() -> &'static TempDir {
    static FILES: OnceLock<TempDir> = OnceLock::new();
    FILES.get_or_init(|| {
        // A static is never dropped, so the directories of processes that have ended go now.
        let home = tree::scratch("c-files");
        for old in std::fs::read_dir(&home).into_iter().flatten().flatten() {
            if !Path::new("/proc").join(old.file_name()).exists() {
                let _ = std::fs::remove_dir_all(old.path());
            }
        }
        let files = TempDir::at(home.join(std::process::id().to_string()));
        let ec = client_identity();
        let rsa = rsa_client_identity();
        files.write("ca.pem", &authority().pem);
        files.write("client.pem", &ec.certificate_pem);
        files.write("client.key", &ec.key_pkcs8);
        files.write("client-sec1.key", &ec.key_traditional);
        files.write("client-encrypted.key", &ec.key_encrypted);
        files.write("client-both.pem", format!("{}{}", ec.certificate_pem, ec.key_pkcs8));
        files.write("client.p12", &ec.pkcs12);
        files.write("rsa.pem", &rsa.certificate_pem);
        files.write("rsa.key", &rsa.key_pkcs8);
        files.write("rsa-pkcs1.key", &rsa.key_traditional);
        files
    })
}

/// The program under valgrind, whose status 99 means that it found something.
fn valgrind(binary: &Path) -> Command {
    let found = Command::new("valgrind").arg("--version").output().is_ok();
    assert!(found, "valgrind is missing: apt-get install --no-install-recommends valgrind");
    let mut command = Command::new("valgrind");
    let suppressions = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/valgrind.supp");
    command.arg(format!("--suppressions={}", suppressions.display()));
    command.args([
        "-q",
        "--leak-check=full",
        "--show-leak-kinds=all",
        "--errors-for-leak-kinds=definite,indirect,possible",
        "--error-exitcode=99",
        // The tests open thousands of descriptors and make many threads.
        "--max-threads=200",
        // Else threads that never wait can keep one that does from ever running.
        "--fair-sched=yes",
    ]);
    command.arg(binary).env("SMTP_TEST_SLOW", "1");
    command
}

/// Runs a command to its end, or kills it at the limit; its status and what it said.
pub fn run_within(command: &mut Command, limit: Duration) -> (ExitStatus, String) {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let streams: [Box<dyn Read + Send>; 2] = [
        Box::new(child.stdout.take().expect("piped")),
        Box::new(child.stderr.take().expect("piped")),
    ];
    let readers: Vec<_> = streams
        .into_iter()
        .map(|mut stream| {
            std::thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = stream.read_to_end(&mut bytes);
                String::from_utf8_lossy(&bytes).into_owned()
            })
        })
        .collect();
    let until = Instant::now() + limit;
    let mut late = false;
    let status = loop {
        if let Some(status) = child.try_wait().expect("the child's status") {
            break status;
        }
        if Instant::now() > until && !late {
            late = true;
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    let mut said: String = readers.into_iter().map(|one| one.join().unwrap_or_default()).collect();
    if late {
        said.push_str("\nkilled: it did not end by itself");
    }
    (status, said)
}
