//! What would be lost with a worktree: everything that is nowhere else.

mod checkout;
mod ignored;
mod submodule;
mod tree;

use std::path::Path;

use self::checkout::Checkout;
use super::worktree::{Marker, Repository};
use super::{attempt, bytes, private_directory, run, run_with};
use crate::domain::loss::{Loss, branch_of_stash};

pub use self::ignored::remember_ignored;

/// How many commits are counted.
const COMMITS: &str = "--max-count=100";

/// A worktree that may go.
#[derive(Debug, Clone, Copy)]
pub struct Looked<'a> {
    /// The repository that it is of.
    pub repository: &'a Repository,
    /// What prism made.
    pub marker: &'a Marker,
    /// Where it is now: it may be set aside.
    pub top: &'a Path,
    /// Its removal has begun: files may be gone already.
    pub is_going: bool,
}

/// Names what removing a worktree would lose for good. Files for which `is_ours` holds, by their path, are no loss.
///
/// # Errors
/// git cannot answer: then nothing may be removed.
pub fn losses(looked: Looked, is_ours: &dyn Fn(&Path) -> bool) -> anyhow::Result<Vec<Loss>> {
    let Looked { repository, marker, top, is_going } = looked;
    let private = private_directory(top).unwrap_or_else(|| top.join(".git"));
    let found = tree::nested(top, &private)?;
    let mut losses = Checkout::of(top, &private).losses("", is_going, is_ours, &found.skipped(top))?;
    for (path, git) in &found.submodules {
        let below = path.strip_prefix(top).unwrap_or(path).to_string_lossy().into_owned() + "/";
        let checkout = Checkout::of_submodule(path, git);
        losses.extend(checkout.losses(&below, is_going, is_ours, &found.skipped(path))?);
    }
    losses.extend(commits(top)?);
    losses.extend(stashes(top, marker)?);
    losses.extend(submodule::losses(&repository.common, &private, &marker.start)?);
    losses.extend(found.losses(top)?);
    Ok(losses)
}

/// Names commits that are on nothing but what goes: a detached HEAD, and references that only this worktree has.
fn commits(top: &Path) -> anyhow::Result<Option<Loss>> {
    let own = ["for-each-ref", "--format=%(objectname)", "refs/worktree", "refs/bisect", "refs/rewritten"];
    let own = run(top, &own)?;
    let mut revisions: Vec<&str> = own.lines().collect();
    // A branch stays, unless it is merged.
    let is_on_branch = attempt(top, &["symbolic-ref", "--quiet", "HEAD"])?.status.success();
    if !is_on_branch {
        revisions.push("HEAD");
    }
    if revisions.is_empty() {
        return Ok(None);
    }
    let not = ["--not", "--branches", "--tags", "--remotes", "--"];
    let listed = bytes(top, &[&["log", COMMITS, "--format=%h %s"], &revisions[..], &not].concat())?;
    let commits: Vec<String> = String::from_utf8_lossy(&listed).lines().map(str::to_owned).collect();
    Ok((!commits.is_empty()).then_some(Loss::Commits(commits)))
}

/// Names stashes that were made on a branch that was made with the worktree, or on none in it.
fn stashes(top: &Path, marker: &Marker) -> anyhow::Result<Option<Loss>> {
    let stash = ["rev-parse", "--quiet", "--verify", "refs/stash"];
    if !attempt(top, &stash)?.status.success() {
        return Ok(None);
    }
    let listed = bytes(top, &["log", "--walk-reflogs", "--format=%gs%x00%P%x00", "refs/stash", "--"])?;
    let listed = String::from_utf8_lossy(&listed).into_owned();
    let been = bytes(top, &["log", "--walk-reflogs", "--format=%H", "HEAD", "--"]).unwrap_or_default();
    let been = String::from_utf8_lossy(&been).into_owned();
    let fields: Vec<&str> = listed.split('\0').map(str::trim).collect();
    let is_of_it = |subject: &str, parents: &str| match branch_of_stash(subject) {
        Some(branch) => marker.is_new_branch && branch == marker.branch,
        None => parents.split(' ').next().is_some_and(|base| been.lines().any(|head| head == base)),
    };
    let stashes: Vec<String> = fields
        .chunks_exact(2)
        .filter(|stash| is_of_it(stash[0], stash[1]))
        .map(|stash| stash[0].to_owned())
        .collect();
    Ok((!stashes.is_empty()).then_some(Loss::Stashes(stashes)))
}

/// Says whether a revision is reached from no branch, tag or remote.
pub(super) fn is_on_no_branch(directory: &Path, revision: &str) -> anyhow::Result<bool> {
    let arguments =
        ["rev-list", "--max-count=1", revision, "--not", "--branches", "--tags", "--remotes", "--"];
    Ok(!run(directory, &arguments)?.is_empty())
}

/// Says whether a worktree that git did not finish holds content that is not of its commit: other files, or files
/// with other content than git writes. An empty one is git's, which was killed before it wrote.
pub(super) fn has_own_content(repository: &Repository, marker: &Marker) -> anyhow::Result<bool> {
    let top = &marker.worktree;
    if !top.exists() {
        return Ok(false);
    }
    // Its own index may be missing or half-written.
    let scratch = tempfile::tempdir()?;
    let index = scratch.path().join("index");
    let git_dir = format!("--git-dir={}", repository.common.display());
    let work_tree = format!("--work-tree={}", top.display());
    let git = |arguments: &[&str]| {
        let arguments = [&[git_dir.as_str(), work_tree.as_str()], arguments].concat();
        run_with(top, &arguments, &[("GIT_INDEX_FILE", index.as_path())])
    };
    git(&["read-tree", &marker.start])?;
    if !git(&["ls-files", "--others", "--directory", "--", "."])?.is_empty() {
        return Ok(true);
    }
    // Compares what the index knows nothing of yet, and fails where something differs.
    let _ = git(&["update-index", "-q", "--refresh"]);
    // What is deleted was not there yet.
    let changed = git(&["diff-files", "-z", "--name-only", "--diff-filter=d"])?;
    let is_filled = |name: &str| top.join(name).symlink_metadata().is_ok_and(|found| found.len() > 0);
    Ok(changed.split('\0').any(|name| !name.is_empty() && is_filled(name)))
}
