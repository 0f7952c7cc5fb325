//! Reading inputs and writing generated files: whole, private, and never over somebody else's.

pub mod disk;
pub mod fixed;
pub mod whole;

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Context;
use domain::failure::Failure;
use domain::text::word::word;
use domain::worktree::mount;
use nix::unistd::{AccessFlags, access};

use crate::machine::read::{self, is_absence};

/// Configuration larger than this is not read.
const CONFIGURATION_LIMIT: u64 = 1 << 20;

/// Reads a file; `None` if there is none, or a directory.
pub fn read(path: &Path) -> anyhow::Result<Option<Vec<u8>>> {
    match read::bytes(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => {
            let failure = Failure::new(format!("cannot read `{}`", path.display()));
            let hint = "put a regular file there that this user may read";
            Err(failure.hint(hint).caused_by(error).into())
        }
    }
}

/// Reads a file that may decide what prism does: regular, at most 1 MiB, owned by the user or root.
///
/// The file is opened once and judged by its descriptor, so that it cannot be exchanged in between; a named
/// pipe does not block.
pub fn read_configuration(path: &Path) -> anyhow::Result<Option<String>> {
    let shown = path.display();
    let (mut file, metadata) = match read::open(path) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{shown}`")),
    };
    if metadata.len() > CONFIGURATION_LIMIT {
        return Err(Failure::new(format!("`{shown}` is larger than 1 MiB")).into());
    }
    let user = nix::unistd::geteuid().as_raw();
    if metadata.uid() != user && metadata.uid() != 0 {
        return Err(Failure::new(format!("`{shown}` belongs to another user (id {})", metadata.uid()))
            .hint(format!("if you trust it: `sudo chown {user} {}`", word(shown)))
            .into());
    }
    let mut text = String::new();
    file.read_to_string(&mut text).with_context(|| format!("cannot read `{shown}`"))?;
    Ok(Some(text))
}

/// Checks that a file may be written: it does not exist, or is prism's own, and no link to anywhere.
pub fn check(path: &Path, is_ours: impl Fn(&[u8]) -> bool) -> anyhow::Result<()> {
    present(path, is_ours).map(drop)
}

/// Reads a file that may be written, and its mode; `None` if there is none.
fn present(path: &Path, is_ours: impl Fn(&[u8]) -> bool) -> anyhow::Result<Option<(Vec<u8>, u32)>> {
    let in_the_way = |why: &str| {
        let shown = path.display();
        Failure::new(format!("`{shown}` is in the way: {why}")).hint(format!(
            "rename it: `mv {} {}`",
            word(&shown),
            word(format_args!("{shown}.mine"))
        ))
    };
    let found = match path.symlink_metadata() {
        Ok(found) => found,
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
    };
    if found.is_symlink() {
        return Err(in_the_way("it is a symbolic link").into());
    }
    if found.is_dir() {
        return Err(in_the_way("it is a directory").into());
    }
    match read(path)? {
        Some(bytes) if !is_ours(&bytes) => Err(in_the_way("prism did not write it").into()),
        bytes => Ok(bytes.map(|bytes| (bytes, found.mode()))),
    }
}

/// Writes a file of mode 0600 in one step, unless it already holds these bytes. Says whether it wrote.
///
/// What replaces a file is always of a later second than that: direnv and make compare whole seconds.
///
/// `is_ours` tells from a present file's bytes whether it may be replaced.
pub fn write(path: &Path, bytes: &[u8], is_ours: impl Fn(&[u8]) -> bool) -> anyhow::Result<bool> {
    let shown = path.display();
    if let Some((present, mode)) = present(path, is_ours)?
        && present == bytes
        && mode & 0o777 == 0o600
    {
        return Ok(false);
    }
    let cannot = || {
        Failure::new(format!("cannot write `{shown}`"))
            .hint("prism keeps its generated files in the session directory, which has to be writable")
    };
    let written = whole::put(path, &whole::private(), |file| {
        file.write_all(bytes)?;
        later(path).map_or(Ok(()), |later| file.set_modified(later))
    });
    match written {
        Ok(()) => Ok(true),
        Err(error) => Err(cannot().caused_by(error).into()),
    }
}

/// Returns the second after that of a file's last change, unless it is over already.
fn later(path: &Path) -> Option<SystemTime> {
    let changed = fs::metadata(path).ok()?.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    let later = UNIX_EPOCH + Duration::from_secs(changed.as_secs() + 1);
    (later > SystemTime::now()).then_some(later)
}

/// Writes a file of the user's in one step. It keeps its mode; a new one gets 0600.
pub fn rewrite(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let shown = path.display();
    // A link stays one.
    let target = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let permissions = fs::metadata(&target).map_or_else(|_| whole::private(), |found| found.permissions());
    let written = whole::put(&target, &permissions, |file| file.write_all(bytes));
    written.with_context(|| format!("cannot write `{shown}`"))
}

/// Removes a file if prism wrote it. Says whether it did.
pub fn remove(path: &Path, is_ours: impl Fn(&[u8]) -> bool) -> anyhow::Result<bool> {
    match read(path)? {
        Some(present) if is_ours(&present) => {
            fs::remove_file(path).with_context(|| format!("cannot remove `{}`", path.display()))?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Says whether this user may make and delete entries of a directory.
pub fn is_writable(directory: &Path) -> bool {
    access(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}

/// Lists the places at and below `top` at which something is mounted.
pub fn mounts(top: &Path) -> Vec<PathBuf> {
    let mountinfo = read::bytes(Path::new("/proc/self/mountinfo")).unwrap_or_default();
    mount::below(&String::from_utf8_lossy(&mountinfo), top)
}

/// Resolves a path of which the end need not exist.
pub fn canonical(path: &Path) -> PathBuf {
    if let Ok(found) = path.canonicalize() {
        return found;
    }
    match (path.parent(), path.components().next_back()) {
        (Some(parent), Some(Component::Normal(name))) => canonical(parent).join(name),
        (Some(parent), Some(Component::ParentDir)) => {
            canonical(parent).parent().unwrap_or(Path::new("/")).to_path_buf()
        }
        (Some(parent), _) => canonical(parent),
        _ => path.to_path_buf(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_file_is_of_a_later_second() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        let second = |text: &str| {
            assert!(write(&path, text.as_bytes(), |_| true).expect("written"));
            let changed = fs::metadata(&path).expect("a file").modified().expect("a time");
            changed.duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
        };
        let seconds = ["1", "2", "3", "4"].map(second);
        assert!(seconds.is_sorted_by(|one, next| one < next), "{seconds:?}");
        assert!(!write(&path, b"4", |_| true).expect("nothing to do"));
    }
}
