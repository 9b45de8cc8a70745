//! The body of a guest's response, of either version of `wasi:http`.

use bytes::Bytes;
use hyper::Response;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot;
use wasmtime_wasi_http::{Error, WasiBody};

/// The response of a guest.
pub(crate) type GuestResponse = Response<GuestBody>;

/// The body of a guest's response.
pub(crate) struct GuestBody {
    body: WasiBody,
    tracker: Option<Tracker>,
}

/// What a body of WASI 0.3 reports to its guest's store. Dropping it reports the end of the body,
/// and of a transmission that has not ended.
pub(crate) struct Tracker {
    transmission: Option<Transmission>,
    _end: BodyEnd,
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
            _end: BodyEnd(Some(Box::new(on_end))),
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
        Self { body, tracker }
    }

    /// Takes what tells the guest whether its response has been sent.
    pub(crate) fn take_transmission(&mut self) -> Option<Transmission> {
        self.tracker.as_mut()?.transmission.take()
    }
}

impl Body for GuestBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
