//! The hot paths of the engine, each a loop over a map that is created in the same way each time.

use localmap_engine::{Change, Clock, Limits, MAX_CHANGES, Map, Policy, Ttl};
use std::cell::Cell;
use std::hint::black_box;

/// Entries of the maps.
const ENTRIES: u32 = 10_000;
/// Bytes of a value; keys have 16.
const VALUE: usize = 64;
const SEED: u64 = 0x5eed;
/// The TTL of entries in nanoseconds, longer than any run.
const HOUR: u64 = 3_600_000_000_000;
/// Changes in a small `apply`.
const CHANGES: usize = 16;
/// Entries in a page of a scan.
const PAGE: u32 = 256;
/// Bytes of the list of changes of a watched map.
const WATCHED: u32 = 65_536;
/// Writes of a watched map between two questions for its changes.
const ASKED: u32 = 256;

/// An operation that is counted.
pub(crate) struct Path {
    pub(crate) name: &'static str,
    /// How often the operation is done: often enough to include work that is done only now and
    /// then.
    pub(crate) times: u32,
    run: fn(&mut Subject, u32),
    /// Whether the map is full beforehand, so that each new key evicts.
    full: bool,
}

/// The loop alone, with the generation of keys, which is subtracted from each count.
pub(crate) const LOOP: Path = path("loop", 20_000, |subject, times| {
    for number in subject.spread(times) {
        black_box(&subject.keys.of(number));
    }
});

pub(crate) const PATHS: [Path; 13] = [
    path("get, found", 20_000, |subject, times| {
        for number in subject.spread(times) {
            let found = subject.map.get(subject.keys.of(number));
            black_box(found.map(|value| value.len()));
        }
    }),
    path("get, found, with a TTL", 20_000, |subject, times| {
        subject.fill(Ttl::After(HOUR));
        for number in subject.spread(times) {
            let found = subject.map.get(subject.keys.of(number));
            black_box(found.map(|value| value.len()));
        }
    }),
    path("get, absent", 20_000, |subject, times| {
        for number in subject.spread(times) {
            let key = subject.keys.of(number + ENTRIES);
            black_box(subject.map.get(key).is_some());
        }
    }),
    path("set over a value", 20_000, |subject, times| {
        for number in subject.spread(times) {
            subject.set(number, Ttl::Never);
        }
    }),
    path("set over a value, with a TTL", 20_000, |subject, times| {
        subject.fill(Ttl::After(HOUR));
        for number in subject.spread(times) {
            subject.set(number, Ttl::After(HOUR));
        }
    }),
    path("set over a value, watched", 20_000, |subject, times| {
        black_box(subject.map.watch(WATCHED).is_ok());
        for (turn, number) in (1..).zip(subject.spread(times)) {
            subject.set(number, Ttl::Never);
            if turn % ASKED == 0 {
                black_box(subject.map.changes(|change| {
                    black_box(change.key.len());
                }));
            }
        }
    }),
    path("set of a new key", 20_000, |subject, times| {
        for number in 0..times {
            subject.set(ENTRIES + number, Ttl::Never);
        }
    }),
    Path {
        full: true,
        ..path("set of a new key that evicts", 20_000, |subject, times| {
            for number in 0..times {
                subject.set(2 * ENTRIES + number, Ttl::Never);
            }
        })
    },
    path("increment", 20_000, |subject, times| {
        // The values of entries are not counters, so use other keys.
        let counters = ENTRIES..ENTRIES + 1_000;
        for number in counters.clone() {
            subject.increment(number);
        }
        for number in subject.spread(times) {
            subject.increment(counters.start + number % 1_000);
        }
    }),
    path("apply of 16 sets over values", 2_000, |subject, times| {
        for first in subject.spread(times) {
            let numbers = (first..).map(|number| number % ENTRIES);
            subject.apply::<CHANGES>(numbers);
        }
    }),
    path("apply of 1,024 sets of new keys", 20, |subject, times| {
        let mut numbers = ENTRIES..;
        for _ in 0..times {
            subject.apply::<MAX_CHANGES>(numbers.by_ref());
        }
    }),
    Path {
        full: true,
        ..path("apply of 1,024 sets that evict", 20, |subject, times| {
            let mut numbers = 2 * ENTRIES..;
            for _ in 0..times {
                subject.apply::<MAX_CHANGES>(numbers.by_ref());
            }
        })
    },
    path("scan, a page of 256", 200, |subject, times| {
        let mut cursor = 0;
        for _ in 0..times {
            let visit = |entry: localmap_engine::Scanned<'_>| {
                black_box(entry.key.len());
            };
            cursor = subject.map.scan(b"", cursor, PAGE, visit).unwrap_or(0);
        }
    }),
];

