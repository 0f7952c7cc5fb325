//! Projects of the corpus, all of them if `PRISM_TEST_CORPUS` is `all`, or those of the directory that it names, twice: what
//! Compose makes of both with prism's override must not meet, and each must be what its author wrote.

mod kept;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use serde_json::Value;

use crate::support::Sandbox;

fn projects() -> Vec<PathBuf> {
    let asked = std::env::var_os("PRISM_TEST_CORPUS").map(PathBuf::from).filter(|path| path.is_absolute());
    let corpus = asked.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus"));
    let mut found: Vec<PathBuf> =
        fs::read_dir(corpus).expect("corpus").map(|entry| entry.expect("entry").path()).collect();
    found.retain(|path| path.is_dir());
    found.sort();
    found
}

/// Of so many projects one is compared, unless all are asked for: it takes long, and rarely breaks.
const PART: usize = 3;

/// Divides the corpus into tests, so that each has an end in sight.
macro_rules! shares {
    ($($name:ident $number:literal)*) => {
        const SHARES: usize = [$($number),*].len();

        $(#[test]
        fn $name() {
            compare_share($number);
        })*
    };
}

shares! {
    two_copies_share_nothing_and_keep_what_was_written_1 0
    two_copies_share_nothing_and_keep_what_was_written_2 1
    two_copies_share_nothing_and_keep_what_was_written_3 2
    two_copies_share_nothing_and_keep_what_was_written_4 3
    two_copies_share_nothing_and_keep_what_was_written_5 4
    two_copies_share_nothing_and_keep_what_was_written_6 5
    two_copies_share_nothing_and_keep_what_was_written_7 6
    two_copies_share_nothing_and_keep_what_was_written_8 7
}

fn compare_share(share: usize) {
    let projects = projects();
    let asked = std::env::var("PRISM_TEST_CORPUS").ok();
    let is_own = asked.as_deref().is_none_or(|asked| asked == "all");
    assert!(projects.len() >= if is_own { 40 } else { 1 }, "a corpus of {}", projects.len());
    let step = if asked.is_some() { 1 } else { PART };
    let queue = Mutex::new(projects.iter().skip(share).step_by(SHARES).step_by(step));
    let wrong: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let Some(project) = queue.lock().expect("queue").next() else { return };
                    let found = compare(project);
                    wrong.lock().expect("results").extend(found);
                }
            });
        }
    });
    let mut wrong = wrong.into_inner().expect("results");
    wrong.sort();
    assert!(wrong.is_empty(), "{} findings:\n{}", wrong.len(), wrong.join("\n"));
}

/// Resolves two copies of a project with their overrides, and lists what they have in common.
fn compare(project: &Path) -> Vec<String> {
    let name = project.file_name().expect("name").to_string_lossy().into_owned();
    let sandbox = Sandbox::new();
    // One of them has a secret of this file.
    fs::write(sandbox.root().join("home/.npmrc"), "").expect("a file");
    let resolved = ["one", "two"].map(|copy| -> Result<(Value, Value), String> {
        let directory = sandbox.work().join(copy).join("app");
        fs::create_dir_all(directory.parent().expect("parent")).expect("directory");
        let source = project.to_str().expect("UTF-8");
        sandbox
            .command("cp", &sandbox.work(), &["-r", source, directory.to_str().expect("UTF-8")])
            .succeeds();
        if copy == "two" {
            read_a_variable(&directory);
        }
        let config = ["compose", "--profile", "*", "config", "--format", "json"];
        let outcome = sandbox.prism(&directory, &config).run();
        let ours =
            serde_json::from_str::<Value>(&outcome.stdout).map_err(|_| format!("{name}: {outcome}"))?;
        let header = header(&directory);
        assert!(copy == "one" || !header["resolved"].is_null(), "{name}: {header}");
        let known = entries(&header, "known");
        if copy == "two" && known.is_empty() {
            return Ok((ours, Value::Null));
        }
        let author = sandbox.command("docker", &directory, &["compose", "-p", name_of(&ours)]);
        let author = author.args(&config[1..]).env("PWD", &directory);
        let author =
            known.iter().fold(author, |run, (name, value)| run.env(name, value.as_str().expect("a text")));
        let author = author.run();
        let author =
            serde_json::from_str::<Value>(&author.stdout).map_err(|_| format!("{name}: {author}"))?;
        Ok((ours, author))
    });
    match resolved {
        [Ok((one, of_one)), Ok((two, of_two))] => {
            let mut findings = one_copy(&one);
            findings
                .extend(names(&one).intersection(&names(&two)).map(|shared| format!("both have {shared}")));
            findings.extend(kept::changes(&of_one, &one));
            let of_two = if of_two.is_null() { moved(&of_one, name_of(&two)) } else { of_two };
            findings.extend(kept::changes(&of_two, &two).into_iter().map(|it| format!("resolved: {it}")));
            findings.into_iter().map(|finding| format!("{name}: {finding}")).collect()
        }
        results => results.into_iter().filter_map(Result::err).collect(),
    }
}

