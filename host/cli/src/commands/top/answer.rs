//! The answers of an admin address, `/stats` and `/maps`, without the fields that `top` does not show.

use serde::Deserialize;

/// The two answers of a poll.
#[derive(Debug, Clone)]
pub(super) struct Sample {
    pub(super) stats: Stats,
    pub(super) maps: Maps,
}

/// The answer of `/stats`: sums over all maps. Counters only grow until the program is started again.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Stats {
    pub(super) version: String,
    /// When the program began to count: Unix time in milliseconds.
    pub(super) started_ms: u64,
    /// The time since then, in microseconds.
    pub(super) uptime_us: u64,
    /// The age of the numbers that the maps themselves count.
    #[serde(default)]
    pub(super) survey_age_ms: u64,
    #[serde(default)]
    pub(super) ready: bool,
    /// Whether operations and requests are counted.
    #[serde(default)]
    pub(super) metrics: bool,
    /// The upper bounds of the buckets of durations, in nanoseconds. One more bucket has none.
    #[serde(default)]
    pub(super) bounds_ns: Vec<u64>,
    #[serde(default)]
    pub(super) classes: Vec<Class>,
    #[serde(default)]
    pub(super) requests: Vec<Counted>,
    #[serde(default)]
    pub(super) host: Option<Host>,
}

/// The sums of the tenants of a class.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Class {
    pub(super) operations: Vec<Counted>,
    #[serde(flatten)]
    pub(super) counts: Counts,
}

/// Operations or requests of one kind.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Counted {
    pub(super) count: u64,
    /// Requests that failed.
    pub(super) failed: u64,
    /// The index of a bucket of durations, and its count.
    pub(super) buckets: Vec<(usize, u64)>,
}

/// What maps hold, and what they count themselves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Counts {
    pub(super) entries: u64,
    pub(super) bytes: u64,
    pub(super) payload: u64,
    pub(super) overhead: u64,
    pub(super) free: u64,
    pub(super) granted: u64,
    #[serde(flatten)]
    pub(super) counters: Counters,
}

/// What maps count. The counters of a map only grow.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Counters {
    pub(super) hits: u64,
    pub(super) misses: u64,
    pub(super) writes: u64,
    pub(super) expired: u64,
    pub(super) evicted: u64,
    pub(super) refused: u64,
    pub(super) rate_limited: u64,
}

/// The maps of the program.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(super) struct Host {
    pub(super) live: u64,
    pub(super) max_maps: u64,
    pub(super) waiting: u64,
    pub(super) refused: u64,
    pub(super) memory_denied: u64,
}

/// The answer of `/maps`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Maps {
    /// The number of rows that match the filter, which may be more than there are here.
    pub(super) matched: u64,
    pub(super) tenants: Vec<Row>,
}

/// A tenant, or a map that belongs to none.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Row {
    /// The bytes of the name.
    pub(super) name_hex: String,
    pub(super) class: String,
    /// `tenant`, or `map`.
    pub(super) kind: String,
    /// `None` if it is in use.
    pub(super) idle_ms: Option<u64>,
    #[serde(flatten)]
    pub(super) counts: Counts,
}

impl Stats {
    /// Returns when the maps were asked: microseconds since the program began to count.
    pub(super) fn surveyed_us(&self) -> u64 {
        let age = self.survey_age_ms.saturating_mul(1_000);
        self.uptime_us.saturating_sub(age)
    }

    /// Returns all operations, class by class.
    pub(super) fn operations(&self) -> impl Iterator<Item = &Counted> {
        self.classes.iter().flat_map(|class| &class.operations)
    }

    /// Returns the sums over all classes.
    pub(super) fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        for Class { counts, .. } in &self.classes {
            sum.entries = sum.entries.saturating_add(counts.entries);
            sum.bytes = sum.bytes.saturating_add(counts.bytes);
            sum.payload = sum.payload.saturating_add(counts.payload);
            sum.overhead = sum.overhead.saturating_add(counts.overhead);
            sum.free = sum.free.saturating_add(counts.free);
            sum.granted = sum.granted.saturating_add(counts.granted);
            let counters = sum.counters.combine(&counts.counters, |one, other| {
                Some(one.saturating_add(other))
            });
            sum.counters = counters.unwrap_or_default();
        }
        sum
    }
}

impl Counters {
    /// Returns by how much the counters have grown since `earlier`; `None` if one of them has shrunk,
    /// which means that they are those of another map.
    pub(super) fn since(&self, earlier: &Self) -> Option<Self> {
        self.combine(earlier, u64::checked_sub)
    }

    fn combine(&self, other: &Self, with: impl Fn(u64, u64) -> Option<u64>) -> Option<Self> {
        Some(Self {
            hits: with(self.hits, other.hits)?,
            misses: with(self.misses, other.misses)?,
            writes: with(self.writes, other.writes)?,
            expired: with(self.expired, other.expired)?,
            evicted: with(self.evicted, other.evicted)?,
            refused: with(self.refused, other.refused)?,
            rate_limited: with(self.rate_limited, other.rate_limited)?,
        })
    }

    /// Returns the number of reads and writes.
    pub(super) fn operations(&self) -> u64 {
        let reads = self.hits.saturating_add(self.misses);
        reads.saturating_add(self.writes)
    }

    /// Returns the share of hits among the reads; `None` if there were no reads.
    pub(super) fn hit_ratio(&self) -> Option<f64> {
        let reads = self.hits.saturating_add(self.misses);
        (reads > 0).then(|| self.hits as f64 / reads as f64)
    }
}

impl Row {
    /// Returns `true` if the row is a map that belongs to no tenant.
    pub(super) fn is_map(&self) -> bool {
        self.kind == "map"
    }
}
