//! Commands that agents ran: which are worth telling, whether they passed, what they printed last, what they committed.

use super::Answer;
use super::story::Commit;
use crate::domain::text::clean_line;

/// Lines at the end of an output that are looked at for what it says.
const LINES_MAX: usize = 200;

/// Programs that only look, or only move things: whether they pass tells nothing about the work.
const QUIET: [&str; 58] = [
    "ls", "cat", "head", "tail", "grep", "rg", "find", "fd", "echo", "pwd", "which", "wc", "sed", "awk", "sleep", "cd",
    "tree", "stat", "file", "diff", "jq", "true", "false", "printf", "date", "ps", "env", "less", "du", "df", "touch",
    "mkdir", "cp", "mv", "rm", "chmod", "export", "source", "sort", "uniq", "cut", "tr", "xargs", "type", "command",
    "kill", "pkill", "test", "[", "set", "ln", "basename", "dirname", "realpath", "readlink", "state", "exit", "wait",
];
/// Subcommands of git that change no history.
const QUIET_GIT: [&str; 17] = [
    "status",
    "log",
    "diff",
    "show",
    "branch",
    "add",
    "rev-parse",
    "remote",
    "fetch",
    "ls-files",
    "blame",
    "checkout",
    "switch",
    "config",
    "stash",
    "restore",
    "grep",
];
/// Words before the program that say nothing about what runs.
const WRAPPERS: [&str; 6] = ["sudo", "time", "nice", "nohup", "exec", "command"];
/// Programs that run a piece of code given to them: an experiment, as a rule.
const INTERPRETERS: [&str; 8] = ["python", "python3", "node", "ruby", "perl", "bash", "sh", "php"];

/// What lines of a failure contain, in lower case; those that name what failed first.
const NAMING: [&str; 11] =
    ["fail: ", "failed ", "--- fail", "error: ", "error[", "... failed", "✗ ", "× ", "● ", "not ok ", "fail "];
const FAILING: [&str; 14] = [
    "failed",
    "failure",
    "error",
    "panicked",
    "assertion",
    "traceback",
    "fatal:",
    "exception",
    "not found",
    "cannot",
    "denied",
    "timed out",
    "undefined",
    "segmentation fault",
];
/// Verdicts at the end of an output whose exit code belongs to another command of a pipe.
const VERDICTS: [&str; 11] = [
    "test result: failed",
    "failed (",
    "could not compile",
    "npm err!",
    "build failed",
    "--- fail",
    "tests failed",
    "test failed",
    "failed, ",
    "command not found",
    "traceback (most recent call last)",
];
/// What lines of a success contain.
const PASSING: [&str; 7] = ["passed", "test result: ok", "ok", "success", "succeeded", "finished", "0 failed"];

/// A command as it is told and told apart: without the change of directory before it and the trimming of its output.
pub(super) fn plain(line: &str) -> String {
    let mut rest = line.trim();
    while let Some((head, tail)) = rest.split_once("&&").or_else(|| rest.split_once(';')) {
        if !head.trim_start().starts_with("cd ") || tail.trim().is_empty() {
            break;
        }
        rest = tail.trim_start();
    }
    while let Some(at) = rest.rfind('|') {
        let last = rest[at + 1..].trim_start();
        if !["tail", "head", "cat", "tee"].iter().any(|word| last.split_whitespace().next() == Some(word)) {
            break;
        }
        rest = rest[..at].trim_end_matches('|').trim_end();
    }
    let mut lines = rest.trim_end_matches("2>&1").trim_end().lines();
    let first = clean_line(lines.next().unwrap_or(""));
    if lines.next().is_some() { format!("{first} …") } else { first }
}

/// Whether it matters that the command passed or failed.
pub(super) fn is_telling(line: &str) -> bool {
    // What follows in a here-document is data, not commands.
    let mut parts = line.split("<<").next().unwrap_or("").split(['|', ';', '&', '\n']);
    parts.any(|part| is_telling_part(&program(part))) && !is_experiment(line)
}

