//! Writes and deletes of single entries.

use super::observed::{done, hit, read};
use super::{LocalMap, findable};
use crate::contract::bindings::local_map;
use crate::contract::check::check_write;
use crate::contract::entry::{Condition, Ttl, Version};
use crate::contract::error::{
    DeleteIfError, IncrementError, MapTerminated, Refused, SetError, SetIfError, TouchError,
};
use crate::contract::observer::{Asked, Operation};
use crate::runtime::core_instance::CoreInstance;

/// # Writes
impl LocalMap {
    /// Stores a value with its TTL and returns its version. Replaces the value and the TTL that
    /// `key` had.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// use std::time::Duration;
    ///
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// let first = map.set(b"session", b"alice", Ttl::After(Duration::from_secs(1800)))?;
    /// let second = map.set(b"session", b"bob", Ttl::Never)?;
    /// assert!(second > first);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns [`SetError::InvalidKey`] if the map does not accept the key.
    /// - Returns [`SetError::InvalidTtl`] if the TTL is zero.
    /// - Returns [`SetError::ValueTooLarge`] if the value is longer than
    ///   [`Limits::max_value`](crate::Limits#structfield.max_value).
    /// - Returns [`SetError::Full`] if there is no room and nothing can be evicted.
    /// - Returns [`SetError::Terminated`] if the map has terminated.
    pub fn set(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<Version, SetError> {
        let asked = Asked::key(Operation::Set, key).value_len(value.len());
        self.observed(asked, done, |map| map.set_now(key, value, ttl))
    }

    /// Stores a value, without the observer.
    #[inline]
    pub(super) fn set_now(&self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<Version, SetError> {
        self.write(key, value.len(), ttl, |core, ttl| core.set(key, value, ttl))
    }

    /// Stores a value as [`set`](Self::set) does, if `condition` holds.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// use localmap::{Condition, SetIfError};
    ///
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// let version = map.set_if(b"lock", b"me", Ttl::Never, Condition::Absent)?;
    /// let error = map.set_if(b"lock", b"you", Ttl::Never, Condition::Absent).unwrap_err();
    /// assert!(matches!(error, SetIfError::Conflict { current, .. } if current == Some(version)));
    /// map.set_if(b"lock", b"you", Ttl::Never, Condition::Version(version))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the errors of [`set`](Self::set), and [`SetIfError::Conflict`] if `condition`
    /// does not hold.
    pub fn set_if(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<Version, SetIfError> {
        let asked = Asked::key(Operation::SetIf, key).value_len(value.len());
        self.observed(asked, done, |map| {
            map.write(key, value.len(), ttl, |core, ttl| {
                core.set_if(key, value, ttl, condition.into())
            })
        })
    }

    /// Adds `delta` to a counter and returns the sum.
    ///
    /// A counter is a value of 8 bytes: a little-endian `i64`. An existing counter keeps its
    /// deadline, and `ttl` is only checked. An absent counter starts from 0 with `ttl`, so a TTL
    /// creates a fixed window that begins with the first increment. The counter gets a new
    /// version.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// use std::time::Duration;
    ///
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// let window = Ttl::After(Duration::from_secs(60));
    /// assert_eq!(map.increment(b"requests", 1, window)?, 1);
    /// assert_eq!(map.increment(b"requests", 1, window)?, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns [`IncrementError::InvalidKey`] if the map does not accept the key.
    /// - Returns [`IncrementError::InvalidTtl`] if the TTL is zero.
    /// - Returns [`IncrementError::Full`] if there is no room and nothing can be evicted.
    /// - Returns [`IncrementError::NotACounter`] if the present value is not 8 bytes long.
    /// - Returns [`IncrementError::Overflow`] if the sum does not fit into an `i64`.
    /// - Returns [`IncrementError::ValueTooLarge`] if
    ///   [`Limits::max_value`](crate::Limits#structfield.max_value) is less than 8 bytes.
    /// - Returns [`IncrementError::Terminated`] if the map has terminated.
    pub fn increment(&mut self, key: &[u8], delta: i64, ttl: Ttl) -> Result<i64, IncrementError> {
        self.observed(Asked::key(Operation::Increment, key), done, |map| {
            map.write(key, 0, ttl, |core, ttl| core.increment(key, delta, ttl))
        })
    }

    /// Gives an existing entry a new TTL, counted from now, and keeps its value and version.
    /// Returns `false` if `key` is absent; it stays absent.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// assert!(!map.touch(b"k", Ttl::Never)?);
    /// map.set(b"k", b"value", Ttl::Default)?;
    /// assert!(map.touch(b"k", Ttl::Never)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns [`TouchError::InvalidKey`] if the map does not accept the key.
    /// - Returns [`TouchError::InvalidTtl`] if the TTL is zero.
    /// - Returns [`TouchError::Full`] if there is no memory to record the deadline of an entry
    ///   that had none.
    /// - Returns [`TouchError::Terminated`] if the map has terminated.
    pub fn touch(&mut self, key: &[u8], ttl: Ttl) -> Result<bool, TouchError> {
        self.observed(Asked::key(Operation::Touch, key), hit, |map| {
            map.write(key, 0, ttl, |core, ttl| core.touch(key, ttl))
        })
    }

    /// Deletes `key` and returns its value; `None` if it was absent. Use it for one-time
    /// tokens.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"token", b"alice", Ttl::Never)?;
    /// assert_eq!(map.take(b"token")?, Some(b"alice".to_vec()));
    /// assert_eq!(map.take(b"token")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated.
    pub fn take(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, MapTerminated> {
        self.observed(Asked::key(Operation::Take, key), read, |map| {
            map.enter(|core| core.take(findable(key)))
        })
    }

    /// Deletes `key`. Returns `true` if it was present. See [`LocalMap`] for an example.
    ///
    /// # Errors
    ///
    /// Returns [`MapTerminated`] if the map has terminated.
    pub fn delete(&mut self, key: &[u8]) -> Result<bool, MapTerminated> {
        self.observed(Asked::key(Operation::Delete, key), hit, |map| {
            map.enter(|core| core.delete(findable(key)))
        })
    }

    /// Deletes `key` if its value has the given version.
    ///
    /// ```
    /// # use localmap::{Host, MapOptions, Ttl};
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// let version = map.set(b"lock", b"me", Ttl::Never)?;
    /// assert!(map.delete_if(b"lock", version + 1).is_err());
    /// map.delete_if(b"lock", version)?;
    /// assert!(!map.contains(b"lock")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns [`DeleteIfError::Conflict`] if the value has another version or the key is
    ///   absent.
    /// - Returns [`DeleteIfError::Terminated`] if the map has terminated.
    pub fn delete_if(&mut self, key: &[u8], version: Version) -> Result<(), DeleteIfError> {
        self.observed(Asked::key(Operation::DeleteIf, key), done, |map| {
            map.enter(|core| typed(core.delete_if(findable(key), version)?, 0))?
        })
    }

    /// Makes a call with a key, a TTL and a value of `len` bytes, after checking them against the
    /// limits. Arguments that fail are not copied into the map's memory, where they might not fit.
    fn write<R, E>(
        &self,
        key: &[u8],
        len: usize,
        ttl: Ttl,
        call: impl Fn(
            &mut CoreInstance,
            local_map::Ttl,
        ) -> wasmtime::Result<Result<R, local_map::Error>>,
    ) -> Result<R, E>
    where
        E: TryFrom<Refused, Error = wasmtime::Error> + From<MapTerminated>,
    {
        self.cell.enter(|live| {
            if let Err(refused) = check_write(&live.limits, key, len, ttl) {
                return Ok(Err(refused.try_into()?));
            }
            live.before_write(1, key.len() + len)?;
            let mut answer = call(&mut live.core, ttl.into())?;
            while let Err(local_map::Error::Full) = answer
                && live.raise_when_full(1, key.len() + len)?
            {
                answer = call(&mut live.core, ttl.into())?;
            }
            // If a write without a value is too large, it is an increment.
            typed(answer, if len == 0 { 8 } else { len })
        })?
    }
}

/// Converts an error of the contract to the error type of the operation. An error that the
/// operation cannot return terminates the map.
fn typed<R, E>(answer: Result<R, local_map::Error>, len: usize) -> wasmtime::Result<Result<R, E>>
where
    E: TryFrom<Refused, Error = wasmtime::Error>,
{
    match answer {
        Ok(answer) => Ok(Ok(answer)),
        Err(error) => Ok(Err(Refused::new(error, len).try_into()?)),
    }
}
