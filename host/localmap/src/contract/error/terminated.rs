//! The error of a terminated map, with the cause and the time of the termination.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wasmtime::Trap;

/// The error of a terminated map: its entries are lost and its memory has been freed. Create a new
/// map.
///
/// Every operation of a terminated map returns the same cause and time.
///
/// ```
/// use localmap::{Host, MapOptions, TerminationCause};
///
/// let mut map = Host::new()?.map(&MapOptions::new())?;
/// map.cancel_handle().cancel();
/// let terminated = map.get(b"k").unwrap_err();
/// assert!(matches!(terminated.cause(), TerminationCause::Cancelled));
/// println!("{terminated}"); // the map died at 2026-01-01T00:00:00Z: it was cancelled; create a new one
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct MapTerminated(Arc<Termination>);

#[derive(Debug)]
struct Termination {
    cause: TerminationCause,
    at: SystemTime,
}

impl MapTerminated {
    /// Records a termination that happens now.
    pub(crate) fn now(cause: TerminationCause) -> Self {
        let at = SystemTime::now();
        Self(Arc::new(Termination { cause, at }))
    }

    /// Returns the cause of the termination. See [`MapTerminated`] for an example.
    pub fn cause(&self) -> &TerminationCause {
        &self.0.cause
    }

    /// Returns the time of the termination, by the system's wall clock.
    pub fn at(&self) -> SystemTime {
        self.0.at
    }
}

impl fmt::Display for MapTerminated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cause, at) = (self.cause(), Utc(self.at()));
        write!(f, "the map died at {at}: {cause}; create a new one")
    }
}

impl std::error::Error for MapTerminated {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The message already contains the cause itself.
        std::error::Error::source(self.cause())
    }
}

/// The cause of a map's termination. See [`MapTerminated`] for an example.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TerminationCause {
    /// The component trapped: it has a bug, or too little memory for an argument or a result.
    #[non_exhaustive]
    Trap {
        /// The trap.
        trap: Trap,
        /// Wasmtime's error, with the guest's stack.
        source: Arc<wasmtime::Error>,
    },
    /// The component trapped in a call that was denied more memory: see
    /// [`MapOptions::max_memory`](crate::MapOptions::max_memory).
    #[non_exhaustive]
    OutOfMemory {
        /// The limit of its store, in bytes.
        max: usize,
        /// The trap.
        trap: Trap,
        /// Wasmtime's error, with the guest's stack.
        source: Arc<wasmtime::Error>,
    },
    /// A call took longer than
    /// [`MapOptions::call_timeout`](crate::MapOptions::call_timeout).
    #[non_exhaustive]
    TimedOut {
        /// The limit.
        limit: Duration,
    },
    /// The map was [cancelled](crate::CancelHandle::cancel).
    Cancelled,
    /// The component returned a result that the contract does not allow, or more bytes than
    /// [`MapOptions::hostcall_fuel`](crate::MapOptions::hostcall_fuel) allows.
    #[non_exhaustive]
    Fault {
        /// The error, of Wasmtime or of this crate.
        source: Arc<wasmtime::Error>,
    },
    /// The map's [`Clock`](crate::Clock) panicked.
    Panicked,
    /// The map was dropped. Reads of its [`Snapshot`](crate::Snapshot) return this, and operations of
    /// a [`Checkout`](crate::Checkout) whose tenant was removed.
    Dropped,
}

impl TerminationCause {
    /// Returns the cause for a call that failed with `error`. `denied_over` is the memory limit in
    /// bytes, if the call was denied more memory.
    pub(crate) fn of(error: wasmtime::Error, denied_over: Option<usize>) -> Self {
        if error.is::<Cancelled>() {
            return Self::Cancelled;
        }
        if let Some(TimedOut { limit }) = error.downcast_ref() {
            return Self::TimedOut { limit: *limit };
        }
        let trap = error.downcast_ref::<Trap>().copied();
        let source = Arc::new(error);
        match (trap, denied_over) {
            (Some(trap), Some(max)) => Self::OutOfMemory { max, trap, source },
            (Some(trap), None) => Self::Trap { trap, source },
            (None, _) => Self::Fault { source },
        }
    }

    /// Returns the trap, if the component trapped.
    pub fn trap(&self) -> Option<Trap> {
        match self {
            Self::Trap { trap, .. } | Self::OutOfMemory { trap, .. } => Some(*trap),
            _ => None,
        }
    }
}

impl fmt::Display for TerminationCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Trap { trap, .. } => trap.fmt(f),
            Self::OutOfMemory { max, .. } => {
                write!(f, "it exceeded its memory limit of {max} bytes")
            }
            Self::TimedOut { limit } => TimedOut { limit: *limit }.fmt(f),
            Self::Cancelled => f.write_str("it was cancelled"),
            // The outer errors contain the guest's stack.
            Self::Fault { source } => write!(f, "{}", source.root_cause()),
            Self::Panicked => f.write_str("its clock panicked"),
            Self::Dropped => f.write_str("its owner dropped it"),
        }
    }
}

impl std::error::Error for TerminationCause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Trap { source, .. } | Self::OutOfMemory { source, .. } => {
                Some((**source).as_ref())
            }
            Self::Fault { source } => {
                let fault: &(dyn std::error::Error + 'static) = (**source).as_ref();
                // The message already contains the root cause.
                fault.source().is_some().then_some(fault)
            }
            _ => None,
        }
    }
}

/// The error of work that was [cancelled](crate::CancelHandle::cancel).
///
/// A call in a store that [`CancelHandle::guard`](crate::CancelHandle::guard) guards fails
/// with an error that downcasts to this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was cancelled")]
#[non_exhaustive]
pub struct Cancelled;

/// The error of work that exceeded its time limit.
///
/// A call in a store that [`CancelHandle::guard`](crate::CancelHandle::guard) guards fails
/// with an error that downcasts to this type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it exceeded its time limit of {limit:?}")]
#[non_exhaustive]
pub struct TimedOut {
    /// The limit.
    pub limit: Duration,
}

/// Displays a time in the format of RFC 3339, to the second.
struct Utc(SystemTime);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: u64 = 24 * 60 * 60;
        // A clock that shows a time before 1970 was never set.
        let time = self.0.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (days, seconds) = (time.as_secs() / DAY, time.as_secs() % DAY);
        let (year, month, day) = date(days);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// Returns the year, month and day of the date that is `days` days after 1 January 1970.
///
/// The algorithm is Howard Hinnant's
/// [`civil_from_days`](https://howardhinnant.github.io/date_algorithms.html#civil_from_days).
fn date(days: u64) -> (u64, u64, u64) {
    // A year that begins in March ends with the leap day. The calendar repeats every 400
    // years; the first such cycle here began in March of the year 0.
    let days = days + 719_468;
    let (cycle, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = match month {
        0..=9 => (month + 3, 0),
        _ => (month - 9, 1),
    };
    (cycle * 400 + year + next, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_displayed_as_in_calendars() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(Utc(time).to_string(), expected);
        }
    }
}
