//! What a Compose file draws in: other files, and variables from the environment.
//!
//! `docker compose config` does not name them all, so these few keys are walked here; nothing else is.

use std::collections::{BTreeMap, BTreeSet};

use serde_yaml::Value;

use crate::text::yaml;

#[cfg(test)]
mod schema;

/// The keys of a service that name files of `NAME=value` lines: their values become part of the service.
const VALUES: [&str; 2] = ["env_file", "label_file"];

/// The key that draws in whole Compose files, wherever it stands.
const INCLUDE: &str = "include";

/// The key that names the project, at the top of a file.
const NAME: &str = "name";

/// The key that takes a service from another file.
const EXTENDS: &str = "extends";

/// Files and variables that one Compose file refers to, as written there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    /// The project's name, as its first document says it.
    pub name: Option<String>,
    /// Entries of `include`.
    pub includes: Vec<Include>,
    /// Values of `extends.file`.
    pub extends: Vec<String>,
    /// Values of `env_file` and `label_file`.
    pub env_files: Vec<String>,
    /// Files of `security_opt`.
    pub profiles: Vec<String>,
    /// Names that Compose looks up in the environment.
    pub variables: BTreeSet<String>,
    /// Names that stand for host ports, each with the service. prism puts its own ports in their place.
    pub host_ports: BTreeMap<String, String>,
    /// Where a list is written that has nothing in it, key by key. Compose leaves it out of what it resolves, and
    /// then fails to merge another file unless that resets it.
    pub empty_lists: BTreeSet<Vec<String>>,
}

/// One entry of `include`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Include {
    /// The files, the first of which gives the directory.
    pub paths: Vec<String>,
    /// The directory that its relative paths follow, where the entry names one.
    pub project_directory: Option<String>,
    /// Env files for its interpolation.
    pub env_files: Vec<String>,
}

/// Walks the text of a Compose file. `None` if it is not YAML: Compose will say so better.
pub fn references(text: &str) -> Option<References> {
    let mut found = References::default();
    // Compose reads every document of a file.
    for document in yaml::documents(text)? {
        let mut root = <Value as serde::Deserialize>::deserialize(document).ok()?;
        let name = root.get(NAME).and_then(Value::as_str).filter(|name| !name.is_empty());
        found.name = found.name.or_else(|| name.map(str::to_owned));
        if let Some(Value::Sequence(entries)) = root.get(INCLUDE) {
            found.includes.extend(entries.iter().map(include));
        }
        walk(&root, &mut found);
        empty_lists(&root, &mut Vec::new(), &mut found.empty_lists);
        take_host_ports(&mut root, &mut found.host_ports);
        values(&root, &mut found.variables);
    }
    Some(found)
}

fn include(entry: &Value) -> Include {
    match entry {
        Value::Mapping(_) => Include {
            paths: texts(entry.get("path")),
            project_directory: entry.get("project_directory").and_then(Value::as_str).map(str::to_owned),
            env_files: texts(entry.get("env_file")),
        },
        other => Include { paths: texts(Some(other)), ..Include::default() },
    }
}

/// Takes the host's side out of each port, and collects the names in it.
fn take_host_ports(root: &mut Value, names: &mut BTreeMap<String, String>) {
    let Some(Value::Mapping(services)) = root.get_mut("services") else { return };
    for (service, definition) in services.iter_mut() {
        let ports = match definition.get_mut("ports") {
            Some(Value::Tagged(tagged)) => tagged.value.as_sequence_mut(),
            other => other.and_then(Value::as_sequence_mut),
        };
        for port in ports.into_iter().flatten() {
            let taken = match port {
                Value::String(text) => host_port(text).map(|place| {
                    let taken = text[place.clone()].to_owned();
                    text.replace_range(place, "");
                    taken
                }),
                Value::Mapping(entries) => {
                    entries.remove("published").and_then(|value| value.as_str().map(str::to_owned))
                }
                _ => None,
            };
            let taken = interpolated(&taken.unwrap_or_default().replace("$$", ""));
            names.extend(taken.into_iter().filter_map(|name| Some((name, service.as_str()?.to_owned()))));
        }
    }
}

