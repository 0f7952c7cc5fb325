//! What every verb begins with: the caller's environment, the Engine, the session of a directory.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::engine::container::{Container, State};
use domain::environment::{Environment, scrubbed};
use domain::failure::{self, Failure, Kind};
use domain::identity::name::{ServiceName, SessionId, Suffix};
use domain::shell::original::original;
use domain::stack::header::Header;
use domain::worktree::checkout::{self, Checkout};
use session::data;
use session::docker::{self, Endpoint, Engine};
use session::end::worktree::Worktree;
use session::environment::{self, SessionVariables, dotenv};
use session::find::{Consent, Ephemeral, Session, going, owner, reach};
use session::git::Repository;
use session::machine::lock::Lock;
use session::machine::process::interrupt::Interrupt;
use session::machine::{files, timing};
use session::notice::Notices;
use session::start::options::Options;
use session::start::patience::{LIMIT, patience};
use session::start::{up, warm};
use session::{compose, glance};

use crate::output::Output;

/// What a verb works with.
#[derive(Debug)]
pub(super) struct Context {
    /// Where it speaks.
    pub(super) output: Output,
    /// Where the session tells what happens: the same.
    pub(super) notices: Notices,
    /// The environment as it was before any prism, for what Compose reads.
    pub(super) environment: Environment,
    /// The environment without anything that an outer prism set, for a command. What a hook replaced stays away.
    pub(super) caller: Environment,
    owner: OnceCell<String>,
}

/// A session by its directory, whether or not that still has a Compose file, or exists at all.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) directory: PathBuf,
    pub(super) id: SessionId,
    /// What its identity ends with if it is for one command only, and not the directory's own.
    pub(super) ephemeral: Option<Suffix>,
}

impl Target {
    /// Takes a directory: its own session, or the ephemeral one of it that this process was started for.
    fn of(directory: PathBuf, endpoint: &Endpoint) -> anyhow::Result<Self> {
        let text = directory.to_str().ok_or_else(|| Failure::new("the directory's name is not UTF-8"))?;
        let machine = endpoint.shared.then(|| docker::machine_at(&directory));
        let id = SessionId::new(text, machine.as_deref());
        let named = std::env::var_os("PRISM_SESSION");
        let named = named.as_deref().and_then(|named| named.to_str());
        Ok(match named.map(|named| Ephemeral::find(&id, named)).transpose()?.flatten() {
            Some(found) => Self { directory, id: found.id(&id), ephemeral: Some(found.suffix) },
            None => Self { directory, id, ephemeral: None },
        })
    }
}

/// A session as it is, without starting anything.
#[derive(Debug)]
pub(super) struct Present {
    pub(super) session: Session,
    pub(super) endpoint: Endpoint,
    pub(super) engine: Engine,
    pub(super) header: Option<Header>,
    pub(super) containers: Vec<Container>,
}

impl Present {
    /// Gives itself back if something of it runs.
    fn running(self) -> anyhow::Result<Self> {
        if self.containers.iter().any(|container| container.state == State::Running) {
            return Ok(self);
        }
        Err(Failure::new(format!("the session of `{}` is stopped", self.session.directory))
            .hint("`prism start` brings it up")
            .into())
    }

    /// Derives its variables.
    pub(super) fn variables(&self) -> anyhow::Result<SessionVariables> {
        let Self { session, endpoint, engine, header, containers } = self;
        environment::variables(session, engine, endpoint, header.as_ref(), containers)
    }
}

/// A directory or a branch, as somebody named it to a verb.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named<'a> {
    pub(super) word: &'a Path,
    /// The verb, for hints that say the same again.
    pub(super) verb: &'static str,
}

impl Context {
    pub(super) fn new(output: Output) -> Self {
        let whole: Environment = std::env::vars_os().collect();
        let environment = original(whole.clone());
        let environment = match std::env::current_dir() {
            Ok(here) => compose::anchored(environment, &here),
            Err(_) => environment,
        };
        Self {
            output,
            notices: Notices::to(Box::leak(Box::new(output))),
            environment,
            caller: scrubbed(whole),
            owner: OnceCell::new(),
        }
    }

    /// Names this user on this machine, as labels do.
    pub(super) fn owner(&self) -> &str {
        self.owner.get_or_init(docker::owner)
    }

    /// Keeps this user's containers, and those of other tools, which name no owner.
    pub(super) fn own(&self, mut containers: Vec<Container>) -> Vec<Container> {
        containers.retain(|container| container.label("owner").is_none_or(|owner| owner == self.owner()));
        containers
    }

    /// Finds the Engine.
    pub(super) fn engine(&self) -> anyhow::Result<(Endpoint, Engine)> {
        self.engine_until(&Interrupt::default())
    }

