//! What each block of the pages is run with.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::block::{Block, assert_printed};
use crate::support::{Outcome, Project, Run, Sandbox, eventually, without};

/// A service that listens at once, and a database that nobody has to wait for.
const SERVICES: &str = "services:\n  db: &s\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"5432\", -h, /etc]\n    ports: [\"5432:5432\"]\n";

/// Puts prism, and what stands for programs that this machine need not have, into PATH.
fn with_path(run: Run, sandbox: &Sandbox) -> Run {
    let prism = Path::new(env!("CARGO_BIN_EXE_prism")).parent().expect("target").display().to_string();
    let path = std::env::var("PATH").expect("PATH");
    run.env("PATH", format!("{}:{prism}:{path}", sandbox.root().join("bin").display()))
}

/// Runs shell code in a directory, its standard error among what it prints.
fn shell(sandbox: &Sandbox, directory: &Path, code: &str) -> Outcome {
    let run = sandbox.command("bash", directory, &["-c", &format!("exec 2>&1; set -e; {code}")]);
    with_path(run, sandbox).succeeds()
}

/// Makes a program that says its name, its arguments and where the database is.
fn stand_in(sandbox: &Sandbox, name: &str) {
    let path = sandbox.root().join("bin").join(name);
    fs::create_dir_all(path.parent().expect("parent")).expect("bin");
    fs::write(&path, "#!/bin/sh\necho \"${0##*/} $*: $DB_PORT\"\n").expect("a program");
    sandbox.command("chmod", &sandbox.work(), &["755", path.to_str().expect("UTF-8")]).succeeds();
}

/// Runs a console block in a directory that stands for `/home/me/shop`.
fn console(sandbox: &Sandbox, directory: &Path, block: &Block) {
    let home = directory.parent().expect("parent").display().to_string();
    for (command, expected) in block.commands() {
        let printed = shell(sandbox, directory, &command).stdout.replace(&home, "/home/me");
        assert_printed(&command, &printed, &expected);
    }
}

/// A database that is up.
fn started() -> Project {
    let project = Project::new(SERVICES);
    project.prism(&["start"]).succeeds();
    project
}

fn commit(project: &Project) {
    for arguments in [&["init", "-q", "-b", "main"][..], &["add", "."], &["commit", "-qm", "x"]] {
        project.sandbox.git(&project.directory, arguments);
    }
}

pub fn shop(block: &Block) {
    let commands = block.commands();
    let (first, compose) = commands.first().expect("a command");
    assert_eq!(first, "cat compose.yaml");
    let project = Project::new(&compose.join("\n"));
    commit(&project);
    console(&project.sandbox, &project.directory, block);
    let worktree = project.sandbox.work().join("shop-sessions/feature-search");
    project.sandbox.prism(&worktree, &["destroy", "--yes"]).succeeds();
    project.prism(&["destroy", "--yes"]).succeeds();
}

pub fn own_names(block: &Block) {
    let (_, lines) = block.commands().swap_remove(0);
    let cache = SERVICES.replace("services:\n  db: &s", "  cache:").replace("5432", "6379");
    let project = Project::new(&format!("{SERVICES}{cache}"));
    project.write(".env", &lines.join("\n"));
    console(&project.sandbox, &project.directory, block);
}

/// A project with data in a volume that runs.
pub fn data(block: &Block) {
    let service =
        "    command: sleep 1000\n    labels: {dev-prism.ready: none}\n    volumes: [\"data:/data\"]\n";
    let project = Project::new(&format!(
        "services:\n  db:\n    image: prism-test:1\n    stop_signal: SIGKILL\n{service}volumes: {{data: {{}}}}\n"
    ));
    commit(&project);
    stand_in(&project.sandbox, "npm");
    project.prism(&["start"]).succeeds();
    console(&project.sandbox, &project.directory, block);
}

pub fn installation(block: &Block) {
    let sandbox = Sandbox::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let into = format!("$HOME/.local BINARY={}", env!("CARGO_BIN_EXE_prism"));
    for (command, _) in block.commands() {
        shell(&sandbox, root, &command.replace("/usr/local", &into));
    }
    let seen =
        shell(&sandbox, root, "PATH=$HOME/.local/bin:$PATH bash -ic 'echo $PROMPT_COMMAND' </dev/null");
    assert!(seen.stdout.contains("prism"), "{seen}");
}

