//! What would be lost with a worktree: everything that is nowhere else.

mod checkout;
mod filtered;
mod ignored;
mod submodule;
mod tree;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::Command;

use anyhow::Context;
use domain::worktree::loss::{Loss, branch_of_stash, left, symbolic};

use self::checkout::Checkout;
pub use self::ignored::remember_ignored;
pub use self::tree::has_work;
use super::marker::Marker;
use super::repository::Repository;
use super::{bytes_of, git, head, output, private_directory};

/// Looking fetches nothing, not even what a partial clone lacks: that would run what its configuration names. A commit is on
/// what it is made on, not on what a graft or a replacement says.
const OFFLINE: [(&str, &str); 4] = [
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_GRAFT_FILE", "/dev/null"),
    ("GIT_NO_REPLACE_OBJECTS", "1"),
];

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
    // When its removal was cut short, its `.git` may be gone, and what that led to still be there.
    let named = private_directory(top);
    let left = if named.is_none() { repository.private(marker) } else { None };
    let options = left.iter().map(git_dir).collect();
    let Some(private) = named.or(left) else { return unknown(top) };
    let found = tree::nested(top, &private)?;
    let mut losses = Checkout::of(top, &private)?.losses("", is_going, is_ours, &found.skipped(top))?;
    for (path, git) in &found.submodules {
        let below = path.strip_prefix(top).unwrap_or(path).to_string_lossy().into_owned() + "/";
        let checkout = Checkout::of(path, git)?;
        losses.extend(checkout.losses(&below, is_going, is_ours, &found.skipped(path))?);
    }
    let seen = Seen { directory: top, private: &private, options };
    losses.extend(seen.commits()?);
    losses.extend(seen.stashes(marker)?);
    losses.extend(submodule::losses(&repository.common, &private, &marker.start)?);
    losses.extend(found.losses(top)?);
    Ok(losses)
}

impl Repository {
    /// Names what would be lost with what git knows of a worktree that is not there: what is staged, for instance.
    pub fn losses_of_missing(&self, marker: &Marker) -> anyhow::Result<Vec<Loss>> {
        match self.registration_of(marker) {
            Some(registration) if !registration.is_half() => {
                losses_of_missing(self, marker, &registration.directory)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// Names what would be lost with what git knows of a worktree that is only half made, and that somebody took for whole.
    pub fn losses_of_half(&self, marker: &Marker) -> anyhow::Result<Vec<Loss>> {
        match self.registration_of(marker) {
            Some(registration) if registration.has_head()? => {
                losses_of_missing(self, marker, &registration.directory)
            }
            _ => Ok(Vec::new()),
        }
    }
}

pub(super) fn losses_of_missing(
    repository: &Repository,
    marker: &Marker,
    private: &Path,
) -> anyhow::Result<Vec<Loss>> {
    let options = vec![git_dir(private)];
    let seen = Seen { directory: &repository.common, private, options };
    let mut losses = Vec::new();
    if private.join("index").exists() {
        let staged = seen.git(&[
            "diff-index",
            "--cached",
            "--name-only",
            "--ignore-submodules=none",
            "-z",
            "HEAD",
            "--",
        ])?;
        let staged = String::from_utf8_lossy(&staged).into_owned();
        let staged: Vec<String> = staged.split('\0').filter(|it| !it.is_empty()).map(str::to_owned).collect();
        losses.extend((!staged.is_empty()).then_some(Loss::Uncommitted(staged)));
    }
    losses.extend(checkout::operations(private));
    losses.extend(seen.commits()?);
    losses.extend(seen.stashes(marker)?);
    losses.extend(submodule::losses(&repository.common, private, &marker.start)?);
    Ok(losses)
}

/// Names what is in a directory of which git knows nothing any more.
fn unknown(top: &Path) -> anyhow::Result<Vec<Loss>> {
    let entries = fs::read_dir(top).with_context(|| format!("cannot look into `{}`", top.display()))?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let names = names.collect::<std::io::Result<Vec<String>>>()?;
    Ok(if names.is_empty() { Vec::new() } else { vec![Loss::Untracked(names)] })
}

fn git_dir(private: impl AsRef<Path>) -> String {
    format!("--git-dir={}", private.as_ref().display())
}

/// Where references to what a remote has are, and git's option for all of these.
const REMOTES: (&str, &str) = ("refs/remotes/", "--remotes");

/// The same of all references that stay when a worktree goes.
const ELSEWHERE: [(&str, &str); 3] = [("refs/heads/", "--branches"), ("refs/tags/", "--tags"), REMOTES];

/// Returns the options that stand for the references in `places`, but for those that only mean another one: that may be
/// what goes.
fn saved(
    places: &[(&str, &str)],
    git: impl Fn(&[&str]) -> anyhow::Result<Vec<u8>>,
) -> anyhow::Result<Vec<String>> {
    let mut list = vec!["for-each-ref", "--format=%(symref) %(refname)"];
    list.extend(places.iter().map(|(place, _)| *place));
    let listed = git(&list)?;
    let listed = String::from_utf8_lossy(&listed);
    Ok(places
        .iter()
        .flat_map(|(place, option)| [symbolic(&listed, place), vec![(*option).to_owned()]].concat())
        .collect())
}

/// The own references of a worktree or a submodule, seen from it, or from elsewhere with options that name its git
/// directory.
struct Seen<'a> {
    directory: &'a Path,
    private: &'a Path,
    options: Vec<String>,
}

impl Seen<'_> {
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = git(self.directory, &["-c", "log.showSignature=false"]);
        command.args(&self.options).args(arguments).envs(OFFLINE);
        command
    }

