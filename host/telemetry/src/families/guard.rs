//! Metrics of the guard of a server.

use crate::family::{Family, Value};
use crate::guard::GuardSample;

impl Family {
    /// Adds the series of the guard, if there is one.
    fn of_guard(self, guard: Option<&GuardSample>, value: impl Fn(&GuardSample) -> u64) -> Self {
        match guard {
            Some(guard) => self.with([], Value::Count(value(guard))),
            None => self,
        }
    }
}

pub(crate) fn families(guard: Option<&GuardSample>) -> [Family; 7] {
    let mut refused = Family::counters(
        "localmap_guard_refused",
        "Locks that requests did not get, by reason.",
    );
    if let Some(guard) = guard {
        for (reason, count) in [
            ("held", guard.held),
            ("too-many-waiters", guard.too_many_waiters),
            ("no-lease", guard.no_lease),
            ("unavailable", guard.unavailable),
        ] {
            refused = refused.with([("reason", reason)], Value::Count(count));
        }
    }
    [
        Family::gauges(
            "localmap_guard_available",
            "Whether requests can get locks: 1 or 0.",
        )
        .of_guard(guard, |guard| guard.available.into()),
        Family::gauges(
            "localmap_guard_keys",
            "Keys that are locked, or waited for.",
        )
        .of_guard(guard, |guard| guard.keys),
        Family::gauges("localmap_guard_waiting", "Requests that wait for a lock.")
            .of_guard(guard, |guard| guard.waiting),
        Family::counters("localmap_guard_acquired", "Locks that requests got.")
            .of_guard(guard, |guard| guard.acquired),
        refused,
        Family::counters(
            "localmap_guard_leases",
            "Leases that the guard got for its locks.",
        )
        .of_guard(guard, |guard| guard.leases),
        Family::counters(
            "localmap_guard_leases_lost",
            "Leases that the guard lost, with all its locks.",
        )
        .of_guard(guard, |guard| guard.leases_lost),
    ]
}