pub fn prompts(block: &Block) {
    let project = started();
    for line in block.text.lines() {
        let (shell, code) = if line.starts_with("PS1") {
            ("bash", format!("{line}\nprintf '%s' \"${{PS1@P}}\""))
        } else if line.starts_with("setopt") {
            ("zsh", format!("{line}\nprint -rnP -- \"$PROMPT\""))
        } else {
            ("fish", format!("{line}\nfish_prompt"))
        };
        if without(shell) {
            continue;
        }
        let arguments: &[&str] = if shell == "zsh" { &["-fc", &code] } else { &["-c", &code] };
        let prompt = |directory: &Path| {
            let run = project.sandbox.command(shell, directory, arguments);
            with_path(run, &project.sandbox).succeeds().stdout
        };
        // On a busy machine Docker may miss the prompt's budget.
        eventually(shell, || prompt(&project.directory).starts_with("shop up 1/1 "));
        let outside = prompt(&project.sandbox.work());
        // What fish itself prints between the two is one blank.
        assert!(
            !outside.trim_start_matches(' ').is_empty() && !outside.contains("shop"),
            "{shell}: {outside:?}"
        );
        assert!(shell == "fish" || !outside.starts_with(' '), "{shell}: {outside:?}");
    }
}

pub fn starship(block: &Block) {
    let command = block.text.lines().find_map(|line| line.strip_prefix("command = ")).expect("a command");
    let project = started();
    let printed = || shell(&project.sandbox, &project.directory, command.trim_matches('"'));
    eventually("a segment", || printed().line() == "shop up 1/1");
}

pub fn configuration(block: &Block) {
    // Those that it describes, and those of its templates.
    let described = block.text.lines().skip_while(|line| *line != "services:").skip(1);
    let described = described.take_while(|line| line.starts_with("  "));
    let described = described.filter_map(|line| Some(line.trim().split_once(':')?.0));
    let services: String = described
        .chain(["postgres", "api", "app"])
        .map(|name| format!("  {name}: {{image: \"prism-test:1\", ports: [\"80\"]}}\n"))
        .collect();
    let project =
        Project::new(&format!("services:\n{services}  site: {{image: \"prism-test:1\", profiles: [web]}}\n"));
    project.write("apps/web/.env", "A=b\n");
    project.write("prism.yaml", &block.text);
    let config = project.prism(&["compose", "config"]).succeeds();
    assert!(config.stdout.starts_with("name: shop-"), "{config}");
    let doctor = project.prism(&["doctor"]).run();
    assert!(doctor.stdout.contains("ok    Compose accepts the project"), "{doctor}");
}

pub fn tasks(block: &Block) {
    if without("npm") {
        return;
    }
    let project = Project::new(SERVICES);
    project.write("package.json", "{\"scripts\": {\"test\": \"echo at $DB_PORT\"}}\n");
    let tasks: Value = serde_json::from_str(&block.text).expect("JSON");
    for task in tasks["tasks"].as_array().expect("tasks") {
        let words = task["args"].as_array().expect("arguments").iter();
        let words = words.map(|word| word.as_str().expect("a word"));
        let words: Vec<&str> = task["command"].as_str().into_iter().chain(words).collect();
        shell(&project.sandbox, &project.directory, &words.join(" "));
    }
}

pub fn launch(block: &Block) {
    let project = started();
    let launch: Value = serde_json::from_str(&block.text).expect("JSON");
    let file = launch["configurations"][0]["envFile"].as_str().expect("a file");
    let file = file.replace("${workspaceFolder}", project.directory.to_str().expect("UTF-8"));
    assert!(fs::read_to_string(file).expect("a file").contains("\nDB_PORT="));
}

pub fn package(block: &Block) {
    if without("npm") {
        return;
    }
    let project = Project::new(SERVICES);
    project.write("package.json", &block.text);
    project.write("server.js", "console.log(`at ${process.env.DB_PORT}`)\n");
    project.write("at.test.js", "require('node:assert').ok(process.env.DB_PORT)\n");
    shell(&project.sandbox, &project.directory, "npm test");
    let served = shell(&project.sandbox, &project.directory, "npm run dev");
    let port = project.prism(&["get", "DB_PORT"]).succeeds();
    assert!(served.stdout.contains(&format!("at {}", port.line())), "{served}");
}

