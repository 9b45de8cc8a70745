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
use crate::overview::{Overview, RowName};
use localmap::ObservedCall;
use ring::Ring;
use samples::{Held, Samples};
use span::length;
use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};
use std::sync::OnceLock;

#[cfg(feature = "otlp")]
pub(crate) use ring::Snapshot;
pub(crate) use span::{Kind, OperationSpan, RequestSpan, Span};

/// The maximum number of spans that wait for the next export.
#[cfg(feature = "otlp")]
const MAX_EXPORTED: usize = 65_536;

/// The spans that are kept, and those that are to be exported.
pub(crate) struct Trace {
    /// `None` if no spans are kept.
    ring: Option<Ring>,
    /// Set once spans are exported.
    export: OnceLock<Ring>,
    samples: Samples,
    keys: bool,
}

impl Trace {
    /// Creates an empty trace.
    pub(crate) fn new(options: &TelemetryOptions) -> Self {
        let TelemetryOptions {
            trace_spans: spans,
            trace_keys: keys,
            ..
        } = *options;
        Self {
            ring: (spans > 0).then(|| Ring::new(spans, keys)),
            export: OnceLock::new(),
            samples: Samples::new(spans),
            keys,
        }
    }

    /// Returns `true` if spans are kept.
    pub(crate) fn keeps_spans(&self) -> bool {
        self.ring.is_some()
    }

    /// Returns `true` if spans are kept or exported.
    pub(crate) fn has_spans(&self) -> bool {
        self.ring.is_some() | self.export.get().is_some()
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
        self.push(span, call.key);
    }

    /// Adds a request.
    pub(crate) fn request(&self, tenant: TenantId, began: u64, ended: u64, request: RequestSpan) {
        let span = Span {
            began,
            ended,
            tenant,
            kind: Kind::Request(request),
        };
        self.push(span, &[]);
    }

    /// Adds the beginning of a request to what is exported, so that the trace of its operations is known.
    #[cfg(feature = "otlp")]
    pub(crate) fn request_began(&self, began: u64, request: RequestSpan) {
        if let Some(export) = self.export.get() {
            let span = Span {
                began,
                ended: began,
                tenant: TenantId::default(),
                kind: Kind::Began(request),
            };
            export.push(span, &[]);
        }
    }

    /// Begins to keep spans for the export. Returns `false` if that was done before.
    #[cfg(feature = "otlp")]
    pub(crate) fn start_export(&self) -> bool {
        let ring = Ring::new(MAX_EXPORTED, self.keys);
        self.export.set(ring).is_ok()
    }

    /// Removes and returns the spans that are to be exported.
    #[cfg(feature = "otlp")]
    pub(crate) fn take_exported(&self) -> Snapshot {
        self.export.get().map(Ring::drain).unwrap_or_default()
    }

    fn push(&self, span: Span, key: &[u8]) {
        if let Some(ring) = &self.ring {
            ring.push(span, key);
        }
        if let Some(export) = self.export.get() {
            export.push(span, key);
        }
    }

    /// Adds what each tenant holds.
    pub(crate) fn sample(&self, overview: &Overview, names: &Names) {
        let mut held = BTreeMap::<TenantId, Held>::new();
        for row in &overview.rows {
            let id = match &row.name {
                RowName::Tenant(name) => names.id(name.as_bytes()),
                RowName::Map(_) => TenantId::default(),
            };
            held.entry(id).or_default().add(&row.stats);
        }
        self.samples.add(overview.taken, held);
    }

    /// Writes the spans that are kept. Operations do not wait for that.
    pub(crate) fn write(
        &self,
        out: &mut impl Write,
        names: &Names,
        clock: &Clock,
    ) -> io::Result<()> {
        let mut out = BufWriter::with_capacity(1 << 16, out);
        let spans = self.ring.as_ref().map(Ring::snapshot).unwrap_or_default();
        chrome::write(&mut out, &spans, &self.samples.get(), names, clock)?;
        out.flush()
    }
}
