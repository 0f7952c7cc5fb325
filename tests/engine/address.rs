//! A program finds its database under the names that the project's own files have for it, while the plain stack is up.

use std::net::TcpListener;

use crate::support::Project;

/// Prints these variables, a line each.
fn show(project: &Project, before: &[&str], names: &[&str]) -> Vec<String> {
    let script = names.iter().map(|name| format!("echo \"${{{name}-unset}}\"; ")).collect::<String>();
    let arguments = [&["exec"], before, &["--", "sh", "-c", &script]].concat();
    project.prism(&arguments).succeeds().stdout.lines().map(str::to_owned).collect()
}

#[test]
fn names_of_the_projects_own_files_lead_to_the_session() {
    let project = Project::web();
    project.write(
        ".env",
        "API_SERVER=localhost\nAPI_PORT=18080\nexport PUBLIC_API=\"http://localhost:18080/v1\" # mine\n\
         BASE=127.0.0.1:18080\nREMOTE=http://prod.example:18080\nCORS_ORIGINS=http://localhost:18080\nPORT=18080\n",
    );
    let names =
        ["API_SERVER", "API_PORT", "PUBLIC_API", "BASE", "REMOTE", "CORS_ORIGINS", "PORT", "WEB_PORT"];
    let found = show(&project, &[], &names);
    let port = found[7].clone();
    let api = format!("http://localhost:{port}/v1");
    let base = format!("127.0.0.1:{port}");
    assert_eq!(found, ["127.0.0.1", &port, &api, &base, "unset", "unset", "unset", &port]);
    // The same for shells, for people, and in a child's child.
    assert!(project.read(".env.session").contains(&format!("PUBLIC_API={api}\n")));
    let explained = project.prism(&["env", "--explain"]).succeeds();
    let line = explained.stdout.lines().find(|line| line.starts_with("API_PORT ")).expect("a line");
    assert!(line.ends_with(&format!("web      80/tcp  `.env`, line 2, with {port} for 18080")), "{line}");
    let prism = env!("CARGO_BIN_EXE_prism");
    let nested = project.prism(&["exec", "--", prism, "exec", "--", "sh", "-c", "echo $BASE"]).succeeds();
    assert_eq!(nested.stdout, format!("{base}\n"));
    // What the caller says, and prism.yaml, come before.
    let callers =
        project.prism(&["exec", "--", "sh", "-c", "echo $BASE"]).env("BASE", "prod.example:1").succeeds();
    assert_eq!(callers.line(), "prod.example:1");
    project.write("prism.yaml", "translate: [API_SERVER, API_PORT]\nenv: {BASE: \"x${WEB_PORT}\"}\n");
    assert_eq!(show(&project, &[], &names)[..4], ["unset", "unset", &api, &format!("x{port}")]);
    project.write("prism.yaml", "translate: false\n");
    assert_eq!(show(&project, &[], &names)[..4], ["unset"; 4]);
}

#[test]
fn a_changed_line_counts_at_once_and_without_compose() {
    let project = Project::web();
    project.prism(&["exec", "true"]).succeeds();
    let before = project.read("docker-compose.session.yml");
    project.write(".env.local", "X=localhost:18080\n");
    let run = project.prism(&["-v", "exec", "--", "sh", "-c", "echo $X"]).succeeds();
    assert!(run.line().starts_with("127.0.0.1:") && !run.stderr.contains("config"), "{run}");
    let after = project.read("docker-compose.session.yml");
    assert!(before != after && after.contains("`.env.local`, line 1"), "noted for shells");
    // prism's own block is not the project's word.
    project.prism(&["env", "--write", ".env.local"]).succeeds();
    let own = project.prism(&["env", "--explain"]).succeeds();
    assert_eq!(own.stdout.matches("`.env.local`").count(), 1, "{own}");
    std::fs::remove_file(project.directory.join(".env.local")).expect("removed");
    assert_eq!(show(&project, &[], &["X"]), ["unset"]);
}

