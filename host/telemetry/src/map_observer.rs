//! The observer of a map: passes each operation to those who look.

use crate::metrics::class::ClassMetrics;
use crate::names::TenantId;
use crate::telemetry::Shared;
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
    fn begin(&self, _operation: Operation, _key: &[u8]) -> Option<u64> {
        let options = &self.shared.options;
        let looks = options.metrics || options.trace_spans > 0;
        looks.then(|| self.shared.clock.raw())
    }

    fn end(&self, began: u64, call: &ObservedCall<'_>) {
        let nanos = self.shared.clock.between(began, self.shared.clock.raw());
        if let Some(counts) = &self.counts {
            counts.record(call.operation, call.outcome, nanos);
        }
        let _ = self.tenant;
    }

    fn created(&self) {}

    fn ended(&self, _cause: &TerminationCause) {}
}
