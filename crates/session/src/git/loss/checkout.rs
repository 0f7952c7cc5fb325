//! What is in the files of one worktree, or of one submodule, that no commit has.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use domain::worktree::loss::{Loss, OPERATIONS, changes, links, unwatched};

use super::{OFFLINE, ignored};
use crate::git::{bytes_of, git, output};

/// Whatever the configuration lets git pass over; and nothing is written, and no hook runs.
const OPEN_EYES: [&str; 15] = [
    "--no-optional-locks",
    "-c",
    "core.fsmonitor=false",
    "-c",
    "core.untrackedCache=false",
    "-c",
    "core.trustctime=true",
    "-c",
    "core.checkStat=default",
    "-c",
    "core.ignoreStat=false",
    "-c",
    "core.splitIndex=false",
    "-c",
    "core.hooksPath=/dev/null",
];

/// What git is told where upper and lower case are not the same.
const CASE: [&str; 2] = ["-c", "core.ignoreCase=false"];

/// What git is told where files have modes.
const MODES: [&str; 2] = ["-c", "core.fileMode=true"];

/// Of a submodule, only whether another commit is checked out: its files are looked at by themselves.
const STATUS: [&str; 6] =
    ["status", "--porcelain", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=dirty"];

/// Files that belong to one index.
#[derive(Debug)]
pub(super) struct Checkout {
    pub(super) top: PathBuf,
    /// The git directory with the index.
    pub(super) private: PathBuf,
    /// What git has to be told to find both: whatever is configured, and wherever the files were before.
    where_it_is: [OsString; 2],
    /// What it has to be told of the file system.
    of_the_disk: Vec<&'static str>,
}

impl Checkout {
    pub(super) fn of(top: &Path, private: &Path) -> anyhow::Result<Self> {
        let option = |name: &str, path: &Path| {
            let mut option = OsString::from(name);
            option.push(path);
            option
        };
        let where_it_is = [option("--git-dir=", private), option("--work-tree=", top)];
        let of_the_disk = of_the_disk(top, &where_it_is)?;
        Ok(Self { top: top.to_path_buf(), private: private.to_path_buf(), where_it_is, of_the_disk })
    }

    /// Names what would be lost. `below` goes before each name; what is at or in one of `skipped` counts elsewhere.
    pub(super) fn losses(
        &self,
        below: &str,
        is_going: bool,
        is_ours: &dyn Fn(&Path) -> bool,
        skipped: &[PathBuf],
    ) -> anyhow::Result<Vec<Loss>> {
        let shown = |paths: Vec<&[u8]>| -> Vec<String> {
            paths.into_iter().map(|path| format!("{below}{}", String::from_utf8_lossy(path))).collect()
        };
        let at = |path: &[u8]| self.top.join(OsStr::from_bytes(path));
        let status = self.git(&STATUS, None)?;
        let (mut changed, mut untracked) = changes(&status, is_going);
        changed.retain(|path| !is_ours(&at(path)));
        untracked.retain(|path| {
            let path = at(path);
            !is_ours(&path) && !skipped.iter().any(|skipped| path.starts_with(skipped))
        });
        let hidden = self.hidden(is_going)?;
        let filtered = self.filtered(&changed)?;
        let mut losses = Vec::new();
        let mut found = |paths: Vec<&[u8]>, loss: fn(Vec<String>) -> Loss| {
            if !paths.is_empty() {
                losses.push(loss(shown(paths)));
            }
        };
        found(changed, Loss::Uncommitted);
        let closed = self.closed_submodules(is_going)?;
        untracked.extend(closed.iter().map(Vec::as_slice));
        found(untracked, Loss::Untracked);
        found(hidden.iter().map(Vec::as_slice).collect(), Loss::Hidden);
        found(filtered.iter().map(Vec::as_slice).collect(), Loss::Filtered);
        let listed = self.git(&ignored::LIST, None)?;
        let ignored = ignored::Search { top: &self.top, below, private: &self.private, is_ours, skipped };
        losses.extend(ignored.loss(&listed)?);
        losses.extend(operations(&self.private));
        Ok(losses)
    }

    /// Finds submodules that are not checked out, and have files nevertheless: git shows nothing of these. One of which the
    /// removal has begun may lack its `.git` already.
    fn closed_submodules(&self, is_going: bool) -> anyhow::Result<Vec<Vec<u8>>> {
        let listed = self.git(&["ls-files", "--stage", "-z"], None)?;
        let is_closed = |path: &&[u8]| {
            let below = OsStr::from_bytes(path);
            if is_going && self.private.join("modules").join(below).exists() {
                return false;
            }
            let path = self.top.join(below);
            let is_filled = fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some());
            is_filled && path.join(".git").symlink_metadata().is_err()
        };
        Ok(links(&listed).into_iter().filter(is_closed).map(|path| [path, b"/"].concat()).collect())
    }

    /// Finds changes at which git is told not to look. A file that is not there was left out on purpose.
    fn hidden(&self, is_going: bool) -> anyhow::Result<Vec<Vec<u8>>> {
        let listed = self.git(&["ls-files", "-v", "-z"], None)?;
        let mut names = unwatched(&listed);
        names.retain(|name| self.top.join(OsStr::from_bytes(name)).symlink_metadata().is_ok());
        let index = self.private.join("index");
        if names.is_empty() || !index.exists() {
            return Ok(Vec::new());
        }
        // In a copy of the index, git is told to look.
        let scratch = tempfile::tempdir()?;
        let copy = scratch.path().join("index");
        fs::copy(index, &copy)?;
        let input = names.iter().flat_map(|name| [name, &b"\0"[..]].concat()).collect::<Vec<u8>>();
        for flag in ["--no-skip-worktree", "--no-assume-unchanged"] {
            self.git(&["update-index", flag, "-z", "--stdin"], Some((&copy, &input)))?;
        }
        // Fails where something differs.
        let _ = self.git(&["update-index", "-q", "--really-refresh"], Some((&copy, &[])));
        let filter = if is_going { "--diff-filter=d" } else { "--diff-filter=ACDMRTUXB" };
        let changed = self.git(
            &["diff-files", "-z", "--name-only", "--ignore-submodules=dirty", filter],
            Some((&copy, &[])),
        )?;
        let changed = changed.split(|byte| *byte == 0).filter(|name| names.contains(name));
        Ok(changed.map(<[u8]>::to_vec).collect())
    }

    /// Prepares a run of git.
    pub(super) fn command(&self) -> Command {
        let mut command = git(&self.top, &OPEN_EYES);
        command.args(&self.of_the_disk).args(&self.where_it_is).envs(OFFLINE);
        command
    }

    /// Runs git, if so with another index and with something to read.
    pub(super) fn git(&self, arguments: &[&str], index: Option<(&Path, &[u8])>) -> anyhow::Result<Vec<u8>> {
        let mut command = self.command();
        command.args(arguments);
        if let Some((index, _)) = index {
            command.env("GIT_INDEX_FILE", index);
        }
        bytes_of(&mut command, arguments, index.map_or(&[], |(_, input)| input))
    }
}

