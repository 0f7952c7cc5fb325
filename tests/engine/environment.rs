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
