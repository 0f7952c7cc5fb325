//! What the git directories of a worktree's submodules hold that no remote has. They are the worktree's own, and go
//! with it, also where the submodule is not checked out any more.

use std::fs;
use std::path::{Path, PathBuf};

use domain::worktree::loss::Loss;

use super::{REMOTES, Seen, saved};
use crate::machine::read;

/// Names the submodules with commits or stashes that no remote has. What the commit `start` of the project names was
/// there before the worktree was.
pub(super) fn losses(common: &Path, private: &Path, start: &str) -> anyhow::Result<Vec<Loss>> {
    let mut losses = Vec::new();
    let modules = private.join("modules");
    if modules.is_dir() && modules.canonicalize()? != common.join("modules") {
        look(&modules, &modules, &links(common, start), &mut losses)?;
    }
    Ok(losses)
}

/// Says whether a repository that is nobody's submodule, or one of its own submodules, has commits or stashes that no
/// remote has, or another worktree.
pub(super) fn has_work(git: &Path) -> anyhow::Result<bool> {
    let seen = within(git);
    if git.join("worktrees").exists() || seen.has_unsaved(&[])? {
        return Ok(true);
    }
    let mut losses = Vec::new();
    let modules = git.join("modules");
    if modules.is_dir() {
        look(&modules, &modules, &links(git, "HEAD"), &mut losses)?;
    }
    Ok(!losses.is_empty())
}

impl Seen<'_> {
    /// Says whether there are commits or stashes that neither a remote has nor one of `known`. Tags may be the user's own,
    /// and go, too.
    fn has_unsaved(&self, known: &[&str]) -> anyhow::Result<bool> {
        let passed = self.passed()?;
        let passed: Vec<&str> = passed.iter().map(String::as_str).collect();
        let saved = saved(&[REMOTES], |arguments| self.git(arguments))?;
        let saved: Vec<&str> = saved.iter().map(String::as_str).collect();
        // What a reflog names may have been cleaned up since.
        let list = ["rev-list", "--max-count=1", "--ignore-missing", "--all"];
        Ok(!self.git(&[&list[..], &passed, &["--not"], &saved, known, &["--"]].concat())?.is_empty())
    }
}

fn look(top: &Path, directory: &Path, known: &[String], losses: &mut Vec<Loss>) -> anyhow::Result<()> {
    for git in directories(directory)? {
        // A name may have slashes.
        if !git.join("HEAD").exists() || !git.join("objects").is_dir() {
            look(top, &git, known, losses)?;
            continue;
        }
        let seen = within(&git);
        let has = |commit: &&String| seen.has(&["cat-file", "-e", commit]).unwrap_or_default();
        let known: Vec<&str> = known.iter().filter(has).map(String::as_str).collect();
        if seen.has_unsaved(&known)? {
            let name = git.strip_prefix(top).unwrap_or(&git).to_string_lossy().replace("/modules/", "/");
            losses.push(Loss::Submodule(name));
        }
        losses.extend(worktrees(&git)?.into_iter().map(Loss::Worktree));
        let inner: Vec<String> = known.iter().flat_map(|commit| links(&git, commit)).collect();
        let modules = git.join("modules");
        if modules.is_dir() {
            look(top, &modules, &inner, losses)?;
        }
    }
    Ok(())
}

/// Names the linked worktrees of a submodule, wherever they are: their git directories go with the submodule's.
fn worktrees(git: &Path) -> anyhow::Result<Vec<String>> {
    let linked = git.join("worktrees");
    if !linked.is_dir() {
        return Ok(Vec::new());
    }
    let place = |registration: PathBuf| {
        let text = read::text(&registration.join("gitdir")).unwrap_or_default();
        let place = text.trim_end().trim_end_matches("/.git").to_owned();
        Path::new(&place).is_absolute().then_some(place)
    };
    Ok(directories(&linked)?.into_iter().filter_map(place).collect())
}

/// Looks from within a git directory, and names a place that is there for its files: its own words for that lead nowhere
/// once the worktree is set aside.
fn within(git: &Path) -> Seen<'_> {
    let options = vec![format!("--git-dir={}", git.display()), format!("--work-tree={}", git.display())];
    Seen { directory: git, private: git, options }
}

/// The commits of submodules that a commit names.
fn links(git: &Path, commit: &str) -> Vec<String> {
    let seen = within(git);
    let tree = seen.git(&["ls-tree", "-r", "-z", commit]).unwrap_or_default();
    let tree = String::from_utf8_lossy(&tree).into_owned();
    let link = |entry: &str| Some(entry.strip_prefix("160000 commit ")?.split('\t').next()?.to_owned());
    tree.split('\0').filter_map(link).collect()
}

fn directories(parent: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}
