//! What this worktree lacks because git does not carry it, and the main worktree has.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use domain::failure::Failure;
use domain::identity::name::ServiceName;
use domain::stack::model::Model;
use domain::text::word::word;

use crate::docker::{self, Endpoint};
use crate::find::Session;
use crate::find::input::Inputs;
use crate::git::{self, Repository};

/// The places at which files may be that this worktree lacks.
pub(super) struct Lacking<'s> {
    session: &'s Session,
    /// Where the session would be in the main worktree. Where that has no project, as in a bare repository, in each of
    /// the other ones.
    others: Vec<PathBuf>,
}

/// A file that is not here.
struct Absent {
    /// Its path from the session directory.
    below: PathBuf,
    /// Where it is.
    source: PathBuf,
}

impl<'s> Lacking<'s> {
    pub(super) fn of(session: &'s Session) -> Self {
        Self { session, others: others(session).unwrap_or_default() }
    }

    /// Finds elsewhere what is missing at `path`.
    fn find(&self, path: &Path, is: impl Fn(&Path) -> bool) -> Option<Absent> {
        let below = path.strip_prefix(self.session.path()).ok().filter(|_| !path.exists())?;
        let source = self.others.iter().map(|other| other.join(below)).find(|path| is(path))?;
        Some(Absent { below: below.to_path_buf(), source })
    }

    /// Looks for what services mount and is not here: Docker would make an empty directory in place of a bind mount, and
    /// fail late for a config or a secret. A directory may be meant to be each session's own, and is named.
    ///
    /// # Errors
    /// It is a file.
    pub(super) fn check_mounts(
        &self,
        model: &Model,
        scope: &[ServiceName],
        endpoint: &Endpoint,
    ) -> Result<Vec<String>, Failure> {
        let mounts = model.services.values().flat_map(|service| &service.volumes);
        let sources = mounts.filter(|mount| mount.kind == "bind").filter_map(|mount| mount.source.as_deref());
        let sources: BTreeSet<&Path> = sources.map(Path::new).collect();
        if let Some(file) = sources.iter().find_map(|path| self.find(path, Path::is_file)) {
            return Err(self.absent(&file));
        }
        for (name, service) in model.services.iter().filter(|(name, _)| scope.contains(name)) {
            for file in model.files(service).filter(|file| !Path::new(file.path).exists()) {
                let path = Path::new(file.path);
                if let Some(file) = self.find(path, Path::is_file) {
                    return Err(self.absent(&file));
                }
                // The Engine has paths of its own, then.
                if !endpoint.shared {
                    let what = format!("`{}`, the {} `{}`", path.display(), file.kind, file.key);
                    return Err(Failure::new(format!(
                        "{what} of service `{name}`, does not exist: Docker could not start it"
                    ))
                    .hint(format!("put it there, or take it out of the service's `{}s:`", file.kind)));
                }
            }
        }
        let directories = sources.iter().filter_map(|path| self.find(path, Path::is_dir));
        Ok(directories
            .map(|directory| {
                format!(
                    "`{}` is in {} only: this session begins with an empty one",
                    directory.below.display(),
                    self.owner(&directory)
                )
            })
            .collect())
    }

    /// Says what an Engine that has paths of its own makes of this directory's.
    pub(super) fn tell_paths(
        &self,
        model: &Model,
        scope: &[ServiceName],
        endpoint: &Endpoint,
    ) -> Vec<String> {
        if !endpoint.shared {
            return Vec::new();
        }
        let services = model.services.iter().filter(|(name, _)| scope.contains(*name));
        let sources: BTreeSet<&str> = services
            .flat_map(|(_, service)| {
                let mounts = service.volumes.iter().filter(|mount| mount.kind == "bind");
                let sources = mounts.filter_map(|mount| mount.source.as_deref());
                sources.chain(model.files(service).map(|file| file.path)).collect::<Vec<_>>()
            })
            .filter(|path| Path::new(path).extension().is_none_or(|end| end != "sock"))
            .filter(|path| !docker::is_same_outside(Path::new(path)))
            .collect();
        let mut said = Vec::new();
        if !sources.is_empty() {
            let shown: Vec<String> = sources.iter().map(|path| format!("`{path}`")).collect();
            said.push(format!(
                "{} is mounted as the Engine's machine has it at that path, empty where it has nothing: let this directory have the same path there",
                shown.join(", ")
            ));
        }
        if docker::is_of_container(self.session.path()) {
            said.push(format!(
                "`{}` goes with this container, and its session stays at the Engine: `prism destroy` before that, or mount the directory from outside",
                self.session.directory
            ));
        }
        said
    }

