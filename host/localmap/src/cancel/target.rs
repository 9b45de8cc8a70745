//! Targets of a cancellation.

/// A map, or other work that can be cancelled from any thread.
pub(crate) trait CancelTarget: Send + Sync {
    /// Cancels the target immediately if it is idle, and returns `true`. Returns `false` if the
    /// target is busy; it then notices the cancellation itself, or the caller must retry.
    fn try_cancel(&self) -> bool;
}

#[cfg(test)]
pub(super) mod tests {
    use super::CancelTarget;
    use crate::sync::{Mutex, lock};

    /// A target that is busy while it is locked. Its value is `true` if it was cancelled.
    pub(in crate::cancel) struct Lockable(pub(in crate::cancel) Mutex<bool>);

    impl Lockable {
        pub(in crate::cancel) fn new() -> Self {
            Self(Mutex::new(false))
        }

        pub(in crate::cancel) fn is_cancelled(&self) -> bool {
            *lock(&self.0)
        }
    }

    impl CancelTarget for Lockable {
        fn try_cancel(&self) -> bool {
            self.0
                .try_lock()
                .map(|mut cancelled| *cancelled = true)
                .is_ok()
        }
    }
}
