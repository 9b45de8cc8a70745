//! The byte stream below a connection of HTTP/2: knows whether all has been sent, and is handed back
//! at the end.

use localmap::lock;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Whether all that was written has been sent.
#[derive(Clone, Default)]
pub(super) struct Flushed(Arc<AtomicBool>);

impl Flushed {
    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn set(&self, flushed: bool) {
        self.0.store(flushed, Ordering::Release);
    }
}

/// Where a stream is put when its connection is dropped, which owns it until then.
pub(super) type Returned<S> = Arc<Mutex<Option<S>>>;

/// A byte stream.
pub(super) struct Wire<S> {
    /// `None` only while this is dropped.
    stream: Option<S>,
    flushed: Flushed,
    returned: Returned<S>,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, flushed: Flushed, returned: Returned<S>) -> Self {
        Self {
            stream: Some(stream),
            flushed,
            returned,
        }
    }
}

impl<S: Unpin> Wire<S> {
    fn stream(&mut self) -> io::Result<Pin<&mut S>> {
        let stream = self.stream.as_mut().map(Pin::new);
        stream.ok_or_else(|| ErrorKind::NotConnected.into())
    }
}

impl<S> Drop for Wire<S> {
    fn drop(&mut self) {
        *lock(&self.returned) = self.stream.take();
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream()?.poll_read(context, to)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Also if it cannot be written for now.
        self.flushed.set(false);
        self.stream()?.poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.flushed.set(false);
        self.stream()?.poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        let stream = self.stream.as_ref();
        stream.is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.stream()?.poll_flush(context);
        if let Poll::Ready(Ok(())) = &flushed {
            self.flushed.set(true);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}
