//! The benchmark: what `state` costs at a thousand and at a million records, beside SQLite and beside the bare disk.
//!
//! Whole processes of the release build are timed, as an agent starts them. The same executable is, by its first word, also
//! the peer (`peer`: a ledger on SQLite with FTS5 that does the same durable work) and the floor (`floor`: open a file,
//! append 500 bytes, sync). Samples of all of them alternate, so that the machine's noise hits all alike.
//!
//! Nothing here asserts a speed. It fails only when a command fails or its answer is wrong.
//!
//! `corpus` makes records, `contender` is one of the two ledgers, `rows` lists the commands, `measure` times them, `crowd` is
//! many processes at once, `agents` what hosts wait for, `jobs` background jobs beside pueue and task-spooler, `bulk` the
//! long work, `report` the tables.
#![allow(
    unreachable_pub,
    clippy::pedantic,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program of its own: it reads arguments and clock, prints, and calculates with rounded numbers"
)]

mod agents;
mod bulk;
mod contender;
mod corpus;
mod crowd;
mod day;
mod floor;
mod jobs;
mod measure;
mod options;
mod peer;
mod peer_read;
mod peer_write;
mod report;
mod rows;
mod timing;
mod world;

use options::Options;
use std::process::ExitCode;
use world::World;

/// A failed command, a wrong answer, or a file that cannot be used.
type Failure = Box<dyn std::error::Error + Send + Sync>;
type Result<T, E = Failure> = std::result::Result<T, E>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match words[..] {
        ["peer", ref rest @ ..] => peer::run(rest),
        ["floor", path] => floor::append(path),
        ["floor", ..] => Ok(()),
        ["job", ref rest @ ..] => jobs::work::run(rest),
        _ if words.contains(&"--help") => print(options::HELP),
        // Test runners start every target; only cargo bench says so.
        _ if !words.contains(&"--bench") => print("to measure: cargo bench -- --help"),
        _ => bench(&words),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("scale: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn print(text: &str) -> Result<()> {
    println!("{text}");
    Ok(())
}

fn bench(words: &[&str]) -> Result<()> {
    let options = Options::parse(words)?;
    if options.is_of_jobs() {
        let rows = jobs::measure(&options)?;
        println!("{}", jobs::text(&rows));
        return report::save_jobs(&options, &rows);
    }
    let corpus = corpus::Corpus::load(options.data.as_deref())?;
    eprintln!("records from {}", corpus.source);
    let mut report = report::Report::new(&corpus.source)?;
    for &size in &options.sizes {
        let (world, built) = World::build(&options, &corpus, size)?;
        report.sizes.push(day::live(&world, built)?);
    }
    report.jobs = jobs::measure(&options)?;
    println!("{}", report.text());
    report.save(&options)
}
