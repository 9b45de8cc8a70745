//! The loops, and the trait to run them.

use crate::zipf::zipf;
use crate::{Keys, MANY, Plan, System};
use std::hint::black_box;

/// The work of a loop. Guests receive it as its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Work {
    /// Reads keys that are present, in random order.
    Get = 0,
    /// Writes keys that are present, in random order.
    Overwrite = 1,
    /// Writes keys that have never been present.
    Insert = 2,
    /// Does everything that `Insert` does, except calling the map.
    Nothing = 3,
    /// Reads like `Get`, but each value determines the next key, so that no read can begin before
    /// the previous one has ended.
    Chase = 4,
    /// Reads keys that are absent.
    Absent = 5,
    /// Writes keys that are absent, which `Forget` deletes again.
    New = 6,
    /// Deletes the keys that `New` has written, with the same count. Not to be measured.
    Forget = 7,
    /// Adds to counters, in random order.
    Increment = 8,
    /// Reads [`MANY`] keys that are present.
    GetMany = 9,
    /// Writes [`MANY`] keys that are present.
    Apply = 10,
    /// Reads a page of a scan.
    Scan = 11,
    /// Draws the keys for `Mixed` from `count` keys, and sets each once.
    Draw = 12,
    /// Does nine reads and a write, of the drawn keys. Returns the number of reads that found
    /// their key.
    Mixed = 13,
    /// Reads like `Get`, each value into a new vector.
    GetVec = 14,
    /// Reads like `Get`, each value into the same buffer.
    GetInto = 15,
    /// Reads like `Get`, each value in place.
    GetInPlace = 16,
}

impl Work {
    const ALL: [Self; 17] = [
        Self::Get,
        Self::Overwrite,
        Self::Insert,
        Self::Nothing,
        Self::Chase,
        Self::Absent,
        Self::New,
        Self::Forget,
        Self::Increment,
        Self::GetMany,
        Self::Apply,
        Self::Scan,
        Self::Draw,
        Self::Mixed,
        Self::GetVec,
        Self::GetInto,
        Self::GetInPlace,
    ];
}

/// The result of [`Runner::run`] if the map does not have the operation.
pub const NONE: u32 = u32::MAX;

/// Counters that `Increment` adds to.
const COUNTERS: u32 = 1_000;
/// The first numbers of keys that are never present, and of counters.
const ABSENT: u64 = 1 << 40;
const COUNTER: u64 = 1 << 41;
/// Keys that `Draw` draws. After the last, `Mixed` starts again with the first.
const DRAWS: u32 = 1 << 20;

/// A map of any type, with its keys.
pub trait Runner {
    /// Does `work` `count` times. Returns how many times succeeded, or [`NONE`].
    fn run(&mut self, work: u32, count: u32) -> u32;

    /// Returns [`System::footprint`].
    fn footprint(&mut self) -> u64;
}

/// The loops on one map.
pub struct Loops<S> {
    system: S,
    keys: Keys,
    /// The number of distinct keys that have been set. Their numbers are below this.
    entries: u32,
    drawn: Vec<u32>,
    next: usize,
}

impl<S: System + 'static> Loops<S> {
    /// Creates the loops on an empty map.
    pub fn boxed(system: S, plan: Plan) -> Box<dyn Runner> {
        Box::new(Self {
            system,
            keys: Keys::new(plan.value_len),
            entries: 0,
            drawn: Vec::new(),
            next: 0,
        })
    }
}

impl<S: System> Runner for Loops<S> {
    fn run(&mut self, work: u32, count: u32) -> u32 {
        let Some(work) = Work::ALL.into_iter().find(|known| *known as u32 == work) else {
            return NONE;
        };
        match work {
            Work::Get => self.get(count),
            Work::Overwrite => self.overwrite(count),
            Work::Insert => self.insert(count),
            Work::Nothing => self.nothing(count),
            Work::Chase => self.chase(count),
            Work::Absent => self.absent(count),
            Work::New => self.new_keys(count),
            Work::Forget => self.forget(count),
            Work::Increment => self.increment(count),
            Work::GetMany => self.get_many(count),
            Work::Apply => self.apply(count),
            Work::Scan => self.scan(count),
            Work::Draw => self.draw(count),
            Work::Mixed => self.mixed(count),
            Work::GetVec => self.get_by(count, S::get_vec),
            Work::GetInto => {
                let mut buffer = Vec::new();
                self.get_by(count, |map, key| map.get_into(key, &mut buffer))
            }
            Work::GetInPlace => self.get_by(count, S::get_in_place),
        }
    }

