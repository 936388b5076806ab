//! How long a job will take, from earlier ones with the same label or command.

use super::job::measure::{coarse_span, millis};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Fewer runs than this make a guess.
const RUNS_MIN: usize = 3;
/// The shortest time after which to look again.
const LOOK_MIN: Duration = Duration::from_secs(5);

/// What takes less need not run in the background.
pub const SHORT_MS: u64 = 2000;

/// One earlier run that ended well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Run {
    /// How long it took.
    pub took: Duration,
    /// Its longest silence.
    pub silence: Duration,
}

/// How long it took before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Estimate {
    /// Milliseconds; half of the runs took no longer.
    pub median_ms: u64,
    /// Milliseconds; nine of ten took no longer.
    pub p90_ms: u64,
    /// Milliseconds of the longest silence of any of them.
    pub silence_ms: u64,
    /// How many runs this was made of; 0 of what somebody expects.
    pub runs: usize,
}

impl Estimate {
    /// From runs that ended well, in any order; `None` if there are none.
    #[must_use]
    pub fn of(runs: &[Run]) -> Option<Self> {
        let mut took: Vec<u64> = runs.iter().map(|run| millis(run.took)).collect();
        took.sort_unstable();
        let rank = |percent: usize| took.get((took.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        let silence_ms = runs.iter().map(|run| millis(run.silence)).max()?;
        Some(Self { median_ms: rank(50)?, p90_ms: rank(90)?, silence_ms, runs: runs.len() })
    }

    /// What whoever asked for it expects.
    #[must_use]
    pub fn expected(span: Duration) -> Self {
        Self { median_ms: millis(span), p90_ms: millis(span), silence_ms: u64::MAX, runs: 0 }
    }

    /// When to look again at a job that began at `started`: when half of them would have ended, then nine of ten, then
    /// after a quarter of that again and again.
    #[must_use]
    pub fn look_again(&self, started: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        let soonest = now.checked_add_signed(delta(millis(LOOK_MIN))).unwrap_or(now);
        let after = |ms| started.checked_add_signed(delta(ms)).filter(|time| *time >= soonest);
        let later = || now.checked_add_signed(delta((self.p90_ms / 4).max(millis(LOOK_MIN)))).unwrap_or(now);
        after(self.median_ms).or_else(|| after(self.p90_ms)).unwrap_or_else(later)
    }

    /// After how long it takes more than twice as long as nine of ten did. A guess makes nobody late.
    #[must_use]
    pub fn late_after(&self) -> Option<Duration> {
        let limit = self.p90_ms.saturating_mul(2).max(millis(LOOK_MIN));
        (!self.is_rough()).then_some(Duration::from_millis(limit))
    }

    /// After how long a silence is longer than in any run before.
    #[must_use]
    pub fn silent_after(&self) -> Option<Duration> {
        let is_known = !self.is_rough() && self.runs > 0;
        is_known.then_some(Duration::from_millis(self.silence_ms.max(millis(LOOK_MIN))))
    }

    /// Whether it takes longer than [`Estimate::late_after`].
    #[must_use]
    pub fn is_late(&self, elapsed: Duration) -> bool {
        self.late_after().is_some_and(|limit| elapsed > limit)
    }

    /// Whether it is silent for longer than [`Estimate::silent_after`].
    #[must_use]
    pub fn is_too_silent(&self, silence: Duration) -> bool {
        self.silent_after().is_some_and(|limit| silence > limit)
    }

    /// Whether it is so short that nobody need wait for it in the background.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.runs > 0 && self.p90_ms < SHORT_MS
    }

    /// Whether it is made of too few runs to rely on.
    #[must_use]
    pub fn is_rough(&self) -> bool {
        self.runs > 0 && self.runs < RUNS_MIN
    }
}

fn delta(ms: u64) -> TimeDelta {
    i64::try_from(ms).ok().and_then(TimeDelta::try_milliseconds).unwrap_or(TimeDelta::MAX)
}

/// `about 4m10s (1 run)`, `4m10s, 9 of 10 within 6m (12 runs)`.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [median, p90] = [self.median_ms, self.p90_ms].map(|ms| coarse_span(Duration::from_millis(ms)));
        let runs = self.runs;
        match runs {
            0 => write!(f, "{median} (expected)"),
            1 => write!(f, "about {median} (1 run)"),
            _ if self.is_rough() => write!(f, "about {median} ({runs} runs)"),
            _ => write!(f, "{median}, 9 of 10 within {p90} ({runs} runs)"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn estimate(seconds: &[u64]) -> Option<Estimate> {
        let run = |took: &u64| Run { took: Duration::from_secs(*took), silence: Duration::from_secs(took / 2) };
        Estimate::of(&seconds.iter().map(run).collect::<Vec<_>>())
    }

    #[test]
    fn few_runs_are_a_guess() {
        assert_eq!(estimate(&[]), None);
        assert_eq!(estimate(&[250]).unwrap().to_string(), "about 4m10s (1 run)");
        assert_eq!(estimate(&[20, 10]).unwrap().to_string(), "about 10s (2 runs)");
        let ten = estimate(&[1, 2, 3, 4, 50, 60, 70, 80, 90, 1000]).unwrap();
        assert_eq!(ten.to_string(), "50s, 9 of 10 within 1m30s (10 runs)");
        assert_eq!(ten.silence_ms, 500_000);
    }

    #[test]
    fn what_somebody_expects_is_no_guess() {
        let expected = Estimate::expected(Duration::from_mins(20));
        assert_eq!(expected.to_string(), "20m (expected)");
        assert_eq!(expected.late_after(), Some(Duration::from_mins(40)));
        assert_eq!((expected.silent_after(), expected.is_short()), (None, false));
    }

    #[test]
    fn who_is_late_and_when_to_look_again() {
        let usual = estimate(&[10, 10, 10, 20]).unwrap();
        let late = |seconds| usual.is_late(Duration::from_secs(seconds));
        assert_eq!([20, 40, 41].map(late), [false, false, true]);
        assert!(!estimate(&[1]).unwrap().is_late(Duration::from_secs(100)));
        assert!(usual.is_too_silent(Duration::from_secs(11)) && !usual.is_too_silent(Duration::from_secs(10)));
        let start = DateTime::UNIX_EPOCH;
        let look = |after: i64| {
            usual.look_again(start, start + TimeDelta::seconds(after)).signed_duration_since(start).num_seconds()
        };
        assert_eq!([0, 4, 8, 19, 100].map(look), [10, 10, 20, 24, 105]);
    }

    proptest! {
        #[test]
        fn an_estimate_lies_within_the_runs(seconds in prop::collection::vec(0u64..u64::MAX / 1000, 1..40)) {
            let estimate = estimate(&seconds).unwrap();
            let [least, most] = [seconds.iter().min(), seconds.iter().max()].map(|s| s.unwrap() * 1000);
            prop_assert!(least <= estimate.median_ms && estimate.median_ms <= estimate.p90_ms && estimate.p90_ms <= most);
            let _ = (estimate.look_again(DateTime::UNIX_EPOCH, DateTime::<Utc>::MAX_UTC), estimate.to_string());
        }
    }
}
