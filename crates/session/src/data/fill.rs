//! Filling volumes from others: in containers of the services' own images, by the best way that works for each.

use std::collections::BTreeMap;
use std::time::Duration;

use domain::data::plan::Copy;
use domain::data::probe::{self, CLEAR, Probe, SCRIPT, Way};
use domain::engine::claim::PROJECT;
use domain::engine::container::Container;
use domain::failure::Failure;
use domain::identity::label::LABEL;
use domain::identity::name::{ProjectName, ServiceName, SessionId};

use super::freeze::{Ice, POLL};
use crate::docker::{COPIER, Copier, Done, Engine, Job, NewCopier};
use crate::git;
use crate::machine::process::interrupt::Interrupt;

/// Shares the blocks.
const REFLINK: &str = "cp -a --reflink=always /prism-from/. /prism-to/";

/// Copies byte by byte.
const COPY: &str = "cp -a /prism-from/. /prism-to/";

/// Writes down on the disk what was copied: a snapshot outlives a power cut as a whole.
const SYNC: &str = "sync";

/// Whatever fills volumes.
pub(super) struct Fill<'a> {
    pub(super) engine: &'a Engine,
    pub(super) interrupt: &'a Interrupt,
    /// The Compose project of the session that does it: its are the containers.
    pub(super) project: &'a ProjectName,
    /// The labels of everything of that session.
    pub(super) common: BTreeMap<String, String>,
    /// The id of the image of each service.
    pub(super) images: &'a BTreeMap<ServiceName, String>,
    /// What is in the volumes is replaced; otherwise nobody has put anything there.
    pub(super) replaces: bool,
    /// The copies are to outlive a power cut.
    pub(super) is_kept: bool,
}

/// What was copied.
#[derive(Debug)]
pub(super) struct Filled {
    /// What each volume is called, its size in KiB, and how it was copied.
    pub(super) volumes: Vec<(String, Option<u64>, Way)>,
    /// For how long the source stood still.
    pub(super) frozen: Option<Duration>,
}

/// One copy, and what does it.
struct Piece<'c> {
    copy: &'c Copy,
    container: Copier,
    /// What is known of it; nothing if its image has no programs.
    probe: Option<Probe>,
    /// A second container for where the first one only can be read from.
    writer: Option<Copier>,
}

/// Containers that go when this does.
struct Copiers<'e> {
    engine: &'e Engine,
    all: Vec<Copier>,
}

impl Drop for Copiers<'_> {
    fn drop(&mut self) {
        let _ = self.engine.remove_copiers(&self.all);
    }
}

