//! Isolation: tenants behave like separate maps. Random tenants and keys, whose names are prefixes of
//! each other, have separators and empty parts, are compared with a model that has a map of its own
//! for each tenant. After each operation, the entries of a random half of all tenants are compared.

use super::{SECOND, class, tenants};
use fastrand::Rng;
use localmap::{
    Change, Limits, ManualClock, MapOptions, TenantError, Tenants, TenantsOptions, Ttl,
};
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::time::Duration;

const OPERATIONS: u32 = 3_000;

/// Names, of which some joined with a key by a separator are another name joined with another key.
const NAMES: [&[u8]; 14] = [
    b"",
    b":",
    b"a",
    b"a:",
    b"a:0",
    b"a:0:",
    b"a:0:2",
    b"a\0",
    b"\0a",
    b"a/../b",
    b"b",
    b"A",
    b"\xff",
    b"\xff\xff",
];
const KEYS: [&[u8]; 12] = [
    b":",
    b"a",
    b"0",
    b"2:secret",
    b"secret",
    b"0:secret",
    b":secret",
    b"0:2:secret",
    b"\0",
    b"\xff",
    b"s",
    b"se",
];

/// What a tenant is expected to hold: values with their deadlines.
#[derive(Default)]
struct Model {
    entries: BTreeMap<Vec<u8>, (Vec<u8>, Option<Duration>)>,
    last_used: Duration,
}

impl Model {
    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        Some(self.entries.get(key)?.0.clone())
    }
}

struct Compared {
    tenants: Tenants,
    clock: ManualClock,
    now: Duration,
    models: BTreeMap<Vec<u8>, Model>,
}

impl Compared {
    /// Performs an operation of a tenant, with its model.
    fn operate(&mut self, random: &mut Rng) {
        let name = NAMES[random.usize(..NAMES.len())];
        let key = KEYS[random.usize(..KEYS.len())];
        let other = KEYS[random.usize(..KEYS.len())];
        let value = vec![random.u8(..); random.usize(..20)];
        let (ttl, deadline) = match random.u64(..10) {
            0..7 => (Ttl::Never, None),
            seconds => {
                let after = Duration::from_secs(seconds);
                (Ttl::After(after), Some(self.now + after))
            }
        };
        let guard = self.tenants.checkout(name).expect("a map");
        let model = self.models.entry(name.to_vec()).or_default();
        model.last_used = self.now;
        let entries = &mut model.entries;
        match random.u32(..14) {
            0..4 => {
                guard.set(key, &value, ttl).expect("room");
                entries.insert(key.to_vec(), (value, deadline));
            }
            4 => assert_eq!(guard.get(key).expect("live"), model.get(key)),
            5 => {
                let there = entries.remove(key).is_some();
                assert_eq!(guard.delete(key).expect("live"), there);
            }
            6 => {
                let found = entries.remove(key).map(|(value, _)| value);
                assert_eq!(guard.take(key).expect("live"), found);
            }
            7 => {
                let there = guard.touch(key, ttl).expect("live");
                let entry = entries.get_mut(key);
                assert_eq!(there, entry.is_some());
                if let Some(entry) = entry {
                    entry.1 = deadline;
                }
            }
            8 => {
                let found = guard.get_many(&[key, other]).expect("live");
                assert_eq!(found, [model.get(key), model.get(other)]);
            }
            9 => {
                let set = |key| Change::Set {
                    key,
                    value: &value,
                    ttl,
                };
                match guard.apply(&[set(key), set(other)]) {
                    Ok(_) => {
                        for key in [key, other] {
                            entries.insert(key.to_vec(), (value.clone(), deadline));
                        }
                    }
                    Err(error) => assert!(matches!(error, TenantError::AcrossShards)),
                }
            }
            10 => {
                let len = guard.len().expect("live");
                assert_eq!(len, entries.len() as u64);
            }
            11 => {
                guard.clear().expect("live");
                entries.clear();
            }
            12 if random.bool() => {
                assert!(self.tenants.remove(name));
                assert!(guard.get(key).is_err());
                self.models.remove(name);
            }
            13 if random.bool() => {
                guard.cancel_handle().cancel();
                // The next checkout begins again.
                entries.clear();
            }
            _ => {}
        }
    }

    /// Lets time pass, in which entries expire and tenants become idle.
    fn pass_time(&mut self, random: &mut Rng) {
        self.now += SECOND * random.u32(..40);
        self.clock.set(self.now);
        let now = self.now;
        for model in self.models.values_mut() {
            let lives = |deadline: &Option<Duration>| deadline.is_none_or(|at| at > now);
            model.entries.retain(|_, (_, deadline)| lives(deadline));
        }
        let before = self.models.len();
        self.models
            .retain(|_, model| now - model.last_used < 60 * SECOND);
        assert_eq!(self.tenants.sweep().len(), before - self.models.len());
    }

    /// Compares the entries of some tenants, which is a use of them.
    fn compare(&mut self, random: &mut Rng) {
        assert_eq!(self.tenants.len(), self.models.len());
        for (name, model) in &mut self.models {
            if random.bool() {
                continue;
            }
            model.last_used = self.now;
            let mut found = BTreeMap::new();
            let guard = self.tenants.checkout(name).expect("a map");
            let visit = guard.visit(b"", |entry| {
                found.insert(entry.key, entry.entry.value);
                ControlFlow::Continue(())
            });
            visit.expect("live");
            let expected = model.entries.iter().map(|(key, (value, _))| (key, value));
            assert!(found.iter().eq(expected), "of {:?}", name.escape_ascii());
        }
    }
}

fn run(options: TenantsOptions, seed: u64) {
    let (tenants, clock) = tenants(options);
    let mut compared = Compared {
        tenants,
        clock,
        now: Duration::ZERO,
        models: BTreeMap::new(),
    };
    let mut random = Rng::with_seed(seed);
    for _ in 0..OPERATIONS {
        match random.u32(..20) {
            0 => compared.pass_time(&mut random),
            _ => compared.operate(&mut random),
        }
        compared.compare(&mut random);
    }
}

#[test]
fn tenants_behave_like_separate_maps() {
    for seed in 0..3 {
        run(TenantsOptions::new().class(class()), seed);
    }
}

#[test]
fn tenants_with_several_shards_behave_like_separate_maps() {
    let class = class().shards_per_tenant(3);
    run(TenantsOptions::new().class(class), 10);
}

#[test]
fn tenants_that_share_a_budget_behave_like_separate_maps() {
    let limits = Limits::default().max_bytes(1 << 20);
    let class = class().map(MapOptions::new().limits(limits));
    run(TenantsOptions::new().class(class).max_bytes(4 << 20), 20);
}
