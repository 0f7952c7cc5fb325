//! Which files Compose itself would read in a directory: replayed, because naming any of them with `-f` stops
//! Compose from looking for the others.

use std::fs;
use std::path::{Path, PathBuf};

use domain::environment::{self, Environment};
use domain::text::dotenv;

use crate::machine::read;

/// The names that Compose looks for, best first.
const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];

/// The names of files that it merges into the first one, best first.
const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// The files of a project, and the places that decide which they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ComposeFiles {
    /// Compose files, in order, absolute. Empty: there is no project here.
    pub files: Vec<PathBuf>,
    /// Env files to name, where Compose would not read all of them by itself.
    pub env_files: Vec<PathBuf>,
    /// Files whose coming or going would change the lists above.
    pub candidates: Vec<PathBuf>,
    /// Profiles that the environment or `.env` activates.
    pub profiles: Vec<String>,
    /// What the env files set, the last one winning.
    pub defaults: Vec<(String, String)>,
}

impl ComposeFiles {
    /// Finds the files of the project in `directory`. `configured` are those that `prism.yaml` names.
    pub fn find(directory: &Path, configured: &[String], environment: &Environment) -> Self {
        let dotenv = directory.join(".env");
        let chosen = chosen_env_files(environment);
        let read = if chosen.is_empty() && !is_disabled(environment) {
            std::slice::from_ref(&dotenv)
        } else {
            &chosen[..]
        };
        let defaults: Vec<_> = read.iter().flat_map(|file| read_dotenv(file)).collect();
        let setting = |name: &str| {
            let given = environment.iter().find(|(n, _)| n == name).and_then(|(_, value)| value.to_str());
            given.map(str::to_owned).or_else(|| lookup(&defaults, name)).filter(|value| !value.is_empty())
        };
        let mut found = Self {
            candidates: read.to_vec(),
            defaults: defaults.clone(),
            env_files: chosen.clone(),
            ..Self::default()
        };
        let named = setting("COMPOSE_FILE");
        if !configured.is_empty() {
            found.files = configured.iter().map(|file| directory.join(file)).collect();
        } else if let Some(list) = named {
            let separator = setting("COMPOSE_PATH_SEPARATOR").unwrap_or_else(|| ":".to_owned());
            let files = list.split(separator.as_str()).filter(|file| !file.is_empty());
            found.files = files.map(|file| directory.join(file)).collect();
        } else {
            found.default_files(directory);
        }
        if chosen.is_empty() && !is_disabled(environment) {
            found.find_env_files(directory, &dotenv);
        }
        let profiles = setting("COMPOSE_PROFILES").unwrap_or_default();
        found.profiles =
            profiles.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
        found
    }

    /// Returns the directory that relative paths of the project follow: its first file's.
    pub fn project_directory(&self) -> Option<&Path> {
        self.files.first()?.parent()
    }

    fn default_files(&mut self, directory: &Path) {
        for names in [NAMES, OVERRIDES] {
            let candidates = names.map(|name| directory.join(name));
            self.candidates.extend(candidates.iter().cloned());
            match candidates.into_iter().find(|path| path.is_file()) {
                Some(path) => self.files.push(path),
                None if self.files.is_empty() => return,
                None => {}
            }
        }
    }

    /// With its first file elsewhere, Compose reads that directory's `.env` and the working directory's, which
    /// wins; named files turn that off, so both are named.
    fn find_env_files(&mut self, directory: &Path, dotenv: &Path) {
        let Some(project) = self.project_directory().filter(|project| *project != directory) else {
            return;
        };
        let other = project.join(".env");
        self.candidates.push(other.clone());
        let present = [other.as_path(), dotenv].into_iter().filter(|path| path.is_file());
        self.env_files = present.map(Path::to_path_buf).collect();
    }
}

