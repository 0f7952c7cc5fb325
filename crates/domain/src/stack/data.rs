//! The files that a server keeps outside of its session: two servers on the same ones destroy them.

mod place;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use self::place::{Directory, Relation};
use crate::identity::name::ServiceName;
use crate::stack::model::Mount;

/// Whose files a service writes to, where the Compose file names ones outside of the session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Data {
    /// A volume of the session's takes their place.
    Own,
    /// They are meant to be written to by several at once.
    Shared,
    /// They come along when a session begins with the data of another one.
    Copy,
    /// They do not: the session begins without.
    Fresh,
}

/// What gets a volume of the session's in place of what the file names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Own {
    /// Volumes by key: they are made as if the file said nothing of where they are.
    pub volumes: BTreeSet<String>,
    /// Bind mounts of each service.
    pub mounts: BTreeMap<ServiceName, Vec<OwnMount>>,
}

/// A volume of the session's in place of a bind mount.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnMount {
    /// The path in the container.
    pub target: String,
    /// The key of the volume.
    pub volume: String,
    /// It cannot be written to.
    pub read_only: bool,
}

/// Where something that is mounted is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// A volume, by its name in Docker.
    Volume(String),
    /// A directory of the Engine's machine, or what its driver takes for one.
    Path(String),
}

/// Finds where a volume is by what its driver is told; `None` where the driver decides.
pub fn place_by_driver<'o>(option: impl Fn(&str) -> Option<&'o str>) -> Option<String> {
    let kind = option("type").unwrap_or_default();
    let device = option("device").filter(|_| kind != "tmpfs")?;
    let given = option("o").unwrap_or_default();
    let told = |name: &str| given.split(',').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    if kind == "overlay" {
        // What is written goes there; what is below is only read.
        return told("upperdir").map(str::to_owned);
    }
    let is_bind = kind == "none" || given.split(',').any(|word| word == "bind" || word == "rbind");
    if is_bind {
        return Some(device.to_owned());
    }
    let host = told("addr").unwrap_or_default();
    // Whichever version of it is asked for, the files are the same.
    let kind = if kind == "nfs4" { "nfs" } else { kind };
    Some(format!("{kind}://{host}{device}"))
}

impl Own {
    /// Says whether it is what `service` mounts there.
    pub fn replaces(&self, service: &ServiceName, mount: &Mount) -> bool {
        let mounts = self.mounts.get(service).into_iter().flatten();
        let is_volume =
            mount.kind == "volume" && mount.source.as_ref().is_some_and(|key| self.volumes.contains(key));
        is_volume || mounts.into_iter().any(|own| own.target == mount.target)
    }
}

/// ``volume `x` ``, `` `/srv/x` ``
impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Volume(name) => write!(f, "volume `{name}`"),
            Self::Path(path) => write!(f, "`{path}`"),
        }
    }
}
