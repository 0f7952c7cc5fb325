//! What every reader of foreign text holds, whatever the text: cargo-fuzz and `make test` ask the same.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use domain::engine::container::Status;
use domain::engine::note::Note;
use domain::engine::socket::Sockets;
use domain::environment::Environment;
use domain::identity::name::{ProjectName, SessionId};
use domain::identity::own::{DIFF, FORMER, RECORD, is_own};
use domain::identity::variable_name::is_reserved;
use domain::port::reservation::{read_note_label, read_service_label};
use domain::shell::SHELLS;
use domain::shell::layer::{Layer, Now, Offer, Operation, Sight};
use domain::shell::original::original;
use domain::stack::header::{Header, is_generated};
use domain::stack::model::Model;
use domain::stack::overlay::{Facts, overlay};
use domain::stack::plan::plan;
use domain::stack::settings::{ServiceSettings, Settings};
use domain::stack::starter::{self, Foreign};
use domain::stack::{dotenv_file, input, reader, store};
use domain::text::env_file::{self, is_name};
use domain::text::{block, dotenv, loopback, yaml};
use domain::variable::Variable;
use domain::worktree::git_config;

/// A reader, and what is true of what it reads.
pub type Target = fn(&[u8]);

/// All of them by name: that of the folder with their seeds.
pub const ALL: [(&str, Target); 8] = [
    ("header", header),
    ("diff", diff),
    ("vars", vars),
    ("dotenv", dotenv),
    ("settings", settings),
    ("walk", walk),
    ("labels", labels),
    ("model", model),
];

/// The first line of an override: without the key, none is believed.
pub fn header(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = (Header::body(&text), is_generated(data));
    assert_eq!(Header::read(&text, "a key that no seed was sealed with"), None);
    // What is believed is what was written.
    if let Some(mut header) = Header::read(&text, "k") {
        let body = Header::body(&text).map(str::to_owned).unwrap_or_default();
        let written = header.prepend(&body, Some("k")).unwrap_or_default();
        assert_eq!(Header::read(&written, "k"), Some(header));
    }
}

/// `__PRISM_DIFF`.
pub fn diff(data: &[u8]) {
    let text = String::from_utf8_lossy(data).replace('\0', "");
    shell(&[(DIFF, &text), ("A", "1"), ("PATH", "/bin"), ("LD_PRELOAD", "mine.so")]);
}

/// `PRISM_VARS` and `PRISM_FORMER`.
pub fn vars(data: &[u8]) {
    let text = String::from_utf8_lossy(data).replace('\0', "");
    shell(&[(RECORD, &text), ("PRISM_SESSION", "/w"), ("A", "1"), ("PATH", "/bin")]);
    shell(&[(FORMER, &text), ("COMPOSE_FILE", "/w/docker-compose.session.yml")]);
}

/// Lets a hook act on an environment: whatever is in it, a shell only sets and unsets what it may.
fn shell(environment: &[(&str, &str)]) {
    let given = || environment.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    let _ = original(given().collect::<Environment>());
    let now = Now::new(given());
    let layer = Layer::read(now.get(DIFF));
    let variable =
        |name: &str| Variable { name: name.to_owned(), value: "v".to_owned(), ..Variable::default() };
    let offer = Offer {
        session: "/w".to_owned(),
        variables: vec![variable("A"), variable("B_URL"), variable("PROMPT_COMMAND")],
        own: vec![("PRISM_SESSION".to_owned(), "/w".to_owned())],
    };
    for sight in
        [Sight::Nothing, Sight::Unknown("/w".to_owned()), Sight::HandedOver, Sight::Up(offer.clone())]
    {
        may_be_obeyed(&layer.step(&now, &sight, |_| {}));
    }
    may_be_obeyed(&layer.settle(&now, &offer));
}

fn may_be_obeyed(steps: &[Operation]) {
    for Operation { name, .. } in steps {
        assert!(is_name(name), "{name:?}");
        assert!(is_own(name) || name == DIFF || !is_reserved(name), "{name:?}");
    }
    for shell in &SHELLS {
        let _ = shell.render(steps);
    }
}

