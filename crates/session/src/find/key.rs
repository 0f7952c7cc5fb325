//! The user's secret by which prism knows the headers that it wrote: no repository can bring one that is believed.

use std::fs::{DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use domain::text::hash::hex;

use crate::machine::{lock, read};

/// How many random bytes it has.
const LENGTH: usize = 32;

/// Returns the secret; `None` if there is none yet.
pub fn known() -> Option<String> {
    places().find_map(|path| load(&path))
}

/// Returns the secret, which is made where there is none; `None` where no place for it can be written to: then nothing
/// is remembered.
pub fn made() -> Option<String> {
    places().find_map(|path| load(&path).or_else(|| make(&path).ok()))
}

/// Lists where it may be: among the user's state, and where there is no home, beside the locks.
fn places() -> impl Iterator<Item = PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    // A home that is not there is nobody's to make.
    let home = || absolute("HOME").filter(|home| home.is_dir());
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(home()?.join(".local/state")));
    let beside_locks = std::iter::once_with(lock::directory).filter_map(Result::ok);
    state
        .map(|state| state.join("prism"))
        .into_iter()
        .chain(beside_locks)
        .map(|directory| directory.join("key"))
}

/// Reads it, if nobody else could have read or written it.
fn load(path: &Path) -> Option<String> {
    let found = path.symlink_metadata().ok()?;
    if !found.is_file()
        || found.uid() != nix::unistd::geteuid().as_raw()
        || found.permissions().mode() & 0o077 != 0
    {
        return None;
    }
    read::text(path)
        .ok()
        .filter(|text| text.len() == 2 * LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// Makes it, in one step: of two that do so at once, both use the first one's.
fn make(path: &Path) -> io::Result<String> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    let mut random = [0; LENGTH];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let mut file = tempfile::Builder::new().prefix(".key-").tempfile_in(directory)?;
    file.write_all(hex(&random).as_bytes())?;
    if let Err(error) = file.persist_noclobber(path) {
        if let Some(key) = load(path) {
            return Ok(key);
        }
        // What is there is no secret.
        error.file.persist(path)?;
    }
    load(path).ok_or_else(|| io::Error::other("it was removed"))
}
