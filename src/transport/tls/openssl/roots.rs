//! The system's roots, where OpenSSL looks for them: a file with all of them, and directories with
//! a file for each (SSL_CERT_FILE and SSL_CERT_DIR, or what it was built with).
//!
//! Parsing the hundred and more of a system takes longer than a handshake, so that it is not done:
//! the file is read once in the process, indexed by subject, and what a chain asks for is parsed.
//! In the directories OpenSSL itself looks, by the hash of the subject, when a chain asks.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use ::openssl::error::ErrorStack;
use ::openssl::ssl::SslFiletype;
use ::openssl::x509::X509;
use ::openssl::x509::store::{X509Lookup, X509StoreBuilderRef};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::error::{Error, ErrorKind, Flaw, Result, printable};

use super::super::certificate;
use super::super::fault::Distrust;
use super::registry::{Registry, locked};
use super::{calls, parts};

pub(super) struct Roots {
    places: Places,
    index: Mutex<Index>,
}

/// Where to look.
#[derive(Clone, PartialEq, Eq)]
struct Places {
    file: PathBuf,
    directories: Vec<PathBuf>,
    /// Somebody named them in the environment, so that they must be there.
    is_named: (bool, bool),
}

#[derive(Default)]
struct Index {
    /// The file's, and once all were asked for those of the directories.
    roots: Vec<Arc<Root>>,
    has_file: bool,
    has_directories: bool,
    complaints: Vec<Error>,
}

pub(in crate::transport::tls) struct Root {
    der: Vec<u8>,
    subject: std::ops::Range<usize>,
}

/// Those of the system as it is now, shared with all in the process who asked before.
pub(super) fn of_system() -> Arc<Roots> {
    let places = Places::of_system();
    let make = || Ok::<_, Infallible>(Roots { places: places.clone(), index: Mutex::default() });
    let Ok(roots) = KNOWN.share(|one| one.places == places, make);
    roots
}

#[cfg(test)]
pub(super) fn at(file: &str, directories: &str, is_named: (bool, bool)) -> Arc<Roots> {
    let places = Places { file: file.into(), directories: split(directories.as_ref()), is_named };
    Arc::new(Roots { places, index: Mutex::default() })
}

impl Places {
    fn of_system() -> Self {
        let (named_file, named_directory) =
            (calls::variable("SSL_CERT_FILE"), calls::variable("SSL_CERT_DIR"));
        let is_named = (named_file.is_some(), named_directory.is_some());
        let (own_file, own_directory) = calls::default_places();
        let mut file = PathBuf::from(named_file.unwrap_or(own_file));
        let mut directories = split(&named_directory.unwrap_or(own_directory));
        // An OpenSSL from elsewhere, as static programs have it, knows nothing of this system.
        // It reads the environment, which a program with more rights than its user's must not.
        if is_named == (false, false)
            && !calls::is_privileged()
            && !file.exists()
            && !directories.iter().any(|one| one.exists())
        {
            let found = openssl_probe::probe();
            file = found.cert_file.unwrap_or(file);
            directories.extend(found.cert_dir);
        }
        Places { file, directories, is_named }
    }
}

fn split(list: &OsStr) -> Vec<PathBuf> {
    let parts = list.as_bytes().split(|byte| *byte == b':').filter(|part| !part.is_empty());
    parts.map(|part| PathBuf::from(OsStr::from_bytes(part))).collect()
}

static KNOWN: Registry<Roots> = Registry::new();

impl Drop for Roots {
    fn drop(&mut self) {
        KNOWN.forget_gone();
    }
}

impl Roots {
    /// Lets OpenSSL look there by itself.
    pub fn add_directories(
        &self,
        store: &mut X509StoreBuilderRef,
    ) -> std::result::Result<(), ErrorStack> {
        let lookup = store.add_lookup(X509Lookup::hash_dir())?;
        for directory in &self.places.directories {
            if let Some(directory) = directory.to_str() {
                lookup.add_dir(directory, SslFiletype::PEM)?;
            }
        }
        Ok(())
    }

    /// The roots with this name, in DER, and their numbers.
    pub fn of_subject(&self, name: &[u8]) -> Vec<(usize, X509)> {
        self.fitting(|root| root.der[root.subject.clone()] == *name)
    }

    /// All that were read.
    pub fn all(&self) -> Vec<(usize, X509)> {
        self.fitting(|_| true)
    }

    fn fitting(&self, fits: impl Fn(&Root) -> bool) -> Vec<(usize, X509)> {
        let mut index = locked(&self.index);
        index.read_file(&self.places);
        let found = index.roots.iter().enumerate().filter(|(_, root)| fits(root));
        found.filter_map(|(at, root)| Some((at, X509::from_der(&root.der).ok()?))).collect()
    }

    /// Reads the file and the directories. Of what cannot be read the first is told; the rest is there.
    pub fn load(&self) -> Result<()> {
        let mut index = locked(&self.index);
        index.read_file(&self.places);
        index.read_directories(&self.places);
        if let Some(error) = index.complaints.first() {
            return Err(error.clone());
        }
        if index.roots.is_empty() {
            let text =
                format!("TLS: the system has no roots: there are none in {}", self.places.shown());
            return Err(Error::new(ErrorKind::Tls, text));
        }
        Ok(())
    }

