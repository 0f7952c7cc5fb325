//! Ports of one service that are bound at addresses of two families.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::support::Project;

const MIXED: &str = r#"
services:
  six:
    image: redis:8-alpine
    command: [sh, -c, "redis-server --port 6400 --protected-mode no --daemonize yes; exec redis-server --protected-mode no"]
    ports: ["127.0.0.1:6400:6400", "[::1]:6379:6379"]
    environment: {AT: "${PRISM_HOST_SIX_6379:-localhost}:${PRISM_PORT_SIX_6379:-6379}"}
"#;

#[test]
fn every_port_is_told_where_it_is_bound() {
    let project = Project::new(MIXED);
    let show =
        "echo $SIX_URL $SIX_HOST:$SIX_PORT $SIX_HOST_6400:$SIX_PORT_6400 $PRISM_HOST_SIX_6379 $PRISM_HOST";
    let outcome = project.prism(&["exec", "--wait-timeout", "30", "--", "sh", "-c", show]).succeeds();
    let words: Vec<&str> = outcome.line().split(' ').collect();
    let get = |what: &str| project.prism(&["get", what]).succeeds().line().to_owned();
    let (six, four) = (get("six:6379"), get("six:6400"));
    let port = six.strip_prefix("[::1]:").expect("IPv6").to_owned();
    assert_eq!(get("six"), six);
    assert_eq!(
        words,
        [format!("redis://{six}"), format!("::1:{port}"), four.clone(), "::1".into(), "127.0.0.1".into()]
    );
    for address in [&six, &four] {
        let mut stream = TcpStream::connect(address.as_str()).expect("a server");
        stream.write_all(b"PING\r\n").expect("send");
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"+PONG\r\n", "{address}");
    }
    let info = project.prism(&["info"]).succeeds().stdout;
    assert!(
        info.contains(&format!("{six} → 6379/tcp")) && info.contains(&format!("{four} → 6400/tcp")),
        "{info}"
    );
    let inside = project.prism(&["compose", "exec", "-T", "six", "printenv", "AT"]).succeeds();
    assert_eq!(inside.line(), format!("::1:{port}"));
    // What the caller has of one of the twins is not torn apart.
    let theirs = project.prism(&["exec", "--", "sh", "-c", "echo ${SIX_PORT_6400-none}"]);
    assert_eq!(theirs.env("SIX_HOST_6400", "10.0.0.1").succeeds().line(), "none");
}
