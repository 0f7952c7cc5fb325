//! Where a session's directory was when it was started, and whether that is known to be empty now.
//!
//! That a directory is not there says little: its disk may be away, or something else mounted in its place. It is gone if
//! its parent is the very same one, and does not have it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A place in a file system, whatever it is mounted on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// The kind of the file system: `ext4`, `tmpfs`; empty where the system does not tell.
    pub kind: String,
    /// The id that it gives itself, if the system knows one for its device.
    pub uuid: Option<String>,
    /// What `statfs` calls its id.
    pub fsid: u64,
    /// The number of its device, good until the machine is started again.
    pub device: u64,
    /// When that was, or will be: the kernel's id of this boot.
    pub boot: String,
    /// The path from the top of the file system.
    pub path: String,
}

/// Where a session's directory was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The place of its parent.
    pub parent: Location,
    /// What tells it from a later one of its name: its number and when it was made; `None` where that is not known.
    pub own: Option<String>,
    /// The same of its parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub around: Option<String>,
    /// Something was mounted there.
    #[serde(default)]
    pub is_mount: bool,
    /// The private git directory of the linked worktree that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worktree: Option<String>,
}

/// Whether a session's directory is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// Something is there under its name.
    There,
    /// It was removed.
    Gone,
    /// It is not there, and may come back.
    Away(Why),
}

/// Why a directory that is not there may come back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// Neither is its parent.
    NoParent,
    /// Its parent is elsewhere: a disk is away, or another one in its place.
    OtherDisk,
    /// It was a disk's own, which is away.
    Unmounted,
    /// Its parent is another one, made anew: the former one, and all that was in it, may be elsewhere.
    OtherParent,
    /// A machine of this name, with the same id as this one, started the session.
    OtherMachine(String),
    /// It has another name now.
    Moved(String),
    /// Neither is the repository of its worktree, which knows whether it was moved.
    NoRepository,
    /// A link of its name leads nowhere.
    DanglingLink,
    /// The session was started by a prism that did not note down where it was, or on another machine.
    Unknown,
    /// It cannot be looked at.
    Unreadable(String),
}

/// A clause that follows the directory's name.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoParent => f.write_str("is not there, nor is its parent"),
            Self::OtherDisk => {
                f.write_str("is not there, but its parent is on another file system than at the last start")
            }
            Self::Unmounted => f.write_str("is not there, and had something mounted at the last start"),
            Self::OtherParent => {
                f.write_str("is not there, and its parent was made anew since the last start")
            }
            Self::OtherMachine(name) => {
                write!(
                    f,
                    "has a session that was started on `{name}`, a machine with the same id as this one"
                )
            }
            Self::Moved(to) => write!(f, "is `{to}` now"),
            Self::NoRepository => f.write_str("is not there, nor is its repository"),
            Self::DanglingLink => f.write_str("is a link that leads nowhere"),
            Self::Unknown => f.write_str("is not there, and nothing says where it was"),
            Self::Unreadable(error) => write!(f, "cannot be looked at: {error}"),
        }
    }
}

impl Location {
    /// File systems whose `statfs` id is their own, and not that of the device's number.
    const WITH_ID: [&str; 6] = ["ext2", "ext3", "ext4", "btrfs", "zfs", "overlay"];

    /// Says whether `now` is known to be this place.
    pub fn is(&self, now: &Self) -> bool {
        if (&self.kind, &self.path) != (&now.kind, &now.path) {
            return false;
        }
        let is_same_boot = !self.boot.is_empty() && self.boot == now.boot;
        match (&self.uuid, &now.uuid) {
            (Some(noted), Some(found)) => noted == found && self.fsid_agrees(now, is_same_boot),
            _ if is_same_boot => self.device == now.device && self.fsid == now.fsid,
            _ => self.fsid != 0 && self.fsid == now.fsid && Self::WITH_ID.contains(&self.kind.as_str()),
        }
    }

    /// A subvolume has an id of its own, where ids are the file system's.
    fn fsid_agrees(&self, now: &Self, is_same_boot: bool) -> bool {
        self.fsid == now.fsid || !(is_same_boot || Self::WITH_ID.contains(&self.kind.as_str()))
    }
}

