//! The body of a response: it counts what its peer has not read, keeps its call running until it ends,
//! and ends a stream when the sidecar does.

use crate::activity::Running;
use crate::buffers::Buffers;
use crate::call::EndOfCall;
use crate::status;
use bytes::Bytes;
use hyper::HeaderMap;
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tonic::Status;
use tonic::body::Body;

/// A condition to wait for.
type Event = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The body of a response.
pub(crate) struct ResponseBody {
    inner: Body,
    buffers: Arc<Buffers>,
    running: Running,
    /// `None` for a call, which ends anyway.
    stream: Option<Stream>,
    ended: bool,
    /// The end of the call for telemetry, if there is any.
    end: Option<EndOfCall>,
}

/// A response that goes on until one side ends it.
struct Stream {
    /// Completes when the stream is to end.
    ending: Event,
    /// Completes when the peer has read enough for another message, if that has to be waited for.
    room: Option<Event>,
}

impl ResponseBody {
    /// Creates the body of a call.
    pub(crate) fn new(inner: Body, buffers: &Arc<Buffers>, running: Running) -> Self {
        Self {
            inner,
            buffers: Arc::clone(buffers),
            running,
            stream: None,
            ended: false,
            end: None,
        }
    }

    /// Ends the call for telemetry with the response.
    pub(crate) fn ending(mut self, end: Option<EndOfCall>) -> Self {
        self.end = end;
        self
    }

    /// Ends the stream between two messages when `ending` completes.
    pub(crate) fn until(mut self, ending: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stream = Some(Stream {
            ending: Box::pin(ending),
            room: None,
        });
        self
    }

    /// Ends the stream with a status.
    fn end(&mut self, status: &Status) -> Result<Frame<Bytes>, Status> {
        self.ended = true;
        self.inner = Body::empty();
        let mut trailers = HeaderMap::new();
        status.add_header(&mut trailers)?;
        if let Some(end) = &self.end {
            end.end_with(&trailers);
        }
        Ok(Frame::trailers(trailers))
    }
}

impl Stream {
    /// Waits until the peer has read enough.
    fn poll_room(&mut self, buffers: &Arc<Buffers>, context: &mut Context<'_>) -> Poll<()> {
        if self.room.is_none() && buffers.has_room() {
            return Poll::Ready(());
        }
        let room = || Box::pin(Arc::clone(buffers).room()) as Event;
        ready!(self.room.get_or_insert_with(room).as_mut().poll(context));
        self.room = None;
        Poll::Ready(())
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let me = &mut *self;
        if me.ended {
            return Poll::Ready(None);
        }
        if let Some(stream) = &mut me.stream {
            // First, since a busy stream always has another message.
            if stream.ending.as_mut().poll(context).is_ready() {
                return Poll::Ready(Some(me.end(&status::ending())));
            }
            ready!(stream.poll_room(&me.buffers, context));
        }
        let frame = ready!(Pin::new(&mut me.inner).poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            let frame = frame?;
            if let (Some(end), Some(trailers)) = (&me.end, frame.trailers_ref()) {
                end.end_with(trailers);
            }
            // A call runs until its response has been sent. A stream does not delay the end.
            let running = me.stream.is_none().then(|| me.running.keep());
            Ok(frame.map_data(|data| me.buffers.sending(data, running)))
        }))
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
        let buffers = Arc::default();
        let body = ResponseBody::new(Body::new(Silent), &buffers, activity.begin(true));
        let mut body = Box::pin(body.until(async { drop(ended.await) }));
        let mut context = Context::from_waker(Waker::noop());
        assert!(body.as_mut().poll_frame(&mut context).is_pending());
        assert_eq!(activity.running_calls(), 1);
        drop(end);
        let Poll::Ready(Some(Ok(frame))) = body.as_mut().poll_frame(&mut context) else {
            panic!("it ends");
        };
        let trailers = frame.into_trailers().expect("trailers");
        assert_eq!(trailers["grpc-status"], "14");
        let next = body.as_mut().poll_frame(&mut context);
        assert!(matches!(next, Poll::Ready(None)));
        drop(body);
        assert_eq!(activity.running_calls(), 0);
    }
}
