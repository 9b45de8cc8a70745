//! The arguments and results of operations.

use std::{cell::Cell, marker::PhantomData, rc::Rc, time::Duration};

/// The maximum length of a key in bytes, by default. The minimum is 1 byte.
///
/// The host's `max-key` can set another limit, up to [`MAX_KEY_LEN`].
pub const DEFAULT_MAX_KEY_LEN: usize = 128;

/// The maximum length of a key in bytes that `max-key` can allow.
pub const MAX_KEY_LEN: usize = 512;

/// Identifies one stored value of one key.
///
/// A map has one counter for all of its keys, and each stored value gets the next number.
/// A version is never used twice, not even after a delete or an expiry.
pub type Version = u64;

/// The time to live of an entry.
///
/// Operations that take a TTL accept a [`Duration`] as well:
///
/// ```
/// # use localmap_client::Ttl;
/// # use std::time::Duration;
/// assert_eq!(Ttl::from(Duration::from_secs(30)), Ttl::After(Duration::from_secs(30)));
/// assert_eq!(Ttl::from(None), Ttl::Never); // as in `Entry::expires_in`
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Ttl {
    /// The map's default: no expiry, unless the host configured a default TTL.
    #[default]
    Default,
    /// Until it is deleted or the instance ends.
    Never,
    /// Until this much time has passed, counted from the call. Zero is
    /// [`Error::InvalidTtl`](crate::Error::InvalidTtl). The map counts in nanoseconds; a
    /// longer span than [`u64::MAX`] nanoseconds (584 years) is treated as that maximum.
    After(Duration),
}

/// Converts to [`Ttl::After`].
impl From<Duration> for Ttl {
    fn from(span: Duration) -> Self {
        Self::After(span)
    }
}

/// Converts [`Entry::expires_in`]: `None` becomes [`Ttl::Never`]. If you write a value back with
/// the result, the entry keeps its remaining time.
impl From<Option<Duration>> for Ttl {
    fn from(left: Option<Duration>) -> Self {
        left.map_or(Self::Never, Self::After)
    }
}

/// The condition of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// The key is absent.
    Absent,
    /// The key is present.
    Present,
    /// The key is present and its value has this version.
    Version(Version),
}

/// A value with its version and remaining time.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Entry {
    /// The value.
    pub value: Vec<u8>,
    /// The version of the value.
    pub version: Version,
    /// The time until it expires, at least 1 nanosecond; `None` if it does not expire.
    pub expires_in: Option<Duration>,
}

/// An entry that a [scan](crate::LocalMap::scan) found.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scanned {
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// The version of the value.
    pub version: Version,
    /// The time until it expires, at least 1 nanosecond; `None` if it does not expire.
    pub expires_in: Option<Duration>,
}

/// One page of a scan, returned by [`scan_page`](crate::LocalMap::scan_page).
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Page {
    /// The entries of the page. May be empty before the scan ends.
    pub entries: Vec<Scanned>,
    /// The cursor of the next page; `None` at the end of the scan.
    pub next: Option<u64>,
}

/// Makes a type neither `Send` nor `Sync`: a map belongs to its instance, which has one
/// thread.
pub(crate) type OneThread = PhantomData<Rc<Cell<()>>>;

/// Converts to whole nanoseconds in 64 bits, as a map counts them. Saturates.
pub(crate) fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
