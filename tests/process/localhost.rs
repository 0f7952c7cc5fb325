//! A command with a network of its own, in which `localhost` is the session.

use std::collections::BTreeSet;
use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
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
fn what_else_is_on_the_loopback_stays_what_it_is_and_a_service_is_at_its_own_number_where_that_is_free() {
    let project = web(free());
    let elsewhere = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = elsewhere.local_addr().expect("address").port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = elsewhere.accept() {
            let _ = stream.write_all(b"elsewhere");
        }
    });
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; cat <&3; (: <>/dev/tcp/127.0.0.1/9) 2>&1");
    let seen = localhost(&project, &["bash", "-c", &script]).exits(1);
    assert!(seen.stdout.starts_with("elsewhere") && seen.stdout.contains("Connection refused"), "{seen}");
    if TcpListener::bind("127.0.0.1:80").is_ok() {
        let usual = localhost(&project, &["curl", "-sS", "http://127.0.0.1/hostname"]).succeeds();
        assert_eq!(usual.line(), own_name(&project));
    }
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
fn hundreds_of_connections_at_once_are_relayed_whole() {
    let project = web(free());
    let there = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = there.local_addr().expect("address").port();
    std::thread::spawn(move || {
        for mut stream in there.incoming().flatten() {
            std::thread::spawn(move || {
                let mut heard = Vec::new();
                // The answer comes after the end of what is asked.
                let _ = stream.read_to_end(&mut heard);
                let _ = stream.write_all(&heard);
            });
        }
    });
    let ask = "import socket, sys, threading
whole = []
def ask(number):
    with socket.create_connection(('127.0.0.1', int(sys.argv[1])), 30) as one:
        text = b'%d' % number * 50000
        one.sendall(text)
        one.shutdown(socket.SHUT_WR)
        whole.append(one.makefile('rb').read() == text)
threads = [threading.Thread(target=ask, args=[number]) for number in range(300)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(whole.count(True))
";
    let outcome = localhost(&project, &["python3", "-c", ask, &port.to_string()]).succeeds();
    assert_eq!(outcome.line(), "300", "{outcome}");
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

#[test]
fn two_sessions_have_a_server_on_one_port_and_both_are_reached() {
    let (one, two) = (web(free()), web(free()));
    let port = free();
    let mut first = server(&one, "127.0.0.1", port);
    let name = |project: &Project| project.directory.display().to_string();
    eventually("the first is at its own number", || asked("127.0.0.1", port) == name(&one));
    assert_eq!(asked("::1", port), name(&one));
    let mut second = server(&two, "0.0.0.0", port);
    // Which number the second one has outside is said when it is known: its sockets tell, too.
    let mut found = None;
    eventually("the second is at another number", || {
        let ports = helpers(&two.directory).into_iter().flat_map(listening);
        found = ports.into_iter().find(|port| asked("127.0.0.1", *port) == name(&two));
        found.is_some()
    });
    assert_eq!(asked("127.0.0.1", port), name(&one));
    let listed = two.prism(&["ports", "inspect", "--format", "json"]).succeeds();
    let listed: serde_json::Value = serde_json::from_str(&listed.stdout).expect("json");
    let shown = listed["ports"].as_array().expect("ports").iter().find(|it| !it["command_port"].is_null());
    let shown = shown.map(|it| (it["command_port"].as_u64(), it["port"].as_u64()));
    assert_eq!(shown, Some((Some(port.into()), found.map(u64::from))), "{listed}");
    second.kill(Signal::SIGTERM);
    second.dies_of(Signal::SIGTERM);
    let said = second.errors();
    let other = found.expect("a port");
    assert!(said.contains(&format!("port {port} here is at 127.0.0.1:{other} ")), "{said}");
    first.kill(Signal::SIGTERM);
    first.dies_of(Signal::SIGTERM);
    nothing_is_left(&one);
    nothing_is_left(&two);
    assert!(TcpListener::bind(("127.0.0.1", port)).is_ok());
}

#[test]
fn an_exposed_port_is_at_the_number_of_its_app() {
    let project = web(free());
    let port = free();
    project.write("prism.yaml", "apps: {front: {dir: front}}\n");
    let name = project.directory.display().to_string();
    let expose = format!("{port}:front");
    let command =
        ["exec", "--expose", &expose, "--", "python3", "-c", SERVER, "127.0.0.1", &port.to_string()];
    let mut command = project.prism(&command).live();
    command.says("ready");
    let app: u16 = project.prism(&["get", "FRONT_PORT"]).succeeds().line().parse().expect("a port");
    eventually("it is at the app's port", || asked("127.0.0.1", app) == name);
    assert_eq!(asked("127.0.0.1", port), "", "nowhere else");
    for (verb, shown) in [
        (["ports", "inspect"], format!("{app}  port {port} of a command")),
        (["info", "."], format!("port {port} of a command  127.0.0.1:{app}")),
    ] {
        let seen = project.prism(&verb).succeeds().stdout;
        assert!(seen.contains(&shown), "{seen}");
    }
    let listed = project.prism(&["list"]).succeeds().stdout;
    assert!(listed.contains(&format!("127.0.0.1:{app}\n")), "{listed}");
    command.kill(Signal::SIGTERM);
    command.dies_of(Signal::SIGTERM);
    nothing_is_left(&project);
}

#[test]
fn commands_of_one_session_have_one_localhost() {
    let project = web(free());
    let port = free();
    let mut first = server(&project, "127.0.0.1", port);
    let before = helpers(&project.directory);
    // It came up on the machine after the network was made.
    let later = TcpListener::bind("127.0.0.1:0").expect("a port");
    let later_port = later.local_addr().expect("address").port();
    std::thread::spawn(move || later.accept().expect("accept").0.write_all(b"later"));
    let script = format!("curl -sS http://127.0.0.1:{port}; cat </dev/tcp/127.0.0.1/{later_port}");
    let seen = localhost(&project, &["bash", "-c", &script]).succeeds();
    assert_eq!(seen.stdout, format!("{}later", project.directory.display()), "{seen}");
    let mut second = localhost(&project, &["sh", "-c", "echo ready; exec tail -f /dev/null"]).live();
    second.says("ready");
    assert_eq!(helpers(&project.directory), before, "nothing was made for it");
    first.kill(Signal::SIGTERM);
    first.dies_of(Signal::SIGTERM);
    let third = server(&project, "127.0.0.1", port);
    eventually("it is reached", || asked("127.0.0.1", port) == project.directory.display().to_string());
    second.kill(Signal::SIGTERM);
    second.dies_of(Signal::SIGTERM);
    assert_eq!(helpers(&project.directory), before);
    drop(third);
    nothing_is_left(&project);
}

/// Waits for what begins on the machine and says what that says, then for its end: the number is free within.
const FOLLOW: &str = "import socket, sys, time
port = int(sys.argv[1])
def until(work):
    while True:
        try: return work()
        except OSError: time.sleep(0.01)
def hear():
    with socket.create_connection(('127.0.0.1', port), 5) as one: return one.makefile().read()
def own():
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.bind(('127.0.0.1', port))
    one.listen()
    return one
def ask():
    one = socket.socket(type=socket.SOCK_DGRAM)
    one.settimeout(0.1)
    one.connect(('127.0.0.1', int(sys.argv[2])))
    one.send(b'?')
    return one.recv(9).decode()
print('ready', flush=True)
print(until(hear) or 'reset', flush=True)
print(until(ask), flush=True)
kept = until(own)
print('free', flush=True)
while True: kept.accept()[0].sendall(b'within')
";

#[test]
fn what_begins_and_ends_on_the_machine_does_so_within() {
    let project = web(free());
    // No number that systems give to clients: those of UDP are not passed on.
    let udp = (20_000..30_000).find_map(|port| UdpSocket::bind(("127.0.0.1", port)).ok()).expect("a port");
    let (port, udp_port) = (free(), udp.local_addr().expect("address").port());
    drop(udp);
    let mut within =
        localhost(&project, &["python3", "-c", FOLLOW, &port.to_string(), &udp_port.to_string()]).live();
    within.says("ready");
    let later = TcpListener::bind(("127.0.0.1", port)).expect("the port");
    let began = Instant::now();
    later.set_nonblocking(true).expect("nonblocking");
    let mut came = None;
    eventually("it is reached", || {
        came = later.accept().ok();
        came.is_some()
    });
    let (mut came, _) = came.expect("a connection");
    came.write_all(b"later").expect("said");
    drop(came);
    // A quarter of a second, and what a busy machine takes.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    within.says("later");
    let udp = UdpSocket::bind(("127.0.0.1", udp_port)).expect("the port");
    udp.set_read_timeout(Some(Duration::from_secs(30))).expect("a deadline");
    let (_, asking) = udp.recv_from(&mut [0; 9]).expect("asked");
    udp.send_to(b"datagram", asking).expect("answered");
    within.says("datagram");
    drop((later, udp));
    within.says("free");
    eventually("what listens within is reached", || {
        let mut answer = String::new();
        let heard = TcpStream::connect(("127.0.0.1", port)).and_then(|mut it| it.read_to_string(&mut answer));
        heard.is_ok() && answer == "within"
    });
    within.kill(Signal::SIGKILL);
    within.end();
    nothing_is_left(&project);
}

/// The descriptors of a process.
fn descriptors(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count)
}

#[test]
fn what_comes_and_goes_on_the_machine_leaves_nothing_in_the_helpers() {
    let project = web(free());
    let mut command = localhost(&project, &["sh", "-c", "echo ready; exec tail -f /dev/null"]).live();
    command.says("ready");
    let outside = |process: &u32| {
        fs::read_to_string(format!("/proc/{process}/comm")).is_ok_and(|name| name == "prism-net-out\n")
    };
    let helper = helpers(&project.directory).into_iter().find(outside).expect("the helper outside");
    let count = || descriptors(helper);
    // Other tests come and go as well: as many as are led in more than come and go with them.
    for _ in 0..3 {
        let before = count();
        let listeners: Vec<TcpListener> =
            (0..200).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
        eventually("they are led", || count() > before + 150);
        drop(listeners);
        eventually("they are let go", || count() < before + 50);
    }
    command.kill(Signal::SIGKILL);
    command.end();
    nothing_is_left(&project);
}

#[test]
fn commands_that_begin_at_once_have_one_localhost() {
    let project = web(free());
    project.prism(&["start"]).succeeds();
    for _ in 0..3 {
        let command =
            || localhost(&project, &["sh", "-c", "readlink /proc/self/ns/net; exec tail -f /dev/null"]);
        let mut commands: Vec<Live> = (0..4).map(|_| command().live()).collect();
        let networks: BTreeSet<String> = commands.iter().map(Live::line).collect();
        assert_eq!((networks.len(), helpers(&project.directory).len()), (1, 3), "{networks:?}");
        for command in &mut commands {
            command.kill(Signal::SIGKILL);
            command.end();
        }
        nothing_is_left(&project);
    }
}

#[test]
fn one_that_was_killed_while_it_made_the_network_keeps_nobody_waiting() {
    let project = web(free());
    project.prism(&["start"]).succeeds();
    for number in 0..6 {
        let mut victim = localhost(&project, &["true"]).live();
        // Not a wait for something: the moment is what is tried.
        std::thread::park_timeout(Duration::from_millis(number * 30));
        victim.kill(Signal::SIGKILL);
        let began = Instant::now();
        localhost(&project, &["true"]).succeeds();
        assert!(began.elapsed() < Duration::from_secs(10), "it waited for nobody");
        victim.end();
    }
    nothing_is_left(&project);
}

/// The ports at which a process listens on this machine.
fn listening(process: u32) -> Vec<u16> {
    let descriptors = fs::read_dir(format!("/proc/{process}/fd")).into_iter().flatten().flatten();
    let links = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
    let inodes: Vec<String> = links
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.trim_end_matches(']').to_owned()))
        .collect();
    let table = fs::read_to_string("/proc/net/tcp").expect("table");
    let ports = table.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_meant =
            fields.get(3) == Some(&"0A") && inodes.iter().any(|it| Some(&it.as_str()) == fields.get(9));
        let (_, port) = fields.get(1)?.split_once(':')?;
        is_meant.then(|| u16::from_str_radix(port, 16).ok()).flatten()
    });
    ports.collect()
}

