//! Choosing host ports: what a session wants, what others have, and what can be bound → numbers.

mod packing;
mod refusal;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::failure::Failure;
use crate::port::PortRange;
use crate::port::holder::Holder;
use crate::port::reservation::{Block, Reservations, Slot};

/// Where `sticky` numbers come from: below the ports that systems hand out by themselves.
pub const STICKY: PortRange = PortRange { first: 20_000, last: 29_999 };

/// How the host port of one container port is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Policy {
    /// By prism, from [`STICKY`].
    #[default]
    Sticky,
    /// By prism, from a pool of the user's.
    Range(PortRange),
    /// By the user.
    Pin(u16),
    /// By the Engine, anew at each start; nothing is reserved.
    Random,
}

/// Host ports that a session wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// What for. No two wants are for the same.
    pub slot: Slot,
    /// How they are chosen.
    pub policy: Policy,
    /// How many, contiguous.
    pub count: u16,
    /// Decides which ones are preferred.
    pub hash: u64,
    /// What the session had reserved for this.
    pub before: Option<Block>,
    /// Where its own containers are, or its own app is expected: whether these can be bound says nothing.
    pub held: BTreeSet<u16>,
    /// The addresses at which they are to be bound.
    pub host_ips: Vec<IpAddr>,
}

/// Why there is no allocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// A pin needs a port that does not exist.
    NoSuchPort {
        /// What is pinned.
        slot: Slot,
        /// Where.
        first: u16,
    },
    /// Two pins of one session meet.
    PinnedTwice {
        /// The port.
        port: u16,
        /// Both.
        slots: [Slot; 2],
    },
    /// A pin meets what runs.
    PinTaken {
        /// What is pinned.
        slot: Slot,
        /// The port.
        port: u16,
        /// Who has it, where it is a container.
        holder: Option<Holder>,
    },
    /// A pool has not enough ports for one session, whoever else uses it.
    TooSmall {
        /// The pool.
        range: PortRange,
        /// What is wanted of it.
        wanted: Vec<(Slot, u16)>,
    },
    /// A pool has no free ports left.
    Exhausted {
        /// What found none.
        slot: Slot,
        /// How many it needs, contiguous.
        count: u16,
        /// The pool.
        range: PortRange,
        /// Who has each of its ports.
        uses: Vec<(u16, Use)>,
    },
}

/// What is known of a port of an exhausted pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Use {
    /// Free, but not enough of them side by side.
    Free,
    /// This session's own.
    Own(Slot),
    /// Somebody else's reservation or container.
    Other(Holder),
    /// It cannot be bound.
    Unbindable,
}

/// Chooses ports for every want that is not [`Policy::Random`].
///
/// Pins come first, then what was reserved before and still is in its pool, then new ones from the hash forward.
/// The order of `wants` has no influence. `reserved` is what others have, `bindable` says what can be bound now.
///
/// # Errors
/// A pin cannot be had, or a pool is exhausted.
pub fn allocate(
    wants: &[Want],
    reserved: &BTreeMap<u16, Holder>,
    bindable: impl Fn(&Want, u16) -> bool,
) -> Result<Reservations, Refusal> {
    let mut wants: Vec<&Want> = wants.iter().filter(|want| want.policy != Policy::Random).collect();
    wants.sort_by(|a, b| a.slot.cmp(&b.slot));
    check_sizes(&wants)?;
    let mut chosen = Chosen { reserved, bindable: &bindable, own: BTreeMap::new(), found: BTreeMap::new() };
    for want in wants.iter().copied() {
        if let Policy::Pin(first) = want.policy {
            chosen.pin(want, first)?;
        }
    }
    let pinned = (chosen.own.clone(), chosen.found.clone());
    chosen.fill(&wants).or_else(|refusal| {
        // What is kept, or preferred, may stand where nothing fits beside it any more.
        (chosen.own, chosen.found) = pinned;
        if chosen.pack(&wants) { Ok(()) } else { Err(refusal) }
    })?;
    Ok(chosen.found)
}

struct Chosen<'a, B> {
    reserved: &'a BTreeMap<u16, Holder>,
    bindable: &'a B,
    own: BTreeMap<u16, Slot>,
    found: Reservations,
}

