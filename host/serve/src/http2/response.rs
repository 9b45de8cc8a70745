//! Answers a request of HTTP/2: waits for its response, and sends it as the client reads it.

use super::request::{FirstRead, receive};
use crate::connection::Connection;
use crate::delivery::Delivery;
use crate::handler::Handler;
use crate::limits::STALLED;
use crate::response_body::ResponseBody;
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http_body_util::BodyExt;
use hyper::body::Body;
use hyper::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue, TE, TRAILER,
    TRANSFER_ENCODING, UPGRADE,
};
use hyper::{Method, Request, Response, StatusCode};
use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

/// Headers that are about a connection of HTTP/1, and invalid in HTTP/2.
const OF_HTTP_1: [HeaderName; 6] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The stream of a response that is incomplete, which its client must notice.
pub(super) type Incomplete = Option<SendStream<Bytes>>;

/// Answers a request. Returns its stream if the response must be cut off.
pub(super) async fn answer(
    handler: Handler,
    connection: Arc<Connection>,
    delivery: Arc<Delivery>,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
) -> Incomplete {
    let only_head = *request.method() == Method::HEAD;
    let (request, first_read) = receive(request);
    let answer = handler.answer(&connection, request, Some(&delivery));
    // Dropping the answer reports that the client has left.
    let response = until_reset(answer, &mut respond, first_read).await?;
    let (mut head, body) = response.into_parts();
    let trailers_follow = head.headers.contains_key(TRAILER);
    complete_headers(&mut head.headers, &body);
    let ends = only_head || body.is_end_stream();
    let response = Response::from_parts(head, ());
    let mut stream = respond.send_response(response, ends).ok()?;
    delivery.sent().add(1);
    if ends {
        return None;
    }
    let outcome = send_body(&mut stream, body, trailers_follow, STALLED).await;
    match outcome {
        Outcome::Sent | Outcome::Left => None,
        Outcome::Stalled => {
            stream.send_reset(Reason::CANCEL);
            None
        }
        Outcome::Incomplete => Some(stream),
    }
}

/// Waits for the response. Returns `None` if the client resets the stream first. Sends `100
/// Continue` at the first read.
async fn until_reset(
    answer: impl Future<Output = Response<ResponseBody>>,
    respond: &mut SendResponse<Bytes>,
    mut first_read: Option<FirstRead>,
) -> Option<Response<ResponseBody>> {
    let mut answer = pin!(answer);
    loop {
        tokio::select! {
            biased;
            response = &mut answer => {
                // The guest may have read the body and responded at once.
                if first_read.is_some_and(|mut read| read.try_recv().is_ok()) {
                    send_continue(respond);
                }
                return Some(response);
            }
            _ = poll_fn(|context| respond.poll_reset(context)) => return None,
            read = is_read(&mut first_read) => {
                first_read = None;
                if read {
                    send_continue(respond);
                }
            }
        }
    }
}

/// Waits for the first read of a body. Returns `false` if there will be none.
async fn is_read(first_read: &mut Option<FirstRead>) -> bool {
    match first_read {
        Some(first_read) => first_read.await.is_ok(),
        None => pending().await,
    }
}

fn send_continue(respond: &mut SendResponse<Bytes>) {
    let mut response = Response::new(());
    *response.status_mut() = StatusCode::CONTINUE;
    // Fails if the stream has ended.
    let _ = respond.send_informational(response);
}

/// Removes the headers that HTTP/2 does not have, and adds those that hyper adds in HTTP/1.
fn complete_headers(headers: &mut HeaderMap, body: &ResponseBody) {
    for name in &OF_HTTP_1 {
        headers.remove(name);
    }
    if !headers.contains_key(DATE)
        && let Ok(date) = HeaderValue::try_from(httpdate::fmt_http_date(SystemTime::now()))
    {
        headers.insert(DATE, date);
    }
    if !body.is_end_stream()
        && !headers.contains_key(CONTENT_LENGTH)
        && let Some(length) = body.size_hint().exact()
    {
        headers.insert(CONTENT_LENGTH, length.into());
    }
}

/// The end of a body.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    /// All of it has been passed on.
    Sent,
    /// The client has reset the stream, or the connection has ended.
    Left,
    /// The client has read nothing for too long.
    Stalled,
    /// The guest has failed.
    Incomplete,
}

