//! Directories and shells that make it hard: any name, read-only variables, somebody else's repository.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;

use super::robust::{count, started};
use crate::support::project::WEB;
use crate::support::{Project, Shell, Terminal, docker, without};

fn posix_and_fish() -> impl Iterator<Item = Shell> {
    ["bash", "zsh", "fish"].into_iter().filter(|name| !without(name)).map(Shell::named)
}

#[test]
fn the_name_of_a_directory_is_only_a_name() {
    let project = Project::web();
    let name = "we\"ird 'q' $(touch pwned) `touch pwned`\nnl %s !x";
    let odd = project.sandbox.work().join(name);
    fs::create_dir(&odd).expect("a directory");
    fs::write(odd.join("compose.yaml"), WEB).expect("compose.yaml");
    project.sandbox.prism(&odd, &["start"]).succeeds();
    let no_text = project.sandbox.work().join(OsStr::from_bytes(b"no-text-\xff"));
    fs::create_dir(&no_text).expect("a directory");
    fs::write(no_text.join("compose.yaml"), WEB).expect("compose.yaml");
    for shell in posix_and_fish() {
        let mut terminal = shell.start(&project.sandbox, &project.sandbox.work(), &[]);
        terminal.line("cd we*");
        let inside = terminal.sees("WEB_HOST", Some("127.0.0.1"));
        assert_eq!(inside.get("SESSION_DIR"), odd.to_str(), "{}", shell.name);
        // Compose takes no such directory, and the session that was left is left.
        terminal.line("cd ../no-text-*");
        terminal.next();
        let left = terminal.next();
        assert_eq!((left.get("WEB_HOST"), left.get("COMPOSE_FILE")), (None, None), "{}", shell.name);
        assert_eq!(count(&terminal, "not UTF-8"), 1, "{}: {}", shell.name, terminal.screen());
    }
    for directory in [&odd, &project.sandbox.work()] {
        assert!(!directory.join("pwned").exists());
    }
}

#[test]
fn a_read_only_variable_stays_and_spoils_nothing() {
    let (project, shop) = started();
    for name in ["bash", "zsh"].into_iter().filter(|name| !without(name)) {
        let shell = Shell::named(name);
        let mut terminal = shell.start(&project.sandbox, &project.sandbox.work(), &[]);
        terminal.line("readonly SESSION_DIR=7");
        terminal.line(&format!("cd {shop}"));
        let inside = terminal.sees("WEB_HOST", Some("127.0.0.1"));
        assert_ne!(inside.get("SESSION_DIR"), Some(shop.as_str()), "{name}");
        assert!(inside.get("__PRISM_DIFF").is_some(), "{name}: what comes after it is set as well");
        terminal.next();
        terminal.line("cd ..");
        terminal.next();
        let left = terminal.next();
        let gone = ["WEB_HOST", "COMPOSE_FILE", "PRISM_VARS", "__PRISM_DIFF"].map(|name| left.get(name));
        assert_eq!(gone, [None; 4], "{name}");
        let said = terminal.screen().matches("SESSION_DIR").count();
        assert!(
            said <= 3,
            "{name}: once by the shell, besides the line that was typed: {}",
            terminal.screen()
        );
    }
}

#[test]
fn a_restricted_shell_has_no_hook_and_no_complaint() {
    let (project, _) = started();
    for (name, program) in [("bash", &["bash", "-r", "-i"]), ("zsh", &["zsh", "-r", "-i"])] {
        if without(name) {
            continue;
        }
        Shell::named(name).configure(&project.sandbox, "", "");
        let mut terminal = Terminal::start(&project.sandbox, &project.directory, program, &[]);
        terminal.next();
        assert_eq!(terminal.next().get("WEB_PORT"), None, "{name}");
        assert_eq!(count(&terminal, "restricted"), 0, "{name}: {}", terminal.screen());
    }
}

#[test]
fn a_repository_runs_nothing_by_being_entered() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    container_name: ${HOME:-$(touch pwned)}\n    ports: [\"18080:80\"]\n",
    );
    project.write(
        "prism.yaml",
        "env: {A: \"$$(touch pwned)\", B: \"`touch pwned`\"}\nsetup: [touch pwned]\nenv_files: [.env]\ntemplates: {t: {services: [web]}}\napps: {x: {dir: ., port: PORT, env: {C: \"$$(touch pwned)\"}}}\n",
    );
    project.write(".env", "COMPOSE_FILE=compose.yaml\nD=$(touch pwned)\n");
    project.write(".env.session", "E=$(touch pwned)\nPATH=/evil\n");
    // What a pull may bring: an override with a header that looks like prism's own.
    let session = project.directory.display();
    project.write(
        "docker-compose.session.yml",
        &format!(
            "# {{\"generator\":\"prism\",\"session_id\":\"{session}\",\"settled\":true}}\nservices: {{}}\n"
        ),
    );
    for shell in posix_and_fish() {
        let mut terminal = shell.start(&project.sandbox, &project.directory, &[]);
        terminal.next();
        let seen = terminal.next();
        for name in ["A", "B", "C", "D", "E", "PORT", "COMPOSE_FILE", "PRISM_SESSION", "__PRISM_DIFF"] {
            assert_eq!(seen.get(name), None, "{}", shell.name);
        }
        assert_eq!(count(&terminal, "prism:"), 0, "{}", terminal.screen());
    }
    assert!(!project.directory.join("pwned").exists());
    project.holds_nothing();
}

