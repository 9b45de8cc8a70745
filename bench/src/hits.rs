//! Hit ratios, on real traces if they are available, and on keys drawn by Zipf's law.
//!
//! The traces are those of Caffeine's simulator: multi3, sprite, gli, loop and 2_pools, with
//! which LIRS was evaluated, and web07 from cache2k.
//!
//! A key that misses is set, with an empty value and no TTL. The figures of libCacheSim are
//! constants, measured once with the same traces. moka and quick_cache have the same capacity
//! as localmap, in entries, and their own policies.

use crate::Options;
use crate::curves::HITS_BY_CAPACITY;
use crate::report::{Report, Row};
use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use localmap_engine::{Limits, Map, Policy, Ttl};
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// The default folder of the traces, which are not in the repository.
pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/traces");

/// A trace, a capacity, and the hit ratios of libCacheSim for them: S3-FIFO and LRU.
const RUNS: [(&str, u64, f64, f64); 7] = [
    ("multi3", 1000, 51.4, 37.7),
    ("sprite", 500, 78.7, 78.3),
    ("gli", 1000, 44.3, 11.2),
    ("loop", 512, 45.5, 0.0),
    ("web07", 1000, 54.1, 50.4),
    ("web07", 5000, 63.7, 62.7),
    ("2_pools", 1000, 54.4, 54.4),
];

/// The capacities of a curve, as fractions of the number of distinct keys.
const PARTS: [f64; 6] = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    for &(trace, work) in HITS_BY_CAPACITY {
        let Some(keys) = keys(options, trace)? else {
            continue;
        };
        for (_, capacity, s3_fifo, lru) in RUNS.into_iter().filter(|run| run.0 == trace) {
            references(&keys, trace, capacity, (s3_fifo, lru), report)?;
        }
        curve(&keys, work, report)
            .with_context(|| format!("a map rejected a key of the trace {trace}"))?;
    }
    Ok(())
}

/// Returns the keys of a trace in order, or `None` if the trace is not available.
fn keys(options: &Options, trace: &str) -> Result<Option<Vec<String>>> {
    if trace == "zipf" {
        let drawn = bench_loops::zipf(100_000, 500_000, 0x5eed);
        return Ok(Some(drawn.into_iter().map(|key| key.to_string()).collect()));
    }
    let file = options.traces.join(format!("{trace}.keys.gz"));
    let Ok(file) = File::open(&file) else {
        eprintln!("  skipping {trace}: no file {}", file.display());
        return Ok(None);
    };
    let keys = BufReader::new(GzDecoder::new(file))
        .lines()
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("cannot read the trace {trace}"))?;
    Ok(Some(keys))
}

/// Adds rows for localmap and libCacheSim, at the capacities for which its figures are known.
fn references(
    keys: &[String],
    trace: &str,
    capacity: u64,
    (s3_fifo, lru): (f64, f64),
    report: &mut Report,
) -> Result<()> {
    for (policy, reference) in [(Policy::S3Fifo, s3_fifo), (Policy::Lru, lru)] {
        let ours = ours(keys, capacity, policy)
            .with_context(|| format!("a map rejected a key of the trace {trace}"))?;
        for (system, percent) in [("localmap", ours), ("libCacheSim", reference)] {
            report.add(Row {
                entries: capacity,
                ..Row::new(
                    format!("hit ratio, {trace}, {policy:?}"),
                    system.into(),
                    "percent",
                    percent,
                )
            });
        }
    }
    Ok(())
}

/// Adds rows for all systems at several capacities.
fn curve(keys: &[String], work: &str, report: &mut Report) -> Result<()> {
    let different = keys.iter().collect::<HashSet<_>>().len();
    for part in PARTS {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a part of a number of keys"
        )]
        let capacity = (different as f64 * part).round().max(1.0) as u64;
        for (system, percent) in [
            ("localmap, S3-FIFO", ours(keys, capacity, Policy::S3Fifo)?),
            ("localmap, LRU", ours(keys, capacity, Policy::Lru)?),
            ("moka (TinyLFU)", moka(keys, capacity)),
            ("quick_cache", quick_cache(keys, capacity)),
        ] {
            report.add(Row {
                entries: capacity,
                ..Row::new(work.into(), system.into(), "percent", percent)
            });
        }
    }
    Ok(())
}

/// Returns the hits in per cent. Each key that misses is set.
fn ours(keys: &[String], capacity: u64, policy: Policy) -> Result<f64, localmap_engine::Error> {
    let limits = Limits {
        max_entries: capacity,
        max_bytes: 1 << 30,
        policy,
        ..Limits::default()
    };
    let mut map = Map::new(|| 0, 42, limits);
    let mut hits = 0u32;
    for key in keys {
        if map.get(key.as_bytes()).is_some() {
            hits += 1;
        } else {
            map.set(key.as_bytes(), b"", Ttl::Never)?;
        }
    }
    Ok(percent(hits, keys))
}

fn moka(keys: &[String], capacity: u64) -> f64 {
    let cache = moka::sync::Cache::new(capacity);
    let mut hits = 0;
    for key in keys {
        if cache.get(key).is_some() {
            hits += 1;
        } else {
            cache.insert(key.clone(), ());
        }
        // Run deferred work now, so that no background thread lags behind.
        cache.run_pending_tasks();
    }
    percent(hits, keys)
}

fn quick_cache(keys: &[String], capacity: u64) -> f64 {
    let items = usize::try_from(capacity).unwrap_or(usize::MAX);
    let mut cache = quick_cache::unsync::Cache::new(items);
    let mut hits = 0;
    for key in keys {
        if cache.get(key).is_some() {
            hits += 1;
        } else {
            cache.insert(key.clone(), ());
        }
    }
    percent(hits, keys)
}

fn percent(hits: u32, keys: &[String]) -> f64 {
    100.0 * f64::from(hits) / keys.len() as f64
}
