//! A request as telemetry sees it: its number, and the trace to which it belongs, whose headers of
//! [W3C Trace Context](https://www.w3.org/TR/trace-context/) go through its guest.

use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use localmap_telemetry::{Protocol, Request, Telemetry, TraceParent};
use std::fmt;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// The request on whose behalf a guest runs: for [`Sandbox::set_caller`](crate::Sandbox::set_caller).
/// The default is one that nobody observes.
///
/// ```
/// use localmap_serve::Caller;
/// use localmap_serve::hyper::HeaderMap;
/// use localmap_telemetry::{Protocol, Telemetry, TelemetryOptions};
///
/// let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
/// let mut headers = HeaderMap::new();
/// let (request, caller) = Caller::begin(&telemetry, Protocol::Http, "GET", &mut headers);
/// assert_eq!(request.caller(), caller.number());
/// request.end(200);
/// ```
#[derive(Clone, Default)]
pub struct Caller {
    number: u64,
    trace: Option<Trace>,
}

/// A trace that continues in the requests that a guest sends.
#[derive(Clone)]
struct Trace {
    parent: TraceParent,
    state: Vec<HeaderValue>,
}

impl Caller {
    /// Begins a request in the trace that its header `traceparent` names. If the request has a span,
    /// the header then names this span. See [`Caller`] for an example.
    ///
    /// A header that is malformed, or that occurs twice, is none. As the specification says, a span
    /// then begins a trace of its own, without the `tracestate` of another. Without spans, the headers
    /// stay as they are.
    pub fn begin(
        telemetry: &Telemetry,
        protocol: Protocol,
        method: &str,
        headers: &mut HeaderMap,
    ) -> (Request, Self) {
        let parent = parent(headers);
        let request = telemetry.begin_request(protocol, method, parent);
        let to_pass_on = request.to_pass_on();
        if let Some(span) = to_pass_on
            && to_pass_on != parent
            && let Some(value) = value(span)
        {
            headers.insert(TRACEPARENT, value);
            if parent.is_none() {
                headers.remove(TRACESTATE);
            }
        }
        let trace = to_pass_on.map(|parent| Trace {
            parent,
            state: headers.get_all(TRACESTATE).iter().cloned().collect(),
        });
        let caller = Self {
            number: request.caller(),
            trace,
        };
        (request, caller)
    }

    /// Returns the number of the request, or 0 if nobody observes it. See [`Caller`] for an example.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Continues the trace in a request that the guest sends, unless it has a trace of its own.
    pub(crate) fn pass_on(&self, headers: &mut HeaderMap) {
        if let Some(Trace { parent, state }) = &self.trace
            && !headers.contains_key(TRACEPARENT)
            && let Some(value) = value(*parent)
        {
            headers.insert(TRACEPARENT, value);
            headers.remove(TRACESTATE);
            for value in state {
                headers.append(TRACESTATE, value.clone());
            }
        }
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Caller")
            .field("number", &self.number)
            .field("parent", &self.trace.as_ref().map(|trace| trace.parent))
            .finish_non_exhaustive()
    }
}

/// Returns the parent of a request, if its header is valid.
fn parent(headers: &HeaderMap) -> Option<TraceParent> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok()?.parse().ok(),
        _ => None,
    }
}

fn value(parent: TraceParent) -> Option<HeaderValue> {
    HeaderValue::try_from(parent.to_string()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use localmap_telemetry::TelemetryOptions;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn headers(of: &[(HeaderName, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in of {
            headers.append(name, HeaderValue::from_static(value));
        }
        headers
    }

    fn begin(options: TelemetryOptions, headers: &mut HeaderMap) -> (Request, Caller) {
        Caller::begin(&Telemetry::new(options), Protocol::Http, "GET", headers)
    }

    #[test]
    fn without_spans_the_headers_stay_as_they_are() {
        let later = "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more";
        for values in [
            &[PARENT] as &[_],
            &[PARENT, PARENT],
            &["malformed"],
            &[later],
            &[],
        ] {
            let parents = values.iter().map(|value| (TRACEPARENT, *value));
            let state = [(TRACESTATE, "a=1"), (TRACESTATE, "b=2")];
            let before = headers(&parents.chain(state).collect::<Vec<_>>());
            let mut after = before.clone();
            let _ = begin(TelemetryOptions::new().metrics(true), &mut after);
            assert_eq!(before, after);
        }
    }

    #[test]
    fn with_spans_the_guest_sees_that_of_its_request() {
        let mut valid = headers(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=1")]);
        let options = TelemetryOptions::new().trace_spans(10);
        let (request, _) = begin(options.clone(), &mut valid);
        let span = request.to_pass_on().expect("it has a span");
        assert_eq!(valid[TRACEPARENT], span.to_string());
        assert_eq!(
            span.trace,
            PARENT.parse::<TraceParent>().expect("valid").trace
        );
        assert_eq!(valid[TRACESTATE], "a=1");
        // None of these is a parent, so the state belongs to no trace.
        for values in [&[PARENT, PARENT] as &[_], &["malformed"], &[]] {
            let parents = values.iter().map(|value| (TRACEPARENT, *value));
            let mut other = headers(&parents.chain([(TRACESTATE, "a=1")]).collect::<Vec<_>>());
            let (request, _) = begin(options.clone(), &mut other);
            let span = request.to_pass_on().expect("it has a span");
            let expected = [HeaderValue::try_from(span.to_string()).expect("it is text")];
            assert!(other.get_all(TRACEPARENT).iter().eq(&expected));
            assert!(!other.contains_key(TRACESTATE));
        }
    }

    #[test]
    fn a_request_of_a_guest_has_the_trace_unless_it_has_one_of_its_own() {
        let mut incoming = headers(&[(TRACEPARENT, PARENT), (TRACESTATE, "a=1")]);
        let (_, caller) = begin(TelemetryOptions::new().metrics(true), &mut incoming);
        let mut sent = headers(&[(TRACESTATE, "of=nothing")]);
        caller.pass_on(&mut sent);
        assert_eq!(sent, incoming);
        let own = headers(&[(TRACEPARENT, "its own")]);
        let mut sent = own.clone();
        caller.pass_on(&mut sent);
        assert_eq!(sent, own);
        let mut sent = HeaderMap::new();
        Caller::default().pass_on(&mut sent);
        assert!(sent.is_empty());
    }
}
