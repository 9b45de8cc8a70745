//! Token buckets without a clock: the state of a bucket is the deadline of its entry.
//!
//! A token that is taken puts the deadline off by the time after which it is refilled. A bucket that
//! is full again is an entry that has expired, so buckets that nobody uses take no memory. This is the
//! generic cell rate algorithm, whose "theoretical arrival time" is the deadline.

use std::time::Duration;

#[cfg(not(test))]
use localmap_client::LocalMap;
#[cfg(test)]
use localmap_client::in_process::LocalMap;
use localmap_client::{Condition, Error};

/// A kind of bucket. Each client has one.
pub(crate) struct Bucket {
    map: LocalMap,
    /// The number of tokens in a full bucket.
    limit: u32,
    /// The time after which a token is refilled.
    interval: Duration,
}

/// The decision on a request.
#[derive(Debug, PartialEq)]
pub(crate) enum Decision {
    /// The request may go on, and leaves this number of tokens.
    Allowed { left: u32 },
    /// There will be enough tokens after this time. None was taken.
    Wait { time: Duration },
}

impl Bucket {
    /// Creates a kind of bucket with `limit` tokens, at least one, which are refilled within `window`.
    pub(crate) fn new(limit: u32, window: Duration) -> Self {
        Self {
            map: LocalMap::new(),
            limit,
            // A deadline of zero would be no deadline.
            interval: (window / limit.max(1)).max(Duration::from_nanos(1)),
        }
    }

    /// Takes `cost` tokens out of the bucket of a client, all or none.
    pub(crate) fn take(&self, client: &str, cost: u32) -> Result<Decision, Error> {
        let key = format!("quota {client}");
        let full = self.interval * self.limit;
        loop {
            // The time after which the bucket is full again.
            let (until_full, condition) = match self.map.get_entry(&key) {
                Some(entry) => {
                    let until_full = entry.expires_in.unwrap_or_default();
                    (until_full, Condition::Version(entry.version))
                }
                None => (Duration::ZERO, Condition::Absent),
            };
            let after = until_full + self.interval * cost;
            if after > full {
                return Ok(Decision::Wait { time: after - full });
            }
            let allowed = Ok(Decision::Allowed {
                left: self.tokens(full - after),
            });
            if cost == 0 {
                return allowed;
            }
            match self.map.set_if(&key, "", after, condition) {
                Ok(_) => return allowed,
                // Another instance was faster, so its request counts first.
                Err(Error::Conflict { .. }) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns how many tokens are refilled within a time.
    fn tokens(&self, time: Duration) -> u32 {
        let tokens = time.as_nanos() / self.interval.as_nanos();
        u32::try_from(tokens).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use localmap_client::in_process::{Limits, ManualClock};

    use super::*;

    fn bucket(clock: &ManualClock) -> Bucket {
        Bucket {
            map: LocalMap::with_clock(Limits::default(), clock).expect("a map"),
            limit: 3,
            interval: Duration::from_secs(10),
        }
    }

    fn allowed(left: u32) -> Result<Decision, Error> {
        Ok(Decision::Allowed { left })
    }

    fn wait(seconds: u64) -> Result<Decision, Error> {
        let time = Duration::from_secs(seconds);
        Ok(Decision::Wait { time })
    }

    #[test]
    fn tokens_are_refilled_one_by_one() {
        let clock = ManualClock::new();
        let bucket = bucket(&clock);
        assert_eq!(bucket.take("a", 2), allowed(1));
        assert_eq!(bucket.take("a", 1), allowed(0));
        assert_eq!(bucket.take("a", 1), wait(10));
        clock.advance(Duration::from_secs(9));
        assert_eq!(bucket.take("a", 1), wait(1));
        clock.advance(Duration::from_secs(1));
        assert_eq!(bucket.take("a", 1), allowed(0));
        clock.advance(Duration::from_secs(20));
        assert_eq!(bucket.take("a", 0), allowed(2));
        assert_eq!(bucket.take("a", 3), wait(10));
        assert_eq!(bucket.take("a", 2), allowed(0), "a refusal takes none");
    }

    #[test]
    fn each_client_has_a_bucket_and_a_full_one_takes_no_memory() {
        let clock = ManualClock::new();
        let bucket = bucket(&clock);
        assert_eq!(bucket.take("a", 3), allowed(0));
        assert_eq!(bucket.take("b", 1), allowed(2));
        assert_eq!(bucket.map.len(), 2);
        clock.advance(Duration::from_secs(10));
        assert_eq!(bucket.map.len(), 1);
        clock.advance(Duration::from_secs(20));
        assert_eq!(bucket.map.len(), 0);
    }

    #[test]
    fn a_window_that_is_too_short_for_its_limit_still_has_deadlines() {
        let bucket = Bucket::new(u32::MAX, Duration::from_nanos(1));
        let Ok(Decision::Allowed { left }) = bucket.take("a", 1) else {
            panic!("the bucket is full");
        };
        assert!(left < u32::MAX);
    }
}
