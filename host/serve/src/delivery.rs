//! What a connection has sent, which decides what the log says about its responses.

use crate::exchange::{ResponseSide, Sent};
use crate::response_ends::ResponseEnd;
use localmap::lock;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection of HTTP/1, or one stream of HTTP/2, has sent.
#[derive(Default)]
pub(crate) struct Delivery {
    sent: Sent,
    /// The complete responses of which a part may still wait to be sent.
    waiting: Mutex<Vec<ResponseSide>>,
    /// The end of the response, if this is a stream.
    end: Option<ResponseEnd>,
}

impl Delivery {
    /// Creates the delivery of one stream.
    pub(crate) fn of_stream(end: ResponseEnd) -> Self {
        Self {
            end: Some(end),
            ..Self::default()
        }
    }

    /// Returns the number of bytes sent, which increases.
    pub(crate) fn sent(&self) -> &Sent {
        &self.sent
    }

    /// Ends a response, whose last byte has been passed on, when that byte has been sent.
    pub(crate) fn complete_when_sent(&self, side: ResponseSide) {
        match &self.end {
            Some(end) => end.complete_when_sent(side),
            None => lock(&self.waiting).push(side),
        }
    }

    /// Takes the responses that wait. Dropping a side ends its response early.
    fn take_waiting(&self) -> Vec<ResponseSide> {
        std::mem::take(&mut *lock(&self.waiting))
    }

    /// Ends the responses that wait: all has been sent.
    fn all_sent(&self) {
        for side in &self.take_waiting() {
            side.complete();
        }
    }

    /// Ends the responses that wait: nothing more will be sent.
    pub(crate) fn close(&self) {
        drop(self.take_waiting());
    }
}

/// A stream that reports what it has sent.
pub(crate) struct DeliveryStream<S> {
    stream: S,
    delivery: Arc<Delivery>,
}

impl<S> DeliveryStream<S> {
    pub(crate) fn new(stream: S, delivery: Arc<Delivery>) -> Self {
        Self { stream, delivery }
    }

    pub(crate) fn into_inner(self) -> S {
        self.stream
    }

    fn count(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(len)) = &written {
            self.delivery.sent.add(*len);
        }
        written
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for DeliveryStream<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, to)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for DeliveryStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.count(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, bytes);
        self.count(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    /// hyper flushes when it has no more to write for now.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if let Poll::Ready(Ok(())) = &flushed {
            self.delivery.all_sent();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
