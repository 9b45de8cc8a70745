//! The loops, and who runs them. The numbers are those of `bench/src/subject.rs`.

use crate::boxed::{Boxed, InPlace, Words};
use crate::clock::{self, Cell, System as SystemClock};
use crate::keys::Keys;
use crate::ours::Ours;
#[cfg(not(target_arch = "wasm32"))]
use crate::peers::{Moka, QuickSync, QuickUnsync};
use crate::system::{Plan, System};
use std::hint::black_box;

/// A map with its keys, whatever its type.
pub(crate) trait Runner {
    /// Does `count` times what `work` says, and tells how many succeeded.
    fn run(&mut self, work: u32, count: u32) -> u32;

    fn footprint(&mut self) -> u64;
}

/// An empty map of the system with this number; `None`: there is none here.
pub(crate) fn make(system: u32, plan: Plan, value_len: usize) -> Option<Box<dyn Runner>> {
    clock::set(black_box(1_000));
    Some(match system {
        0 => boxed(Ours::<Cell>::new(plan), value_len),
        1 => boxed(Boxed::<Cell>::new(plan), value_len),
        2 => boxed(Words::<Cell>::new(plan), value_len),
        3 => boxed(InPlace::<Cell>::new(plan), value_len),
        4 => boxed(Ours::<SystemClock>::new(plan), value_len),
        5 => boxed(Boxed::<SystemClock>::new(plan), value_len),
        #[cfg(not(target_arch = "wasm32"))]
        6 => boxed(Moka::new(plan), value_len),
        #[cfg(not(target_arch = "wasm32"))]
        7 => boxed(QuickSync::new(plan), value_len),
        #[cfg(not(target_arch = "wasm32"))]
        8 => boxed(QuickUnsync::new(plan), value_len),
        _ => return None,
    })
}

fn boxed<S: System + 'static>(system: S, value_len: usize) -> Box<dyn Runner> {
    Box::new(Loops {
        system,
        keys: Keys::new(value_len),
        entries: 0,
    })
}

struct Loops<S> {
    system: S,
    keys: Keys,
    /// How many different keys have been set: the numbers of the keys.
    entries: u32,
}

impl<S: System> Runner for Loops<S> {
    fn run(&mut self, work: u32, count: u32) -> u32 {
        match work {
            0 => self.get(count),
            1 => self.overwrite(count),
            2 => self.insert(count),
            4 => self.chase(count),
            _ => self.nothing(count),
        }
    }

    fn footprint(&mut self) -> u64 {
        self.system.footprint()
    }
}

impl<S: System> Loops<S> {
    /// Reads keys that are there, in random order.
    fn get(&mut self, count: u32) -> u32 {
        let (mut found, mut sum) = (0, 0u64);
        for _ in 0..count {
            let number = self.keys.random(self.entries);
            if let Some(digest) = self.system.get(self.keys.key(number)) {
                found += 1;
                sum = sum.wrapping_add(digest);
            }
        }
        black_box(sum);
        found
    }

    /// Reads as `get` does, but each read tells which key is the next: none can begin
    /// before the one before has ended.
    fn chase(&mut self, count: u32) -> u32 {
        let (mut found, mut sum) = (0, 0u64);
        for _ in 0..count {
            let number = self.keys.random_after(self.entries, sum);
            if let Some(digest) = self.system.get(self.keys.key(number)) {
                found += 1;
                sum = sum.wrapping_add(digest);
            }
        }
        black_box(sum);
        found
    }

    /// Writes keys that are there, in random order.
    fn overwrite(&mut self, count: u32) -> u32 {
        let mut stored = 0;
        for _ in 0..count {
            let number = self.keys.random(self.entries);
            let (key, value) = self.keys.pair(number);
            stored += u32::from(self.system.set(key, value));
        }
        stored
    }

    /// Writes keys that have never been there.
    fn insert(&mut self, count: u32) -> u32 {
        let mut stored = 0;
        for _ in 0..count {
            let (key, value) = self.keys.pair(self.entries.into());
            stored += u32::from(self.system.set(key, value));
            self.entries += 1;
        }
        stored
    }

    /// All of `insert` but the map.
    fn nothing(&mut self, count: u32) -> u32 {
        for _ in 0..count {
            black_box(self.keys.pair(black_box(self.entries).into()));
        }
        count
    }
}
