//! The prism.yaml that `init` writes: everything commented, what another tool's configuration said uncommented.

use std::collections::BTreeSet;
use std::fmt::Write;

use serde_json::Value;

use crate::identity::name::ServiceName;
use crate::identity::variable_name;
use crate::stack::model::Model;
use crate::stack::plan::Plan;
use crate::stack::store;
use crate::text::yaml;

/// What of another tool's configuration has a counterpart here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Foreign {
    /// `project`.
    pub project: Option<String>,
    /// `compose`.
    pub compose: Vec<String>,
    /// `sessions_dir`.
    pub sessions_dir: Option<String>,
    /// `env_files`.
    pub env_files: Vec<String>,
    /// `setup`.
    pub setup: Vec<String>,
    /// `profiles`.
    pub profiles: Vec<String>,
    /// Keys that have none.
    pub left_out: Vec<String>,
}

impl Foreign {
    /// Reads the exported object of a `session.config.mjs` or `prism.config.mjs`.
    pub fn read(value: &Value) -> Self {
        let mut found = Self::default();
        for (key, value) in value.as_object().into_iter().flatten() {
            match key.as_str() {
                "project" | "projectName" | "name" => found.project = value.as_str().map(str::to_owned),
                "sessionsDir" => found.sessions_dir = value.as_str().map(str::to_owned),
                "envFiles" | "copyFiles" | "appEnvFiles" => found.env_files = texts(value),
                "setup" | "setupCommands" => found.setup = texts(value),
                "profiles" => found.profiles = texts(value),
                // Ports need no configuration here: Docker knows them.
                "ports" | "portOffset" | "portRange" => {}
                other => found.left_out.push(other.to_owned()),
            }
        }
        found
    }
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Writes the file.
pub fn write(model: &Model, plan: &Plan, foreign: &Foreign, directory: &str) -> String {
    let mut out = String::from(
        "# prism.yaml: everything here is optional. docs/configuration.md describes every key.\n\n",
    );
    let quoted = yaml::quote;
    let list =
        |items: &[String]| items.iter().map(|item| format!("  - {}\n", quoted(item))).collect::<String>();
    let mut entry = |key: &str, given: Option<String>, example: &str| {
        let _ = match given {
            Some(value) => writeln!(out, "{key}: {value}"),
            None => writeln!(out, "# {key}: {example}"),
        };
    };
    entry(
        "project",
        foreign.project.as_deref().map(quoted),
        "shop            # default: the main worktree's directory name",
    );
    let given = |items: &[String]| (!items.is_empty()).then(|| format!("\n{}", list(items).trim_end()));
    if !foreign.compose.is_empty() {
        entry("compose", given(&foreign.compose), "");
    }
    entry(
        "sessions_dir",
        foreign.sessions_dir.as_deref().map(quoted),
        "../shop-sessions  # where `prism create` puts worktrees",
    );
    let profiles: Vec<&str> =
        model.services.values().flat_map(|service| &service.profiles).map(String::as_str).collect();
    let example = format!(
        "[{}]  # whose services belong to a session by default",
        word(profiles.first().unwrap_or(&"web"))
    );
    entry("profiles", given(&foreign.profiles), &example);
    let built: Vec<&str> =
        model.services.iter().filter(|(_, it)| it.build.is_some()).map(|(name, _)| name.0.as_str()).collect();
    if let (Some(first), true) = (built.first(), built.len() < model.services.len()) {
        entry(
            "select",
            None,
            &format!("{{without: [{}]}}  # what you run on the host while you work at it", word(first)),
        );
    }
    entry("env_files", given(&foreign.env_files), "[.env.local]  # copied into a new worktree");
    entry("setup", given(&foreign.setup), "[npm ci]  # run once by `prism create`");
    entry("ports", None, "sticky  # or random, or {range: 1972-1981}");
    let shared: BTreeSet<ServiceName> =
        store::shared(model, plan, directory).into_iter().map(|(service, _)| service).collect();
    out.push_str(if shared.is_empty() { "\n# services:\n" } else { "\nservices:\n" });
    for name in &shared {
        let _ = writeln!(
            out,
            "  {}: {{data: own}}  # its data are outside of the project: two servers would destroy them",
            word(&name.0)
        );
    }
    let others = plan.services.iter().filter(|(name, _)| !shared.contains(*name));
    for (name, plan) in others.filter(|(_, plan)| plan.primary.is_some()) {
        let prefix = variable_name::prefix(&name.0);
        let port = plan.primary.map_or(0, |port| port.number);
        let _ = writeln!(
            out,
            "#   {}: {{prefix: {prefix}}}  # gives {prefix}_PORT (container port {port}), {prefix}_URL, …",
            word(&name.0)
        );
    }
    out.push_str("\n# env:  # for every command; ${NAME} is one of `prism env`\n");
    if let Some((name, _)) = plan.services.iter().find(|(_, plan)| plan.primary.is_some()) {
        let prefix = variable_name::prefix(&name.0);
        let _ = writeln!(out, "#   MY_{prefix}_ADDRESS: ${{{prefix}_HOST}}:${{{prefix}_PORT}}");
    }
    out
}

/// Writes a name as YAML has it: as it stands if nothing else could be read in it.
fn word(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let is_text = serde_yaml::from_str(name).is_ok_and(|value: serde_yaml::Value| value.is_string());
    if is_text && name.chars().all(is_plain) { name.to_owned() } else { yaml::quote(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::plan::plan;
    use crate::stack::settings::Settings;

    #[test]
    fn what_is_written_is_valid_and_says_what_was_said() {
        let model = Model::parse(br#"{"services":{"db":{"image":"postgres"},"w":{"profiles":["x"]}}}"#)
            .expect("model");
        let plan =
            plan(&model, &Settings::default(), std::net::Ipv4Addr::LOCALHOST.into(), &[]).expect("plan");
        let foreign = Foreign::read(&serde_json::json!({
            "projectName": "my \"shop\"", "sessionsDir": "../s", "envFiles": [".env"], "setup": "npm ci", "hooks": {}
        }));
        assert_eq!(foreign.left_out, ["hooks"]);
        let text = write(&model, &plan, &foreign, "/w");
        let settings = Settings::parse(&text, "prism.yaml").expect("valid");
        assert_eq!(settings.project.as_deref(), Some("my \"shop\""));
        assert_eq!(
            (settings.env_files, settings.setup),
            (vec![".env".to_owned()], vec!["npm ci".to_owned()])
        );
        // Every commented line is a valid one, too.
        let uncommented: String = text
            .lines()
            .skip(1)
            .map(|line| format!("{}\n", line.strip_prefix("# ").unwrap_or(line)))
            .collect();
        Settings::parse(&uncommented, "prism.yaml").expect("valid examples");
        assert!(Settings::parse(&write(&model, &plan, &Foreign::default(), "/w"), "prism.yaml").is_ok());
    }

    #[test]
    fn names_of_the_project_become_no_settings() {
        let config = serde_json::json!({"services": {
            "1.5": {"image": "postgres", "expose": ["5432"], "profiles": ["web\"]\nsetup: [\"touch pwned\"] #"]},
        }});
        let model = Model::parse(config.to_string().as_bytes()).expect("model");
        let plan =
            plan(&model, &Settings::default(), std::net::Ipv4Addr::LOCALHOST.into(), &[]).expect("plan");
        let text = write(&model, &plan, &Foreign::default(), "/w");
        let settings = Settings::parse(&text, "prism.yaml").expect("valid");
        assert_eq!((settings.setup, settings.profiles), (Vec::<String>::new(), Vec::new()), "{text}");
        assert!(text.contains("#   \"1.5\": {prefix: _1_5}"), "{text}");
    }
}
