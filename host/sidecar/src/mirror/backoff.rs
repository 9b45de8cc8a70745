//! How long a mirror waits that asks for everything again.

use std::time::{Duration, Instant};

/// The time within which a second request counts as repeated.
const WITHIN: Duration = Duration::from_secs(60);

/// The first wait, and the longest one.
const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// The waits of one mirror. Without them, one that refuses all that it is sent would make the server
/// send it in a loop.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    last: Option<Instant>,
    wait: Duration,
}

impl Backoff {
    /// Returns when a request that comes at `now` may be granted: at once, or from the second within a
    /// minute on after 1 s, which doubles with each further one up to 30 s.
    pub(super) fn request(&mut self, now: Instant) -> Instant {
        let repeated = self
            .last
            .is_some_and(|last| now.saturating_duration_since(last) < WITHIN);
        self.wait = match repeated {
            true => (self.wait * 2).clamp(FIRST, LONGEST),
            false => Duration::ZERO,
        };
        self.last = Some(now);
        now + self.wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_requests_wait_longer_and_longer() {
        let (mut backoff, mut now) = (Backoff::default(), Instant::now());
        let waits = [0, 1, 2, 4, 8, 16, 30, 30, 30].map(Duration::from_secs);
        for wait in waits {
            let granted = backoff.request(now);
            assert_eq!(granted - now, wait);
            now = granted;
        }
    }

    #[test]
    fn a_request_after_a_minute_is_a_first_one() {
        let (mut backoff, now) = (Backoff::default(), Instant::now());
        backoff.request(now);
        let soon = now + WITHIN - Duration::from_nanos(1);
        assert_eq!(backoff.request(soon), soon + FIRST);
        let later = soon + WITHIN;
        assert_eq!(backoff.request(later), later);
        assert_eq!(backoff.request(later), later + FIRST);
    }
}
