//! Reserving host ports: read who has which, choose, and write it down, all under one lock.
//!
//! A reservation is a note in Docker, made before any container: what `docker compose up` then pulls and builds may
//! take minutes, during which nobody else has to wait, and Compose files may use the numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use domain::engine::ledger::Holdings;
use domain::engine::note::Note;
use domain::identity::name::{ProjectName, ServiceName, SessionId};
use domain::port::allocation::{Policy, Want, allocate, check_rights};
use domain::port::holder::Holder;
use domain::port::reservation::{Block, Reservations, Slot};
use domain::stack::plan::Plan;

use super::writer::Stores;
use crate::docker::Locality;
use crate::find::{lock_name, reach};
use crate::machine::listen::{self, Listener};
use crate::machine::lock::Lock;
use crate::port;
use crate::work::Work;

/// All that a reservation needs.
pub(super) struct Reserve<'a> {
    pub(super) work: &'a mut Work,
    /// Ports that the Engine could not bind, or that are not wanted any more.
    pub(super) refused: &'a BTreeSet<u16>,
}

/// What there is to reserve, and where it is written down.
pub(super) struct Request<'a> {
    /// The decisions.
    pub(super) plan: &'a Plan,
    /// The services that get ports.
    pub(super) services: &'a BTreeSet<ServiceName>,
    /// The Compose project.
    pub(super) project: &'a ProjectName,
    /// The labels of everything that belongs to the session.
    pub(super) labels: &'a BTreeMap<String, String>,
    /// What the note will say besides the ports.
    pub(super) note: Note,
    /// What is written to outside of the session.
    pub(super) stores: &'a Stores,
    /// A session that does not exist gets no note: somebody only wants to look.
    pub(super) only_if_present: bool,
}

