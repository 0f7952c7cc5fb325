//! People work meanwhile: whatever prism is at, wherever it is killed, what is theirs is there afterwards, byte for byte; and
//! what prism made is there or gone as a whole.

mod meanwhile;
mod world;

use std::fs;
use std::sync::Arc;
use std::sync::mpsc::channel;

use nix::sys::signal::Signal;

use self::meanwhile::{DEEDS, Deed};
use self::world::{Thing, World, inspected, shown};
use crate::support::{Outcome, Pruning, Run, Steps};

/// What prism is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verb {
    Start,
    Create,
    Destroy,
    Force,
    Prune,
    Ephemeral,
}

/// What happens at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    /// prism waits there while somebody does something.
    None,
    /// prism is killed, and then somebody does something.
    Prism,
    /// All that prism started is killed with it.
    Group,
}

const BLOWS: [Blow; 3] = [Blow::None, Blow::Prism, Blow::Group];

impl Verb {
    /// Makes what the verb needs to be there.
    fn prepare(self, world: &World) {
        if matches!(self, Self::Destroy | Self::Force | Self::Prune) {
            world.project.prism(&["create", "b"]).succeeds();
        }
        if self == Self::Prune {
            fs::remove_dir_all(&world.place).expect("somebody removes it");
        }
    }

    fn run(self, world: &World) -> Run {
        let place = shown(&world.place);
        let words: &[&str] = match self {
            Self::Start => &["start"],
            Self::Create => &["create", "b"],
            Self::Destroy => &["destroy", "--yes", &place],
            Self::Force => &["destroy", "--yes", "--force", &place],
            Self::Prune => &["prune", "--yes"],
            Self::Ephemeral => &["exec", "--ephemeral", "--", "true"],
        };
        world.project.prism(words)
    }

    /// Looks at what there is after the verb was called once more and ended so.
    fn check(self, world: &World, outcome: &Outcome, theirs: &[Thing]) -> Vec<String> {
        let main = &world.project.directory;
        let works = |directory| world.project.sandbox.prism(directory, &["exec", "--", "true"]).run();
        let mut wrong = Vec::new();
        let mut expect = |holds: bool, what: String| wrong.extend((!holds).then_some(what));
        match self {
            Self::Start => {
                let works = works(main);
                expect(outcome.status == 0 && works.status == 0, format!("does not start: {works}"));
                world.project.prism(&["destroy", "--yes"]).succeeds();
                expect(
                    World::left_of(main, theirs).is_empty(),
                    format!("left: {:?}", World::left_of(main, theirs)),
                );
            }
            Self::Ephemeral => {
                expect(outcome.status == 0, "does not run".to_owned());
                world.project.prism(&["prune", "--yes"]).succeeds();
                expect(
                    World::left_of(main, theirs).is_empty(),
                    format!("left: {:?}", World::left_of(main, theirs)),
                );
            }
            Self::Create | Self::Destroy | Self::Force | Self::Prune => {
                let left = World::left_of(&world.place, theirs);
                let is_gone = left.is_empty()
                    && (!world.place.exists() || has_place(world, theirs))
                    && (world.branch("b").is_none() || self == Self::Prune || has_branch(theirs));
                // Looking makes a session where there is none.
                let is_whole = !is_gone && world.is_worktree() && works(&world.place).status == 0;
                // Who refuses leaves what there was: it works, or it is what somebody made of it.
                let is_theirs = has_place(world, theirs) || has_branch(theirs);
                let is_right = match (self, outcome.status) {
                    (Self::Create, 0) => is_whole,
                    // Its directory is back: what is left goes on to be its session.
                    (Self::Prune, 0) => is_gone || is_theirs,
                    (_, 0) => is_gone,
                    _ => is_gone || is_whole || is_theirs,
                };
                expect(is_right, format!("neither whole nor gone: {left:?}"));
                if is_gone {
                    expect(world.marks().is_empty(), format!("marks: {:?}", world.marks()));
                }
            }
        }
        wrong
    }
}

fn has_place(world: &World, theirs: &[Thing]) -> bool {
    theirs.iter().any(|thing| match thing {
        Thing::File(path, _) | Thing::Work(path, _) | Thing::Worktree(path) => path.starts_with(&world.place),
        _ => false,
    })
}

fn has_branch(theirs: &[Thing]) -> bool {
    theirs.iter().any(|thing| matches!(thing, Thing::Branch(name, _) if name == "b"))
}

