//! Advisory locks between prisms of one user, each a file that its holder keeps open.

use std::fs::{DirBuilder, File, Metadata};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use domain::failure::Failure;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, Flock, FlockArg, OFlag, fcntl, openat};
use nix::sys::stat::Mode;

/// A held lock. Released when dropped, and by the kernel when its last holder ends.
#[derive(Debug)]
pub struct Lock(Flock<File>);

impl Lock {
    /// Takes the lock called `name`, calling `pause` as long as somebody else has it.
    ///
    /// `name` becomes a file name.
    ///
    /// # Errors
    /// The lock file cannot be made, or what `pause` failed with.
    pub fn acquire(name: &str, mut pause: impl FnMut() -> anyhow::Result<()>) -> anyhow::Result<Self> {
        loop {
            if let Some(lock) = Self::attempt(name)? {
                return Ok(lock);
            }
            pause()?;
        }
    }

    /// Takes the lock called `name`; `None` if somebody else has it.
    ///
    /// # Errors
    /// The lock file cannot be made.
    pub fn attempt(name: &str) -> anyhow::Result<Option<Self>> {
        let (directory, opened) = open()?;
        let name = format!("{name}.lock");
        let path = directory.join(&name);
        let flags = OFlag::O_RDWR | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let file = openat(&opened, name.as_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR)
            .map_err(io::Error::from)
            .with_context(|| format!("cannot open the lock file `{}`", path.display()))?;
        match Flock::lock(File::from(file), FlockArg::LockExclusiveNonblock) {
            // One that was removed meanwhile locks nobody out.
            Ok(lock) if !is_at(&lock, &path) => Ok(None),
            Ok(lock) => Ok(Some(Self(lock))),
            Err((_, Errno::EWOULDBLOCK | Errno::EINTR)) => Ok(None),
            Err((_, errno)) => {
                Err(io::Error::from(errno)).with_context(|| format!("cannot lock `{}`", path.display()))
            }
        }
    }

    /// Runs `spawn` so that the process it starts holds the lock too, and outlives prism with it.
    pub fn inherited<T>(&self, spawn: impl FnOnce() -> T) -> anyhow::Result<T> {
        let set = |flags| fcntl(self.0.as_fd(), FcntlArg::F_SETFD(flags)).context("cannot pass the lock on");
        set(FdFlag::empty())?;
        let spawned = spawn();
        set(FdFlag::FD_CLOEXEC)?;
        Ok(spawned)
    }
}

impl AsFd for Lock {
    /// By which another process holds it as well, as long as it has this open.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let place = |found: Metadata| (found.dev(), found.ino());
    let there = path.symlink_metadata().map(place);
    there.is_ok_and(|there| file.metadata().is_ok_and(|own| place(own) == there))
}

/// Returns `/tmp/prism-<uid>`, private to the user: one place for all processes of a user, whatever their environment says
/// (cron, ssh and `sudo -u` have other runtime directories, or none).
pub fn directory() -> anyhow::Result<PathBuf> {
    open().map(|(path, _)| path)
}

/// Opens that directory. What is done by the descriptor is done in the very directory that was looked at.
fn open() -> anyhow::Result<(PathBuf, File)> {
    let user = nix::unistd::geteuid();
    let path = PathBuf::from(format!("/tmp/prism-{user}"));
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Failure::new(format!(
                "cannot make the directory for lock files, `{}`",
                path.display()
            ))
            .hint(
                "make `/tmp` writable for you: `ls -ld /tmp` shows whose it is, `df /tmp` whether it is full",
            )
            .caused_by(error)
            .into());
        }
        _ => {}
    }
    let flags = nix::libc::O_DIRECTORY | nix::libc::O_NOFOLLOW;
    let opened = File::options().read(true).custom_flags(flags).open(&path);
    let is_private = |found: &Metadata| {
        let others = found.permissions().mode() & 0o077;
        found.uid() == user.as_raw() && others == 0
    };
    match opened.and_then(|directory| Ok((directory.metadata()?, directory))) {
        Ok((found, directory)) if is_private(&found) => Ok((path, directory)),
        _ => Err(Failure::new(format!("`{}` is not a private directory of yours", path.display()))
            .hint(format!(
                "prism keeps its locks there, and nobody else may: `sudo rm -r {}`",
                path.display()
            ))
            .into()),
    }
}
