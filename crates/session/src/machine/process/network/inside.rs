//! The helper inside: makes the namespaces, binds what their loopback leads from, then hands out sockets. It has no rights
//! from there on, and does nothing by itself.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use domain::environment::forward::Forward;
use domain::port::Protocol;
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::Signal;
use nix::unistd::{getegid, geteuid, getppid};
use rustix::net::{self, ipproto, sockopt};
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities};
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use super::{INSIDE, channel, diagnosis, helper, rules};

/// What is asked of it, and what it answers.
pub(super) const WANT_V4: u8 = b'4';
pub(super) const WANT_V6: u8 = b'6';
pub(super) const WANT_TABLE: u8 = b't';
pub(super) const WANT_BOUND: u8 = b'b';
pub(super) const HAS: u8 = b'+';
pub(super) const HAS_NOT: u8 = b'-';
pub(super) const READY: u8 = b'.';
pub(super) const REFUSED: u8 = b'!';

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 128;

/// The lowest port that needs no right, in a network; who may ask for an echo there.
const FIRST_PORT: &str = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
const PING: &str = "/proc/sys/net/ipv4/ping_group_range";

/// A socket to be bound.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Socket {
    pub(super) protocol: Protocol,
    pub(super) address: SocketAddr,
}

impl Socket {
    /// The one from which something leads.
    pub(super) fn of(forward: &Forward) -> Self {
        Self { protocol: forward.protocol, address: forward.inner }
    }
}

/// What a network is to have at the beginning.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Beginning {
    pub(super) sockets: Vec<Socket>,
    /// The ports at which other addresses of this machine are nobody.
    pub(super) closed: BTreeSet<u16>,
}

/// Serves whoever is at the other end of standard input, until that is gone.
pub(super) fn serve(arguments: &mut dyn Iterator<Item = OsString>) {
    helper::take_name(INSIDE);
    let parent = arguments.next().and_then(|parent| parent.to_str()?.parse::<i32>().ok());
    if prctl::set_pdeathsig(Signal::SIGKILL).is_err() || Some(getppid().as_raw()) != parent {
        return;
    }
    let Some(mut outside) = helper::own(std::io::stdin()).map(UnixStream::from) else { return };
    match prepare(&outside) {
        Ok(()) => hand_out(&outside),
        Err(refusal) => {
            let _ = channel::send(&outside, REFUSED, None);
            let _ = outside.write_all(&serde_json::to_vec(&refusal).unwrap_or_default());
        }
    }
}

fn prepare(outside: &UnixStream) -> Result<(), Refusal> {
    let mut line = String::new();
    BufReader::new(outside).read_line(&mut line).map_err(Refusal::helper)?;
    let Beginning { sockets, closed } = serde_json::from_str(&line).map_err(Refusal::helper)?;
    let addresses = rules::own_addresses();
    make_namespaces()?;
    rules::raise_loopback()
        .map_err(|error| Refusal::Namespace("raising its loopback".to_owned(), error.to_string()))?;
    // A system that knows no such rules has the network all the same.
    let _ = rules::close(&addresses, &closed);
    for socket in sockets {
        // What another socket there has already, or a machine without IPv6 cannot have, leads nowhere.
        let sent = match bound(socket) {
            Ok(bound) => channel::send(outside, HAS, Some(bound.as_fd())),
            Err(_) => channel::send(outside, HAS_NOT, None),
        };
        sent.map_err(Refusal::helper)?;
    }
    // Nothing from here on needs a right, and pasta may look at a process only that has none which it lacks itself.
    let none = CapabilitySet::empty();
    set_capabilities(None, CapabilitySets { effective: none, permitted: none, inheritable: none })
        .map_err(Refusal::helper)?;
    channel::send(outside, READY, None).map_err(Refusal::helper)
}

/// Goes into a new network; who is not root, into a user namespace as well, in which this user is the same.
fn make_namespaces() -> Result<(), Refusal> {
    let (user, group) = (geteuid(), getegid());
    let failed = |step: &str, error: std::io::Error| Refusal::Namespace(step.to_owned(), error.to_string());
    let first_port = fs::read_to_string(FIRST_PORT);
    let flags = if user.is_root() { CloneFlags::empty() } else { CloneFlags::CLONE_NEWUSER };
    unshare(flags | CloneFlags::CLONE_NEWNET).map_err(|errno| failed("unsharing it", errno.into()))?;
    if !user.is_root() {
        let write = |file: &str, text: String| {
            let step = format!("writing /proc/self/{file}");
            fs::write(format!("/proc/self/{file}"), text).map_err(|error| failed(&step, error))
        };
        write("setgroups", "deny".to_owned())?;
        write("uid_map", format!("{user} {user} 1\n"))?;
        write("gid_map", format!("{group} {group} 1\n"))?;
    }
    // As it is outside, as far as the system lets anybody say so.
    if let Ok(first) = first_port {
        let _ = fs::write(FIRST_PORT, first);
    }
    let last = if user.is_root() { i32::MAX.to_string() } else { group.to_string() };
    let _ = fs::write(PING, format!("{} {last}", if user.is_root() { 0 } else { group.as_raw() }));
    Ok(())
}

fn bound(Socket { protocol, address }: Socket) -> std::io::Result<OwnedFd> {
    let family = if address.is_ipv4() { net::AddressFamily::INET } else { net::AddressFamily::INET6 };
    let is_tcp = protocol == Protocol::Tcp;
    let kind = if is_tcp { net::SocketType::STREAM } else { net::SocketType::DGRAM };
    let flags = if is_tcp { net::SocketFlags::NONBLOCK } else { net::SocketFlags::empty() };
    let protocol = if is_tcp { ipproto::TCP } else { ipproto::UDP };
    let socket = net::socket_with(family, kind, flags | net::SocketFlags::CLOEXEC, Some(protocol))?;
    if address.is_ipv6() {
        sockopt::set_ipv6_v6only(&socket, true)?;
    }
    if is_tcp {
        sockopt::set_socket_reuseaddr(&socket, true)?;
    }
    net::bind(&socket, &address)?;
    if is_tcp {
        net::listen(&socket, BACKLOG)?;
    }
    Ok(socket)
}

fn hand_out(outside: &UnixStream) {
    let connecting = |family| {
        net::socket_with(family, net::SocketType::STREAM, net::SocketFlags::CLOEXEC, Some(ipproto::TCP))
    };
    while let Ok(Some((wanted, _))) = channel::receive(outside) {
        let socket = match wanted {
            WANT_BOUND => channel::receive_line(outside)
                .and_then(|line| Ok(serde_json::from_slice(&line)?))
                .and_then(bound),
            // By which the kernel is asked what listens here.
            WANT_TABLE => diagnosis::open().map_err(Into::into),
            WANT_V6 => connecting(net::AddressFamily::INET6).map_err(Into::into),
            _ => connecting(net::AddressFamily::INET).map_err(Into::into),
        };
        let sent = match &socket {
            Ok(socket) => channel::send(outside, HAS, Some(socket.as_fd())),
            Err(_) => channel::send(outside, HAS_NOT, None),
        };
        if sent.is_err() {
            return;
        }
    }
}
