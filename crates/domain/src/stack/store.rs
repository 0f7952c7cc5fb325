//! What servers keep outside of their session, and what gets a volume of the session's in its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use crate::catalog::{self, Kind};
use crate::engine::container::Inspection;
use crate::identity::name::ServiceName;
use crate::stack::data::{Data, Origin, Own, OwnMount, place_by_driver};
use crate::stack::model::{Model, Mount, Service};
use crate::stack::plan::Plan;

/// Something outside of its session that a service writes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// The service.
    pub service: ServiceName,
    /// The path in the container.
    pub target: String,
    /// Where that is.
    pub origin: Origin,
    /// A server keeps its data there. Otherwise only the image can tell.
    pub certain: bool,
    /// It is not in the session's directory.
    pub is_outside: bool,
}

/// Places in a container where no server keeps what two of them would destroy.
const ELSEWHERE: &[&str] =
    &["/dev", "/etc", "/proc", "/run", "/sys", "/tmp", "/usr/local", "/var/log", "/var/run"];

/// Words in a directory's name that say that something else than data is in it.
const OTHER_WORDS: &[&str] = &[
    "backup",
    "backups",
    "bin",
    "cert",
    "certs",
    "conf",
    "config",
    "configs",
    "dump",
    "dumps",
    "entrypoint",
    "fixtures",
    "import",
    "imports",
    "init",
    "initdb",
    "log",
    "logs",
    "migrations",
    "plugins",
    "scripts",
    "secret",
    "secrets",
    "seed",
    "seeds",
    "sql",
    "ssl",
    "tls",
];

/// Variables and options that say where a server keeps its data.
const TOLD: &[&str] = &[
    "--data",
    "--data-dir",
    "--datadir",
    "--db-path",
    "--dbpath",
    "--dir",
    "--path.data",
    "-D",
    "CASSANDRA_DATA_DIR",
    "KAFKA_CFG_LOG_DIRS",
    "KAFKA_LOG_DIR",
    "KAFKA_LOG_DIRS",
    "MARIADB_DATA_DIR",
    "MYSQL_DATA_DIR",
    "PGDATA",
    "POSTGRESQL_DATA_DIR",
    "data_directory",
    "log.dirs",
    "path.data",
];

/// Those of them that programs which keep no data may have for something else.
const VAGUE: &[&str] = &["--data", "--dir", "-D"];

/// Decides what gets a volume of the session's. `directory` is the session's.
pub fn own(model: &Model, plan: &Plan, directory: &str) -> Own {
    let mut own = Own::default();
    let mut sources: BTreeMap<&str, String> = BTreeMap::new();
    for (name, service) in &model.services {
        if plan.services.get(name).is_none_or(|plan| plan.data != Some(Data::Own)) {
            continue;
        }
        for mount in service.volumes.iter().filter(|mount| !mount.read_only) {
            let is_meant = match kind(plan, name) {
                Some(kind) => is_data(kind, service, mount),
                None => is_outside(model, mount, directory) && !is_other(&mount.target),
            };
            match (mount.kind.as_str(), mount.source.as_deref(), origin(model, mount)) {
                ("bind", Some(source), _) if is_meant => {
                    let volume = || format!("prism-{name}{}", slug(&mount.target));
                    sources.entry(source).or_insert_with(volume);
                }
                ("volume", Some(key), Some(_)) if is_meant => drop(own.volumes.insert(key.to_owned())),
                _ => {}
            }
        }
    }
    // Who reads the same files reads the session's.
    for (name, service) in &model.services {
        let bind = service.volumes.iter().filter(|mount| mount.kind == "bind");
        let replaced = bind.filter_map(|mount| {
            let volume = sources.get(mount.source.as_deref()?)?.clone();
            Some(OwnMount { target: mount.target.clone(), volume, read_only: mount.read_only })
        });
        let replaced: Vec<OwnMount> = replaced.collect();
        if !replaced.is_empty() {
            own.mounts.insert(name.clone(), replaced);
        }
    }
    own
}

