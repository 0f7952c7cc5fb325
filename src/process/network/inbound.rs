//! What listens inside, reached from this machine: at the same number of its loopback, if nobody has that there.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use rustix::net::connect;

use super::inside::{HAS, Socket, WANT_BOUND, WANT_V4, WANT_V6};
use super::{channel, relay};
use crate::domain::port::Protocol;
use crate::domain::socket::listening;

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

    /// Connects within the network.
    fn connect(&self, address: SocketAddr) -> Option<TcpStream> {
        let wanted = if address.is_ipv4() { WANT_V4 } else { WANT_V6 };
        let socket = {
            let inside = self.0.lock().ok()?;
            channel::send(&inside, wanted, None).ok()?;
            channel::receive(&inside).ok()??
        };
        let (HAS, Some(socket)) = socket else { return None };
        connect(&socket, &address).ok()?;
        Some(TcpStream::from(socket))
    }
}

/// What listens inside, by its port.
#[derive(Debug)]
pub(super) struct Inbound {
    /// The sockets that prism has there itself.
    own: BTreeSet<u64>,
    table: [String; 2],
    served: BTreeMap<u16, Served>,
}

#[derive(Debug)]
struct Served {
    inner: BTreeSet<SocketAddr>,
    outer: Vec<TcpListener>,
}

impl Inbound {
    pub(super) fn new(keeper: u32, own: BTreeSet<u64>) -> Self {
        let table = ["tcp", "tcp6"].map(|table| format!("/proc/{keeper}/net/{table}"));
        Self { own, table, served: BTreeMap::new() }
    }

    /// Takes a socket for prism's own.
    pub(super) fn pass_over(&mut self, socket: u64) {
        self.own.insert(socket);
    }

    /// Looks what listens inside now, and says at which other port something is.
    pub(super) fn look(&mut self, speak: Option<&File>) {
        let text: String = self.table.iter().filter_map(|table| fs::read_to_string(table).ok()).collect();
        let mut found: BTreeMap<u16, BTreeSet<SocketAddr>> = BTreeMap::new();
        for it in listening(&text) {
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
            let outer = listen(port);
            let at = outer.first().and_then(|listener| listener.local_addr().ok()).map(|at| at.port());
            if let (Some(at), Some(mut speak)) = (at.filter(|at| *at != port), speak) {
                let _ = writeln!(
                    speak,
                    "prism: what listens on port {port} here is at 127.0.0.1:{at} for the rest of this machine, where {port} is taken"
                );
            }
            self.served.insert(port, Served { inner, outer });
        }
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

/// Listens at a port of this machine's loopback, or at another one.
fn listen(port: u16) -> Vec<TcpListener> {
    let one = |address: IpAddr| -> std::io::Result<TcpListener> {
        let listener = TcpListener::bind((address, port))?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    let six = one(Ipv6Addr::LOCALHOST.into());
    let is_taken = six.as_ref().is_err_and(|error| error.kind() == ErrorKind::AddrInUse);
    if let (Ok(four), false) = (one(Ipv4Addr::LOCALHOST.into()), is_taken) {
        return [Some(four), six.ok()].into_iter().flatten().collect();
    }
    let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    other.ok().filter(|listener| listener.set_nonblocking(true).is_ok()).into_iter().collect()
}
