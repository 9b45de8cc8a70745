//! Mirrors: copies of data that other machines own, such as a prefix of etcd, which the host keeps up to
//! date. A guest reads them, and cannot change them.
//!
//! ```no_run
//! use localmap_client::mirror::{Mirror, ReadError};
//!
//! /// Returns whether a feature is on.
//! fn is_on(feature: &str) -> bool {
//!     let flags = Mirror::named("flags");
//!     match flags.get(feature) {
//!         Ok(read) => read.found.is_some_and(|flag| flag.value == b"on"),
//!         // There is no copy that is young enough.
//!         Err(_) => false,
//!     }
//! }
//! ```
//!
//! `localmap serve --mirror flags=etcd://HOST:2379/flags/` gives the mirror to a guest. Calling a [`Mirror`]
//! is enough to make the component import `localmap:core/mirror@0.1.0`; a guest that calls none does not
//! import it, and a guest that uses no [`LocalMap`](crate::LocalMap) does not import a map.
//!
//! - **One revision**: a read sees the copy as it was at one revision of its source, [`Read::as_of`].
//! - **Age**: a read says how old the copy is at most, [`Read::freshness`]. The host has a maximum (5 s
//!   unless it is given another), beyond which reads return [`ReadError::TooStale`] instead of an old value.
//!   Decide what your guest does then: use the last value that it has read, or a default, or refuse.
//!
//! Outside WebAssembly there is no host to call: the operations compile, but panic when they are called.
//! Tests can create a [`Read`] or a [`ReadError`], and pass it to the code that decides.

mod contract;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::time::Duration;

use thiserror::Error;

/// The number of times that [`Mirror::get_many`] begins, if the copy changes while it reads.
const TRIES: usize = 10;

/// The maximum number of keys of one call.
const MAX_KEYS: usize = 1_024;

/// A mirror of the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    name: Cow<'static, str>,
}

impl Mirror {
    /// Returns the mirror with this name, which the host has given it. Calls nothing: if there is none, reads
    /// return [`ReadError::UnknownMirror`].
    ///
    /// ```
    /// use localmap_client::mirror::Mirror;
    ///
    /// let flags = Mirror::named("flags");
    /// assert_eq!(flags.name(), "flags");
    /// ```
    #[must_use]
    pub fn named(name: impl Into<Cow<'static, str>>) -> Self {
        Self { name: name.into() }
    }

    /// Returns the name of the mirror.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the entry of `key`, which is that of the source without the prefix; `None` if it is absent.
    ///
    /// ```no_run
    /// use localmap_client::mirror::Mirror;
    ///
    /// let read = Mirror::named("flags").get("dark-mode")?;
    /// if let Some(flag) = read.found {
    ///     println!("{:?}, stored at revision {}", flag.value, flag.mod_revision);
    /// }
    /// println!("at most {:?} old", read.freshness.age());
    /// # Ok::<(), localmap_client::mirror::ReadError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ReadError`] if there is no copy that is young enough, and [`ReadError::Omitted`] if the source
    /// has a value that the mirror cannot hold.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Read<Option<Entry>>, ReadError> {
        contract::get(&self.name, key.as_ref()).map_err(|error| self.error(error, 0))
    }

    /// Returns the entries of several keys, all of one revision, in the order of the keys; `None` for each that
    /// is absent.
    ///
    /// A call of the host reads up to 1,024 keys and 1 MiB of values. If there are more, this takes several
    /// calls, and begins again if the copy has changed between two of them.
    ///
    /// ```no_run
    /// use localmap_client::mirror::Mirror;
    ///
    /// let read = Mirror::named("config").get_many(&["limit", "window"])?;
    /// let [limit, window] = read.found.as_slice() else { unreachable!("one for each key") };
    /// # Ok::<(), localmap_client::mirror::ReadError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`get`](Self::get). With [`ReadError::Omitted`] there is the index of the first such
    /// key. Returns [`ReadError::Changing`] if the copy changes each time before all keys have been read.
    pub fn get_many<K: AsRef<[u8]>>(
        &self,
        keys: &[K],
    ) -> Result<Read<Vec<Option<Entry>>>, ReadError> {
        read_all(keys.len(), |first| {
            let some = keys.iter().skip(first).take(MAX_KEYS);
            let some: Vec<&[u8]> = some.map(AsRef::as_ref).collect();
            let read = contract::get_many(&self.name, &some);
            read.map_err(|error| self.error(error, first))
        })
    }

    /// Returns what the mirror does, and how old its copy is.
    ///
    /// ```no_run
    /// use localmap_client::mirror::{Mirror, State};
    ///
    /// if Mirror::named("flags").status()?.state != State::Live {
    ///     println!("the mirror has no connection to its source");
    /// }
    /// # Ok::<(), localmap_client::mirror::ReadError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ReadError::UnknownMirror`] if the host has no mirror with this name.
    pub fn status(&self) -> Result<Status, ReadError> {
        contract::status(&self.name).map_err(|error| self.error(error, 0))
    }

    /// Returns an error of a call that began at this key.
    fn error(&self, error: contract::Error, first: usize) -> ReadError {
        use contract::Error;
        match error {
            Error::UnknownMirror => ReadError::UnknownMirror {
                name: self.name.clone().into_owned(),
            },
            Error::NotReady => ReadError::NotReady,
            Error::TooStale(age) => ReadError::TooStale {
                age: Duration::from_nanos(age),
            },
            Error::Omitted(omitted) => ReadError::Omitted {
                index: first + omitted.index as usize,
                reason: omitted.reason.into(),
            },
            Error::DoesNotFit => ReadError::DoesNotFit,
            Error::OtherCluster => ReadError::OtherCluster,
            Error::Ended => ReadError::Ended,
        }
    }
}

