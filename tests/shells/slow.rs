//! An Engine that answers late, or not at all.

use std::path::Path;
use std::time::{Duration, Instant};

use super::robust::{count, port, started};
use crate::support::shell::shells;
use crate::support::{Proxy, Shell, without};

#[test]
fn an_engine_that_does_not_answer_keeps_nobody_waiting() {
    for shell in shells() {
        let (project, shop) = started();
        let proxy = Proxy::start(&project.sandbox);
        let mut terminal = shell.start(&project.sandbox, Path::new(&shop), &[("DOCKER_HOST", &proxy.host())]);
        let port = port(&mut terminal, &project);

        proxy.stick(true);
        let slow = terminal.next();
        assert_eq!(slow.get("WEB_PORT"), Some(port.as_str()), "{}: the last state is kept", shell.name);
        let asked = proxy.questions();
        let silent = terminal.next();
        assert_eq!(silent.get("WEB_PORT"), Some(port.as_str()));
        assert_eq!(proxy.questions(), asked, "{}: not asked again for a while", shell.name);

        // Gone altogether: the same, and it is not asked for half a minute either way.
        terminal.line(&shell.set("DOCKER_HOST", "unix:///nonexistent.sock"));
        assert_eq!(terminal.next().get("WEB_PORT"), Some(port.as_str()), "{}", shell.name);
        terminal.line("cd ..");
        assert_eq!(terminal.snap("").get("WEB_PORT"), None, "{}", shell.name);
        terminal.line(&shell.set("DOCKER_HOST", &proxy.host()));
        terminal.line(&format!("cd {shop}"));
        assert_eq!(terminal.snap("").get("WEB_PORT"), None, "{}: nor after out and in", shell.name);
        assert_eq!(proxy.questions(), asked, "{}", shell.name);
        assert_eq!(count(&terminal, "prism:"), 0, "{}: {}", shell.name, terminal.screen());
    }
}

#[test]
fn the_prompt_is_back_within_its_budget() {
    let (project, _) = started();
    let proxy = Proxy::start(&project.sandbox);
    proxy.stick(true);
    for verb in [&["hook", "bash", "--at-prompt"][..], &["prompt"]] {
        let begin = std::time::Instant::now();
        project.prism(verb).env("DOCKER_HOST", proxy.host()).succeeds();
        let took = begin.elapsed();
        assert!(took >= std::time::Duration::from_millis(250), "{verb:?}: it did ask: {took:?}");
        assert!(took < std::time::Duration::from_millis(1500), "{verb:?}: {took:?}");
    }
}

#[test]
fn an_answer_in_time_is_taken_and_a_late_one_is_not_waited_for() {
    for name in ["bash", "zsh", "fish"].into_iter().filter(|name| !without(name)) {
        let (project, shop) = started();
        let proxy = Proxy::start(&project.sandbox);
        let shell = Shell::named(name);
        let host = ("DOCKER_HOST", proxy.host());
        let mut terminal = shell.start(&project.sandbox, &project.sandbox.work(), &[(host.0, &host.1)]);
        // Well within the budget of a quarter of a second.
        proxy.delay(Duration::from_millis(60));
        terminal.line(&format!("cd {shop}"));
        let before = port(&mut terminal, &project);
        project.prism(&["ports", "--reassign", "web"]).succeeds();
        let after = port(&mut terminal, &project);
        assert_ne!(before, after, "{name}");

        // Beyond it: the state stays, also where it is no longer true.
        let late = Duration::from_secs(20);
        proxy.delay(late);
        project.prism(&["stop"]).succeeds();
        let begin = Instant::now();
        assert_eq!(terminal.next().get("WEB_PORT"), Some(after.as_str()), "{name}");
        let asked = proxy.questions();
        assert_eq!(terminal.next().get("WEB_PORT"), Some(after.as_str()), "{name}");
        assert!(begin.elapsed() < late, "{name}: four prompts, none of which waited for the answer");
        assert_eq!(proxy.questions(), asked, "{name}: not asked again for a while");
        assert_eq!(count(&terminal, "prism:"), 0, "{name}: {}", terminal.screen());
        let hook = project.prism(&["hook", "bash", "--at-prompt"]).env(host.0, &host.1).succeeds();
        assert_eq!(hook.stderr, "", "{hook}");
        assert!(hook.stdout.contains("silent_until") && !hook.stdout.contains("WEB_PORT"), "{hook}");
    }
}
