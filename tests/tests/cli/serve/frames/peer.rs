//! A client of HTTP/2 that sends frames as they are, and the frames.

use crate::serve::client::{PATIENCE, Server};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;

pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The types of frames.
pub(super) const DATA: u8 = 0;
pub(super) const HEADERS: u8 = 1;
pub(super) const RST_STREAM: u8 = 3;
pub(super) const SETTINGS: u8 = 4;
pub(super) const PING: u8 = 6;
pub(super) const GOAWAY: u8 = 7;
pub(super) const WINDOW_UPDATE: u8 = 8;
pub(super) const CONTINUATION: u8 = 9;
/// Flags of frames.
pub(super) const END_STREAM: u8 = 1;
pub(super) const END_HEADERS: u8 = 4;
/// Error codes.
pub(super) const NO_ERROR: u32 = 0;
pub(super) const PROTOCOL_ERROR: u32 = 1;
pub(super) const FLOW_CONTROL_ERROR: u32 = 3;
pub(super) const STREAM_CLOSED: u32 = 5;
pub(super) const FRAME_SIZE_ERROR: u32 = 6;
pub(super) const REFUSED_STREAM: u32 = 7;
pub(super) const ENHANCE_YOUR_CALM: u32 = 11;

/// The names of error codes.
pub(super) const NAMES: [&str; 12] = [
    "NO_ERROR",
    "PROTOCOL_ERROR",
    "INTERNAL_ERROR",
    "FLOW_CONTROL_ERROR",
    "SETTINGS_TIMEOUT",
    "STREAM_CLOSED",
    "FRAME_SIZE_ERROR",
    "REFUSED_STREAM",
    "CANCEL",
    "COMPRESSION_ERROR",
    "CONNECT_ERROR",
    "ENHANCE_YOUR_CALM",
];

pub(super) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).expect("a frame");
    let mut frame = length.to_be_bytes()[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Encodes a header without compression.
pub(super) fn header(name: &str, value: &str) -> Vec<u8> {
    let mut header = vec![0];
    for text in [name, value] {
        // A length with a prefix of seven bits.
        match text.len() {
            len @ 0..127 => header.push(u8::try_from(len).expect("it is short")),
            mut len => {
                header.push(127);
                len -= 127;
                while len >= 128 {
                    header.push(u8::try_from(len % 128).expect("seven bits") | 128);
                    len /= 128;
                }
                header.push(u8::try_from(len).expect("seven bits"));
            }
        }
        header.extend(text.bytes());
    }
    header
}

/// Encodes the headers of a request.
pub(super) fn request(method: &str, path: &str) -> Vec<u8> {
    let parts = [
        (":method", method),
        (":scheme", "http"),
        (":path", path),
        (":authority", "test"),
    ];
    parts.map(|(name, value)| header(name, value)).concat()
}

pub(super) fn get(stream: u32, path: &str) -> Vec<u8> {
    let flags = END_STREAM | END_HEADERS;
    frame(HEADERS, flags, stream, &request("GET", path))
}

pub(super) fn reset(stream: u32) -> Vec<u8> {
    // CANCEL
    frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())
}

/// A frame that has arrived.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) kind: u8,
    pub(super) flags: u8,
    pub(super) stream: u32,
    pub(super) payload: Vec<u8>,
}

impl Frame {
    /// Returns the code of an error, at its offset.
    pub(super) fn code(&self, at: usize) -> u32 {
        let code = self.payload[at..at + 4].try_into();
        u32::from_be_bytes(code.expect("four bytes"))
    }
}

pub(super) struct Peer(pub(super) TcpStream);

impl Peer {
    /// Connects, and begins HTTP/2 with these settings.
    pub(super) fn connect(server: &Server, settings: &[(u16, u32)]) -> Self {
        let stream = TcpStream::connect(server.addr).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        let mut peer = Self(stream);
        let settings: Vec<u8> = settings
            .iter()
            .flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat())
            .collect();
        peer.send(&[PREFACE, &frame(SETTINGS, 0, 0, &settings)].concat());
        peer
    }

    /// Sends bytes. The server may already have closed the connection.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// Reads a frame. Returns `None` at the end of the connection.
    pub(super) fn frame(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        match self.0.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) => {
                let ended = [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset];
                assert!(ended.contains(&error.kind()), "{error}");
                return None;
            }
        }
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        self.0.read_exact(&mut payload).expect("the whole frame");
        let stream = [head[5], head[6], head[7], head[8]];
        Some(Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes(stream),
            payload,
        })
    }

    /// Reads up to a frame of this kind.
    pub(super) fn until(&mut self, kind: u8) -> Frame {
        loop {
            let frame = self.frame().expect("the connection is open");
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// Waits until the server has read all that was sent.
    pub(super) fn ping(&mut self) {
        self.send(&frame(PING, 0, 0, &[7; 8]));
        let pong = self.until(PING);
        assert_eq!((pong.flags, pong.payload.as_slice()), (1, &[7; 8][..]));
    }

    /// Asserts that the connection ends with this error, of which the client is told.
    pub(super) fn ends(&mut self, code: u32) {
        let mut last = None;
        while let Some(frame) = self.frame() {
            if frame.kind == GOAWAY {
                last = Some(frame.code(4));
            }
        }
        assert_eq!(last, Some(code));
    }

    /// Asserts that the stream is reset with this error.
    pub(super) fn resets(&mut self, stream: u32, code: u32) {
        let reset = self.until(RST_STREAM);
        assert_eq!((reset.stream, reset.code(0)), (stream, code));
    }
}
