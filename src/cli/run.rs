//! From arguments to an exit status: parse, run the verb, report.

use std::ffi::OsString;
use std::io::IsTerminal;

use clap::{Args, Command, CommandFactory, FromArgMatches, Parser};
use clap_complete::CompleteEnv;
use domain::failure::{self, Code, Failure};
use domain::text::word::word;
use session::machine::process::interrupt::end_by;
use session::machine::timing;

use super::context::{self, Context};
use super::{
    Cli, Global, Verb, careful, complete, completions, compose, create, destroy, doctor, env, exec, get,
    hook, info, init, list, logs, man, ports, prompt, prune, restart, shell, snapshot, start, stop, stop_all,
};
use crate::output::{Color, Output};

/// Runs prism with these arguments, the first of which is its own name. Returns the exit status.
pub fn run(arguments: impl Iterator<Item = OsString>) -> u8 {
    let arguments: Vec<OsString> = arguments.collect();
    if std::env::var_os(complete::ASKED).is_some() {
        return answer_completion(arguments);
    }
    let cli = match parse(&arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error, &arguments),
    };
    let Global { enter, quiet, verbose, timings, color } = cli.global;
    if timings || std::env::var_os("PRISM_TIMINGS").is_some_and(|value| value == "1") {
        timing::enable();
    }
    let output = Output::new(quiet, verbose, color);
    let is_exec = matches!(cli.verb, Verb::Exec(_) | Verb::Shell(_));
    let is_sent = enter.is_some();
    let entered = enter.map_or(Ok(()), |directory| context::enter(&directory));
    let sent_to = std::env::current_dir().ok().filter(|_| is_sent);
    let goes_itself = goes_itself(&cli.verb);
    let result = entered.and_then(|()| verb(cli.verb, output));
    output.timings(timing::report());
    match result {
        Ok(status) => status,
        Err(mut error) => {
            let gone_to = if goes_itself { std::env::current_dir().ok() } else { sent_to };
            if let Some(directory) = gone_to {
                failure::tell_directory(&mut error, &word(directory.display()));
            }
            output.error(&failure::render(&error));
            let code = failure::code(&error);
            match code {
                Code::Interrupted(signal) => end_by(signal),
                _ => status(code, is_exec),
            }
        }
    }
}

/// Reports why prism, started by itself, cannot run a command. Returns the exit status.
pub fn fail(failure: Failure) -> u8 {
    let error = failure.into();
    Output::new(false, false, Color::Auto).error(&failure::render(&error));
    status(failure::code(&error), true)
}

/// Says whether a verb goes to the directory that it is told.
fn goes_itself(verb: &Verb) -> bool {
    let directory = match verb {
        Verb::Start(args) => &args.directory,
        Verb::Restart(args) => &args.directory,
        Verb::Info(args) => &args.directory,
        _ => return false,
    };
    directory.directory.is_some()
}

/// Parses a command line. The verbs of which every prompt and every test run waits for the end are parsed without a
/// description of all others; what cannot be parsed so is told in the light of all.
fn parse(arguments: &[OsString]) -> Result<Cli, clap::Error> {
    let frequent = match verb_name(arguments) {
        Some("exec") => alone("exec", Verb::Exec, arguments),
        Some("env") => alone("env", Verb::Env, arguments),
        Some("hook") => alone("hook", Verb::Hook, arguments),
        Some("prompt") => alone("prompt", Verb::Prompt, arguments),
        _ => None,
    };
    frequent.map_or_else(|| Cli::try_parse_from(arguments), Ok)
}

/// Parses the command line of one verb; `None` if it is not to be parsed so.
fn alone<A: Args>(name: &'static str, verb: impl FnOnce(A) -> Verb, arguments: &[OsString]) -> Option<Cli> {
    let verbs = A::augment_args(Command::new(name));
    let matches = Global::augment_args(Command::new("prism")).subcommand(verbs);
    let mut matches = matches.try_get_matches_from(arguments).ok()?;
    let (_, mut own) = matches.remove_subcommand()?;
    let args = A::from_arg_matches_mut(&mut own).ok()?;
    Some(Cli { global: Global::from_arg_matches_mut(&mut matches).ok()?, verb: verb(args) })
}

