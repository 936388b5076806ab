//! What sessions were told: who was briefed up to which log position, so that the next briefing says only what is new.
//!
//! A small file beside the database, not a row in it: a row would cost a commit with its syncs and the writers' lock for
//! what may be lost without harm. Nothing here fails: a mark that cannot be read or written means a whole briefing.

use super::{Store, files};
use crate::domain::digest;
use chrono::{DateTime, Utc};

/// Only so many readers are remembered, the last ones.
const READERS_MAX: usize = 64;
/// A longer file is not ours.
const BYTES_MAX: u64 = 16 * 1024;
/// The name of the file.
pub const FILE: &str = "told";

/// How far a reader was told, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The last log position that it knows of.
    pub position: u64,
    /// When it was told.
    pub at: DateTime<Utc>,
}

impl Store {
    /// What a reader was told last.
    #[must_use]
    pub fn told(&self, reader: &str) -> Option<Mark> {
        let name = name(reader);
        let text = self.told_text()?;
        let mut words = text.lines().find_map(|line| line.strip_prefix(&name)?.strip_prefix(' '))?.split(' ');
        let position = words.next()?.parse().ok()?;
        let at = words.next()?.parse().ok().and_then(DateTime::from_timestamp_millis)?;
        Some(Mark { position, at })
    }

    /// Notes down what readers were told, if that is possible: once for all of them, because each time costs a millisecond.
    pub fn tell(&self, readers: &[(String, Mark)]) {
        if readers.is_empty() {
            return;
        }
        let names: Vec<String> = readers.iter().map(|(reader, _)| name(reader)).collect();
        let text = self.told_text().unwrap_or_default();
        let is_other = |line: &&str| !names.iter().any(|name| line.starts_with(name));
        let line = |(name, (_, mark)): (&String, &(String, Mark))| {
            format!("{name} {} {}", mark.position, mark.at.timestamp_millis())
        };
        let mut lines: Vec<String> = names.iter().zip(readers).map(line).collect();
        lines.extend(text.lines().filter(is_other).take(READERS_MAX - lines.len()).map(str::to_owned));
        // Without the mark the next briefing is a whole one.
        let _ = files::write_whole(&self.dir().join(FILE), (lines.join("\n") + "\n").as_bytes());
    }

    fn told_text(&self) -> Option<String> {
        let path = self.dir().join(FILE);
        let size = std::fs::metadata(&path).ok()?.len();
        if size > BYTES_MAX { None } else { std::fs::read_to_string(path).ok() }
    }
}

/// Names of sessions and branches are nobody's business here, and may hold anything.
fn name(reader: &str) -> String {
    digest::sha256_hex(reader.as_bytes())[..16].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_readers_are_remembered_and_a_broken_file_is_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path(), || DateTime::UNIX_EPOCH, [0; 16]);
        assert_eq!(store.told("a"), None);
        let mark = |position| Mark { position, at: DateTime::from_timestamp_millis(1_700_000_000_123).unwrap() };
        for position in 1..=100 {
            store.tell(&[("a".to_owned(), mark(position))]);
            store.tell(&[(position.to_string(), mark(position))]);
        }
        assert_eq!((store.told("a"), store.told("90")), (Some(mark(100)), Some(mark(90))));
        assert_eq!(store.told("7"), None, "forgotten");
        let long = "x".repeat(20_000);
        for broken in [&b"\xff\xff"[..], b"", b"nonsense\n\n", long.as_bytes()] {
            std::fs::write(folder.path().join(FILE), broken).unwrap();
            assert_eq!(store.told("a"), None);
        }
        store.tell(&[("a".to_owned(), mark(5))]);
        assert_eq!(store.told("a"), Some(mark(5)));
    }
}
