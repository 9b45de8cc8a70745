//! The observer of a map: passes each operation to those who look.

use crate::metrics::class::ClassMetrics;
use crate::names::TenantId;
use crate::probes;
use crate::shared::Shared;
use localmap::{ObservedCall, Observer, Operation, TerminationCause};
use std::sync::Arc;

/// Observes one map, or several of one tenant.
pub(crate) struct MapObserver {
    shared: Arc<Shared>,
    tenant: TenantId,
    /// `None` if operations are not counted.
    counts: Option<Arc<ClassMetrics>>,
}

impl MapObserver {
    pub(crate) fn new(shared: &Arc<Shared>, class: &str, tenant: TenantId) -> Self {
        Self {
            shared: Arc::clone(shared),
            tenant,
            counts: shared.options.metrics.then(|| shared.metrics.class(class)),
        }
    }
}

impl Observer for MapObserver {
    #[inline]
    fn begin(&self, operation: Operation, key: &[u8]) -> Option<u64> {
        // Nothing else happens while nobody looks.
        if !(self.shared.looks() | probes::op_listens()) {
            return None;
        }
        probes::op_start(operation, self.tenant, key);
        Some(self.shared.clock.raw())
    }

    fn end(&self, began: u64, call: &ObservedCall<'_>) {
        let Shared {
            clock, ids, trace, ..
        } = &*self.shared;
        let ended = clock.raw();
        if let Some(counts) = &self.counts {
            counts.record(call.operation, call.outcome, clock.between(began, ended));
        }
        if trace.has_spans() {
            trace.operation(ids, self.tenant, began, ended, call);
        }
        probes::op_done(call, self.tenant, || clock.between(began, ended));
        if call.evicted > 0 {
            probes::evict(self.tenant, call.evicted);
        }
    }

    fn counts_evictions(&self) -> bool {
        probes::evict_listens()
    }

    fn created(&self) {
        probes::map_made(self.tenant, &self.shared.names);
    }

    fn ended(&self, cause: &TerminationCause) {
        probes::map_dropped(self.tenant, cause, &self.shared.names);
    }
}
