//! Serves HTTP/2 on one connection: accepts its streams, bounds it, and ends it.
//!
//! Each stream is a task, which ends with its response. hyper has a server too, but does not say
//! when data has been sent, nor end a response that its client does not read.

mod frames;
mod request;
mod response;
mod wire;

use crate::connection::{Connection, Ends};
use crate::delivery::Delivery;
use crate::handler::Handler;
use crate::limits::{HEADERS, MAX_HEADERS, STALLED};
use crate::linger::linger;
use crate::stall_guard::StallGuard;
use crate::stream::Stream;
use bytes::Bytes;
use h2::server::{self, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use hyper::Request;
use localmap::lock;
use response::Incomplete;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use wire::{Flushed, Wire};

/// The maximum number of streams at a time, and of guests, which may outlive their streams.
const STREAMS: u32 = 100;
/// The maximum number of bytes of a request's body that its guest has not read.
const STREAM_WINDOW: u32 = 64 << 10;
/// The same for all streams, so that no upload holds up another.
const WINDOW: u32 = STREAMS * STREAM_WINDOW;
/// The maximum size of a frame that clients may send, in bytes.
const FRAME: u32 = 16 << 10;
/// The maximum number of bytes of a response that wait for the connection.
const SEND_BUFFER: usize = 64 << 10;
/// The maximum number of streams that the client has reset before they were accepted.
const RESETS: usize = 20;
/// The maximum number of streams with an error of the client, over the life of a connection.
const ERRORS: usize = 1_024;
/// The maximum time for a client to close a connection without streams after it has been asked to.
const CLOSING: Duration = Duration::from_secs(1);

/// The time limits of a connection.
#[derive(Clone, Copy)]
struct Limits {
    /// The maximum time without a stream.
    idle: Duration,
    closing: Duration,
}

/// Answers the requests of a connection, until the client sends no more or `draining` is ready and
/// the streams have ended.
pub(crate) async fn serve(
    handler: Handler,
    stream: Stream,
    ends: Ends,
    draining: impl Future<Output = ()>,
) {
    let connection = Arc::new(Connection::of(ends).max_guests(STREAMS));
    let flushed = Flushed::default();
    let ends_of_responses = flushed.ends.clone();
    let start = |request, respond: SendResponse<Bytes>| {
        let end = ends_of_responses.of_stream(respond.stream_id().into());
        let delivery = Arc::new(Delivery::of_stream(end));
        response::answer(
            handler.clone(),
            Arc::clone(&connection),
            delivery,
            request,
            respond,
        )
    };
    let limits = Limits {
        idle: HEADERS,
        closing: CLOSING,
    };
    let returned = Arc::new(Mutex::new(None));
    let stream = StallGuard::new(stream, STALLED);
    let wire = Wire::new(stream, flushed.clone(), Arc::clone(&returned));
    let ended = drive(wire, flushed, limits, start, draining).await;
    ends_of_responses.close();
    match ended {
        // Errors within a request are reported in its record.
        Err(error) if error.is_library() => {
            handler.report(ends.peer, &cause_of(&error));
        }
        Err(error) if error.is_io() => return,
        _ => {}
    }
    let stream = lock(&returned).take();
    if let Some(stream) = stream {
        linger(stream.into_inner()).await;
    }
}

/// Returns the cause of the end of a connection: the name of its error code.
fn cause_of(error: &h2::Error) -> String {
    match error.reason() {
        Some(reason) => format!("HTTP/2: {reason:?}"),
        None => error.to_string(),
    }
}

fn builder() -> server::Builder {
    let mut builder = server::Builder::new();
    builder
        .max_concurrent_streams(STREAMS)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_frame_size(FRAME)
        .max_header_list_size(MAX_HEADERS)
        .max_send_buffer_size(SEND_BUFFER)
        .max_pending_accept_reset_streams(RESETS)
        .max_local_error_reset_streams(Some(ERRORS));
    builder
}

/// The stages of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    /// The client has been asked to open no more streams.
    Closing,
    /// The client has been told that the connection ends.
    Closed,
}

