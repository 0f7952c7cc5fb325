//! Which process something belongs to, told apart from later ones with the same number.

use std::fs;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::{Pid, getpid};

/// Names this process: `<process namespace>/<pid>/<start time>`, as far as the system tells.
pub fn own() -> String {
    of(getpid())
}

/// Names a process of this namespace, as [`own`] does.
pub fn of(pid: Pid) -> String {
    format!("{}/{pid}/{}", namespace(), start_time(pid).unwrap_or_default())
}

/// Says whether a process named by [`own`] runs. `false` for one that cannot be seen from here.
pub fn is_running(process: &str) -> bool {
    process.starts_with(&format!("{}/", namespace())) && !has_ended(process)
}

/// Says whether a process named by [`own`] has ended. `false` for one that cannot be seen from here.
pub fn has_ended(process: &str) -> bool {
    let Some((rest, start)) = process.rsplit_once('/') else { return false };
    let Some((of, pid)) = rest.rsplit_once('/') else { return false };
    let Ok(pid) = pid.parse().map(Pid::from_raw) else { return false };
    if of != namespace() {
        return false;
    }
    match stat(pid) {
        // One that nobody waited for yet has ended all the same.
        Some((state, now)) => now != start || matches!(state.as_str(), "Z" | "X"),
        None => kill(pid, None) == Err(Errno::ESRCH),
    }
}

fn namespace() -> String {
    fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
}

fn start_time(pid: Pid) -> Option<String> {
    stat(pid).map(|(_, start)| start)
}

/// Reads the state of a process, and when it began, in clock ticks since the system did.
fn stat(pid: Pid) -> Option<(String, String)> {
    let status = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is a name that may hold anything.
    let (_, rest) = status.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().map(str::to_owned);
    let state = fields.next()?;
    Some((state, fields.nth(18)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_lives_until_it_ends_and_a_later_one_of_its_number_is_another() {
        let own = own();
        assert!(!has_ended(&own));
        let (rest, start) = own.rsplit_once('/').expect("three parts");
        assert_eq!(has_ended(&format!("{rest}/{start}1")), cfg!(target_os = "linux"));
        assert!(has_ended(&format!("{}/{}/1", namespace(), i32::MAX)));
        for unknown in ["", "elsewhere/1/1", "1", "//"] {
            assert!(!has_ended(unknown), "{unknown}");
        }
    }
}
