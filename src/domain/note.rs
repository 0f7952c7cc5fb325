//! The session's note: what may change without touching a container, kept as labels of one empty volume.

use std::collections::BTreeMap;

use super::name::ProjectName;
use super::scope::Selection;
use super::settings::LABEL;

/// A session's note.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note {
    /// The hash of `prism.yaml` at the last `start` or `exec`; `None` if there was none.
    pub config: Option<String>,
    /// What the user chose to belong to the session.
    pub selection: Selection,
}

/// The label that marks the volume, and holds the hash of `prism.yaml`; empty where there was none.
pub const CONFIG: &str = "config";

const SCOPE: &str = "scope";

impl Note {
    /// Names the volume. A dot keeps it apart from what Compose makes.
    pub fn volume(project: &ProjectName) -> String {
        format!("{project}.note")
    }

    /// Writes the note as labels.
    ///
    /// # Errors
    /// Never seen: the selection cannot be written as JSON.
    pub fn labels(&self) -> Result<BTreeMap<String, String>, serde_json::Error> {
        Ok(BTreeMap::from([
            (format!("{LABEL}{CONFIG}"), self.config.clone().unwrap_or_default()),
            (format!("{LABEL}{SCOPE}"), serde_json::to_string(&self.selection)?),
        ]))
    }

    /// Reads a note. A part that cannot be read counts as not said.
    pub fn read(labels: &BTreeMap<String, String>) -> Self {
        let label = |key: &str| labels.get(&format!("{LABEL}{key}"));
        Self {
            config: label(CONFIG).filter(|hash| !hash.is_empty()).cloned(),
            selection: label(SCOPE).and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_from_labels() {
        let selection = Selection { without: vec!["db".into()], ..Selection::default() };
        for note in [Note::default(), Note { config: Some("abc".into()), selection }] {
            assert_eq!(Note::read(&note.labels().expect("labels")), note);
        }
        let broken = BTreeMap::from([("dev-prism.scope".to_owned(), "{".to_owned())]);
        assert_eq!(Note::read(&broken), Note::default());
    }
}
