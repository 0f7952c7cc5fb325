//! What a session has of data, and who has it mounted.

use std::collections::{BTreeMap, BTreeSet};

use domain::data::plan::Wishes;
use domain::data::{Key, Server, Stock, image};
use domain::engine::container::Container;
use domain::engine::kind::kind_of;
use domain::identity::name::{ServiceName, SessionId};
use domain::stack::store;

use crate::docker::{Engine, Held, Mounted};
use crate::find::key;

/// A session's data, as they are now.
#[derive(Debug)]
pub(super) struct Site {
    /// What can be copied, or copied into.
    pub(super) stock: Stock,
    /// The id of the image of each service.
    pub(super) images: BTreeMap<ServiceName, String>,
    /// Its containers, those that ran once included.
    pub(super) containers: Vec<Container>,
    /// What they have mounted.
    pub(super) mounted: Vec<Mounted>,
}

impl Site {
    /// Looks at a session.
    pub(super) fn of(engine: &mut Engine, session: &SessionId) -> anyhow::Result<Self> {
        let containers = engine.every_container(session)?;
        let mounted = engine.mounted(containers.iter().map(|container| container.id.as_str()))?;
        let named = engine.session_volumes(session)?;
        let mut unnamed = engine.own_volumes(&containers)?;
        unnamed.extend(engine.note(session)?.anonymous.proven(session, key::known().as_deref()));
        let mut stock = Stock::default();
        let mut images = BTreeMap::new();
        for (container, seen) in with_mounts(&containers, &mounted) {
            if container.one_off {
                continue;
            }
            let service = &container.service;
            stock.servers.insert(service.clone(), server(container));
            images.insert(service.clone(), seen.image.clone());
            for (target, held, is_writable) in &seen.mounts {
                let Held::Volume(name, _) = held else { continue };
                match named.get(name) {
                    Some(key) => stock.add(Key::Named(key.clone()), name, service, target),
                    // Of several containers of a service, each has its own: the first one counts.
                    None if unnamed.contains(name) && *is_writable && container.number == 1 => {
                        stock.add(Key::At(service.clone(), target.clone()), name, service, target);
                    }
                    None => {}
                }
            }
        }
        let known: BTreeSet<String> = stock.volumes.iter().map(|stored| stored.volume.clone()).collect();
        for (name, key) in named.iter().filter(|(name, _)| !known.contains(*name)) {
            stock.volumes.push(domain::data::Stored {
                key: Key::Named(key.clone()),
                volume: name.clone(),
                users: Vec::new(),
            });
        }
        stock.volumes.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self { stock, images, containers, mounted })
    }

    /// Says what is mounted where a server keeps its data, and is not the session's.
    pub(super) fn wishes(&self, fresh: BTreeSet<ServiceName>, force: bool) -> Wishes {
        let mut wishes = Wishes { fresh, force, ..Wishes::default() };
        let is_own = |name: &String| self.stock.volumes.iter().any(|stored| stored.volume == *name);
        for (container, seen) in with_mounts(&self.containers, &self.mounted) {
            let service = &container.service;
            let keeps = |target: &String| store::keeps(container.label("kind"), &container.image, target);
            for (target, held, is_writable) in &seen.mounts {
                if container.one_off || !is_writable || !keeps(target) {
                    continue;
                }
                let place = match held {
                    Held::Memory => {
                        wishes.memory.insert(service.clone());
                        continue;
                    }
                    Held::Volume(name, _) if is_own(name) => continue,
                    Held::Volume(name, _) => format!("volume `{name}`"),
                    Held::Path(path) => format!("`{path}`"),
                };
                wishes.outside.entry(service.clone()).or_default().push(place);
            }
        }
        wishes
    }

    /// Lists the containers that may write to one of these volumes.
    pub(super) fn writers(&self, volumes: &BTreeSet<&str>) -> Vec<Container> {
        let is_writer = |seen: &Mounted| {
            seen.mounts.iter().any(|(_, held, is_writable)| {
                *is_writable && matches!(held, Held::Volume(name, _) if volumes.contains(name.as_str()))
            })
        };
        with_mounts(&self.containers, &self.mounted)
            .filter(|(_, seen)| is_writer(seen))
            .map(|(container, _)| container.clone())
            .collect()
    }
}

fn with_mounts<'s>(
    containers: &'s [Container],
    mounted: &'s [Mounted],
) -> impl Iterator<Item = (&'s Container, &'s Mounted)> {
    containers
        .iter()
        .filter_map(|container| Some((container, mounted.iter().find(|it| it.container == container.id)?)))
}

fn server(container: &Container) -> Server {
    Server {
        image: image::common(&container.image, &container.project),
        kind: kind_of(container).map(|kind| kind.name.to_owned()),
    }
}
