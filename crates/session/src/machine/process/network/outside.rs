//! The helper outside: has the other one make the network and pasta connect it, relays what is loopback, and takes all down
//! when nobody is in there any more.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::unistd::daemon;
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::around::{Around, Held};
use super::inbound::{Door, Inbound};
use super::inside::{Beginning, HAS, HAS_NOT, READY, Socket};
use super::outbound::Outbound;
use super::pasta::Pasta;
use super::refusal::Refusal;
use super::{Answer, INSIDE, LISTS, OUTSIDE, Request, Wanted, channel, helper};

/// How often it looks what listens, inside and on this machine.
const LOOK: Duration = Duration::from_millis(250);

/// How long one that joins may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(1);

/// Serves the network that whoever is at the other end of standard input asks for. `held` finds sockets of helpers.
pub(super) fn serve(held: Held) {
    helper::take_name(OUTSIDE);
    helper::close_inherited();
    let asking = helper::own(std::io::stdin()).map(UnixStream::from);
    let speak = helper::own(std::io::stderr()).map(File::from);
    // From here on it is nobody's child, of no terminal, and keeps no directory and no stream.
    let (Some(mut asking), Ok(())) = (asking, daemon(false, false)) else { return };
    let Ok(Some((_, turn))) = channel::receive(&asking) else { return };
    let Some(request) = read(&mut asking) else { return };
    // Connections of a whole test run come together here.
    if let Ok((_, most)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, most, most);
    }
    let Some(member) = Member::new(&request, speak) else { return };
    let made = Made::new(&request.wanted, &member.process, held);
    let meeting = request.wanted.meeting.filter(|_| made.is_ok()).and_then(Meeting::open);
    // Whoever waited for it finds the others there.
    drop(turn);
    let answer: Answer = match &made {
        Ok(made) => Ok(made.inside.id().cast_signed()),
        Err(refusal) => Err(Refusal::clone(refusal)),
    };
    let told = serde_json::to_vec(&answer).is_ok_and(|answer| asking.write_all(&answer).is_ok());
    drop(asking);
    if let (Ok(made), true) = (made, told) {
        made.serve(member, meeting.as_ref());
    }
}

fn read(from: &mut UnixStream) -> Option<Request> {
    let mut request = Vec::new();
    from.read_to_end(&mut request).ok()?;
    serde_json::from_slice(&request).ok()
}

/// A process that the network is for.
struct Member {
    process: OwnedFd,
    /// Where something may be said as long as it lives; then whoever reads there waits for the end.
    speak: Option<File>,
}

impl Member {
    fn new(request: &Request, speak: Option<File>) -> Option<Self> {
        Some(Self { process: pidfd(request.process)?, speak: speak.filter(|_| request.wanted.speaks) })
    }
}

/// Where further commands of the session ask to be let in.
struct Meeting {
    listener: UnixListener,
    path: PathBuf,
    inode: Option<u64>,
}

impl Meeting {
    /// Takes the place of one whose network has ended, or does not fit any more.
    fn open(path: PathBuf) -> Option<Self> {
        let _ = fs::remove_file(&path);
        let listener = UnixListener::bind(&path).ok()?;
        listener.set_nonblocking(true).ok()?;
        let inode = inode(&path);
        Some(Self { listener, path, inode })
    }
}

