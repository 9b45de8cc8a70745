//! The standard output and error of guests, which wait for their reader without holding
//! up anybody else.

use super::log::Message;
use crate::stdio::Output;
use async_trait::async_trait;
use bytes::Bytes;
use localmap::wasmtime;
use tokio::sync::mpsc::{OwnedPermit, Sender};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// Bytes of one write.
const WRITE: usize = 4 << 10;

/// One of our streams, handed to all guests.
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
        })
    }

    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 asks for it, which is not linked.
        Box::new(tokio::io::sink())
    }
}

/// The stream of one guest.
struct Writes {
    writes: Sender<Message>,
    /// The place of its next write, so that no other guest takes it.
    permit: Option<OwnedPermit<Message>>,
}

impl OutputStream for Writes {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let permit = match self.permit.take() {
            Some(permit) => permit,
            // A second write on one look at the room that there is.
            None => match self.writes.clone().try_reserve_owned() {
                Ok(permit) => permit,
                Err(_) => {
                    let error = wasmtime::Error::msg("it wrote more than there was room for");
                    return Err(StreamError::Trap(error));
                }
            },
        };
        permit.send(Message::Bytes(bytes));
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

#[async_trait]
impl Pollable for Writes {
    async fn ready(&mut self) {
        if self.permit.is_none() {
            self.permit = self.writes.clone().reserve_owned().await.ok();
        }
    }
}
