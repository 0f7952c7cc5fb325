//! What a session is here and now, and how it is brought up.

mod caller;
pub mod ephemeral;
pub mod generated;
pub mod going;
pub mod input;
pub mod key;
pub mod owner;
pub mod reach;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::engine::origin::Origin;
use domain::environment::Environment;
use domain::failure::{Code, Failure};
use domain::identity::name::{ProjectName, SessionId};
use domain::stack::settings::Settings;
use domain::text::hash::{content_hash, short_hash};
use domain::text::url;
use domain::text::word::word;

use crate::compose::{self, ComposeFiles};
use crate::docker::{self, Endpoint, Engine};
pub use crate::find::caller::Caller;
pub use crate::find::ephemeral::Ephemeral;
use crate::git;
use crate::machine::files;
use crate::machine::lock::Lock;
use crate::machine::process::interrupt::Interrupt;

/// How often a lock that somebody else holds is tried.
pub const LOCK_POLL: Duration = Duration::from_millis(50);

/// What is said while another prism is waited for.
pub const WAITING: &str = "waiting for another prism that works on this session";

/// The name of the optional configuration.
pub const CONFIGURATION: &str = "prism.yaml";

/// Whether `prism.yaml` may decide what shells and prompts do.
#[derive(Debug)]
pub enum Consent {
    /// There is none, or starting has approved it.
    Given,
    /// Its text, which nobody has approved yet.
    Missing(String),
}

/// A session directory and what is known of it without asking Docker.
#[derive(Debug)]
pub struct Session {
    /// The canonical path; UTF-8, as Compose mounts other directories in place of one that is not.
    pub directory: String,
    /// The identity by which Docker is asked.
    pub id: SessionId,
    /// What `prism.yaml` says.
    pub settings: Settings,
    /// The caller's environment without anything that an outer prism set.
    pub environment: Environment,
    /// The top of the git worktree, where there is one.
    git_top: Option<PathBuf>,
    /// Present if the session is for one command only.
    pub ephemeral: Option<Ephemeral>,
}

impl Session {
    /// Finds the session of the caller's directory.
    ///
    /// # Errors
    /// [`Code::NoProject`] where there is none; a broken `prism.yaml`.
    pub fn find(endpoint: &Endpoint, caller: &Caller) -> anyhow::Result<Self> {
        Self::find_unread(endpoint, caller)?.read()
    }

    /// Finds the session of the caller's directory as if there were no `prism.yaml`.
    ///
    /// # Errors
    /// [`Code::NoProject`] where there is none.
    pub fn find_unread(endpoint: &Endpoint, caller: &Caller) -> anyhow::Result<Self> {
        let start = caller.here()?;
        let environment = &caller.environment;
        going::check(start)?;
        let (found, git_top) = search(start, environment);
        let Some(directory) = found else {
            let up_to = git_top
                .as_deref()
                .map_or_else(String::new, |top| format!(" or above it, up to `{}`", top.display()));
            let failure = Failure::new(format!("no Compose project in `{}`{up_to}", start.display()));
            let hint = match compose::first_named(environment) {
                Some(named) => {
                    format!(
                        "COMPOSE_FILE names `{}`, which is not there: name a file that is",
                        named.display()
                    )
                }
                None => elsewhere(git_top.as_deref().unwrap_or(start)),
            };
            return Err(failure.code(Code::NoProject).hint(hint).into());
        };
        let session = Self::at(directory, git_top, endpoint, environment.clone())?;
        // A prism inside of an ephemeral session means that one, and never the directory's own.
        Ok(session.joined(caller.session.as_deref())?)
    }

    /// Takes a directory as that of a session, whether or not it has a project, and as if there were no `prism.yaml`.
    ///
    /// # Errors
    /// Its name is not UTF-8.
    pub fn at(
        directory: PathBuf,
        git_top: Option<PathBuf>,
        endpoint: &Endpoint,
        environment: Environment,
    ) -> anyhow::Result<Self> {
        let Some(text) = directory.to_str() else {
            return Err(Failure::new(format!(
                "the directory `{}` has a name that is not UTF-8",
                directory.display()
            ))
            .hint("rename it: Docker Compose would silently use another directory")
            .into());
        };
        let machine = endpoint.shared.then(|| docker::machine_at(&directory));
        Ok(Self {
            id: SessionId::new(text, machine.as_deref()),
            directory: text.to_owned(),
            settings: Settings::default(),
            environment,
            git_top,
            ephemeral: None,
        })
    }