/// Finds the host's port in the short form, `[ADDRESS:]HOST:CONTAINER`; a colon inside of braces divides nothing.
fn host_port(text: &str) -> Option<std::ops::Range<usize>> {
    let mut depth = 0_usize;
    let mut colons = Vec::new();
    for (at, c) in text.char_indices() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth = depth.saturating_sub(1),
            ':' if depth == 0 => colons.push(at),
            _ => {}
        }
    }
    let end = colons.pop()?;
    Some(colons.pop().map_or(0, |colon| colon + 1)..end)
}

/// Says whether a value can be nothing but a host port, or a range of them: with an address in it, it would say more.
pub fn is_host_port(value: &str) -> bool {
    value.chars().all(|c| c.is_ascii_digit() || c == '-')
}

/// Collects what the texts of a Compose file refer to; its comments refer to nothing.
fn values(value: &Value, variables: &mut BTreeSet<String>) {
    match value {
        Value::Mapping(entries) => entries.values().for_each(|value| values(value, variables)),
        Value::Sequence(items) => items.iter().for_each(|item| values(item, variables)),
        Value::Tagged(tagged) => values(&tagged.value, variables),
        // `$$` stands for a dollar.
        Value::String(text) => variables.extend(interpolated(&text.replace("$$", ""))),
        _ => {}
    }
}

fn walk(value: &Value, found: &mut References) {
    match value {
        Value::Mapping(entries) => {
            for (key, value) in entries {
                match key.as_str() {
                    Some(INCLUDE) => continue,
                    Some(key) if VALUES.contains(&key) => found.env_files.extend(texts(Some(value))),
                    Some("security_opt") => {
                        let options = texts(Some(value));
                        found
                            .profiles
                            .extend(options.iter().filter_map(|it| seccomp_profile(it)).map(str::to_owned));
                    }
                    Some(EXTENDS) => found.extends.extend(texts(value.get("file"))),
                    Some("environment" | "args") => pass_through(value, &mut found.variables),
                    _ => {}
                }
                walk(value, found);
            }
        }
        Value::Sequence(items) => items.iter().for_each(|item| walk(item, found)),
        Value::Tagged(tagged) => walk(&tagged.value, found),
        _ => {}
    }
}

fn empty_lists(value: &Value, path: &mut Vec<String>, found: &mut BTreeSet<Vec<String>>) {
    match value {
        Value::Mapping(entries) => {
            for (key, value) in entries {
                // Merge keys and extensions are not where they take effect.
                let Some(key) = key.as_str().filter(|key| *key != "<<" && !key.starts_with("x-")) else {
                    continue;
                };
                path.push(key.to_owned());
                empty_lists(value, path, found);
                path.pop();
            }
        }
        Value::Sequence(items) if items.is_empty() => drop(found.insert(path.clone())),
        _ => {}
    }
}

/// Collects names without a value, which Compose takes from its own environment; and for
/// `secrets: {s: {environment: NAME}}` that name.
fn pass_through(value: &Value, variables: &mut BTreeSet<String>) {
    match value {
        Value::Sequence(items) => {
            let names = items.iter().filter_map(Value::as_str).filter(|item| !item.contains('='));
            variables.extend(names.map(str::to_owned));
        }
        Value::Mapping(entries) => {
            let unset = entries.iter().filter(|(_, value)| value.is_null());
            variables.extend(unset.filter_map(|(key, _)| key.as_str()).map(str::to_owned));
        }
        Value::String(name) => drop(variables.insert(name.clone())),
        Value::Tagged(tagged) => pass_through(&tagged.value, variables),
        _ => {}
    }
}

/// Reads a string, a list of strings, or a list of mappings with a `path`.
fn texts(value: Option<&Value>) -> Vec<String> {
    match value {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Sequence(items)) => items.iter().flat_map(|item| texts(Some(item))).collect(),
        Some(Value::Mapping(entries)) => texts(entries.get("path")),
        Some(Value::Tagged(tagged)) => texts(Some(&tagged.value)),
        _ => Vec::new(),
    }
}

