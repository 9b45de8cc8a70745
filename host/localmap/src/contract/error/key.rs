//! What is wrong with a key.

use crate::contract::bindings::local_map;
use crate::contract::limits::Limits;

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// It has no bytes.
    #[error("it is empty; a key has 1 to 128 bytes, or as many as max-key says")]
    Empty,
    /// It has more bytes than [`Limits::max_key`].
    #[error("it has {len} bytes; a key has 1 to 128, or as many as max-key says")]
    TooLong {
        /// Its length.
        len: u64,
    },
    /// It is not UTF-8, and [`Limits::utf8_keys`](crate::Limits::utf8_keys) is on.
    #[error("it is not UTF-8, which this map asks for")]
    NotUtf8,
}

impl KeyFault {
    /// Why a map does not take this key.
    pub(crate) fn of(key: &[u8], limits: &Limits) -> Option<Self> {
        if key.is_empty() {
            return Some(Self::Empty);
        }
        let len = key.len() as u64;
        if len > limits.max_key.into() {
            return Some(Self::TooLong { len });
        }
        let fits = !limits.utf8_keys || std::str::from_utf8(key).is_ok();
        (!fits).then_some(Self::NotUtf8)
    }
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
