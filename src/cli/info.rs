//! `prism info`: one session in full.

use super::context::Context;
use super::{InfoArgs, Report};
use crate::domain::report;
use crate::session::environment;

pub(super) fn run(context: Context, args: &InfoArgs) -> anyhow::Result<()> {
    if let Some(directory) = &args.directory.directory {
        super::context::enter(directory)?;
    }
    let output = context.output;
    let present = context.present()?;
    let variables = environment::variables(
        &present.session,
        &present.engine,
        &present.endpoint,
        present.header.as_ref(),
        &present.containers,
    )?;
    let secrets: Vec<&str> = variables
        .derived
        .list
        .iter()
        .filter(|variable| variable.secret)
        .map(|variable| variable.name.as_str())
        .collect();
    let shown = |(name, value): (String, String)| {
        let hidden = !args.show_secrets && secrets.contains(&name.as_str());
        (name, if hidden { report::masked(&value) } else { value })
    };
    let variables: Vec<(String, String)> = variables.all().into_iter().map(shown).collect();
    let sessions = report::sessions(&present.containers);
    let Some(session) = sessions.first() else { return Ok(()) };
    output.print(match args.format {
        Report::Json => report::info_json(session, &variables)?,
        Report::Text => report::info_text(session, &variables),
    })
}
