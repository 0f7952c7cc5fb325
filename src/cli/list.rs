//! `prism list`: sessions on this Engine.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::SystemTime;

use clap::Args;
use domain::engine::container::{Container, State};
use domain::engine::ledger::Noted;
use domain::identity::name::SessionId;
use domain::text::word::word;
use domain::view;
use session::data;
use session::environment::{localhost, stranger};
use session::find::reach;
use session::git;
use session::machine::process::identity;

use super::args::Report;
use super::context::Context;

/// List your sessions, running or stopped
#[derive(Debug, Args)]
#[command(visible_alias = "ls")]
pub(super) struct ListArgs {
    /// Everybody's sessions
    #[arg(long)]
    pub(super) all: bool,
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Report,
}

pub(super) fn run(context: &Context, args: &ListArgs) -> anyhow::Result<()> {
    let (endpoint, mut engine) = context.engine()?;
    let mut all = engine.all_sessions()?;
    let is_frozen = |it: &&Container| it.state == State::Paused && it.label("owner") == Some(context.owner());
    let frozen: BTreeSet<SessionId> =
        all.iter().filter(is_frozen).map(|container| container.session_id.clone()).collect();
    if !frozen.is_empty() {
        // Should a prism have been killed while it copied data, nothing stays paused for it.
        frozen.iter().try_for_each(|session| data::mend(&mut engine, session))?;
        all = engine.all_sessions()?;
    }
    let containers = if args.all { all } else { context.own(all) };
    if let Some(doubt) = reach::doubt(&engine, &endpoint, &containers) {
        context.output.note(doubt);
    }
    let notes = engine.notes()?;
    let note = |id: &SessionId| notes.iter().find(|noted| noted.session_id == *id);
    let known = with_directories(
        &containers,
        notes.iter().filter(|it| args.all || it.owner.as_deref() == Some(context.owner())),
    );
    for sentence in stranger::lost(&mut engine, &known)? {
        context.output.note(sentence);
    }
    let mut sessions = view::session::sessions(containers, endpoint.host.as_deref(), |id| {
        note(id).map_or(&[][..], |noted| &noted.note.left_out)
    });
    for session in &mut sessions {
        session.branch = git::branch(Path::new(&session.directory));
        session.command_ports = localhost::command_ports(&session.session_id);
        if session.process.as_deref().is_some_and(identity::has_ended) {
            session.ephemeral = Some("ended");
        }
    }
    match args.format {
        Report::Json => context.output.print(view::session::list_json(&sessions)?),
        Report::Text if sessions.is_empty() => {
            context.output.note("no sessions; `prism start` in a directory with a compose.yaml makes one");
            Ok(())
        }
        Report::Text => {
            let color = context.output.color_stdout;
            context.output.print(view::session::list_text(&sessions, SystemTime::now(), color))?;
            if let Some(ended) = sessions.iter().find(|session| session.ephemeral == Some("ended")) {
                context.output.note(format!(
                    "`prism destroy {}` removes a session whose command has ended, `prism prune` all of them",
                    word(&ended.session_id)
                ));
            }
            Ok(())
        }
    }
}

fn with_directories<'n>(
    containers: &[Container],
    notes: impl Iterator<Item = &'n Noted>,
) -> BTreeMap<SessionId, String> {
    let of_container = |it: &Container| Some((it.session_id.clone(), it.label("working_dir")?.to_owned()));
    let of_notes = notes.map(|it| (it.session_id.clone(), it.directory.clone()));
    containers.iter().filter_map(of_container).chain(of_notes).collect()
}
