//! The changes of a batch, and their outcomes.

use crate::{Condition, Ttl, Version};

/// The maximum number of changes in one [`apply`](crate::LocalMap::apply).
pub const MAX_CHANGES: usize = 1024;

/// One change of a batch, for [`LocalMap::apply`](crate::LocalMap::apply).
///
/// It borrows its key and its value. Each function below creates one with the arguments of
/// the operation of the same name:
///
/// ```
/// use localmap_client::{Change, Condition, Ttl};
/// use std::time::Duration;
///
/// let token = format!("token:{}", 7);
/// let batch = [
///     Change::set("last", &token, Ttl::Never),
///     Change::set_if(&token, "alice", Duration::from_secs(300), Condition::Absent),
///     Change::increment("tokens", 1, Ttl::Never),
///     Change::touch("session:alice", Duration::from_secs(1800)),
///     Change::delete("invitation:alice"),
///     Change::delete_if("draft:alice", 41),
/// ];
/// assert_eq!(batch[0].key(), b"last");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change<'a> {
    /// [`set`](crate::LocalMap::set)
    Set {
        /// 1 to [`DEFAULT_MAX_KEY_LEN`](crate::DEFAULT_MAX_KEY_LEN) bytes, or more if the
        /// map's `max-key` allows it.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// The time to live of the entry.
        ttl: Ttl,
    },
    /// [`set_if`](crate::LocalMap::set_if)
    SetIf {
        /// As for `Set`.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// The time to live of the entry.
        ttl: Ttl,
        /// The condition, which is checked after the changes before this one.
        condition: Condition,
    },
    /// [`increment`](crate::LocalMap::increment)
    Increment {
        /// As for `Set`.
        key: &'a [u8],
        /// The number to add.
        delta: i64,
        /// The time to live of the counter, if this change creates it.
        ttl: Ttl,
    },
    /// [`touch`](crate::LocalMap::touch)
    Touch {
        /// As for `Set`.
        key: &'a [u8],
        /// The new time to live of the entry, counted from now.
        ttl: Ttl,
    },
    /// [`delete`](crate::LocalMap::delete)
    Delete {
        /// Any bytes.
        key: &'a [u8],
    },
    /// [`delete_if`](crate::LocalMap::delete_if)
    DeleteIf {
        /// Any bytes.
        key: &'a [u8],
        /// The version that the value must have after the changes before this one.
        version: Version,
    },
}

impl<'a> Change<'a> {
    /// Creates a change that stores a value with its TTL. Its outcome is
    /// [`Outcome::Stored`].
    pub fn set(
        key: &'a (impl AsRef<[u8]> + ?Sized),
        value: &'a (impl AsRef<[u8]> + ?Sized),
        ttl: impl Into<Ttl>,
    ) -> Self {
        Self::Set {
            key: key.as_ref(),
            value: value.as_ref(),
            ttl: ttl.into(),
        }
    }

    /// Creates a change that stores a value if `condition` holds, and makes the batch fail
    /// otherwise. Its outcome is [`Outcome::Stored`].
    pub fn set_if(
        key: &'a (impl AsRef<[u8]> + ?Sized),
        value: &'a (impl AsRef<[u8]> + ?Sized),
        ttl: impl Into<Ttl>,
        condition: Condition,
    ) -> Self {
        Self::SetIf {
            key: key.as_ref(),
            value: value.as_ref(),
            ttl: ttl.into(),
            condition,
        }
    }

    /// Creates a change that adds `delta` to a counter. Its outcome is
    /// [`Outcome::Counter`].
    pub fn increment(
        key: &'a (impl AsRef<[u8]> + ?Sized),
        delta: i64,
        ttl: impl Into<Ttl>,
    ) -> Self {
        Self::Increment {
            key: key.as_ref(),
            delta,
            ttl: ttl.into(),
        }
    }

    /// Creates a change that gives an existing entry a new TTL. Its outcome is
    /// [`Outcome::Touched`]. An absent key is not an error.
    pub fn touch(key: &'a (impl AsRef<[u8]> + ?Sized), ttl: impl Into<Ttl>) -> Self {
        Self::Touch {
            key: key.as_ref(),
            ttl: ttl.into(),
        }
    }

    /// Creates a change that deletes `key`. Its outcome is [`Outcome::Deleted`]. An absent
    /// key is not an error.
    pub fn delete(key: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self::Delete { key: key.as_ref() }
    }

    /// Creates a change that deletes `key` if its value has the given version, and makes
    /// the batch fail otherwise. Its outcome is [`Outcome::Deleted`].
    pub fn delete_if(key: &'a (impl AsRef<[u8]> + ?Sized), version: Version) -> Self {
        Self::DeleteIf {
            key: key.as_ref(),
            version,
        }
    }

    /// Returns the key of the change.
    #[must_use]
    pub const fn key(&self) -> &'a [u8] {
        match self {
            Self::Set { key, .. }
            | Self::SetIf { key, .. }
            | Self::Increment { key, .. }
            | Self::Touch { key, .. }
            | Self::Delete { key }
            | Self::DeleteIf { key, .. } => key,
        }
    }
}

impl Change<'_> {
    /// Returns the length of the key and the value together, in bytes.
    pub(crate) const fn len(&self) -> usize {
        let value = match self {
            Self::Set { value, .. } | Self::SetIf { value, .. } => value.len(),
            Self::Increment { .. }
            | Self::Touch { .. }
            | Self::Delete { .. }
            | Self::DeleteIf { .. } => 0,
        };
        self.key().len() + value
    }
}

/// The result of one change of a batch, as the operation of the same name returns it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// Of [`Change::set`] and [`Change::set_if`]: the version of the stored value.
    Stored(Version),
    /// Of [`Change::increment`]: the sum.
    Counter(i64),
    /// Of [`Change::touch`]: `false` if the key was absent.
    Touched(bool),
    /// Of [`Change::delete`]: `false` if the key was absent. Of [`Change::delete_if`]:
    /// always `true`.
    Deleted(bool),
}
