//! `prism snapshot`: this session's data, kept under a name.

use std::path::Path;
use std::time::SystemTime;

use clap::{Args, Subcommand};
use domain::data::probe::human;
use domain::engine::mark::Source;
use domain::engine::snapshot::Name;
use domain::view::snapshot::{SnapshotReport, list_json, list_text};
use session::data::snapshot::{self, Saved};
use session::data::{Asked, Present, project};
use session::find::Session;
use session::git::Repository;
use session::machine::process::interrupt::Interrupt;
use session::start::options::Options;
use session::use_case::start::start;

use super::args::{ReportFormat, WaitArgs};
use super::confirm::confirm;
use super::context::{Context, options};

/// Keep this session's data under a name, and go back to them
#[derive(Debug, Args)]
#[command(
    after_help = "A snapshot belongs to the project: every worktree sees it, and it outlives the session. It is
volumes with labels in the Engine, and nothing else.

Examples:
  prism snapshot save seeded             a copy of the data as they are; nothing has to be stopped
  prism exec --ephemeral --data-from seeded -- npm test
  prism snapshot restore seeded          go back: replace this session's data, after asking"
)]
pub(super) struct SnapshotArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a snapshot of this session's data
    Save {
        /// Its name: letters, digits, - and _ [default: the time]
        #[arg(value_name = "NAME", value_parser = parse)]
        name: Option<Name>,
    },
    /// List this project's snapshots
    #[command(visible_alias = "ls")]
    List {
        /// How to print them
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: ReportFormat,
    },
    /// Replace this session's data by a snapshot's, and start it
    Restore {
        /// The snapshot
        #[arg(value_name = "NAME", value_parser = parse)]
        name: Name,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
        /// Also data of another image or major version
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        wait: WaitArgs,
    },
    /// Remove a snapshot
    #[command(visible_alias = "rm")]
    Remove {
        /// The snapshot
        #[arg(value_name = "NAME", value_parser = parse)]
        name: Name,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

pub(super) fn run(context: Context, args: SnapshotArgs) -> anyhow::Result<()> {
    match args.action {
        Action::Save { name } => save(&context, name),
        Action::List { format } => list(&context, format),
        Action::Restore { name, yes, force, wait } => restore(context, &name, yes, force, wait.seconds),
        Action::Remove { name, yes } => remove(&context, &name, yes),
    }
}

fn parse(text: &str) -> Result<Name, String> {
    Name::try_from(text.to_owned())
        .map_err(|_| "a name has letters, digits, `-` and `_`, at most 48, and is not `main`".to_owned())
}

fn save(context: &Context, name: Option<Name>) -> anyhow::Result<()> {
    let mut work = context.work()?;
    work.interrupt.listen()?;
    let name = name.map_or_else(default_name, Ok)?;
    let Saved { size, volumes, frozen } = snapshot::save(&mut work, name.clone())?;
    let what = match volumes {
        1 => "1 volume".to_owned(),
        many => format!("{many} volumes"),
    };
    let size = size.map(|size| format!(", {}", human(size))).unwrap_or_default();
    let stood = frozen.map(|it| format!("; the session stood still for {:.2} s", it.as_secs_f64()));
    context.output.note(format!("saved snapshot `{name}`: {what}{size}{}", stood.unwrap_or_default()));
    Ok(())
}

/// `2026-07-31-120000`, in UTC.
fn default_name() -> anyhow::Result<Name> {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let name = now.trim_end_matches('Z').replace(':', "").replace('T', "-");
    Name::try_from(name).map_err(anyhow::Error::msg)
}

fn list(context: &Context, format: ReportFormat) -> anyhow::Result<()> {
    let mut engine = context.engine()?;
    let session = context.session(&engine)?;
    let repository = Repository::find(session.path());
    let ahead = |commit: &str| repository.as_ref()?.ahead_of(commit);
    let found = snapshot::list(&mut engine, session.path())?;
    let reports: Vec<SnapshotReport> =
        found.into_iter().map(|(snapshot, fits)| SnapshotReport::new(&snapshot, ahead, fits)).collect();
    match format {
        ReportFormat::Json => context.output.print(list_json(&reports)?),
        ReportFormat::Text if reports.is_empty() => {
            context.output.note("no snapshots; `prism snapshot save NAME` makes one of this session's data");
            Ok(())
        }
        ReportFormat::Text => context.output.print(list_text(&reports, SystemTime::now())),
    }
}

fn restore(context: Context, name: &Name, yes: bool, force: bool, seconds: u64) -> anyhow::Result<()> {
    let mut work = context.work()?;
    work.interrupt.listen()?;
    let found = snapshot::find(&work.engine, work.session.path(), name)?;
    let data = match snapshot::restorable(&mut work, &found, force)? {
        Some(restorable) => {
            if !yes {
                let mut lines: Vec<String> =
                    restorable.volumes.iter().map(|key| format!("the data in volume {key}")).collect();
                lines.extend(restorable.said.iter().cloned());
                let unasked = format!("prism snapshot restore --yes {name}");
                confirm(context.output, "this stops the session, and replaces", &lines, &unasked)?;
            }
            restorable.begin(&mut work)?;
            None
        }
        None => Some(asked(&work.session, name, force)),
    };
    let started = start(&mut work, &Options { data, ..options(true, &[], seconds) })?;
    super::start::report(context.output, &work, &started, "is up");
    Ok(())
}

fn asked(session: &Session, name: &Name, force: bool) -> Asked {
    let from = Source::Snapshot { of: project(session.path()), name: name.clone() };
    Asked { from, force, present: Present::Refuse }
}

fn remove(context: &Context, name: &Name, yes: bool) -> anyhow::Result<()> {
    let interrupt = Interrupt::default();
    let engine = context.engine()?;
    let session = context.session(&engine)?;
    let found = snapshot::find(&engine, Path::new(session.path()), name)?;
    if !yes {
        let lines: Vec<String> = found.parts.iter().map(|part| format!("volume {}", part.key)).collect();
        let unasked = format!("prism snapshot remove --yes {name}");
        confirm(context.output, &format!("this removes snapshot `{name}`"), &lines, &unasked)?;
    }
    snapshot::remove(&engine, &found, context.notices, &interrupt)?;
    context.output.note(format!("removed snapshot `{name}`"));
    Ok(())
}
