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

/// The request in a user's message; `None` if nothing of it was asked by a person.
pub(super) fn request(text: &str) -> Option<String> {
    let left = without_injected(text);
    let left = left.trim();
    let is_foreign = NOT_ASKED.iter().chain(&SUMMARIES).any(|opening| left.starts_with(opening));
    (!left.is_empty() && !is_foreign).then(|| left.to_owned())
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
        match element(rest) {
            Some(after) => rest = after,
            None => {
                left.push('<');
                rest = &rest[1..];
            }
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
    fn a_summary_is_told_apart_and_undressed() {
        let claude = "This session is being continued from a previous conversation.\n\n<system-reminder>x</system-reminder>\nSummary:\n1. Pending: docs\n\nIf you need specific details from before compaction, read it.";
        assert_eq!(summary(claude).as_deref(), Some("1. Pending: docs"));
        assert_eq!(request(claude), None);
        assert_eq!(summary("fix it"), None);
    }
}
