//! The commands of the shell.

use super::help::Topic;
use localmap::{Change, Condition, Ttl, Version};
use std::time::Duration;

/// A command with its arguments.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Get(Vec<u8>),
    GetEntry(Vec<u8>),
    GetMany(Vec<Vec<u8>>),
    Contains(Vec<u8>),
    Set(Vec<u8>, Vec<u8>, Ttl),
    SetIf(Vec<u8>, Vec<u8>, Condition, Ttl),
    Increment(Vec<u8>, i64, Ttl),
    Touch(Vec<u8>, Ttl),
    Take(Vec<u8>),
    Delete(Vec<u8>),
    DeleteIf(Vec<u8>, Version),
    /// A batch of commands, each one of [`CHANGES`].
    Apply(Vec<Self>),
    Pin(Vec<u8>),
    Pinned(Option<u64>),
    Unpin(u64),
    Scan(Vec<u8>),
    Len,
    Stats,
    Sweep(u32),
    Clear,
    Sleep(Duration),
    Help(Option<&'static Topic>),
    Exit,
}

/// The names of the commands that can be part of a batch.
pub(super) const CHANGES: [&str; 6] =
    ["set", "set-if", "increment", "touch", "delete", "delete-if"];

impl Command {
    /// Returns the command as a change of a batch, or `None` if it is none of [`CHANGES`].
    pub(super) fn change(&self) -> Option<Change<'_>> {
        Some(match self {
            Self::Set(key, value, ttl) => Change::Set {
                key,
                value,
                ttl: *ttl,
            },
            Self::SetIf(key, value, condition, ttl) => Change::SetIf {
                key,
                value,
                ttl: *ttl,
                condition: *condition,
            },
            Self::Increment(key, delta, ttl) => Change::Increment {
                key,
                delta: *delta,
                ttl: *ttl,
            },
            Self::Touch(key, ttl) => Change::Touch { key, ttl: *ttl },
            Self::Delete(key) => Change::Delete { key },
            Self::DeleteIf(key, version) => Change::DeleteIf {
                key,
                version: *version,
            },
            _ => return None,
        })
    }
}
