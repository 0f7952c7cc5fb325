//! What a start does next: it looks, decides here, does that one thing, and looks again, until it is ready.

use crate::stack::readiness::Stage;

/// What a look at a session found, and what was done before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is seen by itself, and any may come with any")]
pub struct Facts {
    /// The override fits its inputs and what is chosen now.
    pub fits: bool,
    /// How far the containers are, compared with it.
    pub stage: Stage,
    /// There is no container.
    pub is_empty: bool,
    /// A container has Compose's own names on a network that sessions share.
    pub is_misnamed: bool,
    /// A container is paused.
    pub is_paused: bool,
    /// The Engine lists ports that nobody has: it may be about to say otherwise.
    pub lags: bool,
    /// What does not run may be started.
    pub may_start: bool,
    /// The session's lock is held.
    pub is_locked: bool,
    /// How often the lock was taken to start something.
    pub locked: u8,
    /// Compose has acted, and what it started was not waited for yet: it is known there why something is down.
    pub acted: bool,
    /// What was waited for has gone down since the lock was held last.
    pub fell: bool,
}

/// One thing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing: all is ready.
    Done,
    /// Look again in a moment.
    Pause,
    /// Give containers their own names on shared networks.
    Rename,
    /// Write the override anew, without starting anything.
    Refresh,
    /// Wait until what runs is ready.
    Wait,
    /// Take the session's lock: whoever has it may do everything.
    Lock,
    /// Let go on what is paused, under the lock.
    Thaw,
    /// Let Compose bring the stack up, under the lock.
    Compose,
    /// Give up.
    Refuse(Refusal),
}

/// Why nothing more can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no session, and none is to be started.
    NoSession,
    /// It is not up, and not to be started.
    NotUp,
    /// It was started, twice, and does not stay up.
    Unstable,
}

/// So often the stack is started before it is given up: somebody else may have taken away what ran.
pub const STARTS: u8 = 2;