#[test]
fn what_a_command_leaves_behind_keeps_its_network_until_it_ends() {
    let project = web(free());
    let port = free();
    let script = "python3 -c \"$0\" 127.0.0.1 \"$1\" </dev/null >/dev/null 2>&1 & echo $!";
    let outcome = localhost(&project, &["sh", "-c", script, SERVER, &port.to_string()]).succeeds();
    let left: i32 = outcome.line().parse().expect("a pid");
    eventually("it is reached", || asked("127.0.0.1", port) == project.directory.display().to_string());
    assert_eq!(helpers(&project.directory).len(), 3);
    kill(Pid::from_raw(left), Signal::SIGKILL).expect("kill");
    nothing_is_left(&project);
}

#[test]
fn killed_at_any_moment_it_leaves_nothing() {
    let project = web(free());
    project.prism(&["start"]).succeeds();
    let kills: u64 = std::env::var("PRISM_TEST_KILLS").ok().and_then(|it| it.parse().ok()).unwrap_or(10);
    for number in 0..kills {
        let mut victim = localhost(&project, &["tail", "-f", "/dev/null"]).live();
        // Not a wait for something: the moment is what is tried.
        std::thread::park_timeout(Duration::from_millis(number * 150 / kills));
        victim.kill(Signal::SIGKILL);
        victim.end();
        nothing_is_left(&project);
    }
}

#[test]
fn the_helpers_end_each_other() {
    let project = web(free());
    for number in 0..3 {
        let mut live = localhost(&project, &["sh", "-c", "echo ready; exec tail -f /dev/null"]).live();
        live.says("ready");
        let mut helpers = helpers(&project.directory);
        helpers.sort_unstable();
        assert_eq!(helpers.len(), 3);
        let victim = i32::try_from(helpers[number]).expect("a pid");
        kill(Pid::from_raw(victim), Signal::SIGKILL).expect("kill");
        if number < 2 {
            nothing_is_left(&project);
        }
        live.kill(Signal::SIGKILL);
        live.end();
        nothing_is_left(&project);
    }
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
