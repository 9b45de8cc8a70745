//! The map against a model, under random operations.
//!
//! Each round is a case made of random bytes. `LOCALMAP_MODEL_OPERATIONS` says how many
//! operations there are to be, `LOCALMAP_MODEL_SEED` which ones. A case that fails is
//! made as short as it can be and printed as a test, for `regressions.rs`. The fuzzer
//! in `fuzz` does the same with bytes of its own choice; `LOCALMAP_MODEL_CASE` names a
//! file with such bytes.

mod machine;
mod regressions;
mod shrink;

use std::env;
use std::fs;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use machine::{Case, Tally};

/// Operations where nobody asks for more.
const OPERATIONS: u64 = 10_000_000;

fn number(name: &str) -> Option<u64> {
    let text = env::var(name).ok()?;
    Some(text.parse().expect("a number of operations, or a seed"))
}

/// Bytes of one case.
fn bytes(random: &mut fastrand::Rng) -> Vec<u8> {
    let len = match random.u8(0..8) {
        0 => random.usize(0..100),
        7 => random.usize(0..10_000),
        _ => random.usize(0..2_500),
    };
    let mut bytes = vec![0; len];
    random.fill(&mut bytes);
    bytes
}

/// Runs the bytes of a file.
fn run_file(path: &Path) {
    let bytes = fs::read(path).expect("a file of bytes");
    let case = Case::from_bytes(&bytes);
    let failed = shrink::attempt(&case).is_err();
    let explained = if failed {
        shrink::explain(case)
    } else {
        String::new()
    };
    assert!(!failed, "{}: {explained}", path.display());
}

#[test]
fn what_the_fuzzer_has_found_worth_keeping() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/model");
    let files = fs::read_dir(corpus).expect("the corpus");
    let files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    assert!(!files.is_empty());
    files.iter().for_each(|file| run_file(file));
}

#[test]
fn a_case_by_its_file() {
    if let Some(file) = env::var_os("LOCALMAP_MODEL_CASE") {
        run_file(Path::new(&file));
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
    // Nothing has been tested that has not come about.
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
    } = total;
    let all = [
        hits, writes, expired, evicted, refused, batches, detached, scans,
    ];
    assert!(
        all.iter().all(|count| count * 100 > operations),
        "{total:?}"
    );
}
