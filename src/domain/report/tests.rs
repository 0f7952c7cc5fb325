use super::*;
use crate::domain::container::tests::container;
use crate::domain::port::ContainerPort;

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
    let report = &sessions(stack())[0];
    assert_eq!((report.state, report.services[1].state), ("up", "done"));
}

#[test]
fn states() {
    let mut stack = stack();
    stack[1].status = "Exited (1) 2 minutes ago".into();
    assert_eq!(sessions(stack.clone())[0].state, "partly");
    stack[0].state = State::Exited;
    stack[0].status = "Exited (0) 2 minutes ago".into();
    let report = &sessions(stack.clone())[0];
    assert_eq!((report.state, report.services[0].state), ("stopped", "exited"));
    assert!(report.services[0].ports.is_empty());
}

#[test]
fn the_table_is_aligned() {
    let mut sessions = sessions(stack());
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
    let text = list_json(&sessions(stack())).expect("json");
    let value: serde_json::Value = serde_json::from_str(&text).expect("json");
    assert_eq!(value["schema"], 1);
    assert_eq!(value["sessions"][0]["services"][0]["ports"][0]["host_port"], 7000);
}
