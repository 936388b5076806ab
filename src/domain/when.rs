//! Times and durations as people and agents write them, and ages as people read them.
//!
//! All dates without an offset are UTC: a store is shared by machines, and the same text must mean the same everywhere.

use super::text::quoted;
use crate::error::{Error, Result};
use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

const HINT: &str =
    "write 7d, 36h, 90m, 2w, today, yesterday, last week, 2026-11-21, 2026-11, 2026-11-21 14:00 or an RFC 3339 time";
const HINT_FUTURE: &str = "write 3d, 2h, 1w, tomorrow, 2026-11-21, 2026-11-21 14:00 or an RFC 3339 time";
const HINT_DURATION: &str = "write a number and a unit: 90s, 15m, 36h, 7d, 2w";

/// A point in time, relative forms counted back from `now`: `7d` is seven days ago, `yesterday` its first moment, `last week` and
/// `this month` the first moment of theirs (weeks begin on Monday), `2026-11` the first of that month.
///
/// # Errors
/// `Usage` if `text` is no such form or lies outside the years that can be represented.
pub fn parse_time(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    let text = text.trim();
    let length = text.strip_suffix("ago").unwrap_or(text);
    let relative = parse_duration(length).ok().and_then(|delta| now.checked_sub_signed(delta));
    relative
        .or_else(|| day_word(text, now))
        .or_else(|| period(text, now))
        .or_else(|| absolute(text))
        .filter(|time| is_writable(*time))
        .ok_or_else(|| Error::usage(format!("not a time: {}", quoted(text))).hint(HINT))
}

/// A point in time, relative forms counted forward from `now`: `3d` is in three days, `tomorrow` its first moment.
///
/// # Errors
/// `Usage` if `text` is no such form or lies outside the years that can be represented.
pub fn parse_future(text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>> {
    let text = text.trim();
    let relative = parse_duration(text).ok().and_then(|delta| now.checked_add_signed(delta));
    relative
        .or_else(|| day_word(text, now))
        .or_else(|| absolute(text))
        .filter(|time| is_writable(*time))
        .ok_or_else(|| Error::usage(format!("not a time: {}", quoted(text))).hint(HINT_FUTURE))
}

/// A length of time: a whole number and a unit from seconds to weeks.
///
/// # Errors
/// `Usage` if `text` is no such form or too long to represent.
pub fn parse_duration(text: &str) -> Result<TimeDelta> {
    let wrong = || Error::usage(format!("not a duration: {}", quoted(text))).hint(HINT_DURATION);
    let trimmed = text.trim();
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = trimmed.split_at(digits);
    let seconds = unit_seconds(unit.trim()).ok_or_else(wrong)?;
    let number: i64 = number.parse().map_err(|_| wrong())?;
    number.checked_mul(seconds).and_then(TimeDelta::try_seconds).ok_or_else(wrong)
}

fn unit_seconds(unit: &str) -> Option<i64> {
    Some(match unit {
        "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hour" | "hours" => 3600,
        "d" | "day" | "days" => 86_400,
        "w" | "week" | "weeks" => 604_800,
        _ => return None,
    })
}

fn day_word(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let today = now.date_naive();
    let day = match text.to_ascii_lowercase().as_str() {
        "now" => return Some(now),
        "today" => today,
        "yesterday" => today.checked_sub_days(Days::new(1))?,
        "tomorrow" => today.checked_add_days(Days::new(1))?,
        _ => return None,
    };
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

/// The first moment of `this week`, `last-month` and the like.
fn period(text: &str, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let text = text.to_ascii_lowercase().replace(['-', '_'], " ");
    let (which, unit) = text.split_once(' ')?;
    let back = match which {
        "this" => 0,
        "last" => 1,
        _ => return None,
    };
    let today = now.date_naive();
    let day = match unit {
        "week" => today.checked_sub_days(Days::new(u64::from(today.weekday().num_days_from_monday()) + 7 * back))?,
        "month" => today.with_day(1)?.checked_sub_months(Months::new(u32::try_from(back).ok()?))?,
        "year" => today.with_day(1)?.with_month(1)?.checked_sub_months(Months::new(u32::try_from(12 * back).ok()?))?,
        _ => return None,
    };
    Some(day.and_time(NaiveTime::MIN).and_utc())
}

/// Whether RFC 3339 has a form for `time`: a year of four digits.
#[must_use]
pub fn is_writable(time: DateTime<Utc>) -> bool {
    (0..=9999).contains(&time.year())
}

fn absolute(text: &str) -> Option<DateTime<Utc>> {
    let rfc3339 = DateTime::parse_from_rfc3339(text).ok().map(|time| time.to_utc());
    rfc3339.or_else(|| without_offset(text)).filter(|time| is_writable(*time))
}

fn without_offset(text: &str) -> Option<DateTime<Utc>> {
    let formats = ["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"];
    let minute = formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
    let day = || NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN));
    minute.or_else(day).or_else(|| month(text)).map(|time| time.and_utc())
}

