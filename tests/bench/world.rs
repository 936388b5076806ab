//! One size: a folder with both stores in it, filled from the same ledger.

use crate::bulk::Bulk;
use crate::contender::Contender;
use crate::corpus::{self, Corpus, Queries};
use crate::options::{self, Options};
use crate::{Result, floor, timing};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A smaller store is built anew in every run: the changes of a run would make it another size.
const KEPT_MIN: usize = 100_000;

/// Characters of a note's body: with its title about what the floor appends.
const NOTE_BODY: usize = 460;

/// What is measured at one size.
pub struct World<'a> {
    pub options: &'a Options,
    pub corpus: &'a Corpus,
    pub queries: Queries,
    pub size: usize,
    pub state: Contender,
    pub sqlite: Contender,
    folder: PathBuf,
    serial: AtomicUsize,
    /// Removes the folder at the end.
    _temporary: Option<tempfile::TempDir>,
}

/// What filling a store took.
#[derive(Serialize, Deserialize)]
struct Built {
    stamp: String,
    seconds: f64,
    peak_mb: Option<f64>,
    bytes: u64,
}

impl<'a> World<'a> {
    /// Makes the ledger, both stores, and what a day's work leaves in them. Returns also what the import took.
    pub fn build(options: &'a Options, corpus: &'a Corpus, size: usize) -> Result<(Self, Vec<Bulk>)> {
        let (folder, temporary) = place(options, size)?;
        let world = Self {
            queries: corpus.queries(size),
            state: Contender::state(&folder),
            sqlite: Contender::sqlite(&folder)?,
            serial: AtomicUsize::new(chrono::Utc::now().timestamp_millis() as usize),
            _temporary: temporary,
            options,
            corpus,
            size,
            folder,
        };
        // Without git the store is as good, there is only less for it to know.
        let _ = Command::new("git").args(["init", "-q", "-b", "main"]).arg(&world.folder).output();
        let ledger = corpus.write(size, &world.folder)?;
        let state = world.fill(&world.state, &ledger.files)?;
        let sqlite = world.fill(&world.sqlite, &ledger.files)?;
        let records = size as f64;
        let both = |of: &dyn Fn(&Built) -> f64| (Some(of(&state)), Some(of(&sqlite)));
        let bulk = vec![
            Bulk::new("import with index, s", both(&|built| built.seconds)).most(8.0, 100_000),
            Bulk::new("import, records/s", both(&|built| records / built.seconds)),
            Bulk::new("import, peak MB", (state.peak_mb, sqlite.peak_mb)),
            Bulk::new("disk, bytes a record", both(&|built| built.bytes as f64 / records)),
            Bulk::new("disk, times the text", both(&|built| built.bytes as f64 / ledger.text as f64)).most(4.0, 0),
        ];
        world.lived_in()?;
        Ok((world, bulk.into_iter().filter(|row| options.wants(row.name)).collect()))
    }

    /// Imports the files into a new store, or finds it already there.
    fn fill(&self, contender: &Contender, files: &[PathBuf]) -> Result<Built> {
        let note = self.folder.join(format!("built-{}.json", contender.name));
        let stamp = contender.stamp()?;
        if let Ok(text) = std::fs::read_to_string(&note)
            && let Ok(built) = serde_json::from_str::<Built>(&text)
            && built.stamp == stamp
            && self.size >= KEPT_MIN
        {
            self.say(&format!("{}: the store is there, {:.1} s when it was built", contender.name, built.seconds));
            return Ok(built);
        }
        if contender.store.exists() {
            std::fs::remove_dir_all(&contender.store)?;
        }
        contender.run(&["init"])?;
        let (mut ms, mut added, mut peak_mb) = (0.0, 0, None);
        for file in files {
            let file = file.to_str().ok_or("a path that is no text")?;
            let mut command = contender.command("bench", &["import", file]);
            let (answer, peak) = timing::watch(&mut command, Duration::from_millis(1))?;
            ms += answer.ms;
            added += answer.text.split(' ').next().unwrap_or_default().parse::<usize>()?;
            peak_mb = peak.map(|peak: f64| peak.max(peak_mb.unwrap_or(0.0)));
        }
        contender.settle()?;
        let last = corpus::id(self.size - 1);
        if added != self.size || !contender.run(&["show", &last])?.text.contains(&last) {
            return Err(format!("{} imported {added} of {} records", contender.name, self.size).into());
        }
        let built = Built { stamp, seconds: ms / 1e3, peak_mb, bytes: contender.disk() };
        std::fs::write(note, serde_json::to_string(&built)?)?;
        self.say(&format!("{}: imported in {:.1} s", contender.name, built.seconds));
        Ok(built)
    }

    /// A handoff, something known, something in the way and something in progress, so that a briefing has what to say.
    fn lived_in(&self) -> Result<()> {
        let focus = corpus::id(corpus::ready_numbers(self.size)[0]);
        for contender in self.both() {
            for kind in ["handoff", "finding", "decision", "blocker"] {
                for number in 0..3 {
                    let (title, body) = (format!("A {kind} of yesterday"), self.corpus.body(number * 31));
                    contender.run(&["add", kind, &format!("{title} {number}"), "--body", &format!("Seen: {body}")])?;
                }
            }
            contender.run(&["start", &focus])?;
            contender.settle()?;
        }
        Ok(())
    }

    /// `state` and the peer.
    pub fn both(&self) -> [&Contender; 2] {
        [&self.state, &self.sqlite]
    }

    /// The bare floor as a process: it appends to a file beside the stores.
    pub fn floor(&self) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("floor").arg(self.folder.join(floor::FILE)).env_clear();
        Ok(command)
    }

    /// A file of this world.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Title, body and the one word in the title that no other record has.
    pub fn note(&self) -> Note {
        let number = self.serial.fetch_add(1, Ordering::Relaxed);
        let word = corpus::letters(number);
        let body = (number..).map(|number| self.corpus.body(number)).take(8).collect::<Vec<_>>().join("\n");
        // No body looks like an option.
        let body = format!("Seen: {}", body.chars().take(NOTE_BODY).collect::<String>());
        Note { title: format!("What came of {word} in the end"), body, word }
    }

    /// Tells of progress.
    pub fn say(&self, text: &str) {
        eprintln!("{:>5}  {text}", options::short(self.size));
    }
}

/// Something to add.
pub struct Note {
    pub title: String,
    pub body: String,
    pub word: String,
}

/// The folder of a size: kept, or on the disk of the build, since a memory file system would sync for nothing.
fn place(options: &Options, size: usize) -> Result<(PathBuf, Option<tempfile::TempDir>)> {
    if let Some(keep) = &options.keep {
        let folder = std::path::absolute(keep)?.join(options::short(size));
        std::fs::create_dir_all(&folder)?;
        return Ok((folder, None));
    }
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(root)?;
    let temporary = tempfile::Builder::new().prefix("scale-").tempdir_in(root)?;
    Ok((temporary.path().to_owned(), Some(temporary)))
}
