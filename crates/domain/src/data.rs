//! Data that come along: what can be copied from a session or a snapshot, into which volumes of another session, and what is
//! said of it. [`plan`] decides; [`probe`] reads what a look into the volumes told; [`image`] says whether a server would start.

pub mod image;
pub mod plan;
pub mod probe;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::identity::name::ServiceName;

/// What a volume is called in every session of a project.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Key {
    /// Its key in the Compose file.
    Named(String),
    /// It has none there: the service, and the path at which its image has a volume.
    At(ServiceName, String),
}

/// What runs on data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// The image, without what is the session's own in its name.
    pub image: String,
    /// Its kind.
    pub kind: Option<String>,
}

/// A volume with data, and who has it mounted where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// What it is called in every session.
    pub key: Key,
    /// Its name in Docker.
    pub volume: String,
    /// Services, each with the path inside.
    pub users: Vec<(ServiceName, String)>,
}

/// What can be copied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stock {
    /// What runs, or ran, on the data.
    pub servers: BTreeMap<ServiceName, Server>,
    /// The volumes.
    pub volumes: Vec<Stored>,
}

impl Stock {
    /// Adds what a service has mounted.
    pub fn add(&mut self, key: Key, volume: &str, service: &ServiceName, target: &str) {
        let user = (service.clone(), target.to_owned());
        match self.volumes.iter_mut().find(|known| known.volume == volume) {
            Some(known) if !known.users.contains(&user) => known.users.push(user),
            Some(_) => {}
            None => self.volumes.push(Stored { key, volume: volume.to_owned(), users: vec![user] }),
        }
    }

    /// Says whether servers would start on it, as far as they are the same services.
    pub fn fits(&self, servers: &BTreeMap<ServiceName, Server>) -> bool {
        let both = self.servers.iter().filter_map(|(name, theirs)| Some((servers.get(name)?, theirs)));
        let both: Vec<_> = both.collect();
        !both.is_empty() && both.iter().all(|(own, theirs)| !image::differs(own, theirs))
    }

    /// Finds the volume that another session calls as `wanted` is called, or has at the same place.
    fn find(&self, wanted: &Stored) -> Option<&Stored> {
        let by_key = self.volumes.iter().find(|stored| stored.key == wanted.key);
        let is_there = |stored: &&Stored| stored.users.iter().any(|user| wanted.users.contains(user));
        by_key.or_else(|| self.volumes.iter().find(is_there))
    }
}

/// `data`, `db:/var/lib/postgresql/data`
impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(key) => f.write_str(key),
            Self::At(service, target) => write!(f, "{service}:{target}"),
        }
    }
}
