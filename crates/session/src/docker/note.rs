//! The volume whose labels are a session's note.

use std::collections::BTreeMap;

use domain::engine::claim::{self, Whose};
use domain::engine::ledger::Noted;
use domain::engine::note::{CONFIG, Note};
use domain::failure::Failure;
use domain::identity::label::LABEL;
use domain::identity::name::{ProjectName, SessionId};
use serde_json::json;

use super::client::encoded;
use super::model::Volume;
use super::{Engine, has_status};

impl Engine {
    /// Reads a session's note; the default one where there is none.
    pub fn note(&self, session: &SessionId) -> anyhow::Result<Note> {
        Ok(self.noted(session)?.map(|noted| noted.note).unwrap_or_default())
    }

    /// Reads a session's note, and whose it is; `None` where there is none.
    pub fn noted(&self, session: &SessionId) -> anyhow::Result<Option<Noted>> {
        let volumes = self.note_volumes(Some(session))?;
        Ok(volumes.iter().filter_map(noted).find(|noted| noted.session_id == *session))
    }

    /// Reads the notes of all sessions.
    pub fn notes(&self) -> anyhow::Result<Vec<Noted>> {
        Ok(self.note_volumes(None)?.iter().filter_map(noted).collect())
    }

    fn note_volumes(&self, session: Option<&SessionId>) -> anyhow::Result<Vec<Volume>> {
        let of_session = session.map(|session| format!("{LABEL}session_id={session}"));
        let is_note = format!("{LABEL}{CONFIG}");
        let labels: Vec<&str> = of_session.as_deref().into_iter().chain([is_note.as_str()]).collect();
        Ok(self.ask(self.client.volumes(&labels))?.map_err(|error| self.failure(error))?)
    }

    /// Changes a session's note, if it has one. To be called under the session's lock and that of reservations.
    pub fn update_note(&self, session: &SessionId, change: impl FnOnce(&mut Note)) -> anyhow::Result<()> {
        let is_its = |volume: &Volume| noted(volume).is_some_and(|noted| noted.session_id == *session);
        let Some(volume) = self.note_volumes(Some(session))?.into_iter().find(is_its) else { return Ok(()) };
        let labels = labels(&volume);
        let old = Note::read(&labels);
        let mut note = old.clone();
        change(&mut note);
        if note == old { Ok(()) } else { self.replace_note(volume.name, labels, &note) }
    }

    /// Replaces a session's note. To be called under the session's lock and that of reservations, as it is not there
    /// for a moment. `common` are the labels of everything that belongs to the session.
    pub fn write_note(
        &self,
        project: &ProjectName,
        common: &BTreeMap<String, String>,
        note: &Note,
    ) -> anyhow::Result<()> {
        self.replace_note(Note::volume(project), common.clone(), note)
    }

    fn replace_note(
        &self,
        name: String,
        labels: BTreeMap<String, String>,
        note: &Note,
    ) -> anyhow::Result<()> {
        let labels: BTreeMap<String, String> = labels.into_iter().chain(note.labels()?).collect();
        let path = format!("/volumes/{}", encoded(&name));
        let replaced = self.runtime.block_on(async {
            match self.client.get::<Volume>(&path).await {
                Ok(present) if noted(&present).is_none() => return Ok(false),
                Err(error) if !has_status(&error, 404) => return Err(error),
                _ => {}
            }
            match self.client.delete(&path).await {
                Err(error) if !has_status(&error, 404) => return Err(error),
                _ => {}
            }
            // Of one that somebody made a moment before, the Engine says what it is.
            let request = json!({"Name": name, "Labels": labels});
            let made: Volume = self.client.make("/volumes/create", request).await?;
            Ok(made.labels.unwrap_or_default() == labels)
        });
        match replaced {
            Ok(true) => Ok(()),
            Ok(false) => Err(Failure::new(format!("the volume `{name}` is not one of prism's: it stays"))
                .hint(format!(
                    "prism keeps the session's note under that name: if nobody needs it, `docker volume rm {name}`"
                ))
                .into()),
            Err(error) => Err(self.failure(error).into()),
        }
    }
}

fn labels(volume: &Volume) -> BTreeMap<String, String> {
    volume.labels.clone().unwrap_or_default()
}

fn noted(volume: &Volume) -> Option<Noted> {
    let labels = labels(volume);
    match claim::volume(&labels, &volume.name).filter(|_| claim::is_note(&labels))? {
        Whose::Ours(claim) => Some(Noted {
            session_id: claim.id,
            directory: claim.directory,
            owner: claim.owner,
            note: Note::read(&labels),
        }),
        Whose::OtherTools(_) | Whose::Foreign(_) => None,
    }
}
