//! Apps on the host: a port that everyone in the session knows.

use std::io::{BufRead, BufReader};

use super::{occupy, web_port};
use crate::support::{Project, docker};

const API: &str = "services:\n  api:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    ports: [\"80\"]\n";

const APPS: &str = "env: {API: \"${API_URL}/v1\"}\napps:\n  web: {dir: front, env: {API: \"${API}/web\", SELF: \"${PORT}\"}}\n";

/// Runs a shell command as the app and returns what it printed.
fn as_web(project: &Project, script: &str) -> String {
    project.prism(&["exec", "--app", "web", "--", "sh", "-c", script]).succeeds().line().to_owned()
}

#[test]
fn an_app_gets_its_port_and_everyone_knows_it() {
    let project = Project::new(API);
    project.prism(&["exec", "true"]).succeeds();
    let containers = project.containers();
    project.write("prism.yaml", APPS);
    let port = web_port(&project);
    assert_eq!(project.containers(), containers, "adding an app makes no container anew");
    assert!((20_000..30_000).contains(&port), "{port}");

    let api = project.prism(&["get", "api"]).succeeds().line().to_owned();
    let expected = format!("{port} http://127.0.0.1:{port} http://{api}/v1/web {port}");
    assert_eq!(as_web(&project, "echo $PORT $WEB_URL $API $SELF"), expected);
    let others =
        project.prism(&["exec", "--", "sh", "-c", "echo $WEB_HOST:$WEB_PORT $API [$PORT]"]).succeeds();
    assert_eq!(others.line(), format!("127.0.0.1:{port} http://{api}/v1 []"));

    assert_eq!(project.prism(&["get", "web"]).succeeds().line(), format!("127.0.0.1:{port}"));
    let typo = project.prism(&["get", "wbe"]).exits(1);
    assert!(typo.stderr.contains("no app `wbe`") && typo.stderr.contains("did you mean `web`?"), "{typo}");

    project.write("front/src/empty", "");
    let inside =
        project.sandbox.prism(&project.directory.join("front/src"), &["exec", "--", "printenv", "PORT"]);
    assert_eq!(inside.succeeds().line(), port.to_string(), "the directory tells the app");
    std::fs::remove_file(project.directory.join("docker-compose.session.yml")).expect("the override");
    let env = project.prism(&["env", "--app", "web"]).succeeds().stdout;
    assert!(env.contains(&format!("\nPORT={port}\n")), "{env}");
    assert!(!project.prism(&["env"]).succeeds().stdout.contains("\nPORT="));
    let dotenv = std::fs::read_to_string(project.directory.join(".env.session")).expect(".env.session");
    assert!(dotenv.contains("WEB_PORT=") && !dotenv.contains("\nPORT="), "{dotenv}");
    let typo = project.prism(&["exec", "--app", "wbe", "true"]).exits(125);
    assert!(typo.stderr.contains("did you mean `web`?"), "{typo}");
    let broken = APPS.replace("${PORT}", "${PROT}");
    project.write("prism.yaml", &broken);
    let broken = project.prism(&["exec", "--app", "web", "true"]).exits(125);
    assert!(broken.stderr.contains("`apps.web.env.SELF` in prism.yaml"), "{broken}");
    // Before anything is started for it.
    project.prism(&["stop"]).succeeds();
    project.prism(&["exec", "--app", "web", "true"]).exits(125);
    assert_eq!(docker(&["inspect", "--format", "{{.State.Running}}", &containers[0]]), "false\n");
    project.write("prism.yaml", APPS);
    project.prism(&["start"]).succeeds();

    for verb in [&["stop"][..], &["destroy", "--yes"]] {
        project.prism(verb).succeeds();
        assert_eq!(web_port(&project), port, "{verb:?}");
    }
}