/// Says whether Compose would find a project in exactly this directory.
pub fn has_project(directory: &Path, environment: &Environment) -> bool {
    let is_named = || {
        let named = lookup(&read_dotenv(&directory.join(".env")), "COMPOSE_FILE");
        named.is_some_and(|value| !value.is_empty())
    };
    let reads_dotenv = || chosen_env_files(environment).is_empty() && !is_disabled(environment);
    NAMES.iter().any(|name| directory.join(name).is_file()) || (reads_dotenv() && is_named())
}

/// Lets the lists of files in a caller's environment mean the same in every directory: they are relative to the one of
/// the call. What an env file that the caller chose says of `COMPOSE_FILE` is the caller's word as well.
pub fn anchored(environment: Environment, here: &Path) -> Environment {
    let mut environment = environment::anchored(environment, here);
    let is_set = |name: &str| value(&environment, name).is_some();
    if !is_set("COMPOSE_FILE") && is_set("COMPOSE_ENV_FILES") {
        let chosen: Vec<_> =
            chosen_env_files(&environment).iter().flat_map(|file| read_dotenv(file)).collect();
        for name in ["COMPOSE_FILE", "COMPOSE_PATH_SEPARATOR"] {
            let found = lookup(&chosen, name).filter(|_| value(&environment, name).is_none());
            environment.extend(found.map(|value| (name.into(), value.into())));
        }
        return environment::anchored(environment, here);
    }
    environment
}

/// So deep below a directory, and among so many others, Compose files are looked for.
const DEPTH: usize = 3;
const ENTRIES: usize = 5000;

/// Finds the Compose files in and below a directory without one that Compose would read by itself, relative to it: those
/// nearest to it first. Directories of dependencies, and hidden ones, have none of the project's.
pub fn elsewhere(directory: &Path) -> Vec<PathBuf> {
    const OTHERS: [&str; 6] = ["build", "dist", "node_modules", "target", "vendor", "venv"];
    let (mut found, mut seen) = (Vec::new(), 0);
    let mut open = vec![PathBuf::new()];
    for _ in 0..=DEPTH {
        let mut below = Vec::new();
        for place in open {
            for entry in fs::read_dir(directory.join(&place)).into_iter().flatten().filter_map(Result::ok) {
                seen += 1;
                if seen > ENTRIES {
                    return found;
                }
                let (Ok(kind), Some(name)) =
                    (entry.file_type(), entry.file_name().to_str().map(str::to_owned))
                else {
                    continue;
                };
                if kind.is_dir() && !name.starts_with('.') && !OTHERS.contains(&name.as_str()) {
                    below.push(place.join(name));
                } else if kind.is_file() && is_like_ours(&name) {
                    found.push(place.join(name));
                }
            }
        }
        below.sort();
        open = below;
    }
    found.sort_by_key(|path| (path.components().count(), path.clone()));
    found
}

/// Says whether a file is called as Compose files are, be it with a word of its own: `docker-compose.dev.yml`.
fn is_like_ours(name: &str) -> bool {
    let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml"));
    stem.is_some_and(|stem| {
        ["compose", "docker-compose"].contains(&stem.split('.').next().unwrap_or_default())
    })
}

/// Returns the first file that the caller's own `COMPOSE_FILE` names.
pub fn first_named(environment: &Environment) -> Option<PathBuf> {
    let list = value(environment, "COMPOSE_FILE")?;
    let separator = value(environment, "COMPOSE_PATH_SEPARATOR").unwrap_or(":");
    list.split(separator).find(|file| !file.is_empty()).map(PathBuf::from)
}

/// Lists the env files that take the place of `.env`. Only the environment can choose them, as a `.env` is one already.
fn chosen_env_files(environment: &Environment) -> Vec<PathBuf> {
    let list = value(environment, "COMPOSE_ENV_FILES").unwrap_or_default();
    list.split(',').filter(|file| !file.is_empty()).map(PathBuf::from).collect()
}

/// Says whether Compose is told to read no `.env`, in one of the words that it knows for that.
fn is_disabled(environment: &Environment) -> bool {
    value(environment, "COMPOSE_DISABLE_ENV_FILE")
        .is_some_and(|value| ["1", "t", "T", "TRUE", "true", "True"].contains(&value))
}