    /// Names the files that Compose and prism would read if they were here, as `.env` and a `compose.override.yaml`:
    /// without them the session works, and is another one. What git carries is not here as this branch has none of it.
    pub(super) fn tell_inputs(&self, inputs: &Inputs, is_of_create: bool) -> Option<String> {
        let found = self.inputs(inputs);
        let whose = self.owner(found.first()?);
        let shown: Vec<String> = found.iter().map(|file| format!("`{}`", file.below.display())).collect();
        let copy = if is_of_create { String::new() } else { format!("`{}`; ", self.copy_all(&found)) };
        Some(format!(
            "this session is without {}, which {whose} has and git does not carry: {copy}with {}, `prism create` copies that",
            shown.join(" and "),
            self.setting(&found)
        ))
    }

    fn inputs(&self, inputs: &Inputs) -> Vec<Absent> {
        let absent = inputs.files.iter().filter(|(_, hash)| hash.is_none());
        let found = absent.filter_map(|(path, _)| self.find(Path::new(path), Path::is_file));
        found.filter(|file| !git::is_tracked(&file.source)).collect()
    }

    /// Explains why Compose does not accept a project: in a fresh worktree a file that it misses, or the value of a
    /// variable, most likely is one that git ignores.
    pub(super) fn explain(&self, inputs: &Inputs, error: anyhow::Error) -> anyhow::Error {
        let text = domain::failure::render(&error);
        let absent =
            inputs.files.iter().filter(|(path, hash)| hash.is_none() && text.contains(path.as_str()));
        let mut absent = absent;
        if let Some(file) = absent.find_map(|(path, _)| self.find(Path::new(path), Path::is_file)) {
            return self.absent(&file).into();
        }
        let found = self.inputs(inputs);
        match error.downcast::<Failure>() {
            Ok(failure) if !found.is_empty() => {
                let whose = self.owner(&found[0]);
                let setting = self.setting(&found);
                let said = format!(
                    "what {whose} has and git does not carry may be missing: with {setting}, `prism create` copies that"
                );
                failure.hint_there(format!("{said}; now: `{}`", self.copy_all(&found))).hint(said).into()
            }
            Ok(failure) => failure.into(),
            Err(error) => error,
        }
    }

    fn absent(&self, file: &Absent) -> Failure {
        let shown = file.below.display();
        let setting = self.setting(std::slice::from_ref(file));
        let said = format!("git does not carry it: name it as {setting} for `prism create`");
        Failure::new(format!(
            "`{shown}` is missing in `{}`, but {} has it",
            self.session.directory,
            self.owner(file)
        ))
        .hint_there(format!("{said}, or copy it now: `{}`", self.copy(file)))
        .hint(said)
    }

    /// Says in whose worktree a file is.
    fn owner(&self, file: &Absent) -> String {
        match self.others.first() {
            Some(main) if file.source.starts_with(main) => "the main worktree".to_owned(),
            _ => format!("`{}`", file.source.display()),
        }
    }

    /// Writes the setting by which `create` copies files, with those that it copies already.
    fn setting(&self, files: &[Absent]) -> String {
        let before = self.session.settings.env_files.iter().map(|name| entry(name));
        let mut names: Vec<String> = before.collect();
        for name in files.iter().map(|file| entry(&file.below.display().to_string())) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        format!("`env_files: [{}]` in prism.yaml", names.join(", "))
    }

    fn copy_all(&self, files: &[Absent]) -> String {
        files.iter().map(|file| self.copy(file)).collect::<Vec<_>>().join(" && ")
    }

    /// Writes the command that copies a file here.
    fn copy(&self, file: &Absent) -> String {
        let here = self.session.path().join(&file.below);
        let copy = format!("cp {} {}", word(file.source.display()), word(here.display()));
        match here.parent() {
            Some(parent) if !parent.exists() => format!("mkdir -p {} && {copy}", word(parent.display())),
            _ => copy,
        }
    }
}

/// Writes a name as YAML takes it in a list.
fn entry(name: &str) -> String {
    let is_plain = name.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c));
    if is_plain { name.to_owned() } else { serde_json::Value::from(name).to_string() }
}

fn others(session: &Session) -> Option<Vec<PathBuf>> {
    let main = session.main_worktree()?;
    let top = session.git_top()?;
    let below = session.path().strip_prefix(top).ok()?;
    let has_project = |directory: &Path| {
        let files = session.compose_files().ok()?.files;
        Some(directory.join(files.first()?.strip_prefix(session.path()).ok()?).exists())
    };
    let mut others = vec![main];
    if has_project(&others[0]) != Some(true) {
        let checkouts = Repository::find(top)?.checkouts(below);
        others.extend(checkouts.into_iter().map(|it| it.session).filter(|path| path != session.path()));
    }
    Some(others)
}
