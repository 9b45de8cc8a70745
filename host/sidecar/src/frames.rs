//! Watches what a connection sends for the answer to malformed headers.
//!
//! gRPC's C core sends the path of a Unix socket, with escapes, as `:authority`. The HTTP/2 library
//! answers such a request with `RST_STREAM(PROTOCOL_ERROR)`, without a word to its caller. The frames
//! that are sent are where it can be noticed, whatever the program does with its logs.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

const HEADER_LEN: usize = 9;
const RST_STREAM: u8 = 3;
const PROTOCOL_ERROR: [u8; 4] = [0, 0, 0, 1];

/// A stream that calls `malformed` when it has sent a frame that refuses a request as malformed.
pub(crate) struct WatchedStream<T, F> {
    inner: T,
    frames: Frames,
    malformed: F,
}

impl<T, F> WatchedStream<T, F> {
    pub(crate) fn new(inner: T, malformed: F) -> Self {
        Self {
            inner,
            frames: Frames::default(),
            malformed,
        }
    }
}

impl<T: AsyncRead + Unpin, F: Unpin> AsyncRead for WatchedStream<T, F> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(context, buffer)
    }
}

impl<T: AsyncWrite + Unpin, F: Fn() + Unpin> AsyncWrite for WatchedStream<T, F> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write_vectored(context, slices);
        if let Poll::Ready(Ok(mut rest)) = written {
            for slice in slices {
                let here = slice.get(..rest).unwrap_or(slice);
                rest -= here.len();
                if self.frames.refuse_malformed(here) {
                    (self.malformed)();
                }
            }
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

/// The place in a sequence of frames. The server's side of HTTP/2 begins with one.
#[derive(Debug, Default)]
struct Frames {
    /// The part of the current header that was read.
    header: [u8; HEADER_LEN],
    header_len: usize,
    /// The bytes of the payload that are still to come.
    payload_left: usize,
    /// The part of the error code that was read, of a frame that has one.
    code: [u8; 4],
    code_len: usize,
}

impl Frames {
    /// Reads on. Returns `true` if a frame ends here that refuses a request as malformed.
    fn refuse_malformed(&mut self, mut bytes: &[u8]) -> bool {
        let mut refused = false;
        while !bytes.is_empty() {
            if self.payload_left == 0 {
                bytes = self.read_header(bytes);
                continue;
            }
            let (payload, rest) = bytes.split_at(self.payload_left.min(bytes.len()));
            self.payload_left -= payload.len();
            if self.header[3] == RST_STREAM {
                refused |= self.read_code(payload);
            }
            bytes = rest;
        }
        refused
    }

    /// Reads a part of a header, and returns the bytes after it.
    fn read_header<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let missing = HEADER_LEN - self.header_len;
        let (part, rest) = bytes.split_at(missing.min(bytes.len()));
        self.header[self.header_len..][..part.len()].copy_from_slice(part);
        self.header_len += part.len();
        if self.header_len == HEADER_LEN {
            let [a, b, c, ..] = self.header;
            self.payload_left = u32::from_be_bytes([0, a, b, c]) as usize;
            self.header_len = 0;
            self.code_len = 0;
        }
        rest
    }

    /// Reads a part of an error code. Returns `true` if it is complete and that of malformed requests.
    fn read_code(&mut self, payload: &[u8]) -> bool {
        for byte in payload {
            if let Some(place) = self.code.get_mut(self.code_len) {
                *place = *byte;
                self.code_len += 1;
            }
        }
        self.payload_left == 0 && self.code_len == 4 && self.code == PROTOCOL_ERROR
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let len = u32::try_from(payload.len()).expect("short").to_be_bytes();
        let header = [len[1], len[2], len[3], kind, 0, 0, 0, 0, 1];
        [&header[..], payload].concat()
    }

    fn refusals(bytes: &[u8], piece: usize) -> usize {
        let mut frames = Frames::default();
        let pieces = bytes.chunks(piece);
        pieces
            .filter(|piece| frames.refuse_malformed(piece))
            .count()
    }

    #[test]
    fn a_refusal_is_found_wherever_the_bytes_are_cut() {
        let frames = [
            frame(4, &[0; 36]),
            frame(0, &[3; 70_000]),
            frame(RST_STREAM, &PROTOCOL_ERROR),
            frame(4, &[]),
            frame(1, &[0, 0, 0, 1]),
            frame(RST_STREAM, &[0, 0, 0, 8]),
        ]
        .concat();
        for piece in [1, 2, 3, 5, 8, 9, 13, 100, frames.len()] {
            assert_eq!(refusals(&frames, piece), 1, "{piece}");
        }
    }

    #[test]
    fn other_resets_and_other_frames_are_no_refusals() {
        let frames = [
            frame(RST_STREAM, &[0, 0, 0, 0]),
            frame(RST_STREAM, &[0, 0, 1, 1]),
            frame(0, &frame(RST_STREAM, &PROTOCOL_ERROR)),
        ]
        .concat();
        for piece in [1, 7, frames.len()] {
            assert_eq!(refusals(&frames, piece), 0, "{piece}");
        }
    }
}
