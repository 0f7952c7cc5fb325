//! Filling pools to the last port, where everybody's preferred place leaves no room for all.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Chosen, Policy, Want, pooled};
use crate::port::PortRange;
use crate::port::reservation::Block;

/// How many places are tried out at most: far more than any pool that people write down needs, and far below a second.
const TRIES: u32 = 50_000;

/// A search for places.
struct Search {
    left: u32,
    /// Whether a port can be bound, by the number of wants that come after; asking costs the system's time.
    known: BTreeMap<(usize, u16), bool>,
}

impl<B: Fn(&Want, u16) -> bool> Chosen<'_, B> {
    /// Leaves where it is only what runs, and finds a place for all the rest, if there is one.
    pub(super) fn pack(&mut self, wants: &[&Want]) -> bool {
        let mut rest = Vec::new();
        for (want, range) in pooled(wants) {
            match self.kept(want, range).filter(|_| !want.held.is_empty()) {
                Some(block) => self.take(want, block),
                None => rest.push((want, range)),
            }
        }
        let (mut ranged, sticky): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|(want, _)| want.policy != Policy::Sticky);
        // What fits in the fewest places first: most often, nothing has to be taken back then.
        ranged.sort_by_key(|(want, range)| (range.last, range.count(), Reverse(want.count)));
        let mut search = Search { left: TRIES, known: BTreeMap::new() };
        self.place(&ranged, &mut search)
            && sticky.into_iter().all(|(want, range)| {
                let block = self.kept(want, range).or_else(|| self.search(want, range));
                block.map(|block| self.take(want, block)).is_some()
            })
    }

    /// Puts the first one at the bottom of its pool, or as far up as it takes for the others to find a place.
    fn place(&mut self, wants: &[(&Want, PortRange)], search: &mut Search) -> bool {
        let Some(((want, range), rest)) = wants.split_first() else { return true };
        for first in range.first..=range.last {
            if search.left == 0 {
                return false;
            }
            search.left -= 1;
            let block = Block::new(first, want.count).filter(|block| range.covers(&block.ports()));
            let mut is_free = |port: u16| {
                let known = search.known.entry((rest.len(), port));
                self.is_unclaimed(port) && *known.or_insert_with(|| self.can_bind(want, port))
            };
            let Some(block) = block.filter(|block| block.ports().all(&mut is_free)) else { continue };
            self.take(want, block);
            if self.place(rest, search) {
                return true;
            }
            self.give_back(want, block);
        }
        false
    }

    fn give_back(&mut self, want: &Want, block: Block) {
        for port in block.ports() {
            self.own.remove(&port);
        }
        self.found.remove(&want.slot);
    }
}