impl Drop for Meeting {
    fn drop(&mut self) {
        if inode(&self.path) == self.inode {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> Option<u64> {
    fs::symlink_metadata(path).ok().map(|found| found.ino())
}

/// A network, and what it takes.
struct Made {
    door: Door,
    /// The door's end is that of the helper inside.
    end: UnixStream,
    inside: Child,
    pasta: Pasta,
    outbound: Outbound,
    inbound: Inbound,
}

impl Made {
    fn new(wanted: &Wanted, process: &OwnedFd, held: Held) -> Result<Self, Refusal> {
        let (mut door, its) = UnixStream::pair().map_err(Refusal::helper)?;
        let mut command = Command::new(helper::OWN);
        command.arg0(INSIDE).arg(std::process::id().to_string());
        command.stdin(OwnedFd::from(its)).stdout(Stdio::null()).stderr(Stdio::null());
        let inside = command.spawn().map_err(Refusal::helper)?;
        drop(command);
        let forwards = wanted.plan.forwards.iter().chain(&wanted.plan.passed);
        let sockets: Vec<Socket> = forwards.map(Socket::of).collect();
        let (count, closed) = (sockets.len(), wanted.plan.closed());
        let mut line = serde_json::to_vec(&Beginning { sockets, closed }).map_err(Refusal::helper)?;
        line.push(b'\n');
        door.write_all(&line).map_err(Refusal::helper)?;
        let bound = bound(&mut door, count)?;
        let pasta = Pasta::start(&wanted.pasta, inside.id(), process)?;
        let end = door.try_clone().map_err(Refusal::helper)?;
        let door = Door(Arc::new(Mutex::new(door)));
        let mut inbound = Inbound::new(&wanted.session, inside.id(), &door);
        inbound.expose(wanted.exposed.clone());
        let mut outbound = Outbound::new(Around::new(held));
        outbound.begin(&wanted.plan, bound, &mut inbound);
        Ok(Self { door, end, inside, pasta, outbound, inbound })
    }

    /// Serves until its members have ended, and everything else that came into the network.
    fn serve(mut self, first: Member, meeting: Option<&Meeting>) {
        let namespace = namespace(&self.inside.id().to_string());
        let mut members = vec![first];
        let mut looked: Option<Instant> = None;
        loop {
            let listeners = self.outbound.listeners();
            let listeners = listeners.chain(self.inbound.listeners().map(AsFd::as_fd));
            let listeners = listeners.chain(meeting.map(|meeting| meeting.listener.as_fd()));
            // Its answers are for those who have asked; only its end is for this one.
            let mut descriptors = vec![PollFd::new(self.end.as_fd(), PollFlags::empty())];
            descriptors.extend(members.iter().map(|it| PollFd::new(it.process.as_fd(), PollFlags::POLLIN)));
            descriptors.extend(listeners.map(|it| PollFd::new(it, PollFlags::POLLIN)));
            let left = looked.map_or(Duration::ZERO, |looked| LOOK.saturating_sub(looked.elapsed()));
            // In whole milliseconds, of which none is to be spent turning round.
            let timeout = PollTimeout::try_from(left.as_millis() + 1).unwrap_or(PollTimeout::MAX);
            let came = poll(&mut descriptors, timeout).unwrap_or_default();
            let happened: Vec<bool> = descriptors.iter().map(|it| it.any() == Some(true)).collect();
            if happened[0] {
                break;
            }
            let mut ended = happened[1..].iter();
            members.retain(|_| ended.next() != Some(&true));
            if came > 0 {
                self.outbound.accept();
                self.inbound.accept(&self.door);
                members.extend(meeting.and_then(|meeting| self.let_in(meeting)));
            }
            if members.is_empty() {
                let Some(process) = other(namespace, self.inside.id()) else { break };
                members.push(Member { process, speak: None });
            }
            if looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
                looked = Some(Instant::now());
                self.inbound.look(members.iter().rev().find_map(|member| member.speak.as_ref()));
                self.outbound.look(&self.door, &mut self.inbound);
                self.pasta.look();
            }
        }
    }

    /// Lets a further command in, if it would have the same network.
    fn let_in(&mut self, meeting: &Meeting) -> Option<Member> {
        let (mut asking, _) = meeting.listener.accept().ok()?;
        asking.set_nonblocking(false).ok()?;
        asking.set_read_timeout(Some(PATIENCE)).ok()?;
        let (asks, speak) = channel::receive(&asking).ok()??;
        if asks == LISTS {
            self.inbound.look(None);
            asking.write_all(&serde_json::to_vec(&self.inbound.ports()).ok()?).ok()?;
            return None;
        }
        let request = read(&mut asking)?;
        let member = Member::new(&request, speak.map(File::from))?;
        let fits = self.outbound.fits(&request.wanted.plan);
        if fits {
            self.outbound.extend(request.wanted.plan, &self.door, &mut self.inbound);
            // It is to find what has begun since the last look.
            self.outbound.look(&self.door, &mut self.inbound);
            self.inbound.expose(request.wanted.exposed);
        }
        let answer = fits.then(|| self.inside.id().cast_signed());
        asking.write_all(&serde_json::to_vec(&answer).ok()?).ok()?;
        Some(member).filter(|_| fits)
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = self.inside.kill();
        let _ = self.inside.wait();
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
