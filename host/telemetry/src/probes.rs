//! USDT probes, to which bpftrace, gdb and perf attach while the program runs.
//!
//! The provider is `localmap`. Each probe has a *semaphore*, a number in the program's memory that tools
//! increase while they listen. While it is 0, a probe costs one load: no argument is computed, and no
//! clock is read. Names are pointers to C strings, so that scripts need no table of numbers.
//!
//! | probe | arguments |
//! |---|---|
//! | `op__start` | operation, tenant, length of the key |
//! | `op__done` | operation, tenant, length of the key, length of the value, outcome, nanoseconds |
//! | `map__made` | tenant, its name |
//! | `map__dropped` | tenant, cause, its name |
//! | `evict` | tenant, evicted entries |
//!
//! Without the feature `probes`, and on other systems than Linux, there are none.

#[cfg(all(feature = "probes", target_os = "linux"))]
mod sites;
#[cfg(all(feature = "probes", target_os = "linux"))]
mod words;

#[cfg(all(feature = "probes", target_os = "linux"))]
pub(crate) use sites::{
    evict, evict_listens, map_dropped, map_made, op_done, op_listens, op_start,
};

#[cfg(not(all(feature = "probes", target_os = "linux")))]
pub(crate) use none::{evict, evict_listens, map_dropped, map_made, op_done, op_listens, op_start};

/// What is called where there are no probes.
#[cfg(not(all(feature = "probes", target_os = "linux")))]
mod none {
    use crate::names::{Names, TenantId};
    use localmap::{ObservedCall, Operation, TerminationCause};

    #[inline]
    pub(crate) fn op_listens() -> bool {
        false
    }

    #[inline]
    pub(crate) fn evict_listens() -> bool {
        false
    }

    #[inline]
    pub(crate) fn op_start(_: Operation, _: TenantId, _: &[u8]) {}

    #[inline]
    pub(crate) fn op_done(_: &ObservedCall<'_>, _: TenantId, _: impl FnOnce() -> u64) {}

    #[inline]
    pub(crate) fn evict(_: TenantId, _: u64) {}

    #[inline]
    pub(crate) fn map_made(_: TenantId, _: &Names) {}

    #[inline]
    pub(crate) fn map_dropped(_: TenantId, _: &TerminationCause, _: &Names) {}
}
