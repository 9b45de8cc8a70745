//! The counts of the requests of a server.

use crate::metrics::counts::{Counts, add};
use crate::metrics::durations::{BUCKETS, Durations, bucket_of};
use crate::protocol::Protocol;
use std::sync::atomic::{AtomicU64, Ordering};

/// The methods of HTTP. Clients can send any other.
const HTTP_METHODS: [&str; 10] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "other",
];

/// The calls of the sidecar, and of the services for health and reflection. Clients can name any other.
const GRPC_METHODS: [&str; 20] = [
    "Get",
    "GetMany",
    "Contains",
    "Set",
    "SetIf",
    "Increment",
    "Touch",
    "Take",
    "Delete",
    "Apply",
    "Scan",
    "Stats",
    "Pipeline",
    "Mirror",
    "CallGuest",
    "Check",
    "List",
    "Watch",
    "ServerReflectionInfo",
    "other",
];

/// The codes of gRPC, by number.
const GRPC_CODES: [&str; 17] = [
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "PERMISSION_DENIED",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "OUT_OF_RANGE",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "DATA_LOSS",
    "UNAUTHENTICATED",
];

const MIN_HTTP_STATUS: u16 = 100;
const MAX_HTTP_STATUS: u16 = 599;

/// The counters of a kind of request: the sum of the durations, the buckets, requests that were cut off
/// or had no known status, and then each status.
const SUM: usize = 0;
const FIRST_BUCKET: usize = 1;
const CUT_OFF: usize = FIRST_BUCKET + BUCKETS;
const OTHER_STATUS: usize = CUT_OFF + 1;
const FIRST_STATUS: usize = OTHER_STATUS + 1;
const PER_HTTP_METHOD: usize = FIRST_STATUS + (MAX_HTTP_STATUS - MIN_HTTP_STATUS) as usize + 1;
const PER_GRPC_METHOD: usize = FIRST_STATUS + GRPC_CODES.len();

/// Counts requests by protocol, method and status, and times them by protocol and method.
#[derive(Debug)]
pub(crate) struct RequestMetrics {
    http: Counts,
    grpc: Counts,
    http_in_flight: AtomicU64,
    grpc_in_flight: AtomicU64,
}

/// The protocol and the method of a request. There are few.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestKind {
    protocol: Protocol,
    method: u8,
}

/// The counts of the requests of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestCounts {
    pub(crate) protocol: &'static str,
    pub(crate) method: &'static str,
    /// The number of requests that have ended with each status.
    pub(crate) statuses: Vec<(Status, u64)>,
    pub(crate) duration: Durations,
}

/// The status of a request that has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    /// It had none: the client went away, or the request was not served to its end.
    CutOff,
    /// It is not a status of the protocol.
    Other,
    Http(u16),
    /// The number of a code.
    Grpc(u16),
}

impl RequestMetrics {
    fn new() -> Self {
        Self {
            http: Counts::shared(HTTP_METHODS.len() * PER_HTTP_METHOD),
            grpc: Counts::shared(GRPC_METHODS.len() * PER_GRPC_METHOD),
            http_in_flight: AtomicU64::new(0),
            grpc_in_flight: AtomicU64::new(0),
        }
    }

    /// Counts a request that begins. `method` is that of HTTP, or the name or the path of a call.
    pub(crate) fn begin(&self, protocol: Protocol, method: &str) -> RequestKind {
        self.in_flight_of(protocol).fetch_add(1, Ordering::Relaxed);
        RequestKind::new(protocol, method)
    }

    /// Counts a request that has ended, with its status; `None` if it was cut off.
    pub(crate) fn end(&self, kind: RequestKind, status: Option<u16>, nanos: u64) {
        let in_flight = self.in_flight_of(kind.protocol);
        in_flight.fetch_sub(1, Ordering::Relaxed);
        let (counts, per_method) = self.counts(kind.protocol);
        let first = usize::from(kind.method) * per_method;
        let status = first + status_index(kind.protocol, status);
        let counts = counts.of_thread();
        add(counts, first + SUM, nanos);
        add(counts, first + FIRST_BUCKET + bucket_of(nanos), 1);
        add(counts, status, 1);
    }