#[test]
fn a_line_that_leads_to_another_session_is_named() {
    let (one, two) = (Project::web(), Project::web());
    let port = one.prism(&["exec", "--", "sh", "-c", "echo $WEB_PORT"]).succeeds().line().to_owned();
    two.write(".env.local", &format!("OTHER=http://localhost:{port}/x\n"));
    let named = format!(
        "`.env.local`, line 1: OTHER leads to port {port} of this machine, which is service `web` of the session of `{}`",
        one.directory.display()
    );
    let seen = two.prism(&["exec", "true"]).succeeds();
    assert!(seen.stderr.contains(&named), "{seen}");
    two.write("prism.yaml", "guard: off\n");
    let silent = two.prism(&["exec", "true"]).succeeds();
    assert!(!silent.stderr.contains("leads to port"), "{silent}");
}

#[test]
fn the_nearest_file_counts_and_that_of_the_mode() {
    let project = Project::web();
    project.write("prism.yaml", "apps: {site: {dir: apps/site}, admin: {dir: apps/admin}}\n");
    project.write(".env", "X=http://localhost:18080/top\nU=http://localhost:18080/base\n");
    project.write(".env.test", "U=http://localhost:18080/test\n");
    project.write("apps/site/.env", "X=http://localhost:18080/site\nSITE_URL=http://localhost:3000\n");
    project.write("apps/admin/.env", "Y=http://localhost:18080/admin\n");
    project.write("apps/admin/.env.local", "Y=http://prod.example/none\n");
    project.write("deep/.env", "X=http://localhost:18080/deep\n");
    let in_directory = |directory: &str, command: &str| {
        let directory = project.directory.join(directory);
        let script = "echo ${X##*/} ${Y##*/} ${U##*/}";
        let script = format!("# {command}\n{script}");
        let run =
            project.prism(&["-C", directory.to_str().expect("UTF-8"), "exec", "--", "sh", "-c", &script]);
        run.succeeds().line().to_owned()
    };
    assert_eq!(in_directory("", "start"), "top base");
    assert_eq!(in_directory("apps/site", "start"), "site base");
    assert_eq!(in_directory("deep", "start"), "deep base");
    assert_eq!(in_directory("deep", "unit test"), "deep admin test", "a test takes `.env.local` last");
    let app = show(&project, &[], &["SITE_URL", "SITE_PORT"]);
    assert_eq!(app[0], format!("http://localhost:{}", app[1]));
    // What a directory's own file says is for commands there.
    assert!(!project.read(".env.session").contains("/deep"));
}

#[test]
fn a_line_of_an_env_file_leads_to_the_session() {
    let project = Project::web();
    project.write(
        "test.env",
        "WEB_HOST=localhost\nWEB_PORT=18080\nURL=http://127.0.0.1:18080/x\nLISTEN=0.0.0.0:18080\nAPI_PORT=18080\n",
    );
    let names = ["WEB_HOST", "WEB_PORT", "URL", "LISTEN", "API_PORT"];
    let found = show(&project, &["--env-file", "test.env"], &names);
    let port = &found[1];
    // What a program of the project may listen on stays.
    let expected = ["127.0.0.1", port, &format!("http://127.0.0.1:{port}/x"), "0.0.0.0:18080", "18080"];
    assert_eq!(found, expected);
}

