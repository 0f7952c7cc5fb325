//! `prism hook`: the code that keeps a shell's variables right, and what that asks at each prompt.

mod direnv;

use std::path::Path;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use domain::failure::{self, Code, Failure};
use domain::identity::own::{AWAY, DIFF, DIRENV};
use domain::shell::layer::{Layer, Now, SILENCE, Sight};
use domain::shell::{SHELLS, Shell};
use domain::text::hash::content_hash;
use session::docker::Endpoint;
use session::find::{Caller, Session};
use session::glance;

use super::context::Context;
use super::shell_name;

/// Print the code that sets a session's variables whenever a shell is in its directory
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  eval \"$(prism hook bash)\"               in ~/.bashrc; zsh: the same in ~/.zshrc
  prism hook fish | source                in ~/.config/fish/config.fish
  prism hook direnv > ~/.config/direnv/lib/prism.sh
                                          then `use prism` in an .envrc
docs/shells.md has the line for every shell.")]
pub(super) struct HookArgs {
    /// The shell [default: the one that runs prism]
    #[arg(value_parser = parser())]
    shell: Option<String>,
    /// What the hook itself asks at each prompt
    #[arg(long, hide = true, requires = "shell")]
    at_prompt: bool,
    /// The same right after `cd`, for what follows on that line
    #[arg(long, hide = true, requires = "shell", conflicts_with = "at_prompt")]
    at_cd: bool,
    /// `use prism --start`
    #[arg(long, hide = true, requires = "at_prompt")]
    start: bool,
}

const DIRENV_NAME: &str = "direnv";

fn parser() -> impl TypedValueParser<Value = String> {
    let hooked = SHELLS.iter().filter(|shell| shell.has_hook()).map(|shell| shell.name);
    PossibleValuesParser::new(hooked.chain([DIRENV_NAME]))
}

pub(super) fn run(context: Context, args: HookArgs) -> anyhow::Result<()> {
    let direnv = args.shell.as_deref() == Some(DIRENV_NAME);
    let shell = shell_name::find(if direnv { Some("bash") } else { args.shell.as_deref() })?;
    match (args.at_prompt, direnv) {
        (true, true) => return direnv::evaluate(context, shell, args.start),
        (true, false) => return at_prompt(&context, shell, false),
        _ if args.at_cd => return at_prompt(&context, shell, true),
        _ => {}
    }
    let program = std::env::current_exe()?;
    let program = program.to_str().ok_or_else(|| Failure::new("the path of prism is not UTF-8"))?;
    let code = if direnv { Some(domain::shell::direnv(program)) } else { shell.hook(program) };
    let code = code.ok_or_else(|| {
        Failure::new(format!("`{}` has no prompts to hook into", shell.name))
            .code(Code::Usage)
            .hint("`eval \"$(prism env --shell sh)\"` sets the variables once")
    })?;
    context.output.print(code)
}

/// Prints what the shell has to change, at a prompt or right after `cd`. Never fails: that would be said at each prompt.
fn at_prompt(context: &Context, shell: &Shell, is_after_cd: bool) -> anyhow::Result<()> {
    let now = Now::new(std::env::vars_os());
    let layer = Layer::read(now.get(DIFF));
    let directory = std::env::current_dir()
        .ok()
        .and_then(|start| session::find::locate(&start, &context.caller.environment));
    let claim = now.get(DIRENV);
    let silence = layer.silent_until.filter(|_| layer.is_silent(glance::now()));
    let (sight, memory) = match directory {
        directory if is_after_cd && claim.is_some_and(|of| !is_of(directory.as_deref(), of)) => {
            (Sight::Awaited, Memory { silent_until: silence, ..Memory::default() })
        }
        None if now.get(DIFF).or(now.get(AWAY)).is_none() => return Ok(()),
        None => (Sight::Nothing, Memory { silent_until: silence, ..Memory::default() }),
        Some(directory) if claim.is_some_and(|of| is_of(Some(&directory), of)) => {
            (Sight::HandedOver, Memory::default())
        }
        // direnv, which has its say at the prompt, would take what is set now for the shell's own.
        Some(directory) if is_after_cd && has_envrc(&directory) => {
            (Sight::Nothing, Memory { silent_until: silence, ..Memory::default() })
        }
        Some(directory) => look(&context.caller, &directory, &layer),
    };
    let told = memory.message.as_ref().map(|message| content_hash(message.as_bytes()));
    if let Some(message) = memory.message.as_ref().filter(|_| told != layer.told) {
        context.output.error(message);
    }
    let steps = layer.step(&now, &sight, |next| {
        next.silent_until = memory.silent_until;
        next.told = if memory.silent_until.is_some() { layer.told.clone() } else { told };
    });
    if steps.is_empty() { Ok(()) } else { context.output.print(shell.render(&steps)) }
}

/// Says whether a session's directory is the one that direnv claims.
fn is_of(directory: Option<&Path>, claim: &str) -> bool {
    directory.is_some_and(|directory| directory == Path::new(claim))
}

/// Says whether direnv may have something to say between the working directory and that of a session, or above.
fn has_envrc(directory: &Path) -> bool {
    let here = std::env::current_dir().unwrap_or_else(|_| directory.to_path_buf());
    here.ancestors().any(|directory| directory.join(".envrc").exists())
}

/// What is to be remembered until the next prompt.
#[derive(Debug, Default)]
struct Memory {
    silent_until: Option<u64>,
    message: Option<String>,
}

/// Looks at the session of the working directory, unless the Engine was too slow a moment ago.
fn look(caller: &Caller, directory: &Path, layer: &Layer) -> (Sight, Memory) {
    let found = Endpoint::discover(&caller.environment)
        .map_err(anyhow::Error::from)
        .and_then(|endpoint| Ok((Session::find_unread(&endpoint, caller)?, endpoint)));
    let (session, endpoint) = match found {
        Ok(found) => found,
        // Somebody removed the project, or the directory, a moment ago.
        Err(error) if failure::code(&error) == Code::NoProject || caller.directory.is_none() => {
            return (Sight::Nothing, Memory::default());
        }
        Err(error) => {
            // Without an address there is no identity: the directory has to do.
            let here = directory.to_string_lossy().into_owned();
            return (
                Sight::Unknown(here),
                Memory { message: Some(failure::render(&error)), silent_until: None },
            );
        }
    };
    let unknown = Sight::Unknown(session.id.to_string());
    let time = glance::now();
    if layer.is_silent(time) {
        return (unknown, Memory { silent_until: layer.silent_until, message: None });
    }
    match glance::within_budget(move || glance::variables(session, endpoint)) {
        Some((sight, message)) => (sight, Memory { silent_until: None, message }),
        None => (unknown, Memory { silent_until: Some(time + SILENCE), message: None }),
    }
}
