//! The override: what a session's copy of a stack says differently from the user's own files.

mod service;
mod speech;
#[cfg(test)]
mod tests;
mod thing;

use std::collections::BTreeMap;

use self::service::Overlay;
use crate::identity::label::LABEL;
use crate::identity::name::{ProjectName, ServiceName, SessionId};
use crate::stack::image::Built;
use crate::stack::model::Model;
use crate::stack::plan::Plan;
use crate::stack::reader;
use crate::text::yaml::{Node, put};

/// What the override says of the session itself. All of it is the same at every run.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The Compose project.
    pub project: ProjectName,
    /// The session's identity.
    pub session_id: SessionId,
    /// The session directory.
    pub directory: String,
    /// `<user id>@<machine id>`.
    pub owner: String,
    /// The process that an ephemeral session is for.
    pub process: Option<String>,
    /// RFC 3339, of the session's first creation.
    pub created_at: String,
    /// The Engine knows the `start_interval` of health checks.
    pub has_start_interval: bool,
    /// Files of the host whose text the Engine gets when it makes a container, as the project names them, with a hash.
    pub profiles: BTreeMap<String, String>,
    /// Services into whose images ports of the session go, with a hash of what they are built from.
    pub builds: BTreeMap<ServiceName, String>,
    /// Services that the user leaves out, so that nothing may wait for them.
    pub excluded: Vec<ServiceName>,
}

/// Builds the override for every service of `model`, whatever its profile.
pub fn overlay(model: &Model, plan: &Plan, facts: &Facts) -> Node {
    let built = Built::of(model, &facts.project);
    let spoken = reader::spoken(model, &facts.project).services;
    let services = model.services.iter().filter_map(|(name, service)| {
        let decided = plan.services.get(name)?;
        Some((
            name.0.clone(),
            Overlay {
                model,
                name,
                service,
                plan: decided,
                facts,
                built: &built,
                own: spoken.get(name),
                mounts: plan.own.mounts.get(name).map_or(&[], Vec::as_slice),
            }
            .service(),
        ))
    });
    let mut root = vec![("name".to_owned(), Node::text(facts.project.as_str()))];
    put(&mut root, "services", Node::Map(services.collect()));
    put(&mut root, "networks", Node::Map(thing::networks(model, facts)));
    put(&mut root, "volumes", Node::Map(thing::volumes(model, &plan.own, facts)));
    Node::Map(root)
}

/// Labels by which everything that belongs to a session is found.
pub fn session_labels(facts: &Facts) -> BTreeMap<String, String> {
    let process = facts.process.as_deref().map(|process| ("process", process));
    [
        ("managed", "true"),
        ("working_dir", &facts.directory),
        ("session_id", facts.session_id.as_str()),
        ("owner", &facts.owner),
    ]
    .into_iter()
    .chain(process)
    .map(|(key, value)| (format!("{LABEL}{key}"), value.to_owned()))
    .collect()
}

fn labels_of_things(facts: &Facts) -> Node {
    text_map(session_labels(facts))
}

fn text_map(entries: BTreeMap<String, String>) -> Node {
    Node::Map(entries.into_iter().map(|(key, value)| (key, Node::Str(value))).collect())
}
