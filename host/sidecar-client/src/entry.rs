//! Entries, their versions and TTLs, conditions, and the pages of a scan.

use crate::nanos::nanos;
use bytes::Bytes;
use localmap_sidecar_proto as proto;
use std::time::Duration;

/// Identifies one stored value of one key.
///
/// A map has one counter for all of its keys, and each stored value gets the next number. A version
/// is never used twice while the sidecar runs and the map lives. A new map begins again: compare
/// versions of one map only.
pub type Version = u64;

/// The time to live of an entry.
///
/// ```
/// use localmap_sidecar_client::Ttl;
/// use std::time::Duration;
///
/// let minute = Duration::from_secs(60);
/// assert_eq!(Ttl::from(minute), Ttl::After(minute));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ttl {
    /// The default of the map: no expiry, unless the sidecar has been given one.
    #[default]
    Default,
    /// Until it is deleted or the map ends.
    Never,
    /// Until this much time has passed. Zero is rejected. More than 584 years count as 584 years.
    After(Duration),
}

impl From<Duration> for Ttl {
    /// Returns [`Ttl::After`].
    fn from(after: Duration) -> Self {
        Self::After(after)
    }
}

impl Ttl {
    /// Converts the TTL to the protocol, in which the default is unset.
    pub(crate) fn to_proto(self) -> Option<proto::Ttl> {
        let kind = match self {
            Self::Default => return None,
            Self::Never => proto::ttl::Kind::Never(true),
            Self::After(after) => proto::ttl::Kind::AfterNanos(nanos(after)),
        };
        Some(proto::Ttl { kind: Some(kind) })
    }
}

/// The condition of a conditional write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// The key is absent.
    Absent,
    /// The key is present.
    Present,
    /// The key is present and its value has this version.
    Version(Version),
}

impl Condition {
    /// Converts the condition to the protocol.
    pub(crate) fn to_proto(self) -> proto::Condition {
        let kind = match self {
            Self::Absent => proto::condition::Kind::Absent(true),
            Self::Present => proto::condition::Kind::Present(true),
            Self::Version(version) => proto::condition::Kind::Version(version),
        };
        proto::Condition { kind: Some(kind) }
    }
}

/// A value with its version and remaining time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The value. It may keep the buffer of the whole response in memory, so copy what you keep for
    /// long: [`Bytes::copy_from_slice`]. The values of a [`Mirror`](crate::Mirror) are copies
    /// already.
    pub value: Bytes,
    /// Its version.
    pub version: Version,
    /// The time until it expires, as of the moment when the sidecar read it, at least 1 ns; `None`
    /// if it does not expire.
    pub expires_in: Option<Duration>,
}

impl Entry {
    /// Creates an entry that was read from a mirror.
    pub(crate) fn new(value: Bytes, version: Version, expires_in: Option<Duration>) -> Self {
        Self {
            value,
            version,
            expires_in,
        }
    }
}

impl From<proto::Entry> for Entry {
    fn from(entry: proto::Entry) -> Self {
        Self {
            value: entry.value,
            version: entry.version,
            expires_in: entry.expires_in_nanos.map(Duration::from_nanos),
        }
    }
}

/// An entry that a scan found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scanned {
    /// The key.
    pub key: Bytes,
    /// The value with its version and remaining time.
    pub entry: Entry,
}

impl From<proto::Entry> for Scanned {
    fn from(entry: proto::Entry) -> Self {
        Self {
            key: entry.key.clone(),
            entry: entry.into(),
        }
    }
}

/// One page of a scan: see [`Scan`](crate::Scan).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Page {
    /// The entries of the page. It may be empty before the scan ends.
    pub entries: Vec<Scanned>,
    /// The cursor of the next page; `None` at the end of the scan.
    pub next: Option<u64>,
}

impl From<proto::ScanResponse> for Page {
    fn from(response: proto::ScanResponse) -> Self {
        Self {
            entries: response.entries.into_iter().map(Into::into).collect(),
            next: response.next,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_ttl_is_unset() {
        assert_eq!(Ttl::Default.to_proto(), None);
    }

    #[test]
    fn a_ttl_beyond_the_clock_is_its_end() {
        let after = Ttl::After(Duration::MAX)
            .to_proto()
            .and_then(|ttl| ttl.kind);
        assert_eq!(after, Some(proto::ttl::Kind::AfterNanos(u64::MAX)));
    }

    #[test]
    fn an_entry_without_expiry_has_none() {
        let entry = proto::Entry {
            key: "k".into(),
            value: "v".into(),
            version: 7,
            expires_in_nanos: None,
        };
        let scanned = Scanned::from(entry);
        assert_eq!(scanned.key, "k");
        assert_eq!(scanned.entry, Entry::new("v".into(), 7, None));
    }
}
