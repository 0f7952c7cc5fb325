//! Snapshots: labelled volumes of a project, and nothing else.
//!
//! One volume for each volume that was copied, and one more, empty, that is made last and says that the others are whole. All of
//! them name the project and the making; what does not agree with that, or with its own name, is foreign.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::data::{Key, Server, Stock, Stored};
use crate::identity::label::LABEL;
use crate::identity::name::ServiceName;
use crate::identity::nonce::Nonce;
use crate::text::hash::short_hash;

/// The label that names a snapshot.
pub const SNAPSHOT: &str = "snapshot";

/// The label that names the project: its git directory that all worktrees share, or where there is none, its directory.
pub const OF: &str = "snapshot_of";

const MAKING: &str = "snapshot_making";

const PART: &str = "snapshot_part";

const WHOLE: &str = "snapshot_whole";

const OWNER: &str = "owner";

/// The longest name.
const LENGTH: usize = 48;

/// The name of a snapshot: letters, digits, `-` and `_`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// A snapshot, whole or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// Its name.
    pub name: Name,
    /// Its project.
    pub of: String,
    /// `<user id>@<machine id>`.
    pub owner: String,
    /// What tells it from another one of this name.
    pub making: Nonce,
    /// Its volumes.
    pub parts: Vec<Stored>,
    /// What it is of, if it is whole; and the volume that says so.
    pub whole: Option<(String, Whole)>,
}

/// What a whole snapshot is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    /// When it was made, RFC 3339.
    pub at: String,
    /// The directory of the session.
    pub directory: String,
    /// The commit that was checked out there.
    pub commit: Option<String>,
    /// How many volumes it has.
    pub parts: usize,
    /// How large they were together, in KiB, as far as that could be told.
    pub size: Option<u64>,
    /// What ran on the data.
    pub servers: BTreeMap<ServiceName, Server>,
}

/// One of the volumes of a snapshot, or the one that says that it is whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Part {
    key: Key,
    users: Vec<(ServiceName, String)>,
}

/// What names a snapshot that is being made, and gives its volumes their labels.
#[derive(Debug, Clone)]
pub struct Making {
    /// Its name.
    pub name: Name,
    /// Its project.
    pub of: String,
    /// `<user id>@<machine id>`.
    pub owner: String,
    /// What tells it from every other one.
    pub nonce: Nonce,
}

impl Making {
    /// Names the volume with this number.
    pub fn part_volume(&self, number: usize) -> String {
        format!("{}.{number}", self.volume())
    }

    /// Names the volume that says that it is whole.
    pub fn volume(&self) -> String {
        volume(&self.of, &self.name)
    }

    /// Returns the labels of one of its volumes.
    ///
    /// # Errors
    /// Never seen: they cannot be written as JSON.
    pub fn part_labels(
        &self,
        key: Key,
        users: Vec<(ServiceName, String)>,
    ) -> Result<BTreeMap<String, String>, serde_json::Error> {
        Ok(self.labels(PART, serde_json::to_string(&Part { key, users })?))
    }

    /// Returns the labels of the volume that says that it is whole.
    ///
    /// # Errors
    /// Never seen: they cannot be written as JSON.
    pub fn whole_labels(&self, whole: &Whole) -> Result<BTreeMap<String, String>, serde_json::Error> {
        Ok(self.labels(WHOLE, serde_json::to_string(whole)?))
    }

    fn labels(&self, key: &str, value: String) -> BTreeMap<String, String> {
        let Self { name, of, owner, nonce } = self;
        [
            (SNAPSHOT, name.0.clone()),
            (OF, of.clone()),
            (OWNER, owner.clone()),
            (MAKING, nonce.to_string()),
            (key, value),
        ]
        .into_iter()
        .map(|(key, value)| (format!("{LABEL}{key}"), value))
        .collect()
    }
}

impl Snapshot {
    /// Returns what can be copied from it.
    pub fn stock(&self) -> Option<Stock> {
        let (_, whole) = self.whole.as_ref()?;
        Some(Stock { servers: whole.servers.clone(), volumes: self.parts.clone() })
    }

    /// Lists its volumes in the order in which they are removed: what says that it is whole goes first.
    pub fn volumes(&self) -> Vec<String> {
        let whole = self.whole.iter().map(|(volume, _)| volume.clone());
        whole.chain(self.parts.iter().map(|part| part.volume.clone())).collect()
    }
}

