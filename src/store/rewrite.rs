//! Rewriting: the database is built anew from its log, beside the old one, and takes its place.
//!
//! One mechanism serves the migration from an older format, views that are wrong, compaction, pruning and erasure. Others read and
//! write meanwhile: the log is copied in chunks, each under a shared lock, and only the rest under the exclusive one. A kill leaves
//! the old file and some litter that the next rewrite removes. Positions stay, so that whoever remembers one still can.

use super::open::{begin, create_tables, database, read_meta, refuse_other};
use super::tables::{self, FOLD, FORMAT, Meta};
use super::view::{Txn, View};
use super::writer::Writer;
use super::{Disk, FILE, Store, binding, create_private_file, damaged_by, files, lock, refused};
use crate::domain::event::Event;
use crate::error::{Error, Kind, Result};
use redb::backends::InMemoryBackend;
use redb::{Database, ReadableDatabase, ReadableTable, ReadableTableMetadata, WriteTransaction};
use std::fs::{File, TryLockError};
use std::path::Path;

/// Events a chunk: a few milliseconds of the shared lock.
const CHUNK: usize = 2_000;

/// Changes an event on its way, or drops it with `None`.
pub type Edit<'a> = &'a mut dyn FnMut(u64, Event) -> Result<Option<Event>>;

impl Store {
    /// Builds the database anew from the log, each event as `edit` leaves it. `progress` is told how many of how many positions
    /// are done. Brings a store of an older format up to date.
    ///
    /// # Errors
    /// `Busy` if another rewrite is under way; `Refused` if the disk does not take it or the format is newer; `Corrupt` if an event
    /// cannot be read; what `edit` returns. Then nothing was changed.
    pub fn rewrite(&self, edit: Edit<'_>, progress: &dyn Fn(usize, usize)) -> Result<()> {
        self.refuse_shared_file_system()?;
        let _alone = self.lock_rewrite()?;
        self.sweep_unfinished();
        let fresh = self.dir.join(format!("{FILE}.new-{}", std::process::id()));
        let done = self.rewrite_into(&fresh, edit, progress);
        if done.is_err() {
            // The first error is the one to tell; the next rewrite removes what stays.
            let _ = std::fs::remove_file(&fresh);
        }
        done
    }

    fn rewrite_into(&self, fresh: &Path, edit: Edit<'_>, progress: &dyn Fn(usize, usize)) -> Result<()> {
        let disk = Disk::direct((self.medium)(create_private_file(fresh)?));
        let mut copy = Copy::begin(self, database(disk.clone(), fresh)?, edit)?;
        loop {
            let (events, end) = {
                let _guard = self.lock(lock::Mode::Shared)?;
                self.read_file(|view| copy.read(view))?
            };
            let is_last = events.len() < CHUNK;
            copy.take(events)?;
            progress(as_count(copy.next - 1), as_count(end - 1));
            if is_last {
                break;
            }
        }
        let _guard = self.lock(lock::Mode::Exclusive)?;
        self.read_file(|view| copy.finish(view, &binding(fresh)))?;
        disk.seal();
        drop(copy);
        files::rename_durably(fresh, &self.dir.join(FILE))
    }

    /// Two rewrites at once would undo each other's edits.
    fn lock_rewrite(&self) -> Result<File> {
        let file = create_private_file(&self.dir.join("rewrite.lock"))?;
        match file.try_lock() {
            Ok(()) => Ok(file),
            Err(TryLockError::WouldBlock) => {
                Err(Error::new(Kind::Busy, "busy: the store is being rewritten by another process")
                    .hint("nothing was changed: run the same command again when that one is done"))
            }
            Err(TryLockError::Error(error)) => Err(Error::io("cannot lock rewrite.lock", error)),
        }
    }

    /// Looks at a store of an older format through views that are made in memory.
    pub(super) fn read_afresh<T>(&self, old: &View, look: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        let database = Database::builder().create_with_backend(InMemoryBackend::new()).map_err(damaged_by)?;
        let mut keep = |_, event| Ok(Some(event));
        let mut copy = Copy::begin(self, database, &mut keep)?;
        copy.finish(old, &old.meta.binding)?;
        let txn = Txn::Read(copy.database.begin_read().map_err(damaged_by)?);
        let meta = read_meta(&txn)?;
        look(&View::new(txn, self, meta))
    }
}

fn as_count(position: u64) -> usize {
    usize::try_from(position).unwrap_or(usize::MAX)
}

