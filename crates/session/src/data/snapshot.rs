//! Snapshots: saved, looked at, brought back, removed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, SystemTime};

use domain::data::plan::{Copy, Plan, plan};
use domain::data::{Key, Server, Stored, image};
use domain::engine::container::Container;
use domain::engine::kind::kind_of;
use domain::engine::mark::{Copying, Source};
use domain::engine::snapshot::{Making, Name, Snapshot, Whole};
use domain::failure::Failure;
use domain::identity::name::{ServiceName, SessionId};
use domain::text::hash::short_hash;
use domain::text::word::word;
use domain::view::session::by_session;

use super::fill::{Fill, Filled, common};
use super::freeze::{freeze, mend_locked};
use super::site::Site;
use super::source::{project, snapshots, unknown};
use crate::docker::{self, Engine, is_copier};
use crate::end::remove;
use crate::find::{LOCK_POLL, lock_name, owner};
use crate::git::{self, Repository};
use crate::machine::lock::Lock;
use crate::machine::process::interrupt::Interrupt;
use crate::notice::Notices;
use crate::work::Work;

/// What was saved.
#[derive(Debug)]
pub struct Saved {
    /// How large the volumes are together, in KiB, as far as that could be told.
    pub size: Option<u64>,
    /// How many volumes there are.
    pub volumes: usize,
    /// For how long the session stood still; `None` if nothing of it ran.
    pub frozen: Option<Duration>,
}

/// Makes a snapshot of a session's data.
///
/// # Errors
/// There is one of this name, the session has no data, or they could not be copied: nothing of it stays.
pub fn save(work: &mut Work, name: Name) -> anyhow::Result<Saved> {
    let Work { session, engine, interrupt, notices } = &mut *work;
    let (notices, interrupt) = (*notices, &*interrupt);
    let _lock = lock(&lock_name(&session.id), notices, interrupt)?;
    owner::refuse_all(engine, &session.id, &session.directory)?;
    mend_locked(engine, &session.id)?;
    if engine.mark::<Copying>(&session.id)?.is_some() {
        return Err(Failure::new("the session's data are a copy that is not whole")
            .hint("`prism start` makes it whole")
            .into());
    }
    let of = project(session.path());
    let _project = lock(&project_lock(&of), notices, interrupt)?;
    for known in snapshots(engine, &of)?.iter().filter(|known| known.name == name) {
        if known.whole.is_some() {
            return Err(Failure::new(format!("there is a snapshot `{name}` already"))
                .hint(format!("`prism snapshot remove {name}` first, or give this one another name"))
                .into());
        }
        remove_volumes(engine, known)?;
    }
    let site = Site::of(engine, &session.id)?;
    let containers: Vec<&Container> = site.containers.iter().filter(|it| !is_copier(it)).collect();
    let Some(first) = containers.first().filter(|_| !site.stock.volumes.is_empty()) else {
        return Err(Failure::new(format!("the session of `{}` has no data to save", session.directory))
            .hint("`prism start` first")
            .into());
    };
    let owner = docker::owner_at(Path::new(&of));
    let making = Making { name, of, owner, nonce: git::nonce() };
    let result = fill(work, &site, first, &making);
    if result.is_err() {
        let engine = &work.engine;
        let half = snapshots(engine, &making.of)?;
        for half in half.iter().filter(|it| it.name == making.name && it.making == making.nonce) {
            remove_volumes(engine, half)?;
        }
    }
    result
}

