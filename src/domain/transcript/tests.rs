//! Lines of the three hosts, in small; whole transcripts are judged in `tests/it/transcripts.rs`.

use super::*;
use crate::domain::activity::Activity;
use crate::domain::markdown;
use proptest::prelude::*;
use serde_json::json;

fn story(lines: &[Value]) -> Story {
    let mut teller = Teller::default();
    lines.iter().flat_map(|line| entries(line.to_string().as_bytes())).for_each(|entry| teller.take(entry));
    teller.end()
}

/// What the handoffs of real transcripts look like: for the eye, `cargo test -- --ignored look --nocapture`.
#[test]
#[ignore]
fn look() {
    let folder = std::env::var("LOOK").unwrap();
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().flatten().map(|e| e.path()).collect();
    paths.sort();
    let mut out = String::new();
    for path in paths {
        let bytes = std::fs::read(&path).unwrap();
        let mut teller = Teller::default();
        bytes.split(|b| *b == b'\n').flat_map(entries).for_each(|entry| teller.take(entry));
        let story = teller.end();
        out += &format!("=== {} {:?}\n", path.display(), story.meta);
        if let Some(d) = compose(&Activity::default(), &story) {
            out += &format!(
                "# {}\n{}\n{:?} {:?} tokens {}\n",
                d.title,
                d.body,
                d.entries,
                d.refs,
                crate::domain::text::estimate_tokens(&d.body)
            );
        }
    }
    std::fs::write("/tmp/w/transcripts-scratch/look.txt", out).unwrap();
}
