//! What docs/ide.md shows, as far as the tools can be had.

use std::path::Path;

use crate::support::Project;

/// The code blocks of a language in docs/ide.md.
fn blocks(language: &str) -> Vec<String> {
    let text = include_str!("../../docs/ide.md");
    let start = format!("```{language}\n");
    text.split(&start).skip(1).filter_map(|rest| Some(rest.split_once("```")?.0.to_owned())).collect()
}

fn run(project: &Project, program: &str, arguments: &[&str]) -> String {
    let prism = Path::new(env!("CARGO_BIN_EXE_prism")).parent().expect("target").display().to_string();
    let path = format!("{prism}:{}", std::env::var("PATH").expect("PATH"));
    project.sandbox.command(program, &project.directory, arguments).env("PATH", path).succeeds().stdout
}

#[test]
fn every_json_block_is_json() {
    let blocks = blocks("json");
    assert_eq!(blocks.len(), 4);
    for block in blocks {
        serde_json::from_str::<serde_json::Value>(&block).unwrap_or_else(|error| panic!("{error}: {block}"));
    }
}

#[test]
fn npm_make_and_just_as_shown() {
    let project = Project::web();
    let package =
        blocks("json").into_iter().find(|block| block.contains("\"scripts\"")).expect("package.json");
    let show = "printenv WEB_PORT";
    project.write("package.json", &package.replace("node --test", show));
    let make = blocks("make").remove(0);
    project.write("Makefile", &make.replace("go test ./...", show));
    let npm = run(&project, "npm", &["--silent", "test"]);
    let port = project.prism(&["get", "WEB_PORT"]).succeeds().stdout;
    assert_eq!(npm, port);
    assert_eq!(run(&project, "make", &["--silent", "test"]), port);
    project.write("justfile", &blocks("just").remove(0).replace("go test ./...", show));
    assert_eq!(run(&project, "just", &["test"]), port);
}