impl Fill<'_> {
    /// Copies everything, while `freeze` holds what writes to it.
    ///
    /// # Errors
    /// Something could not be copied, there is no room for it, or a signal came: what is in the volumes is not whole.
    pub(super) fn run<'e>(
        &self,
        copies: &[Copy],
        check: impl FnOnce() -> anyhow::Result<()>,
        freeze: impl FnOnce() -> anyhow::Result<Ice<'e>>,
    ) -> anyhow::Result<Filled> {
        let mut guard = Copiers { engine: self.engine, all: Vec::new() };
        let pieces = self.prepare(copies, &mut guard)?;
        // From here on, nobody can take away what is copied.
        check()?;
        let probes: Vec<Probe> = pieces.iter().filter_map(|piece| piece.probe).collect();
        if let Some(lacking) = probe::lacking(&probes) {
            return Err(no_room(&probes, lacking).into());
        }
        if self.replaces {
            self.clear(&pieces)?;
        }
        let ice = freeze()?;
        let ways = self.copy(&pieces)?;
        let frozen = ice.thaw()?;
        if self.is_kept
            && let Some(piece) = pieces.iter().find(|piece| piece.probe.is_some())
        {
            self.wait(&mut [self.engine.begin_in(&piece.container, SYNC)])?;
        }
        let size = |piece: &Piece| piece.probe.map(|probe| probe.size);
        let volumes =
            pieces.iter().zip(ways).map(|(piece, way)| (piece.copy.key.to_string(), size(piece), way));
        Ok(Filled { volumes: volumes.collect(), frozen })
    }

    /// Makes a container for each copy, and looks at both volumes in it.
    fn prepare<'c>(&self, copies: &'c [Copy], guard: &mut Copiers) -> anyhow::Result<Vec<Piece<'c>>> {
        let mut pieces = Vec::new();
        let mut jobs = Vec::new();
        let script = if self.replaces { SCRIPT.to_owned() } else { format!("{SCRIPT}\n{CLEAR}") };
        for copy in copies {
            self.interrupt.check()?;
            let container = self.engine.make_copier(&self.new_copier(copy)?.reads())?;
            guard.all.push(container.clone());
            if self.engine.start_copier(&container)? {
                jobs.push((pieces.len(), self.engine.begin_in(&container, &script)));
            }
            pieces.push(Piece { copy, container, probe: None, writer: None });
        }
        let (numbers, mut jobs): (Vec<usize>, Vec<Job>) = jobs.into_iter().unzip();
        for (number, done) in numbers.into_iter().zip(self.wait(&mut jobs)?) {
            pieces[number].probe = Probe::read(&done.text).filter(|_| done.status == 0);
        }
        for piece in pieces.iter_mut().filter(|piece| piece.probe.is_none()) {
            let made = self.engine.make_copier(&self.new_copier(piece.copy)?.writes())?;
            guard.all.push(made.clone());
            piece.writer = Some(made);
        }
        let cannot = pieces.iter().find(|piece| piece.probe.is_none() && self.replaces);
        if let Some(piece) = cannot {
            return Err(Failure::new(format!(
                "the data in volume `{}` cannot be replaced: its image has nothing to do it with",
                piece.copy.key
            ))
            .hint("`prism destroy`, then `prism start --data-from` with the snapshot's name")
            .into());
        }
        Ok(pieces)
    }

    fn clear(&self, pieces: &[Piece]) -> anyhow::Result<()> {
        let mut jobs: Vec<Job> =
            pieces.iter().map(|piece| self.engine.begin_in(&piece.container, CLEAR)).collect();
        for (done, piece) in self.wait(&mut jobs)?.iter().zip(pieces) {
            check(done, piece.copy)?;
        }
        Ok(())
    }

    /// Copies all volumes at once. What cannot share its blocks after all is copied byte by byte.
    fn copy(&self, pieces: &[Piece]) -> anyhow::Result<Vec<Way>> {
        let way = |piece: &Piece| piece.probe.map_or(Way::Stream, |probe| probe.way);
        let writer = |piece: &Piece| piece.writer.clone().unwrap_or_else(|| piece.container.clone());
        let begin = |piece: &Piece| match way(piece) {
            Way::Reflink => self.engine.begin_in(&piece.container, REFLINK),
            Way::Copy => self.engine.begin_in(&piece.container, COPY),
            Way::Stream => self.engine.begin_stream(&piece.container, &writer(piece)),
        };
        let mut ways: Vec<Way> = pieces.iter().map(way).collect();
        let done = self.wait(&mut pieces.iter().map(begin).collect::<Vec<_>>())?;
        let mut again = Vec::new();
        for (number, (done, piece)) in done.iter().zip(pieces).enumerate() {
            if done.status != 0 && ways[number] == Way::Reflink {
                ways[number] = Way::Copy;
                again.push((piece, self.engine.begin_in(&piece.container, &format!("({CLEAR}) && {COPY}"))));
            } else {
                check(done, piece.copy)?;
            }
        }
        let (pieces, mut jobs): (Vec<&Piece>, Vec<Job>) = again.into_iter().unzip();
        for (done, piece) in self.wait(&mut jobs)?.iter().zip(pieces) {
            check(done, piece.copy)?;
        }
        Ok(ways)
    }

    fn wait(&self, jobs: &mut [Job]) -> anyhow::Result<Vec<Done>> {
        let mut done: Vec<Option<Done>> = jobs.iter().map(|_| None).collect();
        while done.iter().any(Option::is_none) {
            self.engine.pause(POLL);
            self.interrupt.check()?;
            for (job, done) in jobs.iter_mut().zip(&mut done) {
                if done.is_none() {
                    *done = self.engine.ended(job).transpose()?;
                }
            }
        }
        Ok(done.into_iter().flatten().collect())
    }

    fn new_copier<'c>(&self, copy: &'c Copy) -> anyhow::Result<Named<'c>> {
        let service = copy.services.iter().find(|service| self.images.contains_key(*service));
        let service = service.or_else(|| self.images.keys().next());
        let Some((service, image)) = service.and_then(|service| self.images.get_key_value(service)) else {
            return Err(
                Failure::new(format!("volume `{}` has no service that could copy it", copy.key)).into()
            );
        };
        let random = git::nonce().to_string();
        // As Compose calls and labels what is run once beside a service: it is found, and removed, like everything of the session.
        let name = format!("{}-{service}-run-{}", self.project, &random[..12]);
        let mut labels = self.common.clone();
        for (key, value) in [
            (PROJECT, self.project.as_str()),
            ("com.docker.compose.service", &service.0),
            ("com.docker.compose.container-number", "1"),
            ("com.docker.compose.oneoff", "True"),
        ] {
            labels.insert(key.to_owned(), value.to_owned());
        }
        labels.insert(format!("{LABEL}{COPIER}"), "true".to_owned());
        Ok(Named { name, labels, image: image.clone(), copy })
    }
}

