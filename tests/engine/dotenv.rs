//! What the real readers of dotenv files make of what prism writes: Docker Compose, a shell, Node, Python and Ruby.

use std::collections::BTreeMap;

use crate::support::{Project, docker};

type Variables = BTreeMap<String, String>;

/// Values that programs stumble over, alone and in every pair.
fn corpus() -> Vec<String> {
    const PIECES: [&str; 26] = [
        "",
        "x",
        " ",
        "  y ",
        "'",
        "\"",
        "\\",
        "\\\\",
        "\\n",
        "$",
        "$HOME",
        "${HOME}",
        "$(touch pwned)",
        "`touch pwned`",
        "\n",
        "\r",
        "\t",
        "#",
        " # c",
        "!",
        "é✓",
        "=",
        "%41",
        "\u{1b}[0m",
        ";&|<>*?~",
        "{}[]()",
    ];
    let pairs = PIECES.iter().flat_map(|a| PIECES.iter().map(move |b| format!("{a}{b}")));
    let mut values: Vec<String> = pairs.collect();
    values.push(PIECES.concat());
    values.push("long ".repeat(4000));
    values.sort();
    values.dedup();
    values
}

fn parsed(json: &str) -> Variables {
    let all: BTreeMap<String, serde_json::Value> = serde_json::from_str(json).expect("JSON");
    let of_corpus = all.into_iter().filter(|(name, _)| name.starts_with("V_"));
    of_corpus.map(|(name, value)| (name, value.as_str().expect("a text").to_owned())).collect()
}

#[test]
fn every_reader_sees_the_same_values() {
    let project = Project::web();
    let values: Variables =
        corpus().into_iter().enumerate().map(|(at, value)| (format!("V_{at:03}"), value)).collect();
    let quoted =
        |value: &String| serde_json::to_string(&value.replace('$', "$$")).expect("a JSON text is YAML");
    let lines: String = values.iter().map(|(name, value)| format!("  {name}: {}\n", quoted(value))).collect();
    project.write("prism.yaml", &format!("env:\n{lines}"));
    let file = "readers/all.env";
    project.write(file, "# mine\nV_MINE=1");
    let written = project.prism(&["env", "--start", "--write", file]).succeeds();
    let doubtful: Vec<&str> = written
        .stderr
        .lines()
        .find_map(|line| line.strip_prefix("prism: no quoting carries ")?.split(" to every reader").next())
        .expect("some values cannot be carried")
        .split(", ")
        .collect();
    assert!(doubtful.len() * 2 < values.len(), "most values can be: {} of {}", doubtful.len(), values.len());

    let directory = project.directory.join("readers");
    let run = |program: &str, arguments: &[&str]| {
        parsed(&project.sandbox.command(program, &directory, arguments).succeeds().stdout)
    };
    let dump = "console.log(JSON.stringify(process.env))";
    project.write("readers/compose.yaml", "services: {s: {image: x, env_file: all.env}}\n");
    let compose = project.sandbox.command("docker", &directory, &["compose", "config", "--format", "json"]);
    let compose: serde_json::Value = serde_json::from_str(&compose.succeeds().stdout).expect("JSON");
    let compose = parsed(&compose["services"]["s"]["environment"].to_string().replace("$$", "$"));
    let readers = [
        ("compose", compose),
        ("sh", run("sh", &["-c", &format!("set -a; . ./all.env; exec node -e '{dump}'")])),
        ("node", run("node", &["--env-file=all.env", "-e", dump])),
        (
            "python",
            run(
                &std::env::var("PRISM_TEST_PYTHON").unwrap_or_else(|_| "/usr/bin/python3".to_owned()),
                &["-c", "import json, dotenv; print(json.dumps(dotenv.dotenv_values('all.env')))"],
            ),
        ),
        (
            "ruby",
            run("ruby", &["-rdotenv", "-rjson", "-e", "Dotenv.load('all.env'); puts JSON.dump(ENV.to_h)"]),
        ),
    ];
    let mut wrong = Vec::new();
    for (reader, found) in &readers {
        for (name, value) in &values {
            let is_asked = *reader == "compose" || !doubtful.contains(&name.as_str());
            if is_asked && found.get(name) != Some(value) {
                wrong.push(format!("{reader}: {value:?} is read as {:?}", found.get(name)));
            }
        }
        assert_eq!(found.get("V_MINE").map(String::as_str), Some("1"), "{reader}");
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(!directory.join("pwned").exists(), "no reader runs what a value says");
}

#[test]
fn compose_and_ides_find_the_session_in_env_session() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let container = project.containers().remove(0);
    let port = project.prism(&["get", "WEB_PORT"]).succeeds().line().to_owned();
    let run = |program: &str, arguments: &[&str]| {
        project.sandbox.command(program, &project.directory, arguments).succeeds().line().to_owned()
    };
    let listed = run("docker", &["compose", "--env-file", ".env.session", "ps", "-q", "--no-trunc"]);
    assert_eq!(listed, container);
    let by_shell = "set -a; . ./.env.session; docker compose ps -q --no-trunc; echo $WEB_PORT";
    assert_eq!(run("sh", &["-c", by_shell]), format!("{container}\n{port}"));
    assert_eq!(run("node", &["--env-file=.env.session", "-p", "process.env.WEB_PORT"]), port);
    // A port that changed behind prism's back is in the file after the next command.
    docker(&["restart", "-t", "0", &container]);
    let next = project.prism(&["exec", "--", "sh", "-c", "echo $WEB_PORT"]).succeeds().line().to_owned();
    assert_eq!(run("node", &["--env-file=.env.session", "-p", "process.env.WEB_PORT"]), next);
}

