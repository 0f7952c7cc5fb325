//! A command with a network of its own, in which `localhost` is the session.

mod around;
mod end;

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::support::engine::socket;
use crate::support::live::is_alive;
use crate::support::{Live, Outcome, Project, Run, eventually, without};

/// Answers by HTTP with the name of its directory, and says when it is ready.
const SERVER: &str = "import http.server, os, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(os.getcwd().encode())
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler)
print('ready', flush=True)
server.serve_forever()
";

/// A port that nobody has, held by somebody else than the session, who never answers.
fn stranger() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.set_nonblocking(true).expect("nonblocking");
    let port = listener.local_addr().expect("address").port();
    (listener, port)
}

/// A port that nobody has.
fn free() -> u16 {
    stranger().1
}

/// A web server that the Compose file publishes at this port.
fn web(port: u16) -> Project {
    Project::new(&format!(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    ports: [\"{port}:80\"]\n"
    ))
}

/// What the session's web server answers with.
fn own_name(project: &Project) -> String {
    project.containers()[0][..12].to_owned()
}

fn localhost(project: &Project, command: &[&str]) -> Run {
    project.prism(&["exec", "--localhost", "--"]).args(command)
}

fn server(project: &Project, address: &str, port: u16) -> Live {
    let server = localhost(project, &["python3", "-c", SERVER, address, &port.to_string()]).live();
    server.says("ready");
    server
}

/// Asks this machine; empty if nobody answers.
fn asked(address: &str, port: u16) -> String {
    let mut answer = String::new();
    if let Ok(mut stream) = TcpStream::connect((address, port)) {
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        let _ = stream.write_all(b"GET / HTTP/1.0\r\n\r\n");
        let _ = stream.read_to_string(&mut answer);
    }
    answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
}

/// The helpers of a session's networks that have not ended.
fn helpers(directory: &Path) -> Vec<u32> {
    let of_session = format!("PRISM_SESSION={}", directory.display());
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let processes = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let is_helper = |process: &u32| {
        let name = fs::read_to_string(format!("/proc/{process}/comm")).unwrap_or_default();
        let is_called = ["prism-net", "pasta", "passt"].iter().any(|start| name.starts_with(start));
        let environment = fs::read(format!("/proc/{process}/environ")).unwrap_or_default();
        is_called && environment.split(|byte| *byte == 0).any(|it| it == of_session.as_bytes())
    };
    processes
        .filter(is_helper)
        .filter(|process| is_alive(Pid::from_raw(i32::try_from(*process).expect("a pid"))))
        .collect()
}

fn nothing_is_left(project: &Project) {
    eventually("the helpers end", || helpers(&project.directory).is_empty());
}

#[test]
fn the_compose_files_own_port_is_the_session_whoever_has_it_on_the_machine() {
    let (stranger, port) = stranger();
    let project = web(port);
    let script = format!(
        "for host in 127.0.0.1 '[::1]' localhost; do curl -sS http://$host:{port}/hostname; done; curl -sS $WEB_URL/hostname"
    );
    let seen = localhost(&project, &["bash", "-c", &script]).succeeds();
    let name = own_name(&project);
    assert_eq!(seen.stdout, format!("{name}\n").repeat(4), "{seen}");
    let warm = localhost(&project, &["bash", "-c", &script]).succeeds();
    assert_eq!((warm.stdout.as_str(), warm.stderr.as_str()), (format!("{name}\n").repeat(4).as_str(), ""));
    assert_eq!(stranger.accept().expect_err("nobody came").kind(), ErrorKind::WouldBlock);
    // A variable of the caller's that leads to the port leads to the session, too.
    let url = format!("http://localhost:{port}/hostname");
    let meant = localhost(&project, &["sh", "-c", "curl -sS $URL"]).env("URL", &url).succeeds();
    assert_eq!((meant.line(), meant.stderr.as_str()), (name.as_str(), ""));
    let ephemeral = ["exec", "--ephemeral", "--localhost", "--", "sh", "-c", "curl -sS $URL; exit 3"];
    let other = project.prism(&ephemeral).env("URL", &url).exits(3);
    assert!(!other.line().is_empty() && other.line() != name, "{other}");
    nothing_is_left(&project);
}

#[test]
fn the_compose_files_own_port_is_nobody_elses_at_any_address_of_the_machine() {
    let there = TcpListener::bind("0.0.0.0:0").expect("a port");
    there.set_nonblocking(true).expect("nonblocking");
    let port = there.local_addr().expect("address").port();
    let project = Project::new(&format!(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    ports: [\"127.0.0.7:{port}:80\"]\n"
    ));
    let own = format!("curl -sS http://127.0.0.7:{port}/hostname");
    let seen = project.prism(&["exec", "--", "sh", "-c", &own]).succeeds();
    assert_eq!(seen.line(), own_name(&project), "somebody else was seen to answer: {seen}");
    let addresses = "ip -o address | sed 's/.*inet6* //; s,/.*,,' | grep -v -e ^127 -e ^::1 -e ^fe80";
    let addresses = project.sandbox.command("sh", &project.directory, &["-c", addresses]).succeeds();
    let of_each: String = addresses
        .stdout
        .lines()
        .map(|address| format!("(: <>/dev/tcp/{address}/{port}) 2>/dev/null && echo {address}; "))
        .collect();
    let seen = localhost(&project, &["bash", "-c", &format!("{of_each} true")]).succeeds();
    assert_eq!(seen.stdout, "", "{addresses}");
    assert_eq!(there.accept().expect_err("nobody came").kind(), ErrorKind::WouldBlock);
}

#[test]
fn a_service_that_is_left_out_is_nowhere_rather_than_somebody_elses() {
    let ((left_out, port), web_port) = (stranger(), free());
    let project = Project::new(&format!(
        "services:\n  web:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [busybox, httpd, -f, -p, \"80\", -h, /etc]\n    ports: [\"{web_port}:80\"]\n  cache:\n    image: prism-test:1\n    ports: [\"{port}:6379\"]\n"
    ));
    project.write("prism.yaml", "select: {without: [cache]}\n");
    let script = format!(
        "curl -sS http://localhost:{web_port}/hostname; for host in 127.0.0.1 ::1; do (: <>/dev/tcp/$host/{port}) 2>&1; done"
    );
    let seen = localhost(&project, &["bash", "-c", &script]).exits(1);
    assert!(seen.stdout.starts_with(&own_name(&project)), "{seen}");
    assert_eq!(seen.stdout.matches("connect: Connection refused").count(), 2, "{seen}");
    assert_eq!(left_out.accept().expect_err("nobody came").kind(), ErrorKind::WouldBlock);
}

#[test]
fn udp_goes_to_the_service_and_back_to_who_asked() {
    let port = free();
    let echo = "socket(S, PF_INET, SOCK_DGRAM, 0); bind(S, sockaddr_in(7, INADDR_ANY)); while ($$peer = recv(S, $$text, 2000, 0)) { send(S, $$text, 0, $$peer) }";
    let project = Project::new(&format!(
        "services:\n  echo:\n    image: prism-test:1\n    stop_signal: SIGKILL\n    command: [perl, -MSocket, -e, '{echo}']\n    ports: [\"{port}:7/udp\"]\n"
    ));
    let ask = "import socket, sys
asking = []
for family, host in [(socket.AF_INET, '127.0.0.1'), (socket.AF_INET6, '::1')] * 2:
    asking.append(socket.socket(family, socket.SOCK_DGRAM))
    asking[-1].settimeout(1)
    asking[-1].connect((host, int(sys.argv[1])))
for number, one in enumerate(asking):
    text = b'%d' % number
    for attempt in range(20):
        try:
            one.send(text)
            assert one.recv(100) == text
            break
        except (TimeoutError, ConnectionRefusedError):
            assert attempt < 19
print('all')
";
    let outcome = localhost(&project, &["python3", "-c", ask, &port.to_string()]).succeeds();
    assert_eq!(outcome.line(), "all", "{outcome}");
}

#[test]
fn a_command_is_what_it_would_be_without() {
    let project = web(free());
    project.prism(&["start"]).succeeds();
    let child = localhost(&project, &["sh", "-c", "echo $$; exit 7"]).spawn();
    let pid = child.id().to_string();
    let outcome = Outcome::of(child);
    assert_eq!((outcome.line(), outcome.status), (pid.as_str(), 7), "{outcome}");
    localhost(&project, &["sh", "-c", "kill -TERM $$"]).exits(143);
    let waits =
        "import os\ntry: print(os.waitpid(-1, os.WNOHANG))\nexcept ChildProcessError: print('no child')";
    assert_eq!(localhost(&project, &["python3", "-c", waits]).succeeds().line(), "no child");
    let same = |command: &[&str]| {
        let plain = project.prism(&["exec", "--"]).args(command).succeeds();
        let within = localhost(&project, command).succeeds();
        assert_eq!(plain.stdout, within.stdout, "{command:?}");
    };
    same(&["id", "-un"]);
    same(&[
        "sh",
        "-c",
        "env | grep -v ^PRISM_NETWORK= | sort; ls /proc/self/fd; grep -E 'Sig(Pnd|Blk|Ign|Cgt)' /proc/self/status",
    ]);
    let mut terminated = localhost(&project, &["sh", "-c", "echo ready; exec tail -f /dev/null"]).live();
    terminated.says("ready");
    terminated.kill(Signal::SIGINT);
    terminated.dies_of(Signal::SIGINT);
    nothing_is_left(&project);
}

#[test]
fn prism_works_within_and_makes_no_second_network() {
    let (_stranger, port) = stranger();
    let project = web(port);
    let prism = env!("CARGO_BIN_EXE_prism");
    let script = format!(
        "readlink /proc/self/ns/net; {prism} exec --localhost -- readlink /proc/self/ns/net; {prism} get web; {prism} exec -- curl -sS http://localhost:{port}/hostname"
    );
    let outcome = localhost(&project, &["sh", "-c", &script]).succeeds();
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    let [one, two, place, name] = lines.as_slice() else { panic!("{outcome}") };
    assert!(one == two && place.starts_with("127.0.0.1:"), "{outcome}");
    assert_eq!(*name, own_name(&project), "{outcome}");
    assert!(!outcome.stderr.contains("is answered by"), "{outcome}");
}

/// A user with no process.
const USER: u32 = 61_118;

fn give(path: &Path) {
    chown(path, Some(USER), Some(USER)).expect("chown, and the rights of root");
    for entry in fs::read_dir(path).into_iter().flatten().map(|entry| entry.expect("entry").path()) {
        give(&entry);
    }
}

#[test]
fn an_ordinary_user_stays_who_he_is() {
    // The device is open to all on most machines; here that takes a mount.
    if without("mount") {
        return;
    }
    let (stranger, port) = stranger();
    let project = web(port);
    let prism: PathBuf = project.sandbox.work().join("prism");
    fs::copy(env!("CARGO_BIN_EXE_prism"), &prism).expect("copy");
    give(&project.sandbox.root());
    let group = fs::metadata(socket()).expect("the Engine's socket").gid();
    let enter = format!(
        "mount -t tmpfs none /dev/net && mknod -m 666 /dev/net/tun c 10 200 && exec setpriv --reuid={USER} --regid={USER} --groups={group} --inh-caps=-all '{}' \"$@\"",
        prism.display()
    );
    let user = |words: &[&str]| {
        let all = [&["--mount", "--propagation", "private", "sh", "-c", &enter, "-"], words].concat();
        project.sandbox.command("unshare", &project.directory, &all)
    };
    let script =
        format!("id -u; id -g; curl -sS http://localhost:{port}/hostname; grep CapEff /proc/self/status");
    let outcome = user(&["exec", "--localhost", "--", "bash", "-c", &script]).succeeds();
    let expected = format!("{USER}\n{USER}\n{}\nCapEff:\t0000000000000000\n", own_name(&project));
    assert_eq!(outcome.stdout, expected, "{outcome}");
    assert_eq!(stranger.accept().expect_err("nobody came").kind(), ErrorKind::WouldBlock);
    nothing_is_left(&project);
    user(&["destroy", "--yes"]).succeeds();
}

#[test]
fn it_is_had_when_somebody_else_answers_if_that_is_wanted() {
    let (stranger, port) = stranger();
    let project = web(port);
    let show = ["--", "curl", "-sS", "-m", "2"];
    let url = format!("http://127.0.0.1:{port}/hostname");
    let run = |words: &[&str]| project.prism(&[&["exec"], words, &show, &[url.as_str()]].concat());
    let never = run(&["--localhost=never"]).exits(28);
    assert!(
        never.stderr.contains("(`prism exec --localhost` leads its command here; `guard: off`"),
        "{never}"
    );
    let auto = run(&[]).succeeds();
    assert_eq!(auto.line(), own_name(&project));
    let said = "to the command, `localhost` is this session (`--localhost=never` leaves it)\n";
    assert!(auto.stderr.ends_with(said), "{auto}");
    project.write("prism.yaml", "localhost: never\n");
    run(&[]).exits(28);
    assert_eq!(run(&["--localhost=auto"]).succeeds().line(), own_name(&project));
    project.write("prism.yaml", "localhost: auto\n");
    assert_eq!(run(&[]).succeeds().line(), own_name(&project));
    drop(stranger);
    assert_eq!(run(&[]).exits(7).stderr.lines().count(), 1, "nobody is there, so nothing is made");
    project.write("prism.yaml", "localhost: always\n");
    assert_eq!(run(&[]).succeeds().line(), own_name(&project));
    project.write("prism.yaml", "localhost: sometimes\n");
    assert!(run(&[]).exits(125).stderr.contains("`localhost`"));
}

#[test]
fn a_shell_is_opened_in_it() {
    let (stranger, port) = stranger();
    let project = web(port);
    let bash = project.sandbox.command("bash", &project.directory, &["-c", "command -v bash"]).succeeds();
    let typed = format!("curl -sS http://localhost:{port}/hostname\nexit 7\n");
    let shell = project.prism(&["shell"]).env("SHELL", bash.line()).stdin(typed).exits(7);
    assert_eq!(shell.line(), own_name(&project), "{shell}");
    drop(stranger);
    nothing_is_left(&project);
}

#[test]
fn without_pasta_it_says_what_to_install() {
    let (_stranger, port) = stranger();
    let project = web(port);
    project.prism(&["start"]).succeeds();
    let bin = project.sandbox.root().join("bin");
    fs::create_dir(&bin).expect("bin");
    for name in ["true", "docker", "apt-get"] {
        symlink(Path::new("/usr/bin").join(name), bin.join(name)).expect("link");
    }
    let run = |word: &str| project.prism(&["exec", word, "--", "true"]).env("PATH", &bin);
    let refused = run("--localhost").exits(125);
    assert_eq!(
        refused.stderr,
        "prism: error: `--localhost` needs `pasta`, which is not installed\nhint: install it: `apt-get install passt`\n"
    );
    let auto = run("--localhost=auto").succeeds();
    let said = "talks to it (`localhost` cannot be this session: `--localhost` needs `pasta`, which is not installed; install it: `apt-get install passt`; `guard: off`";
    assert!(auto.stderr.contains(said), "{auto}");
    let doctor = project.prism(&["doctor"]).env("PATH", &bin).run();
    assert!(doctor.stdout.contains("-     no `prism exec --localhost`: "), "{doctor}");
    assert!(project.prism(&["doctor"]).run().stdout.contains("ok    `prism exec --localhost` works here\n"));
}