    fn footprint(&mut self) -> u64 {
        self.system.footprint()
    }
}

/// Calls `once` `count` times. Returns how often it was true, or [`NONE`].
fn repeat(count: u32, mut once: impl FnMut(u32) -> Option<bool>) -> u32 {
    let mut done = 0;
    for turn in 0..count {
        match once(turn) {
            Some(succeeded) => done += u32::from(succeeded),
            None => return NONE,
        }
    }
    done
}

impl<S: System> Loops<S> {
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

    /// Reads like [`get`](Self::get), in the way that the work asks for.
    fn get_by(
        &mut self,
        count: u32,
        mut get: impl FnMut(&mut S, &[u8]) -> Option<Option<u64>>,
    ) -> u32 {
        let mut sum = 0u64;
        let found = repeat(count, |_| {
            let number = self.keys.random(self.entries);
            let digest = get(&mut self.system, self.keys.key(number))?;
            sum = sum.wrapping_add(digest.unwrap_or(0));
            Some(digest.is_some())
        });
        black_box(sum);
        found
    }

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

    /// Returns the number of keys that were not found.
    fn absent(&mut self, count: u32) -> u32 {
        let mut absent = 0;
        for _ in 0..count {
            let number = ABSENT + self.keys.random(self.entries);
            absent += u32::from(self.system.get(self.keys.key(number)).is_none());
        }
        absent
    }

    fn overwrite(&mut self, count: u32) -> u32 {
        let mut stored = 0;
        for _ in 0..count {
            let number = self.keys.random(self.entries);
            let (key, value) = self.keys.pair(number);
            stored += u32::from(self.system.set(key, value));
        }
        stored
    }

    fn insert(&mut self, count: u32) -> u32 {
        let mut stored = 0;
        for _ in 0..count {
            let (key, value) = self.keys.pair(self.entries.into());
            stored += u32::from(self.system.set(key, value));
            self.entries += 1;
        }
        stored
    }

    fn nothing(&mut self, count: u32) -> u32 {
        for _ in 0..count {
            black_box(self.keys.pair(black_box(self.entries).into()));
        }
        count
    }

    fn new_keys(&mut self, count: u32) -> u32 {
        let mut stored = 0;
        for turn in 0..count {
            let number = u64::from(self.entries) + u64::from(turn);
            let (key, value) = self.keys.pair(number);
            stored += u32::from(self.system.set(key, value));
        }
        stored
    }

    fn forget(&mut self, count: u32) -> u32 {
        repeat(count, |turn| {
            let number = u64::from(self.entries) + u64::from(turn);
            self.system.delete(self.keys.key(number))
        })
    }

    fn increment(&mut self, count: u32) -> u32 {
        repeat(count, |_| {
            let number = COUNTER + self.keys.random(COUNTERS);
            self.system.increment(self.keys.key(number))
        })
    }

    fn get_many(&mut self, count: u32) -> u32 {
        repeat(count, |_| {
            let keys = self.many();
            let found = self.system.get_many(&keys)?;
            Some(found as usize == MANY)
        })
    }

    fn apply(&mut self, count: u32) -> u32 {
        repeat(count, |_| {
            let keys = self.many();
            self.system.apply(&keys, self.keys.value())
        })
    }

    fn many(&mut self) -> [crate::Key; MANY] {
        std::array::from_fn(|_| Keys::make(self.keys.random(self.entries)))
    }

    fn scan(&mut self, count: u32) -> u32 {
        repeat(count, |_| self.system.scan())
    }

    /// Sets the rarest keys first, so that the map starts with the most frequent ones.
    fn draw(&mut self, space: u32) -> u32 {
        self.drawn = zipf(space, DRAWS, 0x5eed);
        self.next = 0;
        let mut stored = 0;
        for number in (0..space).rev() {
            let (key, value) = self.keys.pair(number.into());
            stored += u32::from(self.system.set(key, value));
        }
        stored
    }

    fn mixed(&mut self, count: u32) -> u32 {
        let (mut found, mut sum) = (0, 0u64);
        for turn in 0..count {
            let Some(&number) = self.drawn.get(self.next) else {
                return NONE;
            };
            self.next = (self.next + 1) % self.drawn.len();
            if turn % 10 == 9 {
                let (key, value) = self.keys.pair(number.into());
                if !self.system.set(key, value) {
                    return 0;
                }
            } else if let Some(digest) = self.system.get(self.keys.key(number.into())) {
                found += 1;
                sum = sum.wrapping_add(digest);
            }
        }
        black_box(sum);
        found
    }
}
