//! What stays where a tree is deleted.

use std::fs::{self, DirEntry, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::is_writable;
use crate::machine::platform::is_fixed;

/// What cannot be deleted, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fixed {
    /// A directory of which this user may not delete the entries.
    Rights(PathBuf),
    /// A file or a directory that nobody may change: it is immutable, or can only be appended to.
    Attribute(PathBuf),
}

/// Finds what this user cannot delete in a tree; `None` if all of it goes.
pub fn find(top: &Path) -> Option<Fixed> {
    if is_fixed(top) {
        return Some(Fixed::Attribute(top.to_path_buf()));
    }
    let rights = || Some(Fixed::Rights(top.to_path_buf()));
    let Ok(entries) = fs::read_dir(top) else { return rights() };
    let entries: Vec<DirEntry> = entries.filter_map(Result::ok).collect();
    if !entries.is_empty() && !is_writable(top) {
        return rights();
    }
    let user = nix::unistd::geteuid();
    let is_foreign = |found: Metadata| found.uid() != user.as_raw();
    let is_sticky = |found: &Metadata| found.mode() & 0o1000 != 0 && !user.is_root();
    if fs::metadata(top).ok().filter(is_sticky).is_some_and(is_foreign)
        && entries.iter().any(|entry| entry.metadata().is_ok_and(is_foreign))
    {
        return rights();
    }
    entries.iter().find_map(|entry| {
        let path = entry.path();
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_directory { find(&path) } else { is_fixed(&path).then_some(Fixed::Attribute(path)) }
    })
}

/// Says why nothing in a directory can be deleted, if so.
pub fn of(directory: &Path) -> Option<Fixed> {
    match directory {
        _ if is_fixed(directory) => Some(Fixed::Attribute(directory.to_path_buf())),
        _ if !is_writable(directory) => Some(Fixed::Rights(directory.to_path_buf())),
        _ => None,
    }
}
