//! The truth: an append-only log of events and the views that fold it, in one redb file.
//!
//! Nobody holds the store: every operation takes the lock, opens, does one transaction and closes. A read works on a
//! copy-on-write disk and never changes the file; a write commits once (`quick_repair`, at most 4 fsyncs) and seals the disk
//! before closing. After a `kill -9` the next open repairs in half a millisecond.
//!
//! Files: `state.redb`, `gate` and `lock` (see `lock.rs`), `rewrite.lock` and for a while `state.redb.new-PID` (see `rewrite.rs`),
//! `blobs/`, and beside them `index/` and `jobs/`, which others own. The directory is 0700, the files 0600.
//!
//! | to see | read |
//! |---|---|
//! | what is in the file, and its format | `tables.rs`, `pack.rs` (a row of the log), `open.rs` |
//! | how it is read | `view.rs` (records, lists), `log.rs` (events), `backend.rs` (the disk under redb) |
//! | how it is written | `writer.rs` (events are made, merged, committed), `masking.rs` (without secrets), `folding.rs` (what they change in the views), `changed.rs` (what a transaction did) |
//! | migration, compaction, erasure, pruning | `rewrite.rs`: the database is built anew from its log |
//! | what is wrong with it | `verify.rs` (views against the log), `salvage.rs` (what a broken file still holds) |
//!
//! Does not know: what a task or a session means beyond their terms, search, git, the terminal.

pub mod activity;
mod backend;
mod blob;
mod changed;
pub mod files;
mod folding;
pub mod hook_log;
pub mod location;
mod lock;
mod log;
mod masking;
mod open;
mod pack;
mod rewrite;
mod salvage;
mod tables;
#[cfg(test)]
mod tests;
pub mod told;
mod verify;
mod view;
mod writer;

pub use blob::{BLOB_BYTES_MIN, BODY_BYTES_MAX, blob_of};
pub use masking::Masking;
pub use rewrite::Edit;
pub use salvage::{Salvage, nothing_left};
pub use tables::{FOLD, FORMAT, Meta};
pub use verify::Verdict;
pub use view::View;
pub use writer::{Registers, Writer};

use crate::domain::clock::ReplicaId;
use crate::domain::digest;
use crate::domain::id::Uid;
use crate::error::{Error, Kind, Result};
use backend::{Disk, Medium};
use blob::Blobs;
use chrono::{DateTime, Utc};
pub use lock::Patience;
use open::{begin, check_magic, create_tables, database, read_meta, refuse_other, rehearse, write_meta};
use redb::{Database, ReadableDatabase};
use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use view::Txn;

const FILE: &str = location::DATABASE;

/// Where a store is and what its operations need from outside. Holds nothing open.
#[derive(Clone, Debug)]
pub struct Store {
    dir: PathBuf,
    /// What keeps the bytes of an opened database: the file itself, except where a test cuts the power.
    medium: fn(File) -> Arc<dyn Medium>,
    /// The wall clock of each operation comes from here.
    pub clock: fn() -> DateTime<Utc>,
    /// Random bits of this process, from which record ids are made.
    pub seed: [u8; 16],
    /// What the lock file says to those who wait.
    pub command: String,
    /// How long an operation waits for others before it says `busy`.
    pub patience: Patience,
    /// What is masked of the text that is written.
    pub masking: Masking,
}

impl Store {
    /// The store in `dir`, which need not exist yet.
    #[must_use]
    pub fn at(dir: &Path, clock: fn() -> DateTime<Utc>, seed: [u8; 16]) -> Self {
        let (command, masking) = ("library".to_owned(), Masking::default());
        let medium: fn(File) -> Arc<dyn Medium> = |file| Arc::new(file);
        Self { dir: dir.to_owned(), medium, clock, seed, command, patience: Patience::default(), masking }
    }

    /// Its directory.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Its directory as other processes, with other current directories, may be told it.
    #[must_use]
    pub fn absolute_dir(&self) -> PathBuf {
        std::path::absolute(&self.dir).unwrap_or_else(|_| self.dir.clone())
    }

