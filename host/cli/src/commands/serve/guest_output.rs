//! The standard output and error of guests. A guest waits until its output is read, without
//! blocking anything else. Lines are not mixed with those of other guests, even if a guest writes
//! them in pieces, and each names its request.

use super::guest_lines::{GuestLines, MAX_LINE};
use super::message::Message;
use crate::terminal::stdio::Output;
use async_trait::async_trait;
use bytes::Bytes;
use localmap::wasmtime;
use localmap_serve::GuestStream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::AsyncWrite;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::mpsc::{OwnedPermit, Sender};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// The program's standard streams, for all guests.
pub(in crate::commands) struct GuestStreams {
    pub(super) stdout: Sender<Message>,
    pub(super) stderr: Sender<Message>,
    /// Whether each line begins with the number of its request.
    pub(super) numbered: bool,
}

impl GuestStreams {
    fn stream(&self, stream: Output, writes: &Sender<Message>, request: u64) -> GuestStream {
        Box::new(GuestOutput {
            stream,
            writes: writes.clone(),
            request: self.numbered.then_some(request),
        })
    }
}

impl localmap_serve::GuestOutput for GuestStreams {
    fn stdout(&self, request: u64) -> GuestStream {
        self.stream(Output::Stdout, &self.stdout, request)
    }

    fn stderr(&self, request: u64) -> GuestStream {
        self.stream(Output::Stderr, &self.stderr, request)
    }
}

/// One of the program's standard streams, passed to one guest.
struct GuestOutput {
    stream: Output,
    writes: Sender<Message>,
    /// The number of its request, if lines show it.
    request: Option<u64>,
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        self.stream.is_terminal()
    }
}

impl StdoutStream for GuestOutput {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.writes())
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(AsyncWrites {
            to: self.writes(),
            reserving: None,
        })
    }
}

impl GuestOutput {
    fn writes(&self) -> Writes {
        Writes {
            writes: self.writes.clone(),
            permit: None,
            lines: GuestLines::new(self.request),
        }
    }
}

/// The output stream of one guest.
struct Writes {
    writes: Sender<Message>,
    /// The permit for its next write, reserved so that no other guest takes it.
    permit: Option<OwnedPermit<Message>>,
    lines: GuestLines,
}

impl OutputStream for Writes {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.lines.push(&bytes);
        let Some(ready) = self.lines.take_ready() else {
            return Ok(());
        };
        let permit = match self.permit.take() {
            Some(permit) => permit,
            // A second write after a single readiness check.
            None => match self.writes.clone().try_reserve_owned() {
                Ok(permit) => permit,
                Err(_) => {
                    let error =
                        wasmtime::Error::msg("the guest wrote more than there was room for");
                    return Err(StreamError::Trap(error));
                }
            },
        };
        permit.send(Message::Bytes(ready));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        if self.permit.is_none() {
            self.permit = self.writes.clone().try_reserve_owned().ok();
        }
        Ok(if self.permit.is_some() { MAX_LINE } else { 0 })
    }
}

/// Passes on an unfinished line.
impl Drop for Writes {
    fn drop(&mut self) {
        let permit = self.permit.take();
        let permit = permit.or_else(|| self.writes.clone().try_reserve_owned().ok());
        if let (Some(permit), Some(rest)) = (permit, self.lines.take_all()) {
            permit.send(Message::Bytes(rest));
        }
    }
}

#[async_trait]
impl Pollable for Writes {
    async fn ready(&mut self) {
        if self.permit.is_none() {
            self.permit = self.writes.clone().reserve_owned().await.ok();
        }
    }
}

/// The output stream of one guest of WASI 0.3.
struct AsyncWrites {
    to: Writes,
    /// The permit that it waits for.
    reserving: Option<Reserving>,
}

type Reserving =
    Pin<Box<dyn Future<Output = Result<OwnedPermit<Message>, SendError<()>>> + Send + Sync>>;

impl AsyncWrites {
    /// Waits for a permit. At the end of the program, when there is no reader any more, there is
    /// none.
    fn poll_permit(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if self.to.permit.is_none() {
            let writes = &self.to.writes;
            let reserving = self
                .reserving
                .get_or_insert_with(|| Box::pin(writes.clone().reserve_owned()));
            let permit = ready!(reserving.as_mut().poll(context));
            self.reserving = None;
            self.to.permit = permit.ok();
        }
        Poll::Ready(())
    }
}

