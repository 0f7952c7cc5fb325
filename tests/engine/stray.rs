//! Values that lead elsewhere, whoever gave them: `--env-file`, `prism.yaml`, the shell, another session.

use std::os::unix::fs::symlink;

use crate::support::Project;

const SHOW: [&str; 4] = ["--", "sh", "-c", "echo $URL"];

#[test]
fn a_file_is_expanded_from_the_childs_environment() {
    let (one, two) = (Project::web(), Project::web());
    one.prism(&["exec", "true"]).succeeds();
    let port = two.prism(&["exec", "--", "sh", "-c", "echo $WEB_PORT"]).succeeds().line().to_owned();
    two.write(
        "test.env",
        "URL=\"http://127.0.0.1:${WEB_PORT}/${LEFT_OVER:-} $SESSION_DIR\"\nRAW='$WEB_PORT'\nDOLLAR=$$WEB_PORT\n",
    );
    one.write("prism.yaml", "env: {LEFT_OVER: \"of ${WEB_PORT}\"}\n");
    let file = two.directory.join("test.env");
    let (file, directory) = (file.to_str().expect("UTF-8"), two.directory.to_str().expect("UTF-8"));
    let show = ["--", "sh", "-c", "echo $URL $RAW $DOLLAR"];
    let inner =
        [&[env!("CARGO_BIN_EXE_prism"), "-C", directory, "exec", "--env-file", file][..], &show].concat();
    let nested = one.prism(&[&["exec", "--"][..], &inner].concat()).succeeds();
    assert_eq!(nested.line(), format!("http://127.0.0.1:{port}/ {directory} $WEB_PORT $WEB_PORT"));
    two.write("test.env", "A=1\n\nURL=x$NOWHERE\n");
    let unset = two.prism(&[&["exec", "--env-file", "test.env"][..], &SHOW].concat()).succeeds();
    assert_eq!(unset.line(), "x");
    let said = "prism: `test.env`, line 3: NOWHERE is not set, and taken as empty\n";
    assert!(unset.stderr.ends_with(said), "{unset}");
    two.write("test.env", "PATH=/nowhere:$PATH\nURL=1\n");
    two.prism(&["exec", "--env-file", "test.env", "--", "no-such-command"]).exits(127);
    let found = two.prism(&[&["exec", "--env-file", "test.env"][..], &SHOW].concat()).succeeds();
    assert_eq!(found.line(), "1");
}

#[test]
fn a_stray_is_named_by_its_source() {
    let project = Project::web();
    let stray = "http://me:hunter2@127.1:18080/";
    project.write("test.env", &format!("# mine\nURL={stray}\n"));
    // Translation would lead it to the session.
    project.write("prism.yaml", "translate: false\n");
    let with_file = [&["exec", "--env-file", "test.env"][..], &SHOW].concat();
    let refused = project.prism(&with_file).exits(125);
    assert!(
        refused.stderr.contains("`test.env`, line 2: URL leads to port 18080")
            && !refused.stderr.contains("hunter2"),
        "{refused}"
    );
    project.prism(&[&["exec", "--override"], &with_file[1..]].concat()).exits(125);
    let meant = project.prism(&[&["exec", "-e", "URL=x"], &with_file[1..]].concat()).succeeds();
    assert_eq!(meant.line(), "x");
    project.write("test.env", "URL=http://127.1:$WEB_PORT/\n");
    project.prism(&with_file).succeeds();
    project.write("test.env", "WEB_HOST=localhost\nWEB_PORT=18080\n");
    let pair = project.prism(&with_file).exits(125);
    assert!(pair.stderr.contains("`test.env`, line 2: WEB_PORT leads to port 18080"), "{pair}");
    let shell = project.prism(&["exec", "true"]).env("WEB_PORT", "18080").exits(125);
    assert!(shell.stderr.contains("WEB_PORT in your environment leads to port 18080"), "{shell}");
    project.write("prism.yaml", &format!("translate: false\nenv: {{URL: \"{stray}\"}}\n"));
    let yaml = project.prism(&[&["exec", "--override"][..], &SHOW].concat()).exits(125);
    assert!(
        yaml.stderr.contains("`env.URL` in prism.yaml leads to port 18080")
            && !yaml.stderr.contains("hunter2"),
        "{yaml}"
    );
}

