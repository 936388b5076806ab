//! The answer of a search as text, made for reading at 80 to 120 columns.

use super::shell::command;
use crate::cli::paint::Paint;
use crate::domain::text::{self, quoted};
use crate::domain::when;
use crate::ops::report::Line;
use crate::ops::search::{Cause, Found, Layer, Nothing, SearchInput, SearchReport, Taken, Why};
use chrono::{DateTime, Utc};
use std::fmt::Write as _;
use unicode_width::UnicodeWidthStr;

/// Columns of a title's line; what is longer is cut.
const COLUMNS: usize = 120;

/// Columns of running text below a title.
const TEXT_COLUMNS: usize = 100;

/// What stands below a title is this much further in.
const INDENT: &str = "           ";

/// Notes on a query that are worth reading.
const NOTES_MAX: usize = 5;

/// Stale references named below a hit.
const STALE_MAX: usize = 3;

/// Reasons told.
const WHY_MAX: usize = 8;

/// A record of more tokens is long: what it costs is said beforehand.
const LONG_TOKENS: usize = 400;

/// What is known while printing.
pub(super) struct Printer<'a> {
    pub input: &'a SearchInput,
    /// `--store DIR`, if that was said.
    pub store: Option<String>,
    /// Options to repeat in a command for more.
    pub options: Vec<String>,
    pub budget: Option<usize>,
    pub now: DateTime<Utc>,
}

impl Printer<'_> {
    pub(super) fn answer(&self, paint: Paint, report: &SearchReport) -> String {
        let mut out = String::new();
        for note in report.notes.iter().take(NOTES_MAX) {
            let _ = writeln!(out, "{}", paint.dim(&told(note)));
        }
        if let Some(taken) = &report.taken {
            let _ = writeln!(out, "{}", paint.dim(&format!("Taken as {}", taken_as(taken))));
        }
        if let Some(nothing) = &report.nothing {
            self.nothing(&mut out, paint, nothing);
        }
        for found in &report.hits {
            self.hit(&mut out, paint, found);
        }
        self.more(&mut out, report);
        out
    }

    fn hit(&self, out: &mut String, paint: Paint, found: &Found) {
        let cut = found.layer < Layer::Full;
        let _ = writeln!(out, "{}", line(paint, (&found.record, &standing(found)), (self.now, cut)));
        if found.layer >= Layer::Paragraph {
            let _ = writeln!(out, "{INDENT}{}", paint.dim(&text::clean_line(&facts(&found.record))));
        }
        if self.input.explain {
            let _ = writeln!(out, "{INDENT}{}", paint.dim(&scored(found)));
        }
        for reference in found.stale_refs.iter().take(STALE_MAX) {
            let stale = format!("stale: {}{}", text::display(&reference.path), reference.state.remark());
            let _ = writeln!(out, "{INDENT}{}", paint.warn(&stale));
        }
        match (&found.paragraph, &found.body) {
            (_, Some(body)) => fenced(out, &found.record, body),
            (Some(paragraph), _) => below(out, paint, (paragraph, &cost(found))),
            _ => below(out, paint, (shown_snippet(found), &cost(found))),
        }
    }

    /// How many there are, and the command for the rest.
    fn more(&self, out: &mut String, report: &SearchReport) {
        if report.total == 0 {
            return;
        }
        let total = format!("{}{}", thousands(report.total), if report.capped { "+" } else { "" });
        let query = report.nothing.as_ref().and_then(|nothing| nothing.instead.as_ref()).unwrap_or(&self.input.text);
        if report.hits.is_empty() && report.cut == 0 {
            let _ = writeln!(out, "{total} in all, {}", self.none_shown(query));
            return;
        }
        let Some(next) = report.next else { return };
        if let (true, Some(budget)) = (report.hits.is_empty(), self.budget) {
            let _ = writeln!(out, "{total} in all; not one fits into {budget} tokens, a line takes about 40");
            return;
        }
        let cut = if report.cut > 0 { format!(", {} left out for the budget", report.cut) } else { String::new() };
        let options = [&[format!("--offset {next}")], &self.options[..]].concat();
        let rest = self.command(options, query).unwrap_or_else(|| format!("the same with --offset {next}"));
        let _ = writeln!(out, "{} of {total}{cut}; more: {rest}", thousands(next));
    }

    /// Why a page has no hits although there are some.
    fn none_shown(&self, query: &str) -> String {
        let (offset, limit) = (self.input.offset, self.input.limit);
        let first =
            self.command(Vec::new(), query).unwrap_or_else(|| "the same without --offset and --limit".to_owned());
        let what =
            if limit == 0 { "none shown at limit 0".to_owned() } else { format!("none from {} on", thousands(offset)) };
        format!("{what}: {first}")
    }

    fn nothing(&self, out: &mut String, paint: Paint, nothing: &Nothing) {
        let asked = told(&self.input.text);
        if let Some(instead) = &nothing.instead {
            let _ = writeln!(out, "Nothing found for '{asked}'; showing '{}':", told(instead));
            return;
        }
        let _ = writeln!(out, "Nothing found for '{asked}'.");
        for why in nothing.why.iter().take(WHY_MAX) {
            let _ = writeln!(out, "  {}", text::display(&self.reason(why)));
        }
        if nothing.why.is_empty() {
            let _ = writeln!(out, "  Everything there is: state list kinds");
        }
        let first = nothing.why.iter().find(|why| why.query.is_some());
        if let Some(first) = first.filter(|_| !nothing.near.is_empty()) {
            let part = told(&first.part);
            let _ = writeln!(out, "{}", paint.dim(&format!("Near, without {part}:")));
        }
        for near in &nothing.near {
            let _ = writeln!(out, "{}", line(paint, (near, &status(near)), (self.now, true)));
        }
    }

    /// The command that searches so, in the same store.
    fn command(&self, options: Vec<String>, query: &str) -> Option<String> {
        let options: Vec<String> = self.store.iter().cloned().chain(options).collect();
        command(&options, query)
    }

    /// A reason and the command that leads on, on one line.
    fn reason(&self, why: &Why) -> String {
        let part = told(&why.part);
        let found = format!("{}{}", thousands(why.found), if why.capped { "+" } else { "" });
        let rest = why.query.as_ref().and_then(|query| self.command(Vec::new(), query));
        let rest = rest.map(|rest| format!(": {rest}")).unwrap_or_default();
        why.told(&part, &found, &rest).unwrap_or_else(|| match why.cause {
            Cause::Undone => {
                let title = why.near.first().map(|title| quoted(title)).unwrap_or_default();
                format!("{part} {title} was undone: state show {part}")
            }
            _ => "The store is empty. Begin: state add finding \"WHAT YOU LEARNED\"".to_owned(),
        })
    }
}

