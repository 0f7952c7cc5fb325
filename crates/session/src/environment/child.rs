//! The environment of a program that runs against a session.

use std::collections::{BTreeMap, BTreeSet};

use domain::engine::container::Container;
use domain::environment::{
    Environment, Lead, Merged, Origin, PortHolders, Sources, Stray, leads, merge, strays,
};
use domain::failure::Failure;
use domain::identity::name::ServiceName;
use domain::port::allocation::STICKY;
use domain::port::reservation::{Block, read_service_label};
use domain::stack::settings::Guard;
use domain::variable::{Variable, host_ports};

use crate::docker::{self, Engine};
use crate::environment::SessionVariables;
use crate::environment::guard::{self, Strangers};
use crate::environment::up::Up;
use crate::find::{Session, input};
use crate::notice::Notices;
use crate::work::Work;

/// Merges the session's variables with those of `sources`, says what stays the caller's, and on a verbose run where each
/// variable comes from. `ways_out` is the hint for a variable that leads to somebody else's data.
///
/// # Errors
/// There is such a variable. One of the caller's is left out instead if the caller's environment comes last.
pub fn environment(
    work: &mut Work,
    up: &Up,
    variables: SessionVariables,
    sources: Sources,
    ways_out: impl Fn(&Stray) -> String,
) -> anyhow::Result<Environment> {
    let Work { session, engine, notices, .. } = work;
    let (session, notices) = (&*session, *notices);
    let SessionVariables { variables, own, missing, apps, targets, reached, strangers, untold } = variables;
    let sources = Sources { session: variables, own, targets, ..sources };
    let mut merged = merge(&sources)?;
    let mut own = host_ports(&up.containers);
    own.extend(up.header.host_ports());
    own.extend(apps.values());
    own.extend(reached);
    for stray in find_strays(session, engine, up, &own, &merged)? {
        let message = stray.message();
        if !sources.override_environment || stray.origin != Origin::Caller {
            return Err(Failure::new(message).hint(ways_out(&stray)).into());
        }
        merged.remove(&stray.lead.name);
        notices.note(format!("left out: {message}"));
    }
    if session.settings.guard != Guard::Off {
        tell(session, engine, &untold, &own, notices)?;
        let strangers = match strangers {
            Some(seen) => seen,
            None => {
                let found = guard::strangers(session, engine, &guard::declared(up.header.in_scope()), &own)?;
                Strangers { found, why: None }
            }
        };
        guard::check(session, strangers, notices)?;
    }
    for variable in sources.session.iter().filter(|_| notices.wants_details()) {
        notices.detail(explain(variable, &merged));
    }
    for missing in &missing {
        notices.detail(missing.to_string());
    }
    for (place, name) in &merged.unset {
        notices.note(format!("{place}: {name} is not set, and taken as empty"));
    }
    if !merged.kept.is_empty() {
        let names = merged.kept.join(", ");
        let without = match merged.withheld.as_slice() {
            [] => String::new(),
            withheld => format!(", and so without {}", withheld.join(", ")),
        };
        notices
            .note(format!("kept from your environment: {names}{without} (`--override` takes the session's)"));
    }
    Ok(merged.environment)
}

/// Says of lines of dotenv files that they lead to another session: a program that reads them by itself goes there.
fn tell(
    session: &Session,
    engine: &mut Engine,
    untold: &[(String, u16)],
    own: &BTreeSet<u16>,
    notices: Notices,
) -> anyhow::Result<()> {
    let is_chosen = |port: &u16| (STICKY.first..=STICKY.last).contains(port) && !own.contains(port);
    let mut untold = untold.iter().filter(|(_, port)| is_chosen(port)).peekable();
    if untold.peek().is_none() {
        return Ok(());
    }
    let held = held_by_others(session, engine)?;
    for (line, port) in untold {
        if let Some((service, directory)) = held.get(port) {
            notices.note(format!(
                "{line} leads to port {port} of this machine, which is service `{service}` of the session of `{directory}`: a program that reads it goes there"
            ));
        }
    }
    Ok(())
}

/// Says where a variable of the child comes from, without its value.
fn explain(variable: &Variable, merged: &Merged) -> String {
    let Variable { name, value, service, port, rule, .. } = variable;
    match merged.environment.iter().find(|(found, _)| found == name.as_str()) {
        Some((_, found)) if found == value.as_str() => {
            let service = service.as_ref().map(|service| format!(" of `{service}`")).unwrap_or_default();
            let port = port.map(|port| format!(", {port}")).unwrap_or_default();
            format!("{name}: {rule}{service}{port}")
        }
        Some(_) => format!("{name}: yours, not the session's"),
        None => format!("{name}: not set, as others of its group are yours"),
    }
}

/// Finds variables that lead to a database of somebody else on this machine: at the port that the Compose file itself
/// would have published, or at another session's, be it stopped. Asks the Engine only if one leads to this machine.
fn find_strays(
    session: &Session,
    engine: &mut Engine,
    up: &Up,
    own: &BTreeSet<u16>,
    merged: &Merged,
) -> anyhow::Result<Vec<Stray>> {
    let leads: Vec<Lead> =
        leads(merged, &docker::hostname()).into_iter().filter(|lead| !own.contains(&lead.port)).collect();
    if leads.is_empty() {
        return Ok(Vec::new());
    }
    // What leads to a service that is not in the session is no harm.
    let services = || up.header.in_scope();
    let declared = services().flat_map(|(name, plan)| plan.declared.keys().map(|port| (*port, name.clone())));
    let declared = declared.chain(input::host_ports(&up.header, &session.environment));
    let held = held_by_others(session, engine)?;
    let servers = services().filter(|(_, plan)| plan.known_kind().is_some());
    let of_servers = servers.flat_map(|(_, plan)| plan.declared.keys().copied()).collect();
    Ok(strays(
        &leads,
        &PortHolders { own: own.clone(), of_servers, declared: declared.collect(), held },
        merged,
    ))
}

/// Lists the host ports of other sessions, each with the service and the session's directory.
pub fn held_by_others(
    session: &Session,
    engine: &mut Engine,
) -> anyhow::Result<BTreeMap<u16, (ServiceName, String)>> {
    let all = engine.all_sessions()?;
    let others = all.iter().filter(|container| container.session_id != session.id);
    let held = |ports: fn(&Container) -> Vec<u16>| {
        others.clone().flat_map(move |container| {
            let directory = container.label("working_dir").unwrap_or(container.session_id.as_str());
            let holder = (container.service.clone(), directory.to_owned());
            ports(container).into_iter().map(move |port| (port, holder.clone()))
        })
    };
    // What runs has the last word.
    Ok(held(reserved).chain(held(bound)).collect())
}

fn reserved(container: &Container) -> Vec<u16> {
    let label = container.label("ports").unwrap_or_default();
    read_service_label(&container.service, label).into_values().flat_map(Block::ports).collect()
}

fn bound(container: &Container) -> Vec<u16> {
    container.live_bindings().iter().map(|binding| binding.host_port).collect()
}
