//! `prism compose`: Docker Compose on this session, the override brought up to date first.

use std::ffi::OsString;

use clap::Args;

use super::context::Context;
use crate::domain::environment::Environment;
use crate::error::{Failure, Kind};
use crate::process::exec;
use crate::process::interrupt::Interrupt;
use crate::session::{cold, owner};

/// Run `docker compose` on this session
#[derive(Debug, Args)]
#[command(
    disable_version_flag = true,
    after_help = "`prism compose VERB --help` is Docker's, also where there is no project.

Examples:
  prism compose ps
  prism compose logs -f db
  prism compose exec db psql -U postgres"
)]
pub(super) struct ComposeArgs {
    /// What `docker compose` takes, other than -p and -f
    #[arg(value_name = "ARGS", trailing_var_arg = true, allow_hyphen_values = true)]
    pub(super) arguments: Vec<OsString>,
}

/// Verbs of Compose's that start what is stopped.
const STARTING: [&str; 7] = ["up", "start", "restart", "run", "scale", "unpause", "watch"];

pub(super) fn run(context: Context, args: ComposeArgs) -> anyhow::Result<()> {
    refuse_other_projects(&args.arguments)?;
    if asks_for_help(&args.arguments) {
        let words = ["docker", "compose"].map(OsString::from).into_iter().chain(args.arguments);
        return Err(exec::replace(&words.collect::<Vec<_>>(), &context.caller).into());
    }
    let interrupt = Interrupt::default();
    let (endpoint, mut engine) = context.engine_until(&interrupt)?;
    let session = context.session(&endpoint)?;
    owner::refuse_all(&mut engine, &session.id, &session.directory)?;
    interrupt.listen()?;
    let compose = cold::refresh(&session, &mut engine, &endpoint, context.output, &interrupt)?;
    let words: Vec<String> =
        args.arguments.iter().filter_map(|word| word.to_str()).map(str::to_owned).collect();
    if words.iter().any(|word| STARTING.contains(&word.as_str())) {
        cold::check_writers(&session, &mut engine, &endpoint, &words, &interrupt)?;
    }
    let command = compose.command();
    let mut words: Vec<OsString> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(OsString::from).collect();
    words.extend(args.arguments);
    let mut environment: Environment = compose.environment;
    // `${PWD}` in a Compose file means the session directory, from wherever prism is called.
    environment.retain(|(name, _)| name != "PWD");
    environment.push(("PWD".into(), session.directory.clone().into()));
    drop((engine, interrupt));
    Err(exec::replace(&words, &environment).into())
}

/// Whether a verb of Compose's is to be explained, for which there need be no session.
fn asks_for_help(arguments: &[OsString]) -> bool {
    matches!(arguments, [verb, flag] if flag == "--help" && !verb.as_encoded_bytes().starts_with(b"-"))
}

/// Refuses to address another project. After Compose's own verb, `-f` and `-p` mean other things.
fn refuse_other_projects(arguments: &[OsString]) -> Result<(), Failure> {
    const OF_THE_SESSION: [&str; 5] = ["-p", "-f", "--file", "--project-name", "--project-directory"];
    const WITH_VALUE: [&str; 5] = ["--ansi", "--env-file", "--parallel", "--profile", "--progress"];
    let mut words = arguments.iter().filter_map(|word| word.to_str());
    while let Some(word) = words.next() {
        let flag = word.split('=').next().unwrap_or(word);
        let is_joined = !word.starts_with("--") && (word.starts_with("-p") || word.starts_with("-f"));
        if OF_THE_SESSION.contains(&flag) || is_joined {
            return Err(Failure::new(format!(
                "`prism compose {word}`: the project and its files are the session's"
            ))
            .kind(Kind::Usage)
            .hint("use `docker compose` for another project"));
        }
        if !word.starts_with('-') {
            return Ok(());
        }
        if WITH_VALUE.contains(&word) {
            words.next();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_asked_of_a_verb_not_of_what_it_runs() {
        for (line, expected) in
            [("up --help", true), ("exec db psql --help", false), ("--progress --help", false), ("up", false)]
        {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(asks_for_help(&words), expected, "{line}");
        }
    }

    #[test]
    fn only_before_the_verb_is_another_project_meant() {
        for (line, allowed) in [
            ("ps", true),
            ("logs -f db", true),
            ("--profile x up -d", true),
            ("-p other ps", false),
            ("-pother ps", false),
            ("-f x.yaml ps", false),
            ("--file=x.yaml ps", false),
            ("--ansi never --project-name x ps", false),
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            assert_eq!(refuse_other_projects(&words).is_ok(), allowed, "{line}");
        }
    }
}
