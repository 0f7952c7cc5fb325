//! The dotenv files around a session, as programs there read them.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::Path;

use domain::stack::dotenv_file::{self, Dotenv, Line, Mode, NAMES};
use domain::stack::header::Header;
use domain::text::block;
use domain::text::hash::content_hash;

use crate::docker;
use crate::find::{Session, generated, key, lock_name};
use crate::machine::lock::Lock;
use crate::machine::read;

/// What people write by hand is shorter.
const LONGEST: usize = 64 << 10;

/// A program that reads dotenv files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reader {
    /// Where it runs, relative to the session directory; empty for that itself, and for what lies elsewhere.
    pub directory: String,
    /// What for.
    pub mode: Mode,
}

impl Reader {
    /// Describes a program that is run in `directory`.
    pub fn new(session: &Session, directory: &Path, mode: Mode) -> Self {
        let below = directory.strip_prefix(session.path()).unwrap_or(Path::new(""));
        Self { directory: below.to_string_lossy().into_owned(), mode }
    }
}

/// Reads the files of the session directory and of its apps.
pub fn read(session: &Session) -> Dotenv {
    let dirs = session.settings.apps.values().filter_map(|app| app.dir.as_deref());
    let dirs: BTreeSet<String> = dirs.map(plain).chain([String::new()]).collect();
    let mut found = Dotenv::default();
    for directory in dirs {
        add(session, &directory, &mut found);
    }
    // A line that leads nowhere may still stand before one of the same name that does.
    let hostname = docker::hostname();
    let matters = found.lines.iter().filter(|line| line.may_matter(&hostname));
    let names: BTreeSet<String> = matters.map(|line| line.name.clone()).collect();
    found.lines.retain(|line| names.contains(&line.name));
    found
}

/// Lists the lines that a program reads, one for each name. `recorded` are those of the last start.
pub fn lines(session: &Session, recorded: &Dotenv, reader: &Reader) -> Vec<Line> {
    let is_recorded = recorded.files.contains_key(&path(&reader.directory, NAMES[0]));
    let mut here = Dotenv::default();
    if !is_recorded {
        add(session, &reader.directory, &mut here);
    }
    if here.lines.is_empty() && recorded.lines.is_empty() {
        return Vec::new();
    }
    let all: Cow<[Line]> = if here.lines.is_empty() {
        Cow::Borrowed(&recorded.lines)
    } else {
        Cow::Owned([recorded.lines.clone(), here.lines].concat())
    };
    dotenv_file::select(&all, &reader.directory, reader.mode)
}

/// Brings what a header says of the files up to date, for commands that the user gives: shells go on with what the last of
/// them read.
pub fn refresh(session: &Session, header: &mut Header) {
    let is_same = |(file, hash): (&String, &Option<String>)| {
        read::bytes(&session.path().join(file)).ok().as_deref().map(content_hash) == *hash
    };
    if !header.dotenv.files.is_empty() && header.dotenv.files.iter().all(is_same) {
        return;
    }
    let found = self::read(session);
    if found == header.dotenv {
        return;
    }
    header.dotenv = found;
    // Whoever has the lock is about to write down the same.
    if let (Some(_), Ok(Some(_lock))) = (key::known(), Lock::attempt(&lock_name(&session.id))) {
        drop(generated::write_header(session, header));
    }
}

/// Reads the files of one directory.
fn add(session: &Session, directory: &str, found: &mut Dotenv) {
    for name in NAMES {
        let file = path(directory, name);
        // A named pipe of a password manager is for the program alone.
        let bytes = read::bytes(&session.path().join(&file)).ok();
        found.files.insert(file.clone(), bytes.as_deref().map(content_hash));
        let Some(bytes) = bytes.filter(|bytes| bytes.len() <= LONGEST) else { continue };
        // A line in another encoding stands for itself alone.
        let text = String::from_utf8_lossy(&bytes);
        found.lines.extend(dotenv_file::lines(&block::blanked(&text), &file));
    }
}

/// Writes a directory as the path of its files begins.
fn plain(directory: &str) -> String {
    let parts = directory.split('/').filter(|part| !part.is_empty() && *part != ".");
    parts.collect::<Vec<_>>().join("/")
}

fn path(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
