//! The README's example is typed here, in order, and must print what the page shows. `BLESS=1` rewrites the page.

use crate::support::Workspace;

const OPEN: &str = "```console\n";

#[test]
fn the_example_prints_what_the_page_shows() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(OPEN).unwrap();
    let (example, after) = rest.split_once("```").unwrap();
    let run = type_again(example);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, format!("{before}{OPEN}{run}```{after}")).unwrap();
    } else {
        assert_eq!(example, run, "BLESS=1 cargo test readme rewrites README.md");
    }
}

/// The commands of the example with what they print now, eight minutes apart, in a fresh repository with fixed ids.
fn type_again(example: &str) -> String {
    let workspace = Workspace::empty();
    workspace.git_run(&["init", "-q", "-b", "fix/refresh"]);
    workspace.write("src/token.rs", "fn rotate() {\n    keep();\n}\n");
    let here = workspace.dir().canonicalize().unwrap().display().to_string();
    let mut run = String::new();
    for (at, line) in example.lines().filter_map(|line| line.strip_prefix("$ state ")).enumerate() {
        let shell = workspace
            .at(&format!("2026-03-02T09:{:02}:00Z", at * 8))
            .with_var("STATE_TEST_SEED", &at.to_string())
            .with_var("TZ", "UTC");
        let words = split(line);
        let answer = shell.ok(&words.iter().map(String::as_str).collect::<Vec<_>>());
        run.push_str(&format!(
            "$ state {line}\n{}",
            answer.replace(&here, "/home/me/pay").replace("work, branch", "pay, branch")
        ));
    }
    run
}

/// Words, with those in double quotes kept together.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('"').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}
