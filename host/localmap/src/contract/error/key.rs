//! The reasons why a key is invalid.

use crate::contract::bindings::local_map;

/// The reason why a key is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// It has no bytes.
    #[error("it is empty; use 1 to 128 bytes, or up to max-key")]
    Empty,
    /// It is longer than [`Limits::max_key`](crate::Limits#structfield.max_key).
    #[error("it has {len} bytes; use 1 to 128, or up to max-key")]
    TooLong {
        /// Its length in bytes.
        len: u64,
    },
    /// It is not UTF-8, which [`Limits::utf8_keys`](crate::Limits#structfield.utf8_keys)
    /// requires.
    #[error("it is not UTF-8, which this map requires; encode it, for example in hexadecimal")]
    NotUtf8,
}

impl From<local_map::KeyFault> for KeyFault {
    fn from(fault: local_map::KeyFault) -> Self {
        match fault {
            local_map::KeyFault::Empty => Self::Empty,
            local_map::KeyFault::TooLong(len) => Self::TooLong { len },
            local_map::KeyFault::NotUtf8 => Self::NotUtf8,
        }
    }
}
