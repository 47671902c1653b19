//! Cost is linear in recipients, transactions and reply bytes: four times as many take about four
//! times the instructions, counted by callgrind, whatever else the machine does. And the text of a
//! reply is kept once, however many recipients it decides.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

mod tree;

/// What four times the amount may cost. A quadratic part shows long before it is all there is.
const MOST: f64 = 5.0;

/// As much text as one reply may have: 64 KiB in 64 lines.
const LONG_LINES: usize = 64;

/// What a connection is about, from the name in EHLO: `CASE.N`.
struct Case {
    name: String,
    count: usize,
}

impl Case {
    fn of(hello: &str) -> Case {
        let (name, count) = hello.split_once('.').unwrap_or((hello, "1"));
        Case { name: name.to_owned(), count: count.trim().parse().unwrap_or(1) }
    }

    fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.name.as_str())
    }

    fn hello(&self) -> String {
        let mut lines = vec!["complexity.example".to_owned(), "PIPELINING".to_owned()];
        if !self.is(&["stream-haraka"]) {
            lines.push("CHUNKING".to_owned());
        }
        match self.name.as_str() {
            "domains" => lines.push("LIMITS RCPTDOMAINMAX=1".to_owned()),
            "rcptmax" => lines.push("LIMITS RCPTMAX=1".to_owned()),
            "keywords" => lines.extend((0..self.count).map(|number| format!("KEY{number} value"))),
            "auth" => {
                let names: Vec<_> = (0..self.count).map(|number| format!("M{number}")).collect();
                lines.extend(names.chunks(1000).map(|names| format!("AUTH {}", names.join(" "))));
                lines.push("AUTH PLAIN".to_owned());
            }
            _ => {}
        }
        reply("250", &lines)
    }

    fn to_recipient(&self) -> String {
        match self.name.as_str() {
            "refused" | "refused-list" => "550 5.1.1 nobody of that name\r\n".to_owned(),
            "text-each" => long_refusal(),
            _ => "250 2.1.5 fine\r\n".to_owned(),
        }
    }

    fn to_message(&self, recipients: usize) -> String {
        match self.name.as_str() {
            "lmtp" => "250 2.0.0 delivered\r\n".repeat(recipients),
            "lmtp-refused" => "550 5.2.2 mailbox full\r\n".repeat(recipients),
            "text-message" => long_refusal(),
            _ => "250 2.0.0 queued as 123456789\r\n".to_owned(),
        }
    }
}

fn reply(code: &str, lines: &[String]) -> String {
    let last = lines.len() - 1;
    let line = |(at, line)| format!("{code}{}{line}\r\n", if at == last { ' ' } else { '-' });
    lines.iter().enumerate().map(line).collect()
}

fn long_refusal() -> String {
    reply("550", &vec![format!("5.7.1 {}", "x".repeat(1000)); LONG_LINES])
}

/// Answers one connection. Replies go out when nothing more is there to be read, or 64 KiB are due.
fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut replies = stream.try_clone()?;
    let mut input = BufReader::with_capacity(1 << 20, stream);
    let mut due = "220 complexity.example\r\n".to_owned();
    let mut case = Case::of("none");
    let (mut recipients, mut mails, mut refused, mut behind_a_message) = (0, 0, false, false);
    loop {
        if input.buffer().is_empty() || due.len() > 1 << 16 {
            replies.write_all(due.as_bytes())?;
            due.clear();
        }
        if input.buffer().is_empty() {
            behind_a_message = false;
        }
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.get(..4).unwrap_or_default() {
            "EHLO" | "LHLO" => {
                case = Case::of(&line[5..]);
                due += &case.hello();
            }
            "MAIL" => {
                mails += 1;
                recipients = 0;
                refused = (case.is(&["stream-refused"]) && mails % 2 == 0)
                    || (case.is(&["stream-haraka"]) && behind_a_message);
                due += match (refused, case.is(&["stream-haraka"])) {
                    (true, true) => "503 5.5.1 pipelined after end of DATA\r\n",
                    (true, false) => "550 5.7.1 not from you\r\n",
                    _ => "250 2.1.0 fine\r\n",
                };
            }
            "RCPT" if refused => due += "503 5.5.1 MAIL first\r\n",
            "RCPT" => {
                let answer = case.to_recipient();
                recipients += usize::from(answer.starts_with('2'));
                due += &answer;
            }
            "BDAT" => {
                let length = line[5..].split_whitespace().next().and_then(|word| word.parse().ok());
                input.read_exact(&mut vec![0; length.unwrap_or(0)])?;
                if recipients == 0 || refused {
                    due += "503 5.5.1 RCPT first\r\n";
                } else {
                    due += &case.to_message(recipients);
                }
            }
            "DATA" if recipients == 0 || refused => due += "503 5.5.1 RCPT first\r\n",
            "DATA" => {
                replies.write_all(due.as_bytes())?;
                replies.write_all(b"354 go ahead\r\n")?;
                due.clear();
                while line != ".\r\n" {
                    line.clear();
                    input.read_line(&mut line)?;
                }
                due += &case.to_message(recipients);
                behind_a_message = true;
            }
            "AUTH" => due += "235 2.7.0 welcome\r\n",
            "QUIT" => due += "221 2.0.0 bye\r\n",
            _ => due += "250 2.0.0 fine\r\n",
        }
    }
}

