//! Durations in buckets, and their quantiles.

use std::collections::BTreeMap;

/// The number of durations in each bucket. Those of 0 are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Histogram(BTreeMap<usize, u64>);

impl Histogram {
    /// Adds durations: the index of each bucket, and its count.
    pub(super) fn add(&mut self, buckets: &[(usize, u64)]) {
        for (bucket, count) in buckets {
            let total = self.0.entry(*bucket).or_default();
            *total = total.saturating_add(*count);
        }
    }

    /// Returns the durations that have been added since `earlier`.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        let grown = self.0.iter().map(|(bucket, count)| {
            let before = earlier.0.get(bucket).copied().unwrap_or_default();
            (*bucket, count.saturating_sub(before))
        });
        Self(grown.filter(|(_, count)| *count > 0).collect())
    }

    /// Returns the duration below which the share `q` of all durations lies, in nanoseconds; `None` if
    /// there are none. `bounds` are the upper bounds of the buckets.
    ///
    /// Durations are taken to be spread evenly within their bucket, and those in the bucket without a
    /// bound to lie at its lower end, as in Prometheus.
    pub(super) fn quantile(&self, q: f64, bounds: &[u64]) -> Option<f64> {
        let total: u64 = self
            .0
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count));
        let rank = q * total as f64;
        let mut below = 0.0;
        for (bucket, count) in &self.0 {
            let count = *count as f64;
            if below + count >= rank {
                let lower = bucket.checked_sub(1).and_then(|lower| bounds.get(lower));
                // A bucket that no bound belongs to lies above them all.
                let lower = match bucket {
                    0 => 0.0,
                    _ => *lower.or(bounds.last())? as f64,
                };
                let upper = bounds.get(*bucket).map_or(lower, |upper| *upper as f64);
                return Some(lower + (upper - lower) * ((rank - below) / count));
            }
            below += count;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: [u64; 3] = [100, 200, 400];

    fn of(buckets: &[(usize, u64)]) -> Histogram {
        let mut histogram = Histogram::default();
        histogram.add(buckets);
        histogram
    }

    #[test]
    fn a_quantile_lies_within_its_bucket() {
        let durations = of(&[(0, 50), (1, 40), (2, 10)]);
        assert_eq!(durations.quantile(0.5, &BOUNDS), Some(100.0));
        assert_eq!(durations.quantile(0.7, &BOUNDS), Some(150.0));
        assert_eq!(durations.quantile(0.99, &BOUNDS), Some(380.0));
        assert_eq!(durations.quantile(0.0, &BOUNDS), Some(0.0));
        assert_eq!(durations.quantile(1.0, &BOUNDS), Some(400.0));
    }

    #[test]
    fn durations_above_all_bounds_lie_at_the_last_one() {
        assert_eq!(of(&[(3, 1)]).quantile(0.5, &BOUNDS), Some(400.0));
        assert_eq!(of(&[(99, 1)]).quantile(0.5, &BOUNDS), Some(400.0));
        assert_eq!(of(&[(99, 1)]).quantile(0.5, &[]), None);
    }

    #[test]
    fn without_durations_there_is_no_quantile() {
        assert_eq!(of(&[]).quantile(0.5, &BOUNDS), None);
        let same = of(&[(1, 7)]);
        assert_eq!(same.since(&same).quantile(0.5, &BOUNDS), None);
    }

    #[test]
    fn only_what_was_added_counts() {
        let earlier = of(&[(0, 1_000)]);
        let now = of(&[(0, 1_000), (2, 2)]);
        assert_eq!(now.since(&earlier), of(&[(2, 2)]));
        assert_eq!(now.since(&earlier).quantile(0.5, &BOUNDS), Some(300.0));
    }

    #[test]
    fn huge_counts_do_not_overflow() {
        let huge = of(&[(0, u64::MAX), (1, u64::MAX), (1, 5)]);
        assert_eq!(huge.quantile(0.25, &BOUNDS).map(f64::is_finite), Some(true));
    }
}
