//! A socket in front of the Engine's that can stop answering, answer late, or hold back what it is told to make.

use std::io::{Read, Write, copy};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::steps::Counter;
use super::{Sandbox, engine};

/// The proxy.
#[derive(Debug)]
pub struct Proxy {
    socket: PathBuf,
    state: Arc<State>,
}

/// What it was told, and what it saw.
#[derive(Debug, Default)]
struct State {
    stuck: AtomicBool,
    /// How long each first answer is held back, in milliseconds.
    delay: AtomicU64,
    /// A part of the first line of requests that are held back.
    part: Mutex<Option<&'static str>>,
    questions: AtomicUsize,
    held: AtomicUsize,
    /// A part of what clients ask, and the one of the same length that the Engine gets.
    question: Mutex<Option<(&'static str, &'static str)>>,
    /// A word of the Engine's, and the one of the same length that clients get.
    word: Mutex<Option<(&'static str, &'static str)>>,
    /// Who counts requests and answers.
    counter: Option<Counter>,
}

impl State {
    fn is_held(&self, request: &[u8]) -> bool {
        let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        self.part.lock().expect("part").is_some_and(|part| line.contains(part))
    }

    /// Returns when a request may go on.
    fn pass(&self, request: &[u8]) -> std::io::Result<()> {
        if self.is_held(request) {
            self.held.fetch_add(1, Ordering::SeqCst);
            while self.is_held(request) {
                std::thread::park_timeout(Duration::from_millis(5));
            }
        }
        self.count("before", request)
    }

    /// Counts what is the begin of a request or of an answer, and fails if it is not to go on.
    fn count(&self, when: &str, bytes: &[u8]) -> std::io::Result<()> {
        let Some(counter) = &self.counter else { return Ok(()) };
        let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line);
        let is_first = line.ends_with(" HTTP/1.1") || line.starts_with("HTTP/1.1 ");
        if is_first && !counter.pass(format!("{when} {line}")) {
            return Err(std::io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

/// A client, request by request: each comes in one piece.
struct Requests(UnixStream, Arc<State>);

impl Read for Requests {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let length = self.0.read(buffer)?;
        self.1.pass(&buffer[..length])?;
        replace(&mut buffer[..length], *self.1.question.lock().expect("question"));
        Ok(length)
    }
}

/// A client that is told other words.
struct Answer(UnixStream, Arc<State>);

impl Write for Answer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.1.count("after", bytes)?;
        let mut told = bytes.to_vec();
        replace(&mut told, *self.1.word.lock().expect("word"));
        self.0.write_all(&told).map(|()| bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.0.flush()
    }
}

/// Puts one word in place of another that is as long.
fn replace(bytes: &mut [u8], words: Option<(&str, &str)>) {
    let Some((word, other)) = words else { return };
    for at in 0..bytes.len().saturating_sub(word.len() - 1) {
        if bytes[at..].starts_with(word.as_bytes()) {
            bytes[at..at + other.len()].copy_from_slice(other.as_bytes());
        }
    }
}

impl Proxy {
    /// Listens in the sandbox.
    pub fn start(sandbox: &Sandbox) -> Self {
        Self::with(sandbox, State::default())
    }

    /// Listens in the sandbox, and counts.
    pub fn counting(sandbox: &Sandbox, counter: Counter) -> Self {
        Self::with(sandbox, State { counter: Some(counter), ..State::default() })
    }

    fn with(sandbox: &Sandbox, state: State) -> Self {
        let socket = sandbox.root().join("engine.sock");
        let listener = UnixListener::bind(&socket).expect("a socket");
        let state = Arc::new(state);
        let proxy = Self { socket, state: Arc::clone(&state) };
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&state);
                std::thread::spawn(move || forward(client, state));
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
        self.state.stuck.store(stuck, Ordering::SeqCst);
    }

    /// From now on, each connection waits this long for its first answer.
    pub fn delay(&self, delay: Duration) {
        self.state.delay.store(u64::try_from(delay.as_millis()).expect("a short time"), Ordering::SeqCst);
    }

    /// From now on, requests with this in their first line wait, whether or not the client does; or none any more.
    pub fn hold(&self, part: Option<&'static str>) {
        *self.state.part.lock().expect("part") = part;
    }

    /// From now on, clients get the second in place of the first, which is as long: an Engine of another age says that.
    pub fn say(&self, word: &'static str, other: &'static str) {
        assert_eq!(word.len(), other.len(), "the length of an answer is said before it");
        *self.state.word.lock().expect("word") = Some((word, other));
    }

    /// From now on, the Engine is asked the second in place of the first, which is as long, and so refuses; or as before.
    pub fn misdirect(&self, words: Option<(&'static str, &'static str)>) {
        *self.state.question.lock().expect("question") = words;
    }

    /// How many requests were held back.
    pub fn held(&self) -> usize {
        self.state.held.load(Ordering::SeqCst)
    }

    /// How many connections asked something: in a container, prism connects once more to see who listens.
    pub fn questions(&self) -> usize {
        self.state.questions.load(Ordering::SeqCst)
    }
}

fn forward(mut client: UnixStream, state: Arc<State>) {
    let mut head = [0; 4096];
    let Ok(length @ 1..) = client.read(&mut head) else { return };
    state.questions.fetch_add(1, Ordering::SeqCst);
    if state.stuck.load(Ordering::SeqCst) {
        // Until the client gives up.
        while matches!(client.read(&mut head), Ok(1..)) {}
        return;
    }
    // The delay is what is tested.
    std::thread::park_timeout(Duration::from_millis(state.delay.load(Ordering::SeqCst)));
    if state.pass(&head[..length]).is_err() {
        return;
    }
    let mut engine = UnixStream::connect(engine::socket()).expect("the Engine");
    replace(&mut head[..length], *state.question.lock().expect("question"));
    engine.write_all(&head[..length]).expect("forwarded");
    let mut answer = Answer(client.try_clone().expect("clone"), Arc::clone(&state));
    relay(Requests(client.try_clone().expect("clone"), state), &mut answer, engine);
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
