//! What would be lost with a worktree.

use std::path::Path;

use super::worktree::{Marker, Repository};
use super::{attempt, run, run_with};

/// Shows everything, whatever the configuration hides.
const STATUS: [&str; 5] =
    ["status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules=none"];

/// Names what removing the worktree at `top` would lose for good, a phrase each. Files for which `is_ours` holds, by
/// their path, are no loss.
pub fn losses(top: &Path, is_ours: impl Fn(&Path) -> bool) -> anyhow::Result<Vec<&'static str>> {
    let mut found = Vec::new();
    let status = run(top, &STATUS)?;
    let is_loss = |entry: &str| {
        let untracked = entry.strip_prefix("?? ");
        !entry.is_empty() && untracked.is_none_or(|name| !is_ours(&top.join(name)))
    };
    if status.split('\0').any(is_loss) {
        found.push("uncommitted work");
    }
    // A branch stays, unless it is merged.
    let is_detached = !attempt(top, &["symbolic-ref", "--quiet", "HEAD"])?.status.success();
    if is_detached && is_on_no_branch(top, "HEAD")? {
        found.push("commits that are on no branch");
    }
    // The repositories of a worktree's submodules are its own, and go with it.
    let unsaved = "git rev-list --max-count=1 HEAD --branches --not --remotes --tags; \
                   git rev-parse --quiet --verify refs/stash; \
                   git status --porcelain --untracked-files=all --ignore-submodules=none";
    if top.join(".gitmodules").exists()
        && !run(top, &["submodule", "--quiet", "foreach", "--recursive", unsaved])?.is_empty()
    {
        found.push("work in a submodule that no remote has");
    }
    Ok(found)
}

/// Lists what git ignores in the worktree at `top`, a directory as one. It goes with the worktree, unasked.
pub fn ignored(top: &Path) -> anyhow::Result<Vec<String>> {
    let listed = run(top, &["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"])?;
    Ok(listed.split('\0').filter(|name| !name.is_empty()).map(str::to_owned).collect())
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
