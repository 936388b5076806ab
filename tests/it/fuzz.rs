//! The corpus of `fixtures/fuzz/TARGET/`, and mutations of it, against `invariants.rs`. `STATE_TEST_ROUNDS=1000` for long.
//!
//! With coverage, outside the repository: a crate that depends on `state` and `libfuzzer-sys` 0.4, has `invariants.rs` as a
//! `#[path]` module and calls `TARGETS[i].1(data)` in `fuzz_target!`, built with RUSTC_BOOTSTRAP=1 --target HOST --release and
//! RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
//! -Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions=on -Coverflow-checks=on";
//! then `BINARY NEW_CORPUS fixtures/fuzz/TARGET -max_total_time=600`. What it finds becomes a file here and a fix there.

use crate::invariants::TARGETS;
use crate::support::rounds;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Mutations a target in one round.
const MUTATIONS: usize = 400;
/// Bytes of a mutation.
const LEN_MAX: usize = 16 * 1024;
/// Inputs of a target, and bytes of all: a corpus that grows is one that nobody minimised.
const FILES_MAX: usize = 64;
const BYTES_MAX: usize = 200 * 1024;

/// What parsers here give a meaning to, and what Unicode has in store for them.
const TOKENS: [&[u8]; 40] = [
    b"\n",
    b"\r",
    b" ",
    b"\t",
    b":",
    b"\"",
    b"-",
    b"/",
    b"../",
    b"./",
    b"\\",
    b":12",
    b":0",
    b"#L1-L2",
    b"since:",
    b"kind:\"",
    b"-tag:",
    b"## Done\n",
    b"- [x] ",
    b"**Next:** ",
    b"```",
    b"---\n",
    b"title: ",
    b"`src/a.rs:3`",
    b"(t-4kqab)",
    b"[P1] ",
    b"\"labels\":",
    b"\"comments\":[",
    b"{\"text\":",
    b"}",
    b"T23:59:60Z",
    b"99999",
    b"\x1b[",
    b"\xc2\x9d",
    "\u{fe0f}".as_bytes(),
    "\u{202e}".as_bytes(),
    "\u{1160}".as_bytes(),
    b"\xff",
    b"\xcb\x7f\xf0\0\0\0\0\0\0",
    b"\xdf\xff\xff\xff\xff",
];

#[test]
fn the_corpus_holds() {
    for (target, check) in TARGETS {
        for (path, input) in corpus(target) {
            let held = catch_unwind(AssertUnwindSafe(|| check(&input))).is_ok();
            assert!(held, "{target}: {}", path.display());
        }
    }
}

#[test]
fn mutations_of_the_corpus_hold() {
    for (target, check) in TARGETS {
        let corpus: Vec<Vec<u8>> = corpus(target).into_iter().map(|(_, input)| input).collect();
        let mut random = Random(0x5eed);
        for _ in 0..rounds(MUTATIONS) {
            let input = mutated(&corpus, &mut random);
            let held = catch_unwind(AssertUnwindSafe(|| check(&input))).is_ok();
            assert!(held, "{target}; to keep it:\n{}", command(target, &input));
        }
    }
}

#[test]
fn the_corpus_is_small_and_every_folder_of_it_a_target() {
    let all: Vec<(PathBuf, Vec<u8>)> = TARGETS.iter().flat_map(|(target, _)| corpus(target)).collect();
    assert!(all.iter().map(|(_, input)| input.len()).sum::<usize>() <= BYTES_MAX);
    for entry in std::fs::read_dir(folder("")).unwrap() {
        let name = entry.unwrap().file_name();
        assert!(TARGETS.iter().any(|(target, _)| name == *target), "fixtures/fuzz/{} is no target", name.display());
    }
    for (target, _) in TARGETS {
        let files = all.iter().filter(|(path, _)| path.starts_with(folder(target))).count();
        assert!((10..=FILES_MAX).contains(&files), "{files} files in fixtures/fuzz/{target}");
    }
}

#[test]
fn a_failing_input_is_printed_as_a_command_that_keeps_it() {
    let line = command("text", b"it's 100%\n\\\xff");
    assert_eq!(line, r"printf 'it\x27s 100\x25\x0a\x5c\xff' > fixtures/fuzz/text/found");
}

fn folder(target: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/fuzz").join(target)
}

/// The inputs of a target in a fixed order.
fn corpus(target: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let paths = std::fs::read_dir(folder(target)).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> = paths.map(|path| (path.clone(), std::fs::read(&path).unwrap())).collect();
    found.sort_unstable();
    found
}

/// What a shell takes to write `input` into the corpus.
fn command(target: &str, input: &[u8]) -> String {
    let mut line = String::from("printf '");
    for byte in input {
        match byte {
            b'\'' | b'\\' | b'%' | ..=0x1f | 0x7f.. => write!(line, "\\x{byte:02x}").unwrap(),
            _ => line.push(char::from(*byte)),
        }
    }
    line + "' > fixtures/fuzz/" + target + "/found"
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) as usize % limit.max(1)
    }

    fn part<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let start = self.below(bytes.len() + 1);
        &bytes[start..start + self.below(bytes.len() - start + 1)]
    }
}

fn mutated(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = corpus[random.below(corpus.len())].clone();
    for _ in 0..=random.below(4) {
        let at = random.below(input.len() + 1);
        let insert = match random.below(6) {
            0 => TOKENS[random.below(TOKENS.len())].to_vec(),
            1 => {
                let other = random.below(corpus.len());
                random.part(&corpus[other]).to_vec()
            }
            2 => random.part(&input).to_vec(),
            3 => random.part(&input).repeat(1 + random.below(200)),
            4 => {
                input.drain(at..at + random.below(input.len() - at + 1));
                continue;
            }
            _ => {
                input.get_mut(at).into_iter().for_each(|byte| *byte ^= 1 << random.below(8));
                continue;
            }
        };
        input.splice(at..at, insert);
        input.truncate(LEN_MAX);
    }
    input
}
