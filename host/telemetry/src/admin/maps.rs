//! The response of `/maps`: tenants with their statistics, sorted and paged.

use super::query::{Query, Sort};
use super::stats::MapCounts;
use crate::names::{Names, TenantId};
use crate::overview::{Overview, Row, RowName};
use serde::Serialize;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write;

/// A page of tenants.
#[derive(Serialize)]
pub(super) struct MapsBody<'a> {
    survey_age_ms: u64,
    total: usize,
    matched: usize,
    sort: &'static str,
    order: &'static str,
    offset: usize,
    next_offset: Option<usize>,
    tenants: Vec<TenantBody<'a>>,
}

/// A tenant, or a map that belongs to none.
#[derive(Serialize)]
struct TenantBody<'a> {
    name: Cow<'a, str>,
    name_hex: String,
    /// The number in probes and traces; 0 for maps of no tenant.
    id: u32,
    class: &'a str,
    kind: &'static str,
    idle_ms: Option<u64>,
    #[serde(flatten)]
    counts: MapCounts,
    granted: u64,
    rate_limited: u64,
    created: u64,
}

impl<'a> MapsBody<'a> {
    /// Selects the tenants that a query asks for.
    pub(super) fn new(
        overview: &'a Overview,
        survey_age_ms: u64,
        names: &Names,
        query: &Query,
    ) -> Self {
        let class = query.class.as_deref();
        let mut rows: Vec<&Row> = overview.rows.iter().collect();
        rows.retain(|row| {
            class.is_none_or(|class| row.class.as_bytes() == class) && query.matches_name(name(row))
        });
        rows.sort_unstable_by(|a, b| {
            let order = compare(query.sort, a, b);
            let order = if query.descending {
                order.reverse()
            } else {
                order
            };
            // So that each of them is on one page.
            order.then_with(|| name(a).cmp(name(b)))
        });
        let matched = rows.len();
        let page = rows.into_iter().skip(query.offset).take(query.limit);
        let tenants: Vec<_> = page.map(|row| TenantBody::new(row, names)).collect();
        let end = query.offset.saturating_add(tenants.len());
        Self {
            survey_age_ms,
            total: overview.rows.len(),
            matched,
            sort: query.sort.name(),
            order: if query.descending { "desc" } else { "asc" },
            offset: query.offset,
            next_offset: (end < matched).then_some(end),
            tenants,
        }
    }
}

impl<'a> TenantBody<'a> {
    fn new(row: &'a Row, names: &Names) -> Self {
        let (kind, id) = match &row.name {
            RowName::Tenant(name) => ("tenant", names.id(name.as_bytes())),
            RowName::Map(_) => ("map", TenantId::default()),
        };
        Self {
            name: String::from_utf8_lossy(name(row)),
            name_hex: hex(name(row)),
            id: id.0,
            class: &row.class,
            kind,
            idle_ms: row
                .idle
                .map(|idle| u64::try_from(idle.as_millis()).unwrap_or(u64::MAX)),
            counts: MapCounts::from(&row.stats),
            granted: row.granted,
            rate_limited: row.rate_limited,
            created: row.created,
        }
    }
}

fn name(row: &Row) -> &[u8] {
    match &row.name {
        RowName::Tenant(name) => name.as_bytes(),
        RowName::Map(name) => name.as_bytes(),
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Compares by what is sorted by. Equal ones are then sorted by name.
fn compare(sort: Sort, a: &Row, b: &Row) -> Ordering {
    let by = |value: fn(&Row) -> u64| value(a).cmp(&value(b));
    match sort {
        Sort::Name => name(a).cmp(name(b)),
        Sort::Class => a.class.cmp(&b.class),
        Sort::Idle => a.idle.cmp(&b.idle),
        Sort::HitRatio => hit_ratio(a).total_cmp(&hit_ratio(b)),
        Sort::Entries => by(|row| row.stats.entries),
        Sort::Bytes => by(|row| row.stats.bytes),
        Sort::Payload => by(|row| row.stats.payload),
        Sort::Overhead => by(|row| row.stats.overhead),
        Sort::Free => by(|row| row.stats.free),
        Sort::Pinned => by(|row| row.stats.pinned),
        Sort::HighWater => by(|row| row.stats.high_water),
        Sort::Granted => by(|row| row.granted),
        Sort::Hits => by(|row| row.stats.hits),
        Sort::Misses => by(|row| row.stats.misses),
        Sort::Writes => by(|row| row.stats.writes),
        Sort::Expired => by(|row| row.stats.expired),
        Sort::Evicted => by(|row| row.stats.evicted),
        Sort::Refused => by(|row| row.stats.refused),
        Sort::RateLimited => by(|row| row.rate_limited),
    }
}

/// Returns the part of reads that found their key; less than any of them if there was no read.
fn hit_ratio(row: &Row) -> f64 {
    let reads = row.stats.hits + row.stats.misses;
    if reads == 0 {
        -1.0
    } else {
        row.stats.hits as f64 / reads as f64
    }
}
