//! Repositories and worktrees that lie in a worktree.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use domain::worktree::loss::{Loss, is_cache};

use super::checkout::Checkout;
use super::submodule;
use crate::git::{attempt, private_directory};

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
        let mut losses: Vec<Loss> =
            self.worktrees.iter().map(|path| Loss::Worktree(name(top, path))).collect();
        for path in &self.repositories {
            let name = name(top, path);
            if !is_cache(&name, true) || has_work(path)? {
                losses.push(Loss::Repository(name));
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
    if directory != top && !classify(top, directory, modules, found) {
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
fn classify(top: &Path, directory: &Path, modules: Option<&Path>, found: &mut Nested) -> bool {
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
        // Elsewhere, its files count like any others.
        _ if is_bare(directory) && is_cache(&name(top, directory), true) => {
            found.repositories.push(directory.to_path_buf());
        }
        _ => return true,
    }
    false
}

fn is_bare(directory: &Path) -> bool {
    directory.join("HEAD").is_file() && ["objects", "refs"].iter().all(|name| directory.join(name).is_dir())
}

fn name(top: &Path, path: &Path) -> String {
    path.strip_prefix(top).unwrap_or(path).to_string_lossy().into_owned()
}

/// Says whether a repository holds anything that none of its remotes has, or cannot be looked at without running what is
/// not the user's: a tool, or a container, may have written its configuration.
pub fn has_work(top: &Path) -> anyhow::Result<bool> {
    let git = top.join(".git");
    if !git.exists() {
        return submodule::has_work(top);
    }
    let found = nested(top, &git)?;
    if runs_something(&git)? || submodule::has_work(&git)? || !found.losses(top)?.is_empty() {
        return Ok(true);
    }
    for (path, git) in found.submodules.iter().chain([&(top.to_path_buf(), git)]) {
        if runs_something(git)? {
            return Ok(true);
        }
        let losses = Checkout::of(path, git)?.losses("", false, &|_| false, &found.skipped(path))?;
        if losses.iter().any(|loss| !matches!(loss, Loss::Ignored(_))) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Says whether git would run what the configuration of a repository names to compare its files. One that git cannot read,
/// or that is elsewhere, may name anything.
fn runs_something(git: &Path) -> anyhow::Result<bool> {
    let git_dir = format!("--git-dir={}", git.display());
    for scope in ["--local", "--worktree"] {
        let named = ["config", scope, "--name-only", "--get-regexp", r"^(filter|hook|include|includeif)\."];
        let asked = attempt(git, &[&[git_dir.as_str()], &named[..]].concat())?;
        // There is none.
        if asked.status.code() != Some(1) {
            return Ok(true);
        }
    }
    Ok(false)
}
