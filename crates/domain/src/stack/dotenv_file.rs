//! The dotenv files of a project, as far as programs agree on what they say.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::identity::address_name::Half;
use crate::text::{env_file, loopback};

/// The dotenv files of a project as they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dotenv {
    /// Their paths, relative to the session directory, with a hash of the content, or `None` where there is no file.
    pub files: BTreeMap<String, Option<String>>,
    /// The lines of them that may lead to a service.
    pub lines: Vec<Line>,
}

/// A `NAME=value` of a file, expanded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
    /// The file, relative to the session directory; empty for one that the command line names.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Where it stands, for messages: `` `FILE`, line 3``.
    pub place: String,
}

impl Line {
    /// Says whether it may lead to a service of this machine, called `hostname`, or belong to one that does.
    pub fn may_matter(&self, hostname: &str) -> bool {
        let Self { name, value, .. } = self;
        let is_host = || Half::of_host(name).is_some();
        let is_port = || Half::of_port(name).is_some() && value.parse::<u16>().is_ok();
        let is_beside =
            || ["USER", "PASS", "PWD", "DATABASE", "DB", "NAME"].iter().any(|word| name.contains(word));
        !loopback::ports(value, hostname).is_empty() || is_host() || is_port() || is_beside()
    }
}

/// The names of dotenv files.
pub const NAMES: [&str; 7] = [
    ".env.development.local",
    ".env.local",
    ".env.development",
    ".env",
    ".env.test.local",
    ".env.test",
    ".env.testing",
];

/// Those that are read in development, the first one wins.
const OF_DEVELOPMENT: [&str; 4] = [".env.development.local", ".env.local", ".env.development", ".env"];

/// Those that are read by tests: what a test clears is not what somebody works with.
const OF_TESTS: [&str; 5] = [".env.test.local", ".env.test", ".env.testing", ".env", ".env.local"];

/// Those that are read whatever a program is run for.
const OF_ALL: [&str; 2] = [".env.local", ".env"];

/// For what programs read their dotenv files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// Development, or nobody says.
    #[default]
    Development,
    /// A run of tests.
    Test,
    /// Something else, as production.
    Other,
}

impl Mode {
    /// Finds what a command is run for: what the environment says, else whether one of its words is that of a test.
    pub fn of<'a>(
        environment: impl Fn(&str) -> Option<String>,
        command: impl Iterator<Item = &'a str>,
    ) -> Self {
        const VARIABLES: [&str; 5] = ["NODE_ENV", "RAILS_ENV", "RACK_ENV", "APP_ENV", "MIX_ENV"];
        const WORDS: [&str; 12] = [
            "test", "tests", "pytest", "nextest", "vitest", "jest", "mocha", "rspec", "phpunit", "pest",
            "tox", "spec",
        ];
        let said = VARIABLES.iter().find_map(|name| environment(name).filter(|value| !value.is_empty()));
        if let Some(said) = said {
            return match said.to_ascii_lowercase() {
                said if said.starts_with("test") => Self::Test,
                said if said.starts_with("dev") || said == "local" => Self::Development,
                _ => Self::Other,
            };
        }
        let mut words = command.flat_map(|word| word.split(|c: char| !c.is_alphanumeric()));
        if words.any(|it| WORDS.contains(&it)) { Self::Test } else { Self::Development }
    }

    fn names(self) -> &'static [&'static str] {
        match self {
            Self::Development => &OF_DEVELOPMENT,
            Self::Test => &OF_TESTS,
            Self::Other => &OF_ALL,
        }
    }
}

/// Reads a dotenv file as far as it is one. Left out are lines that need more than the lines before them, those of which
/// readers differ in what they mean, and those in another encoding: what they come to is their reader's business.
pub fn lines(text: &str, file: &str) -> Vec<Line> {
    let disputed = disputed(text);
    let mut lines: Vec<Line> = Vec::new();
    for entry in env_file::readable(text, file).into_iter().filter(|it| !disputed.contains(it.name.as_str()))
    {
        let before =
            |name: &str| lines.iter().rev().find(|line| line.name == name).map(|it| (&it.value).into());
        let Ok((value, unset)) = entry.expand(before) else { continue };
        let is_known = |value: &&str| unset.is_empty() && !value.contains(char::REPLACEMENT_CHARACTER);
        let Some(value) = value.to_str().filter(is_known) else { continue };
        lines.push(Line {
            name: entry.name.clone(),
            value: value.to_owned(),
            file: file.to_owned(),
            place: entry.place.clone(),
        });
    }
    lines
}

/// Lists the names of which readers of dotenv files take different values.
fn disputed(text: &str) -> BTreeSet<&str> {
    let is_disputed =
        |line: &&str| ["$$", "\\$", "`"].iter().any(|word| line.contains(word)) || has_inner_quote(line);
    text.lines().filter(is_disputed).filter_map(name_of).collect()
}

