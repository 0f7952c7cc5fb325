use std::net::{IpAddr, Ipv4Addr};

use super::*;
use crate::stack::plan::plan;
use crate::stack::settings::Settings;
use crate::text::yaml;

fn facts() -> Facts {
    let session_id = SessionId::new("/w/shop", None);
    Facts {
        project: ProjectName::new("shop", &session_id),
        session_id,
        directory: "/w/shop".into(),
        owner: "1000@m".into(),
        process: None,
        created_at: "2026-01-01T00:00:00Z".into(),
        has_start_interval: true,
        profiles: BTreeMap::new(),
        builds: BTreeMap::new(),
        excluded: Vec::new(),
    }
}

/// Writes the override of a project, without the labels that every entry carries.
fn overlaid(config: &str) -> String {
    let model = Model::parse(config.as_bytes()).expect("model");
    let plan = plan(&model, &Settings::default(), IpAddr::V4(Ipv4Addr::LOCALHOST), &[]).expect("plan");
    let text = yaml::write(&overlay(&model, &plan, &facts()));
    let session = [
        "managed",
        "working_dir",
        "session_id",
        "owner",
        "service",
        "created_at",
        "internal_port",
        "kind",
        "image",
    ];
    let is_label = |line: &str| {
        line.trim() == "\"labels\":"
            || session.iter().any(|key| line.trim().starts_with(&format!("\"dev-prism.{key}\"")))
    };
    let (name, text) = text.split_once('\n').expect("a project's name");
    assert_eq!(name, format!("\"name\": \"{}\"", facts().project.as_str()));
    text.lines().filter(|line| !is_label(line)).map(|line| format!("{line}\n")).collect()
}

/// A project's `config`, and what its override must state.
#[test]
fn differences_by_project() {
    let hash = facts().project.suffix().to_owned();
    let cases = [
        (
            "a fixed port and container name",
            r#"{"services":{"db":{"image":"postgres","container_name":"main-db","networks":{"default":null},
                "ports":[{"target":5432,"published":"5432","protocol":"tcp"}]}}}"#,
            "\"services\":\n  \"db\":\n    \"container_name\": !reset null\n    \"ports\": !override\n      -\n        \"target\": 5432\n        \"host_ip\": \"127.0.0.1\"\n        \"protocol\": \"tcp\"\n    \"networks\":\n      \"default\":\n        \"aliases\":\n          - \"main-db\"\n".to_owned(),
        ),
        (
            "an image that is built and used twice",
            r#"{"services":{"a":{"image":"myapp:dev","build":{"tags":["x:y"]}},"b":{"image":"myapp:dev"}}}"#,
            format!("\"services\":\n  \"a\":\n    \"image\": \"myapp:dev-{hash}\"\n    \"build\":\n      \"tags\": !reset null\n  \"b\":\n    \"image\": \"myapp:dev-{hash}\"\n"),
        ),
        (
            "names and addresses of volumes and networks",
            r#"{"services":{"a":{"networks":{"n":{"ipv4_address":"10.0.0.2"}}}},
                "networks":{"n":{"name":"fixed","ipam":{"config":[{"subnet":"10.0.0.0/24"}]}},"out":{"name":"out","external":true}},
                "volumes":{"v":{"name":"shared"},"kept":{"name":"k","external":true}}}"#,
            "\"services\":\n  \"a\":\n    \"networks\":\n      \"n\":\n        \"ipv4_address\": !reset null\n\"networks\":\n  \"n\":\n    \"name\": !reset null\n    \"ipam\": !reset null\n\"volumes\":\n  \"v\":\n    \"name\": !reset null\n".to_owned(),
        ),
        (
            "references to a fixed container name",
            r#"{"services":{"a":{"container_name":"box"},
                "b":{"network_mode":"container:box","pid":"container:box","volumes_from":["container:box:ro","container:foreign"]}}}"#,
            "\"services\":\n  \"a\":\n    \"container_name\": !reset null\n  \"b\":\n    \"network_mode\": \"service:a\"\n    \"pid\": \"service:a\"\n    \"volumes_from\": !override\n      - \"a:ro\"\n      - \"container:foreign\"\n      \"dev-prism.via\": \"a\"\n".to_owned(),
        ),
    ];
    for (name, config, expected) in cases {
        assert_eq!(overlaid(config), expected, "{name}");
    }
}

#[test]
fn an_implicit_default_network_that_is_external_is_kept() {
    let found = overlaid(
        r#"{"services":{"api":{"networks":{"default":null}}},"networks":{"default":{"name":"team","external":true}}}"#,
    );
    assert!(found.contains("      \"default\": {}\n"), "{found}");
}

#[test]
fn plain_names_are_known_beside_an_external_network_and_not_on_it() {
    let text = overlaid(
        r#"{"services":{"api":{"container_name":"the-api","networks":{"out":{"aliases":["back"]}}}},"networks":{"out":{"external":true}}}"#,
    );
    let expected = "\"prism-out\":\n        \"aliases\":\n          - \"the-api\"\n          - \"back\"\n";
    assert!(text.contains(expected), "{text}");
    assert!(text.contains("\"out\":\n        \"aliases\": !override\n          - \"back-"), "{text}");
    assert_eq!(
        (text.matches("the-api").count(), text.matches("\"internal\": true").count()),
        (1, 1),
        "{text}"
    );
}

#[test]
fn equal_inputs_give_equal_bytes() {
    let config = r#"{"services":{"b":{"labels":{"z":"1","a":"2"}},"a":{}},"volumes":{"y":{},"x":{}}}"#;
    assert_eq!(overlaid(config), overlaid(config));
}

#[test]
fn nothing_is_stated_that_the_engine_does_not_know() {
    let config = r#"{"services":{"db":{"healthcheck":{"test":["CMD","true"]}},
        "api":{"depends_on":{"db":{"condition":"service_healthy","required":true}}}}}"#;
    let model = Model::parse(config.as_bytes()).expect("model");
    let plan = plan(&model, &Settings::default(), IpAddr::V4(Ipv4Addr::LOCALHOST), &[]).expect("plan");
    for has_start_interval in [true, false] {
        let facts = Facts { has_start_interval, ..facts() };
        let text = yaml::write(&overlay(&model, &plan, &facts));
        assert_eq!(text.contains("start_interval"), has_start_interval, "{text}");
        assert_eq!(text.contains("healthcheck"), has_start_interval, "{text}");
    }
}
