//! The helper outside: has the other one make the network and pasta connect it, relays what is loopback, and takes all down
//! when nobody is in there any more.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::daemon;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::inbound::{Door, Inbound, listener};
use super::inside::{HAS, HAS_NOT, READY, Socket};
use super::pasta::Pasta;
use super::refusal::Refusal;
use super::{Answer, INSIDE, OUTSIDE, Request, Wanted, channel, helper, relay, udp};
use crate::domain::forward::Forward;
use crate::domain::port::Protocol;

/// How often it looks what listens inside.
const LOOK: Duration = Duration::from_millis(250);

/// Serves the network that whoever is at the other end of standard input asks for.
pub(super) fn serve() {
    helper::take_name(OUTSIDE);
    helper::close_inherited();
    let asking = helper::own(std::io::stdin()).map(UnixStream::from);
    let speak = helper::own(std::io::stderr()).map(File::from);
    // From here on it is nobody's child, of no terminal, and keeps no directory and no stream.
    let (Some(mut asking), Ok(())) = (asking, daemon(false, false)) else { return };
    let mut request = Vec::new();
    let read = asking.read_to_end(&mut request);
    let Some(request) = read.ok().and_then(|_| serde_json::from_slice::<Request>(&request).ok()) else {
        return;
    };
    // Connections of a whole test run come together here.
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
    let Some(process) = pidfd(request.process) else { return };
    let speak = speak.filter(|_| request.wanted.speaks);
    let made = Made::new(&request.wanted, &process);
    let answer: Answer = match &made {
        Ok(made) => i32::try_from(made.inside.id()).map_err(Refusal::helper),
        Err(refusal) => Err(Refusal::clone(refusal)),
    };
    let told = serde_json::to_vec(&answer).is_ok_and(|answer| asking.write_all(&answer).is_ok());
    drop(asking);
    if let (Ok(made), true) = (made, told) {
        made.serve(process, speak);
    }
}

/// A network, and what it takes.
struct Made {
    door: UnixStream,
    inside: Child,
    pasta: Pasta,
    /// What is bound inside, with where it leads.
    tcp: Vec<(TcpListener, SocketAddr)>,
    udp: Vec<(UdpSocket, SocketAddr)>,
    own: BTreeSet<u64>,
}

impl Made {
    fn new(wanted: &Wanted, process: &OwnedFd) -> Result<Self, Refusal> {
        let (mut door, its) = UnixStream::pair().map_err(Refusal::helper)?;
        let mut command = Command::new(helper::OWN);
        command.arg0(INSIDE).arg(std::process::id().to_string());
        command.stdin(OwnedFd::from(its)).stdout(Stdio::null()).stderr(Stdio::null());
        let inside = command.spawn().map_err(Refusal::helper)?;
        drop(command);
        let forwards = &wanted.forwards;
        let sockets: Vec<Socket> =
            forwards.iter().map(|it| Socket { protocol: it.protocol, address: it.inner }).collect();
        let mut line = serde_json::to_vec(&sockets).map_err(Refusal::helper)?;
        line.push(b'\n');
        door.write_all(&line).map_err(Refusal::helper)?;
        let (mut tcp, mut udp, mut own) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (Forward { protocol, outer, .. }, socket) in
            forwards.iter().zip(bound(&mut door, forwards.len())?)
        {
            let Some(socket) = socket else { continue };
            let file = File::from(socket);
            own.extend(file.metadata().map(|found| found.ino()));
            match protocol {
                Protocol::Tcp => tcp.push((listener(file.into()), *outer)),
                _ => udp.push((UdpSocket::from(OwnedFd::from(file)), *outer)),
            }
        }
        let pasta = Pasta::start(&wanted.pasta, inside.id(), process)?;
        Ok(Self { door, inside, pasta, tcp, udp, own })
    }

    /// Serves until the process has ended, and everything else that came into the network.
    fn serve(self, mut process: OwnedFd, speak: Option<File>) {
        let Self { door, mut inside, mut pasta, tcp, udp, own } = self;
        let mut inbound = Inbound::new(inside.id(), own, speak);
        let namespace = namespace(&inside.id().to_string());
        for (socket, outer) in udp {
            relay::beside(move || udp::serve(&socket, outer));
        }
        let (Ok(end), door) = (door.try_clone(), Door(Arc::new(Mutex::new(door)))) else { return };
        let mut looked: Option<Instant> = None;
        loop {
            let listeners = tcp.iter().map(|(listener, _)| listener).chain(inbound.listeners());
            let mut descriptors = vec![
                PollFd::new(process.as_fd(), PollFlags::POLLIN),
                // Its answers are for those who have asked; only its end is for this one.
                PollFd::new(end.as_fd(), PollFlags::empty()),
            ];
            descriptors.extend(listeners.map(|it| PollFd::new(it.as_fd(), PollFlags::POLLIN)));
            let timeout = PollTimeout::try_from(LOOK).unwrap_or(PollTimeout::MAX);
            let came = poll(&mut descriptors, timeout).unwrap_or_default();
            let happened = |at: usize| descriptors[at].any() == Some(true);
            let (has_ended, is_alone) = (happened(0), happened(1));
            if is_alone {
                break;
            }
            if came > 0 {
                accept(&tcp);
                inbound.accept(&door);
            }
            if has_ended {
                inbound.fall_silent();
                let Some(other) = other(namespace, inside.id()) else { break };
                process = other;
            }
            if looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
                looked = Some(Instant::now());
                inbound.look();
                pasta.look();
            }
        }
        drop(pasta);
        let _ = inside.kill();
        let _ = inside.wait();
    }
}

/// Receives what was bound inside, in the order in which it was asked for.
fn bound(door: &mut UnixStream, count: usize) -> Result<Vec<Option<OwnedFd>>, Refusal> {
    let mut sockets = Vec::with_capacity(count);
    loop {
        match channel::receive(door).map_err(Refusal::helper)? {
            Some((HAS, socket)) => sockets.push(socket),
            Some((HAS_NOT, _)) => sockets.push(None),
            Some((READY, _)) => return Ok(sockets),
            Some(_) => {
                let mut refusal = Vec::new();
                door.read_to_end(&mut refusal).map_err(Refusal::helper)?;
                return Err(serde_json::from_slice(&refusal).unwrap_or_else(Refusal::helper));
            }
            None => return Err(Refusal::helper("it has ended")),
        }
    }
}

/// Accepts what waits inside, and connects it to where it leads.
fn accept(tcp: &[(TcpListener, SocketAddr)]) {
    for (listener, outer) in tcp {
        while let Ok((connection, _)) = listener.accept() {
            let outer = *outer;
            let _ = connection.set_nonblocking(false);
            relay::beside(move || match TcpStream::connect(outer) {
                Ok(there) => relay::join(connection, there),
                Err(_) => relay::refuse(&connection),
            });
        }
    }
}

fn pidfd(process: i32) -> Option<OwnedFd> {
    pidfd_open(Pid::from_raw(process)?, PidfdFlags::empty()).ok()
}

fn namespace(process: &str) -> Option<(u64, u64)> {
    let found = fs::metadata(format!("/proc/{process}/ns/net")).ok()?;
    Some((found.dev(), found.ino()))
}

/// Finds a process in the network, other than the one that keeps it.
fn other(network: Option<(u64, u64)>, keeper: u32) -> Option<OwnedFd> {
    let network = network?;
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut others = names.filter(|name| name.parse::<u32>().is_ok_and(|process| process != keeper));
    others.find_map(|name| (namespace(&name) == Some(network)).then(|| pidfd(name.parse().ok()?)).flatten())
}
