//! What locks say about themselves.

/// What locks say about themselves at one instant. The counts begin with the [`Locks`](crate::Locks), and never
/// decrease.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocksStatus {
    /// Whether locks can be had: in etcd, while there is a lease; in a process, always.
    pub available: bool,
    /// Keys that are locked, waited for, or not yet released in etcd.
    pub keys: u64,
    /// Those that wait for locks in this process.
    pub waiting: u32,
    /// Locks that were acquired.
    pub acquired: u64,
    /// Locks that were not had, because others held them for too long.
    pub held: u64,
    /// The same, because too many waited.
    pub too_many_waiters: u64,
    /// The same, because there was no lease.
    pub no_lease: u64,
    /// The same, because etcd did not answer, or refused.
    pub unavailable: u64,
    /// Leases that were granted; 0 in a process.
    pub leases: u64,
    /// Leases that were lost; 0 in a process.
    pub leases_lost: u64,
}
