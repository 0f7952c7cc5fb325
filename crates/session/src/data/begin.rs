//! A session that begins with a copy of other data.

use std::collections::BTreeSet;

use domain::data::Stock;
use domain::data::plan::plan;
use domain::data::probe::human;
use domain::engine::mark::{Copying, Source};
use domain::failure::{Code, Failure};
use domain::identity::name::{ServiceName, SessionId};
use domain::stack::data::Data;
use domain::stack::header::Header;
use domain::text::word::word;

use super::fill::{Fill, Filled};
use super::freeze::{self, Ice, mend_locked};
use super::site::Site;
use super::source;
use crate::docker::{Engine, is_copier};
use crate::end::remove::{self, Remains, Volumes};
use crate::find::{LOCK_POLL, Session, lock_name, owner};
use crate::machine::lock::Lock;
use crate::machine::process::interrupt::Interrupt;
use crate::notice::Notices;
use crate::work::Work;

/// Whose data a session is to begin with.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Where they are.
    pub from: Source,
    /// Data of another image are taken, too.
    pub force: bool,
    /// What is done where it has data already.
    pub present: Present,
}

/// What is done where a session has data already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Present {
    /// It is an error.
    Refuse,
    /// They stay, with a word.
    Keep,
}

/// A copy that is to be made before anything of the session runs.
#[derive(Debug)]
pub struct Due {
    mark: Copying,
    /// The session had nothing before.
    was_nothing: bool,
}

/// Says what is to be copied into a session that is about to be started: what is asked for, or what a prism that was killed
/// did not get to the end with. To be called under the session's lock.
///
/// # Errors
/// The session has data already.
pub fn due(work: &mut Work, asked: Option<&Asked>) -> anyhow::Result<Option<Due>> {
    let Work { session, engine, notices, .. } = work;
    if let Some(Asked { from: Source::Session { id, .. }, .. }) = asked
        && *id == session.id
    {
        return Err(Failure::new("a session cannot begin with a copy of its own data")
            .code(Code::Usage)
            .hint("name another directory, `main`, or a snapshot: `prism snapshot list` shows them")
            .into());
    }
    let begun: Option<Copying> = engine.mark(&session.id)?;
    let Some(mark) = (match (begun, asked) {
        (Some(mark), None) => {
            if !mark.replaces {
                notices.note(format!("a copy of {} was interrupted: beginning again", mark.from));
            }
            Some(mark)
        }
        (Some(mark), Some(asked)) => {
            Some(Copying { from: asked.from.clone(), force: asked.force, replaces: mark.replaces })
        }
        (None, Some(asked)) if has_data(session, engine)? => match asked.present {
            Present::Keep => {
                notices.note("the session has data already, which stay: nothing is copied");
                None
            }
            Present::Refuse => return Err(has_data_already(session, &asked.from).into()),
        },
        (None, Some(asked)) => {
            Some(Copying { from: asked.from.clone(), force: asked.force, replaces: false })
        }
        (None, None) => None,
    }) else {
        return Ok(None);
    };
    let containers = engine.every_container(&session.id)?;
    remove::stop(engine, &session.id, &containers)?;
    let left: Vec<_> = containers.iter().filter(|it| is_copier(it)).cloned().collect();
    engine.remove_containers(&left, &containers)?;
    Ok(Some(Due { mark, was_nothing: containers.is_empty() }))
}

impl Due {
    /// Marks the session: until the copy is whole, nothing of it is started.
    pub fn mark(&self, work: &Work, header: &Header) -> anyhow::Result<()> {
        let Work { session, engine, .. } = work;
        engine.clear_mark::<Copying>(&session.id)?;
        engine.set_mark(&header.project, &engine.common_labels(&session.id)?, &self.mark)
    }

    /// Copies into the volumes that Compose has made, and takes the mark away.
    ///
    /// # Errors
    /// It could not be copied: what the session had not before is removed again.
    pub fn copy(&self, work: &mut Work, header: &Header) -> anyhow::Result<()> {
        let filled = self.fill(work, header);
        let Work { session, engine, notices, .. } = work;
        match filled {
            Ok(filled) => {
                engine.clear_mark::<Copying>(&session.id)?;
                notices.note(describe(&filled, &self.mark.from));
                Ok(())
            }
            Err(error) => {
                if self.was_nothing && !self.mark.replaces {
                    let removed = Remains::find(engine, &session.id)
                        .and_then(|remains| remains.remove(engine, Volumes::All));
                    if let Err(other) = removed {
                        notices.note(format!("could not clean up: {other:#}; the next start does"));
                    }
                }
                Err(error)
            }
        }
    }