/// Counts the steps of a verb that nobody disturbs.
fn steps_of(verb: Verb) -> Vec<String> {
    let (world, theirs) = World::new();
    verb.prepare(&world);
    let steps = Steps::new(&world.project.sandbox);
    let outcome = steps.count(verb.run(&world)).succeeds();
    let seen = steps.seen();
    let wrong = verb.check(&world, &outcome, &theirs);
    assert!(wrong.is_empty(), "{verb:?}: {wrong:?}\n{outcome}");
    assert!(world.lost(&theirs).is_empty(), "{verb:?}: {:?}", world.lost(&theirs));
    seen
}

/// Lets one thing happen at one step, calls the verb once more, and looks.
fn try_case(verb: Verb, name: &str, deed: Deed, blow: Blow, step: usize) -> Result<(), String> {
    let (world, mut theirs) = World::new();
    verb.prepare(&world);
    let world = Arc::new(world);
    let steps = Steps::new(&world.project.sandbox);
    let (told, pid) = channel::<nix::unistd::Pid>();
    let (tell, found) = channel();
    let people = Arc::clone(&world);
    steps.at(step, move || {
        let pid = pid.recv().expect("a pid");
        let group = nix::unistd::Pid::from_raw(-pid.as_raw());
        match blow {
            Blow::None => {}
            Blow::Prism => nix::sys::signal::kill(pid, Signal::SIGKILL).expect("kill"),
            Blow::Group => nix::sys::signal::kill(group, Signal::SIGKILL).expect("kill"),
        }
        let volumes = World::anonymous_volumes(&people.place);
        let _ = tell.send((deed(&people), volumes));
        blow != Blow::Group
    });
    let mut volumes = World::anonymous_volumes(&world.place);
    let mut live = steps.count(verb.run(&world)).live();
    let _ = told.send(live.pid());
    live.end();
    let first = live.errors();
    if steps.is_reached() {
        let (made, seen) = found.recv().expect("what was done");
        theirs.extend(made);
        volumes.extend(seen);
    }
    steps.begin();
    let lost_at_once = format!("{:?}", world.lost(&theirs));
    let outcome = verb.run(&world).run();
    if verb == Verb::Force {
        theirs.retain(|thing| !matches!(thing, Thing::Work(..)));
    }
    let mut wrong = verb.check(&world, &outcome, &theirs);
    wrong.extend(world.lost(&theirs).iter().map(|thing| format!("lost: {thing:?}")));
    if World::left_of(&world.place, &theirs).is_empty() {
        let leaked = volumes.iter().filter(|name| inspected(&["volume"], name, "{{.Name}}").is_some());
        let is_used = |name: &&String| name_is_used(name);
        wrong.extend(leaked.filter(|name| !is_used(name)).map(|name| format!("anonymous volume {name}")));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{verb:?}, {blow:?} at {step}, then {name}: {wrong:?}\nlost before the second call: {lost_at_once}\n-- first\n{first}\n-- second\n{outcome}"
    ))
}

fn name_is_used(volume: &str) -> bool {
    !crate::support::docker(&["ps", "--all", "--quiet", "--filter", &format!("volume={volume}")]).is_empty()
}

/// Tries a part of all that can happen to a verb; all of it if `PRISM_TEST_KILLS` is `all`.
fn campaign(verb: Verb) {
    let prunes = || match verb {
        Verb::Prune => Some(Pruning::mine_alone()),
        Verb::Ephemeral => Some(Pruning::allowed()),
        _ => None,
    };
    let pruning = prunes();
    let steps = steps_of(verb);
    drop(pruning);
    let all = steps.len() * DEEDS.len() * BLOWS.len();
    let asked = std::env::var("PRISM_TEST_KILLS").unwrap_or_default();
    let count = if asked == "all" { all } else { asked.parse().unwrap_or(2) };
    let mut failed = Vec::new();
    for number in 0..count.min(all) {
        // By the golden section: far from each other, however many.
        let case = if count < all { (number * 618 + 309) * all / 1000 % all } else { number };
        let (rest, step) = (case / steps.len(), case % steps.len());
        let (name, deed) = DEEDS[rest % DEEDS.len()];
        let _pruning = prunes();
        let tried = try_case(verb, name, deed, BLOWS[rest / DEEDS.len()], step);
        failed.extend(tried.err().map(|error| format!("{}: {error}", steps[step])));
    }
    assert!(failed.is_empty(), "{} of {count}:\n{}", failed.len(), failed.join("\n\n"));
}

#[test]
fn start_while_people_work() {
    campaign(Verb::Start);
}

#[test]
fn create_while_people_work() {
    campaign(Verb::Create);
}

#[test]
fn destroy_while_people_work() {
    campaign(Verb::Destroy);
}

#[test]
fn destroy_by_force_while_people_work() {
    campaign(Verb::Force);
}

#[test]
fn prune_while_people_work() {
    campaign(Verb::Prune);
}

#[test]
fn exec_ephemeral_while_people_work() {
    campaign(Verb::Ephemeral);
}
