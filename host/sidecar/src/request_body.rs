//! The body of a request, which counts the messages that are not complete.

use crate::buffers::{Buffers, Incomplete};
use crate::options::MAX_MESSAGE_LEN;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tonic::Status;

/// The length of what comes before each message of gRPC: a flag, and the length of the message.
const PREFIX_LEN: usize = 5;

/// The body of a request.
pub(crate) struct RequestBody {
    inner: Incoming,
    buffers: Arc<Buffers>,
    messages: Messages,
    incomplete: Incomplete,
}

impl RequestBody {
    pub(crate) fn new(inner: Incoming, buffers: &Arc<Buffers>) -> Self {
        Self {
            inner,
            buffers: Arc::clone(buffers),
            messages: Messages::default(),
            incomplete: Incomplete::new(buffers),
        }
    }

    /// Returns the buffers of the connection.
    pub(crate) fn buffers(&self) -> &Arc<Buffers> {
        &self.buffers
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        Poll::Ready(frame.map(|frame| {
            let frame = frame.map_err(|error| Status::from_error(error.into()))?;
            if let Some(data) = frame.data_ref() {
                let len = self.messages.read(data);
                self.incomplete.set(len.min(MAX_MESSAGE_LEN))?;
            }
            Ok(frame)
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// The place in a sequence of messages.
#[derive(Debug, Default)]
struct Messages {
    /// The part of the current prefix that was read.
    prefix: [u8; PREFIX_LEN],
    prefix_len: usize,
    /// The length of the current message, and how much of it is still to come.
    len: usize,
    left: usize,
}

impl Messages {
    /// Reads on. Returns the length of the message that is not complete; 0 if there is none.
    fn read(&mut self, mut data: &[u8]) -> usize {
        while !data.is_empty() {
            let missing = match self.left {
                0 => PREFIX_LEN - self.prefix_len,
                left => left,
            };
            let (part, rest) = data.split_at(missing.min(data.len()));
            match self.left {
                0 => self.read_prefix(part),
                left => self.left = left - part.len(),
            }
            data = rest;
        }
        match self.left {
            0 => 0,
            _ => self.len,
        }
    }

    /// Reads a part of a prefix.
    fn read_prefix(&mut self, part: &[u8]) {
        self.prefix[self.prefix_len..][..part.len()].copy_from_slice(part);
        self.prefix_len += part.len();
        if self.prefix_len == PREFIX_LEN {
            let [_, len @ ..] = self.prefix;
            self.len = u32::from_be_bytes(len) as usize;
            self.left = self.len;
            self.prefix_len = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(len: u32) -> Vec<u8> {
        let payload = vec![0xff; len as usize];
        [&[0][..], &len.to_be_bytes(), &payload].concat()
    }

    #[test]
    fn a_message_is_incomplete_from_its_length_to_its_end() {
        let bytes = [message(3), message(0), message(2)].concat();
        for piece in 1..=bytes.len() {
            let mut messages = Messages::default();
            let mut read = 0;
            for part in bytes.chunks(piece) {
                read += part.len();
                let expected = match read {
                    5..8 => 3,
                    18..20 => 2,
                    _ => 0,
                };
                assert_eq!(messages.read(part), expected, "{piece}: {read}");
            }
        }
    }

    #[test]
    fn a_length_is_any_number() {
        let mut messages = Messages::default();
        let len = messages.read(&[1, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(len, 0xffff_ffff);
        assert_eq!(messages.read(&[0; 100]), len);
    }
}