    /// The same, for a verb that listens: a signal ends every wait for an answer.
    pub(super) fn engine_until(&self, interrupt: &Interrupt) -> anyhow::Result<(Endpoint, Engine)> {
        let endpoint = Endpoint::discover(&self.environment)?;
        let mut engine = Engine::new(&endpoint)?;
        engine.set_patience(Some(patience(self.notices, interrupt.clone(), LIMIT)));
        Ok((endpoint, engine))
    }

    /// Finds the session of the working directory.
    pub(super) fn session(&self, endpoint: &Endpoint) -> anyhow::Result<Session> {
        Session::find(endpoint, self.environment.clone())
    }

    /// Finds a session that runs, at least in part: only then it has ports.
    pub(super) fn running(self) -> anyhow::Result<Present> {
        self.present()?.running()
    }

    /// The same for a shell: with `prism.yaml` only if starting has approved it.
    pub(super) fn running_for_shell(self) -> anyhow::Result<Present> {
        let output = self.output;
        let mut present = self.present_unread()?.running()?;
        if let Consent::Missing(text) = present.session.read_approved(&present.engine)? {
            // One that is broken says so itself.
            present.session.parse(&text)?;
            output.note(glance::UNAPPROVED);
        }
        Ok(present)
    }

    /// Finds a session that has containers.
    ///
    /// # Errors
    /// [`Kind::NoSession`] if it has none.
    pub(super) fn present(self) -> anyhow::Result<Present> {
        let mut present = self.present_unread()?;
        present.session = present.session.read()?;
        if let Some(header) = present.header.as_mut().filter(|header| header.settled) {
            dotenv::refresh(&present.session, header);
        }
        Ok(present)
    }

    fn present_unread(self) -> anyhow::Result<Present> {
        let (endpoint, mut engine) = self.engine()?;
        let session = match Session::find_unread(&endpoint, self.environment.clone()) {
            // Its Compose file may be gone, on another branch for instance.
            Err(error) if failure::kind(&error) == Kind::NoProject => {
                let directory = self.target(&mut engine, &endpoint, None)?.directory;
                let git_top = session::find::git_top(&directory);
                Session::at(directory, git_top, &endpoint, self.environment.clone())
                    .map(|session| (session, Some(error)))
            }
            other => other.map(|session| (session, None)),
        };
        let (session, no_project) = session?;
        timing::mark("find");
        engine.begin(&session.id);
        timing::mark("connect");
        let header = warm::read_header(&session);
        let likely: &[String] = header.as_ref().map_or(&[], |header| &header.inspected);
        let mut containers = engine.look(&session.id, likely)?;
        if containers.iter().any(|it| matches!(it.state, State::Paused | State::Created)) {
            data::mend(&mut engine, &session.id)?;
            containers = engine.look(&session.id, likely)?;
        }
        let mut containers =
            reach::settled(&mut engine, &endpoint, &session.id, containers, reach::LIST_LAG)?;
        timing::mark("list");
        environment::dress(&session, header.as_ref(), &mut containers);
        if containers.is_empty() {
            return Err(no_project.unwrap_or_else(|| up::no_session(&session).into()));
        }
        Ok(Present { session, endpoint, engine, header, containers })
    }

    /// Goes where a verb is told to, by a directory or by the branch of a worktree.
    pub(super) fn enter(&self, named: Option<Named<'_>>) -> anyhow::Result<()> {
        let Some(named) = named else { return Ok(()) };
        match self.of_branch(named, false)? {
            Some(directory) => enter(&directory),
            None if named.word.exists() => enter(named.word),
            None => Err(self.unknown(named).kind(Kind::Usage).into()),
        }
    }

    /// Finds the session directory that is named by its branch. A directory of that name is meant rather, and so is a
    /// session, if it `is_known`, whose directory is gone.
    fn of_branch(&self, named: Named<'_>, is_known: bool) -> anyhow::Result<Option<PathBuf>> {
        let Named { word, verb } = named;
        let checkouts = checkouts(&self.environment);
        let name = word.to_str().unwrap_or_default();
        if word.is_dir() || is_known {
            if let Ok(Some(other)) = checkout::of_branch(&checkouts, name, verb) {
                self.output.note(format!(
                    "`{name}` is taken for the directory; the branch of that name is at `{}`",
                    other.session.display()
                ));
            }
            return Ok(None);
        }
        Ok(checkout::of_branch(&checkouts, name, verb)?.map(|checkout| checkout.session.clone()))
    }

    fn unknown(&self, named: Named<'_>) -> Failure {
        checkout::unknown(&checkouts(&self.environment), &named.word.to_string_lossy())
    }

