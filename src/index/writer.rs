//! Writing the index: catching up and building anew. One process at a time; readers are never in the way nor hurt.
//!
//! Beside the directory `index` there may be `index.lock` (an `flock`, so that a killed holder frees it), and for a
//! moment `index.new` and `index.old`; what a killed writer left of those the next one removes.

use super::directory::Unlocked;
use super::failure::{busy, refused, unreadable, writing};
use super::schema::{self, Fields};
use super::{Change, Coverage, reader, tokenizer};
use crate::error::{Error, Result};
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use tantivy::index::SegmentId;
use tantivy::merge_policy::NoMergePolicy;
use tantivy::{Index, IndexSettings, IndexWriter, SegmentMeta};

/// Memory of a writer that catches up, and of one that builds anew, in bytes; tantivy's least is 15 MB.
const UPDATE_BYTES: usize = 15_000_000;
const REBUILD_BYTES: usize = 64_000_000;
/// Analysis is most of the work; more threads would be more segments to merge.
const REBUILD_THREADS: usize = 2;

/// An index of more segments is merged, down to about half of it.
pub(super) const SEGMENTS_MAX: usize = 8;
const SEGMENTS_AFTER: usize = 4;

/// A sequence of changes, read as they are written.
pub(super) type Changes<'a> = &'a mut dyn Iterator<Item = Result<Change>>;

/// Applies changes to the index in `dir` and commits them as covering the log up to `to`.
pub(super) fn update(dir: &Path, to: &Coverage, changes: Changes<'_>) -> Result<()> {
    let _lock = lock(dir)?;
    sweep(dir);
    let (mut index, covered) = reader::open_index(dir).map_err(writing)?;
    if covered.log != to.log {
        return Err(unreadable("it is of another log"));
    }
    let (_, fields) = schema::schema();
    index.set_tokenizers(tokenizer::manager());
    let writer: IndexWriter = index.writer_with_num_threads(1, UPDATE_BYTES).map_err(writing)?;
    writer.set_merge_policy(Box::new(NoMergePolicy));
    for change in changes {
        let Change { uid, document } = change?;
        writer.delete_term(schema::uid_term(&fields, uid));
        if let Some(document) = document {
            writer.add_document(schema::to_tantivy(&fields, &document)).map_err(writing)?;
        }
    }
    commit(&index, writer, to).map_err(writing)
}

/// Builds an index of all documents and puts it in the place of the one in `dir`.
pub(super) fn rebuild(dir: &Path, to: &Coverage, all: Changes<'_>) -> Result<()> {
    let _lock = lock(dir)?;
    sweep(dir);
    let fresh = sibling(dir, "new");
    make_dir(&fresh)?;
    let built = build(&fresh, to, all).and_then(|()| swap(dir, &fresh));
    if built.is_err() {
        remove(&fresh);
    }
    built
}

fn build(fresh: &Path, to: &Coverage, all: Changes<'_>) -> Result<()> {
    let (schema, fields) = schema::schema();
    let directory = Unlocked::open(fresh).map_err(|e| writing(e.into()))?;
    let mut index = Index::create(directory, schema, IndexSettings::default()).map_err(writing)?;
    index.set_tokenizers(tokenizer::manager());
    let writer: IndexWriter = index.writer_with_num_threads(REBUILD_THREADS, REBUILD_BYTES).map_err(writing)?;
    writer.set_merge_policy(Box::new(NoMergePolicy));
    add_all(&writer, &fields, all)?;
    commit(&index, writer, to).map_err(writing)
}

fn add_all(writer: &IndexWriter, fields: &Fields, all: Changes<'_>) -> Result<()> {
    for change in all {
        if let Some(document) = change?.document {
            writer.add_document(schema::to_tantivy(fields, &document)).map_err(writing)?;
        }
    }
    Ok(())
}

/// Commits, merges what is small, removes what is no longer used.
fn commit(index: &Index, mut writer: IndexWriter, to: &Coverage) -> tantivy::Result<()> {
    let mut commit = writer.prepare_commit()?;
    commit.set_payload(&schema::payload(to));
    commit.commit()?;
    let small = worth_merging(index)?;
    if !small.is_empty() {
        writer.merge(&small).wait()?;
    }
    writer.garbage_collect_files().wait()?;
    writer.wait_merging_threads()
}

/// The segments that are mostly deleted, and the smallest if there are too many. Large ones are left alone, so that the
/// cost of a catch-up does not grow with the index but now and then.
fn worth_merging(index: &Index) -> tantivy::Result<Vec<SegmentId>> {
    let mut segments = index.searchable_segment_metas()?;
    segments.sort_by_key(SegmentMeta::num_docs);
    let few = if segments.len() > SEGMENTS_MAX { segments.len() - SEGMENTS_AFTER + 1 } else { 0 };
    let worth = segments
        .iter()
        .enumerate()
        .filter(|(place, segment)| *place < few || segment.num_deleted_docs() > segment.max_doc() / 2);
    Ok(worth.map(|(_, segment)| segment.id()).collect())
}

fn lock_file(dir: &Path) -> Result<File> {
    if let Some(parent) = dir.parent() {
        make_dir(parent)?;
    }
    let path = sibling(dir, "lock");
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    file.map_err(refused)
}

/// Returns when nobody writes.
pub(super) fn wait(dir: &Path) -> Result<()> {
    lock_file(dir)?.lock().map_err(refused)
}

/// The right to write, until it is dropped.
fn lock(dir: &Path) -> Result<File> {
    let file = lock_file(dir)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(busy()),
        Err(TryLockError::Error(e)) => Err(refused(e)),
    }
}

/// Puts `fresh` in the place of `dir`. Between the two renames there is no index, which readers can do without.
fn swap(dir: &Path, fresh: &Path) -> Result<()> {
    let failed = |e| Error::io("the search index cannot be replaced", e);
    let old = sibling(dir, "old");
    match fs::rename(dir, &old) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(failed(e)),
        _ => {}
    }
    fs::rename(fresh, dir).map_err(failed)?;
    remove(&old);
    Ok(())
}

/// Removes what killed writers left: whole directories, and temporary files that tantivy does not know of.
fn sweep(dir: &Path) {
    remove(&sibling(dir, "new"));
    remove(&sibling(dir, "old"));
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with(".tmp") {
            // What cannot be removed is in nobody's way.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn remove(dir: &Path) {
    // What cannot be removed now makes the next step fail, or is removed by the next writer.
    let _ = fs::remove_dir_all(dir);
}

fn make_dir(path: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|e| Error::io("the search index cannot be written", e))
}

/// `index` and `lock` give `index.lock`.
pub(super) fn sibling(dir: &Path, suffix: &str) -> PathBuf {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    dir.with_file_name(format!("{name}.{suffix}"))
}
