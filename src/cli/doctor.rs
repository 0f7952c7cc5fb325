//! `prism doctor`: what may go wrong here, each with a remedy.

use domain::failure::{self, Failure};
use domain::printable;
use domain::stack::store;
use session::compose;
use session::docker::Engine;
use session::environment::{guard, localhost, stranger};
use session::find::Session;
use session::machine::process::interrupt::Interrupt;
use session::start::{cold, script, warm};
use session::use_case::orphan::Orphans;
use session::work::Work;

use super::context::Context;
use crate::output::Output;

/// Docker's default pools hold 31 networks.
const MANY_NETWORKS: usize = 25;

/// What was found, said as it comes.
struct Findings {
    output: Output,
    failed: bool,
}

pub(super) fn run(context: Context) -> anyhow::Result<()> {
    let mut report = Findings { output: context.output, failed: false };
    let mut reached = None;
    match context.engine().and_then(|engine| Ok((engine.version()?, engine))) {
        Ok((version, engine)) => {
            report.good(&format!("Docker Engine {version} at {}", engine.endpoint().address))?;
            reached = Some(engine);
        }
        Err(error) => report.failure(&error)?,
    }
    match compose::version(&context.caller.environment) {
        Ok(version) => report.good(&format!("Docker Compose {version}"))?,
        Err(error) => report.failure(&error)?,
    }
    if let Some(engine) = reached {
        look(&context, engine, &mut report)?;
    }
    match localhost::check("doctor", &context.caller.environment) {
        Ok(()) => report.good("`prism exec --localhost` works here")?,
        Err(failure) => report.optional(&failure.into())?,
    }
    if report.failed { Err(Failure::new("something here does not work").into()) } else { Ok(()) }
}

/// Looks at what the Engine has, and at the project of this directory.
fn look(context: &Context, mut engine: Engine, report: &mut Findings) -> anyhow::Result<()> {
    orphans(context, &mut engine, report)?;
    let networks = engine.count_networks()?;
    if networks >= MANY_NETWORKS {
        report.warning(
            &format!("{networks} networks: Docker's default address pools hold 31"),
            "`prism prune` and `docker network prune` remove unused ones; `default-address-pools` in daemon.json adds more",
        )?;
    }
    let session = match context.session(&engine) {
        Ok(session) => session,
        Err(error) if failure::code(&error) == failure::Code::NoProject => {
            return report.output.print("-     no Compose project here: nothing more to look at\n");
        }
        Err(error) => return report.failure(&error),
    };
    let mut work = Work { session, engine, interrupt: Interrupt::default(), notices: context.notices };
    work.interrupt.listen()?;
    for sentence in stranger::strangers(&work.session, &mut work.engine)? {
        report.warning(&sentence, "`prism compose ps` shows this session's own")?;
    }
    answered(&work.session, &mut work.engine, report)?;
    match cold::examine(&mut work) {
        Ok(examined) => project(&work.session, &examined, report),
        Err(error) => report.failure(&error),
    }
}

fn orphans(context: &Context, engine: &mut Engine, report: &mut Findings) -> anyhow::Result<()> {
    let claims = engine.claims()?;
    for sentence in &claims.foreign {
        report.warning(sentence, "prism neither uses nor removes it; `docker inspect` shows its labels")?;
    }
    let gone = Orphans::find(&context.caller.owner(), &claims, &engine.notes()?).gone;
    if gone.is_empty() {
        return report.good("every session has its directory");
    }
    report.warning(&format!("{} sessions whose directory is gone", gone.len()), "`prism prune` removes them")
}

/// Says who else answers at the ports of the Compose file.
fn answered(session: &Session, engine: &mut Engine, report: &mut Findings) -> anyhow::Result<()> {
    let Some(header) = warm::read_header(session) else { return Ok(()) };
    let own = header.host_ports().chain(header.apps.values().copied()).collect();
    for sentence in guard::strangers(session, engine, &guard::declared(header.in_scope()), &own)? {
        report.warning(
            &sentence,
            "a program with that number built in talks to it: stop it, let the program read the session's variables, or run it by `prism exec --localhost` (docs/localhost.md)",
        )?;
    }
    Ok(())
}

/// Says what of a project cannot be isolated, or not be followed.
fn project(session: &Session, examined: &cold::Examined, report: &mut Findings) -> anyhow::Result<()> {
    report.good(&format!("Compose accepts the project in `{}`", session.directory))?;
    if !examined.is_followed() {
        report.warning(
            "an input cannot be followed (a remote `include`, or a path with an expression that prism does not resolve)",
            "every command goes through Compose, which takes a moment; name the file plainly to avoid that",
        )?;
    }
    if let Some(sentence) = examined.lacking(session) {
        report.warning(&sentence, "a database keeps the password with which it was made: `prism destroy` first, if it has another one")?;
    }
    for sentence in &examined.plan.shared {
        report.warning(sentence, "docs/isolation.md says what that means")?;
    }
    for sentence in script::containers(session, &examined.model) {
        report.warning(
            &sentence,
            "name the service, as in `docker compose exec SERVICE …`: below `prism exec` that is this session's",
        )?;
    }
    for sentence in shared_data(session, examined) {
        report.warning(
            &sentence,
            "`data: own` for it below `services:` in prism.yaml gives each session an empty volume of its own",
        )?;
    }
    Ok(())
}

/// Finds servers whose data lie outside of the session: two of them on the same files destroy them.
fn shared_data(session: &Session, examined: &cold::Examined) -> Vec<String> {
    let found = store::shared(&examined.model, &examined.plan, &session.directory).into_iter();
    found
        .map(|(service, place)| format!("`{service}` keeps its data in {place}, which every session shares"))
        .collect()
}

impl Findings {
    fn good(&self, text: &str) -> anyhow::Result<()> {
        self.output.show(format!("ok    {}\n", printable::clean(text)))
    }

    fn warning(&self, text: &str, remedy: &str) -> anyhow::Result<()> {
        self.output.show(format!("warn  {}\n      hint: {remedy}\n", printable::clean(text)))
    }

    /// Says what does not work, to those who want it.
    fn optional(&self, error: &anyhow::Error) -> anyhow::Result<()> {
        self.output.show(format!(
            "-     no `prism exec --localhost`: {}\n",
            printable::clean(&failure::brief(error))
        ))
    }

    fn failure(&mut self, error: &anyhow::Error) -> anyhow::Result<()> {
        self.failed = true;
        let text = failure::render(error);
        let text = text.strip_prefix("prism: error: ").unwrap_or(&text).trim_end().replace('\n', "\n      ");
        self.output.show(format!("FAIL  {text}\n"))
    }
}
