//! `prism info`: one session in full.

use super::context::Context;
use super::{InfoArgs, Report};
use crate::domain::environment::RECORD;
use crate::domain::report;
use crate::git;

pub(super) fn run(context: Context, args: &InfoArgs) -> anyhow::Result<()> {
    if let Some(directory) = &args.directory.directory {
        super::context::enter(directory)?;
    }
    let output = context.output;
    let present = context.present()?;
    let variables = present.variables()?;
    let mut shown: Vec<(String, String)> = variables.all();
    // Hashes of the values, some of which are to stay hidden.
    shown.retain(|(name, _)| name != RECORD);
    if !args.show_secrets {
        let secrets: Vec<&str> =
            variables.derived.list.iter().filter(|it| it.secret).map(|it| it.value.as_str()).collect();
        for (_, value) in &mut shown {
            if secrets.iter().any(|secret| !secret.is_empty() && value.contains(secret)) {
                *value = report::masked(value);
            }
        }
    }
    let variables = shown;
    let mut sessions = report::sessions(present.containers);
    let Some(session) = sessions.first_mut() else { return Ok(()) };
    session.branch = git::branch(present.session.path());
    output.print(match args.format {
        Report::Json => report::info_json(session, &variables)?,
        Report::Text => report::info_text(session, &variables),
    })
}
