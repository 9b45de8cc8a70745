//! A lock in etcd next to one put, and next to etcd's own locks, which are for writers alone.

use super::{KEYS, guard};
use crate::Options;
use crate::etcd::Etcd;
use crate::measure::{Times, on_all_cores, wall};
use crate::report::{Report, Row};
use anyhow::{Context, Result, ensure};
use etcd_client::{Client, LockOptions};
use localmap_lease::{EtcdLockOptions, LockLimits, Locks, Mode};
use std::hint::black_box;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::time::timeout;

/// Where the locks are.
const FOLDER: &str = "/bench-locks/";

const SYSTEMS: [&str; 6] = [
    "etcd, put",
    "etcd, put and delete",
    "localmap, write lock, another key each time",
    "localmap, write lock, the same key each time",
    "localmap, read lock, another key each time",
    "etcd, its own lock and unlock, another key each time",
];

pub(super) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let Some(etcd) = on_all_cores(Etcd::start)? else {
        let (work, system) = (
            "acquire and release".to_owned(),
            "etcd: not installed".to_owned(),
        );
        report.add(Row::new(work, system, "ns", f64::NAN));
        return Ok(());
    };
    on_all_cores(|| measure(options, report, &etcd))
}

fn measure(options: &Options, report: &mut Report, etcd: &Etcd) -> Result<()> {
    let count = if options.quick { 100 } else { 1_000 };
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let times = runtime.block_on(async {
        let mut client = etcd.client().await?;
        let lease = client.lease_grant(600, None).await?.id();
        let folder = EtcdLockOptions::new([etcd.endpoint()], FOLDER);
        let locks = Locks::etcd(folder.ttl(Duration::from_secs(600)), LockLimits::default())?;
        timeout(Duration::from_secs(10), locks.ready())
            .await
            .context("there is no lease in time")?;
        let mut times = vec![Vec::new(); SYSTEMS.len()];
        for round in 0..options.rounds() as usize {
            for turn in 0..SYSTEMS.len() {
                let system = (turn + round) % SYSTEMS.len();
                let start = wall();
                for number in 0..count {
                    one(system, number % KEYS, &locks, &mut client, lease).await?;
                }
                times[system].push((wall() - start) as f64 / count as f64);
                // What is released in the background is not in the way of the next system.
                settle(&mut client).await?;
            }
        }
        locks.end().await;
        anyhow::Ok(Times::of(times))
    })?;
    for (system, median) in SYSTEMS.into_iter().zip(times.medians()) {
        let work = "acquire and release in etcd, from the request to the next";
        report.add(Row::time(work, 0, 0, system.into(), &median));
    }
    // The guard of the layer does nothing else than that.
    black_box(guard()?);
    Ok(())
}

async fn one(
    system: usize,
    number: usize,
    locks: &Locks,
    client: &mut Client,
    lease: i64,
) -> Result<()> {
    let key = match system {
        3 => "the-same".to_owned(),
        _ => format!("key-{number:08}"),
    };
    match system {
        0 => {
            client
                .put(format!("/bench-puts/{key}"), "owner", None)
                .await?;
        }
        1 => {
            let key = format!("/bench-puts/{key}");
            client.put(key.as_str(), "owner", None).await?;
            client.delete(key, None).await?;
        }
        5 => {
            let options = LockOptions::new().with_lease(lease);
            let locked = client
                .lock(format!("/bench-own/{key}"), Some(options))
                .await?;
            client.unlock(locked.key()).await?;
        }
        system => {
            let mode = if system == 4 { Mode::Read } else { Mode::Write };
            let hold = locks.acquire(&key, mode, Duration::from_secs(10)).await?;
            hold.check()?;
        }
    }
    Ok(())
}

/// Waits until no lock is left.
async fn settle(client: &mut Client) -> Result<()> {
    for _ in 0..1_000 {
        let options = etcd_client::GetOptions::new()
            .with_prefix()
            .with_count_only();
        // The key of the session stays.
        if client.get(FOLDER, Some(options)).await?.count() <= 1 {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    ensure!(false, "locks are not released");
    Ok(())
}
