//! Collecting a project's inputs, and noticing that one of them changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use domain::environment::Environment;
use domain::identity::name::ServiceName;
use domain::identity::own::UNSET as PROJECT_NAME;
use domain::stack::header::Header;
use domain::stack::input::{self, References};
use domain::text::hash::content_hash;

use crate::compose::ComposeFiles;
use crate::find::{CONFIGURATION, Session};
use crate::machine::files;
use crate::machine::process::interrupt::Interrupt;

/// Variables that Compose looks at whatever the files say.
const ALWAYS: [&str; 9] = [
    "HOME",
    "COMPOSE_FILE",
    "COMPOSE_PATH_SEPARATOR",
    "COMPOSE_PROFILES",
    "COMPOSE_ENV_FILES",
    "COMPOSE_DISABLE_ENV_FILE",
    "COMPOSE_CONVERT_WINDOWS_PATHS",
    "COMPOSE_COMPATIBILITY",
    "DOCKER_DEFAULT_PLATFORM",
];

/// So many files, so many bytes of them, and files that draw in each other so deeply are followed. Links can make a few
/// files look like any number.
const FILES: usize = 2000;
const BYTES: usize = 64 << 20;
const DEPTH: usize = 64;

/// Everything that the override depends on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    /// Absolute paths, with a hash of the content, or `None` where there is no file.
    pub files: BTreeMap<String, Option<String>>,
    /// Variables, with a hash of the value, or `None` where it is unset.
    pub variables: BTreeMap<String, Option<String>>,
    /// The files name variables of the environment or of an env file, or may do so.
    pub reads_variables: bool,
    /// Those of them that stand for host ports and for nothing else, with the service: their values change nothing.
    pub host_ports: BTreeMap<String, String>,
    /// Nothing was met that could not be followed.
    pub followed: bool,
    /// What the last of the Compose files that has a `name:` says there.
    pub name: Option<String>,
    /// Where an empty list is written.
    pub empty_lists: BTreeSet<Vec<String>>,
}

impl Inputs {
    /// Reads all inputs of a project. To be called before Compose reads them: what changes in between is then
    /// noticed at the next run.
    pub fn collect(session: &Session, compose: &ComposeFiles, interrupt: &Interrupt) -> anyhow::Result<Self> {
        let mut collector = Collector {
            session,
            project: compose.project_directory().unwrap_or(session.path()).to_path_buf(),
            interrupt,
            walked: BTreeSet::new(),
            depth: 0,
            bytes: 0,
            dotenv: compose.defaults.clone(),
            names: BTreeSet::new(),
            inputs: Self { followed: true, ..Self::default() },
        };
        collector.add(&session.path().join(CONFIGURATION))?;
        let project = collector.project.clone();
        for file in &compose.files {
            let name = collector.compose_file(file, &project)?.and_then(|name| collector.interpolate(&name));
            collector.inputs.name = name.or(collector.inputs.name);
        }
        for candidate in compose.candidates.iter().chain(&compose.env_files) {
            collector.env_file(candidate)?;
        }
        let Collector { mut names, mut inputs, .. } = collector;
        inputs.host_ports.retain(|name, _| !names.contains(name));
        inputs.reads_variables = !inputs.followed || !names.is_empty() || !inputs.host_ports.is_empty();
        names.extend(ALWAYS.iter().map(|name| (*name).to_owned()));
        let all = names.iter().chain(inputs.host_ports.keys());
        let hash = |name: &String| variable_hash(&session.environment, name, &inputs.host_ports);
        inputs.variables = all.map(|name| (name.clone(), hash(name))).collect();
        // Compose is started with PWD set to the session directory and `-p`; a shell sets `_` anew for each command.
        inputs.variables.retain(|name, _| !["PWD", "_", PROJECT_NAME].contains(&name.as_str()));
        Ok(inputs)
    }
}

/// Says whether every input that the header names still is as it was.
pub fn are_unchanged(header: &Header, environment: &Environment) -> bool {
    let same_file = |(path, hash): (&String, &Option<String>)| {
        files::read(Path::new(path)).is_ok_and(|bytes| bytes.as_deref().map(content_hash) == *hash)
    };
    let same_variable = |(name, hash): (&String, &Option<String>)| {
        variable_hash(environment, name, &header.host_ports) == *hash
    };
    header.followed && header.inputs.iter().all(same_file) && header.variables.iter().all(same_variable)
}

/// Hashes a value; of a host port, which prism replaces, it is told only whether it is one.
fn variable_hash(
    environment: &Environment,
    name: &str,
    host_ports: &BTreeMap<String, String>,
) -> Option<String> {
    let is_replaced =
        host_ports.contains_key(name) && host_port(environment, name).is_none_or(input::is_host_port);
    if is_replaced { None } else { value_hash(environment, name) }
}

fn host_port<'e>(environment: &'e Environment, name: &str) -> Option<&'e str> {
    environment.iter().find(|(found, _)| found == name)?.1.to_str()
}

/// Lists the ports that the Compose files would publish in this environment by such variables, each with its service.
pub fn host_ports(header: &Header, environment: &Environment) -> Vec<(u16, ServiceName)> {
    let given = header.host_ports.iter().filter_map(|(name, service)| {
        let port = host_port(environment, name)?.parse().ok()?;
        Some((port, ServiceName(service.clone())))
    });
    given.collect()
}

