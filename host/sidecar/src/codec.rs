//! Decodes requests, after a look at how much memory their messages would take.
//!
//! A field of two bytes can become a hundred bytes in memory. Without a limit on their number, a request
//! of 4 MiB could take hundreds of megabytes.

use bytes::Buf;
use prost::DecodeError;
use prost::encoding::{DecodeContext, decode_key, skip_field};
use std::marker::PhantomData;
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder};
use tonic_prost::ProstEncoder;

/// The maximum number of fields of a request, counting each element of a repeated one.
const MAX_FIELDS: usize = 65_536;

/// The codec of calls whose messages are decoded as a whole.
pub(crate) struct MessageCodec<Req, Res>(PhantomData<(Req, Res)>);

impl<Req, Res> MessageCodec<Req, Res> {
    pub(crate) fn new() -> Self {
        Self(PhantomData)
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
        MessageDecoder(PhantomData)
    }
}

/// Decodes messages that have not too many fields.
pub(crate) struct MessageDecoder<Req>(PhantomData<Req>);

impl<Req: prost::Message + Default> Decoder for MessageDecoder<Req> {
    type Item = Req;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Req>, Status> {
        // A message is in one piece.
        check_fields(buffer.chunk())?;
        let decoded = Req::decode(buffer);
        decoded.map(Some).map_err(|error| malformed(&error))
    }
}

/// Counts the fields of a message, without those of the messages in it: none of these is repeated.
fn check_fields(mut message: &[u8]) -> Result<(), Status> {
    for _ in 0..MAX_FIELDS {
        if message.is_empty() {
            return Ok(());
        }
        let skipped = decode_key(&mut message).and_then(|(tag, wire_type)| {
            skip_field(wire_type, tag, &mut message, DecodeContext::default())
        });
        skipped.map_err(|error| malformed(&error))?;
    }
    match message {
        [] => Ok(()),
        _ => Err(Status::invalid_argument(format!(
            "the message has more than {MAX_FIELDS} fields: use several messages"
        ))),
    }
}

pub(crate) fn malformed(error: &DecodeError) -> Status {
    Status::invalid_argument(format!("malformed message: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use localmap_sidecar_proto::{ApplyRequest, Change};
    use prost::Message;

    fn batch(changes: usize) -> Vec<u8> {
        let changes = vec![Change { kind: None }; changes];
        let tenant = String::new();
        ApplyRequest { tenant, changes }.encode_to_vec()
    }

    #[test]
    fn messages_of_many_fields_are_refused_before_they_take_memory() {
        assert!(check_fields(&batch(0)).is_ok());
        assert!(check_fields(&batch(MAX_FIELDS)).is_ok());
        let refused = check_fields(&batch(MAX_FIELDS + 1)).expect_err("too many");
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
            assert!(check_fields(message).is_err(), "{message:?}");
        }
    }
}
