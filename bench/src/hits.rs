//! Hit ratios on real traces.

use crate::Options;
use crate::report::{Report, Row};
use anyhow::{Context, Result};
use flate2::read::GzDecoder;
use localmap_engine::{Limits, Map, Policy, Ttl};
use std::fs::File;
use std::io::{BufRead, BufReader};

/// Where the traces lie unless the options tell: not in the repository.
pub(crate) const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/data/traces");

/// A trace, a capacity, and the hit ratios of libCacheSim there: S3-FIFO and LRU.
const RUNS: [(&str, u64, f64, f64); 7] = [
    ("multi3", 1000, 51.4, 37.7),
    ("sprite", 500, 78.7, 78.3),
    ("gli", 1000, 44.3, 11.2),
    ("loop", 512, 45.5, 0.0),
    ("web07", 1000, 54.1, 50.4),
    ("web07", 5000, 63.7, 62.7),
    ("2_pools", 1000, 54.4, 54.4),
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    for (trace, capacity, s3_fifo, lru) in RUNS {
        let file = options.traces.join(format!("{trace}.keys.gz"));
        let Ok(file) = File::open(&file) else {
            eprintln!("  {trace} is skipped: there is no {}", file.display());
            continue;
        };
        let keys = BufReader::new(GzDecoder::new(file))
            .lines()
            .collect::<Result<Vec<_>, _>>()
            .with_context(|| format!("{trace} cannot be read"))?;
        for (policy, reference) in [(Policy::S3Fifo, s3_fifo), (Policy::Lru, lru)] {
            let ours =
                replay(&keys, capacity, policy).with_context(|| format!("{trace} is refused"))?;
            for (system, percent) in [("ours", ours), ("libCacheSim", reference)] {
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
    }
    Ok(())
}

/// The hits in per cent where each key that is not there is set.
fn replay(keys: &[String], capacity: u64, policy: Policy) -> Result<f64, localmap_engine::Error> {
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
    Ok(100.0 * f64::from(hits) / keys.len() as f64)
}
