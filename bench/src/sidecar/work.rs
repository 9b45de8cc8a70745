//! The work of a contest: requests of both protocols, encoded before they are sent.

use anyhow::{Context, Result, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use localmap_sidecar_proto::{
    GetRequest, GetResponse, Operation, PipelineRequest, PipelineResponse, SetRequest, SetResponse,
    change, operation, operation_result, set_response,
};
use prost::Message;

pub(super) const ENTRIES: u32 = 10_000;
/// The bytes of a value.
pub(super) const SIZE: u32 = 64;
pub(super) const VALUE: [u8; SIZE as usize] = [b'v'; SIZE as usize];
pub(super) const PIPELINE: &str = "/localmap.sidecar.v1.Maps/Pipeline";
pub(super) const TENANT: &str = "bench";

/// The bytes before each message: whether it is compressed, and its length.
pub(super) const PREFIX: usize = 5;

/// What a request does with each of its keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    Get,
    Set,
}

impl Work {
    pub(super) const ALL: [Self; 2] = [Self::Get, Self::Set];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Set => "set",
        }
    }

    /// Returns commands for Redis, of which each request has `batch`.
    pub(super) fn commands(self, batch: usize) -> Vec<Bytes> {
        let command = |key: &String| match self {
            Self::Get => resp(&[b"GET", key.as_bytes()]),
            Self::Set => resp(&[b"SET", key.as_bytes(), &VALUE]),
        };
        let keys = keys();
        let requests = keys.chunks_exact(batch).map(|keys| {
            let commands: Vec<Bytes> = keys.iter().map(command).collect();
            commands.concat().into()
        });
        requests.collect()
    }

    /// Returns the response of Redis to a request.
    pub(super) fn response_to_commands(self, batch: usize) -> Vec<u8> {
        match self {
            Self::Get => {
                let value = [format!("${}\r\n", VALUE.len()).as_bytes(), &VALUE, b"\r\n"].concat();
                value.repeat(batch)
            }
            Self::Set => b"+OK\r\n".repeat(batch),
        }
    }

    /// Returns messages of a pipeline, of which each has `batch` operations.
    pub(super) fn messages(self, batch: usize) -> Vec<Bytes> {
        let operation = |key: &String| match self {
            Self::Get => Operation {
                kind: Some(operation::Kind::Get(key.clone().into())),
            },
            Self::Set => set_operation(key.clone(), Bytes::from_static(&VALUE)),
        };
        let keys = keys();
        let requests = keys.chunks_exact(batch).map(|keys| {
            framed(&PipelineRequest {
                operations: keys.iter().map(operation).collect(),
                ..PipelineRequest::default()
            })
        });
        requests.collect()
    }

    /// Checks the response to a message of a pipeline.
    pub(super) fn check_results(self, response: &[u8], batch: usize) -> Result<()> {
        let response = PipelineResponse::decode(response)?;
        let is_right = response.results.iter().all(|result| match &result.kind {
            Some(operation_result::Kind::Value(value)) => self == Self::Get && value[..] == VALUE,
            Some(operation_result::Kind::Stored(_)) => self == Self::Set,
            _ => false,
        });
        ensure!(
            is_right && response.results.len() == batch,
            "the sidecar answered {response:?}"
        );
        Ok(())
    }

    /// Returns the path of unary calls.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Get => "/localmap.sidecar.v1.Maps/Get",
            Self::Set => "/localmap.sidecar.v1.Maps/Set",
        }
    }

    /// Returns the messages of unary calls.
    pub(super) fn calls(self) -> Vec<Bytes> {
        let tenant = TENANT.to_owned();
        let call = |key| match self {
            Self::Get => framed(&GetRequest {
                tenant: tenant.clone(),
                key,
            }),
            Self::Set => framed(&set(&tenant, key)),
        };
        keys().into_iter().map(Bytes::from).map(call).collect()
    }

    /// Checks the response to a unary call.
    pub(super) fn check_response(self, response: &[u8]) -> Result<()> {
        match self {
            Self::Get => {
                let entry = GetResponse::decode(response)?.entry;
                ensure!(
                    entry.context("a key is absent")?.value[..] == VALUE,
                    "another value"
                );
            }
            Self::Set => {
                let response = SetResponse::decode(response)?;
                ensure!(
                    matches!(response.result, Some(set_response::Result::Version(_))),
                    "the sidecar answered {response:?}"
                );
            }
        }
        Ok(())
    }
}

/// Returns the first message of a pipeline, which names the tenant.
pub(super) fn opening() -> PipelineRequest {
    PipelineRequest {
        tenant: TENANT.into(),
        ..PipelineRequest::default()
    }
}

/// Returns an operation of a pipeline that sets a key.
pub(super) fn set_operation(key: String, value: Bytes) -> Operation {
    Operation {
        kind: Some(operation::Kind::Set(change::Set {
            key: key.into(),
            value,
            ..change::Set::default()
        })),
    }
}

/// Returns a message that sets one key of a tenant.
pub(super) fn set(tenant: &str, key: Bytes) -> SetRequest {
    SetRequest {
        tenant: tenant.to_owned(),
        key,
        value: Bytes::from_static(&VALUE),
        ttl: None,
    }
}

/// Returns the keys, in an order without a pattern.
fn keys() -> Vec<String> {
    // A step that has no factor in common with their number visits all of them.
    const STEP: u32 = 6_007;
    let numbers = (0..ENTRIES).map(|at| at * STEP % ENTRIES);
    numbers.map(|number| format!("key:{number:012}")).collect()
}

/// Encodes a command of Redis.
fn resp(parts: &[&[u8]]) -> Bytes {
    let mut command = BytesMut::new();
    command.extend_from_slice(format!("*{}\r\n", parts.len()).as_bytes());
    for part in parts {
        command.extend_from_slice(format!("${}\r\n", part.len()).as_bytes());
        command.extend_from_slice(part);
        command.extend_from_slice(b"\r\n");
    }
    command.freeze()
}

/// Encodes a message with its prefix.
pub(super) fn framed(message: &impl Message) -> Bytes {
    let len = message.encoded_len();
    let mut framed = BytesMut::with_capacity(PREFIX + len);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(len).unwrap_or(u32::MAX));
    framed.extend_from_slice(&message.encode_to_vec());
    framed.freeze()
}

/// Returns the first message in `bytes`; `None` if a part of it is missing.
pub(super) fn unframed(bytes: &[u8]) -> Option<&[u8]> {
    let (prefix, rest) = bytes.split_first_chunk::<PREFIX>()?;
    let [_, len @ ..] = *prefix;
    rest.get(..u32::from_be_bytes(len) as usize)
}
