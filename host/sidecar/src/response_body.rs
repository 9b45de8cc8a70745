//! The body of a response: it keeps its call running until it ends, and ends a stream when the sidecar
//! does.

use crate::activity::Running;
use crate::status;
use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use tonic::Status;
use tonic::body::Body;

/// The body of a response.
pub(crate) struct ResponseBody {
    inner: Body,
    /// Completes when the stream is to end. `None` for a call, which ends anyway, and for a stream
    /// that has ended.
    ending: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    ended: bool,
    _running: Running,
}

impl ResponseBody {
    /// Creates the body of a call.
    pub(crate) fn new(inner: Body, running: Running) -> Self {
        Self {
            inner,
            ending: None,
            ended: false,
            _running: running,
        }
    }

    /// Ends the stream between two messages when `ending` completes.
    pub(crate) fn until(mut self, ending: impl Future<Output = ()> + Send + 'static) -> Self {
        self.ending = Some(Box::pin(ending));
        self
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        // First, since a busy stream always has another message.
        if let Some(ending) = &mut self.ending
            && ending.as_mut().poll(context).is_ready()
        {
            self.ended = true;
            self.inner = Body::empty();
            let mut trailers = HeaderMap::new();
            status::ending().add_header(&mut trailers)?;
            return Poll::Ready(Some(Ok(Frame::trailers(trailers))));
        }
        Pin::new(&mut self.inner).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::Activity;
    use std::sync::Arc;
    use std::task::Waker;

    /// Never has a frame.
    struct Silent;

    impl HttpBody for Silent {
        type Data = Bytes;
        type Error = Status;

        fn poll_frame(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
            Poll::Pending
        }
    }

    #[test]
    fn a_stream_ends_with_a_status_and_its_call_with_it() {
        let activity = Arc::new(Activity::default());
        let (end, ended) = tokio::sync::oneshot::channel::<()>();
        let body = ResponseBody::new(Body::new(Silent), activity.begin());
        let mut body = Box::pin(body.until(async { drop(ended.await) }));
        let mut context = Context::from_waker(Waker::noop());
        assert!(body.as_mut().poll_frame(&mut context).is_pending());
        assert_eq!(activity.running(), 1);
        drop(end);
        let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(&mut context) else {
            panic!("it ends");
        };
        let trailers = frame.into_trailers().expect("trailers");
        assert_eq!(trailers["grpc-status"], "14");
        let next = body.as_mut().poll_frame(&mut context);
        assert!(matches!(next, Poll::Ready(None)));
        drop(body);
        assert_eq!(activity.running(), 0);
    }
}