/// The first moment of a month: `2026-11`.
fn month(text: &str) -> Option<NaiveDateTime> {
    let (year, month) = text.split_once('-').filter(|_| text.len() == "2026-11".len())?;
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let day = (digits(year) && digits(month)).then(|| format!("{text}-01"))?;
    NaiveDate::parse_from_str(&day, "%Y-%m-%d").ok().map(|day| day.and_time(NaiveTime::MIN))
}

/// How long before `now` something was, coarsely: `now`, `5 m`, `3 h`, `12 d`, `5 w`, `2 y`. The future is `now`.
#[must_use]
pub fn age(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let minutes = now.signed_duration_since(then).num_minutes();
    let (hours, days) = (minutes / 60, minutes / 1440);
    match () {
        () if minutes < 1 => "now".to_owned(),
        () if hours < 1 => format!("{minutes} m"),
        () if days < 1 => format!("{hours} h"),
        () if days < 21 => format!("{days} d"),
        () if days < 365 => format!("{} w", days / 7),
        () => format!("{} y", days / 365),
    }
}

/// The same as a phrase: `just now`, `3 h ago`.
#[must_use]
pub fn ago(then: DateTime<Utc>, now: DateTime<Utc>) -> String {
    match age(then, now).as_str() {
        "now" => "just now".to_owned(),
        age => format!("{age} ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn now() -> DateTime<Utc> {
        "2026-11-21T14:30:00Z".parse().unwrap()
    }

    fn past(text: &str) -> String {
        parse_time(text, now()).map_or_else(|error| error.to_string(), |time| time.to_rfc3339())
    }

    #[test]
    fn times_of_the_past() {
        let table = [
            ("7d", "2026-11-14T14:30:00+00:00"),
            ("36h", "2026-11-20T02:30:00+00:00"),
            ("90m", "2026-11-21T13:00:00+00:00"),
            (" 2w ", "2026-11-07T14:30:00+00:00"),
            ("2 days", "2026-11-19T14:30:00+00:00"),
            ("today", "2026-11-21T00:00:00+00:00"),
            ("Yesterday", "2026-11-20T00:00:00+00:00"),
            ("2 days ago", "2026-11-19T14:30:00+00:00"),
            ("this week", "2026-11-16T00:00:00+00:00"),
            ("last-week", "2026-11-09T00:00:00+00:00"),
            ("Last month", "2026-10-01T00:00:00+00:00"),
            ("last_year", "2025-01-01T00:00:00+00:00"),
            ("2026-11", "2026-11-01T00:00:00+00:00"),
            ("2026-11-21", "2026-11-21T00:00:00+00:00"),
            ("2026-11-21 14:00", "2026-11-21T14:00:00+00:00"),
            ("2026-11-21T14:00", "2026-11-21T14:00:00+00:00"),
            ("2026-11-21T14:00:05+02:00", "2026-11-21T12:00:05+00:00"),
        ];
        for (text, expected) in table {
            assert_eq!(past(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_told() {
        for text in [
            "",
            "d",
            "soon",
            "7",
            "-7d",
            "2026-13",
            "last",
            "last decade",
            "ago",
            "2026-13-01",
            "2026-02-30",
            "-2026-11-21",
            "+12026-11-21 10:00",
            "0000-01-01T00:00:00+01:00",
            "99999999999999999999d",
            "9999999999w",
            "1é",
        ] {
            assert_eq!(past(text), format!("not a time: `{text}`"));
        }
    }

    #[test]
    fn times_to_come() {
        let future = |text| parse_future(text, now()).unwrap().to_rfc3339();
        assert_eq!(future("3d"), "2026-11-24T14:30:00+00:00");
        assert_eq!(future("2h"), "2026-11-21T16:30:00+00:00");
        assert_eq!(future("tomorrow"), "2026-11-22T00:00:00+00:00");
        assert_eq!(future("2027-01-01"), "2027-01-01T00:00:00+00:00");
        for too_far in ["9223372036854775w", "9999999d"] {
            assert!(parse_future(too_far, now()).is_err());
        }
    }

    #[test]
    fn ages_are_coarse() {
        let table = [
            (0, "now"),
            (-500, "now"),
            (5, "5 m"),
            (180, "3 h"),
            (12 * 1440, "12 d"),
            (35 * 1440, "5 w"),
            (730 * 1440, "2 y"),
        ];
        for (minutes, expected) in table {
            assert_eq!(age(now() - TimeDelta::minutes(minutes), now()), expected);
        }
        assert_eq!(age(DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC), "524634 y");
    }

    proptest! {
        #[test]
        fn any_text_is_a_time_or_an_error(text in any::<String>(), number in any::<u64>(), unit in "[smhdwy]") {
            for text in [text, format!("{number}{unit}")] {
                for edge in [now(), DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC] {
                    let _ = (parse_time(&text, edge), parse_future(&text, edge), parse_duration(&text));
                }
            }
        }
    }
}
