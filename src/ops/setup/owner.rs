//! Whose an entry is: ours runs a program named `state`, or one that we installed, with our words at the end.

use super::json::{Body, Node};
use super::value::quoted;
use std::path::Path;

/// Where an entry of ours names its program.
pub(super) struct Owned<'a> {
    /// The program.
    pub(super) program: String,
    /// The string that holds it.
    pub(super) node: &'a Node,
    /// Of a line for a shell: what stands behind the program, to the byte.
    pub(super) rest: Option<String>,
}

impl Owned<'_> {
    /// The string with another program.
    pub(super) fn with(&self, program: &str) -> String {
        match &self.rest {
            Some(rest) => format!("{}{rest}", shell_quoted(program)),
            None => program.to_owned(),
        }
    }
}

/// Whether a program is `state`, or one whose path is known to have been installed.
pub(super) fn is_program(program: &str, known: &[String]) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == "state") || known.iter().any(|known| known == program)
}

/// The program of a handler or of a server's entry whose words end in `tail`, if it is ours.
pub(super) fn owned<'a>(entry: &'a Node, tail: &[&str], known: &[String]) -> Option<Owned<'a>> {
    let command = entry.get("command")?;
    let owned = match (&command.body, entry.get("args").and_then(Node::texts)) {
        (Body::Text(program), Some(args)) if args == tail => {
            Owned { program: program.clone(), node: command, rest: None }
        }
        (Body::Text(line), None) => {
            let (words, first_end) = words(line)?;
            let is_tail = words.len() > tail.len() && words[words.len() - tail.len()..] == *tail;
            Owned {
                program: words.first().filter(|_| is_tail)?.clone(),
                node: command,
                rest: Some(line[first_end..].to_owned()),
            }
        }
        (Body::Array(parts), _) if command.texts()?.get(1..)? == tail => {
            let first = &parts.first()?.node;
            Owned { program: first.text()?.to_owned(), node: first, rest: None }
        }
        _ => return None,
    };
    is_program(&owned.program, known).then_some(owned)
}

/// A word as a POSIX shell takes it.
pub(super) fn shell_quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%=,".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The words of a simple command, and the byte where the first one ends; `None` if a quote does not end.
fn words(line: &str) -> Option<(Vec<String>, usize)> {
    let (mut words, mut word, mut quote, mut rest) = (Vec::new(), None::<String>, None, line.char_indices());
    let mut first_end = line.len();
    while let Some((at, c)) = rest.next() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().push(rest.next()?.1),
            (None, _) if c.is_whitespace() => {
                if words.is_empty() && word.is_some() {
                    first_end = at;
                }
                words.extend(word.take());
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some((words, first_end))
}

/// The line of the plugin that names the program.
pub(super) fn plugin_line(program: &str) -> String {
    format!("{PLUGIN_LINE}{};", quoted(program))
}

const PLUGIN_LINE: &str = "const STATE = ";

/// The program that a plugin's text names.
pub(super) fn plugin_program(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix(PLUGIN_LINE))?;
    serde_json::from_str(line.trim_end().strip_suffix(';')?).ok()
}

#[cfg(test)]
mod tests {
    use super::super::json::Doc;
    use super::*;

    fn program(entry: &str, tail: &[&str], known: &[String]) -> Option<String> {
        let doc = Doc::parse(entry).unwrap();
        owned(doc.root.as_ref().unwrap(), tail, known).map(|owned| owned.with("/n w/state"))
    }

    #[test]
    fn an_entry_is_known_by_its_program_and_its_last_words() {
        let tail = ["hook", "codex"];
        let found = |entry: &str| program(entry, &tail, &["/opt/st".to_owned()]);
        assert_eq!(found(r#"{"command":"/a/state hook codex"}"#).as_deref(), Some("'/n w/state' hook codex"));
        assert_eq!(
            found(r#"{"command":"'/a b/state' --store 'x y' hook codex"}"#).as_deref(),
            Some("'/n w/state' --store 'x y' hook codex")
        );
        assert_eq!(
            found(r#"{"command":"state  --store $HOME/x\t--actor \"$USER\" hook codex"}"#).as_deref(),
            Some("'/n w/state'  --store $HOME/x\t--actor \"$USER\" hook codex"),
            "what the shell makes of the user's words is the user's"
        );
        assert_eq!(found(r#"{"command":"/a/state","args":["hook","codex"]}"#).as_deref(), Some("/n w/state"));
        assert_eq!(found(r#"{"command":["/a/state","hook","codex"]}"#).as_deref(), Some("/n w/state"));
        assert!(found(r#"{"command":"/opt/st hook codex"}"#).is_some());
        for foreign in [
            r#"{"command":"/a/state hook claude"}"#,
            r#"{"command":"/a/other hook codex"}"#,
            r#"{"command":"hook codex"}"#,
            r#"{"command":"'/a/state hook codex"}"#,
            r#"{"command":["/a/state","hook"]}"#,
            r#"{"command":[]}"#,
            r#"{"command":7}"#,
            r#"{"run":"/a/state hook codex"}"#,
        ] {
            assert_eq!(found(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn a_word_passes_through_the_shell() {
        for word in ["/usr/bin/state", "/a b/state", "it's", "", "$HOME/\"x\"", "a\\b", "ü"] {
            assert_eq!(words(&format!("{} tail", shell_quoted(word))).unwrap().0, [word, "tail"], "{word}");
        }
    }
}
