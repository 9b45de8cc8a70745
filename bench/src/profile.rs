//! One loop for a while, to be looked at from outside: `perf record -g`, or
//! `valgrind --tool=callgrind` for what runs natively.

use crate::guest::Guest;
use crate::measure;
use crate::subject::{Place, Subject, System, Work};
use anyhow::{Context, Result, bail};
use localmap::wasmtime::ProfilingStrategy;

/// Runs what `WORK:PLACE:ENTRIES:SECONDS` says, such as `get:native:1000000:5`.
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
    let entries: u32 = entries.parse().context("a number of entries is expected")?;
    let seconds: u64 = seconds.parse().context("a number of seconds is expected")?;
    // `evict`: new keys in a map that is full.
    let (work, capacity) = match work {
        "get" => (Work::Get, 2 * entries),
        "set" => (Work::Overwrite, 2 * entries),
        "evict" => (Work::Insert, entries),
        other => bail!("expected `get`, `set` or `evict`, found `{other}`"),
    };

    let mut config = Guest::config();
    // So that perf knows the functions of the guest.
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
