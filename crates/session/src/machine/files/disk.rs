//! Where directories are: on which file system, and where in it.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use domain::engine::origin::{Location, Mount, Origin, Presence, Why};
use domain::worktree::loss::is_cache;
use domain::worktree::mount;

use crate::machine::read;

/// In as many directories a moved one is looked for.
const MANY: usize = 20_000;

/// Notes down where a directory is, which is in the linked worktree of the private git directory `worktree`. `None` where
/// that cannot be told.
pub fn origin(directory: &Path, worktree: Option<&Path>) -> Option<Origin> {
    let parent = directory.parent()?;
    Some(Origin {
        parent: place(parent).ok()?,
        own: own(directory),
        around: own(parent),
        is_mount: mount::below(&mounts(), directory).iter().any(|place| place == directory),
        worktree: worktree.and_then(Path::to_str).map(str::to_owned),
    })
}

/// Finds out whether a session's directory is there, if it was at `origin` when it was started.
pub fn presence(directory: &Path, origin: Option<&Origin>) -> Presence {
    match fs::metadata(directory) {
        Ok(_) => return Presence::There,
        Err(error) if !is_absent(&error) => return Presence::Away(Why::Unreadable(error.to_string())),
        Err(_) => {}
    }
    if directory.symlink_metadata().is_ok() {
        return Presence::Away(Why::DanglingLink);
    }
    let Some(parent) = directory.parent().filter(|parent| parent.is_dir()) else {
        return Presence::Away(Why::NoParent);
    };
    let Some(origin) = origin else { return Presence::Away(Why::Unknown) };
    match place(parent) {
        Err(error) => return Presence::Away(Why::Unreadable(error.to_string())),
        Ok(now) if !origin.parent.is(&now) => return Presence::Away(Why::OtherDisk),
        Ok(_) if origin.is_mount => return Presence::Away(Why::Unmounted),
        Ok(_) => {}
    }
    match moved(directory, parent, origin) {
        Ok(Some(to)) => Presence::Away(Why::Moved(to.display().to_string())),
        Ok(None) if !has_repository(origin) => Presence::Away(Why::NoRepository),
        Ok(None) if origin.around.is_some() && origin.around != own(parent) => {
            Presence::Away(Why::OtherParent)
        }
        Ok(None) => Presence::Gone,
        Err(error) => Presence::Away(Why::Unreadable(error.to_string())),
    }
}

/// Finds the directory under another name: beside its own, elsewhere in the worktree around it or below the directory around
/// that, or where git knows its worktree, be that a copy.
fn moved(directory: &Path, parent: &Path, origin: &Origin) -> io::Result<Option<PathBuf>> {
    let is_it = |path: &Path| own(path).is_some_and(|own| Some(own) == origin.own);
    for entry in fs::read_dir(parent)? {
        let path = entry?.path();
        if is_it(&path) {
            return Ok(Some(path));
        }
    }
    let around = parent.ancestors().find(|around| around.join(".git").exists());
    // Whoever tidies up moves a project not far.
    let mut near = around.into_iter().chain([parent]).chain(parent.parent());
    if let Some(found) = near.find_map(|top| find(top, &is_it)) {
        return Ok(Some(found));
    }
    let Some(private) = origin.worktree.as_ref().map(Path::new) else { return Ok(None) };
    let Ok(git) = read::text(&private.join("gitdir")) else { return Ok(None) };
    let Some(top) = Path::new(git.trim()).parent() else { return Ok(None) };
    if !directory.starts_with(top) && leads_to(&top.join(".git"), private) {
        return Ok(Some(top.to_path_buf()));
    }
    // The session's directory is the worktree's top, or below it.
    let below = directory.ancestors().scan(PathBuf::new(), |below, part| {
        let found = if below.as_os_str().is_empty() { top.to_path_buf() } else { top.join(&*below) };
        *below = Path::new(part.file_name()?).join(&*below);
        Some(found)
    });
    let moved = below.take(directory.components().count()).find(|path| path != directory && is_it(path));
    Ok(moved)
}

