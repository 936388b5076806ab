//! How rules look in text: a line when one is made, several in `show`.

use super::paint::Paint;
use crate::domain::text;
use crate::ops::rule::{RuleMade, RuleReport};
use std::fmt::Write as _;

/// What `run --on` says.
pub(super) fn print_made(out: &mut String, paint: Paint, made: &RuleMade) {
    let rule = &made.rule;
    let runs = text::display(rule.label.as_deref().unwrap_or(&rule.command)).into_owned();
    let same = if made.same { " It was there already." } else { "" };
    let when = if rule.on.starts_with("file ") { ", while state list jobs --watch runs" } else { "" };
    let _ = writeln!(out, "{} on {}: {runs}{when}.{same}", paint.id(&rule.id), text::display(&rule.on));
}

/// What `show` adds to a rule's record.
pub(super) fn print_full(out: &mut String, paint: Paint, rule: &RuleReport) {
    let Some(here) = &rule.here else {
        let _ = writeln!(out, "{}", paint.warn("made elsewhere: it runs nothing here"));
        return;
    };
    let _ = writeln!(out, "runs in {}", text::display(&here.cwd.display().to_string()));
    match (&here.job, here.fired) {
        (Some(job), times) => {
            let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
            let _ = writeln!(out, "fired {times}, last {}", paint.id(job));
        }
        (None, _) => out.push_str("has not fired yet\n"),
    }
    if let Some(held) = &here.held {
        let _ = writeln!(out, "{}", paint.warn(&format!("held back: {}", text::display(held))));
    }
}
