//! Writes the [wire format](https://protobuf.dev/programming-guides/encoding/) of protobuf.

/// A message that is being written.
#[derive(Debug, Default)]
pub(crate) struct Message(Vec<u8>);

const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const DELIMITED: u64 = 2;

impl Message {
    /// Writes a field of a type such as `uint64` or an enumeration.
    pub(crate) fn varint(&mut self, field: u64, value: u64) {
        self.push((field << 3) | VARINT);
        self.push(value);
    }

    /// Writes a field of a type such as `sint64`.
    pub(crate) fn sint(&mut self, field: u64, value: i64) {
        // The sign is the lowest bit.
        self.varint(field, ((value << 1) ^ (value >> 63)).cast_unsigned());
    }

    /// Writes a field of the type `double`.
    pub(crate) fn double(&mut self, field: u64, value: f64) {
        self.push((field << 3) | FIXED_64);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    /// Writes a field of the type `string`.
    pub(crate) fn text(&mut self, field: u64, text: &str) {
        self.push((field << 3) | DELIMITED);
        self.bytes(text.as_bytes());
    }

    /// Writes a field that is a message.
    pub(crate) fn message(&mut self, field: u64, message: &Self) {
        self.push((field << 3) | DELIMITED);
        self.bytes(&message.0);
    }

    /// Writes a message of a stream, with its length before it.
    pub(crate) fn delimited(&mut self, message: &Self) {
        self.bytes(&message.0);
    }

    /// Returns the bytes of the message.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.push(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// Writes a number, seven bits in each byte.
    fn push(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(0x80 | low_bits(value));
            value >>= 7;
        }
        self.0.push(low_bits(value));
    }
}

/// Returns the lowest seven bits.
fn low_bits(value: u64) -> u8 {
    (value & 0x7f) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl Fn(&mut Message)) -> Vec<u8> {
        let mut message = Message::default();
        write(&mut message);
        message.into_bytes()
    }

    /// The examples of the documentation of the format.
    #[test]
    fn numbers_and_texts_are_written_as_the_format_says() {
        assert_eq!(written(|it| it.varint(1, 150)), [0x08, 0x96, 0x01]);
        assert_eq!(written(|it| it.text(2, "testing")), b"\x12\x07testing");
        for (value, expected) in [(0, 0), (-1, 1), (1, 2), (-2, 3)] {
            assert_eq!(written(|it| it.sint(1, value)), [0x08, expected]);
        }
        let max = [
            0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01,
        ];
        assert_eq!(written(|it| it.sint(1, i64::MIN)), max);
        assert_eq!(written(|it| it.double(1, 1.0)), b"\x09\0\0\0\0\0\0\xf0\x3f");
    }
}
