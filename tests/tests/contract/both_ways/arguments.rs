//! Random arguments, mostly of a few small sizes and with an eye for the bounds.

use localmap_engine::{self as engine, Condition, Limits, Policy, Ttl};

/// Arguments that depend on a seed alone.
pub(super) struct Arguments {
    pub(super) seed: u64,
    random: fastrand::Rng,
    /// The greatest length of values, which is seldom exceeded by much.
    max_value: usize,
    /// About the number of versions so far.
    versions: u64,
}

/// A change with its own bytes.
#[derive(Debug)]
pub(super) enum Change {
    Set(Vec<u8>, Vec<u8>, Ttl),
    SetIf(Vec<u8>, Vec<u8>, Ttl, Condition),
    Increment(Vec<u8>, i64, Ttl),
    Touch(Vec<u8>, Ttl),
    Delete(Vec<u8>),
    DeleteIf(Vec<u8>, u64),
}

impl Change {
    pub(super) fn view(&self) -> engine::Change<'_> {
        match self {
            Self::Set(key, value, ttl) => engine::Change::Set {
                key,
                value,
                ttl: *ttl,
            },
            Self::SetIf(key, value, ttl, condition) => engine::Change::SetIf {
                key,
                value,
                ttl: *ttl,
                condition: *condition,
            },
            Self::Increment(key, delta, ttl) => engine::Change::Increment {
                key,
                delta: *delta,
                ttl: *ttl,
            },
            Self::Touch(key, ttl) => engine::Change::Touch { key, ttl: *ttl },
            Self::Delete(key) => engine::Change::Delete { key },
            Self::DeleteIf(key, version) => engine::Change::DeleteIf {
                key,
                version: *version,
            },
        }
    }
}

