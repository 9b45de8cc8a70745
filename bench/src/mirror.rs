//! A mirror of etcd next to requests to that etcd, which runs on this machine: reads, the time until a write
//! is visible, the list of a large prefix, and memory.
//!
//! etcd has one node, and does not wait for the disk (`--unsafe-no-fsync`, if it knows that), as nothing
//! here is about the disk. All times are wall-clock times. Clients and etcd share all cores.

mod by_hand;
mod guest;
mod lag;
pub(crate) mod memory;

use crate::Options;
use crate::etcd::Etcd;
use crate::measure::{Times, on_all_cores, wall};
use crate::report::{Report, Row};
use anyhow::{Context, Result, ensure};
use etcd_client::{Client, PutOptions, Txn, TxnOp};
use guest::Guest;
use localmap::Host;
use localmap_mirror::{EtcdOptions, Mirror, MirrorOptions, MirrorReader, MirrorSnapshot};
use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// The prefix of all keys.
const PREFIX: &str = "/bench/";

/// Key and value have 72 bytes together, without the prefix.
const KEY: usize = 8;
const VALUE: u32 = 64;

/// The entries of most works, and those of a large prefix.
const ENTRIES: u32 = 1_000;
const MANY: u32 = 100_000;

/// The longest time for which a mirror is waited for.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let Some(etcd) = on_all_cores(Etcd::start)? else {
        let system = "etcd: not installed".to_owned();
        report.add(Row::new("read of a key".to_owned(), system, "ns", f64::NAN));
        return Ok(());
    };
    on_all_cores(|| {
        let runtime = runtime()?;
        let mut client = runtime.block_on(etcd.client())?;
        runtime.block_on(fill(&mut client, 0..ENTRIES))?;
        reads(options, report, &etcd, &runtime, &mut client)?;
        lag::run(options, report, &etcd)?;
        runtime.block_on(fill(&mut client, 0..MANY))?;
        lists(options, report, &etcd)?;
        memory::run(options, report, etcd.endpoint())
    })
}

fn runtime() -> Result<Runtime> {
    let runtime = Builder::new_current_thread().enable_all().build();
    runtime.context("no runtime")
}

/// Returns a key without the prefix.
fn name(number: u32) -> String {
    format!("{number:0KEY$}")
}

fn key(number: u32) -> String {
    format!("{PREFIX}{}", name(number))
}

/// Stores entries with these numbers.
async fn fill(client: &mut Client, numbers: std::ops::Range<u32>) -> Result<()> {
    let numbers: Vec<u32> = numbers.collect();
    for numbers in numbers.chunks(128) {
        let put = |number: &u32| TxnOp::put(key(*number), [7; VALUE as usize], None::<PutOptions>);
        let puts: Vec<TxnOp> = numbers.iter().map(put).collect();
        client.txn(Txn::new().and_then(puts)).await?;
    }
    Ok(())
}

/// Opens a mirror, and waits until it can be read.
fn open(host: &Host, etcd: &Etcd) -> Result<Mirror> {
    open_at(host, etcd.endpoint())
}

fn open_at(host: &Host, endpoint: &str) -> Result<Mirror> {
    let etcd = EtcdOptions::new([endpoint], PREFIX);
    let mirror = Mirror::open(host, etcd, MirrorOptions::new())?;
    mirror.ready(PATIENCE).context("there is no copy in time")?;
    Ok(mirror)
}

