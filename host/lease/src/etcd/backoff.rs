//! How long to wait before the next attempt.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The shortest wait.
const FIRST: Duration = Duration::from_millis(50);

/// Waits that double from one failure to the next, and differ from process to process, so that they do not
/// all come back at the same instant.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    max: Duration,
    random: RandomState,
}

impl Backoff {
    /// Creates waits of at most `max`.
    pub(super) fn new(max: Duration) -> Self {
        Self {
            next: FIRST.min(max),
            max,
            random: RandomState::new(),
        }
    }

    /// Begins again with the shortest wait.
    pub(super) fn reset(&mut self) {
        self.next = FIRST.min(self.max);
    }

    /// Returns the next wait: between one half and all of the doubled one before.
    pub(super) fn next(&mut self) -> Duration {
        let full = self.next;
        self.next = (full * 2).min(self.max);
        let random = self.random.hash_one(full);
        self.random = RandomState::new();
        let share = f64::from(u32::try_from(random % 1024).unwrap_or(0)) / 1024.0;
        full / 2 + (full / 2).mul_f64(share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_greatest_and_vary() {
        let max = Duration::from_secs(2);
        let mut backoff = Backoff::new(max);
        let mut full = FIRST;
        for _ in 0..20 {
            let wait = backoff.next();
            assert!(wait >= full / 2 && wait <= full, "{wait:?} of {full:?}");
            full = (full * 2).min(max);
        }
        let waits: Vec<_> = (0..20).map(|_| backoff.next()).collect();
        assert!(waits.windows(2).any(|pair| pair[0] != pair[1]));
        backoff.reset();
        assert!(backoff.next() <= FIRST);
    }

    #[test]
    fn a_greatest_wait_below_the_first_is_kept() {
        let max = Duration::from_millis(10);
        let mut backoff = Backoff::new(max);
        assert!((0..10).all(|_| backoff.next() <= max));
    }
}
