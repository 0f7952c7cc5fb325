//! What a child sees of its surroundings is what it would see without prism.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;

use super::{MODES, Mode};
use crate::support::Project;

/// Prints masks, dispositions, descriptors and where they lead.
const SURROUNDINGS: &str = r#"
    open my $status, "<", "/proc/self/status" or die;
    my @signals = grep /^(Sig(Blk|Ign|Cgt)|NoNewPrivs|Seccomp|Umask):/, <$status>;
    close $status;
    opendir my $fds, "/proc/self/fd" or die;
    my @open = sort grep { /^\d+$/ && $_ != fileno($fds) } readdir $fds;
    print STDERR @signals, map { "$_ " . (readlink("/proc/self/fd/$_") // "") =~ s/\[\d+\]|\d+(?=\/status)//r . "\n" } @open;
"#;

#[test]
fn masks_dispositions_and_descriptors() {
    let project = Project::quick();
    let prism = env!("CARGO_BIN_EXE_prism");
    project.write("look.pl", SURROUNDINGS);
    for mode in MODES {
        let ours = format!("'{prism}' -q {} --", mode.words().join(" "));
        for setting in [
            "env",
            "env --ignore-signal=PIPE",
            "nohup",
            "env --ignore-signal=HUP,INT,USR1",
            "env --block-signal=TERM,USR1,CHLD",
            "env --block-signal=INT --ignore-signal=PIPE,TERM",
        ] {
            let look = "perl look.pl </dev/null 2>&1 7<look.pl";
            let streams =
                format!("{{ {setting} {look} >plain; {setting} {ours} {look} >ours; cmp plain ours; }}");
            let outcome = project.sandbox.command("bash", &project.directory, &["-c", &streams]).run();
            let read = |name| std::fs::read_to_string(project.directory.join(name)).expect("a file");
            assert_eq!(
                outcome.status,
                0,
                "{mode:?} {setting}\n{outcome}\n{}\n{}",
                read("plain"),
                read("ours")
            );
            if mode == Mode::Ephemeral && setting == "nohup" {
                break;
            }
        }
        for streams in ["<&-", ">&-", "<&- >&-"] {
            let script = format!(
                "perl look.pl {streams} 2>seen; mv seen plain; {ours} perl look.pl {streams} 2>seen; mv seen ours; cmp plain ours"
            );
            let outcome = project.sandbox.command("bash", &project.directory, &["-c", &script]).run();
            let read = |name| std::fs::read_to_string(project.directory.join(name)).expect("a file");
            assert_eq!(
                outcome.status,
                0,
                "{mode:?} {streams}\n{outcome}\n{}\n{}",
                read("plain"),
                read("ours")
            );
        }
    }
}

#[test]
fn an_ignored_sigchld_survives_and_does_not_hide_how_compose_ended() {
    let project = Project::quick();
    let prism = env!("CARGO_BIN_EXE_prism");
    let look = "grep SigIgn /proc/self/status >";
    for mode in MODES {
        let words = mode.words().join(" ");
        let script =
            format!("env --ignore-signal=CHLD '{prism}' {words} -- bash -c '{look} ours; exit 7'; echo $?");
        let outcome = project.sandbox.command("bash", &project.directory, &["-c", &script]).succeeds();
        assert_eq!(outcome.line(), "7", "{outcome}");
    }
}

#[test]
fn arguments_environment_and_directories_pass_unchanged() {
    let project = Project::quick();
    let bytes = |text: &[u8]| OsString::from_vec(text.to_vec());
    let below = project.directory.join(bytes(b"d\xff r"));
    std::fs::create_dir(&below).expect("directory");
    let large = "x".repeat(120 * 1024);
    let script = "printf '%s\\0' \"$@\" \"$PWD\"; cat /proc/self/environ | tr '\\0' '\\n' | grep -a -E '^(ZZ|AA|MM|LARGE)='";
    let arguments = [bytes(b"a\xfe\xffb"), bytes(b""), bytes(b"--"), bytes(b"-x\n'\"$HOME")];
    let mut plain = Vec::new();
    for mode in [None, Some(Mode::Exec), Some(Mode::Ephemeral)] {
        let run = match mode {
            None => project.sandbox.command("env", &below, &["bash", "-c", script, "-"]),
            Some(mode) => {
                project.sandbox.prism(&below, mode.words()).args(&["--", "bash", "-c", script, "-"])
            }
        };
        let run = run
            .args(&arguments)
            .env("ZZ", bytes(b"\xc3\x28"))
            .env("AA", "1")
            .env("MM", "")
            .env("LARGE", &large);
        let child = run.spawn();
        let output = child.wait_with_output().expect("output");
        assert!(output.status.success(), "{mode:?} {}", String::from_utf8_lossy(&output.stderr));
        if mode.is_none() {
            plain = output.stdout;
        } else {
            assert!(output.stdout == plain, "{mode:?} {}", String::from_utf8_lossy(&output.stdout));
        }
    }
    let odd = project.sandbox.work().join(bytes(b"odd\xff"));
    std::fs::create_dir(&odd).expect("directory");
    std::fs::copy(project.directory.join("compose.yaml"), odd.join("compose.yaml")).expect("copy");
    let refused = project.sandbox.prism(&odd, &["exec", "true"]).exits(125);
    assert!(refused.stderr.contains("not UTF-8") && refused.stderr.contains("hint: "), "{refused}");
}

#[test]
fn the_order_of_the_environment_is_the_callers() {
    let project = Project::quick();
    project.prism(&["start"]).succeeds();
    let names = |run: crate::support::Run| -> Vec<String> {
        let text = run.env("ZEBRA", "1").env("APPLE", "2").env("MANGO", "3").succeeds().stdout;
        text.split('\0').filter_map(|entry| entry.split_once('=')).map(|(name, _)| name.to_owned()).collect()
    };
    let plain = names(project.sandbox.command("env", &project.directory, &["-0"]));
    for mode in MODES {
        let mut ours = names(mode.run(&project, &["env", "-0"]));
        ours.retain(|name| plain.contains(name));
        assert_eq!(ours, plain, "{mode:?}");
    }
}

#[test]
fn every_exit_status_is_the_childs() {
    let project = Project::quick();
    project.prism(&["start"]).succeeds();
    let prism = env!("CARGO_BIN_EXE_prism");
    let script =
        format!("for i in {{0..255}}; do '{prism}' exec -- sh -c \"exit $i\"; [ $? = $i ] || echo $i; done");
    assert_eq!(project.sandbox.command("bash", &project.directory, &["-c", &script]).succeeds().stdout, "");
}

#[test]
fn commands_of_every_kind_run() {
    let project = Project::quick();
    project.write("list", "echo \"a script without an interpreter line: $1\"\n");
    project.write("bin/exec", "#!/bin/sh\necho named like a verb\n");
    project.write("odd", "#!/no/such/interpreter\n");
    for name in ["list", "bin/exec", "odd"] {
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(project.directory.join(name), mode).expect("chmod");
    }
    for mode in MODES {
        let outcome = mode.run(&project, &["./list", "x"]).succeeds();
        assert_eq!(outcome.line(), "a script without an interpreter line: x");
        let path = format!("{}/bin:{}", project.directory.display(), std::env::var("PATH").expect("PATH"));
        assert_eq!(mode.run(&project, &["exec"]).env("PATH", path).succeeds().line(), "named like a verb");
        let odd = mode.run(&project, &["./odd"]).exits(127);
        assert!(odd.stderr.contains("names an interpreter that does not exist"), "{odd}");
        mode.run(&project, &["no-such-command"]).exits(127);
        mode.run(&project, &["/"]).exits(126);
    }
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn without_a_terminal_progress_is_plain_lines_and_nothing_is_asked() {
    let project = Project::new(super::interrupt::SLOW);
    let began = std::time::Instant::now();
    for mode in MODES {
        let words = [mode.words(), &["--wait-timeout", "10", "--", "touch", "ran"]].concat();
        let outcome = project.prism(&words).exits(125);
        assert_eq!(outcome.stdout, "", "stdout is the command's");
        let is_plain = |line: &str| !line.contains(['\r', '\x1b', '\u{fffd}']) && !line.trim().is_empty();
        assert!(outcome.stderr.lines().all(is_plain), "{outcome}");
        for word in ["Creating", "Created", "Starting", "Started"] {
            let told = outcome.stderr.lines().filter(|line| line.contains("base-1") && line.ends_with(word));
            assert_eq!(told.count(), 1, "{word}\n{outcome}");
        }
        assert!(outcome.stderr.contains("gave up after 10 s"), "{outcome}");
    }
    assert!(began.elapsed().as_secs() < 100, "the waiting is bounded");
    let asked = project.prism(&["destroy"]).run();
    assert!(asked.status != 0 && asked.stderr.contains("prism destroy --yes"), "{asked}");
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}
