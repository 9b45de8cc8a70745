//! What goes into a call and what comes back.

use std::{cell::Cell, marker::PhantomData, rc::Rc, time::Duration};

/// The longest key that every map takes, in bytes. The shortest has 1 byte. A host may let
/// its map take longer ones, up to 512 bytes (its `max-key`).
pub const MAX_KEY_LEN: usize = 128;

/// No map has a longer key, whatever its host says.
pub(crate) const LONGEST_KEY: usize = 512;

/// Names one stored value of one key.
///
/// A map has one counter for all of its keys and each value stored gets its next
/// number, so a version is never used twice, not after a delete or an expiry
/// either.
pub type Version = u64;

/// How long an entry is to live.
///
/// A [`Duration`] can be given wherever a TTL is asked for:
///
/// ```
/// # use localmap_client::Ttl;
/// # use std::time::Duration;
/// assert_eq!(Ttl::from(Duration::from_secs(30)), Ttl::After(Duration::from_secs(30)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ttl {
    /// As the map says: for ever, unless the host has configured a default.
    #[default]
    Default,
    /// Until it is deleted or the instance ends.
    Never,
    /// Gone when so much time has passed, counted from the call. Zero is
    /// [`Error::InvalidTtl`](crate::Error::InvalidTtl). The map counts in
    /// nanoseconds, and what is more than [`u64::MAX`] of them (584 years) is
    /// taken as that.
    After(Duration),
}

impl From<Duration> for Ttl {
    fn from(span: Duration) -> Self {
        Self::After(span)
    }
}

/// What must hold for a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The key is not there.
    Absent,
    /// The key is there.
    Present,
    /// The key is there and its value has this version.
    Version(Version),
}

/// A value and what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The value.
    pub value: Vec<u8>,
    /// The version of the value.
    pub version: Version,
    /// The time that is left, at least 1 nanosecond; `None`: it does not expire.
    pub expires_in: Option<Duration>,
}

/// An entry that a [scan](crate::LocalMap::scan) came by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scanned {
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// The version of the value.
    pub version: Version,
    /// The time that is left, at least 1 nanosecond; `None`: it does not expire.
    pub expires_in: Option<Duration>,
}

/// A part of a scan, made by [`scan_page`](crate::LocalMap::scan_page).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// What the page holds; may be empty although the scan goes on.
    pub entries: Vec<Scanned>,
    /// Where the next page starts; `None`: the scan is at its end.
    pub next: Option<u64>,
}

/// Makes a type neither `Send` nor `Sync`: a map belongs to its instance, which has
/// one thread.
pub(crate) type OneThread = PhantomData<Rc<Cell<()>>>;

/// Whole nanoseconds in 64 bits, as a map counts them; saturates.
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