/// Collects the names after every `$` and `${` of a text.
pub fn interpolated(text: &str) -> BTreeSet<String> {
    text.split('$')
        .skip(1)
        .map(|rest| rest.strip_prefix('{').unwrap_or(rest))
        .map(|rest| rest.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).next().unwrap_or_default())
        .filter(|name| name.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic()))
        .map(str::to_owned)
        .collect()
}

/// Collects what an env file takes from the environment: interpolations, and names alone on a line.
pub fn env_file_variables(text: &str) -> BTreeSet<String> {
    let mut names = interpolated(text);
    let alone = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && line.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()));
    names.extend(alone.map(str::to_owned));
    names
}

/// Resolves `$NAME`, `${NAME}`, `${NAME-x}` and `${NAME:-x}` in a path; `None` for what is beyond these.
pub fn resolve_path(path: &str, lookup: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(after) = after.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let (expression, after) = after.split_once('}')?;
            out.push_str(&resolve_expression(expression, &lookup)?);
            rest = after;
        } else {
            let end = after.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(after.len());
            out.push_str(&lookup(&after[..end]).unwrap_or_default());
            rest = &after[end..];
        }
    }
    out.push_str(rest);
    Some(out)
}

fn resolve_expression(expression: &str, lookup: impl Fn(&str) -> Option<String>) -> Option<String> {
    let end = expression.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(expression.len());
    let (name, operator) = expression.split_at(end);
    let value = lookup(name);
    if operator.is_empty() {
        Some(value.unwrap_or_default())
    } else if let Some(default) = operator.strip_prefix(":-") {
        Some(value.filter(|value| !value.is_empty()).unwrap_or_else(|| default.to_owned()))
    } else if operator.starts_with(":?") || operator.starts_with('?') {
        // Without a value Compose fails, and nothing is remembered.
        Some(value.unwrap_or_default())
    } else {
        operator.strip_prefix('-').map(|default| value.unwrap_or_else(|| default.to_owned()))
    }
    .filter(|value| !value.contains('$'))
}

/// Returns the file of an entry of `security_opt` whose text Compose gives to the Engine with each new container. A relative
/// one follows the project's directory, whichever file names it.
pub fn seccomp_profile(option: &str) -> Option<&str> {
    let profile = option.strip_prefix("seccomp")?.strip_prefix(['=', ':'])?;
    (profile != "unconfined").then_some(profile)
}

