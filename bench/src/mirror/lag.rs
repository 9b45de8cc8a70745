//! The time from the answer of etcd to a write until the mirror shows it, next to the time of the write
//! itself, while another connection makes 2,000 puts a second.

use super::{ENTRIES, VALUE, key, open, runtime};
use crate::Options;
use crate::etcd::Etcd;
use crate::measure::{quantile, wall};
use crate::report::{Report, Row};
use anyhow::{Context, Result, anyhow};
use localmap::Host;
use localmap_mirror::MirrorReader;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// In each tick of 4 ms, this number of other keys is put, at the same time.
const TICK: Duration = Duration::from_millis(4);
const OTHERS: u32 = 8;

/// The time between two writes that are observed.
const OBSERVED: Duration = Duration::from_millis(5);

/// The times of the observed writes, in nanoseconds.
#[derive(Default)]
struct Observed {
    /// From the request to the answer of etcd.
    put: Vec<f64>,
    /// From that answer until the mirror shows the value.
    visible: Vec<f64>,
}

pub(super) fn run(options: &Options, report: &mut Report, etcd: &Etcd) -> Result<()> {
    let time = Duration::from_secs(if options.quick { 2 } else { 15 });
    let host = Host::new()?;
    let mirror = open(&host, etcd)?;
    let stop = AtomicBool::new(false);
    let observed = thread::scope(|scope| {
        let others = scope.spawn(|| runtime()?.block_on(others(etcd, &stop)));
        let observed = runtime()?.block_on(observe(etcd, &mirror.reader(), time));
        stop.store(true, Ordering::Relaxed);
        let puts = others
            .join()
            .map_err(|_| anyhow!("a thread has panicked"))??;
        eprintln!("  {} other puts a second", puts / time.as_secs());
        observed
    })?;
    let median = quantile(&observed.put, 0.5);
    let mut add = |work: &str, system: &str, nanos: f64| {
        report.add(Row {
            size: VALUE,
            entries: ENTRIES.into(),
            ratio: Some(nanos / median),
            ..Row::new(work.to_owned(), system.to_owned(), "ns", nanos)
        });
    };
    const WORK: &str = "a put next to 2,000 others a second";
    add(WORK, "etcd: put answered, median", median);
    add(
        WORK,
        "etcd: put answered, 99th percentile",
        quantile(&observed.put, 0.99),
    );
    add(
        WORK,
        "localmap: visible after that, median",
        quantile(&observed.visible, 0.5),
    );
    add(
        WORK,
        "localmap: visible after that, 99th percentile",
        quantile(&observed.visible, 0.99),
    );
    Ok(())
}

/// Makes puts until it is stopped. Returns their number.
async fn others(etcd: &Etcd, stop: &AtomicBool) -> Result<u64> {
    let client = etcd.client().await?;
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut puts = 0;
    while !stop.load(Ordering::Relaxed) {
        ticks.tick().await;
        let several = (0..OTHERS).map(|_| {
            puts += 1;
            let mut client = client.clone();
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it is below the number of entries"
            )]
            let key = key((puts * 7 % u64::from(ENTRIES)) as u32);
            tokio::spawn(async move { client.put(key, [7; VALUE as usize], None).await })
        });
        let several: Vec<_> = several.collect();
        for put in several {
            put.await??;
        }
    }
    Ok(puts)
}

async fn observe(etcd: &Etcd, reader: &MirrorReader, time: Duration) -> Result<Observed> {
    let mut client = etcd.client().await?;
    let mut observed = Observed::default();
    let mut ticks = interval(OBSERVED);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let end = wall() + u64::try_from(time.as_nanos())?;
    while wall() < end {
        ticks.tick().await;
        let sent = wall();
        let put = client.put(key(0), [9; VALUE as usize], None).await?;
        let answered = wall();
        let revision = put
            .header()
            .context("an answer without a revision")?
            .revision();
        reader.changed(u64::try_from(revision)?).await?;
        observed.put.push((answered - sent) as f64);
        observed.visible.push((wall() - answered) as f64);
    }
    Ok(observed)
}
