//! The names that the guest remembers, and for how long.

use std::time::Duration;

use localmap_client::Error;
// The map of the host. A test has no host, so it uses the same map in its own process.
#[cfg(not(test))]
use localmap_client::LocalMap;
#[cfg(test)]
use localmap_client::in_process::LocalMap;

/// How long a name is counted, starting with its first occurrence.
const WINDOW: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Seen {
    map: LocalMap,
}

impl Seen {
    /// Counts a name and returns the number of its occurrences within its window.
    ///
    /// `increment` gives a new counter a time to live and keeps that of an existing one. The
    /// counter expires at the end of the window, so there is nothing to clean up.
    pub fn count(&self, name: &str) -> Result<i64, Error> {
        let times = self.map.increment(format!("count:{name}"), 1, WINDOW)?;
        self.map.set("latest", name, WINDOW)?;
        Ok(times)
    }

    /// Returns the latest name, if it occurred within the last window.
    pub fn latest(&self) -> Option<String> {
        let name = self.map.get("latest")?;
        String::from_utf8(name).ok()
    }

    /// Returns the number of different names within their windows.
    pub fn different(&self) -> usize {
        self.map.scan("count:").count()
    }
}

#[cfg(test)]
mod tests {
    use localmap_client::in_process::{Limits, ManualClock};

    use super::*;

    #[test]
    fn a_name_is_counted_for_a_minute() -> Result<(), Box<dyn std::error::Error>> {
        // The test moves this clock itself, so it does not have to wait.
        let clock = ManualClock::new();
        let seen = Seen {
            map: LocalMap::with_clock(Limits::default(), &clock)?,
        };
        assert_eq!(seen.count("tea")?, 1);
        clock.advance(Duration::from_secs(59));
        assert_eq!(seen.count("tea")?, 2);
        assert_eq!(seen.count("milk")?, 1);
        assert_eq!(seen.different(), 2);

        // The minute of "tea" began with its first occurrence.
        clock.advance(Duration::from_secs(1));
        assert_eq!(seen.different(), 1);
        assert_eq!(seen.count("tea")?, 1);
        assert_eq!(seen.latest().as_deref(), Some("tea"));
        Ok(())
    }

    #[test]
    fn a_name_that_is_too_long_is_an_error() {
        let seen = Seen::default();
        assert!(seen.count(&"tea".repeat(1000)).is_err());
        assert_eq!(seen.different(), 0);
    }
}
