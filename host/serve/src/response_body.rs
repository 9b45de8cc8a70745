//! The bodies of responses.

use crate::delivery::Delivery;
use crate::exchange::ResponseSide;
use crate::failure::Failure;
use crate::guest_body::{GuestBody, GuestResponse};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::runtime::Handle;

/// The body of a response that is being sent to the client. Dropping it ends the response.
pub struct ResponseBody {
    source: Source,
    /// The side of the response, or `None` once this is dropped.
    side: Option<ResponseSide>,
    progress: Progress,
    /// The error that the next poll returns.
    failed: Option<Error>,
    /// The delivery of the connection, if its server reports it.
    delivery: Option<Arc<Delivery>>,
}

/// The source of the bytes.
enum Source {
    /// The guest.
    Guest(GuestBody),
    /// Text from the handler.
    Text(Bytes),
}

/// The progress of the response.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// There is more to send: this number of bytes, if the guest has declared a length.
    Sending(Option<u64>),
    /// The last byte has been sent.
    Complete,
}

/// Of the two ends of a body that is too short, the one without an error may come first.
const OTHER_LENGTH: &str = "the guest wrote more or less than its content-length";

const UNFINISHED: &str = "the guest did not finish its response";

/// What ended early, if the guest only passed it on.
pub(crate) const UPLOAD_CUT: &str = "the body of the request ended early";
const UPSTREAM_CUT: &str = "the response that the guest passes on ended early";

/// The guest failed in the middle of its response.
#[derive(Debug, thiserror::Error)]
#[error("the guest failed during its response")]
struct Cut;

type Error = Box<dyn std::error::Error + Send + Sync>;

