//! Variables of apps that run on the host.

use std::collections::BTreeMap;

use super::setting::reader;
use super::{Missing, Variable, Variables};
use crate::identity::variable_name::{is_reserved, prefix};
use crate::text::url;

/// Adds the variables of apps, by name and port. Everyone in the session sees them, whether or not the app runs.
/// One whose names are taken gives none, and is listed.
pub fn add_apps(variables: &mut Variables, apps: &BTreeMap<String, u16>) {
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for (app, port) in apps {
        let prefix = prefix(app);
        let names = ["HOST", "PORT", "URL"].map(|suffix| format!("{prefix}_{suffix}"));
        let other =
            owners.insert(prefix.clone(), app).map(|other| format!("app `{other}` gives {prefix}_PORT"));
        let of_service = variables.list.iter().find(|variable| names.contains(&variable.name));
        let owner = other.or_else(|| {
            let Variable { service, name, .. } = of_service?;
            let service = service.as_ref().map_or("prism.yaml", |service| &service.0);
            Some(format!("service `{service}` gives {name}"))
        });
        if let Some(owner) = owner {
            let why = format!(
                "app `{app}` gives no variables: {owner} already; call the app differently in prism.yaml"
            );
            variables.missing.push(Missing { names: Vec::new(), why });
            continue;
        }
        if let Some(name) = names.iter().find(|name| is_reserved(name)) {
            let why =
                format!("app `{app}` gives no variables: other programs take their settings from {name}");
            variables.missing.push(Missing { names: Vec::new(), why });
            continue;
        }
        for (name, program) in names.iter().filter_map(|name| Some((name, reader(name)?))) {
            let why =
                format!("{program} takes its own settings from such names; call app `{app}` differently");
            variables.missing.push(Missing { names: vec![name.clone()], why });
        }
        let host = "127.0.0.1".to_owned();
        let url = format!("http://{}", url::address(&host, *port));
        let values = [host, port.to_string(), url];
        variables.list.extend(names.into_iter().zip(values).filter(|(name, _)| reader(name).is_none()).map(
            |(name, value)| Variable {
                name,
                value,
                rule: format!("app `{app}` of prism.yaml"),
                ..Variable::default()
            },
        ));
    }
    variables.list.sort_by(|a, b| a.name.cmp(&b.name));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(existing: &[&str], apps: &[(&str, u16)]) -> Vec<String> {
        let variable = |name: &&str| Variable {
            name: (*name).to_owned(),
            value: "s".into(),
            service: Some("front".into()),
            ..Variable::default()
        };
        let mut variables = Variables { list: existing.iter().map(variable).collect(), missing: Vec::new() };
        let apps = apps.iter().map(|(name, port)| ((*name).to_owned(), *port)).collect();
        add_apps(&mut variables, &apps);
        variables
            .list
            .iter()
            .map(|it| format!("{}={}", it.name, it.value))
            .chain(variables.missing.iter().map(ToString::to_string))
            .collect()
    }

    #[test]
    fn apps_give_host_port_and_url() {
        assert_eq!(
            added(&["A", "Z"], &[("my-web", 24_311)]),
            ["A=s", "MY_WEB_HOST=127.0.0.1", "MY_WEB_PORT=24311", "MY_WEB_URL=http://127.0.0.1:24311", "Z=s"]
        );
    }

    #[test]
    fn no_name_is_given_twice() {
        assert_eq!(
            added(&["WEB_PORT"], &[("web", 1)]),
            [
                "WEB_PORT=s",
                "app `web` gives no variables: service `front` gives WEB_PORT already; call the app differently in prism.yaml"
            ]
        );
        let twice = added(&[], &[("a-b", 1), ("a_b", 2)]);
        assert!(
            twice[1] == "A_B_PORT=1" && twice[3].contains("app `a-b` gives A_B_PORT already"),
            "{twice:?}"
        );
        let found = added(&[], &[("docker", 2)]);
        assert!(found[0].contains("take their settings from DOCKER_HOST"), "{found:?}");
    }
}
