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
