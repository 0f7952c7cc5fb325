//! A socket in front of the Engine's that can stop answering, or answer late.

use std::io::{Read, Write, copy};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::Sandbox;

/// The proxy.
#[derive(Debug)]
pub struct Proxy {
    socket: PathBuf,
    stuck: Arc<AtomicBool>,
    /// How long each answer is held back, in milliseconds.
    delay: Arc<AtomicU64>,
    questions: Arc<AtomicUsize>,
}

/// The socket of the Engine that the tests use.
pub fn engine_socket() -> String {
    let host = std::env::var("DOCKER_HOST").unwrap_or_default();
    host.strip_prefix("unix://").unwrap_or("/var/run/docker.sock").to_owned()
}

impl Proxy {
    /// Listens in the sandbox.
    pub fn start(sandbox: &Sandbox) -> Self {
        let socket = sandbox.root().join("engine.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let proxy = Self { socket, stuck: Arc::default(), delay: Arc::default(), questions: Arc::default() };
        let (stuck, questions) = (Arc::clone(&proxy.stuck), Arc::clone(&proxy.questions));
        let delay = Arc::clone(&proxy.delay);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (stuck, questions) = (Arc::clone(&stuck), Arc::clone(&questions));
                let delay = Arc::clone(&delay);
                std::thread::spawn(move || forward(client, &stuck, &delay, &questions));
            }
        });
        proxy
    }

    /// Its address.
    pub fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// From now on, questions stay without an answer, or get one again.
    pub fn stick(&self, stuck: bool) {
        self.stuck.store(stuck, Ordering::SeqCst);
    }

    /// From now on, each connection waits this long for its first answer.
    pub fn delay(&self, delay: Duration) {
        self.delay.store(u64::try_from(delay.as_millis()).expect("a short time"), Ordering::SeqCst);
    }

    /// How many connections asked something: in a container, prism connects once more to see who listens.
    pub fn questions(&self) -> usize {
        self.questions.load(Ordering::SeqCst)
    }
}

fn forward(mut client: UnixStream, stuck: &AtomicBool, delay: &AtomicU64, questions: &AtomicUsize) {
    let mut head = [0; 4096];
    let Ok(length @ 1..) = client.read(&mut head) else { return };
    questions.fetch_add(1, Ordering::SeqCst);
    if stuck.load(Ordering::SeqCst) {
        // Until the client gives up.
        while matches!(client.read(&mut head), Ok(1..)) {}
        return;
    }
    // The delay is what is tested.
    std::thread::park_timeout(Duration::from_millis(delay.load(Ordering::SeqCst)));
    let mut engine = UnixStream::connect(engine_socket()).expect("the Engine");
    engine.write_all(&head[..length]).expect("forwarded");
    relay(client.try_clone().expect("clone"), &mut client, engine);
    let _ = client.shutdown(Shutdown::Both);
}

/// Passes on what a client and the Engine say to each other, until the Engine has said everything.
pub fn relay(
    mut from_client: impl Read + Send + 'static,
    to_client: &mut impl Write,
    mut engine: UnixStream,
) {
    let mut to_engine = engine.try_clone().expect("clone");
    std::thread::spawn(move || {
        let _ = copy(&mut from_client, &mut to_engine);
        let _ = to_engine.shutdown(Shutdown::Write);
    });
    let _ = copy(&mut engine, to_client);
}