fn reads(
    options: &Options,
    report: &mut Report,
    etcd: &Etcd,
    runtime: &Runtime,
    client: &mut Client,
) -> Result<()> {
    let host = Host::new()?;
    let mirror = open(&host, etcd)?;
    let reader = mirror.reader();
    let snapshot = mirror.snapshot()?;
    let mut guest = Guest::new(mirror.reader())?;
    let systems = [
        "localmap, mirror",
        "localmap, mirror, value in place",
        "localmap, snapshot of a mirror, value in place",
        "localmap, mirror, by a guest",
        "etcd, linearizable read",
        "etcd, serializable read",
    ];
    let (local, remote) = if options.quick {
        (10_000, 200)
    } else {
        (200_000, 1_000)
    };
    let times = Times::take(systems.len(), options.rounds(), |system| match system {
        0 => local_reads(local, |name| found(&reader, name)),
        1 => local_reads(local, |name| in_place(&reader, name)),
        2 => local_reads(local, |name| in_snapshot(&snapshot, name)),
        3 => {
            let start = wall();
            guest.read(local)?;
            Ok((wall() - start) as f64 / f64::from(local))
        }
        _ => runtime.block_on(remote_reads(client, remote, system == 5)),
    })?;
    for (system, median) in systems.into_iter().zip(times.medians()) {
        report.add(Row::time(
            "read of a key",
            VALUE,
            ENTRIES,
            system.into(),
            &median,
        ));
    }
    Ok(())
}

fn found(reader: &MirrorReader, name: &str) -> Result<bool> {
    Ok(black_box(reader.get(name)?).found.is_some())
}

fn in_place(reader: &MirrorReader, name: &str) -> Result<bool> {
    let read = reader.get_with(name, |entry| {
        entry.map(|entry| black_box(entry.value.len()))
    })?;
    Ok(read.found.is_some())
}

fn in_snapshot(snapshot: &MirrorSnapshot, name: &str) -> Result<bool> {
    let read = snapshot.get_with(name, |entry| {
        entry.map(|entry| black_box(entry.value.len()))
    })?;
    Ok(read.found.is_some())
}

/// Returns the nanoseconds of one read.
fn local_reads(count: u32, read: impl Fn(&str) -> Result<bool>) -> Result<f64> {
    let names: Vec<String> = (0..ENTRIES).map(name).collect();
    let start = wall();
    for name in names.iter().cycle().take(count as usize) {
        ensure!(read(name)?, "{name} is missing");
    }
    Ok((wall() - start) as f64 / f64::from(count))
}

async fn remote_reads(client: &mut Client, count: u32, serializable: bool) -> Result<f64> {
    let options = serializable.then(|| etcd_client::GetOptions::new().with_serializable());
    let start = wall();
    for number in 0..count {
        let read = client.get(key(number % ENTRIES), options.clone()).await?;
        ensure!(!read.kvs().is_empty(), "a key is missing");
    }
    Ok((wall() - start) as f64 / f64::from(count))
}

/// Compares the list of a new mirror with the program of etcd for that.
fn lists(options: &Options, report: &mut Report, etcd: &Etcd) -> Result<()> {
    let host = Host::new()?;
    // The map is compiled and its code is read before.
    drop(open(&host, etcd)?);
    let systems = ["localmap, a new mirror", "etcdctl get --prefix > /dev/null"];
    let rounds = if options.quick { 3 } else { 11 };
    let times = Times::take(systems.len(), rounds, |system| {
        let start = wall();
        match system {
            0 => {
                let mirror = open(&host, etcd)?;
                let nanos = (wall() - start) as f64;
                let entries = mirror.status().entries;
                ensure!(entries == u64::from(MANY), "{entries} entries");
                Ok(nanos)
            }
            _ => {
                let mut command = Command::new("etcdctl");
                let listed = command
                    .env("ETCDCTL_API", "3")
                    .args(["--endpoints", etcd.endpoint(), "get", "--prefix", PREFIX])
                    .stdout(Stdio::null())
                    .status()
                    .context("etcdctl cannot be started")?;
                ensure!(listed.success(), "etcdctl has failed");
                anyhow::Ok((wall() - start) as f64)
            }
        }
    })?;
    for (system, median) in systems.into_iter().zip(times.medians()) {
        report.add(Row::time(
            "list of a prefix",
            VALUE,
            MANY,
            system.into(),
            &median,
        ));
    }
    Ok(())
}
