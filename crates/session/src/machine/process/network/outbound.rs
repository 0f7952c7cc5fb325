//! What the loopback inside leads to: the session, and what this machine has on its own as long as it has that.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;

use domain::environment::forward::{Forward, Plan};
use domain::port::Protocol;
use rustix::net::{Shutdown, shutdown};

use super::around::Around;
use super::inbound::{Door, Inbound};
use super::inside::Socket;
use super::{relay, udp};

/// Below, a port takes a right that the helper inside had at the beginning only: what would be let go could not be had again.
const FIRST_WITHOUT_RIGHTS: u16 = 1024;

#[derive(Debug)]
pub(super) struct Outbound {
    plan: Plan,
    around: Around,
    own: Vec<Passage>,
    passed: BTreeMap<(Protocol, SocketAddr), Passage>,
}

/// A socket inside, and where leads what comes to it.
#[derive(Debug)]
struct Passage {
    socket: Bound,
    inode: u64,
    outer: SocketAddr,
}

#[derive(Debug)]
enum Bound {
    Tcp(TcpListener),
    Udp(UdpSocket),
}

impl Passage {
    fn new(forward: &Forward, socket: OwnedFd) -> Option<Self> {
        let (file, outer) = (File::from(socket), forward.outer);
        let inode = file.metadata().ok()?.ino();
        let socket = OwnedFd::from(file);
        let socket = if forward.protocol == Protocol::Tcp {
            Bound::Tcp(socket.into())
        } else {
            let socket = UdpSocket::from(socket);
            let served = socket.try_clone().ok()?;
            relay::beside(move || udp::serve(&served, outer));
            Bound::Udp(socket)
        };
        Some(Self { socket, inode, outer })
    }
}

impl Drop for Passage {
    fn drop(&mut self) {
        if let Bound::Udp(socket) = &self.socket {
            // It is said to be connected to nobody, and wakes who serves it all the same.
            let _ = shutdown(socket, Shutdown::Both);
        }
    }
}

impl Outbound {
    pub(super) fn new(around: Around) -> Self {
        Self { plan: Plan::default(), around, own: Vec::new(), passed: BTreeMap::new() }
    }

    /// Takes up what was bound at the beginning, first what is the session's. What could not be bound leads nowhere.
    pub(super) fn begin(&mut self, plan: &Plan, bound: Vec<Option<OwnedFd>>, inbound: &mut Inbound) {
        self.plan = plan.clone();
        let mut passages = plan.forwards.iter().chain(&plan.passed).zip(bound).map(|(forward, socket)| {
            let passage = Passage::new(forward, socket?)?;
            inbound.pass_over(passage.inode);
            Some((forward, passage))
        });
        let own = passages.by_ref().take(plan.forwards.len());
        self.own.extend(own.flatten().map(|(_, passage)| passage));
        let at = |(forward, passage): (&Forward, Passage)| ((forward.protocol, forward.inner), passage);
        self.passed.extend(passages.flatten().map(at));
    }

    /// Says whether it leads wherever that would lead. What is passed on as it is may be more or less.
    pub(super) fn fits(&self, wanted: &Plan) -> bool {
        let mut led = wanted.forwards.iter().filter(|it| it.inner != it.outer);
        led.all(|forward| self.plan.forwards.contains(forward)) && wanted.taken.is_subset(&self.plan.taken)
    }

    /// Takes up what else is the session's.
    pub(super) fn extend(&mut self, wanted: Plan, door: &Door, inbound: &mut Inbound) {
        for forward in wanted.forwards {
            if self.plan.leads(forward.protocol, forward.inner) {
                continue;
            }
            self.plan.forwards.push(forward);
            if let Some(passed) = self.passed.remove(&(forward.protocol, forward.inner)) {
                inbound.forget(passed.inode);
            }
            self.own.extend(lead(&forward, door, inbound));
        }
    }

    /// Looks what waits on this machine now, passes that on, and lets go of what has ended.
    pub(super) fn look(&mut self, door: &Door, inbound: &mut Inbound) {
        let there = self.plan.passed(&self.around.look());
        let wanted: BTreeSet<_> = there.iter().map(|it| (it.protocol, it.inner)).collect();
        self.passed.retain(|at, passage| {
            let stays = wanted.contains(at) || at.1.port() < FIRST_WITHOUT_RIGHTS;
            if !stays {
                inbound.forget(passage.inode);
            }
            stays
        });
        for forward in there {
            let at = (forward.protocol, forward.inner);
            let is_theirs = forward.protocol == Protocol::Tcp && inbound.serves(forward.inner.port());
            if !is_theirs && !self.passed.contains_key(&at) {
                // What cannot be bound may be so the next time.
                self.passed.extend(lead(&forward, door, inbound).map(|passage| (at, passage)));
            }
        }
    }

    /// Lists the sockets that accept.
    pub(super) fn listeners(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.tcp().map(|(listener, _)| listener.as_fd())
    }

    /// Accepts what waits inside, and connects it to where it leads.
    pub(super) fn accept(&self) {
        for (listener, outer) in self.tcp() {
            while let Ok((connection, _)) = listener.accept() {
                let _ = connection.set_nonblocking(false);
                relay::beside(move || match TcpStream::connect(outer) {
                    Ok(there) => relay::join(connection, there),
                    Err(_) => relay::refuse(&connection),
                });
            }
        }
    }

    fn tcp(&self) -> impl Iterator<Item = (&TcpListener, SocketAddr)> {
        self.own.iter().chain(self.passed.values()).filter_map(|passage| match &passage.socket {
            Bound::Tcp(listener) => Some((listener, passage.outer)),
            Bound::Udp(_) => None,
        })
    }
}

/// Has something bound inside that leads there.
fn lead(forward: &Forward, door: &Door, inbound: &mut Inbound) -> Option<Passage> {
    let passage = Passage::new(forward, door.bind(&Socket::of(forward))?)?;
    inbound.pass_over(passage.inode);
    Some(passage)
}