#[test]
fn half_an_address_of_the_callers_is_completed() {
    let project = Project::web();
    let script = ["exec", "--", "sh", "-c", "echo $WEB_HOST $WEB_PORT"];
    let plain = project.prism(&script).succeeds().line().to_owned();
    let port = plain.split(' ').next_back().expect("a port");
    let half = project.prism(&script).env("WEB_HOST", "localhost").succeeds();
    assert_eq!(half.line(), format!("localhost {port}"));
    project.prism(&script).env("API_PORT", "18080").succeeds();
    project.write("prism.yaml", "services: {web: {kind: redis, ready: none}}\n");
    // Whatever the service is called, a name of its kind means it.
    let of_kind = ["exec", "--", "sh", "-c", "echo $REDIS_HOST $REDIS_PORT"];
    let completed = project.prism(&of_kind).env("REDIS_HOST", "localhost").succeeds();
    assert_eq!(completed.line(), format!("localhost {port}"));
    let elsewhere = project.prism(&of_kind).env("REDIS_HOST", "redis.prod").succeeds();
    assert_eq!(elsewhere.line(), "redis.prod");
    let other = project.prism(&script).env("BULL_WEB_PORT", "18080").env("BULL_WEB_HOSTS", "a.prod,b.prod");
    other.succeeds();
    let bare = project.prism(&script).env("BULL_WEB_PORT", "18080").exits(125);
    assert!(bare.stderr.contains("BULL_WEB_PORT in your environment leads to port 18080"), "{bare}");
    project.prism(&script).env("CORS_ORIGIN", "http://localhost:18080").succeeds();
}

/// Another `docker compose` in the same environment reads the numbers at which it publishes.
#[test]
fn the_plain_stack_keeps_its_ports_when_it_is_started_from_a_child_or_a_hooked_shell() {
    let service = |name: &str, ports: &str| {
        format!(
            "  {name}: {{image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000, ports: [\"{ports}\"], labels: {{dev-prism.kind: postgres, dev-prism.ready: none}}}}\n"
        )
    };
    let project = Project::new(&format!(
        "name: plain\nservices:\n{}{}",
        service("db", "${FORWARD_DB_PORT:-18431}:5432"),
        service("audit", "${AUDIT_PORT}:5432") + "    # and elsewhere: ${POSTGRES_PORT}\n",
    ));
    project.write(
        ".env",
        "FORWARD_DB_PORT=18431\nAUDIT_PORT=18432\nPOSTGRES_PORT=18432\nPOSTGRES_SERVER=localhost\n\
         DB_URL=postgres://localhost:18431/x\n",
    );
    let plain = ["docker", "compose", "-f", "compose.yaml", "config", "--format", "json"];
    let inside = project.prism(&[&["exec", "--"], &plain[..]].concat()).succeeds();
    assert!(inside.stdout.contains("\"published\": \"18431\""), "{inside}");
    let names = ["FORWARD_DB_PORT", "DB_URL", "POSTGRES_SERVER", "AUDIT_PORT", "POSTGRES_PORT"];
    let found = show(&project, &[], &names);
    assert!(found[0] == "unset" && found[1].starts_with("postgres://127.0.0.1:") && found[2] == "127.0.0.1");
    assert!(found[3] == found[4] && found[3] != "18432", "{found:?}");
    // A shell has what the session gives by itself, whatever Compose does with it.
    let snippet = project.prism(&["env", "--shell", "sh"]).succeeds().stdout;
    assert!(snippet.contains(&format!("export AUDIT_PORT='{}'\n", found[3])), "{snippet}");
    assert!(snippet.contains("export DB_URL=") && !snippet.contains("FORWARD_DB_PORT"), "{snippet}");
}

#[test]
fn passwords_of_translated_lines_are_hidden() {
    let project = Project::web();
    project.write(
        ".env",
        "N1=Host=localhost;Port=18080;Username=app;Password=hunter2;Database=x\n\
         N2=\"host=localhost port=18080 user=app password=hunter2\"\nN3=app:hunter2@tcp(localhost:18080)/db\n\
         N4=jdbc:postgresql://localhost:18080/app?user=a&password=hunter2\nN5=redis://localhost:18080?password=hunter2\n\
         N6=redis://hunter2@localhost:18080\nN7=sqlserver://localhost:18080;user=sa;password=hunter2\n\
         N8=https://hunter2@localhost:18080/1\nN9=http://u:p@localhost:18080/?api_key=hunter2\nN0=http://localhost:18080/open\n",
    );
    project.prism(&["exec", "true"]).succeeds();
    let shown = project.prism(&["env", "--explain"]).succeeds();
    assert!(!shown.stdout.contains("hunter2") && shown.stdout.contains("/open"), "{shown}");
    assert_eq!(shown.stdout.matches("`.env`, line").count(), 10, "{shown}");
}

