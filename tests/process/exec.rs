//! prism becomes the child.

use crate::support::{Outcome, Project, eventually};
use std::os::unix::fs::PermissionsExt;

#[test]
fn exit_statuses_are_the_childs_and_signals_reach_it() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    for status in [0, 1, 3, 125, 126, 127, 255] {
        project.prism(&["exec", "--", "sh", "-c", &format!("exit {status}")]).exits(status);
    }
    project.prism(&["exec", "--", "sh", "-c", "kill -SEGV $$"]).exits(128 + 11);
    for (signal, status) in [("TERM", 143), ("HUP", 129), ("USR1", 138), ("USR2", 140), ("INT", 130)] {
        let ready = project.directory.join(format!("ready-{signal}"));
        // No shell: one that waits for a command of its own takes a Ctrl-C to be meant for that.
        let script = "open my $ready, '>', $ARGV[0]; sleep 1000";
        let child = project.prism(&["exec", "--", "perl", "-e", script]).args(&[ready.as_path()]).spawn();
        eventually("the child to run", || ready.exists());
        let kill = std::process::Command::new("kill")
            .args([&format!("-{signal}"), &child.id().to_string()])
            .status();
        assert!(kill.expect("kill").success());
        assert_eq!(Outcome::of(child).status, status, "{signal}");
    }
}

#[test]
fn the_command_is_looked_up_before_anything_is_started() {
    let project = Project::web();
    project.write("script", "echo no interpreter line\n");
    let missing = project.prism(&["exec", "--", "no-such-command"]).exits(127);
    assert!(missing.stderr.contains("command `no-such-command` not found"), "{missing}");
    let denied = project.prism(&["exec", "--", "./script"]).exits(126);
    assert!(denied.stderr.contains("permission denied") && denied.stderr.contains("chmod +x"), "{denied}");
    project.prism(&["exec", "--", "/"]).exits(126);
    project.prism(&["exec", "--bogus", "true"]).exits(125);
    project.prism(&["exec"]).exits(125);
    assert!(project.containers().is_empty(), "nothing was started for any of these");

    std::fs::set_permissions(project.directory.join("script"), std::fs::Permissions::from_mode(0o755))
        .expect("chmod");
    assert_eq!(project.prism(&["exec", "./script"]).succeeds().line(), "no interpreter line");
    assert_eq!(
        project.prism(&["exec", "echo", "--help", "-x", "--", "y"]).succeeds().line(),
        "--help -x -- y"
    );
}

#[test]
fn standard_input_and_a_closed_pipe_behave_as_without_prism() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    assert_eq!(project.prism(&["exec", "cat"]).stdin("to the end\n").succeeds().stdout, "to the end\n");
    let prism = env!("CARGO_BIN_EXE_prism");
    let script = format!("set -o pipefail; '{prism}' exec yes | head -1; echo ${{PIPESTATUS[0]}}");
    let outcome = project.sandbox.command("bash", &project.directory, &["-c", &script]).run();
    assert_eq!(
        (outcome.stdout.as_str(), outcome.stderr.as_str()),
        ("y\n141\n", ""),
        "yes dies of SIGPIPE, silently"
    );
}

#[test]
fn dispositions_and_descriptors_are_those_of_a_plain_run() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let prism = env!("CARGO_BIN_EXE_prism");
    let look = "grep -E '^Sig(Ign|Blk|Cgt)' /proc/self/status; ls /proc/self/fd | wc -l";
    for setting in ["true", "trap '' PIPE", "trap '' HUP INT"] {
        let script = format!(
            "{setting}; sh -c \"{look}\" > plain; '{prism}' exec -- sh -c \"{look}\" > ours; cmp plain ours"
        );
        project.sandbox.command("bash", &project.directory, &["-c", &script]).succeeds();
    }
}
