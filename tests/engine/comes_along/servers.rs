//! Real servers: what one has acknowledged before it was frozen is in the copy, and it loses nothing itself.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Two, says};
use crate::support::project::containers_of;
use crate::support::{docker, eventually};

/// A client in a container that writes numbers one by one, and says each number as soon as that was acknowledged.
struct Client {
    process: Child,
    said: Arc<AtomicUsize>,
}

impl Client {
    fn start(container: &str, script: &str) -> Self {
        let mut process = Command::new("docker")
            .args(["exec", container, "sh", "-c", script])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the docker CLI");
        let said = Arc::new(AtomicUsize::new(0));
        let (tell, lines) =
            (Arc::clone(&said), BufReader::new(process.stdout.take().expect("stdout")).lines());
        std::thread::spawn(move || {
            for line in lines.map_while(Result::ok) {
                if let Ok(number) = line.trim().parse() {
                    tell.store(number, Ordering::SeqCst);
                }
            }
        });
        let client = Self { process, said };
        eventually("acknowledged writes", || client.acknowledged() > 20);
        client
    }

    fn acknowledged(&self) -> usize {
        self.said.load(Ordering::SeqCst)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn container(two: &Two, service: &str) -> String {
    let of = |id: &String| {
        super::inspected(id, "{{index .Config.Labels \"com.docker.compose.service\"}}") == service
    };
    containers_of(&two.source).into_iter().find(of).expect("a container")
}

#[test]
fn postgres_and_redis_lose_nothing_that_they_acknowledged() {
    let two = Two::new(
        r#"services:
  db:
    image: postgres:17-alpine
    stop_signal: SIGKILL
    environment: {POSTGRES_PASSWORD: x}
    volumes: ["pg:/var/lib/postgresql/data"]
    ports: ["5432"]
  cache:
    image: redis:8-alpine
    stop_signal: SIGKILL
    command: redis-server --save '' --requirepass secret
    ports: ["6379"]
volumes: {pg: {}}
"#,
    );
    let (db, cache) = (container(&two, "db"), container(&two, "cache"));
    docker(&["exec", &db, "psql", "-U", "postgres", "-qc", "create table t (i int primary key)"]);
    let rows = Client::start(
        &db,
        "i=0; while :; do i=$((i+1)); echo \"insert into t values ($i) returning i;\"; done | psql -U postgres -qtA",
    );
    let keys = Client::start(
        &cache,
        "export REDISCLI_AUTH=secret; i=0; while :; do i=$((i+1)); echo incr n; done | redis-cli",
    );
    let before = (rows.acknowledged(), keys.acknowledged());
    let script = "psql -tAc 'select count(*), max(i) from t'; redis-cli -h $CACHE_HOST -p $CACHE_PORT -a secret --no-auth-warning get n";
    let words = ["exec", "--ephemeral", "--localhost=never", "--data-from", ".", "--", "sh", "-c", script];
    let outcome = two.source(&words).succeeds();
    says(&outcome, "which stood still for");
    let mut lines = outcome.stdout.split_whitespace();
    let (count, max) = lines.next().and_then(|row| row.split_once('|')).expect("a row");
    assert_eq!(count, max, "every row up to the last one: {outcome}");
    assert!(count.parse::<usize>().expect("a number") >= before.0, "{before:?} {outcome}");
    let n: usize = lines.next().expect("a value").parse().expect("a number");
    assert!(n >= before.1, "{before:?} {outcome}");
    // The source goes on, and has all that it ever acknowledged.
    let after = (rows.acknowledged(), keys.acknowledged());
    eventually("rows after the freeze", || rows.acknowledged() > after.0);
    eventually("keys after the freeze", || keys.acknowledged() > after.1);
    drop((rows, keys));
    let counted = docker(&["exec", &db, "psql", "-U", "postgres", "-tAc", "select count(*) - max(i) from t"]);
    assert_eq!(counted.trim(), "0", "the source lost a row");
    two.writes_nothing_more();
}

impl Two {
    fn writes_nothing_more(&self) {
        let left = format!("label=dev-prism.working_dir={}", self.source.display());
        assert_eq!(docker(&["ps", "-q", "--filter", &left, "--filter", "status=paused"]), "");
        assert_eq!(
            docker(&["volume", "ls", "-q", "--filter", &left, "--filter", "label=dev-prism.frozen"]),
            ""
        );
    }
}
