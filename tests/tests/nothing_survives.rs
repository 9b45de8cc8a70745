//! Rule 10: the next guest that gets the memory of a map cannot read any byte of the map.
//!
//! Canaries go through every operation of a map, which is then dropped, cancelled or trapped.
//! Guests that allocate all the memory of the same pool search it for the canaries.
//!
//! The test proves something only if canaries can be found. Therefore each round first finds
//! them in the memory of the live map, and checks that the guests get this memory.

#![allow(clippy::panic, reason = "what a test panics with is its answer")]

use localmap::wasmtime::{Engine, Instance, Module, Store, TypedFunc};
use localmap::{
    Allocation, Change, Condition, Host, HostOptions, LocalMap, MapOptions, Profile, Ttl,
};
use localmap_tests::root;
use std::fs::File;
use std::io::{BufRead, Read, Seek, SeekFrom, Write};
use std::ops::Range;

/// Rounds for each profile.
const ROUNDS: usize = 1000;

/// The maximum of one memory, in bytes.
const MEMORY: usize = 4 << 20;

/// Eight unique bytes, none of which is zero. They are in the memory of the test only while they
/// are passed to a map.
#[derive(Clone, Copy)]
struct Canary {
    masked: u64,
    mask: u64,
}

impl Canary {
    fn new(random: &mut fastrand::Rng) -> Self {
        let mask = random.u64(..);
        let mut bytes = [0; 8];
        bytes.fill_with(|| random.u8(1..));
        Self {
            masked: u64::from_le_bytes(bytes) ^ mask,
            mask,
        }
    }

    fn reveal(self) -> [u8; 8] {
        (self.masked ^ self.mask).to_le_bytes()
    }
}

/// The canaries of one map.
struct Canaries {
    key: Canary,
    value: Canary,
    counter: Canary,
}

impl Canaries {
    fn new(random: &mut fastrand::Rng) -> Self {
        Self {
            key: Canary::new(random),
            value: Canary::new(random),
            counter: Canary::new(random),
        }
    }

    fn all(&self) -> [Canary; 3] {
        [self.key, self.value, self.counter]
    }

    /// Returns a key with a canary at a random offset.
    fn key(&self, random: &mut fastrand::Rng) -> Vec<u8> {
        let before = random.usize(..=56);
        let mut key = vec![b'k'; before];
        key.extend(self.key.reveal());
        key.resize(before + 8 + random.usize(..=56), b'k');
        key
    }

    /// Returns a value that is full of canaries.
    fn value(&self, random: &mut fastrand::Rng) -> Vec<u8> {
        let most = [64, 600, 5000][random.usize(..3)];
        let len = random.usize(8..=most);
        self.value.reveal().into_iter().cycle().take(len).collect()
    }
}

/// Passes the canaries to each operation.
fn use_all(map: &mut LocalMap, canaries: &Canaries, random: &mut fastrand::Rng) {
    let ttl = Ttl::Never;
    let counter = i64::from_le_bytes(canaries.counter.reveal());
    let keys: Vec<Vec<u8>> = (0..12).map(|_| canaries.key(random)).collect();
    let mut value = || canaries.value(random);
    map.set(&keys[0], &value(), ttl).expect("room");
    let pin = map.pin(&keys[0]).expect("room");
    map.set(&keys[0], &value(), ttl).expect("room");
    // These may fail: a previous entry may have the same key.
    let _ = map.set_if(&keys[1], &value(), ttl, Condition::Absent);
    let _ = map.set_if(&keys[1], &value(), ttl, Condition::Present);
    let _ = map.increment(&keys[2], counter, ttl);
    map.set(&keys[3], &value(), ttl).expect("room");
    map.touch(&keys[3], ttl).expect("room");
    map.get(&keys[3]).expect("alive");
    map.get_entry(&keys[3]).expect("alive");
    map.contains(&keys[3]).expect("alive");
    let values = [value(), value()];
    let _ = map.apply(&[
        Change::Set {
            key: &keys[4],
            value: &values[0],
            ttl,
        },
        Change::SetIf {
            key: &keys[5],
            value: &values[1],
            ttl,
            condition: Condition::Absent,
        },
        Change::Increment {
            key: &keys[6],
            delta: counter,
            ttl,
        },
        Change::Touch { key: &keys[4], ttl },
        Change::Delete { key: &keys[5] },
    ]);
    map.set(&keys[7], &value(), ttl).expect("room");
    map.take(&keys[7]).expect("alive");
    let version = map.set(&keys[8], &value(), ttl).expect("room");
    let _ = map.delete_if(&keys[8], version);
    map.set(&keys[9], &value(), ttl).expect("room");
    map.delete(&keys[9]).expect("alive");
    let asked: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
    map.get_many(&asked).expect("alive");
    map.scan(&canaries.key.reveal(), 0, 100).expect("alive");
    map.scan(b"", 0, 100).expect("alive");
    if let Some(pin) = pin {
        map.pinned(&pin).expect("alive");
        // This pin is never released.
        std::mem::forget(pin);
    }
    // All canaries are present at the end, even if some keys were equal.
    map.set(&keys[10], &value(), ttl).expect("room");
    map.delete(&keys[11]).expect("alive");
    let counted = map.increment(&keys[11], counter, ttl).expect("room");
    assert_eq!(counted, counter);
}

