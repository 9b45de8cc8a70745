//! Rules for the writes of apps, beyond the limits of a map.

use crate::contract::change::Change;
use crate::contract::entry::Ttl;
use crate::contract::error::{Error, KeyFault};
use std::sync::Arc;

/// Decides which writes of linked apps a map accepts, in addition to its limits, and with which TTL.
/// See [`MapOptions::write_rule`](crate::MapOptions::write_rule).
///
/// It runs on the app's thread, before the map, which is locked: keep it short, and do not call the
/// map in it.
///
/// ```
/// use localmap::{Change, Host, MapOptions, Ttl, WriteRule, WriteViolation};
/// use std::time::Duration;
///
/// /// Apps write nothing for longer than an hour.
/// struct OneHour;
///
/// impl WriteRule for OneHour {
///     fn check(&self, _: &Change<'_>, ttl: Ttl) -> Result<Ttl, WriteViolation> {
///         let hour = Duration::from_secs(3600);
///         match ttl {
///             Ttl::Default => Ok(Ttl::After(hour)),
///             Ttl::After(time) if time <= hour => Ok(ttl),
///             _ => Err(WriteViolation::InvalidTtl),
///         }
///     }
/// }
///
/// let map = Host::new()?.map(&MapOptions::new().write_rule(OneHour))?;
/// # Ok::<(), localmap::CreateError>(())
/// ```
pub trait WriteRule: Send + Sync {
    /// Checks a write with its TTL, and returns the TTL that it gets instead.
    ///
    /// It is called for [`Change::Set`], [`Change::SetIf`], [`Change::Increment`] and
    /// [`Change::Touch`], alone or in a batch; apps may delete any key. What it accepts can still
    /// exceed the limits of the map. A batch with a change that it does not accept changes nothing.
    ///
    /// # Errors
    ///
    /// The violation becomes the error of the contract that the app receives.
    fn check(&self, change: &Change<'_>, ttl: Ttl) -> Result<Ttl, WriteViolation>;
}

/// A shared rule is a rule.
impl<R: WriteRule + ?Sized> WriteRule for Arc<R> {
    fn check(&self, change: &Change<'_>, ttl: Ttl) -> Result<Ttl, WriteViolation> {
        self.as_ref().check(change, ttl)
    }
}

/// Why a [`WriteRule`] does not accept a write: an error of the contract.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WriteViolation {
    /// `invalid-key(too-long)`, with the length of the key. The contract has no other fault for a key
    /// that apps may not write; `empty` if it is empty.
    InvalidKey,
    /// `value-too-large`.
    ValueTooLarge {
        /// The number of bytes that would be accepted.
        max: u64,
    },
    /// `invalid-ttl`.
    InvalidTtl,
    /// `not-a-counter`.
    NotACounter,
}

impl WriteViolation {
    /// Returns the error that the app receives.
    pub(crate) fn error(self, change: &Change<'_>) -> Error {
        match self {
            Self::InvalidKey => Error::InvalidKey {
                fault: match change.key_len() as u64 {
                    0 => KeyFault::Empty,
                    len => KeyFault::TooLong { len },
                },
            },
            Self::ValueTooLarge { max } => Error::ValueTooLarge {
                len: change.stored_value_len() as u64,
                max,
            },
            Self::InvalidTtl => Error::InvalidTtl,
            Self::NotACounter => Error::NotACounter,
        }
    }
}
