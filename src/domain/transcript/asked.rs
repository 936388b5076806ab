//! What a person really asked: without what hosts, hooks and commands put into the user's messages.

/// Elements that a host or hook wrote. Everything in them goes, to the end of the text if they are not closed.
const INJECTED: [&str; 26] = [
    "system-reminder",
    "command-name",
    "command-message",
    "command-args",
    "command-contents",
    "local-command-stdout",
    "local-command-stderr",
    "local-command-caveat",
    "bash-input",
    "bash-stdout",
    "bash-stderr",
    "task-notification",
    "user-prompt-submit-hook",
    "ide_opened_file",
    "ide_selection",
    "ide_diagnostics",
    "environment_context",
    "user_instructions",
    "user_shell_command",
    "permissions",
    "turn_aborted",
    "subagent_notification",
    "skill",
    "hook_context",
    "session_context",
    "untrusted_context",
];

/// Commands that a host answers itself, by their first word: nothing is asked of the agent.
const HOST_COMMANDS: [&str; 52] = [
    "about",
    "add-dir",
    "agents",
    "approvals",
    "auth",
    "bashes",
    "clear",
    "compact",
    "compress",
    "config",
    "context",
    "copy",
    "cost",
    "doctor",
    "editor",
    "effort",
    "exit",
    "export",
    "fast",
    "feedback",
    "help",
    "hooks",
    "ide",
    "keymap",
    "login",
    "logout",
    "mcp",
    "memory",
    "model",
    "models",
    "new",
    "output-style",
    "permissions",
    "plugin",
    "privacy-settings",
    "quit",
    "release-notes",
    "rename",
    "resume",
    "rewind",
    "sessions",
    "settings",
    "skills",
    "stats",
    "status",
    "statusline",
    "terminal-setup",
    "theme",
    "themes",
    "upgrade",
    "usage",
    "vim",
];

/// Whole messages that only say that it may go on, in lower case.
const NODS: [&str; 52] = [
    "y",
    "yes",
    "yes please",
    "yep",
    "yeah",
    "ok",
    "okay",
    "k",
    "sure",
    "go",
    "go on",
    "go ahead",
    "go on please",
    "please go on",
    "continue",
    "continue please",
    "please continue",
    "proceed",
    "please proceed",
    "do it",
    "do that",
    "keep going",
    "carry on",
    "next",
    "thanks",
    "thank you",
    "good",
    "great",
    "perfect",
    "lgtm",
    "resume",
    "ja",
    "ja bitte",
    "weiter",
    "mach weiter",
    "bitte weiter",
    "oui",
    "continue stp",
    "si",
    "sí",
    "sigue",
    "да",
    "продължи",
    "продължавай",
    "继续",
    "好",
    "好的",
    "是",
    "可以",
    "はい",
    "続けて",
    "お願いします",
];

/// Whole messages that begin so were not written by a person.
const NOT_ASKED: [&str; 9] = [
    "# AGENTS.md instructions",
    "<INSTRUCTIONS>",
    "Caveat: The messages below",
    "[Request interrupted",
    "[SYSTEM NOTIFICATION",
    "Stop hook feedback",
    "Base directory for this skill:",
    "This session is being continued from",
    "Another language model started to solve",
];

/// Whole messages that begin so are the summary of an earlier part of the conversation.
const SUMMARIES: [&str; 3] =
    ["This session is being continued from", "Another language model started to solve", "<state_snapshot>"];

/// With these words the host goes on behind a summary.
const AFTER_SUMMARY: [&str; 3] = [
    "\nIf you need specific details from before",
    "\nContinue the conversation from where",
    "\nPlease continue the conversation",
];

/// The request in a user's message; `None` if nothing of it was asked by a person, or of the host alone.
#[must_use]
pub fn request(text: &str) -> Option<String> {
    if let Some(command) = command(text) {
        return Some(command);
    }
    let left = without_injected(text);
    let left = left.trim();
    let is_foreign = NOT_ASKED.iter().chain(&SUMMARIES).any(|opening| left.starts_with(opening));
    (!left.is_empty() && !is_foreign && !is_for_host(left)).then(|| left.to_owned())
}

/// Whether a request only says that the one before it may go on.
#[must_use]
pub fn is_nod(request: &str) -> bool {
    let words = request.trim().trim_end_matches(['.', '!', ',', '。', '！']).to_lowercase();
    NODS.contains(&words.replace(',', "").as_str())
}

/// A command of the person's own, as its host writes it down: with what it is about.
fn command(text: &str) -> Option<String> {
    let part = |name: &str| {
        let (_, rest) = text.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0.trim())
    };
    let (name, args) = (part("command-name")?, part("command-args").unwrap_or(""));
    let command = format!("/{} {args}", name.trim_start_matches('/'));
    let command = command.trim_end();
    (command.len() > 1 && !is_for_host(command)).then(|| command.to_owned())
}

