//! A trace, as viewers read it.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// The content of a file that `--trace` has written.
pub(crate) struct Trace(Value);

/// A span of a request or an operation.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) name: String,
    /// The name of its tenant.
    pub(crate) tenant: String,
    pub(crate) args: Value,
    track: (u64, u64),
    /// In nanoseconds.
    began: u64,
    ended: u64,
}

impl Trace {
    /// Reads the file, which must be whole.
    pub(crate) fn read(path: &Path) -> Self {
        let bytes = std::fs::read(path).expect("it was written");
        let trace: Value = serde_json::from_slice(&bytes).expect("it is JSON");
        assert_eq!(trace["otherData"]["lost_spans"], 0);
        Self(trace)
    }

    fn events(&self) -> &[Value] {
        self.0["traceEvents"].as_array().expect("events")
    }

    fn tenants(&self) -> BTreeMap<u64, String> {
        let names = self.events().iter();
        let names = names.filter(|event| event["name"] == "process_name");
        names
            .map(|event| (number(&event["pid"]), text(&event["args"]["name"])))
            .collect()
    }

    fn spans(&self, category: &str) -> Vec<Span> {
        let tenants = self.tenants();
        let spans = self.events().iter();
        let spans = spans.filter(|event| event["ph"] == "X" && event["cat"] == category);
        spans
            .map(|event| Span {
                name: text(&event["name"]),
                tenant: tenants[&number(&event["pid"])].clone(),
                args: event["args"].clone(),
                track: (number(&event["pid"]), number(&event["tid"])),
                began: nanos(&event["ts"]),
                ended: nanos(&event["ts"]) + nanos(&event["dur"]),
            })
            .collect()
    }

    pub(crate) fn requests(&self) -> Vec<Span> {
        self.spans("request")
    }

    pub(crate) fn operations(&self) -> Vec<Span> {
        self.spans("operation")
    }

    /// Returns the request of an operation, in which it must lie.
    pub(crate) fn request_of(&self, operation: &Span) -> Span {
        let number = &operation.args["request"];
        let requests = self.requests().into_iter();
        let mut requests = requests.filter(|request| request.args["request"] == *number);
        let request = requests.next().expect("a request");
        assert_eq!(request.track, operation.track, "{request:?} {operation:?}");
        assert!(
            request.began <= operation.began,
            "{request:?} {operation:?}"
        );
        assert!(
            operation.ended <= request.ended,
            "{request:?} {operation:?}"
        );
        request
    }

    /// Returns the operations by tenant and name, with their outcomes, in order.
    pub(crate) fn outcomes(&self, tenant: &str, operation: &str) -> Vec<String> {
        let operations = self.operations().into_iter();
        operations
            .filter(|span| span.tenant == tenant && span.name == operation)
            .map(|span| text(&span.args["outcome"]))
            .collect()
    }
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

/// Reads microseconds with a fraction. Numbers of the length that tests have keep all of their digits.
fn nanos(value: &Value) -> u64 {
    let text = value.to_string();
    let (micros, nanos) = text.split_once('.').unwrap_or((&text, ""));
    format!("{micros}{nanos:0<3}").parse().expect("a number")
}
