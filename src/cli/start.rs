//! `prism start`: the stack up and ready, and where it listens.

use clap::Args;
use domain::engine::selection::{Mode, Selection};
use domain::failure::{Code, Failure};
use domain::identity::name::ServiceName;
use domain::stack::settings::Settings;
use domain::text::template::nearest;
use session::data::Present;
use session::start::options::Options;
use session::use_case::start::{Started, start};
use session::work::Work;

use super::args::{DirectoryArgs, ModeArg, SelectArgs, WaitArgs};
use super::context::{Context, options};
use super::data::DataArgs;
use crate::output::Output;

/// Start this directory's stack and wait until it is ready
#[derive(Debug, Args)]
#[command(
    visible_alias = "up",
    after_help = "What is chosen is remembered until the next choice; `--default` forgets it.

Examples:
  prism start
  prism start --profile tools            services of a profile as well
  prism start --without web              the rest, with web run by hand
  prism start --data-from main           with a copy of the main worktree's data"
)]
pub(super) struct StartArgs {
    #[command(flatten)]
    pub(super) select: SelectArgs,
    /// Choose as if nothing had ever been chosen
    #[arg(long, conflicts_with_all = ["services", "profiles", "without", "template", "mode"])]
    pub(super) default: bool,
    #[command(flatten)]
    pub(super) data: DataArgs,
    #[command(flatten)]
    pub(super) wait: WaitArgs,
    #[command(flatten)]
    pub(super) directory: DirectoryArgs,
}

pub(super) fn run(mut context: Context, args: StartArgs) -> anyhow::Result<()> {
    context.enter(args.directory.named("start"))?;
    let mut work = context.work()?;
    let chosen = if args.default {
        Some(Selection::default())
    } else {
        args.select.selection(&work.session.settings)?
    };
    let data = args.data.asked(None, Present::Refuse, &work, &context.caller)?;
    let options = Options { selection: chosen, data, ..options(true, &[], args.wait.seconds) };
    let started = start(&mut work, &options)?;
    let what = if started.started { "is up" } else { "was up already" };
    report(context.output, &work, &started, what);
    Ok(())
}

/// Says where every service listens.
pub(super) fn report(output: Output, work: &Work, started: &Started, what: &str) {
    for (service, place) in &started.places {
        output.note(format!("{service} is at {place}"));
    }
    output.note(format!("`{}` {what}", work.session.directory));
}

impl SelectArgs {
    /// Turns the flags into a selection, a template of `prism.yaml` first; `None` if there are none.
    pub(super) fn selection(&self, settings: &Settings) -> Result<Option<Selection>, Failure> {
        let mut selection = match &self.template {
            None => Selection::default(),
            Some(name) => {
                settings.templates.get(name).cloned().ok_or_else(|| unknown_template(name, settings))?
            }
        };
        let names = |names: &[String]| names.iter().map(|name| ServiceName(name.clone())).collect::<Vec<_>>();
        selection.services.extend(names(&self.services));
        selection.without.extend(names(&self.without));
        selection.profiles.extend(self.profiles.iter().cloned());
        let mode = self.mode.map(|mode| match mode {
            ModeArg::Docker => Mode::Docker,
            ModeArg::Native => Mode::Native,
        });
        selection.mode = mode.or(selection.mode);
        Ok(Some(selection).filter(|selection| !selection.is_default()))
    }
}

fn unknown_template(name: &str, settings: &Settings) -> Failure {
    let failure = Failure::new(format!("there is no template `{name}` in prism.yaml")).code(Code::Usage);
    match nearest(name, settings.templates.keys().map(String::as_str)) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None => failure.hint("define it: `templates: {NAME: {services: [SERVICE]}}`"),
    }
}
