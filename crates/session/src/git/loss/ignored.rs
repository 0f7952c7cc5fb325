//! Files that git ignores: those that no tool makes again, and that are nowhere else.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use domain::worktree::loss::{Ignored, Loss, is_cache};

use crate::git::marker::Marker;
use crate::git::{bytes, common_directory, home, private_directory};
use crate::machine::read;

/// How git is asked for them, a directory as one.
pub(super) const LIST: [&str; 6] =
    ["ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory"];

/// The file in a worktree's private git directory that says what was there when it was made.
pub(super) const NOTE: &str = "prism-ignored.json";

/// As many are noted down; more than that, no setup makes outside caches.
const NOTED: usize = 10_000;

/// Size and time of the last change, as long as they are the same, tell that a file is as it was.
type State = (u64, i64, i64);

/// Where ignored files are looked for.
#[derive(Clone, Copy)]
pub(super) struct Search<'a> {
    pub(super) top: &'a Path,
    /// What goes before each name.
    pub(super) below: &'a str,
    pub(super) private: &'a Path,
    pub(super) is_ours: &'a dyn Fn(&Path) -> bool,
    /// Repositories and worktrees, which count by themselves.
    pub(super) skipped: &'a [PathBuf],
}

impl Search<'_> {
    /// Says what of the list that git gave would be lost.
    pub(super) fn loss(&self, listed: &[u8]) -> anyhow::Result<Option<Loss>> {
        let known: BTreeMap<String, State> = read::bytes(&self.private.join(NOTE))
            .ok()
            .and_then(|text| serde_json::from_slice(&text).ok())
            .unwrap_or_default();
        let main = common_directory(self.private).filter(|common| *common != self.private);
        let main = main.and_then(|_| home::home(self.top)).map(home::Home::path);
        // Where a bare repository's would be, this very worktree may be.
        let main = main.filter(|main| main.canonicalize().ok() != self.top.canonicalize().ok());
        let mut total = Ignored::default();
        for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
            let mut files = Vec::new();
            self.files(&self.top.join(OsStr::from_bytes(entry)), &mut files)?;
            let files = files.into_iter().filter(|(path, state)| {
                let below = path.strip_prefix(self.top).unwrap_or(path);
                let is_known = known.get(below.to_string_lossy().as_ref()) == Some(state);
                !is_known && !main.as_ref().is_some_and(|main| is_same(path, &main.join(below)))
            });
            let sizes: Vec<u64> = files.map(|(_, state)| state.0).collect();
            if !sizes.is_empty() {
                total.names.push(format!("{}{}", self.below, String::from_utf8_lossy(entry)));
                total.files += sizes.len();
                total.bytes += sizes.iter().sum::<u64>();
            }
        }
        Ok((total.files > 0).then_some(Loss::Ignored(total)))
    }

    /// Collects the files at and below a path, without caches and what is prism's own.
    fn files(&self, path: &Path, found: &mut Vec<(PathBuf, State)>) -> anyhow::Result<()> {
        let below = path.strip_prefix(self.top).unwrap_or(path).to_string_lossy();
        let is_elsewhere = self.skipped.iter().any(|skipped| path.starts_with(skipped));
        if is_elsewhere || (self.is_ours)(path) {
            return Ok(());
        }
        let cannot = || format!("cannot look at `{}`", path.display());
        let metadata = match path.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error).with_context(cannot),
        };
        // A link holds nothing, whatever it leads to.
        if is_cache(&below, !metadata.is_file()) {
            return Ok(());
        }
        if !metadata.is_dir() {
            found.push((path.to_path_buf(), state(&metadata)));
            return Ok(());
        }
        for entry in fs::read_dir(path).with_context(cannot)? {
            self.files(&entry.with_context(cannot)?.path(), found)?;
        }
        Ok(())
    }
}

/// Notes down which ignored files there are in a worktree that has just been made: what its setup made, the next one's
/// makes again.
///
/// # Errors
/// git does not answer, or the note cannot be written.
pub fn remember_ignored(marker: &Marker) -> anyhow::Result<()> {
    let top = &marker.worktree;
    let private = private_directory(top).context("the worktree has no git directory")?;
    let listed = bytes(top, &LIST)?;
    let search = Search { top, below: "", private: &private, is_ours: &|_| false, skipped: &[] };
    let mut files = Vec::new();
    for entry in listed.split(|byte| *byte == 0).filter(|entry| !entry.is_empty()) {
        search.files(&top.join(OsStr::from_bytes(entry)), &mut files)?;
    }
    let noted: BTreeMap<String, State> = files
        .iter()
        .take(NOTED)
        .filter_map(|(path, state)| Some((path.strip_prefix(top).ok()?.to_str()?.to_owned(), *state)))
        .collect();
    fs::write(private.join(NOTE), serde_json::to_vec(&noted)?).context("cannot write into the git directory")
}

fn state(metadata: &fs::Metadata) -> State {
    (metadata.len(), metadata.mtime(), metadata.mtime_nsec())
}

/// Says whether there are two regular files, and they hold the same. What is mounted at both places is one; a hard link of
/// one that goes stays.
fn is_same(one: &Path, other: &Path) -> bool {
    let [Some(first), Some(second)] = [one, other].map(|path| path.symlink_metadata().ok()) else {
        return false;
    };
    let place = |found: &fs::Metadata| (found.dev(), found.ino());
    let above =
        |path: &Path| path.parent().and_then(|above| above.metadata().ok()).map(|found| place(&found));
    let is_one = place(&first) == place(&second) && (first.nlink() < 2 || above(one) == above(other));
    first.is_file()
        && second.is_file()
        && !is_one
        && first.len() == second.len()
        && read::bytes(one).is_ok_and(|first| read::bytes(other).is_ok_and(|second| first == second))
}