#[test]
fn plain_compose_in_a_hooked_shell_acts_on_the_session() {
    let project = Project::web();
    project.write("more.yaml", "services: {web: {environment: {A: more}}}\n");
    let files = ("COMPOSE_FILE", "compose.yaml:more.yaml");
    project.prism(&["start"]).env(files.0, files.1).succeeds();
    let containers = project.containers();
    for shell in posix_and_fish() {
        let mut terminal = shell.start(&project.sandbox, &project.directory, &[files]);
        terminal.sees("WEB_HOST", Some("127.0.0.1"));
        terminal.line("docker compose up -d");
        terminal.line("docker compose ps -q > listed");
        terminal.snap("");
        let listed = fs::read_to_string(project.directory.join("listed")).expect("a list");
        assert_eq!(listed.trim(), containers[0], "{}", shell.name);
        // prism itself finds the files that the user named, here and in a child of a child.
        terminal.line("prism exec -- prism exec -- sh -c 'env > inner'");
        terminal.snap("");
        let inner = fs::read_to_string(project.directory.join("inner")).expect("an environment");
        assert!(inner.contains("more.yaml:"), "{inner}");
        assert_eq!(project.containers(), containers, "{}: {}", shell.name, terminal.screen());
        terminal.line("cd ..");
        assert_eq!(terminal.snap("").get(files.0), Some(files.1), "{}", shell.name);
    }
    let name = docker(&["inspect", "--format", "{{.Name}} {{.HostConfig.PortBindings}}", &containers[0]]);
    assert!(!name.contains("18080"), "{name}");
}

#[test]
fn a_window_that_inherits_another_directorys_variables_is_right_at_its_first_prompt() {
    let (project, _) = started();
    project.sandbox.write("other/compose.yaml", &WEB.replace("web", "api"));
    let other = project.sandbox.work().join("other");
    project.sandbox.prism(&other, &["start"]).succeeds();
    for shell in posix_and_fish() {
        let mut first = shell.start(&project.sandbox, &project.directory, &[("WEB_URL", "mine")]);
        first.sees("WEB_HOST", Some("127.0.0.1"));
        let inherited = first.next().env;
        let inherited: Vec<(&str, &str)> =
            inherited.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        // As tmux does: the environment of one shell, the directory of another.
        let mut window = shell.start(&project.sandbox, &other, &inherited);
        let seen = window.sees("API_HOST", Some("127.0.0.1"));
        assert_eq!((seen.get("WEB_HOST"), seen.get("WEB_URL")), (None, Some("mine")), "{}", shell.name);
        let mut outside = shell.start(&project.sandbox, &project.sandbox.work(), &inherited);
        let seen = outside.snap("");
        assert_eq!((seen.get("WEB_HOST"), seen.get("WEB_URL")), (None, Some("mine")), "{}", shell.name);
        assert_eq!((seen.get("COMPOSE_FILE"), seen.get("__PRISM_DIFF")), (None, None), "{}", shell.name);
    }
    project.sandbox.prism(&other, &["destroy", "--yes"]).succeeds();
}

/// A line of the project's dotenv file speaks to what `exec` runs, which would read that file; a shell is everybody's.
#[test]
fn lines_of_a_repositorys_dotenv_file_are_no_settings_of_a_shell() {
    let project = Project::web();
    project.write(
        ".env",
        "PSQL_PAGER=\"touch pwned; cat - http://localhost:18080/x\"\n\
         GRADLE_OPTS=\"-javaagent:/repo/evil.jar -Dx=http://localhost:18080/x\"\nVAULT_ADDR=http://localhost:18080\n\
         GOPROXY=http://localhost:18080\nSOMEBODYS_URL=http://localhost:18080\nspring.web.url=http://localhost:18080\n\
         API_URL=http://localhost:18080/v1\nDATABASE_URL=\"x; http://localhost:18080\"\n",
    );
    project.prism(&["start"]).succeeds();
    let port = project.prism(&["get", "WEB_PORT"]).succeeds().line().to_owned();
    let api = format!("http://localhost:{port}/v1");
    let names = [
        "PSQL_PAGER",
        "GRADLE_OPTS",
        "VAULT_ADDR",
        "GOPROXY",
        "SOMEBODYS_URL",
        "spring.web.url",
        "DATABASE_URL",
    ];
    let given = project.prism(&["exec", "env"]).succeeds().stdout;
    assert!(names.iter().all(|name| given.contains(&format!("\n{name}="))), "{given}");
    let snippet = project.prism(&["env", "--shell", "sh"]).succeeds().stdout;
    let opened = project.prism(&["shell"]).env("SHELL", "/bin/sh").stdin("env\n").succeeds().stdout;
    for text in [project.read(".env.session"), snippet, opened] {
        assert!(text.contains("API_URL=") && names.iter().all(|name| !text.contains(name)), "{text}");
    }
    for shell in posix_and_fish() {
        let mut terminal = shell.start(&project.sandbox, &project.directory, &[]);
        let inside = terminal.sees("API_URL", Some(&api));
        assert_eq!(names.map(|name| inside.get(name)), [None; 7], "{}", shell.name);
    }
}