/// A database that is being filled from a log.
struct Copy<'a> {
    store: &'a Store,
    database: Database,
    edit: Edit<'a>,
    /// The next position of the source.
    next: u64,
    /// What was known of the source when its first chunk was read.
    meta: Option<Meta>,
}

impl<'a> Copy<'a> {
    fn begin(store: &'a Store, database: Database, edit: Edit<'a>) -> Result<Self> {
        let txn = begin(&database)?;
        create_tables(&txn)?;
        txn.commit().map_err(refused)?;
        Ok(Self { store, database, edit, next: 1, meta: None })
    }

    /// The next chunk of the source, and its next position.
    fn read(&mut self, source: &View) -> Result<(Vec<(u64, Event)>, u64)> {
        let meta = source.meta();
        if !meta.is_older() {
            refuse_other(meta)?;
        }
        self.meta.get_or_insert_with(|| Meta { format: FORMAT, fold: FOLD, next_position: 1, ..meta.clone() });
        Ok((source.first_events(self.next, CHUNK)?, source.next_position()))
    }

    fn writer(&self, meta: Meta) -> Result<Writer> {
        let view = View::new(Txn::Write(Box::new(begin(&self.database)?)), self.store, meta);
        Ok(Writer::new(view, (self.store.clock)(), self.store.seed))
    }

    fn take(&mut self, events: Vec<(u64, Event)>) -> Result<()> {
        let Some(meta) = self.meta.take() else { return Ok(()) };
        let (mut writer, mut run) = (self.writer(meta)?, Vec::<(u64, Event)>::new());
        for (position, event) in events {
            self.next = position + 1;
            if event.stamp.replica != writer.meta().replica {
                writer.see(event.stamp.replica, event.seq, event.seq)?;
            }
            let Some(event) = (self.edit)(position, event)? else { continue };
            if !run.last().is_some_and(|(_, last)| touch_the_same_one(last, &event)) {
                put(&mut writer, std::mem::take(&mut run))?;
            }
            run.push((position, event));
        }
        put(&mut writer, run)?;
        self.meta = Some(writer.meta().clone());
        writer.finish()?.commit().map_err(refused)
    }

    /// Copies the rest, and what is not in the log. The caller keeps writers out.
    fn finish(&mut self, source: &View, binding: &str) -> Result<()> {
        loop {
            let (events, _) = self.read(source)?;
            if events.is_empty() {
                break;
            }
            self.take(events)?;
        }
        let txn = begin(&self.database)?;
        copy_beside(source, &txn)?;
        let rows = txn.open_table(tables::LOG).map_err(damaged_by)?.len().map_err(damaged_by)?;
        let meta = Meta {
            format: FORMAT,
            fold: FOLD,
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
            binding: binding.to_owned(),
            pruned: source.next_position() - 1 - rows,
            ..source.meta().clone()
        };
        super::write_meta(&txn, &meta)?;
        txn.commit().map_err(refused)
    }
}

fn touch_the_same_one(one: &Event, other: &Event) -> bool {
    one.touches.len() == 1 && one.touches == other.touches
}

/// Puts some events, several only if they touch the same one record.
fn put(writer: &mut Writer, mut run: Vec<(u64, Event)>) -> Result<()> {
    match run.len() {
        0 => Ok(()),
        1 => run.pop().map_or(Ok(()), |(position, event)| writer.append_at(position, event)),
        _ => writer.append_run(run).map(|_| ()),
    }
}

/// Copies what the log does not say: the local rows, and the ranges of events that were pruned since they were seen.
fn copy_beside(source: &View, txn: &WriteTransaction) -> Result<()> {
    let Txn::Read(from) = &source.txn else { return Ok(()) };
    let mut local = txn.open_table(tables::LOCAL).map_err(damaged_by)?;
    for row in from.open_table(tables::LOCAL).map_err(damaged_by)?.iter().map_err(damaged_by)? {
        let (name, bytes) = row.map_err(damaged_by)?;
        local.insert(name.value(), bytes.value()).map_err(refused)?;
    }
    if source.meta().format < 2 {
        return Ok(());
    }
    let mut seen = txn.open_table(tables::SEEN).map_err(damaged_by)?;
    seen.retain(|_, _| false).map_err(refused)?;
    for row in from.open_table(tables::SEEN).map_err(damaged_by)?.iter().map_err(damaged_by)? {
        let (range, last) = row.map_err(damaged_by)?;
        seen.insert(range.value(), last.value()).map_err(refused)?;
    }
    Ok(())
}
