//! The statistics of a map.

use localmap_sidecar_proto::StatsResponse;

/// The statistics of a tenant's map: counts since it was created, and the use of its memory. See
/// [`Tenant::stats`](crate::Tenant::stats).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Stats {
    /// Entries that have not expired.
    pub entries: u64,
    /// Bytes of memory that the map holds: the sum of `payload`, `overhead` and `free`.
    pub bytes: u64,
    /// Bytes of the current keys and values.
    pub payload: u64,
    /// Additional bytes: headers, rounding and tables.
    pub overhead: u64,
    /// Bytes held for future entries.
    pub free: u64,
    /// The highest value that `bytes` has had.
    pub high_water: u64,
    /// Reads that found their key.
    pub hits: u64,
    /// Reads that did not.
    pub misses: u64,
    /// Values stored.
    pub writes: u64,
    /// Expired entries whose memory has been reclaimed.
    pub expired: u64,
    /// Unexpired entries that the policy removed to make room.
    pub evicted: u64,
    /// Calls that were rejected because the map was full.
    pub refused: u64,
    /// The class of the tenant.
    pub class: String,
    /// The epoch of the map, which identifies it; `None` if it is not mirrored.
    pub epoch: Option<u64>,
    /// The number of its changes; `None` if it is not mirrored.
    pub revision: Option<u64>,
    /// Open mirrors.
    pub mirrors: u32,
    /// Entries that mirrors have not accepted.
    pub refused_by_mirrors: u64,
}

impl From<StatsResponse> for Stats {
    fn from(stats: StatsResponse) -> Self {
        Self {
            entries: stats.entries,
            bytes: stats.bytes,
            payload: stats.payload,
            overhead: stats.overhead,
            free: stats.free,
            high_water: stats.high_water,
            hits: stats.hits,
            misses: stats.misses,
            writes: stats.writes,
            expired: stats.expired,
            evicted: stats.evicted,
            refused: stats.refused,
            class: stats.class,
            epoch: stats.epoch,
            revision: stats.revision,
            mirrors: stats.mirrors,
            refused_by_mirrors: stats.refused_by_mirrors,
        }
    }
}
