//! Every way to say which Engine is meant.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};

use crate::support::Project;
use crate::support::engine::socket;
use crate::support::proxy::{Proxy, relay};

/// Forwards TCP connections to the Engine's socket, and remembers the first bytes of each.
fn forwarded(host: &str) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind((host, 0)).expect("a port");
    let port = listener.local_addr().expect("address").port();
    let heads: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = Arc::clone(&heads);
    std::thread::spawn(move || {
        for client in listener.incoming().map_while(Result::ok) {
            let seen = Arc::clone(&seen);
            std::thread::spawn(move || forward(client, &seen));
        }
    });
    (port, heads)
}

/// Returns an address at which the Engine seems to be on the machine `host`.
pub fn forwarded_at(host: &str) -> String {
    format!("tcp://{host}:{}", forwarded(host).0)
}

fn forward(mut client: TcpStream, seen: &Mutex<Vec<String>>) {
    let mut engine = UnixStream::connect(socket()).expect("the Engine");
    let mut head = [0; 4096];
    let length = client.read(&mut head).expect("a request");
    seen.lock().expect("lock").push(String::from_utf8_lossy(&head[..length]).into_owned());
    engine.write_all(&head[..length]).expect("forward");
    relay(client.try_clone().expect("clone"), &mut client, engine);
    let _ = client.shutdown(Shutdown::Both);
}

#[test]
fn a_tcp_address_of_this_machine_is_the_same_session() {
    let project = Project::web();
    let ours = project.prism(&["exec", "--", "sh", "-c", "echo $WEB_URL"]).succeeds().line().to_owned();
    let (port, heads) = forwarded("127.0.0.1");
    let address = format!("tcp://127.0.0.1:{port}");
    let outcome =
        project.prism(&["exec", "--", "sh", "-c", "echo $WEB_URL"]).env("DOCKER_HOST", address).succeeds();
    assert_eq!(outcome.line(), ours);
    let heads = heads.lock().expect("lock");
    assert!(heads[0].to_lowercase().contains("user-agent: docker-client/"), "{heads:?}");
}

#[test]
fn the_current_context_of_the_docker_cli_is_honoured() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let config = project.sandbox.root().join("docker-config");
    let host = format!("host=unix://{}", socket());
    let docker = |arguments: &[&str]| {
        project
            .sandbox
            .command("docker", &project.directory, arguments)
            .env("DOCKER_CONFIG", &config)
            .env("DOCKER_HOST", "")
            .succeeds()
    };
    docker(&["context", "create", "right", "--docker", &host]);
    docker(&["context", "create", "wrong", "--docker", "host=unix:///nonexistent.sock"]);
    let prism = |name: &str, value: &str| {
        project.prism(&["get", "web"]).env("DOCKER_CONFIG", &config).env("DOCKER_HOST", "").env(name, value)
    };
    docker(&["context", "use", "wrong"]);
    assert!(prism("X", "").exits(1).stderr.contains("unix:///nonexistent.sock"));
    prism("DOCKER_CONTEXT", "right").succeeds();
    docker(&["context", "use", "right"]);
    prism("X", "").succeeds();
    assert!(prism("DOCKER_CONTEXT", "missing").exits(1).stderr.contains("context `missing`"));

    // What the CLI would speak TLS to is not asked in plain HTTP; a socket has no TLS.
    docker(&["context", "create", "tls", "--docker", "host=tcp://localhost:1,skip-tls-verify=true"]);
    docker(&["context", "create", "ca", "--docker", "host=tcp://localhost:1"]);
    let plain = prism("DOCKER_CONTEXT", "ca").exits(1);
    assert!(plain.stderr.contains("cannot reach the Docker Engine at tcp://localhost:1"), "{plain}");
    // The CLI takes whole certificates only, and keeps them here.
    let keep = "d=contexts/tls/$(printf ca | sha256sum | cut -c-64)/docker; mkdir -p $d && touch $d/ca.pem";
    project.sandbox.command("sh", &config, &["-c", keep]).succeeds();
    for name in ["tls", "ca"] {
        let refused = prism("DOCKER_CONTEXT", name).exits(1);
        assert!(
            refused.stderr.contains(&format!("the Docker context `{name}` asks for TLS"))
                && refused.stderr.contains("`docker context use default`"),
            "{refused}"
        );
    }
    prism("DOCKER_TLS_VERIFY", "1").succeeds();
}

#[test]
fn what_docker_host_means_is_what_the_docker_cli_makes_of_it() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let (port, heads) = forwarded("127.0.0.1");
    let plain = format!("127.0.0.1:{port}");
    project.prism(&["get", "web"]).env("DOCKER_HOST", &plain).succeeds();
    let asked = heads.lock().expect("lock").len();
    for tls in ["DOCKER_TLS", "DOCKER_TLS_VERIFY"] {
        let refused = project.prism(&["get", "web"]).env("DOCKER_HOST", &plain).env(tls, "1").exits(1);
        assert!(refused.stderr.contains(&format!("{tls} asks for TLS")), "{refused}");
        assert!(refused.stderr.contains(&format!("`unset DOCKER_HOST {tls}`")), "{refused}");
    }
    assert_eq!(heads.lock().expect("lock").len(), asked, "nothing was asked in plain HTTP");
    for (host, message) in [
        (format!("http://{plain}"), "cannot speak to a Docker Engine at http://"),
        ("ssh://me@there".to_owned(), "`ssh me@there`"),
        ("/var/run/docker.sock".to_owned(), "`export DOCKER_HOST=unix:///var/run/docker.sock`"),
        ("tcp://localhost:1".to_owned(), "cannot reach the Docker Engine at tcp://localhost:1"),
    ] {
        let refused = project.prism(&["get", "web"]).env("DOCKER_HOST", &host).exits(1);
        assert!(refused.stderr.contains(message), "{refused}");
    }
}

#[test]
fn a_container_in_a_state_of_another_age_hides_no_other_one() {
    let project = Project::new(
        "services: {web: {image: 'redis:8-alpine'}, once: {image: 'prism-test:1', command: 'true'}}\n",
    );
    project.prism(&["start"]).succeeds();
    let expected = project.prism(&["get", "WEB_PORT"]).succeeds().line().to_owned();
    let proxy = Proxy::start(&project.sandbox);
    proxy.say("\"State\":\"exited\"", "\"State\":\"halted\"");
    let prism = |words: &[&str]| project.prism(words).env("DOCKER_HOST", proxy.host()).succeeds();
    assert_eq!(prism(&["get", "WEB_PORT"]).line(), expected);
    assert_eq!(prism(&["exec", "--", "sh", "-c", "echo $WEB_PORT"]).line(), expected);
    for verb in [&["list"][..], &["info"], &["ports"], &["list", "--all", "--format", "json"]] {
        let shown = prism(verb);
        assert!(shown.stdout.contains(project.directory.to_str().expect("UTF-8")), "{shown}");
    }
    prism(&["stop"]);
}
