//! Stopping and removing what belongs to a session, found by its label alone.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use anyhow::Context;
use bollard::errors::Error;
use bollard::models::{ImageSummary, Volume};
use bollard::query_parameters::{
    ListContainersOptionsBuilder, ListImagesOptionsBuilder, ListNetworksOptionsBuilder,
    ListVolumesOptionsBuilder, RemoveContainerOptionsBuilder, RemoveImageOptions, RemoveVolumeOptions,
};
use futures_util::future::join_all;

use super::answer::understood;
use super::container::listed;
use super::{Engine, has_status};
use crate::domain::container::Container;
use crate::domain::name::SessionId;
use crate::domain::note::CONFIG;
use crate::domain::settings::LABEL;

/// How long the Engine may take to let go of what a container had that it no longer lists.
const RELEASE: Duration = Duration::from_secs(10);

/// How often it is looked whether a removal is over.
const REMOVAL_POLL: Duration = Duration::from_millis(20);

/// What a label says of whose something is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trace {
    /// The session's identity.
    pub session_id: String,
    /// Its directory.
    pub working_dir: String,
    /// `<user id>@<machine id>`; empty where another tool set the labels.
    pub owner: String,
    /// The process that it is for, if it is ephemeral.
    pub process: Option<String>,
}

/// Things of one session that are not containers, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Belongings {
    /// Network names.
    pub networks: Vec<String>,
    /// Volume names.
    pub volumes: Vec<String>,
    /// The volume of its note, which holds no data.
    pub notes: Vec<String>,
    /// Image tags that were built for the session.
    pub images: Vec<String>,
}

impl Engine {
    /// Finds the networks, volumes and built images of a session.
    pub fn belongings(&self, session: &SessionId) -> anyhow::Result<Belongings> {
        let filters = HashMap::from([("label".to_owned(), vec![format!("{LABEL}session_id={session}")])]);
        let found = self.ask(async {
            let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
            let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
            let images = ListImagesOptionsBuilder::new().filters(&filters).build();
            let networks = understood(self.docker.list_networks(Some(networks)).await)?;
            let volumes =
                understood(self.docker.list_volumes(Some(volumes)).await)?.volumes.unwrap_or_default();
            let images = understood(self.docker.list_images(Some(images)).await)?;
            let is_note = |volume: &Volume| volume.labels.contains_key(&format!("{LABEL}{CONFIG}"));
            let (notes, volumes): (Vec<Volume>, Vec<Volume>) = volumes.into_iter().partition(is_note);
            Ok(Belongings {
                networks: networks.into_iter().filter_map(|network| network.name).collect(),
                volumes: volumes.into_iter().map(|volume| volume.name).collect(),
                notes: notes.into_iter().map(|volume| volume.name).collect(),
                images: images.into_iter().flat_map(names_of).collect(),
            })
        })?;
        found.map_err(|error| self.failure(error).into())
    }

    /// Finds every session of which something is left, be it only a volume. Sorted, each once.
    pub fn traces(&mut self) -> anyhow::Result<BTreeSet<Trace>> {
        let mut traces: BTreeSet<Trace> =
            self.all_sessions()?.into_iter().filter_map(|container| trace(&container.labels)).collect();
        let filters = HashMap::from([("label".to_owned(), vec![format!("{LABEL}managed=true")])]);
        let found = self.runtime.block_on(async {
            let networks = ListNetworksOptionsBuilder::new().filters(&filters).build();
            let volumes = ListVolumesOptionsBuilder::new().filters(&filters).build();
            let networks = understood(self.docker.list_networks(Some(networks)).await)?;
            let volumes =
                understood(self.docker.list_volumes(Some(volumes)).await)?.volumes.unwrap_or_default();
            let of_networks = networks.into_iter().filter_map(|network| network.labels);
            Ok(of_networks.chain(volumes.into_iter().map(|volume| volume.labels)).collect::<Vec<_>>())
        });
        for labels in found.map_err(|error| self.failure(error))? {
            traces.extend(trace(&labels.into_iter().collect()));
        }
        Ok(traces)
    }

