//! What containers have mounted, whatever their state.

use domain::engine::anonymous::is_anonymous;
use futures_util::future::join_all;

use super::{Engine, has_status};

/// A container with its image, and what it has mounted.
#[derive(Debug, Clone)]
pub struct Mounted {
    /// Its id.
    pub container: String,
    /// The id of its image.
    pub image: String,
    /// The path inside, what is there, and whether it may be written to.
    pub mounts: Vec<(String, Held, bool)>,
}

/// What is mounted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// A volume, by its name, and whether the Engine gave it that.
    Volume(String, bool),
    /// A directory or a file of the Engine's machine.
    Path(String),
    /// Memory.
    Memory,
}

impl Engine {
    /// Says what containers have mounted. One that is gone meanwhile is left out.
    pub fn mounted<'a>(&self, ids: impl Iterator<Item = &'a str>) -> anyhow::Result<Vec<Mounted>> {
        let mut found = Vec::new();
        for answer in self.ask(join_all(ids.map(|id| self.client.inspection(id))))? {
            let seen = match answer {
                Ok(seen) => seen,
                Err(error) if has_status(&error, 404) => continue,
                Err(error) => return Err(self.failure(error).into()),
            };
            let mut mounts = Vec::new();
            for mount in seen.mounts.unwrap_or_default() {
                let held = match (mount.kind.as_deref(), mount.name, mount.source) {
                    (Some("volume"), Some(name), _) => {
                        let is_unnamed = is_anonymous(&name);
                        Held::Volume(name, is_unnamed)
                    }
                    (Some("tmpfs"), ..) => Held::Memory,
                    (_, _, Some(source)) => Held::Path(source),
                    _ => continue,
                };
                let Some(target) = mount.destination else { continue };
                mounts.push((target, held, mount.is_writable != Some(false)));
            }
            let memory = seen.host_config.and_then(|config| config.tmpfs).unwrap_or_default();
            mounts.extend(memory.into_keys().map(|target| (target, Held::Memory, true)));
            found.push(Mounted {
                container: seen.id.unwrap_or_default(),
                image: seen.image.unwrap_or_default(),
                mounts,
            });
        }
        Ok(found)
    }
}