fn is_telling_part(words: &[&str]) -> bool {
    match words {
        [] => false,
        ["git", rest @ ..] => {
            rest.iter().find(|word| !word.starts_with('-')).is_some_and(|verb| !QUIET_GIT.contains(verb))
        }
        [program, ..] => {
            let name = program.rsplit('/').next().unwrap_or(program);
            !QUIET.contains(&name) && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+@".contains(c))
        }
    }
}

fn is_experiment(line: &str) -> bool {
    let plain = plain(line);
    match program(&plain)[..] {
        [program, flag, ..] => INTERPRETERS.contains(&program) && matches!(flag, "-c" | "-e" | "-" | "<<" | "-p"),
        _ => false,
    }
}

/// The words of a simple command, without settings and wrappers before the program.
fn program(part: &str) -> Vec<&str> {
    let mut words: Vec<&str> = part.split_whitespace().collect();
    while let Some(first) = words.first() {
        let is_setting =
            first.split_once('=').is_some_and(|(name, _)| name.chars().all(|c| c.is_alphanumeric() || c == '_'));
        if *first == "timeout" && words.len() > 1 {
            words.drain(..2);
        } else if is_setting || WRAPPERS.contains(first) {
            words.remove(0);
        } else {
            break;
        }
    }
    words
}

/// Whether the command did what it should. The exit code of a pipe is that of its last command, so that a failure is
/// looked for in what was printed.
pub(super) fn judge(line: &str, answer: &Answer) -> Option<bool> {
    let is_masked = line.contains('|') || line.contains(';');
    if answer.passed == Some(true) && is_masked {
        let failed = last_lines(&answer.output).any(|line| {
            let line = line.to_lowercase();
            VERDICTS.iter().any(|verdict| line.contains(verdict)) && !line.contains(" 0 failed")
        });
        return Some(!failed);
    }
    answer.passed
}

fn last_lines(output: &str) -> impl Iterator<Item = &str> {
    output.lines().rev().filter(|line| !line.trim().is_empty()).take(LINES_MAX)
}

/// The lines that say most about how a command ended: what failed, if a line names it, and the verdict.
pub(super) fn told(output: &str, passed: Option<bool>) -> Vec<String> {
    let last = last_lines(output).find(|line| line.chars().any(char::is_alphanumeric));
    let find = |words: &[&str]| {
        last_lines(output).find(|line| {
            let line = line.trim().to_lowercase();
            words.iter().any(|word| line.contains(word)) && line.chars().any(char::is_alphanumeric)
        })
    };
    let named = |line: &&str| {
        let line = line.trim().to_lowercase();
        NAMING.iter().any(|word| line.starts_with(word) || word.starts_with("...") && line.ends_with(word))
    };
    let (first, second) = match passed {
        Some(false) => (last_lines(output).filter(named).last(), find(&FAILING)),
        _ => (None, find(&PASSING)),
    };
    let mut told: Vec<String> = first.into_iter().chain(second.or(last)).map(clean_line).collect();
    told.dedup();
    told
}

/// Whether a command that passed shows that one that had failed is mended: it is the same, or a wider one.
pub(super) fn covers(passed: &str, failed: &str) -> bool {
    let names = |line: &str| -> Vec<String> {
        program(line).into_iter().filter(|word| !word.starts_with('-')).map(str::to_owned).collect()
    };
    let (wide, narrow) = (names(passed), names(failed));
    let is_verb = |word: &&String| word.chars().all(|c| c.is_ascii_alphabetic() || c == '-' || c == ':');
    let verb = |words: &[String]| words.get(1).filter(is_verb).cloned();
    !wide.is_empty() && wide.iter().all(|word| narrow.contains(word)) && verb(&wide) == verb(&narrow)
}

