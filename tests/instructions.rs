//! How many instructions a message costs, by callgrind: a number that does not depend on what
//! else the machine does, and so can be held. Kernel time is not in it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;

#[path = "tree/mod.rs"]
mod tree;

/// (workload, instructions per message at most). Making the transaction is counted as well. A tenth is left for
/// other compilers and C libraries, and for replies that arrive in two pieces.
const BUDGETS: [(&str, u64); 2] = [("sequential", 13_600), ("batch", 12_000)];

/// The cost of a message is the difference of two runs, so that start-up does not count.
const COUNTS: [u64; 2] = [200, 1200];

/// Answers every transaction in one piece.
fn serve(stream: TcpStream) -> std::io::Result<()> {
    let mut replies = stream.try_clone()?;
    let mut input = BufReader::with_capacity(1 << 20, stream);
    let mut due = b"220 guard\r\n".to_vec();
    loop {
        if input.buffer().is_empty() {
            replies.write_all(&due)?;
            due.clear();
        }
        let mut line = String::new();
        if input.read_line(&mut line)? == 0 {
            return Ok(());
        }
        match line.get(..4) {
            Some("EHLO") => due
                .extend_from_slice(b"250-guard\r\n250-PIPELINING\r\n250-SIZE\r\n250 CHUNKING\r\n"),
            Some("BDAT") => {
                let length = line[5..].split_whitespace().next().and_then(|n| n.parse().ok());
                let mut body = vec![0; length.unwrap_or(0)];
                input.read_exact(&mut body)?;
                due.extend_from_slice(b"250 2.0.0 queued as 123456789\r\n");
            }
            _ => due.extend_from_slice(b"250 2.1.0 fine\r\n"),
        }
    }
}

fn instructions(program: &std::path::Path, port: u16, workload: &str, count: u64) -> u64 {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([&port.to_string(), workload, &count.to_string()])
        .env("LD_LIBRARY_PATH", tree::installed().join("lib"))
        .output()
        .unwrap_or_else(|error| panic!("valgrind: {error}; apt-get install valgrind"));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let collected = text.lines().find_map(|line| line.split("Collected : ").nth(1));
    collected.and_then(|number| number.trim().parse().ok()).unwrap_or_else(|| panic!("{text}"))
}

/// What is asked of a handle costs the same however many there are, and no more than this.
const GETTER: u64 = 180;

fn program(test: &str) -> std::path::PathBuf {
    let name = format!("smtpclient-guard-{test}-{}", std::process::id());
    let program = std::env::temp_dir().join(name);
    let mut compiler = Command::new("cc");
    compiler.args(["-std=c99", "-O2", "tests/instructions/guard.c", "-o"]).arg(&program);
    tree::run(compiler.args(tree::pkg_config(&["--cflags", "--libs", "smtpclient"])));
    program
}

#[test]
fn a_getter_costs_the_same_beside_any_number_of_handles() {
    let program = program("getter");
    for what in ["number", "string"] {
        let each = ["1", "100000"].map(|handles| {
            let workload = format!("{what}-{handles}");
            let [few, many] = COUNTS.map(|count| instructions(&program, 0, &workload, count));
            (many - few) / (COUNTS[1] - COUNTS[0])
        });
        println!("{what}: {each:?} instructions a getter");
        // The odd instruction of a longer loop elsewhere; a search would add tens.
        assert!(each[0].abs_diff(each[1]) <= 3, "{what}: not the same beside many handles");
        assert!(each[0] <= GETTER, "{what}: {} instructions, at most {GETTER}", each[0]);
    }
    std::fs::remove_file(program).unwrap();
}

#[test]
fn a_message_costs_no_more_than_it_did() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_nodelay(true).unwrap();
            std::thread::spawn(move || serve(stream));
        }
    });
    let program = program("message");
    for (workload, budget) in BUDGETS {
        let [few, many] = COUNTS.map(|count| instructions(&program, port, workload, count));
        let each = (many - few) / (COUNTS[1] - COUNTS[0]);
        println!("{workload}: {each} instructions a message");
        assert!(each <= budget, "{workload}: {each} instructions a message, at most {budget}");
    }
    std::fs::remove_file(program).unwrap();
}
