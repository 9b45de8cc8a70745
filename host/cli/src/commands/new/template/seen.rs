//! What the guest has seen, and for how long it remembers.

use std::time::Duration;

use localmap_client::Error;
// The map that the host gives. A test has no host, but the same map in its own process.
#[cfg(not(test))]
use localmap_client::LocalMap;
#[cfg(test)]
use localmap_client::in_process::LocalMap;

/// How long a name is counted, from the first time it came.
const WINDOW: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Seen {
    map: LocalMap,
}

impl Seen {
    /// Counts a name, and gives how often it has come within its window.
    ///
    /// `increment` gives a counter that it makes a time to live, and leaves that of one
    /// which is there. So the counter is gone when the window is over, and nothing has to
    /// be cleared away.
    pub fn count(&self, name: &str) -> Result<i64, Error> {
        let times = self.map.increment(format!("count:{name}"), 1, WINDOW)?;
        self.map.set("latest", name, WINDOW)?;
        Ok(times)
    }

    /// The name that came last, if that was within a window.
    pub fn latest(&self) -> Option<String> {
        let name = self.map.get("latest")?;
        String::from_utf8(name).ok()
    }

    /// How many different names are being counted.
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
        // A clock that stands still until it is moved: nothing has to wait.
        let clock = ManualClock::new();
        let seen = Seen {
            map: LocalMap::with_clock(Limits::default(), &clock)?,
        };
        assert_eq!(seen.count("tea")?, 1);
        clock.advance(Duration::from_secs(59));
        assert_eq!(seen.count("tea")?, 2);
        assert_eq!(seen.count("milk")?, 1);
        assert_eq!(seen.different(), 2);

        // The minute of the tea began with the first one.
        clock.advance(Duration::from_secs(1));
        assert_eq!(seen.different(), 1);
        assert_eq!(seen.count("tea")?, 1);
        assert_eq!(seen.latest().as_deref(), Some("tea"));
        Ok(())
    }

    #[test]
    fn a_name_that_is_too_long_is_refused() {
        let seen = Seen::default();
        assert!(seen.count(&"tea".repeat(1000)).is_err());
        assert_eq!(seen.different(), 0);
    }
}
