//! A backup is whole or refused, and comes back as the same store.

use crate::support::{Workspace, rounds, transcript};
use crate::views::assert_views_equal_a_fresh_fold;
use serde_json::json;
use state::domain::digest::sha256_hex;
use std::path::Path;

/// A store with some records, and its backup `b`.
fn saved() -> Workspace {
    let workspace = Workspace::new();
    for n in 0..20 {
        workspace.add_with("task", &format!("number {n}"), &["--body", "some text"]);
    }
    workspace.add_with("note", "a secret", &["--private"]);
    workspace.ok_with(&["add", "note", "Long", "--body", "-"], &"a long line\n".repeat(10_000));
    workspace.ok(&["export", "--backup", "b"]);
    workspace
}

fn whole(workspace: &Workspace) -> String {
    workspace.ok(&["export", "--private"])
}

#[test]
fn a_backup_comes_back_as_the_same_store() {
    let workspace = saved();
    let copy = Workspace::empty();
    let file = workspace.dir().join("b");
    let file = file.to_str().unwrap();
    let report = copy.json(&["import", "--restore", file]);
    assert_eq!(report["events"].as_u64().unwrap() as usize, whole(&workspace).lines().count() - 1);
    assert_eq!(whole(&copy), whole(&workspace));
    assert_views_equal_a_fresh_fold(&copy);
    assert_eq!(copy.search(&["secret"]).len(), 1);
    copy.session("other").add("task", "goes on");
    assert_views_equal_a_fresh_fold(&copy);

    let told = copy.fails(1, &["import", "--restore", file]);
    assert!(told.contains("--store DIR") && told.contains("events of its own"), "{told}");
    copy.ok(&["import", "--restore", file, "--store", "elsewhere"]);
    assert_eq!(copy.ok(&["--store", "elsewhere", "export", "--private"]), whole(&workspace));
    let empty = Workspace::new();
    empty.ok(&["import", "--restore", file]);
    assert_eq!(whole(&empty), whole(&workspace));
    let merged = copy.json(&["import", file]);
    assert_eq!(merged["new"], json!(0), "a backup can be merged too: {merged}");
}

#[test]
fn a_backup_that_is_cut_is_refused_before_anything_is_made() {
    let good = std::fs::read(saved().dir().join("b")).unwrap();
    let steps = rounds(20).min(good.len());
    let mut broken: Vec<Vec<u8>> = (0..steps).map(|step| good[..good.len() * step / steps].to_vec()).collect();
    broken.push(good[..good.len() - 1].to_vec());
    broken.push([good.as_slice(), b"x"].concat());
    broken.push([good.as_slice(), good.as_slice()].concat());
    let place = Workspace::empty();
    for bytes in &broken {
        refused_as_damaged(&place, bytes);
    }
    assert_nothing_merges(broken.iter(), &good);
}

/// A few bits say how the rest is packed and change nothing in it, so a flipped backup may come back, but only whole.
#[test]
fn a_backup_with_a_flipped_bit_is_refused_or_comes_back_whole() {
    let workspace = saved();
    let (good, expected) = (std::fs::read(workspace.dir().join("b")).unwrap(), whole(&workspace));
    let steps = rounds(20).min(good.len());
    let mut broken = Vec::new();
    for step in 0..steps {
        let mut flipped = good.clone();
        flipped[good.len() * step / steps] ^= 1 << (step % 8);
        let place = Workspace::empty();
        let file = place.write("broken", &flipped);
        if place.run(&["import", "--restore", file.to_str().unwrap()], b"").status.success() {
            assert_eq!(whole(&place), expected, "{step}: something else came back");
        } else {
            refused_as_damaged(&place, &flipped);
            broken.push(flipped);
        }
    }
    assert!(broken.len() > steps / 2, "only {} of {steps} were refused", broken.len());
    assert_nothing_merges(broken.iter(), &good);
}

fn refused_as_damaged(place: &Workspace, bytes: &[u8]) {
    let file = place.write("broken", bytes);
    let output = place.run(&["import", "--restore", file.to_str().unwrap()], b"");
    let told = transcript(&output);
    assert_eq!(output.status.code(), Some(4), "{} bytes\n{told}", bytes.len());
    assert!(!place.dir().join(".state").exists(), "something was made");
    assert!(String::from_utf8_lossy(&output.stderr).contains("backup"), "{told}");
}

