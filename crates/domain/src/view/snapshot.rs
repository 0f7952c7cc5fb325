//! Snapshots as `snapshot list` shows them: a table, and a document with a versioned schema.

use std::time::SystemTime;

use serde::Serialize;

use super::session::age;
use crate::data::probe::human;
use crate::engine::snapshot::Snapshot;
use crate::printable::clean;

/// The version of the JSON document; it rises when a field changes its meaning or goes away.
const SCHEMA: u32 = 1;

/// How many digits of a commit are shown.
const COMMIT: usize = 8;

/// One snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SnapshotReport {
    /// Its name.
    pub name: String,
    /// When it was made, RFC 3339; absent if it is not whole.
    pub created_at: Option<String>,
    /// The directory of the session that it is of.
    pub directory: Option<String>,
    /// How large its volumes were together, in KiB, as far as that could be told.
    pub size_kib: Option<u64>,
    /// The commit that was checked out there.
    pub commit: Option<String>,
    /// How many commits the working directory's `HEAD` has that this one has not.
    pub ahead: Option<usize>,
    /// Its volumes, as every session calls them.
    pub volumes: Vec<String>,
    /// The directories of sessions whose servers would start on it.
    pub fits: Vec<String>,
    /// It can be used.
    pub whole: bool,
}

impl SnapshotReport {
    /// Says what is known of a snapshot. `fits` are directories of sessions, `ahead` is the distance of its commit.
    pub fn new(snapshot: &Snapshot, ahead: impl FnOnce(&str) -> Option<usize>, fits: Vec<String>) -> Self {
        let whole = snapshot.whole.as_ref().map(|(_, whole)| whole);
        let commit = whole.and_then(|whole| whole.commit.clone());
        Self {
            name: snapshot.name.to_string(),
            created_at: whole.map(|whole| whole.at.clone()),
            directory: whole.map(|whole| whole.directory.clone()),
            size_kib: whole.and_then(|whole| whole.size),
            ahead: commit.as_deref().and_then(ahead),
            commit,
            volumes: snapshot.parts.iter().map(|part| part.key.to_string()).collect(),
            fits,
            whole: whole.is_some(),
        }
    }
}

/// Writes the document of `prism snapshot list --format json`.
///
/// # Errors
/// Never seen: the document cannot be written.
pub fn list_json(snapshots: &[SnapshotReport]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Document<'s> {
        schema: u32,
        snapshots: &'s [SnapshotReport],
    }
    serde_json::to_string_pretty(&Document { schema: SCHEMA, snapshots }).map(|text| text + "\n")
}

/// Writes what `prism snapshot list` shows a person.
pub fn list_text(snapshots: &[SnapshotReport], now: SystemTime) -> String {
    let head = ["NAME", "AGE", "SIZE", "COMMIT", "AHEAD", "VOLUMES", "FITS"].map(str::to_owned);
    let rows = snapshots.iter().map(|it| {
        let commit = it.commit.as_deref().unwrap_or("-");
        let fits = match (it.whole, it.fits.len()) {
            (false, _) => "not whole: `prism prune` takes it".to_owned(),
            (true, 0) => "no session".to_owned(),
            (true, 1) => clean(&it.fits[0]),
            (true, many) => format!("{many} sessions"),
        };
        [
            it.name.clone(),
            it.created_at.as_deref().map(|at| age(at, now)).unwrap_or_default(),
            it.size_kib.map_or_else(|| "-".to_owned(), human),
            commit.chars().take(COMMIT).collect(),
            it.ahead.map_or_else(|| "-".to_owned(), |ahead| ahead.to_string()),
            clean(&it.volumes.join(", ")),
            fits,
        ]
    });
    let rows: Vec<[String; 7]> = std::iter::once(head).chain(rows).collect();
    let widths: [usize; 7] = std::array::from_fn(|column| {
        rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default()
    });
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &str, whole: bool) -> SnapshotReport {
        SnapshotReport {
            name: name.into(),
            created_at: whole.then(|| "2026-01-02T03:04:05Z".into()),
            directory: whole.then(|| "/w/shop".into()),
            size_kib: whole.then_some(40_000),
            commit: whole.then(|| "0123456789abcdef".into()),
            ahead: whole.then_some(3),
            volumes: vec!["pg".into(), "cache:/data".into()],
            fits: if whole { vec!["/w/shop".into(), "/w/fix".into()] } else { vec![] },
            whole,
        }
    }

    #[test]
    fn a_table_says_how_old_and_how_far_away_each_is() {
        let now = humantime::parse_rfc3339("2026-01-02T05:04:05Z").expect("a time");
        let text = list_text(&[report("seeded", true), report("half", false)], now);
        assert_eq!(
            text,
            "NAME    AGE  SIZE    COMMIT    AHEAD  VOLUMES          FITS\n\
             seeded  2 h  39 MiB  01234567  3      pg, cache:/data  2 sessions\n\
             half         -       -         -      pg, cache:/data  not whole: `prism prune` takes it\n"
        );
    }

    #[test]
    fn a_document_has_a_schema() {
        let text = list_json(&[report("seeded", true)]).expect("a document");
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(document["schema"], 1);
        assert_eq!(document["snapshots"][0]["size_kib"], 40_000);
        assert_eq!(document["snapshots"][0]["fits"][1], "/w/fix");
    }
}