#[test]
fn a_stopped_session_still_has_its_ports() {
    let (one, two) = (Project::web(), Project::web());
    let url = one.prism(&["get", "WEB_URL"]);
    one.prism(&["exec", "true"]).succeeds();
    let url = url.succeeds().line().to_owned();
    one.prism(&["stop"]).succeeds();
    let refused = two.prism(&["exec", "true"]).env("URL", &url).exits(125);
    assert!(refused.stderr.contains(one.directory.to_str().expect("UTF-8")), "{refused}");
}

#[test]
fn a_flag_never_means_another_sessions_value() {
    let (one, two) = (Project::web(), Project::web());
    one.prism(&["exec", "true"]).succeeds();
    let (prism, other) = (env!("CARGO_BIN_EXE_prism"), two.directory.to_str().expect("UTF-8"));
    let show = ["exec", "-e", "WEB_URL", "--", "sh", "-c", "echo $WEB_URL"];
    let refused = one.prism(&[&["exec", "--", prism, "-C", other][..], &show].concat()).exits(125);
    assert!(
        refused.stderr.contains("`-e WEB_URL`: the value in your environment is one that prism set")
            && refused.stderr.contains(one.directory.to_str().expect("UTF-8")),
        "{refused}"
    );
    let own = one.prism(&["get", "WEB_URL"]).succeeds().line().to_owned();
    assert_eq!(one.prism(&[&["exec", "--", prism][..], &show].concat()).succeeds().line(), own);
    let none = one.prism(&["exec", "-e", "NOTHING", "true"]).succeeds();
    assert_eq!(none.stderr, "prism: `-e NOTHING`: your environment has no NOTHING\n");
    let name = one.prism(&["exec", "-e", "BAD-NAME=x", "true"]).exits(125);
    assert!(name.stderr.contains("`-e BAD-NAME`: this is not a name"), "{name}");
}

#[test]
fn what_is_kept_says_what_is_missing_for_it() {
    let project = Project::new(
        "services:\n  s3: {image: \"prism-test:1\", stop_signal: SIGKILL, command: sleep 1000, expose: [9000], labels: {dev-prism.kind: minio, dev-prism.ready: none}}\n",
    );
    let show = ["--", "sh", "-c", "echo ${AWS_ENDPOINT_URL_S3-unset}"];
    let kept = project.prism(&[&["exec"][..], &show].concat()).env("AWS_ACCESS_KEY_ID", "mine").succeeds();
    assert_eq!(kept.line(), "unset");
    assert!(
        kept.stderr.contains(
            "kept from your environment: AWS_ACCESS_KEY_ID, and so without AWS_ENDPOINT_URL_S3, AWS_SECRET_ACCESS_KEY (`--override`"
        ),
        "{kept}"
    );
    let all = project.prism(&[&["exec", "--override"][..], &show].concat()).env("AWS_ACCESS_KEY_ID", "mine");
    assert!(all.succeeds().line().starts_with("http://127.0.0.1:"));
}

#[test]
fn files_of_dev_prism_are_taken_over_with_a_word() {
    let project = Project::web();
    let directory = project.directory.display();
    let before = [
        (".env.session", format!("# Auto-generated session environment\nSESSION_DIR={directory}\nCOMPOSE_PROJECT_NAME=shop-1a2b3c4d\n\n# Discovered ports from running containers\nWEB_PORT=1\n")),
        ("docker-compose.session.yml", "\n# Compose project name: shop-1a2b3c4d\n# Auto-generated by dev-prism - DO NOT EDIT\n\nservices:\n  web:\n    ports: [\"0:80\"]\n".to_owned()),
    ];
    for (file, text) in before {
        project.write(file, &text);
    }
    let said = project.prism(&["exec", "true"]).succeeds().stderr;
    let word = "prism: dev-prism 0.6 wrote `.env.session`, `docker-compose.session.yml`: prism writes its own in place of it\n";
    assert!(said.contains(word), "{said}");
    let ours = std::fs::read_to_string(project.directory.join(".env.session")).expect("ours");
    assert!(ours.contains("\nPRISM_VARS=") && !ours.contains("WEB_PORT=1\n"), "{ours}");
    assert_eq!(project.prism(&["exec", "true"]).succeeds().stderr, "");
}