    /// Whether there is a store.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.dir.join(FILE).exists()
    }

    /// Creates the store unless it exists; returns whether it did.
    ///
    /// The file is built under another name and renamed when complete: a kill half-way leaves nothing that counts.
    ///
    /// # Errors
    /// `Refused` if the directory cannot be written.
    pub fn init(&self) -> Result<bool> {
        self.refuse_shared_file_system()?;
        files::create_private_dir(&self.dir)?;
        let _guard = self.lock(lock::Mode::Exclusive)?;
        match std::fs::symlink_metadata(self.dir.join(FILE)) {
            Ok(file) if file.is_file() || file.is_symlink() => return Ok(false),
            Ok(_) => return Err(damaged(&self.dir.join(FILE).display().to_string(), "it is not a file")),
            Err(_) => {}
        }
        self.sweep_unfinished();
        let unfinished = self.dir.join(format!("{FILE}.new-{}", std::process::id()));
        self.build(&unfinished)?;
        files::rename_durably(&unfinished, &self.dir.join(FILE))?;
        Ok(true)
    }

    /// Removes what an `init` that was killed left behind.
    fn sweep_unfinished(&self) {
        let entries = std::fs::read_dir(&self.dir).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("state.redb.new-")) {
            // Only litter: the next init tries again.
            let _ = std::fs::remove_file(entry.path());
        }
    }

    fn build(&self, path: &Path) -> Result<()> {
        let disk = Disk::direct((self.medium)(create_private_file(path)?));
        let database = database(disk.clone(), path)?;
        let txn = begin(&database)?;
        create_tables(&txn)?;
        let random = digest::sha256_hex(&[self.seed.as_slice(), b"workspace"].concat());
        let meta = Meta {
            format: FORMAT,
            fold: FOLD,
            written_by: env!("CARGO_PKG_VERSION").to_owned(),
            workspace: Uid::new((self.clock)(), self.seed_bits(random.as_bytes())).to_string(),
            replica: self.first_replica(),
            binding: binding(path),
            hlc: 0,
            next_seq: 1,
            next_position: 1,
            pruned: 0,
        };
        write_meta(&txn, &meta)?;
        let committed = txn.commit().map_err(refused);
        disk.seal();
        committed
    }

    fn seed_bits(&self, salt: &[u8]) -> [u8; 10] {
        let bits = digest::sha256_u64(&[self.seed.as_slice(), salt].concat()).to_be_bytes();
        let mut out = [0; 10];
        out[..8].copy_from_slice(&bits);
        out
    }

    fn first_replica(&self) -> ReplicaId {
        let now = (self.clock)().timestamp_micros();
        ReplicaId(digest::sha256_u64(&[&self.seed[..], &now.to_be_bytes()].concat()))
    }

    fn lock(&self, mode: lock::Mode) -> Result<lock::Guard> {
        let guard = lock::acquire(&self.dir, mode, self.patience, self.clock)?;
        if mode == lock::Mode::Exclusive {
            lock::sign(&guard, &self.command, (self.clock)());
        }
        Ok(guard)
    }

    fn blobs(&self) -> Blobs {
        Blobs::at(self.dir.join("blobs"))
    }

    /// Reads in one consistent view. Works on an unwritable store, and on one of an older format, which is folded afresh.
    ///
    /// # Errors
    /// `Busy`, `Corrupt`, or what `look` returns.
    pub fn read<T>(&self, look: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        let _guard = self.lock(lock::Mode::Shared)?;
        self.read_file(|view| if view.meta.is_older() { self.read_afresh(view, look) } else { look(view) })
    }

    /// What the file says of itself, while [`Store::read`] shows one of an older format as it would be after migration.
    ///
    /// # Errors
    /// `Busy`, `Corrupt`.
    pub fn meta(&self) -> Result<Meta> {
        let _guard = self.lock(lock::Mode::Shared)?;
        self.read_file(|view| Ok(view.meta().clone()))
    }

    /// Reads the file as it is; the caller has the lock.
    fn read_file<T>(&self, look: impl FnOnce(&View) -> Result<T>) -> Result<T> {
        let path = self.dir.join(FILE);
        let file = File::open(&path).map_err(|e| unreadable(&path, e))?;
        let medium = (self.medium)(file);
        check_magic(&*medium, &path)?;
        let disk = Disk::copy_on_write(medium).map_err(|e| unreadable(&path, e))?;
        let database = database(disk.clone(), &path)?;
        let txn = Txn::Read(database.begin_read().map_err(damaged_by)?);
        let meta = read_meta(&txn)?;
        let view = View::new(txn, self, meta);
        let result = look(&view);
        drop(view);
        disk.seal();
        result
    }

    /// Changes the store in one transaction: all of what `change` does is durable when this returns `Ok`, or none of it.
    ///
    /// # Errors
    /// `Busy`, `Refused`, `Corrupt`, or what `change` returns; then nothing was changed.
    pub fn write<T>(&self, change: impl FnOnce(&mut Writer) -> Result<T>) -> Result<T> {
        let path = self.dir.join(FILE);
        self.refuse_shared_file_system()?;
        let _guard = self.lock(lock::Mode::Exclusive)?;
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(&path)
            .map_err(|e| Error::io(format!("the store {} cannot be written from here", self.dir.display()), e))?;
        let medium = (self.medium)(file);
        check_magic(&*medium, &path)?;
        rehearse(&medium, &path)?;
        let disk = Disk::direct(medium);
        let database = database(disk.clone(), &path)?;
        let result = self.write_in(&database, &path, change).and_then(|value| {
            disk.settle().map_err(|e| Error::io("cannot write the store", e))?;
            Ok(value)
        });
        disk.seal();
        result
    }

    fn write_in<T>(
        &self,
        database: &Database,
        path: &Path,
        change: impl FnOnce(&mut Writer) -> Result<T>,
    ) -> Result<T> {
        let txn = Txn::Write(Box::new(begin(database)?));
        let meta = read_meta(&txn)?;
        refuse_other(&meta)?;
        let mut writer = Writer::new(View::new(txn, self, meta), (self.clock)(), self.seed);
        writer.masking = self.masking.clone();
        writer.bind(&binding(path))?;
        let value = change(&mut writer)?;
        if writer.is_untouched() {
            return Ok(value);
        }
        writer.finish()?.commit().map_err(uncertain)?;
        Ok(value)
    }

    fn refuse_shared_file_system(&self) -> Result<()> {
        match files::filesystem_is_shared(&self.dir) {
            Some(name) => Err(Error::new(
                Kind::Refused,
                format!("the store {} is on {name}, whose locks do not hold between machines", self.dir.display()),
            )
            .hint("keep the store on a local disk: state --store DIR init, or set STATE_DIR")),
            None => Ok(()),
        }
    }
}