/// Guests that have allocated all the memory of a pool.
struct Scanners {
    store: Store<()>,
    all: Vec<Scanner>,
}

struct Scanner {
    dirty: TypedFunc<(), i32>,
    find: TypedFunc<(u64, u64), i32>,
    plant: TypedFunc<(u32, u64, u64), ()>,
    /// The addresses of its memory in the host.
    memory: Range<usize>,
}

impl Scanners {
    fn new(engine: &Engine, module: &Module) -> Self {
        let mut store = Store::new(engine, ());
        store.set_epoch_deadline(u64::MAX / 2);
        let mut all = Vec::new();
        // Instantiate until the pool is exhausted.
        while let Ok(instance) = Instance::new(&mut store, module, &[]) {
            let memory = instance.get_memory(&mut store, "memory").expect("its own");
            let grow: TypedFunc<(), i32> = function(&mut store, &instance, "grow");
            let len = grow.call(&mut store, ()).expect("it ends");
            assert_eq!(len as usize, MEMORY);
            let start = memory.data_ptr(&store) as usize;
            all.push(Scanner {
                dirty: function(&mut store, &instance, "dirty"),
                find: function(&mut store, &instance, "find"),
                plant: function(&mut store, &instance, "plant"),
                memory: start..start + MEMORY,
            });
            assert!(all.len() < 100, "this is not a pool");
        }
        assert!(!all.is_empty(), "the pool gives nothing");
        Self { store, all }
    }

    /// Returns `true` if a scanner finds a canary.
    fn find(&mut self, canaries: &Canaries) -> bool {
        self.all.iter().any(|scanner| {
            canaries.all().iter().any(|canary| {
                let sought = (canary.masked, canary.mask);
                let at = scanner.find.call(&mut self.store, sought);
                at.expect("it ends") >= 0
            })
        })
    }

    /// Returns the number of blocks that are not all zero.
    fn dirty(&mut self) -> i32 {
        let dirty = self.all.iter().map(|scanner| {
            let blocks = scanner.dirty.call(&mut self.store, ());
            blocks.expect("it ends")
        });
        dirty.sum()
    }
}