/// Returns what git is told of the file system at `top`, as far as that is not what the configuration says it is.
fn of_the_disk(top: &Path, where_it_is: &[OsString]) -> anyhow::Result<Vec<&'static str>> {
    let mut options = Vec::new();
    // `.git` is there, and nobody calls it so.
    if top.join(".GIT").symlink_metadata().is_err() {
        options.extend(CASE);
    }
    let configured = ["config", "--bool", "--get", "core.fileMode"];
    let configured = output(git(top, &[]).args(where_it_is).args(configured))?.stdout;
    if configured.starts_with(b"false") && has_modes(top) {
        options.extend(MODES);
    }
    Ok(options)
}

/// Says whether a file in `directory` can be made executable, and not: of one without a name.
fn has_modes(directory: &Path) -> bool {
    let is_kept = |file: &File, mode: u32| {
        let is_set = file.set_permissions(Permissions::from_mode(mode));
        is_set.and_then(|()| file.metadata()).is_ok_and(|found| found.mode() & 0o777 == mode)
    };
    tempfile::tempfile_in(directory).is_ok_and(|file| [0o700, 0o600].iter().all(|mode| is_kept(&file, *mode)))
}

/// Names the operations of which a git directory says that they are not over.
pub(super) fn operations(private: &Path) -> Vec<Loss> {
    let going_on = OPERATIONS.iter().filter(|(file, _)| private.join(file).exists());
    going_on.map(|(_, name)| Loss::Operation(name)).collect()
}
