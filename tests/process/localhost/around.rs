//! What goes between the command and this machine: its servers, and what listens here.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{SERVER, asked, free, helpers, localhost, nothing_is_left, own_name, server, web};
use crate::support::{Project, eventually};

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
fn within_another_sessions_network_the_loopback_is_the_machines_all_the_same() {
    let (one, two) = (web(free()), web(free()));
    let there = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = there.local_addr().expect("address").port();
    std::thread::spawn(move || {
        for mut stream in there.incoming().flatten() {
            let _ = stream.write_all(b"elsewhere\n");
        }
    });
    one.prism(&["start"]).succeeds();
    two.prism(&["start"]).succeeds();
    let prism = env!("CARGO_BIN_EXE_prism");
    let back = format!(
        "cat </dev/tcp/127.0.0.1/{port}; curl -sS $WEB_URL/hostname; {prism} -C '{}' exec --localhost -- sh -c 'curl -sS $WEB_URL/hostname'",
        one.directory.display()
    );
    let two_directory = two.directory.display().to_string();
    let within = [prism, "-C", &two_directory, "exec", "--localhost", "--", "bash", "-c", &back];
    let seen = localhost(&one, &within).succeeds();
    assert_eq!(seen.stdout, format!("elsewhere\n{}\n{}\n", own_name(&two), own_name(&one)), "{seen}");
    nothing_is_left(&one);
    nothing_is_left(&two);
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
