//! Whose networks, volumes and images are, by their labels, names and tags.

use std::collections::{BTreeMap, BTreeSet};

use domain::engine::claim::{self, Claim, Whose};
use domain::engine::mark;
use domain::identity::label::LABEL;
use domain::identity::name::SessionId;

use super::client::filters;
use super::model::{ContainerSummary, NetworkSummary, Volume};
use super::{Engine, labelled};

/// Things of one session that are not containers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Belongings {
    /// Networks: id and name, as several may have one name.
    pub networks: Vec<(String, String)>,
    /// Volume names.
    pub volumes: Vec<String>,
    /// The volumes of its note and its marks, which hold no data.
    pub notes: Vec<String>,
    /// Image tags that were given for the session.
    pub images: Vec<String>,
}

impl Belongings {
    /// Says whether there is nothing.
    pub fn is_empty(&self) -> bool {
        let Self { networks, volumes, notes, images } = self;
        networks.is_empty() && [volumes, notes, images].into_iter().all(Vec::is_empty)
    }
}

/// All sessions of which something is there, be it only a volume.
#[derive(Debug, Default)]
pub struct Claims {
    /// Those that prism made.
    pub ours: BTreeSet<Claim>,
    /// Those of other tools with the same labels.
    pub others: BTreeSet<Claim>,
    /// What carries labels of prism's and is of no session: a sentence each.
    pub foreign: Vec<String>,
}

impl Claims {
    fn add(&mut self, kind: &str, name: &str, whose: Option<Whose>) {
        match whose {
            Some(Whose::Ours(claim)) => drop(self.ours.insert(claim)),
            Some(Whose::OtherTools(claim)) => drop(self.others.insert(claim)),
            Some(Whose::Foreign(why)) => {
                self.foreign.push(format!("{kind} `{name}` has labels of a session, and is of none: {why}"));
            }
            None => {}
        }
    }
}

impl Engine {
    /// Finds the networks, volumes and image tags of a session.
    pub fn belongings(&self, session: &SessionId) -> anyhow::Result<Belongings> {
        let label = format!("{LABEL}session_id={session}");
        let images = self.ask(self.client.images(&label))?.map_err(|error| self.failure(error))?;
        let (networks, volumes) = self.things(&label)?;
        let is_its = |whose: Option<Whose>| matches!(whose, Some(Whose::Ours(claim)) if claim.id == *session);
        let mut found = Belongings::default();
        for network in networks {
            let name = network.name.unwrap_or_default();
            if is_its(claim::network(&network.labels.unwrap_or_default(), &name)) {
                found.networks.push((network.id.unwrap_or_default(), name));
            }
        }
        for volume in volumes {
            let labels = volume.labels.unwrap_or_default();
            if is_its(claim::volume(&labels, &volume.name)) {
                let is_empty = claim::is_note(&labels) || mark::project(&labels, &volume.name).is_some();
                let those = if is_empty { &mut found.notes } else { &mut found.volumes };
                those.push(volume.name);
            }
        }
        for image in images {
            let tags = image.repo_tags.unwrap_or_default();
            let tags = claim::tags(&image.labels.unwrap_or_default(), session, &tags);
            found.images.extend(tags.into_iter().map(str::to_owned));
        }
        Ok(found)
    }

    /// Finds every session of which something is left, be it only a volume.
    pub fn claims(&mut self) -> anyhow::Result<Claims> {
        let label = format!("{LABEL}working_dir");
        let mut claims = Claims::default();
        for mut summary in self.list(&labelled(&label))? {
            let (labels, name, image) = judged(&mut summary);
            claims.add("container", &name, claim::container(&labels, &name, image));
        }
        let (networks, volumes) = self.things(&label)?;
        for network in networks {
            let name = network.name.unwrap_or_default();
            let whose = claim::network(&network.labels.unwrap_or_default(), &name);
            claims.add("network", &name, whose);
        }
        for volume in volumes {
            let whose = claim::volume(&volume.labels.unwrap_or_default(), &volume.name);
            claims.add("volume", &volume.name, whose);
        }
        Ok(claims)
    }

    fn things(&self, label: &str) -> anyhow::Result<(Vec<NetworkSummary>, Vec<Volume>)> {
        let networks = format!("/networks?{}", filters(&[("label", &[label])]));
        let found = self
            .ask(async { Ok((self.client.get(&networks).await?, self.client.volumes(&[label]).await?)) })?;
        found.map_err(|error| self.failure(error).into())
    }
}

/// Returns what tells whose a container is: its labels, which are taken out, its own name, the id of its image.
pub(super) fn judged(summary: &mut ContainerSummary) -> (BTreeMap<String, String>, String, &str) {
    let labels = summary.labels.take().unwrap_or_default();
    // A name with another slash is what somebody who links to it calls it.
    let names = summary.names.iter().flatten().map(|name| name.trim_start_matches('/'));
    let name = names.clone().find(|name| !name.contains('/')).or_else(|| names.clone().next());
    (labels, name.unwrap_or_default().to_owned(), summary.image_id.as_deref().unwrap_or_default())
}
