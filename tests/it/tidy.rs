//! The rules of the source tree that no compiler checks: import directions, file sizes, names.

use crate::support::files_under;
use std::path::Path;

/// A file of this many lines wants to be two.
const FILE_LINES_MAX: usize = 400;

/// What each layer may import; itself always. Layers not named here (`main`, `lib`) may import anything.
const LAYERS: [(&str, &[&str]); 11] = [
    ("error", &[]),
    ("domain", &["error"]),
    ("store", &["domain", "error"]),
    ("index", &["domain", "error"]),
    ("process", &["domain", "error"]),
    ("remote", &["domain", "error"]),
    ("ops", &["domain", "store", "index", "process", "remote", "error"]),
    ("cli", &["ops", "domain", "error"]),
    ("hook", &["ops", "domain", "error"]),
    ("mcp", &["ops", "domain", "error"]),
    ("http", &["ops", "domain", "error"]),
];

/// Names that say nothing, and attract what has no place.
const NAMES_REFUSED: [&str; 7] = ["util", "utils", "helper", "helpers", "common", "misc", "manager"];

const MACROS_REFUSED: [&str; 3] = ["todo!(", "unimplemented!(", "dbg!("];

#[test]
fn tidy_imports_run_down_only() {
    let mut wrong = Vec::new();
    for path in files_under("src", "rs") {
        let layer = layer_of(&path);
        let Some((_, allowed)) = LAYERS.iter().find(|(name, _)| *name == layer) else { continue };
        let text = std::fs::read_to_string(&path).unwrap();
        for import in imports(&text) {
            if import != layer && is_module(&import) && !allowed.contains(&import.as_str()) {
                wrong.push(format!("{}: {layer} must not import {import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tidy_every_layer_has_a_rule() {
    for path in files_under("src", "rs") {
        let layer = layer_of(&path);
        let ruled = ["main", "lib"].contains(&layer.as_str()) || LAYERS.iter().any(|(name, _)| *name == layer);
        assert!(ruled, "{}: add the layer `{layer}` to LAYERS", path.display());
    }
}

#[test]
fn tidy_files_are_short_named_and_documented() {
    let mut wrong = Vec::new();
    for path in files_under("src", "rs").into_iter().chain(files_under("tests", "rs")) {
        let text = std::fs::read_to_string(&path).unwrap();
        let (name, lines) = (path.file_stem().unwrap().to_str().unwrap(), text.lines().count());
        if lines > FILE_LINES_MAX {
            wrong.push(format!("{}: {lines} lines, at most {FILE_LINES_MAX}", path.display()));
        }
        if name.split('_').any(|word| NAMES_REFUSED.contains(&word)) {
            wrong.push(format!("{}: call it what it does", path.display()));
        }
        if !text.starts_with("//!") {
            wrong.push(format!("{}: open with `//!`, what it is and why", path.display()));
        }
        if !path.ends_with("tidy.rs") {
            let found = MACROS_REFUSED.iter().filter(|refused| text.contains(**refused));
            wrong.extend(found.map(|refused| format!("{}: holds {refused}", path.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn tidy_sees_an_upward_import_in_every_form() {
    let text =
        "use crate::ops::add;\n// use crate::cli\nuse crate::{error::Error, index};\nfn f() { crate::http::g() }\n";
    assert_eq!(imports(text), ["error", "http", "index", "ops"]);
    assert_eq!(imports("use super::super::cli;"), ["cli"]);
}

/// The first component of the path below `src`: a folder, or a file's stem.
fn layer_of(path: &Path) -> String {
    let below = path.strip_prefix(files_root("src")).unwrap();
    let first = Path::new(below.components().next().unwrap().as_os_str());
    first.file_stem().unwrap().to_str().unwrap().to_owned()
}

fn files_root(folder: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(folder)
}

/// Whether the crate has such a top module; other names in that place are re-exports of the map in `lib.rs`.
fn is_module(name: &str) -> bool {
    let src = files_root("src");
    src.join(name).is_dir() || src.join(format!("{name}.rs")).exists()
}

/// The top modules that `text` names after `crate::` (or after climbing two folders), sorted; comments do not count.
fn imports(text: &str) -> Vec<String> {
    let code: Vec<&str> = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join(" ").replace("super::super::", "crate::");
    let mut found: Vec<String> = code.split("crate::").skip(1).flat_map(first_names).collect();
    found.sort_unstable();
    found.dedup();
    found
}

/// The names at the start of a use tree: `a::b` has one, `{a::{b}, c}` two.
fn first_names(tree: &str) -> Vec<String> {
    let word = |text: &str| text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(inside) = tree.trim_start().strip_prefix('{') else { return vec![word(tree)] };
    let (mut depth, mut names) = (1, vec![String::new()]);
    for c in inside.chars() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 1 => names.push(String::new()),
            _ => names.last_mut().expect("starts with one name").push(c),
        }
        if depth == 0 {
            break;
        }
    }
    names.iter().map(|name| word(name)).filter(|name| !name.is_empty()).collect()
}