/// `/model opus` and `!ls` are over when the host has done them.
fn is_for_host(request: &str) -> bool {
    let Some(line) = request.lines().next().filter(|_| request.lines().count() == 1) else { return false };
    let word = line.strip_prefix('/').and_then(|rest| rest.split_whitespace().next());
    word.is_some_and(|word| HOST_COMMANDS.contains(&word))
        || line.starts_with('!') && !line[1..].starts_with(['!', '['])
}

/// The summary that a user's message carries, if it is one.
pub(super) fn summary(text: &str) -> Option<String> {
    let text = text.trim_start();
    SUMMARIES.iter().any(|opening| text.starts_with(opening)).then(|| undressed(text))
}

/// A summary without what every summary begins with.
pub(super) fn undressed(text: &str) -> String {
    let text = without_injected(text);
    let openings = ["\nSummary:", "with your own analysis:", "<summary>"];
    let start = openings.iter().find_map(|opening| Some(text.find(opening)? + opening.len())).unwrap_or(0);
    let text = &text[start..];
    let end = AFTER_SUMMARY.iter().filter_map(|words| text.find(words)).min().unwrap_or(text.len());
    text[..end].replace("</summary>", "").trim().to_owned()
}

fn without_injected(text: &str) -> String {
    let (mut left, mut rest) = (String::with_capacity(text.len().min(4096)), text);
    while let Some(at) = rest.find('<') {
        left.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = element(rest) {
            rest = after;
        } else {
            left.push('<');
            rest = &rest[1..];
        }
    }
    left + rest
}

/// What follows the injected element with which `text` begins.
fn element(text: &str) -> Option<&str> {
    let inside = &text[1..];
    let len = inside.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '_')).unwrap_or(inside.len());
    let name = &inside[..len];
    if !INJECTED.contains(&name) || !inside[len..].starts_with(['>', ' ', '/']) {
        return None;
    }
    let close = format!("</{name}>");
    Some(text.find(&close).map_or("", |at| &text[at + close.len()..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_person_wrote_is_a_request() {
        let cases = [
            ("fix it", Some("fix it")),
            ("<system-reminder>\nbe brief\n</system-reminder>\nfix it", Some("fix it")),
            ("<hook_context>x</hook_context>\n\nfix it<hook_context>never closed", Some("fix it")),
            ("why is a < b and <T> generic?", Some("why is a < b and <T> generic?")),
            ("<skillful> is no tag of theirs", Some("<skillful> is no tag of theirs")),
            ("<command-name>/clear</command-name> <command-args></command-args>", None),
            ("<command-name>/model</command-name>\n<command-args>opus</command-args>", None),
            (
                "<command-message>fix-issue is running…</command-message>\n<command-name>/fix-issue</command-name>\n<command-args>123 retry on 503</command-args>",
                Some("/fix-issue 123 retry on 503"),
            ),
            ("<command-name>/review</command-name>", Some("/review")),
            ("/fix-issue 123", Some("/fix-issue 123")),
            ("/clear", None),
            ("/compact keep the plan", None),
            (" /exit\n", None),
            ("!ls -la", None),
            ("/etc/hosts is wrong", Some("/etc/hosts is wrong")),
            ("/model opus\nand fix it", Some("/model opus\nand fix it")),
            ("# AGENTS.md instructions for /p\n\n<INSTRUCTIONS>obey</INSTRUCTIONS>", None),
            ("[Request interrupted by user for tool use]", None),
            ("<permissions instructions>\nall\n</permissions instructions>", None),
            ("  \n", None),
        ];
        for (text, asked) in cases {
            assert_eq!(request(text).as_deref(), asked, "{text}");
        }
    }

    #[test]
    fn a_nod_asks_for_nothing_new() {
        for nod in ["yes", "Go on.", "continue please", "Yes, please!", "да", "继续。"] {
            assert!(is_nod(nod), "{nod}");
        }
        for request in ["yes but without the cache", "go on with the docs", "fix it", ""] {
            assert!(!is_nod(request), "{request}");
        }
    }

    #[test]
    fn a_summary_is_told_apart_and_undressed() {
        let claude = "This session is being continued from a previous conversation.\n\n<system-reminder>x</system-reminder>\nSummary:\n1. Pending: docs\n\nIf you need specific details from before compaction, read it.";
        assert_eq!(summary(claude).as_deref(), Some("1. Pending: docs"));
        assert_eq!(request(claude), None);
        assert_eq!(summary("fix it"), None);
    }
}
