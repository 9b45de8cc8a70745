//! Writes a trace in the [Trace Event Format][format], which Perfetto and `chrome://tracing` open.
//!
//! A tenant is a process. Requests are slices on its threads, with their operations inside of them.
//! Times are decimal microseconds with three digits after the point, written from whole nanoseconds.
//!
//! [format]: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU

use super::lanes::{Interval, Lanes, assign};
use super::ring::{MAX_KEPT_KEY, Snapshot, SpanAndKey};
use super::samples::Sample;
use super::span::{Kind, OperationSpan, RequestSpan};
use crate::clock::Clock;
use crate::metrics::outcome::outcome_name;
use crate::metrics::requests::{Status, protocol_name};
use crate::names::{Names, TenantId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::time::UNIX_EPOCH;

/// Writes the trace.
pub(crate) fn write(
    out: &mut impl Write,
    snapshot: &Snapshot,
    samples: &[Sample],
    names: &Names,
    clock: &Clock,
) -> io::Result<()> {
    let (spans, lost) = snapshot.spans();
    let mut tenants = by_tenant(&spans);
    for sample in samples {
        tenants.entry(sample.tenant).or_default();
    }
    let started = clock.started_at().duration_since(UNIX_EPOCH);
    let other = json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started_unix_ns": started.unwrap_or_default().as_nanos().to_string(),
        "spans": spans.len(),
        "lost_spans": lost,
    });
    write!(
        out,
        "{{\"displayTimeUnit\":\"ns\",\"otherData\":{other},\"traceEvents\":["
    )?;
    let mut events = Events {
        out,
        clock,
        first: true,
    };
    for (id, tenant) in &mut tenants {
        events.process(*id, names)?;
        events.tenant(*id, tenant)?;
    }
    for sample in samples {
        events.sample(sample)?;
    }
    events.out.write_all(b"\n]}\n")
}

/// The spans of a tenant.
#[derive(Default)]
struct TenantSpans<'a> {
    requests: Vec<(Interval, &'a RequestSpan)>,
    operations: Vec<(Interval, &'a OperationSpan, &'a [u8])>,
}

fn by_tenant<'a>(spans: &[SpanAndKey<'a>]) -> BTreeMap<TenantId, TenantSpans<'a>> {
    // A request whose tenant was not told belongs to that of its operations.
    let mut tenants_of_callers = HashMap::new();
    for (span, _) in spans {
        if let Kind::Operation(operation) = &span.kind {
            tenants_of_callers
                .entry(operation.caller)
                .or_insert(span.tenant);
        }
    }
    let mut tenants = BTreeMap::<_, TenantSpans<'_>>::new();
    for (span, key) in spans {
        let interval = Interval {
            began: span.began,
            ended: span.ended,
        };
        match &span.kind {
            Kind::Operation(operation) => {
                let tenant = tenants.entry(span.tenant).or_default();
                tenant.operations.push((interval, operation, key));
            }
            Kind::Request(request) => {
                let mut id = span.tenant;
                if id == TenantId::default() {
                    id = tenants_of_callers
                        .get(&request.number)
                        .copied()
                        .unwrap_or_default();
                }
                tenants
                    .entry(id)
                    .or_default()
                    .requests
                    .push((interval, request));
            }
            // Only what is exported has beginnings.
            #[cfg(feature = "otlp")]
            Kind::Began(_) => {}
        }
    }
    for tenant in tenants.values_mut() {
        tenant.requests.sort_by_key(|(interval, _)| interval.began);
        tenant
            .operations
            .sort_by_key(|(interval, ..)| interval.began);
    }
    tenants
}

/// Writes events, one on a line.
struct Events<'a, W> {
    out: &'a mut W,
    clock: &'a Clock,
    first: bool,
}

