//! One thread of the process advances epochs for all hosts, and ends with the last of them.

#![cfg(target_os = "linux")]

use localmap::{Host, MapOptions};
use localmap_tests::alone;
use std::thread;
use std::time::{Duration, Instant};

fn tickers() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let names = tasks.flatten().map(|task| {
        // A thread may end in the meantime.
        std::fs::read_to_string(task.path().join("comm")).unwrap_or_default()
    });
    names
        .filter(|name| name.trim() == "localmap-ticker")
        .count()
}

/// Waits, because a thread gets its name, and disappears, with a short delay.
fn soon(expected: usize) {
    let began = Instant::now();
    while tickers() != expected {
        assert!(began.elapsed() < Duration::from_secs(5), "{}", tickers());
        thread::sleep(Duration::from_millis(1));
    }
}

/// Runs alone: the host of any other test would keep the thread alive.
#[test]
fn there_is_one_ticker_while_there_is_a_host() {
    alone(|| {
        assert_eq!(tickers(), 0);
        for _ in 0..2 {
            let one = Host::new().expect("a host");
            let two = Host::new().expect("a host");
            soon(1);
            let map = one.map(&MapOptions::new()).expect("a map");
            drop(one);
            drop(two);
            thread::sleep(Duration::from_millis(50));
            assert_eq!(tickers(), 1, "the map has calls to end");
            drop(map);
            soon(0);
        }
    });
}