/// The port of the server for all cases.
fn server() -> u16 {
    static PORT: OnceLock<u16> = OnceLock::new();
    *PORT.get_or_init(|| {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
        let port = listener.local_addr().expect("its number").port();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || stream.set_nodelay(true).and_then(|()| serve(stream)));
            }
        });
        port
    })
}

fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let program = tree::scratch("complexity-cases");
        let mut compiler = Command::new("cc");
        compiler.args(["-std=gnu99", "-O2", "-Wall", "-Wextra", "-Werror"]);
        compiler.args(["tests/complexity/cases.c", "-o"]).arg(&program);
        tree::run(compiler.args(tree::pkg_config(&["--cflags", "--libs", "smtpclient"])));
        program
    })
}

/// Runs `cases PORT NAME COUNT`, if need be by another program; what it wrote.
fn run(by: &[&str], name: &str, count: usize) -> (String, String) {
    let mut words: Vec<String> = by.iter().map(|word| (*word).to_owned()).collect();
    words.push(program().to_string_lossy().into_owned());
    words.extend([server().to_string(), name.to_owned(), count.to_string()]);
    let output = Command::new(&words[0])
        .args(&words[1..])
        .env("LD_LIBRARY_PATH", tree::installed().join("lib"))
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", words[0]));
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{name}, {count}: {}", text(&output.stderr));
    (text(&output.stdout), text(&output.stderr))
}

fn instructions(name: &str, count: usize) -> f64 {
    let callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"];
    let (_, said) = run(&callgrind, name, count);
    let collected = said.lines().find_map(|line| line.split("Collected : ").nth(1));
    collected.and_then(|number| number.trim().parse().ok()).unwrap_or_else(|| panic!("{said}"))
}

/// One test a case: what `count` and four times as many cost, less the cost of one.
macro_rules! linear {
    ($($test:ident: $name:literal $count:literal;)*) => {
        $(#[test]
        fn $test() {
            let [one, few, many] = [1, $count, 4 * $count].map(|count| instructions($name, count));
            let ratio = (many - one) / (few - one);
            let each = (many - one) / (4.0 * f64::from($count));
            println!("{}: {each:.0} instructions each, {ratio:.2} for four times", $name);
            assert!(ratio < MOST, "{}: {ratio:.2} times the cost for four times as many", $name);
        })*
    };
}

linear! {
    recipients: "recipients" 2000;
    refused_recipients: "refused" 2000;
    refused_list: "refused-list" 2000;
    final_replies_of_lmtp: "lmtp" 2000;
    final_refusals_of_lmtp: "lmtp-refused" 2000;
    domains_one_a_transaction: "domains" 1000;
    recipients_one_a_transaction: "rcptmax" 1500;
    names_of_mechanisms: "auth" 2000;
    keywords: "keywords" 240;
    transactions_of_a_batch: "batch" 2000;
    transactions_refused_before_sending: "unsendable" 2000;
    a_batch_with_one_twice: "twice" 2000;
    transactions_of_a_stream: "stream" 2000;
    senders_refused_in_a_stream: "stream-refused" 1000;
    a_stream_put_back: "stream-haraka" 1000;
}

/// Of a text that is each recipient's own.
const TEXT_KEPT: usize = 4096;

/// For what else is known of a recipient, and for rounding.
const BESIDES: usize = 512;

/// For buffers, whatever their content.
const BUFFERS: usize = 2 << 20;

#[test]
fn a_text_that_decides_many_is_kept_once() {
    let count = 4000;
    let [kept, read, shown] = bytes_kept("text-message", count);
    assert!(shown >= count * 1000, "the text is not there: {shown} bytes for {count} recipients");
    let most = count * BESIDES + BUFFERS;
    assert!(kept <= most, "{kept} bytes are kept for {count} recipients, at most {most}");
    let most = most + count * TEXT_KEPT;
    assert!(read <= most, "{read} bytes once all texts were read, at most {most}");
}

#[test]
fn of_a_text_for_each_little_is_kept() {
    let count = 500;
    let [kept, read, shown] = bytes_kept("text-each", count);
    assert!(shown >= count * 1000, "the texts are not there: {shown} bytes");
    let most = count * (TEXT_KEPT + BESIDES) + BUFFERS;
    assert!(kept <= most, "{kept} bytes are kept for {count} recipients, at most {most}");
    let most = most + count * TEXT_KEPT;
    assert!(read <= most, "{read} bytes once all texts were read, at most {most}");
}

/// Heap that an outcome takes, that it takes once all texts were read, and their length together.
fn bytes_kept(name: &str, count: usize) -> [usize; 3] {
    let (said, _) = run(&["env"], name, count);
    let numbers: Vec<usize> = said.split_whitespace().flat_map(str::parse).collect();
    println!("{name}: {numbers:?} bytes for {count} recipients");
    numbers.try_into().expect("three numbers")
}