/// Says whether a value that is not in quotes has some within: a shell takes them away, other readers do not.
fn has_inner_quote(line: &str) -> bool {
    let value = line.split_once('=').map_or("", |(_, value)| value.trim_start());
    let value = value.split(" #").next().unwrap_or(value);
    !value.starts_with(['"', '\'']) && value.contains(['"', '\''])
}

fn name_of(line: &str) -> Option<&str> {
    let name = line.split_once('=')?.0.trim();
    Some(name.strip_prefix("export ").map_or(name, str::trim_start))
}

/// Picks for each name the line that a program in `directory`, relative to the session directory, reads: the nearest one
/// around it, else the only one of those beside it.
pub fn select(lines: &[Line], directory: &str, mode: Mode) -> Vec<Line> {
    let mut of_directories: BTreeMap<&str, BTreeMap<&str, (usize, &Line)>> = BTreeMap::new();
    for line in lines {
        let (of, file) = line.file.rsplit_once('/').unwrap_or(("", &line.file));
        let Some(rank) = mode.names().iter().position(|known| *known == file) else { continue };
        let best = of_directories.entry(&line.name).or_default().entry(of).or_insert((rank, line));
        // Of two lines of one file the last one holds.
        if rank <= best.0 {
            *best = (rank, line);
        }
    }
    let is_around = |of: &str| of.is_empty() || directory == of || directory.starts_with(&format!("{of}/"));
    let chosen = of_directories.into_values().filter_map(|found| {
        // The last one is the longest, as all of them are parts of one path.
        if let Some((_, (_, line))) = found.iter().rfind(|(of, _)| is_around(of)) {
            return Some((*line).clone());
        }
        let mut others = found.values().map(|(_, line)| *line);
        let first = others.next()?;
        others.all(|line| line.value == first.value).then(|| first.clone())
    });
    chosen.collect()
}

impl Dotenv {
    /// Says whether a line may give a variable of this name.
    pub fn may_give(&self, name: &str) -> bool {
        let hosts: Vec<String> = Half::of_port(name).into_iter().flat_map(Half::host_names).collect();
        self.lines.iter().any(|line| line.name == name || hosts.contains(&line.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_file_of_the_mode_holds() {
        let all: Vec<Line> = [
            (".env", "A=1\nA=2\nB=base\nC=base"),
            (".env.local", "B=local"),
            (".env.test", "C=test\nT=test"),
            (".env.development", "C=dev"),
            ("apps/web/.env", "C=web\nW=web\nX=web"),
            ("apps/api/.env", "C=api\nX=api\nY=same"),
            ("apps/web/.env.test", "Y=same"),
            (".env.testing", "L=laravel"),
        ]
        .into_iter()
        .flat_map(|(file, text)| lines(text, file))
        .collect();
        let read = |directory: &str, mode| -> String {
            select(&all, directory, mode)
                .iter()
                .map(|line| format!("{}={} ", line.name, line.value))
                .collect()
        };
        assert_eq!(read("", Mode::Development), "A=2 B=local C=dev W=web Y=same ");
        assert_eq!(read("", Mode::Other), "A=2 B=local C=base W=web Y=same ");
        assert_eq!(read("", Mode::Test), "A=2 B=base C=test L=laravel T=test W=web Y=same ");
        assert_eq!(read("apps/web/src", Mode::Development), "A=2 B=local C=web W=web X=web Y=same ");
        assert_eq!(read("apps/webs", Mode::Development), "A=2 B=local C=dev W=web Y=same ");
    }

    #[test]
    fn lines_of_which_readers_make_different_values_are_left_out() {
        let names = |text: &str| lines(text, ".env").into_iter().map(|it| it.name).collect::<Vec<_>>();
        assert_eq!(names("A={\"url\":\"postgres://localhost:5432/x\"}\nB=x\"y\nC=$$x\nD=`x`"), [""; 0]);
        assert_eq!(names("A='x'\nB=\"x\"\nC=x # don't\nD= \"x\""), ["A", "B", "C", "D"]);
    }

    #[test]
    fn what_a_command_is_run_for() {
        for (environment, command, expected) in [
            (None, "npm test", Mode::Test),
            (None, "npm run test:unit", Mode::Test),
            (None, "npx vitest", Mode::Test),
            (None, "cargo nextest run", Mode::Test),
            (None, "./node_modules/.bin/jest", Mode::Test),
            (None, "npm run latest", Mode::Development),
            (None, "npm run dev", Mode::Development),
            (Some(("NODE_ENV", "development")), "npm test", Mode::Development),
            (Some(("RAILS_ENV", "test")), "rails server", Mode::Test),
            (Some(("APP_ENV", "testing")), "php artisan", Mode::Test),
            (Some(("NODE_ENV", "production")), "npm test", Mode::Other),
            (Some(("APP_ENV", "local")), "php artisan", Mode::Development),
        ] {
            let of = |name: &str| {
                environment.filter(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
            };
            assert_eq!(Mode::of(of, command.split(' ')), expected, "{environment:?} {command}");
        }
    }
}
