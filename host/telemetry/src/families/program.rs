//! Metrics of the program, of operations and of requests.

use crate::family::{Family, Kind, Value};
use crate::metrics::outcome::OUTCOME_NAMES;
use crate::metrics::requests::protocol_name;
use crate::protocol::Protocol;
use crate::shared::Shared;

/// The version of Wasmtime that `localmap` uses.
const WASMTIME_VERSION: &str = "48.0.8";

pub(crate) fn families(shared: &Shared) -> Vec<Family> {
    let mut all = vec![
        build(),
        Family::gauges(
            "localmap_ready",
            "Whether the program serves requests: 1 or 0.",
        )
        .is(shared.is_ready().into()),
    ];
    all.extend(operations(shared));
    all.extend(requests(shared));
    all
}

fn build() -> Family {
    let help = "The versions of localmap and of Wasmtime.";
    let versions = [
        ("version", env!("CARGO_PKG_VERSION")),
        ("wasmtime", WASMTIME_VERSION),
    ];
    Family::new(Kind::Info, "localmap_build", help).with(versions, Value::Count(1))
}

fn operations(shared: &Shared) -> [Family; 2] {
    let mut outcomes = Family::counters("localmap_operations", "Operations of maps, by outcome.");
    let mut durations = Family::durations(
        "localmap_operation_duration",
        "The duration of operations of maps.",
    );
    for (class, counts) in shared.metrics.classes() {
        for counts in counts.read() {
            let labels = [("class", &*class), ("operation", counts.operation.name())];
            let [class, operation] = labels;
            for (outcome, count) in OUTCOME_NAMES.into_iter().zip(counts.outcomes) {
                if count > 0 {
                    let labels = [class, operation, ("outcome", outcome)];
                    outcomes = outcomes.with(labels, Value::Count(count));
                }
            }
            durations = durations.with(labels, Value::Durations(counts.duration));
        }
    }
    [outcomes, durations]
}

fn requests(shared: &Shared) -> [Family; 3] {
    let help = "Requests that have ended, by status.";
    let mut statuses = Family::counters("localmap_requests", help);
    let mut durations = Family::durations("localmap_request_duration", "The duration of requests.");
    let help = "Requests that have not ended.";
    let mut in_flight = Family::gauges("localmap_requests_in_flight", help);
    let requests = &shared.metrics.requests;
    for counts in requests.read() {
        let labels = [("protocol", counts.protocol), ("method", counts.method)];
        let [protocol, method] = labels;
        for (status, count) in counts.statuses {
            let labels = [protocol, method, ("status", &*status.name())];
            statuses = statuses.with(labels, Value::Count(count));
        }
        durations = durations.with(labels, Value::Durations(counts.duration));
    }
    for protocol in [Protocol::Http, Protocol::Grpc] {
        let count = Value::Count(requests.in_flight(protocol));
        in_flight = in_flight.with([("protocol", protocol_name(protocol))], count);
    }
    [statuses, durations, in_flight]
}