/// Starts a task for each stream, until the connection ends.
async fn drive<S, F>(
    wire: Wire<S>,
    flushed: Flushed,
    limits: Limits,
    start: impl Fn(Request<RecvStream>, SendResponse<Bytes>) -> F,
    draining: impl Future<Output = ()>,
) -> Result<(), h2::Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
    F: Future<Output = Incomplete> + Send + 'static,
{
    let mut draining = pin!(draining);
    let handshake = timeout(limits.idle, builder().handshake(wire));
    let connection = tokio::select! {
        done = handshake => match done {
            Ok(connection) => connection?,
            Err(_) => return Ok(()),
        },
        () = &mut draining => return Ok(()),
    };
    let mut connection = Polled {
        connection,
        flushed,
        incomplete: Vec::new(),
        active: false,
        quiet_since: Instant::now(),
    };
    // If the connection ends first, its streams end with this.
    let mut streams = JoinSet::new();
    let mut stage = Stage::Open;
    let mut idle = pin!(sleep(limits.idle));
    loop {
        tokio::select! {
            next = poll_fn(|context| connection.poll_accept(context)) => match next {
                Some(Ok((request, respond))) => {
                    streams.spawn(start(request, respond));
                }
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
            Some(ended) = streams.join_next() => {
                connection.incomplete.extend(ended.ok().flatten());
                if streams.is_empty() {
                    let limit = if stage == Stage::Open { limits.idle } else { limits.closing };
                    idle.as_mut().reset(Instant::now() + limit);
                }
            }
            () = &mut draining, if stage == Stage::Open => {
                stage = Stage::Closing;
                connection.connection.graceful_shutdown();
                idle.as_mut().reset(Instant::now() + limits.closing);
            }
            () = &mut idle, if stage != Stage::Closed && streams.is_empty() => {
                if stage == Stage::Open && let Some(until) = connection.in_use(limits.idle) {
                    idle.as_mut().reset(until);
                } else if stage == Stage::Open {
                    stage = Stage::Closing;
                    connection.connection.graceful_shutdown();
                    idle.as_mut().reset(Instant::now() + limits.closing);
                } else {
                    stage = Stage::Closed;
                    connection.connection.abrupt_shutdown(Reason::NO_ERROR);
                }
            }
        }
    }
}

/// A connection, and what depends on what it has sent.
struct Polled<S> {
    connection: server::Connection<Wire<S>, Bytes>,
    flushed: Flushed,
    /// The responses to cut off when all that there is of them has been sent.
    incomplete: Vec<SendStream<Bytes>>,
    /// Whether there is a stream, perhaps only with the rest of an upload that no guest reads.
    active: bool,
    /// When the last stream ended.
    quiet_since: Instant,
}

type Next = Option<Result<(Request<RecvStream>, SendResponse<Bytes>), h2::Error>>;

impl<S: AsyncRead + AsyncWrite + Unpin> Polled<S> {
    /// Returns until when the connection must stay open if it may be idle for `limit`, or `None` if
    /// that time is up.
    fn in_use(&self, limit: Duration) -> Option<Instant> {
        let now = Instant::now();
        let since = if self.active { now } else { self.quiet_since };
        let until = since.checked_add(limit)?;
        (until > now).then_some(until)
    }

    /// Sends and receives what is possible now. Ready with the next request, or with the end of
    /// the connection.
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<Next> {
        loop {
            // The frames of these responses are already queued.
            let queued = self.flushed.ends.queued();
            let accepted = self.connection.poll_accept(context);
            let active = self.connection.has_streams();
            if self.active && !active {
                self.quiet_since = Instant::now();
            }
            self.active = active;
            // Each frame that can be sent has then been sent. There is none that waits for its
            // window: a stream queues only as much as its window allows. So these ends are those of
            // streams that the client has reset.
            let all_sent = self.flushed.get();
            if accepted.is_pending() && all_sent {
                self.flushed.ends.discarded(&queued);
            }
            let accepted = match accepted {
                Poll::Pending if all_sent && !self.incomplete.is_empty() => {
                    for mut stream in self.incomplete.drain(..) {
                        stream.send_reset(Reason::INTERNAL_ERROR);
                    }
                    continue;
                }
                accepted => ready!(accepted),
            };
            return Poll::Ready(accepted);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exchange::Exchange;
    use crate::failure::Failure;
    use crate::log::{LogSink, RequestRecord};
    use crate::request_body::Upload;
    use crate::response_body::ResponseBody;
    use http_body_util::BodyExt;
    use hyper::{Response, StatusCode};
    use std::future::pending;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;

    /// A preface, and a frame of settings without any.
    const BEGIN: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    /// The end: up to stream 0, without an error.
    const GOAWAY: &[u8] = b"\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\0";

    /// The client answers no ping, and sends one.
    #[tokio::test]
    async fn a_connection_without_streams_is_closed() {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        let returned = Arc::new(Mutex::new(None));
        let flushed = Flushed::default();
        let limits = Limits {
            idle: Duration::from_millis(1),
            closing: Duration::from_millis(1),
        };
        let wire = Wire::new(near, flushed.clone(), Arc::clone(&returned));
        let start = |_, _| std::future::ready(None);
        let serving = drive(wire, flushed, limits, start, pending());
        let ping = b"\0\0\x08\x06\0\0\0\0\0pingpong";
        let begin = [BEGIN, ping].concat();
        let client = async {
            far.write_all(&begin).await.expect("there is room");
            let mut all = Vec::new();
            far.read_to_end(&mut all).await.expect("it ends");
            all
        };
        let (ended, all) = tokio::join!(serving, client);
        ended.expect("no error");
        assert!(all.ends_with(GOAWAY), "{all:?}");
        assert!(lock(&returned).is_some());
    }

    /// The headers of a request: `GET http:/`.
    const GET: &[u8] = b"\0\0\x03\x01\x05\0\0\0\x01\x82\x86\x84";

    #[derive(Default)]
    struct Reports(Mutex<Vec<RequestRecord>>);

    impl LogSink for Reports {
        fn request(&self, record: &RequestRecord) {
            lock(&self.0).push(record.clone());
        }
    }

    /// Answers a request whose client leaves as soon as it has the end of the response, or has
    /// asked. The task of the stream goes on only after that. Returns the cause in the log.
    async fn cause_if_client_leaves(answered: bool) -> Option<String> {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        let reports = Arc::new(Reports::default());
        let log: Arc<dyn LogSink> = reports.clone();
        let flushed = Flushed::default();
        let ends = flushed.ends.clone();
        let asked = Notify::new();
        let start = |request: Request<RecvStream>, mut respond: SendResponse<Bytes>| {
            let end = ends.of_stream(respond.stream_id().into());
            let delivery = Arc::new(Delivery::of_stream(end));
            let request = request.map(|_| ());
            let peer = ([127, 0, 0, 1], 1).into();
            let (sent, upload) = (Some(delivery.sent()), Upload::default());
            let side = Exchange::begin(Some(&log), peer, 1, sent, &request, upload, None);
            let empty = Failure::new(StatusCode::OK, "");
            let mut body = ResponseBody::text(side, &empty, Some(&delivery));
            asked.notify_one();
            async move {
                body.frame().await.expect("a line").expect("no error");
                if answered {
                    let sent = respond.send_response(Response::new(()), true);
                    sent.expect("it is open");
                }
                delivery.sent().add(1);
                pending::<()>().await;
                drop(body);
                None
            }
        };
        let limits = Limits {
            idle: HEADERS,
            closing: HEADERS,
        };
        let wire = Wire::new(near, flushed.clone(), Arc::default());
        let serving = drive(wire, flushed, limits, start, pending());
        let client = async {
            far.write_all(&[BEGIN, GET].concat()).await.expect("room");
            let mut read = Vec::new();
            // The headers that end stream 1.
            while answered && !has_frame(&read, b"\x01\x05\0\0\0\x01") {
                far.read_buf(&mut read).await.expect("it is open");
            }
            asked.notified().await;
            // The task of the stream begins.
            tokio::task::yield_now().await;
            drop(far);
        };
        let _ = tokio::join!(serving, client);
        ends.close();
        while lock(&reports.0).is_empty() {
            tokio::task::yield_now().await;
        }
        let reports = lock(&reports.0);
        assert_eq!(reports.len(), 1);
        reports[0].cause.clone()
    }

    #[tokio::test]
    async fn a_response_is_complete_if_its_client_leaves_at_its_end() {
        assert_eq!(cause_if_client_leaves(true).await, None);
        let early = "the client disconnected before the end of the response";
        assert_eq!(cause_if_client_leaves(false).await.as_deref(), Some(early));
    }

    /// The guest has answered, but the client is still writing.
    #[tokio::test]
    async fn a_connection_with_an_upload_is_not_idle() {
        let (near, mut far) = tokio::io::duplex(1 << 16);
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let ended = Mutex::new(Some(ended));
        let start = |request: Request<RecvStream>, mut respond: SendResponse<Bytes>| {
            let ended = lock(&ended).take().expect("one request");
            // As the rest of a body is read that no guest reads.
            tokio::spawn(async move {
                let _ = ended.await;
                drop(request);
            });
            let sent = respond.send_response(Response::new(()), true);
            std::future::ready(sent.ok().and(None))
        };
        let flushed = Flushed::default();
        let limits = Limits {
            idle: Duration::from_millis(1),
            closing: HEADERS,
        };
        let wire = Wire::new(near, flushed.clone(), Arc::default());
        let serving = drive(wire, flushed, limits, start, pending());
        let client = async {
            let mut upload = GET.to_vec();
            // Without END_STREAM.
            upload[4] = 4;
            far.write_all(&[BEGIN, &upload].concat())
                .await
                .expect("room");
            let mut read = Vec::new();
            let began = Instant::now();
            while began.elapsed() < 20 * limits.idle {
                let ping = b"\0\0\x08\x06\0\0\0\0\0pingpong";
                far.write_all(ping).await.expect("it is open");
                far.read_buf(&mut read).await.expect("it is open");
            }
            assert!(has_frame(&read, b"\x01\x05\0\0\0\x01"), "{read:?}");
            let goes_away = b"\x07\0\0\0\0\0";
            assert!(!has_frame(&read, goes_away), "{read:?}");
            end.send(()).expect("it waits");
            while !has_frame(&read, goes_away) {
                let len = far.read_buf(&mut read).await.expect("it is open");
                assert!(len > 0, "{read:?}");
            }
            drop(far);
        };
        let _ = tokio::join!(serving, client);
    }

    /// Returns whether a frame with this type, flags and stream has arrived.
    fn has_frame(read: &[u8], frame: &[u8; 6]) -> bool {
        read.windows(frame.len()).any(|window| window == frame)
    }

    #[tokio::test]
    async fn a_connection_that_does_not_begin_is_closed() {
        let (near, _far) = tokio::io::duplex(1 << 16);
        let limits = Limits {
            idle: Duration::from_millis(1),
            closing: Duration::from_millis(1),
        };
        let wire = Wire::new(near, Flushed::default(), Arc::default());
        let start = |_, _| std::future::ready(None);
        let serving = drive(wire, Flushed::default(), limits, start, pending());
        serving.await.expect("no error");
    }
}
