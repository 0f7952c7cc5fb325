//! The worktree that `create` made for a session, and that goes with it.

use std::fs;
use std::path::{Path, PathBuf};

use super::create::default_sessions;
use super::generated::is_generated;
use crate::domain::loss::Loss;
use crate::domain::shell::word;
use crate::error::Failure;
use crate::files;
use crate::git::{self, Looked, Marker, Repository};

/// A worktree that prism made.
#[derive(Debug)]
pub struct Worktree {
    repository: Repository,
    marker: Marker,
}

impl Worktree {
    /// Finds the worktree that was made for the session of `directory`; another session of it has no say in it.
    ///
    /// One of which the removal was interrupted is found from inside, or from the repository around `here`.
    pub fn of_session(directory: &Path, here: &Path) -> Option<Self> {
        let top = directory.ancestors().find(|directory| directory.join(".git").is_file());
        if let Some((top, repository)) = top.and_then(|top| Some((top, Repository::find(top)?)))
            && let Some(marker) = Marker::read(&repository, top)
        {
            let is_going = repository.announced(top).is_some_and(|announced| announced.is_going);
            let marker = Marker { is_going, ..marker };
            return (marker.session == directory).then_some(Self { repository, marker });
        }
        let repository = Repository::find(here)?;
        let mut announced = directory.ancestors().filter_map(|top| repository.announced(top));
        let marker = announced.find(|marker| marker.is_going && marker.session == directory)?;
        Some(Self { repository, marker })
    }

    /// Finds the session directory of a worktree around `here` of which the removal was interrupted: nothing around
    /// it is meant by whoever stands there.
    pub fn going(here: &Path) -> Option<PathBuf> {
        let repository = Repository::find(here)?;
        let mut announced = here.ancestors().filter_map(|top| repository.announced(top));
        announced.find(|marker| marker.is_going).map(|marker| marker.session)
    }

    /// Returns its top.
    pub fn top(&self) -> &Path {
        &self.marker.worktree
    }

    /// Returns a directory that stays.
    pub fn away(&self) -> &Path {
        &self.repository.common
    }

    /// Fails if the user locked it.
    pub fn check_lock(&self) -> Result<(), Failure> {
        let Some(reason) = git::lock_reason(&self.repository, self.top()) else { return Ok(()) };
        let shown = self.top().display();
        let (common, top) = (word(self.away().display()), word(&shown));
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        Err(Failure::new(format!("the worktree `{shown}` is locked{reason}"))
            .hint(format!("`git -C {common} worktree unlock {top}`, if it may go")))
    }

    /// Finds what would be lost with it.
    pub fn losses(&self) -> anyhow::Result<Vec<Loss>> {
        let Self { repository, marker } = self;
        if !self.top().exists() {
            return Ok(Vec::new());
        }
        let looked = Looked { repository, marker, top: self.top(), is_going: marker.is_going };
        git::losses(looked, &is_generated)
    }

    /// Fails if something would be lost with it.
    pub fn check_losses(&self) -> anyhow::Result<()> {
        let losses = self.losses()?;
        if losses.is_empty() {
            return Ok(());
        }
        let shown = self.top().display();
        Err(Failure::new(format!("the worktree `{shown}` has what would be lost"))
            .details(losses.iter().map(ToString::to_string))
            .hint(format!("save that, or lose it with `prism destroy --force {}`", word(&shown)))
            .into())
    }

    /// Fails if a file of it cannot be deleted: a container that ran as root may have made it.
    pub fn check_removable(&self) -> Result<(), Failure> {
        let Some(path) = files::undeletable(self.top()) else { return Ok(()) };
        let shown = path.display();
        Err(Failure::new(format!("`{shown}` cannot be emptied by you, and is in the worktree that goes"))
            .hint(format!("remove it first: `sudo rm -r {}`", word(shown))))
    }

    /// Names what goes: the worktree, its branch, and what would be lost.
    pub fn describe(&self) -> anyhow::Result<Vec<String>> {
        let mut lines = vec![format!("worktree {}", self.top().display())];
        if self.marker.is_new_branch {
            lines.push(format!("branch {}, unless it has commits that are nowhere else", self.marker.branch));
        }
        lines.extend(self.losses()?.into_iter().map(|loss| format!("  with {loss}")));
        Ok(lines)
    }

    /// Removes it, its branch if that was made with it and is merged, and the directory of worktrees if that is
    /// prism's own and empty now.
    pub fn remove(&self) -> anyhow::Result<()> {
        self.repository.remove(&self.marker)?;
        let parent = default_sessions(&self.repository.main);
        if self.top().parent() == Some(&parent) {
            let _ = fs::remove_dir(parent);
        }
        Ok(())
    }
}