    /// Counts the networks of all projects on this Engine.
    pub fn count_networks(&self) -> anyhow::Result<usize> {
        let found = understood(self.runtime.block_on(self.docker.list_networks(None)))
            .map_err(|error| self.failure(error))?;
        Ok(found.len())
    }

    /// Stops containers, all at once, each with its own grace period.
    pub fn stop(&self, containers: &[Container]) -> anyhow::Result<()> {
        let stops = containers.iter().map(|container| self.docker.stop_container(&container.id, None));
        let answers = self.runtime.block_on(join_all(stops));
        // 304: it was not running.
        self.settle(answers, &[304, 404])
    }

    /// Kills and removes containers with their anonymous volumes, all at once.
    pub fn remove_containers(&self, containers: &[Container]) -> anyhow::Result<()> {
        let anonymous = self.anonymous_volumes(containers)?;
        let removals = containers.iter().map(|container| self.remove_container(container));
        let mut answers = self.runtime.block_on(join_all(removals));
        for (container, answer) in containers.iter().zip(&mut answers) {
            self.finish_removal(container, answer)?;
        }
        self.settle(answers, &[404])?;
        self.remove_volumes(&anonymous).map(drop)
    }

    /// Waits until what is being removed of a session is gone, and removes where somebody else failed to: Compose would
    /// try to start such a container.
    pub fn finish_removals(&mut self, session: &SessionId) -> anyhow::Result<()> {
        let labels = vec![format!("{LABEL}session_id={session}")];
        let filters = HashMap::from([("label", labels), ("status", vec!["removing".to_owned()])]);
        let going = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        for container in self.list(going)?.into_iter().filter_map(listed) {
            let mut answer = self.runtime.block_on(self.remove_container(&container));
            self.finish_removal(&container, &mut answer)?;
            self.settle(vec![answer], &[404])?;
        }
        Ok(())
    }

    async fn remove_container(&self, container: &Container) -> Result<(), Error> {
        let options = RemoveContainerOptionsBuilder::new().force(true).build();
        self.docker.remove_container(&container.id, Some(options)).await
    }

    /// Tries on while somebody else is removing a container, be it for a prism that was killed: until it is gone, it
    /// holds its name, networks and volumes.
    fn finish_removal(&self, container: &Container, answer: &mut Result<(), Error>) -> anyhow::Result<()> {
        let is_going = |answer: &Result<(), Error>| answer.as_ref().is_err_and(|it| has_status(it, 409));
        let gone = async {
            while is_going(answer) {
                tokio::time::sleep(REMOVAL_POLL).await;
                *answer = self.remove_container(container).await;
            }
        };
        self.ask(gone)
            .with_context(|| format!("gave up waiting for the removal of container `{}`", container.name))
    }

    /// Collects the anonymous volumes of containers: a recreated container no longer owns the one that it
    /// took over, and removing it would leave the volume behind.
    fn anonymous_volumes(&self, containers: &[Container]) -> anyhow::Result<Vec<String>> {
        let questions = containers.iter().map(|container| self.docker.inspect_container(&container.id, None));
        let mut volumes = Vec::new();
        for answer in self.runtime.block_on(join_all(questions)) {
            let mounts = match understood(answer) {
                Ok(response) => response.mounts.unwrap_or_default(),
                Err(error) if has_status(&error, 404) => continue,
                Err(error) => return Err(self.failure(error).into()),
            };
            let is_anonymous =
                |name: &String| name.len() == 64 && name.bytes().all(|byte| byte.is_ascii_hexdigit());
            let of_volumes = mounts.into_iter().filter(|mount| mount.typ.as_deref() == Some("volume"));
            volumes.extend(of_volumes.filter_map(|mount| mount.name).filter(is_anonymous));
        }
        Ok(volumes)
    }

