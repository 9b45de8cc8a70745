//! Compares the map with a model under random operations.
//!
//! Each round is a case made of random bytes. `LOCALMAP_MODEL_OPERATIONS` sets the number of
//! operations, `LOCALMAP_MODEL_SEED` the seed. A failing case is shortened as far as possible and
//! printed as a test for `regressions.rs`. The fuzzer in `fuzz` does the same with bytes that it
//! chooses; `LOCALMAP_MODEL_CASE` names a file with such bytes.
//!
//! Under Miri (`just miri`) there are fewer operations, so that the test ends within minutes.

mod machine;
mod regressions;
mod shrink;

use std::env;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use machine::{Case, Tally};

/// The default number of operations.
const OPERATIONS: u64 = if cfg!(miri) { 80 } else { 10_000_000 };

/// The corpus of the fuzzer: one case per line, in hexadecimal.
const CORPUS: &str = include_str!("../../fuzz/corpus.txt");

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().expect("a number of operations, or a seed"))
}

/// The number of bytes in a case.
fn bytes(random: &mut fastrand::Rng) -> Vec<u8> {
    let len = match random.u8(0..8) {
        _ if cfg!(miri) => random.usize(0..200),
        0 => random.usize(0..100),
        7 => random.usize(0..10_000),
        _ => random.usize(0..2_500),
    };
    let mut bytes = vec![0; len];
    random.fill(&mut bytes);
    bytes
}

/// Runs the case encoded by these bytes.
fn run_bytes(name: &str, bytes: &[u8]) {
    let case = Case::from_bytes(bytes);
    let failed = shrink::attempt(&case).is_err();
    let explained = if failed {
        shrink::explain(case)
    } else {
        String::new()
    };
    assert!(!failed, "{name}: {explained}");
}

#[test]
#[cfg_attr(miri, ignore = "large values take it minutes")]
fn what_the_fuzzer_has_found_worth_keeping() {
    assert!(CORPUS.lines().count() > 100);
    for (number, line) in (1..).zip(CORPUS.lines()) {
        let digits = line.as_bytes().as_chunks::<2>().0.iter();
        let byte = |digits: &[u8; 2]| {
            let digits = str::from_utf8(digits).expect("hexadecimal digits");
            u8::from_str_radix(digits, 16).expect("hexadecimal digits")
        };
        let bytes: Vec<u8> = digits.map(byte).collect();
        run_bytes(&format!("line {number} of corpus.txt"), &bytes);
    }
}

#[test]
fn a_case_by_its_file() {
    if let Ok(file) = env::var("LOCALMAP_MODEL_CASE") {
        let bytes = fs::read(&file).expect("a file of bytes");
        run_bytes(&file, &bytes);
    }
}

#[test]
fn random_operations() {
    let wanted = number("LOCALMAP_MODEL_OPERATIONS").unwrap_or(OPERATIONS);
    let seed = number("LOCALMAP_MODEL_SEED").unwrap_or(0);
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (done, cases) = (AtomicU64::new(0), AtomicU64::new(0));
    let (failed, total) = (AtomicBool::new(false), Mutex::new(Tally::default()));
    let start = Instant::now();
    let faults: Vec<String> = thread::scope(|scope| {
        let worker = || {
            while done.load(Ordering::Relaxed) < wanted && !failed.load(Ordering::Relaxed) {
                let number = cases.fetch_add(1, Ordering::Relaxed);
                let mut random = fastrand::Rng::with_seed(seed.wrapping_add(number << 20));
                let case = Case::from_bytes(&bytes(&mut random));
                match shrink::attempt(&case) {
                    Ok(tally) => {
                        done.fetch_add(tally.operations, Ordering::Relaxed);
                        *total.lock().expect("no panic") += tally;
                    }
                    Err(fault) if failed.swap(true, Ordering::Relaxed) => return Some(fault),
                    Err(_) => return Some(shrink::explain(case)),
                }
            }
            None
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(worker)).collect();
        let ended = workers.into_iter().map(|worker| worker.join());
        ended
            .filter_map(|fault| fault.expect("it catches all"))
            .collect()
    });
    let (cases, seconds) = (cases.into_inner(), start.elapsed().as_secs());
    let total = total.into_inner().expect("no panic");
    println!("{cases} cases in {seconds} s: {total:?}");
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    if cfg!(miri) {
        return;
    }
    // Behaviour that never occurred has not been tested.
    let Tally {
        operations,
        hits,
        writes,
        expired,
        evicted,
        refused,
        batches,
        detached,
        scans,
        told,
        lost,
    } = total;
    let all = [
        hits, writes, expired, evicted, refused, batches, detached, scans, told, lost,
    ];
    assert!(
        all.iter().all(|count| count * 100 > operations),
        "{total:?}"
    );
}