    /// Finds the session that `stop` or `destroy` means. It needs no Compose file, and reads none. Another user's
    /// is refused.
    ///
    /// A directory that is named is meant exactly, or the worktree of a branch, or an ephemeral session by its identity.
    /// Otherwise it is the nearest one, from the working directory upward, that has a session in Docker or a project: a
    /// session whose Compose file is gone must not lead to its parent's.
    pub(super) fn target(
        &self,
        engine: &mut Engine,
        endpoint: &Endpoint,
        named: Option<Named<'_>>,
    ) -> anyhow::Result<Target> {
        let found = self.find_target(engine, endpoint, named)?;
        // Should a prism have been killed while it copied data, nothing stays paused for it.
        data::mend(engine, &found.id)?;
        Ok(found)
    }

    fn find_target(
        &self,
        engine: &mut Engine,
        endpoint: &Endpoint,
        named: Option<Named<'_>>,
    ) -> anyhow::Result<Target> {
        let ours = engine.claims()?.ours;
        // One for a command alone has no directory of its own: `list` shows its identity.
        let mut meant =
            ours.iter().filter(|claim| named.is_some_and(|named| *named.word == *claim.id.as_str()));
        if let Some((claim, command)) = meant.find_map(|claim| Some((claim, claim.ephemeral.as_ref()?))) {
            owner::check(&claim.directory, claim.owner.as_deref())?;
            return Ok(Target {
                directory: PathBuf::from(&claim.directory),
                id: claim.id.clone(),
                ephemeral: Some(command.suffix.clone()),
            });
        }
        let known: BTreeMap<SessionId, Option<String>> =
            ours.into_iter().map(|claim| (claim.id, claim.owner)).collect();
        let target = |directory: PathBuf| Target::of(directory, endpoint);
        // Who made the session has the say in it; without one, the directory's owner.
        let check = |target: &Target| -> anyhow::Result<()> {
            match known.get(&target.id) {
                Some(owner) => owner::check(&target.directory.display().to_string(), owner.as_deref())?,
                None => owner::check_directory(&target.directory)?,
            }
            if endpoint.shared {
                engine.noted(&target.id)?.as_ref().map_or(Ok(()), owner::check_machine)?;
            }
            Ok(())
        };
        if let Some(named) = named {
            let exact = target(files::canonical(&std::env::current_dir()?.join(named.word)))?;
            let is_known = known.contains_key(&exact.id);
            // Something may be left of its worktree alone.
            let is_left = |directory: &Path| -> anyhow::Result<bool> {
                Ok(Worktree::of_session(directory, &std::env::current_dir()?).is_some())
            };
            let found = match self.of_branch(named, is_known)? {
                Some(directory) => target(directory)?,
                None if is_known || exact.directory.exists() || is_left(&exact.directory)? => exact,
                None => return Err(self.unknown(named).into()),
            };
            check(&found)?;
            return Ok(found);
        }
        let here = std::env::current_dir()?;
        if let Some(going) = going::going(&here) {
            return target(going);
        }
        let project = session::find::locate(&here, &self.environment);
        for candidate in session::find::candidates(&here) {
            let target = target(candidate)?;
            let is_project = Some(&target.directory) == project.as_ref();
            if is_project || known.contains_key(&target.id) && check(&target).is_ok() {
                check(&target)?;
                return Ok(target);
            }
        }
        let target = target(project.unwrap_or(here))?;
        check(&target)?;
        Ok(target)
    }
}

/// Lists the worktrees of the repository around the working directory.
pub(super) fn checkouts(environment: &Environment) -> Vec<Checkout> {
    let Ok(here) = std::env::current_dir() else { return Vec::new() };
    let Some(repository) = Repository::find(&here) else { return Vec::new() };
    let project = session::find::locate(&here, environment);
    let top = session::find::git_top(&here);
    let below = project.zip(top).and_then(|(project, top)| Some(project.strip_prefix(top).ok()?.to_owned()));
    repository.checkouts(&below.unwrap_or_default())
}

/// Makes a directory argument the working directory.
pub(super) fn enter(directory: &Path) -> anyhow::Result<()> {
    std::env::set_current_dir(directory).map_err(|error| {
        Failure::new(format!("cannot go to `{}`", directory.display()))
            .kind(Kind::Usage)
            .caused_by(error)
            .into()
    })
}

/// Takes a session's lock, waiting for whoever has it, or until a signal comes.
pub(super) fn lock(id: &SessionId, output: Output, interrupt: &Interrupt) -> anyhow::Result<Lock> {
    let mut told = false;
    Lock::acquire(&session::find::lock_name(id), || {
        if !std::mem::replace(&mut told, true) {
            output.note("waiting for another prism that works on this session");
        }
        Ok(interrupt.pause(session::find::LOCK_POLL)?)
    })
}

/// Builds the options of everything that starts a stack.
pub(super) fn options(notices: Notices, start: bool, services: &[String], wait_timeout: u64) -> Options {
    Options {
        start,
        selection: None,
        profiles: Vec::new(),
        setup: None,
        app: None,
        data: None,
        services: services.iter().map(|name| ServiceName(name.clone())).collect(),
        wait_timeout: Duration::from_secs(wait_timeout),
        notices,
    }
}
