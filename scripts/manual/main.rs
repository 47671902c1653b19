//! Makes the manual from smtpclient.h's own comments: pages for man(1), and the same text as HTML.
//!
//!     manual man|html SOURCES DIRECTORY
//!
//! Standard library only, and one call of rustc: what builds the library needs nothing more.

mod comment;
mod date;
mod examples;
mod groups;
mod header;
mod html;
mod mdoc;
mod overview;
mod page;
mod pages;
mod results;
mod standards;
mod text;

use std::path::{Path, PathBuf};
use std::{env, fs, io, process};

use groups::Group;
use header::{Header, Kind};
use mdoc::Mdoc;
use page::Page;
use text::Names;

/// What every page is made from.
pub struct Manual {
    pub sources: PathBuf,
    pub header: Header,
    pub names: Names,
    pub date: String,
}

impl Manual {
    fn read(sources: &Path) -> Self {
        let read = |name: &str| {
            let path = sources.join(name);
            fs::read_to_string(&path).unwrap_or_else(|error| fail(path.display(), &error))
        };
        let header = Header::parse(&read("include/smtpclient.h"));
        let epoch = env::var("SOURCE_DATE_EPOCH").ok();
        let date = date::of(epoch.as_deref(), &read("CHANGELOG.md"))
            .unwrap_or_else(|| fail("SOURCE_DATE_EPOCH", &io::ErrorKind::InvalidInput.into()));
        let names = Names::of(&header);
        Manual { sources: sources.into(), header, names, date }
    }

    /// The page that explains what the header declares.
    pub fn page_of(&self, name: &str) -> Option<&str> {
        let item = self.header.item(name)?;
        if item.kind != Kind::Function {
            return Some(pages::place(name).0);
        }
        let section =
            self.header.sections.iter().find(|section| section.functions.contains(&item.name));
        Some(&section.expect("every function stands in a section").page)
    }
}

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [form, sources, directory] = &arguments[..] else {
        eprintln!("usage: manual man|html SOURCES DIRECTORY");
        process::exit(2);
    };
    let manual = Manual::read(Path::new(sources));
    let groups = groups::all(&manual.header);
    let files = match form.as_str() {
        "man" => man(&manual, &groups),
        "html" => html::files(&manual, &groups),
        _ => fail(form, &io::ErrorKind::InvalidInput.into()),
    };
    let directory = Path::new(directory);
    fs::create_dir_all(directory).unwrap_or_else(|error| fail(directory.display(), &error));
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
        page("smtpclient", &|page| overview::write(page, manual, groups)),
        page(pages::EXAMPLES, &|page| examples::write(page, manual)),
    ];
    for group in groups {
        pages.push(page(&group.section.page, &|page| groups::write(page, manual, group)));
    }
    pages
}

/// Every file of section 3: the pages, and for each function a file that leads to its page.
fn man(manual: &Manual, groups: &[Group<'_>]) -> Vec<(String, String)> {
    let new = |name: &str| Mdoc::new(name, &manual.date, &manual.names);
    let mut files = pages(manual, groups, new);
    for group in groups {
        let link = |name: &String| (name.clone(), format!(".so man3/{}.3\n", group.section.page));
        files.extend(group.section.functions.iter().map(link));
    }
    files.into_iter().map(|(name, text)| (name + ".3", text)).collect()
}

fn fail(what: impl std::fmt::Display, error: &io::Error) -> ! {
    eprintln!("manual: {what}: {error}");
    process::exit(1);
}
