//! `make dist`: tarballs that are the same whoever makes them, in which all is that a packager wants,
//! and from which the very library comes that the sources give, without a network.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

mod tree;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Everything that differs between two machines differs here: where the sources are and the target
/// directory, with spaces in their names, the cargo home, the language, the time zone, the number of
/// jobs. Nothing can be fetched, and the sources cannot be written to.
#[test]
fn the_vendored_tarball_gives_the_same_library_elsewhere() {
    let away = empty("dist away");
    let (source, target, home) =
        (unpacked(&away.join("the sources")), away.join("a target"), away.join("a cargo home"));
    tree::run(Command::new("chmod").args(["-R", "a-w"]).arg(&source));
    let before = modified(&source);
    let (here, there) = (away.join("here"), away.join("there"));
    tree::run(tree::make_built("install").arg(format!("DESTDIR={}", here.display())));
    let mut make = tree::make("install");
    make.current_dir(&source)
        .args(["-j8", "SHELL=/bin/bash"])
        .arg(format!("DESTDIR={}", there.display()));
    make.env("CARGO_TARGET_DIR", &target).env("CARGO_HOME", &home).env("CARGO_NET_OFFLINE", "true");
    make.envs([("LC_ALL", "C.UTF-8"), ("TZ", "Asia/Tokyo")]);
    tree::run(&mut make);
    assert!(before == modified(&source), "the build wrote into its sources");
    tree::run(Command::new("chmod").args(["-R", "u+w"]).arg(&source));

    let (here, there) = (contents(&here), contents(&there));
    assert!(here.len() > 150 && here.keys().eq(there.keys()), "{:?}", there.keys());
    for (name, bytes) in &here {
        assert!(there[name] == *bytes, "{name} differs");
    }
}

#[test]
fn a_tarball_is_the_same_made_from_itself() {
    let again = empty("dist again");
    let source = unpacked(&again);
    let mut dist = Command::new(source.join("scripts/dist"));
    dist.arg(again.join("out")).current_dir(&source).env("XZ_LEVEL", "0");
    tree::run(dist.env("CARGO_NET_OFFLINE", "true").env_remove("SOURCE_DATE_EPOCH"));
    for name in [plain(), vendored()] {
        let read = |directory: &Path| fs::read(directory.join(&name)).expect("a tarball");
        assert!(read(made()) == read(&again.join("out")), "{name} differs");
    }
}

/// Every crate that is linked is in the bill of materials with its licence, and its licence's text is
/// in the tarball.
#[test]
fn every_crate_is_accounted_for() {
    let source = unpacked(&empty("dist accounts"));
    let bill = fs::read_to_string(source.join("sbom.cdx.json")).expect("the bill");
    let crates = |edges: &str, target: &str| {
        let mut tree = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
        tree.current_dir(env!("CARGO_MANIFEST_DIR"));
        tree.args([
            "tree",
            "--locked",
            "--offline",
            "--prefix=none",
            "--format={p}",
            "--no-dedupe",
        ]);
        let lines = tree::run(tree.args(["--edges", edges, "--target", target]));
        let names = lines.lines().skip(1).filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?.to_owned(), words.next()?.trim_start_matches('v').to_owned()))
        });
        names.collect::<std::collections::BTreeSet<_>>()
    };
    let listed = tree::run(
        Command::new("python3").arg("-c").arg(READ_BILL).arg(source.join("sbom.cdx.json")),
    );
    let listed: BTreeMap<&str, &str> =
        listed.lines().filter_map(|line| line.split_once(' ')).collect();
    let scope = |(name, version): &(String, String)| {
        listed.get(&*format!("pkg:cargo/{name}@{version}")).copied()
    };
    let here = crates("normal,no-proc-macro", "x86_64-unknown-linux-gnu");
    assert!(here.len() > 20, "{here:?}");
    let anywhere = crates("normal,no-proc-macro", "all");
    assert!(anywhere.len() > here.len(), "{anywhere:?}");
    for one in crates("normal,build", "all") {
        let expected = match () {
            () if here.contains(&one) => "required",
            () if anywhere.contains(&one) => "optional",
            () => "excluded",
        };
        assert_eq!(scope(&one), Some(expected), "{one:?} in\n{bill}");
    }
    for entry in fs::read_dir(source.join("vendor")).expect("the crates").flatten() {
        let texts = source.join("licences").join(entry.file_name());
        let count = fs::read_dir(&texts).expect("licences").count();
        assert!(count >= 2, "{} has no text", texts.display());
    }
    for file in ["LICENSE", "README.md", "Cargo.lock", "include/smtpclient.h", ".cargo/config.toml"]
    {
        assert!(source.join(file).exists(), "{file} is not in the tarball");
    }
}

/// Prints each component's purl and scope; fails where a field is missing that a reader needs.
const READ_BILL: &str = "
import json, sys
bill = json.load(open(sys.argv[1]))
assert bill['bomFormat'] == 'CycloneDX' and bill['specVersion'] == '1.5'
assert bill['metadata']['component']['name'] == 'smtpclient'
known = {one['bom-ref'] for one in bill['components']} | {bill['metadata']['component']['bom-ref']}
for edge in bill['dependencies']:
    assert {edge['ref'], *edge['dependsOn']} <= known, edge
for one in bill['components']:
    assert one['licenses'] and len(one['hashes'][0]['content']) == 64, one
    print(one['purl'], one['scope'])
";

/// The directory with both tarballs, made once.
fn made() -> &'static Path {
    static MADE: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    MADE.get_or_init(|| {
        let directory = empty("dist");
        let mut dist = Command::new("scripts/dist");
        // The strongest compression takes a minute and shows nothing more.
        dist.current_dir(env!("CARGO_MANIFEST_DIR")).arg(&directory).env("XZ_LEVEL", "0");
        tree::run(&mut dist);
        directory
    })
}

fn plain() -> String {
    format!("smtpclient-{VERSION}.tar.xz")
}

fn vendored() -> String {
    format!("smtpclient-{VERSION}-vendored.tar.xz")
}

fn unpacked(directory: &Path) -> PathBuf {
    fs::create_dir_all(directory).expect("a directory");
    tree::run(
        Command::new("tar").arg("-xJf").arg(made().join(vendored())).arg("-C").arg(directory),
    );
    directory.join(format!("smtpclient-{VERSION}"))
}

fn contents(directory: &Path) -> BTreeMap<String, Vec<u8>> {
    paths(directory, &["-type", "f"])
        .map(|path| (relative(directory, &path), fs::read(&path).expect("a file")))
        .collect()
}

fn modified(directory: &Path) -> BTreeMap<String, std::time::SystemTime> {
    paths(directory, &[])
        .map(|path| {
            let time = fs::metadata(&path).and_then(|data| data.modified()).expect("a time");
            (relative(directory, &path), time)
        })
        .collect()
}

fn paths(directory: &Path, what: &[&str]) -> impl Iterator<Item = PathBuf> {
    let found = tree::run(Command::new("find").arg(directory).args(what));
    found.lines().map(PathBuf::from).collect::<Vec<_>>().into_iter()
}

fn relative(directory: &Path, path: &Path) -> String {
    path.strip_prefix(directory).expect("a path below").display().to_string()
}

fn empty(name: &str) -> PathBuf {
    let path = tree::scratch(name);
    if path.exists() {
        tree::run(Command::new("chmod").args(["-R", "u+w"]).arg(&path));
        fs::remove_dir_all(&path).expect("a scratch directory");
    }
    fs::create_dir_all(&path).expect("a scratch directory");
    path
}
