//! A connection, from its first byte to its end.

use crate::activity::Activity;
use crate::call::EndOfCall;
use crate::connections::Place;
use crate::frames::WatchedStream;
use crate::request_body::RequestBody;
use crate::response_body::ResponseBody;
use crate::services::{Services, is_check, is_stream};
use crate::state::State;
use crate::status;
use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::error::Error;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;
use tokio::net::UnixStream;

/// The bytes that a peer may send before they are read, for each stream and for all of them.
///
/// h2 closes a connection on which many small frames are unread: each of fewer than 256 bytes costs what
/// it is short of them, and all together may cost half of the connection's window. So that small requests
/// of a pipeline whose results are not read wait instead, a stream has a sixteenth of that window.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 4 << 20;

/// The calls that may run at a time on a connection.
const MAX_STREAMS: u32 = 256;

/// How often the sidecar asks whether a peer is still there, and how long it waits for the answer.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the sidecar waits for a peer to close its connection, once no call is running.
const FAREWELL: Duration = Duration::from_millis(200);

/// Serves a connection until it ends. Returns why, unless it was closed in an orderly way. `malformed`
/// is called when a call is refused because its headers are malformed.
pub(crate) async fn serve(
    stream: UnixStream,
    services: Arc<Services>,
    state: &State,
    place: Place,
    activity: &Arc<Activity>,
    malformed: impl Fn() + Unpin,
) -> Option<String> {
    let stream = TokioIo::new(WatchedStream::new(stream, malformed));
    let of_connection = Arc::clone(activity);
    let buffers = Arc::default();
    let service = service_fn(move |request: Request<Incoming>| {
        let request = request.map(|body| RequestBody::new(body, &buffers));
        answer(&services, place, &of_connection, request)
    });
    let connection = http2::Builder::new(InPlace)
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(PING_INTERVAL)
        .keep_alive_timeout(PING_TIMEOUT)
        .auto_date_header(false)
        .serve_connection(stream, service);
    let mut connection = pin!(connection);
    tokio::select! {
        ended = &mut connection => return cause(ended),
        () = state.ending.begun() => {}
        () = activity.dismissed() => {
            // Perhaps it does not even speak HTTP/2.
            if activity.calls() == 0 {
                return None;
            }
        }
    }
    connection.as_mut().graceful_shutdown();
    let farewell = async {
        activity.none_runs().await;
        tokio::time::sleep(FAREWELL).await;
    };
    tokio::select! {
        ended = &mut connection => cause(ended),
        // Nothing is lost: the peer does not read, or does not answer.
        () = farewell => None,
        () = state.ending.cuts_off() => Some(match activity.running_calls() {
            1 => "1 call was cut off".to_owned(),
            calls => format!("{calls} calls were cut off"),
        }),
    }
}

/// Answers a call, which is running until its response has been sent.
fn answer(
    services: &Services,
    place: Place,
    activity: &Arc<Activity>,
    mut request: Request<RequestBody>,
) -> impl Future<Output = Result<Response<ResponseBody>, Infallible>> + Send + use<> {
    let observed = services.observe(&mut request);
    let is_stream = is_stream(request.uri().path());
    let running = activity.begin(is_stream);
    let ending = is_stream.then(|| services.ending());
    let buffers = Arc::clone(request.body().buffers());
    let answer = match place {
        Place::Probe if !is_check(request.uri().path()) => {
            activity.deny();
            services.refuse(status::too_many_connections)
        }
        _ => services.answer(request, observed.as_ref()),
    };
    let end = observed.map(EndOfCall::new);
    async move {
        let response = answer.await?;
        if let Some(end) = &end {
            // A response without messages has no trailers.
            end.end_with(response.headers());
        }
        Ok(response.map(|body| {
            let body = ResponseBody::new(body, &buffers, running).ending(end);
            match ending {
                Some(ending) => body.until(ending),
                None => body,
            }
        }))
    }
}

/// Returns why a connection has ended, unless its peer has closed it.
fn cause(ended: hyper::Result<()>) -> Option<String> {
    let error = ended.err()?;
    let mut cause: &dyn Error = &error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let closed = cause
        .downcast_ref::<io::Error>()
        .is_some_and(|error| closes(error.kind()));
    (!closed).then(|| cause.to_string())
}

/// Returns `true` for the errors of a peer that has ended.
fn closes(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::BrokenPipe
            | ErrorKind::ConnectionReset
            | ErrorKind::UnexpectedEof
            | ErrorKind::NotConnected
    )
}

/// Runs each call on the task of its connection for as long as it need not wait, which most calls never
/// do. Only those that wait get a task of their own.
#[derive(Clone)]
struct InPlace;

impl<F> Executor<F> for InPlace
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, call: F) {
        let mut call = Box::pin(call);
        // The new task polls it at once, with a waker that wakes it.
        let mut context = Context::from_waker(Waker::noop());
        if call.as_mut().poll(&mut context).is_pending() {
            tokio::spawn(call);
        }
    }
}
