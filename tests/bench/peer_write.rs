//! The changes of the peer.

use crate::Result;
use crate::peer::now;
use chrono::DateTime;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior, params};
use serde_json::Value;
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

/// An import lets others write after so long, as `state` does.
const BATCH: Duration = Duration::from_millis(50);

pub fn add(db: &mut Connection, draft: (&str, &str, &str), session: &str) -> Result<String> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let id = insert(&change, draft, session)?;
    change.commit()?;
    Ok(format!("{id} added: {}\n", draft.1))
}

/// Adds the records of a file of JSON lines, all or none.
pub fn add_batch(db: &mut Connection, path: &str, session: &str) -> Result<String> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut answer = String::new();
    for line in BufReader::new(std::fs::File::open(path)?).lines() {
        let draft: Value = serde_json::from_str(&line?)?;
        let text = |name: &str| draft[name].as_str().unwrap_or_default();
        writeln!(answer, "{} added", insert(&change, (text("kind"), text("title"), text("body")), session)?)?;
    }
    change.commit()?;
    Ok(answer)
}

fn insert(change: &Transaction, (kind, title, body): (&str, &str, &str), session: &str) -> Result<String> {
    let id = format!("{}-{:07x}", &kind[..1], RandomState::new().hash_one(title) >> 36);
    let status = if kind == "task" { "open" } else { "live" };
    change.execute(
        "INSERT INTO records(id, kind, status, live, priority, title, body, created, updated)
         VALUES (?1, ?2, ?3, 1, 2, ?4, ?5, ?6, ?6)",
        params![id, kind, status, title, body, now()],
    )?;
    let rid = change.last_insert_rowid();
    change.execute("INSERT INTO texts(rowid, title, body) VALUES (?1, ?2, ?3)", params![rid, title, body])?;
    log(change, rid, (session, now()), &format!("add {title}"))?;
    Ok(id)
}

pub fn start(db: &mut Connection, id: &str, session: &str) -> Result<String> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (rid, title) = change
        .query_row(
            "SELECT rid, title FROM records WHERE id = ?1 AND (claimed_by IS NULL OR claimed_by = ?2)",
            params![id, session],
            |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)),
        )
        .optional()?
        .ok_or("no such task, or it is another's")?;
    change.execute(
        "UPDATE records SET status = 'active', live = 1, claimed_by = ?2, updated = ?3 WHERE rid = ?1",
        params![rid, session, now()],
    )?;
    recount(&change, rid)?;
    log(&change, rid, (session, now()), &format!("start {title}"))?;
    change.commit()?;
    Ok(format!("{id} yours: {title}\n"))
}

pub fn done(db: &mut Connection, id: &str, session: &str) -> Result<String> {
    let change = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let rid: i64 = change.query_row("SELECT rid FROM records WHERE id = ?1", [id], |row| row.get(0))?;
    change.execute(
        "UPDATE records SET status = 'done', live = 0, claimed_by = NULL, updated = ?2 WHERE rid = ?1",
        params![rid, now()],
    )?;
    let freed = recount(&change, rid)?;
    log(&change, rid, (session, now()), &format!("done {id}"))?;
    change.commit()?;
    let mut answer = format!("{id} done\n");
    for id in freed {
        writeln!(answer, "free: {id}")?;
    }
    answer.push_str(&crate::peer_read::ready(db, 3)?);
    Ok(answer)
}

/// Counts anew what holds up the tasks that need this one. Returns those that nothing does any more.
fn recount(change: &Transaction, rid: i64) -> Result<Vec<String>> {
    let mut waiting = change.prepare("SELECT src FROM links WHERE dst = ?1 AND kind = 'needs'")?;
    let waiting = waiting.query_map([rid], |row| row.get::<_, i64>(0))?.collect::<Result<Vec<_>, _>>()?;
    let mut freed = Vec::new();
    for rid in waiting {
        let (id, blocked): (String, i64) = change.query_row(
            "UPDATE records SET blocked = (SELECT count(*) FROM links JOIN records AS needed ON needed.rid = links.dst
             WHERE links.src = ?1 AND links.kind = 'needs' AND needed.live) WHERE rid = ?1 RETURNING id, blocked",
            [rid],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        freed.extend((blocked == 0).then_some(id));
    }
    Ok(freed)
}

fn log(change: &Transaction, rid: i64, (session, at): (&str, i64), why: &str) -> Result<()> {
    change.execute("INSERT INTO log(at, session, rid, why) VALUES (?1, ?2, ?3, ?4)", params![at, session, rid, why])?;
    Ok(())
}

/// Takes in a beads ledger whose dependencies point backwards.
pub fn import(db: &mut Connection, path: &str, session: &str) -> Result<String> {
    let mut lines = BufReader::new(std::fs::File::open(path)?).lines().peekable();
    let mut added = 0;
    while lines.peek().is_some() {
        let start = Instant::now();
        let batch = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        while start.elapsed() < BATCH
            && let Some(line) = lines.next()
        {
            take(&batch, &serde_json::from_str(&line?)?, session)?;
            added += 1;
        }
        batch.commit()?;
    }
    Ok(format!("{added} added\n"))
}

fn take(batch: &Transaction, issue: &Value, session: &str) -> Result<()> {
    let text = |name: &str| issue[name].as_str().ok_or_else(|| format!("an issue without {name}"));
    let time = |name: &str| Ok::<_, crate::Failure>(DateTime::parse_from_rfc3339(text(name)?)?.timestamp_millis());
    let (is_live, title) = (text("status")? == "open", text("title")?);
    let status = if is_live { "open" } else { "done" };
    let tag = text("issue_type")?;
    batch
        .prepare_cached(
            "INSERT INTO records(id, kind, status, live, priority, title, body, tag, created, updated)
             VALUES (?1, 'task', ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        )?
        .execute(params![
            text("id")?,
            status,
            is_live,
            issue["priority"].as_i64(),
            title,
            text("description")?,
            tag,
            time("created_at")?,
            time("updated_at")?
        ])?;
    let rid = batch.last_insert_rowid();
    batch.prepare_cached("INSERT INTO texts(rowid, title, body) VALUES (?1, ?2, ?3)")?.execute(params![
        rid,
        title,
        text("description")?
    ])?;
    for needed in issue["dependencies"].as_array().into_iter().flatten() {
        let blocked = batch
            .prepare_cached(
                "INSERT INTO links SELECT ?1, 'needs', rid FROM records WHERE id = ?2
                 RETURNING (SELECT live FROM records WHERE rid = dst)",
            )?
            .query_row(params![rid, needed["depends_on_id"].as_str()], |row| row.get::<_, i64>(0))?;
        batch.prepare_cached("UPDATE records SET blocked = blocked + ?2 WHERE rid = ?1")?.execute([rid, blocked])?;
    }
    batch.prepare_cached("INSERT INTO log(at, session, rid, why) VALUES (?1, ?2, ?3, 'import')")?.execute(params![
        time("updated_at")?,
        session,
        rid
    ])?;
    Ok(())
}

/// Makes the full-text index anew.
pub fn rebuild(db: &Connection) -> Result<String> {
    db.execute("INSERT INTO texts(texts) VALUES ('rebuild')", [])?;
    Ok("rebuilt\n".to_owned())
}
