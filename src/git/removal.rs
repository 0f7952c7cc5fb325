//! Taking a worktree away that prism made, in steps that a killed prism can be made good from.

use std::fs;
use std::path::Path;

use anyhow::Context;

use super::worktree::{Marker, Registration, Repository, commit};
use super::{attempt, loss};
use crate::domain::shell::word;
use crate::error::Failure;

impl Repository {
    /// Removes what was made for `marker` a moment ago: the worktree, and the branch if it still is where it began.
    ///
    /// # Errors
    /// Something cannot be removed, or somebody has committed there. Nothing was removed in the latter case.
    pub fn undo(&self, marker: &Marker) -> anyhow::Result<()> {
        let is_registered = self.registration(&marker.worktree).is_some();
        if is_registered
            && !marker.is_going
            && commit(&marker.worktree, "HEAD").is_ok_and(|head| head != marker.start)
        {
            let shown = marker.worktree.display();
            return Err(Failure::new(format!("`{shown}` has new commits: it stays"))
                .hint(format!("`prism destroy {}` removes it", word(shown)))
                .into());
        }
        self.remove(marker)?;
        if marker.is_new_branch {
            // `branch -d` left it if it began where nothing else is.
            let reference = format!("refs/heads/{}", marker.branch);
            attempt(&self.common, &["update-ref", "-d", &reference, &marker.start])?;
        }
        Ok(())
    }

    /// Removes what a killed `git worktree add` left.
    ///
    /// # Errors
    /// There is something in it that git did not put there. Nothing was removed then.
    pub fn undo_half(&self, marker: &Marker) -> anyhow::Result<()> {
        if !loss::has_own_content(self, marker)? {
            return self.undo(marker);
        }
        let shown = marker.worktree.display();
        Err(Failure::new(format!("`{shown}` is unfinished, and has content that git did not put there"))
            .hint(format!("save that, and remove it: `{}`", self.forget_command(&marker.worktree)))
            .into())
    }

    /// Returns the command that takes a worktree away, locked or missing as it may be.
    pub fn forget_command(&self, worktree: &Path) -> String {
        let (common, worktree) = (word(self.common.display()), word(worktree.display()));
        format!("git -C {common} worktree remove --force --force {worktree}")
    }

    /// Removes a worktree that prism made, whatever is in it, and its branch if nothing is lost with that. What is
    /// interrupted goes on with the next call.
    ///
    /// Not by `git worktree remove`, which needs a whole worktree and ends half-way at the first file that it cannot
    /// delete; and not by `prune`, which would drop worktrees of the user that are merely away.
    pub fn remove(&self, marker: &Marker) -> anyhow::Result<()> {
        let going = Marker { is_going: true, ..marker.clone() };
        self.announce(&going)?;
        let registration = self.registration(&marker.worktree);
        if let Some(Registration { directory, .. }) = registration {
            remove_tree(&marker.worktree)?;
            fs::remove_dir_all(directory).context("cannot clean up the git directory")?;
        } else {
            // git makes the directory first. With something in it, it is somebody else's.
            let _ = fs::remove_dir(&marker.worktree);
        }
        if marker.is_new_branch {
            // Git's own check: a branch with work that is nowhere else stays.
            attempt(&self.common, &["branch", "-d", "--", &marker.branch])?;
        }
        self.conclude(&marker.worktree);
        Ok(())
    }
}

/// Removes a directory, its `.git` last: until then it is known what it was.
fn remove_tree(top: &Path) -> anyhow::Result<()> {
    let cannot = || format!("cannot remove `{}`", top.display());
    let entries = match fs::read_dir(top) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(cannot)?,
    };
    for entry in entries.map(|entry| entry.map(|entry| entry.path())) {
        let path = entry.with_context(cannot)?;
        if path.file_name().is_some_and(|name| name == ".git") {
            continue;
        }
        let is_directory = path.symlink_metadata().is_ok_and(|found| found.is_dir());
        let removed = if is_directory { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        removed.with_context(|| format!("cannot remove `{}`", path.display()))?;
    }
    fs::remove_dir_all(top).with_context(cannot)
}