/// Looks for a directory below another one, what is near first, as far as that is soon done: what tools fill has none that
/// somebody moved.
fn find(top: &Path, is_it: &dyn Fn(&Path) -> bool) -> Option<PathBuf> {
    let disk = top.metadata().ok()?.dev();
    let mut left = VecDeque::from([top.to_path_buf()]);
    for _ in 0..MANY {
        let entries = fs::read_dir(left.pop_front()?).into_iter().flatten().filter_map(Result::ok);
        let inner = entries.filter(|entry| entry.metadata().is_ok_and(|it| it.is_dir() && it.dev() == disk));
        let is_looked_into = |name: &str| name != ".git" && !is_cache(name, true);
        let inner = inner.filter(|entry| is_looked_into(&entry.file_name().to_string_lossy()));
        let inner: Vec<PathBuf> = inner.map(|entry| entry.path()).collect();
        if let Some(found) = inner.iter().find(|path| is_it(path)) {
            return Some(found.clone());
        }
        left.extend(inner);
    }
    None
}

/// Says whether the `.git` of a worktree names a private git directory.
fn leads_to(git: &Path, private: &Path) -> bool {
    let named =
        read::text(git).ok().and_then(|text| Some(PathBuf::from(text.trim().strip_prefix("gitdir: ")?)));
    named.is_some_and(|named| named.canonicalize().ok() == private.canonicalize().ok() && named.is_dir())
}

/// Says whether the repository of its worktree is there, where it has been in one: `<repository>/worktrees/<name>`.
fn has_repository(origin: &Origin) -> bool {
    let private = origin.worktree.as_ref().map(Path::new);
    private.and_then(|private| private.parent()?.parent()).is_none_or(Path::is_dir)
}

/// Says of a directory what no later one of its name has in common with it.
fn own(directory: &Path) -> Option<String> {
    let found = directory.symlink_metadata().ok().filter(fs::Metadata::is_dir)?;
    let made = found.created().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(format!("{}:{}", found.ino(), made.as_nanos()))
}

/// What the kernel says is mounted; nothing where it does not tell.
fn mounts() -> String {
    read::text(Path::new("/proc/self/mountinfo")).unwrap_or_default()
}

fn place(directory: &Path) -> io::Result<Location> {
    // To look into it mounts what is to be mounted there when somebody comes.
    fs::read_dir(directory)?.next();
    let flags = nix::libc::O_PATH | nix::libc::O_DIRECTORY;
    let opened = File::options().read(true).custom_flags(flags).open(directory)?;
    let descriptor = opened.as_raw_fd();
    let system = nix::sys::statvfs::fstatvfs(&opened)?;
    let mount = read::text(Path::new(&format!("/proc/self/fdinfo/{descriptor}"))).ok().and_then(|text| {
        let id = text.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim().to_owned();
        Mount::find(&mounts(), &id)
    });
    let path =
        fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap_or_else(|_| directory.to_path_buf());
    let path = path.to_string_lossy().into_owned();
    let boot = read::text(Path::new("/proc/sys/kernel/random/boot_id")).unwrap_or_default();
    Ok(Location {
        uuid: mount.as_ref().and_then(|mount| uuid(&mount.source)),
        fsid: system.filesystem_id() as u64,
        device: opened.metadata()?.dev(),
        boot: boot.trim().to_owned(),
        path: mount.as_ref().and_then(|mount| mount.inside(&path)).unwrap_or(path),
        kind: mount.map(|mount| mount.kind).unwrap_or_default(),
    })
}

/// Finds the name that the system gives a device by what is on it.
fn uuid(source: &str) -> Option<String> {
    let device = Path::new(source).canonicalize().ok().filter(|_| source.starts_with("/dev/"))?;
    let names = fs::read_dir("/dev/disk/by-uuid").ok()?.filter_map(Result::ok);
    let mut names = names.filter(|name| name.path().canonicalize().is_ok_and(|found| found == device));
    names.next().map(|name| name.file_name().to_string_lossy().into_owned())
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
