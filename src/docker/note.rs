//! The volume whose labels are a session's note.

use std::collections::{BTreeMap, HashMap};

use bollard::models::{Volume, VolumeCreateRequest};
use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptions};
use domain::engine::claim::{self, Whose};
use domain::engine::ledger::Noted;
use domain::engine::note::{CONFIG, Note};
use domain::failure::Failure;
use domain::identity::label::LABEL;
use domain::identity::name::{ProjectName, SessionId};

use super::answer::understood;
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
        let labels = of_session.into_iter().chain([format!("{LABEL}{CONFIG}")]).collect();
        let filters = HashMap::from([("label".to_owned(), labels)]);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let found = understood(self.ask(self.docker.list_volumes(Some(options)))?)
            .map_err(|error| self.failure(error))?;
        Ok(found.volumes.unwrap_or_default())
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
        let labels: HashMap<String, String> = labels.into_iter().chain(note.labels()?).collect();
        let request = VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(labels.clone()),
            ..VolumeCreateRequest::default()
        };
        let replaced = self.runtime.block_on(async {
            match understood(self.docker.inspect_volume(&name).await) {
                Ok(present) if noted(&present).is_none() => return Ok(false),
                Err(error) if !has_status(&error, 404) => return Err(error),
                _ => {}
            }
            match self.docker.remove_volume(&name, None::<RemoveVolumeOptions>).await {
                Err(error) if !has_status(&error, 404) => return Err(error),
                _ => {}
            }
            // Of one that somebody made a moment before, the Engine says what it is.
            let made = understood(self.docker.create_volume(request).await)?;
            Ok(made.labels == labels)
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
    volume.labels.clone().into_iter().collect()
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