/// What a command committed.
pub(super) fn commit(line: &str, answer: &Answer) -> Option<Commit> {
    let at = line.find("git commit").or_else(|| line.find(" commit -").filter(|_| line.contains("git ")))?;
    if answer.passed == Some(false) || line.contains("--dry-run") {
        return None;
    }
    if let Some(commit) = answer.output.lines().find_map(announced) {
        return Some(commit);
    }
    let subject = subject(&line[at..])?;
    let hash = answer.output.lines().find_map(|line| {
        let (word, rest) = line.trim().split_once(' ')?;
        (is_hash(word) && rest.contains(&subject)).then(|| word.to_owned())
    });
    Some(Commit { hash, subject })
}

/// `[main d6f87d7] Count every unit`
fn announced(line: &str) -> Option<Commit> {
    let (inside, subject) = line.trim().strip_prefix('[')?.split_once("] ")?;
    let hash = inside.rsplit(' ').next().filter(|word| is_hash(word))?;
    inside.contains(' ').then(|| Commit { hash: Some(hash.to_owned()), subject: clean_line(subject) })
}

fn is_hash(word: &str) -> bool {
    (7..=40).contains(&word.len()) && word.bytes().all(|b| b.is_ascii_hexdigit())
}

/// The first line of the message on the command line: after `-m`, or in the here-document that stands there.
fn subject(commit: &str) -> Option<String> {
    let quote = |c: char| matches!(c, '"' | '\'');
    let (_, message) = commit.split_once("m ").filter(|(flag, _)| flag.ends_with('-') || flag.contains(" -"))?;
    let mut message = message.trim_start().trim_start_matches(quote);
    if let Some((_, body)) = message.strip_prefix("$(cat <<").and_then(|rest| rest.split_once('\n')) {
        message = body;
    }
    let first = message.trim_start().lines().next().unwrap_or("");
    let subject = clean_line(first.split(quote).next().unwrap_or(""));
    (!subject.is_empty()).then_some(subject)
}

/// What a command names to `git add`.
pub(super) fn staged(line: &str) -> Vec<String> {
    let paths = line.split("git add ").skip(1).flat_map(|rest| {
        rest.split(['&', ';', '|', '\n'])
            .next()
            .unwrap_or("")
            .split_whitespace()
            .map(|word| word.trim_matches(['"', '\'']))
    });
    paths.map(str::to_owned).collect()
}

