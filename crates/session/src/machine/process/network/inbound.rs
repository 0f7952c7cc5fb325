//! What listens inside, reached from this machine: at the same number of its loopback, if nobody has that there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use domain::environment::forward::{CommandPort, host_ports};
use domain::port::Protocol;
use rustix::net::connect;

use super::inside::{HAS, Socket, WANT_BOUND, WANT_TABLE, WANT_V4, WANT_V6};
use super::table::Table;
use super::{channel, relay};

/// Sockets of the network, as the helper inside hands them out.
#[derive(Debug, Clone)]
pub(super) struct Door(pub(super) Arc<Mutex<UnixStream>>);

impl Door {
    /// Has something bound within the network.
    pub(super) fn bind(&self, socket: &Socket) -> Option<OwnedFd> {
        let mut inside = self.0.lock().ok()?;
        let mut line = serde_json::to_vec(socket).ok()?;
        line.push(b'\n');
        channel::send(&inside, WANT_BOUND, None).ok()?;
        inside.write_all(&line).ok()?;
        let (HAS, socket) = channel::receive(&inside).ok()?? else { return None };
        socket
    }

    /// Has a socket made within the network.
    fn hand_out(&self, wanted: u8) -> Option<OwnedFd> {
        let inside = self.0.lock().ok()?;
        channel::send(&inside, wanted, None).ok()?;
        let (HAS, socket) = channel::receive(&inside).ok()?? else { return None };
        socket
    }

    /// Connects within the network.
    fn connect(&self, address: SocketAddr) -> Option<TcpStream> {
        let socket = self.hand_out(if address.is_ipv4() { WANT_V4 } else { WANT_V6 })?;
        connect(&socket, &address).ok()?;
        Some(TcpStream::from(socket))
    }
}

/// What listens inside, by its port.
#[derive(Debug)]
pub(super) struct Inbound {
    session: String,
    exposed: BTreeMap<u16, Option<u16>>,
    /// The sockets that prism has there itself.
    own: BTreeSet<u64>,
    table: Table,
    served: BTreeMap<u16, Served>,
}

#[derive(Debug)]
struct Served {
    inner: BTreeSet<SocketAddr>,
    outer: Vec<TcpListener>,
}

impl Served {
    fn host_port(&self) -> Option<u16> {
        Some(self.outer.first()?.local_addr().ok()?.port())
    }
}

impl Inbound {
    pub(super) fn new(session: &str, keeper: u32, door: &Door) -> Self {
        Self {
            session: session.to_owned(),
            exposed: BTreeMap::new(),
            own: BTreeSet::new(),
            table: Table::new(Protocol::Tcp, keeper, door.hand_out(WANT_TABLE)),
            served: BTreeMap::new(),
        }
    }

    /// Takes up where ports are to be outside, also of what listens already.
    pub(super) fn expose(&mut self, exposed: BTreeMap<u16, Option<u16>>) {
        for (port, at) in exposed {
            if self.exposed.insert(port, at) != Some(at) {
                self.served.remove(&port);
            }
        }
    }

    /// Takes a socket for prism's own.
    pub(super) fn pass_over(&mut self, socket: u64) {
        self.own.insert(socket);
    }

    /// Has nothing to do with a socket any more: its number may become somebody else's.
    pub(super) fn forget(&mut self, socket: u64) {
        self.own.remove(&socket);
    }

    /// Says whether something listens at a port inside that is not prism's own.
    pub(super) fn serves(&self, port: u16) -> bool {
        self.served.contains_key(&port)
    }

    /// Looks what listens inside now, and says at which other port something is.
    pub(super) fn look(&mut self, speak: Option<&File>) {
        let mut found: BTreeMap<u16, BTreeSet<SocketAddr>> = BTreeMap::new();
        for it in self.table.read() {
            if it.port.protocol == Protocol::Tcp && !self.own.contains(&it.inode) {
                found.entry(it.port.number).or_default().insert((within(it.address), it.port.number).into());
            }
        }
        self.served.retain(|port, _| found.contains_key(port));
        for (port, inner) in found {
            if let Some(served) = self.served.get_mut(&port) {
                served.inner = inner;
                continue;
            }
            let places = host_ports(&self.session, port, &self.exposed).chain([0]);
            let served = Served { inner, outer: places.into_iter().find_map(listen).unwrap_or_default() };
            let wanted = self.exposed.get(&port).map_or(Some(port), |exposed| *exposed);
            if let (Some(at), Some(mut speak)) = (served.host_port().filter(|at| *at != port), speak) {
                let why = match wanted.filter(|wanted| *wanted != at) {
                    Some(wanted) => format!(", where {wanted} is taken"),
                    None => String::new(),
                };
                let _ = writeln!(
                    speak,
                    "prism: what listens on port {port} here is at 127.0.0.1:{at} for the rest of this machine{why}"
                );
            }
            self.served.insert(port, served);
        }
    }

    /// Lists what listens inside and is reached from outside.
    pub(super) fn ports(&self) -> Vec<CommandPort> {
        let port = |(port, served): (&u16, &Served)| {
            Some(CommandPort { port: *port, host_port: served.host_port()? })
        };
        self.served.iter().filter_map(port).collect()
    }

    /// Lists the sockets outside.
    pub(super) fn listeners(&self) -> impl Iterator<Item = &TcpListener> {
        self.served.values().flat_map(|served| &served.outer)
    }

    /// Accepts what waits there.
    pub(super) fn accept(&self, door: &Door) {
        for Served { inner, outer } in self.served.values() {
            for connection in outer.iter().filter_map(|listener| listener.accept().ok()) {
                let (connection, _) = connection;
                let (door, inner) = (door.clone(), inner.clone());
                let _ = connection.set_nonblocking(false);
                relay::beside(move || match inner.into_iter().find_map(|address| door.connect(address)) {
                    Some(inside) => relay::join(connection, inside),
                    None => relay::refuse(&connection),
                });
            }
        }
    }
}

/// Returns at which address inside something is reached that listens there.
fn within(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(it) if it.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(it) if it.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        it => it,
    }
}

/// Listens at a port of this machine's loopback. `None` if somebody else does.
fn listen(port: u16) -> Option<Vec<TcpListener>> {
    let one = |address: IpAddr| -> std::io::Result<TcpListener> {
        let listener = TcpListener::bind((address, port))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    let four = one(Ipv4Addr::LOCALHOST.into()).ok()?;
    if port == 0 {
        return Some(vec![four]);
    }
    match one(Ipv6Addr::LOCALHOST.into()) {
        Ok(six) => Some(vec![four, six]),
        Err(error) => (error.kind() != ErrorKind::AddrInUse).then(|| vec![four]),
    }
}