impl AsyncWrite for AsyncWrites {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_permit(context));
        let len = bytes.len().min(MAX_LINE);
        let to = &mut self.to;
        to.lines.push(bytes.get(..len).unwrap_or_default());
        // Kept for the next write, if there is no whole line yet.
        if let Some(permit) = to.permit.take() {
            match to.lines.take_ready() {
                Some(ready) => _ = permit.send(Message::Bytes(ready)),
                None => to.permit = Some(permit),
            }
        }
        Poll::Ready(Ok(len))
    }

    /// Waits until there is a permit for an unfinished line, which the end of the stream passes on.
    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.to.lines.is_empty() {
            ready!(self.poll_permit(context));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;
    use tokio::sync::mpsc::{Receiver, channel};

    type Stream = Pin<Box<dyn AsyncWrite + Send + Sync>>;

    /// A stream of a guest that answers request 7, and what it passes on, of which `room` messages
    /// can wait.
    fn stream(room: usize) -> (Stream, Receiver<Message>) {
        let (writes, passed_on) = channel(room);
        let output = GuestOutput {
            stream: Output::Stdout,
            writes,
            request: Some(7),
        };
        (Box::into_pin(output.async_stream()), passed_on)
    }

    /// Writes text, and returns how much of it was taken, or `None` if the guest has to wait.
    fn write(stream: &mut Stream, text: &str) -> Option<usize> {
        let mut context = Context::from_waker(Waker::noop());
        match stream.as_mut().poll_write(&mut context, text.as_bytes()) {
            Poll::Ready(len) => Some(len.unwrap()),
            Poll::Pending => None,
        }
    }

    fn is_flushed(stream: &mut Stream) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        stream.as_mut().poll_flush(&mut context).is_ready()
    }

    fn next(passed_on: &mut Receiver<Message>) -> Option<String> {
        match passed_on.try_recv().ok()? {
            Message::Bytes(bytes) => Some(String::from_utf8(bytes.into()).unwrap()),
            Message::Flush(_) => None,
        }
    }

    #[test]
    fn lines_that_are_written_in_pieces_stay_whole_and_name_their_request() {
        let (mut stream, mut passed_on) = stream(9);
        for piece in ["a", "b\nc", "\n", "end"] {
            assert_eq!(write(&mut stream, piece), Some(piece.len()));
            assert!(is_flushed(&mut stream));
        }
        drop(stream);
        for line in ["[7] ab\n", "[7] c\n", "[7] end\n"] {
            assert_eq!(next(&mut passed_on).as_deref(), Some(line));
        }
        assert_eq!(next(&mut passed_on), None);
    }

    #[test]
    fn a_guest_waits_until_its_output_is_read() {
        let (mut stream, mut passed_on) = stream(1);
        assert_eq!(write(&mut stream, "a\n"), Some(2));
        assert_eq!(write(&mut stream, "b\n"), None);
        assert_eq!(next(&mut passed_on).as_deref(), Some("[7] a\n"));
        assert_eq!(write(&mut stream, "b\n"), Some(2));
        assert_eq!(next(&mut passed_on).as_deref(), Some("[7] b\n"));
    }

    /// There would be no room for it at the end of the stream.
    #[test]
    fn a_guest_waits_for_room_for_the_line_that_it_has_begun() {
        let (mut stream, mut passed_on) = stream(1);
        assert_eq!(write(&mut stream, "a\nrest"), Some(6));
        assert!(!is_flushed(&mut stream));
        assert_eq!(next(&mut passed_on).as_deref(), Some("[7] a\n"));
        assert!(is_flushed(&mut stream));
        drop(stream);
        assert_eq!(next(&mut passed_on).as_deref(), Some("[7] rest\n"));
    }

    #[test]
    fn a_huge_write_is_taken_in_parts() {
        let (mut stream, mut passed_on) = stream(9);
        let huge = "x".repeat(10 * MAX_LINE);
        assert_eq!(write(&mut stream, &huge), Some(MAX_LINE));
        let line = next(&mut passed_on).unwrap();
        assert_eq!(line.len(), "[7] \n".len() + MAX_LINE);
    }
}