#[test]
fn who_else_answers_at_a_port_of_the_compose_file_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let service = |name: &str| {
        format!(
            "  {name}: {{image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000, ports: [\"{port}:80\"], labels: {{dev-prism.ready: none}}}}\n"
        )
    };
    let project = Project::new(&format!("services:\n{}", service("web")));
    let said = format!(
        "port {port}, which the Compose file gives `web`, is answered by process {}",
        std::process::id()
    );
    let noted = project.prism(&["exec", "true"]).succeeds();
    assert!(noted.stderr.contains(&said), "{noted}");
    let doctor = project.prism(&["doctor"]).succeeds();
    assert!(doctor.stdout.contains(&said), "{doctor}");
    project.write("prism.yaml", "localhost: never\nguard: error\n");
    let refused = project.prism(&["exec", "true"]).exits(125);
    assert!(refused.stderr.contains(&said) && refused.stderr.contains("hint: stop it"), "{refused}");
    project.write("prism.yaml", "localhost: never\nguard: off\n");
    let quiet = project.prism(&["exec", "true"]).succeeds();
    assert!(!quiet.stderr.contains("answered"), "{quiet}");
    // A service that is not in the session has no port to protect.
    project.write("prism.yaml", "localhost: never\nguard: error\n");
    project.write(
        "compose.yaml",
        &format!(
            "services:\n{}{}",
            service("web"),
            "  other: {image: \"prism-test:1\", command: \"true\"}\n"
        ),
    );
    project.prism(&["start", "--without", "web"]).succeeds();
    project.prism(&["exec", "true"]).succeeds();
    drop(listener);
}

#[test]
fn a_compose_file_below_the_project_is_named_and_taken_up() {
    let project = Project::web();
    let sandbox = &project.sandbox;
    let app = sandbox.work().join("app");
    for name in ["docker/compose.dev.yaml", "node_modules/x/compose.yaml"] {
        sandbox.write(&format!("app/{name}"), &project.read("compose.yaml"));
    }
    sandbox.write("app/src/main.js", "");
    sandbox.git(&app, &["init", "-q"]);
    let none = sandbox.prism(&app.join("src"), &["exec", "true"]).exits(125);
    assert!(
        none.stderr.contains("there is `docker/compose.dev.yaml`: `prism -C ")
            && !none.stderr.contains("node_modules"),
        "{none}"
    );
    // The hint as it stands.
    let hint = none.stderr.split('`').rfind(|part| part.starts_with("prism -C")).expect("a hint").to_owned();
    let hint = hint.replacen("prism", env!("CARGO_BIN_EXE_prism"), 1);
    sandbox.command("sh", &sandbox.work(), &["-c", &hint]).succeeds();
    let yaml = std::fs::read_to_string(app.join("prism.yaml")).expect("prism.yaml");
    assert!(yaml.contains("compose: \n  - \"docker/compose.dev.yaml\"\n"), "{yaml}");
    sandbox.prism(&app.join("src"), &["exec", "--", "sh", "-c", "test $WEB_PORT"]).succeeds();
    sandbox.prism(&app, &["destroy", "--yes"]).succeeds();
    let wrong = sandbox.prism(&project.directory, &["init", "--compose", "nope.yml"]).exits(2);
    assert!(wrong.stderr.contains("`nope.yml` is not there"), "{wrong}");
}

