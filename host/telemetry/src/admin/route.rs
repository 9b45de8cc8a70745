//! The paths of the admin address, and the headers of its responses.

use super::host_header::{self, Reached};
use super::maps::MapsBody;
use super::page;
use super::query::Query;
use super::stats::{StatsBody, age_ms};
use crate::telemetry::Telemetry;
use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Answers the requests of all connections.
pub(super) struct Routes {
    telemetry: Telemetry,
    reached: Reached,
    /// One download of a trace at a time, since each takes the memory of all spans.
    downloads: Arc<Semaphore>,
}

/// Bytes of a trace, until they have been sent.
struct Download {
    bytes: Vec<u8>,
    _permit: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Download {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

type Answer = Response<Full<Bytes>>;

/// The paths, for those that ask for another one.
const PATHS: &str = "the paths are /, /metrics, /stats, /maps, /trace, /healthz and /readyz";

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// Of all responses: nothing is kept, run, framed, or read by other sites.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CACHE_CONTROL, "no-store"),
    (header::CONTENT_SECURITY_POLICY, page::POLICY),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

impl Routes {
    pub(super) fn new(telemetry: &Telemetry, reached: Reached) -> Self {
        Self {
            telemetry: telemetry.clone(),
            reached,
            downloads: Arc::new(Semaphore::new(1)),
        }
    }

    /// Answers a request.
    pub(super) fn answer<B>(&self, request: &Request<B>) -> Answer {
        let mut answer = match host_header::check(self.reached, request) {
            Ok(()) => self.route(request),
            Err((status, hint)) => failure(status, hint),
        };
        for (name, value) in HEADERS {
            let value = HeaderValue::from_static(value);
            answer.headers_mut().insert(name, value);
        }
        answer
    }

    fn route<B>(&self, request: &Request<B>) -> Answer {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = failure(StatusCode::METHOD_NOT_ALLOWED, "use GET or HEAD");
            let allow = HeaderValue::from_static("GET, HEAD");
            answer.headers_mut().insert(header::ALLOW, allow);
            return answer;
        }
        let path = request.uri().path();
        match path {
            "/metrics" => self.metrics(request),
            "/stats" => {
                let overview = self.telemetry.shared.overview();
                json(&StatsBody::new(&self.telemetry, &overview))
            }
            "/maps" => self.maps(request.uri().query().unwrap_or_default()),
            "/trace" => self.trace(),
            "/healthz" => ok(TEXT, "ok\n"),
            "/readyz" if self.telemetry.is_ready() => ok(TEXT, "ready\n"),
            "/readyz" => failure(StatusCode::SERVICE_UNAVAILABLE, "not ready"),
            _ => match page::file(path) {
                Some((content_type, text)) => ok(content_type, text),
                None => failure(StatusCode::NOT_FOUND, PATHS),
            },
        }
    }

    fn metrics<B>(&self, request: &Request<B>) -> Answer {
        let accept = request.headers().get(header::ACCEPT);
        let accept = accept.and_then(|accept| accept.to_str().ok());
        let metrics = self.telemetry.render_metrics(accept.unwrap_or_default());
        let mut answer = ok(metrics.content_type, metrics.body);
        let vary = HeaderValue::from_static("accept");
        answer.headers_mut().insert(header::VARY, vary);
        answer
    }

    fn maps(&self, query: &str) -> Answer {
        let query = match Query::parse(query) {
            Ok(query) => query,
            Err(hint) => return failure(StatusCode::BAD_REQUEST, &hint),
        };
        let shared = &self.telemetry.shared;
        let overview = shared.overview();
        let age = age_ms(shared.now(), &overview);
        json(&MapsBody::new(&overview, age, &shared.names, &query))
    }

    fn trace(&self) -> Answer {
        if !self.telemetry.keeps_spans() {
            let hint = "no spans are kept: start the program with --trace FILE";
            return failure(StatusCode::NOT_FOUND, hint);
        }
        let Ok(permit) = Arc::clone(&self.downloads).try_acquire_owned() else {
            let hint = "another download of the trace is running: try again when it has ended";
            return failure(StatusCode::SERVICE_UNAVAILABLE, hint);
        };
        let mut bytes = Vec::new();
        if let Err(error) = self.telemetry.write_trace(&mut bytes) {
            return failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string());
        }
        let download = Download {
            bytes,
            _permit: permit,
        };
        let mut answer = ok(JSON, Bytes::from_owner(download));
        let disposition = HeaderValue::from_static("attachment; filename=\"localmap-trace.json\"");
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_DISPOSITION, disposition);
        answer
    }
}

fn ok(content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    let content_type = HeaderValue::from_static(content_type);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    answer
}

fn json(body: &impl Serialize) -> Answer {
    match serde_json::to_vec(body) {
        Ok(body) => ok(JSON, body),
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// A line that says what to do.
fn failure(status: StatusCode, hint: &str) -> Answer {
    let mut answer = ok(TEXT, format!("{hint}\n"));
    *answer.status_mut() = status;
    answer
}
