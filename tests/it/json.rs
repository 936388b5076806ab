//! The shape that each command's `--help` states is the shape that `--json` prints.

use crate::support::Workspace;
use std::collections::BTreeMap;

/// The keys at the top of the stated shape, and whether each is always there.
fn stated(help: &str) -> BTreeMap<String, bool> {
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let (_, shape) = help.split_once("JSON: {").expect("the help states a shape");
    let (mut depth, mut keys, mut rest) = (1, BTreeMap::new(), shape.chars().peekable());
    while let Some(c) = rest.next() {
        match c {
            '{' | '[' => depth += 1,
            '}' | ']' => depth -= 1,
            '"' => {
                let key: String = rest.by_ref().take_while(|c| *c != '"').collect();
                if depth == 1 {
                    keys.insert(key, rest.peek() != Some(&'?'));
                }
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    keys
}

#[test]
fn every_command_prints_the_shape_that_its_help_states() {
    let workspace = Workspace::new();
    let task = workspace.add("task", "first");
    let other = workspace.add("finding", "second");
    workspace.write("notes/a.md", "# A note\n\ntext\n");
    let commands: Vec<Vec<&str>> = vec![
        vec!["init"],
        vec!["add", "task", "third"],
        vec!["edit", &task, "--title", "first again"],
        vec!["link", &task, "relates", &other],
        vec!["start", &task],
        vec!["block", &task, "why"],
        vec!["show", &task],
        vec!["list"],
        vec!["ready"],
        vec!["log"],
        vec!["search", "first"],
        vec!["resume"],
        vec!["checkpoint", "build", "install"],
        vec!["import", "notes"],
        vec!["export", "--output", "out.jsonl"],
        vec!["export", "--markdown", "out"],
        vec!["done", &task],
        vec!["undo"],
        vec!["drop", &other],
        vec!["doctor"],
        vec!["setup", "claude", "--dry-run"],
        vec!["prime"],
        vec!["erase", &other],
    ];
    for command in commands {
        let stated = stated(&workspace.ok(&[command[0], "--help"]));
        let printed = workspace.json(&command);
        let printed = printed.as_object().unwrap();
        assert!(!stated.is_empty(), "{command:?}");
        for (key, always) in &stated {
            assert!(!always || printed.contains_key(key), "{command:?} lacks {key}");
        }
        for key in printed.keys() {
            assert!(stated.contains_key(key), "{command:?} prints {key}, which its help does not state");
        }
    }
}
