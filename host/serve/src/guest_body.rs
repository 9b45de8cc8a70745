//! The body of a guest's response, of either version of `wasi:http`.

use crate::outgoing::poll_passed_on;
use bytes::Bytes;
use hyper::Response;
use hyper::body::{Body, Frame, SizeHint};
use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;
use wasmtime_wasi_http::{Error, WasiBody};

/// The response of a guest.
pub(crate) type GuestResponse = Response<GuestBody>;

/// The maximum number of frames that are read ahead.
const MAX_FRAMES_AHEAD: usize = 16;
/// The number of bytes after which no more frames are read ahead.
const BYTES_AHEAD: usize = 16 << 10;

/// The body of a guest's response.
pub(crate) struct GuestBody {
    body: WasiBody,
    tracker: Option<Tracker>,
    /// The frames that have been read ahead.
    ahead: VecDeque<Result<Frame<Bytes>, Error>>,
    /// Whether `body` has been read to its end.
    ended: bool,
    /// Whether `body` is that of a response that the guest has received, and has ended early.
    cut_upstream: bool,
}

/// What a body of WASI 0.3 reports to its guest's store. Dropping it reports the end of the body,
/// and of a transmission that has not ended.
pub(crate) struct Tracker {
    transmission: Option<Transmission>,
    end: Option<BodyEnd>,
}

/// Tells a guest whether its response has been sent. Dropping it tells that it has not.
pub(crate) struct Transmission(oneshot::Sender<Result<(), Error>>);

/// Calls a function when it is dropped, with the body that it belongs to.
struct BodyEnd(Option<Box<dyn FnOnce() + Send>>);

impl Drop for BodyEnd {
    fn drop(&mut self) {
        if let Some(report) = self.0.take() {
            report();
        }
    }
}

impl Tracker {
    /// Creates a tracker, and returns the result of the transmission too. `on_end` is called when
    /// the body has been read to its end, or is no longer wanted.
    pub(crate) fn new(
        on_end: impl FnOnce() + Send + 'static,
    ) -> (
        Self,
        impl Future<Output = Result<(), Error>> + Send + 'static,
    ) {
        let (transmission, transmitted) = oneshot::channel();
        let tracker = Self {
            transmission: Some(Transmission(transmission)),
            end: Some(BodyEnd(Some(Box::new(on_end)))),
        };
        let transmitted = async {
            transmitted
                .await
                .unwrap_or(Err(Error::ConnectionTerminated))
        };
        (tracker, transmitted)
    }
}

impl Transmission {
    /// Reports the end of the transmission. `sent` is `true` if all of the response has been sent.
    pub(crate) fn end(self, sent: bool) {
        let result = match sent {
            true => Ok(()),
            false => Err(Error::ConnectionTerminated),
        };
        // The guest may have ended, or may not want to know.
        let _ = self.0.send(result);
    }
}

impl GuestBody {
    /// Wraps a body. A guest of WASI 0.2 has no tracker: it learns only what happens to its writes.
    pub(crate) fn new(body: WasiBody, tracker: Option<Tracker>) -> Self {
        Self {
            body,
            tracker,
            ahead: VecDeque::new(),
            ended: false,
            cut_upstream: false,
        }
    }

    /// Returns `true` if the guest passes on the body of a response, which has ended early.
    pub(crate) fn is_cut_upstream(&self) -> bool {
        self.cut_upstream
    }

    fn poll_body(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let body = Pin::new(&mut self.body);
        let (frame, cut) = poll_passed_on(|| body.poll_frame(context));
        self.cut_upstream |= cut;
        frame
    }

    /// Takes what tells the guest whether its response has been sent.
    pub(crate) fn take_transmission(&mut self) -> Option<Transmission> {
        self.tracker.as_mut()?.transmission.take()
    }

    /// Reads what the guest has written so far, unless that is much. Returns `true` if there was
    /// something, so that the guest may write more.
    pub(crate) fn read_ahead(&mut self, context: &mut Context<'_>) -> bool {
        let (before, ended_before) = (self.ahead.len(), self.ended);
        while !self.ended
            && self.ahead.len() < MAX_FRAMES_AHEAD
            && self.bytes_ahead() < BYTES_AHEAD as u64
        {
            match self.poll_body(context) {
                Poll::Ready(Some(frame)) => {
                    self.ended = !frame.as_ref().is_ok_and(Frame::is_data);
                    self.ahead.push_back(frame);
                }
                Poll::Ready(None) => self.ended = true,
                Poll::Pending => break,
            }
        }
        if self.ended
            && let Some(tracker) = &mut self.tracker
        {
            tracker.end = None;
        }
        self.ahead.len() > before || self.ended != ended_before
    }

    fn bytes_ahead(&self) -> u64 {
        let frames = self.ahead.iter().flatten();
        let data = frames.filter_map(|frame| frame.data_ref());
        data.map(|data| data.len() as u64).sum()
    }
}

impl Body for GuestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        match self.ahead.pop_front() {
            Some(frame) => Poll::Ready(Some(frame)),
            None if self.ended => Poll::Ready(None),
            None => self.poll_body(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && (self.ended || self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let mut hint = match self.ended {
            true => SizeHint::with_exact(0),
            false => self.body.size_hint(),
        };
        // Trailers, which need chunks, and errors have no size.
        let is_data =
            |frame: &Result<Frame<Bytes>, Error>| frame.as_ref().is_ok_and(Frame::is_data);
        let ahead = self.bytes_ahead();
        if !self.ahead.iter().all(is_data) {
            let mut at_least = SizeHint::default();
            at_least.set_lower(ahead);
            return at_least;
        }
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper.saturating_add(ahead));
        }
        hint.set_lower(hint.lower().saturating_add(ahead));
        hint
    }
}