const fn path(name: &'static str, times: u32, run: fn(&mut Subject, u32)) -> Path {
    Path {
        name,
        times,
        run,
        full: false,
    }
}

impl Path {
    /// Creates the map, and does the operation `times` times.
    pub(crate) fn run(&self, times: u32) {
        let mut subject = Subject::new(if self.full { ENTRIES } else { 10 * ENTRIES });
        subject.fill(Ttl::Never);
        if self.full {
            // Replace all entries once, so that the map is in a steady state of eviction.
            for number in ENTRIES..2 * ENTRIES {
                subject.set(number, Ttl::Never);
            }
        }
        (self.run)(&mut subject, black_box(times));
        black_box(subject.map.len());
    }
}

/// A map with its keys.
struct Subject {
    map: Map<Ticking>,
    keys: Keys,
    value: [u8; VALUE],
}

/// A clock that advances by a microsecond each time it is read.
struct Ticking(Cell<u64>);

impl Clock for Ticking {
    fn now(&self) -> u64 {
        self.0.set(self.0.get() + 1_000);
        self.0.get()
    }
}

impl Subject {
    fn new(max_entries: u32) -> Self {
        let limits = Limits {
            max_entries: max_entries.into(),
            policy: Policy::S3Fifo,
            ..Limits::default()
        };
        Self {
            map: Map::new(Ticking(Cell::new(0)), SEED, limits),
            keys: Keys::default(),
            value: [0xa5; VALUE],
        }
    }

    fn fill(&mut self, ttl: Ttl) {
        for number in 0..ENTRIES {
            self.set(number, ttl);
        }
    }

    fn set(&mut self, number: u32, ttl: Ttl) {
        let set = self.map.set(self.keys.of(number), &self.value, ttl);
        black_box(set.is_ok());
    }

    fn increment(&mut self, number: u32) {
        let count = self.map.increment(self.keys.of(number), 1, Ttl::Never);
        black_box(count.is_ok());
    }

    fn apply<const CHANGES: usize>(&mut self, numbers: impl Iterator<Item = u32>) {
        let mut keys = [[0; 16]; CHANGES];
        for (number, key) in numbers.zip(&mut keys) {
            *key = *self.keys.of(number);
        }
        let changes = keys.each_ref().map(|key| Change::Set {
            key,
            value: &self.value,
            ttl: Ttl::Never,
        });
        black_box(self.map.apply(&changes).is_ok());
    }

    /// Returns `times` numbers of entries, spread over the map.
    fn spread(&self, times: u32) -> impl Iterator<Item = u32> + use<> {
        (0..times).map(|turn| turn.wrapping_mul(7_919) % ENTRIES)
    }
}

/// Generates keys on the fly.
#[derive(Default)]
struct Keys([u8; 16]);

impl Keys {
    fn of(&mut self, number: u32) -> &[u8; 16] {
        let one = u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let other = (u64::from(number) ^ 0x5851_f42d).wrapping_mul(0xd6e8_feb8_6659_fd93);
        self.0[..8].copy_from_slice(&one.to_le_bytes());
        self.0[8..].copy_from_slice(&other.to_le_bytes());
        &self.0
    }
}
