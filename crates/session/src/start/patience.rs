//! How long the Engine may take to answer, and what is said meanwhile.

use std::cell::Cell;
use std::time::Duration;

use domain::failure::Failure;

use crate::docker::Patience;
use crate::machine::process::interrupt::Interrupt;
use crate::notice::Notices;

/// When a wait is explained.
const SLOW: Duration = Duration::from_secs(2);

/// The longest wait for one answer that changes nothing.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The longest wait for one answer that a removal needs, once somebody is waiting for the end.
const HURRIED: Duration = Duration::from_secs(10);

/// Waits for each answer until `limit` is over or somebody interrupts, and says once what for.
pub fn patience(notices: Notices, interrupt: Interrupt, limit: Duration) -> Patience {
    until(notices, move || interrupt.check_patience().map(|()| limit))
}

/// Waits for what has to be asked at the end. A signal shortens that, and does not break it off: an Engine that is only
/// slow must not keep what is to be removed.
pub fn farewell(notices: Notices, interrupt: Interrupt) -> Patience {
    until(notices, move || Ok(if interrupt.has_come() { HURRIED } else { LIMIT }))
}

fn until(notices: Notices, limit: impl Fn() -> Result<Duration, Failure> + 'static) -> Patience {
    let told = Cell::new(false);
    Box::new(move |address, waited| {
        let limit = limit()?;
        if waited >= limit {
            return Err(Failure::new(format!(
                "the Docker Engine at {address} did not answer within {} s",
                limit.as_secs()
            ))
            .hint("`docker ps` shows whether it answers at all; restarting it may help"));
        }
        if waited >= SLOW && !told.replace(true) {
            notices.note(format!("waiting for the Docker Engine at {address}"));
        }
        Ok(())
    })
}
