//! `prism exec`: bring the stack up, compose the environment, become the command.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use super::ExecArgs;
use super::context::{Context, options};
use crate::docker::Engine;
use crate::domain::environment::{
    Environment, Explicit, Merged, OWN, RECORD, Sources, kept_loopback_ports, merge,
};
use crate::domain::header::Header;
use crate::error::{Failure, Kind};
use crate::process::exec;
use crate::process::interrupt::Interrupt;
use crate::session::up::{self, Options};
use crate::session::{self, Session};

pub(super) fn run(context: Context, args: ExecArgs) -> anyhow::Result<()> {
    if std::env::var_os("PRISM_DISABLE").is_some_and(|value| value == "1") {
        return Err(exec::replace(&args.command, &std::env::vars_os().collect()).into());
    }
    let explicit = args.env.iter().map(explicit).collect::<Result<Vec<_>, _>>()?;
    let env_files = env_files(&args.env_files)?;
    // An Engine is needed only where there is a project.
    if args.optional && session::locate(&std::env::current_dir()?).is_none() {
        find_command(&context.environment, &explicit, &env_files, &args.command)?;
        let sources = Sources { caller: context.environment, env_files, explicit, ..Sources::default() };
        return Err(exec::replace(&args.command, &plain(sources)).into());
    }
    let (endpoint, mut engine) = context.engine()?;
    let session = context.session(&endpoint)?;
    // A PATH of prism.yaml is known only when its templates are.
    if !session.settings.env.contains_key("PATH") {
        find_command(&context.environment, &explicit, &env_files, &args.command)?;
    }
    let interrupt = Interrupt::default();
    let options = Options {
        profiles: args.profiles,
        ..options(context.output, !args.no_start, &args.services, args.wait.seconds)
    };
    let up = up::up(&session, &mut engine, &endpoint, &options, &interrupt)?;

    let variables =
        session::environment::variables(&session, &engine, &endpoint, Some(&up.header), &up.containers)?;
    for note in &variables.derived.notes {
        context.output.detail(note);
    }
    if let Err(error) = variables.write_dotenv(&session) {
        context.output.detail(format!("{error:#}"));
    }
    let merged = merge(Sources {
        caller: context.environment,
        session: variables.assignments,
        own: variables.own,
        env_files,
        explicit,
        override_environment: args.override_environment || session.settings.override_environment,
    });
    refuse_other_databases(&session, &mut engine, &up.header, &merged)?;
    if !merged.kept.is_empty() {
        let names = merged.kept.join(", ");
        context
            .output
            .note(format!("kept from your environment: {names} (`--override` takes the session's)"));
    }
    drop(engine);
    interrupt.check()?;
    Err(exec::replace(&args.command, &merged.environment).into())
}

/// The environment of a command that runs without a session.
fn plain(sources: Sources) -> Environment {
    let mut environment = merge(sources).environment;
    environment.retain(|(name, _)| name != RECORD);
    environment
}

/// Reads a `-e NAME[=VALUE]`.
fn explicit(argument: &OsString) -> Result<Explicit, Failure> {
    let bytes = argument.as_bytes();
    let (name, value) = match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) => (&bytes[..at], Some(OsString::from_vec(bytes[at + 1..].to_vec()))),
        None => (bytes, None),
    };
    let name = std::str::from_utf8(name).ok().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Failure::new("`-e` takes NAME or NAME=VALUE").kind(Kind::Usage))?;
    if is_prisms(name) {
        return Err(Failure::new(format!("`-e {name}`: this variable is always prism's"))
            .kind(Kind::Usage)
            .hint("run the command without prism, or set it inside: `prism exec -- env NAME=VALUE CMD`"));
    }
    Ok(Explicit { name: name.to_owned(), value })
}

/// Says whether a variable is prism's, whatever anybody says. `COMPOSE_PROFILES` and the like are the user's.
fn is_prisms(name: &str) -> bool {
    OWN.contains(&name) || name.starts_with("PRISM_")
}

/// Reads all `--env-file`. An error names file and line, never the line's text: it may hold a secret.
fn env_files(paths: &[PathBuf]) -> Result<Vec<(String, String)>, Failure> {
    let mut pairs = Vec::new();
    for path in paths {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| {
            Failure::new(format!("cannot read `{shown}`")).kind(Kind::Usage).caused_by(error)
        })?;
        for pair in dotenvy::from_read_iter(text.as_bytes()) {
            pairs.push(pair.map_err(|_| {
                Failure::new(format!("`{shown}`, line {}, is not a `NAME=value` line", broken_line(&text)))
                    .kind(Kind::Usage)
                    .hint("quote the value, or remove the line")
            })?);
        }
    }
    Ok(pairs)
}

/// Finds the number of the first line that cannot be read: the shortest beginning of the text that fails ends
/// with it.
fn broken_line(text: &str) -> usize {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let fails = |count: &usize| {
        dotenvy::from_read_iter(lines[..*count].concat().as_bytes()).any(|pair| pair.is_err())
    };
    (1..=lines.len()).find(fails).unwrap_or(lines.len())
}

/// Looks the command up before anything is started for it.
fn find_command(
    caller: &Environment,
    explicit: &[Explicit],
    env_files: &[(String, String)],
    command: &[OsString],
) -> Result<(), Failure> {
    let of_flags = explicit
        .iter()
        .rev()
        .find(|explicit| explicit.name == "PATH")
        .and_then(|explicit| explicit.value.as_deref());
    let of_files =
        || env_files.iter().rev().find(|(name, _)| name == "PATH").map(|(_, value)| OsStr::new(value));
    let of_caller = || caller.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.as_os_str());
    let path = of_flags.or_else(of_files).or_else(of_caller);
    exec::find(command.first().map_or(OsStr::new(""), OsString::as_os_str), path).map(drop)
}

/// Fails if a variable that stays the caller's leads to a database of somebody else on this machine: at the port
/// that the Compose file itself would have published, or at another session's.
fn refuse_other_databases(
    session: &Session,
    engine: &mut Engine,
    header: &Header,
    merged: &Merged,
) -> anyhow::Result<()> {
    let ports = kept_loopback_ports(merged);
    if ports.is_empty() {
        return Ok(());
    }
    let others = engine.all_sessions()?;
    for (name, port) in ports {
        let declared = header.services.iter().find(|(_, plan)| plan.declared.contains(&port));
        let held = others
            .iter()
            .filter(|container| container.session_id != session.id.0)
            .find(|container| container.live_bindings().iter().any(|binding| binding.host_port == port));
        let whose = match (held, declared) {
            (Some(container), _) => format!(
                "which is service `{}` of the session of `{}`",
                container.service,
                container.label("working_dir").unwrap_or(&container.session_id)
            ),
            (None, Some((service, _))) => format!(
                "the port that the Compose file gives service `{service}`, which is not this session's"
            ),
            (None, None) => continue,
        };
        return Err(Failure::new(format!(
            "{name} in your environment leads to port {port} of this machine, {whose}"
        ))
        .hint(format!(
            "`prism exec --override …` takes this session's value; `-e {name}` says that yours is meant"
        ))
        .into());
    }
    Ok(())
}
