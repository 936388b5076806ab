//! Records to measure with: commit messages of public projects, as a beads ledger, and what one would ask about them.

use crate::Result;
use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

/// Where the commits lie in a checkout with its shared folder beside it, and on the project's own machine.
const PLACES: [&str; 2] =
    ["../shared/data/scale/commits-120k.jsonl.xz", "/work/shared/data/scale/commits-120k.jsonl.xz"];

/// A few commits of one project, for a checkout without the shared folder.
const SAMPLE: &str = "fixtures/scale/commits.jsonl";

/// One in so many records is open.
const OPEN_EVERY: usize = 20;

/// Records of one import: a file of 512 MiB is the most that is taken.
const FILE_RECORDS: usize = 250_000;

/// Different queries of each sort.
const QUERIES: usize = 50;

/// A commit message.
#[derive(Debug, Deserialize)]
struct Commit {
    subject: String,
    body: String,
    date: DateTime<Utc>,
    paths: Vec<String>,
}

/// All commits.
#[derive(Debug)]
pub struct Corpus {
    commits: Vec<Commit>,
    /// Which file they are from.
    pub source: String,
}

/// The ledger of one size.
#[derive(Debug)]
pub struct Ledger {
    /// In the order in which they are to be imported.
    pub files: Vec<PathBuf>,
    /// Bytes of all titles and bodies.
    pub text: u64,
}

/// What is searched for: each list rotates, so that no two runs in a row are the same.
#[derive(Debug)]
pub struct Queries {
    pub rare: Vec<String>,
    pub common: Vec<String>,
    pub three: Vec<String>,
    pub sentence: Vec<String>,
}

impl Corpus {
    /// Reads the commits: `named`, else the shared ones, else the sample.
    pub fn load(named: Option<&Path>) -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = match named {
            Some(path) => path.to_owned(),
            None => PLACES.map(|place| root.join(place)).into_iter().find(|path| path.exists()).unwrap_or_else(|| {
                eprintln!("no {}: measuring with the 300 commits of {SAMPLE} instead, over and over", PLACES[0]);
                root.join(SAMPLE)
            }),
        };
        let mut bytes = std::fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
        if path.extension().is_some_and(|extension| extension == "xz") {
            let mut plain = Vec::new();
            lzma_rust2::XzReader::new(&bytes[..], true)
                .read_to_end(&mut plain)
                .map_err(|error| format!("cannot unpack {}: {error}", path.display()))?;
            bytes = plain;
        }
        let lines = std::str::from_utf8(&bytes)?.lines();
        let commits = lines.map(|line| Ok(serde_json::from_str::<Commit>(line)?)).collect::<Result<Vec<_>>>()?;
        if commits.len() < 100 {
            return Err(format!("{} holds fewer than 100 commits", path.display()).into());
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { commits, source: name })
    }

    fn commit(&self, number: usize) -> &Commit {
        &self.commits[number % self.commits.len()]
    }

    /// The title of a record; where the commits repeat, with a word altered.
    fn title(&self, number: usize) -> String {
        let (commit, round) = (self.commit(number), number / self.commits.len());
        let subject = if commit.subject.trim().is_empty() { "(no subject)" } else { &commit.subject };
        if round == 0 {
            return subject.to_owned();
        }
        let mut words: Vec<String> = subject.split(' ').map(str::to_owned).collect();
        let at = (number * 7 + round) % words.len();
        words[at].push_str(&letters(round));
        words.join(" ")
    }

    /// The body of a record: the message and the paths.
    pub fn body(&self, number: usize) -> String {
        let commit = self.commit(number);
        let paths = commit.paths.join("\n");
        if commit.body.is_empty() { paths } else { format!("{}\n\n{paths}", commit.body) }
    }

    /// One line of a beads ledger, and the bytes of its text.
    fn line(&self, number: usize) -> (String, usize) {
        let (title, body) = (self.title(number), self.body(number));
        let created = self.commit(number).date;
        let text = title.len() + body.len();
        let (status, updated) =
            if is_open(number) { ("open", created) } else { ("closed", created + TimeDelta::days(2)) };
        let needed =
            needed(number).map(|needed| json!({"issue_id": id(number), "depends_on_id": id(needed), "type": "blocks"}));
        let kind = ["task", "bug", "feature", "chore"][number % 7 % 4];
        let priority = ((number * 2_654_435_761) >> 8) % 5;
        let line = json!({
            "id": id(number), "title": title, "description": body, "status": status,
            "priority": priority, "issue_type": kind,
            "created_at": created.to_rfc3339(), "updated_at": updated.to_rfc3339(),
            "dependencies": needed.into_iter().collect::<Vec<_>>(),
        });
        (line.to_string(), text)
    }

    /// Writes a ledger of so many records into a folder.
    pub fn write(&self, size: usize, folder: &Path) -> Result<Ledger> {
        let mut ledger = Ledger { files: Vec::new(), text: 0 };
        for from in (0..size).step_by(FILE_RECORDS) {
            let path = folder.join(format!("ledger-{}.jsonl", ledger.files.len()));
            let mut file = BufWriter::new(std::fs::File::create(&path)?);
            for number in from..size.min(from + FILE_RECORDS) {
                let (line, text) = self.line(number);
                ledger.text += text as u64;
                writeln!(file, "{line}")?;
            }
            file.flush()?;
            ledger.files.push(path);
        }
        Ok(ledger)
    }

    /// Queries that have an answer among the first so many records.
    pub fn queries(&self, size: usize) -> Queries {
        let known = size.min(self.commits.len());
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for commit in &self.commits[..known] {
            for word in words(&commit.subject).chain(words(&commit.body)) {
                *counts.entry(word).or_default() += 1;
            }
        }
        let mut rare: Vec<String> =
            counts.iter().filter(|(_, count)| **count <= 2).map(|(word, _)| word.clone()).collect();
        thin(&mut rare);
        let mut common: Vec<(usize, String)> = counts.into_iter().map(|(word, count)| (count, word)).collect();
        common.sort_unstable_by(|a, b| b.cmp(a));
        let common = common.into_iter().take(QUERIES / 2).map(|(_, word)| word).collect();
        let (mut three, mut sentence) = (Vec::new(), Vec::new());
        for commit in &self.commits[..known] {
            let title: BTreeSet<String> = words(&commit.subject).collect();
            if title.len() >= 3 {
                three.push(title.into_iter().take(3).collect::<Vec<_>>().join(" "));
            }
            let text = format!("{} {}", commit.subject, commit.body);
            let prose: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
            if prose.len() >= 12 {
                sentence.push(prose[..prose.len().min(16)].join(" "));
            }
        }
        thin(&mut three);
        thin(&mut sentence);
        Queries { rare, common, three, sentence }
    }
}

