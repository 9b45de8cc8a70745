//! What is wrong with a key.

use crate::bindings::local_map;
use crate::types::MAX_KEY_LEN;

/// What is wrong with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// It has no bytes.
    #[error("it is empty; a key has 1 to 128 bytes")]
    Empty,
    /// It has too many bytes.
    #[error("it has {len} bytes; a key has 1 to 128")]
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
    pub(crate) fn of(key: &[u8], utf8_only: bool) -> Option<Self> {
        match key.len() {
            0 => Some(Self::Empty),
            1..=MAX_KEY_LEN if utf8_only && std::str::from_utf8(key).is_err() => {
                Some(Self::NotUtf8)
            }
            1..=MAX_KEY_LEN => None,
            len => Some(Self::TooLong { len: len as u64 }),
        }
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
