//! Where each variable comes from, for people and programs; and what of it is hidden.

use serde::Serialize;

use crate::identity::own::FORMER;
use crate::printable::clean;
use crate::text::url;
use crate::variable::Variable;

/// The version of the JSON document; it rises when a field changes its meaning or goes away.
const SCHEMA: u32 = 1;

const MASK: &str = "********";

/// A variable as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its name.
    pub name: String,
    /// Its value, hidden in part or as a whole where it is a secret.
    pub value: String,
    /// The service that it speaks of.
    pub service: Option<String>,
    /// The container port that it leads to, as in `5432/tcp`.
    pub container_port: Option<String>,
    /// Why it has this value.
    pub rule: String,
    /// It holds a password.
    pub secret: bool,
    /// It opens a cloud's doors: the shell hook leaves it out.
    pub cloud_credential: bool,
}

/// Lists a session's variables as they are shown, sorted by name; `own` are those that are always prism's.
pub fn shown(variables: &[Variable], own: &[(String, String)], show_secrets: bool) -> Vec<Shown> {
    let of_session = variables.iter().map(|variable| Shown {
        name: variable.name.clone(),
        value: if show_secrets { variable.value.clone() } else { masked(variable, variables) },
        service: variable.service.as_ref().map(|service| service.0.clone()),
        container_port: variable.port.map(|port| port.to_string()),
        rule: variable.rule.clone(),
        secret: variable.secret,
        cloud_credential: variable.cloud_credential,
    });
    let of_prism = own.iter().map(|(name, value)| Shown {
        name: name.clone(),
        // The caller's values are nobody's to show.
        value: if name == FORMER && !show_secrets { MASK.to_owned() } else { value.clone() },
        service: None,
        container_port: None,
        rule: "always prism's".to_owned(),
        secret: false,
        cloud_credential: false,
    });
    let mut all: Vec<Shown> = of_session.chain(of_prism).collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// Hides the password of a URL, or a secret as a whole.
fn masked(variable: &Variable, all: &[Variable]) -> String {
    let url = masked_url(&variable.value);
    if !variable.secret {
        return url.unwrap_or_else(|| variable.value.clone());
    }
    // A template may have put a password anywhere.
    let is_left = |text: &str| {
        let passwords =
            all.iter().filter(|it| it.secret && !it.value.is_empty() && !it.value.contains("://"));
        variable.service.is_none()
            && passwords
                .into_iter()
                .any(|it| text.contains(&it.value) || text.contains(&url::encode(&it.value)))
    };
    url.filter(|text| !is_left(text) && !url::has_secret_parameter(text)).unwrap_or_else(|| MASK.to_owned())
}

/// Hides the password of a URL; `None` for what is none, or has no password.
fn masked_url(value: &str) -> Option<String> {
    let (scheme, rest) = value.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (credentials, address) = rest[..end].rsplit_once('@')?;
    let (user, _) = credentials.split_once(':')?;
    Some(format!("{scheme}://{user}:{MASK}@{address}{}", &rest[end..]))
}

/// Writes a table for people: name, value, service, container port, rule; and below it what is missing, and why.
pub fn text(variables: &[Shown], notes: &[String]) -> String {
    let row = |it: &Shown| {
        [
            it.name.clone(),
            clean(&it.value),
            it.service.clone().unwrap_or_else(|| "-".to_owned()),
            it.container_port.clone().unwrap_or_else(|| "-".to_owned()),
            clean(&it.rule),
        ]
    };
    let head = ["NAME", "VALUE", "SERVICE", "PORT", "RULE"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(variables.iter().map(row)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    for note in notes {
        text.push_str(&format!("\n{}\n", clean(note)));
    }
    text
}

/// Writes the same as a document for programs.
pub fn json(variables: &[Shown], notes: &[String]) -> Result<String, serde_json::Error> {
    #[derive(Serialize)]
    struct Document<'a> {
        schema: u32,
        variables: &'a [Shown],
        notes: &'a [String],
    }
    Ok(serde_json::to_string_pretty(&Document { schema: SCHEMA, variables, notes })? + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variable(name: &str, value: &str, secret: bool, is_of_service: bool) -> Variable {
        let service = is_of_service.then(|| "db".into());
        Variable { name: name.into(), value: value.into(), secret, service, ..Variable::default() }
    }

    #[test]
    fn secrets_are_hidden_unless_asked_for() {
        let variables = [
            variable("DB_PASSWORD", "p@ss", true, true),
            variable("DB_URL", "postgres://u:p%40ss@127.0.0.1:1/x", true, true),
            variable("CACHE_URL", "redis://:x@127.0.0.1:2", true, true),
            variable("DB_USER", "p@ss", false, true),
            variable("MIXED", "postgres://u:x@h/?again=p%40ss", true, false),
            variable("DERIVED", "postgres://u:p%40ss@127.0.0.1:1/x?schema=web", true, false),
            variable("PLAIN", "x p@ss", true, false),
            variable("WRITTEN", "https://me:token@example.org/a@b", false, false),
            variable("API", "http://127.0.0.1:1/@x", false, false),
        ];
        let values = |show| -> Vec<String> {
            shown(&variables, &[], show).into_iter().map(|it| format!("{}={}", it.name, it.value)).collect()
        };
        assert_eq!(
            values(false),
            [
                "API=http://127.0.0.1:1/@x",
                "CACHE_URL=redis://:********@127.0.0.1:2",
                "DB_PASSWORD=********",
                "DB_URL=postgres://u:********@127.0.0.1:1/x",
                "DB_USER=p@ss",
                "DERIVED=postgres://u:********@127.0.0.1:1/x?schema=web",
                "MIXED=********",
                "PLAIN=********",
                "WRITTEN=https://me:********@example.org/a@b",
            ]
        );
        assert!(values(true).contains(&"DB_PASSWORD=p@ss".to_owned()));
    }

    #[test]
    fn a_table_says_where_each_comes_from() {
        let port = Some(crate::port::ContainerPort::tcp(5432));
        let rule = "host port of its primary port".to_owned();
        let variable = Variable { port, rule, ..variable("DB_PORT", "7000", false, true) };
        let own = [("SESSION_DIR".to_owned(), "/w".to_owned())];
        assert_eq!(
            text(&shown(&[variable], &own, false), &["DATABASE_URL is not set".to_owned()]),
            "NAME         VALUE  SERVICE  PORT      RULE\n\
             DB_PORT      7000   db       5432/tcp  host port of its primary port\n\
             SESSION_DIR  /w     -        -         always prism's\n\n\
             DATABASE_URL is not set\n"
        );
    }
}
