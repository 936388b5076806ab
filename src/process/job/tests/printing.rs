//! What jobs print: kept within a limit, read from elsewhere.

use super::capture::Capture;
use super::*;

fn clock() -> chrono::DateTime<chrono::Utc> {
    chrono::DateTime::UNIX_EPOCH
}

fn files(dir: &Path) -> Vec<(u64, Vec<u8>)> {
    output::segments(dir).into_iter().map(|file| (file.offset, std::fs::read(file.path).unwrap())).collect()
}

#[test]
fn the_beginning_and_the_end_are_kept() {
    let temp = tempfile::tempdir().unwrap();
    let mut capture = Capture::new(temp.path(), 16, clock);
    let all: Vec<u8> = (b'a'..=b'z').cycle().take(100).collect();
    for piece in all.chunks(7) {
        capture.write(piece);
    }
    assert_eq!((capture.total(), capture.cut(), capture.lost()), (100, 84, None));
    let expected = [(0, 0..8), (92, 92..96), (96, 96..100)].map(|(offset, range)| (offset, all[range].to_vec()));
    assert_eq!(files(temp.path()), expected);
    assert_eq!(std::fs::read_to_string(temp.path().join("times")).unwrap(), "0 0\n");
    // Who comes later goes on at the same place.
    let mut later = Capture::new(temp.path(), 16, clock);
    later.write(b"!");
    assert_eq!((later.total(), files(temp.path()).last().unwrap()), (101, &(100, b"!".to_vec())));
}

#[test]
fn a_full_disk_costs_output_and_says_where() {
    let temp = tempfile::tempdir().unwrap();
    let mut capture = Capture::new(temp.path(), 16, clock);
    std::os::unix::fs::symlink("/dev/full", temp.path().join(output::segment_name(8))).unwrap();
    capture.write(b"0123456789");
    capture.write(b"more");
    assert_eq!((capture.total(), capture.cut()), (14, 6));
    assert_eq!(capture.lost(), Some("output lost from byte 8: no space left on device"));
    assert_eq!(files(temp.path()), [(0, b"01234567".to_vec())]);
}

#[test]
fn a_gigabyte_is_taken_in_and_little_kept() {
    let lab = Lab::new();
    let exit = lab.run(&Spec {
        output_bytes_max: Some(1 << 20),
        command: ["head", "-c", "1G", "/dev/zero"].map(str::to_owned).to_vec(),
        ..lab.job("j-1", "")
    });
    let kept: u64 = output::segments(&lab.dir("j-1").output_path()).iter().map(|file| file.bytes).sum();
    assert_eq!((exit.code, exit.bytes, exit.output_lost), (Some(0), 1 << 30, None));
    assert!((1 << 19..=1 << 20).contains(&kept) && exit.cut == exit.bytes - kept, "{kept}");
    let end = tail(&lab.dir("j-1"), 3);
    assert_eq!((end.bytes.len(), end.offset, end.total), (64 << 10, (1 << 30) - (64 << 10), 1 << 30));
}

#[test]
fn the_last_lines_with_and_without_an_end() {
    let lab = Lab::new();
    lab.run(&lab.job("j-1", "printf 'one\\ntwo\\n\\0\\377 three'"));
    let last = |lines| tail(&lab.dir("j-1"), lines);
    assert_eq!(last(1).bytes, b"\0\xff three");
    assert_eq!((last(2).bytes, last(2).offset), (b"two\n\0\xff three".to_vec(), 4));
    assert_eq!((last(9).offset, last(9).total), (0, 16));
    assert_eq!((last(0).bytes, last(0).offset), (vec![], 16));
    assert_eq!(tail(&lab.dir("j-none"), 5), Tail::default());
    lab.run(&lab.job("j-2", "echo a; echo b"));
    assert_eq!(tail(&lab.dir("j-2"), 1).bytes, b"b\n");
}

#[test]
fn a_tail_does_not_join_what_was_cut_apart() {
    let temp = tempfile::tempdir().unwrap();
    let dir = JobDir::new(temp.path());
    std::fs::create_dir(dir.output_path()).unwrap();
    let mut capture = Capture::new(&dir.output_path(), 16, clock);
    capture.write(b"begins here and goes on and on and ends here");
    let end = tail(&dir, 5);
    assert_eq!((String::from_utf8(end.bytes).unwrap().as_str(), end.offset), ("nds here", 36));
}