#[test]
fn a_port_that_something_else_took_is_noticed_when_the_app_is_run() {
    let project = Project::new(API);
    project.write("prism.yaml", APPS);
    let port = web_port(&project);
    let thief = occupy(port);
    let outcome = project.prism(&["exec", "--app", "web", "true"]).exits(125);
    let expected = format!("port {port} of app `web` is taken: process {} (`", std::process::id());
    assert!(outcome.stderr.contains(&expected), "{outcome}");
    assert!(outcome.stderr.contains("hint: `prism ports --reassign web`"), "{outcome}");
    assert_eq!(web_port(&project), port, "the others are not concerned");

    let containers = project.containers();
    project.prism(&["ports", "--reassign", "web"]).succeeds();
    let new = web_port(&project);
    assert_ne!(new, port);
    assert_eq!(as_web(&project, "echo $PORT"), new.to_string());
    assert_eq!(project.containers(), containers);
    let ports = project.prism(&["ports", "inspect"]).succeeds();
    assert!(ports.stdout.contains(&format!("{new}  web (app)   -")), "{ports}");
    drop(thief);
}

#[test]
fn a_container_that_took_the_port_of_an_app_is_named() {
    let project = Project::new(API);
    project.write("prism.yaml", APPS);
    let port = web_port(&project);
    let publish = format!("127.0.0.1:{port}:80");
    let thief = docker(&["run", "-d", "--rm", "-p", &publish, "prism-test:1", "busybox", "httpd", "-f"]);
    let name = docker(&["inspect", "--format", "{{slice .Name 1}}", thief.trim()]);
    let outcome = project.prism(&["exec", "--app", "web", "true"]).run();
    docker(&["rm", "-f", thief.trim()]);
    let expected = format!("port {port} of app `web` is taken: container `{}` listens on it", name.trim());
    assert!(outcome.status == 125 && outcome.stderr.contains(&expected), "{outcome}");
}

#[test]
fn the_app_itself_in_another_terminal_is_not_in_the_way() {
    let project = Project::new(API);
    project.write("prism.yaml", APPS);
    let port = web_port(&project);
    let serve = "use IO::Socket::INET; my $s = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $ENV{PORT}, Listen => 1) or die; $| = 1; print \"listening\\n\"; sleep 1000";
    let mut app = project.prism(&["exec", "--app", "web", "--", "perl", "-e", serve]).spawn();
    let mut line = String::new();
    BufReader::new(app.stdout.take().expect("stdout")).read_line(&mut line).expect("a line");
    let second = project.prism(&["exec", "--app", "web", "--", "printenv", "PORT"]).run();
    // Nor when the stack has to be started anew meanwhile.
    project.prism(&["stop"]).succeeds();
    let third = project.prism(&["exec", "--app", "web", "--", "printenv", "PORT"]).run();
    app.kill().expect("kill");
    app.wait().expect("wait");
    assert_eq!(line, "listening\n");
    assert_eq!((second.line(), third.line()), (&*port.to_string(), &*port.to_string()), "{second}{third}");
}

#[test]
fn an_app_of_a_services_name_needs_another_prefix() {
    let other = "  other: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000}\n";
    let project = Project::new(&format!("{}{other}", crate::support::project::WEB));
    project.write("prism.yaml", "apps: {web: {port: LISTEN}}\n");
    let refused = project.prism(&["exec", "true"]).exits(125);
    assert!(
        refused
            .stderr
            .contains("`apps.web` in prism.yaml (line 1, column 13) and service `web` both give variables"),
        "{refused}"
    );
    project.holds_nothing();
    project.write("prism.yaml", "services: {web: {prefix: FRONT}}\napps: {web: {port: LISTEN}}\n");
    let app = as_web(&project, "echo $LISTEN");
    let show = ["exec", "--", "sh", "-c", "test $FRONT_PORT != $WEB_PORT && echo $WEB_PORT"];
    assert_eq!(project.prism(&show).succeeds().line(), app);
    // One that is left out may be stood in for.
    project.write("prism.yaml", "apps: {web: {port: LISTEN}}\n");
    project.prism(&["start", "--without", "web"]).succeeds();
    assert_eq!(as_web(&project, "echo $WEB_PORT"), as_web(&project, "echo $LISTEN"));
}
