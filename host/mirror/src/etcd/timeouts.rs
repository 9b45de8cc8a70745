//! How long the driver waits for etcd.

use crate::options::MirrorOptions;
use std::time::Duration;

/// How long to wait for reads of all keys of the prefix.
const LONG: Duration = Duration::from_secs(5);

/// How long the driver waits for etcd, which follows from the options of the mirror.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timeouts {
    /// For a connection, with its handshakes and the login.
    pub(crate) connect: Duration,
    /// For a read of one key, a write, and the begin of a watch.
    pub(crate) call: Duration,
    /// For a read of all keys of the prefix.
    pub(crate) long: Duration,
    /// Between two attempts to connect, at most.
    pub(crate) backoff: Duration,
}

impl Timeouts {
    pub(crate) fn new(options: &MirrorOptions) -> Self {
        let (probe, max_stale) = (options.probe, options.max_stale);
        let quarter = max_stale / 4;
        Self {
            connect: quarter.clamp(Duration::from_secs(1), Duration::from_secs(5)),
            // A server that has stopped is noticed within one probe, and before the copy is too old.
            call: probe
                .clamp(Duration::from_millis(500), Duration::from_secs(5))
                .min((max_stale / 2).max(Duration::from_millis(100))),
            long: LONG,
            backoff: quarter.clamp(Duration::from_millis(250), Duration::from_secs(2)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_has_stopped_is_noticed_within_a_probe_of_usual_length() {
        let timeouts = Timeouts::new(&MirrorOptions::new());
        assert_eq!(timeouts.call, Duration::from_secs(1));
        assert_eq!(timeouts.connect, Duration::from_millis(1_250));
    }

    #[test]
    fn two_calls_fit_into_the_greatest_age() {
        for (probe, max_stale) in [(10, 10), (10, 1_000), (1_000, 1_000), (60_000, 600_000)] {
            let options = MirrorOptions::new()
                .probe(Duration::from_millis(probe))
                .max_stale(Duration::from_millis(max_stale));
            let call = Timeouts::new(&options).call;
            assert!(call >= Duration::from_millis(100));
            assert!(call * 2 <= Duration::from_millis(max_stale.max(200)));
        }
    }
}