impl Reserve<'_> {
    /// Reserves everything that is wanted, and returns the note as it is now.
    pub(super) fn reserve(self, request: Request) -> anyhow::Result<Note> {
        let place = self.work.engine.place()?;
        let mut wants = request.plan.wants(request.services);
        wants.extend(self.work.session.settings.apps.keys().map(|app| Want {
            slot: Slot::App(app.clone()),
            policy: Policy::Sticky,
            count: 1,
            hash: 0,
            before: None,
            held: BTreeSet::new(),
            host_ips: vec![Ipv4Addr::LOCALHOST.into()],
        }));
        if place == Locality::Rootless {
            check_rights(&wants, listen::first_unprivileged())?;
        }
        let _lock = port::lock(&self.work.engine, &self.work.interrupt)?;
        let mut holdings = self.work.engine.holdings()?;
        if wants.iter().any(|want| matches!(want.policy, Policy::Pin(_))) {
            holdings.starting = self.starting(&holdings)?;
        }
        let mut writes = Vec::new();
        if !request.only_if_present {
            // What is noted is seen by whoever comes to this lock next, before anything runs.
            let claims = request.stores.located(&self.work.engine)?;
            claims.check(&self.work.session.id, &mut self.work.engine)?;
            claims.check_starting(&self.work.session.id, &holdings.notes)?;
            writes = claims.texts();
        }
        let before = holdings.reservations(&self.work.session.id);
        for want in &mut wants {
            self.complete(want, &before, &holdings);
        }
        let reserved = holdings.held_by_others(&self.work.session.id);
        let bindable = |want: &Want, port: u16| {
            // Apps run here, wherever the Engine is.
            let is_here = place == Locality::Here || matches!(want.slot, Slot::App(_));
            !self.refused.contains(&port) && (!is_here || is_bindable(want, port))
        };
        let ports = allocate(&wants, &reserved, bindable).map_err(|refusal| {
            refusal.failure(|slot, port| {
                let own = holdings.own_holder(&self.work.session.id, port);
                own.or_else(|| Some(process(place, slot, port)?.to_string()))
            })
        })?;
        self.check_reach(&wants, &ports, place, request.only_if_present)?;
        self.tell_changes(&before, &ports, &reserved, place);
        let known = holdings.notes.iter().find(|noted| noted.session_id == self.work.session.id);
        let note = Note { ports: Some(ports), writes, ..request.note };
        let is_present = known.is_some() || !self.containers(&holdings).is_empty();
        if known.is_none_or(|known| known.note != note) && (is_present || !request.only_if_present) {
            self.work.engine.write_note(request.project, request.labels, &note)?;
        }
        Ok(note)
    }

    /// Looks at this machine before something is started on an Engine that may be another's.
    fn check_reach(
        &self,
        wants: &[Want],
        ports: &Reservations,
        place: Locality,
        only_to_look: bool,
    ) -> anyhow::Result<()> {
        if only_to_look {
            return Ok(());
        }
        let of_services = || wants.iter().filter(|want| matches!(want.slot, Slot::Service(..)));
        let mut taken = of_services().filter(|_| place == Locality::Elsewhere).filter_map(|want| {
            let mut ports = ports.get(&want.slot)?.ports();
            let port = ports.find(|port| !want.held.contains(port) && !is_bindable(want, *port))?;
            Some((&want.slot, port))
        });
        let runs = of_services().any(|want| !want.held.is_empty());
        reach::before_start(self.work.engine.endpoint(), place, taken.next(), runs)
    }

    /// Finds the other sessions that some prism works at: their pins may not be bound yet.
    fn starting(&self, holdings: &Holdings) -> anyhow::Result<BTreeSet<SessionId>> {
        let mut found = BTreeSet::new();
        for noted in holdings.notes.iter().filter(|noted| noted.session_id != self.work.session.id) {
            if Lock::attempt(&lock_name(&noted.session_id))?.is_none() {
                found.insert(noted.session_id.clone());
            }
        }
        Ok(found)
    }

    fn complete(&self, want: &mut Want, before: &Reservations, holdings: &Holdings) {
        want.hash = want.slot.hash(&self.work.session.directory, &self.work.session.id);
        want.before = before.get(&want.slot).copied();
        want.held = match &want.slot {
            Slot::Service(service, port) => holdings.bound(&self.work.session.id, service, *port),
            // Whether the app runs, or something else that took its port, is seen when it is run.
            Slot::App(_) => want.before.into_iter().flat_map(Block::ports).collect(),
        };
        // A note that somebody broke does not move what runs.
        let running = want.held.first().and_then(|first| Block::new(*first, want.count));
        want.before = want.before.or(running);
        want.held.retain(|port| !self.refused.contains(port));
    }

    fn tell_changes(
        &self,
        before: &Reservations,
        now: &Reservations,
        reserved: &BTreeMap<u16, Holder>,
        place: Locality,
    ) {
        for (slot, new) in now {
            let Some(old) = before.get(slot).filter(|old| old.first != new.first) else { continue };
            // A port that is given up on request is still the running app's own.
            let is_other = |listener: &Listener| {
                let is_app = matches!(slot, Slot::App(_));
                !is_app || !listener.is_of_session(self.work.session.id.as_str(), self.work.session.path())
            };
            let holder = |port: u16| {
                let other = reserved.get(&port).map(ToString::to_string);
                other.or_else(|| Some(process(place, slot, port).filter(is_other)?.to_string()))
            };
            let by = old.ports().find_map(holder).map(|by| format!(", which {by} has,")).unwrap_or_default();
            self.work.notices.note(format!("{slot} moves from port {old}{by} to {new}"));
        }
    }

    fn containers<'h>(&self, holdings: &'h Holdings) -> Vec<&'h domain::engine::container::Container> {
        holdings.containers.iter().filter(|it| it.is_ours && it.session_id == self.work.session.id).collect()
    }
}

/// Says whether everything that wants a port finds it free: at both loopback addresses, as `localhost` may mean either.
fn is_bindable(want: &Want, port: u16) -> bool {
    let is_local = |address: &IpAddr| address.is_loopback() || address.is_unspecified();
    let both = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let both = both.into_iter().filter(|_| want.host_ips.iter().any(is_local));
    let addresses: BTreeSet<IpAddr> = want.host_ips.iter().copied().chain(both).collect();
    addresses.into_iter().all(|address| listen::is_bindable(want.slot.protocol(), address, port))
}

/// Finds the process that has a port. Docker's own proxy says nothing of whose container it serves.
fn process(place: Locality, slot: &Slot, port: u16) -> Option<Listener> {
    let found = Listener::find(slot.protocol(), port).filter(|_| place != Locality::Elsewhere);
    found.filter(|listener| !listener.is_proxy())
}
