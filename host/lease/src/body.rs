//! The body of a guarded response, which keeps the lock until it has ended.

use crate::hold::{Hold, Loss};
use crate::refusal::Refusal;
use bytes::Bytes;
use http::header::HeaderValue;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project! {
    /// The body of a response behind a [`GuardLayer`](crate::GuardLayer). It keeps the lock until it has
    /// ended or is dropped. If the lease ends before, it ends early: with an error, or, in a call of gRPC,
    /// with the status `ABORTED`.
    pub struct GuardBody<B> {
        #[pin]
        state: State<B>,
    }
}

pin_project! {
    #[project = Projected]
    enum State<B> {
        /// That of a response that needs no lock.
        Plain { #[pin] body: B },
        Held { #[pin] held: Held<B> },
        /// That of a refusal.
        Text { text: Bytes },
        /// It has ended, or was cut off.
        Ended,
    }
}

pin_project! {
    struct Held<B> {
        // Dropped before the lock is released.
        #[pin]
        body: B,
        hold: Hold,
        loss: Loss,
        grpc: Option<HeaderValue>,
    }
}

type BoxError = Box<dyn Error + Send + Sync>;

impl<B> GuardBody<B> {
    pub(crate) fn plain(body: B) -> Self {
        Self {
            state: State::Plain { body },
        }
    }

    pub(crate) fn held(body: B, hold: Hold, loss: Loss, grpc: Option<HeaderValue>) -> Self {
        let held = Held {
            body,
            hold,
            loss,
            grpc,
        };
        Self {
            state: State::Held { held },
        }
    }

    pub(crate) fn text(text: Bytes) -> Self {
        Self {
            state: State::Text { text },
        }
    }
}

impl<B> Body for GuardBody<B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut state = self.project().state;
        let mut held = match state.as_mut().project() {
            Projected::Plain { body } => return body.poll_frame(context).map_err(Into::into),
            Projected::Text { text } if text.is_empty() => return Poll::Ready(None),
            Projected::Text { text } => {
                let text = std::mem::take(text);
                return Poll::Ready(Some(Ok(Frame::data(text))));
            }
            Projected::Ended => return Poll::Ready(None),
            Projected::Held { held } => held.project(),
        };
        if Pin::new(&mut *held.loss).poll(context).is_ready() {
            let refusal = Refusal::of_loss(held.grpc.take());
            // Drops the body, which stops what writes it.
            state.set(State::Ended);
            return Poll::Ready(Some(end(refusal)));
        }
        let polled = held.body.as_mut().poll_frame(context);
        let ended = match &polled {
            Poll::Ready(None | Some(Err(_))) => true,
            Poll::Ready(Some(Ok(frame))) => frame.is_trailers(),
            Poll::Pending => false,
        };
        if ended {
            // Releases the lock.
            state.set(State::Ended);
        }
        polled.map_err(Into::into)
    }

    fn is_end_stream(&self) -> bool {
        match &self.state {
            State::Plain { body } => body.is_end_stream(),
            State::Held { held } => held.body.is_end_stream(),
            State::Text { text } => text.is_empty(),
            State::Ended => true,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Plain { body } => body.size_hint(),
            State::Held { held } => held.body.size_hint(),
            State::Text { text } => SizeHint::with_exact(text.len() as u64),
            State::Ended => SizeHint::with_exact(0),
        }
    }
}

/// Returns the end of a body that is cut off.
fn end(refusal: Refusal) -> Result<Frame<Bytes>, BoxError> {
    match refusal.is_grpc() {
        true => Ok(Frame::trailers(refusal.trailers())),
        false => Err(refusal.into()),
    }
}
