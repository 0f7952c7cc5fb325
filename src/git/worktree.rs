//! Worktrees that prism makes, and the marks by which it knows them again.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use super::{attempt, main_worktree, private_directory, run};

/// The file in a worktree's private git directory that says: prism made this.
const MARKER: &str = "prism.json";

/// A repository, seen from one of its worktrees.
#[derive(Debug, Clone)]
pub struct Repository {
    /// The top of the main worktree.
    pub main: PathBuf,
    /// The directory that all worktrees share.
    common: PathBuf,
}

/// What prism made for a session, and so may remove with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    /// The top of the worktree.
    pub worktree: PathBuf,
    /// The branch that was made with it, and the commit at which it began.
    pub branch: Option<(String, String)>,
    /// Volumes of an earlier session of the same directory were there before.
    #[serde(default)]
    pub keeps_volumes: bool,
}

impl Repository {
    /// Finds the repository around `directory`; `None` outside git.
    pub fn find(directory: &Path) -> anyhow::Result<Option<Self>> {
        let Some(top) = directory.ancestors().find(|directory| directory.join(".git").exists()) else {
            return Ok(None);
        };
        let common = run(top, &["rev-parse", "--git-common-dir"])?;
        let main = main_worktree(top).unwrap_or_else(|| top.to_path_buf());
        Ok(Some(Self { main, common: top.join(common) }))
    }

    /// Says whether a branch exists.
    pub fn has_branch(&self, branch: &str) -> anyhow::Result<bool> {
        let reference = format!("refs/heads/{branch}");
        Ok(attempt(&self.common, &["show-ref", "--verify", "--quiet", &reference])?.status.success())
    }

    /// Says whether git takes this name for a branch.
    pub fn is_branch_name(&self, branch: &str) -> anyhow::Result<bool> {
        Ok(attempt(&self.common, &["check-ref-format", "--branch", branch])?.status.success())
    }

    /// Returns the commit that a revision means.
    pub fn commit(&self, revision: &str) -> anyhow::Result<String> {
        let wanted = format!("{revision}^{{commit}}");
        run(&self.common, &["rev-parse", "--verify", "--end-of-options", &wanted])
    }

    /// Makes a worktree of an existing branch, or of a new one that begins at `start`.
    pub fn add_worktree(&self, path: &Path, branch: &str, start: Option<&str>) -> anyhow::Result<()> {
        let path = path.to_str().context("the worktree's path is not UTF-8")?;
        let arguments = match start {
            Some(start) => vec!["worktree", "add", "--quiet", "-b", branch, "--", path, start],
            None => vec!["worktree", "add", "--quiet", "--", path, branch],
        };
        run(&self.common, &arguments).map(drop)
    }

    /// Removes what `marker` names: the worktree, and the branch if it still is where it began.
    ///
    /// To be used on what was just made: whatever the worktree holds is lost.
    pub fn undo(&self, marker: &Marker) -> anyhow::Result<()> {
        let path = marker.worktree.to_string_lossy();
        if attempt(&self.common, &["worktree", "remove", "--force", "--force", "--", &path])?.status.success()
        {
            // Nothing is left of it.
        } else if marker.worktree.join(".git").is_file() || is_empty_directory(&marker.worktree) {
            // Its own registration only: `worktree prune` would drop the user's that are merely away.
            let private = private_directory(&marker.worktree)
                .filter(|it| it.starts_with(self.common.join("worktrees")));
            fs::remove_dir_all(&marker.worktree).with_context(|| format!("cannot remove `{path}`"))?;
            if let Some(private) = private {
                let _ = fs::remove_dir_all(private);
            }
        }
        if let Some((branch, commit)) = &marker.branch {
            attempt(&self.common, &["update-ref", "-d", &format!("refs/heads/{branch}"), commit])?;
        }
        Ok(())
    }

    /// Removes a worktree that prism made, and its branch if that is merged.
    ///
    /// # Errors
    /// It has uncommitted work, and `force` is not set. Nothing was removed then.
    pub fn remove_worktree(&self, marker: &Marker, force: bool) -> anyhow::Result<()> {
        let path = marker.worktree.to_string_lossy();
        let mut arguments = vec!["worktree", "remove"];
        arguments.extend(force.then_some("--force"));
        arguments.extend(["--", &path]);
        run(&self.common, &arguments)?;
        if let Some((branch, _)) = &marker.branch {
            // Git's own check: a branch with work that is nowhere else stays.
            attempt(&self.common, &["branch", "-d", "--", branch])?;
        }
        Ok(())
    }

    /// Notes down that this is about to be made, so that a killed prism can be made good.
    pub fn announce(&self, marker: &Marker) -> anyhow::Result<()> {
        let path = self.announcement(&marker.worktree);
        fs::create_dir_all(path.parent().unwrap_or(&self.common))
            .context("cannot write into the git directory")?;
        fs::write(&path, serde_json::to_vec(marker)?)
            .with_context(|| format!("cannot write `{}`", path.display()))
    }

    /// Returns what was announced for this worktree and never finished.
    pub fn unfinished(&self, worktree: &Path) -> Option<Marker> {
        // The file is named after the last part of the path only: another worktree's is not this one's.
        let marker: Marker = serde_json::from_slice(&fs::read(self.announcement(worktree)).ok()?).ok()?;
        (marker.worktree == worktree).then_some(marker)
    }

    /// Takes the announcement back.
    pub fn conclude(&self, worktree: &Path) {
        let _ = fs::remove_file(self.announcement(worktree));
    }

    fn announcement(&self, worktree: &Path) -> PathBuf {
        let name = worktree.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        self.common.join("prism").join(format!("{name}.json"))
    }
}

impl Marker {
    /// Reads the marker of the worktree at `top`; `None` if prism did not make it.
    pub fn read(top: &Path) -> Option<Self> {
        let marker: Self =
            serde_json::from_slice(&fs::read(private_directory(top)?.join(MARKER)).ok()?).ok()?;
        (marker.worktree == top).then_some(marker)
    }

    /// Marks the worktree.
    pub fn write(&self) -> anyhow::Result<()> {
        let private = private_directory(&self.worktree).context("the new worktree has no git directory")?;
        fs::write(private.join(MARKER), serde_json::to_vec(self)?).context("cannot mark the new worktree")
    }
}

/// Says whether a worktree has changes or untracked files.
pub fn has_uncommitted_work(worktree: &Path) -> anyhow::Result<bool> {
    Ok(!run(worktree, &["status", "--porcelain"])?.is_empty())
}

fn is_empty_directory(path: &Path) -> bool {
    fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}