    /// Returns the number of requests that have begun and not ended.
    pub(crate) fn in_flight(&self, protocol: Protocol) -> u64 {
        self.in_flight_of(protocol).load(Ordering::Relaxed)
    }

    /// Returns the counts of the kinds of requests that there were.
    pub(crate) fn read(&self) -> Vec<RequestCounts> {
        let protocols = [Protocol::Http, Protocol::Grpc].into_iter();
        let kinds = protocols.flat_map(|protocol| {
            let methods = 0_u8..;
            let methods = methods.zip(methods_of(protocol));
            methods.map(move |(method, _)| RequestKind { protocol, method })
        });
        kinds.filter_map(|kind| self.read_one(kind)).collect()
    }

    fn read_one(&self, kind: RequestKind) -> Option<RequestCounts> {
        let (counts, per_method) = self.counts(kind.protocol);
        let first = usize::from(kind.method) * per_method;
        let count = |index| counts.get(first + index);
        let buckets = FIRST_BUCKET..FIRST_BUCKET + BUCKETS;
        let duration = Durations::new(count(SUM), buckets.map(count).collect());
        if duration.count == 0 {
            return None;
        }
        let statuses = (CUT_OFF..per_method)
            .map(|index| (status_at(kind.protocol, index), count(index)))
            .filter(|(_, count)| *count > 0);
        Some(RequestCounts {
            protocol: protocol_name(kind.protocol),
            method: kind.method(),
            statuses: statuses.collect(),
            duration,
        })
    }

    fn counts(&self, protocol: Protocol) -> (&Counts, usize) {
        match protocol {
            Protocol::Http => (&self.http, PER_HTTP_METHOD),
            Protocol::Grpc => (&self.grpc, PER_GRPC_METHOD),
        }
    }

    fn in_flight_of(&self, protocol: Protocol) -> &AtomicU64 {
        match protocol {
            Protocol::Http => &self.http_in_flight,
            Protocol::Grpc => &self.grpc_in_flight,
        }
    }
}

impl Default for RequestMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestKind {
    /// Returns the kind of a request: an unknown method is `other`.
    fn new(protocol: Protocol, method: &str) -> Self {
        let method = match protocol {
            Protocol::Http => method,
            Protocol::Grpc => method.rsplit('/').next().unwrap_or(method),
        };
        let methods = methods_of(protocol);
        let known = methods.iter().position(|known| *known == method);
        let number = known.unwrap_or(methods.len() - 1);
        let method = u8::try_from(number).unwrap_or_default();
        Self { protocol, method }
    }

    /// Returns the protocol.
    pub(crate) fn protocol(self) -> Protocol {
        self.protocol
    }

    /// Returns the method, which is one of a few: `other` stands for all others.
    pub(crate) fn method(self) -> &'static str {
        let methods = methods_of(self.protocol);
        methods.get(usize::from(self.method)).unwrap_or(&"other")
    }
}

impl RequestCounts {
    /// Returns the number of requests that the server could not answer, or did not.
    pub(crate) fn failed(&self) -> u64 {
        let failed = self
            .statuses
            .iter()
            .filter(|(status, _)| status.is_failure());
        failed.map(|(_, count)| count).sum()
    }
}

impl Status {
    /// Returns the status of a request that has ended; `None` means that it was cut off.
    pub(crate) fn new(protocol: Protocol, status: Option<u16>) -> Self {
        status_at(protocol, status_index(protocol, status))
    }

    /// Returns `true` for a request that was cut off, a status of HTTP from 500, and each code of gRPC
    /// but `OK`.
    pub(crate) fn is_failure(self) -> bool {
        match self {
            Self::CutOff => true,
            Self::Other => false,
            Self::Http(status) => status >= 500,
            Self::Grpc(code) => code > 0,
        }
    }

    /// Returns the name in metrics: a number of HTTP, or the name of a code.
    pub(crate) fn name(self) -> String {
        match self {
            Self::CutOff => "cut_off".into(),
            Self::Other => "other".into(),
            Self::Http(status) => status.to_string(),
            Self::Grpc(code) => {
                let name = GRPC_CODES.get(usize::from(code)).copied();
                name.unwrap_or("other").into()
            }
        }
    }
}

