//! The limit on the rate of a tenant's operations.

use crate::contract::duration::nanos;
use crate::sync::{AtomicU64, Ordering};
use std::num::NonZeroU32;
use std::time::Duration;

/// A limit on operations: a rate, and a number of operations that may come at once.
///
/// The algorithm is the generic cell rate algorithm of
/// [ITU-T I.371](https://www.itu.int/rec/T-REC-I.371), which needs one time for each tenant. After
/// a burst, one operation is admitted for each period of the rate. Time that passes without
/// operations is saved up, to at most one burst.
///
/// ```
/// use localmap::{RateLimit, TenantClass};
///
/// // A hundred operations a second, and at most twenty at once.
/// let free = TenantClass::new("free").rate_limit(RateLimit::per_second(100).burst(20));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    per_second: u32,
    burst: NonZeroU32,
}

impl RateLimit {
    /// Creates a limit of this many operations a second, with a burst of the same number. 0 counts
    /// as 1. See [`RateLimit`] for an example.
    pub fn per_second(operations: u32) -> Self {
        let burst = NonZeroU32::new(operations).unwrap_or(NonZeroU32::MIN);
        Self {
            per_second: burst.get(),
            burst,
        }
    }

    /// Sets the number of operations that may come at once. Default: the operations of a second. 0
    /// counts as 1. See [`RateLimit`] for an example.
    #[must_use]
    pub fn burst(mut self, operations: u32) -> Self {
        self.burst = NonZeroU32::new(operations).unwrap_or(NonZeroU32::MIN);
        self
    }

    /// Returns the time that some operations take at the rate, in nanoseconds, rounded up.
    fn time_of(self, operations: u32) -> u64 {
        (u64::from(operations) * 1_000_000_000).div_ceil(u64::from(self.per_second))
    }
}

/// The state of the algorithm for one tenant.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    limit: RateLimit,
    /// The time at which all admitted operations are paid for, in nanoseconds of the clock: the
    /// theoretical arrival time of the next one.
    paid_at: AtomicU64,
}

impl RateLimiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        Self {
            limit,
            paid_at: AtomicU64::new(0),
        }
    }

    /// Admits `operations` that come together, or none of them. More than a burst are admitted when
    /// nothing is owed, and are paid for afterwards.
    ///
    /// # Errors
    ///
    /// Returns the time after which they would be admitted, at least 1 ns.
    pub(crate) fn admit(&self, now: Duration, operations: u32) -> Result<(), Duration> {
        let now = nanos(now);
        let cost = self.limit.time_of(operations);
        let saved = self.limit.time_of(self.limit.burst.get());
        let allowed = now.saturating_add(saved.max(cost));
        let mut paid_at = self.paid_at.load(Ordering::Relaxed);
        loop {
            let next = paid_at.max(now).saturating_add(cost);
            if next > allowed {
                return Err(Duration::from_nanos(next - allowed));
            }
            let updated = self.paid_at.compare_exchange_weak(
                paid_at,
                next,
                Ordering::Relaxed,
                Ordering::Relaxed,
            );
            match updated {
                Ok(_) => return Ok(()),
                Err(current) => paid_at = current,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sync::thread;
    use std::sync::Arc;

    const SECOND: Duration = Duration::from_secs(1);

    /// Atomics in unit tests are shuttle's.
    fn once(test: fn()) {
        shuttle::check_random(test, 1);
    }

    #[test]
    fn a_burst_is_admitted_at_once_and_then_one_operation_for_each_period() {
        once(|| {
            let limiter = RateLimiter::new(RateLimit::per_second(10).burst(3));
            for _ in 0..3 {
                assert_eq!(limiter.admit(SECOND, 1), Ok(()));
            }
            let period = Duration::from_millis(100);
            assert_eq!(limiter.admit(SECOND, 1), Err(period));
            let before = SECOND + period - Duration::from_nanos(1);
            assert_eq!(limiter.admit(before, 1), Err(Duration::from_nanos(1)));
            assert_eq!(limiter.admit(SECOND + period, 1), Ok(()));
            assert_eq!(limiter.admit(SECOND + period, 1), Err(period));
        });
    }

    #[test]
    fn the_time_of_an_answer_is_when_the_same_operations_are_admitted() {
        once(|| {
            let limiter = RateLimiter::new(RateLimit::per_second(7).burst(5));
            let mut now = Duration::ZERO;
            for operations in [1, 5, 2, 4, 3, 1, 9, 1] {
                while let Err(after) = limiter.admit(now, operations) {
                    let early = now + after - Duration::from_nanos(1);
                    assert!(limiter.admit(early, operations).is_err());
                    now += after;
                }
            }
        });
    }

    #[test]
    fn time_without_operations_saves_up_one_burst_and_no_more() {
        once(|| {
            let limiter = RateLimiter::new(RateLimit::per_second(10).burst(3));
            assert_eq!(limiter.admit(1_000 * SECOND, 3), Ok(()));
            assert!(limiter.admit(1_000 * SECOND, 1).is_err());
        });
    }

    #[test]
    fn in_the_long_run_no_more_operations_than_the_rate_are_admitted() {
        once(|| {
            let limiter = RateLimiter::new(RateLimit::per_second(100).burst(10));
            let times = (0..10_000).map(Duration::from_millis);
            let admitted = times.filter(|now| limiter.admit(*now, 1).is_ok()).count();
            assert!((1_000..=1_010).contains(&admitted), "{admitted}");
        });
    }

    #[test]
    fn more_than_a_burst_is_admitted_alone_and_paid_for_afterwards() {
        once(|| {
            let limiter = RateLimiter::new(RateLimit::per_second(10).burst(2));
            assert_eq!(limiter.admit(SECOND, 20), Ok(()));
            assert_eq!(limiter.admit(SECOND, 1), Err(SECOND + 9 * SECOND / 10));
        });
    }

    #[test]
    fn no_rate_and_no_time_is_an_overflow() {
        once(|| {
            for rate in [0, 1, u32::MAX] {
                let limiter = RateLimiter::new(RateLimit::per_second(rate).burst(u32::MAX));
                for now in [Duration::ZERO, SECOND, Duration::MAX] {
                    // Whatever the answer is, it is one.
                    let _ = limiter.admit(now, u32::MAX);
                }
            }
        });
    }

    #[test]
    fn a_clock_that_steps_back_admits_nothing_more() {
        once(|| {
            let limiter = RateLimiter::new(RateLimit::per_second(1).burst(1));
            assert_eq!(limiter.admit(10 * SECOND, 1), Ok(()));
            assert_eq!(limiter.admit(9 * SECOND, 1), Err(2 * SECOND));
        });
    }

    #[test]
    fn threads_together_get_one_burst() {
        let explore = || {
            let limiter = Arc::new(RateLimiter::new(RateLimit::per_second(1).burst(3)));
            let threads = [(); 3].map(|()| {
                let limiter = Arc::clone(&limiter);
                thread::spawn(move || {
                    let admitted = (0..2).filter(|_| limiter.admit(SECOND, 1).is_ok());
                    admitted.count()
                })
            });
            let admitted: usize = threads
                .map(|thread| thread.join().expect("no panic"))
                .iter()
                .sum();
            assert_eq!(admitted, 3);
        };
        shuttle::check_random(explore, 1_000);
    }
}
