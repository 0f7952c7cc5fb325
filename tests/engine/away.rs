//! Directories that are not there and may come back: their data stays.

use std::fs;
use std::path::Path;

use crate::support::without::without;
use crate::support::{Outcome, Project, Pruning, Sandbox, docker};

fn prune(project: &Project) -> Outcome {
    project.sandbox.prism(&project.sandbox.root(), &["prune", "--dry-run"]).succeeds()
}

/// Says whether `prune` would take the session of a directory, or names it as one that may come back.
fn is_taken(pruned: &Outcome, directory: &Path) -> bool {
    let directory = directory.display();
    let is_gone = pruned.stdout.contains(&format!("the session of `{directory}`, which is gone"));
    let is_away = pruned.stderr.contains(&format!("prism: `{directory}` "));
    assert!(is_gone != is_away, "{directory}: {pruned}");
    is_gone
}

#[test]
fn what_a_disk_had_comes_back_with_it() {
    if without("mount") {
        return;
    }
    let _pruning = Pruning::mine_alone();
    let project = Project::quick();
    let (work, prism) = (project.sandbox.work(), env!("CARGO_BIN_EXE_prism"));
    let run = |script: &str| {
        let command = ["--mount", "sh", "-ec", script];
        project.sandbox.command("unshare", &work, &command).succeeds()
    };
    // Two disks: of one, the session's parent is the top. Nobody else sees them.
    fs::create_dir_all(work.join("disk/other")).expect("directory");
    let start = format!(
        "mount -t tmpfs one {0}/disk; mkdir -p {0}/disk/shop {0}/disk/deep/shop
        for to in {0}/disk/shop {0}/disk/deep/shop; do cp {0}/shop/compose.yaml $to; {prism} -C $to start; done
        {prism} prune --dry-run; umount {0}/disk
        {prism} prune --dry-run
        mount -t tmpfs two {0}/disk; mkdir {0}/disk/deep
        {prism} prune --dry-run",
        work.display()
    );
    // The session's directory is itself the top of one, and its mount point goes with it.
    let removable = format!(
        "mkdir -p {0}/media/stick; mount -t tmpfs stick {0}/media/stick; cp {0}/shop/compose.yaml {0}/media/stick
        {prism} -C {0}/media/stick start; umount {0}/media/stick; rmdir {0}/media/stick",
        work.display()
    );
    run(&removable);
    let stick = work.join("media/stick");
    assert!(!is_taken(&prune(&project), &stick));
    project.sandbox.prism(&work, &["destroy", "--yes", stick.to_str().expect("UTF-8")]).succeeds();
    let disk = work.join("disk");
    let inside = run(&start);
    assert!(!inside.stdout.contains("disk"), "{inside}");
    assert!(inside.stderr.contains("disk/deep/shop` is not there, but its parent is on another"), "{inside}");
    let outside = prune(&project);
    assert!(!is_taken(&outside, &disk.join("shop")) && !is_taken(&outside, &disk.join("deep/shop")));
    assert!(outside.stderr.contains("on another file system than at the last start"), "{outside}");
    assert!(outside.stderr.contains("deep/shop` is not there, nor is its parent"), "{outside}");
    for directory in ["shop", "deep/shop"] {
        let directory = disk.join(directory).display().to_string();
        let filter = format!("label=dev-prism.working_dir={directory}");
        assert!(!docker(&["volume", "ls", "-q", "--filter", &filter]).is_empty());
        // Who names it means it.
        project.sandbox.prism(&work, &["destroy", "--yes", &directory]).succeeds();
        assert!(docker(&["volume", "ls", "-q", "--filter", &filter]).is_empty());
    }
}