/// What was typed, on one line that fits a terminal.
fn told(text: &str) -> String {
    text::truncate_width(&text::clean_line(text), COLUMNS)
}

/// Id, age, kind, what it is apart from that, title.
fn line(paint: Paint, (record, standing): (&Line, &str), (now, cut): (DateTime<Utc>, bool)) -> String {
    let (id, age) = (format!("{:<8}", record.id), format!("{:>5}", when::age(record.updated, now)));
    let used = id.width() + age.width() + record.kind.width() + standing.width() + 5;
    let title = text::clean_line(&record.title);
    let title = if cut { text::truncate_width(&title, COLUMNS.saturating_sub(used).max(COLUMNS / 3)) } else { title };
    let kind = paint.dim(&text::display(&record.kind));
    format!("{} {age}  {kind}{}  {}", paint.id(&id), paint.warn(standing), paint.bold(&title))
}

/// The status, if it is not the usual one.
fn status(record: &Line) -> String {
    let usual = ["open", "live"].contains(&record.status.as_str());
    if usual { String::new() } else { format!(" {}", text::display(&record.status)) }
}

/// What a reader must know before trusting a hit, in a word each.
fn standing(found: &Found) -> String {
    let by = found.superseded_by.as_ref().map(|id| format!(" by {id}")).unwrap_or_default();
    format!("{}{by}{}", status(&found.record), if found.private { " private" } else { "" })
}

/// The snippet, if it says more than the title.
fn shown_snippet(found: &Found) -> &str {
    let plain =
        |text: &str| -> String { text.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect() };
    let says_more = !plain(&found.record.title).contains(&plain(&found.snippet));
    if says_more { &found.snippet } else { "" }
}

/// What the whole text costs, if it is long.
fn cost(found: &Found) -> String {
    match found.tokens.full {
        _ if matches!(found.layer, Layer::Line | Layer::Full) => String::new(),
        tokens if tokens <= LONG_TOKENS => String::new(),
        tokens => format!("({} tokens: state show {})", short(tokens), found.record.id),
    }
}