    /// Removes networks by name. Gives back those that a foreign container uses, and that stay.
    pub fn remove_networks(&self, names: &[String]) -> anyhow::Result<Vec<String>> {
        let removals = names
            .iter()
            .map(|name| self.when_released("network", 403, name, || self.docker.remove_network(name)));
        self.stay(names, self.runtime.block_on(join_all(removals)))
    }

    /// Removes volumes by name. Gives back those that a foreign container uses, and that stay.
    pub fn remove_volumes(&self, names: &[String]) -> anyhow::Result<Vec<String>> {
        let remove = |name| self.docker.remove_volume(name, None::<RemoveVolumeOptions>);
        let removals = names.iter().map(|name| self.when_released("volume", 409, name, move || remove(name)));
        self.stay(names, self.runtime.block_on(join_all(removals)))
    }

    /// Removes something that containers may use, which the Engine then refuses with status `in_use`. `kind` is
    /// the name of the filter that lists them. Returns whether there is one; if not, tries on: a container is
    /// off the list a moment before it lets go of its volumes.
    async fn when_released<F: Future<Output = Result<(), Error>>>(
        &self,
        kind: &str,
        in_use: u16,
        name: &str,
        remove: impl Fn() -> F,
    ) -> Result<bool, Error> {
        let deadline = Instant::now() + RELEASE;
        let filters = HashMap::from([(kind, vec![name])]);
        let users = ListContainersOptionsBuilder::new().all(true).filters(&filters).build();
        loop {
            match remove().await {
                Err(error) if has_status(&error, in_use) => {
                    if !understood(self.docker.list_containers(Some(users.clone())).await)?.is_empty() {
                        return Ok(true);
                    }
                    if Instant::now() > deadline {
                        return Err(error);
                    }
                    tokio::time::sleep(REMOVAL_POLL).await;
                }
                answer => return answer.map(|()| false),
            }
        }
    }

    /// Removes image tags. Gives back those that a foreign container uses, and that stay.
    pub fn remove_images(&self, tags: &[String]) -> anyhow::Result<Vec<String>> {
        let removals = tags.iter().map(|tag| async move {
            match self.docker.remove_image(tag, None::<RemoveImageOptions>, None).await {
                Err(error) if has_status(&error, 409) => Ok(true),
                answer => answer.map(|_| false),
            }
        });
        self.stay(tags, self.runtime.block_on(join_all(removals)))
    }

    /// Picks those of `names` whose answer is that they stay, or fails with the first error.
    fn stay(&self, names: &[String], answers: Vec<Result<bool, Error>>) -> anyhow::Result<Vec<String>> {
        let stays = |answer: &Result<bool, Error>| matches!(answer, Ok(true));
        let stay = names.iter().zip(&answers).filter(|(_, answer)| stays(answer));
        let stay = stay.map(|(name, _)| name.clone()).collect();
        self.settle(answers, &[404])?;
        Ok(stay)
    }

    /// Fails with the first answer that is an error of another status than the `harmless` ones.
    fn settle<T>(&self, answers: Vec<Result<T, Error>>, harmless: &[u16]) -> anyhow::Result<()> {
        let error = answers
            .into_iter()
            .filter_map(Result::err)
            .find(|error| !harmless.iter().any(|status| has_status(error, *status)));
        error.map_or(Ok(()), |error| Err(self.failure(error).into()))
    }
}

/// The tags of an image, or the id of one that a later build took the tags from.
fn names_of(image: ImageSummary) -> Vec<String> {
    if image.repo_tags.is_empty() { vec![image.id] } else { image.repo_tags }
}

fn trace(labels: &BTreeMap<String, String>) -> Option<Trace> {
    let label = |key: &str| labels.get(&format!("{LABEL}{key}")).cloned();
    Some(Trace {
        session_id: label("session_id")?,
        working_dir: label("working_dir")?,
        owner: label("owner").unwrap_or_default(),
        process: label("process"),
    })
}
