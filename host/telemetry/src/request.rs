//! A request of a server, from its arrival to its end.

use crate::telemetry::Shared;
use crate::trace_parent::TraceParent;
use std::sync::Arc;

/// The protocol of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP, whose result is a status such as 200.
    Http,
    /// gRPC, whose result is a code such as 0.
    Grpc,
}

/// A request of a server, until it is [ended](Self::end). One that is dropped has been cut off.
#[derive(Debug)]
pub struct Request {
    number: u64,
    parent: Option<TraceParent>,
}

impl Request {
    pub(crate) fn begin(
        _shared: &Arc<Shared>,
        number: u64,
        _protocol: Protocol,
        _method: &str,
        parent: Option<TraceParent>,
    ) -> Self {
        Self { number, parent }
    }

    /// Returns the number of the request, which is never 0: for
    /// [`LinkedMap::with_caller`](localmap::LinkedMap::with_caller) and
    /// [`Checkout::with_caller`](localmap::Checkout::with_caller), so that its operations are known as
    /// its own.
    pub fn caller(&self) -> u64 {
        self.number
    }

    /// Returns the parent of requests that are sent on its behalf: the span of this request, if there
    /// are spans, or else its own parent. `None` if the request has none.
    pub fn to_pass_on(&self) -> Option<TraceParent> {
        self.parent
    }

    /// Notes the tenant of the request, by name.
    pub fn set_tenant(&mut self, _tenant: &[u8]) {}

    /// Ends the request with a status of its protocol.
    pub fn end(self, _status: u16) {}
}