/// `.env`, an env file, `.git/config`, and a file with a block of prism's.
pub fn dotenv(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let read = dotenv::read(&text);
    let _ = dotenv::write(read.iter().map(|(name, value)| (name.as_str(), value.as_str())));
    let _ = env_file::parse(&text, "a.env");
    for line in dotenv_file::lines(&text, ".env") {
        address(&line.value);
    }
    address(&text);
    let _ = git_config::value(&text, "remote", "url");
    if let Ok(replaced) = block::replace(data, "A=1\n") {
        let again = block::replace(&replaced, "A=1\n").ok();
        assert_eq!(again.as_ref(), Some(&replaced), "a second time changes nothing");
    }
}

/// The value of a variable: translated, it leads where it is to lead, and stays so.
fn address(value: &str) {
    let _ = loopback::ports(value, "box");
    let translated = |value: &str| loopback::translated(value, "box", |_| Some(("127.0.0.1", 7000)));
    if let Some(found) = translated(value) {
        assert!(found.ports.iter().all(|(_, port)| *port == 7000), "{value:?}");
        let again = translated(&found.value).map_or_else(|| found.value.clone(), |again| again.value);
        assert_eq!(again, found.value, "{value:?}");
    }
}

/// `prism.yaml`.
pub fn settings(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(settings) = Settings::parse(&text, "prism.yaml") {
        let _ = settings.name(&["services"]);
    }
}

/// The Compose walk.
pub fn walk(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = input::env_file_variables(&text);
    let _ = input::resolve_path(&text, |_| Some("v".to_owned()));
    let _ = input::references(&text);
}

/// Labels, and what else the Engine says in words.
pub fn labels(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = Status::parse(&text);
    let _ = Sockets::parse(&text);
    for block in
        read_service_label(&"db".into(), &text).into_values().chain(read_note_label(&text).into_values())
    {
        assert!(block.ports().count() > 0);
    }
    let labels: BTreeMap<String, String> = text
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .collect();
    let note = Note::read(&labels);
    assert_eq!(note.labels().map(|labels| Note::read(&labels)).ok(), Some(note));
    let _ = ServiceSettings::merged(&"db".into(), &labels, None);
    let config = serde_json::json!({"services": {"db": {"image": "i", "labels": labels}}});
    model(config.to_string().as_bytes());
}

/// What Compose resolved: whatever it is, the override says it in YAML that comes back.
pub fn model(data: &[u8]) {
    let Ok(model) = Model::parse(data) else { return };
    let session_id = SessionId::new("/w/shop", None);
    let project = ProjectName::new("shop", &session_id);
    let _ = reader::spoken(&model, &project);
    let Ok(mut plan) = plan(&model, &Settings::default(), Ipv4Addr::LOCALHOST.into(), &[]) else { return };
    plan.own = store::own(&model, &plan, "/w/shop");
    let all: Vec<_> = model.services.keys().cloned().collect();
    let _ = store::stores(&model, &plan, &all, "/w/shop");
    let facts = Facts {
        project,
        session_id,
        directory: "/w/shop".to_owned(),
        owner: "0@m".to_owned(),
        process: None,
        created_at: "2026-01-01T00:00:00Z".to_owned(),
        has_start_interval: true,
        excluded: Vec::new(),
        profiles: BTreeMap::new(),
        builds: BTreeMap::new(),
    };
    let text = yaml::write(&overlay(&model, &plan, &facts));
    let read = serde_yaml::from_str::<serde_yaml::Value>(&text);
    assert!(read.is_ok(), "{read:?}\n{text}");
    let starter = starter::write(&model, &plan, &Foreign::default(), "/w/shop");
    let proposed = Settings::parse(&starter, "prism.yaml");
    assert!(proposed.is_ok_and(|proposed| proposed.setup.is_empty() && proposed.env.is_empty()), "{starter}");
}
