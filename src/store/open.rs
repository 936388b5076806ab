//! Opening the database file: its magic, its format, and the row that says what it is.

use super::backend::{Disk, Medium};
use super::tables::{self, FOLD, FORMAT, Meta};
use super::view::Txn;
use super::{damaged, damaged_by, refused, unreadable};
use crate::error::{Error, Kind, Result};
use redb::{Database, ReadableDatabase, WriteTransaction};
use std::path::Path;
use std::sync::Arc;

const MAGIC: &[u8] = b"redb";

/// Memory that redb may use for pages of one transaction. Only bulk work ever comes near it: a command takes up to 2 MB.
const CACHE_BYTES: usize = 64 << 20;

/// The database on a disk that has one, or is empty.
pub(super) fn database(disk: Disk, path: &Path) -> Result<Database> {
    Database::builder().set_cache_size(CACHE_BYTES).create_with_backend(disk).map_err(|error| match error {
        redb::DatabaseError::Storage(redb::StorageError::Io(e)) if e.kind() != std::io::ErrorKind::UnexpectedEof => {
            Error::io(format!("cannot open {}", path.display()), e)
        }
        other => damaged(&path.display().to_string(), other),
    })
}

/// Opens the store without changing it: redb repairs while it opens, and would go on to change what it cannot repair.
pub(super) fn rehearse(medium: &Arc<dyn Medium>, path: &Path) -> Result<()> {
    let disk = Disk::copy_on_write(Arc::clone(medium)).map_err(|e| unreadable(path, e))?;
    let opened = database(disk.clone(), path)
        .and_then(|database| read_meta(&Txn::Read(database.begin_read().map_err(damaged_by)?)));
    disk.seal();
    opened.map(|_| ())
}

pub(super) fn begin(database: &Database) -> Result<WriteTransaction> {
    let mut txn = database.begin_write().map_err(damaged_by)?;
    // Without it the first open after a kill walks the whole file: 700 ms at a million rows against 0.5 ms.
    txn.set_quick_repair(true);
    Ok(txn)
}

pub(super) fn create_tables(txn: &WriteTransaction) -> Result<()> {
    txn.open_table(tables::LOG).map_err(damaged_by)?;
    txn.open_table(tables::RECORDS).map_err(damaged_by)?;
    txn.open_table(tables::IDS).map_err(damaged_by)?;
    txn.open_table(tables::TERMS).map_err(damaged_by)?;
    txn.open_table(tables::LISTS).map_err(damaged_by)?;
    txn.open_table(tables::HISTORY).map_err(damaged_by)?;
    txn.open_table(tables::COMMITS).map_err(damaged_by)?;
    txn.open_table(tables::SEEN).map_err(damaged_by)?;
    txn.open_table(tables::LOCAL).map_err(damaged_by)?;
    Ok(())
}

pub(super) fn read_meta(txn: &Txn) -> Result<Meta> {
    let bytes = match txn {
        Txn::Read(txn) => {
            let table = txn.open_table(tables::META).map_err(damaged_by)?;
            table.get("meta").map_err(damaged_by)?.map(|row| row.value().to_vec())
        }
        Txn::Write(txn) => {
            let table = txn.open_table(tables::META).map_err(damaged_by)?;
            redb::ReadableTable::get(&table, "meta").map_err(damaged_by)?.map(|row| row.value().to_vec())
        }
    };
    let bytes = bytes.ok_or_else(|| damaged("the store", "it has no format row"))?;
    rmp_serde::from_slice(&bytes).map_err(|e| damaged("the format row", e))
}

pub(super) fn write_meta(txn: &WriteTransaction, meta: &Meta) -> Result<()> {
    let bytes = rmp_serde::to_vec_named(meta).map_err(|e| damaged("the format row", e))?;
    txn.open_table(tables::META).map_err(damaged_by)?.insert("meta", bytes.as_slice()).map_err(refused)?;
    Ok(())
}

/// A store of another format is not written: a newer one holds what this program does not know, an older one would lock out
/// the programs that use it.
pub(super) fn refuse_other(meta: &Meta) -> Result<()> {
    let theirs = (meta.format, meta.fold);
    if theirs == (FORMAT, FOLD) {
        return Ok(());
    }
    let message = format!("the store has format {}.{}, this program writes {FORMAT}.{FOLD}", meta.format, meta.fold);
    let hint = if meta.is_older() {
        "reading works; to write, bring the store up to date: state doctor --fix (older programs cannot write it then)"
            .to_owned()
    } else {
        format!("reading works; to write, use state {} or newer", meta.written_by)
    };
    Err(Error::new(Kind::Refused, message).hint(hint))
}

/// Whether a file begins as a database does; better words than redb has.
pub(super) fn check_magic(medium: &dyn Medium, path: &Path) -> Result<()> {
    let mut head = [0; 4];
    match medium.read(0, &mut head) {
        Ok(()) if head == MAGIC => Ok(()),
        Ok(()) => Err(damaged(&path.display().to_string(), "it is not a store")),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(damaged(&path.display().to_string(), "it is empty"))
        }
        Err(error) => Err(unreadable(path, error)),
    }
}
