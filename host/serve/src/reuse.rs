//! The number of requests that an instance of a guest answers.

use std::num::{NonZeroU32, ParseIntError};
use std::str::FromStr;
use std::time::Duration;

/// The number of requests that an instance of a guest answers, one after the other or several at a
/// time. See [`HandlerOptions::reuse`](crate::HandlerOptions::reuse).
///
/// ```
/// use localmap_serve::Reuse;
///
/// assert_eq!("128,16".parse(), Ok(Reuse::new(128).concurrent(16)));
/// assert_eq!("128".parse(), Ok(Reuse::new(128)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reuse {
    requests: NonZeroU32,
    concurrent: NonZeroU32,
    idle_timeout: Duration,
}

impl Reuse {
    /// Lets an instance answer this number of requests, one after the other. 0 is taken for 1.
    pub fn new(requests: u32) -> Self {
        Self {
            requests: at_least_one(requests),
            concurrent: NonZeroU32::MIN,
            idle_timeout: Duration::from_secs(1),
        }
    }

    /// Sets the maximum number of requests that an instance answers at a time. 0 is taken for 1.
    /// Default 1. A guest of WASI 0.2 answers one at a time.
    #[must_use]
    pub fn concurrent(mut self, requests: u32) -> Self {
        self.concurrent = at_least_one(requests);
        self
    }

    /// Sets how long an instance without a request is kept. Default 1 second.
    ///
    /// ```
    /// use localmap_serve::Reuse;
    /// use std::time::Duration;
    ///
    /// let reuse = Reuse::new(128).idle_timeout(Duration::from_secs(10));
    /// ```
    #[must_use]
    pub fn idle_timeout(mut self, timeout: Duration) -> Self {
        self.idle_timeout = timeout;
        self
    }

    pub(crate) fn max_requests(self) -> u32 {
        self.requests.get()
    }

    pub(crate) fn max_concurrent(self) -> u32 {
        self.concurrent.get()
    }

    pub(crate) fn idle(self) -> Duration {
        self.idle_timeout
    }
}

fn at_least_one(requests: u32) -> NonZeroU32 {
    NonZeroU32::new(requests).unwrap_or(NonZeroU32::MIN)
}

/// The error returned if a string is not a [`Reuse`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseReuseError {
    /// The string is not one or two numbers.
    #[error("expected N or N,M, such as 128 or 128,16: requests of an instance, and at a time")]
    #[non_exhaustive]
    Numbers {
        /// The reason.
        source: ParseIntError,
    },
    /// More requests at a time than in all.
    #[error("an instance that answers {requests} requests cannot answer {concurrent} at a time")]
    #[non_exhaustive]
    Concurrent {
        /// The number of requests.
        requests: NonZeroU32,
        /// The number of requests at a time.
        concurrent: NonZeroU32,
    },
}

/// Parses `N` or `N,M`: the number of requests, and how many of them at a time.
impl FromStr for Reuse {
    type Err = ParseReuseError;

    fn from_str(text: &str) -> Result<Self, ParseReuseError> {
        let number = |text: &str| {
            let number = text.parse();
            number.map_err(|source| ParseReuseError::Numbers { source })
        };
        let (requests, concurrent) = match text.split_once(',') {
            Some((requests, concurrent)) => (number(requests)?, number(concurrent)?),
            None => (number(text)?, NonZeroU32::MIN),
        };
        if concurrent > requests {
            return Err(ParseReuseError::Concurrent {
                requests,
                concurrent,
            });
        }
        Ok(Self::new(requests.get()).concurrent(concurrent.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_at_least_one_and_no_more_at_a_time_than_in_all() {
        assert_eq!("1".parse(), Ok(Reuse::new(1)));
        assert_eq!("4,4".parse(), Ok(Reuse::new(4).concurrent(4)));
        for bad in ["", "0", "-1", "1,0", "1,", ",1", "1,1,1", "a", "4294967296"] {
            let error = bad.parse::<Reuse>();
            assert!(
                matches!(error, Err(ParseReuseError::Numbers { .. })),
                "{bad}"
            );
        }
        let error = "2,3".parse::<Reuse>();
        assert!(matches!(error, Err(ParseReuseError::Concurrent { .. })));
    }
}
