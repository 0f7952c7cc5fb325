use super::*;
use crate::engine::container::tests::container;
use crate::port::ContainerPort;

fn stack() -> Vec<Container> {
    let mut db = container("db", "Up 2 minutes (healthy)");
    db.labels.insert("dev-prism.working_dir".into(), "/w/shop".into());
    db.labels.insert("dev-prism.internal_port".into(), "5432".into());
    db.bindings =
        vec![Binding { container: ContainerPort::tcp(5432), host_ip: "127.0.0.1".into(), host_port: 7000 }];
    let mut migrate = container("migrate", "Exited (0) 2 minutes ago");
    migrate.state = State::Exited;
    vec![db, migrate]
}

#[test]
fn a_finished_one_shot_is_part_of_an_up_session() {
    let report = &sessions(stack(), None, |_| &[])[0];
    assert_eq!((report.state, report.services[1].state), ("up", "done"));
}

#[test]
fn a_one_shot_of_a_servers_image_is_done_when_it_has_ended() {
    let mut stack = stack();
    // A seed, of the image of the database: the plan knows its port.
    stack[1].labels.insert("dev-prism.internal_port".into(), "5432".into());
    assert_eq!(sessions(stack.clone(), None, |_| &[])[0].state, "partly");
    stack[1].labels.insert("dev-prism.completes".into(), "true".into());
    let report = &sessions(stack, None, |_| &[])[0];
    assert_eq!((report.state, report.services[1].state), ("up", "done"));
}

#[test]
fn a_service_is_where_its_variables_say() {
    let url = |host: Option<&str>| sessions(stack(), host, |_| &[])[0].services[0].url.clone();
    assert_eq!(url(None).as_deref(), Some("tcp://127.0.0.1:7000"));
    assert_eq!(url(Some("engine.example")).as_deref(), Some("tcp://engine.example:7000"));
}

#[test]
fn states() {
    let mut stack = stack();
    stack[1].status = "Exited (1) 2 minutes ago".into();
    assert_eq!(sessions(stack.clone(), None, |_| &[])[0].state, "partly");
    stack[0].state = State::Exited;
    stack[0].status = "Exited (0) 2 minutes ago".into();
    let report = &sessions(stack.clone(), None, |_| &[])[0];
    assert_eq!((report.state, report.services[0].state), ("stopped", "exited"));
    assert!(report.services[0].ports.is_empty());
}

#[test]
fn a_service_that_prism_asked_is_not_starting() {
    let mut stack = stack();
    stack[0].status = "Up 3 seconds (health: starting)".into();
    assert_eq!(sessions(stack.clone(), None, |_| &[])[0].services[0].word(), "starting");
    stack[0].labels.insert("dev-prism.answered".into(), "true".into());
    assert_eq!(sessions(stack, None, |_| &[])[0].services[0].word(), "healthy");
}

#[test]
fn what_was_left_out_is_not_missing() {
    let mut stack = stack();
    stack[1].status = "Exited (137) 2 minutes ago".into();
    let left_out = [ServiceName::from("migrate")];
    let report = &sessions(stack.clone(), None, |_| &left_out)[0];
    assert_eq!((report.state, report.services[1].word()), ("up", "left out"));
    // What somebody starts by hand is there.
    stack[1].state = State::Running;
    stack[1].status = "Up 2 minutes".into();
    let report = &sessions(stack, None, |_| &left_out)[0];
    assert_eq!((report.state, report.services[1].word()), ("up", "running"));
}

#[test]
fn a_session_for_one_command_is_marked_and_called_by_its_id() {
    let mut stack = stack();
    for container in &mut stack {
        container.session_id = SessionId::new("/w/shop+7-abcdef", None);
        container.labels.insert("dev-prism.process".into(), "p/7/1".into());
        container.labels.insert("dev-prism.working_dir".into(), "/w/shop".into());
    }
    let mut sessions = sessions(stack, None, |_| &[]);
    assert_eq!(sessions[0].process.as_deref(), Some("p/7/1"));
    let first = |sessions: &[SessionReport]| {
        list_text(sessions, SystemTime::UNIX_EPOCH, false).lines().nth(1).expect("a session").to_owned()
    };
    assert!(first(&sessions).starts_with("/w/shop+7-abcdef (ephemeral)  "), "{}", first(&sessions));
    sessions[0].ephemeral = Some("ended");
    let row = first(&sessions);
    assert!(row.starts_with("/w/shop+7-abcdef (ephemeral, its command has ended)  "), "{row}");
    let json: serde_json::Value = serde_json::from_str(&list_json(&sessions).expect("json")).expect("json");
    assert_eq!(
        (&json["sessions"][0]["ephemeral"], &json["sessions"][0]["process"]),
        (&"ended".into(), &serde_json::Value::Null)
    );
}

#[test]
fn the_table_is_aligned() {
    let mut sessions = sessions(stack(), None, |_| &[]);
    sessions[0].branch = Some("main".into());
    sessions[0].created_at = "2026-01-01T00:00:00Z".into();
    let now = humantime::parse_rfc3339("2026-01-01T02:30:00Z").expect("time");
    assert_eq!(
        list_text(&sessions, now, false),
        "DIRECTORY  BRANCH  STATE  AGE\n/w/shop    main    up     2 h\n  db       healthy  tcp://127.0.0.1:7000\n  migrate  done\n"
    );
}

#[test]
fn json_carries_its_schema() {
    let text = list_json(&sessions(stack(), None, |_| &[])).expect("json");
    let value: serde_json::Value = serde_json::from_str(&text).expect("json");
    assert_eq!(value["schema"], 1);
    assert_eq!(value["sessions"][0]["services"][0]["ports"][0]["host_port"], 7000);
}