impl<W: Write> Events<'_, W> {
    /// Names the process of a tenant.
    fn process(&mut self, id: TenantId, names: &Names) -> io::Result<()> {
        let name = match names.name(id) {
            Some(name) if name.is_empty() => "(empty name)".to_owned(),
            Some(name) => escaped(&name),
            None if id == TenantId::default() => "(no tenant)".to_owned(),
            None => "(other tenants)".to_owned(),
        };
        self.metadata("process_name", id, 0, &json!({ "name": name }))?;
        self.metadata("process_sort_index", id, 0, &json!({ "sort_index": id.0 }))
    }

    /// Writes the spans of a tenant.
    fn tenant(&mut self, id: TenantId, tenant: &TenantSpans<'_>) -> io::Result<()> {
        let requests = tenant.requests.iter();
        let requests: Vec<_> = requests
            .map(|(at, request)| (*at, request.number))
            .collect();
        let operations = tenant.operations.iter();
        let operations: Vec<_> = operations.map(|(at, call, _)| (*at, call.caller)).collect();
        let lanes = assign(&requests, &operations);
        for lane in 0..lanes.lanes {
            let name = lane_name(&lanes, lane);
            self.metadata("thread_name", id, lane, &json!({ "name": name }))?;
            self.metadata(
                "thread_sort_index",
                id,
                lane,
                &json!({ "sort_index": lane }),
            )?;
        }
        // A request comes before its operations, which may begin in the same nanosecond.
        for ((interval, request), lane) in tenant.requests.iter().zip(&lanes.requests) {
            self.request(id, *lane, *interval, request)?;
        }
        for ((interval, call, key), lane) in tenant.operations.iter().zip(&lanes.operations) {
            self.operation(id, *lane, *interval, call, key)?;
        }
        Ok(())
    }

    fn request(
        &mut self,
        id: TenantId,
        lane: usize,
        interval: Interval,
        request: &RequestSpan,
    ) -> io::Result<()> {
        let own = request.own.get();
        let protocol = request.kind.protocol();
        self.slice("request", request.kind.method(), id, lane, interval)?;
        write!(
            self.out,
            r#""request":{},"protocol":"{}","status":"{}","trace_id":"{:032x}","span_id":"{:016x}""#,
            request.number,
            protocol_name(protocol),
            Status::new(protocol, request.status).name(),
            own.trace,
            own.span,
        )?;
        if request.parent != 0 {
            write!(self.out, r#","parent_span_id":"{:016x}""#, request.parent)?;
        }
        self.out.write_all(b"}}")
    }

    fn operation(
        &mut self,
        id: TenantId,
        lane: usize,
        interval: Interval,
        call: &OperationSpan,
        key: &[u8],
    ) -> io::Result<()> {
        self.slice("operation", call.operation.name(), id, lane, interval)?;
        write!(
            self.out,
            r#""outcome":"{}","key_len":{},"value_len":{}"#,
            outcome_name(call.outcome),
            call.key_len,
            call.value_len,
        )?;
        if call.caller != 0 {
            write!(self.out, r#","request":{}"#, call.caller)?;
        }
        if !key.is_empty() {
            write!(self.out, r#","key":"{}""#, escaped(key))?;
            if call.key_len as usize > MAX_KEPT_KEY {
                self.out.write_all(br#","key_cut":true"#)?;
            }
        } else if call.key_hash != 0 {
            write!(self.out, r#","key_hash":"{:016x}""#, call.key_hash)?;
        }
        self.out.write_all(b"}}")
    }

    /// Writes what a tenant held, as counters.
    fn sample(&mut self, sample: &Sample) -> io::Result<()> {
        let Sample { at, tenant, held } = sample;
        let entries = json!({ "entries": held.entries });
        self.counter("entries", *tenant, *at, &entries)?;
        let bytes = json!({
            "payload": held.payload,
            "overhead": held.overhead,
            "free": held.free,
        });
        self.counter("bytes", *tenant, *at, &bytes)
    }

    fn metadata(&mut self, name: &str, id: TenantId, lane: usize, args: &Value) -> io::Result<()> {
        self.next()?;
        let (pid, tid) = (id.0, lane + 1);
        write!(
            self.out,
            r#"{{"ph":"M","name":"{name}","pid":{pid},"tid":{tid},"args":{args}}}"#
        )
    }

    /// Writes a slice up to its arguments, which are written as text: there are so many of them, and none
    /// has anything to escape.
    fn slice(
        &mut self,
        category: &str,
        name: &str,
        id: TenantId,
        lane: usize,
        interval: Interval,
    ) -> io::Result<()> {
        self.next()?;
        // Both ends are rounded in the same way, so that what is inside stays inside.
        let began = self.clock.nanos(interval.began);
        let ended = self.clock.nanos(interval.ended);
        let (at, lasted) = (Micros(began), Micros(ended.saturating_sub(began)));
        let (pid, tid) = (id.0, lane + 1);
        write!(
            self.out,
            r#"{{"ph":"X","cat":"{category}","name":"{name}","pid":{pid},"tid":{tid},"ts":{at},"dur":{lasted},"args":{{"#
        )
    }

    fn counter(&mut self, name: &str, id: TenantId, at: u64, args: &Value) -> io::Result<()> {
        self.next()?;
        let (pid, at) = (id.0, Micros(at));
        write!(
            self.out,
            r#"{{"ph":"C","name":"{name}","pid":{pid},"ts":{at},"args":{args}}}"#
        )
    }

    fn next(&mut self) -> io::Result<()> {
        let separator = if self.first { "\n" } else { ",\n" };
        self.first = false;
        self.out.write_all(separator.as_bytes())
    }
}

fn lane_name(lanes: &Lanes, lane: usize) -> String {
    match lane.checked_sub(lanes.request_lanes) {
        None => format!("requests {}", lane + 1),
        Some(lane) => format!("operations {}", lane + 1),
    }
}

/// Returns bytes as printable ASCII, with `%` and two digits for each other byte, and for `%`, `"` and
/// `\`. So nothing has to be escaped in JSON, which Perfetto does not always understand: it shows `\\` as
/// it is, and rejects a trace with a string that ends with it.
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'%' | b'"' | b'\\' => text.push_str(&format!("%{byte:02X}")),
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

/// Nanoseconds, written as microseconds.
struct Micros(u64);

impl std::fmt::Display for Micros {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:03}", self.0 / 1_000, self.0 % 1_000)
    }
}

#[cfg(test)]
mod tests;
