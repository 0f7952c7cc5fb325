//! The code blocks of a page, and what a console block says that a command prints.

use std::path::Path;

/// A code block.
#[derive(Debug, Clone)]
pub struct Block {
    /// The page, as in `docs/shells.md`.
    pub page: String,
    /// Its lines.
    pub text: String,
}

impl Block {
    /// Its first line, by which the table knows it.
    pub fn first(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// The commands of a console block, each with the lines that it should print. A comment behind a command is none of it.
    pub fn commands(&self) -> Vec<(String, Vec<String>)> {
        let mut commands: Vec<(String, Vec<String>)> = Vec::new();
        for line in self.text.lines() {
            if let Some(command) = line.strip_prefix("$ ") {
                let command = command.split("   ").next().unwrap_or(command).trim_end();
                commands.push((command.to_owned(), Vec::new()));
            } else if let Some((_, printed)) = commands.last_mut() {
                printed.push(line.to_owned());
            }
        }
        commands
    }
}

/// Every code block of a page.
pub fn blocks(root: &Path, page: &str) -> Vec<Block> {
    let text = std::fs::read_to_string(root.join(page)).expect("a page");
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), open.take()) {
            (Some(_), None) => open = Some(Block { page: page.to_owned(), text: String::new() }),
            (Some(_), Some(block)) => blocks.push(block),
            (None, Some(mut block)) => {
                block.text += &format!("{line}\n");
                open = Some(block);
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{page}: a block that does not end");
    blocks
}

/// Expects that what was printed has these lines, in this order; `…` stands for any number of lines, and at the end of a
/// line for its rest. Ports, hashes and ages are whatever they are.
pub fn assert_printed(command: &str, printed: &str, expected: &[String]) {
    let mut lines = printed.lines().map(plain);
    for wanted in expected.iter().filter(|line| !line.trim().is_empty() && line.trim() != "…") {
        let wanted = plain(wanted);
        let is_it = |line: String| match wanted.strip_suffix('…') {
            Some(beginning) => line.starts_with(beginning.trim_end()),
            None => line == wanted,
        };
        assert!(lines.any(is_it), "$ {command}\nshould print {wanted:?}, but printed\n{printed}");
    }
}

/// Replaces what differs from run to run: each blank by one, ports, hashes, ages.
fn plain(line: &str) -> String {
    let words = line.split_whitespace().map(|word| word.trim_start_matches('✔'));
    let words: Vec<String> = words.filter(|word| !word.is_empty()).map(plain_word).collect();
    let is_unit = |word: &String| ["s", "min", "h", "d"].contains(&word.as_str());
    let age = |at: usize| words.get(at + 1).is_some_and(is_unit) && words[at].parse::<u64>().is_ok();
    let ages = (0..words.len()).filter(|at| !(*at > 0 && age(at - 1)));
    ages.map(|at| if age(at) { "AGE".to_owned() } else { words[at].clone() }).collect::<Vec<_>>().join(" ")
}

fn plain_word(word: &str) -> String {
    let is_hash = |part: &&str| part.len() == 8 && part.chars().all(|c| c.is_ascii_hexdigit());
    let word = match word.split('-').find(is_hash) {
        Some(hash) => word.replace(hash, "HASH"),
        None => word.to_owned(),
    };
    match word.split_once("127.0.0.1:") {
        Some((before, after)) => {
            format!("{before}127.0.0.1:PORT{}", after.trim_start_matches(|c: char| c.is_ascii_digit()))
        }
        None if word.len() == 5 && word.parse::<u16>().is_ok_and(|port| (20_000..30_000).contains(&port)) => {
            "PORT".to_owned()
        }
        None => word,
    }
}

#[test]
fn what_differs_from_run_to_run_is_none_of_it() {
    for (line, expected) in [
        ("/home/me/shop   main   up   2 h", "/home/me/shop main up AGE"),
        (" Container shop-3f26a9cb-db-1  Creating", "Container shop-HASH-db-1 Creating"),
        ("  db  running  postgresql://u:p@127.0.0.1:23817/x", "db running postgresql://u:p@127.0.0.1:PORT/x"),
        ("23817  db 5432/tcp    running", "PORT db 5432/tcp running"),
    ] {
        assert_eq!(plain(line), expected);
    }
}
