//! A stream of the input whose reads wait until a line is delivered.

use super::lines::Lines;
use localmap::lock;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// A stream of the input for guests with several tasks. It reads no line until all of these wait.
pub(crate) struct LineReader {
    lines: Arc<Mutex<Lines>>,
    /// The number under which it waits.
    waits_as: Option<u64>,
}

impl LineReader {
    pub(super) fn new(lines: Arc<Mutex<Lines>>) -> Self {
        Self {
            lines,
            waits_as: None,
        }
    }

    /// Reads some bytes of one line into `to`, and returns their number, which is 0 at the end.
    pub(crate) fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        to: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut lines = lock(&self.lines);
        let taken = lines.poll_take(context, to.len(), &mut self.waits_as);
        let bytes = ready!(taken)?;
        if let Some(to) = to.get_mut(..bytes.len()) {
            to.copy_from_slice(&bytes);
        }
        Poll::Ready(Ok(bytes.len()))
    }

    /// Stops waiting, so that no line is read for this stream.
    pub(crate) fn cancel(&mut self) {
        if self.waits_as.is_some() {
            lock(&self.lines).stop_waiting(&mut self.waits_as);
        }
    }
}

impl Drop for LineReader {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl AsyncRead for LineReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if to.remaining() == 0 {
            return Poll::Ready(Ok(()));
        }
        let len = ready!(Self::poll_read(
            &mut self,
            context,
            to.initialize_unfilled()
        ))?;
        to.advance(len);
        Poll::Ready(Ok(()))
    }
}
