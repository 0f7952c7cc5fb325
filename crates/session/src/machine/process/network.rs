//! A network of its own for a command, in which `localhost` is the session.
//!
//! Three helpers serve it, all of them prism itself under another name. None of them is a child of the command.
//!
//! ```text
//! this machine's network            │ the command's own
//! prism ── becomes ─────────────────┼───────▶ the command
//! OUTSIDE: accepts for both,        │
//!   connects, relays ◀── sockets ───┼─── INSIDE: makes the namespaces, binds their loopback, hands out sockets
//!   └ pasta (TAP) ── a device ──────┼─── everything that is not loopback
//! ```
//!
//! A second command of the same session goes into the same network: it meets OUTSIDE at a socket. Of two that begin at once,
//! one has the turn to make it, which OUTSIDE holds until there is that socket, whatever becomes of prism.
//!
//! Whatever can fail does so before the command's process goes in. OUTSIDE waits for the end of that process, then for
//! the end of whatever else is still in the network, and takes all of it down.

mod around;
mod channel;
mod diagnosis;
mod helper;
mod inbound;
mod inside;
mod outbound;
mod outside;
mod pasta;
mod refusal;
mod relay;
mod rules;
mod table;
mod udp;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use domain::environment::forward::{CommandPort, Plan};
use domain::failure::Failure;
use nix::sched::{CloneFlags, setns};
use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

use self::around::Held;
pub use self::pasta::find;
use self::refusal::{Refusal, WITHOUT};
use super::exec::Program;

/// The names by which prism is started as a helper, and which `ps` shows, as short as the kernel keeps them.
pub const OUTSIDE: &str = "prism-net-out";
const INSIDE: &str = "prism-net-in";
const TAP: &str = "prism-net-tap";
const ENTER: &str = "prism-net-enter";

/// The variable that tells a command in which network it is, which one is around that, and whose loopback it has.
pub const MARK: &str = "PRISM_NETWORK";

/// How often, and how long, a thread that is about to end is waited for: only a process without any can change its user
/// namespace.
const THREAD_POLL: Duration = Duration::from_millis(2);
const THREAD_LOOKS: u32 = 1000;

/// What a network is to be.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Wanted {
    /// The session whose loopback it has.
    pub session: String,
    /// Where pasta is.
    pub pasta: PathBuf,
    /// The socket at which commands of one session meet; with none, the network is for this process alone.
    pub meeting: Option<PathBuf>,
    /// What the loopback leads to.
    pub plan: Plan,
    /// Ports at which a command listens that are to be elsewhere outside: there, or at a number of the session's.
    pub exposed: BTreeMap<u16, Option<u16>>,
    /// Say on stderr at which other port something is reached.
    pub speaks: bool,
}

/// What [`OUTSIDE`] is told.
#[derive(Debug, Serialize, Deserialize)]
struct Request {
    /// The process that the network is for.
    process: i32,
    wanted: Wanted,
}

impl Request {
    fn new(wanted: Wanted) -> Self {
        Self { process: std::process::id().cast_signed(), wanted }
    }
}

/// What it answers: the process that keeps the network, or why there is none.
type Answer = Result<i32, Refusal>;

/// A byte that comes with the stream on which something may be said.
const JOINS: u8 = b'j';

/// A byte that comes with the turn to make a network, if it is to be met there.
const MAKES: u8 = b'm';

/// A byte that asks what listens within.
const LISTS: u8 = b'l';

/// How long an answer to that may take.
const LIST_LIMIT: Duration = Duration::from_millis(500);

/// A network that is ready to be gone into. It ends with the process that made it.
#[derive(Debug)]
pub struct CommandNetwork {
    /// The process that keeps it.
    keeper: i32,
    session: String,
    is_new: bool,
}

impl CommandNetwork {
    /// Takes the one that the session has, for this process or its children. `None` if it has none that is as this one would be.
    pub fn join(wanted: &Wanted) -> Option<Self> {
        let keeper = join(&Request::new(wanted.clone()))?;
        Some(Self { keeper, session: wanted.session.clone(), is_new: false })
    }

    /// Makes one. `turn` is a lock that nobody is to get before others can be let in.
    ///
    /// # Errors
    /// The system does not let this user make one, or pasta does not run.
    pub fn make(wanted: Wanted, turn: Option<BorrowedFd<'_>>) -> Result<Self, Failure> {
        let session = wanted.session.clone();
        let request = Request::new(wanted);
        let answer = ask(&request, turn).map_err(|error| {
            let is_lack = error.kind() == std::io::ErrorKind::WouldBlock;
            let failure = Failure::new("cannot start the helper of the network").caused_by(error);
            if is_lack {
                failure.hint("end some processes, or allow more: `ulimit -u`")
            } else {
                failure.hint(WITHOUT)
            }
        })?;
        match answer {
            Ok(keeper) => Ok(Self { keeper, session, is_new: true }),
            Err(refusal) => Err(refusal.into_failure()),
        }
    }

    /// Says whether it was made now, and no other command of the session is in there.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Returns the variable by which a command knows that it is in there.
    pub fn mark(&self) -> (OsString, OsString) {
        let words = [namespace(&self.keeper.to_string()), home(), (&self.session).into()];
        (MARK.into(), words.join(OsStr::new(" ")))
    }

