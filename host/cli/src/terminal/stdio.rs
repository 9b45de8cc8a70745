//! The program's standard output and error, for its own messages and for guests.

use crate::exit_code::PIPE_CLOSED;
use async_trait::async_trait;
use bytes::Bytes;
use std::io::{self, ErrorKind, Read, Write};
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// Standard output has been closed. This ends the guest as a trap would. If writes returned an
/// error instead, most guests would panic.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
pub(crate) struct Closed;

/// One of the program's standard streams, passed to the guest. Bytes are not buffered.
#[derive(Clone, Copy)]
pub(crate) enum Output {
    Stdout,
    Stderr,
}

/// Whether a guest has written to standard error.
static COMPLAINED: AtomicBool = AtomicBool::new(false);

impl Output {
    /// Returns `true` if a guest has written to standard error, so that it may have said why it
    /// fails.
    pub(crate) fn guest_has_complained() -> bool {
        COMPLAINED.load(Ordering::Relaxed)
    }

    /// Writes all bytes, and waits until they are written.
    ///
    /// # Errors
    ///
    /// Returns an error that ends the guest, [`Closed`], if this is standard output and has been
    /// closed. A closed standard error is no error.
    pub(crate) fn write_all(self, bytes: &[u8]) -> StreamResult<()> {
        self.put(bytes).map_err(stream_error)
    }

    /// Waits until all that was written has left this process. The errors are those of
    /// [`write_all`](Self::write_all).
    pub(crate) fn flush_all(self) -> StreamResult<()> {
        self.push_out().map_err(stream_error)
    }

    fn push_out(self) -> io::Result<()> {
        self.with(|stream| patiently(|| stream.flush()))
    }

    fn put(self, bytes: &[u8]) -> io::Result<()> {
        if matches!(self, Self::Stderr) && !bytes.is_empty() {
            COMPLAINED.store(true, Ordering::Relaxed);
        }
        self.with(|stream| {
            let mut rest = bytes;
            while !rest.is_empty() {
                let written = patiently(|| stream.write(rest))?;
                if written == 0 {
                    return Err(ErrorKind::WriteZero.into());
                }
                rest = rest.get(written..).unwrap_or_default();
            }
            Ok(())
        })
    }

    fn with(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let done = match self {
            Self::Stdout => write(&mut io::stdout().lock()),
            Self::Stderr => write(&mut io::stderr().lock()),
        };
        match done {
            // A closed standard error does not end the guest.
            Err(error) if error.kind() == ErrorKind::BrokenPipe && matches!(self, Self::Stderr) => {
                Ok(())
            }
            done => done,
        }
    }
}

/// Converts an error of a write. A closed pipe is one only of standard output.
fn stream_error(error: io::Error) -> StreamError {
    match error.kind() {
        ErrorKind::BrokenPipe => StreamError::Trap(Closed.into()),
        _ => StreamError::LastOperationFailed(error.into()),
    }
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        match self {
            Self::Stdout => io::stdout().is_terminal(),
            Self::Stderr => io::stderr().is_terminal(),
        }
    }
}

impl StdoutStream for Output {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(*self)
    }

    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(*self)
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.write_all(&bytes)
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.flush_all()
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

/// Writes wait here, as those of [`OutputStream`] do: the program has only one guest.
impl AsyncWrite for Output {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.put(bytes).map(|()| bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(self.push_out())
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_flush(context)
    }
}

/// Retries on a stream that the parent process has set to non-blocking mode.
fn patiently<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(1));
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}

/// A source whose reads block, even if it is in non-blocking mode.
pub(crate) struct Patient<R>(pub(crate) R);

impl<R: Read> Read for Patient<R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        patiently(|| self.0.read(to))
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

/// Writes an error and its causes to standard error, in the format of the `wasmtime` CLI. Ignores
/// write errors, which could not be reported.
pub(crate) fn complain(error: &anyhow::Error) {
    let message = error.to_string();
    let mut text = format!("Error: {message}\n");
    let causes = error.chain().skip(1).map(ToString::to_string);
    // A message may have its cause in itself.
    let causes: Vec<String> = causes.filter(|cause| !message.contains(cause)).collect();
    if !causes.is_empty() {
        text.push_str("\nCaused by:\n");
    }
    for (number, cause) in causes.iter().enumerate() {
        let cause = cause.trim_end().replace('\n', "\n       ");
        text.push_str(&format!("    {number}: {cause}\n"));
    }
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a line to standard error, in one call, so that no other program writes within it and no
/// reader sees a part of it.
pub(crate) fn note(line: impl std::fmt::Display) {
    let line = format!("{line}\n");
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

/// Returns the exit code of a command that writes to standard output: [`PIPE_CLOSED`], without a
/// message, if standard output has been closed.
pub(crate) fn unless_closed(done: anyhow::Result<()>) -> anyhow::Result<ExitCode> {
    let closed = |error: &anyhow::Error| {
        let mut causes = error
            .chain()
            .filter_map(|cause| cause.downcast_ref::<io::Error>());
        causes.any(|cause| cause.kind() == ErrorKind::BrokenPipe)
    };
    match done {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if closed(&error) => Ok(ExitCode::from(PIPE_CLOSED)),
        Err(error) => Err(error),
    }
}

/// Suppresses the messages of panics in wac-graph, which the library converts to errors.
pub(crate) fn keep_caught_panics_quiet() {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let caught = |place: &std::panic::Location<'_>| place.file().contains("wac-");
        if !panic.location().is_some_and(caught) {
            tell(panic);
        }
    }));
}
