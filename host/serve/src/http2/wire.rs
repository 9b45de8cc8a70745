//! The byte stream below a connection of HTTP/2: knows whether all has been sent, and which streams
//! have ended, and is handed back at the end.

use super::frames::Frames;
use crate::response_ends::ResponseEnds;
use localmap::lock;
use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// What a connection has sent.
#[derive(Clone, Default)]
pub(super) struct Flushed {
    /// Whether all that was written has been sent.
    all: Arc<AtomicBool>,
    pub(super) ends: ResponseEnds,
}

impl Flushed {
    pub(super) fn get(&self) -> bool {
        self.all.load(Ordering::Acquire)
    }

    fn set(&self, flushed: bool) {
        self.all.store(flushed, Ordering::Release);
    }
}

/// Where a stream is put when its connection is dropped, which owns it until then.
pub(super) type Returned<S> = Arc<Mutex<Option<S>>>;

/// A byte stream.
pub(super) struct Wire<S> {
    /// `None` only while this is dropped.
    stream: Option<S>,
    frames: Frames,
    /// The streams whose ends have been written, but may not have been sent.
    ended: Vec<u32>,
    flushed: Flushed,
    returned: Returned<S>,
}

impl<S> Wire<S> {
    pub(super) fn new(stream: S, flushed: Flushed, returned: Returned<S>) -> Self {
        Self {
            stream: Some(stream),
            frames: Frames::default(),
            ended: Vec::new(),
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

impl<S> Wire<S> {
    /// Notes that this number of bytes has been written.
    fn note_written(&mut self, mut len: usize, bytes: &[IoSlice<'_>]) {
        for part in bytes {
            let part = part.get(..len.min(part.len())).unwrap_or_default();
            len -= part.len();
            self.frames.read(part, |stream| self.ended.push(stream));
        }
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
        let written = self.stream()?.poll_write(context, bytes);
        if let Poll::Ready(Ok(len)) = written {
            self.note_written(len, &[IoSlice::new(bytes)]);
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.flushed.set(false);
        let written = self.stream()?.poll_write_vectored(context, bytes);
        if let Poll::Ready(Ok(len)) = written {
            self.note_written(len, bytes);
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        let stream = self.stream.as_ref();
        stream.is_some_and(AsyncWrite::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = self.stream()?.poll_flush(context);
        if let Poll::Ready(Ok(())) = &flushed {
            self.flushed.set(true);
            let Self { ended, flushed, .. } = &mut *self;
            flushed.ends.sent(ended.drain(..));
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}