#[test]
fn somebody_else_follows() {
    let lab = Lab::new();
    let go = lab.fifo("go");
    let running = lab.start(&lab.job("j-1", "echo one; read x < go; echo two"));
    let mut follow = Follow::open(&running.dir, 0).unwrap();
    assert_eq!(follow.next(PATIENCE), Piece::Bytes(b"one\n".to_vec()));
    assert_eq!(moments(&running.dir).len(), 1);
    assert_eq!(follow.next(Duration::from_millis(1)), Piece::Quiet);
    meet(&go);
    assert_eq!(follow.next(PATIENCE), Piece::Bytes(b"two\n".to_vec()));
    assert_eq!(follow.next(PATIENCE), Piece::End);
    assert_eq!(Follow::open(&running.dir, 4).unwrap().next(PATIENCE), Piece::Bytes(b"two\n".to_vec()));
    running.end();
}

#[test]
fn a_follower_is_told_what_is_not_kept() {
    let lab = Lab::new();
    let spec = Spec { output_bytes_max: Some(4096), ..lab.job("j-1", "head -c 100000 /dev/zero") };
    lab.run(&spec);
    let mut follow = Follow::open(&lab.dir("j-1"), 0).unwrap();
    let (mut bytes, mut cut) = (0, 0);
    loop {
        match follow.next(PATIENCE) {
            Piece::Bytes(piece) => bytes += piece.len(),
            Piece::Cut(count) => cut += usize::try_from(count).unwrap(),
            Piece::End => break,
            Piece::Quiet => panic!("nothing came"),
        }
    }
    assert_eq!(bytes + cut, 100_000);
    assert!(bytes > 2048 && cut > 0);
}

#[test]
fn lines_that_patterns_find_are_told_but_not_too_many() {
    let lab = Lab::new();
    let spec = Spec {
        matches: vec!["^err".into(), "panicked at".into()],
        ..lab.job("j-1", "echo fine; for i in 1 2 3 4 5 6 7 8; do echo err $i; done; printf 'x panicked at y'")
    };
    let running = lab.start(&spec);
    let exit = running.supervisor.join().unwrap().unwrap();
    let told: Vec<_> = running
        .news
        .iter()
        .filter_map(|heard| if let Heard::Matched(line, left_out) = heard { Some((line, left_out)) } else { None })
        .collect();
    let first: Vec<_> = (1..=5).map(|number| (format!("err {number}"), 0)).collect();
    assert_eq!((told, exit.matches), (first, 9));
}

#[test]
fn what_is_odd_is_told_once_and_no_reason_to_kill() {
    let lab = Lab::new();
    let gate = lab.fifo("gate");
    let late = Spec { late_ms: Some(1), silent_ms: Some(1), ..lab.job("j-1", "read x < gate; echo $x") };
    let running = lab.start(&late);
    let odd = |count: usize| {
        let heard = running.news.iter().filter(|heard| matches!(heard, Heard::Odd(_)));
        heard.take(count).map(|heard| format!("{heard:?}")).collect::<Vec<_>>()
    };
    let told = odd(2);
    assert!(told[0].contains("takes long") && told[1].contains("silent"), "{told:?}");
    std::fs::write(gate, "on\n").unwrap();
    let exit = running.supervisor.join().unwrap().unwrap();
    let more = running.news.iter().filter(|heard| matches!(heard, Heard::Odd(_))).count();
    assert_eq!((exit.outcome, more), (crate::domain::job::Outcome::Ok, 0));
}

#[test]
fn matches_are_told_again_after_a_while() {
    let start = Instant::now();
    let mut matcher = matches::Matcher::new(&["x".into()], start).unwrap();
    let mut found = |text: &str, seconds| {
        let matches = matcher.feed(text.as_bytes(), start + Duration::from_secs(seconds));
        matches.into_iter().map(|found| (found.line, found.left_out)).collect::<Vec<_>>()
    };
    assert_eq!(found("x\nx\nx\nx\nx\nx\nx\ny\nx", 0).len(), 5);
    assert_eq!(found("1\u{1b}[2J\nx2\n", 6), [("x1".to_owned(), 2)]);
    assert_eq!(found(&"x".repeat(10_000), 20).len(), 2);
}
