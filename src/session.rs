//! What a session is here and now, and how it is brought up.

pub mod cold;
pub mod create;
pub mod diagnosis;
pub mod environment;
pub mod input;
pub mod remove;
pub mod up;
pub mod wait;
pub mod warm;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::compose::{self, ComposeFiles};
use crate::docker::{self, Endpoint};
use crate::domain::environment::Environment;
use crate::domain::name::{ProjectName, SessionId, short_hash};
use crate::domain::settings::Settings;
use crate::error::{Failure, Kind};
use crate::{files, git};

pub use crate::domain::environment::OVERRIDE;

/// How often a lock that somebody else holds is tried.
pub const LOCK_POLL: Duration = Duration::from_millis(50);

/// The name of the generated dotenv file.
pub const DOTENV: &str = ".env.session";

/// The name of the optional configuration.
pub const CONFIGURATION: &str = "prism.yaml";

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
}

impl Session {
    /// Finds the session of the working directory.
    ///
    /// # Errors
    /// [`Kind::NoProject`] where there is none; a broken `prism.yaml`.
    pub fn find(endpoint: &Endpoint, environment: Environment) -> anyhow::Result<Self> {
        let start = std::env::current_dir().map_err(|error| {
            Failure::new("the working directory cannot be read")
                .hint("it may have been removed: `cd` elsewhere")
                .caused_by(error)
        })?;
        let (found, git_top) = search(&start);
        let Some(directory) = found else {
            let up_to = git_top
                .as_deref()
                .map_or_else(String::new, |top| format!(" or above it, up to `{}`", top.display()));
            return Err(Failure::new(format!("no Compose project in `{}`{up_to}", start.display()))
                .kind(Kind::NoProject)
                .hint("go to a directory with a compose.yaml, or name one with `-C DIR`")
                .into());
        };
        let Some(text) = directory.to_str() else {
            return Err(Failure::new(format!(
                "the directory `{}` has a name that is not UTF-8",
                directory.display()
            ))
            .hint("rename it: Docker Compose would silently use another directory")
            .into());
        };
        let machine = endpoint.shared.then(docker::machine);
        let path = directory.join(CONFIGURATION);
        let settings = files::read_configuration(&path)?;
        let settings =
            settings.map(|text| Settings::parse(&text, &path.display().to_string())).transpose()?;
        Ok(Self {
            id: SessionId::new(text, machine.as_deref()),
            directory: text.to_owned(),
            settings: settings.unwrap_or_default(),
            environment,
            git_top,
        })
    }

    /// Returns the session directory as a path.
    pub fn path(&self) -> &Path {
        Path::new(&self.directory)
    }

    /// Returns the top of the git worktree around it.
    pub fn git_top(&self) -> Option<&Path> {
        self.git_top.as_deref()
    }

    /// Returns the place of this session in the main worktree, if this is a linked one.
    pub fn main_worktree(&self) -> Option<PathBuf> {
        let top = self.git_top()?;
        let main = git::main_worktree(top).filter(|main| main != top)?;
        Some(main.join(self.path().strip_prefix(top).ok()?))
    }

    /// Returns the path of the override.
    pub fn override_path(&self) -> PathBuf {
        self.path().join(OVERRIDE)
    }

    /// Returns the path of the dotenv file.
    pub fn dotenv_path(&self) -> PathBuf {
        self.path().join(DOTENV)
    }

    /// Returns the Compose project's name: of `prism.yaml`'s or the main worktree's name, and the identity.
    pub fn project(&self) -> ProjectName {
        let of_worktree = || {
            let top = self.git_top.as_deref()?;
            let name = git::main_worktree_name(top)?;
            // A project below the top of a repository is told apart from its siblings by its own name.
            let below = self.path().strip_prefix(top).ok()?.file_name();
            Some(below.map_or_else(|| name.clone(), |below| format!("{name}-{}", below.to_string_lossy())))
        };
        let name = self.settings.project.clone().or_else(of_worktree);
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
    /// There are none.
    pub fn compose_files(&self) -> Result<ComposeFiles, Failure> {
        let found = ComposeFiles::find(self.path(), &self.settings.compose, &self.environment);
        if found.files.is_empty() {
            return Err(Failure::new(format!("no Compose file in `{}`", self.directory))
                .kind(Kind::NoProject)
                .hint("add a compose.yaml, or name the files as `compose:` in prism.yaml"));
        }
        Ok(found)
    }
}

/// Finds the session directory around `start`, without reading what is in it.
pub fn locate(start: &Path) -> Option<PathBuf> {
    search(start).0
}

/// Lists the directories that a session of `start` could have, nearest first.
pub fn candidates(start: &Path) -> Vec<PathBuf> {
    ancestors(start, git_top(start).as_deref()).into_iter().map(Path::to_path_buf).collect()
}

/// Names the lock of a session: by its identity alone, as `destroy` has to find it without any file.
pub fn lock_name(id: &SessionId) -> String {
    short_hash(id.0.as_bytes())
}

/// Looks for the session directory from `start` upward: the nearest `prism.yaml`, else the nearest Compose
/// file, not beyond the top of the worktree, or outside git `$HOME`. The second value is the worktree's top.
fn search(start: &Path) -> (Option<PathBuf>, Option<PathBuf>) {
    let git_top = git_top(start);
    let ancestors = ancestors(start, git_top.as_deref());
    let configured = ancestors.iter().find(|directory| directory.join(CONFIGURATION).exists());
    let found = configured.or_else(|| ancestors.iter().find(|directory| compose::has_project(directory)));
    (found.map(|directory| directory.to_path_buf()), git_top)
}

fn git_top(start: &Path) -> Option<PathBuf> {
    start.ancestors().find(|directory| directory.join(".git").exists()).map(Path::to_path_buf)
}

fn ancestors<'p>(start: &'p Path, git_top: Option<&Path>) -> Vec<&'p Path> {
    let home = || std::env::home_dir().and_then(|home| home.canonicalize().ok());
    let end = git_top.map(Path::to_path_buf).or_else(home);
    let mut ancestors = Vec::new();
    for directory in start.ancestors() {
        ancestors.push(directory);
        if Some(directory) == end.as_deref() {
            break;
        }
    }
    ancestors
}
