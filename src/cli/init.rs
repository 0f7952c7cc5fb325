//! `prism init`: a commented prism.yaml, from the Compose file or another tool's configuration.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Args;
use domain::failure::{Code, Failure};
use domain::stack::settings;
use domain::stack::starter::{self, Foreign};
use domain::text::url;
use session::docker::Endpoint;
use session::find::{CONFIGURATION, Session};
use session::machine::files;
use session::machine::process::interrupt::Interrupt;
use session::start::cold;
use session::work::Work;

use super::context::Context;

/// Write a commented prism.yaml
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prism init
  prism init --compose docker/compose.yml   a Compose file that is not where the project is
  prism init --from session.config.mjs   convert a JavaScript configuration, read by your own node
  prism init --schema > prism.schema.json   for editors: `# yaml-language-server: $schema=./prism.schema.json`")]
pub(super) struct InitArgs {
    /// Take over what this JavaScript configuration says
    #[arg(long, value_name = "FILE")]
    pub(super) from: Option<PathBuf>,
    /// The Compose files, where they are not the ones that Compose would find here
    #[arg(long, value_name = "FILE")]
    pub(super) compose: Vec<PathBuf>,
    /// Print the JSON Schema of prism.yaml instead
    #[arg(long, conflicts_with_all = ["from", "compose"])]
    pub(super) schema: bool,
}

/// Prints a JavaScript configuration's default export as JSON.
const EXPORT: &str =
    "import(process.argv[1]).then(m => process.stdout.write(JSON.stringify(m.default ?? m)))";

pub(super) fn run(context: Context, args: InitArgs) -> anyhow::Result<()> {
    if args.schema {
        return context.output.print(settings::SCHEMA);
    }
    let interrupt = Interrupt::default();
    let engine = context.engine_until(&interrupt)?;
    let session = if args.compose.is_empty() {
        context.session(&engine)?
    } else {
        session_of(&context, engine.endpoint(), &args.compose)?
    };
    let mut work = Work { session, engine, interrupt, notices: context.notices };
    let path = work.session.path().join(CONFIGURATION);
    if path.exists() {
        return Err(Failure::new(format!("`{}` exists already", path.display()))
            .hint("edit it; docs/configuration.md describes every key")
            .into());
    }
    let mut foreign = args.from.as_deref().map(read_foreign).transpose()?.unwrap_or_default();
    foreign.compose.clone_from(&work.session.settings.compose);
    work.interrupt.listen()?;
    let examined = cold::examine(&mut work)?;
    let text = starter::write(&examined.model, &examined.plan, &foreign, &work.session.directory);
    files::write(&path, text.as_bytes(), |_| false)?;
    context.output.note(format!("wrote `{}`", path.display()));
    for key in &foreign.left_out {
        context.output.note(format!("`{key}` has no counterpart in prism.yaml and was left out"));
    }
    Ok(())
}

/// Takes the working directory as the project of these Compose files.
fn session_of(context: &Context, endpoint: &Endpoint, files: &[PathBuf]) -> anyhow::Result<Session> {
    let here = context.caller.here()?.to_path_buf();
    let mut session = Session::at(
        here.clone(),
        session::find::git_top(&here),
        endpoint,
        context.caller.environment.clone(),
    )?;
    for file in files {
        let shown = file.display();
        let failure = |what: &str| Failure::new(format!("`{shown}` {what}")).code(Code::Usage);
        if !file.is_file() {
            return Err(failure("is not there").hint("name a Compose file").into());
        }
        let below = files::canonical(&here.join(file));
        let below = below.strip_prefix(files::canonical(&here)).unwrap_or(file).to_str();
        session
            .settings
            .compose
            .push(below.ok_or_else(|| failure("has a name that is not UTF-8").hint("rename it"))?.to_owned());
    }
    Ok(session)
}

/// Reads another tool's JavaScript configuration by running the user's own `node`.
fn read_foreign(path: &Path) -> anyhow::Result<Foreign> {
    let shown = path.display();
    let absolute = path
        .canonicalize()
        .map_err(|error| Failure::new(format!("cannot read `{shown}`")).code(Code::Usage).caused_by(error))?;
    let mut node = Command::new("node");
    node.args(["--input-type=module", "-e", EXPORT])
        .arg(url::of_file(&absolute.to_string_lossy()))
        .stdin(Stdio::null());
    let output = node.output().map_err(|error| {
        Failure::new("cannot run `node`, which is needed to read a JavaScript configuration")
            .hint("install Node.js, or run `prism init` without `--from`")
            .caused_by(error)
    })?;
    if !output.status.success() {
        let lines = String::from_utf8_lossy(&output.stderr).lines().map(str::to_owned).collect::<Vec<_>>();
        return Err(Failure::new(format!("node cannot read `{shown}`")).details(lines).into());
    }
    let value = serde_json::from_slice(&output.stdout)
        .map_err(|error| Failure::new(format!("`{shown}` does not export an object")).caused_by(error))?;
    Ok(Foreign::read(&value))
}
