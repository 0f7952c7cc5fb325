//! The volumes of a session that hold data, those of snapshots, and the marks of a copy.

use std::collections::BTreeMap;

use domain::engine::claim::{self, Whose};
use domain::engine::mark::{self, Mark};
use domain::engine::note::CONFIG;
use domain::engine::snapshot::{self, SNAPSHOT, Snapshot};
use domain::failure::Failure;
use domain::identity::label::LABEL;
use domain::identity::name::{ProjectName, SessionId};
use serde_json::json;

use super::client::encoded;
use super::model::Volume;
use super::{Engine, has_status};

/// The label by which Compose names a volume as its file does.
const KEY: &str = "com.docker.compose.volume";

/// Labels that everything of a session has.
const COMMON: [&str; 5] = ["managed", "working_dir", "session_id", "owner", "process"];

impl Engine {
    /// Lists the volumes of a session that hold data, each with its key in the Compose file.
    pub fn session_volumes(&self, session: &SessionId) -> anyhow::Result<BTreeMap<String, String>> {
        let volumes = self.volumes_of(session, None)?.into_iter();
        let data = volumes.filter_map(|volume| {
            let labels = volume.labels.unwrap_or_default();
            let is_data = !claim::is_note(&labels) && !mark::is_mark(&labels);
            Some((volume.name, labels.get(KEY).cloned()?)).filter(|_| is_data)
        });
        Ok(data.collect())
    }

    /// Reads a mark of a session.
    pub fn mark<M: Mark>(&self, session: &SessionId) -> anyhow::Result<Option<M>> {
        let volumes = self.volumes_of(session, Some(M::KEY))?;
        Ok(volumes.iter().find_map(|volume| M::read(volume.labels.as_ref()?)))
    }

    /// Makes a mark of a session. `common` are the labels of everything that belongs to it.
    ///
    /// # Errors
    /// There is another one, or the Engine refuses.
    pub fn set_mark<M: Mark>(
        &self,
        project: &ProjectName,
        common: &BTreeMap<String, String>,
        mark: &M,
    ) -> anyhow::Result<()> {
        let labels = common.clone().into_iter().chain([mark.label()?]).collect();
        self.make_volume(&M::volume(project), &labels)
    }

    /// Removes a mark of a session, if there is one.
    pub fn clear_mark<M: Mark>(&self, session: &SessionId) -> anyhow::Result<()> {
        let volumes = self.volumes_of(session, Some(M::KEY))?;
        let names: Vec<String> = volumes.into_iter().map(|volume| volume.name).collect();
        self.remove_volumes(&names).map(drop)
    }

    /// Returns the labels of everything that belongs to a session, as its note has them.
    pub fn common_labels(&self, session: &SessionId) -> anyhow::Result<BTreeMap<String, String>> {
        let noted = self.volumes_of(session, Some(CONFIG))?.into_iter().next();
        let labels = noted.and_then(|volume| volume.labels).unwrap_or_default();
        let is_common = |name: &String| COMMON.iter().any(|key| *name == format!("{LABEL}{key}"));
        Ok(labels.into_iter().filter(|(name, _)| is_common(name)).collect())
    }

    /// Lists the snapshots of all projects.
    pub fn snapshots(&self) -> anyhow::Result<Vec<Snapshot>> {
        let label = format!("{LABEL}{SNAPSHOT}");
        let answer = self.ask(self.client.volumes(&[&label]))?;
        let mut volumes = answer.map_err(|error| self.failure(error))?;
        let labels: Vec<(String, BTreeMap<String, String>)> = volumes
            .iter_mut()
            .map(|volume| (volume.name.clone(), volume.labels.take().unwrap_or_default()))
            .collect();
        Ok(snapshot::gather(labels.iter().map(|(name, labels)| (name.as_str(), labels))))
    }

    /// Makes a volume.
    ///
    /// # Errors
    /// There is one of this name with other labels, or the Engine refuses.
    pub fn make_volume(&self, name: &str, labels: &BTreeMap<String, String>) -> anyhow::Result<()> {
        let request = json!({"Name": name, "Labels": labels});
        let made = self.runtime.block_on(self.client.make::<Volume>("/volumes/create", request));
        let made = made.map_err(|error| self.failure(error))?;
        // Of one that was there, the Engine says what it is.
        if made.labels.unwrap_or_default() == *labels {
            return Ok(());
        }
        Err(Failure::new(format!("there is a volume `{name}` already, of something else"))
            .hint(format!("`docker volume inspect {name}` shows whose it is"))
            .into())
    }

    /// Says whether a volume is there, with these labels.
    pub fn has_volume(&self, name: &str) -> anyhow::Result<bool> {
        match self.ask(self.client.get::<Volume>(&format!("/volumes/{}", encoded(name))))? {
            Ok(_) => Ok(true),
            Err(error) if has_status(&error, 404) => Ok(false),
            Err(error) => Err(self.failure(error).into()),
        }
    }

    /// Lists the volumes that are a session's, those with another label only if one is named.
    fn volumes_of(&self, session: &SessionId, key: Option<&str>) -> anyhow::Result<Vec<Volume>> {
        let of_session = format!("{LABEL}session_id={session}");
        let key = key.map(|key| format!("{LABEL}{key}"));
        let labels: Vec<&str> = [of_session.as_str()].into_iter().chain(key.as_deref()).collect();
        let mut volumes = self.ask(self.client.volumes(&labels))?.map_err(|error| self.failure(error))?;
        volumes.retain(|volume| {
            let whose = claim::volume(&volume.labels.clone().unwrap_or_default(), &volume.name);
            matches!(whose, Some(Whose::Ours(claim)) if claim.id == *session)
        });
        Ok(volumes)
    }
}
