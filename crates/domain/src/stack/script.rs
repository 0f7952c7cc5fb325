//! Scripts of a project that name containers: in a session those names lead to somebody else's.

use std::collections::BTreeMap;

/// Files that say what to run, whatever directory they are in.
const NAMES: &[&str] = &[
    "package.json",
    "composer.json",
    "deno.json",
    "pyproject.toml",
    "tox.ini",
    "noxfile.py",
    "tasks.py",
    "fabfile.py",
    "makefile",
    "gnumakefile",
    "justfile",
    ".justfile",
    "taskfile.yml",
    "taskfile.yaml",
    "rakefile",
    "procfile",
    "procfile.dev",
    "mise.toml",
    ".mise.toml",
    ".gitlab-ci.yml",
    "jenkinsfile",
];

/// Their endings.
const ENDINGS: &[&str] = &[".sh", ".bash", ".zsh", ".fish", ".mk", ".just", ".ps1", ".bat", ".cmd"];

/// Directories in which any small file may be a script.
const DIRECTORIES: &[&str] = &["bin", "script", "scripts", ".husky", "workflows"];

/// How many places of one name are told.
const TOLD: usize = 3;

/// Says whether a file, by its path below the project, holds commands.
pub fn is_script(path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let mut parts = lower.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let is_below = parts.next().is_some_and(|directory| DIRECTORIES.contains(&directory));
    is_below || NAMES.contains(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// Finds which of these names of containers the lines of a script mean. Lines count from 1.
///
/// A name that is nothing but a word may mean anything, so it counts only after `docker` or `podman`, and never after
/// `docker compose`, which takes services. Comments run nothing.
pub fn mentions<'n>(text: &str, names: impl Iterator<Item = &'n str> + Clone) -> Vec<(usize, &'n str)> {
    let lines = text.lines().enumerate().filter(|(_, line)| {
        let line = line.trim_start();
        line.starts_with("#!") || !(line.starts_with('#') || line.starts_with("//"))
    });
    let found = lines.flat_map(|(at, line)| {
        let meant = names.clone().filter(move |name| is_meant(line, name));
        meant.map(move |name| (at + 1, name))
    });
    found.collect()
}

fn is_meant(line: &str, name: &str) -> bool {
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphabetic());
    occurrences(line, name).any(|at| {
        let command = line[..at].rsplit(['|', ';', '&', '(', '`', '"']).next().unwrap_or_default();
        let words = || command.split(|c: char| c.is_whitespace() || matches!(c, '\'' | '@'));
        let is_compose = words().any(|word| matches!(word, "compose" | "docker-compose"));
        let is_docker = words().any(|word| matches!(word, "docker" | "podman"));
        !is_compose && (is_docker || !is_word)
    })
}

/// Finds a name where it stands by itself: not as a part of a longer one, of a path, or of an image's name.
fn occurrences<'l>(line: &'l str, name: &'l str) -> impl Iterator<Item = usize> + 'l {
    line.match_indices(name).map(|(at, _)| at).filter(move |at| {
        let before = line[..*at].chars().next_back();
        let mut after = line[at + name.len()..].chars();
        let next = after.next();
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '/');
        // A dot may end a sentence; a colon may begin a path in the container.
        let goes_on = matches!((next, after.next()), (Some('.'), Some(c)) if c.is_alphanumeric())
            || matches!((next, line[at + name.len()..].chars().nth(1)), (Some(':'), Some(c)) if c != '/');
        !before.is_some_and(|c| is_part(c) || c == '.') && !next.is_some_and(is_part) && !goes_on
    })
}

/// Tells where the scripts of a project mean these containers, a sentence for each that they do. `names` maps them to
/// their services, `found` to files and lines.
pub fn sentences(names: &BTreeMap<String, String>, found: &BTreeMap<String, Vec<String>>) -> Vec<String> {
    let told = found.iter().filter_map(|(name, places)| {
        let service = names.get(name)?;
        let more = places.len().saturating_sub(TOLD);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let shown = places.iter().take(TOLD).cloned().collect::<Vec<_>>().join(", ");
        Some(format!(
            "container `{name}` in {shown}{more} is not this session's: its service `{service}` has a container of another name"
        ))
    });
    told.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_by_their_path() {
        for path in [
            "package.json",
            "apps/web/package.json",
            "Makefile",
            "db/reset.sh",
            "Taskfile.yml",
            "justfile",
            "bin/db",
            ".github/workflows/ci.yml",
            "build/rules.mk",
        ] {
            assert!(is_script(path), "{path}");
        }
        for path in ["README.md", "compose.yaml", "src/main.rs", "package-lock.json", "binary/db"] {
            assert!(!is_script(path), "{path}");
        }
    }

    /// A line, and which of `shop-db` and `cache` it means.
    #[test]
    fn what_a_line_means() {
        for (line, expected) in [
            ("docker exec -it shop-db psql", "shop-db"),
            (r#"  "psql": "docker exec -i shop-db psql < $f","#, "shop-db"),
            ("\t@docker cp dump.sql shop-db:/tmp", "shop-db"),
            ("CONTAINER=shop-db", "shop-db"),
            ("docker logs cache", "cache"),
            ("docker exec shop-db true; docker restart cache", "shop-db cache"),
            ("podman stop cache", "cache"),
            ("run cache", ""),
            ("docker compose exec cache redis-cli", ""),
            ("docker-compose logs cache shop-db", ""),
            ("docker pull registry/shop-db", ""),
            ("docker run shop-db:17", ""),
            ("docker exec shop-db-1 psql", ""),
            ("docker exec my-shop-db psql", ""),
            ("cat ./shop-db/file", ""),
            ("# docker exec shop-db psql", ""),
            ("curl http://shop-db.example.org", ""),
        ] {
            let found = mentions(line, ["shop-db", "cache"].into_iter());
            let names: Vec<_> = found.iter().map(|(_, name)| *name).collect();
            assert_eq!(names.join(" "), expected, "{line}");
        }
        assert_eq!(mentions("a\ndocker rm cache\n", ["cache"].into_iter()), [(2, "cache")]);
    }

    #[test]
    fn a_sentence_for_each_container() {
        let names = BTreeMap::from([("shop-db".to_owned(), "db".to_owned())]);
        let places = ["Makefile:3", "a.sh:1", "a.sh:2", "a.sh:9"].map(str::to_owned).to_vec();
        let found = BTreeMap::from([("shop-db".to_owned(), places)]);
        assert_eq!(
            sentences(&names, &found),
            [
                "container `shop-db` in Makefile:3, a.sh:1, a.sh:2 and 1 more is not this session's: its service `db` has a container of another name"
            ]
        );
    }
}
