//! What git itself has noted down of a worktree.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::marker::{self, Marker};
use super::repository::Repository;
use super::{attempt, loss};
use crate::machine::read;

/// Why git itself locks a worktree that it is about to make.
const INITIALIZING: &str = "initializing";

/// How the name begins that a git directory has on its way out.
const RUBBISH: &str = "removed-";

/// One of them.
#[derive(Debug)]
pub struct Registration {
    /// Its private git directory.
    pub(super) directory: PathBuf,
    /// Why it is locked, if it is.
    pub(super) lock: Option<String>,
}

impl Registration {
    pub(super) fn at(directory: PathBuf) -> Self {
        let lock = read::text(&directory.join("locked")).ok();
        Self { lock: lock.map(|reason| reason.trim().to_owned()), directory }
    }

    /// Where the worktree is, or was; `None` if git did not come so far.
    pub(super) fn place(&self) -> Option<PathBuf> {
        let entry = self.directory.join(read::text(&self.directory.join("gitdir")).ok()?.trim());
        let top = entry.parent()?;
        // It may be written relative to the git directory.
        Some(resolved(top).unwrap_or_else(|| top.to_path_buf()))
    }

    /// Says whether it is what was made for `marker`.
    pub(super) fn is_of(&self, marker: &Marker) -> bool {
        match Marker::parse(&self.directory) {
            Some(found) => found.agrees(marker),
            // Before it is marked, it is locked, and says why.
            None => marker.reason().is_some() && self.lock == marker.reason(),
        }
    }

    /// Says whether the worktree is only half made, by prism or by git. A file of somebody's that was left says nothing.
    pub(super) fn is_half(&self) -> bool {
        match Marker::parse(&self.directory) {
            None => true,
            Some(marker) if marker.nonce.is_none() => {
                !self.directory.join("index").exists() || self.lock.as_deref() == Some(INITIALIZING)
            }
            Some(marker) => self.lock.is_some() && self.lock == marker.reason(),
        }
    }

    /// Says whether git came so far that there is a HEAD: somebody may have gone on from it.
    pub(super) fn has_head(&self) -> anyhow::Result<bool> {
        let git_dir = format!("--git-dir={}", self.directory.display());
        let asked =
            attempt(&self.directory, &[&git_dir, "rev-parse", "--quiet", "--verify", "HEAD^{commit}"])?;
        Ok(asked.status.success())
    }

    /// Says why somebody locked it, and nobody else did but to make it.
    pub(super) fn lock_of_somebody(&self) -> Option<&str> {
        let reason = Marker::parse(&self.directory).and_then(|marker| marker.reason());
        self.lock.as_deref().filter(|lock| Some(*lock) != reason.as_deref() && *lock != INITIALIZING)
    }
}

impl Repository {
    /// Looks for git's own note of a worktree, whether or not that is there.
    pub fn registration(&self, worktree: &Path) -> Option<Registration> {
        let entry = worktree.join(".git");
        self.registrations().find(|it| it.place().is_some_and(|place| is_same(&place.join(".git"), &entry)))
    }

    /// Looks for what was made for `marker`, wherever it is by now.
    pub(super) fn registration_of(&self, marker: &Marker) -> Option<Registration> {
        self.registrations().find(|it| it.is_of(marker))
    }

    pub(super) fn registrations(&self) -> impl Iterator<Item = Registration> {
        let entries = fs::read_dir(self.common.join("worktrees")).into_iter().flatten();
        entries.filter_map(Result::ok).map(|entry| Registration::at(entry.path()))
    }

    /// Takes git's note of a worktree back that prism made and somebody deleted, unless something would be lost, or it
    /// is merely away, as on a disk that is not mounted. Says whether it did.
    pub fn forget_deleted(&self, worktree: &Path) -> anyhow::Result<bool> {
        let Some(registration) = self.registration(worktree) else { return Ok(true) };
        let marker = Marker::parse(&registration.directory).filter(|marker| marker.worktree == worktree);
        let Some(marker) = marker.filter(|_| registration.lock.is_none()) else { return Ok(false) };
        if !is_gone(&marker) || !loss::losses_of_missing(self, &marker, &registration.directory)?.is_empty() {
            return Ok(false);
        }
        self.remove_registration(&registration)?;
        self.remove_rubbish();
        Ok(true)
    }

    /// Takes git's note of a worktree away, in one step: what is left of half a one would be nobody's.
    pub(super) fn remove_registration(&self, registration: &Registration) -> anyhow::Result<()> {
        let rubbish = self.common.join("prism").join(format!("{RUBBISH}{}", marker::nonce()));
        fs::create_dir_all(self.common.join("prism"))
            .and_then(|()| fs::rename(&registration.directory, rubbish))
            .context("cannot clean up the git directory")
    }

    /// Deletes what was taken away, also by a prism that was killed before it did. Somebody else may be at it.
    pub(super) fn remove_rubbish(&self) {
        let entries = fs::read_dir(self.common.join("prism")).into_iter().flatten().filter_map(Result::ok);
        let is_rubbish = |name: &OsStr| name.as_encoded_bytes().starts_with(RUBBISH.as_bytes());
        for entry in entries.filter(|entry| is_rubbish(&entry.file_name())) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Says whether a worktree was deleted: it is not there, and what is around it is what was around it when it was made.
pub(super) fn is_gone(marker: &Marker) -> bool {
    let parent = marker.worktree.parent().filter(|parent| parent.is_dir());
    let Some(parent) = parent.filter(|_| marker.worktree.symlink_metadata().is_err()) else { return false };
    marker.file_system.is_none() || marker.file_system == marker::file_system(parent)
}

/// Compares paths that need not exist.
fn is_same(one: &Path, other: &Path) -> bool {
    one == other || resolved(one).is_some_and(|one| Some(one) == resolved(other))
}

/// Resolves what is around a path that need not exist.
fn resolved(path: &Path) -> Option<PathBuf> {
    let parent = path.parent().and_then(|parent| parent.canonicalize().ok());
    parent.zip(path.file_name()).map(|(parent, name)| parent.join(name))
}
