//! What `prism.yaml` says of services, and containers that know nothing of it.

use crate::support::Project;

const TWO: &str = "services:\n  db: {image: \"redis:8-alpine\", stop_signal: SIGKILL, ports: [\"16379:6379\", \"16380:1025\"]}\n  \
                   web: {image: \"redis:8-alpine\", stop_signal: SIGKILL, ports: [\"16381:6379\"]}\n";

#[test]
fn what_only_prism_reads_makes_no_container_anew() {
    let project = Project::new(TWO);
    let printed = |name: &str| {
        let script = format!("printf %s \"${{{name}-none}}\"");
        project.prism(&["exec", "--", "sh", "-c", &script]).succeeds().stdout
    };
    let (port, other) = (printed("DB_PORT_6379"), printed("DB_PORT_1025"));
    assert_eq!(printed("REDIS_URL"), "none", "two would give it");
    let before = project.containers();
    for (said, name, value) in [
        ("prefix: MAIN", "MAIN_PORT_6379", port.clone()),
        ("primary: true", "REDIS_URL", format!("redis://127.0.0.1:{port}")),
        ("kind: memcached", "MEMCACHED_SERVERS", format!("127.0.0.1:{port}")),
        ("kind: none", "DB_URL", format!("tcp://127.0.0.1:{port}")),
        // Its usual port is the other one.
        ("kind: mail, ready: none", "MAILER_DSN", format!("smtp://127.0.0.1:{other}")),
        ("ready: tcp", "DB_URL", format!("redis://127.0.0.1:{port}")),
    ] {
        project.write("prism.yaml", &format!("services: {{db: {{{said}}}}}\n"));
        assert_eq!(printed(name), value, "{said}");
        assert_eq!(project.containers(), before, "{said}");
    }
    project.write("prism.yaml", "services: {web: {prefix: OTHER, kind: memcached}}\n");
    assert_eq!(printed("REDIS_URL"), format!("redis://127.0.0.1:{port}"));
    assert_eq!(printed("WEB_PORT"), "none");
    assert_eq!(project.containers(), before);
    // The generated file can be deleted at any time.
    std::fs::remove_file(project.directory.join("docker-compose.session.yml")).expect("an override");
    let env = project.prism(&["env"]).succeeds().stdout;
    assert!(env.contains("\nOTHER_PORT=") && env.contains("MEMCACHED_SERVERS="), "{env}");
    project.prism(&["start"]).succeeds();
    assert_eq!(project.containers(), before);
    project.prism(&["destroy", "--yes"]).succeeds();
}
