//! Conversions between the types of the engine and of this crate.

use std::time::Duration;

use localmap_engine as engine;

use crate::types::nanos;
use crate::{
    ApplyError, Change, Condition, DEFAULT_MAX_KEY_LEN, Entry, Error, KeyFault, MAX_CHANGES,
    MAX_KEY_LEN, Outcome, Scanned, Ttl,
};

const _: () = assert!(DEFAULT_MAX_KEY_LEN == engine::DEFAULT_MAX_KEY_LEN);
const _: () = assert!(MAX_KEY_LEN == engine::MAX_KEY_LEN && MAX_CHANGES == engine::MAX_CHANGES);

impl From<Ttl> for engine::Ttl {
    fn from(ttl: Ttl) -> Self {
        match ttl {
            Ttl::Default => Self::Default,
            Ttl::Never => Self::Never,
            Ttl::After(span) => Self::After(nanos(span)),
        }
    }
}

impl From<Condition> for engine::Condition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Absent => Self::Absent,
            Condition::Present => Self::Present,
            Condition::Version(version) => Self::Version(version),
        }
    }
}

impl<'a> From<&Change<'a>> for engine::Change<'a> {
    fn from(change: &Change<'a>) -> Self {
        match *change {
            Change::Set { key, value, ttl } => Self::Set {
                key,
                value,
                ttl: ttl.into(),
            },
            Change::SetIf {
                key,
                value,
                ttl,
                condition,
            } => Self::SetIf {
                key,
                value,
                ttl: ttl.into(),
                condition: condition.into(),
            },
            Change::Increment { key, delta, ttl } => Self::Increment {
                key,
                delta,
                ttl: ttl.into(),
            },
            Change::Touch { key, ttl } => Self::Touch {
                key,
                ttl: ttl.into(),
            },
            Change::Delete { key } => Self::Delete { key },
            Change::DeleteIf { key, version } => Self::DeleteIf { key, version },
        }
    }
}

impl From<engine::Outcome> for Outcome {
    fn from(outcome: engine::Outcome) -> Self {
        match outcome {
            engine::Outcome::Stored(version) => Self::Stored(version),
            engine::Outcome::Counter(value) => Self::Counter(value),
            engine::Outcome::Touched(present) => Self::Touched(present),
            engine::Outcome::Deleted(present) => Self::Deleted(present),
        }
    }
}

impl From<engine::Entry<'_>> for Entry {
    fn from(entry: engine::Entry<'_>) -> Self {
        Self {
            value: entry.value.to_vec(),
            version: entry.version,
            expires_in: entry.expires_in.map(Duration::from_nanos),
        }
    }
}

impl From<engine::Scanned<'_>> for Scanned {
    fn from(entry: engine::Scanned<'_>) -> Self {
        Self {
            key: entry.key.to_vec(),
            value: entry.value.to_vec(),
            version: entry.version,
            expires_in: entry.expires_in.map(Duration::from_nanos),
        }
    }
}

impl From<engine::Error> for Error {
    fn from(error: engine::Error) -> Self {
        match error {
            engine::Error::InvalidKey(fault) => Self::InvalidKey(fault.into()),
            engine::Error::ValueTooLarge(max) => Self::ValueTooLarge { max },
            engine::Error::InvalidTtl => Self::InvalidTtl,
            engine::Error::Full => Self::Full,
            engine::Error::Conflict(current) => Self::Conflict { current },
            engine::Error::NotACounter => Self::NotACounter,
            engine::Error::Overflow => Self::Overflow,
        }
    }
}

impl From<engine::KeyFault> for KeyFault {
    fn from(fault: engine::KeyFault) -> Self {
        match fault {
            engine::KeyFault::Empty => Self::Empty,
            engine::KeyFault::TooLong(len) => Self::TooLong { len },
            engine::KeyFault::NotUtf8 => Self::NotUtf8,
        }
    }
}

impl From<(u32, engine::Error)> for ApplyError {
    fn from((index, error): (u32, engine::Error)) -> Self {
        Self {
            index: index as usize,
            error: error.into(),
        }
    }
}
