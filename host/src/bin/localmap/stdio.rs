//! Our standard output and error: handed to guests, and written to ourselves.

use async_trait::async_trait;
use bytes::Bytes;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// What a program exits with whose output nobody reads any more: 128 and the number of
/// SIGPIPE.
pub(crate) const PIPE_CLOSED: u8 = 141;

/// Nobody reads our output any more. It ends the guest as a trap would: told of it,
/// most guests would panic.
#[derive(Debug, thiserror::Error)]
#[error("standard output is closed")]
pub(crate) struct Closed;

/// One of our own streams, handed to the guest. Bytes pass as they come.
#[derive(Clone, Copy)]
pub(crate) enum Output {
    Stdout,
    Stderr,
}

impl Output {
    fn with(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> StreamResult<()> {
        let done = match self {
            Self::Stdout => write(&mut io::stdout().lock()),
            Self::Stderr => write(&mut io::stderr().lock()),
        };
        done.map_err(|error| match error.kind() {
            ErrorKind::BrokenPipe => StreamError::Trap(Closed.into()),
            _ => StreamError::LastOperationFailed(error.into()),
        })
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

    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for it, which is not linked.
        Box::new(tokio::io::sink())
    }
}

impl OutputStream for Output {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.with(|stream| stream.write_all(&bytes))
    }

    fn flush(&mut self) -> StreamResult<()> {
        self.with(|stream| stream.flush())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

#[async_trait]
impl Pollable for Output {
    async fn ready(&mut self) {}
}

/// Writes an error and its causes to standard error, in the form of the `wasmtime`
/// CLI. If that fails there is nobody to tell.
pub(crate) fn complain(error: &anyhow::Error) {
    let mut text = format!("Error: {error}\n");
    let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
    if !causes.is_empty() {
        text.push_str("\nCaused by:\n");
    }
    for (number, cause) in causes.iter().enumerate() {
        let cause = cause.trim_end().replace('\n', "\n       ");
        text.push_str(&format!("    {number}: {cause}\n"));
    }
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Writes a line to standard error.
pub(crate) fn note(line: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// The exit code of what writes to standard output: [`PIPE_CLOSED`], and nothing said,
/// where the reader of that has gone.
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
