//! `prism env`: the session's variables, for other programs to read.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use domain::failure::{Code, Failure};
use domain::identity::own::DIFF;
use domain::shell::layer::{Layer, Now};
use domain::text::hash::hex;
use domain::text::word::word;
use domain::text::{block, dotenv, format};
use domain::view;
use session::environment::app;
use session::find::generated;
use session::git::{self, Regard};
use session::machine::files;
use session::start::options::Options;
use session::start::up;
use session::use_case::present::Present;

use super::args::WAIT_SECONDS;
use super::context::{Context, options};
use super::shell_name;
use crate::output::Output;

/// Print the session's variables
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  prism env --explain                    where each one comes from
  prism env --write .env.local           in a block of that file; the rest of it stays as it is
  prism env --format json | jq -r .DATABASE_URL
  prism env --start --format github >> \"$GITHUB_ENV\"
  docker run --network host --env-file <(prism env --format docker) IMAGE
  eval \"$(prism env --shell bash)\"          the same for zsh and sh
  prism env --shell fish | source")]
pub(super) struct EnvArgs {
    /// How to print them
    #[arg(long, value_name = "FORMAT", default_value = "dotenv")]
    pub(super) format: EnvFormat,
    /// As this app of prism.yaml gets them
    #[arg(long, value_name = "APP")]
    pub(super) app: Option<String>,
    /// Write them into FILE, in a block that the next run replaces
    #[arg(long, value_name = "FILE", conflicts_with = "explain")]
    pub(super) write: Option<PathBuf>,
    /// Start the stack if it is not up
    #[arg(long)]
    pub(super) start: bool,
    /// Say of each variable which service, container port and rule it comes from
    #[arg(long)]
    pub(super) explain: bool,
    /// Show passwords
    #[arg(long, requires = "explain")]
    pub(super) show_secrets: bool,
    /// Print code that sets them in SHELL [default: the one that runs prism]
    #[arg(
        long,
        value_name = "SHELL",
        num_args = 0..=1,
        default_missing_value = shell_name::GUESS,
        value_parser = shell_name::parser_or_guess(),
        conflicts_with_all = ["format", "write", "start", "explain"],
    )]
    pub(super) shell: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum EnvFormat {
    /// NAME=value lines, quoted where needed
    Dotenv,
    /// One object
    Json,
    /// For GitHub Actions' `$GITHUB_ENV`
    Github,
    /// For `docker run --env-file`
    Docker,
}

