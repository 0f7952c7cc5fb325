//! Repositories whose git directory is not where it usually is.

use std::path::{Path, PathBuf};

use super::worktree;
use crate::support::{Outcome, Project};

/// A committed project that is as quick as can be, cloned or not.
fn repository(arguments: &[&str]) -> Project {
    let project = Project::quick();
    project.sandbox.git(&project.directory, &[&["init", "-q", "-b", "main"], arguments].concat());
    project.sandbox.git(&project.directory, &["add", "."]);
    project.sandbox.git(&project.directory, &["commit", "-qm", "x"]);
    project
}

/// A linked worktree that git made.
fn linked(project: &Project, repository: &Path, name: &str) -> PathBuf {
    let path = project.sandbox.work().join(name);
    let text = path.to_str().expect("UTF-8");
    project.sandbox.git(repository, &["worktree", "add", "-q", "-b", name, text, "main"]);
    path
}

/// What a `create` says that cannot know where to make a worktree.
fn refused(project: &Project, directory: &Path) -> Outcome {
    project.sandbox.prism(directory, &["create", "b"]).exits(1)
}

fn destroyed(project: &Project, worktree: &Path) {
    assert!(worktree.exists(), "{}", worktree.display());
    project.sandbox.prism(worktree, &["destroy", "--yes"]).succeeds();
    assert!(!worktree.exists());
}

fn project_of(project: &Project, directory: &Path) -> String {
    let config = project.sandbox.prism(directory, &["compose", "config"]).succeeds().stdout;
    let name = config.lines().find_map(|line| line.strip_prefix("name: ")).expect("a name");
    name.rsplit_once('-').expect("a hash").0.to_owned()
}

#[test]
fn every_worktree_of_a_separate_git_directory_makes_them_in_one_place() {
    let project = Project::quick();
    let elsewhere = project.sandbox.root().join("git/kept");
    std::fs::create_dir(project.sandbox.root().join("git")).expect("directory");
    let separate = format!("--separate-git-dir={}", elsewhere.display());
    project.sandbox.git(&project.directory, &["init", "-q", "-b", "main", &separate]);
    project.sandbox.git(&project.directory, &["add", "."]);
    project.sandbox.git(&project.directory, &["commit", "-qm", "x"]);
    let other = linked(&project, &project.directory, "other");

    let unknown = refused(&project, &other);
    assert!(unknown.stderr.contains("does not say where that is"), "{unknown}");
    assert!(unknown.stderr.contains("`prism -C MAIN create b`"), "{unknown}");
    assert!(!project.sandbox.root().join("git/kept-sessions").exists());

    project.prism(&["create", "a"]).succeeds();
    project.sandbox.prism(&other, &["create", "b"]).succeeds();
    for directory in [worktree(&project, "a"), worktree(&project, "b")] {
        assert_eq!(project_of(&project, &directory), "shop");
        destroyed(&project, &directory);
    }
    // Somebody moved it: what was noted down leads nowhere.
    let moved = project.sandbox.work().join("moved");
    std::fs::rename(&project.directory, &moved).expect("move");
    refused(&project, &other);
    // git's own way to say it.
    project.sandbox.git(&other, &["config", "core.worktree", moved.to_str().expect("UTF-8")]);
    project.sandbox.prism(&other, &["create", "b"]).succeeds();
    destroyed(&project, &project.sandbox.work().join("moved-sessions/b"));
}

#[test]
fn the_directory_around_a_hidden_bare_repository_is_its_home() {
    for has_file in [true, false] {
        let project = repository(&[]);
        let hub = project.sandbox.work().join("hub");
        std::fs::create_dir(&hub).expect("directory");
        let bare = hub.join(".bare");
        project
            .sandbox
            .git(&project.directory, &["clone", "-q", "--bare", ".", bare.to_str().expect("UTF-8")]);
        if has_file {
            project.sandbox.write("hub/.git", "gitdir: ./.bare\n");
        }
        let main = linked(&project, &bare, "hub/first");
        assert_eq!(project_of(&project, &main), "hub");
        project.sandbox.prism(&main, &["create", "b"]).succeeds();
        destroyed(&project, &project.sandbox.work().join("hub-sessions/b"));
        assert!(!hub.join(".bare-sessions").exists());
    }
}

#[test]
fn a_worktree_in_the_place_that_a_bare_repository_names_has_its_files_for_itself() {
    let project = Project::quick();
    project.write("prism.yaml", "sessions_dir: ..\n");
    project.write(".gitignore", "ignored\n");
    project.sandbox.git(&project.directory, &["init", "-q", "-b", "main"]);
    project.sandbox.git(&project.directory, &["add", "."]);
    project.sandbox.git(&project.directory, &["commit", "-qm", "x"]);
    let bare = project.sandbox.work().join("bare.git");
    project.sandbox.git(&project.directory, &["clone", "-q", "--bare", ".", bare.to_str().expect("UTF-8")]);
    let first = linked(&project, &bare, "first");
    project.sandbox.prism(&first, &["create", "bare"]).succeeds();
    let place = project.sandbox.work().join("bare");
    std::fs::write(place.join("ignored"), "work").expect("file");
    let refused = project.sandbox.prism(&place, &["destroy", "--yes"]).exits(1);
    assert!(refused.stderr.contains("has what would be lost\n  | 1 file that git ignores"), "{refused}");
    std::fs::remove_file(place.join("ignored")).expect("saved");
    destroyed(&project, &place);
}

#[test]
fn a_submodule_keeps_its_worktrees_out_of_the_project_around_it() {
    let project = repository(&[]);
    let outer = project.sandbox.work().join("outer");
    std::fs::create_dir(&outer).expect("directory");
    project.sandbox.git(&outer, &["init", "-q", "-b", "main"]);
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../shop", "libs/inner"];
    project.sandbox.git(&outer, &add);
    let inner = outer.join("libs/inner");
    let other = linked(&project, &inner, "other");
    for directory in [&inner, &other] {
        let refused = refused(&project, directory);
        assert!(refused.stderr.contains("is a submodule of"), "{refused}");
        // The hint can be typed, and is the remedy.
        let hint = refused.stderr.split_once("hint: say where worktrees go: `").expect("a hint").1;
        let command = hint.split_once('`').expect("a command").0;
        project.sandbox.command("sh", directory, &["-c", command]).succeeds();
        project.sandbox.prism(directory, &["create", "b"]).succeeds();
        let made = project.sandbox.work().join("inner-sessions/b");
        assert_eq!(project_of(&project, &made), "inner");
        destroyed(&project, &made);
        std::fs::remove_dir(made.parent().expect("parent")).expect("empty");
        std::fs::remove_file(directory.join("prism.yaml")).expect("the hint made it");
    }
}
