//! Lists of files in a caller's environment, which are relative to the directory of the call.

use std::path::Path;

use super::Environment;
use crate::stack::input::is_remote;

/// Makes the paths of `COMPOSE_FILE` and `COMPOSE_ENV_FILES` absolute, as Compose understands them when it is called in
/// `here`: from every other directory, and in a child that goes elsewhere, they then mean the same files.
pub fn anchored(mut environment: Environment, here: &Path) -> Environment {
    let separator = environment.iter().find(|(name, _)| name == "COMPOSE_PATH_SEPARATOR");
    let separator = separator.and_then(|(_, value)| value.to_str()).filter(|value| !value.is_empty());
    let separator = separator.unwrap_or(":").to_owned();
    for (name, value) in &mut environment {
        let separator = match name.to_str() {
            Some("COMPOSE_FILE") => separator.as_str(),
            Some("COMPOSE_ENV_FILES") => ",",
            _ => continue,
        };
        let Some(list) = value.to_str() else { continue };
        let absolute = |file: &str| {
            let is_path = !file.is_empty() && !is_remote(file);
            let path = is_path.then(|| here.join(file.strip_prefix("./").unwrap_or(file)));
            path.and_then(|path| plain(&path)).unwrap_or_else(|| file.to_owned())
        };
        let list = list.split(separator).map(absolute).collect::<Vec<_>>().join(separator);
        *value = list.into();
    }
    environment
}

/// Writes a path without `.` and `..`, as Compose does it: by the names alone.
fn plain(path: &Path) -> Option<String> {
    use std::path::Component;
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(name) => parts.push(name.to_str()?),
            _ => {}
        }
    }
    Some(format!("/{}", parts.join("/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anchored_in(here: &str, pairs: &[(&str, &str)]) -> Vec<String> {
        let environment = pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        let found = anchored(environment, Path::new(here));
        found.iter().map(|(_, value)| value.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn lists_of_files_follow_the_directory_of_the_call() {
        for (here, name, value, expected) in [
            ("/w", "COMPOSE_FILE", "infra/stack.yml", "/w/infra/stack.yml"),
            ("/w/sub", "COMPOSE_FILE", "../infra/stack.yml:./b.yml", "/w/infra/stack.yml:/w/sub/b.yml"),
            ("/w", "COMPOSE_FILE", "/x/a.yml::b.yml", "/x/a.yml::/w/b.yml"),
            ("/w", "COMPOSE_FILE", "-", "-"),
            ("/w", "COMPOSE_FILE", "", ""),
            ("/w", "COMPOSE_ENV_FILES", "a.env,../b.env", "/w/a.env,/b.env"),
            ("/w", "COMPOSE_PROFILES", "a,b", "a,b"),
        ] {
            assert_eq!(anchored_in(here, &[(name, value)]), [expected], "{value}");
        }
        let pairs = [("COMPOSE_PATH_SEPARATOR", ";"), ("COMPOSE_FILE", "a:b.yml;c.yml")];
        assert_eq!(anchored_in("/w", &pairs), [";", "/w/a:b.yml;/w/c.yml"]);
    }
}
