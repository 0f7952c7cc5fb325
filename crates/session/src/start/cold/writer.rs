//! No server is started on files that another one writes to.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use domain::engine::ledger::Noted;
use domain::failure::Failure;
use domain::identity::name::{ServiceName, SessionId};
use domain::stack::data::{Directory, Origin, Relation};
use domain::stack::store::{self, Store};
use domain::text::word::word;

use crate::docker::{Engine, Locality, Writer};
use crate::find::lock_name;
use crate::machine::lock::Lock;

/// What the services of a session write to outside of it.
#[derive(Debug, Clone, Default)]
pub(super) struct Stores {
    /// Everything that somebody else could write to as well.
    pub(super) stores: Vec<Store>,
    /// The image of each service, where it is pulled.
    pub(super) images: BTreeMap<ServiceName, String>,
}

/// The same with where it is.
pub(super) struct Claims<'s> {
    stores: &'s Stores,
    places: Vec<Directory>,
    volumes: BTreeMap<String, String>,
    is_here: bool,
}

impl Stores {
    /// Finds out where everything is. To be called under the lock of reservations, if something is to be started.
    pub(super) fn located(&self, engine: &Engine) -> anyhow::Result<Claims<'_>> {
        if self.stores.is_empty() {
            return Ok(Claims { stores: self, places: Vec::new(), volumes: BTreeMap::new(), is_here: false });
        }
        let is_here = matches!(engine.place()?, Locality::Here | Locality::Rootless);
        let volumes = engine.volume_places()?;
        let places = self.stores.iter().map(|store| located(&store.origin, &volumes, is_here)).collect();
        Ok(Claims { stores: self, places, volumes, is_here })
    }
}

impl Claims<'_> {
    /// Writes the places as another prism compares them with its own.
    pub(super) fn texts(&self) -> Vec<String> {
        let texts: BTreeSet<String> = self.places.iter().map(|place| place.path.clone()).collect();
        texts.into_iter().collect()
    }

    /// Looks at what runs.
    ///
    /// # Errors
    /// A container of no session or of another one writes to the files of a server of this one.
    pub(super) fn check(&self, session: &SessionId, engine: &mut Engine) -> anyhow::Result<()> {
        if self.places.is_empty() {
            return Ok(());
        }
        let writers = engine.writers()?;
        let is_own = |writer: &&Writer| writer.session_id.as_ref() == Some(session);
        let images: BTreeMap<&str, &str> = writers
            .iter()
            .filter(is_own)
            .filter_map(|writer| Some((writer.service.as_deref()?, writer.image.as_str())))
            .collect();
        for (store, place) in self.stores.stores.iter().zip(&self.places) {
            let image = images.get(store.service.0.as_str()).copied();
            let image = image.or_else(|| self.stores.images.get(&store.service).map(String::as_str));
            for writer in writers.iter().filter(|writer| !is_own(writer)) {
                for (target, origin) in &writer.mounts {
                    let theirs = located(origin, &self.volumes, self.is_here);
                    let Some(relation) = place.relation(&theirs) else { continue };
                    let inside = inside(target, &theirs, place);
                    if is_danger(engine, store, image, relation, writer, (target, inside.as_deref()))? {
                        return Err(refusal(store, &by_container(writer)).into());
                    }
                }
            }
        }
        Ok(())
    }

    /// Looks at sessions that some prism works at: their servers may be about to run.
    ///
    /// # Errors
    /// One of them will write to the files of a server of this one.
    pub(super) fn check_starting(&self, session: &SessionId, notes: &[Noted]) -> anyhow::Result<()> {
        for noted in notes.iter().filter(|noted| noted.session_id != *session) {
            for (store, place) in
                self.stores.stores.iter().zip(&self.places).filter(|(store, _)| store.certain)
            {
                let is_same =
                    |text: &String| place.relation(&at(text, self.is_here)) == Some(Relation::Within);
                if noted.note.writes.iter().any(is_same)
                    && Lock::attempt(&lock_name(&noted.session_id))?.is_none()
                {
                    let by = format!("the session of `{}`, which is being started,", noted.directory);
                    let stop = format!("`prism stop {}`", word(&noted.directory));
                    return Err(refusal(store, &(by, stop)).into());
                }
            }
        }
        Ok(())
    }
}