/// Returns the name of a protocol in metrics.
pub(crate) fn protocol_name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Http => "http",
        Protocol::Grpc => "grpc",
    }
}

fn methods_of(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::Http => &HTTP_METHODS,
        Protocol::Grpc => &GRPC_METHODS,
    }
}

/// Returns the number of the counter of a status.
fn status_index(protocol: Protocol, status: Option<u16>) -> usize {
    let Some(status) = status else {
        return CUT_OFF;
    };
    let (min, max) = match protocol {
        Protocol::Http => (MIN_HTTP_STATUS, MAX_HTTP_STATUS),
        Protocol::Grpc => (0, 16),
    };
    if (min..=max).contains(&status) {
        FIRST_STATUS + usize::from(status - min)
    } else {
        OTHER_STATUS
    }
}

/// Returns the status of a counter.
fn status_at(protocol: Protocol, index: usize) -> Status {
    let number = index.checked_sub(FIRST_STATUS);
    let number = number.and_then(|number| u16::try_from(number).ok());
    match (protocol, number) {
        (Protocol::Http, Some(number)) => Status::Http(MIN_HTTP_STATUS + number),
        (Protocol::Grpc, Some(number)) => Status::Grpc(number),
        (_, None) if index == CUT_OFF => Status::CutOff,
        (_, None) => Status::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_in_flight_until_it_ends() {
        let requests = RequestMetrics::new();
        let kind = requests.begin(Protocol::Http, "GET");
        requests.begin(Protocol::Http, "GET");
        assert_eq!(requests.in_flight(Protocol::Http), 2);
        assert_eq!(requests.in_flight(Protocol::Grpc), 0);
        assert_eq!(requests.read(), []);
        requests.end(kind, Some(200), 5);
        assert_eq!(requests.in_flight(Protocol::Http), 1);
        assert_eq!(requests.read().len(), 1);
    }

    #[test]
    fn requests_are_counted_by_method_and_status() {
        let requests = RequestMetrics::new();
        let calls = [
            (Protocol::Http, "GET", Some(599)),
            (Protocol::Http, "GET", Some(100)),
            (Protocol::Http, "PATCH", None),
            (Protocol::Http, "PATCH", Some(600)),
            (Protocol::Grpc, "/localmap.sidecar.v1.Maps/SetIf", Some(16)),
            (Protocol::Grpc, "SetIf", Some(0)),
        ];
        for (protocol, method, status) in calls {
            requests.end(requests.begin(protocol, method), status, 1_000);
        }
        let read = requests.read();
        let seen = |index: usize| {
            let RequestCounts {
                method, statuses, ..
            } = &read[index];
            let statuses = statuses
                .iter()
                .map(|(status, count)| (status.name(), *count));
            (*method, statuses.collect::<Vec<_>>())
        };
        assert_eq!(seen(0), ("GET", vec![("100".into(), 1), ("599".into(), 1)]));
        assert_eq!(
            seen(1),
            ("PATCH", vec![("cut_off".into(), 1), ("other".into(), 1)])
        );
        assert_eq!(
            seen(2),
            (
                "SetIf",
                vec![("OK".into(), 1), ("UNAUTHENTICATED".into(), 1)]
            )
        );
        let failed: Vec<u64> = read.iter().map(RequestCounts::failed).collect();
        assert_eq!(failed, [1, 1, 1]);
        assert_eq!(read[2].duration.sum_ns, 2_000);
    }

    #[test]
    fn methods_of_clients_do_not_add_labels() {
        let requests = RequestMetrics::new();
        for number in 0..1_000 {
            let method = format!("X{number}\"\n");
            for protocol in [Protocol::Http, Protocol::Grpc] {
                requests.end(requests.begin(protocol, &method), Some(404), 1);
            }
        }
        let read = requests.read();
        let methods: Vec<_> = read.iter().map(|counts| counts.method).collect();
        assert_eq!(methods, ["other", "other"]);
    }
}
