//! When it is faster to list a prefix than to catch up with it by its watch.

/// A gap of as many revisions is caught up by the watch in any case.
const SMALL: u64 = 10_000;

/// Returns `true` if a copy of `keys` keys which is `behind` revisions late should be listed.
///
/// A server reads a backlog in batches of 1,000 revisions, for each of which it scans all that is left
/// while writers wait (etcd #22264), so the time grows with the square of the gap. A list takes a time that
/// grows with the number of keys.
pub(crate) fn is_too_far(behind: u64, keys: u64) -> bool {
    behind > SMALL.max(keys / 2)
}

#[cfg(test)]
mod tests {
    use super::is_too_far;

    #[test]
    fn large_prefixes_are_caught_up_longer() {
        assert!(!is_too_far(0, 0));
        assert!(!is_too_far(10_000, 5));
        assert!(is_too_far(10_001, 5));
        assert!(is_too_far(10_001, 20_000));
        assert!(!is_too_far(50_000, 100_000));
        assert!(is_too_far(50_001, 100_000));
        assert!(is_too_far(u64::MAX, u64::MAX));
    }
}
