//! Converts spans to those of OTLP.

use crate::metrics::outcome::outcome_name;
use crate::metrics::requests::Status as RequestStatus;
use crate::names::{Names, TenantId};
use crate::otlp::metrics::attribute;
use crate::protocol::Protocol;
use crate::shared::Shared;
use crate::trace::{Kind, OperationSpan, RequestSpan, Span};
use crate::trace_parent::{SAMPLED, TraceParent};
use localmap::CallOutcome;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{self as otlp, SpanFlags};
use std::collections::BTreeMap;
use std::mem;
use std::time::UNIX_EPOCH;

/// The maximum number of requests that are remembered for their operations.
const MAX_REQUESTS: usize = 65_536;

/// Converts spans. Remembers the requests that run, as operations end before their request does.
pub(super) struct Converter {
    /// When the clock began, in nanoseconds of Unix time.
    epoch: u64,
    /// The spans of requests, by number.
    requests: BTreeMap<u64, TraceParent>,
    /// Requests that had ended the last time. Some of their operations may come only now.
    ended: Vec<u64>,
    /// Operations whose request was not known the last time, with their keys.
    early: Vec<(Span, Vec<u8>)>,
    /// The number of operations so far, from which their spans have their numbers.
    operations: u64,
}

impl Converter {
    pub(super) fn new(shared: &Shared) -> Self {
        let epoch = shared.clock.started_at().duration_since(UNIX_EPOCH);
        let epoch = epoch.unwrap_or_default().as_nanos();
        Self {
            epoch: u64::try_from(epoch).unwrap_or_default(),
            requests: BTreeMap::new(),
            ended: Vec::new(),
            early: Vec::new(),
            operations: 0,
        }
    }

    /// Takes all spans from the queue, and adds them to those that wait for the collector. Returns the
    /// number of spans that were lost.
    pub(super) fn take(&mut self, shared: &Shared, waiting: &mut Vec<otlp::Span>) -> u64 {
        let taken = shared.trace.take_exported();
        let (spans, mut lost) = taken.spans();
        for ended in mem::take(&mut self.ended) {
            self.requests.remove(&ended);
        }
        for (span, _) in &spans {
            match &span.kind {
                Kind::Operation(_) => {}
                Kind::Began(request) => {
                    self.requests.insert(request.number, request.own.get());
                }
                Kind::Request(request) => {
                    self.requests.insert(request.number, request.own.get());
                    self.ended.push(request.number);
                    waiting.extend(self.request(shared, span, request));
                }
            }
        }
        while self.requests.len() > MAX_REQUESTS {
            self.requests.pop_first();
        }
        for (span, key) in mem::take(&mut self.early) {
            if let Kind::Operation(call) = &span.kind {
                let Some(parent) = self.parent(call) else {
                    lost += 1;
                    continue;
                };
                waiting.extend(self.operation(shared, &span, call, &key, parent));
            }
        }
        for (span, key) in spans {
            if let Kind::Operation(call) = &span.kind {
                let Some(parent) = self.parent(call) else {
                    self.early.push((*span, key.to_vec()));
                    continue;
                };
                waiting.extend(self.operation(shared, span, call, key, parent));
            }
        }
        lost
    }

    /// Returns the parent of an operation, or `Some(None)` if it has none, or `None` if it is not known.
    fn parent(&self, call: &OperationSpan) -> Option<Option<TraceParent>> {
        match call.caller {
            0 => Some(None),
            caller => self.requests.get(&caller).copied().map(Some),
        }
    }

