//! The response of `/stats`: sums and durations of each class, for clients that compute rates.

use crate::metrics::class::ClassMetrics;
use crate::metrics::durations::{BOUNDS_NS, Durations};
use crate::metrics::outcome::OUTCOME_NAMES;
use crate::metrics::requests::RequestCounts;
use crate::overview::{ClassView, Overview};
use crate::telemetry::Telemetry;
use localmap::{HostStats, Stats};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

/// All sums.
#[derive(Serialize)]
pub(super) struct StatsBody<'a> {
    version: &'static str,
    started_ms: u64,
    uptime_us: u64,
    survey_age_ms: u64,
    ready: bool,
    metrics: bool,
    tracing: bool,
    bounds_ns: &'static [u64],
    classes: Vec<ClassBody<'a>>,
    requests: Vec<RequestBody>,
    host: Option<HostBody>,
}

#[derive(Serialize)]
struct ClassBody<'a> {
    name: &'a str,
    operations: Vec<OperationBody>,
    outcomes: BTreeMap<&'static str, u64>,
    #[serde(flatten)]
    counts: MapCounts,
    tenants: u32,
    granted: u64,
    tenants_created: u64,
    tenants_refused: u64,
    tenants_dropped: BTreeMap<&'static str, u64>,
    rate_limited: u64,
}

#[derive(Serialize)]
struct OperationBody {
    kind: &'static str,
    #[serde(flatten)]
    durations: DurationsBody,
}

#[derive(Serialize)]
struct RequestBody {
    protocol: &'static str,
    method: &'static str,
    failed: u64,
    #[serde(flatten)]
    durations: DurationsBody,
}

/// A histogram: the number of a bucket, and its count, for those that are not empty.
#[derive(Serialize)]
struct DurationsBody {
    count: u64,
    sum_ns: u64,
    buckets: Vec<(usize, u64)>,
}

/// The statistics of maps.
#[derive(Serialize)]
pub(super) struct MapCounts {
    entries: u64,
    bytes: u64,
    payload: u64,
    overhead: u64,
    free: u64,
    pinned: u64,
    high_water: u64,
    hits: u64,
    misses: u64,
    writes: u64,
    expired: u64,
    evicted: u64,
    refused: u64,
}

#[derive(Serialize)]
struct HostBody {
    live: u32,
    max_maps: u32,
    waiting: u32,
    created: u64,
    refused: u64,
    memory_denied: u64,
    epochs: u64,
    ended: BTreeMap<&'static str, u64>,
}

impl<'a> StatsBody<'a> {
    /// Reads the counts of operations and requests, and the rest from the survey.
    pub(super) fn new(telemetry: &Telemetry, overview: &'a Overview) -> Self {
        let shared = &telemetry.shared;
        let now = shared.now();
        let started = shared.clock.started_at().duration_since(UNIX_EPOCH);
        let metrics = shared.metrics.classes();
        let class = |class| ClassBody::new(class, &metrics);
        let requests = shared.metrics.requests.read();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            started_ms: started.map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(0)),
            uptime_us: now / 1_000,
            survey_age_ms: age_ms(now, overview),
            ready: telemetry.is_ready(),
            metrics: shared.options.metrics,
            tracing: telemetry.keeps_spans(),
            bounds_ns: &BOUNDS_NS,
            classes: overview.classes.iter().map(class).collect(),
            requests: requests.into_iter().map(RequestBody::from).collect(),
            host: overview.host.as_ref().map(HostBody::from),
        }
    }
}

/// Returns the age of a survey in milliseconds.
pub(super) fn age_ms(now: u64, overview: &Overview) -> u64 {
    now.saturating_sub(overview.taken) / 1_000_000
}

impl<'a> ClassBody<'a> {
    fn new(view: &'a ClassView, metrics: &[(Arc<str>, Arc<ClassMetrics>)]) -> Self {
        let counted = metrics.iter().find(|(name, _)| *name == view.name);
        let counted = counted.map(|(_, metrics)| metrics.read());
        let counted = counted.unwrap_or_default();
        let mut outcomes = BTreeMap::new();
        for operation in &counted {
            for (name, count) in OUTCOME_NAMES.into_iter().zip(operation.outcomes) {
                if count > 0 {
                    *outcomes.entry(name).or_default() += count;
                }
            }
        }
        let operations = counted.into_iter().map(|operation| OperationBody {
            kind: operation.operation.name(),
            durations: operation.duration.into(),
        });
        Self {
            name: &view.name,
            operations: operations.collect(),
            outcomes,
            counts: (&view.stats).into(),
            tenants: view.tenants,
            granted: view.granted,
            tenants_created: view.created,
            tenants_refused: view.refused,
            tenants_dropped: view.dropped.into_iter().collect(),
            rate_limited: view.rate_limited,
        }
    }
}

impl From<RequestCounts> for RequestBody {
    fn from(counts: RequestCounts) -> Self {
        Self {
            protocol: counts.protocol,
            method: counts.method,
            failed: counts.failed(),
            durations: counts.duration.into(),
        }
    }
}

impl From<Durations> for DurationsBody {
    fn from(durations: Durations) -> Self {
        let buckets = durations.buckets.into_iter().enumerate();
        Self {
            count: durations.count,
            sum_ns: durations.sum_ns,
            buckets: buckets.filter(|(_, count)| *count > 0).collect(),
        }
    }
}

impl From<&Stats> for MapCounts {
    fn from(stats: &Stats) -> Self {
        Self {
            entries: stats.entries,
            bytes: stats.bytes,
            payload: stats.payload,
            overhead: stats.overhead,
            free: stats.free,
            pinned: stats.pinned,
            high_water: stats.high_water,
            hits: stats.hits,
            misses: stats.misses,
            writes: stats.writes,
            expired: stats.expired,
            evicted: stats.evicted,
            refused: stats.refused,
        }
    }
}

impl From<&HostStats> for HostBody {
    fn from(stats: &HostStats) -> Self {
        Self {
            live: stats.live,
            max_maps: stats.max_maps,
            waiting: stats.waiting,
            created: stats.created,
            refused: stats.refused,
            memory_denied: stats.memory_denied,
            epochs: stats.epochs,
            ended: stats.ended.by_cause().into_iter().collect(),
        }
    }
}
