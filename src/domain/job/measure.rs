//! Lengths of time and amounts of bytes as the options of jobs have them: `90s`, `1h30m`, `64MB`.

use crate::domain::text::quoted;
use crate::error::{Error, Result};
use std::fmt::Write;
use std::time::Duration;

/// Units of time and their milliseconds, the longest first.
const SPANS: [(&str, u64); 6] =
    [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];
/// Units of size and their bytes, the largest first.
const SIZES: [(&str, u64); 4] = [("TB", 1 << 40), ("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)];
/// A hundred years: more is a mistake.
const SPAN_MS_MAX: u64 = 36_525 * 86_400_000;

/// A length of time: `10m`, `2s`, `1h30m`, `250ms`, a plain number of seconds.
///
/// # Errors
/// `Usage` if `text` is no such form, or longer than a hundred years.
pub fn parse_span(text: &str) -> Result<Duration> {
    let wrong = || {
        Error::usage(format!("not a duration: {}", quoted(text))).hint("write a number and a unit: 90s, 10m, 1h30m, 2d")
    };
    let trimmed = text.trim();
    if let Ok(seconds) = trimmed.parse::<u32>() {
        return Ok(Duration::from_secs(u64::from(seconds)));
    }
    let (mut rest, mut total) = (trimmed, 0u64);
    while !rest.is_empty() {
        let (number, unit, behind) = first_part(rest).ok_or_else(wrong)?;
        let unit = span_unit(unit).ok_or_else(wrong)?;
        total = number.checked_mul(unit).and_then(|ms| total.checked_add(ms)).ok_or_else(wrong)?;
        rest = behind;
    }
    if trimmed.is_empty() || total > SPAN_MS_MAX { Err(wrong()) } else { Ok(Duration::from_millis(total)) }
}

/// The number and the unit that `text` starts with, and what follows.
fn first_part(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let rest = rest.trim_start();
    let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (unit, rest) = rest.split_at(letters);
    Some((number.parse().ok()?, unit, rest.trim_start()))
}

fn span_unit(unit: &str) -> Option<u64> {
    let short = match unit {
        "sec" | "secs" | "second" | "seconds" => "s",
        "min" | "mins" | "minute" | "minutes" => "m",
        "hour" | "hours" => "h",
        "day" | "days" => "d",
        "week" | "weeks" => "w",
        unit => unit,
    };
    SPANS.iter().find(|(name, _)| *name == short).map(|(_, ms)| *ms)
}

/// Whole milliseconds; as many as there are numbers if there are more.
#[must_use]
pub fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// The length to the millisecond, as [`parse_span`] reads it: `1h30m`, `2s`, `0s`.
#[must_use]
pub fn print_span(span: Duration) -> String {
    let mut rest = millis(span);
    let mut text = String::new();
    // Nobody thinks of 36 hours in weeks.
    for (unit, ms) in &SPANS[1..] {
        if rest >= *ms {
            let _ = write!(text, "{}{unit}", rest / ms);
            rest %= ms;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// The length as people say it: `1.4s`, `42s`, `4m10s`, `2h5m`, `3d4h`.
#[must_use]
pub fn coarse_span(span: Duration) -> String {
    let ms = millis(span);
    if ms < 10_000 {
        let tenths = (ms + 50) / 100;
        return if tenths.is_multiple_of(10) {
            format!("{}s", tenths / 10)
        } else {
            format!("{}.{}s", tenths / 10, tenths % 10)
        };
    }
    let grain = match ms {
        ..3_600_000 => 1000,
        3_600_000..86_400_000 => 60_000,
        _ => 3_600_000,
    };
    print_span(Duration::from_millis((ms + grain / 2) / grain * grain))
}

/// An amount of bytes: `64MB`, `512k`, `1GiB`, a plain number. All units are powers of 1024.
///
/// # Errors
/// `Usage` if `text` is no such form, or more than 64 bits hold.
pub fn parse_size(text: &str) -> Result<u64> {
    let wrong =
        || Error::usage(format!("not a size: {}", quoted(text))).hint("write a number and a unit: 512KB, 64MB, 1GB");
    let (number, unit, rest) = first_part(text.trim()).ok_or_else(wrong)?;
    let unit = match unit.to_ascii_uppercase().as_str() {
        "" | "B" => 1,
        unit => SIZES.iter().find(|(name, _)| is_size(unit, name)).map(|(_, bytes)| *bytes).ok_or_else(wrong)?,
    };
    number.checked_mul(unit).filter(|_| rest.is_empty()).ok_or_else(wrong)
}

/// `K`, `KB` and `KIB` are the same.
fn is_size(unit: &str, name: &str) -> bool {
    let letter = &name[..1];
    unit == letter || unit == name || unit.strip_prefix(letter) == Some("IB")
}

/// The size as people read it: `64 MB`, `1.4 GB`, `17 bytes`.
#[must_use]
pub fn print_size(bytes: u64) -> String {
    match SIZES.iter().find(|(_, unit)| bytes >= *unit) {
        None => format!("{bytes} bytes"),
        Some((name, unit)) => {
            let (whole, tenth) = (bytes / unit, bytes % unit * 10 / unit);
            if tenth == 0 || whole >= 100 { format!("{whole} {name}") } else { format!("{whole}.{tenth} {name}") }
        }
    }
}
