//! Who else answers at the ports of the Compose file: programs with such a number built in talk to them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use domain::failure::Failure;
use domain::identity::name::ServiceName;
use domain::port::Protocol;
use domain::stack::plan::ServicePlan;
use domain::stack::settings::Guard;
use domain::text::loopback::USUAL;

use crate::docker::Engine;
use crate::find::Session;
use crate::machine::listen::{self, Listener};
use crate::machine::process::network;
use crate::notice::Notices;

/// Who else was seen to answer at the ports of the Compose file.
#[derive(Debug, Default)]
pub struct Strangers {
    /// A sentence for each.
    pub found: Vec<String>,
    /// What kept `localhost` from being the session all the same.
    pub why: Option<String>,
}

/// A port of the Compose files.
#[derive(Debug, Clone, Copy)]
pub struct Declared<'s> {
    /// The service to which they give it.
    pub service: &'s ServiceName,
    plan: &'s ServicePlan,
}

/// Lists the ports that the Compose files publish for these services.
pub fn declared<'s>(
    services: impl Iterator<Item = (&'s ServiceName, &'s ServicePlan)>,
) -> BTreeMap<u16, Declared<'s>> {
    let tcp = services.flat_map(|(service, plan)| {
        let published = plan.declared.iter().filter(|(_, port)| port.is_tcp());
        published.map(move |(published, _)| (*published, Declared { service, plan }))
    });
    tcp.collect()
}

/// Says of each of these ports who answers there, unless it is one of the session's `own`.
///
/// # Errors
/// The Engine does not answer. It is asked only if somebody does.
pub fn strangers(
    session: &Session,
    engine: &mut Engine,
    declared: &BTreeMap<u16, Declared<'_>>,
    own: &BTreeSet<u16>,
) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for (port, Declared { service, plan }) in declared.iter().filter(|(port, _)| !own.contains(port)) {
        // By whichever address `localhost` means, and by those of the file.
        let mut addresses = USUAL.iter().chain(&plan.addresses);
        if !addresses.any(|address: &IpAddr| listen::is_listened(*address, *port)) {
            continue;
        }
        let listener =
            || Listener::find(Protocol::Tcp, *port).filter(|it| !it.is_proxy()).map(|it| it.to_string());
        let by = engine.holder(&session.id, *port)?.or_else(listener);
        let by = by.unwrap_or_else(|| "another program".to_owned());
        found.push(format!("port {port}, which the Compose file gives `{service}`, is answered by {by}"));
    }
    Ok(found)
}

/// Says, as `prism.yaml` wants it, that somebody else answers where a program may look for a service of the session.
///
/// # Errors
/// `guard: error`.
pub fn check(session: &Session, strangers: Strangers, notices: Notices) -> Result<(), Failure> {
    let Strangers { found, why } = strangers;
    if found.is_empty() {
        return Ok(());
    }
    let is_likely = why.is_none() && network::find(&session.environment).is_ok();
    if session.settings.guard == Guard::Error {
        let way = if is_likely { ", run the command by `prism exec --localhost`" } else { "" };
        let hint = format!("stop it{way}, or let `guard: note` in prism.yaml say so and go on");
        return Err(Failure::new(format!("{}, not by this session", found[0])).hint(hint));
    }
    let way = match why {
        Some(why) => format!("`localhost` cannot be this session: {why}; "),
        None if is_likely => "`prism exec --localhost` leads its command here; ".to_owned(),
        None => String::new(),
    };
    for sentence in found {
        notices.note(format!(
            "{sentence}, not by this session: a program with that number built in talks to it ({way}`guard: off` in prism.yaml: no more of this)"
        ));
    }
    Ok(())
}
