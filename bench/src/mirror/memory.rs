//! The resident memory of a mirror of a large prefix, and of one that is written by hand. Each is in a process of
//! its own, whose growth is measured from before the list until a moment after it.

use super::by_hand::ByHand;
use super::{MANY, VALUE, open_at, runtime};
use crate::Options;
use crate::etcd::client_of;
use crate::process::resident_bytes;
use crate::report::{Report, Row};
use anyhow::{Context, Result, bail, ensure};
use localmap::Host;
use std::env;
use std::process::{Command, id};
use std::thread;
use std::time::Duration;

/// The systems, by the words that the processes are started with.
const SYSTEMS: [(&str, &str); 2] = [
    ("map", "localmap, mirror"),
    ("by-hand", "a HashMap under a lock, list and watch by hand"),
];

/// The time after which memory is read.
const MOMENT: Duration = Duration::from_millis(500);

pub(super) fn run(options: &Options, report: &mut Report, endpoint: &str) -> Result<()> {
    let rounds = if options.quick { 1 } else { 5 };
    let mut ours = None;
    for (word, system) in SYSTEMS {
        let bytes = (0..rounds).map(|_| in_process(word, endpoint));
        let bytes = bytes.collect::<Result<Vec<f64>>>()?;
        let bytes = crate::measure::quantile(&bytes, 0.5);
        let ours = *ours.get_or_insert(bytes);
        report.add(Row {
            size: VALUE,
            entries: MANY.into(),
            ratio: Some(bytes / ours),
            ..Row::new(
                "resident memory of a mirror".to_owned(),
                system.to_owned(),
                "bytes",
                bytes,
            )
        });
    }
    Ok(())
}

/// Returns the growth of a process with one mirror.
fn in_process(word: &str, endpoint: &str) -> Result<f64> {
    let program = env::current_exe().context("this program has no path")?;
    let output = Command::new(program)
        .args(["--mirror-memory", &format!("{word}={endpoint}")])
        .output()
        .context("this program cannot be started again")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "a process with a mirror has failed: {error}"
    );
    text.trim()
        .parse()
        .with_context(|| format!("`{text}` is no number"))
}

/// Does the work of such a process: prints by how much it grows.
pub(crate) fn grow(what: &str) -> Result<()> {
    let (word, endpoint) = what.split_once('=').context("expected WORD=ENDPOINT")?;
    let runtime = runtime()?;
    let host = Host::new()?;
    // What a client needs in any case.
    runtime.block_on(async {
        client_of(endpoint).await?.get("ready", None).await?;
        anyhow::Ok(())
    })?;
    let before = resident_bytes(id());
    let (entries, after) = match word {
        "map" => {
            let mirror = open_at(&host, endpoint)?;
            thread::sleep(MOMENT);
            (mirror.status().entries, resident_bytes(id()))
        }
        "by-hand" => runtime.block_on(async {
            let mirror = ByHand::open(endpoint).await?;
            tokio::time::sleep(MOMENT).await;
            anyhow::Ok((mirror.len() as u64, resident_bytes(id())))
        })?,
        _ => bail!("`{word}` is no mirror"),
    };
    ensure!(
        entries >= u64::from(MANY),
        "the mirror has {entries} entries"
    );
    println!("{}", after - before);
    Ok(())
}