impl ResponseBody {
    /// Creates a response from the handler: a line of text without details.
    pub(crate) fn text(
        side: ResponseSide,
        failure: &Failure,
        delivery: Option<&Arc<Delivery>>,
    ) -> Response<Self> {
        if let Some(refusal) = &failure.refusal
            && refusal.is_grpc()
        {
            // Headers alone.
            side.set_status(StatusCode::OK);
            return refusal.response().map(|_| Self {
                source: Source::Text(Bytes::new()),
                side: Some(side),
                progress: Progress::Complete,
                failed: None,
                delivery: delivery.cloned(),
            });
        }
        let (status, text) = (failure.status, failure.text());
        side.set_status(status);
        let progress = match side.is_head() {
            true => Progress::Complete,
            false => Progress::Sending(None),
        };
        let body = Self {
            source: Source::Text(format!("{text}\n").into()),
            side: Some(side),
            progress,
            failed: None,
            delivery: delivery.cloned(),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        if let Some(after) = failure.retry_after {
            headers.insert(RETRY_AFTER, whole_seconds(after).into());
        }
        response
    }

    /// Returns `true` if the last byte has been passed on: all of the declared length, if there is
    /// one.
    pub(crate) fn is_complete(&self) -> bool {
        self.progress == Progress::Complete
    }

    /// Creates a response from that of a guest.
    pub(crate) fn of_guest(
        side: ResponseSide,
        mut response: GuestResponse,
        delivery: Option<&Arc<Delivery>>,
    ) -> Response<Self> {
        let status = response.status();
        side.set_status(status);
        side.set_transmission(response.body_mut().take_transmission());
        let length = response.headers().get(CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let left = length.or_else(|| size_hint(response.body(), &side).exact());
        // Responses with these statuses have no body, whatever the guest writes.
        let bodyless = matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        let bodyless = bodyless || side.is_head();
        if status == StatusCode::NO_CONTENT {
            // RFC 9110, section 8.6, forbids it. Clients of HTTP/2 would miss that many bytes.
            response.headers_mut().remove(CONTENT_LENGTH);
        }
        response.map(|body| Self {
            progress: match bodyless || left == Some(0) || is_whole(&body, &side, left) {
                true => Progress::Complete,
                false => Progress::Sending(left),
            },
            source: match bodyless {
                true => {
                    read_through(body);
                    Source::Text(Bytes::new())
                }
                false => Source::Guest(body),
            },
            side: Some(side),
            failed: None,
            delivery: delivery.cloned(),
        })
    }
}

impl ResponseBody {
    /// Returns what is sent for a frame of the guest, or for the end of its body.
    fn of_frame(
        &mut self,
        frame: Option<Result<Frame<Bytes>, wasmtime_wasi_http::Error>>,
    ) -> Option<Result<Frame<Bytes>, Error>> {
        match frame {
            // The body also ends in these ways when the guest's store is dropped.
            None | Some(Err(_)) if self.guest_failed() => {}
            None if matches!(self.progress, Progress::Sending(Some(1..))) => {
                self.add_cause(self.cause_of_end(OTHER_LENGTH));
            }
            None => return None,
            // hyper does not read past them.
            Some(Ok(frame)) if frame.is_trailers() => {
                self.progress = Progress::Complete;
                return Some(Ok(frame));
            }
            Some(Ok(frame)) => {
                let len = frame.data_ref().map_or(0, Bytes::len) as u64;
                match self.progress {
                    // None of it is sent, since a client would take its beginning for the end.
                    Progress::Sending(Some(left)) if left < len => self.add_cause(OTHER_LENGTH),
                    Progress::Sending(Some(left)) if left == len => {
                        self.progress = Progress::Complete;
                        return Some(Ok(frame));
                    }
                    Progress::Sending(left) => {
                        self.progress = Progress::Sending(left.map(|left| left - len));
                        return Some(Ok(frame));
                    }
                    // The client has all that was declared.
                    Progress::Complete => return None,
                }
            }
            Some(Err(wasmtime_wasi_http::Error::HttpResponseBodySize(_))) => {
                self.add_cause(self.cause_of_end(OTHER_LENGTH));
            }
            // The code of the error says no more, and its form is that of the host.
            Some(Err(_)) => self.add_cause(self.cause_of_end(UNFINISHED)),
        }
        Some(Err(Cut.into()))
    }

    /// Returns why the body of the guest ended early: `own`, unless what it passes on did.
    fn cause_of_end(&self, own: &'static str) -> &'static str {
        let cut_upstream = match &self.source {
            Source::Guest(body) => body.is_cut_upstream(),
            Source::Text(_) => false,
        };
        if cut_upstream {
            UPSTREAM_CUT
        } else if self.side.as_ref().is_some_and(ResponseSide::is_upload_cut) {
            UPLOAD_CUT
        } else {
            own
        }
    }

    /// Returns `true` if the guest has failed. Otherwise, the task is woken if it does.
    fn guest_fails(&self, context: &Context<'_>) -> bool {
        let side = self.side.as_ref();
        side.is_some_and(|side| side.poll_guest_failed(context))
    }

    fn guest_failed(&self) -> bool {
        self.side.as_ref().is_some_and(ResponseSide::guest_failed)
    }

    fn add_cause(&self, cause: &str) {
        if let Some(side) = &self.side {
            side.add_cause(cause);
        }
    }
}

/// Rounds up to seconds.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs()
        .saturating_add(u64::from(time.subsec_nanos() > 0))
}

/// Returns `true` if nothing is left of a guest's body, and nothing is missing.
fn is_whole(body: &GuestBody, side: &ResponseSide, left: Option<u64>) -> bool {
    body.is_end_stream() && matches!(left, None | Some(0)) && !side.guest_failed()
}

/// Returns the size of a guest's body as far as it is known. That of a guest that has failed is
/// not, since its response must not look complete.
fn size_hint(body: &GuestBody, side: &ResponseSide) -> SizeHint {
    match side.guest_failed() {
        true => SizeHint::default(),
        false => body.size_hint(),
    }
}

/// Reads and discards everything that the guest writes after its response, so that its writes do
/// not fail. Ends with the guest.
fn read_through(mut body: GuestBody) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(async move { while let Some(Ok(_)) = body.frame().await {} });
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = &mut *self;
        if let Some(error) = this.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let frame = match &mut this.source {
            Source::Text(text) if text.is_empty() => None,
            Source::Text(text) => {
                // The text is a single frame.
                this.progress = Progress::Complete;
                Some(Ok(Frame::data(std::mem::take(text))))
            }
            Source::Guest(body) => match Pin::new(body).poll_frame(context) {
                Poll::Ready(frame) => this.of_frame(frame),
                // The store of a guest that has failed lives on if it has other requests.
                Poll::Pending if this.guest_fails(context) => Some(Err(Cut.into())),
                Poll::Pending => return Poll::Pending,
            },
        };
        match frame {
            // The server sends what it has before it gets the error, so that the client sees that
            // the response has begun.
            Some(Err(error)) => {
                this.failed = Some(error);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            None => {
                this.progress = Progress::Complete;
                Poll::Ready(None)
            }
            frame => Poll::Ready(frame),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Text(text) => text.is_empty(),
            Source::Guest(body) => match (&self.side, self.progress) {
                (Some(side), Progress::Sending(left)) => is_whole(body, side, left),
                _ => body.is_end_stream(),
            },
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Text(text) => SizeHint::with_exact(text.len() as u64),
            Source::Guest(body) => match &self.side {
                Some(side) => size_hint(body, side),
                None => SizeHint::default(),
            },
        }
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        let Some(side) = self.side.take() else {
            return;
        };
        if self.progress != Progress::Complete {
            // Before the guest notices that the body has been dropped.
            side.abandon();
            return;
        }
        let guest_runs = side.guest_runs();
        match &self.delivery {
            Some(delivery) => delivery.complete_when_sent(side),
            None => side.complete(),
        }
        // hyper does not read past the declared length of a body, and the guest may not have
        // closed it yet.
        let source = std::mem::replace(&mut self.source, Source::Text(Bytes::new()));
        if let Source::Guest(body) = source
            && guest_runs
        {
            read_through(body);
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody").finish_non_exhaustive()
    }
}
