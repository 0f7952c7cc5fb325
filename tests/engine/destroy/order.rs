//! What cannot be removed is found before anything is.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use crate::support::project::containers_of;
use crate::support::{Outcome, Project, Steps, engine, without};

const USER: u32 = 61_118;

fn committed() -> (Project, PathBuf) {
    let project = Project::quick();
    project.write(".gitignore", "shared/\nmnt/\n");
    let git = |arguments: &[&str]| project.sandbox.git(&project.directory, arguments);
    git(&["init", "-q", "-b", "main"]);
    git(&["add", "."]);
    git(&["commit", "-qm", "x"]);
    let place = project.sandbox.work().join("shop-sessions/b");
    (project, place)
}

/// Expects that the removal was refused with these words, and that all is as it was.
fn untouched(project: &Project, place: &Path, refused: &Outcome, why: &str) {
    assert!(refused.status == 1 && refused.stderr.contains(why), "{why}: {refused}");
    assert_eq!(containers_of(place).len(), 1, "{refused}");
    assert!(place.join("compose.yaml").exists() && place.join(".git").exists());
    let listed = fs::read_dir(place.parent().expect("parent")).expect("directory").count();
    assert_eq!(listed, 1, "nothing lies beside it");
    assert!(fs::read_dir(project.directory.join(".git/prism")).expect("directory").next().is_none());
}

#[test]
fn a_read_only_repository_and_something_mounted_in_it() {
    if without("mount") {
        return;
    }
    let (project, place) = committed();
    project.prism(&["create", "b"]).succeeds();
    let shown = place.to_str().expect("UTF-8");
    let run = |mount: &str| {
        let prism = env!("CARGO_BIN_EXE_prism");
        let script = format!("set -e; {mount}; exec '{prism}' destroy --yes --force '{shown}'");
        let words = ["--mount", "--propagation=private", "bash", "-c", &script];
        project.sandbox.command("unshare", &project.directory, &words).run()
    };
    let refused = run("mount --bind .git .git; mount -o remount,bind,ro .git");
    untouched(&project, &place, &refused, "cannot be written to by you: the worktree cannot go");
    fs::create_dir(place.join("mnt")).expect("directory");
    let elsewhere = project.sandbox.work().join("elsewhere");
    fs::create_dir(&elsewhere).expect("directory");
    fs::write(elsewhere.join("mine"), "work").expect("file");
    let refused = run(&format!("mount --bind '{}' '{shown}/mnt'", elsewhere.display()));
    untouched(&project, &place, &refused, &format!("something is mounted at `{shown}/mnt`"));
    assert_eq!(fs::read_to_string(elsewhere.join("mine")).expect("work"), "work");
    project.prism(&["destroy", "--yes", shown]).succeeds();
}

#[test]
fn what_even_root_cannot_delete() {
    if without("mount") {
        return;
    }
    let (project, place) = committed();
    project.prism(&["create", "b"]).succeeds();
    let shown = place.to_str().expect("UTF-8");
    fs::create_dir_all(place.join("shared/log")).expect("directory");
    fs::write(place.join("shared/file"), "x").expect("file");
    let mark = project.directory.join(".git/worktrees/b/prism.json");
    let fixed = [
        place.join("shared/file"),
        place.join("shared/log"),
        place.clone(),
        mark,
        project.directory.join(".git/worktrees"),
    ];
    for (path, attribute) in fixed.iter().flat_map(|path| [(path, "i"), (path, "a")]) {
        let command = |words: &[&str]| project.sandbox.command("chattr", &project.directory, words);
        command(&[&format!("+{attribute}"), path.to_str().expect("UTF-8")]).succeeds();
        let refused = project.prism(&["destroy", "--yes", "--force", shown]).run();
        // Wherever it is by now: nobody else could delete it, either.
        let everywhere = project.sandbox.work();
        command(&["-R", "-f", "-i", "-a", everywhere.to_str().expect("UTF-8")]).run();
        let why = format!("`{}` is immutable or append-only", path.display());
        untouched(&project, &place, &refused, &why);
    }
    project.prism(&["destroy", "--yes", "--force", shown]).succeeds();
}

