//! Conversion of durations to the nanoseconds of the protocol.

use std::time::Duration;

/// Returns `duration` in whole nanoseconds, at most `u64::MAX`.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
