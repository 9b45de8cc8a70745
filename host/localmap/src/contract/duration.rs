//! Durations as the contract counts them.

use std::time::Duration;

/// Returns `duration` in whole nanoseconds; what 64 bits cannot hold becomes `u64::MAX`.
pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