/// Gathers the snapshots that these volumes, each with its labels, are of. What only says so is left out.
pub fn gather<'v>(volumes: impl Iterator<Item = (&'v str, &'v BTreeMap<String, String>)>) -> Vec<Snapshot> {
    let mut found: Vec<Snapshot> = Vec::new();
    for (volume, labels) in volumes {
        let Some(one) = read(volume, labels) else { continue };
        let is_same = |it: &&mut Snapshot| {
            (&it.name, &it.of, &it.owner, &it.making) == (&one.name, &one.of, &one.owner, &one.making)
        };
        match found.iter_mut().find(is_same) {
            Some(known) => {
                known.parts.extend(one.parts);
                known.whole = known.whole.take().or(one.whole);
            }
            None => found.push(one),
        }
    }
    for snapshot in &mut found {
        snapshot.parts.sort_by(|a, b| a.volume.cmp(&b.volume));
        let parts = snapshot.parts.len();
        // One of which somebody removed a volume is not whole any more.
        snapshot.whole = snapshot.whole.take().filter(|(_, whole)| whole.parts == parts);
    }
    found.sort_by(|a, b| (&a.of, &a.name).cmp(&(&b.of, &b.name)));
    found
}

/// Reads what one volume says.
fn read(volume: &str, labels: &BTreeMap<String, String>) -> Option<Snapshot> {
    let label = |key: &str| labels.get(&format!("{LABEL}{key}")).cloned();
    let name = Name::try_from(label(SNAPSHOT)?).ok()?;
    let (of, owner) = (label(OF)?, label(OWNER)?);
    let making = Nonce::try_from(label(MAKING)?).ok()?;
    let rest = volume.strip_prefix(&self::volume(&of, &name))?;
    let (mut parts, mut whole) = (Vec::new(), None);
    if rest.is_empty() {
        whole = Some((volume.to_owned(), serde_json::from_str(&label(WHOLE)?).ok()?));
    } else {
        rest.strip_prefix('.')?.parse::<usize>().ok()?;
        let Part { key, users } = serde_json::from_str(&label(PART)?).ok()?;
        parts.push(Stored { key, volume: volume.to_owned(), users });
    }
    Some(Snapshot { name, of, owner, making, parts, whole })
}

fn volume(of: &str, name: &Name) -> String {
    format!("prism-{}.{name}", short_hash(of.as_bytes()))
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let begins = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        if begins && text.len() <= LENGTH && text != "main" && text.bytes().all(is_plain) {
            return Ok(Self(text));
        }
        Err(format!("`{text}` is not a name for a snapshot"))
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn making(name: &str, number: u64) -> Making {
        Making {
            name: Name::try_from(name.to_owned()).expect("a name"),
            of: "/w/shop/.git".into(),
            owner: "1000@m".into(),
            nonce: Nonce::new(number),
        }
    }

    fn whole(parts: usize) -> Whole {
        Whole {
            at: "2026-01-02T03:04:05Z".into(),
            directory: "/w/shop".into(),
            commit: Some("0123".into()),
            parts,
            size: Some(7),
            servers: BTreeMap::new(),
        }
    }

    type Volumes = Vec<(String, BTreeMap<String, String>)>;

    fn volumes(making: &Making, parts: usize) -> Volumes {
        let part = |number: usize| {
            let labels =
                making.part_labels(Key::Named(format!("v{number}")), vec![("db".into(), "/d".into())]);
            (making.part_volume(number), labels.expect("labels"))
        };
        (0..parts).map(part).collect()
    }

    fn gathered(volumes: &Volumes) -> Vec<Snapshot> {
        gather(volumes.iter().map(|(name, labels)| (name.as_str(), labels)))
    }

    #[test]
    fn names_are_plain() {
        for name in ["a", "Seeded-2", "2026-01-02_030405", &"x".repeat(48)] {
            assert!(Name::try_from(name.to_owned()).is_ok(), "{name}");
        }
        for name in ["", "main", "-x", "a.b", "a/b", "..", "a b", "é", &"x".repeat(49)] {
            assert!(Name::try_from(name.to_owned()).is_err(), "{name}");
        }
    }

    #[test]
    fn a_snapshot_is_whole_with_its_mark_and_all_its_volumes() {
        let making = making("seeded", 1);
        let mut all = volumes(&making, 2);
        assert_eq!(gathered(&all).len(), 1);
        assert_eq!(gathered(&all)[0].whole, None, "it was not finished");
        all.push((making.volume(), making.whole_labels(&whole(2)).expect("labels")));
        let found = gathered(&all);
        assert_eq!(found[0].stock().expect("whole").volumes.len(), 2);
        assert_eq!(found[0].volumes()[0], making.volume(), "the mark goes first");
        all.remove(0);
        assert_eq!(gathered(&all)[0].whole, None, "a volume is gone");
    }

    #[test]
    fn what_is_of_another_making_or_called_otherwise_is_not_of_it() {
        let mut all = volumes(&making("seeded", 1), 1);
        let other = making("seeded", 2);
        all.push((other.volume(), other.whole_labels(&whole(1)).expect("labels")));
        assert!(gathered(&all).iter().all(|snapshot| snapshot.whole.is_none()));
        let mut renamed = volumes(&making("seeded", 1), 1);
        renamed[0].0 = "mine".into();
        assert_eq!(gathered(&renamed), []);
        renamed[0].0 = making("other", 1).part_volume(0);
        assert_eq!(gathered(&renamed), []);
    }
}
