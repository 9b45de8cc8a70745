//! The changes that a watched map tells its host.

use crate::contract::bindings::changes;
use crate::contract::entry::Entry;
use crate::contract::limits::MAX_KEY_LEN;
use std::time::Duration;

/// What has changed in a map: see [`LocalMap::changes`](crate::LocalMap::changes).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// The changes in their order, at most 4,096. A key can be in it several times.
    pub changed: Vec<ChangedKey>,
    /// `true` if changes have been lost since the previous call: the list was full, the map was
    /// [cleared](crate::LocalMap::clear) or watched again, or it is not watched. A scan after this
    /// call shows what they led to.
    pub lost: bool,
    /// `true` if more changes wait: call again.
    pub more: bool,
    /// A time before which no entry expires; `None` if no entry has a deadline. It can be less than
    /// the time until the first one expires.
    pub due_in: Option<Duration>,
}

/// A key that has changed, in [`Changes`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChangedKey {
    /// The key.
    pub key: Vec<u8>,
    /// What this change made of it. Later changes can follow.
    pub became: Became,
}

/// What has become of a key, in [`ChangedKey`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    /// It has got a value and a TTL.
    Stored,
    /// It has got another TTL, and has kept its value and its version.
    Touched,
    /// It has been deleted, taken or evicted, or has expired.
    Gone,
}

/// The maximum number of changes that a call of the map returns.
const MAX_CHANGED: usize = 4096;

impl TryFrom<changes::Told> for Changes {
    type Error = wasmtime::Error;

    /// # Errors
    ///
    /// Returns an error if the map returned more than the contract allows.
    fn try_from(told: changes::Told) -> wasmtime::Result<Self> {
        let changed = &told.changed;
        let is_too_long = |change: &changes::Changed| change.key.len() > MAX_KEY_LEN;
        if changed.len() > MAX_CHANGED || changed.iter().any(is_too_long) {
            wasmtime::bail!("the map contradicts its contract: drain returned too much");
        }
        Ok(Self {
            changed: told.changed.into_iter().map(Into::into).collect(),
            lost: told.lost,
            more: told.more,
            due_in: told.due_in.map(Duration::from_nanos),
        })
    }
}

impl From<changes::Changed> for ChangedKey {
    fn from(changed: changes::Changed) -> Self {
        Self {
            key: changed.key,
            became: match changed.became {
                changes::Became::Stored => Became::Stored,
                changes::Became::Touched => Became::Touched,
                changes::Became::Gone => Became::Gone,
            },
        }
    }
}

impl From<changes::Entry> for Entry {
    fn from(entry: changes::Entry) -> Self {
        Self {
            value: entry.value,
            version: entry.version,
            expires_in: entry.expires_in.map(Duration::from_nanos),
        }
    }
}
