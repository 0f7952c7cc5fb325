//! What running containers write to, and where that is.

use std::collections::{BTreeMap, BTreeSet};

use domain::engine::claim::{self, Whose};
use domain::identity::label::LABEL;
use domain::identity::name::SessionId;
use domain::stack::data::{Origin, place_by_driver};

use super::claim::judged;
use super::client::encoded;
use super::model::{ImageInspection, Volumes};
use super::{Engine, has_status};

/// A container that runs, and what it has mounted for writing.
#[derive(Debug, Clone)]
pub struct Writer {
    /// Its name.
    pub name: String,
    /// The session, if it is of one.
    pub session_id: Option<SessionId>,
    /// The session's directory.
    pub directory: Option<String>,
    /// The Compose service.
    pub service: Option<String>,
    /// Its image, as it was named.
    pub image: String,
    /// Its kind, by its label.
    pub kind: Option<String>,
    /// The path inside, and where that is.
    pub mounts: Vec<(String, Origin)>,
}

impl Engine {
    /// Lists what runs, paused or not, with what it may write to.
    pub fn writers(&mut self) -> anyhow::Result<Vec<Writer>> {
        // Without `all`, the Engine lists what runs, whatever its state is called.
        let summaries = self.list("/containers/json")?;
        let found = summaries.into_iter().map(|mut summary| {
            let (labels, name, image) = judged(&mut summary);
            let claim = match claim::container(&labels, &name, image) {
                Some(Whose::Ours(claim)) => Some(claim),
                _ => None,
            };
            let own = |key: &str| labels.get(&format!("{LABEL}{key}")).cloned();
            let mounts = summary
                .mounts
                .unwrap_or_default()
                .into_iter()
                .filter(|mount| mount.is_writable != Some(false));
            let mounts = mounts.filter_map(|mount| {
                let origin = match (mount.kind.as_deref(), mount.name) {
                    (Some("volume"), Some(name)) => Origin::Volume(name),
                    (Some("tmpfs"), _) => return None,
                    _ => Origin::Path(mount.source?),
                };
                Some((mount.destination?, origin))
            });
            Writer {
                name,
                directory: claim.as_ref().map(|claim| claim.directory.clone()),
                session_id: claim.map(|claim| claim.id),
                service: labels.get("com.docker.compose.service").cloned(),
                image: summary.image.unwrap_or_default(),
                kind: own("kind"),
                mounts: mounts.collect(),
            }
        });
        Ok(found.collect())
    }

    /// Says of each volume where it is on the Engine's machine, as far as its driver tells.
    pub fn volume_places(&self) -> anyhow::Result<BTreeMap<String, String>> {
        let answer = self.ask(self.client.get::<Volumes>("/volumes"))?;
        let volumes = answer.map_err(|error| self.failure(error))?.volumes.unwrap_or_default();
        let placed = volumes.into_iter().map(|volume| {
            let by_driver = place_by_driver(|name| volume.options.as_ref()?.get(name).map(String::as_str));
            (volume.name, by_driver.or(volume.mountpoint).unwrap_or_default())
        });
        Ok(placed.filter(|(_, place)| !place.is_empty()).collect())
    }

    /// Lists the paths at which an image keeps volumes; `None` if it is not here.
    pub fn image_volumes(&self, image: &str) -> anyhow::Result<Option<BTreeSet<String>>> {
        match self.ask(self.client.get::<ImageInspection>(&format!("/images/{}/json", encoded(image))))? {
            Ok(found) => {
                let volumes = found.config.and_then(|config| config.volumes).unwrap_or_default();
                Ok(Some(volumes.into_keys().collect()))
            }
            Err(error) if has_status(&error, 404) => Ok(None),
            Err(error) => Err(self.failure(error).into()),
        }
    }
}
