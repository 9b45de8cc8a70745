//! Waits for timers in the ways of WASI 0.3.
//!
//! `wait HOW SECONDS…` first sets an entry for 30 seconds, and then waits until each of these
//! numbers of seconds has passed. Whenever a wait ends, it prints a line: which second has
//! ended, the seconds on the clock since the start, and whether the entry is still there.
//! [`run`] lists the ways to wait.

use wasip3::cli::types::ErrorCode;
use wasip3::clocks::monotonic_clock::{self, wait_for, wait_until};
use wasip3::wit_future;

use localmap_client::LocalMap;

use crate::streams::{Lines, say, settled};
use crate::{Outcome, all, first_of, map};

const SECOND: u64 = 1_000_000_000;

pub(crate) async fn run(how: &str, seconds: &[&str]) -> Outcome {
    let seconds = seconds.iter().map(|text| text.parse());
    let seconds = seconds.collect::<Result<Vec<u64>, _>>()?;
    map::set_for("k", "v", 30)?;
    let start = monotonic_clock::now();
    let relative = async |seconds: u64| {
        wait_for(seconds * SECOND).await;
        tell(start, seconds).await
    };
    let absolute = async |seconds: u64| {
        wait_until(start + seconds * SECOND).await;
        tell(start, seconds).await
    };
    match how {
        // All at the same time.
        "relative" => all(seconds.into_iter().map(relative)).await,
        "absolute" => all(seconds.into_iter().map(absolute)).await,
        // Relative and absolute ones in turn.
        "mixed" => {
            let task = async |(at, seconds)| match at % 2 {
                0 => relative(seconds).await,
                _ => absolute(seconds).await,
            };
            all(seconds.into_iter().enumerate().map(task)).await
        }
        // One after the other.
        "sequence" => {
            for seconds in seconds {
                wait_for(seconds * SECOND).await;
                tell(start, seconds).await?;
            }
            Ok(())
        }
        // One after the other, by looking at the clock.
        "looks" => {
            for seconds in seconds {
                while monotonic_clock::now() - start < seconds * SECOND {}
                tell(start, seconds).await?;
            }
            Ok(())
        }
        // Tasks in the background, which outlive `run`.
        "tasks" => {
            for seconds in seconds {
                wasip3::spawn_local(async move {
                    wait_for(seconds * SECOND).await;
                    let _ = tell(start, seconds).await;
                });
            }
            Ok(())
        }
        // The first one, by waits that are dropped when it has ended.
        "race" => {
            let [a, b] = seconds[..] else {
                return Err("a race has two numbers of seconds".into());
            };
            match first_of(wait_for(a * SECOND), wait_for(b * SECOND)).await {
                Ok(()) => tell(start, a).await,
                Err(()) => tell(start, b).await,
            }
        }
        // While it reads lines of standard input, each of which it prints with the time.
        "reading" => {
            let read = async {
                let mut lines = Lines::open();
                while let Some(line) = lines.next().await? {
                    let now = (monotonic_clock::now() - start) / SECOND;
                    say(format!("{} at {now}", line.escape_ascii())).await?;
                }
                Ok(())
            };
            let waits = all(seconds.into_iter().map(relative));
            let (read, waited) = futures::future::join(read, waits).await;
            read.and(waited)
        }
        _ => Err(format!("cannot wait by {how:?}: see the list in wait.rs").into()),
    }
}

async fn tell(start: u64, ended: u64) -> Outcome {
    let now = (monotonic_clock::now() - start) / SECOND;
    let there = LocalMap::new().contains("k");
    say(format!("[{ended}] at {now}, entry {there}")).await
}

/// Waits longer than any test.
pub(crate) async fn forever() -> Outcome {
    wait_for(u64::MAX / 2).await;
    Ok(())
}

/// Waits for a value that nothing will write.
pub(crate) async fn deadlock() -> Outcome {
    let (writer, reader) = wit_future::new::<Result<(), ErrorCode>>(|| Ok(()));
    std::mem::forget(writer);
    settled(reader).await
}