fn value<'e>(environment: &'e Environment, name: &str) -> Option<&'e str> {
    let found = environment.iter().find(|(found, _)| found == name)?.1.to_str();
    found.filter(|value| !value.is_empty())
}

/// Reads the pairs of a `.env`, leniently: Compose itself will complain of what it cannot read.
pub fn read_dotenv(path: &Path) -> Vec<(String, String)> {
    let text = read::bytes(path).unwrap_or_default();
    dotenv::read(&String::from_utf8_lossy(&text))
}

fn lookup(pairs: &[(String, String)], name: &str) -> Option<String> {
    pairs.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use assert_fs::prelude::*;

    fn found(files: &[(&str, &str)], environment: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let directory = assert_fs::TempDir::new().expect("directory");
        for (name, text) in files {
            directory.child(name).write_str(text).expect("file");
        }
        let environment = environment.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect();
        let found = ComposeFiles::find(directory.path(), &[], &environment);
        let names = |paths: Vec<PathBuf>| {
            paths
                .iter()
                .map(|path| path.strip_prefix(directory.path()).expect("inside").display().to_string())
                .collect()
        };
        (names(found.files), names(found.env_files))
    }

    #[test]
    fn files_that_compose_would_not_look_for() {
        let directory = assert_fs::TempDir::new().expect("directory");
        for name in [
            "docker-compose.dev.yml",
            "docker/compose.yaml",
            "a/b/c/compose.yml",
            "a/b/c/d/compose.yml",
            "node_modules/x/compose.yaml",
            ".git/compose.yaml",
            "compose.md",
            "composer.yaml",
        ] {
            directory.child(name).write_str("").expect("file");
        }
        let found: Vec<String> =
            elsewhere(directory.path()).iter().map(|path| path.display().to_string()).collect();
        assert_eq!(found, ["docker-compose.dev.yml", "docker/compose.yaml", "a/b/c/compose.yml"]);
    }

    #[test]
    fn files_as_compose_finds_them() {
        type Case = (
            &'static [(&'static str, &'static str)],
            &'static [(&'static str, &'static str)],
            &'static [&'static str],
            &'static [&'static str],
        );
        let cases: &[Case] = &[
            (&[("compose.yaml", ""), ("docker-compose.yml", "")], &[], &["compose.yaml"], &[]),
            (
                &[
                    ("docker-compose.yml", ""),
                    ("compose.override.yml", ""),
                    ("docker-compose.override.yml", ""),
                ],
                &[],
                &["docker-compose.yml", "compose.override.yml"],
                &[],
            ),
            (&[("compose.override.yml", "")], &[], &[], &[]),
            (
                &[(".env", "APP_NAME=My Cool App\nexport COMPOSE_FILE=\"a.yml\" # both\n")],
                &[],
                &["a.yml"],
                &[],
            ),
            (
                &[("compose.yaml", ""), (".env", "COMPOSE_FILE=a.yml:b/c.yml")],
                &[],
                &["a.yml", "b/c.yml"],
                &[],
            ),
            (
                &[(".env", "COMPOSE_FILE=a.yml;b.yml\nCOMPOSE_PATH_SEPARATOR=;\n")],
                &[],
                &["a.yml", "b.yml"],
                &[],
            ),
            (
                &[("compose.yaml", ""), (".env", "COMPOSE_FILE=a.yml")],
                &[("COMPOSE_FILE", "z.yml")],
                &["z.yml"],
                &[],
            ),
            (
                &[
                    ("docker/compose.yml", ""),
                    ("docker/.env", ""),
                    (".env", "COMPOSE_FILE=docker/compose.yml"),
                ],
                &[],
                &["docker/compose.yml"],
                &["docker/.env", ".env"],
            ),
        ];
        for (files, environment, expected, env_files) in cases {
            let (found, envs) = found(files, environment);
            assert_eq!(found, *expected, "{files:?}");
            assert_eq!(envs, *env_files, "{files:?}");
        }
    }
}