/// Which of the edited files a commit leaves behind: none if it took everything, else those that neither it nor what was
/// `staged` before it names.
pub(super) fn left_behind(line: &str, staged: &[String], files: &[String]) -> Vec<String> {
    let commit = line.find("git commit").map_or("", |at| &line[at..]);
    let flags: Vec<&str> = commit.split_whitespace().take_while(|word| !word.contains(['"', '\''])).collect();
    let is_all =
        |flag: &&str| *flag == "--all" || flag.starts_with('-') && !flag.starts_with("--") && flag.contains('a');
    let is_everything = |word: &String| matches!(word.as_str(), "-A" | "." | "--all" | "-u" | ":/" | "*");
    if flags.iter().any(is_all) || staged.iter().any(is_everything) {
        return Vec::new();
    }
    let own = commit.lines().next().unwrap_or("").split_once(" -- ").map_or("", |(_, paths)| paths);
    let named: Vec<&str> = staged.iter().map(String::as_str).chain(own.split_whitespace()).collect();
    let is_named = |file: &String| {
        named.iter().any(|word| {
            let word = word.trim_matches(['"', '\'']).trim_start_matches("./").trim_end_matches('/');
            !word.is_empty()
                && (file == word || file.ends_with(&format!("/{word}")) || file.contains(&format!("{word}/")))
        })
    };
    files.iter().filter(|file| !is_named(file)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(passed: bool, output: &str) -> Answer {
        Answer { passed: Some(passed), output: output.into(), ..Answer::default() }
    }

    #[test]
    fn only_commands_that_matter_are_told() {
        for line in [
            "cargo test",
            "cd x && RUST_LOG=1 timeout 60 cargo clippy 2>&1 | tail -5",
            "npm run build",
            "./ci.sh",
            "git push",
            "git commit -m \"$(cat <<'EOF'\nshow it\nEOF\n)\"",
        ] {
            assert!(is_telling(line), "{line}");
        }
        for line in [
            "ls -la",
            "cd src; grep -rn x . | head",
            "git status && git diff",
            "python3 -c 'import x'",
            "cat > a <<EOF\ncargo test\nEOF",
        ] {
            assert!(!is_telling(line), "{line}");
        }
        assert_eq!(plain("cd /p && cargo test --lib 2>&1 | tail -20"), "cargo test --lib");
        assert_eq!(plain("cargo test || true"), "cargo test || true");
    }

    #[test]
    fn a_pipe_does_not_hide_a_failure() {
        let output = "test a ... FAILED\ntest result: FAILED. 3 passed; 1 failed;";
        assert_eq!(judge("cargo test | tail -3", &answer(true, output)), Some(false));
        assert_eq!(judge("cargo test | tail -3", &answer(true, "test result: ok. 4 passed; 0 failed;")), Some(true));
        assert_eq!(judge("cargo test", &answer(false, "")), Some(false));
        assert_eq!(told(output, Some(false)), ["test a ... FAILED", "test result: FAILED. 3 passed; 1 failed;"]);
    }

    #[test]
    fn a_wider_command_that_passes_mends_a_narrower_one() {
        for (passed, failed) in
            [("cargo test", "cargo test --lib auth"), ("pytest -q", "pytest tests/a.py::b"), ("x y", "x y")]
        {
            assert!(covers(passed, failed), "{passed} {failed}");
        }
        for (passed, failed) in
            [("cargo build", "cargo test"), ("make", "make test"), ("pytest tests/a.py", "pytest tests/b.py")]
        {
            assert!(!covers(passed, failed), "{passed} {failed}");
        }
    }

    #[test]
    fn commits_are_read_from_output_or_command() {
        let read = |line: &str, output: &str| {
            commit(line, &answer(true, output)).map(|commit| (commit.hash.unwrap_or_default(), commit.subject))
        };
        let pair = |hash: &str, subject: &str| Some((hash.to_owned(), subject.to_owned()));
        assert_eq!(read("git commit -m x", "[main (root-commit) d6f87d7] Count it"), pair("d6f87d7", "Count it"));
        let heredoc = "git add -A && git commit -m \"$(cat <<'EOF'\nFix the lock\n\nBody\nEOF\n)\"";
        assert_eq!(read(heredoc, ""), pair("", "Fix the lock"));
        assert_eq!(
            read("git commit -qm 'Count it' && git log --oneline -1", "d6f87d7 Count it"),
            pair("d6f87d7", "Count it")
        );
        assert_eq!(read("git log", "[main d6f87d7] Count it"), None);
        assert_eq!(commit("git commit -m x", &answer(false, "nothing to commit")), None);
    }

    #[test]
    fn a_commit_leaves_behind_what_neither_it_nor_what_was_staged_names() {
        let files = ["src/a.rs".to_owned(), "src/b.rs".to_owned()];
        let left = |lines: &[&str]| {
            let named: Vec<String> = lines.iter().flat_map(|line| staged(line)).collect();
            left_behind(lines.last().unwrap(), &named, &files)
        };
        assert_eq!(left(&["git add src/a.rs && git commit -m x"]), ["src/b.rs"]);
        assert_eq!(left(&["git add src/a.rs", "git commit -m x"]), ["src/b.rs"]);
        assert_eq!(left(&["git commit -m 'a b' -- src/b.rs"]), ["src/a.rs"]);
        assert_eq!(left(&["git commit -m x"]), files, "what was staged is not known");
        for lines in [
            &["git add -A && git commit -m x"][..],
            &["git commit -am x"],
            &["git add src/a.rs; git add ./src/b.rs", "git commit -m x"],
            &["git add .", "git commit -m x"],
            &["git add src && git commit -m 'a b'"],
        ] {
            assert!(left(lines).is_empty(), "{lines:?}");
        }
    }
}
