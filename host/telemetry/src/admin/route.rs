//! The paths of the admin address, and the headers of its responses.

use super::body::AnswerBody;
use super::host_header::{self, Reached};
use super::json;
use super::maps::MapsBody;
use super::page;
use super::query::Query;
use super::stats::{StatsBody, age_ms};
use crate::telemetry::Telemetry;
use bytes::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};
use serde::Serialize;
use std::io;
use std::sync::Arc;
use std::thread;
use tokio::sync::{Semaphore, oneshot};

/// Answers the requests of all connections. What takes more than a moment is rendered on another thread,
/// so that `/healthz` and `/readyz` never wait for it.
pub(super) struct Routes {
    telemetry: Telemetry,
    reached: Reached,
    /// One download of a trace at a time, since each takes the memory of all spans.
    downloads: Arc<Semaphore>,
    /// One rendering of anything else at a time.
    renderings: Arc<Semaphore>,
}

type Answer = Response<AnswerBody>;

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
            renderings: Arc::new(Semaphore::new(1)),
        }
    }

    /// Answers a request.
    pub(super) async fn answer<B>(&self, request: &Request<B>) -> Answer {
        let mut answer = match host_header::check(self.reached, request) {
            Ok(()) => self.route(request).await,
            Err((status, hint)) => failure(status, hint),
        };
        for (name, value) in HEADERS {
            let value = HeaderValue::from_static(value);
            answer.headers_mut().insert(name, value);
        }
        answer
    }

    async fn route<B>(&self, request: &Request<B>) -> Answer {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = failure(StatusCode::METHOD_NOT_ALLOWED, "use GET or HEAD");
            let allow = HeaderValue::from_static("GET, HEAD");
            answer.headers_mut().insert(header::ALLOW, allow);
            return answer;
        }
        let path = request.uri().path();
        match path {
            "/metrics" => {
                let accept = request.headers().get(header::ACCEPT);
                let accept = accept.and_then(|accept| accept.to_str().ok());
                let accept = accept.unwrap_or_default().to_owned();
                self.render(move |telemetry| metrics(telemetry, &accept))
                    .await
            }
            "/stats" => self.render(stats).await,
            "/maps" => match Query::parse(request.uri().query().unwrap_or_default()) {
                Ok(query) => self.render(move |telemetry| maps(telemetry, &query)).await,
                Err(hint) => failure(StatusCode::BAD_REQUEST, &hint),
            },
            "/trace" => self.trace(request.method()),
            "/healthz" => ok(TEXT, Bytes::from("ok\n")),
            "/readyz" if self.telemetry.is_ready() => ok(TEXT, Bytes::from("ready\n")),
            "/readyz" => failure(StatusCode::SERVICE_UNAVAILABLE, "not ready"),
            _ => match page::file(path) {
                Some((content_type, text)) => ok(content_type, Bytes::from(text)),
                None => failure(StatusCode::NOT_FOUND, PATHS),
            },
        }
    }

    /// Renders an answer on another thread.
    async fn render(&self, answer: impl FnOnce(&Telemetry) -> Answer + Send + 'static) -> Answer {
        // The semaphore is never closed.
        let permit = Arc::clone(&self.renderings).acquire_owned().await;
        let telemetry = self.telemetry.clone();
        let (done, rendered) = oneshot::channel();
        let started = on_thread(move || {
            // The client may be gone.
            let _ = done.send(answer(&telemetry));
            drop(permit);
        });
        if let Err(error) = started {
            return failure(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
        }
        let lost = |_| failure(StatusCode::INTERNAL_SERVER_ERROR, "there is no answer");
        rendered.await.unwrap_or_else(lost)
    }

    /// Sends a trace while it is rendered.
    fn trace(&self, method: &Method) -> Answer {
        if !self.telemetry.keeps_spans() {
            let hint = "no spans are kept: start the program with --trace FILE or --trace-spans N";
            return failure(StatusCode::NOT_FOUND, hint);
        }
        let (body, mut parts) = AnswerBody::of_parts();
        if method != Method::HEAD {
            let Ok(permit) = Arc::clone(&self.downloads).try_acquire_owned() else {
                let hint = "another download of the trace is running: try again when it has ended";
                return failure(StatusCode::SERVICE_UNAVAILABLE, hint);
            };
            let telemetry = self.telemetry.clone();
            let started = on_thread(move || {
                // It fails when the client is gone, which concerns nobody else.
                let _ = telemetry.write_trace(&mut parts);
                drop(permit);
            });
            if let Err(error) = started {
                return failure(StatusCode::SERVICE_UNAVAILABLE, &error.to_string());
            }
        }
        let mut answer = ok(JSON, body);
        let disposition = HeaderValue::from_static("attachment; filename=\"localmap-trace.json\"");
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_DISPOSITION, disposition);
        answer
    }
}

/// Starts a thread, which has the niceness of this one.
fn on_thread(render: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name("admin-render".to_owned());
    thread.spawn(render).map(drop)
}

fn metrics(telemetry: &Telemetry, accept: &str) -> Answer {
    let metrics = telemetry.render_metrics(accept);
    let mut answer = ok(metrics.content_type, Bytes::from(metrics.body));
    let vary = HeaderValue::from_static("accept");
    answer.headers_mut().insert(header::VARY, vary);
    answer
}

fn stats(telemetry: &Telemetry) -> Answer {
    let overview = telemetry.shared.overview();
    json(&StatsBody::new(telemetry, &overview))
}

fn maps(telemetry: &Telemetry, query: &Query) -> Answer {
    let shared = &telemetry.shared;
    let overview = shared.overview();
    let age = age_ms(shared.now(), &overview);
    json(&MapsBody::new(&overview, age, &shared.names, query))
}

fn ok(content_type: &'static str, body: impl Into<AnswerBody>) -> Answer {
    let mut answer = Response::new(body.into());
    let content_type = HeaderValue::from_static(content_type);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    answer
}

fn json(body: &impl Serialize) -> Answer {
    match json::to_vec(body) {
        Ok(body) => ok(JSON, Bytes::from(body)),
        Err(error) => failure(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// A line that says what to do.
fn failure(status: StatusCode, hint: &str) -> Answer {
    let mut answer = ok(TEXT, Bytes::from(format!("{hint}\n")));
    *answer.status_mut() = status;
    answer
}
