//! The options of the command line.

use crate::Result;
use std::path::PathBuf;

pub const HELP: &str = "\
cargo bench -- [OPTIONS]
  --sizes LIST    numbers of records, as 1k,10k,100k,1m [1k,10k]
  --samples N     times that each command is run [100]
  --only WORD     only the rows whose name holds this word
  --readme        write the tables into README.md
  --json FILE     write everything that was measured
  --keep DIR      keep inputs and stores there, and use those of 100k and more again
  --programs DIR  look there for pueue, pueued and tsp, before the PATH
  --data FILE     commits as JSON lines, plain or xz [../shared/data/scale/commits-120k.jsonl.xz]
The full run: cargo bench -- --sizes 1k,10k,100k,1m --readme";

/// What to measure.
#[derive(Debug)]
pub struct Options {
    /// Numbers of records, smallest first.
    pub sizes: Vec<usize>,
    /// Runs of each command.
    pub samples: usize,
    /// A part of the names of the rows wanted; empty for all.
    pub only: String,
    /// Whether README.md gets the tables.
    pub readme: bool,
    /// Where everything goes as JSON.
    pub json: Option<PathBuf>,
    /// Where stores stay.
    pub keep: Option<PathBuf>,
    /// Where programs to compare jobs with are looked for first.
    pub programs: Option<PathBuf>,
    /// Where the records come from.
    pub data: Option<PathBuf>,
}

impl Options {
    /// Reads the words after `cargo bench --`, and the `--bench` that cargo adds.
    pub fn parse(words: &[&str]) -> Result<Self> {
        let mut options = Self {
            sizes: vec![1_000, 10_000],
            samples: 100,
            only: String::new(),
            readme: false,
            json: None,
            keep: None,
            programs: None,
            data: None,
        };
        let mut words = words.iter();
        while let Some(&word) = words.next() {
            let mut value = || words.next().copied().ok_or(format!("{word} needs a value\n{HELP}"));
            match word {
                "--bench" => {}
                "--sizes" => options.sizes = sizes(value()?)?,
                "--samples" => options.samples = number(value()?)?.max(1),
                "--only" => options.only = value()?.to_owned(),
                "--readme" => options.readme = true,
                "--json" => options.json = Some(value()?.into()),
                "--keep" => options.keep = Some(value()?.into()),
                "--programs" => options.programs = Some(value()?.into()),
                "--data" => options.data = Some(value()?.into()),
                _ => return Err(format!("'{word}' is not an option\n{HELP}").into()),
            }
        }
        if options.readme && !options.only.is_empty() {
            return Err("README.md gets all rows or none: --readme without --only".into());
        }
        Ok(options)
    }

    /// Whether only jobs are wanted, which need no records.
    pub fn is_of_jobs(&self) -> bool {
        self.only.starts_with("jobs")
    }

    /// Whether a row is wanted.
    pub fn wants(&self, name: &str) -> bool {
        name.contains(&self.only)
    }
}

fn sizes(list: &str) -> Result<Vec<usize>> {
    let mut sizes = list.split(',').map(number).collect::<Result<Vec<_>>>()?;
    sizes.sort_unstable();
    sizes.dedup();
    if sizes[0] < 500 {
        return Err("a size has at least 500 records".into());
    }
    Ok(sizes)
}

/// `100000`, `100k` or `1m`.
fn number(text: &str) -> Result<usize> {
    let lower = text.trim().to_lowercase();
    let digits = lower.trim_end_matches(['k', 'm']);
    let factor = match &lower[digits.len()..] {
        "" => 1,
        "k" => 1_000,
        "m" => 1_000_000,
        _ => return Err(format!("'{text}' is not a number").into()),
    };
    let number: usize = digits.parse().map_err(|_| format!("'{text}' is not a number"))?;
    Ok(number * factor)
}

/// A number of records as people write it: `1k`, `1m`.
pub fn short(size: usize) -> String {
    match size {
        _ if size.is_multiple_of(1_000_000) => format!("{}m", size / 1_000_000),
        _ if size.is_multiple_of(1_000) => format!("{}k", size / 1_000),
        _ => size.to_string(),
    }
}
