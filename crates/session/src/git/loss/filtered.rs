//! Changes that git does not see, as a filter takes them away before it compares.

use std::ffi::OsStr;
use std::fs;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;

use domain::worktree::loss::{filtered, hiding};

use super::checkout::Checkout;
use super::ignored::NOTE;
use crate::git::{bytes_of, output};
use crate::machine::read;

/// As many are looked for: more are not named.
const MANY: usize = 100;

impl Checkout {
    /// Finds files that hold something else than what git would write in their place, though they are none of `changed`.
    ///
    /// What a worktree's making put there, and nobody touched since, is not compared. Nor is what git-lfs keeps: a commit
    /// names its content by a hash of all of it.
    pub(super) fn filtered(&self, changed: &[&[u8]]) -> anyhow::Result<Vec<Vec<u8>>> {
        let configured = ["config", "-z", "--get-regexp", r"^filter\..*\.(clean|process)$"];
        // Fails where there is none.
        let drivers = hiding(&output(self.command().args(configured))?.stdout);
        if drivers.is_empty() {
            return Ok(Vec::new());
        }
        let tracked = self.git(&["ls-files", "-z"], None)?;
        let attributes = ["check-attr", "-z", "--stdin", "filter"];
        let attributes = bytes_of(self.command().args(attributes), &attributes, &tracked)?;
        let mut found = Vec::new();
        for name in filtered(&attributes, &drivers) {
            let is_other = !changed.contains(&name) && self.is_touched(name) && self.differs(name)?;
            found.extend(is_other.then(|| name.to_vec()));
            if found.len() == MANY {
                break;
            }
        }
        Ok(found)
    }

    /// Says whether there is a regular file that somebody may have changed since the worktree was made.
    fn is_touched(&self, name: &[u8]) -> bool {
        let state = |found: fs::Metadata| (found.dev(), found.ctime(), found.ctime_nsec());
        let made = self.private.join(NOTE).metadata().ok().map(state);
        let path = self.top.join(OsStr::from_bytes(name));
        let found = path.symlink_metadata().ok().filter(fs::Metadata::is_file).map(state);
        // Clocks of two file systems may differ.
        found.is_some_and(|found| made.is_none_or(|made| found.0 != made.0 || found >= made))
    }

    /// Compares a file with what git would write in its place.
    fn differs(&self, name: &[u8]) -> anyhow::Result<bool> {
        let revision = [b":0:", name].concat();
        let arguments = ["cat-file", "--filters"];
        let mut command = self.command();
        command.args(arguments).arg(OsStr::from_bytes(&revision));
        let written = bytes_of(&mut command, &arguments, &[])?;
        let (file, _) = read::open(&self.top.join(OsStr::from_bytes(name)))?;
        let mut held = Vec::new();
        file.take(written.len() as u64 + 1).read_to_end(&mut held)?;
        Ok(held != written)
    }
}
