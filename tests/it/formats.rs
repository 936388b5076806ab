//! Stores of every format that was ever released: they open, show what they showed, and migrate.
//!
//! `fixtures/format/vN/` holds `state.redb` (zstd) and the blobs as that format's last program left them, and `records.jsonl`,
//! every record as that program folded it (v1 holds 30 issues of steveyegge/beads, licence in `fixtures/beads/`). They are frozen: a test that fails here means that the code is wrong.

use crate::support::Workspace;
use crate::views::assert_views_equal_a_fresh_fold;
use state::domain::id::Uid;
use state::domain::record::Record;
use state::error::Result;
use state::store::{FORMAT, Store, View};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

fn fixture(version: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/format/v{version}"))
}

/// A workspace whose store is a copy of the frozen one.
pub fn thawed(version: u32) -> Workspace {
    let workspace = Workspace::empty();
    let (from, to) = (fixture(version), workspace.dir().join(".state"));
    std::fs::create_dir_all(to.join("blobs")).unwrap();
    let packed = std::fs::File::open(from.join("state.redb.zst")).unwrap();
    std::fs::write(to.join("state.redb"), zstd::stream::decode_all(packed).unwrap()).unwrap();
    for blob in std::fs::read_dir(from.join("blobs")).unwrap() {
        let blob = blob.unwrap();
        std::fs::copy(blob.path(), to.join("blobs").join(blob.file_name())).unwrap();
    }
    workspace
}

/// Every visible record with its body, one JSON line each, in the order of their identities.
fn records(store: &Store) -> String {
    let lines = |view: &View| -> Result<Vec<(Uid, String)>> {
        let mut uids = Vec::new();
        view.scan_terms("kind:", |uid| {
            uids.push(uid);
            Ok(ControlFlow::Continue(()))
        })?;
        uids.sort_unstable();
        let line = |uid: Uid| {
            let mut record: Record = view.record(uid)?.expect("a record with a posting");
            if record.body_position().is_some() {
                let body = view.body(&record)?;
                record.registers.get_mut("body").expect("it has a body").value = body.into();
            }
            Ok((uid, serde_json::to_string(&record).unwrap() + "\n"))
        };
        uids.into_iter().map(line).collect()
    };
    store.read(lines).unwrap().into_iter().map(|(_, line)| line).collect()
}

fn open(workspace: &Workspace) -> Store {
    Store::at(&workspace.store(), chrono::Utc::now, [0; 16])
}

#[test]
fn a_frozen_store_shows_what_it_showed() {
    for version in 1..=FORMAT {
        let workspace = thawed(version);
        let (held, file) = (records(&open(&workspace)), fixture(version).join("records.jsonl"));
        if std::env::var_os("BLESS").is_some() && !file.exists() {
            std::fs::write(&file, &held).unwrap();
        }
        assert_eq!(held, std::fs::read_to_string(&file).unwrap(), "format {version}");
    }
}

#[test]
fn an_older_store_is_written_only_after_it_was_brought_up_to_date() {
    for version in 1..FORMAT {
        let workspace = thawed(version);
        let message = workspace.fails(3, &["add", "note", "too early"]);
        assert!(message.contains(&format!("format {version}.")) && message.contains("doctor --fix"), "{message}");
        let (before, resumed) = (records(&open(&workspace)), workspace.ok(&["list", "kinds", "--all"]));
        open(&workspace).rewrite(&mut |_, event| Ok(Some(event)), &|_, _| {}).unwrap();
        assert_eq!(records(&open(&workspace)), before, "format {version}");
        assert_eq!(workspace.ok(&["list", "kinds", "--all"]), resumed, "format {version}");
        assert_views_equal_a_fresh_fold(&workspace);
        workspace.add("note", "in time");
        assert_eq!(workspace.search(&["debounce", "configurable"]).len().min(1), 1);
    }
}