#[test]
fn what_appears_while_the_stack_is_removed_stays() {
    let (project, place) = committed();
    project.prism(&["create", "b"]).succeeds();
    let steps = Steps::new(&project.sandbox);
    let beside = place.parent().expect("parent").to_path_buf();
    steps.when("before DELETE /containers/", move || {
        let aside =
            fs::read_dir(&beside).expect("directory").next().expect("the worktree").expect("entry").path();
        fs::write(aside.join("late"), "work").is_ok()
    });
    let shown = place.to_str().expect("UTF-8");
    let refused = steps.count(project.prism(&["destroy", "--yes", shown])).exits(1);
    assert!(steps.is_reached());
    assert!(
        refused.stderr.contains("is removed, and no more\n  caused by: somebody works in `"),
        "{refused}"
    );
    assert!(refused.stderr.contains("which git does not track: late"), "{refused}");
    assert_eq!(fs::read_to_string(place.join("late")).expect("work"), "work");
    assert!(containers_of(&place).is_empty());
    fs::remove_file(place.join("late")).expect("saved");
    project.prism(&["destroy", "--yes", shown]).succeeds();
    assert!(!place.exists());
    project.holds_nothing();
}

#[test]
fn what_belongs_to_another_user() {
    fn give(path: &Path) {
        std::os::unix::fs::lchown(path, Some(USER), Some(USER)).expect("chown, and the rights of root");
        for entry in fs::read_dir(path).into_iter().flatten().map(|entry| entry.expect("entry").path()) {
            if entry.symlink_metadata().expect("entry").is_dir() {
                give(&entry);
            } else {
                std::os::unix::fs::lchown(&entry, Some(USER), Some(USER)).expect("chown");
            }
        }
    }
    let (project, place) = committed();
    let root = project.sandbox.root();
    let prism = root.join("prism");
    fs::copy(env!("CARGO_BIN_EXE_prism"), &prism).expect("a copy of prism");
    give(&root);
    let group = std::os::unix::fs::MetadataExt::gid(&fs::metadata(engine::socket()).expect("socket"));
    let run = |words: &[&str]| {
        let (user, groups) = (format!("--reuid={USER}"), format!("--groups={group}"));
        let prism = prism.to_str().expect("UTF-8");
        let user = [&user, &format!("--regid={USER}"), &groups, prism];
        project.sandbox.command("setpriv", &project.directory, &user).args(words).run()
    };
    let created = run(&["create", "b"]);
    assert_eq!(created.status, 0, "{created}");
    let destroy = || run(&["destroy", "--yes", "--force", place.to_str().expect("UTF-8")]);
    let sticky = place.join("shared");
    fs::create_dir(&sticky).expect("directory");
    fs::set_permissions(&sticky, fs::Permissions::from_mode(0o1777)).expect("chmod");
    fs::write(sticky.join("file"), "somebody's").expect("file");
    untouched(&project, &place, &destroy(), "/shared` cannot be emptied by you");
    fs::remove_dir_all(&sticky).expect("removed");
    let parent = place.parent().expect("parent");
    chown(parent, Some(0), Some(0)).expect("chown");
    untouched(&project, &place, &destroy(), "/shop-sessions` cannot be written to by you");
    // Whoever may write there may still not rename what another one owns.
    fs::set_permissions(parent, fs::Permissions::from_mode(0o1777)).expect("chmod");
    chown(&place, Some(0), Some(0)).expect("chown");
    fs::set_permissions(&place, fs::Permissions::from_mode(0o777)).expect("chmod");
    let refused = destroy();
    assert!(refused.status != 0 && containers_of(&place).len() == 1, "{refused}");
    assert!(place.join("compose.yaml").exists());
}