fn value_hash(environment: &Environment, name: &str) -> Option<String> {
    use std::os::unix::ffi::OsStrExt;
    let value = environment.iter().find(|(n, _)| n == name)?;
    Some(content_hash(value.1.as_bytes()))
}

struct Collector<'a> {
    session: &'a Session,
    project: PathBuf,
    interrupt: &'a Interrupt,
    /// The Compose files that were followed, each with the directory of its relative paths, without links.
    walked: BTreeSet<(PathBuf, PathBuf)>,
    /// How many Compose files lead to the present one.
    depth: usize,
    /// What was read of all files.
    bytes: usize,
    dotenv: Vec<(String, String)>,
    names: BTreeSet<String>,
    inputs: Inputs,
}

impl Collector<'_> {
    /// Records a file and returns its text, the first time that it is met.
    fn add(&mut self, path: &Path) -> anyhow::Result<Option<String>> {
        let Some(key) = path.to_str().map(str::to_owned) else {
            self.inputs.followed = false;
            return Ok(None);
        };
        if self.inputs.files.contains_key(&key) {
            return Ok(None);
        }
        self.interrupt.check()?;
        if self.inputs.files.len() >= FILES || self.bytes > BYTES {
            self.inputs.followed = false;
            return Ok(None);
        }
        let bytes = files::read(path)?;
        self.bytes += bytes.as_ref().map_or(0, Vec::len);
        self.inputs.files.insert(key, bytes.as_deref().map(content_hash));
        Ok(bytes.and_then(|bytes| String::from_utf8(bytes).ok()))
    }

    fn env_file(&mut self, path: &Path) -> anyhow::Result<()> {
        if let Some(text) = self.add(path)? {
            self.names.extend(input::env_file_variables(&text));
        }
        Ok(())
    }

    /// Follows one Compose file; relative paths in it start at `base`. Returns its `name:`.
    fn compose_file(&mut self, path: &Path, base: &Path) -> anyhow::Result<Option<String>> {
        let Some(text) = self.add(path)? else { return Ok(None) };
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        if !self.walked.insert((real(path), real(base))) {
            return Ok(None);
        }
        if self.depth >= DEPTH {
            self.inputs.followed = false;
            return Ok(None);
        }
        self.depth += 1;
        let name = self.follow(&text, base);
        self.depth -= 1;
        name
    }

    /// Follows what the text of a Compose file refers to.
    fn follow(&mut self, text: &str, base: &Path) -> anyhow::Result<Option<String>> {
        let Some(References {
            name,
            includes,
            extends,
            env_files,
            profiles,
            variables,
            host_ports,
            empty_lists,
        }) = input::references(text)
        else {
            self.inputs.followed = false;
            return Ok(None);
        };
        self.names.extend(variables);
        self.inputs.host_ports.extend(host_ports);
        self.inputs.empty_lists.extend(empty_lists);
        for file in env_files {
            if let Some(path) = self.resolve(&file, base) {
                self.env_file(&path)?;
            }
        }
        for file in profiles {
            if let Some(path) = self.resolve(&file, &self.project.clone()) {
                self.add(&path)?;
            }
        }
        for file in extends {
            if let Some(path) = self.resolve(&file, base) {
                let base = path.parent().unwrap_or(base).to_path_buf();
                self.compose_file(&path, &base)?;
            }
        }
        for include in includes {
            let paths: Vec<PathBuf> =
                include.paths.iter().filter_map(|file| self.resolve(file, base)).collect();
            let named =
                include.project_directory.as_deref().and_then(|directory| self.resolve(directory, base));
            let of_first = || paths.first().and_then(|path| path.parent()).map(Path::to_path_buf);
            let Some(inner) = named.or_else(of_first) else { continue };
            self.env_file(&inner.join(".env"))?;
            for file in include.env_files {
                if let Some(path) = self.resolve(&file, base) {
                    self.env_file(&path)?;
                }
            }
            for path in paths {
                self.compose_file(&path, &inner)?;
            }
        }
        Ok(name)
    }

    /// Finds the file that a reference means; `None`, and no warm path, for what prism cannot follow.
    fn resolve(&mut self, reference: &str, base: &Path) -> Option<PathBuf> {
        let resolved = self.interpolate(reference).filter(|path| !input::is_remote(path));
        let Some(path) = resolved else {
            self.inputs.followed = false;
            return None;
        };
        Some(below(base, &path))
    }

    /// Puts in the values of variables; `None` for an expression that prism does not know.
    fn interpolate(&self, text: &str) -> Option<String> {
        input::resolve_path(text, |name| value(self.session, &self.dotenv, name))
    }
}

/// Returns the project's own name as Compose finds it, without prism's hash.
pub fn project_name(session: &Session, compose: &ComposeFiles, inputs: &Inputs) -> Option<String> {
    let given = value(session, &compose.defaults, PROJECT_NAME);
    given.or_else(|| inputs.name.clone()).filter(|name| !name.is_empty())
}

/// Returns a variable's value: the caller's, else that of the env files.
fn value(session: &Session, dotenv: &[(String, String)], name: &str) -> Option<String> {
    let given = session.environment.iter().find(|(n, _)| n == name);
    let given = given.and_then(|(_, value)| value.to_str()).map(str::to_owned);
    given.or_else(|| dotenv.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.clone()))
}

/// Finds what Compose means by a path that follows `base`.
pub fn below(base: &Path, path: &str) -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_default();
    path.strip_prefix("~/").map_or_else(|| base.join(path), |rest| home().join(rest))
}
