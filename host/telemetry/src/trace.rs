//! The last spans of requests and operations, and the file into which they are written.

mod chrome;
mod lanes;
mod ring;
mod samples;
mod span;

use crate::clock::Clock;
use crate::ids::Ids;
use crate::names::{Names, TenantId};
use crate::options::TelemetryOptions;
use localmap::ObservedCall;
use ring::Ring;
use samples::Samples;
use span::{Kind, OperationSpan, Span, length};
use std::io::{self, BufWriter, Write};

pub(crate) use span::RequestSpan;

/// The spans that are kept.
pub(crate) struct Trace {
    ring: Ring,
    pub(crate) samples: Samples,
    keys: bool,
}

impl Trace {
    /// Creates an empty trace; `None` if the options want none.
    pub(crate) fn new(options: &TelemetryOptions) -> Option<Self> {
        let spans = options.trace_spans;
        (spans > 0).then(|| Self {
            ring: Ring::new(spans, options.trace_keys),
            samples: Samples::new(spans),
            keys: options.trace_keys,
        })
    }

    /// Adds an operation.
    pub(crate) fn operation(
        &self,
        ids: &Ids,
        tenant: TenantId,
        began: u64,
        ended: u64,
        call: &ObservedCall<'_>,
    ) {
        let hashed = !self.keys && !call.key.is_empty();
        let key_hash = if hashed { ids.number(call.key) } else { 0 };
        let span = Span {
            began,
            ended,
            tenant,
            kind: Kind::Operation(OperationSpan {
                caller: call.caller,
                key_hash,
                key_len: length(call.key_len),
                value_len: length(call.value_len),
                operation: call.operation,
                outcome: call.outcome,
            }),
        };
        self.ring.push(span, call.key);
    }

    /// Adds a request.
    pub(crate) fn request(&self, tenant: TenantId, began: u64, ended: u64, request: RequestSpan) {
        let span = Span {
            began,
            ended,
            tenant,
            kind: Kind::Request(request),
        };
        self.ring.push(span, &[]);
    }

    /// Writes all of it. Operations do not wait for that.
    pub(crate) fn write(
        &self,
        out: &mut impl Write,
        names: &Names,
        clock: &Clock,
    ) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 16, out);
        let (spans, samples) = (self.ring.snapshot(), self.samples.get());
        chrome::write(&mut out, &spans, &samples, names, clock)?;
        out.flush()
    }
}
