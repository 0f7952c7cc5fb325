//! Variables of apps that run on the host.

use std::collections::BTreeMap;

use super::name::is_reserved;
use super::{Missing, Variable, Variables, prefix};
use crate::domain::url;
use crate::error::Failure;

/// Adds the variables of apps, by name and port. Everyone in the session sees them, whether or not the app runs.
///
/// A service of the session with the same prefix wins: where `web` runs in a container, it is not run on the host.
///
/// # Errors
/// Two apps give the same names.
pub fn add_apps(variables: &mut Variables, apps: &BTreeMap<String, u16>) -> Result<(), Failure> {
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for (app, port) in apps {
        let prefix = prefix(app);
        let names = ["HOST", "PORT", "URL"].map(|suffix| format!("{prefix}_{suffix}"));
        if let Some(other) = owners.insert(prefix.clone(), app) {
            return Err(Failure::new(format!(
                "apps `{other}` and `{app}` both give variables that begin with `{prefix}_`"
            ))
            .hint("call one of them differently in prism.yaml"));
        }
        if variables.list.iter().any(|variable| names.contains(&variable.name)) {
            let why = format!("app `{app}` gives no variables: a service of that name does");
            variables.missing.push(Missing { names: Vec::new(), why });
            continue;
        }
        if let Some(name) = names.iter().find(|name| is_reserved(name)) {
            let why =
                format!("app `{app}` gives no variables: other programs take their settings from {name}");
            variables.missing.push(Missing { names: Vec::new(), why });
            continue;
        }
        let host = "127.0.0.1".to_owned();
        let url = format!("http://{}", url::address(&host, *port));
        let values = [host, port.to_string(), url];
        variables.list.extend(names.into_iter().zip(values).map(|(name, value)| Variable {
            name,
            value,
            rule: format!("app `{app}` of prism.yaml"),
            ..Variable::default()
        }));
    }
    variables.list.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(existing: &[&str], apps: &[(&str, u16)]) -> Result<Vec<String>, String> {
        let variable =
            |name: &&str| Variable { name: (*name).to_owned(), value: "s".into(), ..Variable::default() };
        let mut variables = Variables { list: existing.iter().map(variable).collect(), missing: Vec::new() };
        let apps = apps.iter().map(|(name, port)| ((*name).to_owned(), *port)).collect();
        add_apps(&mut variables, &apps).map_err(|failure| failure.to_string())?;
        Ok(variables
            .list
            .iter()
            .map(|it| format!("{}={}", it.name, it.value))
            .chain(variables.missing.iter().map(ToString::to_string))
            .collect())
    }

    #[test]
    fn apps_give_host_port_and_url() {
        assert_eq!(
            added(&["A", "Z"], &[("my-web", 24_311)]).expect("names"),
            ["A=s", "MY_WEB_HOST=127.0.0.1", "MY_WEB_PORT=24311", "MY_WEB_URL=http://127.0.0.1:24311", "Z=s"]
        );
    }

    #[test]
    fn services_and_other_programs_come_first() {
        let found = added(&["WEB_PORT"], &[("web", 1), ("docker", 2)]).expect("names");
        assert_eq!(found[0], "WEB_PORT=s");
        assert!(
            found[1].contains("take their settings from DOCKER_HOST")
                && found[2].contains("a service of that name")
        );
        assert!(added(&[], &[("a-b", 1), ("a_b", 2)]).expect_err("twice").contains("`a-b` and `a_b`"));
    }
}
