//! Reads the protobuf encoding of a message where it lies: its fields, numbers and byte strings.
//!
//! Accepts and rejects the same bytes as prost does, as a test of the module above shows.

/// How deep messages and groups may be nested: the limit of prost.
const MAX_DEPTH: u32 = 100;

/// The bytes are not a message of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// How a field is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WireType {
    Varint,
    Fixed64,
    Bytes,
    StartGroup,
    EndGroup,
    Fixed32,
}

/// The key of a field, whose content comes next.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    number: u32,
    wire_type: WireType,
}

impl Field {
    pub(super) fn number(self) -> u32 {
        self.number
    }
}

/// The rest of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Message<'a> {
    rest: &'a [u8],
    /// How much deeper it may be nested.
    depth: u32,
}

impl<'a> Message<'a> {
    /// Returns a message that is not nested in another one.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            depth: MAX_DEPTH,
        }
    }

    /// Returns the number of bytes that have not been read.
    pub(super) fn len(&self) -> usize {
        self.rest.len()
    }

    /// Returns the key of the next field; `None` at the end of the message.
    #[inline]
    pub(super) fn next_field(&mut self) -> Result<Option<Field>, Malformed> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = u32::try_from(self.varint()?).map_err(|_| Malformed)?;
        let wire_type = match key & 7 {
            0 => WireType::Varint,
            1 => WireType::Fixed64,
            2 => WireType::Bytes,
            3 => WireType::StartGroup,
            4 => WireType::EndGroup,
            5 => WireType::Fixed32,
            _ => return Err(Malformed),
        };
        match key >> 3 {
            0 => Err(Malformed),
            number => Ok(Some(Field { number, wire_type })),
        }
    }

    /// Reads the content of a field that is a byte string.
    #[inline]
    pub(super) fn bytes(&mut self, field: Field) -> Result<&'a [u8], Malformed> {
        if field.wire_type != WireType::Bytes {
            return Err(Malformed);
        }
        let len = self.varint()?;
        self.take(len)
    }

    /// Reads the content of a field that is a message.
    #[inline]
    pub(super) fn message(&mut self, field: Field) -> Result<Self, Malformed> {
        let rest = self.bytes(field)?;
        let depth = self.depth.checked_sub(1).ok_or(Malformed)?;
        Ok(Self { rest, depth })
    }

    /// Reads the content of a field that is a `uint64`.
    #[inline]
    pub(super) fn uint64(&mut self, field: Field) -> Result<u64, Malformed> {
        match field.wire_type {
            WireType::Varint => self.varint(),
            _ => Err(Malformed),
        }
    }

    /// Reads the content of a field that is a `sint64`.
    pub(super) fn sint64(&mut self, field: Field) -> Result<i64, Malformed> {
        let zigzag = self.uint64(field)?;
        Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    /// Reads the content of a field that is a `bool`.
    pub(super) fn bool(&mut self, field: Field) -> Result<bool, Malformed> {
        Ok(self.uint64(field)? != 0)
    }

    /// Reads over the content of a field that is not known.
    pub(super) fn skip(&mut self, field: Field) -> Result<(), Malformed> {
        // A message that is known costs one level; so does each group.
        if self.depth == 0 {
            return Err(Malformed);
        }
        match field.wire_type {
            WireType::Varint => self.varint().map(drop),
            WireType::Fixed64 => self.take(8).map(drop),
            WireType::Bytes => self.bytes(field).map(drop),
            WireType::StartGroup => self.skip_group(field.number),
            WireType::EndGroup => Err(Malformed),
            WireType::Fixed32 => self.take(4).map(drop),
        }
    }

    /// Reads over a group, up to and with its end.
    #[cold]
    fn skip_group(&mut self, number: u32) -> Result<(), Malformed> {
        self.depth -= 1;
        loop {
            let field = self.next_field()?.ok_or(Malformed)?;
            match field.wire_type {
                WireType::EndGroup if field.number == number => break,
                _ => self.skip(field)?,
            }
        }
        self.depth += 1;
        Ok(())
    }

    #[inline]
    fn take(&mut self, len: u64) -> Result<&'a [u8], Malformed> {
        let len = usize::try_from(len).map_err(|_| Malformed)?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(Malformed)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, Malformed> {
        match self.rest {
            [byte, rest @ ..] if *byte < 0x80 => {
                self.rest = rest;
                Ok(u64::from(*byte))
            }
            _ => self.long_varint(),
        }
    }

    /// Reads a number of up to ten bytes, of which the tenth has one bit.
    fn long_varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for (index, byte) in self.rest.iter().take(10).enumerate() {
            value |= u64::from(byte & 0x7f) << (7 * index);
            if *byte < 0x80 {
                if index == 9 && *byte > 1 {
                    break;
                }
                self.rest = self.rest.get(index + 1..).unwrap_or_default();
                return Ok(value);
            }
        }
        Err(Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a `uint64` in the first field.
    fn number(bytes: &[u8]) -> Result<u64, Malformed> {
        let mut message = Message::new(bytes);
        let field = message.next_field()?.ok_or(Malformed)?;
        message.uint64(field)
    }

    #[test]
    fn numbers_have_up_to_ten_bytes() {
        assert_eq!(number(b"\x08\x7f"), Ok(127));
        assert_eq!(number(b"\x08\x80\x01"), Ok(128));
        // Padded with zeros.
        assert_eq!(number(b"\x08\x81\x80\x80\x00"), Ok(1));
        let max = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(number(max), Ok(u64::MAX));
        let larger = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02";
        assert_eq!(number(larger), Err(Malformed));
        let longer = b"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00";
        assert_eq!(number(longer), Err(Malformed));
        assert_eq!(number(b"\x08\x80"), Err(Malformed));
        assert_eq!(number(b"\x08"), Err(Malformed));
    }

    #[test]
    fn signs_are_in_the_lowest_bit() {
        let sint64 = |bytes| {
            let mut message = Message::new(bytes);
            let field = message.next_field().ok().flatten().ok_or(Malformed)?;
            message.sint64(field)
        };
        assert_eq!(sint64(b"\x08\x00"), Ok(0));
        assert_eq!(sint64(b"\x08\x01"), Ok(-1));
        assert_eq!(sint64(b"\x08\x02"), Ok(1));
        let min = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(sint64(min), Ok(i64::MIN));
    }

    #[test]
    fn keys_name_a_field_and_how_it_is_encoded() {
        for malformed in [
            // The field 0.
            &b"\x00\x00"[..],
            // Two unknown encodings.
            b"\x0e",
            b"\x0f",
            // More than 32 bits.
            b"\x88\x80\x80\x80\x10",
        ] {
            assert!(Message::new(malformed).next_field().is_err());
        }
        let field = Message::new(b"\xfa\xff\xff\xff\x0f").next_field();
        let field = field.ok().flatten().expect("the last field");
        assert_eq!(field.number(), (1 << 29) - 1);
    }

    #[test]
    fn lengths_end_with_the_message() {
        let bytes = |bytes| {
            let mut message = Message::new(bytes);
            let field = message.next_field().ok().flatten().ok_or(Malformed)?;
            message.bytes(field)
        };
        assert_eq!(bytes(b"\x0a\x02ab"), Ok(&b"ab"[..]));
        assert_eq!(bytes(b"\x0a\x03ab"), Err(Malformed));
        let longest = b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01ab";
        assert_eq!(bytes(longest), Err(Malformed));
        // A number in its place.
        assert_eq!(bytes(b"\x08\x02ab"), Err(Malformed));
    }

    /// Skips all fields.
    fn skip(bytes: &[u8]) -> Result<(), Malformed> {
        let mut message = Message::new(bytes);
        while let Some(field) = message.next_field()? {
            message.skip(field)?;
        }
        Ok(())
    }

    #[test]
    fn fields_of_all_encodings_are_skipped() {
        let all = b"\x08\x80\x01\x09abcdefgh\x0a\x02ab\x0dabcd\x0b\x08\x01\x13\x14\x0c";
        assert_eq!(skip(all), Ok(()));
        for cut in [2, 5, 10, 13, 15, 17, 19, 20, all.len() - 1] {
            assert_eq!(skip(&all[..cut]), Err(Malformed), "{cut}");
        }
        // A group that is not open, and one that another one ends.
        assert_eq!(skip(b"\x0c"), Err(Malformed));
        assert_eq!(skip(b"\x0b\x14"), Err(Malformed));
    }

    #[test]
    fn groups_are_nested_up_to_a_limit() {
        let nested = |depth| [vec![0x0b; depth], vec![0x0c; depth]].concat();
        assert_eq!(skip(&nested(100)), Ok(()));
        assert_eq!(skip(&nested(101)), Err(Malformed));
        assert_eq!(skip(&vec![0x0b; 1 << 20]), Err(Malformed));
        // A group that has ended is no longer counted.
        assert_eq!(skip(&[nested(100), nested(100)].concat()), Ok(()));
    }
}
