//! Counts requests in windows that start with the first request.

use std::time::Duration;

use localmap_client::Error;
#[cfg(not(test))]
use localmap_client::LocalMap;
#[cfg(test)]
use localmap_client::in_process::LocalMap;

/// The longest name of a client, in bytes. It fits into a key.
pub(crate) const MAX_NAME: usize = 120;

pub(crate) struct Limiter {
    map: LocalMap,
    /// Requests allowed in one window.
    pub(crate) limit: u32,
    pub(crate) window: Duration,
}

/// The decision on a request.
#[derive(Debug, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) allowed: bool,
    /// Requests left in the window.
    pub(crate) remaining: u32,
    /// Seconds until the window ends, rounded up and at least 1.
    pub(crate) reset: u64,
}

impl Limiter {
    pub(crate) fn new(limit: u32, window: Duration) -> Self {
        Self {
            map: LocalMap::new(),
            limit,
            window,
        }
    }

    /// Counts a request of `client`, whose name has at most [`MAX_NAME`] bytes. All requests
    /// with `None` are those of one client.
    pub(crate) fn count(&self, client: Option<&[u8]>) -> Result<Verdict, Error> {
        let key = match client {
            Some(name) => [b"client ", name].concat(),
            None => b"nobody".to_vec(),
        };
        // The first request creates the counter with its deadline, and the others keep it.
        let requests = self.map.increment(&key, 1, self.window)?;
        // If the window has ended meanwhile, no time is left.
        let left = self.map.get_entry(&key).and_then(|entry| entry.expires_in);
        let left = left.unwrap_or_default();
        let requests = u32::try_from(requests).unwrap_or(u32::MAX);
        Ok(Verdict {
            allowed: requests <= self.limit,
            remaining: self.limit.saturating_sub(requests),
            reset: (left.as_secs() + u64::from(left.subsec_nanos() > 0)).max(1),
        })
    }
}

#[cfg(test)]
mod tests {
    use localmap_client::in_process::{Limits, ManualClock};

    use super::*;

    fn limiter(clock: &ManualClock) -> Limiter {
        Limiter {
            map: LocalMap::with_clock(Limits::default(), clock).expect("a map"),
            limit: 2,
            window: Duration::from_secs(10),
        }
    }

    fn verdict(allowed: bool, remaining: u32, reset: u64) -> Result<Verdict, Error> {
        Ok(Verdict {
            allowed,
            remaining,
            reset,
        })
    }

    #[test]
    fn a_window_begins_with_the_first_request_and_ends_in_time() {
        let clock = ManualClock::new();
        let limiter = limiter(&clock);
        assert_eq!(limiter.count(Some(b"a")), verdict(true, 1, 10));
        clock.advance(Duration::from_millis(3_500));
        assert_eq!(limiter.count(Some(b"a")), verdict(true, 0, 7));
        assert_eq!(limiter.count(Some(b"a")), verdict(false, 0, 7));
        // Rejected requests do not extend the window.
        clock.advance(Duration::from_millis(6_499));
        assert_eq!(limiter.count(Some(b"a")), verdict(false, 0, 1));
        clock.advance(Duration::from_millis(1));
        assert_eq!(limiter.count(Some(b"a")), verdict(true, 1, 10));
    }

    #[test]
    fn clients_are_counted_separately() {
        let clock = ManualClock::new();
        let limiter = limiter(&clock);
        let long = [b'x'; MAX_NAME];
        for client in [None, Some(&b""[..]), Some(b"nobody"), Some(&long)] {
            assert_eq!(limiter.count(client), verdict(true, 1, 10), "{client:?}");
        }
    }
}