/// Lists what services of `scope` write to that may not be the session's alone. `directory` is the session's.
pub fn stores(model: &Model, plan: &Plan, scope: &[ServiceName], directory: &str) -> Vec<Store> {
    let mut found = Vec::new();
    for name in scope {
        let (Some(service), Some(decided)) = (model.services.get(name), plan.services.get(name)) else {
            continue;
        };
        if decided.data == Some(Data::Shared) {
            continue;
        }
        for (owner, mount) in mounts(model, name) {
            let Some(origin) = origin(model, mount).filter(|_| !plan.own.replaces(owner, mount)) else {
                continue;
            };
            let certain = match kind(plan, name) {
                Some(kind) => is_data(kind, service, mount),
                None => is_told(service, &mount.target, |name| !VAGUE.contains(&name)),
            };
            // A directory of the project's own is that of an ephemeral session, too, and a link may lead out of it.
            if certain || !is_other(&mount.target) {
                let is_outside = is_outside(model, mount, directory);
                found.push(Store {
                    service: name.clone(),
                    target: mount.target.clone(),
                    origin,
                    certain,
                    is_outside,
                });
            }
        }
    }
    found
}

/// Lists what a service can write to of what is mounted: by itself, and by way of services whose volumes it has; each with
/// the service that mounts it.
fn mounts<'m>(model: &'m Model, name: &'m ServiceName) -> Vec<(&'m ServiceName, &'m Mount)> {
    let mut found = Vec::new();
    let (mut open, mut seen) = (vec![name], BTreeSet::new());
    while let Some((owner, service)) = open.pop().and_then(|name| model.services.get_key_value(name)) {
        if !seen.insert(owner) {
            continue;
        }
        found.extend(service.volumes.iter().filter(|mount| !mount.read_only).map(|mount| (owner, mount)));
        let lenders = service.volumes_from.iter().filter_map(|entry| {
            let (lender, mode) = entry.split_once(':').unwrap_or((entry, "rw"));
            model.services.keys().find(|known| known.0 == lender && mode != "ro")
        });
        open.extend(lenders);
    }
    found
}

/// Lists the services whose data every session shares, each with what names the place.
pub fn shared(model: &Model, plan: &Plan, directory: &str) -> Vec<(ServiceName, String)> {
    let all: Vec<ServiceName> = model.services.keys().cloned().collect();
    let found = stores(model, plan, &all, directory).into_iter();
    found
        .filter(|store| store.certain && store.is_outside)
        .map(|it| (it.service, it.origin.to_string()))
        .collect()
}

/// Says whether a container of an image keeps data at a path, as far as the image's name and its label tell.
pub fn keeps(kind: Option<&str>, image: &str, target: &str) -> bool {
    let kind = catalog::kind(kind, image).ok().flatten();
    kind.is_some_and(|kind| is_around(kind.data(), target))
}

/// Says whether what is mounted at `target` is in one of an image's `volumes`: a Dockerfile may write `/data/`, and a file
/// mount what is below.
pub fn is_in_volume(volumes: &BTreeSet<String>, target: &str) -> bool {
    let target = normal(target);
    volumes.iter().map(|volume| normal(volume)).any(|volume| {
        let is_below = volume.components().count() > 1 && target.starts_with(&volume);
        target == volume || is_below && !is_other(&target.to_string_lossy())
    })
}

/// Resolves `.` and `..` by name.
fn normal(path: &str) -> PathBuf {
    Path::new("/").join(path).components().fold(PathBuf::new(), |mut path, part| {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            part => path.push(part),
        }
        path
    })
}

/// Says whether a container keeps data at or below a path, or around it, as far as its image, its command and its environment
/// tell.
pub fn runs_on(kind: Option<&str>, image: &str, seen: &Inspection, path: &str) -> bool {
    let set = seen.environment.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let words: Vec<&str> = seen.command.iter().map(String::as_str).collect();
    let is_meant =
        |told: &str| told != "/" && (Path::new(told).starts_with(path) || Path::new(path).starts_with(told));
    keeps(kind, image, path) || told(&words, set, |_| true).iter().any(|told| is_meant(told))
}

