//! What waits for somebody on this machine, other than what helpers have there for what listens inside of a network: to lead
//! that in again would take a server's number from another session's, or lead in a circle.

use std::collections::{BTreeMap, BTreeSet};

use domain::engine::socket::Listening;
use domain::port::Protocol;

use super::table::Table;
use super::{OUTSIDE, diagnosis};

/// Finds the sockets of processes of a name.
pub type Held = fn(&str) -> BTreeSet<u64>;

#[derive(Debug)]
pub(super) struct Around {
    tables: [Table; 2],
    held: Held,
    /// Whether a socket is a helper's: to find that out takes a look at all processes, which is for new ones only.
    helpers: BTreeMap<u64, bool>,
}

impl Around {
    pub(super) fn new(held: Held) -> Self {
        let table = |protocol| Table::new(protocol, std::process::id(), diagnosis::open().ok());
        Self { tables: [Protocol::Tcp, Protocol::Udp].map(table), held, helpers: BTreeMap::new() }
    }

    pub(super) fn look(&mut self) -> Vec<Listening> {
        let mut found = self.read();
        if found.iter().any(|it| !self.helpers.contains_key(&it.inode)) {
            let held = (self.held)(OUTSIDE);
            // One that is gone may have been a helper's.
            let left: BTreeSet<u64> = self.read().iter().map(|it| it.inode).collect();
            found.retain(|it| left.contains(&it.inode));
            for it in &found {
                self.helpers.entry(it.inode).or_insert_with(|| held.contains(&it.inode));
            }
        }
        let there: BTreeSet<u64> = found.iter().map(|it| it.inode).collect();
        self.helpers.retain(|inode, _| there.contains(inode));
        found.retain(|it| self.helpers.get(&it.inode) == Some(&false));
        found
    }

    fn read(&mut self) -> Vec<Listening> {
        self.tables.iter_mut().flat_map(Table::read).collect()
    }
}
