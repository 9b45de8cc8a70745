//! Decodes requests, after a look at how much memory their messages would take.
//!
//! A field of two bytes can become a hundred bytes in memory. Without a limit on their number, a request
//! of 4 MiB could take hundreds of megabytes.

use bytes::Buf;
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};
use std::marker::PhantomData;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic_prost::ProstEncoder;

/// The maximum number of fields of a request, counting each element of a repeated one.
const MAX_FIELDS: usize = 65_536;

/// The codec of calls whose messages are decoded as a whole.
pub(crate) struct MessageCodec<Req, Res> {
    /// The numbers of the fields whose messages have repeated fields.
    nested: &'static [u32],
    types: PhantomData<(Req, Res)>,
}

impl<Req, Res> MessageCodec<Req, Res> {
    /// Creates a codec for requests in whose messages no field is repeated.
    pub(crate) fn new() -> Self {
        Self::nesting(&[])
    }

    /// Creates a codec for requests whose fields with these numbers are messages with repeated fields.
    pub(crate) fn nesting(nested: &'static [u32]) -> Self {
        Self {
            nested,
            types: PhantomData,
        }
    }
}

impl<Req, Res> Codec for MessageCodec<Req, Res>
where
    Req: prost::Message + Default + Send + 'static,
    Res: prost::Message + Send + 'static,
{
    type Encode = Res;
    type Decode = Req;
    type Encoder = ProstEncoder<Res>;
    type Decoder = MessageDecoder<Req>;

    fn encoder(&mut self) -> Self::Encoder {
        ProstEncoder::new(BufferSettings::default())
    }

    fn decoder(&mut self) -> Self::Decoder {
        MessageDecoder {
            nested: self.nested,
            request: PhantomData,
        }
    }
}

/// Decodes messages that have not too many fields.
pub(crate) struct MessageDecoder<Req> {
    nested: &'static [u32],
    request: PhantomData<Req>,
}

impl<Req: prost::Message + Default> Decoder for MessageDecoder<Req> {
    type Item = Req;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Req>, Status> {
        // A message is in one piece.
        check_fields(buffer.chunk(), self.nested)?;
        let decoded = Req::decode(buffer);
        decoded.map(Some).map_err(|error| malformed(&error))
    }
}

/// Counts the fields of a message and, for those with the numbers in `nested`, of the messages in it:
/// all that have repeated fields.
fn check_fields(message: &[u8], nested: &[u32]) -> Result<(), Status> {
    let mut left = MAX_FIELDS;
    count_fields(message, nested, &mut left)
}

/// Subtracts the number of fields from `left`.
fn count_fields(mut message: &[u8], nested: &[u32], left: &mut usize) -> Result<(), Status> {
    while !message.is_empty() {
        *left = left.checked_sub(1).ok_or_else(|| {
            Status::invalid_argument(format!(
                "the message has more than {MAX_FIELDS} fields: use several messages"
            ))
        })?;
        let (tag, wire_type) = decode_key(&mut message).map_err(|error| malformed(&error))?;
        let field = message;
        skip_field(wire_type, tag, &mut message, DecodeContext::default())
            .map_err(|error| malformed(&error))?;
        if nested.contains(&tag) && wire_type == WireType::LengthDelimited {
            let mut inner = field;
            let len = decode_varint(&mut inner).map_err(|error| malformed(&error))?;
            let len = usize::try_from(len).unwrap_or(usize::MAX).min(inner.len());
            count_fields(&inner[..len], &[], left)?;
        }
    }
    Ok(())
}

pub(crate) fn malformed(error: &DecodeError) -> Status {
    Status::invalid_argument(format!("malformed message: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use localmap_sidecar_proto::mirror_request::{Held, HeldEntry, Kind};
    use localmap_sidecar_proto::{ApplyRequest, Change, MirrorRequest};
    use prost::Message;

    fn batch(changes: usize) -> Vec<u8> {
        let changes = vec![Change { kind: None }; changes];
        let tenant = String::new();
        ApplyRequest { tenant, changes }.encode_to_vec()
    }

    #[test]
    fn messages_of_many_fields_are_refused_before_they_take_memory() {
        assert!(check_fields(&batch(0), &[]).is_ok());
        assert!(check_fields(&batch(MAX_FIELDS), &[]).is_ok());
        let refused = check_fields(&batch(MAX_FIELDS + 1), &[]).expect_err("too many");
        assert!(refused.message().contains("65536"), "{refused}");
    }

    #[test]
    fn fields_of_messages_in_a_message_count() {
        let held = |entries| {
            let entries = vec![HeldEntry::default(); entries];
            let kind = Kind::Held(Held {
                entries,
                last: true,
            });
            MirrorRequest { kind: Some(kind) }.encode_to_vec()
        };
        // The message itself, and the field `last` in it.
        let fits = held(MAX_FIELDS - 2);
        assert!(check_fields(&fits, &[2]).is_ok());
        let refused = check_fields(&held(MAX_FIELDS - 1), &[2]).expect_err("too many");
        assert!(refused.message().contains("65536"), "{refused}");
    }

    #[test]
    fn malformed_messages_are_refused() {
        for message in [
            &[0x80][..],
            &[0x0a],
            &[0x0a, 5, 1],
            &[0x00],
            &[0x0f],
            &[0x0b],
        ] {
            assert!(check_fields(message, &[1]).is_err(), "{message:?}");
        }
    }
}
