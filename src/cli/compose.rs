//! `prism compose`: Docker Compose on this session, the override brought up to date first.

use std::ffi::OsString;

use clap::Args;
use domain::environment::Environment;
use domain::failure::{Code, Failure};
use session::find::owner;
use session::machine::process::exec;
use session::start::cold;
use session::work::Work;

use super::context::Context;

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
        return Err(exec::replace(&words.collect::<Vec<_>>(), &context.caller.own).into());
    }
    let mut work = context.work()?;
    owner::refuse_all(&mut work.engine, &work.session.id, &work.session.directory)?;
    work.interrupt.listen()?;
    let compose = cold::refresh(&mut work)?;
    if let [verb, words @ ..] = &from_verb(&args.arguments)[..]
        && STARTING.contains(verb)
    {
        cold::check_writers(&mut work, words)?;
    }
    let command = compose.command();
    let mut words: Vec<OsString> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(OsString::from).collect();
    words.extend(args.arguments);
    let mut environment: Environment = compose.environment;
    // `${PWD}` in a Compose file means the session directory, from wherever prism is called.
    environment.retain(|(name, _)| name != "PWD");
    environment.push(("PWD".into(), work.session.directory.clone().into()));
    let Work { interrupt, .. } = work;
    interrupt.release()?;
    Err(exec::replace(&words, &environment).into())
}

/// Whether a verb of Compose's is to be explained, for which there need be no session.
fn asks_for_help(arguments: &[OsString]) -> bool {
    matches!(arguments, [verb, flag] if flag == "--help" && !verb.as_encoded_bytes().starts_with(b"-"))
}

/// Refuses to address another project. After Compose's own verb, `-f` and `-p` mean other things.
fn refuse_other_projects(arguments: &[OsString]) -> Result<(), Failure> {
    const OF_THE_SESSION: [&str; 5] = ["-p", "-f", "--file", "--project-name", "--project-directory"];
    let before = arguments.len() - from_verb(arguments).len();
    for word in arguments[..before].iter().filter_map(|word| word.to_str()) {
        let flag = word.split('=').next().unwrap_or(word);
        let is_joined = !word.starts_with("--") && (word.starts_with("-p") || word.starts_with("-f"));
        if OF_THE_SESSION.contains(&flag) || is_joined {
            return Err(Failure::new(format!(
                "`prism compose {word}`: the project and its files are the session's"
            ))
            .code(Code::Usage)
            .hint("use `docker compose` for another project"));
        }
    }
    Ok(())
}

/// Returns the words from Compose's own verb on; of one that is not UTF-8, nothing.
fn from_verb(arguments: &[OsString]) -> Vec<&str> {
    const WITH_VALUE: [&str; 10] = [
        "--ansi",
        "--env-file",
        "--file",
        "--parallel",
        "--profile",
        "--progress",
        "--project-directory",
        "--project-name",
        "-f",
        "-p",
    ];
    let words: Vec<&str> = arguments.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    let mut at = 0;
    while words.get(at).is_some_and(|word| word.starts_with('-')) {
        at += if WITH_VALUE.contains(&words[at]) { 2 } else { 1 };
    }
    words.get(at..).unwrap_or_default().to_vec()
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
    fn the_verb_is_composes_own() {
        for (line, expected) in [
            ("up -d db", "up -d db"),
            ("--profile x --ansi=never run db", "run db"),
            ("exec web npm run start", "exec web npm run start"),
            ("-p other up", "up"),
            ("--profile", ""),
            ("", ""),
        ] {
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            assert_eq!(from_verb(&words).join(" "), expected, "{line}");
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
