//! Every code block of every page, run in a fresh home.

mod block;
mod run;

use std::path::Path;

use self::block::{Block, blocks};

/// What becomes of a block.
enum Way {
    /// It is run, and what it says that it prints is compared.
    Run(fn(&Block)),
    /// It cannot be run here, and why.
    Not(&'static str),
}
use Way::{Not, Run};

/// Each block: its page, how its first line begins, and what becomes of it.
const TABLE: &[(&str, &str, Way)] = &[
    ("README.md", "$ cat compose.yaml", Run(run::shop)),
    ("README.md", "$ make install", Run(run::installation)),
    (
        "README.md",
        "$ make demo",
        Not("builds a release and takes minutes; `make fresh` runs it in a bare Debian"),
    ),
    ("README.md", "PS1=", Run(run::prompts)),
    ("README.md", "[custom.prism]", Run(run::starship)),
    ("docs/architecture.md", "src/  ", Not("a drawing; `layering` tests what it says")),
    ("docs/architecture.md", "find the session directory", Not("a drawing")),
    ("docs/configuration.md", "project: shop", Run(run::configuration)),
    ("docs/data.md", "$ prism create fix", Run(run::data)),
    ("docs/data.md", "$ prism snapshot save seeded", Run(run::data)),
    ("docs/data.md", "$ prism snapshot save before", Run(run::data)),
    ("docs/errors.md", "prism: error: cannot reach", Not("takes a user who may not use Docker's socket")),
    ("docs/ide.md", "{", Run(run::tasks)),
    ("docs/ide.md", "{", Run(run::launch)),
    ("docs/ide.md", "{\"scripts\"", Run(run::package)),
    ("docs/ide.md", "test:", Run(run::makefile)),
    ("docs/ide.md", "set shell", Run(run::justfile)),
    ("docs/ide.md", "[tasks.test]", Not("mise is no package of Debian")),
    ("docs/ide.md", "{", Not("a dev container takes an image of a registry")),
    ("docs/ide.md", "jobs:", Run(run::workflow)),
    ("docs/json.md", "{", Run(run::list_document)),
    ("docs/json.md", "{", Run(run::explanation_document)),
    ("docs/localhost.md", "abi <abi", Not("Debian's AppArmor keeps nobody from a user namespace")),
    ("docs/ports.md", "$ prism ports", Run(run::ports)),
    ("docs/ports.md", "ports: sticky", Run(run::port_policies)),
    ("docs/ports.md", "environment:", Run(run::known_ports)),
    ("docs/ports.md", "apps:", Run(run::app)),
    ("docs/shells.md", "eval \"$(prism env", Run(run::snippets)),
    ("docs/shells.md", "$ mkdir -p ~/.config/direnv", Run(run::direnv)),
    ("docs/shells.md", "PS1=", Run(run::prompts)),
    ("docs/shells.md", "[custom.prism]", Run(run::starship)),
    ("docs/shells.md", "$ mkdir -p ~/.local/share", Run(run::completions)),
    ("docs/variables.md", "$ cat .env", Run(run::own_names)),
];

fn pages() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(root.join("docs")).expect("docs");
    let paths = entries.map(|entry| entry.expect("entry").path());
    let paths = paths.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let mut pages: Vec<String> =
        paths.map(|path| path.strip_prefix(root).expect("inside").display().to_string()).collect();
    pages.push("README.md".to_owned());
    pages.sort();
    pages
}

/// The rows of a page in the table.
fn rows(page: &str) -> Vec<&'static (&'static str, &'static str, Way)> {
    TABLE.iter().filter(|(of, ..)| *of == page).collect()
}

#[test]
fn each_block_is_run_or_it_is_said_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let pages = pages();
    for (page, first, way) in TABLE {
        assert!(pages.iter().any(|found| found == page), "{page}: {first}");
        assert!(!matches!(way, Not("")), "{page}: {first}: why?");
    }
    for page in pages {
        let (blocks, rows) = (blocks(root, &page), rows(&page));
        for (block, (_, first, _)) in blocks.iter().zip(&rows) {
            assert!(
                block.first().starts_with(first),
                "{page}: `{}` is not in the table of tests/docs.rs",
                block.first()
            );
        }
        assert_eq!(
            blocks.len(),
            rows.len(),
            "{page}: not every block is in the table of tests/docs.rs, in its order"
        );
    }
}

/// Runs the blocks of one page.
fn run_page(page: &str) {
    let blocks = blocks(Path::new(env!("CARGO_MANIFEST_DIR")), page);
    for (block, (_, _, way)) in blocks.iter().zip(rows(page)) {
        if let Run(run) = way {
            run(block);
        }
    }
}

#[test]
fn the_readme() {
    run_page("README.md");
}

#[test]
fn configuration() {
    run_page("docs/configuration.md");
}

#[test]
fn data() {
    run_page("docs/data.md");
}

#[test]
fn editors_and_task_runners() {
    run_page("docs/ide.md");
}

#[test]
fn documents() {
    run_page("docs/json.md");
}

#[test]
fn ports() {
    run_page("docs/ports.md");
}

#[test]
fn shells() {
    run_page("docs/shells.md");
}

#[test]
fn variables() {
    run_page("docs/variables.md");
}

#[test]
fn no_page_is_forgotten() {
    let run = [
        "README.md",
        "docs/configuration.md",
        "docs/data.md",
        "docs/ide.md",
        "docs/json.md",
        "docs/ports.md",
        "docs/shells.md",
        "docs/variables.md",
    ];
    for (page, _, way) in TABLE {
        assert!(matches!(way, Not(_)) || run.contains(page), "{page} has no test of its own");
    }
}