/// Lets the project read a variable, be it for nothing: prism then resolves it for children.
fn read_a_variable(directory: &Path) {
    let path = directory.join(".env");
    let text = fs::read_to_string(&path).unwrap_or_default();
    fs::write(&path, format!("{text}\nCORPUS=${{CORPUS_UNSET:-}}\n")).expect("a .env");
}

fn name_of(config: &Value) -> &str {
    config["name"].as_str().expect("a name")
}

/// Makes of one copy's project the other one's: they are the same but for their directory and their name.
fn moved(config: &Value, name: &str) -> Value {
    let text = config.to_string().replace("/work/one/", "/work/two/").replace(name_of(config), name);
    serde_json::from_str(&text).expect("JSON")
}

/// Reads the first line of an override.
fn header(directory: &Path) -> Value {
    let text = fs::read_to_string(directory.join("docker-compose.session.yml")).expect("an override");
    let first = text.lines().next().expect("a line");
    serde_json::from_str(first.trim_start_matches("# ")).expect("a header")
}

fn entries<'v>(value: &'v Value, key: &str) -> Vec<(&'v String, &'v Value)> {
    value[key].as_object().into_iter().flatten().collect()
}

/// Names and addresses that Docker has once on a machine.
fn names(config: &Value) -> BTreeSet<String> {
    let mut names = BTreeSet::from([format!("project {}", config["name"])]);
    for (key, service) in entries(config, "services") {
        let built = !service["build"].is_null();
        names.extend(
            built
                .then(|| format!("image {} of {key}", service["image"]))
                .filter(|_| !service["image"].is_null()),
        );
        for tag in service["build"]["tags"].as_array().into_iter().flatten() {
            names.insert(format!("image tag {tag} of {key}"));
        }
        let has_own = has_own_traefik(config);
        names.extend(spoken(service).into_iter().filter(|name| !has_own || !name.starts_with("rule ")));
    }
    for kind in ["networks", "volumes"] {
        for (_, thing) in entries(config, kind).into_iter().filter(|(_, thing)| thing["external"] != true) {
            names.insert(format!("{kind} {}", thing["name"]));
            for pool in thing["ipam"]["config"].as_array().into_iter().flatten() {
                names.insert(format!("subnet {}", pool["subnet"]));
            }
            for option in ["com.docker.network.bridge.name", "parent"] {
                let value = &thing["driver_opts"][option];
                names.extend((!value.is_null()).then(|| format!("network option {option}={value}")));
            }
        }
    }
    names
}

/// Says whether a proxy of the project itself sees nothing but its session: rules are for that one.
fn has_own_traefik(config: &Value) -> bool {
    let is_constraint =
        |word: &Value| word.as_str().is_some_and(|word| word.starts_with("--providers.docker.constraints="));
    let mut services = entries(config, "services").into_iter();
    services.any(|(_, service)| service["command"].as_array().into_iter().flatten().any(is_constraint))
}

/// Names and rules that a proxy has once on a machine.
fn spoken(service: &Value) -> Vec<String> {
    let mut found = Vec::new();
    for (key, value) in entries(service, "labels") {
        let words: Vec<&str> = key.split('.').collect();
        match words[..] {
            ["traefik", protocol, section, name, ..] => {
                found.push(format!("{section} {name} of {protocol}"));
                found.extend((words.last() == Some(&"rule")).then(|| format!("rule {value}")));
            }
            [caddy] if (caddy == "caddy" || caddy.starts_with("caddy_")) && value != "" => {
                found.push(format!("site {value}"));
            }
            _ => {}
        }
    }
    let host = &service["environment"]["VIRTUAL_HOST"];
    found.extend((!host.is_null()).then(|| format!("host {host}")));
    found
}

/// What no copy may have, whatever the other one has.
fn one_copy(config: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut taken = BTreeSet::new();
    for (key, service) in entries(config, "services") {
        if !service["container_name"].is_null() {
            wrong.push(format!("{key} has container_name {}", service["container_name"]));
        }
        for port in service["ports"].as_array().into_iter().flatten() {
            let host_ip = port["host_ip"].as_str().unwrap_or_default();
            if !host_ip.starts_with("127.") && host_ip != "::1" {
                wrong.push(format!("{key} binds {port}"));
            }
            let published =
                port["published"].as_str().and_then(|text| text.split('-').next()?.parse::<u16>().ok());
            if published.is_some_and(|published| !(20_000..30_000).contains(&published)) {
                wrong.push(format!("{key} has the fixed port {port}"));
            }
            if published.is_some_and(|published| !taken.insert((published, host_ip.to_owned()))) {
                wrong.push(format!("{key} has the port of another service, {port}"));
            }
        }
        for (network, attachment) in entries(service, "networks") {
            for field in ["ipv4_address", "ipv6_address", "link_local_ips", "mac_address"] {
                if !attachment[field].is_null() {
                    wrong.push(format!("{key} has {field} on {network}"));
                }
            }
        }
        if !service["mac_address"].is_null() {
            wrong.push(format!("{key} has a mac_address"));
        }
        if service["labels"]["dev-prism.session_id"].is_null() {
            wrong.push(format!("{key} lacks the session's label"));
        }
    }
    wrong
}
