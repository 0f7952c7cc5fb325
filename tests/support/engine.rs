//! The Engine's own interface, for what every test asks: a start of the CLI takes longer than its answer.

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

/// What the Engine keeps, in the order in which it can be removed.
pub const KINDS: [&str; 3] = ["containers", "networks", "volumes"];

/// The socket of the Engine that the tests use.
pub fn socket() -> String {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").to_owned()
}

/// Sends a request, and returns the body of the answer.
///
/// # Errors
/// The Engine is not there.
pub fn ask(request: &str) -> io::Result<String> {
    let mut engine = UnixStream::connect(socket())?;
    // An answer in this version ends with the connection.
    write!(engine, "{request} HTTP/1.0\r\nHost: docker\r\n\r\n")?;
    let mut answer = String::new();
    engine.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// Lists what the Engine has of a kind with a label.
pub fn labelled(kind: &str, label: &str) -> Vec<Value> {
    let filter = json!({ "label": [label] }).to_string();
    let filter = utf8_percent_encode(&filter, NON_ALPHANUMERIC);
    let list = if kind == "containers" { "containers/json" } else { kind };
    let answer = ask(&format!("GET /{list}?all=1&filters={filter}")).unwrap_or_default();
    let mut answer: Value = serde_json::from_str(&answer).unwrap_or_default();
    let list = if kind == "volumes" { answer["Volumes"].take() } else { answer };
    list.as_array().cloned().unwrap_or_default()
}

/// Removes what sessions below a directory have on the Engine.
pub fn remove_below(root: &Path) {
    for kind in KINDS {
        let is_below = |entry: &Value| {
            let labels = &entry["Labels"];
            let of = labels["dev-prism.working_dir"].as_str().or(labels["dev-prism.snapshot_of"].as_str());
            of.is_some_and(|it| Path::new(it).starts_with(root))
        };
        let mut found = labelled(kind, "dev-prism.managed=true");
        found.extend(labelled(kind, "dev-prism.snapshot"));
        std::thread::scope(|scope| {
            for entry in found.iter().filter(|entry| is_below(entry)) {
                let name = entry["Id"].as_str().or(entry["Name"].as_str()).unwrap_or_default();
                scope.spawn(move || ask(&format!("DELETE /{kind}/{name}?force=1&v=1")));
            }
        });
    }
}