/// Keeps [`QUERIES`] of them, evenly spread.
fn thin(list: &mut Vec<String>) {
    let step = list.len().div_ceil(QUERIES).max(1);
    *list = std::mem::take(list).into_iter().step_by(step).collect();
}

/// The words of a text that one would search for; a symbol would be pasted as it is, humps and all.
fn words(text: &str) -> impl Iterator<Item = String> {
    let is_word = |word: &&str| {
        let plain = word.chars().all(|c| c.is_ascii_alphabetic());
        plain && word.len() >= 4 && !word.chars().skip(1).any(char::is_uppercase)
    };
    text.split(|c: char| !c.is_alphanumeric()).filter(is_word).map(str::to_lowercase)
}

/// The name of a record in the ledger.
pub fn id(number: usize) -> String {
    format!("x-{}", number + 1)
}

fn is_open(number: usize) -> bool {
    number % OPEN_EVERY == 7
}

/// The numbers of records that are open and that nothing blocks.
pub fn ready_numbers(size: usize) -> Vec<usize> {
    (0..size).filter(|number| is_open(*number) && needed(*number).is_none()).collect()
}

/// The record that must be done before: an open one for every third open one, a closed one for every tenth.
fn needed(number: usize) -> Option<usize> {
    match number {
        _ if is_open(number) => number.checked_sub(OPEN_EVERY).filter(|_| number / OPEN_EVERY % 3 == 2),
        _ if number % 10 == 5 => number.checked_sub(9),
        _ => None,
    }
}

/// A number as a word of letters: no tokenizer takes it apart, and no other text holds it.
pub fn letters(mut number: usize) -> String {
    let mut word = "zq".to_owned();
    loop {
        word.push(b"bcdfghjklmnpqrtv"[number % 16] as char);
        number /= 16;
        if number == 0 {
            return word;
        }
    }
}