#[test]
fn a_file_in_the_way_of_ours_is_said_and_left_alone() {
    let project = Project::web();
    project.prism(&["exec", "true"]).succeeds();
    let ours = project.directory.join(".env.session");
    std::fs::remove_file(&ours).expect("ours");
    project.write(".env.session", "MINE=1\n");
    let said = project.prism(&["exec", "true"]).succeeds();
    let place = ours.display();
    assert_eq!(
        said.stderr,
        format!(
            "prism: `{place}` is in the way: prism did not write it; rename it: `mv {place} {place}.mine`\n"
        )
    );
    assert_eq!(std::fs::read_to_string(&ours).expect("theirs"), "MINE=1\n");
    std::fs::rename(&ours, project.directory.join("mine.env")).expect("rename");
    symlink("mine.env", &ours).expect("link");
    let said = project.prism(&["exec", "true"]).succeeds();
    assert!(said.stderr.contains("is in the way: it is a symbolic link; rename it"), "{said}");
    assert!(ours.is_symlink());
}

#[test]
fn what_compose_quotes_is_not_passed_on() {
    let project = Project::web();
    let refused = |part: &str| {
        let refused = project.prism(&["exec", "true"]).env("DB_PASSWORD", "hunter2").exits(125);
        assert!(refused.stderr.contains(part) && !refused.stderr.contains("hunter2"), "{part}: {refused}");
    };
    for (text, part) in [
        ("A=1\nX!y=hunter2\n", ".env: line 2: unexpected character \"!\" in variable name …"),
        ("A=1\nB=\"hunter2\nC=1\n", "unterminated quoted value …"),
        ("A=${hunter2!}\n", "Invalid template …"),
    ] {
        project.write(".env", text);
        refused(part);
    }
    std::fs::remove_file(project.directory.join(".env")).expect(".env");
    for (line, part) in [
        ("environment: {A: \"hunter2${\"}", "invalid interpolation format for services.web.environment.A"),
        ("ports: [\"${DB_PASSWORD}:80\"]", "${DB_PASSWORD}"),
        ("privileged: \"${DB_PASSWORD}\"", "services.web.privileged: failed to cast"),
        ("environment: {A: *hunter2}", "unknown anchor '…'"),
        ("environment: {A: \"hunter2}", "/shop/compose.yaml`\n"),
        ("env_file: [web.env]", "line 2: key cannot contain a space\nhint: correct it in `/"),
    ] {
        project.write("web.env", "A=1\nhunter2 is it\n");
        project.write("compose.yaml", &format!("services:\n  web:\n    image: prism-test:1\n    {line}\n"));
        refused(part);
    }
}

#[test]
fn mistakes_in_prism_yaml_are_named_with_their_place() {
    let project = Project::web();
    for (text, part, hint) in [
        (
            "env:\n  A: ${A}\n",
            "`env.A` in prism.yaml (line 2, column 6) refers to itself",
            "write its value out",
        ),
        ("env:\n  A: ${}\n", "`env.A` in prism.yaml (line 2, column 6) has a `${}`", "`$$`"),
        ("env:\n  A: ${NO:?}\n", "needs `NO`, which is not set", ""),
        ("env:\n  A: ${WEB_PROT}\n", "(line 2, column 6) refers to `WEB_PROT`", "did you mean `WEB_PORT`?"),
        (
            "services:\n  web: {kind: postgress}\n",
            "`services.web.kind` in prism.yaml (line 2, column 15)",
            "`postgres`?",
        ),
        ("services:\n  web: {prefix: \"\"}\n", "`services.web.prefix` in prism.yaml (line 2, column 17)", ""),
        ("services:\n  wbe: {ready: none}\n", "`services.wbe` in prism.yaml (line 2, column 8)", "`web`?"),
        (
            "templates:\n  t: {services: [wbe]}\n",
            "`templates.t.services` in prism.yaml (line 2, column 17)",
            "`web`?",
        ),
        (
            "apps:\n  web: {dir: x}\n",
            "`apps.web` in prism.yaml (line 2, column 8) and service `web` both give",
            "prefix",
        ),
        (
            "apps:\n  api: {env: {A: \"${NO}\"}}\n",
            "`apps.api.env.A` in prism.yaml (line 2, column 18) refers to `NO`",
            "",
        ),
    ] {
        project.write("prism.yaml", text);
        let refused = project.prism(&["exec", "--app", "api", "true"]);
        let refused =
            if text.contains("api") { refused } else { project.prism(&["exec", "true"]) }.exits(125);
        assert!(refused.stderr.contains(part) && refused.stderr.contains(hint), "{text}: {refused}");
    }
}