pub(super) fn run(context: Context, args: &EnvArgs) -> anyhow::Result<()> {
    let (output, notices) = (context.output, context.notices);
    if let Some(name) = &args.shell {
        return snippet(context, name, args.app.as_deref());
    }
    let present = if args.start { started(&context, args)? } else { context.running()? };
    let mut variables = present.variables()?;
    variables.refresh_dotenv(&present.work.session, notices);
    if let Some(app) =
        app::find(&present.work.session, args.app.as_deref(), context.caller.directory.as_deref())?
    {
        app::add(&mut variables, &present.work.session, app)?;
    }
    let notes: Vec<String> = variables.missing.iter().map(ToString::to_string).collect();
    if args.explain {
        let shown = view::variable::shown(&variables.variables, &variables.own, args.show_secrets);
        return output.print(match args.format {
            EnvFormat::Json => view::variable::json(&shown, &notes)?,
            EnvFormat::Dotenv => view::variable::text(&shown, &notes),
            EnvFormat::Github | EnvFormat::Docker => {
                return Err(Failure::new("`--explain` has no such format")
                    .code(Code::Usage)
                    .hint("`prism env --explain` prints a table, with `--format json` a document")
                    .into());
            }
        });
    }
    for note in &notes {
        output.detail(note);
    }
    let all = variables.all();
    let text = match args.format {
        EnvFormat::Dotenv => {
            let written = dotenv::write(all.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            if !written.doubtful.is_empty() {
                output.note(format!(
                    "no quoting carries {} to every reader: written as Docker Compose reads it",
                    written.doubtful.join(", ")
                ));
            }
            written.text
        }
        EnvFormat::Json => format::json(&all)?,
        EnvFormat::Github => format::github(&all, &delimiter()?),
        EnvFormat::Docker => {
            let (text, left_out) = format::docker(&all);
            if !left_out.is_empty() {
                output.note(format!("left out, as Docker reads values of one line: {}", left_out.join(", ")));
            }
            text
        }
    };
    match &args.write {
        None => output.print(text),
        Some(path) => {
            write(path, &text, args.format, &present)?;
            if variables.variables.iter().any(|variable| variable.secret) {
                warn_of_git(path, output);
            }
            Ok(())
        }
    }
}

/// Says that git would carry passwords elsewhere.
fn warn_of_git(path: &Path, output: Output) {
    let shown = path.display();
    match git::regard(path) {
        None => {}
        Some(Regard::Tracked) => output.note(format!(
            "git tracks `{shown}`, which has passwords in it now; take another file, as in `prism env --write .env.local`"
        )),
        Some(Regard::Untracked(top, below)) => output.note(format!(
            "git does not ignore `{shown}`, which has passwords in it now; `printf '%s\\n' {} >> {}` makes it",
            word(pattern(&below.to_string_lossy())),
            word(top.join(".gitignore").display()),
        )),
    }
}

/// Writes a path as a pattern of git's for nothing else.
fn pattern(below: &str) -> String {
    let escaped = |c: char| if "\\*?[ ".contains(c) { vec!['\\', c] } else { vec![c] };
    std::iter::once('/').chain(below.chars().flat_map(escaped)).collect()
}

/// Brings the session up first.
fn started(context: &Context, args: &EnvArgs) -> anyhow::Result<Present> {
    let mut work = context.work()?;
    let app = app::find(&work.session, args.app.as_deref(), context.caller.directory.as_deref())?
        .map(str::to_owned);
    let up = up::up(&mut work, &Options { app, ..options(true, &[], WAIT_SECONDS) })?;
    Ok(Present { work, header: Some(up.header), containers: up.containers })
}

/// Writes the lines into a file of the user's.
fn write(path: &Path, lines: &str, format: EnvFormat, present: &Present) -> anyhow::Result<()> {
    let shown = path.display();
    let refused = |why: &str, hint: &str| {
        Failure::new(format!("cannot write into `{shown}`: {why}")).code(Code::Usage).hint(hint.to_owned())
    };
    if format == EnvFormat::Json {
        return Err(refused(
            "JSON has no comments to mark a block with",
            "redirect: `prism env --format json > FILE`",
        )
        .into());
    }
    if path.exists() && !path.is_file() {
        return Err(refused("it is not a regular file", "leave `--write` away and redirect").into());
    }
    if is_input(path, present) {
        return Err(refused(
            "Docker Compose or prism reads it, so the stack itself would change",
            "`prism env --write .env.local`",
        )
        .into());
    }
    let old = files::read(path)?.unwrap_or_default();
    let new = match format {
        // There, a line that is no variable is an error; and each step of a job has a file of its own.
        EnvFormat::Github => [&old, lines.as_bytes()].concat(),
        _ => block::replace(&old, lines)
            .map_err(|error| Failure::new(format!("cannot write into `{shown}`")).caused_by(error))?,
    };
    if new == old { Ok(()) } else { files::rewrite(path, &new) }
}

/// Says whether the stack depends on a file, or prism wrote it.
fn is_input(path: &Path, present: &Present) -> bool {
    let whole = |path: &Path| {
        let directory = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let directory = directory.canonicalize().ok()?;
        path.canonicalize().ok().or_else(|| Some(directory.join(path.file_name()?)))
    };
    let session = &present.work.session;
    let own =
        generated::NAMES.iter().map(|name| session.generated(name)).chain([session.path().join(".env")]);
    let inputs = present.header.iter().flat_map(|header| header.inputs.keys().map(PathBuf::from));
    let path = whole(path);
    own.into_iter().chain(inputs).any(|input| whole(&input) == path)
}

/// Makes a line that no value holds.
fn delimiter() -> anyhow::Result<String> {
    let mut bytes = [0; 16];
    fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(format!("prism_{}", hex(&bytes)))
}

/// Prints what makes a shell hold exactly this session's variables.
fn snippet(context: Context, name: &str, app: Option<&str>) -> anyhow::Result<()> {
    let shell = shell_name::find(Some(name))?;
    let output = context.output;
    let present = context.running_for_shell()?;
    let now = Now::new(std::env::vars_os());
    let mut variables = present.variables()?;
    if let Some(app) = app::find(&present.work.session, app, context.caller.directory.as_deref())? {
        app::add(&mut variables, &present.work.session, app)?;
    }
    let offer = variables.offer(&present.work.session);
    output.print(shell.render(&Layer::read(now.get(DIFF)).settle(&now, &offer)))
}
