//! Sums of the statistics of maps.

use localmap::Stats;

/// Adds what a map holds, and what it has counted.
pub(crate) fn add(sum: &mut Stats, stats: &Stats) {
    sum.entries += stats.entries;
    sum.bytes += stats.bytes;
    sum.payload += stats.payload;
    sum.overhead += stats.overhead;
    sum.free += stats.free;
    sum.pinned += stats.pinned;
    sum.high_water += stats.high_water;
    add_counts(sum, stats);
}

/// Returns what a map holds, with other counts.
pub(crate) fn with_counts(held: &Stats, counted: &Stats) -> Stats {
    let mut stats = *held;
    for (count, counted) in counts_mut(&mut stats).into_iter().zip(counts(counted)) {
        *count = counted;
    }
    stats
}

/// Adds what a map has counted.
pub(crate) fn add_counts(sum: &mut Stats, stats: &Stats) {
    for (sum, count) in counts_mut(sum).into_iter().zip(counts(stats)) {
        *sum += count;
    }
}

/// Raises each count to that of `last`, if it is less.
pub(crate) fn raise_counts(stats: &mut Stats, last: &Stats) {
    for (count, last) in counts_mut(stats).into_iter().zip(counts(last)) {
        *count = (*count).max(last);
    }
}

/// Subtracts what others have counted, down to 0.
pub(crate) fn subtract_counts(stats: &mut Stats, others: &Stats) {
    for (count, others) in counts_mut(stats).into_iter().zip(counts(others)) {
        *count = count.saturating_sub(others);
    }
}

/// Adds what was counted from `last` to `now`. Counts that are less than before have begun again at 0.
pub(crate) fn add_growth(total: &mut Stats, last: &Stats, now: &Stats) {
    let grown = counts_mut(total).into_iter().zip(counts(last));
    for ((total, last), now) in grown.zip(counts(now)) {
        *total += now.checked_sub(last).unwrap_or(now);
    }
}

fn counts(stats: &Stats) -> [u64; 6] {
    [
        stats.hits,
        stats.misses,
        stats.writes,
        stats.expired,
        stats.evicted,
        stats.refused,
    ]
}

fn counts_mut(stats: &mut Stats) -> [&mut u64; 6] {
    [
        &mut stats.hits,
        &mut stats.misses,
        &mut stats.writes,
        &mut stats.expired,
        &mut stats.evicted,
        &mut stats.refused,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stats(hits: u64, entries: u64) -> Stats {
        let mut stats = Stats::default();
        stats.hits = hits;
        stats.entries = entries;
        stats
    }

    #[test]
    fn counts_that_begin_again_are_added() {
        let mut total = stats(7, 0);
        add_growth(&mut total, &stats(7, 1), &stats(9, 1));
        add_growth(&mut total, &stats(9, 1), &stats(3, 1));
        assert_eq!(total, stats(12, 0));
    }

    #[test]
    fn sums_have_entries_and_counts_have_none() {
        let mut sum = stats(1, 1);
        add(&mut sum, &stats(2, 2));
        assert_eq!(sum, stats(3, 3));
        add_counts(&mut sum, &stats(2, 2));
        raise_counts(&mut sum, &stats(4, 9));
        assert_eq!(sum, stats(5, 3));
        subtract_counts(&mut sum, &stats(6, 1));
        assert_eq!(sum, stats(0, 3));
    }
}
