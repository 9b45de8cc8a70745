//! The localmap side: a map in its sandbox, with a clock that the test sets.

use localmap::{
    Condition, Host, IncrementError, LocalMap, ManualClock, MapOptions, SetIfError, Ttl,
};
use std::collections::BTreeSet;
use std::time::Duration;

use super::operation::{Answer, Datum, Left, Operation, Side, key};

const HOUR: Duration = Duration::from_secs(3600);
const ALIVE: &str = "no operation here ends a map";

pub(crate) struct Map {
    clock: ManualClock,
    map: LocalMap,
}

impl Map {
    pub(crate) fn new(host: &Host) -> Self {
        let clock = ManualClock::new();
        let options = MapOptions::new().clock(clock.clone());
        let map = host.map(&options).expect("a map");
        Self { clock, map }
    }

    fn set_if(&mut self, key: u8, datum: &Datum, ttl: Option<u64>, condition: Condition) -> Answer {
        let value = bytes(datum);
        match self
            .map
            .set_if(&self::key(key), &value, span(ttl), condition)
        {
            Ok(_) => Answer::Truth(true),
            Err(SetIfError::Conflict { .. }) => Answer::Truth(false),
            Err(error) => panic!("{error}"),
        }
    }

    fn keys(&mut self) -> BTreeSet<Vec<u8>> {
        let (mut keys, mut next) = (BTreeSet::new(), Some(0));
        while let Some(cursor) = next {
            let page = self.map.scan(b"", cursor, 3).expect(ALIVE);
            keys.extend(page.entries.into_iter().map(|scanned| scanned.key));
            next = page.next;
        }
        assert_eq!(self.map.len().expect(ALIVE), keys.len() as u64);
        keys
    }
}

impl Side for Map {
    fn perform(&mut self, operation: &Operation) -> Answer {
        let map = &mut self.map;
        match operation {
            Operation::Pass(hours) => {
                self.clock.advance(time(*hours));
                Answer::Done
            }
            Operation::Get(key) => {
                Answer::Datum(map.get(&self::key(*key)).expect(ALIVE).map(datum))
            }
            Operation::GetMany(keys) => {
                let keys: Vec<Vec<u8>> = keys.iter().map(|key| self::key(*key)).collect();
                let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
                let values = map.get_many(&keys).expect(ALIVE);
                Answer::Data(values.into_iter().map(|value| value.map(datum)).collect())
            }
            Operation::Contains(key) => Answer::Truth(map.contains(&self::key(*key)).expect(ALIVE)),
            Operation::Take(key) => {
                Answer::Datum(map.take(&self::key(*key)).expect(ALIVE).map(datum))
            }
            Operation::Set(key, datum, ttl) => {
                let stored = map.set(&self::key(*key), &bytes(datum), span(*ttl));
                stored.expect("room");
                Answer::Done
            }
            Operation::SetIfAbsent(key, datum, ttl) => {
                self.set_if(*key, datum, *ttl, Condition::Absent)
            }
            Operation::SetIfPresent(key, datum, ttl) => {
                self.set_if(*key, datum, *ttl, Condition::Present)
            }
            Operation::Increment(key, delta, ttl) => {
                match map.increment(&self::key(*key), *delta, span(*ttl)) {
                    Ok(sum) => Answer::Sum(sum),
                    Err(IncrementError::NotACounter) => Answer::NotACounter,
                    Err(IncrementError::Overflow) => Answer::Overflow,
                    Err(error) => panic!("{error}"),
                }
            }
            Operation::Expire(key, 0) | Operation::Delete(key) => {
                Answer::Truth(map.delete(&self::key(*key)).expect(ALIVE))
            }
            Operation::Expire(key, hours) => {
                let touched = map.touch(&self::key(*key), span(Some(*hours)));
                Answer::Truth(touched.expect("room"))
            }
            Operation::Persist(key) => {
                // Redis answers whether there was a TTL.
                let entry = map.get_entry(&self::key(*key)).expect(ALIVE);
                let touched = map.touch(&self::key(*key), Ttl::Never).expect("room");
                assert_eq!(touched, entry.is_some());
                Answer::Truth(entry.is_some_and(|entry| entry.expires_in.is_some()))
            }
            Operation::Keys => Answer::Keys(self.keys()),
            Operation::Clear => {
                map.clear().expect(ALIVE);
                Answer::Done
            }
        }
    }

    fn state(&mut self, number: u8) -> (Option<Datum>, Left) {
        let Some(entry) = self.map.get_entry(&key(number)).expect(ALIVE) else {
            return (None, Left::Absent);
        };
        let left = entry.expires_in.map_or(Left::Forever, |left| {
            let hours = left.as_secs() / HOUR.as_secs();
            assert_eq!(left, time(hours), "time passes only when the test sets it");
            Left::Hours(hours)
        });
        (Some(datum(entry.value)), left)
    }
}

fn time(hours: u64) -> Duration {
    Duration::from_secs(HOUR.as_secs() * hours)
}

fn span(ttl: Option<u64>) -> Ttl {
    ttl.map_or(Ttl::Never, |hours| Ttl::After(time(hours)))
}

fn bytes(datum: &Datum) -> Vec<u8> {
    match datum {
        Datum::Counter(number) => number.to_le_bytes().to_vec(),
        Datum::Bytes(bytes) => bytes.clone(),
    }
}

fn datum(value: Vec<u8>) -> Datum {
    match value.as_array() {
        Some(counter) => Datum::Counter(i64::from_le_bytes(*counter)),
        None => Datum::Bytes(value),
    }
}
