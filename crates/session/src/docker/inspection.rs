//! Inspecting containers, alone or together with the list of a session.

use std::collections::BTreeMap;

use domain::engine::container::{Container, Inspection, without_twins};
use domain::identity::label::LABEL;
use domain::identity::name::SessionId;
use futures_util::future::{join, join_all};
use tokio::task::JoinHandle;

use super::client::{Client, Error};
use super::model::{ContainerInspection, ContainerSummary};
use super::{Engine, container, has_status, labelled};

/// How often a request that was begun needs a turn until it is on its way: to connect, to be ready, to write.
const SENDING: usize = 2;

/// A list that was asked for.
pub(super) type Answer = JoinHandle<Result<Vec<ContainerSummary>, Error>>;

type Answers = Vec<(String, Result<ContainerInspection, Error>)>;

impl Engine {
    /// Asks for the list that [`Engine::look`] will want, so that the Engine works while prism finds out what else there
    /// is to know.
    pub fn begin(&mut self, session: &SessionId) {
        self.begun = Some((session.clone(), self.send_list(session)));
    }

    fn send_list(&self, session: &SessionId) -> Answer {
        let (client, path) = (self.client.clone(), of_session(session));
        let list = self.runtime.spawn(async move { client.get(&path).await });
        self.runtime.block_on(async {
            for _ in 0..SENDING {
                tokio::task::yield_now().await;
            }
        });
        list
    }

    /// Lists the containers of one session as [`Engine::session`] does, and at the same time inspects those that are
    /// `likely` to be among them, by their ids: [`Engine::inspect`] need not ask for these again.
    pub fn look(&mut self, session: &SessionId, likely: &[String]) -> anyhow::Result<Vec<Container>> {
        let begun = self.begun.take().filter(|(begun, _)| begun == session);
        let list = begun.map_or_else(|| self.send_list(session), |(_, list)| list);
        let inspected = inspections(&self.client, likely.iter().map(String::as_str));
        let (answer, inspected) = self.ask(join(list, inspected))?;
        let answer = answer?;
        let listed = answer.map_err(|error| self.failure(error))?;
        let listed = listed.into_iter().filter_map(container::listed);
        let containers = without_twins(listed.filter(|container| container.is_ours).collect());
        let inspected = inspected.into_iter().filter_map(|(id, answer)| Some((id, answer.ok()?)));
        // One that is not in the list, or could not be inspected, was a wrong guess.
        let is_listed = |id: &String| containers.iter().any(|container| container.id == *id);
        let inspected = inspected.filter(|(id, _)| is_listed(id));
        self.inspected
            .replace(inspected.map(|(id, response)| (id, container::inspected(response))).collect());
        Ok(containers)
    }

    /// Inspects containers, all at once. One that is gone meanwhile is left out.
    pub fn inspect<'a>(
        &self,
        ids: impl Iterator<Item = &'a str>,
    ) -> anyhow::Result<BTreeMap<String, Inspection>> {
        let mut known = self.inspected.take();
        let mut found = BTreeMap::new();
        let mut unknown = Vec::new();
        for id in ids {
            match known.remove(id) {
                Some(inspection) => drop(found.insert(id.to_owned(), inspection)),
                None => unknown.push(id),
            }
        }
        if unknown.is_empty() {
            return Ok(found);
        }
        for (id, answer) in self.ask(inspections(&self.client, unknown.into_iter()))? {
            match answer {
                Ok(response) => drop(found.insert(id, container::inspected(response))),
                Err(error) if has_status(&error, 404) => {}
                Err(error) => return Err(self.failure(error).into()),
            }
        }
        Ok(found)
    }
}

async fn inspections(client: &Client, ids: impl Iterator<Item = &str>) -> Answers {
    join_all(ids.map(|id| async move { (id.to_owned(), client.inspection(id).await) })).await
}

fn of_session(session: &SessionId) -> String {
    labelled(&format!("{LABEL}session_id={session}"))
}