fn fill(work: &Work, site: &Site, first: &Container, making: &Making) -> anyhow::Result<Saved> {
    let Work { session, engine, interrupt, notices } = work;
    let mut copies = Vec::new();
    for (number, Stored { key, volume, users }) in site.stock.volumes.iter().enumerate() {
        let to = making.part_volume(number);
        engine.make_volume(&to, &making.part_labels(key.clone(), users.clone())?)?;
        let services = users.iter().map(|(service, _)| service.clone()).collect();
        copies.push(Copy { key: key.clone(), from: volume.clone(), to, services });
    }
    let volumes: BTreeSet<&str> = copies.iter().map(|copy| copy.from.as_str()).collect();
    let fill = Fill {
        engine,
        interrupt,
        project: &first.project,
        common: common(engine, &session.id, first)?,
        images: &site.images,
        replaces: false,
        is_kept: true,
    };
    let Filled { volumes: filled, frozen } =
        fill.run(&copies, || Ok(()), || freeze(engine, &session.id, site, &volumes, *notices, interrupt))?;
    let sizes: Vec<u64> = filled.iter().filter_map(|(_, size, _)| *size).collect();
    let kib = (sizes.len() == filled.len()).then(|| sizes.iter().sum());
    let commit = Repository::find(session.path()).and_then(|repository| repository.commit("HEAD").ok());
    let whole = Whole {
        at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        directory: session.directory.clone(),
        commit,
        parts: copies.len(),
        size: kib,
        servers: site.stock.servers.clone(),
    };
    engine.make_volume(&making.volume(), &making.whole_labels(&whole)?)?;
    Ok(Saved { size: kib, volumes: copies.len(), frozen })
}

/// Lists the snapshots of a directory's project, each with the directories of the sessions whose servers would start on it.
pub fn list(engine: &mut Engine, directory: &Path) -> anyhow::Result<Vec<(Snapshot, Vec<String>)>> {
    let of = project(directory);
    let found = snapshots(engine, &of)?;
    let mut sessions = servers(engine, &docker::owner_at(Path::new(&of)))?;
    sessions.retain(|(directory, _)| project(Path::new(directory)) == of);
    let fits = |snapshot: &Snapshot| {
        let Some(stock) = snapshot.stock() else { return Vec::new() };
        let fitting = sessions.iter().filter(|(_, servers)| stock.fits(servers));
        fitting.map(|(directory, _)| directory.clone()).collect()
    };
    Ok(found.into_iter().map(|snapshot| (snapshot.clone(), fits(&snapshot))).collect())
}

/// Lists the servers of this user's own sessions, by directory.
fn servers(engine: &mut Engine, owner: &str) -> anyhow::Result<Vec<(String, BTreeMap<ServiceName, Server>)>> {
    let mut containers = engine.all_sessions()?;
    containers.retain(|it| it.is_ours && !it.one_off && it.label("owner") == Some(owner));
    let of_session = |(id, containers): (SessionId, Vec<Container>)| {
        let directory = containers.first()?.label("working_dir")?.to_owned();
        let server = |container: &Container| Server {
            image: image::common(&container.image, &container.project),
            kind: kind_of(container).map(|kind| kind.name.to_owned()),
        };
        let servers = containers.iter().map(|it| (it.service.clone(), server(it))).collect();
        (!id.as_str().contains('+')).then_some((directory, servers))
    };
    Ok(by_session(containers).into_iter().filter_map(of_session).collect())
}

/// Finds a whole snapshot of a directory's project.
pub fn find(engine: &Engine, directory: &Path, name: &Name) -> anyhow::Result<Snapshot> {
    let known = snapshots(engine, &project(directory))?;
    let found = known.iter().find(|snapshot| snapshot.name == *name && snapshot.whole.is_some());
    Ok(found.cloned().ok_or_else(|| unknown(&name.to_string(), &known))?)
}

/// Removes a snapshot: what says that it is whole goes first, so that nobody begins with what is left of it.
pub fn remove(
    engine: &Engine,
    snapshot: &Snapshot,
    notices: Notices,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let _project = lock(&project_lock(&snapshot.of), notices, interrupt)?;
    // Whoever had the lock may have made it whole, or have removed it.
    let now = snapshots(engine, &snapshot.of)?;
    let now = now.iter().find(|it| it.name == snapshot.name && it.making == snapshot.making);
    match now.filter(|now| now.whole.is_none() || snapshot.whole.is_some()) {
        Some(now) => remove_volumes(engine, now),
        None => Ok(()),
    }
}

