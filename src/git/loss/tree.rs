//! Repositories and worktrees that lie in a worktree.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::domain::loss::{Loss, is_cache};
use crate::git::{bytes, private_directory, run};

/// What was found below a worktree's top.
#[derive(Debug, Default)]
pub(super) struct Nested {
    /// Its submodules, as far as they are checked out, and their git directories.
    pub(super) submodules: Vec<(PathBuf, PathBuf)>,
    /// Repositories that are none.
    repositories: Vec<PathBuf>,
    /// Worktrees of a repository that is elsewhere, or nowhere any more.
    worktrees: Vec<PathBuf>,
}

impl Nested {
    /// Returns what is not to be counted as files of the checkout at `top`.
    pub(super) fn skipped(&self, top: &Path) -> Vec<PathBuf> {
        let submodules = self.submodules.iter().map(|(path, _)| path).filter(|path| *path != top);
        self.repositories.iter().chain(&self.worktrees).chain(submodules).cloned().collect()
    }

    /// Names them. What a tool cloned into a cache counts only if there is work in it.
    pub(super) fn losses(&self, top: &Path) -> anyhow::Result<Vec<Loss>> {
        let name = |path: &Path| path.strip_prefix(top).unwrap_or(path).to_string_lossy().into_owned();
        let mut losses: Vec<Loss> = self.worktrees.iter().map(|path| Loss::Worktree(name(path))).collect();
        for path in &self.repositories {
            if !is_cache(&name(path), true) || has_work(path)? {
                losses.push(Loss::Repository(name(path)));
            }
        }
        Ok(losses)
    }
}

/// Looks for all of them below `top`, whose git directory is `private`.
///
/// # Errors
/// A directory cannot be read.
pub(super) fn nested(top: &Path, private: &Path) -> anyhow::Result<Nested> {
    let mut found = Nested::default();
    let modules = private.join("modules").canonicalize().ok();
    visit(top, top, modules.as_deref(), &mut found)?;
    Ok(found)
}

fn visit(top: &Path, directory: &Path, modules: Option<&Path>, found: &mut Nested) -> anyhow::Result<()> {
    if directory != top && !classify(directory, modules, found) {
        return Ok(());
    }
    let cannot = || format!("cannot look into `{}`", directory.display());
    for entry in fs::read_dir(directory).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        if entry.file_type().with_context(cannot)?.is_dir() && entry.file_name() != ".git" {
            visit(top, &entry.path(), modules, found)?;
        }
    }
    Ok(())
}

/// Says whether what is in a directory belongs to the project around it.
fn classify(directory: &Path, modules: Option<&Path>, found: &mut Nested) -> bool {
    let entry = directory.join(".git");
    match entry.symlink_metadata() {
        Ok(metadata) if metadata.is_file() => {
            let git = private_directory(directory).and_then(|git| git.canonicalize().ok());
            match git {
                Some(git) if modules.is_some_and(|modules| git.starts_with(modules)) => {
                    found.submodules.push((directory.to_path_buf(), git));
                    return true;
                }
                _ => found.worktrees.push(directory.to_path_buf()),
            }
        }
        // git shows nothing of what is in there, and takes an empty one for none.
        Ok(_) if fs::read_dir(&entry).is_ok_and(|mut entries| entries.next().is_some()) => {
            found.repositories.push(directory.to_path_buf());
        }
        _ => return true,
    }
    false
}

/// Says whether a repository holds anything that none of its remotes has.
fn has_work(directory: &Path) -> anyhow::Result<bool> {
    if directory.join(".git/worktrees").exists() {
        return Ok(true);
    }
    if !run(directory, &["rev-list", "--max-count=1", "--all", "--not", "--remotes", "--"])?.is_empty() {
        return Ok(true);
    }
    let status = ["--no-optional-locks", "status", "--porcelain", "-z", "--ignore-submodules=none"];
    Ok(!bytes(directory, &status)?.is_empty())
}
