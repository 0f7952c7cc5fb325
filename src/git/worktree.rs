//! A repository, and the worktrees that prism makes of it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::branch::{Beginning, short};
use super::home::{self, Home, home};
use super::marker::Marker;
use super::{attempt, common_directory, printed, private_directory, run};

/// A repository, seen from one of its worktrees.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The top of the main worktree; of a bare repository, where that would be.
    pub main: PathBuf,
    /// It is known where that is, and not only what it might be called.
    pub has_home: bool,
    /// The directory that all worktrees share.
    pub common: PathBuf,
    /// The top of the worktree from which it is seen.
    pub(super) here: PathBuf,
}

/// How far a worktree came that was announced.
#[derive(Debug)]
pub enum Progress {
    /// git knows nothing of it.
    Nothing,
    /// It was not finished.
    Half,
    /// It is whole, and marked as prism's.
    Whole(Box<Marker>),
    /// Somebody moved it away, or deleted it.
    Elsewhere,
}

impl Repository {
    /// Finds the repository around `directory`, without running git: `stop` and `destroy` work where git is missing, or
    /// refuses to touch a repository of another user. `None` outside git.
    pub fn find(directory: &Path) -> Option<Self> {
        let top = directory.ancestors().find(|directory| directory.join(".git").exists())?;
        let common = common_directory(&private_directory(top)?)?;
        let home = home(top).unwrap_or_else(|| Home::Known(top.to_path_buf()));
        let has_home = matches!(home, Home::Known(_));
        Some(Self { main: home.path(), has_home, common, here: top.to_path_buf() })
    }

    /// Says whether a branch exists.
    pub fn has_branch(&self, branch: &str) -> anyhow::Result<bool> {
        let reference = format!("refs/heads/{branch}");
        Ok(attempt(&self.common, &["show-ref", "--verify", "--quiet", &reference])?.status.success())
    }

    /// Says whether git takes this name for a branch. A revision such as `@{-1}` is none.
    pub fn is_branch_name(&self, branch: &str) -> anyhow::Result<bool> {
        let reference = format!("refs/heads/{branch}");
        let is_reserved = branch.starts_with('-') || matches!(branch, "@" | "HEAD");
        Ok(!is_reserved && attempt(&self.common, &["check-ref-format", &reference])?.status.success())
    }

    /// Returns the commit that a revision means in the worktree from which the repository is seen.
    pub fn commit(&self, revision: &str) -> anyhow::Result<String> {
        commit(&self.here, revision)
    }

    /// Lets the other worktrees know where the main one is, if this is it and nothing else tells.
    pub fn remember_home(&self) -> anyhow::Result<()> {
        home::remember(&self.here).context("cannot write into the git directory")
    }

    /// Makes the worktree that `marker` names, whose branch begins so, and marks it.
    ///
    /// Whatever it makes says from its first moment whose it is: the branch in its reflog, git's note of the worktree in
    /// the reason why it is locked, until it is marked and whole.
    ///
    /// # Errors
    /// git cannot make it: somebody else has made a branch or a directory of that name, for instance. What was made
    /// before that is there.
    pub fn add_worktree(&self, marker: &Marker, beginning: &Beginning) -> anyhow::Result<()> {
        let path = marker.worktree.to_str().context("the worktree's path is not UTF-8")?;
        let reason = marker.reason().context("a worktree is made without a nonce")?;
        if marker.is_new_branch {
            let reference = format!("refs/heads/{}", marker.branch);
            // An empty old value: there is none.
            run(
                &self.common,
                &["update-ref", "--create-reflog", "-m", &reason, &reference, &marker.start, ""],
            )?;
        }
        if let Beginning::Tracking(upstream) = beginning {
            let upstream = format!("--set-upstream-to={}", short(upstream));
            run(&self.common, &["branch", "--quiet", &upstream, &marker.branch])?;
        }
        let add = ["worktree", "add", "--quiet", "--no-checkout", "--lock"];
        let place = ["--", path, &marker.branch];
        let added = attempt(&self.common, &[&add[..], &["--reason", &reason], &place].concat())?;
        // git before 2.33 takes no reason.
        if added.status.code() == Some(129) {
            run(&self.common, &[&add[..], &place].concat())?;
        } else {
            printed(added, &[&add[..], &place].concat())?;
        }
        let private = private_directory(&marker.worktree).context("the new worktree has no git directory")?;
        fs::write(private.join("locked"), &reason).context("cannot lock the new worktree")?;
        marker.write(&private)?;
        run(&marker.worktree, &["checkout", "--quiet", "--force"])?;
        fs::remove_file(private.join("locked")).context("cannot unlock the new worktree")
    }

    /// Says how far the worktree came that was announced.
    pub fn progress(&self, announced: &Marker) -> Progress {
        let Some(registration) = self.registration_of(announced) else { return Progress::Nothing };
        let is_at_place = registration.place().as_deref() == Some(&announced.worktree);
        if registration.is_half() {
            return Progress::Half;
        }
        match Marker::parse(&registration.directory) {
            Some(marker) if is_at_place && announced.worktree.join(".git").exists() => {
                Progress::Whole(Box::new(marker))
            }
            _ => Progress::Elsewhere,
        }
    }
}

/// Says why the worktree at `top` is locked, if it is.
pub fn lock_reason(repository: &Repository, top: &Path) -> Option<String> {
    repository.registration(top)?.lock_of_somebody().map(str::to_owned)
}

/// Says whether the worktree around `directory` is one that prism made, and somebody moved or copied.
pub fn is_moved(directory: &Path) -> bool {
    let top = directory.ancestors().find(|directory| directory.join(".git").is_file());
    let Some(top) = top.filter(|top| private_directory(top).is_some_and(|it| Marker::parse(&it).is_some()))
    else {
        return false;
    };
    Repository::find(top).is_some_and(|repository| repository.registration(top).is_none())
}

/// Returns the top of the repository of which the one around `directory` is a submodule, or a submodule's submodule: the
/// outermost. There may be no `directory`, if that is where a bare repository's worktree would be.
pub fn superproject(directory: &Path) -> anyhow::Result<Option<PathBuf>> {
    let mut outermost = None;
    let mut directory = directory.to_path_buf();
    while directory.exists() {
        let asked = attempt(&directory, &["rev-parse", "--show-superproject-working-tree"])?;
        let top = String::from_utf8_lossy(&asked.stdout).trim_end_matches('\n').to_owned();
        if !asked.status.success() || top.is_empty() {
            break;
        }
        directory = PathBuf::from(top);
        outermost = Some(directory.clone());
    }
    Ok(outermost)
}

pub(super) fn commit(directory: &Path, revision: &str) -> anyhow::Result<String> {
    let wanted = format!("{revision}^{{commit}}");
    run(directory, &["rev-parse", "--verify", "--end-of-options", &wanted])
}