/// Runs a file of a task runner, in which a stand-in is called.
fn runner(block: &Block, file: &str, program: &str, code: &str, expected: &str) {
    let project = Project::new(SERVICES);
    stand_in(&project.sandbox, program);
    project.write(file, &block.text);
    let ran = shell(&project.sandbox, &project.directory, code);
    let port = project.prism(&["get", "DB_PORT"]).succeeds();
    assert!(ran.stdout.contains(&format!("{expected}: {}\n", port.line())), "{ran}");
}

pub fn makefile(block: &Block) {
    runner(block, "Makefile", "go", "env -u MAKEFLAGS make test", "go test ./...");
}

pub fn justfile(block: &Block) {
    if !without("just") {
        runner(block, "justfile", "go", "just test", "go test ./...");
    }
}

pub fn workflow(block: &Block) {
    let project = Project::new(SERVICES);
    stand_in(&project.sandbox, "npm");
    let steps: Vec<&str> =
        block.text.lines().filter_map(|line| line.trim_start().strip_prefix("- run: ")).collect();
    assert_eq!(steps.len(), 3, "{steps:?}");
    // Each step has the variables that an earlier one wrote.
    let load = "while IFS= read -r line; do if [[ $line == *'<<'* ]]; then IFS= read -r value; export \"${line%%<<*}=$value\"; fi; done <$GITHUB_ENV";
    let code = format!("export GITHUB_ENV=$PWD/github; {}", steps.join(&format!("\n{load}\n")));
    let ran = shell(&project.sandbox, &project.directory, &code);
    let line = ran.stdout.lines().find(|line| line.starts_with("npm test: ")).expect("the tests");
    assert!(line["npm test: ".len()..].parse::<u16>().is_ok(), "{ran}");
    project.holds_nothing();
}

/// The names of all entries of a document, lists by their first item.
fn names(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) if path != ".variables" => {
            for (name, value) in entries {
                let path = format!("{path}.{name}");
                found.push(path.clone());
                names(value, &path, found);
            }
        }
        Value::Array(items) => items.iter().take(1).for_each(|item| names(item, path, found)),
        _ => {}
    }
}

fn assert_same_names(block: &Block, printed: &str) {
    let all = |text: &str| {
        let mut found = Vec::new();
        names(&serde_json::from_str(text).expect("JSON"), "", &mut found);
        found
    };
    assert_eq!(all(&block.text), all(printed), "{}", block.page);
}

pub fn list_document(block: &Block) {
    let project = started();
    let printed = project.prism(&["list", "--format", "json"]).succeeds().stdout;
    let mut document: Value = serde_json::from_str(&printed).expect("JSON");
    let sessions = document["sessions"].as_array_mut().expect("sessions");
    sessions.retain(|session| session["directory"] == project.directory.to_str().expect("UTF-8"));
    assert_same_names(block, &document.to_string());
}

pub fn explanation_document(block: &Block) {
    let project = Project::new(SERVICES);
    project.write("prism.yaml", "services: {db: {kind: postgres, ready: none}}\n");
    project.prism(&["start"]).succeeds();
    let printed = project.prism(&["env", "--explain", "--format", "json"]).succeeds().stdout;
    assert_same_names(block, &printed);
}

pub fn ports(block: &Block) {
    let project = Project::new(SERVICES);
    project.write("prism.yaml", "apps: {web: {}}\n");
    commit(&project);
    project.prism(&["start"]).succeeds();
    project.prism(&["create", "feature/search"]).succeeds();
    let worktree = project.sandbox.work().join("shop-sessions/feature-search");
    project.sandbox.prism(&worktree, &["stop"]).succeeds();
    let home = project.sandbox.work().display().to_string();
    for (command, expected) in block.commands() {
        // Others have ports on this Engine, too, and the order is that of the numbers.
        let printed = shell(&project.sandbox, &project.directory, &command).stdout.replace(&home, "/home/me");
        for line in expected {
            assert_printed(&command, &printed, &[line]);
        }
    }
    project.sandbox.prism(&worktree, &["destroy", "--yes"]).succeeds();
}

