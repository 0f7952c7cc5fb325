//! What a container is made of, as seen from inside, by `/proc/self/mountinfo`: which of its directories are somebody
//! else's, and under which path.
//!
//! A container's name is new at each run, and a machine id may have come with its image. What is mounted into it tells it
//! from others: who has the same directories at the same places works on the same files.

use std::path::{Path, PathBuf};

use crate::text::hash::content_hash;

/// File systems that hold no files of anybody.
const PSEUDO: [&str; 9] =
    ["proc", "sysfs", "tmpfs", "devtmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "securityfs"];

/// Files that Docker and Podman mount from the container's own directory.
const OWN_FILES: [&str; 3] = ["/etc/hostname", "/etc/hosts", "/etc/resolv.conf"];

/// A container's mounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confinement {
    mounts: Vec<Mount>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Mount {
    /// The path inside of its file system.
    root: String,
    /// Where it is in the container.
    point: PathBuf,
    kind: String,
    source: String,
}

impl Confinement {
    /// Reads what the kernel says.
    pub fn read(mountinfo: &str) -> Self {
        Self { mounts: mountinfo.lines().filter_map(Mount::read).collect() }
    }

    /// Returns what tells the container of `directory` from others of this Engine: what is mounted there; where that is
    /// the container itself, its name.
    pub fn machine_at(&self, directory: &Path, hostname: &str) -> String {
        match self.covering(directory) {
            Some(mount) => name(&format!("{} {}", mount.source, mount.root)),
            None => self.own(hostname),
        }
    }

    /// Says whether a directory goes when the container does.
    pub fn is_own(&self, directory: &Path) -> bool {
        self.covering(directory).is_none()
    }

    /// Says whether a path means the same files outside, as far as can be seen: what is mounted has the same name there.
    pub fn is_same_outside(&self, path: &Path) -> bool {
        self.covering(path).is_some_and(Mount::has_its_name)
    }

    /// Finds what is mounted at a path or above it, if that is not the container's own.
    fn covering(&self, path: &Path) -> Option<&Mount> {
        let above = self.mounts.iter().filter(|mount| path.starts_with(&mount.point));
        above.max_by_key(|mount| mount.point.components().count()).filter(|mount| mount.is_shared())
    }

    /// Names the container itself.
    fn own(&self, hostname: &str) -> String {
        let own_file =
            self.mounts.iter().find(|mount| OWN_FILES.iter().any(|file| mount.point == Path::new(file)));
        let directory = own_file.and_then(|mount| Path::new(&mount.root).parent()?.to_str());
        name(directory.unwrap_or(hostname))
    }
}

impl Mount {
    /// Reads a line: id, parent, device, root, mount point, options, optional fields up to `-`, type, source, options.
    fn read(line: &str) -> Option<Self> {
        let (mount, system) = line.split_once(" - ")?;
        let mut mount = mount.split(' ').skip(3);
        let mut system = system.split(' ');
        Some(Self {
            root: plain(mount.next()?),
            point: PathBuf::from(plain(mount.next()?)),
            kind: system.next()?.to_owned(),
            source: plain(system.next()?),
        })
    }

    /// Says whether what is mounted is called as the place is. The path inside of its file system lacks where that is mounted
    /// outside, and begins with a subvolume (`/@home`), or with where a system in a directory of another one has its root.
    fn has_its_name(&self) -> bool {
        let root = Path::new(self.root.trim_start_matches('/'));
        let below = self.root.strip_prefix("/@").and_then(|rest| Some(rest.split_once('/')?.1));
        let point = self.point.strip_prefix("/").unwrap_or(&self.point);
        self.root != "/"
            && (self.point.ends_with(root)
                || below.is_some_and(|below| self.point.ends_with(below))
                || (point.components().count() > 2 && root.ends_with(point)))
    }

    fn is_shared(&self) -> bool {
        self.point != Path::new("/")
            && !PSEUDO.contains(&self.kind.as_str())
            && !OWN_FILES.iter().any(|file| self.point == Path::new(file))
    }
}

fn name(text: &str) -> String {
    format!("container-{}", content_hash(text.as_bytes()))
}

/// Undoes the kernel's way to write a path: space, tab, newline and backslash as octal numbers.
fn plain(written: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(written.to_owned(), |text, (code, meant)| text.replace(code, meant))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The mounts of a container of Docker, with these of its user.
    fn container(id: &str, mounts: &[(&str, &str)]) -> Confinement {
        let own = format!("/var/lib/docker/containers/{id}");
        let mut text = format!(
            "1 0 0:50 / / rw,relatime - overlay overlay rw,upperdir=/{id}\n2 1 0:51 / /proc rw - proc proc rw\n\
             3 1 254:0 {own}/hosts /etc/hosts rw - ext4 /dev/vda rw\n4 1 0:52 / /dev/shm rw - tmpfs shm rw\n"
        );
        for (root, point) in mounts {
            text.push_str(&format!("9 1 254:0 {root} {point} rw,relatime master:1 - ext4 /dev/vda rw\n"));
        }
        Confinement::read(&text)
    }

    #[test]
    fn who_works_on_the_same_files_is_one_machine() {
        let app = Path::new("/workspaces/app");
        let at = |container: &Confinement| container.machine_at(app, "h");
        let socket = ("/run/docker.sock", "/run/docker.sock");
        let one = container("a1", &[("/home/me/app", "/workspaces/app"), socket]);
        let again = container("b2", &[("/home/me/app", "/workspaces/app"), socket]);
        assert_eq!(at(&one), at(&again), "another run of it");
        let other = container("c3", &[("/home/me/other", "/workspaces/app"), socket]);
        assert_ne!(at(&one), at(&other));
        let more =
            container("d4", &[("/home/me/app", "/workspaces/app"), ("/vol/_data", "/root/.cache"), socket]);
        assert_eq!(at(&one), at(&more), "the same directory");

        // What is in the container alone is nobody else's.
        let (own, twin) = (container("e5", &[socket]), container("f6", &[socket]));
        assert!(own.is_own(app) && at(&own) != at(&twin));
        assert_eq!(at(&own), at(&container("e5", &[socket])));
        assert!(!one.is_own(app) && one.is_own(Path::new("/src")));
    }

    #[test]
    fn a_path_is_the_same_outside_if_what_is_mounted_is_called_so() {
        let container = container(
            "a",
            &[
                ("/me/my\\040app", "/home/me/my\\040app"),
                ("/me/x", "/src"),
                ("/", "/whole"),
                ("/@home/me/z", "/home/me/z"),
                ("/guests/a/home/me/y", "/home/me/y"),
                ("/home/me/data", "/data"),
            ],
        );
        for same in ["/home/me/my app/html", "/home/me/z/html", "/home/me/y/html"] {
            assert!(container.is_same_outside(Path::new(same)), "{same}");
        }
        for other in ["/src/html", "/tmp/x", "/etc/hosts", "/whole/x", "/data/x"] {
            assert!(!container.is_same_outside(Path::new(other)), "{other}");
        }
    }
}
