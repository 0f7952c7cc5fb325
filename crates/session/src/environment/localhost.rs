//! Whether a command gets a network of its own, in which `localhost` is the session.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, ToSocketAddrs};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use domain::environment::Environment;
use domain::environment::forward::{self, CommandPort, Plan};
use domain::failure::{self, Failure};
use domain::stack::header::Header;
use domain::stack::settings::Localhost;
use domain::text::hash::short_hash;
use domain::variable::host_ports;

use crate::environment::app;
use crate::environment::guard::{self, Strangers};
use crate::environment::up::Up;
use crate::find::Session;
use crate::machine::listen;
use crate::machine::lock::{self, Lock};
use crate::machine::process::interrupt::Interrupt;
use crate::machine::process::network::{self, CommandNetwork, Wanted};
use crate::work::Work;

/// How often a command looks whether another one has made the session's network, and how long: pasta may take ten seconds.
const TURN_POLL: Duration = Duration::from_millis(5);
const TURN_LIMIT: Duration = Duration::from_secs(15);

/// Where a command finds the loopback.
#[derive(Debug)]
pub enum Loopback {
    /// It is this machine's.
    Machine(Option<Strangers>),
    /// It is the session's, here already.
    Session,
    /// It is the session's, in there.
    CommandNetwork(CommandNetwork),
}

impl Loopback {
    /// Lists the ports of the Compose file that lead to the session there.
    pub fn reached(&self, up: &Up) -> BTreeSet<u16> {
        match self {
            Self::Machine(_) => BTreeSet::new(),
            Self::Session | Self::CommandNetwork(_) => {
                guard::declared(up.header.in_scope()).into_keys().collect()
            }
        }
    }

    /// Returns who else was seen to answer, if it was looked.
    pub fn take_strangers(&mut self) -> Option<Strangers> {
        if let Self::Machine(found) = self { found.take() } else { None }
    }

    /// Tells a command where it is, and returns the network that it is to be started in.
    pub fn into_network(self, environment: &mut Environment) -> Option<CommandNetwork> {
        let Self::CommandNetwork(network) = self else { return None };
        environment.retain(|(name, _)| name != network::MARK);
        environment.push(network.mark());
        Some(network)
    }
}

/// What a command line or prism.yaml wants of it.
#[derive(Debug)]
pub struct Asked {
    /// When there is to be a network.
    pub when: Localhost,
    /// Ports of the command that are to be elsewhere outside: at that of an app, or at one of the session's.
    pub exposed: Vec<(u16, Option<String>)>,
}

/// Decides it, and makes the network.
///
/// # Errors
/// It is asked for, and cannot be had, or a signal came.
pub fn loopback(work: &mut Work, up: &Up, asked: &Asked) -> anyhow::Result<Loopback> {
    if network::is_of(work.session.id.as_str()) {
        return Ok(Loopback::Session);
    }
    let make = |work: &Work| make(work, up, &asked.exposed);
    match asked.when {
        Localhost::Never => Ok(Loopback::Machine(None)),
        Localhost::Always => Ok(Loopback::CommandNetwork(make(work)??)),
        Localhost::Auto => {
            let mut own = host_ports(&up.containers);
            own.extend(up.header.host_ports().chain(up.header.apps.values().copied()));
            let found = guard::strangers(
                &work.session,
                &mut work.engine,
                &guard::declared(up.header.in_scope()),
                &own,
            )?;
            let Some(sentence) = found.first() else {
                return Ok(Loopback::Machine(Some(Strangers::default())));
            };
            match make(work)? {
                Ok(network) => {
                    // Once, and not for each command that meets the others there.
                    if network.is_new() {
                        work.notices.note(format!(
                            "{sentence}: to the command, `localhost` is this session (`--localhost=never` leaves it)"
                        ));
                    }
                    Ok(Loopback::CommandNetwork(network))
                }
                Err(failure) => {
                    let why = Some(failure::brief(&failure.into()));
                    Ok(Loopback::Machine(Some(Strangers { found, why })))
                }
            }
        }
    }
}

/// Says what keeps a network from being made here.
///
/// # Errors
/// It cannot be made.
pub fn check(session: &str, environment: &Environment) -> Result<(), Failure> {
    let pasta = network::find(environment)?;
    let wanted = Wanted {
        session: session.to_owned(),
        pasta,
        meeting: None,
        plan: Plan::default(),
        exposed: BTreeMap::new(),
        speaks: false,
    };
    CommandNetwork::make(wanted, None).map(drop)
}

