//! Who has which port, giving ports back, and having others.

use std::collections::BTreeSet;
use std::path::Path;

use domain::engine::ledger::{Assignment, Holdings};
use domain::failure::{Code, Failure};
use domain::identity::name::SessionId;
use domain::port::reservation::{Block, Slot};
use domain::text::template::nearest;
use domain::view::session::CommandPorts;

use super::start::{Started, start};
use super::target::Target;
use crate::docker::Engine;
use crate::environment::localhost;
use crate::find::{self, owner, reach};
use crate::machine::process::interrupt::Interrupt;
use crate::notice::Notices;
use crate::port;
use crate::start::cold;
use crate::start::options::Options;
use crate::work::Work;

/// Host ports of sessions.
#[derive(Debug)]
pub struct Ports {
    /// Those of services and apps.
    pub assignments: Vec<Assignment>,
    /// Those of what listens in the networks of commands.
    pub commands: Vec<CommandPorts>,
}

/// Lists those of all sessions, or of one.
///
/// # Errors
/// [`Code::NoSession`] if the one has none; the Engine does not answer.
pub fn ports(engine: &mut Engine, target: Option<&Target>, notices: Notices) -> anyhow::Result<Ports> {
    let mut holdings = engine.holdings()?;
    let is_meant = |id: &SessionId| target.is_none_or(|target| target.id == *id);
    holdings.containers.retain(|container| is_meant(&container.session_id));
    if let Some(doubt) = reach::doubt(engine, &holdings.containers) {
        notices.note(doubt);
    }
    let mut assignments = holdings.assignments();
    assignments.retain(|assignment| is_meant(&assignment.session_id));
    let commands = holdings.sessions().into_iter().map(|(session_id, directory)| CommandPorts {
        directory: directory.to_owned(),
        session_id: session_id.clone(),
        ports: localhost::command_ports(session_id.as_str()),
    });
    let commands = commands.filter(|it| is_meant(&it.session_id) && !it.ports.is_empty()).collect();
    let ports = Ports { assignments, commands };
    match target {
        Some(target) if ports.is_empty() => Err(no_ports(&target.directory).into()),
        _ => Ok(ports),
    }
}

impl Ports {
    /// Says whether there is none.
    pub fn is_empty(&self) -> bool {
        self.assignments.is_empty() && self.commands.is_empty()
    }
}

/// Releases what a stopped session has reserved, and says what that was.
///
/// # Errors
/// It runs; the Engine does not answer; a signal came.
pub fn clear(
    engine: &mut Engine,
    target: &Target,
    interrupt: &Interrupt,
    notices: Notices,
) -> anyhow::Result<Vec<Block>> {
    let _lock = find::lock(&target.id, interrupt, || notices.note(find::WAITING))?;
    let shown = target.directory.display().to_string();
    Ok(port::clear(engine, &target.id, &shown, interrupt)?.into_values().collect())
}

/// Chooses another port for a service or an app, and lets a session that runs take it at once.
///
/// # Errors
/// Nothing of that name has a port; the session cannot be brought up again; a signal came.
pub fn reassign(work: &mut Work, name: &str, options: &Options) -> anyhow::Result<Option<Started>> {
    let Work { session, engine, interrupt, notices } = &mut *work;
    owner::refuse_all(engine, &session.id, &session.directory)?;
    interrupt.listen()?;
    let lock = find::lock(&session.id, interrupt, || notices.note(find::WAITING))?;
    let holdings = engine.holdings()?;
    let reserved = holdings.reservations(&session.id);
    let of_name = reserved.iter().filter(|(slot, _)| slot.owner() == name);
    let is_running = is_running(&holdings, &session.id);
    let ports: BTreeSet<u16> = of_name.flat_map(|(_, block)| block.ports()).collect();
    if ports.is_empty() {
        let names: BTreeSet<&str> = reserved.keys().map(Slot::owner).collect();
        return Err(unknown(session.path(), name, &names, is_running).into());
    }
    cold::reassign(work, &ports)?;
    drop(lock);
    if is_running { start(work, options).map(Some) } else { Ok(None) }
}

fn is_running(holdings: &Holdings, session: &SessionId) -> bool {
    let mut own =
        holdings.containers.iter().filter(|container| container.is_ours && container.session_id == *session);
    own.any(|container| !container.live_bindings().is_empty())
}

fn no_ports(directory: &Path) -> Failure {
    Failure::new(format!("the session of `{}` has no ports", directory.display()))
        .code(Code::NoSession)
        .hint("`prism start` starts its stack; `prism ports` shows those of all sessions")
}

fn unknown(directory: &Path, name: &str, known: &BTreeSet<&str>, is_running: bool) -> Failure {
    if known.is_empty() && !is_running {
        return no_ports(directory);
    }
    let failure =
        Failure::new(format!("no service and no app `{name}` has a reserved port here")).code(Code::Usage);
    match nearest(name, known.iter().copied()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => {
            failure.hint("with `ports: random`, the Engine chooses other ones at each start: `prism restart`")
        }
        None => failure.hint(format!("these have: {}", known.iter().copied().collect::<Vec<_>>().join(", "))),
    }
}
