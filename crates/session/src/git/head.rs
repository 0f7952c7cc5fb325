//! What a git directory has for itself, read without running git: `HEAD`, and references beside it, as files or in tables.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use domain::worktree::loss::{is_number, is_own_reference};
use domain::worktree::reftable::{self, Root};

use crate::machine::read;

/// What `HEAD` is: a branch's reference, or a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Head {
    Reference(String),
    Commit(String),
}

/// Reads `HEAD`.
pub(super) fn head(private: &Path) -> Option<Head> {
    if let Some(mut tables) = tables(private) {
        return match tables.remove("HEAD")? {
            Root::Symbolic(reference) => Some(Head::Reference(reference)),
            Root::Commit(commit) => Some(Head::Commit(commit)),
            Root::Deleted => None,
        };
    }
    let text = read::text(&private.join("HEAD")).ok()?;
    let text = text.trim();
    Some(match text.strip_prefix("ref: ") {
        Some(reference) => Head::Reference(reference.to_owned()),
        None => Head::Commit(text.to_owned()),
    })
}

/// Returns the commits of references that somebody made beside `HEAD`.
pub(super) fn root_commits(private: &Path) -> Vec<String> {
    if let Some(tables) = tables(private) {
        let own = tables.into_iter().filter(|(name, _)| is_own_reference(name));
        let commits = own.filter_map(|(_, root)| match root {
            Root::Commit(commit) => Some(commit),
            _ => None,
        });
        return commits.collect();
    }
    let entries = fs::read_dir(private).into_iter().flatten().filter_map(Result::ok);
    let own = entries.filter(|entry| is_own_reference(&entry.file_name().to_string_lossy()));
    let commits = own.filter_map(|entry| read::text(&entry.path()).ok());
    commits.map(|text| text.trim().to_owned()).filter(|text| is_number(text)).collect()
}

/// Reads the tables, the newest one last; `None` if references are files.
fn tables(private: &Path) -> Option<BTreeMap<String, Root>> {
    let directory = private.join("reftable");
    let list = read::text(&directory.join("tables.list")).ok()?;
    let tables = list.lines().filter(|name| !name.contains('/'));
    let tables = tables.filter_map(|name| read::bytes(&directory.join(name)).ok());
    Some(tables.flat_map(|table| reftable::roots(&table)).collect())
}