/// Decides what is to be done next.
pub fn decide(facts: &Facts) -> Step {
    let Facts {
        fits,
        stage,
        is_empty,
        is_misnamed,
        is_paused,
        lags,
        may_start,
        is_locked,
        locked,
        acted,
        fell,
    } = *facts;
    let is_up = fits && (stage != Stage::Down || acted) && !fell;
    if fits && is_misnamed {
        Step::Rename
    } else if is_up && stage == Stage::Ready && locked == 0 {
        if lags { Step::Pause } else { Step::Done }
    } else if !may_start && is_empty {
        Step::Refuse(Refusal::NoSession)
    } else if is_up {
        // Also what is ready as the list has it: what has just been started is believed when it was asked.
        Step::Wait
    } else if !may_start {
        // A generated file that is gone or out of date is not the session's fault.
        if fits { Step::Refuse(Refusal::NotUp) } else { Step::Refresh }
    } else if is_locked {
        if is_paused { Step::Thaw } else { Step::Compose }
    } else if locked == STARTS {
        Step::Refuse(Refusal::Unstable)
    } else {
        Step::Lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Refusal::{NoSession, NotUp, Unstable};
    use Stage::{Down, Ready, Waiting};
    use Step::{Compose, Done, Lock, Pause, Refresh, Refuse, Rename, Thaw, Wait};

    /// Reads facts: `fits`, `empty`, `misnamed`, `paused`, `lags`, `no-start`, `lock` (held), `1` and `2` (times locked), `acted`, `fell`.
    fn facts(stage: Stage, words: &str) -> Facts {
        let has = |word: &str| words.split(' ').any(|found| found == word);
        let locked = if has("2") { 2 } else { u8::from(has("1")) };
        Facts {
            fits: has("fits"),
            stage,
            is_empty: has("empty"),
            is_misnamed: has("misnamed"),
            is_paused: has("paused"),
            lags: has("lags"),
            may_start: !has("no-start"),
            is_locked: has("lock"),
            locked,
            acted: has("acted"),
            fell: has("fell"),
        }
    }

    #[test]
    fn what_is_done_next() {
        for (stage, words, step) in [
            // The warm way.
            (Ready, "fits", Done),
            (Ready, "fits no-start", Done),
            (Ready, "fits empty", Done),
            (Ready, "fits lags", Pause),
            (Ready, "fits misnamed", Rename),
            (Ready, "fits misnamed lags no-start", Rename),
            // Waiting without Compose.
            (Waiting, "fits", Wait),
            (Waiting, "fits no-start", Wait),
            (Waiting, "fits lags", Wait),
            (Waiting, "fits misnamed", Rename),
            // The cold way.
            (Down, "empty", Lock),
            (Down, "fits", Lock),
            (Down, "fits lags", Lock),
            (Ready, "", Lock),
            (Waiting, "", Lock),
            (Down, "misnamed", Lock),
            (Waiting, "fits fell", Lock),
            (Ready, "fits fell", Lock),
            (Down, "lock 1", Compose),
            (Down, "fits lock 1", Compose),
            (Ready, "lock 1", Compose),
            (Down, "fits paused", Lock),
            (Down, "fits paused lock 1", Thaw),
            (Down, "paused lock 1", Thaw),
            (Ready, "fits paused lock 1", Wait),
            // Somebody else has done it all meanwhile.
            (Ready, "fits lock 1", Wait),
            (Waiting, "fits lock 1", Wait),
            (Waiting, "fits lock 1 misnamed", Rename),
            // After Compose.
            (Waiting, "fits 1 acted", Wait),
            (Ready, "fits 1 acted", Wait),
            (Down, "fits 1 acted", Wait),
            (Ready, "fits 1 acted misnamed", Rename),
            (Down, "fits 1", Lock),
            (Ready, "fits 1 fell", Lock),
            (Down, "fits lock 2", Compose),
            (Down, "fits 2 acted", Wait),
            (Down, "fits 2 fell", Refuse(Unstable)),
            (Ready, "fits 2 fell", Refuse(Unstable)),
            (Down, "2", Refuse(Unstable)),
            // Nothing is to be started.
            (Down, "no-start empty", Refuse(NoSession)),
            (Down, "fits no-start empty", Refuse(NoSession)),
            (Down, "no-start", Refresh),
            (Ready, "no-start", Refresh),
            (Down, "fits no-start", Refuse(NotUp)),
            (Waiting, "fits no-start fell", Refuse(NotUp)),
        ] {
            assert_eq!(decide(&facts(stage, words)), step, "{stage:?} {words}");
        }
    }

    /// However a session looks: nothing is started that must not be, Compose acts only under the lock, and the lock is not
    /// taken for ever.
    #[test]
    fn whatever_is_seen() {
        for bits in 0..1_u16 << 9 {
            let is = |bit: u16| bits & (1 << bit) != 0;
            for (stage, locked) in
                [Ready, Waiting, Down].into_iter().flat_map(|it| (0..=STARTS).map(move |n| (it, n)))
            {
                let facts = Facts {
                    fits: is(0),
                    stage,
                    is_empty: is(1),
                    is_misnamed: is(2),
                    is_paused: is(8),
                    lags: is(3),
                    may_start: is(4),
                    is_locked: is(5),
                    locked,
                    acted: is(7),
                    fell: is(6),
                };
                let is_right = match decide(&facts) {
                    Compose => is(5) && is(4) && !is(8),
                    Thaw => is(5) && is(4) && is(8),
                    Lock => !is(5) && is(4) && locked < STARTS,
                    Done | Wait => is(0) && (stage != Down || is(7)) && !is(6),
                    Refresh => !is(0) && !is(4),
                    Rename | Pause => is(0),
                    Refuse(Unstable) => is(4) && locked == STARTS,
                    Refuse(_) => !is(4),
                };
                assert!(is_right, "{facts:?}");
            }
        }
    }
}