/// Programs that read the project's own `.env`, and talk to what they find there.
const READERS: [(&str, &[&str]); 4] = [
    (
        "a host alone, in Node",
        &[
            "node",
            "--env-file=.env",
            "-e",
            "const s = require('net').connect(process.env.CACHE_PORT || PORT, process.env.CACHE_HOST, () => s.end('INCR seen\\r\\n'))",
        ],
    ),
    (
        "a server and a port, in Python",
        &[
            "python3",
            "-c",
            "import dotenv, os, socket\ndotenv.load_dotenv('.env')\nsocket.create_connection((os.environ['QUEUE_SERVER'], int(os.environ['QUEUE_PORT']))).sendall(b'INCR seen\\r\\n')",
        ],
    ),
    (
        "a URL, in Ruby",
        &[
            "ruby",
            "-e",
            "require 'dotenv'; require 'socket'; require 'uri'; Dotenv.load('.env'); u = URI(ENV['JOBS_URL']); s = TCPSocket.new(u.host, u.port); s.write(\"INCR seen\\r\\n\")",
        ],
    ),
    (
        "settings with a default in code, as pydantic has them",
        &[
            "python3",
            "-c",
            "import dotenv, os, socket\nvalues = {**dotenv.dotenv_values('.env'), **os.environ}\nhost, port = values['BULL_ADDR'].split(':')\nsocket.create_connection((host, int(port))).sendall(b'INCR seen\\r\\n')",
        ],
    ),
];

#[test]
fn the_plain_stack_is_not_touched_by_two_worktrees_that_run_the_projects_programs() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|it| it.local_addr()).expect("a port").port();
    let project = Project::new(&format!(
        "services:\n  cache:\n    image: redis:8-alpine\n    ports: [\"127.0.0.1:{free}:6379\"]\n"
    ));
    project.write(
        ".env",
        &format!(
            "CACHE_HOST=localhost\nQUEUE_SERVER=127.0.0.1\nQUEUE_PORT={free}\nJOBS_URL=redis://localhost:{free}/0\nBULL_ADDR=localhost:{free}\n"
        ),
    );
    project.sandbox.git(&project.directory, &["init", "-q", "-b", "main"]);
    project.sandbox.git(&project.directory, &["add", "."]);
    project.sandbox.git(&project.directory, &["commit", "-qm", "x"]);
    let other = project.sandbox.work().join("other");
    project.sandbox.git(&project.directory, &["worktree", "add", "-q", other.to_str().expect("UTF-8")]);
    // The plain stack, as a colleague has it up in the same directory.
    let compose = |words: &[&str]| {
        let words = [&["compose"], words].concat();
        project.sandbox.command("docker", &project.directory, &words).succeeds().stdout
    };
    compose(&["up", "-d", "--wait"]);
    let connections = || {
        let stats = compose(&["exec", "-T", "cache", "redis-cli", "info", "stats"]);
        let line = stats.lines().find_map(|line| line.strip_prefix("total_connections_received:"));
        line.expect("a counter").trim().parse::<u32>().expect("a number")
    };
    for directory in [&project.directory, &other] {
        let started = project.sandbox.prism(directory, &["exec", "true"]).succeeds();
        assert!(started.stderr.contains("is answered by container"), "{started}");
    }
    let before = connections();
    for (what, command) in READERS {
        let command: Vec<String> = command.iter().map(|word| word.replace("PORT)", "6379)")).collect();
        for directory in [&project.directory, &other] {
            let words: Vec<&str> =
                ["exec", "--"].into_iter().chain(command.iter().map(String::as_str)).collect();
            let ran = project.sandbox.prism(directory, &words).run();
            assert_eq!(ran.status, 0, "{what}: {ran}");
        }
    }
    for directory in [&project.directory, &other] {
        let seen = ["exec", "--", "sh", "-c", "redis-cli -u $REDIS_URL get seen"];
        let seen = project.sandbox.prism(directory, &seen).succeeds();
        assert_eq!(seen.line(), READERS.len().to_string(), "{seen}");
    }
    // But for the two questions themselves, nobody came there, not even to see whether somebody answers.
    assert_eq!(connections() - before, 1);
    assert_eq!(compose(&["exec", "-T", "cache", "redis-cli", "exists", "seen"]).trim(), "0");
    compose(&["down", "--volumes", "--timeout", "1"]);
}