/// What a container for one copy is made with.
struct Named<'c> {
    name: String,
    labels: BTreeMap<String, String>,
    image: String,
    copy: &'c Copy,
}

impl Named<'_> {
    /// One that has both volumes.
    fn reads(&self) -> NewCopier<'_> {
        NewCopier { from: Some(&self.copy.from), ..self.writes() }
    }

    /// One that has the target alone.
    fn writes(&self) -> NewCopier<'_> {
        let Self { name, labels, image, copy } = self;
        NewCopier { name, image, labels, from: None, to: &copy.to }
    }
}

/// Returns the labels of everything of a session: its note's, or where there is none those of one of its containers.
pub(super) fn common(
    engine: &Engine,
    session: &SessionId,
    container: &Container,
) -> anyhow::Result<BTreeMap<String, String>> {
    let noted = engine.common_labels(session)?;
    if !noted.is_empty() {
        return Ok(noted);
    }
    let process = format!("{LABEL}process");
    let process = container.labels.get(&process).map(|value| (process.clone(), value.clone()));
    Ok(container.session_labels().into_iter().chain(process).collect())
}

fn check(done: &Done, copy: &Copy) -> Result<(), Failure> {
    if done.status == 0 {
        return Ok(());
    }
    let lines: Vec<&str> = done.text.lines().rev().take(5).collect();
    let failure =
        Failure::new(format!("volume `{}` could not be copied", copy.key)).details(lines.into_iter().rev());
    Err(if done.text.contains("No space left") {
        failure.hint("make room where the Engine keeps its volumes: `docker system df` shows what takes it")
    } else {
        failure
    })
}

fn no_room(probes: &[Probe], lacking: u64) -> Failure {
    let size: u64 = probes.iter().filter(|probe| probe.way != Way::Reflink).map(|probe| probe.size).sum();
    let free = probes.iter().map(|probe| probe.free).min().unwrap_or_default();
    Failure::new(format!(
        "a copy of {} does not fit where the Engine keeps its volumes: {} are free, and 5 % of it stay so",
        probe::human(size),
        probe::human(free)
    ))
    .hint(format!(
        "make room for {} more: `docker system df` shows what takes it, `prism snapshot list` how large snapshots are",
        probe::human(lacking)
    ))
}
