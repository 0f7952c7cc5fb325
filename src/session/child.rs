//! The environment of a program that runs against a session.

use super::Session;
use super::environment::SessionVariables;
use super::up::Up;
use crate::docker::Engine;
use crate::domain::environment::{Environment, Lead, Merged, Ports, Sources, Stray, leads, merge, strays};
use crate::domain::variable::{Variable, host_ports};
use crate::error::Failure;
use crate::output::Output;

/// Merges the session's variables with those of `sources`, says what stays the caller's, and on a verbose run where each
/// variable comes from. `ways_out` is the hint for a variable of the caller's that leads to somebody else's data.
///
/// # Errors
/// There is such a variable, and the caller's environment does not come last: then it is left out.
pub fn environment(
    session: &Session,
    engine: &mut Engine,
    up: &Up,
    variables: SessionVariables,
    sources: Sources,
    output: Output,
    ways_out: impl Fn(&str) -> String,
) -> anyhow::Result<Environment> {
    let override_environment = sources.override_environment;
    let explained = if output.verbose { variables.variables.clone() } else { Vec::new() };
    let mut merged = merge(Sources { session: variables.variables, own: variables.own, ..sources });
    for Stray { name, port, whose } in find_strays(session, engine, up, &merged)? {
        let leads = format!("{name} in your environment leads to port {port} of this machine, {whose}");
        if !override_environment {
            return Err(Failure::new(leads).hint(ways_out(&name)).into());
        }
        merged.remove(&name);
        output.note(format!("left out: {leads}"));
    }
    for variable in &explained {
        output.detail(explain(variable, &merged));
    }
    for missing in &variables.missing {
        output.detail(missing.to_string());
    }
    if !merged.kept.is_empty() {
        let names = merged.kept.join(", ");
        output.note(format!("kept from your environment: {names} (`--override` takes the session's)"));
    }
    Ok(merged.environment)
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

/// Finds variables that stay the caller's and lead to a database of somebody else on this machine: at the port that
/// the Compose file itself would have published, or at another session's.
fn find_strays(
    session: &Session,
    engine: &mut Engine,
    up: &Up,
    merged: &Merged,
) -> anyhow::Result<Vec<Stray>> {
    let mut own = host_ports(&up.containers);
    own.extend(up.header.host_ports());
    let leads: Vec<Lead> = leads(merged).into_iter().filter(|lead| !own.contains(&lead.port)).collect();
    if leads.is_empty() {
        return Ok(Vec::new());
    }
    let services = up.header.services.iter();
    let declared = services.flat_map(|(name, plan)| plan.declared.iter().map(|port| (*port, name.clone())));
    let others = engine.all_sessions()?;
    let others = others.iter().filter(|container| container.session_id != session.id.0);
    let held = others.flat_map(|container| {
        let directory = container.label("working_dir").unwrap_or(&container.session_id);
        let holder = (container.service.clone(), directory.to_owned());
        container.live_bindings().iter().map(move |binding| (binding.host_port, holder.clone()))
    });
    let ports = Ports { own, declared: declared.collect(), held: held.collect() };
    Ok(strays(&leads, &ports))
}