/// Sends a body: each part of it when the client's windows have room for it, so that nothing waits
/// in the connection for a client that does not read. With a declared length, the body ends there,
/// as it does in HTTP/1, unless trailers follow.
async fn send_body<B>(
    stream: &mut SendStream<Bytes>,
    mut body: B,
    trailers_follow: bool,
    limit: Duration,
) -> Outcome
where
    B: Body<Data = Bytes> + IsComplete + Unpin,
{
    loop {
        let frame = tokio::select! {
            biased;
            _ = poll_fn(|context| stream.poll_reset(context)) => return Outcome::Left,
            frame = body.frame() => frame,
        };
        let frame = match frame {
            None => return passed_on(&stream.send_data(Bytes::new(), true)),
            Some(Err(_)) => return Outcome::Incomplete,
            Some(Ok(frame)) => frame,
        };
        match frame.into_data() {
            Ok(data) => {
                let last = body.is_end_stream() || body.is_complete() && !trailers_follow;
                if let Some(outcome) = send_data(stream, data, last, limit).await {
                    return outcome;
                }
            }
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    return passed_on(&stream.send_trailers(trailers));
                }
            }
        }
    }
}

/// Sends a part of a body. Returns the outcome if this is the end.
async fn send_data(
    stream: &mut SendStream<Bytes>,
    mut data: Bytes,
    last: bool,
    limit: Duration,
) -> Option<Outcome> {
    if data.is_empty() && last {
        return Some(passed_on(&stream.send_data(data, true)));
    }
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        if stream.capacity() == 0 {
            match timeout(limit, poll_fn(|context| stream.poll_capacity(context))).await {
                Ok(Some(Ok(_))) => {}
                Ok(_) => return Some(Outcome::Left),
                Err(_) => return Some(Outcome::Stalled),
            }
        }
        let part = data.split_to(stream.capacity().min(data.len()));
        // The client can take back room.
        if part.is_empty() {
            continue;
        }
        if stream.send_data(part, last && data.is_empty()).is_err() {
            return Some(Outcome::Left);
        }
    }
    last.then_some(Outcome::Sent)
}

fn passed_on(passed_on: &Result<(), h2::Error>) -> Outcome {
    match passed_on {
        Ok(()) => Outcome::Sent,
        Err(_) => Outcome::Left,
    }
}

/// A body that knows when its declared length has been reached.
trait IsComplete {
    fn is_complete(&self) -> bool;
}

impl IsComplete for ResponseBody {
    fn is_complete(&self) -> bool {
        self.is_complete()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::Full;

    impl IsComplete for Full<Bytes> {
        fn is_complete(&self) -> bool {
            self.is_end_stream()
        }
    }

    /// Sends a body to a client that has room for this part of it, and reads nothing.
    async fn sent(len: usize, window: u32) -> Outcome {
        let (near, far) = tokio::io::duplex(1 << 16);
        tokio::spawn(async move {
            let client = h2::client::Builder::new()
                .initial_window_size(window)
                .handshake::<_, Bytes>(far);
            let (mut streams, connection) = client.await.expect("it speaks HTTP/2");
            let request = Request::get("http://a/").body(()).expect("a request");
            let sent = streams.send_request(request, true).expect("it is open");
            let _ = connection.await;
            drop(sent);
        });
        let mut connection = h2::server::handshake(near).await.expect("it speaks HTTP/2");
        let accepted = connection.accept().await.expect("a request");
        let (_request, mut respond) = accepted.expect("it is valid");
        tokio::spawn(async move { while connection.accept().await.is_some() {} });
        let stream = respond.send_response(Response::new(()), false);
        let body = Full::new(Bytes::from(vec![b'x'; len]));
        let limit = Duration::from_millis(1);
        send_body(&mut stream.expect("it is open"), body, false, limit).await
    }

    #[tokio::test]
    async fn a_body_that_the_client_does_not_read_has_an_end() {
        for (len, window, outcome) in [
            (0, 0, Outcome::Sent),
            (10, 10, Outcome::Sent),
            (10, 0, Outcome::Stalled),
            (11, 10, Outcome::Stalled),
            (1 << 20, 1 << 10, Outcome::Stalled),
        ] {
            assert_eq!(sent(len, window).await, outcome, "{len} {window}");
        }
    }
}