    /// What [`load`](Self::load) has read.
    pub fn loaded(&self) -> Vec<Arc<Root>> {
        locked(&self.index).roots.clone()
    }

    /// Takes what another has read before: the places may be out of reach by now.
    pub fn have(&self, loaded: &[Arc<Root>]) {
        let mut index = locked(&self.index);
        if !index.has_directories {
            let (has_file, has_directories) = (true, true);
            *index =
                Index { roots: loaded.to_vec(), has_file, has_directories, complaints: Vec::new() };
        }
    }

    pub fn complaint(&self) -> Option<Distrust> {
        let mut index = locked(&self.index);
        index.read_file(&self.places);
        if let Some(error) = index.complaints.first() {
            return Some(Distrust::new(Flaw::Issuer, error.message()));
        }
        let missing = |one: &PathBuf| !one.exists();
        let nothing = index.roots.is_empty() && self.places.directories.iter().all(missing);
        nothing.then(|| {
            let words =
                format!("the system has no roots: there are none in {}", self.places.shown());
            Distrust::new(Flaw::NoRoots, words)
        })
    }
}

impl Index {
    fn read_file(&mut self, places: &Places) {
        if self.has_file {
            return;
        }
        self.has_file = true;
        match certificate::read_public(&places.file) {
            Ok(pem) => self.add(&places.file, &pem),
            Err(error) => {
                let is_missing =
                    error.os_code() == libc::ENOENT || error.os_code() == libc::ENOTDIR;
                if places.is_named.0 || !is_missing {
                    self.complaints.push(complaint(&error));
                }
            }
        }
    }

    fn read_directories(&mut self, places: &Places) {
        if self.has_directories {
            return;
        }
        self.has_directories = true;
        for directory in &places.directories {
            let entries = match std::fs::read_dir(directory) {
                Ok(entries) => entries,
                Err(error) => {
                    if places.is_named.1 || error.kind() != std::io::ErrorKind::NotFound {
                        let shown = printable(directory.as_os_str().as_bytes(), 256);
                        let text = format!("TLS: cannot read the directory {shown}: {error}");
                        let error = Error::new(ErrorKind::Tls, text)
                            .with_os_code(error.raw_os_error().unwrap_or(0));
                        self.complaints.push(error);
                    }
                    continue;
                }
            };
            let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
            for path in paths.filter(|path| is_hashed(path)) {
                match certificate::read_public(&path) {
                    Ok(pem) => self.add(&path, &pem),
                    Err(error) => self.complaints.push(complaint(&error)),
                }
            }
        }
    }

    /// Each certificate in PEM, as far as it can be read.
    fn add(&mut self, path: &Path, pem: &[u8]) {
        let (mut lines, mut base64, mut number) = (lines(pem), Vec::new(), 0);
        while next_section(&mut lines, &mut base64) {
            number += 1;
            let der = STANDARD.decode(&base64).ok();
            let root = der.and_then(|der| {
                let subject = parts::of(&der).ok()?.subject;
                Some(Root { der, subject })
            });
            match root {
                Some(root) => self.roots.push(Arc::new(root)),
                None => {
                    let shown = printable(path.as_os_str().as_bytes(), 256);
                    let text = format!("TLS: certificate {number} in {shown} is broken");
                    self.complaints.push(Error::new(ErrorKind::Tls, text));
                }
            }
        }
    }
}

impl Places {
    fn shown(&self) -> String {
        let all = std::iter::once(&self.file).chain(&self.directories);
        let shown: Vec<String> =
            all.map(|path| printable(path.as_os_str().as_bytes(), 256)).collect();
        shown.join(", ")
    }
}

/// The base64 of the next certificate in PEM (RFC 7468); false if there is none.
fn next_section<'a>(lines: &mut impl Iterator<Item = &'a [u8]>, base64: &mut Vec<u8>) -> bool {
    base64.clear();
    let is_there = lines.any(|line| BEGIN.contains(&line));
    lines.take_while(|line| !line.starts_with(b"-----")).for_each(|line| base64.extend(line));
    is_there
}

fn lines(pem: &[u8]) -> impl Iterator<Item = &[u8]> {
    let ends = memchr::memchr_iter(b'\n', pem).chain([pem.len()]);
    ends.scan(0, |begins, end| Some(pem[std::mem::replace(begins, end + 1)..end].trim_ascii()))
}

/// Not "TRUSTED": what follows such a certificate says what it is not trusted for.
const BEGIN: [&[u8]; 2] = [b"-----BEGIN CERTIFICATE-----", b"-----BEGIN X509 CERTIFICATE-----"];

/// As openssl-rehash(1) names it: eight digits of the subject's hash, and a number.
fn is_hashed(path: &Path) -> bool {
    let name = path.file_name().map_or(&[][..], OsStr::as_bytes);
    let Some((hash, [b'.', number @ ..])) = name.split_at_checked(8) else { return false };
    hash.iter().all(u8::is_ascii_hexdigit)
        && !number.is_empty()
        && number.iter().all(u8::is_ascii_digit)
}

/// The same under TLS: nobody gave the file as an argument.
fn complaint(error: &Error) -> Error {
    let text = format!("TLS: {}", error.message());
    Error::new(ErrorKind::Tls, text).with_os_code(error.os_code())
}
