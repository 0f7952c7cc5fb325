//! Files that are there as a whole or not at all: until all is written they have no name, so that whoever is killed leaves no
//! half of one, nor a copy with the same secrets.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};

/// How the name ends that a file has for the moment in which it takes another one's place.
const NEW: &str = ".prism-new";

/// The longest name that a file may have.
const LONGEST: usize = 255;

/// Makes a file by what `fill` writes, with these permissions, and never over another one.
///
/// # Errors
/// There is one ([`io::ErrorKind::AlreadyExists`]), or it cannot be written.
pub fn make(
    path: &Path,
    permissions: Permissions,
    fill: impl FnOnce(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let Some(mut unnamed) = unnamed(parent(path)) else {
        // Not every file system knows files without a name.
        let mut named = tempfile::NamedTempFile::new_in(parent(path))?;
        fill(named.as_file_mut())?;
        named.as_file().set_permissions(permissions)?;
        return named.persist_noclobber(path).map(drop).map_err(|error| error.error);
    };
    fill(&mut unnamed)?;
    unnamed.set_permissions(permissions)?;
    name(&unnamed, path)
}

/// Makes a file, also in place of another one. `fill` may be called again, if another prism does the same right now.
///
/// # Errors
/// It cannot be written.
pub fn put(
    path: &Path,
    permissions: &Permissions,
    fill: impl Fn(&mut File) -> io::Result<()>,
) -> io::Result<()> {
    let new = beside(path);
    loop {
        match make(&new, permissions.clone(), &fill) {
            // A killed prism left it, or another one is at it.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => match fs::remove_file(&new) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => continue,
            },
            made => made?,
        }
        match fs::rename(&new, path) {
            // The other one was quicker.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return fs::remove_file(&new).and(Err(error)),
            Ok(()) => return Ok(()),
        }
    }
}

/// Returns the name that a file has while it takes this one's place.
pub fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let fits = LONGEST - NEW.len() - 1;
    let end = (0..=fits.min(name.len())).rev().find(|length| name.is_char_boundary(*length)).unwrap_or(0);
    path.with_file_name(format!(".{}{NEW}", &name[..end]))
}

/// The mode of what holds secrets.
pub fn private() -> Permissions {
    Permissions::from_mode(0o600)
}

fn unnamed(directory: &Path) -> Option<File> {
    let flags = nix::libc::O_TMPFILE;
    let file = File::options().write(true).mode(0o600).custom_flags(flags).open(directory).ok()?;
    // By which it gets its name.
    by_descriptor(&file).exists().then_some(file)
}

fn name(file: &File, path: &Path) -> io::Result<()> {
    nix::unistd::linkat(AT_FDCWD, &by_descriptor(file), AT_FDCWD, path, AtFlags::AT_SYMLINK_FOLLOW)
        .map_err(|errno: Errno| errno.into())
}

fn by_descriptor(file: &File) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_file_is_whole_and_alone_and_over_nothing() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("file");
        let modes = Permissions::from_mode(0o640);
        let wrote = |text: &'static str| move |file: &mut File| file.write_all(text.as_bytes());
        make(&path, modes.clone(), wrote("1")).expect("made");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o640);
        assert_eq!(
            make(&path, modes.clone(), wrote("2")).expect_err("it is there").kind(),
            io::ErrorKind::AlreadyExists
        );
        fs::write(beside(&path), "a killed prism's").expect("written");
        put(&path, &modes, wrote("3")).expect("replaced");
        assert_eq!(fs::read_to_string(&path).expect("text"), "3");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..50).for_each(|_| put(&path, &modes, wrote("4")).expect("replaced")));
            }
        });
        assert_eq!(fs::read_to_string(&path).expect("text"), "4");
        // Nothing is left of what fails half-way.
        put(&path, &modes, |_| Err(io::Error::other("full"))).expect_err("failed");
        make(&directory.path().join("other"), modes, |_| Err(io::Error::other("full"))).expect_err("failed");
        assert_eq!(fs::read_dir(directory.path()).expect("entries").count(), 1);
        assert_eq!(beside(&directory.path().join("x".repeat(255))).file_name().expect("a name").len(), 255);
    }
}
