//! One request: its map, its store, its response.

use super::answer::Answer;
use super::app::Call;
use super::connection::Connection;
use super::maps::{Lease, NoMap};
use super::record::Record;
use super::server::{Running, Server};
use super::upload::Upload;
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use localmap::MapTerminated;
use localmap::wasmtime::{Error, Trap};
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use wasmtime_wasi::I32Exit;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

/// Why a request has no response of its guest.
struct Failure {
    status: StatusCode,
    /// For the log.
    cause: String,
}

impl Failure {
    fn new(status: StatusCode, cause: impl Into<String>) -> Self {
        let cause = cause.into();
        Self { status, cause }
    }

    fn of_guest(cause: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, cause)
    }

    /// What the client is told of it.
    fn text(&self) -> &str {
        match self.status {
            StatusCode::GATEWAY_TIMEOUT => "the guest ran out of time",
            StatusCode::SERVICE_UNAVAILABLE => "there is no room for one more request",
            StatusCode::INTERNAL_SERVER_ERROR => "the guest failed",
            _ => &self.cause,
        }
    }
}

/// Answers a request.
pub(super) async fn answer(
    server: Arc<Server>,
    connection: Arc<Connection>,
    request: Request<Incoming>,
) -> Response<Answer> {
    let record = Arc::new(Record::new(server.log(), connection.peer, &request));
    let old = request.version() < Version::HTTP_11;
    let mut response = match respond(&server, &connection, request, &record).await {
        Ok(response) => Answer::of_guest(record, response),
        Err(failure) => {
            record.cause(&failure.cause);
            Answer::text(record, failure.status, failure.text())
        }
    };
    // The end of the connection is that of the body, and hyper would promise otherwise.
    let known = response.headers().contains_key(CONTENT_LENGTH)
        || response.body().size_hint().exact().is_some();
    if old && !known {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
    response
}

async fn respond(
    server: &Arc<Server>,
    connection: &Connection,
    mut request: Request<Incoming>,
    record: &Arc<Record>,
) -> Result<Response<HyperOutgoingBody>, Failure> {
    check_request(&mut request, connection)?;
    let Some((running, permit)) = server.admit() else {
        let cause = "too many requests at a time";
        return Err(Failure::new(StatusCode::SERVICE_UNAVAILABLE, cause));
    };
    let leased = server
        .maps
        .lease(request.headers(), &connection.map, record);
    let (map, lease) = leased.map_err(|refused| match refused {
        NoMap::Header(why) => Failure::new(StatusCode::BAD_REQUEST, why),
        NoMap::TooMany => Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "there are as many maps as --max-maps allows",
        ),
        NoMap::Failed(error) => Failure::of_guest(format!("no map: {error:#}")),
    })?;
    let expects = request.headers().contains_key(EXPECT);
    let request = request.map(|body| Upload::new(body, expects));
    let called = server.app.call(map, request);
    let (call, response) = called.map_err(|error| Failure::of_guest(format!("{error:#}")))?;
    let task = tokio::spawn(run(Job {
        running,
        permit,
        lease,
        server: Arc::clone(server),
        record: Arc::clone(record),
        call,
    }));
    match response.await {
        Ok(Ok(response)) => check_response(response, record),
        Ok(Err(code)) => Err(Failure::of_guest(format!(
            "the guest answered with the error {code:?}"
        ))),
        // Its store is gone, or it has thrown away what it answers with.
        Err(_) => Err(match task.await {
            Ok(Ok(())) => Failure::of_guest("the guest gave no response"),
            Ok(Err(failure)) => failure,
            Err(panic) => Failure::of_guest(format!("the host failed: {panic}")),
        }),
    }
}

/// What a guest runs with. It goes on where the client leaves.
struct Job {
    running: Running,
    permit: OwnedSemaphorePermit,
    lease: Lease,
    server: Arc<Server>,
    record: Arc<Record>,
    call: Call,
}

