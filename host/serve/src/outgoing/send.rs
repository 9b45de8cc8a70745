//! Sends a request on a connection, and returns its response while its body arrives.

use super::connect::{SharedPermit, Stream};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1;
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::io::{self, ErrorKind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep, timeout};
use wasmtime_wasi::runtime::spawn;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody};

/// The maximum size of the headers of a response, and of what is read before the guest reads it.
const MAX_HEADERS: usize = 64 << 10;

/// The timeouts of a guest that sets no others.
const CONNECT: Duration = Duration::from_secs(30);
const WAIT: Duration = Duration::from_secs(600);
/// The maximum of all timeouts.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// The timeouts of a request.
#[derive(Clone, Copy)]
pub(super) struct Timeouts {
    pub(super) connect: Duration,
    first_byte: Duration,
    between_bytes: Duration,
}

impl Timeouts {
    pub(super) fn new(options: RequestOptions) -> Self {
        let or = |given: Option<Duration>, default| given.unwrap_or(default).min(MAX_TIMEOUT);
        Self {
            connect: or(options.connect_timeout, CONNECT),
            first_byte: or(options.first_byte_timeout, WAIT),
            between_bytes: or(options.between_bytes_timeout, WAIT),
        }
    }
}

/// A response, and what must run until its body has ended.
pub(super) type Sent = Result<
    (
        Response<WasiBody>,
        Box<dyn Future<Output = Result<(), Error>> + Send>,
    ),
    Error,
>;

/// Sends a request. Returns the response, and what must run until its body has ended. `permit` is
/// held until then.
pub(super) async fn send(
    stream: Box<dyn Stream>,
    mut request: Request<WasiBody>,
    timeouts: Timeouts,
    permit: SharedPermit,
) -> Sent {
    let handshake = http1::Builder::new()
        .max_buf_size(MAX_HEADERS)
        .handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await?;
    let connection = spawn(connection);
    *request.uri_mut() = target(request.uri());
    let response = timeout(timeouts.first_byte, sender.send_request(request));
    let response = response.await.map_err(|_| Error::ConnectionReadTimeout)?;
    let response = response.map_err(error)?;
    let response = response.map(|body| TimedBody::new(body, timeouts.between_bytes).boxed_unsync());
    let until_the_end = async move {
        let _permit = permit;
        connection.await.map_err(error)
    };
    Ok((response, Box::new(until_the_end)))
}

/// Returns the target of a request to a server that is no proxy.
fn target(uri: &Uri) -> Uri {
    let path = uri.path_and_query().cloned();
    Uri::from(path.unwrap_or_else(|| PathAndQuery::from_static("/")))
}

/// Chooses the error that says most.
fn error(error: hyper::Error) -> Error {
    if error.is_parse_too_large() {
        return Error::HttpResponseHeaderSectionSize(u32::try_from(MAX_HEADERS).ok());
    }
    if error.is_incomplete_message() {
        return Error::HttpResponseIncomplete;
    }
    if error.is_parse() {
        return Error::HttpProtocolError;
    }
    if error.is_closed() || error.is_canceled() {
        return Error::ConnectionTerminated;
    }
    let cause = std::error::Error::source(&error);
    let cause = cause.and_then(|cause| cause.downcast_ref::<io::Error>());
    match cause.map(io::Error::kind) {
        Some(ErrorKind::UnexpectedEof) => return Error::HttpResponseIncomplete,
        Some(ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {
            return Error::ConnectionTerminated;
        }
        _ => {}
    }
    // The reason may be an error of the guest's own body.
    Error::Hyper(error)
}

thread_local! {
    /// Whether the body of a response that a guest has received has ended early since this was
    /// last cleared.
    static CUT: Cell<bool> = const { Cell::new(false) };
}

/// Polls a body. Also returns whether it is that of a response that a guest has received, and has
/// ended early now. No error says so, since a guest can make each of them.
pub(crate) fn poll_passed_on<T>(poll: impl FnOnce() -> T) -> (T, bool) {
    CUT.set(false);
    let polled = poll();
    (polled, CUT.take())
}

/// The body of a response, which must continue in time whenever the guest waits for it.
struct TimedBody {
    body: Incoming,
    limit: Duration,
    /// The timer, if the guest waits.
    timer: Option<Pin<Box<Sleep>>>,
}

impl TimedBody {
    fn new(body: Incoming, limit: Duration) -> Self {
        Self {
            body,
            limit,
            timer: None,
        }
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.timer = None;
            CUT.set(matches!(frame, Some(Err(_))));
            return Poll::Ready(frame.map(|frame| frame.map_err(error)));
        }
        let limit = self.limit;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(limit)));
        ready!(timer.as_mut().poll(context));
        CUT.set(true);
        Poll::Ready(Some(Err(Error::ConnectionReadTimeout)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
