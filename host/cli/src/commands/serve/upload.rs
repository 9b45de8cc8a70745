//! The body of a request, as its guest reads it.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::runtime::Handle;

/// How much of a body that its guest did not want is read, and how long.
const UNWANTED: usize = 1 << 20;
const PATIENCE: Duration = Duration::from_secs(5);

/// A body. What its guest leaves unread is read and thrown away, up to a bound: a client
/// that still writes when its connection is closed may never see the response.
pub(super) struct Upload {
    body: Option<Incoming>,
    /// Whether the client waits to be told that the body is wanted.
    expects: bool,
}

impl Upload {
    pub(super) fn new(body: Incoming, expects: bool) -> Self {
        let body = Some(body);
        Self { body, expects }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        // From now on it has been told.
        let frame = ready!(Pin::new(body).poll_frame(context));
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

impl Drop for Upload {
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
                let mut left = UNWANTED;
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
