//! `loopback-server`: the test servers as a program, for demonstrations and for tests in other
//! languages. It listens on loopback only and ends by itself. `--help` lists its options.

#[path = "mod.rs"]
mod support;

use std::process::ExitCode;
use std::sync::mpsc;

use support::options::{HELP, Options, parse, publish};
use support::{Server, TempDir, authority, client_identity};

fn serve(mut options: Options) -> std::io::Result<()> {
    // In the spool, so that nothing is left behind by a server that is killed; but the path of a
    // Unix socket must be short.
    let spool = options.spool.as_ref().map(|spool| spool.join("sockets"));
    let home = match spool.filter(|path| path.as_os_str().len() < 90) {
        Some(path) => TempDir::at(path),
        None => TempDir::new("loopback"),
    };
    let ca = home.write("ca.pem", &authority().pem);
    if let Some(spool) = options.spool.take() {
        std::fs::create_dir_all(&spool)?;
        let client = client_identity();
        publish(&spool.join("ca.pem"), &authority().pem)?;
        publish(&spool.join("client.pem"), client.certificate_pem)?;
        publish(&spool.join("client.key"), client.key_pkcs8)?;
        options.spool_to(&spool);
    }

    let tls = options.tls();
    let engine = options.engine.clone();
    let builder = || Server::builder().tls(tls.clone()).settle(options.delay);
    let lmtp = engine.clone().into_lmtp();
    let [smtp_port, smtps_port, lmtp_port] = options.ports;
    let smtp = builder().port(smtp_port).engine(engine.clone()).start();
    let smtps = builder().port(smtps_port).implicit_tls(tls.clone()).engine(engine.clone()).start();
    let lmtp_tcp = builder().port(lmtp_port).engine(lmtp.clone()).start();
    let unix = builder().unix_at(&home.join("smtp")).engine(engine).start();
    let lmtp_unix = builder().unix_at(&home.join("lmtp")).engine(lmtp).start();

    let ports = format!(
        "smtp={}\nsmtps={}\nlmtp={}\nunix={}\nlmtp_unix={}\nca={ca}\n",
        smtp.port(),
        smtps.port(),
        lmtp_tcp.port(),
        unix.host(),
        lmtp_unix.host()
    );
    print!("{ports}");
    if let Some(path) = options.ports_file {
        publish(&path, &ports)?;
    }
    if let Some(path) = options.port_file {
        publish(&path, format!("{}\n", smtp.port()))?;
    }

    let (ended, end) = mpsc::channel();
    if options.until_stdin_closes {
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
            let _ = ended.send(());
        });
        let _ = end.recv_timeout(options.lifetime);
    } else {
        std::thread::sleep(options.lifetime);
    }
    Ok(())
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let options = match parse(words.into_iter()) {
        Ok(options) => options,
        Err(error) => {
            eprint!("loopback-server: {error}\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match serve(options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("loopback-server: {error}");
            ExitCode::FAILURE
        }
    }
}
