//! Containers in which data are copied: of an image that is there already, with both volumes mounted, and no network.

use std::collections::BTreeMap;

use domain::engine::container::Container;
use domain::failure::Failure;
use domain::identity::label::LABEL;
use futures_util::future::join_all;
use serde::Deserialize;
use serde_json::json;
use tokio::task::JoinHandle;

use super::client::{Client, Error, encoded, filters};
use super::container::listed;
use super::{Engine, exec_with};

/// The label of such a container.
pub const COPIER: &str = "copier";

/// How long one lives at most: should nobody remove it, it ends by itself.
const LIFE: &str = "86400";

/// A container that copies.
#[derive(Debug, Clone)]
pub struct Copier {
    pub(super) id: String,
}

/// What one is made with.
#[derive(Debug)]
pub struct NewCopier<'a> {
    /// Its name.
    pub name: &'a str,
    /// The id of its image.
    pub image: &'a str,
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
    /// The volume with the data; without one, the other volume stands in its place.
    pub from: Option<&'a str>,
    /// The volume that gets them.
    pub to: &'a str,
}

/// Something that goes on in the Engine.
#[derive(Debug)]
pub struct Job(pub(super) JoinHandle<Result<Done, Error>>);

impl Drop for Job {
    /// What nobody waits for any more goes on in vain, and may keep the Engine from removing what it works at.
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// How it ended.
#[derive(Debug, Default)]
pub struct Done {
    /// The exit status of a command.
    pub status: i64,
    /// What it wrote.
    pub text: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Made {
    id: String,
}

impl Engine {
    /// Makes a container that can copy, and does not start it.
    pub fn make_copier(&self, new: &NewCopier) -> anyhow::Result<Copier> {
        let mount = |source: &str, target: &str, is_source: bool| {
            json!({"Type": "volume", "Source": source, "Target": target, "ReadOnly": is_source,
                   "VolumeOptions": {"NoCopy": true}})
        };
        let mounts = match new.from {
            Some(from) => vec![mount(from, "/prism-from", true), mount(new.to, "/prism-to", false)],
            None => vec![mount(new.to, "/prism-from", false)],
        };
        let config = json!({
            "Image": new.image,
            "Entrypoint": ["sleep", LIFE],
            "User": "0:0",
            "WorkingDir": "/",
            "Labels": new.labels,
            "NetworkDisabled": true,
            "Healthcheck": {"Test": ["NONE"]},
            "HostConfig": {
                "NetworkMode": "none",
                "LogConfig": {"Type": "none"},
                "SecurityOpt": ["label=disable"],
                "Mounts": mounts,
            },
        });
        let path = format!("/containers/create?name={}", encoded(new.name));
        let made = self.runtime.block_on(self.client.make::<Made>(&path, config));
        Ok(Copier { id: made.map_err(|error| self.failure(error))?.id })
    }

    /// Starts it. Returns whether it runs: an image without programs has nothing that could.
    pub fn start_copier(&self, copier: &Copier) -> anyhow::Result<bool> {
        let path = format!("/containers/{}/start", copier.id);
        match self.runtime.block_on(self.client.post(&path, None)) {
            Ok(()) => Ok(true),
            Err(Error::Refused { message, .. }) if is_lacking(&message) => Ok(false),
            Err(error) => Err(self.failure(error).into()),
        }
    }

    /// Begins to run a script in it.
    pub fn begin_in(&self, copier: &Copier, script: &str) -> Job {
        self.begin_command(&copier.id, script, Vec::new())
    }

    /// Begins to run a script in a container, with more in its environment, `NAME=value` each.
    pub fn begin_command(&self, id: &str, script: &str, environment: Vec<String>) -> Job {
        let (client, id) = (self.client.clone(), id.to_owned());
        let command = ["sh", "-c", script].map(str::to_owned).to_vec();
        Job(self.runtime.spawn(async move { run(&client, &id, command, &environment).await }))
    }

    /// Says how it ended; `None` while it goes on. It does so during [`Engine::pause`].
    pub fn ended(&self, job: &mut Job) -> Option<anyhow::Result<Done>> {
        job.0.is_finished().then(|| match self.runtime.block_on(&mut job.0) {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(self.failure(error).into()),
            Err(error) => Err(Failure::new("a copy was broken off").caused_by(error).into()),
        })
    }

    /// Removes what a prism that was killed left to copy from or into these volumes.
    pub fn remove_copiers_on(&self, volumes: &[String]) -> anyhow::Result<()> {
        if volumes.is_empty() {
            return Ok(());
        }
        let label = format!("{LABEL}{COPIER}");
        let names: Vec<&str> = volumes.iter().map(String::as_str).collect();
        let found = filters(&[("label", &[&label]), ("volume", &names)]);
        let found = self.list(&format!("/containers/json?all=true&{found}"))?;
        let found = found.into_iter().filter_map(listed).filter(|it| it.is_ours && is_copier(it));
        self.remove_copiers(&found.map(|container| Copier { id: container.id }).collect::<Vec<_>>())
    }

    /// Removes it, also while it copies.
    pub fn remove_copiers(&self, copiers: &[Copier]) -> anyhow::Result<()> {
        let removals = copiers.iter().map(async |copier| {
            self.client.delete(&format!("/containers/{}?force=true&v=true", copier.id)).await
        });
        self.settle(self.runtime.block_on(join_all(removals)), &[404, 409])
    }
}

/// Says whether a container is one that copies.
pub fn is_copier(container: &Container) -> bool {
    container.labels.contains_key(&format!("{LABEL}{COPIER}"))
}

async fn run(client: &Client, id: &str, command: Vec<String>, environment: &[String]) -> Result<Done, Error> {
    match exec_with(client, id, command, environment).await {
        Ok(ended) => Ok(Done {
            status: ended.status.unwrap_or(-1),
            text: String::from_utf8_lossy(&ended.written).into_owned(),
        }),
        Err(Error::Refused { message, .. }) if is_lacking(&message) => {
            Ok(Done { status: 127, text: message })
        }
        Err(error) => Err(error),
    }
}

fn is_lacking(message: &str) -> bool {
    message.contains("executable file not found") || message.contains("no such file or directory")
}