fn function<P, R>(store: &mut Store<()>, instance: &Instance, name: &str) -> TypedFunc<P, R>
where
    P: localmap::wasmtime::WasmParams,
    R: localmap::wasmtime::WasmResults,
{
    let function = instance.get_typed_func(store, name);
    function.unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Returns `true` if each canary is in at least one of these parts of our own memory, read through
/// the system.
fn contain_all(slots: &[Range<usize>], len: usize, canaries: &Canaries) -> bool {
    let mut found = [false; 3];
    let mut memory = File::open("/proc/self/mem").expect("our own memory");
    let mut bytes = vec![0; len];
    for slot in slots {
        let begin = memory.seek(SeekFrom::Start(slot.start as u64));
        // Memory that is not allocated cannot be read.
        if begin.is_err() || memory.read_exact(&mut bytes).is_err() {
            continue;
        }
        for (found, canary) in found.iter_mut().zip(canaries.all()) {
            *found = *found || holds(&bytes, canary.reveal());
        }
    }
    found == [true; 3]
}

/// Writes a canary into unused slots, where a host that does not wipe them would leave it. Returns
/// `false` if the system does not allow it.
fn leave_in(slots: &[Range<usize>], canary: Canary) -> bool {
    let memory = File::options().write(true).open("/proc/self/mem");
    let Ok(mut memory) = memory else {
        return false;
    };
    slots.iter().all(|slot| {
        let at = SeekFrom::Start(slot.start as u64 + 12_340);
        memory.seek(at).is_ok() && memory.write_all(&canary.reveal()).is_ok()
    })
}

fn holds(bytes: &[u8], sought: [u8; 8]) -> bool {
    let mut rest = bytes;
    loop {
        match rest.skip_until(sought[0]) {
            Ok(0) | Err(_) => return false,
            Ok(_) if rest.starts_with(&sought[1..]) => return true,
            Ok(_) => {}
        }
    }
}

fn nothing_survives(profile: Profile) {
    let options = HostOptions::new()
        .profile(profile)
        .allocation(Allocation::Pooling)
        .max_maps(1)
        .max_memory(MEMORY);
    let host = Host::with_options(&options).expect("address space for one");
    let engine = host.as_ref();
    let scanner = root().join("tests/guests/hostile/scanner.wat");
    let scanner = std::fs::read_to_string(scanner).expect("it is there");
    let scanner = wat::parse_str(scanner).expect("valid text");
    let module = Module::new(engine, scanner).expect("it compiles");
    let mut random = fastrand::Rng::new();
    let seed = random.get_seed();
    println!("seed {seed}");

    let slots: Vec<Range<usize>> = {
        let scanners = Scanners::new(engine, &module);
        scanners.all.iter().map(|one| one.memory.clone()).collect()
    };
    for round in 0..ROUNDS {
        let canaries = Canaries::new(&mut random);
        // With this little memory, the largest value does not fit.
        let little = round % 3 == 2;
        let options = match little {
            true => MapOptions::new().max_memory(768 << 10),
            false => MapOptions::new(),
        };
        let mut map = host.map(&options).expect("a place");
        use_all(&mut map, &canaries, &mut random);
        if cfg!(target_os = "linux") {
            let found = contain_all(&slots, map.memory(), &canaries);
            assert!(
                found,
                "round {round}: the canaries are not in the memory of the map"
            );
        }
        // The map is terminated before the guests search; in some rounds it is still owned then.
        let owned = match round % 3 {
            0 => {
                drop(map);
                None
            }
            1 => {
                map.cancel_handle().cancel();
                Some(map)
            }
            _ => {
                let value: Vec<u8> = canaries.value.reveal().repeat(1 << 17);
                map.set(b"k", &value, Ttl::Never).expect_err("it traps");
                Some(map)
            }
        };
        let mut scanners = Scanners::new(engine, &module);
        let now: Vec<Range<usize>> = scanners.all.iter().map(|one| one.memory.clone()).collect();
        assert!(slots.iter().all(|slot| now.contains(slot)), "all of it");
        assert!(!scanners.find(&canaries), "round {round} of {seed}");
        assert_eq!(scanners.dirty(), 0, "round {round} of {seed}");
        drop(owned);
    }

    // A canary left in a slot would be found.
    let canaries = Canaries::new(&mut random);
    if leave_in(&slots, canaries.value) {
        let mut scanners = Scanners::new(engine, &module);
        assert!(scanners.find(&canaries));
        assert_eq!(scanners.dirty() as usize, slots.len());
    } else {
        println!("this system does not let us write to unused slots");
    }

    // Canaries are found at any address.
    let mut scanners = Scanners::new(engine, &module);
    assert_eq!(scanners.dirty(), 0);
    for at in [0, 1, 57, 63, 64, 100_000, MEMORY - 65, MEMORY - 8] {
        let canaries = Canaries::new(&mut random);
        for canary in canaries.all() {
            for index in 0..scanners.all.len() {
                assert!(!scanners.find(&canaries));
                let plant = scanners.all[index].plant.clone();
                let store = &mut scanners.store;
                let at = u32::try_from(at).expect("a place");
                plant
                    .call(&mut *store, (at, canary.masked, canary.mask))
                    .expect("it ends");
                assert!(scanners.find(&canaries), "{at}");
                assert!(scanners.dirty() > 0);
                plant
                    .call(&mut scanners.store, (at, 0, 0))
                    .expect("it ends");
            }
        }
    }
}

#[test]
fn rule_10_end_nothing_survives_in_a_dense_pool() {
    nothing_survives(Profile::Dense);
}

#[test]
fn rule_10_end_nothing_survives_in_a_pool_of_churn() {
    nothing_survives(Profile::Churn);
}
