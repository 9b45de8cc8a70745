//! Samples for tests, from the JSON that a server sends.

use super::answer::{Row, Sample};
use serde_json::{Value, json};

/// A sample that tests change. Times are in seconds.
pub(super) struct Example {
    pub(super) up: f64,
    pub(super) survey_age: f64,
    pub(super) started_ms: u64,
    pub(super) gets: u64,
    pub(super) requests: u64,
    pub(super) failed: u64,
    pub(super) hits: u64,
    pub(super) evicted: u64,
    pub(super) tenants: Vec<Value>,
}

impl Example {
    /// Returns a program that has been up for that long, and has done nothing.
    pub(super) fn up(up: f64) -> Self {
        Self {
            up,
            survey_age: 0.0,
            started_ms: 1,
            gets: 0,
            requests: 0,
            failed: 0,
            hits: 0,
            evicted: 0,
            tenants: Vec::new(),
        }
    }

    /// Adds a tenant.
    pub(super) fn tenant(mut self, name: &[u8], fields: &Value) -> Self {
        let hex: String = name.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut row = json!({
            "name": String::from_utf8_lossy(name), "name_hex": hex, "class": "gold", "kind": "tenant",
            "idle_ms": null, "entries": 0, "bytes": 0, "hits": 0, "misses": 0, "writes": 0,
            "evicted": 0, "refused": 0, "created": 1, "a field of the future": [],
        });
        for (field, value) in fields.as_object().into_iter().flatten() {
            row[field] = value.clone();
        }
        self.tenants.push(row);
        self
    }

    /// Returns the sample.
    pub(super) fn sample(&self) -> Sample {
        let stats = json!({
            "version": "0.1.0", "started_ms": self.started_ms, "uptime_us": self.up * 1e6,
            "survey_age_ms": self.survey_age * 1e3, "ready": true, "metrics": true,
            "tracing": false, "bounds_ns": [1_000, 2_000, 4_000],
            "classes": [{
                "name": "gold",
                "operations": [
                    {"kind": "get", "count": self.gets, "sum_ns": 1, "buckets": [[1, self.gets]]},
                ],
                "outcomes": {"hit": self.hits},
                "hits": self.hits, "misses": self.hits / 3, "writes": 1, "expired": 0,
                "evicted": self.evicted, "refused": 0, "rate_limited": 0,
                "entries": 12, "bytes": 3 << 20, "payload": 1 << 20, "overhead": 1 << 19,
                "free": 3 << 19, "pinned": 0, "high_water": 4 << 20, "tenants": 2,
                "granted": 4 << 20,
            }],
            "requests": [{
                "protocol": "http", "count": self.requests, "failed": self.failed, "sum_ns": 1,
                "buckets": [[2, self.requests]],
            }],
            "host": {"live": 2, "max_maps": 1_000, "waiting": 0, "refused": 0, "memory_denied": 0},
        });
        let stats = numbers(stats);
        let maps = json!({
            "survey_age_ms": 0, "total": self.tenants.len(), "matched": self.tenants.len(),
            "offset": 0, "next_offset": null, "tenants": self.tenants,
        });
        Sample {
            stats: serde_json::from_value(stats).expect("stats"),
            maps: serde_json::from_value(maps).expect("maps"),
        }
    }
}

/// Makes whole numbers of the times, as the server has them.
fn numbers(mut stats: Value) -> Value {
    for field in ["uptime_us", "survey_age_ms"] {
        let time = stats[field].as_f64().unwrap_or_default();
        stats[field] = format!("{time:.0}")
            .parse::<u64>()
            .unwrap_or_default()
            .into();
    }
    stats
}

/// Returns the names of rows.
pub(super) fn names_of(rows: &[&Row]) -> Vec<String> {
    let names = rows.iter().map(|row| super::names::shown(&row.name_hex));
    names.collect()
}
