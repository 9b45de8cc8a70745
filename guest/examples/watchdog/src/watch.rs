//! Visitors who are not silent: entries that live for the given time after each line.

use std::time::Duration;

#[cfg(not(test))]
use localmap_client::LocalMap;
#[cfg(test)]
use localmap_client::in_process::LocalMap;
use localmap_client::{Error, Version};
use wasip3::clocks::monotonic_clock::wait_for;

pub(crate) struct Watch {
    map: LocalMap,
    silence: Duration,
}

impl Watch {
    pub(crate) fn new(silence: Duration) -> Self {
        Self {
            map: LocalMap::new(),
            silence,
        }
    }

    /// Restarts the time of a visitor. Returns the version of a new entry, whose silence has to be
    /// watched, if the visitor was silent.
    pub(crate) fn see(&self, visitor: u64) -> Result<Option<Version>, Error> {
        let key = visitor.to_le_bytes();
        if self.map.touch(key, self.silence)? {
            return Ok(None);
        }
        self.map.set(key, "", self.silence).map(Some)
    }

    /// Waits until the entry with this version has expired.
    pub(crate) async fn silence_of(&self, visitor: u64, version: Version) {
        while let Some(left) = self.left(visitor, version) {
            wait_for(u64::try_from(left.as_nanos()).unwrap_or(u64::MAX)).await;
        }
    }

    /// Returns the time that an entry will live, if nothing restarts it. Returns `None` if it has
    /// expired, even if the visitor has come back since, and so has a later entry.
    fn left(&self, visitor: u64, version: Version) -> Option<Duration> {
        let entry = self.map.get_entry(visitor.to_le_bytes())?;
        (entry.version == version)
            .then_some(entry.expires_in)
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use localmap_client::in_process::{Limits, ManualClock};

    use super::*;

    #[test]
    fn a_line_restarts_the_time_and_one_after_it_begins_another_silence() {
        let clock = ManualClock::new();
        let seconds = Duration::from_secs;
        let watch = Watch {
            map: LocalMap::with_clock(Limits::default(), &clock).expect("a map"),
            silence: seconds(10),
        };
        let first = watch.see(1).expect("room").expect("it is new");
        clock.advance(seconds(9));
        assert_eq!(watch.left(1, first), Some(seconds(1)));
        assert_eq!(watch.see(1), Ok(None));
        assert_eq!(watch.left(1, first), Some(seconds(10)));
        clock.advance(seconds(10));
        assert_eq!(watch.left(1, first), None);
        let second = watch.see(1).expect("room").expect("it is new");
        assert_eq!(watch.left(1, first), None);
        assert_eq!(watch.left(1, second), Some(seconds(10)));
        assert_eq!(watch.left(2, second), None);
    }
}