    fn request(&self, shared: &Shared, span: &Span, request: &RequestSpan) -> Option<otlp::Span> {
        let kind = request.kind;
        let status = RequestStatus::new(kind.protocol(), request.status);
        let mut attributes = tenant(span.tenant, &shared.names);
        match kind.protocol() {
            Protocol::Http => attributes.push(attribute("http.request.method", kind.method())),
            Protocol::Grpc => {
                attributes.push(attribute("rpc.system", "grpc"));
                attributes.push(attribute("rpc.method", kind.method()));
            }
        }
        let name = match (kind.protocol(), request.status) {
            (Protocol::Http, Some(_)) => "http.response.status_code",
            (Protocol::Grpc, Some(_)) => "rpc.grpc.status_code",
            (_, None) => "error.type",
        };
        attributes.push(match request.status {
            Some(status) => attribute(name, i64::from(status)),
            None => attribute(name, "cut_off"),
        });
        let parent = (request.parent != 0).then_some(TraceParent {
            span: request.parent,
            ..request.own.get()
        });
        let mut converted = self.span(shared, span, request.own.get(), parent)?;
        if parent.is_some() {
            converted.flags |= SpanFlags::ContextIsRemoteMask as u32;
        }
        Some(otlp::Span {
            name: kind.method().to_owned(),
            kind: SpanKind::Server.into(),
            attributes,
            status: status.is_failure().then(failure),
            ..converted
        })
    }

    fn operation(
        &mut self,
        shared: &Shared,
        span: &Span,
        call: &OperationSpan,
        key: &[u8],
        parent: Option<TraceParent>,
    ) -> Option<otlp::Span> {
        self.operations += 1;
        let number = |half: u8| {
            shared
                .ids
                .number(("operation", self.operations, half))
                .max(1)
        };
        let own = match parent {
            Some(parent) => TraceParent {
                span: number(0),
                ..parent
            },
            None => TraceParent {
                trace: u128::from(number(1)) << 64 | u128::from(number(2)),
                span: number(0),
                flags: SAMPLED,
            },
        };
        let converted = self.span(shared, span, own, parent)?;
        let mut attributes = tenant(span.tenant, &shared.names);
        attributes.extend([
            attribute("localmap.outcome", outcome_name(call.outcome)),
            attribute("localmap.key.length", i64::from(call.key_len)),
            attribute("localmap.value.length", i64::from(call.value_len)),
        ]);
        if !key.is_empty() {
            attributes.push(attribute("localmap.key", key.escape_ascii().to_string()));
        } else if call.key_hash != 0 {
            let hash = format!("{:016x}", call.key_hash);
            attributes.push(attribute("localmap.key.hash", hash));
        }
        Some(otlp::Span {
            name: call.operation.name().to_owned(),
            kind: SpanKind::Internal.into(),
            attributes,
            status: (call.outcome == CallOutcome::Terminated).then(failure),
            ..converted
        })
    }

    /// Returns the fields that all spans have; `None` if the trace is not sampled.
    fn span(
        &self,
        shared: &Shared,
        span: &Span,
        own: TraceParent,
        parent: Option<TraceParent>,
    ) -> Option<otlp::Span> {
        own.is_sampled().then(|| otlp::Span {
            trace_id: own.trace.to_be_bytes().to_vec(),
            span_id: own.span.to_be_bytes().to_vec(),
            parent_span_id: parent.map_or(Vec::new(), |id| id.span.to_be_bytes().to_vec()),
            flags: u32::from(own.flags) | SpanFlags::ContextHasIsRemoteMask as u32,
            start_time_unix_nano: self.epoch + shared.clock.nanos(span.began),
            end_time_unix_nano: self.epoch + shared.clock.nanos(span.ended),
            ..otlp::Span::default()
        })
    }
}

fn failure() -> otlp::Status {
    otlp::Status {
        message: String::new(),
        code: StatusCode::Error.into(),
    }
}

/// Returns the attribute with the name of a tenant, escaped; none for maps that belong to no tenant.
fn tenant(id: TenantId, names: &Names) -> Vec<KeyValue> {
    let name = names.name(id).into_iter();
    name.map(|name| attribute("localmap.tenant", name.escape_ascii().to_string()))
        .collect()
}
