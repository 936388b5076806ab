//! How near each other the words of a query stand in a record: neighbours of the query that are neighbours of the text.

use super::plan::{Plan, TermNumber};
use super::score::Statistics;

/// What a pair of words that follow each other is worth, as a share of what the more common of them is.
const GAIN: f32 = 0.5;

/// Words further apart are not near.
const WINDOW: u16 = 8;

/// The words of a query that occur anywhere, in its order, with what each is worth.
pub(super) struct Words(Vec<(TermNumber, f32)>);

impl Words {
    pub(super) fn new(plan: &Plan<'_>, statistics: &Statistics<'_>) -> Self {
        let worth = |number: &TermNumber| Some((*number, statistics.rarity(*number)?));
        Self(plan.sequence.iter().filter_map(worth).collect())
    }

    /// Whether there can be pairs at all.
    pub(super) fn have_pairs(&self) -> bool {
        self.0.len() > 1
    }

    /// The words themselves.
    pub(super) fn numbers(&self) -> impl Iterator<Item = TermNumber> {
        self.0.iter().map(|(number, _)| *number)
    }

    /// What the places of the words in a record add to its score; `places` gives those of the n-th word, in order.
    pub(super) fn gain<'a>(&self, places: impl Fn(usize) -> &'a [u32]) -> f32 {
        let pairs = self.0.windows(2).enumerate();
        let gain = pairs.map(|(at, pair)| match distance(places(at), places(at + 1)) {
            Some(distance) if distance <= WINDOW => pair[0].1.min(pair[1].1) / f32::from(distance.max(1)),
            _ => 0.0,
        });
        GAIN * gain.sum::<f32>()
    }
}

/// The least distance between two places of ordered lists, unless it is huge.
fn distance(a: &[u32], b: &[u32]) -> Option<u16> {
    let (mut at, mut other, mut least) = (0, 0, None::<u32>);
    while at < a.len() && other < b.len() {
        let distance = a[at].abs_diff(b[other]);
        least = Some(least.map_or(distance, |least| least.min(distance)));
        if a[at] < b[other] { at += 1 } else { other += 1 }
    }
    u16::try_from(least?).ok()
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn the_least_distance_counts() {
        assert_eq!(distance(&[1, 50], &[40, 49, 90]), Some(1));
        assert_eq!(distance(&[7], &[7]), Some(0));
        assert_eq!(distance(&[], &[1]), None);
    }
}
