//! A realistic cache load: keys drawn by Zipf's law with 0.99, nine reads to a write, all
//! entries with a TTL, and room for a tenth of the keys.
//!
//! Keys are drawn beforehand, and are the same for all systems. A read that misses is not followed
//! by a write. All systems start with each key set once, the most frequent last. localmap evicts
//! by S3-FIFO, the others by their own policies (moka: TinyLFU, quick_cache: a variant of
//! CLOCK-Pro), with the same capacity in entries. All read the system's clock; for quick_cache,
//! the caller compares deadlines. Systems without a limit are not included.

use crate::Options;
use crate::measure::{Times, nanos};
use crate::report::{Report, Row};
use crate::subject::{Place, Subject, System, Work, label};
use crate::ways::{Way, Ways};
use anyhow::{Result, ensure};
use bench_loops::{NONE, Plan};

const VALUE: u32 = 64;
const COST: &str = "mixed: Zipf 0.99, 90 % reads, TTL, at capacity";
const HITS: &str = "hit ratio of the mixed run";

const WAYS: [Way; 4] = [Way::Client, Way::InGuest, Way::Linked, Way::Host];

const NATIVE: [System; 5] = [
    System::OursSystemClock,
    System::Moka,
    System::MiniMoka,
    System::QuickSyncSystemClock,
    System::QuickUnsyncSystemClock,
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let (capacity, count, rounds) = if options.quick {
        (10_000, 20_000, 3)
    } else {
        (100_000, 100_000, 11)
    };
    let space = 10 * capacity;
    let ways = Ways::new(capacity)?;
    let plan = Plan {
        capacity: capacity as usize,
        value_len: VALUE as usize,
        ttl: true,
    };
    let mut subjects = Vec::new();
    for way in WAYS {
        subjects.push((way.label().to_owned(), ways.subject(way, plan)?));
    }
    for system in NATIVE {
        let name = label((Place::Native, system));
        subjects.push((name, Subject::native(system, plan)?));
    }
    for (name, subject) in &mut subjects {
        let stored = subject.run(Work::Draw, space)?;
        ensure!(stored == space, "{name} stored {stored} of {space}");
        // Warm up, until the policy has learned the frequent keys.
        subject.run(Work::Mixed, 5 * count)?;
    }
    let reads = count / 10 * 9;
    let mut found = vec![0u64; subjects.len()];
    let times = Times::take(subjects.len(), rounds, |at| {
        let (name, subject) = &mut subjects[at];
        let start = nanos();
        let hits = subject.run(Work::Mixed, count)?;
        let taken = (nanos() - start) as f64 / f64::from(count);
        ensure!(hits > 0 && hits != NONE, "{name} found nothing");
        found[at] += u64::from(hits);
        Ok(taken)
    })?;
    for ((name, _), median) in subjects.iter().zip(times.medians()) {
        report.add(Row::time(COST, VALUE, capacity, name.clone(), &median));
    }
    for ((name, _), found) in subjects.iter().zip(found) {
        let percent = 100.0 * found as f64 / (f64::from(reads) * f64::from(rounds));
        report.add(Row {
            size: VALUE,
            entries: capacity.into(),
            ..Row::new(HITS.into(), name.clone(), "percent", percent)
        });
    }
    Ok(())
}
