//! Finds the ends of streams among the frames that a connection writes.

/// The length of the head of a frame in bytes.
const HEAD: usize = 9;
/// The types of frames that can end a stream, and the flag that says so.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const END_STREAM: u8 = 1;

/// Reads the frames of a connection as they are written, in parts of any length.
#[derive(Default)]
pub(super) struct Frames {
    head: [u8; HEAD],
    /// The number of bytes of the head so far.
    filled: usize,
    /// The number of bytes that are left of the frame after its head.
    left: usize,
}

impl Frames {
    /// Reads the next bytes. Passes on the streams whose last byte is among them.
    pub(super) fn read(&mut self, mut bytes: &[u8], mut ended: impl FnMut(u32)) {
        while let [first, rest @ ..] = bytes {
            if let Some(next) = self.head.get_mut(self.filled) {
                *next = *first;
                self.filled += 1;
                bytes = rest;
                if self.filled < HEAD {
                    continue;
                }
                let [high, middle, low, ..] = self.head;
                self.left = u32::from_be_bytes([0, high, middle, low]) as usize;
            } else {
                let part = self.left.min(bytes.len());
                self.left -= part;
                bytes = bytes.get(part..).unwrap_or_default();
            }
            if self.left == 0 {
                self.filled = 0;
                self.frame_ends(&mut ended);
            }
        }
    }

    fn frame_ends(&self, ended: &mut impl FnMut(u32)) {
        let [_, _, _, kind, flags, stream @ ..] = self.head;
        if matches!(kind, DATA | HEADERS) && flags & END_STREAM != 0 {
            ended(u32::from_be_bytes(stream));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_ends_with_the_last_byte_of_a_frame_that_says_so() {
        let frames = [
            &b"\0\0\x01\x01\x04\0\0\0\x01h"[..],
            b"\0\0\x02\0\0\0\0\0\x01ab",
            // The end of stream 1, an acknowledgement, the ends of streams 3 and 5.
            b"\0\0\x03\0\x01\0\0\0\x01end",
            b"\0\0\0\x04\x01\0\0\0\0",
            b"\0\0\0\0\x01\0\0\0\x03",
            b"\0\0\x01\x01\x05\0\0\0\x05h",
        ]
        .concat();
        for size in 1..frames.len() {
            let mut reader = Frames::default();
            let mut at = Vec::new();
            for (part, bytes) in frames.chunks(size).enumerate() {
                reader.read(bytes, |stream| at.push((stream, part)));
            }
            // The last bytes of the three frames.
            let expected = [(1, 32), (3, 50), (5, 60)];
            assert_eq!(at, expected.map(|(stream, last)| (stream, last / size)));
        }
    }
}
