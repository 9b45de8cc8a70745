//! The clock of the shell's map: the system clock plus the time added by `sleep`.

use localmap::{Clock, ManualClock, SystemClock};
use std::time::Duration;

/// The system clock plus the skipped time. Clones share the skipped time.
#[derive(Clone, Default)]
pub(super) struct ShellClock {
    system: SystemClock,
    skipped: ManualClock,
}

impl ShellClock {
    /// Moves the clock forward by `time`.
    pub(super) fn skip(&self, time: Duration) {
        self.skipped.advance(time);
    }
}

impl Clock for ShellClock {
    fn now(&self) -> Duration {
        self.system.now().saturating_add(self.skipped.now())
    }
}
