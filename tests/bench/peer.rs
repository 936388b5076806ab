//! The peer: what one would write instead, a ledger of records, links and a log on SQLite with a full-text index.
//!
//! It takes the words that `state` takes and does the same work: each change is one transaction that is on the disk when
//! the process ends well (write-ahead log, `synchronous=FULL`), with the search index in it; each list has its index.

use crate::{Result, peer_read, peer_write};
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub const SCHEMA: &str = "
CREATE TABLE records(rid INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, status TEXT NOT NULL,
    live INTEGER NOT NULL, blocked INTEGER NOT NULL DEFAULT 0, priority INTEGER NOT NULL, title TEXT NOT NULL,
    body TEXT NOT NULL, tag TEXT, claimed_by TEXT, created INTEGER NOT NULL, updated INTEGER NOT NULL);
CREATE INDEX by_list ON records(kind, status = 'active' DESC, priority, updated DESC) WHERE live;
CREATE INDEX by_ready ON records(priority, updated DESC) WHERE kind = 'task' AND status = 'open' AND NOT blocked;
CREATE TABLE links(src INTEGER NOT NULL, kind TEXT NOT NULL, dst INTEGER NOT NULL, PRIMARY KEY(src, kind, dst))
    WITHOUT ROWID;
CREATE INDEX links_back ON links(dst, kind);
CREATE TABLE log(position INTEGER PRIMARY KEY, at INTEGER NOT NULL, session TEXT NOT NULL, rid INTEGER NOT NULL,
    why TEXT NOT NULL);
CREATE INDEX log_of_record ON log(rid);
CREATE VIRTUAL TABLE texts USING fts5(title, body, content='records', content_rowid='rid', tokenize='porter unicode61');
";

/// Runs one command in the store of `STATE_DIR` and prints its answer.
pub fn run(words: &[&str]) -> Result<()> {
    if words == ["--version"] {
        println!("SQLite {}", rusqlite::version());
        return Ok(());
    }
    let path = PathBuf::from(std::env::var_os("STATE_DIR").ok_or("STATE_DIR names no directory")?).join("ledger.db");
    let session = std::env::var("STATE_SESSION")?;
    let answer = match words {
        ["init"] => init(&path)?,
        ["import", file] => peer_write::import(&mut open(&path)?, file, &session)?,
        ["add", kind, title, "--body", body] => peer_write::add(&mut open(&path)?, (kind, title, body), &session)?,
        ["add", file] => peer_write::add_batch(&mut open(&path)?, file, &session)?,
        ["start", id] => peer_write::start(&mut open(&path)?, id, &session)?,
        ["done", id] => peer_write::done(&mut open(&path)?, id, &session)?,
        ["rebuild"] => peer_write::rebuild(&open(&path)?)?,
        _ => peer_read::answer(&open(&path)?, words)?,
    };
    print!("{answer}");
    Ok(())
}

fn init(path: &Path) -> Result<String> {
    std::fs::create_dir_all(path.parent().ok_or("no directory")?)?;
    let db = open(path)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.execute_batch(SCHEMA)?;
    Ok(format!("Created {}\n", path.display()))
}

fn open(path: &Path) -> Result<Connection> {
    let db = Connection::open(path)?;
    db.busy_timeout(Duration::from_secs(30))?;
    db.pragma_update(None, "synchronous", "FULL")?;
    Ok(db)
}

/// Milliseconds since 1970.
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