    fn git(&self, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
        bytes_of(&mut self.command(arguments), arguments, &[])
    }

    fn has(&self, arguments: &[&str]) -> anyhow::Result<bool> {
        Ok(output(&mut self.command(arguments))?.status.success())
    }

    /// Returns commits that may be on nothing but what goes: a detached HEAD that was left for something else, and
    /// references that only this git directory has.
    fn passed(&self) -> anyhow::Result<Vec<String>> {
        let own =
            ["for-each-ref", "--format=%(objectname)", "refs/worktree", "refs/bisect", "refs/rewritten"];
        let own = self.git(&own)?;
        let been = self.git(&["log", "--walk-reflogs", "--format=%gs", "HEAD", "--"]).unwrap_or_default();
        let [own, been] = [own, been].map(|listed| String::from_utf8_lossy(&listed).into_owned());
        let been = been.lines().filter_map(left);
        Ok(own.lines().chain(been).map(str::to_owned).chain(head::root_commits(self.private)).collect())
    }

    /// Names commits that are on nothing but what goes.
    fn commits(&self) -> anyhow::Result<Option<Loss>> {
        let passed = self.passed()?;
        let mut revisions: Vec<&str> = passed.iter().map(String::as_str).collect();
        // A branch stays, unless it is merged.
        if !self.has(&["symbolic-ref", "--quiet", "HEAD"])? {
            revisions.push("HEAD");
        }
        if revisions.is_empty() {
            return Ok(None);
        }
        let saved = saved(&ELSEWHERE, |arguments| self.git(arguments))?;
        let saved: Vec<&str> = saved.iter().map(String::as_str).collect();
        // What a reflog names may have been cleaned up since.
        let log = ["log", "--ignore-missing", COMMITS, "--format=%h %s"];
        let listed = self.git(&[&log[..], &revisions[..], &["--not"], &saved, &["--"]].concat())?;
        let commits: Vec<String> = String::from_utf8_lossy(&listed).lines().map(str::to_owned).collect();
        Ok((!commits.is_empty()).then_some(Loss::Commits(commits)))
    }

    /// Names stashes that were made on a branch that was made with the worktree, or on none in it.
    fn stashes(&self, marker: &Marker) -> anyhow::Result<Option<Loss>> {
        if !self.has(&["rev-parse", "--quiet", "--verify", "refs/stash"])? {
            return Ok(None);
        }
        let listed = self.git(&["log", "--walk-reflogs", "--format=%gs%x00%P%x00", "refs/stash", "--"])?;
        let listed = String::from_utf8_lossy(&listed).into_owned();
        let been = self.git(&["log", "--walk-reflogs", "--format=%H", "HEAD", "--"]).unwrap_or_default();
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
}

/// Says whether a worktree that git did not finish holds content that is not of its commit: other files, or files
/// with other content than git writes. An empty one is git's, which was killed before it wrote.
pub fn has_own_content(repository: &Repository, marker: &Marker, top: &Path) -> anyhow::Result<bool> {
    if !top.exists() {
        return Ok(false);
    }
    // Its own index may be missing or half-written.
    let scratch = tempfile::tempdir()?;
    let index = scratch.path().join("index");
    let checkout = Checkout::of(top, &repository.common)?;
    let git = |arguments: &[&str]| checkout.git(arguments, Some((&index, &[])));
    git(&["read-tree", &marker.start])?;
    if !git(&["ls-files", "--others", "--directory", "--", "."])?.is_empty() {
        return Ok(true);
    }
    // Compares what the index knows nothing of yet, and fails where something differs.
    let _ = git(&["update-index", "-q", "--refresh"]);
    // What is deleted was not there yet.
    let changed = git(&["diff-files", "-z", "--name-only", "--diff-filter=d"])?;
    let at = |name: &[u8]| top.join(OsStr::from_bytes(name)).symlink_metadata();
    let is_filled = |name: &[u8]| at(name).is_ok_and(|found| found.len() > 0);
    Ok(changed.split(|byte| *byte == 0).any(|name| !name.is_empty() && is_filled(name)))
}
