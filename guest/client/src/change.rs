//! What a batch is made of, and what it answers.

use crate::{Condition, Ttl, Version};

/// The most changes that one [`apply`](crate::LocalMap::apply) makes.
pub const MAX_CHANGES: usize = 1024;

/// One change of a batch, for [`LocalMap::apply`](crate::LocalMap::apply).
///
/// It borrows its key and its value. The functions below make one as the operations
/// of the same names are called:
///
/// ```
/// use localmap_client::{Change, Condition, Ttl};
/// use std::time::Duration;
///
/// let token = format!("token:{}", 7);
/// let batch = [
///     Change::set_if(&token, "alice", Duration::from_secs(300), Condition::Absent),
///     Change::increment("tokens", 1, Ttl::Never),
///     Change::delete("invitation:alice"),
/// ];
/// # assert_eq!(batch.len(), 3);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<'a> {
    /// [`set`](crate::LocalMap::set)
    Set {
        /// 1 to [`MAX_KEY_LEN`](crate::MAX_KEY_LEN) bytes.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// How long the entry is to live.
        ttl: Ttl,
    },
    /// [`set_if`](crate::LocalMap::set_if)
    SetIf {
        /// 1 to [`MAX_KEY_LEN`](crate::MAX_KEY_LEN) bytes.
        key: &'a [u8],
        /// The value.
        value: &'a [u8],
        /// How long the entry is to live.
        ttl: Ttl,
        /// What must hold, after the changes before this one.
        condition: Condition,
    },
    /// [`increment`](crate::LocalMap::increment)
    Increment {
        /// 1 to [`MAX_KEY_LEN`](crate::MAX_KEY_LEN) bytes.
        key: &'a [u8],
        /// What is added.
        delta: i64,
        /// How long a counter is to live that begins with this.
        ttl: Ttl,
    },
    /// [`touch`](crate::LocalMap::touch)
    Touch {
        /// 1 to [`MAX_KEY_LEN`](crate::MAX_KEY_LEN) bytes.
        key: &'a [u8],
        /// How long the entry is to live from now on.
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
        /// The version that must be there, after the changes before this one.
        version: Version,
    },
}

impl<'a> Change<'a> {
    /// Stores a value and its TTL. The outcome is [`Outcome::Stored`].
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

    /// Stores where `condition` holds; where it does not, the batch is refused. The
    /// outcome is [`Outcome::Stored`].
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

    /// Adds to a counter. The outcome is [`Outcome::Counter`].
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

    /// Gives an entry a new TTL. The outcome is [`Outcome::Touched`]; a key that is
    /// not there is no error.
    pub fn touch(key: &'a (impl AsRef<[u8]> + ?Sized), ttl: impl Into<Ttl>) -> Self {
        Self::Touch {
            key: key.as_ref(),
            ttl: ttl.into(),
        }
    }

    /// Deletes. The outcome is [`Outcome::Deleted`]; a key that is not there is no
    /// error.
    pub fn delete(key: &'a (impl AsRef<[u8]> + ?Sized)) -> Self {
        Self::Delete { key: key.as_ref() }
    }

    /// Deletes if the value there has this version; where it has not, the batch is
    /// refused. The outcome is [`Outcome::Deleted`].
    pub fn delete_if(key: &'a (impl AsRef<[u8]> + ?Sized), version: Version) -> Self {
        Self::DeleteIf {
            key: key.as_ref(),
            version,
        }
    }

    /// The key that it is about.
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

/// What one change of a batch has done: the answer of the operation of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Of [`Change::set`] and [`Change::set_if`]: the version of the value.
    Stored(Version),
    /// Of [`Change::increment`]: the new value of the counter.
    Counter(i64),
    /// Of [`Change::touch`]. False: it was not there.
    Touched(bool),
    /// Of [`Change::delete`] (false: it was not there) and of [`Change::delete_if`]
    /// (always true).
    Deleted(bool),
}