/// Of those that still begin like a backup: others are taken for text.
fn assert_nothing_merges<'a>(broken: impl Iterator<Item = &'a Vec<u8>>, good: &[u8]) {
    let other = Workspace::new();
    for bytes in broken.filter(|bytes| bytes.starts_with(&good[..4])) {
        let file = other.write("broken", bytes);
        other.fails(4, &["import", file.to_str().unwrap()]);
    }
    assert_eq!(whole(&other).lines().count(), 1, "something of a broken backup came in");
}

#[test]
fn a_first_line_is_believed_when_the_last_one_vouches_for_it() {
    let workspace = saved();
    let text = zstd::decode_all(&*std::fs::read(workspace.dir().join("b")).unwrap()).unwrap();
    let text = String::from_utf8(text).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    let (events, trailer) = rest.trim_end().rsplit_once('\n').unwrap();
    let trailer: serde_json::Value = serde_json::from_str(trailer).unwrap();
    let place = Workspace::empty();
    let headers = [
        (first.replace("\"version\":1", "\"version\":9"), 3),
        (first.replace("\"workspace\":\"", "\"workspace\":\"x"), 2),
    ];
    for (header, code) in headers {
        assert_ne!(header, first);
        let log = format!("{header}\n{events}\n");
        let vouched = json!({ "sha256": sha256_hex(log.as_bytes()), "events": trailer["events"], "state": "end" });
        refused_as_damaged(&place, &packed(&format!("{log}{trailer}\n")));
        let newer = place.write("newer", packed(&format!("{log}{vouched}\n")));
        place.fails(code, &["import", "--restore", newer.to_str().unwrap()]);
    }
}

fn packed(text: &str) -> Vec<u8> {
    zstd::encode_all(text.as_bytes(), 0).unwrap()
}

#[test]
fn only_a_backup_is_restored() {
    let workspace = saved();
    workspace.ok(&["export", "--output", "e"]);
    let place = Workspace::empty();
    let at = |name: &str| workspace.dir().join(name).to_str().unwrap().to_owned();
    let told = place.fails(2, &["import", "--restore", &at("e")]);
    assert!(told.contains("state import"), "{told}");
    place.fails(2, &["import", "--restore", &at("missing")]);
    place.fails(2, &["import", "--restore", place.dir().to_str().unwrap()]);
    place.fails(2, &["import", "--restore", "--strict", &at("b")]);
    assert_eq!(std::fs::read_dir(place.dir()).unwrap().count(), 0);
}

#[test]
fn backups_taken_while_others_write_are_beginnings_of_the_log() {
    let workspace = saved();
    let mut writers: Vec<_> = (0..3)
        .map(|n| {
            let shell = workspace.session(&format!("writer {n}"));
            std::thread::spawn(move || (0..rounds(15)).for_each(|at| drop(shell.add("task", &format!("{n} {at}")))))
        })
        .collect();
    let mut taken = 0;
    while writers.iter().any(|writer| !writer.is_finished()) {
        workspace.ok(&["export", "--backup", &format!("b{taken}")]);
        taken += 1;
    }
    writers.drain(..).for_each(|writer| writer.join().unwrap());
    let log = whole(&workspace);
    for n in 0..taken {
        let copy = Workspace::empty();
        copy.ok(&["import", "--restore", workspace.dir().join(format!("b{n}")).to_str().unwrap()]);
        let held = whole(&copy);
        assert!(log.starts_with(&held) && held.lines().count() > 20, "backup {n} is no beginning of the log");
    }
    assert!(taken > 0);
}

#[test]
fn an_export_from_a_store_that_cannot_be_written_works() {
    let workspace = saved();
    let store = workspace.store();
    let expected = whole(&workspace);
    let mode = |path: &Path, mode: u32| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(&store.join("state.redb"), 0o400);
    mode(&store, 0o500);
    let exported = workspace.run(&["export", "--private"], b"");
    let refused = workspace.run(&["export", "--output", ".state/out"], b"");
    mode(&store, 0o700);
    mode(&store.join("state.redb"), 0o600);
    assert_eq!(String::from_utf8(exported.stdout).unwrap(), expected);
    let is_root =
        std::fs::metadata("/proc/self").map(|me| std::os::unix::fs::MetadataExt::uid(&me) == 0).unwrap_or(false);
    assert!(is_root || refused.status.code() == Some(3), "{}", transcript(&refused));
}
