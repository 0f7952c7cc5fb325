//! Who has which host port: reservations of sessions, and what other containers have bound.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::container::{Binding, Container, State};
use crate::engine::note::Note;
use crate::identity::name::{ServiceName, SessionId};
use crate::port::ContainerPort;
use crate::port::holder::Holder;
use crate::port::reservation::{Reservations, Slot, read_service_label};

/// All that the Engine knows of host ports.
#[derive(Debug, Clone, Default)]
pub struct Holdings {
    /// Containers of every session and owner, one-offs and twins included.
    pub containers: Vec<Container>,
    /// Other containers that run: name, and what they have bound.
    pub foreign: Vec<(String, Vec<Binding>)>,
    /// The notes of all sessions.
    pub notes: Vec<Noted>,
    /// Sessions that are about to run: what they have reserved counts as in use.
    pub starting: BTreeSet<SessionId>,
}

/// A note and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Noted {
    /// The session.
    pub session_id: SessionId,
    /// Its directory.
    pub directory: String,
    /// `<user id>@<machine id>`, if it says so.
    pub owner: Option<String>,
    /// What it says.
    pub note: Note,
}

/// A session's reservation, or a port that the Engine chose for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Assignment {
    /// The session directory.
    pub directory: String,
    /// The session.
    pub session_id: SessionId,
    /// The host port.
    pub port: u16,
    /// What for.
    pub slot: Slot,
    /// Its container runs. Whether an app does, Docker does not know.
    pub running: bool,
    /// The addresses of the host at which it is bound now.
    pub host_ips: BTreeSet<String>,
}

impl Assignment {
    /// Says whether it is of a session for one command, beside the directory's own.
    pub fn is_ephemeral(&self) -> bool {
        self.session_id.as_str().strip_prefix(&self.directory).is_some_and(|rest| rest.contains('+'))
    }
}

impl Holdings {
    /// Lists every session's ports, sorted by directory and port.
    pub fn assignments(&self) -> Vec<Assignment> {
        let mut found = Vec::new();
        for (session_id, directory) in self.sessions() {
            for (slot, block) in self.reservations(session_id) {
                let running = self.runs(session_id, &slot);
                found.extend(block.ports().map(|port| Assignment {
                    directory: directory.to_owned(),
                    session_id: session_id.clone(),
                    port,
                    slot: slot.clone(),
                    running,
                    host_ips: BTreeSet::new(),
                }));
            }
        }
        for container in &self.containers {
            found.extend(container.live_bindings().iter().map(|binding| Assignment {
                directory: directory_of(container).to_owned(),
                session_id: container.session_id.clone(),
                port: binding.host_port,
                slot: Slot::Service(container.service.clone(), binding.container),
                running: true,
                host_ips: [binding.host_ip.clone()].into(),
            }));
        }
        found.sort();
        found.dedup_by(|b, a| {
            let same = (&a.session_id, a.port, &a.slot) == (&b.session_id, b.port, &b.slot);
            if same {
                a.running |= b.running;
                a.host_ips.append(&mut b.host_ips);
            }
            same
        });
        found
    }

    /// Says who else than `session` has which port. What runs comes before what is reserved only.
    pub fn held_by_others(&self, session: &SessionId) -> BTreeMap<u16, Holder> {
        let mut held: BTreeMap<u16, Holder> = BTreeMap::new();
        let mut add = |port: u16, holder: Holder| {
            let known = held.entry(port).or_insert_with(|| holder.clone());
            if holder.running && !known.running {
                *known = holder;
            }
        };
        for assignment in self.assignments().into_iter().filter(|it| it.session_id != *session) {
            let Assignment { directory, port, slot, running, .. } = assignment;
            add(port, Holder { directory: Some(directory), what: slot.to_string(), running });
        }
        let one_offs =
            self.containers.iter().filter(|it| (it.one_off || !it.is_ours) && it.session_id == *session);
        let one_offs = one_offs.map(|container| (&container.name, container.live_bindings()));
        let foreign = self.foreign.iter().map(|(name, bindings)| (name, bindings.as_slice()));
        for (name, bindings) in one_offs.chain(foreign) {
            let what = format!("container `{name}`");
            for binding in bindings {
                add(binding.host_port, Holder { directory: None, what: what.clone(), running: true });
            }
        }
        held
    }

    /// Returns what a session has reserved: what its note says, if that speaks of ports, else its containers' labels.
    pub fn reservations(&self, session_id: &SessionId) -> Reservations {
        let note = self.notes.iter().find(|noted| noted.session_id == *session_id);
        if let Some(ports) = note.and_then(|noted| noted.note.ports.clone()) {
            return ports;
        }
        let own =
            self.containers.iter().filter(|it| it.session_id == *session_id && it.is_ours && !it.one_off);
        own.filter_map(|it| Some(read_service_label(&it.service, it.label("ports")?))).flatten().collect()
    }

    /// Returns the host ports that the session's own containers have bound for a container port.
    pub fn bound(&self, session: &SessionId, service: &ServiceName, port: ContainerPort) -> BTreeSet<u16> {
        let own = self.containers.iter().filter(|it| it.session_id == *session && it.service == *service);
        let bindings =
            own.filter(|container| container.is_ours && !container.one_off).flat_map(Container::has_bound);
        bindings.filter(|binding| binding.container == port).map(|binding| binding.host_port).collect()
    }

    /// Names the session's own service that has bound a host port.
    pub fn own_holder(&self, session: &SessionId, port: u16) -> Option<String> {
        let mut own =
            self.containers.iter().filter(|it| it.session_id == *session && it.is_ours && !it.one_off);
        let holder = own.find(|it| it.has_bound().any(|binding| binding.host_port == port))?;
        Some(format!("this session (service `{}`)", holder.service))
    }

    /// Lists every session with its directory.
    pub fn sessions(&self) -> BTreeMap<&SessionId, &str> {
        let of_containers = self.containers.iter().map(|it| (&it.session_id, directory_of(it)));
        let of_notes = self.notes.iter().map(|it| (&it.session_id, it.directory.as_str()));
        of_containers.chain(of_notes).collect()
    }

    fn runs(&self, session_id: &SessionId, slot: &Slot) -> bool {
        if self.starting.contains(session_id) {
            return true;
        }
        // An app runs unseen: while its session does, it counts as running, and nobody takes its port.
        let is_meant = |container: &Container| match slot {
            Slot::Service(service, _) => container.service == *service,
            Slot::App(_) => true,
        };
        self.containers.iter().any(|container| {
            container.session_id == *session_id
                && is_meant(container)
                && matches!(container.state, State::Running | State::Paused | State::Restarting)
        })
    }
}

fn directory_of(container: &Container) -> &str {
    container.label("working_dir").unwrap_or(container.session_id.as_str())
}
