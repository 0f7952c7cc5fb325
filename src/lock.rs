//! Advisory locks between prisms of one user, each a file that its holder keeps open.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;

use anyhow::Context;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, Flock, FlockArg, fcntl};

use crate::error::Failure;

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
        let path = directory()?.join(format!("{name}.lock"));
        let file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(nix::libc::O_NOFOLLOW)
            .open(&path)
            .with_context(|| format!("cannot open the lock file `{}`", path.display()))?;
        match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
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

/// Returns `$XDG_RUNTIME_DIR/prism`, else `/tmp/prism-<uid>`: private to the user.
pub fn directory() -> anyhow::Result<PathBuf> {
    let user = nix::unistd::geteuid();
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let usable = |path: &PathBuf| {
        path.is_absolute()
            && fs::metadata(path).is_ok_and(|found| found.is_dir() && found.uid() == user.as_raw())
    };
    let path = match runtime.filter(usable) {
        Some(runtime) => runtime.join("prism"),
        None => PathBuf::from(format!("/tmp/prism-{user}")),
    };
    match DirBuilder::new().mode(0o700).create(&path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            return Err(Failure::new(format!(
                "cannot make the directory for lock files, `{}`",
                path.display()
            ))
            .hint("set XDG_RUNTIME_DIR to a directory of your own that you may write to")
            .caused_by(error)
            .into());
        }
        _ => {}
    }
    let found =
        fs::symlink_metadata(&path).with_context(|| format!("cannot look at `{}`", path.display()))?;
    if !found.is_dir() || found.uid() != user.as_raw() || found.permissions().mode() & 0o077 != 0 {
        return Err(Failure::new(format!("`{}` is not a private directory of yours", path.display()))
            .hint("remove it, or set XDG_RUNTIME_DIR")
            .into());
    }
    Ok(path)
}
