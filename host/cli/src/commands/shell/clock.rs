//! The clock of the shell's map: the system's, and what `sleep` has added to it.

use localmap::{Clock, ManualClock, SystemClock};
use std::time::Duration;

/// Goes on by itself, and further when told to. Its clones are one clock.
#[derive(Clone, Default)]
pub(super) struct ShellClock {
    system: SystemClock,
    skipped: ManualClock,
}

impl ShellClock {
    /// Lets time pass at once.
    pub(super) fn skip(&self, time: Duration) {
        self.skipped.advance(time);
    }
}

impl Clock for ShellClock {
    fn now(&self) -> Duration {
        self.system.now().saturating_add(self.skipped.now())
    }
}
