//! The bodies of responses.

use super::record::Record;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::runtime::Handle;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

/// A response, on its way to the client.
pub(super) struct Answer {
    body: Kind,
    record: Arc<Record>,
    /// Whether the last byte has gone.
    ended: bool,
    /// Bytes to come, if the guest has said how many there are.
    left: Option<u64>,
}

enum Kind {
    /// What the guest writes.
    Guest(HyperOutgoingBody),
    /// A text of ours.
    Text(Bytes),
}

/// The guest's response was cut.
#[derive(Debug, thiserror::Error)]
#[error("the guest failed in the middle of its response")]
struct Cut;

type Error = Box<dyn std::error::Error + Send + Sync>;

impl Answer {
    /// A response of ours: a line of text, which tells nothing of the inside.
    pub(super) fn text(record: Arc<Record>, status: StatusCode, text: &str) -> Response<Self> {
        record.status(status);
        let body = Self {
            body: Kind::Text(format!("{text}\n").into()),
            ended: record.is_head(),
            record,
            left: None,
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }

    /// The guest's.
    pub(super) fn of_guest(
        record: Arc<Record>,
        response: Response<HyperOutgoingBody>,
    ) -> Response<Self> {
        let status = response.status();
        record.status(status);
        let length = response.headers().get(CONTENT_LENGTH);
        let left = length.and_then(|length| length.to_str().ok()?.parse().ok());
        // These have none, whatever the guest writes.
        let none = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let none = none || record.is_head();
        response.map(|body| Self {
            ended: none || left == Some(0) || body.is_end_stream(),
            body: match none {
                true => {
                    read_through(body);
                    Kind::Text(Bytes::new())
                }
                false => Kind::Guest(body),
            },
            record,
            left,
        })
    }
}

/// Reads what the guest writes and nobody gets, so that it does not fail over it. It ends
/// with the guest.
fn read_through(mut body: HyperOutgoingBody) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move { while let Some(Ok(_)) = body.frame().await {} });
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        let frame = match &mut this.body {
            Kind::Text(text) if text.is_empty() => None,
            Kind::Text(text) => Some(Ok(Frame::data(std::mem::take(text)))),
            Kind::Guest(body) => match ready!(Pin::new(body).poll_frame(context)) {
                // It ends like this too when the guest's store is dropped.
                None if this.record.is_cut() => Some(Err(Cut.into())),
                None => None,
                Some(Ok(frame)) => {
                    let len = frame.data_ref().map_or(0, Bytes::len) as u64;
                    this.left = this.left.map(|left| left.saturating_sub(len));
                    Some(Ok(frame))
                }
                Some(Err(error)) => {
                    this.record.fail("the guest did not finish its response");
                    Some(Err(format!("{error:?}").into()))
                }
            },
        };
        this.ended |= frame.is_none() || this.left == Some(0);
        if let Kind::Text(text) = &this.body {
            this.ended |= text.is_empty();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Kind::Text(text) => text.is_empty(),
            Kind::Guest(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Kind::Text(text) => SizeHint::with_exact(text.len() as u64),
            Kind::Guest(body) => body.size_hint(),
        }
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.record.ended(!self.ended);
        // A body of a known length is not read beyond that, and its guest may not have
        // closed it yet. While it runs, it has the record too.
        let body = std::mem::replace(&mut self.body, Kind::Text(Bytes::new()));
        if let Kind::Guest(body) = body
            && self.ended
            && Arc::strong_count(&self.record) > 1
        {
            read_through(body);
        }
    }
}
