//! `prism list`: sessions on this Engine.

use super::context::Context;
use super::{ListArgs, Report};
use crate::docker;
use crate::domain::container::{Container, without_twins};
use crate::domain::report;

pub(super) fn run(context: &Context, args: &ListArgs) -> anyhow::Result<()> {
    let (_, mut engine) = context.engine()?;
    let owner = format!("{}@{}", nix::unistd::geteuid(), docker::machine());
    // Sessions of other tools carry no owner: they are shown too.
    let is_shown =
        |container: &Container| args.all || container.label("owner").is_none_or(|other| other == owner);
    let containers: Vec<Container> = engine.all_sessions()?.into_iter().filter(is_shown).collect();
    let mut by_session: std::collections::BTreeMap<String, Vec<Container>> =
        std::collections::BTreeMap::new();
    for container in containers {
        by_session.entry(container.session_id.clone()).or_default().push(container);
    }
    let sessions: Vec<_> = by_session
        .into_values()
        .flat_map(|containers| report::sessions(&without_twins(containers)))
        .collect();
    match args.format {
        Report::Json => context.output.print(report::list_json(&sessions)?),
        Report::Text if sessions.is_empty() => {
            context.output.note("no sessions; `prism start` starts one in a directory with a compose.yaml");
            Ok(())
        }
        Report::Text => context.output.print(report::list_text(&sessions, context.output.color_stdout)),
    }
}
