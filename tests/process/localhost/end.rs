//! One network for the commands of a session, for as long as one of them lasts.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{SERVER, asked, free, helpers, localhost, nothing_is_left, server, web};
use crate::support::{Live, eventually};

#[test]
fn commands_of_one_session_have_one_localhost() {
    let project = web(free());
    let port = free();
    let mut first = server(&project, "127.0.0.1", port);
    let before = helpers(&project.directory);
    // It came up on the machine after the network was made.
    let later = TcpListener::bind("127.0.0.1:0").expect("a port");
    let later_port = later.local_addr().expect("address").port();
    std::thread::spawn(move || later.accept().expect("accept").0.write_all(b"later"));
    let script = format!("curl -sS http://127.0.0.1:{port}; cat </dev/tcp/127.0.0.1/{later_port}");
    let seen = localhost(&project, &["bash", "-c", &script]).succeeds();
    assert_eq!(seen.stdout, format!("{}later", project.directory.display()), "{seen}");
    let mut second = localhost(&project, &["sh", "-c", "echo ready; exec tail -f /dev/null"]).live();
    second.says("ready");
    assert_eq!(helpers(&project.directory), before, "nothing was made for it");
    first.kill(Signal::SIGTERM);
    first.dies_of(Signal::SIGTERM);
    let third = server(&project, "127.0.0.1", port);
    eventually("it is reached", || asked("127.0.0.1", port) == project.directory.display().to_string());
    second.kill(Signal::SIGTERM);
    second.dies_of(Signal::SIGTERM);
    assert_eq!(helpers(&project.directory), before);
    drop(third);
    nothing_is_left(&project);
}

#[test]
fn commands_that_begin_at_once_have_one_localhost() {
    let project = web(free());
    project.prism(&["start"]).succeeds();
    for _ in 0..3 {
        let command =
            || localhost(&project, &["sh", "-c", "readlink /proc/self/ns/net; exec tail -f /dev/null"]);
        let mut commands: Vec<Live> = (0..4).map(|_| command().live()).collect();
        let networks: BTreeSet<String> = commands.iter().map(Live::line).collect();
        assert_eq!((networks.len(), helpers(&project.directory).len()), (1, 3), "{networks:?}");
        for command in &mut commands {
            command.kill(Signal::SIGKILL);
            command.end();
        }
        nothing_is_left(&project);
    }
}

#[test]
fn one_that_was_killed_while_it_made_the_network_keeps_nobody_waiting() {
    let project = web(free());
    project.prism(&["start"]).succeeds();
    for number in 0..6 {
        let mut victim = localhost(&project, &["true"]).live();
        // Not a wait for something: the moment is what is tried.
        std::thread::park_timeout(Duration::from_millis(number * 30));
        victim.kill(Signal::SIGKILL);
        let began = Instant::now();
        localhost(&project, &["true"]).succeeds();
        assert!(began.elapsed() < Duration::from_secs(10), "it waited for nobody");
        victim.end();
    }
    nothing_is_left(&project);
}

#[test]
fn what_a_command_leaves_behind_keeps_its_network_until_it_ends() {
    let project = web(free());
    let port = free();
    let script = "python3 -c \"$0\" 127.0.0.1 \"$1\" </dev/null >/dev/null 2>&1 & echo $!";
    let outcome = localhost(&project, &["sh", "-c", script, SERVER, &port.to_string()]).succeeds();
    let left: i32 = outcome.line().parse().expect("a pid");
    eventually("it is reached", || asked("127.0.0.1", port) == project.directory.display().to_string());
    assert_eq!(helpers(&project.directory).len(), 3);
    kill(Pid::from_raw(left), Signal::SIGKILL).expect("kill");
    nothing_is_left(&project);
}

#[test]
fn killed_at_any_moment_it_leaves_nothing() {
    let project = web(free());
    project.prism(&["start"]).succeeds();
    let kills: u64 = std::env::var("PRISM_TEST_KILLS").ok().and_then(|it| it.parse().ok()).unwrap_or(10);
    for number in 0..kills {
        let mut victim = localhost(&project, &["tail", "-f", "/dev/null"]).live();
        // Not a wait for something: the moment is what is tried.
        std::thread::park_timeout(Duration::from_millis(number * 150 / kills));
        victim.kill(Signal::SIGKILL);
        victim.end();
        nothing_is_left(&project);
    }
}

#[test]
fn the_helpers_end_each_other() {
    let project = web(free());
    for number in 0..3 {
        let mut live = localhost(&project, &["sh", "-c", "echo ready; exec tail -f /dev/null"]).live();
        live.says("ready");
        let mut helpers = helpers(&project.directory);
        helpers.sort_unstable();
        assert_eq!(helpers.len(), 3);
        let victim = i32::try_from(helpers[number]).expect("a pid");
        kill(Pid::from_raw(victim), Signal::SIGKILL).expect("kill");
        if number < 2 {
            nothing_is_left(&project);
        }
        live.kill(Signal::SIGKILL);
        live.end();
        nothing_is_left(&project);
    }
}
