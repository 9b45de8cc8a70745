//! Frames of HTTP/2, written by hand, for what no client of gRPC sends.

use std::io::Read;

/// What a client sends first: the preface, and its settings.
pub(crate) fn beginning() -> Vec<u8> {
    [
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".as_slice(),
        &frame(4, 0, 0, b""),
    ]
    .concat()
}

/// Begins a call on a stream, whose request follows.
pub(crate) fn call(stream: u32, authority: &str, method: &str) -> Vec<u8> {
    let path = format!("/localmap.sidecar.v1.Maps/{method}");
    // `:method: POST` and `:scheme: http` are in the static table, as are the names of the others.
    let mut headers = vec![0x83, 0x86];
    for (name, value) in [(1, authority), (4, &path)] {
        headers.push(name);
        headers.push(u8::try_from(value.len()).expect("less than 127"));
        headers.extend_from_slice(value.as_bytes());
    }
    let (name, value) = ("content-type", "application/grpc");
    headers.extend_from_slice(&[0, 12]);
    headers.extend_from_slice(name.as_bytes());
    headers.push(16);
    headers.extend_from_slice(value.as_bytes());
    // END_HEADERS
    frame(1, 4, stream, &headers)
}

/// Sends a part of a request.
pub(crate) fn data(stream: u32, payload: &[u8]) -> Vec<u8> {
    frame(0, 0, stream, payload)
}

/// Sends the last part of a request.
pub(crate) fn last_data(stream: u32, payload: &[u8]) -> Vec<u8> {
    frame(0, 1, stream, payload)
}

/// Returns the beginning of a message of this length.
pub(crate) fn message(len: u32) -> [u8; 5] {
    let [a, b, c, d] = len.to_be_bytes();
    [0, a, b, c, d]
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("short").to_be_bytes();
    let mut frame = vec![len[1], len[2], len[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// Asks for an answer, which comes after all that was sent before has been read.
pub(crate) fn ping() -> Vec<u8> {
    frame(6, 0, 0, b"are you?")
}

/// Reads frames until the answer to a ping.
pub(crate) fn read_until_pong(stream: &mut impl Read) {
    while !matches!(
        read_frame(stream),
        Frame {
            kind: 6,
            flags: 1,
            ..
        }
    ) {}
}

/// A frame that was received.
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    pub(crate) payload: Vec<u8>,
}

/// Reads a frame.
pub(crate) fn read_frame(stream: &mut impl Read) -> Frame {
    let mut header = [0; 9];
    stream.read_exact(&mut header).expect("a frame");
    let [a, b, c, kind, flags, ..] = header;
    let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
    stream.read_exact(&mut payload).expect("a payload");
    Frame {
        kind,
        flags,
        payload,
    }
}