    fn fill(&self, work: &mut Work, header: &Header) -> anyhow::Result<Filled> {
        let Work { session, engine, interrupt, notices } = work;
        let (notices, interrupt) = (*notices, &*interrupt);
        let Copying { from, force, .. } = &self.mark;
        let _lock = lock(from, notices, interrupt)?;
        let (stock, theirs) = stock(engine, from)?;
        let own = Site::of(engine, &session.id)?;
        let wishes = own.wishes(fresh(header), *force);
        let plan = plan(&stock, &own.stock, &wishes, &from.to_string())?;
        plan.said.iter().for_each(|sentence| notices.note(sentence));
        let engine = &*engine;
        let volumes: BTreeSet<&str> = stock.volumes.iter().map(|stored| stored.volume.as_str()).collect();
        let fill = Fill {
            engine,
            interrupt,
            project: &header.project,
            common: engine.common_labels(&session.id)?,
            images: &own.images,
            replaces: self.mark.replaces,
            is_kept: false,
        };
        let check = || check_source(engine, from, &stock);
        fill.run(&plan.copies, check, || match &theirs {
            Some((id, site)) => freeze::freeze(engine, id, site, &volumes, notices, interrupt),
            None => Ok(Ice::none(engine, &session.id)),
        })
    }
}

/// Lists the services that begin without data.
fn fresh(header: &Header) -> BTreeSet<ServiceName> {
    let services = header.services.iter().filter(|(_, plan)| plan.data == Some(Data::Fresh));
    services.map(|(name, _)| name.clone()).collect()
}

/// Keeps other prisms away from a session that data are copied from. A snapshot is read only.
fn lock(from: &Source, notices: Notices, interrupt: &Interrupt) -> anyhow::Result<Option<Lock>> {
    let Source::Session { id, directory } = from else { return Ok(None) };
    let mut told = false;
    let lock = Lock::acquire(&lock_name(id), || {
        if !std::mem::replace(&mut told, true) {
            notices.note(format!("waiting for another prism that works on the session of `{directory}`"));
        }
        Ok(interrupt.pause(LOCK_POLL)?)
    })?;
    Ok(Some(lock))
}

/// Looks at what can be copied; of a session, with whom to stop for it.
fn stock(engine: &mut Engine, from: &Source) -> anyhow::Result<(Stock, Option<(SessionId, Site)>)> {
    match from {
        Source::Session { id, directory } => {
            owner::refuse_all(engine, id, directory)?;
            mend_locked(engine, id)?;
            if engine.mark::<Copying>(id)?.is_some() {
                return Err(Failure::new(format!("{from} is itself a copy that is not whole"))
                    .hint(format!("`prism start {}` makes it whole", word(directory)))
                    .into());
            }
            let site = Site::of(engine, id)?;
            Ok((site.stock.clone(), Some((id.clone(), site))))
        }
        Source::Snapshot { of, name } => {
            let known = source::snapshots(engine, of)?;
            let found = known.iter().find(|snapshot| snapshot.name == *name);
            let stock = found.and_then(domain::engine::snapshot::Snapshot::stock);
            Ok((stock.ok_or_else(|| source::unknown(&name.to_string(), &known))?, None))
        }
    }
}

/// Checks, when nothing of it can be removed any more, that a snapshot is still whole.
fn check_source(engine: &Engine, from: &Source, stock: &Stock) -> anyhow::Result<()> {
    let Source::Snapshot { of, name } = from else { return Ok(()) };
    let known = source::snapshots(engine, of)?;
    let found = known.iter().find(|snapshot| snapshot.name == *name);
    if found.and_then(domain::engine::snapshot::Snapshot::stock).as_ref() == Some(stock) {
        return Ok(());
    }
    Err(Failure::new(format!("snapshot `{name}` was removed while it was about to be copied"))
        .hint("`prism snapshot list` shows what is there")
        .into())
}

fn has_data(session: &Session, engine: &mut Engine) -> anyhow::Result<bool> {
    Ok(!Site::of(engine, &session.id)?.stock.volumes.is_empty())
}

fn has_data_already(session: &Session, from: &Source) -> Failure {
    let failure = Failure::new(format!("the session of `{}` has data already", session.directory));
    match from {
        Source::Snapshot { name, .. } => {
            failure.hint(format!("`prism snapshot restore {name}` replaces them, after asking"))
        }
        Source::Session { directory, .. } => failure.hint(format!(
            "`prism -C {} snapshot save NAME`, then `prism snapshot restore NAME` replaces them, after asking",
            word(directory)
        )),
    }
}

/// Says what was copied, and for how long somebody had to stand still for it.
fn describe(filled: &Filled, from: &Source) -> String {
    let volumes = filled.volumes.iter().map(|(name, size, way)| match size {
        Some(size) => format!("{name} ({}, {way})", human(*size)),
        None => format!("{name} ({way})"),
    });
    let volumes: Vec<String> = volumes.collect();
    let what = if volumes.is_empty() { "nothing".to_owned() } else { volumes.join(", ") };
    match filled.frozen {
        Some(frozen) => {
            format!("copied from {from}, which stood still for {:.2} s: {what}", frozen.as_secs_f64())
        }
        None => format!("copied from {from}: {what}"),
    }
}
