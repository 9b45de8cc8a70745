//! How many requests can wait for locks.

/// How many requests can wait for locks, in one process. One more is refused at once.
///
/// ```
/// use localmap_lease::LockLimits;
///
/// let limits = LockLimits::default().max_waiters(500).max_waiters_per_key(20);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockLimits {
    pub(crate) waiters: u32,
    pub(crate) waiters_per_key: u32,
}

impl LockLimits {
    /// Sets how many requests can wait. Default 10,000.
    #[must_use]
    pub fn max_waiters(mut self, max: u32) -> Self {
        self.waiters = max;
        self
    }

    /// Sets how many requests can wait for one key, so that a key that is held for long does not take the
    /// places of all others. Default 1,000.
    #[must_use]
    pub fn max_waiters_per_key(mut self, max: u32) -> Self {
        self.waiters_per_key = max;
        self
    }
}

impl Default for LockLimits {
    fn default() -> Self {
        Self {
            waiters: 10_000,
            waiters_per_key: 1_000,
        }
    }
}
