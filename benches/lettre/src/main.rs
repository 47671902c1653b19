//! lettre: its SmtpTransport with the pool that it comes with, one message after the other. Takes
//! the same options as the C programs (see common.h) and prints the same line.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use lettre::address::Envelope;
use lettre::transport::smtp::PoolConfig;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, SmtpTransport, Transport};

struct Options(HashMap<String, String>);

impl Options {
    fn number(&self, name: &str, default: usize) -> usize {
        self.0.get(name).map_or(default, |value| value.parse().expect("a number"))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

fn message(size: usize, shape: &str) -> Vec<u8> {
    let end = if shape == "lf" { "\n" } else { "\r\n" };
    let line = match shape {
        "dot" => ".".to_owned(),
        "dots" => format!(".{}", "b".repeat(75)),
        _ => "b".repeat(76),
    } + end;
    let head = [
        "From: Ann <a@example.org>",
        "To: Bob <user0000@example.net>",
        "Subject: Benchmark",
        "Date: Mon, 23 Nov 2026 12:00:00 +0000",
        "Message-ID: <bench.1@example.org>",
        "X-Fill: ",
    ]
    .join(end);
    let room = size - head.len() - 2 * end.len();
    let fill = "x".repeat(room % line.len());
    format!("{head}{fill}{end}{end}{}", line.repeat(room / line.len())).into_bytes()
}

fn security(options: &Options) -> Tls {
    options.text("--ca").map_or(Tls::None, |path| {
        let pem = std::fs::read(path).expect("the CA file");
        let ca = Certificate::from_pem(&pem).expect("a certificate");
        let parameters = TlsParameters::builder("127.0.0.1".into()).add_root_certificate(ca);
        Tls::Required(parameters.build().expect("TLS parameters"))
    })
}

fn transport(options: &Options, tls: Tls) -> SmtpTransport {
    SmtpTransport::builder_dangerous("127.0.0.1")
        .port(options.number("--port", 0) as u16)
        .hello_name(ClientId::Domain("bench.example.org".into()))
        .timeout(Some(Duration::from_secs(100)))
        .pool_config(PoolConfig::new().max_size(1))
        .tls(tls)
        .build()
}

fn session(options: &Options, sender: &str, recipients: usize, count: usize, message: &[u8]) {
    let to = (0..recipients)
        .map(|index| format!("user{index:04}@example.net").parse::<Address>().expect("an address"))
        .collect();
    let envelope =
        Envelope::new(Some(sender.parse().expect("an address")), to).expect("an envelope");
    let tls = security(options);
    if options.text("--workload") == Some("connect") {
        for _ in 0..count {
            let transport = transport(options, tls.clone());
            transport.send_raw(&envelope, message).expect("accepted");
            transport.shutdown();
        }
        return;
    }
    let transport = transport(options, tls);
    for _ in 0..count {
        transport.send_raw(&envelope, message).expect("accepted");
    }
    transport.shutdown();
}

fn kib_of(key: &str) -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("procfs");
    let line = status.lines().find(|line| line.starts_with(key)).expect("a value");
    line.split_whitespace().nth(1).expect("a value").parse().expect("a number")
}

fn cpu() -> f64 {
    // SAFETY: getrusage fills a struct that zeroes are a valid value of.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_SELF, &mut usage);
        usage
    };
    [usage.ru_utime, usage.ru_stime].iter().map(|t| t.tv_sec as f64 + t.tv_usec as f64 * 1e-6).sum()
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let options =
        Options(words.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect());
    let shape = options.text("--shape").unwrap_or("crlf");
    let file = options.text("--file");
    let mut body = Vec::new();
    if file.is_none() {
        body = message(options.number("--size", 1024), shape);
    }
    session(&options, "warm@example.org", 1, 3, &message(1024, shape));
    std::fs::write("/proc/self/clear_refs", "5").ok();
    let resident = kib_of("VmRSS:");
    let (cpu_before, start) = (cpu(), Instant::now());
    if let Some(path) = file {
        body = std::fs::read(path).expect("the message");
    }
    let recipients = options.number("--recipients", 1);
    session(&options, "a@example.org", recipients, options.number("--count", 1000), &body);
    let seconds = start.elapsed().as_secs_f64();
    let cpu = cpu() - cpu_before;
    println!("seconds={seconds:.9} cpu={cpu:.6} memory_kib={}", kib_of("VmHWM:") - resident);
}
