//! What completion offers beyond the words of the command line: services, and directories of sessions.

use std::collections::BTreeSet;
use std::ffi::OsStr;

use clap_complete::engine::{CompletionCandidate, PathCompleter, ValueCompleter};
use session::find::Caller;
use session::glance;
use session::start::warm;
use session::use_case::list;
use session::use_case::target::checkouts;

use super::context::Context;
use crate::output::{Color, Output};

/// The variable by which a completion script asks.
pub(super) const ASKED: &str = "PRISM_COMPLETE";

/// Offers the services of this directory's project, as far as a start wrote them down: Compose is not asked.
pub(super) fn services(current: &OsStr) -> Vec<CompletionCandidate> {
    let context = Context::new(Output::new(true, false, Color::Never));
    let Caller { directory: here, environment, .. } = &context.caller;
    let directory = here.as_deref().and_then(|start| session::find::locate(start, environment));
    let header = directory.and_then(|directory| warm::peek(&directory));
    let names = header.into_iter().flat_map(|header| header.services.into_keys()).map(|service| service.0);
    beginning_with(names, current)
}

/// Offers directories, those of sessions first, and branches that worktrees have.
pub(super) fn directories(current: &OsStr) -> Vec<CompletionCandidate> {
    let asked = glance::within_budget(|| {
        let context = Context::new(Output::new(true, false, Color::Never));
        let mut engine = context.engine().ok()?;
        let owner = context.caller.owner();
        Some(list::of_owner(engine.all_sessions().ok()?, Some(&owner)))
    });
    let containers = asked.flatten().unwrap_or_default();
    let sessions: BTreeSet<String> =
        containers.iter().filter_map(|container| container.label("working_dir").map(str::to_owned)).collect();
    let mut found = beginning_with(sessions.into_iter(), current);
    let context = Context::new(Output::new(true, false, Color::Never));
    let branches = checkouts(&context.caller).into_iter().filter_map(|checkout| checkout.branch);
    found.extend(beginning_with(branches.filter(|name| is_plain(name)), current));
    found.extend(PathCompleter::dir().complete(current));
    found
}

/// Says whether a name, which anybody may have pushed, is a word of its own in every shell.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
}

fn beginning_with(names: impl Iterator<Item = String>, current: &OsStr) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    names.filter(|name| name.starts_with(&*current)).map(CompletionCandidate::new).collect()
}
