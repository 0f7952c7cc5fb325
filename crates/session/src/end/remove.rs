//! Ending a session: stopped, or removed with everything that it made. Needs no Compose file.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use domain::engine::anonymous::Anonymous;
use domain::engine::container::{Container, State};
use domain::failure::Failure;
use domain::identity::name::{ServiceName, SessionId};

use crate::docker::{Belongings, Engine};
use crate::find::generated::{self, DOTENV};
use crate::find::{Session, key};
use crate::machine::process::interrupt::Interrupt;
use crate::notice::Notices;
use crate::port;

/// How long the Engine's list may lag behind its answers.
const LIST_LAG: Duration = Duration::from_secs(2);

/// All that Docker holds of one session.
#[derive(Debug)]
pub struct Remains {
    session: SessionId,
    /// Containers, one-offs included.
    pub containers: Vec<Container>,
    /// Containers of its Compose project that have none of prism's labels.
    lost: Vec<Container>,
    /// Networks, volumes and images.
    pub belongings: Belongings,
    /// The anonymous volumes that its note names.
    noted: BTreeSet<String>,
    /// All anonymous volumes that were made for it.
    anonymous: BTreeSet<String>,
}

/// Which volumes go with a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Volumes {
    /// All that were made for it.
    All,
    /// Those without a name: the others were there before it.
    Anonymous,
    /// None: the data stay.
    None,
}

impl Remains {
    /// Asks the Engine for everything of a session.
    pub fn find(engine: &mut Engine, session: &SessionId) -> anyhow::Result<Self> {
        let containers = engine.every_container(session)?;
        let belongings = engine.belongings(session)?;
        let noted = engine.note(session)?.anonymous.proven(session, key::known().as_deref());
        let mut anonymous = engine.own_volumes(&containers)?;
        anonymous.extend(noted.iter().cloned());
        let lost = engine.lost(&BTreeSet::from([session.clone()]))?;
        Ok(Self { session: session.clone(), containers, lost, belongings, noted, anonymous })
    }

    /// Keeps to the containers without prism's labels that were there before.
    pub fn keep_to(&mut self, before: &Self) {
        self.lost.retain(|it| before.lost.iter().any(|seen| seen.id == it.id));
    }

    /// Says whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.containers.is_empty() && self.lost.is_empty() && self.belongings.is_empty()
    }

    /// Names what would be removed, a line each.
    pub fn describe(&self, volumes: Volumes) -> Vec<String> {
        let named = |what: &str, names: &[String]| {
            names.iter().map(|name| format!("{what} {name}")).collect::<Vec<_>>()
        };
        let mut lines: Vec<String> =
            self.containers.iter().map(|container| format!("container {}", container.name)).collect();
        lines.extend(
            self.lost.iter().map(|it| format!("container {}, which has lost prism's labels", it.name)),
        );
        lines.extend(self.belongings.networks.iter().map(|(_, name)| format!("network {name}")));
        if volumes == Volumes::All {
            lines.extend(named("volume", &self.belongings.volumes));
        }
        if volumes != Volumes::None {
            lines.extend(
                self.anonymous
                    .iter()
                    .map(|name| format!("volume {name}, which has no name in the Compose file")),
            );
        }
        lines.extend(named("volume", &self.belongings.notes));
        lines.extend(named("image", &self.belongings.images));
        lines
    }

    /// Removes it, in the order in which one thing holds another.
    pub fn remove(&self, engine: &mut Engine, volumes: Volumes) -> anyhow::Result<Kept> {
        if self.anonymous != self.noted {
            let noted = Anonymous::sealed(self.anonymous.clone(), &self.session, key::made().as_deref());
            engine.update_note(&self.session, |note| note.anonymous = noted)?;
        }
        let anonymous: Vec<String> = self.anonymous.iter().cloned().collect();
        let mut kept = Vec::new();
        let mut left = Vec::new();
        let containers = [&self.containers[..], &self.lost].concat();
        if volumes == Volumes::None {
            engine.remove_containers_alone(&containers)?;
            left = anonymous;
        } else {
            engine.remove_containers(&containers, &containers)?;
            // They are gone with their containers, but where Compose has passed them on, or the Engine did not get to the end.
            kept = engine.remove_volumes(&anonymous)?;
        }
        kept.extend(engine.remove_networks(&self.belongings.networks)?);
        kept.extend(engine.remove_images(&self.belongings.images)?);
        if volumes == Volumes::All {
            kept.extend(engine.remove_volumes(&self.belongings.volumes)?);
        }
        if !kept.is_empty() && !engine.every_container(&self.session)?.is_empty() {
            return Err(Failure::new("somebody started containers of the session meanwhile")
                .hint("the same command once more removes those, too")
                .into());
        }
        // Also where volumes are kept: a session that is gone keeps no ports.
        kept.extend(engine.remove_volumes(&self.belongings.notes)?);
        Ok(Kept { used: kept, left })
    }
}

