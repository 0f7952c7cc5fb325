//! The session's note: what may change without touching a container, kept as labels of one empty volume.

use std::collections::BTreeMap;

use crate::engine::anonymous::Anonymous;
use crate::engine::origin::Origin;
use crate::engine::selection::Selection;
use crate::identity::label::LABEL;
use crate::identity::name::{ProjectName, ServiceName};
use crate::port::reservation::{Reservations, note_label, read_note_label};

/// A session's note.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// The hash of `prism.yaml` at the last `start` or `exec`; `None` if there was none.
    pub config: Option<String>,
    /// What the user chose to belong to the session.
    pub selection: Selection,
    /// The services that the last choice left out, though they have containers.
    pub left_out: Vec<ServiceName>,
    /// The process of the `create` that made the session and has not come to the end of its setup.
    pub setup: Option<String>,
    /// The host ports that it reserved, those of apps included; `None` if the containers' labels alone say so.
    pub ports: Option<Reservations>,
    /// The places outside of the session to which its databases write.
    pub writes: Vec<String>,
    /// Anonymous volumes that the Engine made for containers of the session.
    pub anonymous: Anonymous,
    /// Where its directory was at the last start.
    pub origin: Option<Origin>,
    /// What the machine was called then, where the Engine is another one's.
    pub machine: Option<String>,
}

/// The label that marks the volume, and holds the hash of `prism.yaml`; empty where there was none.
pub const CONFIG: &str = "config";

/// How the volume's name ends. A dot keeps it apart from what Compose makes.
const VOLUME: &str = ".note";

const SCOPE: &str = "scope";

const LEFT_OUT: &str = "left_out";

const SETUP: &str = "setup";

const PORTS: &str = "ports";

const WRITES: &str = "writes";

const ORIGIN: &str = "origin";

const ANONYMOUS: &str = "anonymous";

const MACHINE: &str = "machine";

impl Note {
    /// Names the volume.
    pub fn volume(project: &ProjectName) -> String {
        format!("{project}{VOLUME}")
    }

    /// Returns the project whose note a volume is, by its name.
    pub fn project(volume: &str) -> Option<&str> {
        volume.strip_suffix(VOLUME)
    }

    /// Writes the note as labels.
    ///
    /// # Errors
    /// Never seen: the selection cannot be written as JSON.
    pub fn labels(&self) -> Result<BTreeMap<String, String>, serde_json::Error> {
        let mut labels = BTreeMap::from([
            (format!("{LABEL}{CONFIG}"), self.config.clone().unwrap_or_default()),
            (format!("{LABEL}{SCOPE}"), serde_json::to_string(&self.selection)?),
            (format!("{LABEL}{LEFT_OUT}"), serde_json::to_string(&self.left_out)?),
            (format!("{LABEL}{SETUP}"), self.setup.clone().unwrap_or_default()),
        ]);
        if let Some(ports) = &self.ports {
            labels.insert(format!("{LABEL}{PORTS}"), note_label(ports));
        }
        if !self.writes.is_empty() {
            labels.insert(format!("{LABEL}{WRITES}"), serde_json::to_string(&self.writes)?);
        }
        if !self.anonymous.is_empty() {
            labels.insert(format!("{LABEL}{ANONYMOUS}"), serde_json::to_string(&self.anonymous)?);
        }
        if let Some(origin) = &self.origin {
            labels.insert(format!("{LABEL}{ORIGIN}"), serde_json::to_string(origin)?);
        }
        if let Some(machine) = &self.machine {
            labels.insert(format!("{LABEL}{MACHINE}"), machine.clone());
        }
        Ok(labels)
    }

    /// Reads a note. A part that cannot be read counts as not said.
    pub fn read(labels: &BTreeMap<String, String>) -> Self {
        let label = |key: &str| labels.get(&format!("{LABEL}{key}"));
        Self {
            config: label(CONFIG).filter(|hash| !hash.is_empty()).cloned(),
            selection: label(SCOPE).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
            left_out: label(LEFT_OUT).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
            setup: label(SETUP).filter(|process| !process.is_empty()).cloned(),
            ports: label(PORTS).map(|text| read_note_label(text)),
            writes: label(WRITES).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
            anonymous: label(ANONYMOUS).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
            origin: label(ORIGIN).and_then(|text| serde_json::from_str(text).ok()),
            machine: label(MACHINE).cloned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::origin::Location;
    use crate::identity::name::SessionId;

    #[test]
    fn comes_back_from_labels() {
        let selection = Selection { without: vec!["db".into()], ..Selection::default() };
        let ports = Some(read_note_label("db:5432/tcp=23817,web=24311"));
        let setup = Some("p/1/2".into());
        let writes = vec!["/srv/a b".into()];
        let parent = Location {
            kind: "ext4".into(),
            uuid: None,
            fsid: u64::MAX,
            device: 1,
            boot: "b".into(),
            path: "/w\n".into(),
        };
        let origin =
            Some(Origin { parent, own: Some("1:2".into()), around: None, is_mount: true, worktree: None });
        let anonymous = Anonymous::sealed(["0f".to_owned()].into(), &SessionId::new("/w", None), Some("k"));
        let left_out = vec!["a,b".into()];
        let config = Some("abc".into());
        let full = Note {
            config,
            selection,
            left_out,
            setup,
            ports,
            writes,
            anonymous,
            origin,
            machine: Some("m".into()),
        };
        let released = Note { ports: Some(Reservations::new()), ..Note::default() };
        for note in [Note::default(), full, released] {
            assert_eq!(Note::read(&note.labels().expect("labels")), note);
        }
        let broken = BTreeMap::from([("dev-prism.scope".to_owned(), "{".to_owned())]);
        assert_eq!(Note::read(&broken), Note::default());
    }
}
