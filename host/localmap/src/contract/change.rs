//! The changes of a batch, and their outcomes.

use crate::contract::bindings::local_map;
use crate::contract::entry::{Condition, Ttl, Version};

/// One change of a batch; see [`LocalMap::apply`](crate::LocalMap::apply).
///
/// Each variant behaves like the operation of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// [`LocalMap::set`](crate::LocalMap::set).
    Set {
        /// The key, 1 to [`Limits::max_key`](crate::Limits#structfield.max_key) bytes.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// The time to live of the entry.
        ttl: Ttl,
    },
    /// [`LocalMap::set_if`](crate::LocalMap::set_if).
    SetIf {
        /// The key, 1 to [`Limits::max_key`](crate::Limits#structfield.max_key) bytes.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// The time to live of the entry.
        ttl: Ttl,
        /// The condition.
        condition: Condition,
    },
    /// [`LocalMap::increment`](crate::LocalMap::increment).
    Increment {
        /// The key, 1 to [`Limits::max_key`](crate::Limits#structfield.max_key) bytes.
        key: &'a [u8],
        /// The number to add.
        delta: i64,
        /// The time to live of a new counter. A present counter keeps its deadline.
        ttl: Ttl,
    },
    /// [`LocalMap::touch`](crate::LocalMap::touch).
    Touch {
        /// The key, 1 to [`Limits::max_key`](crate::Limits#structfield.max_key) bytes.
        key: &'a [u8],
        /// The new time to live of the entry, counted from now.
        ttl: Ttl,
    },
    /// [`LocalMap::delete`](crate::LocalMap::delete).
    Delete {
        /// The key.
        key: &'a [u8],
    },
    /// [`LocalMap::delete_if`](crate::LocalMap::delete_if).
    DeleteIf {
        /// The key.
        key: &'a [u8],
        /// The version that its value must have.
        version: Version,
    },
}

impl Change<'_> {
    /// Returns the key.
    pub(crate) fn key(&self) -> &[u8] {
        match self {
            Self::Set { key, .. }
            | Self::SetIf { key, .. }
            | Self::Increment { key, .. }
            | Self::Touch { key, .. }
            | Self::Delete { key }
            | Self::DeleteIf { key, .. } => key,
        }
    }

    /// Returns the TTL; `None` for a change that has none.
    pub(crate) fn ttl(&self) -> Option<Ttl> {
        match self {
            Self::Set { ttl, .. }
            | Self::SetIf { ttl, .. }
            | Self::Increment { ttl, .. }
            | Self::Touch { ttl, .. } => Some(*ttl),
            Self::Delete { .. } | Self::DeleteIf { .. } => None,
        }
    }

    /// Replaces the TTL of a change that has one.
    pub(crate) fn set_ttl(&mut self, new: Ttl) {
        match self {
            Self::Set { ttl, .. }
            | Self::SetIf { ttl, .. }
            | Self::Increment { ttl, .. }
            | Self::Touch { ttl, .. } => *ttl = new,
            Self::Delete { .. } | Self::DeleteIf { .. } => {}
        }
    }

    /// Returns the length of the key in bytes.
    pub(crate) fn key_len(&self) -> usize {
        self.key().len()
    }

    /// Returns the length in bytes of the value that the change carries.
    pub(crate) fn carried_value_len(&self) -> usize {
        match self {
            Self::Set { value, .. } | Self::SetIf { value, .. } => value.len(),
            Self::Increment { .. }
            | Self::Touch { .. }
            | Self::Delete { .. }
            | Self::DeleteIf { .. } => 0,
        }
    }

    /// Returns the length in bytes of the value that the change stores.
    pub(crate) fn stored_value_len(&self) -> usize {
        match self {
            Self::Increment { .. } => 8,
            _ => self.carried_value_len(),
        }
    }

    /// Returns the length in bytes of the key and of the value that the change stores.
    pub(crate) fn written_len(&self) -> usize {
        self.key_len() + self.stored_value_len()
    }

    /// Checks that there is one outcome for each change, in the same order and of the right kind.
    pub(crate) fn check_outcomes(
        changes: &[Self],
        outcomes: &[local_map::Outcome],
    ) -> wasmtime::Result<()> {
        use local_map::Outcome as O;
        let fits = |(change, outcome): (&Self, &O)| match change {
            Self::Set { .. } | Self::SetIf { .. } => matches!(outcome, O::Stored(_)),
            Self::Increment { .. } => matches!(outcome, O::Counter(_)),
            Self::Touch { .. } => matches!(outcome, O::Touched(_)),
            Self::Delete { .. } => matches!(outcome, O::Deleted(_)),
            Self::DeleteIf { .. } => matches!(outcome, O::Deleted(true)),
        };
        if outcomes.len() != changes.len() || !changes.iter().zip(outcomes).all(fits) {
            return Err(wasmtime::Error::msg(
                "the map contradicts its contract: apply returned outcomes of other changes",
            ));
        }
        Ok(())
    }

    /// Returns the change that the map has rejected, or an error if `index` is out of bounds.
    pub(crate) fn rejected(changes: &[Self], index: usize) -> wasmtime::Result<&Self> {
        changes.get(index).ok_or_else(|| {
            wasmtime::Error::msg(
                "the map contradicts its contract: apply rejected a change that was not in the batch",
            )
        })
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

impl<'a> From<&Change<'a>> for local_map::Change<'a> {
    fn from(change: &Change<'a>) -> Self {
        match *change {
            Change::Set { key, value, ttl } => Self::Set(local_map::SetChange {
                key,
                value,
                ttl: ttl.into(),
            }),
            Change::SetIf {
                key,
                value,
                ttl,
                condition,
            } => Self::SetIf(local_map::SetIfChange {
                key,
                value,
                ttl: ttl.into(),
                condition: condition.into(),
            }),
            Change::Increment { key, delta, ttl } => Self::Increment(local_map::IncrementChange {
                key,
                delta,
                ttl: ttl.into(),
            }),
            Change::Touch { key, ttl } => Self::Touch(local_map::TouchChange {
                key,
                ttl: ttl.into(),
            }),
            Change::Delete { key } => Self::Delete(key),
            Change::DeleteIf { key, version } => {
                Self::DeleteIf(local_map::DeleteIfChange { key, version })
            }
        }
    }
}

impl From<local_map::Outcome> for Outcome {
    fn from(outcome: local_map::Outcome) -> Self {
        match outcome {
            local_map::Outcome::Stored(version) => Self::Stored(version),
            local_map::Outcome::Counter(sum) => Self::Counter(sum),
            local_map::Outcome::Touched(present) => Self::Touched(present),
            local_map::Outcome::Deleted(present) => Self::Deleted(present),
        }
    }
}
