//! The record of a span: of an operation, or of a request.

use crate::metrics::requests::RequestKind;
use crate::names::TenantId;
use crate::trace_parent::TraceParent;
use localmap::{CallOutcome, Operation};

/// A span. Times are those of [`Clock::raw`](crate::clock::Clock::raw), which are converted when the
/// span is read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) began: u64,
    pub(crate) ended: u64,
    pub(crate) tenant: TenantId,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Operation(OperationSpan),
    Request(RequestSpan),
    /// The beginning of a request, which has no status yet.
    #[cfg(feature = "otlp")]
    Began(RequestSpan),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct OperationSpan {
    /// The number of the request; 0 if there is none.
    pub(crate) caller: u64,
    /// The hash of the key; 0 if there is none.
    pub(crate) key_hash: u64,
    /// Lengths that are greater than the maximum are the maximum.
    pub(crate) key_len: u32,
    pub(crate) value_len: u32,
    pub(crate) operation: Operation,
    pub(crate) outcome: CallOutcome,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestSpan {
    pub(crate) number: u64,
    pub(crate) own: SpanId,
    /// The span of its parent; 0 if there is none.
    pub(crate) parent: u64,
    pub(crate) kind: RequestKind,
    /// The status of its protocol; `None` if the request was cut off.
    pub(crate) status: Option<u16>,
}

/// A [`TraceParent`] that needs no alignment of 16 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SpanId {
    trace: [u64; 2],
    span: u64,
    flags: u8,
}

impl SpanId {
    pub(crate) fn get(self) -> TraceParent {
        let [high, low] = self.trace.map(u128::from);
        TraceParent {
            trace: high << 64 | low,
            span: self.span,
            flags: self.flags,
        }
    }
}

impl From<TraceParent> for SpanId {
    fn from(id: TraceParent) -> Self {
        let low = id.trace & u128::from(u64::MAX);
        let [high, low] = [id.trace >> 64, low].map(|half| u64::try_from(half).unwrap_or_default());
        Self {
            trace: [high, low],
            span: id.span,
            flags: id.flags,
        }
    }
}

/// Returns a length as spans have it.
pub(crate) fn length(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_small() {
        assert!(size_of::<Span>() <= 88, "{}", size_of::<Span>());
    }

    #[test]
    fn the_numbers_of_a_span_are_kept() {
        let id = TraceParent {
            trace: u128::MAX - 5,
            span: 7,
            flags: 3,
        };
        assert_eq!(SpanId::from(id).get(), id);
    }
}
