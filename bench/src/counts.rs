//! Allocations and clock reads of a `get`, counted inside the sandbox.

use crate::guest::Guest;
use crate::report::{Report, Row};
use crate::{Options, subject};
use anyhow::Result;

const READS: u32 = 1_000_000;

/// The numbers of reads, allocations and clock reads.
type Counted = (u64, u64, u64);

pub(crate) fn run(_: &Options, report: &mut Report) -> Result<()> {
    let guest = Guest::load(&Guest::config(), "bench_counts.wasm")?;
    for (ttl, name) in [(false, "without TTL"), (true, "with TTL")] {
        let entries = 100_000;
        let (reads, allocations, clock_reads) = count(&guest, entries, ttl)?;
        for (value, what) in [(allocations, "allocations"), (clock_reads, "clock reads")] {
            report.add(Row {
                size: 64,
                entries: entries.into(),
                ..Row::new(
                    format!("{what} of {reads} gets {name}, half of them misses"),
                    subject::label(subject::OURS),
                    "count",
                    value as f64,
                )
            });
        }
    }
    Ok(())
}

fn count(guest: &Guest, entries: u32, ttl: bool) -> Result<Counted> {
    let mut store = guest.store()?;
    let instance = guest.linker.instantiate(&mut store, &guest.component)?;
    let count = instance.get_typed_func::<(u32, u32, bool), (Counted,)>(&mut store, "count")?;
    Ok(count.call(&mut store, (entries, READS / 2, ttl))?.0)
}
