//! Makes the manual from smtpclient.h's own comments: pages for man(1), and the same text as HTML.
//!
//!     manual man|html HEADER EXAMPLES DATE VERSION DIRECTORY
//!
//! Standard library only, and one call of rustc: what builds the library needs nothing more.

mod errors;
mod examples;
mod groups;
mod header;
mod html;
mod mdoc;
mod overview;
mod page;
mod pages;

use std::path::{Path, PathBuf};
use std::{env, fs, process};

use groups::Group;
use header::{Header, Item};
use mdoc::Mdoc;
use page::Page;

/// What every page is made from.
pub struct Manual {
    pub header: Header,
    pub examples: PathBuf,
    pub date: String,
    pub version: String,
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [form, header, examples, date, version, directory] = &arguments[..] else {
        eprintln!("usage: manual man|html HEADER EXAMPLES DATE VERSION DIRECTORY");
        process::exit(2);
    };
    let text = fs::read_to_string(header).unwrap_or_else(|error| fail(header, &error));
    let manual = Manual {
        header: Header::parse(&text),
        examples: examples.into(),
        date: date.clone(),
        version: version.clone(),
    };
    let directory = Path::new(directory);
    fs::create_dir_all(directory).unwrap_or_else(|error| fail(directory.display(), &error));
    let groups = groups::all(&manual.header);
    let files = match form.as_str() {
        "man" => man(&manual, &groups),
        "html" => html::files(&manual, &groups),
        _ => fail(form, &std::io::ErrorKind::InvalidInput.into()),
    };
    for (name, text) in files {
        let path = directory.join(name);
        fs::write(&path, text).unwrap_or_else(|error| fail(path.display(), &error));
    }
}

/// Every page, written by what `new` makes for its name.
fn pages<P: Page>(
    manual: &Manual,
    groups: &[Group<'_>],
    new: impl Fn(&str) -> P,
) -> Vec<(String, String)> {
    let page = |name: &str, write: &dyn Fn(&mut dyn Page)| {
        let mut page = new(name);
        write(&mut page);
        (name.to_owned(), page.finish())
    };
    let mut pages = vec![
        page("smtpclient", &|page| overview::write(page, manual)),
        page("smtpclient-errors", &|page| errors::write(page, manual)),
        page("smtpclient-examples", &|page| examples::write(page, manual)),
    ];
    pages.extend(groups.iter().map(|group| page(group.page, &|page| groups::write(page, group))));
    pages
}

/// Every file of section 3: the pages, and for each function a file that leads to its page.
fn man(manual: &Manual, groups: &[Group<'_>]) -> Vec<(String, String)> {
    let new = |name: &str| Mdoc::new(name, &manual.date);
    let mut files = pages(manual, groups, new);
    for group in groups {
        let link =
            |function: &&Item| (function.name.clone(), format!(".so man3/{}.3\n", group.page));
        files.extend(group.functions.iter().map(link));
    }
    files.into_iter().map(|(name, text)| (name + ".3", text)).collect()
}

fn fail(what: impl std::fmt::Display, error: &std::io::Error) -> ! {
    eprintln!("manual: {what}: {error}");
    process::exit(1);
}