pub fn port_policies(block: &Block) {
    let (choices, services) = block.text.split_once("services:\n").expect("services");
    let compose = "services: {iris: {image: \"prism-test:1\", ports: [\"80\"]}, keycloak: {image: \"prism-test:1\", ports: [\"80\"]}}\n";
    for choice in choices.lines() {
        let project = Project::new(compose);
        project.write("prism.yaml", &format!("{choice}\nservices:\n{services}"));
        let config = project.prism(&["compose", "config"]).succeeds();
        assert!(config.stdout.contains("published: \"8080\""), "{choice}: {config}");
    }
}

pub fn known_ports(block: &Block) {
    let environment = block.text.replace('\n', "\n    ");
    let project = Project::new(&format!(
        "services:\n  kafka:\n    image: prism-test:1\n    command: sleep 1000\n    stop_signal: SIGKILL\n    labels: {{dev-prism.ready: none}}\n    ports: [\"9094:9094\"]\n    {environment}\n"
    ));
    project.prism(&["start"]).succeeds();
    let port = project.prism(&["get", "kafka"]).succeeds();
    let tell = "echo $KAFKA_ADVERTISED_LISTENERS";
    let told = project.prism(&["compose", "exec", "-T", "kafka", "sh", "-c", tell]);
    assert!(told.succeeds().line().ends_with(&format!(",OUTSIDE://{}", port.line())));
}

pub fn app(block: &Block) {
    let project = Project::new(&SERVICES.replace("db:", "api:"));
    project.write("prism.yaml", &block.text);
    stand_in(&project.sandbox, "pnpm");
    let code = "prism exec --app web -- sh -c 'pnpm dev; echo $PORT $API_URL'; prism get web; prism get api";
    let ran = shell(&project.sandbox, &project.directory, code).stdout;
    let lines: Vec<&str> = ran.lines().rev().take(3).collect();
    let [api, web, app] = lines[..] else { panic!("{ran}") };
    assert_eq!(app, format!("{} http://{api}", web.trim_start_matches("127.0.0.1:")), "{ran}");
}

pub fn snippets(block: &Block) {
    let project = started();
    let port = project.prism(&["get", "DB_PORT"]).succeeds();
    for line in block.text.lines() {
        let line = line.split("   ").next().unwrap_or(line).trim_end();
        let code = format!("{line}\nprintenv DB_PORT");
        let (shell, arguments) = if line.contains("powershell") {
            // No package of Debian has it.
            continue;
        } else if line.contains("fish") {
            ("fish", vec!["-Nc", &code])
        } else if line.contains("tcsh") {
            ("tcsh", vec!["-fc", &code])
        } else if line.contains("elvish") {
            ("elvish", vec!["-norc", "-c", &code])
        } else if line.contains("xonsh") {
            ("xonsh", vec!["--no-rc", "-c", &code])
        } else if line.contains("nushell") {
            ("nushell", vec!["-n", "-c", &code])
        } else {
            ("sh", vec!["-c", &code])
        };
        if without(shell) {
            continue;
        }
        let program = if shell == "nushell" { "nu" } else { shell };
        let run = project.sandbox.command(program, &project.directory, &arguments);
        assert_eq!(with_path(run, &project.sandbox).succeeds().line(), port.line(), "{shell}");
    }
}

pub fn direnv(block: &Block) {
    if without("direnv") {
        return;
    }
    let project = started();
    console(&project.sandbox, &project.directory, block);
    let port = project.prism(&["get", "DB_PORT"]).succeeds();
    let run = project.sandbox.command("direnv", &project.directory, &["exec", ".", "printenv", "DB_PORT"]);
    assert_eq!(with_path(run, &project.sandbox).succeeds().line(), port.line());
}

pub fn completions(block: &Block) {
    let sandbox = Sandbox::new();
    console(&sandbox, &sandbox.work(), block);
    let share = sandbox.root().join("home/.local/share");
    for file in ["bash-completion/completions/prism", "man/man1/prism.1", "man/man1/prism-exec.1"] {
        assert!(share.join(file).metadata().is_ok_and(|file| file.len() > 0), "{file}");
    }
}