#[test]
fn a_file_of_the_users_keeps_what_prism_did_not_write() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    project.write("my.env", "# mine\nA='1'\r\n\nB=2");
    let read = || std::fs::read_to_string(project.directory.join("my.env")).expect("file");
    project.prism(&["env", "--write", "my.env"]).succeeds();
    let once = read();
    assert!(
        once.starts_with("# mine\nA='1'\r\n\nB=2\n# >>> prism") && once.contains("\nWEB_PORT="),
        "{once}"
    );
    project.write("my.env", &format!("{}C=3", once.replace("WEB_PORT=", "WEB_PORT=0")));
    project.prism(&["env", "--write", "my.env"]).succeeds();
    assert_eq!(read(), format!("{once}C=3"));
    for file in [".env", "compose.yaml", "prism.yaml", ".env.session", "docker-compose.session.yml"] {
        let refused = project.prism(&["env", "--write", file]).exits(2);
        assert!(refused.stderr.contains("reads it"), "{file}: {refused}");
    }
    let mode = std::os::unix::fs::PermissionsExt::mode;
    project.prism(&["env", "--write", "new.env"]).succeeds();
    let created = std::fs::metadata(project.directory.join("new.env")).expect("file").permissions();
    assert_eq!(mode(&created) & 0o777, 0o600);
    project.prism(&["env", "--write", "x.json", "--format", "json"]).exits(2);
    project.prism(&["env", "--write", ".", "--format", "docker"]).exits(2);
}

