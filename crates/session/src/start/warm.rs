//! The way without Compose: the override still fits its inputs, and Docker says that everything runs.

use std::path::Path;

use domain::engine::container::Container;
use domain::stack::header::Header;
use domain::stack::readiness::{Stage, stage, survey};

use crate::docker;
use crate::find::generated::OVERRIDE;
use crate::find::{Session, input, key};
use crate::machine::{read, timing};
use crate::work::Work;

/// What a session looks like before anything is done about it.
#[derive(Debug)]
pub struct Observation {
    /// The header, if it is whole, of this version, of this session, and fits its inputs.
    pub header: Option<Header>,
    /// The session's containers, without twins.
    pub containers: Vec<Container>,
    /// How far they are. Without a header that fits, Compose has to act.
    pub stage: Stage,
}

/// Looks at a session: one read per input, one question to the Engine, no subprocess. A header that was `made` a moment ago
/// need not be read.
pub fn look(work: &mut Work, made: Option<Header>) -> anyhow::Result<Observation> {
    let Work { session, engine, .. } = work;
    let header = made.or_else(|| fitting_header(session).filter(|header| header.settled));
    timing::mark("hash");
    let mut containers = engine.look(&session.id, header.as_ref().map_or(&[], |header| &header.inspected))?;
    timing::mark("list");
    if let Some(header) = &header {
        header.dress(&mut containers);
    }
    let stage = header.as_ref().map_or(Stage::Down, |header| stage(&survey(header, &containers)));
    Ok(Observation { header, containers, stage })
}

/// Reads the header if the override still fits its inputs.
pub fn fitting_header(session: &Session) -> Option<Header> {
    let header = read_header(session);
    timing::mark("read");
    let is_whole = |header: &Header| header.resolved.is_none() || header.resolved == session.resolved_hash();
    let is_here = |header: &Header| header.machine.as_ref().is_none_or(|name| *name == docker::hostname());
    header
        .filter(is_here)
        .filter(|header| input::are_unchanged(header, &session.environment) && is_whole(header))
}

/// Reads the override's first line. `None` for a file that is absent, broken, edited or forged, of another version of
/// prism, or copied from another directory.
pub fn read_header(session: &Session) -> Option<Header> {
    let header = Header::read(&read::text(&session.override_path()).ok()?, &key::known()?)?;
    (header.version == env!("CARGO_PKG_VERSION") && header.session_id == session.id).then_some(header)
}

/// Reads the header of the override in a directory, whether or not it still fits: good enough for hints. It is one that
/// this version wrote for the directory.
pub fn peek(directory: &Path) -> Option<Header> {
    let header = Header::read(&read::text(&directory.join(OVERRIDE)).ok()?, &key::known()?)?;
    let rest = header.session_id.as_str().strip_prefix(directory.to_str()?)?;
    let is_of_it = rest.is_empty() || rest.starts_with('@');
    (header.version == env!("CARGO_PKG_VERSION") && is_of_it).then_some(header)
}
