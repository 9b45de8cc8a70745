//! The body of a request, as read by its guest.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::runtime::Handle;

/// The maximum part of a body that the server reads after its guest has stopped reading, and the
/// maximum time for it.
const UNREAD: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(5);

/// A body. The part that its guest does not read is read and discarded, up to a limit: a client
/// that is still writing when its connection is closed may never see the response.
pub(crate) struct RequestBody<B: Body<Data = Bytes> + Send + Unpin + 'static> {
    /// The body, or `None` once it has been read to its end.
    body: Option<B>,
    /// Whether the client waits for `100 Continue`.
    expects: bool,
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> RequestBody<B> {
    pub(crate) fn new(body: B, expects: bool) -> Self {
        let body = Some(body);
        Self { body, expects }
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(context));
        // hyper has sent `100 Continue`.
        self.expects = false;
        if matches!(frame, None | Some(Err(_))) {
            self.body = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body
            .as_ref()
            .map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Drop for RequestBody<B> {
    fn drop(&mut self) {
        let Some(mut body) = self.body.take() else {
            return;
        };
        if self.expects || body.is_end_stream() {
            return;
        }
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            let all = async {
                let mut left = UNREAD;
                while let Some(Ok(frame)) = body.frame().await {
                    let len = frame.data_ref().map_or(0, Bytes::len);
                    let Some(rest) = left.checked_sub(len) else {
                        return;
                    };
                    left = rest;
                }
            };
            let _ = tokio::time::timeout(PATIENCE, all).await;
        });
    }
}