/// Says whether two servers would meet. Who has a directory somewhere above mounted, at `target`, is a server if it keeps data
/// there, or where the store is `inside` it; an image that is not here yet is taken for one if the other container is.
fn is_danger(
    engine: &Engine,
    store: &Store,
    image: Option<&str>,
    relation: Relation,
    writer: &Writer,
    (target, inside): (&str, Option<&str>),
) -> anyhow::Result<bool> {
    let is_other = || -> anyhow::Result<bool> {
        let by_kind = store::keeps(writer.kind.as_deref(), &writer.image, target);
        let volumes = engine.image_volumes(&writer.image)?;
        Ok(by_kind || volumes.is_some_and(|volumes| store::is_in_volume(&volumes, target)))
    };
    let is_own = store.certain
        || match image.map(|image| engine.image_volumes(image)).transpose()?.flatten() {
            Some(volumes) => store::is_in_volume(&volumes, &store.target),
            None => is_other()?,
        };
    if !is_own || relation == Relation::Within || is_other()? {
        return Ok(is_own);
    }
    let Some(inside) = inside else { return Ok(false) };
    let seen = engine.inspect([writer.name.as_str()].into_iter())?;
    Ok(seen.values().any(|seen| store::runs_on(writer.kind.as_deref(), &writer.image, seen, inside)))
}

/// Returns where a place is within a container that has `theirs`, a directory around it, at `target`.
fn inside(target: &str, theirs: &Directory, place: &Directory) -> Option<String> {
    let below = Path::new(&place.path).strip_prefix(&theirs.path).ok()?;
    Some(Path::new(target).join(below).to_string_lossy().into_owned())
}

/// Names a container, and how to stop it.
fn by_container(writer: &Writer) -> (String, String) {
    let name = &writer.name;
    match &writer.directory {
        Some(directory) if writer.session_id.as_ref().is_some_and(|id| id.as_str() == directory) => (
            format!("container `{name}` of the session of `{directory}`"),
            format!("`prism stop {}`", word(directory)),
        ),
        _ => (format!("container `{name}`"), format!("`docker stop {}`", word(name))),
    }
}

fn refusal(store: &Store, (by, stop): &(String, String)) -> Failure {
    let Store { service, origin, certain, is_outside, .. } = store;
    let own = format!(
        "set `data: own` for `{service}` below `services:` in prism.yaml: the session gets an empty volume of its own; or "
    );
    // Of a directory of the project's own, it is not known whether it is more than data.
    let own = if *certain || *is_outside { own } else { String::new() };
    Failure::new(format!(
        "service `{service}` keeps its data in {origin}, to which {by} writes as well: two servers on the same files destroy them"
    ))
    .hint(format!(
        "{own}{stop} first; or set `data: shared` for `{service}`, if both are meant to write there"
    ))
}

fn located(origin: &Origin, volumes: &BTreeMap<String, String>, is_here: bool) -> Directory {
    match origin {
        Origin::Path(path) => at(path, is_here),
        Origin::Volume(name) => match volumes.get(name) {
            Some(path) => at(path, is_here),
            None => at(&format!("volume://{name}"), false),
        },
    }
}

/// Looks at a path of this machine, as far as it is there.
fn at(path: &str, is_here: bool) -> Directory {
    let given = Path::new(path);
    if !is_here || !given.is_absolute() {
        return Directory { path: path.to_owned(), ..Directory::default() };
    }
    let found = given.ancestors().find_map(|above| Some((above.canonicalize().ok()?, above)));
    let Some((real, above)) = found else {
        return Directory { path: path.to_owned(), ..Directory::default() };
    };
    let is_whole = above == given;
    let full = given.strip_prefix(above).ok().filter(|rest| !rest.as_os_str().is_empty());
    let full = full.map_or_else(|| real.clone(), |rest| real.join(rest));
    let id = |path: &Path| fs::metadata(path).ok().map(|found| (found.dev(), found.ino()));
    Directory {
        path: full.to_string_lossy().into_owned(),
        id: id(&real).filter(|_| is_whole),
        above: real.ancestors().skip(usize::from(is_whole)).filter_map(id).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_missing_ends_are_followed() {
        let top = tempfile::tempdir().expect("directory");
        let path = |below: &str| top.path().join(below).to_string_lossy().into_owned();
        fs::create_dir_all(path("real/data")).expect("directory");
        std::os::unix::fs::symlink(path("real"), path("link")).expect("link");
        let within = |one: &str, other: &str| at(&path(one), true).relation(&at(&path(other), true));
        assert_eq!(within("real", "link"), Some(Relation::Within));
        assert_eq!(within("real", "link/data"), Some(Relation::Within));
        assert_eq!(within("link/data", "real"), Some(Relation::Above));
        assert_eq!(within("link/new/a", "real/new/a"), Some(Relation::Within));
        assert_eq!(within("link/new/a", "real/new/b"), None);
        assert_eq!(within("real/data", "real/new"), None);
        assert_eq!(at("nfs://nas:/srv", true).path, "nfs://nas:/srv");
    }
}