#[test]
fn what_has_another_name_now_is_not_gone() {
    let _pruning = Pruning::mine_alone();
    let project = Project::quick();
    let git = |directory: &Path, words: &[&str]| project.sandbox.git(directory, words);
    git(&project.directory, &["init", "-qb", "main"]);
    git(&project.directory, &["add", "."]);
    git(&project.directory, &["commit", "-qm", "x"]);
    let work = project.sandbox.work();
    let place = |name: &str| work.join(name).display().to_string();
    git(&project.directory, &["worktree", "add", "-q", &place("tree")]);
    for name in ["shop", "tree"] {
        project.sandbox.prism(&work.join(name), &["start"]).succeeds();
    }
    fs::create_dir(work.join("elsewhere")).expect("directory");
    let far = Sandbox::new();
    let moved = far.work().join("moved").display().to_string();
    git(&project.directory, &["worktree", "move", &place("tree"), &moved]);
    fs::rename(&project.directory, work.join("renamed")).expect("rename");
    let pruned = prune(&project);
    assert!(!is_taken(&pruned, &work.join("tree")) && !is_taken(&pruned, &work.join("shop")));
    assert!(pruned.stderr.contains(&format!("shop` is `{}` now", place("renamed"))), "{pruned}");
    assert!(pruned.stderr.contains("tree` is not there, nor is its repository"), "{pruned}");
    fs::rename(work.join("renamed"), &project.directory).expect("rename");
    assert!(prune(&project).stderr.contains(&format!("tree` is `{moved}` now")));
    git(&project.directory, &["worktree", "move", &moved, &place("elsewhere/moved")]);
    // Tidied up, below what is around it and beside that.
    fs::create_dir_all(work.join("elsewhere/archive")).expect("directory");
    for to in [work.join("elsewhere/archive/kept"), project.sandbox.root().join("home/kept")] {
        fs::rename(&project.directory, &to).expect("rename");
        assert!(!is_taken(&prune(&project), &project.directory), "{}", to.display());
        fs::rename(to, &project.directory).expect("rename");
    }
    // A link that leads nowhere.
    fs::rename(&project.directory, work.join("elsewhere/kept")).expect("rename");
    std::os::unix::fs::symlink("/nonexistent/disk", &project.directory).expect("link");
    assert!(!is_taken(&prune(&project), &project.directory));
    fs::remove_file(&project.directory).expect("link");
    fs::rename(work.join("elsewhere/kept"), &project.directory).expect("rename");

    // Copied to another disk, as it were, and git was told.
    let copy = ["-c", "cp -a elsewhere/moved copied && rm -r elsewhere/moved"];
    project.sandbox.command("sh", &work, &copy).succeeds();
    git(&work.join("copied"), &["worktree", "repair"]);
    git(&project.directory, &["worktree", "repair", &place("copied")]);
    assert!(prune(&project).stderr.contains(&format!("tree` is `{}` now", place("copied"))));
    git(&project.directory, &["worktree", "move", &place("copied"), &place("elsewhere/moved")]);

    for (name, removed) in [("tree", "elsewhere/moved"), ("shop", "shop")] {
        fs::remove_dir_all(work.join(removed)).expect("remove");
        assert!(is_taken(&prune(&project), &work.join(name)), "{name}");
    }
    for name in ["shop", "tree"] {
        project.sandbox.prism(&work, &["destroy", "--yes", &place(name)]).succeeds();
    }
    project.holds_nothing();
}

#[test]
fn what_was_moved_with_all_that_is_around_it_is_not_gone() {
    let _pruning = Pruning::mine_alone();
    let project = Project::quick();
    let work = project.sandbox.work();
    let start = |place: &Path| {
        fs::create_dir_all(place).expect("directory");
        fs::copy(project.directory.join("compose.yaml"), place.join("compose.yaml")).expect("copied");
        project.sandbox.prism(place, &["start"]).succeeds();
    };
    // Its parent has another name, and there is a new one of the old name.
    let inner = work.join("around/inner");
    start(&inner);
    let far = Sandbox::new();
    fs::rename(work.join("around"), far.work().join("renamed")).expect("rename");
    fs::create_dir(work.join("around")).expect("directory");
    let pruned = prune(&project);
    assert!(!is_taken(&pruned, &inner) && pruned.stderr.contains("its parent was made anew"), "{pruned}");
    // Within a repository it has another parent, and the old one is still there.
    let (part, moved) = (work.join("whole/apps/part"), work.join("whole/packages/part"));
    start(&part);
    fs::create_dir_all(work.join("whole/packages")).expect("directory");
    project.sandbox.git(&work.join("whole"), &["init", "-q"]);
    fs::rename(&part, &moved).expect("rename");
    let pruned = prune(&project);
    assert!(!is_taken(&pruned, &part), "{pruned}");
    assert!(pruned.stderr.contains(&format!("part` is `{}` now", moved.display())), "{pruned}");
    fs::remove_dir_all(&moved).expect("removed");
    assert!(is_taken(&prune(&project), &part));
    for directory in [&inner, &part] {
        project.sandbox.prism(&work, &["destroy", "--yes", directory.to_str().expect("UTF-8")]).succeeds();
    }
}