/// Reads this number of keys at one revision. `read` reads some of those from an index on, at least one.
fn read_all(
    count: usize,
    mut read: impl FnMut(usize) -> Result<Read<Vec<Option<Entry>>>, ReadError>,
) -> Result<Read<Vec<Option<Entry>>>, ReadError> {
    'tries: for _ in 0..TRIES {
        let mut all = read(0)?;
        while all.found.len() < count {
            let some = read(all.found.len())?;
            if some.as_of != all.as_of || some.found.is_empty() {
                continue 'tries;
            }
            all.found.extend(some.found);
            all.freshness = all.freshness.or_older(some.freshness);
        }
        all.found.truncate(count);
        return Ok(all);
    }
    Err(ReadError::Changing)
}

/// An entry of a mirror.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Vec<u8>,
    /// The revision at which the source has stored this value.
    pub mod_revision: u64,
}

/// A result of a read, and how old it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Read<T> {
    /// What was read.
    pub found: T,
    /// The revision of the copy, of which `found` is a part.
    pub as_of: u64,
    /// The age of the copy.
    pub freshness: Freshness,
}

/// How old a copy is. The age is an upper bound: all that was committed that long ago is in the copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// The mirror is connected to its source, and hears from it in time.
    Fresh {
        /// The age of the copy, at most.
        age: Duration,
    },
    /// The mirror is late or has lost its source. The age is less than the maximum of the host.
    Stale {
        /// The age of the copy, at most.
        age: Duration,
    },
}

impl Freshness {
    /// Returns the age of the copy, at most.
    #[must_use]
    pub fn age(self) -> Duration {
        match self {
            Self::Fresh { age } | Self::Stale { age } => age,
        }
    }

    /// Returns `true` if the copy is fresh.
    #[must_use]
    pub fn is_fresh(self) -> bool {
        matches!(self, Self::Fresh { .. })
    }

    /// Returns the freshness of two reads together.
    fn or_older(self, other: Self) -> Self {
        let age = self.age().max(other.age());
        match self.is_fresh() && other.is_fresh() {
            true => Self::Fresh { age },
            false => Self::Stale { age },
        }
    }
}

/// Why a read returns no value, neither an old one.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The host has no mirror with this name.
    #[error(
        "the host has no mirror `{name}`: give it one with `localmap serve --mirror \
         {name}=etcd://HOST:2379/PREFIX/`"
    )]
    UnknownMirror {
        /// The name.
        name: String,
    },
    /// There is no copy yet.
    #[error("the mirror has no copy yet: try again in a moment")]
    NotReady,
    /// The copy is older than the host allows.
    #[error("the mirror may be {} ms old, which is too much: its host has lost the source", age.as_millis())]
    TooStale {
        /// The age of the copy, at most.
        age: Duration,
    },
    /// The source has a value under this key that the mirror cannot hold.
    #[error("key {index} of the read is not in the mirror: {reason}")]
    Omitted {
        /// The index of the key among those of the read; 0 for a read of one key.
        index: usize,
        /// Why the mirror cannot hold it.
        reason: OmittedReason,
    },
    /// The entries of the source do not fit into the mirror, so it holds none.
    #[error("the source does not fit into the mirror: raise the limits of the mirror on its host")]
    DoesNotFit,
    /// The source has become another one, and the copy of the earlier one is too old.
    #[error("the source of the mirror has become another one")]
    OtherCluster,
    /// The mirror has ended.
    #[error("the mirror has ended")]
    Ended,
    /// The copy has changed each time while [`Mirror::get_many`] read it.
    #[error("the mirror changes while these keys are read: read fewer of them at a time")]
    Changing,
}

/// Why a key of the source is not in the mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum OmittedReason {
    /// The key is the prefix itself.
    #[error("the key is empty after the prefix")]
    EmptyKey,
    /// The key is longer than the mirror allows.
    #[error("the key is too long")]
    KeyTooLong,
    /// The key must be UTF-8 and is not.
    #[error("the key is not UTF-8")]
    NotUtf8,
    /// The value is larger than the mirror allows.
    #[error("the value is too large")]
    ValueTooLarge,
}

/// What a mirror does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum State {
    /// It connects for the first time.
    Starting,
    /// It copies the whole prefix. Reads use the previous copy, if there is one.
    Listing,
    /// It follows the changes of its source.
    Live,
    /// It has lost its source, and connects again.
    Reconnecting,
    /// The entries of the source do not fit.
    DoesNotFit,
    /// The source has become another one.
    OtherCluster,
    /// It has ended.
    Ended,
}

/// The status of a mirror.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// What the mirror does.
    pub state: State,
    /// The revision of the copy; `None` if there is none.
    pub revision: Option<u64>,
    /// The age of the copy, at most, even if it is too old to be read; `None` if there is none.
    pub age: Option<Duration>,
    /// The number of entries of the copy.
    pub entries: u64,
    /// The number of keys of the source that the mirror cannot hold.
    pub omitted: u64,
}
