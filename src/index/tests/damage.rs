//! A damaged index is noticed, never believed and never a panic.

use super::*;

/// Damages one file in many ways and demands the right hits or an unreadable index each time.
fn damage(index: &Index, file: &Path, expected: &Hits) -> usize {
    let sound = fs::read(file).unwrap();
    let (length, mut noticed) = (sound.len(), 0);
    let flipped = |at: usize| {
        let mut bytes = sound.clone();
        bytes[at] ^= 0x41;
        bytes
    };
    let flips = (0..7).map(|part| flipped((length - 1) * part / 6));
    let cuts = [0, 1, length / 2, length - 1].map(|end| sound[..end].to_vec());
    let extended = [sound.clone(), vec![0; 9]].concat();
    for bytes in flips.chain(cuts).chain([vec![0xff; length], extended]) {
        fs::write(file, bytes).unwrap();
        let _ = index.coverage();
        let tail = Tail { base: Some(&to(2)), documents: &[], changed: &BTreeSet::new() };
        match index.search(&parse("refresh token \"lock\""), &tail, page(1000)) {
            Ok(hits) => assert_eq!(found(&hits), found(expected), "{}", file.display()),
            Err(error) => {
                assert!(is_unreadable(&error), "{}: {error}", file.display());
                noticed += 1;
            }
        }
    }
    fs::remove_file(file).unwrap();
    let _ = index.coverage();
    fs::write(file, sound).unwrap();
    noticed
}

#[test]
fn a_damaged_index_is_unreadable_and_never_a_panic() {
    let all = documents(40);
    let (dir, index) = built(&all[..35]);
    let mut changes = put(&all[30..]);
    index.update(&to(2), &mut changes).unwrap();
    let expected = search(&index, "refresh token \"lock\"", &[]).unwrap();
    let files: Vec<_> = fs::read_dir(dir.path().join("index")).unwrap().flatten().map(|entry| entry.path()).collect();
    assert!(files.len() > 12 && !expected.hits.is_empty());
    for file in files.iter().filter(|file| fs::metadata(file).unwrap().len() > 0) {
        let noticed = damage(&index, file, &expected);
        let is_segment = file.extension().is_some_and(|end| end != "json" && end != "lock");
        assert!(noticed >= 10 || !is_segment, "{}: only {noticed} noticed", file.display());
    }
    assert_eq!(index.coverage(), Some(to(2)));
}

#[test]
fn a_truncated_or_missing_index_is_unreadable_and_is_rebuilt() {
    let all = documents(30);
    let (dir, index) = built(&all);
    let path = dir.path().join("index");
    for entry in fs::read_dir(&path).unwrap().flatten() {
        let sound = fs::read(entry.path()).unwrap();
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        fs::write(entry.path(), &sound[..sound.len() / 2]).unwrap();
        let tail = Tail { base: Some(&to(1)), documents: &[], changed: &BTreeSet::new() };
        let error = index.search(&parse("token"), &tail, page(10)).unwrap_err();
        assert!(is_unreadable(&error), "{:?}", entry.path());
        fs::write(entry.path(), sound).unwrap();
    }
    fs::write(path.join("meta.json"), "{}").unwrap();
    assert!(is_unreadable(&index.update(&to(2), &mut put(&all)).unwrap_err()));
    index.rebuild(&to(3), &mut put(&all)).unwrap();
    assert_eq!(index.coverage(), Some(to(3)));
    fs::remove_dir_all(&path).unwrap();
    assert_eq!(index.coverage(), None);
    assert!(is_unreadable(&index.update(&to(4), &mut put(&all)).unwrap_err()));
}
