//! `exec --ephemeral`: a stack for one command, and what is left of it: nothing.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::MODES;
use super::Mode::Ephemeral;
use super::signal::{LISTENER, ready};
use crate::support::live::{children_of, field, is_alive};
use crate::support::project::QUICK;
use crate::support::{Project, Proxy, Pruning, docker, eventually};

/// The containers of a directory, with their project each.
fn projects(project: &Project) -> Vec<String> {
    let filter = format!("label=dev-prism.working_dir={}", project.directory.display());
    let format = "{{.Label \"com.docker.compose.project\"}}";
    let listed = docker(&["ps", "-a", "--filter", &filter, "--format", format]);
    let mut projects: Vec<String> = listed.lines().map(str::to_owned).collect();
    projects.sort();
    projects.dedup();
    projects
}

#[test]
fn many_at_once_meet_neither_each_other_nor_the_directorys_own() {
    let project = Project::quick();
    project.prism(&["start"]).succeeds();
    let own = projects(&project);
    let shards: Vec<_> = [0, 1, 3, 125, 126, 255]
        .into_iter()
        .map(|status| {
            let script =
                format!("echo ready $PRISM_SESSION; while [ ! -e go ]; do sleep 0.05; done; exit {status}");
            (status, Ephemeral.run(&project, &["sh", "-c", &script]).live())
        })
        .collect();
    let mut names: Vec<String> = shards.iter().map(|(_, shard)| shard.line()).collect();
    names.sort();
    names.dedup();
    assert_eq!((names.len(), projects(&project).len()), (6, 7));
    project.write("go", "");
    for (status, mut shard) in shards {
        shard.exits(status);
    }
    assert_eq!(projects(&project), own, "the directory's own stays, and nothing else");
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn the_end_is_the_childs_whatever_it_was() {
    let project = Project::quick();
    let ends: Vec<_> = [Signal::SIGTERM, Signal::SIGHUP, Signal::SIGINT, Signal::SIGUSR1, Signal::SIGQUIT]
        .into_iter()
        .map(|signal| {
            let live = Ephemeral.run(&project, &["sh", "-c", "echo ready $$; exec sleep 1000"]).live();
            (signal, live)
        })
        .collect();
    for (signal, mut live) in ends {
        let child = ready(&live);
        live.kill(signal);
        live.dies_of(signal);
        assert!(!is_alive(child));
    }
    for signal in ["SEGV", "KILL", "ABRT"] {
        let mut live = Ephemeral.run(&project, &["sh", "-c", &format!("kill -{signal} $$")]).live();
        live.dies_of(signal_named(signal));
    }
    project.holds_nothing();
}

fn signal_named(name: &str) -> Signal {
    format!("SIG{name}").parse().expect("a signal")
}

#[test]
fn a_kill_is_made_good_by_prune() {
    let _pruning = Pruning::mine_alone();
    let project = Project::quick();
    let mut alone = Ephemeral.run(&project, &["sh", "-c", "echo ready $$; exec sleep 1000"]).live();
    let child = ready(&alone);
    let mut all = Ephemeral.run(&project, &["sh", "-c", "echo ready $$; exec sleep 1000"]).live();
    ready(&all);
    let pruned = project.prism(&["prune", "--yes"]).succeeds();
    assert!(!pruned.stderr.contains(project.directory.to_str().expect("UTF-8")), "both run: {pruned}");
    alone.kill(Signal::SIGKILL);
    alone.dies_of(Signal::SIGKILL);
    kill(child, Signal::SIGKILL).expect("the child has outlived prism");
    all.kill_group(Signal::SIGKILL);
    all.dies_of(Signal::SIGKILL);
    assert_eq!(projects(&project).len(), 2);
    project.prism(&["prune", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn cleaning_up_is_not_abandoned() {
    let project = Project::quick();
    let mut live = Ephemeral.run(&project, &["sh", "-c", "echo ready $$; exec sleep 1000"]).live();
    let child = ready(&live);
    kill(child, Signal::SIGTERM).expect("kill");
    // While prism removes the stack, everybody is impatient.
    while live.is_running() {
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
            let _ = kill(live.pid(), signal);
        }
        std::thread::yield_now();
    }
    project.holds_nothing();
}

#[test]
fn a_failure_keeps_the_stack_if_asked_and_says_how_to_go_on() {
    let _pruning = Pruning::mine_alone();
    let project = Project::quick();
    let words = ["exec", "--ephemeral", "--keep-on-failure", "--", "sh", "-c"];
    project.prism(&words).args(&["true"]).succeeds();
    project.holds_nothing();
    let failed = project.prism(&words).args(&["exit 3"]).exits(3);
    let kept = projects(&project);
    assert_eq!(kept.len(), 1);
    let look = format!("docker compose -p {} ps", kept[0]);
    assert!(failed.stderr.contains(&look) && failed.stderr.contains("prism prune"), "{failed}");
    let seen =
        project.sandbox.command("docker", &project.directory, &["compose", "-p", &kept[0], "ps", "-aq"]);
    assert_ne!(seen.succeeds().line(), "");

    // It is no session of the directory's own, and is called by what can be typed.
    let json = project.prism(&["list", "--format", "json"]).succeeds().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let mut listed = json["sessions"].as_array().expect("sessions").iter();
    let listed = listed.find(|session| session["project"] == kept[0].as_str()).expect("the session");
    let id = listed["session_id"].as_str().expect("an id").to_owned();
    assert!(id.starts_with(&format!("{}+", project.directory.display())), "{id}");
    assert_eq!(listed["ephemeral"], "ended");
    let list = project.prism(&["list"]).succeeds();
    assert!(list.stdout.contains(&format!("{id} (ephemeral, its command has ended)  ")), "{list}");
    assert!(list.stderr.contains("whose command has ended, `prism prune` all of them"), "{list}");
    let asked = project.prism(&["destroy", &id]).exits(2);
    assert!(asked.stderr.contains(&format!("the ephemeral session `{id}`:")), "{asked}");
    project.prism(&["destroy", "--yes", &id]).succeeds();
    project.holds_nothing();
    project.prism(&words).args(&["exit 3"]).exits(3);
    project.prism(&["prune", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn prism_inside_means_the_same_stack() {
    let project = Project::web();
    let prism = env!("CARGO_BIN_EXE_prism");
    let script = format!(
        "echo $WEB_PORT; '{prism}' exec -- '{prism}' exec -- sh -c 'echo $WEB_PORT'; '{prism}' get WEB_PORT; '{prism}' compose ps -q | wc -l"
    );
    let outcome = Ephemeral.run(&project, &["sh", "-c", &script]).succeeds();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(lines[0] == lines[1] && lines[1] == lines[2] && lines[3] == "1", "{outcome}");
    assert!(!outcome.stderr.contains("prism: error"), "{outcome}");
    project.holds_nothing();
}

#[test]
fn nested_it_ends_and_is_warm_inside() {
    let project = Project::web();
    let prism = env!("CARGO_BIN_EXE_prism");
    // Without a `docker` to call, only the warm way is left.
    let inner =
        format!("PATH=/nowhere exec '{prism}' exec -- '{prism}' exec -- '{prism}' exec -- /bin/echo warm");
    for mode in MODES {
        let outcome = mode.run(&project, &["sh", "-c", &inner]).succeeds();
        assert_eq!(outcome.line(), "warm", "{mode:?} {outcome}");
    }
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}

#[test]
fn a_daemon_is_not_waited_for_and_closed_streams_are_seen_closed() {
    let project = Project::quick();
    let script = r#"
        use POSIX ();
        $| = 1;
        my $daemon = fork;
        if (!$daemon) { POSIX::setsid(); POSIX::close($_) for 0, 1, 2; exec "sleep", "1000"; }
        print "$daemon\n";
        POSIX::close(1);
        my $line = <STDIN>;
    "#;
    let mut live = Ephemeral.run(&project, &["perl", "-e", script]).live();
    let daemon = live.line();
    live.closes();
    live.exits(0);
    let daemon = Pid::from_raw(daemon.parse().expect("a pid"));
    assert!(is_alive(daemon), "what daemonised goes on");
    kill(daemon, Signal::SIGKILL).expect("kill");
    project.holds_nothing();
}

#[test]
fn pipes_end_as_without_prism() {
    let project = Project::quick();
    let prism = env!("CARGO_BIN_EXE_prism");
    let script = format!(
        "set -o pipefail; yes | '{prism}' -q exec --ephemeral head -1 2>/dev/null; echo ${{PIPESTATUS[*]}}; '{prism}' -q exec --ephemeral yes 2>errors | head -1; echo ${{PIPESTATUS[*]}}; echo to the end | '{prism}' -q exec --ephemeral cat"
    );
    let outcome = project.sandbox.command("bash", &project.directory, &["-c", &script]).succeeds();
    assert_eq!(outcome.stdout, "y\n141 0\ny\n141 0\nto the end\n");
    assert_eq!(std::fs::read_to_string(project.directory.join("errors")).expect("errors"), "");
    project.holds_nothing();
}

#[test]
fn timeout_signals_prism_and_its_group_and_the_child_gets_it_once() {
    let project = Project::quick();
    let words = ["1000", env!("CARGO_BIN_EXE_prism"), "-q", "exec", "--ephemeral", "perl", "-e", LISTENER];
    let mut live = project.sandbox.command("timeout", &project.directory, &words).live();
    let child = ready(&live);
    let prism = field(child, "PPid").and_then(|pid| pid.parse().ok()).map(Pid::from_raw).expect("prism");
    // What `timeout` gets, it sends to prism, and then to the group; and it continues both.
    live.kill(Signal::SIGTERM);
    live.says("TERM");
    live.says("CONT");
    kill(prism, Signal::SIGSYS).expect("kill");
    live.says("SYS");
    kill(child, Signal::SIGKILL).expect("kill");
    live.exits(137);
    project.holds_nothing();
}

#[test]
fn interrupted_before_the_command_runs_it_leaves_nothing() {
    let project = Project::new(super::interrupt::SLOW);
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGUSR1] {
        let mut live = Ephemeral.run(&project, &["touch", "ran"]).live();
        eventually("a container", || !projects(&project).is_empty());
        live.kill(signal);
        live.dies_of(signal);
        assert!(!project.directory.join("ran").exists());
        project.holds_nothing();
    }
}

#[test]
fn what_the_engine_was_about_to_make_goes_as_well() {
    let project = Project::quick();
    let proxy = Proxy::start(&project.sandbox);
    for (count, path) in ["/networks/create", "/containers/create"].into_iter().enumerate() {
        proxy.hold(Some(path));
        let mut live = Ephemeral.run(&project, &["touch", "ran"]).env("DOCKER_HOST", proxy.host()).live();
        eventually("a request that is held back", || proxy.held() > count);
        let before = proxy.questions();
        live.kill(Signal::SIGINT);
        live.kill(Signal::SIGTERM);
        eventually("the end of Compose", || children_of(live.pid()).is_empty());
        eventually("prism to look around", || proxy.questions() > before);
        // The Engine does it now, for nobody.
        proxy.hold(None);
        live.dies_of(Signal::SIGINT);
        assert!(!project.directory.join("ran").exists());
        project.holds_nothing();
    }
}

#[test]
fn a_start_that_fails_leaves_the_directorys_own_session_alone() {
    let project = Project::new(&QUICK.replace("prism-test:1", "${IMAGE:-prism-test:1}"));
    project.prism(&["start"]).succeeds();
    let (own, files) = (projects(&project), files(&project));
    assert!(files.len() == 4, "{files:?}");
    for keep in [&[][..], &["--keep-on-failure"]] {
        let words = [&["exec", "--ephemeral"], keep, &["true"]].concat();
        let failed = project.prism(&words).env("IMAGE", "prism.invalid/no:1").exits(125);
        assert!(!failed.stderr.contains("is kept"), "there is nothing to keep\n{failed}");
        assert_eq!((projects(&project), self::files(&project)), (own.clone(), files.clone()));
    }
    project.prism(&["destroy", "--yes"]).succeeds();
    project.holds_nothing();
}

/// The files of the session directory, with what they say.
fn files(project: &Project) -> Vec<(std::path::PathBuf, String)> {
    let entries = std::fs::read_dir(&project.directory).expect("directory");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("entry").path())
        .map(|path| (path.clone(), std::fs::read_to_string(path).expect("a file")))
        .collect();
    files.sort();
    files
}

#[test]
fn an_image_that_was_built_for_it_goes_and_layers_of_the_directorys_own_stay() {
    let project = Project::new(
        "services:\n  once:\n    build: {context: ., dockerfile_inline: \"FROM prism-test:1\\nLABEL made=here\\n\"}\n    command: \"true\"\n",
    );
    let images = || {
        let filter = format!("label=dev-prism.working_dir={}", project.directory.display());
        docker(&["image", "ls", "-q", "--filter", &filter])
    };
    for end in ["exit 0", "exit 1", "kill -TERM $$"] {
        Ephemeral.run(&project, &["sh", "-c", end]).run();
        assert_eq!(images(), "", "{end}");
        project.holds_nothing();
    }
}
