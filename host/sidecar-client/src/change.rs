//! The changes of a batch, and their outcomes.

use crate::entry::{Condition, Ttl, Version};
use crate::error::Error;
use bytes::Bytes;
use localmap_sidecar_proto as proto;

/// One change of a batch; see [`Tenant::apply`](crate::Tenant::apply).
///
/// Each variant behaves like the operation of the same name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// [`Tenant::set`](crate::Tenant::set).
    Set {
        /// The key.
        key: Bytes,
        /// The value.
        value: Bytes,
        /// The time to live of the entry.
        ttl: Ttl,
    },
    /// [`Tenant::set_if`](crate::Tenant::set_if).
    SetIf {
        /// The key.
        key: Bytes,
        /// The value.
        value: Bytes,
        /// The time to live of the entry.
        ttl: Ttl,
        /// The condition.
        condition: Condition,
    },
    /// [`Tenant::increment`](crate::Tenant::increment).
    Increment {
        /// The key.
        key: Bytes,
        /// The number to add.
        delta: i64,
        /// The time to live of a new counter. A present counter keeps its deadline.
        ttl: Ttl,
    },
    /// [`Tenant::touch`](crate::Tenant::touch).
    Touch {
        /// The key.
        key: Bytes,
        /// The new time to live of the entry, counted from now.
        ttl: Ttl,
    },
    /// [`Tenant::delete`](crate::Tenant::delete).
    Delete {
        /// The key.
        key: Bytes,
    },
    /// [`Tenant::delete_if`](crate::Tenant::delete_if).
    DeleteIf {
        /// The key.
        key: Bytes,
        /// The version that its value must have.
        version: Version,
    },
}

impl From<Change> for proto::Change {
    fn from(change: Change) -> Self {
        use proto::change::{Delete, Increment, Kind, Set, Touch};
        let set = |key, value, ttl: Ttl, condition: Option<Condition>| {
            Kind::Set(Set {
                key,
                value,
                ttl: ttl.to_proto(),
                condition: condition.map(Condition::to_proto),
            })
        };
        let kind = match change {
            Change::Set { key, value, ttl } => set(key, value, ttl, None),
            Change::SetIf {
                key,
                value,
                ttl,
                condition,
            } => set(key, value, ttl, Some(condition)),
            Change::Increment { key, delta, ttl } => Kind::Increment(Increment {
                key,
                delta,
                ttl: ttl.to_proto(),
            }),
            Change::Touch { key, ttl } => Kind::Touch(Touch {
                key,
                ttl: ttl.to_proto(),
            }),
            Change::Delete { key } => Kind::Delete(Delete { key, version: None }),
            Change::DeleteIf { key, version } => Kind::Delete(Delete {
                key,
                version: Some(version),
            }),
        };
        Self { kind: Some(kind) }
    }
}

/// The result of a [`Change`], as the operation of the same name returns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Of `Set` and `SetIf`: the version of the stored value.
    Stored(Version),
    /// Of `Increment`: the new value of the counter.
    Counter(i64),
    /// Of `Touch`: `true` if the key was present.
    Touched(bool),
    /// Of `Delete`: `true` if the key was present. Of `DeleteIf`: always `true`.
    Deleted(bool),
}

impl TryFrom<proto::Outcome> for Outcome {
    type Error = Error;

    fn try_from(outcome: proto::Outcome) -> Result<Self, Error> {
        use proto::outcome::Kind;
        Ok(match outcome.kind {
            Some(Kind::Stored(version)) => Self::Stored(version),
            Some(Kind::Sum(sum)) => Self::Counter(sum),
            Some(Kind::Touched(present)) => Self::Touched(present),
            Some(Kind::Deleted(present)) => Self::Deleted(present),
            None => return Err(Error::protocol("an outcome of no kind")),
        })
    }
}
