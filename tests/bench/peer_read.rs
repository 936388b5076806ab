//! The questions to the peer.

use crate::Result;
use rusqlite::{Connection, OptionalExtension, Row, ToSql};
use serde_json::json;
use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};

const COLUMNS: &str = "id, priority, status, title, updated";

/// The answer to a command that changes nothing.
pub fn answer(db: &Connection, words: &[&str]) -> Result<String> {
    match words {
        ["show", id] => show(db, id),
        ["ready"] => ready(db, 15),
        ["list"] => list(db),
        ["log"] => log(db),
        ["log", id] => history(db, id),
        ["resume", ..] => resume(db),
        ["search", text] => search(db, text),
        ["export", "--output", path] => export(db, path),
        _ => Err(format!("'{}' is not a command of the peer", words.join(" ")).into()),
    }
}

fn line(row: &Row) -> rusqlite::Result<String> {
    let (id, priority, status, title): (String, i64, String, String) =
        (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
    Ok(format!("{id:<10} p{priority} {status} {title}\n"))
}

/// One line a row, each made by [`line`].
fn lines(db: &Connection, rest: &str, values: &[&dyn ToSql]) -> Result<String> {
    let mut query = db.prepare(&format!("SELECT {COLUMNS} FROM records {rest}"))?;
    Ok(query.query_map(values, line)?.collect::<Result<String, _>>()?)
}

/// How many rows a query has, counted up to 1,000.
fn count(db: &Connection, rows: &str) -> Result<i64> {
    Ok(db.query_row(&format!("SELECT count(*) FROM (SELECT 1 {rows} LIMIT 1001)"), [], |row| row.get(0))?)
}

const READY: &str = "WHERE kind = 'task' AND status = 'open' AND NOT blocked";

pub fn ready(db: &Connection, limit: usize) -> Result<String> {
    let tasks = lines(db, &format!("{READY} ORDER BY priority, updated DESC LIMIT {limit}"), &[])?;
    Ok(format!("{tasks}{} in all\n", count(db, &format!("FROM records {READY}"))?))
}

fn list(db: &Connection) -> Result<String> {
    let order = "ORDER BY kind, status = 'active' DESC, priority, updated DESC LIMIT 30";
    let tasks = lines(db, &format!("WHERE kind = 'task' AND live {order}"), &[])?;
    Ok(format!("{tasks}{} in all\n", count(db, "FROM records WHERE kind = 'task' AND live")?))
}

fn show(db: &Connection, id: &str) -> Result<String> {
    let (rid, mut answer) = db.query_row(
        "SELECT rid, kind, status, title, body, priority, created, updated FROM records WHERE id = ?1",
        [id],
        |row| {
            let text = |at| row.get::<_, String>(at);
            let number = |at| row.get::<_, i64>(at);
            let head = format!("{id} {}\n{} {} p{}\n", text(3)?, text(1)?, text(2)?, number(5)?);
            Ok((number(0)?, format!("{head}made {}, changed {}\nkey {id}\n\n{}\n", number(6)?, number(7)?, text(4)?)))
        },
    )?;
    for (end, other, arrow) in [("src", "dst", ""), ("dst", "src", "<- ")] {
        let mut links = db.prepare(&format!(
            "SELECT links.kind, records.id, title FROM links JOIN records ON records.rid = links.{other}
             WHERE links.{end} = ?1"
        ))?;
        let mut rows = links.query([rid])?;
        while let Some(row) = rows.next()? {
            let (kind, id, title): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
            writeln!(answer, "{arrow}{kind} {id} {title}")?;
        }
    }
    Ok(answer)
}

fn log(db: &Connection) -> Result<String> {
    entries(db, "ORDER BY position DESC LIMIT 20", &[])
}

fn history(db: &Connection, id: &str) -> Result<String> {
    entries(db, "WHERE log.rid = (SELECT rid FROM records WHERE id = ?1) ORDER BY position DESC LIMIT 20", &[&id])
}

fn entries(db: &Connection, rest: &str, values: &[&dyn ToSql]) -> Result<String> {
    let columns = "position, at, session, why, id, title";
    let mut query = db.prepare(&format!("SELECT {columns} FROM log JOIN records ON records.rid = log.rid {rest}"))?;
    let entry = |row: &Row| {
        let (position, at, session): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (why, id, title): (String, String, String) = (row.get(3)?, row.get(4)?, row.get(5)?);
        Ok(format!("@{position} {at} {session} {why} {id} {title}\n"))
    };
    Ok(query.query_map(values, entry)?.collect::<Result<String, _>>()?)
}

/// The last handoff, what is in progress, what blocks, what is next, what is known about the focus.
fn resume(db: &Connection) -> Result<String> {
    let newest = "ORDER BY updated DESC LIMIT";
    let handoff: Option<(String, String)> = db
        .query_row(&format!("SELECT id, body FROM records WHERE kind = 'handoff' AND live {newest} 1"), [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let (id, body) = handoff.unwrap_or_default();
    let active = lines(db, &format!("WHERE kind = 'task' AND live AND status = 'active' {newest} 10"), &[])?;
    let blockers = lines(db, &format!("WHERE kind = 'blocker' AND live {newest} 10"), &[])?;
    let next = ready(db, 10)?;
    let focus: Option<String> = db
        .query_row(
            &format!("SELECT title FROM records WHERE kind = 'task' AND live AND status = 'active' {newest} 1"),
            [],
            |row| row.get(0),
        )
        .optional()?;
    let known = focus.map(|title| hits(db, &title, 12)).transpose()?.unwrap_or_default();
    Ok(format!("Handoff {id}\n{body}\nActive\n{active}Blockers\n{blockers}Next\n{next}Known\n{known}"))
}

fn search(db: &Connection, text: &str) -> Result<String> {
    let hits = hits(db, text, 10)?;
    let total: i64 = db.query_row(
        "SELECT count(*) FROM (SELECT 1 FROM texts WHERE texts MATCH ?1 LIMIT 1001)",
        [matching(text)],
        |row| row.get(0),
    )?;
    Ok(if total == 0 { "Nothing found\n".to_owned() } else { format!("{hits}{total} in all\n") })
}

/// Any word may match.
fn matching(text: &str) -> String {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" OR ")
}

fn hits(db: &Connection, text: &str, limit: usize) -> Result<String> {
    let mut query = db.prepare(
        "SELECT id, priority, status, records.title, updated, snippet(texts, -1, '[', ']', '…', 20)
         FROM texts JOIN records ON records.rid = texts.rowid WHERE texts MATCH ?1 ORDER BY rank LIMIT ?2",
    )?;
    let hit = |row: &Row| Ok(format!("{}    {}\n", line(row)?, row.get::<_, String>(5)?.replace('\n', " ")));
    Ok(query.query_map((matching(text), limit as i64), hit)?.collect::<Result<String, _>>()?)
}

/// A JSON line a record, with what it needs.
fn export(db: &Connection, path: &str) -> Result<String> {
    let mut out = BufWriter::new(std::fs::File::create(path)?);
    let mut records = db.prepare(
        "SELECT id, priority, status, title, updated, kind, body, created,
         (SELECT group_concat(dst) FROM links WHERE src = rid) FROM records ORDER BY rid",
    )?;
    let mut rows = records.query([])?;
    while let Some(row) = rows.next()? {
        let text = |at: usize| row.get::<_, String>(at);
        let (priority, updated, created): (i64, i64, i64) = (row.get(1)?, row.get(4)?, row.get(7)?);
        let record = json!({
            "id": text(0)?, "priority": priority, "status": text(2)?, "title": text(3)?, "updated": updated,
            "kind": text(5)?, "body": text(6)?, "created": created, "needs": row.get::<_, Option<String>>(8)?,
        });
        writeln!(out, "{record}")?;
    }
    out.into_inner()?.sync_all()?;
    Ok("exported\n".to_owned())
}
