//! What would be lost with a worktree, and how that is said.

use std::collections::BTreeSet;
use std::fmt;

/// How many things of one kind are named.
const NAMED: usize = 3;

/// Directories that the usual tools fill again by themselves, by their whole name, or by how it ends. Where git ignores
/// them, they go unasked.
/// docs/safety.md lists the same.
pub const CACHES: [&str; 42] = [
    "*.egg-info",
    ".angular",
    ".bundle",
    ".cache",
    ".dart_tool",
    ".direnv",
    ".eggs",
    ".gradle",
    ".hypothesis",
    ".mypy_cache",
    ".next",
    ".nox",
    ".nuxt",
    ".nyc_output",
    ".output",
    ".parcel-cache",
    ".pnpm-store",
    ".pytest_cache",
    ".ruff_cache",
    ".sass-cache",
    ".serverless",
    ".stack-work",
    ".svelte-kit",
    ".terraform",
    ".tox",
    ".turbo",
    ".venv",
    ".vite",
    ".webpack",
    "DerivedData",
    "Pods",
    "__pycache__",
    "_build",
    "bower_components",
    "build",
    "coverage",
    "dist",
    "htmlcov",
    "node_modules",
    "out",
    "target",
    "venv",
];

/// Likewise, files.
pub const CACHE_FILES: [&str; 8] =
    [".DS_Store", ".coverage", ".eslintcache", "Thumbs.db", "*.class", "*.o", "*.pyc", "*.tsbuildinfo"];

/// What is known of an operation of git's that is not over: a file in the git directory, and what it is called.
pub const OPERATIONS: [(&str, &str); 7] = [
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase, or an `am`"),
    ("MERGE_HEAD", "a merge"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
    ("BISECT_LOG", "a bisection"),
    ("sequencer", "a series of cherry-picks or reverts"),
];

/// References beside HEAD that git makes for its own work, and leaves when that is over.
const OF_GIT: [&str; 12] = [
    "AUTO_MERGE",
    "BISECT_EXPECTED_REV",
    "BISECT_HEAD",
    "CHERRY_PICK_HEAD",
    "FETCH_HEAD",
    "HEAD",
    "MERGE_HEAD",
    "NOTES_MERGE_PARTIAL",
    "NOTES_MERGE_REF",
    "ORIG_HEAD",
    "REBASE_HEAD",
    "REVERT_HEAD",
];

/// Something that is nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loss {
    /// Changes of files that git tracks, staged or not.
    Uncommitted(Vec<String>),
    /// Files that git neither tracks nor ignores.
    Untracked(Vec<String>),
    /// Changes that git is told not to look at, by `skip-worktree` or `assume-unchanged`.
    Hidden(Vec<String>),
    /// Changes of files that git tracks, which a filter takes away before git looks.
    Filtered(Vec<String>),
    /// Files that git ignores.
    Ignored(Ignored),
    /// An operation that is not over, as [`OPERATIONS`] calls it.
    Operation(&'static str),
    /// Commits that no branch, tag or remote has, by number and subject.
    Commits(Vec<String>),
    /// Stashes that were made on the branch that goes: they stay in the repository, but what they belong to does not.
    Stashes(Vec<String>),
    /// A submodule with commits or stashes that no remote has.
    Submodule(String),
    /// A repository that is none of its submodules.
    Repository(String),
    /// A worktree of this or another repository.
    Worktree(String),
}

/// Files that git ignores.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ignored {
    /// Their names, a directory's as one.
    pub names: Vec<String>,
    /// How many files that are.
    pub files: usize,
    /// How large they are together.
    pub bytes: u64,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uncommitted(names) => write!(f, "uncommitted work: {}", some(names)),
            Self::Untracked(names) => {
                write!(f, "uncommitted work, which git does not track: {}", some(names))
            }
            Self::Hidden(names) => write!(
                f,
                "uncommitted work, which git is told not to look at (skip-worktree, assume-unchanged): {}",
                some(names)
            ),
            Self::Filtered(names) => {
                write!(f, "uncommitted work, which a filter of git's takes away: {}", some(names))
            }
            Self::Ignored(Ignored { names, files, bytes }) => {
                let files = if *files == 1 { "1 file".to_owned() } else { format!("{files} files") };
                write!(f, "{files} that git ignores ({}): {}", size(*bytes), some(names))
            }
            Self::Operation(name) => write!(f, "{name} that is not over"),
            Self::Commits(commits) => write!(f, "commits that are on no branch: {}", some(commits)),
            Self::Stashes(stashes) => {
                write!(f, "stashed work, which stays in `git stash list`: {}", some(stashes))
            }
            Self::Submodule(name) => write!(f, "work in a submodule that no remote has: {name}"),
            Self::Repository(path) => write!(f, "another repository: {path}"),
            Self::Worktree(path) => write!(f, "another worktree: {path}"),
        }
    }
}

/// Says whether something that git ignores is filled again by the tool that it is of. `path` is relative. What is called
/// like a cache and is a file is somebody's.
pub fn is_cache(path: &str, is_directory: bool) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let is_one_of = |known: &[&str], name: &str| {
        known.iter().any(|known| match known.strip_prefix('*') {
            Some(end) => name.ends_with(end),
            None => name == *known,
        })
    };
    let (directories, file) = match parts.split_last() {
        Some((file, parents)) if !is_directory => (parents, Some(file)),
        _ => (&parts[..], None),
    };
    directories.iter().any(|name| is_one_of(&CACHES, name))
        || file.is_some_and(|name| is_one_of(&CACHE_FILES, name))
}

