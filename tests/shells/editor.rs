//! What docs/ide.md shows, as far as the tools can be had.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::{Project, without};

/// The code blocks of a language in docs/ide.md.
fn blocks(language: &str) -> Vec<String> {
    let text = include_str!("../../docs/ide.md");
    let start = format!("```{language}\n");
    text.split(&start).skip(1).filter_map(|rest| Some(rest.split_once("```")?.0.to_owned())).collect()
}

/// The block of a language that has this text in it, as JSON.
fn json(text: &str) -> Value {
    let block = blocks("json").into_iter().find(|block| block.contains(text)).expect("a block");
    serde_json::from_str(&block).expect("JSON")
}

fn run_with(project: &Project, program: &str, arguments: &[&str], env: &BTreeMap<String, String>) -> String {
    let prism = Path::new(env!("CARGO_BIN_EXE_prism")).parent().expect("target").display().to_string();
    let path = format!("{prism}:{}", std::env::var("PATH").expect("PATH"));
    let mut run = project.sandbox.command(program, &project.directory, arguments).env("PATH", path);
    for (name, value) in env {
        run = run.env(name, value);
    }
    run.succeeds().stdout
}

fn run(project: &Project, program: &str, arguments: &[&str]) -> String {
    run_with(project, program, arguments, &BTreeMap::new())
}

fn words(value: &Value) -> Vec<&str> {
    value.as_array().expect("a list").iter().map(|word| word.as_str().expect("a word")).collect()
}

/// What the tests run in place of a test suite.
const SHOW: &str = "printenv WEB_PORT";

#[test]
fn every_json_block_is_json() {
    let blocks = blocks("json");
    assert_eq!(blocks.len(), 4);
    for block in blocks {
        serde_json::from_str::<Value>(&block).unwrap_or_else(|error| panic!("{error}: {block}"));
    }
}

#[test]
fn npm_make_and_just_as_shown() {
    let project = Project::web();
    project.prism(&["start"]).succeeds();
    let port = project.prism(&["get", "WEB_PORT"]).succeeds().stdout;
    let make = blocks("make").remove(0);
    project.write("Makefile", &make.replace("go test ./...", SHOW));
    assert_eq!(run(&project, "make", &["--silent", "test"]), port);
    if !without("npm") {
        let package =
            blocks("json").into_iter().find(|block| block.contains("\"scripts\"")).expect("package.json");
        project.write("package.json", &package.replace("node --test", SHOW));
        assert_eq!(run(&project, "npm", &["--silent", "test"]), port);
    }
    if !without("just") {
        project.write("justfile", &blocks("just").remove(0).replace("go test ./...", SHOW));
        assert_eq!(run(&project, "just", &["test"]), port);
    }
}

#[test]
fn the_task_of_mise_as_far_as_it_goes_without_mise() {
    let project = Project::web();
    let block = blocks("toml").remove(0);
    let command =
        block.lines().find_map(|line| line.strip_prefix("run = ")).expect("a command").trim_matches('"');
    let port = run(&project, "sh", &["-c", &command.replace("cargo test", SHOW)]);
    assert_eq!(port, project.prism(&["get", "WEB_PORT"]).succeeds().stdout);
}

#[test]
fn the_tasks_of_vs_code_and_a_dev_container() {
    let project = Project::web();
    let container = json("postStartCommand");
    run(&project, "sh", &["-c", container["postStartCommand"].as_str().expect("a command")]);
    let port = project.prism(&["get", "WEB_PORT"]).succeeds().stdout;
    project.prism(&["destroy", "--yes"]).succeeds();
    for task in json("\"tasks\"")["tasks"].as_array().expect("tasks") {
        let mut arguments = words(&task["args"]);
        if let Some(at) = arguments.iter().position(|word| *word == "npm") {
            arguments.splice(at.., SHOW.split(' '));
        }
        let shown = run(&project, task["command"].as_str().expect("a command"), &arguments);
        assert!(task["label"] != "test" || shown == port, "{task}: {shown}");
    }
    let launch = &json("\"configurations\"")["configurations"][0];
    let path = |key: &str| {
        let text = launch[key].as_str().expect("a path");
        text.replace("${workspaceFolder}", project.directory.to_str().expect("UTF-8"))
    };
    assert_eq!(launch["preLaunchTask"], json("\"tasks\"")["tasks"][0]["label"]);
    assert_eq!(launch["type"], "node");
    if !without("npm") {
        fs::write(path("program"), "console.log(process.env.WEB_PORT)").expect("the program");
        let file = format!("--env-file={}", path("envFile"));
        assert_eq!(run(&project, "node", &[&file, &path("program")]), port);
    }
}

/// Reads what a step appended to `$GITHUB_ENV`: `NAME<<END`, lines, `END`.
fn github_env(text: &str) -> BTreeMap<String, String> {
    let mut lines = text.lines();
    let mut env = BTreeMap::new();
    while let Some(line) = lines.next() {
        let (name, end) = line.split_once("<<").expect("the form with a delimiter");
        let value: Vec<&str> = lines.by_ref().take_while(|line| *line != end).collect();
        env.insert(name.to_owned(), value.join("\n"));
    }
    env
}

#[test]
fn the_steps_of_github_actions() {
    let project = Project::web();
    project.write("prism.yaml", "env: {LINES: \"a\\nb\"}\n");
    let workflow: Value = serde_yaml::from_str(&blocks("yaml").remove(0)).expect("YAML");
    let file = project.directory.join("github-env");
    fs::write(&file, "").expect("a file");
    let mut shown = String::new();
    let steps = workflow["jobs"]["test"]["steps"].as_array().expect("steps");
    for step in steps.iter().filter_map(|step| step["run"].as_str()) {
        let mut env = github_env(&fs::read_to_string(&file).expect("the file"));
        env.insert("GITHUB_ENV".to_owned(), file.display().to_string());
        if step.contains("destroy") {
            assert_eq!(env["LINES"], "a\nb");
            let port = project.prism(&["get", "WEB_PORT"]).succeeds().stdout;
            assert_eq!(shown, port);
        }
        shown += &run_with(&project, "bash", &["-e", "-c", &step.replace("npm test", SHOW)], &env);
    }
    assert_eq!(project.containers(), Vec::<String>::new());
}
