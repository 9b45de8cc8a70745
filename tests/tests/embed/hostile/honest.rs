//! Honest maps that run together with a hostile guest, and the bounds that hold for both.

use localmap::{Host, LocalMap, MapOptions, Ttl};
use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The time for one attack. It is long enough for guests that end, or that are stopped after
/// 200 ms, even on a busy machine.
const MAX_TIME: Duration = Duration::from_secs(20);

/// The limit on resident memory. It is enough for the memories of a few guests and their
/// results, and far below the terabyte that some guests ask for.
const MAX_RESIDENT: u64 = 1 << 30;

/// Returns the host of the honest maps.
pub(crate) fn host() -> &'static Host {
    static HOST: LazyLock<Host> = LazyLock::new(|| Host::new().expect("a host"));
    &HOST
}

/// An honest map, and the entries that it should have.
struct Honest {
    map: LocalMap,
    known: BTreeMap<[u8; 2], Vec<u8>>,
    random: fastrand::Rng,
}

impl Honest {
    fn new() -> Self {
        Self {
            map: host().map(&MapOptions::new()).expect("a map"),
            known: BTreeMap::new(),
            random: fastrand::Rng::with_seed(7),
        }
    }

    /// Writes, reads and deletes, and checks the answers.
    fn works(&mut self) {
        for _ in 0..50 {
            let key = [b'k', self.random.u8(..16)];
            let value: Vec<u8> = (0..self.random.u8(..200)).collect();
            self.map.set(&key, &value, Ttl::Never).expect("room");
            self.known.insert(key, value);
            let key = [b'k', self.random.u8(..16)];
            let found = self.map.get(&key).expect("alive");
            assert_eq!(found.as_ref(), self.known.get(&key));
            let key = [b'k', self.random.u8(..16)];
            let was = self.map.delete(&key).expect("alive");
            assert_eq!(was, self.known.remove(&key).is_some());
        }
        let len = self.map.len().expect("alive");
        assert_eq!(len, self.known.len() as u64);
    }
}

/// Runs `hostile` while honest maps work, and checks the bounds.
pub(crate) fn with_honest_maps<R>(hostile: impl FnOnce() -> R) -> R {
    let mut honest = Honest::new();
    honest.works();
    let (begun, done) = (AtomicBool::new(false), AtomicBool::new(false));
    let answer = std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut honest = Honest::new();
            loop {
                let last = done.load(Ordering::Acquire);
                honest.works();
                begun.store(true, Ordering::Release);
                if last {
                    break;
                }
            }
        });
        while !begun.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        // Stops the other thread even if `hostile` panics.
        let end = End(&done);
        let start = Instant::now();
        let answer = hostile();
        assert!(start.elapsed() < MAX_TIME, "{:?}", start.elapsed());
        drop(end);
        answer
    });
    honest.works();
    Honest::new().works();
    assert!(peak_memory() < MAX_RESIDENT, "{} bytes", peak_memory());
    answer
}

struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

/// Returns the peak resident memory of the process in bytes, or 0 if the system does not report
/// it.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .and_then(|number| number.trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}
