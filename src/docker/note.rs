//! The volume whose labels are a session's note.

use std::collections::{BTreeMap, HashMap};

use bollard::models::VolumeCreateRequest;
use bollard::query_parameters::{ListVolumesOptionsBuilder, RemoveVolumeOptions};

use super::{Engine, has_status};
use crate::domain::name::{ProjectName, SessionId};
use crate::domain::note::{CONFIG, Note};
use crate::domain::settings::LABEL;

impl Engine {
    /// Reads a session's note; the default one where there is none.
    pub fn note(&self, session: &SessionId) -> anyhow::Result<Note> {
        let labels = vec![format!("{LABEL}session_id={session}"), format!("{LABEL}{CONFIG}")];
        let filters = HashMap::from([("label".to_owned(), labels)]);
        let options = ListVolumesOptionsBuilder::new().filters(&filters).build();
        let found = self
            .runtime
            .block_on(self.docker.list_volumes(Some(options)))
            .map_err(|error| self.failure(error))?;
        let volume = found.volumes.unwrap_or_default().into_iter().next();
        let labels: BTreeMap<String, String> =
            volume.map(|volume| volume.labels.into_iter().collect()).unwrap_or_default();
        Ok(Note::read(&labels))
    }

    /// Replaces a session's note. To be called under the session's lock. `common` are the labels of everything
    /// that belongs to the session.
    pub fn write_note(
        &self,
        project: &ProjectName,
        common: &BTreeMap<String, String>,
        note: &Note,
    ) -> anyhow::Result<()> {
        let name = Note::volume(project);
        let labels: HashMap<String, String> = common.clone().into_iter().chain(note.labels()?).collect();
        let request = VolumeCreateRequest {
            name: Some(name.clone()),
            labels: Some(labels),
            ..VolumeCreateRequest::default()
        };
        let replaced = self.runtime.block_on(async {
            match self.docker.remove_volume(&name, None::<RemoveVolumeOptions>).await {
                Err(error) if !has_status(&error, 404) => return Err(error),
                _ => {}
            }
            self.docker.create_volume(request).await
        });
        replaced.map(drop).map_err(|error| self.failure(error).into())
    }
}
