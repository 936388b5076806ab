//! The long work: catching up, rebuilding, exporting, and what a day of indexing leaves.

use crate::Result;
use crate::contender::Contender;
use crate::measure;
use crate::timing::{self, Times};
use crate::world::{Note, World};
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// One more change than this, and a catch-up starts by itself; a batch has a few changes beside its records.
pub const BATCH: usize = 240;

/// Catch-ups that are timed.
const CATCH_UPS: usize = 5;

/// Catch-ups of a day with about 18,000 changes.
const DAY: usize = 60;

/// The largest store that has to live through a day of them.
const DAY_SIZE_MAX: usize = 10_000;

/// One number for each ledger.
#[derive(Clone, Debug, Serialize)]
pub struct Bulk {
    pub name: &'static str,
    /// The most wanted, and at which size; 0 for all.
    pub want: Option<(f64, usize)>,
    pub state: Option<f64>,
    pub sqlite: Option<f64>,
}

impl Bulk {
    pub fn new(name: &'static str, (state, sqlite): (Option<f64>, Option<f64>)) -> Self {
        Self { name, want: None, state, sqlite }
    }

    /// Wants at most so much at this size; 0 for all.
    pub fn most(self, most: f64, size: usize) -> Self {
        Self { want: Some((most, size)), ..self }
    }
}

/// Adds a batch of records as one transaction and leaves them to be indexed. SQLite indexes them at once.
pub fn add_batch(world: &World, contender: &Contender) -> Result<Note> {
    let notes: Vec<Note> = (0..BATCH).map(|_| world.note()).collect();
    let lines: Vec<String> = notes
        .iter()
        .map(|Note { title, body, .. }| json!({"kind": "task", "title": title, "body": body}).to_string())
        .collect();
    let path = world.path("batch.jsonl");
    std::fs::write(&path, lines.join("\n"))?;
    contender.run(&["add", text(&path)?])?;
    Ok(notes.into_iter().next_back().expect("a batch is not empty"))
}

fn text(path: &Path) -> Result<&str> {
    Ok(path.to_str().ok_or("a path that is no text")?)
}

/// Everything that takes long.
pub fn measure(world: &World) -> Result<Vec<Bulk>> {
    let mut rows = Vec::new();
    if world.options.wants("catch-up") {
        rows.push(catch_up(world)?);
    }
    if world.options.wants("rebuild") {
        rows.extend(rebuild(world)?);
    }
    if world.options.wants("export") {
        rows.extend(export(world)?);
    }
    if world.options.wants("segments") && world.size <= DAY_SIZE_MAX {
        rows.push(segments(world)?);
    }
    for Bulk { name, state, sqlite, .. } in &rows {
        let told = |number: &Option<f64>| number.map_or("-".to_owned(), |number| format!("{number:.2}"));
        world.say(&format!("{name:<38} {:>7}  SQLite {}", told(state), told(sqlite)));
    }
    Ok(rows)
}

fn catch_up(world: &World) -> Result<Bulk> {
    let mut ms = Vec::new();
    for _ in 0..CATCH_UPS {
        world.state.settle()?;
        let last = add_batch(world, &world.state)?;
        ms.push(world.state.run(&["catch-up"])?.ms);
        measure::find(&world.state, &last.word, &last.title)?;
    }
    Ok(Bulk::new("index catch-up of 240 records, ms", (Some(Times::of(ms).median), None)))
}

fn rebuild(world: &World) -> Result<[Bulk; 2]> {
    world.state.settle()?;
    std::fs::remove_dir_all(world.state.store.join("index"))?;
    let pause = Duration::from_millis(1);
    let (state, state_mb) = timing::watch(&mut world.state.command("bench", &["catch-up"]), pause)?;
    let (sqlite, sqlite_mb) = timing::watch(&mut world.sqlite.command("bench", &["rebuild"]), pause)?;
    for contender in world.both() {
        contender.run(&["search", &world.queries.rare[0]])?;
    }
    if !world.state.store.join("index/meta.json").exists() {
        return Err("the index was not built anew".into());
    }
    Ok([
        Bulk::new("index rebuild, s", (Some(state.ms / 1e3), Some(sqlite.ms / 1e3))).most(40.0, 1_000_000),
        Bulk::new("index rebuild, peak MB", (state_mb, sqlite_mb)).most(200.0, 0),
    ])
}

/// Writes everything out; without `state`'s number as long as the program does not know the verb.
fn export(world: &World) -> Result<[Bulk; 2]> {
    let (state, state_mb) = match export_words(world, &world.path("export-state.jsonl"))? {
        Some(words) => export_with(world, &world.state, &words)?,
        None => (None, None),
    };
    let path = world.path("export-sqlite.jsonl");
    let words = ["export", "--output", text(&path)?].map(str::to_owned);
    let (sqlite, sqlite_mb) = export_with(world, &world.sqlite, &words)?;
    Ok([
        Bulk::new("export, s", (state, sqlite)).most(10.0, 1_000_000),
        Bulk::new("export, peak MB", (state_mb, sqlite_mb)).most(200.0, 0),
    ])
}

/// How this program is told to export into a file.
fn export_words(world: &World, path: &Path) -> Result<Option<Vec<String>>> {
    let Ok(help) = world.state.run(&["export", "--help"]) else {
        world.say("export: not there");
        return Ok(None);
    };
    let option = help.text.contains("--output").then_some("--output");
    Ok(Some(["export"].into_iter().chain(option).chain([text(path)?]).map(str::to_owned).collect()))
}

/// Seconds and megabytes.
fn export_with(world: &World, contender: &Contender, words: &[String]) -> Result<(Option<f64>, Option<f64>)> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (answer, peak) = timing::watch(&mut contender.command("bench", &words), Duration::from_millis(1))?;
    let path = words.last().expect("the file is the last word");
    let bytes = std::fs::read(path)?;
    let lines = bytes.iter().filter(|byte| **byte == b'\n').count();
    if lines < world.size {
        return Err(format!("{} exported {lines} lines of {} records", contender.name, world.size).into());
    }
    std::fs::remove_file(path)?;
    Ok((Some(answer.ms / 1e3), peak))
}

/// How many segments the index has after a day.
fn segments(world: &World) -> Result<Bulk> {
    let mut most = 0;
    for _ in 0..DAY {
        add_batch(world, &world.state)?;
        world.state.settle()?;
        let meta = std::fs::read(world.state.store.join("index/meta.json"))?;
        let meta: Value = serde_json::from_slice(&meta)?;
        most = most.max(meta["segments"].as_array().map_or(0, Vec::len));
    }
    Ok(Bulk::new("index segments, most of 60 catch-ups", (Some(most as f64), None)).most(10.0, 0))
}