fn create_private_file(path: &Path) -> Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .map_err(|e| Error::io(format!("cannot create {}", path.display()), e))
}

/// Machine and inode: what a copy does not share with its original.
fn binding(path: &Path) -> String {
    let machine = files::machine_id().unwrap_or_default();
    format!("{machine}:{}", files::inode(path).unwrap_or(0))
}

fn unreadable(path: &Path, error: std::io::Error) -> Error {
    Error::io(format!("cannot read {}", path.display()), error)
}

/// Something on disk is not what it should be.
fn damaged(what: &str, why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Kind::Corrupt, format!("{what} is damaged"))
        .because(why)
        .hint("nothing was changed; keep the file and restore a copy beside it, or read it with a newer state")
}

/// An error of redb while reading.
fn damaged_by(error: impl Into<redb::Error>) -> Error {
    match error.into() {
        redb::Error::Io(error) => Error::io("cannot access the store", error),
        other => damaged("the store", other),
    }
}

/// An error of redb while writing: most often the disk's.
fn refused(error: impl Into<redb::Error>) -> Error {
    match error.into() {
        redb::Error::Io(error) => Error::io("cannot write the store", error),
        redb::Error::Corrupted(why) => damaged("the store", why),
        other => Error::new(Kind::Refused, "cannot write the store").because(other),
    }
}

/// A commit that fails at its last step may have reached the disk: nobody may say then that nothing was changed.
fn uncertain(error: redb::CommitError) -> Error {
    refused(error)
        .hint("mend the disk or free some space, see with state log -n 1 whether it was written, repeat it if not")
}
