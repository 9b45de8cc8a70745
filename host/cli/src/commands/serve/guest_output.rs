//! The standard output and error of guests. A guest waits until its output is read, without
//! blocking anything else. Lines are not mixed with those of other guests, even if a guest writes
//! them in pieces.

use super::message::Message;
use crate::terminal::stdio::Output;
use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use localmap::wasmtime;
use tokio::sync::mpsc::{OwnedPermit, Sender};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// The maximum size of one write, and of the part of a line that is kept until the line ends.
const WRITE: usize = 4 << 10;

/// One of the program's standard streams, passed to all guests.
#[derive(Clone)]
pub(super) struct GuestOutput {
    stream: Output,
    writes: Sender<Message>,
}

impl GuestOutput {
    pub(super) fn new(stream: Output, writes: Sender<Message>) -> Self {
        Self { stream, writes }
    }
}

impl IsTerminal for GuestOutput {
    fn is_terminal(&self) -> bool {
        self.stream.is_terminal()
    }
}

impl StdoutStream for GuestOutput {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Writes {
            writes: self.writes.clone(),
            permit: None,
            line: BytesMut::new(),
        })
    }

    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Used only by WASI 0.3, which is not linked.
        Box::new(tokio::io::sink())
    }
}

/// The output stream of one guest.
struct Writes {
    writes: Sender<Message>,
    /// The permit for its next write, reserved so that no other guest takes it.
    permit: Option<OwnedPermit<Message>>,
    /// The beginning of a line.
    line: BytesMut,
}

impl Writes {
    /// Returns the number of bytes that can be passed on: all complete lines, or a line that is
    /// too long to keep.
    fn ready_len(&self) -> usize {
        match self.line.iter().rposition(|byte| *byte == b'\n') {
            Some(end) => end + 1,
            None if self.line.len() >= WRITE => self.line.len(),
            None => 0,
        }
    }
}

impl OutputStream for Writes {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.line.extend_from_slice(&bytes);
        let ready = self.ready_len();
        if ready == 0 {
            return Ok(());
        }
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
        permit.send(Message::Bytes(self.line.split_to(ready).freeze()));
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        if self.permit.is_none() {
            self.permit = self.writes.clone().try_reserve_owned().ok();
        }
        Ok(if self.permit.is_some() { WRITE } else { 0 })
    }
}

/// Passes on an unfinished line.
impl Drop for Writes {
    fn drop(&mut self) {
        let permit = self.permit.take();
        let permit = permit.or_else(|| self.writes.clone().try_reserve_owned().ok());
        if let (Some(permit), false) = (permit, self.line.is_empty()) {
            permit.send(Message::Bytes(self.line.split().freeze()));
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
