//! Stopping and removing what belongs to a session.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use anyhow::Context;
use domain::engine::anonymous::is_anonymous;
use domain::engine::container::Container;
use domain::identity::label::LABEL;
use domain::identity::name::SessionId;
use futures_util::future::join_all;

use super::client::{Error, encoded, filters};
use super::container::listed;
use super::model::{ContainerSummary, NetworkSummary};
use super::{Engine, has_status};

/// How long the Engine may take to let go of what a container had that it no longer lists.
const RELEASE: Duration = Duration::from_secs(10);

/// How often it is looked whether a removal is over.
const REMOVAL_POLL: Duration = Duration::from_millis(20);

impl Engine {
    /// Counts the networks of all projects on this Engine.
    pub fn count_networks(&self) -> anyhow::Result<usize> {
        let found = self.ask(self.client.get::<Vec<NetworkSummary>>("/networks"))?;
        Ok(found.map_err(|error| self.failure(error))?.len())
    }

    /// Stops containers, all at once, each with its own grace period.
    pub fn stop(&self, containers: &[Container]) -> anyhow::Result<()> {
        let stops = containers.iter().map(async |container| {
            self.client.post(&format!("/containers/{}/stop", container.id), None).await
        });
        let answers = self.runtime.block_on(join_all(stops));
        // 304: it was not running.
        self.settle(answers, &[304, 404])
    }

    /// Kills and removes containers, all at once, and with each, in the same request, the anonymous volumes that are its
    /// own. `family` are all containers of the session.
    pub fn remove_containers(&self, containers: &[Container], family: &[Container]) -> anyhow::Result<()> {
        let borrowers = self.borrowers(containers, family)?;
        self.remove_all(containers, |container| !borrowers.contains(&container.id))
    }

    /// Kills and removes containers, all at once, and leaves their volumes.
    pub fn remove_containers_alone(&self, containers: &[Container]) -> anyhow::Result<()> {
        self.remove_all(containers, |_| false)
    }

    fn remove_all(
        &self,
        containers: &[Container],
        with_volumes: impl Fn(&Container) -> bool,
    ) -> anyhow::Result<()> {
        let removals =
            containers.iter().map(|container| self.remove_container(container, with_volumes(container)));
        let mut answers = self.runtime.block_on(join_all(removals));
        for (container, answer) in containers.iter().zip(&mut answers) {
            self.finish_removal(container, with_volumes(container), answer)?;
        }
        self.settle(answers, &[404])
    }

    /// Finds the anonymous volumes that the Engine made for these very containers: not those which Compose passed on from
    /// an earlier one, nor a volume of somebody's whose name looks like theirs.
    pub fn own_volumes(&self, containers: &[Container]) -> anyhow::Result<BTreeSet<String>> {
        let questions = containers.iter().map(|container| self.client.inspection(&container.id));
        let mut own = BTreeSet::new();
        for answer in self.ask(join_all(questions))? {
            let seen = match answer {
                Ok(seen) => seen,
                Err(error) if has_status(&error, 404) => continue,
                Err(error) => return Err(self.failure(error).into()),
            };
            let config = seen.host_config.unwrap_or_default();
            if config.volumes_from.is_some_and(|lenders| !lenders.is_empty()) {
                continue;
            }
            let binds = config.binds.unwrap_or_default();
            let bound = binds.iter().filter_map(|bind| Some(bind.split_once(':')?.0.to_owned()));
            let given = config.mounts.unwrap_or_default().into_iter().filter_map(|mount| mount.source);
            let given: BTreeSet<String> = given.chain(bound).collect();
            let is_own = |name: &String| is_anonymous(name) && !given.contains(name);
            let mounts = seen.mounts.unwrap_or_default().into_iter();
            let volumes = mounts.filter(|mount| mount.kind.as_deref() == Some("volume"));
            own.extend(volumes.filter_map(|mount| mount.name).filter(is_own));
        }
        Ok(own)
    }

    /// Waits until what is being removed of a session is gone, and removes where somebody else failed to: Compose would
    /// try to start such a container.
    pub fn finish_removals(&mut self, session: &SessionId) -> anyhow::Result<()> {
        let label = format!("{LABEL}session_id={session}");
        let going = filters(&[("label", &[&label]), ("status", &["removing"])]);
        let going: Vec<Container> = self
            .list(&format!("/containers/json?all=true&{going}"))?
            .into_iter()
            .filter_map(listed)
            .collect();
        let going: Vec<Container> = going.into_iter().filter(|container| container.is_ours).collect();
        if going.is_empty() {
            return Ok(());
        }
        let family = self.every_container(session)?;
        self.remove_containers(&going, &family)
    }

    async fn remove_container(&self, container: &Container, with_volumes: bool) -> Result<(), Error> {
        self.client.delete(&format!("/containers/{}?force=true&v={with_volumes}", container.id)).await
    }

