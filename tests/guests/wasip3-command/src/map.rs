//! The map, by one task and by many at a time.

use std::time::Duration;

use localmap_client::{Error, LocalMap, Ttl};
use wasip3::clocks::monotonic_clock;

use crate::streams::{Lines, say};
use crate::{Outcome, all};

pub(crate) async fn get(key: &str) -> Outcome {
    match LocalMap::new().get(key) {
        Some(value) => say(value.escape_ascii()).await,
        None => say("(absent)").await,
    }
}

pub(crate) fn set(key: &str, value: &str) -> Outcome {
    LocalMap::new().set(key, value, Ttl::Never)?;
    Ok(())
}

pub(crate) fn set_for(key: &str, value: &str, seconds: u64) -> Outcome {
    LocalMap::new().set(key, value, Duration::from_secs(seconds))?;
    Ok(())
}

pub(crate) async fn len() -> Outcome {
    say(LocalMap::new().len()).await
}

/// Prints `KEY=VALUE NANOSECONDS` for each entry, sorted by key: its remaining time, or `never`.
pub(crate) async fn dump() -> Outcome {
    let mut entries: Vec<_> = LocalMap::new().scan("").collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    for entry in entries {
        let (key, value) = (entry.key.escape_ascii(), entry.value.escape_ascii());
        match entry.expires_in {
            Some(left) => say(format!("{key}={value} {}", left.as_nanos())).await?,
            None => say(format!("{key}={value} never")).await?,
        }
    }
    Ok(())
}

/// Prints `LINE: N` for each line of standard input: how often it has come so far.
pub(crate) async fn count_lines() -> Outcome {
    let (map, mut lines) = (LocalMap::new(), Lines::open());
    while let Some(line) = lines.next().await? {
        let n = map.increment(&line, 1, Duration::from_secs(60))?;
        say(format!("{}: {n}", line.escape_ascii())).await?;
    }
    Ok(())
}

/// Increments one counter in each of many tasks, between two waits. Prints the sum.
pub(crate) async fn increments(tasks: u64) -> Outcome {
    let task = async |_| {
        monotonic_clock::wait_for(1).await;
        LocalMap::new().increment("n", 1, Ttl::Never)?;
        monotonic_clock::wait_for(1).await;
        Ok(())
    };
    all((0..tasks).map(task)).await?;
    say(LocalMap::new().increment("n", 0, Ttl::Never)?).await
}

/// Reads one entry in each of many tasks, waits, and then writes one more than it was. Prints
/// what is left.
pub(crate) async fn lost_updates(tasks: u64) -> Outcome {
    let read = || {
        let value = LocalMap::new().get("n").unwrap_or_default();
        value.try_into().map(i64::from_le_bytes).unwrap_or_default()
    };
    let task = async |_| {
        let n: i64 = read();
        monotonic_clock::wait_for(1_000_000).await;
        LocalMap::new().set("n", (n + 1).to_le_bytes(), Ttl::Never)?;
        Ok(())
    };
    all((0..tasks).map(task)).await?;
    say(read()).await
}

/// Sets entries until the map is full, and prints their number.
pub(crate) async fn fill() -> Outcome {
    let map = LocalMap::new();
    for n in 0_u64.. {
        match map.set(n.to_le_bytes(), [0; 1000], Ttl::Never) {
            Ok(_) => {}
            Err(Error::Full) => return say(n).await,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
