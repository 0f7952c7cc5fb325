//! What prism wants of git: the project's name, worktrees, and silence about generated files.

mod branch;
mod checkout;
mod head;
mod home;
mod loss;
mod marker;
mod registration;
mod removal;
mod repository;
mod wait;
mod worktree;

use std::fs;
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::Context;
use domain::failure::Failure;

pub use self::branch::{Beginning, short};
use self::head::Head;
pub use self::loss::{Looked, has_own_content, has_work, losses, remember_ignored};
pub use self::marker::{EngineMark, Marker, file_system, is_aside, nonce};
pub use self::removal::{Stage, has_moved};
pub use self::repository::{Repository, superproject};
pub use self::worktree::{Completeness, is_moved, lock_reason};
use crate::machine::read;

/// Returns the private git directory of the worktree at `top`, found without running git.
///
/// A linked worktree's `.git` is a file that leads to `<main>/.git/worktrees/<name>`.
fn private_directory(top: &Path) -> Option<PathBuf> {
    let entry = top.join(".git");
    if entry.is_dir() {
        return Some(entry);
    }
    let link = read::text(&entry).ok()?;
    Some(top.join(link.strip_prefix("gitdir:")?.trim()))
}

/// Returns the directory that all worktrees of a repository share, seen from the private one of one of them; `None` if
/// that is not there, as the repository was moved or deleted.
fn common_directory(private: &Path) -> Option<PathBuf> {
    let common = read::text(&private.join("commondir")).unwrap_or_default();
    private.join(common.trim()).canonicalize().ok()
}

/// Returns the private git directory of the linked worktree at `top`; `None` if that is none.
pub fn linked_directory(top: &Path) -> Option<PathBuf> {
    private_directory(top).filter(|private| private.join("commondir").exists())
}

/// Returns the directory of the main worktree, found without running git; `None` outside git.
pub fn main_worktree(top: &Path) -> Option<PathBuf> {
    Some(home::home(top)?.path())
}

/// Returns the directory name of the main worktree.
pub fn main_worktree_name(top: &Path) -> Option<String> {
    Some(main_worktree(top)?.file_name()?.to_string_lossy().into_owned())
}

/// Returns the branch that is checked out in the worktree around `directory`, or the first digits of a detached
/// commit; `None` outside git. Runs nothing.
pub fn branch(directory: &Path) -> Option<String> {
    let top = directory.ancestors().find(|directory| directory.join(".git").exists())?;
    Some(match head::head(&private_directory(top)?)? {
        Head::Reference(name) => name.strip_prefix("refs/heads/").unwrap_or(&name).to_owned(),
        Head::Commit(commit) => commit.chars().take(8).collect(),
    })
}

/// Says whether git carries a file.
pub fn is_tracked(file: &Path) -> bool {
    let Some((directory, name)) = file.parent().zip(file.file_name().and_then(|name| name.to_str())) else {
        return false;
    };
    attempt(directory, &["ls-files", "--error-unmatch", "--", name]).is_ok_and(|asked| asked.status.success())
}

/// What git makes of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Regard {
    /// It is in a commit, or is about to be.
    Tracked,
    /// `git add .` would take it. The top of its worktree, and its path from there.
    Untracked(PathBuf, PathBuf),
}

/// Says what git makes of a file; `None` where it ignores it, or is not there.
pub fn regard(path: &Path) -> Option<Regard> {
    let path = path.canonicalize().ok()?;
    let (directory, name) = (path.parent()?, path.file_name()?.to_str()?);
    let top = directory.ancestors().find(|directory| directory.join(".git").exists())?;
    let answers = |arguments: &[&str]| attempt(directory, arguments).ok()?.status.code();
    if answers(&["--literal-pathspecs", "ls-files", "--error-unmatch", "--", name])? == 0 {
        return Some(Regard::Tracked);
    }
    let below = path.strip_prefix(top).ok()?.to_path_buf();
    (answers(&["check-ignore", "--quiet", "--", name])? == 1)
        .then(|| Regard::Untracked(top.to_path_buf(), below))
}

/// Returns the content of a file of `directory` as it is committed there; `None` if it is not.
pub fn committed(directory: &Path, name: &str) -> anyhow::Result<Option<Vec<u8>>> {
    let found = attempt(directory, &["cat-file", "blob", &format!("HEAD:./{name}")])?;
    Ok(found.status.success().then_some(found.stdout))
}

/// Adds `patterns` to the repository's own exclude file, where they are not there yet.
///
/// Failing is no error: the files then show up in `git status`, and that is all.
pub fn exclude(directory: &Path, patterns: &[&str]) {
    let _ = try_exclude(directory, patterns);
}

fn try_exclude(directory: &Path, patterns: &[&str]) -> Option<()> {
    let path = run(directory, &["rev-parse", "--git-path", "info/exclude"]).ok()?;
    let path = directory.join(path);
    let present = match read::text(&path) {
        Ok(present) => present,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(_) => return None,
    };
    let missing: Vec<&&str> =
        patterns.iter().filter(|pattern| !present.lines().any(|line| line.trim() == **pattern)).collect();
    if missing.is_empty() {
        return Some(());
    }
    fs::create_dir_all(path.parent()?).ok()?;
    let mut file = fs::File::options().append(true).create(true).open(&path).ok()?;
    let separator = if present.is_empty() || present.ends_with('\n') { "" } else { "\n" };
    let lines: String = missing.iter().map(|pattern| format!("{pattern}\n")).collect();
    // One write: several prisms may be at it.
    file.write_all(format!("{separator}{lines}").as_bytes()).ok()
}

/// Runs git and returns what it printed, without the last newline.
///
/// # Errors
/// git is missing, or fails: its own words are in the error.
fn run(directory: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let output = output(&mut git(directory, arguments))?;
    let text =
        String::from_utf8(printed(output, arguments)?).context("git printed a name that is not UTF-8")?;
    Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
}

/// The same for what may be no text, or many names.
fn bytes(directory: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    bytes_of(&mut git(directory, arguments), arguments, &[])
}

/// The same for a command that is prepared already, which reads `input`.
fn bytes_of(command: &mut Command, arguments: &[&str], input: &[u8]) -> anyhow::Result<Vec<u8>> {
    if input.is_empty() {
        return printed(output(command)?, arguments);
    }
    let mut file = tempfile::tempfile()?;
    file.write_all(input)?;
    file.rewind()?;
    printed(output(command.stdin(file))?, arguments)
}

fn printed(output: Output, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    if output.status.success() {
        return Ok(output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Failure::new(format!("`git {}` failed", arguments.join(" "))).details(text.lines()).into())
}

fn attempt(directory: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    output(&mut git(directory, arguments))
}

fn git(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(directory).stdin(Stdio::null());
    // A hook that called prism has these set for its own repository.
    for name in
        ["GIT_DIR", "GIT_WORK_TREE", "GIT_COMMON_DIR", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX"]
    {
        command.env_remove(name);
    }
    command
}

fn output(command: &mut Command) -> anyhow::Result<Output> {
    wait::output(command).map_err(|error| match error.downcast::<io::Error>() {
        Ok(error) => {
            Failure::new("cannot run `git`").hint("install git, or use `--in-place`").caused_by(error).into()
        }
        Err(other) => other,
    })
}
