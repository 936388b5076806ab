//! The log written anew, event by event, into a new file that takes the place of the old one: nothing of what was left out
//! stays behind in a page that is free. Positions stay, so the log may have gaps; the views are folded afresh.

use super::backend::Disk;
use super::tables::{self, Meta};
use super::view::{Txn, View};
use super::writer::Writer;
use super::{
    FILE, FOLD, Store, begin, binding, check_magic, create_private_file, create_tables, damaged_by, database, files,
    lock, read_meta, refuse_newer, refused, rehearse, unreadable,
};
use crate::domain::event::{self, CommitId, Event};
use crate::error::{Error, Result};
use redb::{ReadableDatabase, ReadableTableMetadata, WriteTransaction};
use std::fs::File;
use std::path::Path;

/// What decides about an event: its position and itself in, what shall be there out; `None`: the event goes.
pub type Edit<'a> = dyn FnMut(u64, Event) -> Result<Option<Event>> + 'a;

impl Store {
    /// Builds the database anew from the log into a new file and puts it in the place of the old one. Positions stay,
    /// views are made afresh. `progress` is told how many of how many events are done.
    ///
    /// # Errors
    /// `Busy`, `Refused`, `Corrupt`, or what `edit` returns; then nothing was changed.
    pub fn rewrite(&self, edit: &mut Edit<'_>, progress: &dyn Fn(usize, usize)) -> Result<()> {
        let path = self.dir.join(FILE);
        self.refuse_shared_file_system()?;
        let _guard = self.lock(lock::Mode::Exclusive)?;
        let file = File::open(&path).map_err(|e| unreadable(&path, e))?;
        check_magic(&file, &path)?;
        rehearse(&file, &path)?;
        let disk = Disk::copy_on_write(file).map_err(|e| unreadable(&path, e))?;
        let database = database(disk.clone(), &path)?;
        let old = Txn::Read(database.begin_read().map_err(damaged_by)?);
        let fresh = self.dir.join(format!("{FILE}.new-{}", std::process::id()));
        let copied = self.copy(&old, &fresh, edit, progress).and_then(|()| files::rename_durably(&fresh, &path));
        disk.seal();
        if copied.is_err() {
            // The first error is the one to tell; the leftover has a name by which it is known.
            let _ = std::fs::remove_file(&fresh);
        }
        copied
    }

    fn copy(&self, old: &Txn, fresh: &Path, edit: &mut Edit<'_>, progress: &dyn Fn(usize, usize)) -> Result<()> {
        let meta = read_meta(old)?;
        refuse_newer(&meta)?;
        let disk = Disk::direct(create_private_file(fresh)?);
        let database = database(disk.clone(), fresh)?;
        let txn = begin(&database)?;
        create_tables(&txn)?;
        let last = meta.next_position;
        let mut meta = Meta { fold: FOLD, ..meta };
        if meta.binding == binding(&self.dir.join(FILE)) {
            meta.binding = binding(fresh);
        }
        let view = View { txn: Txn::Write(Box::new(txn)), blobs: self.blobs(), meta, pending: Vec::new() };
        let mut refold = Refold { writer: Writer::new(view, (self.clock)(), self.seed), open: None };
        let Txn::Read(old) = old else { return Err(Error::usage("a rewrite reads from a read transaction")) };
        let log = old.open_table(tables::LOG).map_err(damaged_by)?;
        let total = usize::try_from(log.len().map_err(damaged_by)?).unwrap_or(usize::MAX);
        for (done, row) in log.range::<u64>(..).map_err(damaged_by)?.enumerate() {
            let (position, bytes) = row.map_err(damaged_by)?;
            let event = event::decode(bytes.value()).map_err(|e| super::damaged("an event", e))?;
            if let Some(event) = edit(position.value(), event)? {
                refold.take(position.value(), &event)?;
            }
            progress(done + 1, total);
        }
        let local = old.open_table(tables::LOCAL).map_err(damaged_by)?;
        for row in local.range::<&str>(..).map_err(damaged_by)? {
            let (name, bytes) = row.map_err(damaged_by)?;
            refold.writer.set_local(name.value(), bytes.value())?;
        }
        let committed = refold.finish(last)?.commit().map_err(refused);
        disk.seal();
        committed
    }
}

/// The new log and its views, as far as they are made.
struct Refold {
    writer: Writer,
    /// The transaction at the end and the position of its first event.
    open: Option<(CommitId, u64)>,
}

impl Refold {
    fn take(&mut self, position: u64, event: &Event) -> Result<()> {
        let Txn::Write(txn) = &self.writer.view.txn else { return Ok(()) };
        let bytes = event::encode(event).map_err(|e| super::damaged("an event", e))?;
        txn.open_table(tables::LOG).map_err(damaged_by)?.insert(position, bytes.as_slice()).map_err(refused)?;
        let first = match self.open {
            Some((commit, first)) if commit == event.commit_id() => first,
            _ => position,
        };
        self.open = Some((event.commit_id(), first));
        // The span, gaps included: readers take it as a range of positions.
        let span = position - first + 1;
        txn.open_table(tables::COMMITS).map_err(damaged_by)?.insert(first, span).map_err(refused)?;
        self.writer.view.meta.next_position = position + 1;
        for uid in &event.touches {
            let Txn::Write(txn) = &self.writer.view.txn else { return Ok(()) };
            let mut history = txn.open_table(tables::HISTORY).map_err(damaged_by)?;
            history.insert((uid.as_u128(), position), ()).map_err(refused)?;
            drop(history);
            self.writer.fold(*uid, position, event)?;
        }
        Ok(())
    }

    fn finish(mut self, next_position: u64) -> Result<WriteTransaction> {
        self.writer.view.meta.next_position = next_position;
        self.writer.finish()
    }
}
