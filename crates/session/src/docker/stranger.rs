//! Containers that Compose made from a session's directory, and that are no session's.

use std::collections::{BTreeMap, BTreeSet};

use domain::engine::claim::{self, PROJECT, Whose};
use domain::engine::container::Container;
use domain::identity::name::SessionId;

use super::claim::judged;
use super::container::lost;
use super::model::ContainerSummary;
use super::{Engine, labelled};

/// Compose projects, each with the names of its containers.
pub type Strangers = BTreeMap<String, Vec<String>>;

impl Engine {
    /// Lists the running containers whose Compose project is that of `directory`, and which are no session's: somebody called
    /// `docker compose` there without prism.
    pub fn strangers(&mut self, directory: &str) -> anyhow::Result<Strangers> {
        let found = self.list(&labelled(&format!("com.docker.compose.project.working_dir={directory}")))?;
        let mut strangers = Strangers::new();
        for mut summary in found {
            let (labels, name, image) = judged(&mut summary);
            // Be it another one: of a single command, or of a container in which the directory is called alike.
            let is_of_session = matches!(claim::container(&labels, &name, image), Some(Whose::Ours(_)));
            // Its state in words: one that this prism does not know yet is no reason to fail.
            let is_running = summary.status.is_some_and(|status| status.starts_with("Up"));
            if is_of_session || !is_running {
                continue;
            }
            let project = labels.get(PROJECT).cloned().unwrap_or_default();
            strangers.entry(project).or_default().push(name);
        }
        for names in strangers.values_mut() {
            names.sort();
        }
        Ok(strangers)
    }

    /// Lists the containers of sessions' Compose projects that have none of prism's labels: they are no session's, and in
    /// the way of its end.
    pub fn lost(&mut self, sessions: &BTreeSet<SessionId>) -> anyhow::Result<Vec<Container>> {
        let found = self.list(&labelled(PROJECT))?;
        let of_any = |it: &ContainerSummary| sessions.iter().find_map(|session| lost(it.clone(), session));
        Ok(found.iter().filter_map(of_any).collect())
    }
}