    /// Goes in, for good. What this process has open stays what it is.
    ///
    /// # Errors
    /// The helper is gone, or a thread of this process is not.
    pub fn enter(&self) -> Result<(), Failure> {
        enter(self.keeper)
    }

    /// Returns what starts `program` in there.
    pub fn around(&self, program: &Program) -> Program {
        program.through(ENTER, &self.keeper.to_string())
    }
}

/// Lists what listens in the network whose commands meet there; nothing if there is none.
pub fn command_ports(meeting: &Path) -> Vec<CommandPort> {
    let ask = || {
        let mut meeting = UnixStream::connect(meeting).ok()?;
        meeting.set_read_timeout(Some(LIST_LIMIT)).ok()?;
        channel::send(&meeting, LISTS, None).ok()?;
        let mut answer = Vec::new();
        meeting.read_to_end(&mut answer).ok()?;
        serde_json::from_slice(&answer).ok()
    };
    ask().unwrap_or_default()
}

/// Says whether this process is in a network of its own in which `localhost` is this session.
pub fn is_of(session: &str) -> bool {
    marked().is_some_and(|(_, of)| of == session)
}

/// Names the network of this machine of which this process has the loopback: where it is, or around its own one.
pub fn home() -> OsString {
    marked().map_or_else(|| namespace("self"), |(home, _)| home.into())
}

/// Reads what a network was marked with: the one around it, and the session. The variable may come from elsewhere; in which
/// namespace one is does not.
fn marked() -> Option<(String, String)> {
    let said = std::env::var(MARK).ok()?;
    let (home, session) =
        said.strip_prefix(namespace("self").to_str()?)?.strip_prefix(' ')?.split_once(' ')?;
    Some((home.to_owned(), session.to_owned()))
}

fn namespace(process: &str) -> OsString {
    std::fs::read_link(format!("/proc/{process}/ns/net")).unwrap_or_default().into_os_string()
}

/// Is a helper, if prism was started as one. `None` if not. `held` finds the sockets of processes of a name.
///
/// # Errors
/// The command cannot be run in the network.
pub fn serve(arguments: &mut dyn Iterator<Item = OsString>, held: Held) -> Option<Result<(), Failure>> {
    match arguments.next()?.to_str()? {
        OUTSIDE => outside::serve(held),
        INSIDE => inside::serve(arguments),
        TAP => return Some(Err(pasta::become_it(arguments))),
        ENTER => return Some(Err(become_within(arguments))),
        _ => return None,
    }
    Some(Ok(()))
}

/// Becomes a command in the network that a process keeps. Returns only if that fails.
fn become_within(arguments: &mut dyn Iterator<Item = OsString>) -> Failure {
    let keeper = arguments.next().and_then(|keeper| keeper.to_str()?.parse().ok());
    let Some((keeper, program)) = keeper.zip(Program::passed(arguments)) else {
        return Failure::new("there is no command to run");
    };
    match enter(keeper) {
        Ok(()) => program.replace(),
        Err(failure) => failure,
    }
}

/// Asks to be let in where the session has a network that is as this one would be. `None` if it has none.
fn join(request: &Request) -> Option<i32> {
    let mut meeting = UnixStream::connect(request.wanted.meeting.as_ref()?).ok()?;
    channel::send(&meeting, JOINS, Some(std::io::stderr().as_fd())).ok()?;
    meeting.write_all(&serde_json::to_vec(request).ok()?).ok()?;
    meeting.shutdown(Shutdown::Write).ok()?;
    let mut answer = Vec::new();
    meeting.read_to_end(&mut answer).ok()?;
    serde_json::from_slice::<Option<i32>>(&answer).ok()?
}

fn ask(request: &Request, turn: Option<BorrowedFd<'_>>) -> std::io::Result<Answer> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut command = Command::new(helper::OWN);
    command.arg0(OUTSIDE).env_clear().env("PRISM_SESSION", &request.wanted.session);
    command.stdin(OwnedFd::from(theirs)).stdout(Stdio::null());
    // It goes on in the background, as a child of nobody here.
    command.spawn()?.wait()?;
    drop(command);
    channel::send(&ours, MAKES, turn)?;
    ours.write_all(&serde_json::to_vec(request)?)?;
    ours.shutdown(Shutdown::Write)?;
    let mut answer = Vec::new();
    ours.read_to_end(&mut answer)?;
    if answer.is_empty() {
        return Err(std::io::Error::other("it has ended"));
    }
    Ok(serde_json::from_slice(&answer)?)
}

fn enter(keeper: i32) -> Result<(), Failure> {
    let failure = |error: std::io::Error| {
        Failure::new("cannot enter the command's network").hint(WITHOUT).caused_by(error)
    };
    let open = |kind: &str| File::open(format!("/proc/{keeper}/ns/{kind}")).map_err(failure);
    let net = open("net")?;
    if !geteuid().is_root() {
        wait_for_threads();
        setns(open("user")?, CloneFlags::CLONE_NEWUSER).map_err(|errno| failure(errno.into()))?;
    }
    setns(net, CloneFlags::CLONE_NEWNET).map_err(|errno| failure(errno.into()))
}

fn wait_for_threads() {
    for _ in 0..THREAD_LOOKS {
        if std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1) {
            return;
        }
        std::thread::park_timeout(THREAD_POLL);
    }
}
