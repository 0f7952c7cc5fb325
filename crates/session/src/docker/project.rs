//! The Compose project under which what there is of a session was made.

use domain::engine::claim::{self, PROJECT, Whose};
use domain::engine::container::State;
use domain::engine::note::Note;
use domain::identity::label::LABEL;
use domain::identity::name::{ProjectName, SessionId};

use super::Engine;
use super::model::Volume;

impl Engine {
    /// Finds the name of a session's Compose project: that of its containers, running ones first, else that of the volumes
    /// that are left. `None` for a new session.
    pub fn project(&mut self, session: &SessionId) -> anyhow::Result<Option<ProjectName>> {
        let mut containers = self.every_container(session)?;
        containers.sort_by_key(|container| (container.state != State::Running, container.created));
        let names = containers.into_iter().map(|container| container.project);
        if let Some(project) = names.into_iter().find(|name| name.is_of(session)) {
            return Ok(Some(project));
        }
        let label = format!("{LABEL}session_id={session}");
        let volumes = self.ask(self.client.volumes(&[&label]))?.map_err(|error| self.failure(error))?;
        let mut names: Vec<ProjectName> = volumes.into_iter().filter_map(project_of).collect();
        names.sort();
        Ok(names.into_iter().find(|name| name.is_of(session)))
    }
}

fn project_of(volume: Volume) -> Option<ProjectName> {
    let labels = volume.labels.unwrap_or_default();
    let Some(Whose::Ours(_)) = claim::volume(&labels, &volume.name) else { return None };
    let of_note = || Note::project(&volume.name).map(str::to_owned);
    let name = labels.get(PROJECT).cloned().or_else(of_note)?;
    Some(ProjectName::reported(name))
}
