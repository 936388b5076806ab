//! The tables: for people, for README.md, and as JSON.

use crate::bulk::Bulk;
use crate::day::Day;
use crate::jobs::{self, JobRow};
use crate::measure::{Measured, Want};
use crate::options::{Options, short};
use crate::timing::Times;
use crate::{Result, timing};
use serde::Serialize;
use std::process::Command;

/// Between these lines README.md holds the tables.
const BEGIN: &str = "<!-- measured: begin (cargo bench -- --readme writes what stands here) -->";
const END: &str = "<!-- measured: end -->";

/// Anonymous megabytes that a command may have.
const MEMORY_MAX: f64 = 10.0;

/// Stands behind a number that misses what is wanted.
const MISSED: &str = "✗";

/// Everything that was measured, and on what.
#[derive(Debug, Serialize)]
pub struct Report {
    machine: String,
    records: String,
    /// What was measured, smallest size first.
    pub sizes: Vec<Day>,
    /// Background jobs.
    pub jobs: Vec<JobRow>,
}

impl Report {
    /// A report without sizes yet, made before the work, since the work is a load itself.
    pub fn new(source: &str) -> Result<Self> {
        let version = timing::run(Command::new(env!("CARGO_BIN_EXE_state")).arg("--version"))?.text;
        let machine = format!("{}, SQLite {}; {}", version.trim(), rusqlite::version(), machine());
        Ok(Self { machine, records: source.to_owned(), sizes: Vec::new(), jobs: Vec::new() })
    }

    /// Both tables and what they mean, as Markdown that reads well as it is.
    pub fn text(&self) -> String {
        let (commands, long) = (self.commands(), self.long());
        let jobs = jobs::text(&self.jobs);
        let missed = [&commands, &long, &jobs].iter().map(|table| table.matches(MISSED).count()).sum::<usize>();
        format!(
            "{commands}\nMilliseconds of a whole process, caches warm: median (99th percentile) of `state` · of SQLite with FTS5, which \
             does the same durable work in\nthe same run. *growth*: largest size to smallest; *: SQLite*, *: floor*: at \
             the largest size. The floor opens a file, appends 500 bytes,\nsyncs. *MB*: the most anonymous memory, \
             {MEMORY_MAX:.0} wanted. {MISSED} misses what is wanted: {missed}.\n\n{long}\n`state` · SQLite. Records from {}. \
             {}.\n\n{jobs}",
            self.records, self.machine
        )
    }

    /// Writes the files that were asked for.
    pub fn save(&self, options: &Options) -> Result<()> {
        if let Some(path) = &options.json {
            std::fs::write(path, serde_json::to_string_pretty(self)?)?;
        }
        if options.readme {
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
            let page = std::fs::read_to_string(path)?;
            let parts = page.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
            let (before, after) = parts.ok_or(format!("README.md lacks {BEGIN} or {END}"))?;
            std::fs::write(path, format!("{before}{BEGIN}\n\n{}\n{END}{after}", self.text()))?;
        }
        Ok(())
    }

    fn commands(&self) -> String {
        let sizes = self.sizes.iter().map(|day| short(day.size));
        let mut lines = vec![row(["ms", "want"].map(str::to_owned), sizes, ["growth", ": SQLite", ": floor", "MB"])];
        for name in names(self.sizes.iter().flat_map(|day| day.rows.iter().map(|row| row.name.as_str()))) {
            let found: Vec<Option<&Measured>> =
                self.sizes.iter().map(|day| day.rows.iter().find(|row| row.name == name)).collect();
            let Some(last) = found.iter().rev().find_map(|row| *row) else { continue };
            let first = found.iter().find_map(|row| *row).filter(|_| found.len() > 1);
            let cells = found.iter().map(|row| row.map_or_else(|| "–".to_owned(), times));
            lines.push(row([name.clone(), wanted(&last.want)], cells, ratios(first, last, memory(&found))));
            lines.extend(floors(&found));
        }
        align(&lines)
    }

    fn long(&self) -> String {
        let sizes = self.sizes.iter().map(|day| short(day.size));
        let mut lines = vec![row(["long work", "want"].map(str::to_owned), sizes, [""; 0])];
        for name in names(self.sizes.iter().flat_map(|day| day.bulk.iter().map(|row| row.name))) {
            let found: Vec<(usize, Option<&Bulk>)> =
                self.sizes.iter().map(|day| (day.size, day.bulk.iter().find(|row| row.name == name))).collect();
            let want = found.iter().find_map(|(_, bulk)| bulk.and_then(|bulk| bulk.want));
            let want = want.map_or(String::new(), |(most, size)| match size {
                0 => plain(most),
                size => format!("{} at {}", plain(most), short(size)),
            });
            let cells = found.iter().map(|(size, bulk)| bulk.map_or_else(|| "–".to_owned(), |bulk| both(bulk, *size)));
            lines.push(row([name, want], cells, [""; 0]));
        }
        if lines.len() > 1 { align(&lines) } else { String::new() }
    }
}