/// Makes it, or says why it cannot be had. Fails only if a signal came.
fn make(
    work: &Work,
    up: &Up,
    exposed: &[(u16, Option<String>)],
) -> Result<Result<CommandNetwork, Failure>, Failure> {
    let Work { session, engine, interrupt, notices } = work;
    let wanted = || {
        let pasta = network::find(&session.environment)?;
        let around = listen::around(network::OUTSIDE);
        let host = engine.endpoint().host.as_deref();
        let Header { services, scope, .. } = &up.header;
        let plan = forward::plan(services, scope, &up.containers, &around, host, address);
        let exposed = exposed_ports(session, up, exposed)?;
        let session = session.id.to_string();
        let meeting = meeting(&session);
        Ok(Wanted { session, pasta, meeting, plan, exposed, speaks: !notices.is_quiet() })
    };
    match wanted() {
        Ok(wanted) => meet(wanted, interrupt),
        Err(failure) => Ok(Err(failure)),
    }
}

/// Goes into the session's network, or makes it: of commands that begin at once, one makes it, and the others go into that.
fn meet(wanted: Wanted, interrupt: &Interrupt) -> Result<Result<CommandNetwork, Failure>, Failure> {
    let name = turn(&wanted.session);
    let began = Instant::now();
    while began.elapsed() < TURN_LIMIT {
        // Who finds one waits for nobody.
        if let Some(network) = CommandNetwork::join(&wanted) {
            return Ok(Ok(network));
        }
        match Lock::attempt(&name) {
            Ok(Some(lock)) => {
                // It may have been made between the two.
                let joined = CommandNetwork::join(&wanted).map(Ok);
                let network = joined.unwrap_or_else(|| CommandNetwork::make(wanted, Some(lock.as_fd())));
                // Ephemeral sessions would leave one each. Who has it open sees that it is gone.
                if let Ok(directory) = lock::directory() {
                    let _ = fs::remove_file(directory.join(format!("{name}.lock")));
                }
                return Ok(network);
            }
            Ok(None) => interrupt.pause(TURN_POLL)?,
            Err(_) => break,
        }
    }
    // Somebody has the turn who was stopped: nobody is to wait for that.
    Ok(CommandNetwork::make(Wanted { meeting: None, ..wanted }, None))
}

/// Says where ports of the command are to be outside; what was typed wins over prism.yaml.
///
/// # Errors
/// An app has no port: there is none of that name.
fn exposed_ports(
    session: &Session,
    up: &Up,
    exposed: &[(u16, Option<String>)],
) -> Result<BTreeMap<u16, Option<u16>>, Failure> {
    let of_settings = session.settings.apps.iter().filter_map(|(name, app)| Some((app.expose?, name)));
    let of_settings = of_settings.map(|(port, name)| (port, up.header.apps.get(name).copied()));
    let mut ports: BTreeMap<u16, Option<u16>> = of_settings.collect();
    for (port, name) in exposed {
        let of_app = |name: &String| {
            app::find(session, Some(name), None).map(|name| up.header.apps.get(name?).copied())
        };
        let at = name.as_ref().map(of_app).transpose()?.flatten();
        ports.insert(*port, at);
    }
    Ok(ports)
}

/// Lists what listens in the session's network.
pub fn command_ports(session: &str) -> Vec<CommandPort> {
    meeting(session).map_or_else(Vec::new, |meeting| network::command_ports(&meeting))
}

/// Returns where commands of a session meet that have this loopback around them. Without such a place each has its own.
fn meeting(session: &str) -> Option<PathBuf> {
    Some(lock::directory().ok()?.join(turn(session)))
}

/// Returns what the lock is called under which a network is made that has this loopback around it; its meeting, too.
fn turn(session: &str) -> String {
    let home = network::home();
    format!("network-{}", short_hash(format!("{} {session}", home.to_string_lossy()).as_bytes()))
}

fn address(host: &str) -> Option<IpAddr> {
    let parsed = host.parse().ok();
    parsed.or_else(|| Some((host, 0).to_socket_addrs().ok()?.next()?.ip()))
}
