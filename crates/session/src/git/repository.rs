//! A repository, found without running git.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::home::{self, Home, home};
use super::{attempt, common_directory, private_directory, run};

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

    /// Counts the commits that `HEAD` has and `commit` has not; `None` where that is no commit here.
    pub fn ahead_of(&self, commit: &str) -> Option<usize> {
        let range = format!("{commit}..HEAD");
        let counted = run(&self.here, &["rev-list", "--count", "--end-of-options", &range, "--"]);
        counted.ok()?.trim().parse().ok()
    }

    /// Lets the other worktrees know where the main one is, if this is it and nothing else tells.
    pub fn remember_home(&self) -> anyhow::Result<()> {
        home::remember(&self.here).context("cannot write into the git directory")
    }
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