/// A line of `/proc/self/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// What of the file system is mounted: a path from its top.
    pub root: String,
    /// Where.
    pub point: String,
    /// The kind of the file system.
    pub kind: String,
    /// Its device, or whatever it calls itself.
    pub source: String,
}

impl Mount {
    /// Finds the mount with this id.
    pub fn find(mountinfo: &str, id: &str) -> Option<Self> {
        mountinfo.lines().find_map(|line| {
            let (left, right) = line.split_once(" - ")?;
            let left: Vec<&str> = left.split(' ').collect();
            let mut right = right.split(' ');
            let [own, _, _, root, point, ..] = left.as_slice() else { return None };
            (*own == id).then_some(())?;
            Some(Self {
                root: unescaped(root),
                point: unescaped(point),
                kind: right.next()?.to_owned(),
                source: unescaped(right.next()?),
            })
        })
    }

    /// Turns a path below it into one from the top of its file system.
    pub fn inside(&self, path: &str) -> Option<String> {
        let below = if self.point == "/" { path } else { path.strip_prefix(self.point.as_str())? };
        let whole = format!("{}/{}", self.root.trim_end_matches('/'), below.trim_start_matches('/'));
        Some(if whole.len() > 1 { whole.trim_end_matches('/').to_owned() } else { whole })
    }
}

/// Reads what the kernel writes in place of blanks and the like: `\040`.
fn unescaped(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let code = others.get(..3).filter(|_| *first == b'\\');
        let code = code.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        bytes.push(code.unwrap_or(*first));
        rest = &others[if code.is_some() { 3 } else { 0 }..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Location {
        Location {
            kind: "ext4".into(),
            uuid: Some("u".into()),
            fsid: 7,
            device: 1,
            boot: "today".into(),
            path: "/w".into(),
        }
    }

    #[test]
    fn a_place_is_known_by_what_lasts_as_long() {
        let later = |place: Location| Location { boot: "tomorrow".into(), device: 9, ..place };
        let bare = |kind: &str| Location { kind: kind.into(), uuid: None, ..place() };
        assert!(place().is(&place()));
        assert!(place().is(&later(place())), "disks are counted anew at each start");
        assert!(bare("ext4").is(&later(bare("ext4"))), "no names of devices in a container");
        assert!(bare("tmpfs").is(&bare("tmpfs")));
        assert!(!bare("tmpfs").is(&later(bare("tmpfs"))), "what was in it is gone, or it is another one");
        assert!(!bare("vfat").is(&later(bare("vfat"))), "its id is its device's number");
        assert!(!place().is(&Location { uuid: Some("other".into()), ..place() }), "another stick");
        assert!(!place().is(&Location { kind: "autofs".into(), ..place() }));
        assert!(
            !place().is(&Location { path: "/other".into(), ..place() }),
            "another directory is mounted there"
        );
        assert!(!bare("tmpfs").is(&Location { fsid: 8, ..bare("tmpfs") }));
        assert!(!bare("tmpfs").is(&Location { device: 2, ..bare("tmpfs") }));
        assert!(!place().is(&Location { fsid: 8, ..place() }), "another subvolume");
    }

    #[test]
    fn places_are_counted_from_the_top_of_their_file_system() {
        let text = "22 27 0:21 / /proc rw - proc proc rw\n\
                    30 22 8:1 /home /mnt/a\\040b rw,shared:1 master:2 - ext4 /dev/sda1 rw\n\
                    31 22 8:1 / / rw - ext4 /dev/root rw\n";
        let mount = Mount::find(text, "30").expect("a mount");
        assert_eq!((mount.point.as_str(), mount.source.as_str()), ("/mnt/a b", "/dev/sda1"));
        assert_eq!(mount.inside("/mnt/a b/me/work").as_deref(), Some("/home/me/work"));
        assert_eq!(mount.inside("/mnt/a b").as_deref(), Some("/home"));
        assert_eq!(mount.inside("/elsewhere"), None);
        let top = Mount::find(text, "31").expect("a mount");
        assert_eq!(top.inside("/").as_deref(), Some("/"));
        assert_eq!(top.inside("/w").as_deref(), Some("/w"));
        assert_eq!(Mount::find(text, "32"), None);
    }
}
