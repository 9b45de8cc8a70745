//! Random operations of a lying map.

use super::script::{Answer, Script};
use localmap::{
    Change, Condition, Error, Limits, LocalMap, MapTerminated, Pinned, Policy, Preload, Ttl,
};
use std::time::Duration;

/// What an operation returned.
pub(super) enum Reply {
    /// A result with this many bytes in the host.
    Bytes(usize),
    ContractError,
    Terminated(MapTerminated),
}

/// A lying map, and the arguments of its operations.
pub(super) struct Operations {
    map: LocalMap,
    script: Script,
    random: fastrand::Rng,
    pins: Vec<Pinned>,
}

impl Operations {
    pub(super) fn new(map: LocalMap, script: &Script, seed: u64) -> Self {
        Self {
            map,
            script: script.clone(),
            random: fastrand::Rng::with_seed(!seed),
            pins: Vec::new(),
        }
    }

    /// Returns `true` if the map stays terminated and has released its memory.
    pub(super) fn is_terminated(&mut self) -> bool {
        self.map.memory() == 0 && self.map.len().is_err() && self.map.get(b"k").is_err()
    }

    /// Performs a random operation.
    pub(super) fn next(&mut self) -> Reply {
        match self.operation() {
            Ok(bytes) => Reply::Bytes(bytes),
            Err(Error::Terminated { source, .. }) => Reply::Terminated(source),
            Err(_) => Reply::ContractError,
        }
    }

    fn operation(&mut self) -> Result<usize, Error> {
        let number = self.random.u32(..27);
        self.script.expect(match number {
            0..=2 | 10 => Answer::Value,
            3 => Answer::Entry,
            5..=8 | 11 | 19 | 20 => Answer::Written,
            13 | 21 => Answer::Pin,
            14 => Answer::Bytes,
            15 | 22 => Answer::Page,
            17 => Answer::Statistics,
            18 => Answer::Limits,
            24 => Answer::Changes,
            _ => Answer::Number,
        });
        let len = self.random.usize(..3000);
        let (value, ttl) = (&vec![7; len][..], Ttl::After(Duration::from_secs(1)));
        let map = &mut self.map;
        Ok(match number {
            0 => map.get(b"k")?.map_or(0, |value| value.len()),
            1 => map
                .get(&value[..len.min(600)])?
                .map_or(0, |value| value.len()),
            2 => {
                let mut buffer = vec![1; 10];
                let found = map.get_into(b"key", &mut buffer);
                assert_eq!(buffer[..10], [1; 10]);
                let found = found.inspect_err(|_| assert_eq!(buffer.len(), 10));
                found?.unwrap_or(0)
            }
            3 => map.get_entry(b"k")?.map_or(0, |entry| entry.value.len()),
            4 => self.get_many()?,
            5 => size(map.set(b"k", value, ttl)?),
            6 => size(map.set_if(b"k", value, ttl, Condition::Version(7))?),
            7 => size(map.increment(b"k", 1, Ttl::Default)?),
            8 => size(map.touch(b"k", Ttl::Never)?),
            9 => size(map.contains(b"k")?),
            10 => map.take(b"k")?.map_or(0, |value| value.len()),
            11 => size(map.delete_if(b"k", 7)?),
            12 => self.apply()?,
            13 | 21 => {
                self.pins.extend(map.pin(b"k")?);
                0
            }
            14 => self.pinned()?,
            15 => {
                let page = map.scan(b"k", 7, 10)?;
                let bytes = |one: localmap::Scanned| one.key.len() + one.entry.value.len() + 64;
                page.entries.into_iter().map(bytes).sum()
            }
            16 => size(map.len()?),
            17 => size(map.stats()?),
            18 => size(map.limits()?),
            19 => size(map.configure(&Limits::default().policy(Policy::Lru).max_value(1 << 16))?),
            20 => size(map.preload(&[Preload {
                key: b"k".to_vec(),
                value: value.to_vec(),
                ttl,
            }])?),
            22 => match self.random.u32(..8) {
                0 => size(map.snapshot()?),
                _ => size(map.sweep(7)?),
            },
            24 => {
                let changes = map.changes()?.changed.into_iter();
                changes.map(|change| change.key.len() + 64).sum()
            }
            25 => self.peek()?,
            26 => size(map.watch(65_536)?),
            _ => match self.random.u32(..2) {
                0 => size(map.clear()?),
                _ => size(map.delete(b"k")?),
            },
        })
    }

    fn get_many(&mut self) -> Result<usize, Error> {
        let count = match self.random.u32(..16) {
            0 => 300,
            _ => self.random.u32(..4),
        };
        self.script.expect(Answer::Values(count));
        let values = self.map.get_many(&vec![&b"k"[..]; count as usize])?;
        assert_eq!(values.len(), count as usize);
        Ok(values.iter().flatten().map(Vec::len).sum())
    }

    fn peek(&mut self) -> Result<usize, Error> {
        let count = match self.random.u32(..16) {
            0 => 300,
            _ => self.random.u32(..4),
        };
        self.script.expect(Answer::Peeked(count));
        let entries = self.map.peek(&vec![&b"k"[..]; count as usize])?;
        assert_eq!(entries.len(), count as usize);
        let entries = entries.iter().flatten();
        Ok(entries.map(|entry| entry.value.len() + 64).sum())
    }

    fn apply(&mut self) -> Result<usize, Error> {
        let count = self.random.u32(..4);
        self.script.expect(Answer::Outcomes(count));
        let change = Change::Set {
            key: b"k",
            value: b"value",
            ttl: Ttl::Default,
        };
        let outcomes = self.map.apply(&vec![change; count as usize])?;
        assert_eq!(outcomes.len(), count as usize);
        Ok(outcomes.len())
    }

    /// Reads a pin, and drops it or keeps it.
    fn pinned(&mut self) -> Result<usize, Error> {
        let Some(pin) = self.pins.pop() else {
            return Ok(0);
        };
        let bytes = self.map.pinned(&pin)?.len();
        match self.random.u32(..3) {
            0 => self.map.unpin(pin)?,
            1 => self.pins.insert(0, pin),
            _ => drop(pin),
        }
        Ok(bytes)
    }
}

/// Returns the size of a result that has no bytes of its own.
fn size<T>(_: T) -> usize {
    size_of::<T>()
}
