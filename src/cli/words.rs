//! Words that look like options: what is searched for may begin with a hyphen, so the options that there are come first.

use clap::{Arg, ArgAction, Command};
use std::ffi::{OsStr, OsString};

/// The arguments of `search WORDS` with all known options before the words and `--` between them, so that
/// `search lock -n 5 --no-verify -draft` takes `-n 5` as an option and the rest as words. Others stay as they are.
pub(super) fn options_first(root: &Command, args: Vec<OsString>) -> Vec<OsString> {
    let Some(at) = verb(root, &args).filter(|at| args[*at] == "search") else { return args };
    let Some(search) = root.find_subcommand("search") else { return args };
    let known: Vec<&Arg> = root.get_arguments().chain(search.get_arguments()).collect();
    let (mut options, mut words) = (args[..=at].to_vec(), Vec::new());
    let mut rest = args[at + 1..].iter();
    while let Some(word) = rest.next() {
        match option(&known, word) {
            _ if word == "--" => words.extend(rest.by_ref().cloned()),
            Some(takes_value) => {
                options.push(word.clone());
                if takes_value {
                    options.extend(rest.next().cloned());
                }
            }
            None => words.push(word.clone()),
        }
    }
    options.push("--".into());
    [options, words].concat()
}

/// Where the verb is: the first argument that is neither an option nor the value of one.
pub(super) fn verb(root: &Command, args: &[OsString]) -> Option<usize> {
    let known: Vec<&Arg> = root.get_arguments().collect();
    let mut at = 1;
    while at < args.len() {
        match option(&known, &args[at]) {
            Some(takes_value) => at += 1 + usize::from(takes_value),
            None => return Some(at),
        }
    }
    None
}

/// Whether `word` is one of these options, and if so, whether its value is the next word.
fn option(known: &[&Arg], word: &OsStr) -> Option<bool> {
    let text = word.to_str()?;
    if matches!(text, "-h" | "--help") {
        return Some(false);
    }
    let (name, has_value) = text.split_once('=').map_or((text, false), |(name, _)| (name, true));
    let arg = known.iter().find(|arg| {
        let long = arg.get_long().is_some_and(|long| name.strip_prefix("--") == Some(long));
        let short = arg.get_short().is_some_and(|short| name.strip_prefix('-') == Some(short.to_string().as_str()));
        long || short
    })?;
    Some(matches!(arg.get_action(), ArgAction::Set | ArgAction::Append) && !has_value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn options_come_first_and_unknown_ones_are_words() {
        let check = |line: &str, expected: &str| {
            let args = line.split(' ').map(OsString::from).collect();
            let found = options_first(&super::super::Args::command(), args);
            assert_eq!(found, expected.split(' ').map(OsString::from).collect::<Vec<_>>(), "{line}");
        };
        check("state search foo --json", "state search --json -- foo");
        check("state search foo -bar --no-verify --limit 3", "state search --limit 3 -- foo -bar --no-verify");
        check("state search --limit=3 foo --store d", "state search --limit=3 --store d -- foo");
        check("state --store d search a -- --json", "state --store d search -- a --json");
        check("state search a --help", "state search --help -- a");
        check("state --session search list -n 3", "state --session search list -n 3");
        check("state show search --json", "state show search --json");
    }
}
