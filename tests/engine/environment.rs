//! Whose value wins, and that no shell can lead a child to another session's database.

use crate::support::Project;

const SHOW: [&str; 4] = ["--", "sh", "-c", "echo $WEB_URL"];

fn exec(flags: &[&str]) -> Vec<String> {
    ["exec"].iter().chain(flags).chain(&SHOW).map(|word| (*word).to_owned()).collect()
}

fn run(project: &Project, flags: &[&str]) -> crate::support::Run {
    let words = exec(flags);
    project.prism(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn the_callers_value_is_kept_and_named_once() {
    let project = Project::web();
    let ours = run(&project, &[]).succeeds().line().to_owned();
    let kept = run(&project, &[]).env("WEB_URL", "http://staging.example").succeeds();
    assert_eq!(kept.line(), "http://staging.example");
    assert_eq!(
        kept.stderr,
        "prism: kept from your environment: WEB_URL (`--override` takes the session's)\n"
    );
    let equal = run(&project, &[]).env("WEB_URL", &ours).succeeds();
    assert_eq!(equal.stderr, "");
    let overridden = run(&project, &["--override"]).env("WEB_URL", "http://staging.example").succeeds();
    assert_eq!((overridden.line(), overridden.stderr.as_str()), (ours.as_str(), ""));
    project.write("prism.yaml", "override: true\n");
    assert_eq!(run(&project, &[]).env("WEB_URL", "x").succeeds().line(), ours);
}

#[test]
fn flags_and_files_are_stronger() {
    let project = Project::web();
    project.write("test.env", "# comment\nWEB_URL='from file'\nOTHER=\"two words\"\n");
    let file = project.directory.join("test.env");
    let file = file.to_str().expect("UTF-8");
    assert_eq!(run(&project, &["--env-file", file]).env("WEB_URL", "caller").succeeds().line(), "from file");
    assert_eq!(run(&project, &["--env-file", file, "-e", "WEB_URL=flag"]).succeeds().line(), "flag");
    project.write("test.env", "GOOD=1\nhunter2 is the password\n");
    let broken = run(&project, &["--env-file", file]).exits(125);
    assert!(broken.stderr.contains("line 2") && !broken.stderr.contains("hunter2"), "{broken}");
}

#[test]
fn an_url_at_the_compose_files_own_port_is_refused() {
    let project = Project::web();
    let ours = run(&project, &[]).succeeds().line().to_owned();
    let refused = run(&project, &[]).env("WEB_URL", "http://localhost:18080/").exits(125);
    assert!(
        refused.stderr.contains("18080")
            && refused.stderr.contains("--override")
            && refused.stderr.contains("-e WEB_URL"),
        "{refused}"
    );
    assert_eq!(
        run(&project, &["-e", "WEB_URL"]).env("WEB_URL", "http://localhost:18080/").succeeds().line(),
        "http://localhost:18080/"
    );
    assert_eq!(
        run(&project, &["--override"]).env("WEB_URL", "http://localhost:18080/").succeeds().line(),
        ours
    );
}

#[test]
fn an_url_that_strays_is_refused_whatever_its_name() {
    let project = Project::web();
    let show = ["exec", "--", "sh", "-c", "echo ${TEST_API-unset}"];
    let stray = "http://user:hunter2@localhost:18080/";
    let refused = project.prism(&show).env("TEST_API", stray).exits(125);
    assert!(
        refused.stderr.contains("TEST_API in your environment leads to port 18080")
            && refused.stderr.contains("-e TEST_API")
            && !refused.stderr.contains("hunter2"),
        "{refused}"
    );
    let meant = [&["exec", "-e", "TEST_API"], &show[1..]].concat();
    assert_eq!(project.prism(&meant).env("TEST_API", stray).succeeds().line(), stray);
    let overridden = [&["exec", "--override"], &show[1..]].concat();
    let left_out = project.prism(&overridden).env("TEST_API", stray).succeeds();
    assert!(left_out.line() == "unset" && left_out.stderr.contains("left out: TEST_API"), "{left_out}");
    let own = project.prism(&["get", "web"]).succeeds().line().replace("127.0.0.1", "http://localhost");
    assert_eq!(project.prism(&show).env("TEST_API", &own).succeeds().line(), own, "this session's own port");
    let proxy = project.prism(&["exec", "true"]).env("HTTP_PROXY", "http://127.0.0.1:18080").succeeds();
    assert_eq!(proxy.stderr, "", "a proxy is no database");
    let fresh = Project::web();
    fresh.write("prism.yaml", "setup: [\"echo never\"]\n");
    let create = fresh.prism(&["create", "--in-place"]).env("TEST_API", stray).exits(1);
    assert!(
        create.stderr.contains("env -u TEST_API prism create") && !create.stdout.contains("never"),
        "{create}"
    );
}

#[test]
fn a_database_that_is_filled_by_a_one_shot_of_its_own_image_stays_the_only_one() {
    let project = Project::new(
        "services:\n  db: {image: \"redis:8-alpine\", ports: [6379]}\n  fill: {image: \"redis:8-alpine\", command: [redis-cli, -h, db, set, a, b], depends_on: [db]}\n  api: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000, depends_on: {fill: {condition: service_completed_successfully}}}\n",
    );
    assert_eq!(
        project.prism(&["exec", "--", "sh", "-c", "redis-cli -u $REDIS_URL get a"]).succeeds().line(),
        "b"
    );
}

#[test]
fn a_verbose_run_says_where_each_variable_comes_from() {
    let project = Project::web();
    project.write("prism.yaml", "env: {API: \"http://127.0.0.1:${WEB_PORT}\"}\n");
    let verbose = project.prism(&["-v", "exec", "true"]).env("WEB_URL", "http://mine.example").succeeds();
    for line in [
        "prism: WEB_PORT: host port of its primary port of `web`, 80/tcp",
        "prism: API: env.API of prism.yaml",
        "prism: WEB_URL: yours, not the session's",
    ] {
        assert!(verbose.stderr.lines().any(|found| found == line), "{line}\n{verbose}");
    }
    project.write("prism.yaml", "envs: {}\n");
    let typo = project.prism(&["exec", "true"]).exits(125);
    assert!(typo.stderr.contains("line 1, column 1: there is no key `envs`"), "{typo}");
    assert!(typo.stderr.contains("did you mean `env`?"), "{typo}");
}

#[test]
fn another_sessions_variables_never_reach_the_child() {
    let (one, two) = (Project::web(), Project::web());
    let of_one = run(&one, &[]).succeeds().line().to_owned();
    let of_two = run(&two, &[]).succeeds().line().to_owned();
    assert_ne!(of_one, of_two);
    // A shell that carries everything of the first session, as after `set -a; . .env.session`.
    let prism = env!("CARGO_BIN_EXE_prism");
    let nested = one.prism(&[
        "exec",
        "-e",
        "MINE=1",
        "--",
        prism,
        "-C",
        two.directory.to_str().expect("UTF-8"),
        "exec",
        "--",
        "sh",
        "-c",
        "echo $WEB_URL $SESSION_DIR $MINE",
    ]);
    assert_eq!(nested.succeeds().line(), format!("{of_two} {} 1", two.directory.display()));
    // The same value without prism's record looks like the caller's own, and leads to the other session.
    let refused = run(&two, &[]).env("WEB_URL", &of_one).exits(125);
    assert!(refused.stderr.contains(one.directory.to_str().expect("UTF-8")), "{refused}");
}

#[test]
fn a_variable_that_compose_interpolates_is_not_prisms_own() {
    let project = Project::new(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    ports: [\"${WEB_PORT:-18080}:80\"]\n",
    );
    let prism = env!("CARGO_BIN_EXE_prism");
    let before = {
        project.prism(&["exec", "true"]).succeeds();
        project.containers()
    };
    let nested = project.prism(&["exec", "--", prism, "exec", "true"]).succeeds();
    assert_eq!((nested.stderr.as_str(), project.containers()), ("", before));
}

#[test]
fn prism_yaml_adds_variables_from_templates() {
    let project = Project::web();
    project.write("prism.yaml", "env:\n  API: http://127.0.0.1:${WEB_PORT_80}/v1\n");
    let port = project.prism(&["exec", "--", "sh", "-c", "echo $WEB_PORT"]).succeeds().line().to_owned();
    assert_eq!(
        project.prism(&["exec", "--", "sh", "-c", "echo $API"]).succeeds().line(),
        format!("http://127.0.0.1:{port}/v1")
    );
    project.write("prism.yaml", "env:\n  API: ${WEB_PROT}\n");
    let typo = project.prism(&["exec", "true"]).exits(125);
    assert!(typo.stderr.contains("`env.API`") && typo.stderr.contains("did you mean `WEB_PORT`"), "{typo}");
}

#[test]
fn psql_cannot_be_led_elsewhere_by_half_a_group() {
    let project = Project::new(
        "services:\n  db: {image: \"postgres:17-alpine\", environment: {POSTGRES_PASSWORD: x}}\n  pgadmin: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000, expose: [80], labels: {dev-prism.ready: none}}\n",
    );
    let ask = ["exec", "--override", "--", "psql", "-tAc", "select 1"];
    assert_eq!(project.prism(&ask).env("PGHOSTADDR", "192.0.2.1").succeeds().line(), "1");
    let kept = project
        .prism(&["exec", "--", "sh", "-c", "echo $PGHOSTADDR:$PGPORT"])
        .env("PGHOSTADDR", "192.0.2.1")
        .succeeds();
    assert_eq!(kept.line(), "192.0.2.1:", "kept as a whole");
    assert!(kept.stderr.contains("PGHOSTADDR"), "{kept}");
    let other = project
        .prism(&["exec", "--", "sh", "-c", "echo ${PGPORT:+set}"])
        .env("PGADMIN_URL", "http://mine")
        .succeeds();
    assert_eq!(other.line(), "set", "a service called pgadmin is not of the group");
}
