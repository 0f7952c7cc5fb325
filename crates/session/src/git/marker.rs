//! The marks by which prism knows again what it made: in the worktree's own git directory, and in the repository's for as
//! long as it is being made or removed. What agrees in a mark's nonce is the same making; a path and a name prove nothing.

use std::collections::hash_map::RandomState;
use std::ffi::c_ulong;
use std::fs;
use std::hash::{BuildHasher, Hasher};
use std::path::{Path, PathBuf};

use anyhow::Context;
use domain::identity::nonce::Nonce;
use domain::text::hash::short_hash;
use serde::{Deserialize, Serialize};

use super::repository::Repository;
use crate::machine::read;

/// The file in a worktree's private git directory that says: prism made this.
const MARKER: &str = "prism.json";

/// What stands before the nonce in the name of a worktree that was set aside.
const ASIDE: &str = ".removed-";

/// The longest name that a file may have.
const LONGEST: usize = 255;

/// What prism made for a session, and so may remove with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The top of the worktree.
    pub worktree: PathBuf,
    /// The session directory in it.
    pub session: PathBuf,
    /// The branch that was checked out.
    pub branch: String,
    /// The commit at which it was.
    pub start: String,
    /// The branch was made with the worktree.
    pub is_new_branch: bool,
    /// It is being removed: whoever finds this goes on with that.
    #[serde(default)]
    pub is_going: bool,
    /// The branch's reflog begins with the nonce.
    #[serde(default)]
    pub notes_branch: bool,
    /// Which making this is; `None` if that was one of an earlier version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<Nonce>,
    /// Which process makes it, in an announcement.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// The file system in which the worktree was made, as the kernel numbers them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_system: Option<c_ulong>,
    /// The Engine that has its stack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engine: Option<EngineMark>,
}

/// Which Engine it was, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineMark {
    /// What it calls itself; empty if it does not say.
    pub id: String,
    /// Where it was.
    pub address: String,
}

impl Marker {
    /// Reads the marker of the worktree at `top`; `None` if prism did not make it. One that `git worktree move`
    /// moved is known at its new place; a copy of one is not.
    pub fn read(repository: &Repository, top: &Path) -> Option<Self> {
        Self::of(&repository.registration(top)?.directory, top)
    }

    /// The same, of a worktree whose private git directory is known.
    pub(super) fn of(private: &Path, top: &Path) -> Option<Self> {
        let marker = Self::parse(private)?;
        let session = top.join(marker.session.strip_prefix(&marker.worktree).ok()?);
        Some(Self { worktree: top.to_path_buf(), session: session.components().collect(), ..marker })
    }

    pub(super) fn parse(private: &Path) -> Option<Self> {
        serde_json::from_slice(&read::bytes(&private.join(MARKER)).ok()?).ok()
    }

    /// Writes it into a worktree's private git directory.
    pub(super) fn write(&self, private: &Path) -> anyhow::Result<()> {
        write(&private.join(MARKER), self).context("cannot mark the worktree")
    }

    /// Says whether both are of one making. Those of earlier versions have to be the same in everything.
    pub fn agrees(&self, other: &Self) -> bool {
        match (&self.nonce, &other.nonce) {
            (None, None) => {
                let making =
                    |it: &Self| (it.worktree.clone(), it.branch.clone(), it.start.clone(), it.is_new_branch);
                making(self) == making(other)
            }
            (one, other) => one == other,
        }
    }

    /// What is said of it where git keeps a reason: of its lock, and of its branch.
    pub(super) fn reason(&self) -> Option<String> {
        self.nonce.as_ref().map(reason)
    }

    /// Where the worktree waits for its end: beside its place, under a name that nobody else gives.
    pub fn aside(&self) -> Option<PathBuf> {
        let nonce = self.nonce.as_ref()?;
        let end = format!("{ASIDE}{nonce}");
        let name = self.worktree.file_name()?.to_str()?;
        let longest = LONGEST - end.len() - 1;
        let fits = (0..=longest.min(name.len())).rev().find(|length| name.is_char_boundary(*length))?;
        Some(self.worktree.with_file_name(format!(".{}{end}", &name[..fits])))
    }
}

/// Says whether a name is one that [`Marker::aside`] gives.
pub fn is_aside(name: &str) -> bool {
    let nonce = name.strip_prefix('.').and_then(|name| name.rsplit_once(ASIDE));
    nonce.is_some_and(|(_, nonce)| nonce.len() == 16 && nonce.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

impl Repository {
    /// Notes down what is about to be made or removed, so that a killed prism can be made good.
    pub fn announce(&self, marker: &Marker) -> anyhow::Result<()> {
        let path = self.announcement(&marker.worktree);
        fs::create_dir_all(path.parent().unwrap_or(&self.common))
            .context("cannot write into the git directory")?;
        write(&path, marker)
    }

    /// Returns what was announced for this worktree and never finished.
    pub fn announced(&self, worktree: &Path) -> Option<Marker> {
        let marker: Marker = serde_json::from_slice(&read::bytes(&self.announcement(worktree)).ok()?).ok()?;
        (marker.worktree == worktree).then_some(marker)
    }

    /// Lists everything that was announced and never finished.
    pub fn all_announced(&self) -> Vec<Marker> {
        let entries = fs::read_dir(self.common.join("prism")).into_iter().flatten().filter_map(Result::ok);
        let paths =
            entries.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "json"));
        paths.filter_map(|path| serde_json::from_slice(&read::bytes(&path).ok()?).ok()).collect()
    }

    /// Takes the announcement back.
    pub fn conclude(&self, worktree: &Path) {
        let _ = fs::remove_file(self.announcement(worktree));
    }

    pub(super) fn announcement(&self, worktree: &Path) -> PathBuf {
        let name = short_hash(worktree.as_os_str().as_encoded_bytes());
        self.common.join("prism").join(format!("{name}.json"))
    }
}

/// Makes a nonce. The standard library seeds what this takes it from with random numbers of the kernel.
pub fn nonce() -> Nonce {
    Nonce::new(RandomState::new().build_hasher().finish())
}

fn reason(nonce: &Nonce) -> String {
    format!("prism {nonce}")
}

/// Returns the number of the file system that a directory is in.
pub fn file_system(directory: &Path) -> Option<c_ulong> {
    nix::sys::statvfs::statvfs(directory).ok().map(|found| found.filesystem_id())
}

/// Writes a mark as a whole: half of one would be none.
fn write(path: &Path, marker: &Marker) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    let written = serde_json::to_vec(marker)?;
    let written = fs::write(&new, written).and_then(|()| fs::rename(&new, path));
    if written.is_err() {
        // The disk may be full.
        let _ = fs::remove_file(&new);
    }
    written.with_context(|| format!("cannot write `{}`", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_cannot_be_written_leaves_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let marker = serde_json::json!({
            "worktree": "/w", "session": "/w", "branch": "b", "start": "", "is_new_branch": true,
        });
        let marker: Marker = serde_json::from_value(marker).expect("a mark");
        let path = directory.path().join("mark.json");
        fs::create_dir(&path).expect("what cannot be replaced");
        assert!(write(&path, &marker).is_err());
        assert_eq!(fs::read_dir(directory.path()).expect("a directory").count(), 1);
    }
}
