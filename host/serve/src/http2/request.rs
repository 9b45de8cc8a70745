//! Turns a request of HTTP/2 into one for the handler.

use crate::request_body::RequestBody;
use bytes::Bytes;
use h2::RecvStream;
use hyper::Request;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_LENGTH, COOKIE, EXPECT, HeaderMap, HeaderValue};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::sync::oneshot;
use wasmtime_wasi_http::Error;

/// Resolves when the body of a request is first read whose client waits for `100 Continue`.
pub(super) type FirstRead = oneshot::Receiver<()>;

/// Wraps the body of a request, and gives its headers the form that they have in HTTP/1.
pub(super) fn receive(
    request: Request<RecvStream>,
) -> (Request<RequestBody<StreamBody>>, Option<FirstRead>) {
    let (mut head, stream) = request.into_parts();
    join_cookies(&mut head.headers);
    let continues = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"100-continue");
    let expects = head.headers.get(EXPECT).is_some_and(continues) && !stream.is_end_stream();
    let (waiter, first_read) = match expects {
        true => {
            let (waiter, first_read) = oneshot::channel();
            (Some(waiter), Some(first_read))
        }
        false => (None, None),
    };
    let length = head.headers.get(CONTENT_LENGTH);
    let body = StreamBody {
        left: length.and_then(|length| length.to_str().ok()?.parse().ok()),
        stream,
        waiter,
    };
    (
        RequestBody::wrap(Request::from_parts(head, body)),
        first_read,
    )
}

/// Joins the headers `cookie`, which clients of HTTP/2 may split: RFC 9113, section 8.2.3.
fn join_cookies(headers: &mut HeaderMap) {
    let mut cookies = headers.get_all(COOKIE).iter();
    if cookies.next().is_none() || cookies.next().is_none() {
        return;
    }
    let cookies = headers.get_all(COOKIE).iter();
    let cookies: Vec<_> = cookies.map(HeaderValue::as_bytes).collect();
    if let Ok(joined) = HeaderValue::from_bytes(&cookies.join(&b"; "[..])) {
        headers.insert(COOKIE, joined);
    }
}

/// The body of a request. The client may send as much more as has been read of it.
pub(super) struct StreamBody {
    stream: RecvStream,
    /// The number of bytes that have not been read, if the client has declared a length.
    left: Option<u64>,
    /// Notified when the body is first read.
    waiter: Option<oneshot::Sender<()>>,
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if let Some(waiter) = this.waiter.take() {
            // Fails if the response has already begun.
            let _ = waiter.send(());
        }
        while let Some(data) = ready!(this.stream.poll_data(context)) {
            let data = match data {
                Ok(data) => data,
                Err(error) => return Poll::Ready(Some(Err(translate(&error)))),
            };
            // Fails if the stream has ended.
            let _ = this.stream.flow_control().release_capacity(data.len());
            this.left = this.left.map(|left| left.saturating_sub(data.len() as u64));
            if !data.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
        }
        let trailers = ready!(this.stream.poll_trailers(context)).transpose();
        Poll::Ready(trailers.map(|trailers| match trailers {
            Ok(trailers) => Ok(Frame::trailers(trailers)),
            Err(error) => Err(translate(&error)),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map(SizeHint::with_exact).unwrap_or_default()
    }
}

/// Returns the error of a body: the client sent something invalid, or left.
fn translate(error: &h2::Error) -> Error {
    match error.is_library() {
        true => Error::HttpProtocolError,
        false => Error::ConnectionTerminated,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_that_were_split_are_one_header() {
        for (split, joined) in [
            (&[][..], &[][..]),
            (&["a=1"], &["a=1"]),
            (&["a=1", "b=2; c=3", "d=4"], &["a=1; b=2; c=3; d=4"]),
        ] {
            let mut headers = HeaderMap::new();
            for cookie in split {
                headers.append(COOKIE, HeaderValue::from_static(cookie));
            }
            join_cookies(&mut headers);
            let cookies: Vec<_> = headers.get_all(COOKIE).iter().collect();
            assert_eq!(cookies, joined);
        }
    }
}
