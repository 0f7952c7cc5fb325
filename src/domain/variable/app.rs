//! Variables of apps that run on the host.

use std::collections::BTreeMap;

use super::name::is_reserved;
use super::{Missing, Variable, Variables, prefix};
use crate::domain::url;
use crate::error::Failure;

/// Adds the variables of apps, by name and port. Everyone in the session sees them, whether or not the app runs.
///
/// # Errors
/// Two apps, or an app and a service, give the same names.
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
        if let Some(taken) = variables.list.iter().find(|variable| names.contains(&variable.name)) {
            let service = taken.service.as_ref().map_or("", |service| &service.0);
            return Err(collision(&format!("`apps.{app}` in prism.yaml"), service, &taken.name));
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

/// Says that an app, named as `shown`, and a service both give variables of this name, or that begin with an app's.
pub fn collision(shown: &str, service: &str, name: &str) -> Failure {
    Failure::new(format!("{shown} and service `{service}` both give {name}")).hint(format!(
        "call the app differently, or give the service another prefix: `services: {{{service}: {{prefix: …}}}}`"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(existing: &[&str], apps: &[(&str, u16)]) -> Result<Vec<String>, String> {
        let variable = |name: &&str| Variable {
            name: (*name).to_owned(),
            value: "s".into(),
            service: Some("front".into()),
            ..Variable::default()
        };
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
    fn no_name_is_given_twice() {
        assert_eq!(
            added(&["WEB_PORT"], &[("web", 1)]).expect_err("twice"),
            "`apps.web` in prism.yaml and service `front` both give WEB_PORT"
        );
        assert!(added(&[], &[("a-b", 1), ("a_b", 2)]).expect_err("twice").contains("`a-b` and `a_b`"));
        let found = added(&[], &[("docker", 2)]).expect("names");
        assert!(found[0].contains("take their settings from DOCKER_HOST"), "{found:?}");
    }
}