    /// Reads `prism.yaml`, whoever wrote it: for commands that the user gives.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn read(mut self) -> anyhow::Result<Self> {
        if let Some(text) = files::read_configuration(&self.configuration_path())? {
            self.settings = self.parse(&text)?;
        }
        Ok(self)
    }

    /// Reads `prism.yaml`, and applies it only if it is the one that the session was last started with: a file of
    /// the repository must not decide what a shell sets because somebody pulled it.
    ///
    /// # Errors
    /// It cannot be read, or the Engine cannot be asked.
    pub fn read_approved(&mut self, engine: &Engine) -> anyhow::Result<Consent> {
        let Some(text) = files::read_configuration(&self.configuration_path())? else {
            return Ok(Consent::Given);
        };
        if engine.note(&self.id)?.config != Some(content_hash(text.as_bytes())) {
            return Ok(Consent::Missing(text));
        }
        self.settings = self.parse(&text)?;
        Ok(Consent::Given)
    }

    /// Reads the text of a `prism.yaml` of this session.
    pub fn parse(&self, text: &str) -> Result<Settings, Failure> {
        Settings::parse(text, &self.configuration_path().display().to_string())
    }

    fn configuration_path(&self) -> PathBuf {
        self.path().join(CONFIGURATION)
    }

    /// Returns the session directory as a path.
    pub fn path(&self) -> &Path {
        Path::new(&self.directory)
    }

    /// Returns the host at which published ports are reached from here.
    ///
    /// `engine` is the host of an Engine whose every port is reached there.
    pub fn host(&self, engine: Option<&str>) -> String {
        let bound = self.settings.bind.unwrap_or(Ipv4Addr::LOCALHOST.into());
        engine.map_or_else(|| url::reachable(&bound.to_string()), str::to_owned)
    }

    /// Returns the environment for Compose, with what its files may use of reserved ports.
    pub fn compose_environment(&self, known: &BTreeMap<String, String>) -> Environment {
        let mut environment = self.environment.clone();
        environment.retain(|(name, _)| name.to_str().is_none_or(|name| !known.contains_key(name)));
        environment.extend(known.iter().map(|(name, value)| (name.into(), value.into())));
        environment
    }

    /// Returns the top of the git worktree around it.
    pub fn git_top(&self) -> Option<&Path> {
        self.git_top.as_deref()
    }

    /// Says where its directory is, so that its absence can be told from a disk's.
    pub(crate) fn origin(&self) -> Option<Origin> {
        let worktree = self.git_top().and_then(git::linked_directory);
        files::disk::origin(self.path(), worktree.as_deref())
    }

    /// Returns the place of this session in the main worktree, if this is a linked one.
    pub fn main_worktree(&self) -> Option<PathBuf> {
        let top = self.git_top()?;
        let main = git::main_worktree(top).filter(|main| main != top)?;
        Some(main.join(self.path().strip_prefix(top).ok()?))
    }

    /// Returns the Compose project's name for a new session: what `prism.yaml` calls the project, else what Compose does
    /// (`said`), else the main worktree's directory; and the identity.
    pub fn project(&self, said: Option<String>) -> ProjectName {
        let of_worktree = || {
            let top = self.git_top.as_deref()?;
            let name = git::main_worktree_name(top)?;
            // A project below the top of a repository is told apart from its siblings by its own name.
            let below = self.path().strip_prefix(top).ok()?.file_name();
            Some(below.map_or_else(|| name.clone(), |below| format!("{name}-{}", below.to_string_lossy())))
        };
        let name = self.settings.project.clone().or(said).or_else(of_worktree);
        let name = name.or_else(|| Some(self.path().file_name()?.to_string_lossy().into_owned()));
        ProjectName::new(&name.unwrap_or_default(), &self.id)
    }

    /// Returns the hash of `prism.yaml` among the inputs.
    pub fn configuration_hash(&self, inputs: &BTreeMap<String, Option<String>>) -> Option<String> {
        inputs.get(self.path().join(CONFIGURATION).to_str()?).cloned().flatten()
    }

    /// Finds the Compose files of the project.
    ///
    /// # Errors
    /// There are none, or the caller names one that does not exist.
    pub fn compose_files(&self) -> Result<ComposeFiles, Failure> {
        let found = ComposeFiles::find(self.path(), &self.settings.compose, &self.environment);
        if found.files.is_empty() {
            return Err(Failure::new(format!("no Compose file in `{}`", self.directory))
                .code(Code::NoProject)
                .hint("add a compose.yaml, or name the files as `compose:` in prism.yaml"));
        }
        let is_callers =
            self.settings.compose.is_empty() && compose::first_named(&self.environment).is_some();
        if let Some(missing) = found.files.iter().find(|file| is_callers && !file.exists()) {
            return Err(Failure::new(format!(
                "COMPOSE_FILE names `{}`, which is not there",
                missing.display()
            ))
            .hint(
                "it is relative to the directory of the call: write the whole path, or `unset COMPOSE_FILE`",
            ));
        }
        Ok(found)
    }
}