fn remove_volumes(engine: &Engine, snapshot: &Snapshot) -> anyhow::Result<()> {
    let volumes = snapshot.volumes();
    for (number, volume) in volumes.iter().enumerate() {
        if number == 0 && snapshot.whole.is_none() {
            engine.remove_copiers_on(&volumes)?;
        }
        if !engine.remove_volumes(std::slice::from_ref(volume))?.is_empty() {
            return Err(Failure::new(format!(
                "volume `{volume}` of snapshot `{}` is being used",
                snapshot.name
            ))
            .hint(format!("`docker ps -a --filter volume={}` shows by whom", word(volume)))
            .into());
        }
    }
    Ok(())
}

/// Lists this user's snapshots of all projects that are not whole, and that nobody is making.
pub fn unfinished(engine: &Engine) -> anyhow::Result<Vec<Snapshot>> {
    let mut found = Vec::new();
    for snapshot in engine.snapshots()? {
        let owner = docker::owner_at(Path::new(&snapshot.of));
        let is_half = snapshot.owner == owner && snapshot.whole.is_none();
        if is_half && Lock::attempt(&project_lock(&snapshot.of))?.is_some() {
            found.push(snapshot);
        }
    }
    Ok(found)
}

/// What bringing a snapshot back would do.
#[derive(Debug)]
pub struct Restorable {
    /// The volumes whose data are replaced.
    pub volumes: Vec<Key>,
    /// What is said of the others.
    pub said: Vec<String>,
    from: Source,
    force: bool,
}

/// Looks at what bringing a snapshot back would do; `None` if the session has no volumes.
///
/// # Errors
/// Its data are of another server.
pub fn restorable(work: &mut Work, snapshot: &Snapshot, force: bool) -> anyhow::Result<Option<Restorable>> {
    let Work { session, engine, .. } = work;
    owner::refuse_all(engine, &session.id, &session.directory)?;
    let own = Site::of(engine, &session.id)?;
    let Some(stock) = snapshot.stock().filter(|_| !own.stock.volumes.is_empty()) else { return Ok(None) };
    let from = Source::Snapshot { of: snapshot.of.clone(), name: snapshot.name.clone() };
    let wishes = own.wishes(BTreeSet::new(), force);
    let Plan { copies, said } = plan(&stock, &own.stock, &wishes, &from.to_string())?;
    Ok(Some(Restorable { volumes: copies.into_iter().map(|copy| copy.key).collect(), said, from, force }))
}

impl Restorable {
    /// Stops the session and marks it: its next start brings the snapshot back before anything runs.
    pub fn begin(&self, work: &mut Work) -> anyhow::Result<()> {
        let Work { session, engine, interrupt, notices } = work;
        let _lock = lock(&lock_name(&session.id), *notices, interrupt)?;
        mend_locked(engine, &session.id)?;
        let containers = engine.every_container(&session.id)?;
        remove::stop(engine, &session.id, &containers)?;
        let Some(first) = containers.first() else {
            return Err(Failure::new(format!("the session of `{}` has no containers", session.directory))
                .hint("`prism start` makes them")
                .into());
        };
        let mark = Copying { from: self.from.clone(), replaces: true, force: self.force };
        engine.clear_mark::<Copying>(&session.id)?;
        engine.set_mark(&first.project, &common(engine, &session.id, first)?, &mark)
    }
}

fn project_lock(of: &str) -> String {
    format!("snapshot-{}", short_hash(of.as_bytes()))
}

fn lock(name: &str, notices: Notices, interrupt: &Interrupt) -> anyhow::Result<Lock> {
    let mut told = false;
    Lock::acquire(name, || {
        if !std::mem::replace(&mut told, true) {
            notices.note("waiting for another prism that works on this session or on its snapshots");
        }
        Ok(interrupt.pause(LOCK_POLL)?)
    })
}
