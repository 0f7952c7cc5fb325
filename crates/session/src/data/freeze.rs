//! A session that stands still while its data are copied, and goes on whatever happens.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use domain::engine::container::{Container, State};
use domain::engine::kind::kind_of;
use domain::engine::mark::{Copying, Frozen, Mark, Source};
use domain::failure::Failure;
use domain::identity::name::SessionId;
use domain::variable;

use super::site::Site;
use crate::docker::{Done, Engine, is_copier};
use crate::find::lock_name;
use crate::machine::lock::Lock;
use crate::machine::process::identity;
use crate::machine::process::interrupt::Interrupt;
use crate::notice::Notices;

/// How often it is looked whether something in the Engine has ended.
pub(super) const POLL: Duration = Duration::from_millis(2);

/// Lets Redis write down what it has in memory, and take no write until it is paused: no longer than a minute, should nobody
/// come back. One that writes every change down has it all already.
const SAVE: &str = "cli=$(command -v redis-cli || command -v valkey-cli || command -v keydb-cli) || exit 3
case $($cli config get appendonly) in *yes*) exit 0 ;; esac
$cli client pause 60000 write >/dev/null
[ \"$($cli save)\" = OK ]";

/// Lets it take writes again.
const GO_ON: &str = "cli=$(command -v redis-cli || command -v valkey-cli || command -v keydb-cli) || exit 3
$cli client unpause";

/// Containers that are paused, until this is dropped.
pub(super) struct Ice<'e> {
    engine: &'e Engine,
    session: SessionId,
    ids: Vec<String>,
    /// Those that were asked to write everything down first.
    asked: Vec<(String, Vec<String>)>,
    since: Instant,
    is_over: bool,
}

/// Pauses what writes to the `volumes` of a session, with a mark before it. To be called under the session's lock.
pub(super) fn freeze<'e>(
    engine: &'e Engine,
    session: &SessionId,
    site: &Site,
    volumes: &BTreeSet<&str>,
    notices: Notices,
    interrupt: &Interrupt,
) -> anyhow::Result<Ice<'e>> {
    let writers = site.writers(volumes);
    let writers: Vec<&Container> =
        writers.iter().filter(|it| it.state == State::Running && !is_copier(it)).collect();
    let mut ice = Ice {
        engine,
        session: session.clone(),
        ids: writers.iter().map(|container| container.id.clone()).collect(),
        asked: Vec::new(),
        since: Instant::now(),
        is_over: false,
    };
    let Some(first) = writers.first() else { return Ok(ice) };
    let mark = Frozen { process: identity::own(), containers: ice.ids.clone() };
    let common = super::fill::common(engine, session, first)?;
    engine.set_mark(&first.project, &common, &mark)?;
    for container in &writers {
        if kind_of(container).is_some_and(|kind| kind.name == "redis") {
            ice.save(container, notices, interrupt)?;
        }
    }
    interrupt.check()?;
    ice.since = Instant::now();
    engine.pause_all(&ice.ids)?;
    Ok(ice)
}

impl<'e> Ice<'e> {
    /// Holds nothing: nobody writes to what is copied.
    pub(super) fn none(engine: &'e Engine, session: &SessionId) -> Self {
        let session = session.clone();
        Self { engine, session, ids: Vec::new(), asked: Vec::new(), since: Instant::now(), is_over: true }
    }
}

impl Ice<'_> {
    /// Lets a server write down what it has in memory.
    fn save(&mut self, container: &Container, notices: Notices, interrupt: &Interrupt) -> anyhow::Result<()> {
        let seen = self.engine.inspect([container.id.as_str()].into_iter())?;
        let password = seen.get(&container.id).and_then(|seen| variable::password(container, seen));
        let environment: Vec<String> = password.map(|it| format!("REDISCLI_AUTH={it}")).into_iter().collect();
        self.asked.push((container.id.clone(), environment.clone()));
        let done = command(self.engine, &container.id, SAVE, environment, interrupt)?;
        if done.status != 0 {
            notices.note(format!(
                "service `{}` could not be asked to save: what it has in memory only is not copied",
                container.service
            ));
        }
        Ok(())
    }

    /// Lets it go on. Returns for how long it stood still; `None` if nothing had to.
    pub(super) fn thaw(mut self) -> anyhow::Result<Option<Duration>> {
        self.end()
    }

    fn end(&mut self) -> anyhow::Result<Option<Duration>> {
        if std::mem::replace(&mut self.is_over, true) || self.ids.is_empty() {
            return Ok(None);
        }
        self.engine.thaw(&self.ids)?;
        let frozen = self.since.elapsed();
        // Nobody is to be interrupted in this: it ends by itself.
        let unheard = Interrupt::default();
        for (id, environment) in self.asked.drain(..) {
            let _ = command(self.engine, &id, GO_ON, environment, &unheard);
        }
        self.engine.clear_mark::<Frozen>(&self.session)?;
        Ok(Some(frozen))
    }
}

impl Drop for Ice<'_> {
    fn drop(&mut self) {
        // What cannot be thawed now has its mark, and whoever comes next will.
        let _ = self.end();
    }
}

/// Runs a script in a container to its end.
fn command(
    engine: &Engine,
    id: &str,
    script: &str,
    environment: Vec<String>,
    interrupt: &Interrupt,
) -> anyhow::Result<Done> {
    let mut job = engine.begin_command(id, script, environment);
    loop {
        if let Some(done) = engine.ended(&mut job) {
            return done;
        }
        engine.pause(POLL);
        interrupt.check()?;
    }
}

/// Lets a session go on that a prism which has ended left paused: its own, and the one that its data were being copied from.
/// One that some prism works at is left to it.
pub fn mend(engine: &mut Engine, session: &SessionId) -> anyhow::Result<()> {
    let mut sessions = vec![session.clone()];
    if let Some(Copying { from: Source::Session { id, .. }, .. }) = engine.mark(session)? {
        sessions.push(id);
    }
    for session in sessions {
        let frozen: Option<Frozen> = engine.mark(&session)?;
        let is_left = frozen.is_some_and(|frozen| identity::has_ended(&frozen.process));
        if is_left && let Some(_lock) = Lock::attempt(&lock_name(&session))? {
            mend_locked(engine, &session)?;
        }
    }
    Ok(())
}

/// The same for one session, under its lock.
///
/// # Errors
/// A prism that cannot be seen from here is at it.
pub fn mend_locked(engine: &mut Engine, session: &SessionId) -> anyhow::Result<()> {
    let Some(frozen) = engine.mark::<Frozen>(session)? else { return Ok(()) };
    if !identity::has_ended(&frozen.process) && frozen.process != identity::own() {
        return Err(Failure::new("the data of this session are being copied by a prism elsewhere")
            .hint(format!(
                "wait until it is done; if it is not there any more: `docker volume rm` the volume that ends with `.{}`",
                Frozen::KEY
            ))
            .into());
    }
    let containers = engine.every_container(session)?;
    let is_its = |id: &&String| containers.iter().any(|container| container.id == **id);
    let ids: Vec<String> = frozen.containers.iter().filter(is_its).cloned().collect();
    engine.thaw(&ids)?;
    let left: Vec<Container> = containers.iter().filter(|it| is_copier(it)).cloned().collect();
    engine.remove_containers(&left, &containers)?;
    engine.clear_mark::<Frozen>(session)
}