/// Runs the guest to its end, which is that of its store.
async fn run(job: Job) -> Result<(), Failure> {
    // In this order, so that they end in the other.
    let _held = (job.running, job.permit);
    let _lease = job.lease;
    let mut call = job.call;
    let mut unfinished = Unfinished(Some(job.record));
    let limit = job.server.app.timeout();
    let ended = timeout(limit, job.server.app.handle(&mut call)).await;
    let done = match ended {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(Failure::of_guest(cause(&error))),
        Err(_) => Err(Failure::new(
            StatusCode::GATEWAY_TIMEOUT,
            format!(
                "the guest ran out of its time of {}",
                humantime::format_duration(limit)
            ),
        )),
    };
    match &done {
        Ok(()) => unfinished.0 = None,
        Err(failure) => unfinished.fail(&failure.cause),
    }
    drop(call);
    done
}

/// A guest that has not ended well: if the rest is not reached, its response is cut.
struct Unfinished(Option<Arc<Record>>);

impl Unfinished {
    fn fail(&mut self, cause: &str) {
        if let Some(record) = self.0.take() {
            record.fail(cause);
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        self.fail("the host failed");
    }
}

/// Why a guest has ended, in a line.
fn cause(error: &Error) -> String {
    if let Some(dead) = error.downcast_ref::<MapTerminated>() {
        return dead.to_string();
    }
    if let Some(exit) = error.downcast_ref::<I32Exit>() {
        return format!("the guest exited with code {}", exit.0);
    }
    match error.downcast_ref::<Trap>() {
        Some(trap) => {
            let trap = trap.to_string();
            let what = trap.strip_prefix("wasm trap: ").unwrap_or(&trap);
            format!("the guest trapped: {what}")
        }
        None => format!("the guest failed: {}", error.root_cause()),
    }
}

/// Refuses what no guest can be called with.
fn check_request(request: &mut Request<Incoming>, connection: &Connection) -> Result<(), Failure> {
    let refuse = |status, why: &str| Err(Failure::new(status, why));
    if *request.method() == Method::CONNECT {
        return refuse(
            StatusCode::NOT_IMPLEMENTED,
            "there is nothing to CONNECT to",
        );
    }
    if request.uri().authority().is_some() {
        return Ok(());
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if host.to_str().is_ok() => Ok(()),
        // It was not always there, and a guest must be told something.
        (None, _) if request.version() < Version::HTTP_11 => {
            let local = HeaderValue::from_str(&connection.local.to_string());
            let headers = request.headers_mut();
            headers.extend(local.ok().map(|local| (HOST, local)));
            Ok(())
        }
        _ => refuse(
            StatusCode::BAD_REQUEST,
            "the header `host` must be there once, in ASCII",
        ),
    }
}

/// Refuses what would leave the client waiting, or lead it astray.
fn check_response(
    response: Response<HyperOutgoingBody>,
    record: &Record,
) -> Result<Response<HyperOutgoingBody>, Failure> {
    let status = response.status();
    if status.is_informational() {
        let cause = format!("the guest gave the status {status}, which is none of a response");
        return Err(Failure::of_guest(cause));
    }
    let Some(length) = response.headers().get(CONTENT_LENGTH) else {
        return Ok(response);
    };
    let length = length.to_str().ok();
    let digits = length.filter(|length| length.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(length) = digits.and_then(|digits| digits.parse::<u64>().ok()) else {
        return Err(Failure::of_guest(
            "the guest gave a content-length that is no number",
        ));
    };
    let bodyless = record.is_head() || status == StatusCode::NOT_MODIFIED;
    if !bodyless
        && response
            .body()
            .size_hint()
            .exact()
            .is_some_and(|body| body != length)
    {
        let cause = format!("the guest gave a content-length of {length} and no body");
        return Err(Failure::of_guest(cause));
    }
    Ok(response)
}