/// Says what to do where there is no Compose project around, but maybe below.
fn elsewhere(directory: &Path) -> String {
    let found = compose::elsewhere(directory);
    let shown = |path: &PathBuf| format!("`{}`", path.display());
    let mut names = found.iter().take(3).map(shown).collect::<Vec<_>>();
    if found.len() > names.len() {
        names.push("…".to_owned());
    }
    match found.first() {
        None => "go to a directory with a compose.yaml, or name one with `-C DIR`".to_owned(),
        Some(first) => format!(
            "below `{}` there is {}: `prism -C {} init --compose {}` makes it this project's",
            directory.display(),
            names.join(", "),
            word(directory.display()),
            word(first.display())
        ),
    }
}

/// Finds the session directory around `start`, without reading what is in it.
pub fn locate(start: &Path, environment: &Environment) -> Option<PathBuf> {
    search(start, environment).0
}

/// Lists the directories that a session of `start` could have, nearest first.
pub fn candidates(start: &Path) -> Vec<PathBuf> {
    ancestors(start, git_top(start).as_deref()).into_iter().map(Path::to_path_buf).collect()
}

/// Takes a session's lock, waiting for whoever has it; `tell` says so, once.
///
/// # Errors
/// A signal came, or the lock cannot be made.
pub fn lock(id: &SessionId, interrupt: &Interrupt, tell: impl FnOnce()) -> anyhow::Result<Lock> {
    let mut tell = Some(tell);
    Lock::acquire(&lock_name(id), || {
        if let Some(tell) = tell.take() {
            tell();
        }
        Ok(interrupt.pause(LOCK_POLL)?)
    })
}

/// Names the lock of a session: by its identity alone, as `destroy` has to find it without any file.
pub fn lock_name(id: &SessionId) -> String {
    short_hash(id.as_str().as_bytes())
}

/// Looks for the session directory from `start` upward: the nearest `prism.yaml`, else the nearest Compose
/// file, not beyond the top of the worktree, or outside git `$HOME`. The second value is the worktree's top.
///
/// Where there is none, the caller's `COMPOSE_FILE` makes the worktree the session, from whichever of its directories it
/// is named; outside git it is the directory of the first file, which is Compose's own project directory.
fn search(start: &Path, environment: &Environment) -> (Option<PathBuf>, Option<PathBuf>) {
    let git_top = git_top(start);
    let ancestors = ancestors(start, git_top.as_deref());
    let configured = ancestors.iter().find(|directory| directory.join(CONFIGURATION).exists());
    let has_project = |directory: &&&Path| compose::has_project(directory, environment);
    let found = configured.or_else(|| ancestors.iter().find(has_project));
    let of_named = || {
        let named = compose::first_named(environment)?.canonicalize().ok().filter(|file| file.is_file())?;
        git_top.clone().or_else(|| Some(named.parent()?.to_path_buf()))
    };
    let found = found.map(|directory| directory.to_path_buf()).or_else(of_named);
    (found, git_top)
}

/// Finds the top of the git worktree around a directory, without running git.
pub fn git_top(start: &Path) -> Option<PathBuf> {
    start.ancestors().find(|directory| directory.join(".git").exists()).map(Path::to_path_buf)
}

fn ancestors<'p>(start: &'p Path, git_top: Option<&Path>) -> Vec<&'p Path> {
    let home = || std::env::home_dir().and_then(|home| home.canonicalize().ok());
    let end = git_top.map(Path::to_path_buf).or_else(home);
    let mut ancestors = Vec::new();
    for directory in start.ancestors() {
        if owner::may_be_meant(directory, start) {
            ancestors.push(directory);
        }
        if Some(directory) == end.as_deref() {
            break;
        }
    }
    ancestors
}
