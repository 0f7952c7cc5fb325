//! A look at a session from a prompt: within a budget, changing nothing.

use std::sync::mpsc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use domain::engine::container::{Container, State};
use domain::failure;
use domain::shell::layer::{Offer, Sight};
use domain::stack::header::Header;

use crate::docker::{Endpoint, Engine};
use crate::environment;
use crate::find::{Consent, Session, reach};
use crate::start::warm;

/// How long a prompt may be kept waiting.
pub const BUDGET: Duration = Duration::from_millis(250);

/// How long of that the Engine's list may lag behind a container that has just ended.
const LIST_LAG: Duration = Duration::from_millis(150);

/// What is said, once, of a `prism.yaml` that does not count yet.
pub const UNAPPROVED: &str =
    "prism.yaml is not the one that this session was started with: `prism start` or `prism exec` approves it";

/// Returns the time in seconds since 1970.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Answers `question` within the budget. `None`: it did not; whatever still waits ends with the process.
pub fn within_budget<T: Send + 'static>(question: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || sender.send(question()));
    receiver.recv_timeout(BUDGET).ok()
}

/// Asks the Engine for the variables that a session gives a shell, and what there is to say.
pub fn variables(mut session: Session, endpoint: Endpoint) -> (Sight, Option<String>) {
    let unknown = Sight::Unknown(session.id.to_string());
    let Some((engine, mut containers)) = containers(&session, endpoint) else { return (unknown, None) };
    if !containers.iter().any(|container| container.state == State::Running) {
        return (Sight::Nothing, None);
    }
    let offered = session.read_approved(&engine).and_then(|consent| {
        // One that Compose was not seen to bring up says nothing of what runs.
        let header = warm::read_header(&session).filter(|header| header.settled);
        environment::dress(&session, header.as_ref(), &mut containers);
        let variables = environment::variables(&session, &engine, header.as_ref(), &containers)?;
        Ok((consent, variables))
    });
    match offered {
        Ok((consent, variables)) => {
            let message = matches!(consent, Consent::Missing(_)).then(|| format!("prism: {UNAPPROVED}\n"));
            (Sight::Up(variables.offer(&session)), message)
        }
        Err(error) => (unknown, Some(failure::render(&error))),
    }
}

/// Asks the Engine what runs of a session, and reads what should. `None`: the Engine could not be asked.
pub fn state(session: &Session, endpoint: Endpoint) -> Option<(Option<Header>, Vec<Container>)> {
    let mut engine = Engine::new(endpoint).ok()?;
    let mut containers = engine.session(&session.id).ok()?;
    let header = warm::read_header(session);
    environment::dress(session, header.as_ref(), &mut containers);
    Some((header, containers))
}

fn containers(session: &Session, endpoint: Endpoint) -> Option<(Engine, Vec<Container>)> {
    let mut engine = Engine::new(endpoint).ok()?;
    engine.begin(&session.id);
    let likely = warm::read_header(session).map(|header| header.inspected).unwrap_or_default();
    let containers = engine.look(&session.id, &likely).ok()?;
    let containers = reach::settled(&mut engine, &session.id, containers, LIST_LAG).ok()?;
    (!reach::is_behind(&engine, &containers)).then_some((engine, containers))
}

impl environment::SessionVariables {
    /// Returns what a shell is offered of them.
    pub fn offer(mut self, session: &Session) -> Offer {
        // What says where Compose publishes would go into every other stack that is started in that shell.
        let targets = &self.targets;
        self.variables.retain(|variable| variable.file.is_none() || !targets.is_of_compose(&variable.name));
        Offer { session: session.id.to_string(), variables: self.variables, own: self.own }
    }
}
