//! Runs one loop for a while under a profiler: `perf record -g`, or
//! `valgrind --tool=callgrind` for native code.

use crate::guest::Guest;
use crate::measure;
use crate::subject::{Place, Subject, System, Work};
use anyhow::{Context, Result, bail};
use localmap::wasmtime::ProfilingStrategy;

/// Runs the loop `WORK:PLACE:ENTRIES:SECONDS`, such as `get:native:1000000:5`.
pub(crate) fn run(what: &str) -> Result<()> {
    let parts: Vec<&str> = what.split(':').collect();
    let [work, place, entries, seconds] = parts[..] else {
        bail!("expected WORK:PLACE:ENTRIES:SECONDS, found `{what}`");
    };
    let place = match place {
        "native" => Place::Native,
        "sandbox" => Place::Sandbox,
        other => bail!("expected `native` or `sandbox`, found `{other}`"),
    };
    let entries: u32 = entries.parse().context("ENTRIES must be a number")?;
    let seconds: u64 = seconds.parse().context("SECONDS must be a number")?;
    // `evict` sets new keys in a full map.
    let (work, capacity) = match work {
        "get" => (Work::Get, 2 * entries),
        "set" => (Work::Overwrite, 2 * entries),
        "evict" => (Work::Insert, entries),
        other => bail!("expected `get`, `set` or `evict`, found `{other}`"),
    };

    let mut config = Guest::config();
    // Lets perf resolve the functions of the guest.
    config.profiler(ProfilingStrategy::PerfMap);
    let guest = Guest::load(&config, "bench_engine.wasm")?;
    let mut subject = Subject::new(&guest, (place, System::Ours), capacity, 64)?;
    subject.run(Work::Insert, entries)?;
    let (start, mut count) = (measure::nanos(), 0u64);
    while measure::nanos() - start < seconds * 1_000_000_000 {
        subject.run(work, 100_000)?;
        count += 100_000;
    }
    let nanos = (measure::nanos() - start) as f64 / count as f64;
    println!("{what}: {nanos:.1} ns");
    Ok(())
}