/// What stays of a session that was removed.
#[derive(Debug)]
#[must_use = "who removes something wants to know what stays"]
pub struct Kept {
    /// Names of networks, volumes and images that containers of somebody else use.
    used: Vec<String>,
    /// Anonymous volumes that were to stay.
    left: Vec<String>,
}

impl Kept {
    /// Says it, a line each.
    pub fn describe(&self) -> impl Iterator<Item = String> {
        let used = self.used.iter();
        let used = used.map(|name| format!("{name} stays: a container that is not of this session uses it"));
        let left = self.left.iter().map(|name| {
            format!("volume {name} stays, and no new session takes it up, as it has no name: `docker volume rm {name}` when its data are not needed")
        });
        used.chain(left)
    }
}

/// Removes what a first start that came to nothing left: the override, a network, an empty volume. As soon as
/// there is a container, everything stays, for whoever wants to look at it.
///
/// To be called only if nothing of the session was there before.
pub fn if_without_container(session: &Session, engine: &mut Engine, notices: Notices) -> anyhow::Result<()> {
    let remains = Remains::find(engine, &session.id)?;
    if remains.containers.is_empty() {
        remains.remove(engine, Volumes::All)?.describe().for_each(|line| notices.note(line));
        remove_generated(session.path())?;
    }
    Ok(())
}

/// Stops the containers of a session for a while: what somebody started by hand though it was left out comes back with the
/// next start. To be called under the session's lock.
pub fn rest(
    engine: &mut Engine,
    session: &SessionId,
    containers: &[Container],
    interrupt: &Interrupt,
) -> anyhow::Result<usize> {
    let runs = |service: &ServiceName| {
        containers.iter().any(|container| container.service == *service && !is_at_rest(container))
    };
    if engine.note(session)?.left_out.iter().any(runs) {
        let _lock = port::lock(engine, interrupt)?;
        engine.update_note(session, |note| note.left_out.retain(|service| !runs(service)))?;
    }
    stop(engine, session, containers)
}

/// Stops the running containers of a session, and says how many there were.
///
/// The Engine answers a moment before its list shows it: whoever asks next must not see them running.
pub fn stop(engine: &mut Engine, session: &SessionId, containers: &[Container]) -> anyhow::Result<usize> {
    let running = containers.iter().filter(|container| !is_at_rest(container)).cloned().collect::<Vec<_>>();
    engine.stop(&running)?;
    let deadline = Instant::now() + LIST_LAG;
    while Instant::now() < deadline {
        let stopped = |container: &Container| running.iter().any(|stopped| stopped.id == container.id);
        if engine
            .every_container(session)?
            .iter()
            .all(|container| !stopped(container) || is_at_rest(container))
        {
            break;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    Ok(running.len())
}

fn is_at_rest(container: &Container) -> bool {
    matches!(container.state, State::Exited | State::Created | State::Gone)
}

/// Removes the file that names ports which no longer lead anywhere.
pub fn remove_dotenv(directory: &Path) -> anyhow::Result<()> {
    generated::remove(&directory.join(DOTENV))
}

/// Removes every generated file.
pub fn remove_generated(directory: &Path) -> anyhow::Result<()> {
    generated::NAMES.iter().try_for_each(|name| generated::remove(&directory.join(name)))
}
