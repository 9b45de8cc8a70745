//! The body of a request, as read by its guest.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{EXPECT, HeaderName};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::timeout;

/// The maximum part of a body that may be unread when the response begins if the connection is to
/// stay open.
const MAX_UNREAD: u64 = 1 << 20;
/// The maximum time for which the server reads what no guest wants, and for which it waits for
/// more of it.
pub(crate) const DISCARDED_FOR: Duration = Duration::from_secs(30);
pub(crate) const NEXT_DISCARDED: Duration = Duration::from_secs(5);

/// The progress of a body, which its server watches while the guest has the body.
#[derive(Clone, Default)]
pub(crate) struct Upload(Arc<State>);

#[derive(Default)]
struct State {
    /// The number of bytes that have not been read.
    unread: AtomicU64,
    /// Whether the client waits for `100 Continue`, and the body has been read.
    continues: AtomicBool,
    /// Whether the body has ended early.
    cut: AtomicBool,
}

impl Upload {
    /// Stands for all the rest of a body whose length is unknown.
    const UNKNOWN: u64 = u64::MAX;

    fn set_unread(&self, bytes: u64) {
        self.0.unread.store(bytes, Ordering::Release);
    }

    fn set_rest_of<B: Body>(&self, body: &B) {
        self.set_unread(match body.is_end_stream() {
            true => 0,
            false => body.size_hint().exact().unwrap_or(Self::UNKNOWN),
        });
    }

    fn set_cut(&self) {
        self.0.cut.store(true, Ordering::Release);
    }

    /// Returns `true` if the body has been read to its end.
    pub(crate) fn is_read(&self) -> bool {
        self.0.unread.load(Ordering::Acquire) == 0
    }

    /// Returns `true` if too much is unread for the connection to stay open.
    pub(crate) fn is_too_much(&self) -> bool {
        self.0.unread.load(Ordering::Acquire) > MAX_UNREAD
    }

    /// Returns `true` if the client waits for `100 Continue`, and the body has been read.
    pub(crate) fn continues(&self) -> bool {
        self.0.continues.load(Ordering::Acquire)
    }

    /// Returns `true` if the body has ended early, with an error that its reader got.
    pub(crate) fn is_cut(&self) -> bool {
        self.0.cut.load(Ordering::Acquire)
    }
}

/// A body. The part that its guest does not read is read and discarded for a while: a client that
/// is still writing when its connection is closed may never see the response.
pub(crate) struct RequestBody<B: Body<Data = Bytes> + Send + Unpin + 'static> {
    /// The body, or `None` once it has been read to its end.
    body: Option<B>,
    /// Whether the client waits for `100 Continue`.
    expects: bool,
    /// A trailer that the guest does not get.
    hidden: Option<HeaderName>,
    upload: Upload,
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> RequestBody<B> {
    /// Wraps the body of a request.
    pub(crate) fn wrap(request: Request<B>) -> Request<Self> {
        let expects = request.headers().contains_key(EXPECT);
        request.map(|body| {
            let upload = Upload::default();
            upload.set_rest_of(&body);
            let expects = expects && !upload.is_read();
            if expects {
                // The client may never send it.
                upload.set_unread(Upload::UNKNOWN);
            }
            Self {
                body: Some(body),
                expects,
                hidden: None,
                upload,
            }
        })
    }

    /// Leaves a trailer out, which no client may set.
    pub(crate) fn hide_trailer(&mut self, name: HeaderName) {
        self.hidden = Some(name);
    }

    /// Returns its progress, now and later.
    pub(crate) fn upload(&self) -> Upload {
        self.upload.clone()
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Body for RequestBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else {
            return Poll::Ready(None);
        };
        let frame = Pin::new(&mut *body).poll_frame(context);
        // hyper sends `100 Continue` when a body is first read.
        if std::mem::take(&mut this.expects) {
            this.upload.0.continues.store(true, Ordering::Release);
        }
        this.upload.set_rest_of(body);
        let mut frame = ready!(frame);
        if let Some(name) = &this.hidden
            && let Some(Ok(frame)) = &mut frame
            && let Some(trailers) = frame.trailers_mut()
        {
            trailers.remove(name);
        }
        if matches!(frame, Some(Err(_))) {
            this.upload.set_cut();
        }
        if matches!(frame, None | Some(Err(_))) {
            this.body = None;
            this.upload.set_unread(0);
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
        let upload = self.upload();
        runtime.spawn(async move {
            let all = async {
                loop {
                    match timeout(NEXT_DISCARDED, body.frame()).await {
                        Ok(Some(Ok(_))) => upload.set_rest_of(&body),
                        Ok(None) => return upload.set_unread(0),
                        Ok(Some(Err(_))) | Err(_) => return,
                    }
                }
            };
            let _ = timeout(DISCARDED_FOR, all).await;
        });
    }
}