impl Arguments {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            seed,
            random: fastrand::Rng::with_seed(seed),
            max_value: 1 << 20,
            versions: 0,
        }
    }

    /// Begins the arguments of another call.
    pub(super) fn next_call(&mut self) {
        self.versions += 1;
    }

    pub(super) fn below(&mut self, end: u32) -> u32 {
        self.random.u32(..end)
    }

    fn one_of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.random.usize(..all.len())]
    }

    pub(super) fn key(&mut self) -> Vec<u8> {
        match self.below(20) {
            0 => Vec::new(),
            // Around the lengths of words, of the default maximum, and of the maximum.
            1 => {
                let len = self.one_of(&[4, 8, 16, 24, 64, 127, 128, 129, 500, 511, 512, 513, 5000]);
                vec![b'k'; len]
            }
            2 => {
                let len = self.random.usize(1..=512);
                vec![b'l'; len]
            }
            3 => vec![0xff, self.random.u8(..4)],
            _ => format!("k{}", self.below(40)).into_bytes(),
        }
    }

    pub(super) fn prefix(&mut self) -> Vec<u8> {
        match self.below(4) {
            0 => self.key(),
            1 => b"k1".to_vec(),
            2 => b"kk".to_vec(),
            _ => Vec::new(),
        }
    }

    pub(super) fn keys(&mut self) -> Vec<Vec<u8>> {
        let count = match self.below(8) {
            0 => self.below(600),
            _ => self.below(20),
        };
        (0..count).map(|_| self.key()).collect()
    }

    pub(super) fn value(&mut self) -> Vec<u8> {
        let len = match self.below(16) {
            0 => 0,
            1 => 8,
            // The room of the core module has 2 KiB, for the key and the value.
            2 | 3 => self.random.usize(2048 - 130..2048 + 9),
            4 => self.random.usize(..16 << 10),
            5 => self.max_value.min(40 << 10).saturating_sub(1) + self.random.usize(..3),
            6 if self.below(8) == 0 => self.max_value - self.random.usize(..2).min(self.max_value),
            _ => self.random.usize(..80),
        };
        let first = self.random.u8(..);
        let next = |at| u8::try_from(at % 251).unwrap_or(0).wrapping_add(first);
        (0..len).map(next).collect()
    }

    pub(super) fn ttl(&mut self) -> Ttl {
        match self.below(12) {
            0..4 => Ttl::Default,
            4 | 5 => Ttl::Never,
            6 => Ttl::After(0),
            7 => Ttl::After(self.random.u64(1..10)),
            8 => Ttl::After(u64::MAX - self.random.u64(..2)),
            9 => Ttl::After(self.random.u64(1..1 << 60)),
            _ => Ttl::After(self.random.u64(1..5_000_000_000)),
        }
    }

    pub(super) fn version(&mut self) -> u64 {
        match self.below(8) {
            0 => self.one_of(&[0, u64::MAX]),
            _ => self.random.u64(..=self.versions),
        }
    }

    pub(super) fn condition(&mut self) -> Condition {
        match self.below(3) {
            0 => Condition::Absent,
            1 => Condition::Present,
            _ => Condition::Version(self.version()),
        }
    }

    pub(super) fn delta(&mut self) -> i64 {
        match self.below(6) {
            0 => self.one_of(&[i64::MIN, i64::MAX, 0]),
            _ => self.random.i64(-9..9),
        }
    }

    pub(super) fn batch(&mut self) -> Vec<Change> {
        if self.below(20) == 0 {
            // More changes than a batch may have.
            let count = 1020 + self.below(8);
            return (0..count).map(|_| Change::Delete(self.key())).collect();
        }
        (0..self.below(12)).map(|_| self.change()).collect()
    }

    fn change(&mut self) -> Change {
        match self.below(8) {
            0..3 => Change::Set(self.key(), self.value(), self.ttl()),
            3 => Change::SetIf(self.key(), self.value(), self.ttl(), self.condition()),
            4 => Change::Increment(self.key(), self.delta(), self.ttl()),
            5 => Change::Touch(self.key(), self.ttl()),
            6 => Change::Delete(self.key()),
            _ => Change::DeleteIf(self.key(), self.version()),
        }
    }

    /// Returns a time that is usually later than `now`; an earlier one stops the map's clock.
    pub(super) fn time_after(&mut self, now: u64) -> u64 {
        match self.below(12) {
            0 => now.saturating_sub(self.random.u64(..1_000_000_000)),
            1 => now.saturating_add(self.random.u64(..1 << 58)),
            2 => now,
            _ => now.saturating_add(self.random.u64(..3_000_000_000)),
        }
    }

    /// Returns limits of which some differ from those before, and some may be out of range.
    ///
    /// The two maps have different seeds, on which the size of their tables depends, and which keys
    /// collide in the ghost queue of S3-FIFO. So the limit on bytes is never reached, and S3-FIFO
    /// never evicts; the vectors have cases of both.
    pub(super) fn limits(&mut self, before: Limits) -> Limits {
        let mut limits = before;
        for _ in 0..=self.below(4) {
            match self.below(8) {
                0 => limits.max_entries = self.one_of(&[0, 1, 2, 7, 30, 1 << 20, u64::MAX]),
                1 => limits.max_bytes = self.one_of(&[0, 32 << 20, 33 << 20, u64::MAX]),
                2 => limits.max_key = self.one_of(&[0, 1, 16, 128, 512, 513, u32::MAX]),
                3 => limits.max_value = self.one_of(&[0, 8, 3000, 1 << 20, u64::MAX]),
                4 => limits.default_ttl = self.one_of(&[None, Some(0), Some(1 << 32)]),
                5 => limits.utf8_keys = self.random.bool(),
                6 => limits.policy = self.one_of(&[Policy::Refuse, Policy::Lru, Policy::S3Fifo]),
                _ => limits.max_pins = self.one_of(&[0, 1, 3, 1024, 65_536, u32::MAX]),
            }
        }
        if limits.policy == Policy::S3Fifo && (1..1 << 20).contains(&limits.max_entries) {
            limits.policy = Policy::Lru;
        }
        if limits.check().is_ok() {
            self.max_value = usize::try_from(limits.max_value.min(1 << 20)).unwrap_or(0);
        }
        limits
    }
}
