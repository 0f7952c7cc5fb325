//! Few processes and few descriptors.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use super::{MODES, Mode};
use crate::support::engine::socket;
use crate::support::{Project, Pruning, Run};

/// A user with no process: what root may do knows no limit.
const USER: u32 = 61_117;

/// Prepares a run of prism by [`USER`], who may have only so many processes.
fn limited(project: &Project, prism: &Path, limit: u32, words: &[&str]) -> Run {
    let group = fs::metadata(socket()).expect("the Engine's socket").gid();
    let (user, groups) = (format!("--reuid={USER}"), format!("--groups={group}"));
    let script = format!("ulimit -u {limit}; exec '{}' \"$@\"", prism.display());
    let setpriv = [user.as_str(), &format!("--regid={USER}"), &groups, "bash", "-c", &script, "-"];
    project.sandbox.command("setpriv", &project.directory, &setpriv).args(words)
}

fn give(path: &Path) {
    chown(path, Some(USER), Some(USER)).expect("chown, and the rights of root");
    for entry in fs::read_dir(path).into_iter().flatten().map(|entry| entry.expect("entry").path()) {
        give(&entry);
    }
}

#[test]
fn few_processes_are_a_clear_error_and_none_are_needed_where_the_stack_is_up() {
    let project = Project::quick();
    // The user cannot look into the directory of the build.
    let prism: PathBuf = project.sandbox.work().join("prism");
    fs::copy(env!("CARGO_BIN_EXE_prism"), &prism).expect("copy");
    give(&project.sandbox.root());
    for mode in MODES {
        let words = [mode.words(), &["--", "echo", "ran"]].concat();
        let mut failed = 0;
        for limit in [1, 3, 6, 10, 15, 20] {
            let outcome = limited(&project, &prism, limit, &words).run();
            if outcome.line() == "ran" {
                continue;
            }
            failed += 1;
            assert_eq!(outcome.status, 125, "{limit} {outcome}");
            let error = outcome.stderr.find("prism: error:").map(|at| &outcome.stderr[at..]);
            let error = error.unwrap_or_else(|| panic!("{limit} {outcome}"));
            assert!(error.contains("ulimit -u") && error.lines().count() < 12, "{limit} {outcome}");
            assert!(!error.contains("install Docker"), "{limit} {outcome}");
        }
        assert!(failed > 0);
        limited(&project, &prism, 4096, &words).succeeds();
        if mode == Mode::Exec {
            let up = project.containers();
            assert_eq!(limited(&project, &prism, 1, &words).succeeds().line(), "ran");
            assert_eq!(project.containers(), up);
            limited(&project, &prism, 4096, &["destroy", "--yes"]).succeeds();
        }
        let pruning = Pruning::allowed();
        limited(&project, &prism, 4096, &["prune", "--yes"]).succeeds();
        drop(pruning);
        project.holds_nothing();
    }
}

#[test]
fn few_descriptors_are_enough() {
    let project = Project::quick();
    let prism = env!("CARGO_BIN_EXE_prism");
    for mode in MODES {
        let words = mode.words().join(" ");
        let script = format!("ulimit -n 64; exec '{prism}' {words} -- sh -c 'ulimit -n'");
        let outcome = project.sandbox.command("bash", &project.directory, &["-c", &script]).run();
        assert_eq!(outcome.line(), "64", "{mode:?} {outcome}");
        let script = format!("ulimit -n 32; exec '{prism}' {words} -- sh -c 'ulimit -n'");
        let outcome = project.sandbox.command("bash", &project.directory, &["-c", &script]).run();
        assert_eq!((outcome.status, outcome.line()), (0, "32"), "{mode:?} {outcome}");
        let script = format!("ulimit -n 8; exec '{prism}' {words} -- true");
        let outcome = project.sandbox.command("bash", &project.directory, &["-c", &script]).run();
        assert!(outcome.status == 0 || outcome.stderr.contains("prism: error:"), "{mode:?} {outcome}");
        project.prune();
    }
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}
