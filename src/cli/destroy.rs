//! `prism destroy`: everything that a session made, removed.

use clap::Args;
use domain::failure;
use domain::text::word::word;
use session::end::remove::{self, Volumes};
use session::find::ephemeral::Ephemeral;
use session::use_case::destroy::{Doomed, Request, all};

use super::args::DirectoryArgs;
use super::confirm::confirm;
use super::context::{Context, enter};

/// Remove a session: its containers, networks, volumes and built images, and a worktree that `create` made
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prism destroy                          say what would go, and ask
  prism destroy feature/search           the session of that branch's worktree
  prism destroy --yes ../old-worktree    also when that directory is gone already

The branch of a worktree that `create` made goes as well if no commit would be lost.")]
pub(super) struct DestroyArgs {
    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Keep the volumes, and so the data
    #[arg(long)]
    pub(super) keep_volumes: bool,
    /// Every session of yours
    #[arg(long, conflicts_with = "directory")]
    pub(super) all: bool,
    /// Also a worktree with work that would be lost
    #[arg(long)]
    pub(super) force: bool,
    #[command(flatten)]
    pub(super) directory: DirectoryArgs,
}

impl DestroyArgs {
    fn request(&self) -> Request {
        let volumes = if self.keep_volumes { Volumes::None } else { Volumes::All };
        Request { volumes, force: self.force, unasked: self.yes }
    }
}

pub(super) fn run(context: Context, args: DestroyArgs) -> anyhow::Result<()> {
    let Context { output, notices, caller, .. } = &context;
    if args.all {
        Ephemeral::check_caller(caller)?;
    }
    let mut engine = context.engine()?;
    let targets = if args.all {
        all(caller, &mut engine, *notices)?
    } else {
        vec![context.target(&mut engine, args.directory.named("destroy"))?]
    };
    let request = args.request();
    let mut failed = Vec::new();
    let mut doomed = Vec::new();
    for target in targets {
        match Doomed::look(&mut engine, target, caller.here()?, request) {
            Ok(found) if found.is_nothing() => {
                let directory = &found.target.directory;
                remove::remove_generated(directory)?;
                output.note(format!("`{}` has no session: nothing to remove", directory.display()));
            }
            Ok(found) => {
                if !args.all {
                    found.check_neighbours(&mut engine)?;
                }
                doomed.push(found);
            }
            Err(error) if args.all => failed.push(error),
            Err(error) => return Err(error),
        }
    }
    if !doomed.is_empty() && !args.yes {
        let lines: Vec<String> = doomed.iter().flat_map(|it| it.describe(request.volumes)).collect();
        confirm(*output, "this removes", &lines, &unasked(&doomed, &args))?;
    }
    for doomed in doomed {
        // Not from inside: a process must not stand in a directory that goes away.
        doomed.away().map_or(Ok(()), enter)?;
        match doomed.remove(caller, &mut engine, request, *notices) {
            Err(error) if args.all => failed.push(error),
            other => other?,
        }
    }
    let Some(last) = failed.pop() else { return Ok(()) };
    for error in failed {
        output.error(&failure::render(&error));
    }
    Err(last)
}

/// The command that does the same without a question, from wherever it is typed.
fn unasked(doomed: &[Doomed], args: &DestroyArgs) -> String {
    let mut command = String::from("prism destroy --yes");
    for (is_given, flag) in
        [(args.keep_volumes, " --keep-volumes"), (args.force, " --force"), (args.all, " --all")]
    {
        command.push_str(if is_given { flag } else { "" });
    }
    if let ([only], false) = (doomed, args.all) {
        let target = &only.target;
        let named = match target.ephemeral {
            Some(_) => word(&target.id),
            None => word(target.directory.display()),
        };
        command.push_str(&format!(" {named}"));
    }
    command
}