/// Writes what was measured of jobs alone.
pub fn save_jobs(options: &Options, rows: &[JobRow]) -> Result<()> {
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(rows)?)?;
    }
    Ok(())
}

/// The names in the order in which they first come.
fn names<'a>(all: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in all {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}

fn row<T: ToString>(
    head: [String; 2],
    cells: impl Iterator<Item = String>,
    tail: impl IntoIterator<Item = T>,
) -> Vec<String> {
    head.into_iter().chain(cells).chain(tail.into_iter().map(|cell| cell.to_string())).collect()
}

fn wanted(want: &Want) -> String {
    let ms = want.ms.map(plain);
    let growth = want.growth.map(|growth| format!("×{growth}"));
    let floors = want.floors.map(|floors| format!("{floors} floors"));
    ms.into_iter().chain(growth).chain(floors).collect::<Vec<_>>().join(", ")
}

fn times(row: &Measured) -> String {
    let missed = mark(row.want.ms.is_some_and(|most| row.state.median > most));
    let cell = |times: &Times, missed| format!("{}{missed} ({})", plain(times.median), plain(times.p99));
    format!("{} · {}", cell(&row.state, missed), cell(&row.sqlite, ""))
}

/// The line below a command that was run beside the floor.
fn floors(rows: &[Option<&Measured>]) -> Option<Vec<String>> {
    let floor = |row: &Option<&Measured>| row.and_then(|row| row.floor.clone());
    rows.iter().find_map(floor)?;
    let cell =
        |row| floor(row).map_or("–".to_owned(), |floor| format!("{} ({})", plain(floor.median), plain(floor.p99)));
    Some(row(["  the floor beside it", ""].map(str::to_owned), rows.iter().map(cell), [""; 4]))
}

/// The most memory that a command had at any size.
fn memory(rows: &[Option<&Measured>]) -> Option<f64> {
    rows.iter().filter_map(|row| row.and_then(|row| row.state_mb)).max_by(f64::total_cmp)
}

fn ratios(first: Option<&Measured>, last: &Measured, memory: Option<f64>) -> [String; 4] {
    let cell = |ratio: Option<f64>, most: Option<f64>| {
        let missed = |ratio: f64| mark(most.is_some_and(|most| ratio > most));
        ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{}{}", plain(ratio), missed(ratio)))
    };
    let growth = first.map(|first| last.state.median / first.state.median);
    let floors = last.floor.as_ref().map(|floor| last.state.median / floor.median);
    [
        cell(growth, last.want.growth),
        cell(Some(last.state.median / last.sqlite.median), None),
        cell(floors, last.want.floors),
        cell(memory, Some(MEMORY_MAX)),
    ]
}

fn both(bulk: &Bulk, size: usize) -> String {
    let cell = |number: Option<f64>| number.map_or_else(|| "–".to_owned(), plain);
    let most = bulk.want.filter(|(_, at)| *at == 0 || *at == size).map(|(most, _)| most);
    let missed = mark(bulk.state.zip(most).is_some_and(|(number, most)| number > most));
    format!("{}{missed} · {}", cell(bulk.state), cell(bulk.sqlite))
}

pub fn mark(missed: bool) -> &'static str {
    if missed { MISSED } else { "" }
}

/// Three figures; more only before the point.
pub fn plain(number: f64) -> String {
    let text = match number {
        _ if number.fract() == 0.0 && number < 1000.0 => format!("{number}"),
        _ if number < 9.995 => format!("{number:.2}"),
        _ if number < 99.95 => format!("{number:.1}"),
        _ => format!("{number:.0}"),
    };
    let (digits, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped + rest
}

/// A Markdown table whose columns stand below each other: the first two to the left, numbers to the right.
pub fn align(lines: &[Vec<String>]) -> String {
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0).max(4);
    let widths: Vec<usize> = (0..lines[0].len()).map(width).collect();
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        let cell = |(at, cell): (usize, &String)| {
            let width = widths[at];
            if at < 2 { format!(" {cell:<width$} |") } else { format!(" {cell:>width$} |") }
        };
        text.push_str(&format!("|{}\n", line.iter().enumerate().map(cell).collect::<String>()));
        if number == 0 {
            let rule = |(at, width): (usize, &usize)| {
                if at < 2 { format!("{}|", "-".repeat(width + 2)) } else { format!("{}:|", "-".repeat(width + 1)) }
            };
            text.push_str(&format!("|{}\n", widths.iter().enumerate().map(rule).collect::<String>()));
        }
    }
    text
}

/// What it ran on, in one line.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let after = |text: &str, name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let memory: f64 = after(&read("/proc/meminfo"), "MemTotal").trim_end_matches(" kB").parse().unwrap_or(0.0);
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    format!(
        "{cores} cores {}, {:.0} GB, {} {}, load before {}, {}",
        after(&read("/proc/cpuinfo"), "model name"),
        memory / 1024.0 / 1024.0,
        std::env::consts::OS,
        kernel.trim(),
        load.split(' ').next().unwrap_or_default(),
        chrono::Utc::now().format("%Y-%m-%d")
    )
}
