//! Conversion of durations and times to the contract's nanoseconds.

use std::time::Duration;

/// Returns `duration` in whole nanoseconds, at most `u64::MAX`.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Returns the time of a clock as its map sees it, which ends one nanosecond before the latest
/// deadline, `u64::MAX`. So an entry that is written at the end has time left.
pub(crate) fn map_time(now: Duration) -> u64 {
    nanos(now).min(u64::MAX - 1)
}