    /// Tries on while somebody else is removing a container, be it for a prism that was killed: until it is gone, it
    /// holds its name, networks and volumes.
    fn finish_removal(
        &self,
        container: &Container,
        with_volumes: bool,
        answer: &mut Result<(), Error>,
    ) -> anyhow::Result<()> {
        let is_going = |answer: &Result<(), Error>| answer.as_ref().is_err_and(|it| has_status(it, 409));
        let gone = async {
            while is_going(answer) {
                tokio::time::sleep(REMOVAL_POLL).await;
                *answer = self.remove_container(container, with_volumes).await;
            }
        };
        self.ask(gone)
            .with_context(|| format!("gave up waiting for the removal of container `{}`", container.name))
    }

    /// Finds the containers that have volumes of a foreign container which is gone (`volumes_from`): the Engine would take
    /// those for theirs.
    fn borrowers(&self, containers: &[Container], family: &[Container]) -> anyhow::Result<BTreeSet<String>> {
        let questions = containers.iter().map(|container| self.client.inspection(&container.id));
        let mut borrowers = BTreeSet::new();
        for (container, answer) in containers.iter().zip(self.ask(join_all(questions))?) {
            let lenders = match answer {
                Ok(seen) => seen.host_config.and_then(|config| config.volumes_from).unwrap_or_default(),
                Err(error) if has_status(&error, 404) => continue,
                Err(error) => return Err(self.failure(error).into()),
            };
            let is_of_family = |lender: &str| {
                let name = lender.split(':').next().unwrap_or(lender).trim_start_matches('/');
                family.iter().any(|member| member.id == name || member.name == name)
            };
            for lender in lenders.iter().filter(|lender| !is_of_family(lender)) {
                let name = lender.split(':').next().unwrap_or(lender);
                match self.ask(self.client.inspection(name))? {
                    Err(error) if has_status(&error, 404) => drop(borrowers.insert(container.id.clone())),
                    Err(error) => return Err(self.failure(error).into()),
                    Ok(_) => {}
                }
            }
        }
        Ok(borrowers)
    }

    /// Removes networks, each given by id and name. Gives back the names of those that a foreign container uses, and that
    /// stay.
    pub fn remove_networks(&self, networks: &[(String, String)]) -> anyhow::Result<Vec<String>> {
        let removals = networks.iter().map(async |(id, name)| {
            // One that does not run is no endpoint, and could never be started again.
            if self.has_users("network", &[id, name]).await? {
                return Ok(true);
            }
            self.when_released("network", 403, id, format!("/networks/{}", encoded(id))).await
        });
        let answers = self.runtime.block_on(join_all(removals));
        let names: Vec<String> = networks.iter().map(|(_, name)| name.clone()).collect();
        self.stay(&names, answers)
    }

    /// Removes volumes by name. Gives back those that a foreign container uses, and that stay.
    pub fn remove_volumes(&self, names: &[String]) -> anyhow::Result<Vec<String>> {
        let removals = names
            .iter()
            .map(|name| self.when_released("volume", 409, name, format!("/volumes/{}", encoded(name))));
        self.stay(names, self.runtime.block_on(join_all(removals)))
    }

    /// Removes something that containers may use, which the Engine then refuses with status `in_use`. `kind` is
    /// the name of the filter that lists them. Returns whether there is one; if not, tries on: a container is
    /// off the list a moment before it lets go of its volumes.
    async fn when_released(&self, kind: &str, in_use: u16, name: &str, path: String) -> Result<bool, Error> {
        let deadline = Instant::now() + RELEASE;
        loop {
            match self.client.delete(&path).await {
                Err(error) if has_status(&error, in_use) => {
                    if self.has_users(kind, &[name]).await? {
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

    /// Says whether containers, running or not, have something that is called by one of `names`.
    async fn has_users(&self, kind: &str, names: &[&str]) -> Result<bool, Error> {
        let users = format!("/containers/json?all=true&{}", filters(&[(kind, names)]));
        Ok(!self.client.get::<Vec<ContainerSummary>>(&users).await?.is_empty())
    }

    /// Removes image tags, and with the last tag of an image that image; not the ones that it was made from, which may be
    /// anybody's. Gives back those that a foreign container uses, and that stay.
    pub fn remove_images(&self, tags: &[String]) -> anyhow::Result<Vec<String>> {
        let removals = tags.iter().map(|tag| async move {
            match self.client.delete(&format!("/images/{}?noprune=true", encoded(tag))).await {
                Err(error) if has_status(&error, 409) => Ok(true),
                answer => answer.map(|()| false),
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
    pub(super) fn settle<T>(&self, answers: Vec<Result<T, Error>>, harmless: &[u16]) -> anyhow::Result<()> {
        let error = answers
            .into_iter()
            .filter_map(Result::err)
            .find(|error| !harmless.iter().any(|status| has_status(error, *status)));
        error.map_or(Ok(()), |error| Err(self.failure(error).into()))
    }
}