/// Answers a completion script, which writes the answer itself.
fn answer_completion(arguments: Vec<OsString>) -> u8 {
    let completion = CompleteEnv::with_factory(Cli::command).var(complete::ASKED).shells(careful::SHELLS);
    match completion.try_complete(arguments, std::env::current_dir().ok().as_deref()) {
        Ok(_) => 0,
        Err(error) => usage(&error, &[]),
    }
}

/// Runs a verb. Only `exec` has a status of its own, that of a supervised child.
fn verb(verb: Verb, output: Output) -> anyhow::Result<u8> {
    let context = Context::new(output);
    let done = match verb {
        Verb::Exec(args) => return exec::run(context, args),
        Verb::Shell(_) => return shell::run(context),
        Verb::Create(args) => create::run(context, args),
        Verb::Start(args) => start::run(context, args),
        Verb::Stop(args) => stop::run(context, args),
        Verb::StopAll => stop_all::run(context),
        Verb::Restart(args) => restart::run(context, args),
        Verb::Logs(args) => logs::run(context, args),
        Verb::Prune(args) => prune::run(context, args),
        Verb::Destroy(args) => destroy::run(context, args),
        Verb::Info(args) => info::run(context, &args),
        Verb::List(args) => list::run(&context, &args),
        Verb::Ports(args) => ports::run(context, args),
        Verb::Snapshot(args) => snapshot::run(context, args),
        Verb::Env(args) => env::run(context, &args),
        Verb::Get(args) => get::run(context, &args),
        Verb::Compose(args) => compose::run(context, args),
        Verb::Doctor => doctor::run(context),
        Verb::Init(args) => init::run(context, args),
        Verb::Hook(args) => hook::run(context, args),
        Verb::Prompt(args) => prompt::run(context, args),
        Verb::Completions(args) => completions::run(context, args),
        Verb::Man(args) => man::run(context, args),
    };
    done.map(|()| 0)
}

/// Shows help on stdout, a mistake on stderr.
fn usage(error: &clap::Error, arguments: &[OsString]) -> u8 {
    let output = Output::new(false, false, Color::Auto);
    let text = error.render();
    if !error.use_stderr() {
        let shown = if std::io::stdout().is_terminal() && output.color_stdout {
            text.ansi().to_string()
        } else {
            text.to_string()
        };
        return u8::from(output.print(shown).is_err());
    }
    let text = text.to_string();
    output.error(
        &text.strip_prefix("error:").map_or_else(|| text.clone(), |rest| format!("prism: error:{rest}")),
    );
    status(Code::Usage, verb_name(arguments) == Some("exec"))
}

/// Finds the verb of a command line that is not parsed yet, or cannot be.
fn verb_name(arguments: &[OsString]) -> Option<&str> {
    let mut words = arguments.iter().skip(1);
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("-C" | "--directory" | "--color") => drop(words.next()),
            Some(flag) if flag.starts_with('-') => {}
            other => return other,
        }
    }
    None
}

/// Translates a failure's kind to an exit status (DESIGN.md, section 11).
fn status(code: Code, is_exec: bool) -> u8 {
    match code {
        Code::CommandNotFound => 127,
        Code::CommandNotExecutable => 126,
        Code::Interrupted(signal) => u8::try_from(128 + signal).unwrap_or(125),
        _ if is_exec => 125,
        Code::Usage => 2,
        Code::NoSession | Code::NoProject => 3,
        Code::General => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_verb_of_a_broken_command_line_is_found() {
        for (line, expected) in [
            ("prism exec --bogus", Some("exec")),
            ("prism -C x -q exec", Some("exec")),
            ("prism env exec", Some("env")),
            ("prism", None),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(verb_name(&words), expected, "{line}");
        }
    }

    #[test]
    fn exit_statuses() {
        for (kind, exec, other) in [
            (Code::General, 125, 1),
            (Code::Usage, 125, 2),
            (Code::NoSession, 125, 3),
            (Code::NoProject, 125, 3),
            (Code::CommandNotFound, 127, 127),
            (Code::CommandNotExecutable, 126, 126),
            (Code::Interrupted(15), 143, 143),
        ] {
            assert_eq!((status(kind, true), status(kind, false)), (exec, other), "{kind:?}");
        }
    }
}