impl<B: Fn(&Want, u16) -> bool> Chosen<'_, B> {
    fn pin(&mut self, want: &Want, first: u16) -> Result<(), Refusal> {
        let block = Block::new(first, want.count)
            .ok_or_else(|| Refusal::NoSuchPort { slot: want.slot.clone(), first })?;
        for port in block.ports() {
            if let Some(other) = self.own.get(&port) {
                return Err(Refusal::PinnedTwice { port, slots: [other.clone(), want.slot.clone()] });
            }
            // Of a session that is stopped, a pin takes the port: two directories with one prism.yaml take turns.
            let holder = self.reserved.get(&port).filter(|holder| holder.running);
            if holder.is_some() || !self.can_bind(want, port) {
                return Err(Refusal::PinTaken { slot: want.slot.clone(), port, holder: holder.cloned() });
            }
        }
        self.take(want, block);
        Ok(())
    }

    /// Leaves everything where it was, or puts it where its hash leads.
    fn fill(&mut self, wants: &[&Want]) -> Result<(), Refusal> {
        let mut new = Vec::new();
        for (want, range) in pooled(wants) {
            match self.kept(want, range) {
                Some(block) => self.take(want, block),
                None => new.push((want, range)),
            }
        }
        for (want, range) in new {
            let block = self.search(want, range).ok_or_else(|| self.exhausted(want, range))?;
            self.take(want, block);
        }
        Ok(())
    }

    fn take(&mut self, want: &Want, block: Block) {
        self.own.extend(block.ports().map(|port| (port, want.slot.clone())));
        self.found.insert(want.slot.clone(), block);
    }

    /// Returns the earlier reservation if it still can be had.
    fn kept(&self, want: &Want, range: PortRange) -> Option<Block> {
        let block = want.before.and_then(|before| Block::new(before.first, want.count))?;
        (range.covers(&block.ports()) && self.is_free(want, block)).then_some(block)
    }

    /// Looks from where the hash leads forward, once around the pool.
    fn search(&self, want: &Want, range: PortRange) -> Option<Block> {
        let size = u64::from(range.count());
        let offsets = (0..size).map(|step| (want.hash % size + step) % size);
        // Replicas of several sessions go side by side: no gaps remain between them in which none would fit.
        let is_beside = |offset: &u64| range != STICKY && offset.is_multiple_of(u64::from(want.count));
        let blocks = offsets.clone().filter(is_beside).chain(offsets).filter_map(|offset| {
            let first = range.first.checked_add(u16::try_from(offset).ok()?)?;
            Block::new(first, want.count).filter(|block| range.covers(&block.ports()))
        });
        blocks.into_iter().find(|block| self.is_free(want, *block))
    }

    fn is_free(&self, want: &Want, block: Block) -> bool {
        block.ports().all(|port| self.is_unclaimed(port) && self.can_bind(want, port))
    }

    fn can_bind(&self, want: &Want, port: u16) -> bool {
        want.held.contains(&port) || (self.bindable)(want, port)
    }

    fn is_unclaimed(&self, port: u16) -> bool {
        !self.own.contains_key(&port) && !self.reserved.contains_key(&port)
    }

    fn exhausted(&self, want: &Want, range: PortRange) -> Refusal {
        let use_of = |port: u16| match (self.own.get(&port), self.reserved.get(&port)) {
            (Some(slot), _) => Use::Own(slot.clone()),
            (None, Some(holder)) => Use::Other(holder.clone()),
            (None, None) if !self.can_bind(want, port) => Use::Unbindable,
            (None, None) => Use::Free,
        };
        let uses = (range.first..=range.last).map(|port| (port, use_of(port))).collect();
        Refusal::Exhausted { slot: want.slot.clone(), count: want.count, range, uses }
    }
}

/// Lists what comes from a pool, with the pool.
fn pooled<'w>(wants: &[&'w Want]) -> impl Iterator<Item = (&'w Want, PortRange)> {
    wants.iter().filter_map(|want| Some((*want, pool(want.policy)?)))
}

fn pool(policy: Policy) -> Option<PortRange> {
    match policy {
        Policy::Sticky => Some(STICKY),
        Policy::Range(range) => Some(range),
        Policy::Pin(_) | Policy::Random => None,
    }
}

/// Fails where a pool is too small for this session alone: no remedy elsewhere would help.
fn check_sizes(wants: &[&Want]) -> Result<(), Refusal> {
    let pools: BTreeSet<PortRange> = wants.iter().filter_map(|want| pool(want.policy)).collect();
    for range in pools {
        let of_pool = wants.iter().filter(|want| pool(want.policy) == Some(range));
        let wanted: Vec<(Slot, u16)> = of_pool.map(|want| (want.slot.clone(), want.count)).collect();
        if wanted.iter().map(|(_, count)| u32::from(*count)).sum::<u32>() > range.count() {
            return Err(Refusal::TooSmall { range, wanted });
        }
    }
    Ok(())
}

/// Fails before anything is started where a rootless Engine would fail in the middle of it: it binds no port below
/// `lowest`.
///
/// # Errors
/// A pin or a range lies below.
pub fn check_rights(wants: &[Want], lowest: u16) -> Result<(), Failure> {
    let is_forbidden = |want: &&Want| match want.policy {
        Policy::Pin(port) => port < lowest,
        Policy::Range(range) => range.first < lowest,
        Policy::Sticky | Policy::Random => false,
    };
    wants.iter().find(is_forbidden).map_or(Ok(()), |want| {
        Err(Failure::new(format!("{} wants a port below {lowest}, which a rootless Engine may not bind", want.slot))
            .hint("choose a higher one in prism.yaml, or allow it: `sudo sysctl net.ipv4.ip_unprivileged_port_start=0`"))
    })
}