#[test]
fn passwords_in_a_file_that_git_takes_are_said() {
    let project = Project::new(
        "services:\n  cache: {image: \"redis:8-alpine\", command: [redis-server, --requirepass, x], stop_signal: SIGKILL, ports: [\"16379:6379\"]}\n",
    );
    let git = |arguments: &[&str]| project.sandbox.git(&project.directory, arguments);
    project.prism(&["start"]).succeeds();
    let write = |file: &str| project.prism(&["env", "--write", file]).succeeds().stderr;
    assert_eq!(write("plain.env"), "", "no repository");
    git(&["init", "-q"]);
    std::fs::create_dir(project.directory.join("my app")).expect("a directory");
    for file in ["new.env", "my app/[x].env"] {
        let said = write(file);
        assert!(
            said.starts_with(&format!(
                "prism: git does not ignore `{file}`, which has passwords in it now; `"
            )),
            "{said}"
        );
        // The hint can be typed as it stands.
        let typed = said.split('`').nth(3).expect("a command");
        project.sandbox.command("sh", &project.directory, &["-c", typed]).succeeds();
        assert_eq!(write(file), "", "{file}");
        assert_eq!(git(&["status", "--porcelain", "--", file]), "");
    }
    git(&["add", "compose.yaml", ".gitignore", "plain.env"]);
    let said = write("plain.env");
    assert!(
        said.starts_with("prism: git tracks `plain.env`, which has passwords in it now; take another"),
        "{said}"
    );
    project.prism(&["destroy", "--yes"]).succeeds();
}

#[test]
fn other_formats_reach_their_readers() {
    let project = Project::web();
    project.write("prism.yaml", "env: {V_A: \"it's $$x \\\"q\\\"\", V_B: \"two\\nlines\", V_C: \"\"}\n");
    let github = project.prism(&["env", "--start", "--format", "github"]).succeeds().stdout;
    let delimiter = github.lines().next().and_then(|line| line.split_once("<<")).expect("a heredoc").1;
    assert!(github.contains(&format!("V_B<<{delimiter}\ntwo\nlines\n{delimiter}\n")), "{github}");
    let again = project.prism(&["env", "--format", "github"]).succeeds().stdout;
    assert!(!again.contains(delimiter), "the delimiter cannot be guessed");
    project.write("docker.env", "");
    let written = project.prism(&["env", "--format", "docker", "--write", "docker.env"]).succeeds();
    assert!(written.stderr.contains("V_B") && !written.stderr.contains("V_A"), "{written}");
    let file = project.directory.join("docker.env");
    let script = "printf '%s|%s|%s' \"$V_A\" \"${V_B-none}\" \"${V_C-none}\"";
    let inside = docker(&[
        "run",
        "--rm",
        "--network",
        "none",
        "--env-file",
        file.to_str().expect("UTF-8"),
        "prism-test:1",
        "sh",
        "-c",
        script,
    ]);
    assert_eq!(inside, "it's $x \"q\"|none|");
    let json = project.prism(&["env", "--format", "json"]).succeeds().stdout;
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["V_B"], "two\nlines");
}

#[test]
fn who_is_killed_while_writing_leaves_no_copy_of_a_secret() {
    let project = Project::web();
    project.write("my.env", "PASSWORD=x\n");
    let names = || {
        let entries = std::fs::read_dir(project.directory.clone()).expect("directory");
        entries.map(|entry| entry.expect("entry").file_name()).collect::<std::collections::BTreeSet<_>>()
    };
    // A limit on what is written kills in the midst of that.
    let prism = env!("CARGO_BIN_EXE_prism");
    let killed = |words: &str| {
        let script = format!("ulimit -c 0; ulimit -f 0; exec '{prism}' {words}");
        project.sandbox.command("sh", &project.directory, &["-c", &script]).run()
    };
    let before = names();
    assert_ne!(killed("start").status, 0);
    assert_eq!(names(), before);
    project.prism(&["start"]).succeeds();
    let before = names();
    let outcome = killed("env --write my.env");
    assert_ne!(outcome.status, 0, "{outcome}");
    assert_eq!(names(), before);
    assert_eq!(project.read("my.env"), "PASSWORD=x\n");
    // What was about to take the place of a generated file goes with that.
    let new = ".docker-compose.session.yml.prism-new";
    project.write(new, &project.read("docker-compose.session.yml"));
    project.prism(&["destroy", "--yes"]).succeeds();
    assert!(!project.directory.join(new).exists());
}