/// Says whether an `include` or `extends` names something that is not a file here (git, OCI, stdin).
pub fn is_remote(path: &str) -> bool {
    path == "-"
        || path.contains("://")
        || path.starts_with("oci:")
        || path.starts_with("git@")
        || path.starts_with("github.com/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_files_in_every_form_that_compose_takes() {
        let found = references(
            "include:\n  - a.yaml\n  - path: [b.yaml, c.yaml]\n    project_directory: sub\n    env_file: b.env\n\
             x-base: &base\n  env_file: base.env\n\
             services:\n  db:\n    <<: *base\n    extends: {file: common.yaml, service: db}\n\
             \x20   env_file:\n      - one.env\n      - path: two.env\n        required: false\n\
             \x20 web:\n    extends: db\n    env_file: !reset null\n    label_file: [a.labels]\n\
             \x20 api:\n    label_file: b.labels\n    security_opt: [\"seccomp=./p.json\", seccomp:unconfined, label:disable]\n",
        )
        .expect("yaml");
        assert_eq!(found.includes[0].paths, ["a.yaml"]);
        assert_eq!(found.includes[1].paths, ["b.yaml", "c.yaml"]);
        assert_eq!(found.includes[1].project_directory.as_deref(), Some("sub"));
        assert_eq!(found.includes[1].env_files, ["b.env"]);
        assert_eq!(found.extends, ["common.yaml"]);
        assert_eq!(found.profiles, ["./p.json"]);
        assert_eq!(
            found.env_files.iter().map(String::as_str).collect::<BTreeSet<_>>(),
            ["a.labels", "b.labels", "base.env", "one.env", "two.env"].into()
        );
    }

    #[test]
    fn finds_variables_of_every_kind() {
        let found = references(
            "services:\n  a:\n    image: \"x:${TAG:?}\"\n    environment: [PASSED, GIVEN=1, \"N=$INNER\"]\n\
             \x20   build: {args: {ARG: , SET: 1}}\n\
             \x20   command: echo $$ESCAPED $5\n\
             secrets: {s: {environment: TOKEN}}\nconfigs: {c: {environment: CONF}}\n",
        )
        .expect("yaml");
        let names: Vec<&str> = found.variables.iter().map(String::as_str).collect();
        assert_eq!(names, ["ARG", "CONF", "INNER", "PASSED", "TAG", "TOKEN"]);
    }

    #[test]
    fn a_name_that_stands_for_a_host_port_alone_is_told_apart() {
        let found = references(
            "services:\n  db:\n    ports: [\"${DB_PORT:-5432}:5432\", \"127.0.0.1:$IP_PORT:80/tcp\", \"$A:1:${IN}\", \"[::1]:${V6}:6\", \"$ONE\"]\n\
             \x20 web:\n    ports:\n      - {target: 80, published: \"${WEB:?set it}\", host_ip: \"$IP\"}\n",
        )
        .expect("yaml");
        let names = found.host_ports.iter().map(|(name, service)| format!("{service} {name}"));
        assert_eq!(names.collect::<Vec<_>>(), ["db DB_PORT", "db IP_PORT", "db V6", "web WEB"]);
        let names: Vec<&str> = found.variables.iter().map(String::as_str).collect();
        assert_eq!(names, ["A", "IN", "IP", "ONE"]);
        assert!(["5432", "5432-5433", ""].into_iter().all(is_host_port));
        assert!(!is_host_port("0.0.0.0:5432") && !is_host_port("none"));
    }

    #[test]
    fn empty_lists_are_found_with_their_path() {
        let found =
            references("services: {a: {security_opt: [], x-y: [], deploy: {placement: {constraints: []}}}}")
                .expect("yaml");
        let paths: Vec<String> = found.empty_lists.iter().map(|path| path.join("/")).collect();
        assert_eq!(paths, ["services/a/deploy/placement/constraints", "services/a/security_opt"]);
    }

    #[test]
    fn a_project_is_named_at_the_top_only() {
        let name = |text: &str| references(text).expect("yaml").name;
        assert_eq!(name("name: ${APP:-shop}\nservices: {}\n").as_deref(), Some("${APP:-shop}"));
        assert_eq!(name("services: {a: {x-name: b}}\nnetworks: {n: {name: c}}\n"), None);
        assert_eq!(name("name: ''\n"), None);
    }

    #[test]
    fn paths_are_resolved_or_given_up() {
        let lookup = |name: &str| (name == "DIR").then(|| "sub".to_owned());
        for (path, resolved) in [
            ("a.yaml", Some("a.yaml")),
            ("$DIR/a.yaml", Some("sub/a.yaml")),
            ("${DIR}/a", Some("sub/a")),
            ("${NO:-x}/a", Some("x/a")),
            ("${NO-x}", Some("x")),
            ("${DIR:?needed}", Some("sub")),
            ("${DIR:+x}", None),
            ("${NO:-${DIR}}", None),
            ("a$$b", Some("a$b")),
        ] {
            assert_eq!(resolve_path(path, lookup).as_deref(), resolved, "{path}");
        }
    }

    #[test]
    fn env_files_take_names_from_the_environment() {
        let names = env_file_variables("A=1\nALONE\n# B\nC=${D}\n\n");
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["ALONE", "D"]);
    }

    #[test]
    fn what_is_not_yaml_is_left_to_compose() {
        assert_eq!(references("services: [\n"), None);
    }
}
