//! The end of a map: what killed it, and when.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use wasmtime::Trap;

/// The map is dead, and what it held is gone: its memory has been given back. Make
/// another one.
#[derive(Debug, Clone)]
pub struct MapTerminated(Arc<Death>);

#[derive(Debug)]
struct Death {
    cause: TerminationCause,
    at: SystemTime,
}

impl MapTerminated {
    /// Of this cause, now.
    pub(crate) fn of(cause: TerminationCause) -> Self {
        let at = SystemTime::now();
        Self(Arc::new(Death { cause, at }))
    }

    /// What killed the map.
    pub fn cause(&self) -> &TerminationCause {
        &self.0.cause
    }

    /// When it died, by the clock of the system.
    pub fn at(&self) -> SystemTime {
        self.0.at
    }
}

impl fmt::Display for MapTerminated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (cause, at) = (self.cause(), Utc(self.at()));
        write!(f, "the map is dead since {at}: {cause}: make another one")
    }
}

impl std::error::Error for MapTerminated {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // The cause itself is told already.
        std::error::Error::source(self.cause())
    }
}

/// What killed a map.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum TerminationCause {
    /// It trapped: the component has a bug, or lacks room for an argument or an answer.
    #[non_exhaustive]
    Trap {
        /// Which trap.
        trap: Trap,
        /// What Wasmtime says, with the stack of the guest.
        source: Arc<wasmtime::Error>,
    },
    /// It trapped in a call that was refused more memory: see
    /// [`MapOptions::max_memory`](crate::MapOptions::max_memory).
    #[non_exhaustive]
    OutOfMemory {
        /// The most that its store may have, in bytes.
        max: usize,
        /// Which trap.
        trap: Trap,
        /// What Wasmtime says, with the stack of the guest.
        source: Arc<wasmtime::Error>,
    },
    /// A call took longer than
    /// [`MapOptions::call_timeout`](crate::MapOptions::call_timeout).
    #[non_exhaustive]
    TimedOut {
        /// The time that it had.
        limit: Duration,
    },
    /// It was [cancelled](crate::CancelHandle::cancel).
    Cancelled,
    /// It answered what no map may answer, or more than the host takes in one call.
    #[non_exhaustive]
    Fault {
        /// What Wasmtime or this crate says.
        source: Arc<wasmtime::Error>,
    },
    /// A call panicked in the host: in the [`Clock`](crate::Clock) that the map was
    /// given.
    Panicked,
}

impl TerminationCause {
    /// What a call that failed so has died of. `refused`: it was refused memory, as
    /// there may be no more than so much.
    pub(crate) fn of(error: wasmtime::Error, refused: Option<usize>) -> Self {
        if error.is::<Cancelled>() {
            return Self::Cancelled;
        }
        if let Some(TimedOut { limit }) = error.downcast_ref() {
            return Self::TimedOut { limit: *limit };
        }
        let trap = error.downcast_ref::<Trap>().copied();
        let source = Arc::new(error);
        match (trap, refused) {
            (Some(trap), Some(max)) => Self::OutOfMemory { max, trap, source },
            (Some(trap), None) => Self::Trap { trap, source },
            (None, _) => Self::Fault { source },
        }
    }

    /// The trap, if it was one.
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
                write!(f, "it ran out of its memory of {max} bytes")
            }
            Self::TimedOut { limit } => TimedOut { limit: *limit }.fmt(f),
            Self::Cancelled => f.write_str("it was cancelled"),
            // What is around it is the stack of the guest.
            Self::Fault { source } => write!(f, "{}", source.root_cause()),
            Self::Panicked => f.write_str("its clock panicked"),
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
                // What is told already is not told again.
                fault.source().is_some().then_some(fault)
            }
            _ => None,
        }
    }
}

/// It was [cancelled](crate::CancelHandle::cancel).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it was cancelled")]
#[non_exhaustive]
pub struct Cancelled;

/// It ran out of its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it ran out of its time of {limit:?}")]
#[non_exhaustive]
pub struct TimedOut {
    /// The time that it had.
    pub limit: Duration,
}

/// A time as RFC 3339 writes it, to the second.
struct Utc(SystemTime);

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY: u64 = 24 * 60 * 60;
        // A clock before 1970 was never set.
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

/// The date so many days after 1 January 1970.
fn date(days: u64) -> (u64, u64, u64) {
    // Years that begin in March end with the day that leaps. The calendar repeats after
    // 400 of them, of which the first here began in March of the year 0.
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
    fn times_are_told_as_in_calendars() {
        for (seconds, told) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_251_200, "2024-03-01T00:00:00Z"),
            (1_798_761_599, "2026-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(Utc(time).to_string(), told);
        }
    }
}
