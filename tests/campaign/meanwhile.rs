//! What people do meanwhile.

use super::world::{Thing, World, shown};
use crate::support::docker;

/// What somebody does while prism is at work, or after it was killed. Returns what is theirs by that.
pub type Deed = fn(&World) -> Vec<Thing>;

/// All of it, by name.
pub const DEEDS: &[(&str, Deed)] = &[
    ("nothing", |_| Vec::new()),
    ("a file at the place", |world| {
        let is_made_by_prism = world.place.exists();
        vec![world.wrote(world.place.join("notes"), is_made_by_prism)]
    }),
    ("a change of what git follows", |world| {
        let path = world.place.join(".gitignore");
        if path.exists() { vec![world.wrote(path, true)] } else { Vec::new() }
    }),
    ("a commit there", |world| {
        if world.is_worktree() && world.tries(&world.place, &["commit", "-q", "--allow-empty", "-m", "late"])
        {
            world.branch("b").into_iter().collect()
        } else {
            Vec::new()
        }
    }),
    ("the worktree made anew by hand", |world| {
        let (main, place) = (&world.project.directory, shown(&world.place));
        world.tries(main, &["worktree", "remove", "--force", "--force", &place]);
        world.tries(main, &["worktree", "prune"]);
        let is_made = world.tries(main, &["worktree", "add", "-q", &place, "b"])
            || world.tries(main, &["worktree", "add", "-q", "-b", "b", &place]);
        let mut things = vec![world.wrote(world.place.join("notes"), !is_made)];
        if is_made {
            things.push(Thing::Worktree(world.place.clone()));
            world.git(&world.place, &["commit", "-q", "--allow-empty", "-m", "anew"]);
            things.extend(world.branch("b"));
        }
        things
    }),
    ("the branch checked out elsewhere", |world| {
        let is_there = world.tries(&world.mine, &["switch", "-q", "b"])
            || world.tries(&world.mine, &["switch", "-q", "-c", "b"]);
        if is_there { world.branch("b").into_iter().collect() } else { Vec::new() }
    }),
    ("the worktree moved", |world| {
        let moved = world.place.with_file_name("moved");
        let is_moved = world
            .tries(&world.project.directory, &["worktree", "move", &shown(&world.place), &shown(&moved)]);
        if is_moved {
            let mut things = vec![world.wrote(moved.join("notes"), false), Thing::Worktree(moved)];
            things.extend(world.branch("b"));
            things
        } else {
            Vec::new()
        }
    }),
    ("a container and a tag of the session's image", |world| {
        let label = format!("label=dev-prism.working_dir={}", world.place.display());
        let ids = docker(&["ps", "--all", "--quiet", "--filter", &label]);
        let Some(id) = ids.lines().next() else { return Vec::new() };
        let (name, tag) = (world.name("of"), format!("{}:1", world.name("commit")));
        // By now it may be gone.
        let is_made = docker_tries(&["commit", id, &tag])
            && docker_tries(&["create", "--name", &name, "--volumes-from", id, &tag, "true"]);
        if is_made { vec![World::container(&name), World::image(&tag)] } else { Vec::new() }
    }),
    ("a container with the session's data", |world| {
        let label = format!("label=dev-prism.working_dir={}", world.place.display());
        let volumes = docker(&["volume", "ls", "--format", "{{.Name}}", "--filter", &label]);
        let Some(volume) = volumes.lines().find(|name| name.ends_with("_data")) else { return Vec::new() };
        let name = world.name("with-data");
        if docker_tries(&[
            "create",
            "--name",
            &name,
            "--volume",
            &format!("{volume}:/x"),
            "prism-test:1",
            "true",
        ]) {
            vec![World::container(&name), World::volume(volume)]
        } else {
            Vec::new()
        }
    }),
];

fn docker_tries(arguments: &[&str]) -> bool {
    let output = std::process::Command::new("docker").args(arguments).output();
    output.expect("the docker CLI").status.success()
}