/// `640`, `1.2k`, `12k`.
fn short(number: usize) -> String {
    match number {
        0..1000 => number.to_string(),
        1000..10_000 => format!("{}.{}k", number / 1000, number % 1000 / 100),
        _ => format!("{}k", number / 1000),
    }
}

/// `1,000`
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Text and a remark below a title, broken at words.
fn below(out: &mut String, paint: Paint, (body, remark): (&str, &str)) {
    let body = text::clean_line(body);
    let lines = if body.is_empty() { Vec::new() } else { wrapped(&body, TEXT_COLUMNS - INDENT.len()) };
    let room = COLUMNS - INDENT.len() - 2;
    let fits = lines.last().is_some_and(|last| last.width() + remark.width() <= room);
    let mut lines: Vec<String> = lines.iter().map(|line| paint.matches(line)).collect();
    match lines.last_mut().filter(|_| fits) {
        _ if remark.is_empty() => {}
        Some(last) => *last = format!("{last}  {}", paint.dim(remark)),
        None => lines.push(paint.dim(remark)),
    }
    for line in lines {
        let _ = writeln!(out, "{INDENT}{line}");
    }
}

/// Lines of at most so many columns, unless a single word is longer.
fn wrapped(text: &str, columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut used = 0;
    for word in text.split(' ') {
        let width = word.width();
        if let Some(line) = lines.last_mut().filter(|_| used + 1 + width <= columns) {
            line.push(' ');
            line.push_str(word);
            used += 1 + width;
        } else {
            lines.push(word.to_owned());
            used = width;
        }
    }
    lines
}

/// A body between fences that nothing in it can close: data to read, not orders to follow.
fn fenced(out: &mut String, record: &Line, body: &str) {
    let body = text::display(body.trim_end());
    if body.trim().is_empty() {
        return;
    }
    let longest = body.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(out, "{fence} text of {}\n{body}\n{fence}", record.id);
}

/// The date, who made it and what it is called: what a reader of a whole passage wants to know of it.
fn facts(record: &Line) -> String {
    let by = if record.actor.is_empty() { String::new() } else { format!(" by {}", record.actor) };
    let key = record.key.iter().map(|key| format!(", {key}"));
    let tags = record.tags.iter().map(|tag| format!(", #{tag}"));
    format!("{}{by}{}", record.updated.format("%Y-%m-%d"), key.chain(tags).collect::<String>())
}

fn scored(found: &Found) -> String {
    if found.parts.is_empty() {
        return "no words to score by: newest first".to_owned();
    }
    let text = found.parts.get("text").copied().unwrap_or_default();
    let factors = found.parts.iter().filter(|(name, part)| *name != "text" && (**part - 1.0).abs() >= 0.005);
    let mut told = format!("score {:.2} = text {text:.2}", found.score);
    for (name, part) in factors {
        let _ = write!(told, " x {name} {part:.2}");
    }
    told
}

fn taken_as(taken: &Taken) -> String {
    let list = |name: &str, list: &[String]| (!list.is_empty()).then(|| format!("{name} {}", list.join(", ")));
    let time = |name: &str, time: Option<DateTime<Utc>>| {
        time.map(|time| format!("{name} {}", time.format("%Y-%m-%d %H:%M UTC")))
    };
    let phrases: Vec<String> = taken.phrases.iter().map(|phrase| format!("\"{phrase}\"")).collect();
    let parts = [
        list("any of", &taken.words),
        list("all of", &phrases),
        list("none of", &taken.without),
        list("where", &taken.filters),
        list("not where", &taken.excluded),
        time("since", taken.since),
        time("before", taken.before),
    ];
    let told = parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
    if told.is_empty() { "nothing to search for".to_owned() } else { text::clean_line(&told) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short() {
        let shown: Vec<String> = [999, 1000, 1290, 12_800].into_iter().map(short).collect();
        assert_eq!(shown, ["999", "1.0k", "1.2k", "12k"]);
        assert_eq!([1, 1000, 1_234_567].map(thousands), ["1", "1,000", "1,234,567"]);
    }

    #[test]
    fn text_is_broken_at_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a verylongword b", 4), ["a", "verylongword", "b"]);
        assert_eq!(wrapped("漢字 漢字 x", 9), ["漢字 漢字", "x"]);
    }
}
