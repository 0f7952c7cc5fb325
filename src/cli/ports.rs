//! `prism ports`: who has which port, and giving ports back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use clap_complete::ArgValueCompleter;
use domain::engine::ledger::{Assignment, Holdings};
use domain::failure::{Failure, Kind};
use domain::identity::name::SessionId;
use domain::port::reservation::{Block, Slot};
use domain::text::template::nearest;
use domain::view;
use domain::view::session::CommandPorts;
use session::docker::{Endpoint, Engine};
use session::environment::localhost;
use session::find::{owner, reach};
use session::machine::process::interrupt::Interrupt;
use session::port;
use session::start::{cold, up};

use super::args::{DirectoryArgs, Report};
use super::complete;
use super::context::{Context, Named, lock, options};

/// Show which session has which host port, or give ports back
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Ports stay reserved while a session is stopped, until `prism destroy` or `prism ports clear`.

Examples:
  prism ports                            every session's ports, running or stopped
  prism ports inspect                    this directory's
  prism ports clear ../old-worktree      what it had reserved can be had by others
  prism ports --reassign web             another port for the service or app `web` of this directory"
)]
pub(super) struct PortsArgs {
    /// Choose another port for a service or an app
    #[arg(long, value_name = "SERVICE")]
    pub(super) reassign: Option<String>,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text", global = true)]
    pub(super) format: Report,
    #[command(subcommand)]
    pub(super) what: Option<PortsVerb>,
}

#[derive(Debug, Subcommand)]
pub(super) enum PortsVerb {
    /// Every session's ports, running or stopped
    List,
    /// One session's ports
    Inspect {
        #[command(flatten)]
        directory: DirectoryArgs,
    },
    /// Release what a stopped session has reserved
    Clear {
        /// The session's directory, or the branch of its worktree
        #[arg(value_name = "DIR|BRANCH", add = ArgValueCompleter::new(complete::directories))]
        directory: PathBuf,
    },
}

pub(super) fn run(context: Context, args: PortsArgs) -> anyhow::Result<()> {
    let interrupt = Interrupt::default();
    let (endpoint, mut engine) = context.engine_until(&interrupt)?;
    if let Some(name) = args.reassign {
        return reassign(&context, &endpoint, &mut engine, &interrupt, &name);
    }
    match args.what {
        None | Some(PortsVerb::List) => {
            let holdings = engine.holdings()?;
            doubt(&context, &engine, &endpoint, &holdings);
            let assignments = holdings.assignments();
            print(&context, &assignments, &command_ports(&holdings), args.format)
        }
        Some(PortsVerb::Inspect { directory }) => {
            let target = context.target(&mut engine, &endpoint, directory.named("ports inspect"))?;
            let mut holdings = engine.holdings()?;
            holdings.containers.retain(|container| container.session_id == target.id);
            doubt(&context, &engine, &endpoint, &holdings);
            let mut assignments = holdings.assignments();
            assignments.retain(|assignment| assignment.session_id == target.id);
            let mut commands = command_ports(&holdings);
            commands.retain(|it| it.session_id == target.id);
            if assignments.is_empty() && commands.is_empty() {
                return Err(no_ports(&target.directory).into());
            }
            print(&context, &assignments, &commands, args.format)
        }
        Some(PortsVerb::Clear { directory }) => {
            let target = context.target(
                &mut engine,
                &endpoint,
                Some(Named { word: &directory, verb: "ports clear" }),
            )?;
            let _lock = lock(&target.id, context.output, &interrupt)?;
            let shown = target.directory.display().to_string();
            let released = port::clear(&mut engine, &endpoint, &target.id, &shown, &interrupt)?;
            let released: Vec<String> = released.values().map(Block::to_string).collect();
            context.output.note(match released.len() {
                0 => format!("`{shown}` has reserved nothing"),
                _ => format!("released {} of `{shown}`", released.join(", ")),
            });
            Ok(())
        }
    }
}

/// Says it if ports that are about to be shown are not this machine's.
fn doubt(context: &Context, engine: &Engine, endpoint: &Endpoint, holdings: &Holdings) {
    if let Some(doubt) = reach::doubt(engine, endpoint, &holdings.containers) {
        context.output.note(doubt);
    }
}

/// Lists what listens in the networks of sessions' commands.
fn command_ports(holdings: &Holdings) -> Vec<CommandPorts> {
    let found = holdings.sessions().into_iter().map(|(session_id, directory)| CommandPorts {
        directory: directory.to_owned(),
        session_id: session_id.clone(),
        ports: localhost::command_ports(session_id.as_str()),
    });
    found.filter(|it| !it.ports.is_empty()).collect()
}

fn print(
    context: &Context,
    assignments: &[Assignment],
    commands: &[CommandPorts],
    format: Report,
) -> anyhow::Result<()> {
    match format {
        Report::Json => context.output.print(view::session::ports_json(assignments, commands)?),
        Report::Text if assignments.is_empty() && commands.is_empty() => {
            context.output.note("no session has reserved a port");
            Ok(())
        }
        Report::Text => context.output.print(view::session::ports_text(assignments, commands)),
    }
}

/// Chooses another port, and lets a session that runs take it at once.
fn reassign(
    context: &Context,
    endpoint: &Endpoint,
    engine: &mut Engine,
    interrupt: &Interrupt,
    name: &str,
) -> anyhow::Result<()> {
    let session = context.session(endpoint)?;
    owner::refuse_all(engine, &session.id, &session.directory)?;
    interrupt.listen()?;
    let held = lock(&session.id, context.output, interrupt)?;
    let holdings = engine.holdings()?;
    let reserved = holdings.reservations(&session.id);
    let of_name = reserved.iter().filter(|(slot, _)| slot.owner() == name);
    let is_running = is_running(&holdings, &session.id);
    let ports: Vec<u16> = of_name.flat_map(|(_, block)| block.ports()).collect();
    if ports.is_empty() {
        let names: BTreeSet<&str> = reserved.keys().map(Slot::owner).collect();
        return Err(unknown(session.path(), name, &names, is_running).into());
    }
    cold::reassign(&session, engine, endpoint, &ports.into_iter().collect(), context.notices, interrupt)?;
    drop(held);
    if !is_running {
        return Ok(());
    }
    let options = options(context.notices, true, &[], super::args::WAIT_SECONDS);
    let up = up::up(&session, engine, endpoint, &options, interrupt)?;
    super::start::report(context.output, &session, engine, endpoint, &up, "is up")
}

fn is_running(holdings: &Holdings, session: &SessionId) -> bool {
    let mut own =
        holdings.containers.iter().filter(|container| container.is_ours && container.session_id == *session);
    own.any(|container| !container.live_bindings().is_empty())
}

fn no_ports(directory: &Path) -> Failure {
    Failure::new(format!("the session of `{}` has no ports", directory.display()))
        .kind(Kind::NoSession)
        .hint("`prism start` starts its stack; `prism ports` shows those of all sessions")
}

fn unknown(directory: &Path, name: &str, known: &BTreeSet<&str>, is_running: bool) -> Failure {
    if known.is_empty() && !is_running {
        return no_ports(directory);
    }
    let failure =
        Failure::new(format!("no service and no app `{name}` has a reserved port here")).kind(Kind::Usage);
    match nearest(name, known.iter().copied()) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => {
            failure.hint("with `ports: random`, the Engine chooses other ones at each start: `prism restart`")
        }
        None => failure.hint(format!("these have: {}", known.iter().copied().collect::<Vec<_>>().join(", "))),
    }
}