/// What `git status --porcelain -z --no-renames` says: paths of changes, and of what is not tracked. Where
/// `without_deletions`, files that are merely gone from the worktree are left out: their commit has them.
pub fn changes(status: &[u8], without_deletions: bool) -> (Vec<&[u8]>, Vec<&[u8]>) {
    let (mut changed, mut untracked) = (Vec::new(), Vec::new());
    for entry in status.split(|byte| *byte == 0) {
        match entry {
            [b'?', b'?', b' ', path @ ..] => untracked.push(path),
            [b' ', b'D', b' ', ..] if without_deletions => {}
            [_, _, b' ', path @ ..] => changed.push(path),
            _ => {}
        }
    }
    (changed, untracked)
}

/// What `git ls-files -v -z` says: paths at which git is told not to look.
pub fn unwatched(listed: &[u8]) -> Vec<&[u8]> {
    let entries = listed.split(|byte| *byte == 0);
    entries
        .filter_map(|entry| match entry {
            [tag, b' ', path @ ..] if *tag == b'S' || tag.is_ascii_lowercase() => Some(path),
            _ => None,
        })
        .collect()
}

/// What `git config -z --get-regexp` says of filters: those that may take something away. A commit names what git-lfs keeps
/// by a hash of all of it.
pub fn hiding(configured: &[u8]) -> BTreeSet<String> {
    let configured = String::from_utf8_lossy(configured);
    let entries = configured.split('\0').filter_map(|entry| entry.split_once('\n'));
    let hides = |command: &str| {
        !command.is_empty() && !["git-lfs ", "git lfs "].iter().any(|lfs| command.starts_with(lfs))
    };
    let name = |key: &str| Some(key.strip_prefix("filter.")?.rsplit_once('.')?.0.to_owned());
    entries.filter(|(_, command)| hides(command)).filter_map(|(key, _)| name(key)).collect()
}

/// What `git check-attr -z filter` says: paths of which one of `drivers` is the filter.
pub fn filtered<'a>(attributes: &'a [u8], drivers: &BTreeSet<String>) -> Vec<&'a [u8]> {
    let fields: Vec<&[u8]> = attributes.split(|byte| *byte == 0).collect();
    let of_driver = |entry: &&[&[u8]]| drivers.contains(String::from_utf8_lossy(entry[2]).as_ref());
    fields.chunks_exact(3).filter(of_driver).map(|entry| entry[0]).collect()
}

/// What `git ls-files --stage -z` says: paths of submodules.
pub fn links(listed: &[u8]) -> Vec<&[u8]> {
    let entries = listed.split(|byte| *byte == 0).filter(|entry| entry.starts_with(b"160000 "));
    entries.filter_map(|entry| entry.splitn(2, |byte| *byte == b'\t').nth(1)).collect()
}

/// What leaves out symbolic references in `place`, of what `git for-each-ref --format='%(symref) %(refname)'` says.
pub fn symbolic(listed: &str, place: &str) -> Vec<String> {
    let entries =
        listed.lines().filter_map(|line| line.split_once(' ').filter(|(target, _)| !target.is_empty()));
    entries.filter_map(|(_, name)| Some(format!("--exclude={}", name.strip_prefix(place)?))).collect()
}

/// The detached HEAD that was left, of what HEAD's reflog says: the number of its commit.
pub fn left(subject: &str) -> Option<&str> {
    let (from, _) = subject.strip_prefix("checkout: moving from ")?.split_once(' ')?;
    is_number(from).then_some(from)
}

/// Says whether this is the whole number of a commit.
pub fn is_number(text: &str) -> bool {
    text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Says whether a file in a git directory may be a reference that somebody made, and not git for its own work.
pub fn is_own_reference(name: &str) -> bool {
    let is_reference = name.bytes().all(|byte| byte.is_ascii_uppercase() || matches!(byte, b'_' | b'-'));
    is_reference && !OF_GIT.contains(&name)
}

/// The branch on which a stash was made, of what its reflog says; `None` if that was none.
pub fn branch_of_stash(subject: &str) -> Option<&str> {
    let rest = subject.strip_prefix("WIP on ").or_else(|| subject.strip_prefix("On "))?;
    Some(rest.split_once(": ")?.0).filter(|branch| *branch != "(no branch)")
}

/// Joins the first few.
fn some(names: &[String]) -> String {
    let shown = names.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Says a size as `du -h` does.
fn size(bytes: u64) -> String {
    let mut unit = "bytes";
    let mut rest = bytes;
    let mut tenths = 0;
    for larger in ["KB", "MB", "GB", "TB"] {
        if rest < 1000 {
            break;
        }
        tenths = rest % 1000 / 100;
        rest /= 1000;
        unit = larger;
    }
    match unit {
        "bytes" if bytes == 1 => "1 byte".to_owned(),
        "bytes" => format!("{bytes} bytes"),
        _ => format!("{rest}.{tenths} {unit}"),
    }
}

#[cfg(test)]
mod tests;
