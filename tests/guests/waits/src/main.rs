//! A guest for tests that waits for timers.
//!
//! `waits HOW SECONDS…` first sets an entry for 30 seconds, and then waits until each of these
//! numbers of seconds has passed. Whenever a wait ends, it prints a line: which seconds have ended,
//! the seconds on the clock since the start, and whether the entry is still there. [`run`] lists
//! the ways to wait.

use std::{
    error::Error,
    io::{self, Write},
    time::{Duration, Instant},
};

use localmap_client::{LocalMap, Ttl};
use wasip2::clocks::monotonic_clock::{self, subscribe_duration, subscribe_instant};
use wasip2::io::poll::{Pollable, poll};

type Outcome = Result<(), Box<dyn Error>>;

const SECOND: u64 = 1_000_000_000;

fn main() -> Outcome {
    let mut args = std::env::args().skip(1);
    let how = args.next().unwrap_or_default();
    let seconds = args
        .map(|arg| arg.parse())
        .collect::<Result<Vec<u64>, _>>()?;
    LocalMap::new().set("k", "v", Ttl::After(Duration::from_secs(30)))?;
    run(&how, &seconds)
}

fn run(how: &str, seconds: &[u64]) -> Outcome {
    let start = Instant::now();
    let from = monotonic_clock::now();
    let relative = |seconds: &u64| subscribe_duration(seconds * SECOND);
    let absolute = |seconds: &u64| subscribe_instant(from + seconds * SECOND);
    match how {
        "relative" => each(start, seconds, seconds.iter().map(relative).collect()),
        "absolute" => each(start, seconds, seconds.iter().map(absolute).collect()),
        // Relative and absolute ones in turn.
        "mixed" => {
            let timer = |(at, seconds)| match at % 2 {
                0 => relative(seconds),
                _ => absolute(seconds),
            };
            let timers = seconds.iter().enumerate().map(timer).collect();
            each(start, seconds, timers)
        }
        // One after the other, by looking at the clock.
        "looks" => seconds.iter().try_for_each(|&seconds| {
            while start.elapsed() < Duration::from_secs(seconds) {}
            tell(start, &[seconds])
        }),
        // By asking all timers again and again.
        "asks" => {
            let timers: Vec<Pollable> = seconds.iter().map(relative).collect();
            let mut left: Vec<_> = seconds.iter().zip(&timers).collect();
            while !left.is_empty() {
                let (ended, waiting) = left.into_iter().partition(|(_, timer)| timer.ready());
                let ended: Vec<_> = ended;
                for (seconds, _) in ended {
                    tell(start, &[*seconds])?;
                }
                left = waiting;
            }
            Ok(())
        }
        // All at the same time, with async Rust.
        "tasks" => wstd::runtime::block_on(async move {
            let task = |seconds: &u64| {
                let seconds = *seconds;
                wstd::runtime::spawn(async move {
                    let timer = wstd::time::Timer::after(wstd::time::Duration::from_secs(seconds));
                    timer.wait().await;
                    tell(start, &[seconds]).map_err(|error| error.to_string())
                })
            };
            let tasks: Vec<_> = seconds.iter().map(task).collect();
            for task in tasks {
                task.await?;
            }
            Ok(())
        }),
        _ => Err(format!("cannot wait by {how:?}: see the list in main.rs").into()),
    }
}

/// Polls timers until all of them have ended.
fn each(start: Instant, seconds: &[u64], timers: Vec<Pollable>) -> Outcome {
    let mut left: Vec<_> = seconds.iter().copied().zip(timers).collect();
    while !left.is_empty() {
        let list: Vec<&Pollable> = left.iter().map(|(_, timer)| timer).collect();
        let ready: Vec<usize> = poll(&list).into_iter().map(|at| at as usize).collect();
        let ended: Vec<u64> = ready.iter().map(|&at| left[at].0).collect();
        tell(start, &ended)?;
        let mut at = 0;
        left.retain(|_| {
            at += 1;
            !ready.contains(&(at - 1))
        });
    }
    Ok(())
}

fn tell(start: Instant, ended: &[u64]) -> Outcome {
    let now = start.elapsed().as_secs();
    let there = LocalMap::new().contains("k");
    Ok(writeln!(io::stdout(), "{ended:?} at {now}, entry {there}")?)
}
