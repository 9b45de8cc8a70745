//! A request of a server, from its arrival to its end.

use crate::metrics::requests::RequestKind;
use crate::names::TenantId;
use crate::protocol::Protocol;
use crate::shared::Shared;
use crate::trace::RequestSpan;
use crate::trace_parent::{SAMPLED, TraceParent};
use std::fmt;
use std::sync::Arc;

/// A request of a server, until it is [ended](Self::end). One that is dropped has been cut off.
///
/// ```
/// use localmap_telemetry::{Protocol, Telemetry, TelemetryOptions};
///
/// let telemetry = Telemetry::new(TelemetryOptions::new().trace_spans(1_000));
/// let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().ok();
/// let mut request = telemetry.begin_request(Protocol::Http, "GET", parent);
/// request.set_tenant(b"alice");
/// // What it sends belongs to the same trace, and to its own span.
/// let passed_on = request.to_pass_on().map(|parent| parent.to_string());
/// assert!(passed_on.is_some_and(|header| header.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-")));
/// request.end(200);
/// ```
pub struct Request {
    shared: Arc<Shared>,
    number: u64,
    kind: RequestKind,
    tenant: TenantId,
    began: u64,
    parent: Option<TraceParent>,
    /// The span of this request, if spans are kept.
    span: Option<TraceParent>,
    /// The status of the protocol, when the request has ended.
    status: Option<u16>,
}

impl Request {
    pub(crate) fn begin(
        shared: &Arc<Shared>,
        number: u64,
        protocol: Protocol,
        method: &str,
        parent: Option<TraceParent>,
    ) -> Self {
        let has_spans = shared.trace.has_spans();
        let request = Self {
            shared: Arc::clone(shared),
            number,
            kind: shared.metrics.requests.begin(protocol, method),
            tenant: TenantId::default(),
            began: shared.clock.raw(),
            parent,
            span: has_spans.then(|| span(shared, number, parent)),
            status: None,
        };
        #[cfg(feature = "otlp")]
        if let Some(span) = request.span() {
            shared.trace.request_began(request.began, span);
        }
        request
    }

    /// Returns the number of the request, which is never 0: for
    /// [`LinkedMap::with_caller`](localmap::LinkedMap::with_caller) and
    /// [`Checkout::with_caller`](localmap::Checkout::with_caller), so that its operations are known as
    /// its own.
    pub fn caller(&self) -> u64 {
        self.number
    }

    /// Returns the parent of requests that are sent on its behalf. If there are spans, it is the span of
    /// this request, in the trace of its parent, or in a new trace. If there are only metrics, it is the
    /// parent of this request, unchanged. `None` if there are neither.
    pub fn to_pass_on(&self) -> Option<TraceParent> {
        let parent = self.span.or(self.parent);
        parent.filter(|_| self.shared.looks())
    }

    /// Notes the tenant of the request, by name.
    pub fn set_tenant(&mut self, tenant: &[u8]) {
        self.tenant = self.shared.names.id(tenant);
    }

    /// Returns the span as it is recorded, if spans are kept.
    fn span(&self) -> Option<RequestSpan> {
        self.span.map(|own| RequestSpan {
            number: self.number,
            own: own.into(),
            parent: self.parent.map_or(0, |parent| parent.span),
            kind: self.kind,
            status: self.status,
        })
    }

    /// Ends the request with a status of its protocol.
    pub fn end(mut self, status: u16) {
        self.status = Some(status);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        let Shared {
            clock,
            metrics,
            trace,
            ..
        } = &*self.shared;
        let ended = clock.raw();
        if let Some(span) = self.span() {
            trace.request(self.tenant, self.began, ended, span);
        }
        // Last, so that a request that is counted is also in the trace.
        let nanos = clock.between(self.began, ended);
        metrics.requests.end(self.kind, self.status, nanos);
    }
}

/// Returns a span for a request: in the trace of its parent, or else in a new one. Its numbers cannot
/// be guessed from those of others.
fn span(shared: &Shared, number: u64, parent: Option<TraceParent>) -> TraceParent {
    let span = shared.ids.number((number, 0)).max(1);
    match parent {
        Some(TraceParent { trace, flags, .. }) => TraceParent {
            trace,
            span,
            // Flags of which nothing is known are not to be passed on in a header that is changed.
            flags: flags & SAMPLED,
        },
        None => {
            let [high, low] = [1, 2].map(|half| shared.ids.number((number, half)));
            TraceParent {
                trace: (u128::from(high) << 64 | u128::from(low)).max(1),
                span,
                flags: SAMPLED,
            }
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("number", &self.number)
            .field("parent", &self.parent)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
