//! Bounds how often something is reported that peers can cause.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Allows some reports in each period, and counts the others.
pub(crate) struct ReportLimiter {
    burst: u32,
    period: Duration,
    state: Mutex<Reports>,
}

struct Reports {
    began: Option<Instant>,
    reported: u32,
    unreported: u64,
}

impl ReportLimiter {
    /// Allows `burst` reports in each `period`.
    pub(crate) fn new(burst: u32, period: Duration) -> Self {
        Self {
            burst,
            period,
            state: Mutex::new(Reports {
                began: None,
                reported: 0,
                unreported: 0,
            }),
        }
    }

    /// Returns `None` if nothing is to be reported now, and otherwise the number of events that have
    /// not been reported since the last report.
    pub(crate) fn admit(&self, now: Instant) -> Option<u64> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let over = |began: Instant| now.saturating_duration_since(began) >= self.period;
        if state.began.is_none_or(over) {
            state.began = Some(now);
            state.reported = 0;
        }
        if state.reported >= self.burst {
            state.unreported = state.unreported.saturating_add(1);
            return None;
        }
        state.reported += 1;
        Some(std::mem::take(&mut state.unreported))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_period_has_its_reports_and_the_first_one_counts_the_others() {
        let (limiter, minute) = (ReportLimiter::new(2, Duration::from_secs(60)), 60);
        let start = Instant::now();
        let at = |seconds| limiter.admit(start + Duration::from_secs(seconds));
        assert_eq!(
            [at(0), at(1), at(2), at(59)],
            [Some(0), Some(0), None, None]
        );
        assert_eq!(
            [at(minute), at(minute), at(minute)],
            [Some(2), Some(0), None]
        );
        assert_eq!(at(2 * minute), Some(1));
    }
}
