//! What went wrong in hooks, the last of it: hooks never fail, so somebody has to be told later.
//!
//! A small file beside the database. Nothing here fails either.

use super::{Store, files};
use crate::domain::text;
use chrono::SecondsFormat;
use std::path::PathBuf;

/// The name of the file.
pub const FILE: &str = "hooks.log";
/// Only so many lines are kept, the last ones.
const LINES_MAX: usize = 100;
/// Characters of a line.
const LINE_CHARS_MAX: usize = 300;
/// A longer file is not ours.
const BYTES_MAX: u64 = 256 * 1024;

impl Store {
    /// Notes down that a hook failed, if that is possible.
    pub fn hook_failed(&self, what: &str) {
        let now = (self.clock)().to_rfc3339_opts(SecondsFormat::Secs, true);
        let line: String = text::clean_line(&format!("{now} {what}")).chars().take(LINE_CHARS_MAX).collect();
        let mut lines = self.hook_failures();
        lines.push(line);
        let last = &lines[lines.len().saturating_sub(LINES_MAX)..];
        // There is nobody to tell.
        let _ = files::write_whole(&self.hook_log(), (last.join("\n") + "\n").as_bytes());
    }

    /// What went wrong in hooks, oldest first: a time (RFC 3339) and what happened, a line each.
    #[must_use]
    pub fn hook_failures(&self) -> Vec<String> {
        let path = self.hook_log();
        let is_ours = std::fs::metadata(&path).is_ok_and(|file| file.is_file() && file.len() <= BYTES_MAX);
        let text = if is_ours { std::fs::read_to_string(path).unwrap_or_default() } else { String::new() };
        text.lines().map(text::clean_line).collect()
    }

    /// Forgets failures, if that is possible.
    pub fn forget_hook_failures(&self, which: &dyn Fn(&str) -> bool) {
        let (gone, kept): (Vec<String>, Vec<String>) = self.hook_failures().into_iter().partition(|line| which(line));
        if !gone.is_empty() {
            let text = kept.iter().fold(String::new(), |text, line| text + line + "\n");
            let _ = files::write_whole(&self.hook_log(), text.as_bytes());
        }
    }

    fn hook_log(&self) -> PathBuf {
        self.dir().join(FILE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;

    #[test]
    fn the_last_failures_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path(), || DateTime::UNIX_EPOCH, [0; 16]);
        assert!(store.hook_failures().is_empty());
        for at in 0..=LINES_MAX {
            store.hook_failed(&format!("no {at}\n\x1b[31m"));
        }
        let failures = store.hook_failures();
        assert_eq!((failures.len(), failures[0].as_str()), (LINES_MAX, "1970-01-01T00:00:00Z no 1"));
        std::fs::write(folder.path().join(FILE), b"\xff\xfe").unwrap();
        assert!(store.hook_failures().is_empty());
    }
}
