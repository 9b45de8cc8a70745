//! The errors of the contract and their messages, which the error types of the operations share.

use super::key::KeyFault;
use crate::contract::bindings::local_map;
use crate::contract::entry::Version;

pub(super) const INVALID_TTL: &str = "the TTL is zero: use at least one nanosecond, or `never`";
pub(super) const FULL: &str =
    "the map is full: delete entries, use shorter TTLs, or raise its limits or its memory";
pub(super) const NOT_A_COUNTER: &str =
    "not a counter: the value is not 8 bytes long; use another key, or delete this one first";
pub(super) const OVERFLOW: &str = "the counter would overflow 64 bits: set it to a new value";
pub(super) const FOREIGN_PIN: &str =
    "the pin belongs to another map: use it with the map that returned it";

pub(super) fn too_large(len: &u64, max: &u64) -> String {
    format!(
        "the value is too large: it has {}; use at most {}, or raise max-value",
        bytes(*len),
        bytes(*max)
    )
}

fn bytes(count: u64) -> String {
    let unit = if count == 1 { "byte" } else { "bytes" };
    format!("{count} {unit}")
}

pub(super) fn conflict(current: &Option<Version>) -> String {
    match current {
        Some(version) => {
            format!(
                "conflict: the key is present with version {version}; read it again, then retry"
            )
        }
        None => "conflict: the key is absent; read it again, then retry".to_owned(),
    }
}

/// The reason why a map has rejected a call.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Refused {
    InvalidKey { fault: KeyFault },
    ValueTooLarge { len: u64, max: u64 },
    InvalidTtl,
    Full,
    Conflict { current: Option<Version> },
    NotACounter,
    Overflow,
}

impl Refused {
    /// Converts the map's error for a write of a value of `len` bytes.
    pub(crate) fn new(error: local_map::Error, len: usize) -> Self {
        use local_map::Error as E;
        match error {
            E::InvalidKey(fault) => Self::InvalidKey {
                fault: fault.into(),
            },
            E::ValueTooLarge(max) => Self::ValueTooLarge {
                len: len as u64,
                max,
            },
            E::InvalidTtl => Self::InvalidTtl,
            E::Full => Self::Full,
            E::Conflict(current) => Self::Conflict { current },
            E::NotACounter => Self::NotACounter,
            E::Overflow => Self::Overflow,
        }
    }

    /// Returns the error that terminates a map if it rejects a call for a reason that is not among
    /// the operation's errors.
    pub(super) fn contradiction(self) -> wasmtime::Error {
        wasmtime::format_err!(
            "the map contradicts its contract: this operation cannot be rejected for {self:?}"
        )
    }
}
