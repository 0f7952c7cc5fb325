//! What a prism leaves in the Engine while it copies data: a word for whoever comes after it, should it be killed. Each is an
//! empty volume of its own, and not a part of the session's note: it is there as a whole or not at all at every moment.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::engine::snapshot::Name;
use crate::identity::label::LABEL;
use crate::identity::name::{ProjectName, SessionId};

/// Where a copy is from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Another session, by its identity and its directory.
    Session {
        /// Its identity.
        id: SessionId,
        /// Its directory.
        directory: String,
    },
    /// A snapshot of the project.
    Snapshot {
        /// What the snapshots of a project have in common.
        of: String,
        /// Its name.
        name: Name,
    },
}

/// The volumes of a session are being filled: they are not used before this mark is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copying {
    /// Where from.
    pub from: Source,
    /// They had other data before, which this replaces.
    pub replaces: bool,
    /// Other images than the data are from do not matter.
    pub force: bool,
}

/// Containers of a session are paused for as long as their data are copied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// The process that is to thaw them.
    pub process: String,
    /// Their ids.
    pub containers: Vec<String>,
}

/// A mark that is a volume of a session.
pub trait Mark: Serialize + for<'de> Deserialize<'de> {
    /// The label that holds it, and with a dot before it the end of the volume's name.
    const KEY: &'static str;

    /// Names the volume.
    fn volume(project: &ProjectName) -> String {
        format!("{project}.{}", Self::KEY)
    }

    /// Writes it as a label.
    ///
    /// # Errors
    /// Never seen: it cannot be written as JSON.
    fn label(&self) -> Result<(String, String), serde_json::Error> {
        Ok((format!("{LABEL}{}", Self::KEY), serde_json::to_string(self)?))
    }

    /// Reads it from a volume's labels.
    fn read(labels: &BTreeMap<String, String>) -> Option<Self> {
        serde_json::from_str(labels.get(&format!("{LABEL}{}", Self::KEY))?).ok()
    }
}

impl Mark for Copying {
    const KEY: &'static str = "copying";
}

impl Mark for Frozen {
    const KEY: &'static str = "frozen";
}

/// Returns the project of whose session a volume with these labels is a mark, by its name.
pub fn project<'v>(labels: &BTreeMap<String, String>, volume: &'v str) -> Option<&'v str> {
    let (project, key) = volume.rsplit_once('.')?;
    let is_mark = [Copying::KEY, Frozen::KEY].contains(&key) && is_mark(labels);
    is_mark.then_some(project)
}

/// Says whether labels are those of a mark.
pub fn is_mark(labels: &BTreeMap<String, String>) -> bool {
    [Copying::KEY, Frozen::KEY].iter().any(|key| labels.contains_key(&format!("{LABEL}{key}")))
}

/// ``the session of `/w/shop` ``, ``snapshot `seeded` ``
impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Session { directory, .. } => write!(f, "the session of `{directory}`"),
            Self::Snapshot { name, .. } => write!(f, "snapshot `{name}`"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_comes_back_from_labels_and_is_named_after_its_session() {
        let name = Name::try_from("seeded".to_owned()).expect("a name");
        let mark = Copying {
            from: Source::Snapshot { of: "/w/shop/.git".into(), name },
            replaces: true,
            force: false,
        };
        let labels = BTreeMap::from([mark.label().expect("a label")]);
        assert_eq!(Copying::read(&labels), Some(mark));
        assert_eq!(Frozen::read(&labels), None);
        let volume = Copying::volume(&ProjectName::reported("shop-1a2b3c4d"));
        assert_eq!(project(&labels, &volume), Some("shop-1a2b3c4d"));
        assert_eq!(project(&labels, "shop-1a2b3c4d_data"), None);
        assert_eq!(project(&BTreeMap::new(), &volume), None, "only its name says so");
        let broken = BTreeMap::from([("dev-prism.frozen".to_owned(), "{".to_owned())]);
        assert_eq!(Frozen::read(&broken), None);
    }

    #[test]
    fn a_name_that_cannot_be_is_not_read() {
        let label = r#"{"from":{"snapshot":{"of":"/w","name":"../x"}},"replaces":false,"force":false}"#;
        let labels = BTreeMap::from([("dev-prism.copying".to_owned(), label.to_owned())]);
        assert_eq!(Copying::read(&labels), None);
    }
}