/// Returns where a mount's files are; `None` for what is the session's by Docker's own doing.
fn origin(model: &Model, mount: &Mount) -> Option<Origin> {
    let source = mount.source.as_deref()?;
    match mount.kind.as_str() {
        "bind" => Some(Origin::Path(source.to_owned())),
        "volume" => {
            let volume = model.volumes.get(source)?;
            if volume.external {
                return Some(Origin::Volume(volume.name.clone().unwrap_or_else(|| source.to_owned())));
            }
            let place = place_by_driver(|name| volume.driver_opts.get(name)?.as_str())?;
            let below = mount.volume.as_ref().and_then(|volume| volume.subpath.as_deref());
            Some(Origin::Path(below.map_or_else(|| place.clone(), |below| format!("{place}/{below}"))))
        }
        _ => None,
    }
}

fn is_outside(model: &Model, mount: &Mount, directory: &str) -> bool {
    match origin(model, mount) {
        Some(Origin::Volume(_)) => true,
        Some(Origin::Path(path)) => !Path::new(&path).starts_with(directory),
        None => false,
    }
}

/// Returns the kind whose server a service runs, if such a server keeps data.
fn kind(plan: &Plan, service: &ServiceName) -> Option<&'static Kind> {
    let name = plan.services.get(service)?.kind.as_deref()?;
    catalog::kind(Some(name), "").ok().flatten().filter(|kind| !kind.data().is_empty())
}

/// Says whether a server of a kind keeps its data in what is mounted: where its images have them, in a volume that is not
/// called otherwise, or where its command or its environment says.
fn is_data(kind: &Kind, service: &Service, mount: &Mount) -> bool {
    let target = mount.target.as_str();
    if is_around(kind.data(), target) || is_told(service, target, |_| true) {
        return true;
    }
    if is_other(target) {
        return false;
    }
    let words = service.command.iter().chain(&service.entrypoint).flatten().map(String::as_str);
    let values = service.environment.values().flatten().map(String::as_str);
    let parts = words.chain(values).flat_map(|text| text.split(['=', ' ', ',', ';', '"', '\'']));
    let mut named = parts.filter(|part| part.starts_with('/') && !has_extension(part));
    mount.kind == "volume" || named.any(|path| Path::new(path).starts_with(target))
}

/// Says whether a service is told to keep its data in what is mounted, whatever that is called.
fn is_told(service: &Service, target: &str, counts: impl Fn(&str) -> bool) -> bool {
    let words: Vec<&str> =
        service.entrypoint.iter().chain(&service.command).flatten().map(String::as_str).collect();
    let set = service.environment.iter().filter_map(|(name, value)| Some((name.as_str(), value.as_deref()?)));
    told(&words, set, counts).iter().any(|path| Path::new(path).starts_with(target))
}

/// Lists the directories in which a server is told to keep its data.
fn told<'t>(
    words: &[&'t str],
    environment: impl Iterator<Item = (&'t str, &'t str)>,
    counts: impl Fn(&str) -> bool,
) -> Vec<&'t str> {
    let apart = words.windows(2).filter_map(|pair| Some((pair[0], *pair.get(1)?)));
    let joined = words.iter().filter_map(|word| word.split_once('='));
    let told = apart.chain(joined).chain(environment).filter(|(name, _)| TOLD.contains(name) && counts(name));
    told.flat_map(|(_, paths)| paths.split(',')).collect()
}

/// Says whether a path is one of these, below one, or above one.
fn is_around(directories: &[&str], path: &str) -> bool {
    let path = Path::new(path);
    directories.iter().any(|directory| {
        let is_below = path.starts_with(directory) && !is_other(&path.to_string_lossy());
        is_below || Path::new(directory).starts_with(path)
    })
}

/// Says whether something else than data is in a directory of this name.
fn is_other(target: &str) -> bool {
    let last = target.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    let mut words = last.split(|c: char| !c.is_ascii_alphabetic());
    ELSEWHERE.iter().any(|directory| Path::new(target).starts_with(directory))
        || words.any(|word| OTHER_WORDS.contains(&word.to_ascii_lowercase().as_str()))
        || has_extension(target)
}

/// Says whether a path's name is most likely that of a file.
fn has_extension(path: &str) -> bool {
    let is_file = |extension: &str| extension != "d" && !extension.bytes().all(|byte| byte.is_ascii_digit());
    Path::new(path).extension().and_then(|extension| extension.to_str()).is_some_and(is_file)
}

/// `/var/lib/mysql` → `-var-lib-mysql`
fn slug(target: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    format!("-{}", target.trim_matches('/').chars().map(plain).collect::<String>())
}

#[cfg(test)]
mod tests;
