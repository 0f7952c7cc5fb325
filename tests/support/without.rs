//! What the machine of the tests may lack. Whoever runs them names it, `PRISM_TEST_WITHOUT=nushell,xonsh`, and the tests
//! say what they leave out; nothing is left out by itself.

/// All that may be named. docs/contributing.md lists the same.
pub const OPTIONAL: [&str; 13] = [
    "zsh",
    "fish",
    "nushell",
    "elvish",
    "tcsh",
    "xonsh",
    "direnv",
    "just",
    "npm",
    "man",
    "cargo-deb",
    "mount",
    "dockerd",
];

/// What `PRISM_TEST_WITHOUT` names.
pub fn named() -> Vec<String> {
    let names = std::env::var("PRISM_TEST_WITHOUT").unwrap_or_default();
    names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

/// Says whether whoever runs the tests said that this machine lacks something, and says that it is left out.
///
/// # Panics
/// It is nothing that may be lacking.
#[expect(clippy::print_stderr, reason = "a test that leaves something out says so")]
pub fn without(name: &str) -> bool {
    assert!(OPTIONAL.contains(&name) || ["sh", "bash"].contains(&name), "`{name}` is not in OPTIONAL");
    let is_named = named().iter().any(|named| named == name);
    if is_named {
        eprintln!("left out: {name}, as PRISM_TEST_WITHOUT says");
    }
    is_named
}

/// Its output is shown even where it succeeds, see .config/nextest.toml.
#[test]
fn what_is_left_out_is_said() {
    for name in named() {
        assert!(
            OPTIONAL.contains(&name.as_str()),
            "PRISM_TEST_WITHOUT names `{name}`; it may name {OPTIONAL:?}"
        );
        assert!(without(&name));
    }
    let documented = include_str!("../../docs/contributing.md");
    for name in OPTIONAL {
        assert!(documented.contains(&format!("`{name}`")), "docs/contributing.md does not name `{name}`");
    }
}
