//! Calls the interfaces of the contract directly: those of the map component, without the host
//! library in between, or those of an app that the library's linker provides them to. `get`, `set`,
//! `get-many` and `apply` use `blocks` if they can, and everything else uses `local-map`.

use super::convert::{pack, unpack_outcomes, unpack_values};
use localmap::wasmtime::component::{Component, Linker, ResourceAny};
use localmap::wasmtime::{self, Config, Engine, Store};
use localmap::{
    Clock, Control, Host, LinkedMap, LocalMap, ManualClock, MapOptions, MapTerminated,
    MemoryLimiter, WatchError,
};
use localmap_engine::{
    Change, Condition, ConfigureError, Error, KeyFault, Limits, Outcome, Stats, Ttl,
};
use localmap_packed::pack_keys;
use localmap_tests::translate::{
    engine_changes, engine_configure_error, engine_entry, engine_limits, engine_stats, host_limits,
    nanos,
};
use localmap_tests::vectors::{Changes, Entry, Page, Subject};
use std::path::Path;
use std::time::Duration;

mod contract {
    #![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
    use localmap::wasmtime;

    wasmtime::component::bindgen!({
        path: "../wit",
        inline: "
            package localmap:tests;
            world instance {
                export localmap:core/local-map@0.1.0;
                export localmap:core/blocks@0.1.0;
            }
        ",
        world: "localmap:tests/instance",
        wasmtime_crate: localmap::wasmtime,
        ownership: Borrowing { duplicate_if_necessary: false },
    });
}

pub(crate) use contract::exports::localmap::core::blocks::{Block, Bytes, Key};
use contract::exports::localmap::core::local_map as wit;

/// Message of calls that fail only if the map traps.
const ALIVE: &str = "nothing here kills a map";

/// The way to a map.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way {
    /// Directly into the map component.
    Straight,
    /// The same, by `local-map` alone.
    Plain,
    /// Through an app whose map comes from the embedder's linker.
    Linked,
}

/// The compiled component: the map, or the app that relays calls to its map.
pub(crate) struct Compiled {
    component: Component,
    linker: Linker<State>,
    /// Creates the maps of apps.
    host: Option<Host>,
    /// Whether there is more than `local-map` to call.
    has_blocks: bool,
}

pub(crate) struct State {
    clock: ManualClock,
    memory: MemoryLimiter,
    /// The map of the app, if there is an app.
    linked: Option<LinkedMap>,
}

impl Compiled {
    pub(crate) fn new(way: Way) -> wasmtime::Result<Self> {
        match way {
            Way::Straight => Self::map(true),
            Way::Plain => Self::map(false),
            Way::Linked => Self::app(),
        }
    }

    fn map(has_blocks: bool) -> wasmtime::Result<Self> {
        let file = localmap_tests::root().join("host/localmap/src/artifact/map.wasm");
        Self::of_map(&file, has_blocks)
    }

    /// Compiles the map component in a file.
    pub(crate) fn of_map(file: &Path, has_blocks: bool) -> wasmtime::Result<Self> {
        let mut config = Config::new();
        config.concurrency_support(false);
        let engine = Engine::new(&config)?;
        let component = Component::from_file(&engine, file)?;
        let mut linker = Linker::<State>::new(&engine);
        linker
            .instance("wasi:clocks/monotonic-clock@0.2.0")?
            .func_wrap("now", |store, (): ()| {
                Ok((nanos(store.data().clock.now()),))
            })?;
        linker
            .instance("wasi:random/insecure-seed@0.2.0")?
            .func_wrap("insecure-seed", |_, (): ()| Ok(((1u64, 2u64),)))?;
        Ok(Self {
            component,
            linker,
            host: None,
            has_blocks,
        })
    }

    fn app() -> wasmtime::Result<Self> {
        let engine = Engine::default();
        let component = Component::new(&engine, localmap_tests::relay())?;
        let mut linker = Linker::<State>::new(&engine);
        localmap::add_to_linker(&mut linker, |state| {
            state.linked.as_mut().expect("an app has a map")
        })?;
        let host = Some(Host::new()?);
        Ok(Self {
            component,
            linker,
            host,
            has_blocks: true,
        })
    }
}

/// A map for the vectors, reached in one of these ways.
pub(crate) struct Map {
    store: Store<State>,
    exports: contract::Instance,
    has_blocks: bool,
    /// The `control` of the map component.
    control: Option<Control>,
}

impl Map {
    /// Creates a map whose memories have at most `max_memory` bytes each.
    pub(crate) fn new(compiled: &Compiled, max_memory: usize) -> wasmtime::Result<Self> {
        Self::with_options(compiled, max_memory, MapOptions::new())
    }

    /// Creates a map, with options for that of an app.
    pub(crate) fn with_options(
        compiled: &Compiled,
        max_memory: usize,
        options: MapOptions,
    ) -> wasmtime::Result<Self> {
        let clock = ManualClock::new();
        let options = options.max_memory(max_memory).clock(clock.clone());
        let linked = match &compiled.host {
            Some(host) => Some(LinkedMap::new(host.map(&options)?)),
            None => None,
        };
        // The app has its own limit: its memory holds arguments and results.
        let memory = MemoryLimiter::new(max_memory);
        let state = State {
            clock,
            memory,
            linked,
        };
        let mut store = Store::new(compiled.linker.engine(), state);
        store.limiter(|state| &mut state.memory);
        let instance = compiled
            .linker
            .instantiate(&mut store, &compiled.component)?;
        let exports = contract::Instance::new(&mut store, &instance)?;
        let control = Control::find(&mut store, &compiled.component, &instance)?;
        assert!(control.is_some() || compiled.host.is_some());
        Ok(Self {
            store,
            exports,
            has_blocks: compiled.has_blocks,
            control,
        })
    }

    /// Calls an operation of the host: `inside` through the component's `control`, or `outside`
    /// on the linked map.
    fn host<R>(
        &mut self,
        inside: impl FnOnce(&Control, &mut Store<State>) -> wasmtime::Result<R>,
        outside: impl FnOnce(&mut LocalMap) -> Result<R, MapTerminated>,
    ) -> R {
        match (&self.control, &mut self.store.data_mut().linked) {
            (_, Some(linked)) => outside(&mut linked.map()).expect(ALIVE),
            (Some(control), None) => inside(control, &mut self.store).expect(ALIVE),
            (None, None) => panic!("a map has a host"),
        }
    }

    /// Calls `call` with the component's `control`.
    pub(crate) fn with_control<R>(
        &mut self,
        call: impl FnOnce(&Control, &mut Store<State>) -> R,
    ) -> R {
        let control = self.control.as_ref().expect("it has one");
        call(control, &mut self.store)
    }

    /// Returns the map of an app.
    pub(crate) fn linked(&mut self) -> &mut LinkedMap {
        let linked = self.store.data_mut().linked.as_mut();
        linked.expect("an app has a map")
    }

    /// Returns the bytes of the map's memory.
    pub(crate) fn memory(&mut self) -> usize {
        let state = self.store.data_mut();
        match &mut state.linked {
            Some(linked) => linked.map().memory(),
            None => state.memory.used(),
        }
    }

    /// Returns `local-map`, and the store to call it in.
    fn plain(&mut self) -> (&wit::Guest, &mut Store<State>) {
        (self.exports.localmap_core_local_map(), &mut self.store)
    }

    /// Calls `get` of `blocks`.
    pub(crate) fn get_blocks(&mut self, key: Key) -> Option<Bytes> {
        let blocks = self.exports.localmap_core_blocks();
        blocks.call_get(&mut self.store, key).expect(ALIVE)
    }

    /// Calls `set` of `blocks`.
    pub(crate) fn set_blocks(&mut self, key: Key, value: &Bytes, ttl: Ttl) -> Result<u64, Error> {
        let blocks = self.exports.localmap_core_blocks();
        let answer = blocks.call_set(&mut self.store, key, value, ttl.into());
        Ok(answer.expect(ALIVE)?)
    }

    /// Calls `get-packed` of `blocks`.
    pub(crate) fn get_packed(&mut self, keys: &Vec<Block>) -> Vec<Block> {
        let blocks = self.exports.localmap_core_blocks();
        blocks.call_get_packed(&mut self.store, keys).expect(ALIVE)
    }

    /// Calls `apply-packed` of `blocks`.
    pub(crate) fn apply_packed(&mut self, changes: &Vec<Block>) -> Vec<Block> {
        let blocks = self.exports.localmap_core_blocks();
        blocks
            .call_apply_packed(&mut self.store, changes)
            .expect(ALIVE)
    }

    /// Calls `get-many` of `local-map`.
    pub(crate) fn get_many_bytes(&mut self, keys: &[&[u8]]) -> Vec<Option<Vec<u8>>> {
        let (map, store) = self.plain();
        map.call_get_many(store, keys).expect(ALIVE)
    }

    /// Calls `apply` of `local-map`.
    pub(crate) fn apply_bytes(
        &mut self,
        changes: &[Change<'_>],
    ) -> Result<Vec<Outcome>, (u32, Error)> {
        let changes: Vec<_> = changes.iter().map(|change| change.into()).collect();
        let (map, store) = self.plain();
        match map.call_apply(store, &changes).expect(ALIVE) {
            Ok(outcomes) => Ok(outcomes.into_iter().map(Outcome::from).collect()),
            Err((index, error)) => Err((index, error.into())),
        }
    }

    /// Calls `get` of `local-map`.
    pub(crate) fn get_bytes(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let (map, store) = self.plain();
        map.call_get(store, key).expect(ALIVE)
    }

    /// Calls `set` of `local-map`.
    pub(crate) fn set_bytes(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<u64, Error> {
        let (map, store) = self.plain();
        Ok(map.call_set(store, key, value, ttl.into()).expect(ALIVE)?)
    }
}

/// Converts at most 64 bytes to a block, padded with zeros.
pub(crate) fn to_block(bytes: &[u8]) -> Block {
    let mut padded = [0; 64];
    padded[..bytes.len()].copy_from_slice(bytes);
    let mut words = padded
        .chunks(8)
        .map(|word| u64::from_le_bytes(word.try_into().expect("eight bytes")));
    let mut next = || words.next().expect("eight words");
    (
        next(),
        next(),
        next(),
        next(),
        next(),
        next(),
        next(),
        next(),
    )
}

/// Converts whole blocks of bytes.
pub(crate) fn to_blocks(bytes: &[u8]) -> Vec<Block> {
    assert_eq!(bytes.len() % 64, 0);
    bytes.chunks(64).map(to_block).collect()
}

/// Returns the bytes of blocks.
pub(crate) fn from_blocks<'a>(blocks: impl IntoIterator<Item = &'a Block>) -> Vec<u8> {
    let words = |&(a, b, c, d, e, f, g, h): &Block| [a, b, c, d, e, f, g, h];
    let blocks = blocks.into_iter().flat_map(words);
    blocks.flat_map(u64::to_le_bytes).collect()
}

/// Converts a key of at most 64 bytes.
pub(crate) fn to_key(key: &[u8]) -> Key {
    Key {
        length: length(key),
        bytes: to_block(key),
    }
}

/// Converts a value of any length.
pub(crate) fn to_bytes(value: &[u8]) -> Bytes {
    let mut blocks: Vec<Block> = value.chunks(64).map(to_block).collect();
    Bytes {
        length: length(value),
        rest: blocks.pop().unwrap_or_default(),
        blocks,
    }
}

/// Returns the value of these bytes. Asserts that the padding is zero and no block superfluous.
pub(crate) fn from_bytes(bytes: &Bytes) -> Vec<u8> {
    let mut value = from_blocks(bytes.blocks.iter().chain([&bytes.rest]));
    let len = bytes.length as usize;
    assert!(len <= value.len() && value.len() <= len.max(1).next_multiple_of(64));
    assert!(value[len..].iter().all(|byte| *byte == 0));
    value.truncate(len);
    value
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("32 bits")
}

/// Returns `true` if the key fits into a block.
pub(crate) fn is_short(key: &[u8]) -> bool {
    key.len() <= 64
}

impl Subject for Map {
    type Pin = ResourceAny;

    fn set_clock(&mut self, now: u64) {
        self.store.data().clock.set(Duration::from_nanos(now));
    }

    fn configure(&mut self, limits: Limits) -> Result<(), ConfigureError> {
        let limits = host_limits(&limits);
        let answer = self.host(
            |control, store| control.configure(store, &limits),
            |map| Ok(map.configure(&limits)),
        );
        answer.map_err(engine_configure_error)
    }

    fn limits(&mut self) -> Limits {
        engine_limits(&self.host(|control, store| control.limits(store), LocalMap::limits))
    }

    fn get(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        if self.has_blocks && is_short(key) {
            return self.get_blocks(to_key(key)).as_ref().map(from_bytes);
        }
        self.get_bytes(key)
    }

    fn get_entry(&mut self, key: &[u8]) -> Option<Entry> {
        let (map, store) = self.plain();
        let entry = map.call_get_entry(store, key).expect(ALIVE)?;
        Some(Entry {
            value: entry.value,
            version: entry.version,
            expires_in: entry.expires_in,
        })
    }

    fn get_many(&mut self, keys: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
        let keys = keys.iter().map(Vec::as_slice);
        if !self.has_blocks {
            return self.get_many_bytes(&keys.collect::<Vec<_>>());
        }
        let keys = pack_keys(Vec::new(), keys);
        unpack_values(&self.get_packed(&to_blocks(keys.bytes())))
    }

    fn contains(&mut self, key: &[u8]) -> bool {
        let (map, store) = self.plain();
        map.call_contains(store, key).expect(ALIVE)
    }

    fn set(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<u64, Error> {
        if self.has_blocks && is_short(key) {
            return self.set_blocks(to_key(key), &to_bytes(value), ttl);
        }
        self.set_bytes(key, value, ttl)
    }

    fn set_if(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<u64, Error> {
        let (map, store) = self.plain();
        let answer = map.call_set_if(store, key, value, ttl.into(), condition.into());
        Ok(answer.expect(ALIVE)?)
    }

    fn increment(&mut self, key: &[u8], delta: i64, ttl: Ttl) -> Result<i64, Error> {
        let (map, store) = self.plain();
        let answer = map.call_increment(store, key, delta, ttl.into());
        Ok(answer.expect(ALIVE)?)
    }

    fn touch(&mut self, key: &[u8], ttl: Ttl) -> Result<bool, Error> {
        let (map, store) = self.plain();
        Ok(map.call_touch(store, key, ttl.into()).expect(ALIVE)?)
    }

    fn take(&mut self, key: &[u8]) -> Option<Vec<u8>> {
        let (map, store) = self.plain();
        map.call_take(store, key).expect(ALIVE)
    }

    fn delete(&mut self, key: &[u8]) -> bool {
        let (map, store) = self.plain();
        map.call_delete(store, key).expect(ALIVE)
    }

    fn delete_if(&mut self, key: &[u8], version: u64) -> Result<(), Error> {
        let (map, store) = self.plain();
        Ok(map.call_delete_if(store, key, version).expect(ALIVE)?)
    }

    fn apply(&mut self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, (u32, Error)> {
        if !self.has_blocks {
            return self.apply_bytes(changes);
        }
        let packed = pack(changes);
        unpack_outcomes(changes, &self.apply_packed(&to_blocks(packed.bytes())))
    }

    fn pin(&mut self, key: &[u8]) -> Result<Option<ResourceAny>, Error> {
        let (map, store) = self.plain();
        Ok(map.call_pin(store, key).expect(ALIVE)?)
    }

    fn pinned(&mut self, pin: &ResourceAny) -> (Vec<u8>, u64) {
        let (map, store) = self.plain();
        let value = map.pinned().call_value(&mut *store, *pin).expect(ALIVE);
        (value, map.pinned().call_version(store, *pin).expect(ALIVE))
    }

    fn unpin(&mut self, pin: ResourceAny) {
        pin.resource_drop(&mut self.store).expect(ALIVE);
    }

    fn scan(&mut self, prefix: &[u8], cursor: u64, limit: u32) -> Page {
        let (map, store) = self.plain();
        let page = map.call_scan(store, prefix, cursor, limit).expect(ALIVE);
        let entries = page.entries.into_iter().map(|scanned| {
            let entry = Entry {
                value: scanned.value,
                version: scanned.version,
                expires_in: scanned.expires_in,
            };
            (scanned.key, entry)
        });
        Page {
            entries: entries.collect(),
            next: page.next,
        }
    }

    fn len(&mut self) -> u64 {
        let (map, store) = self.plain();
        map.call_len(store).expect(ALIVE)
    }

    fn stats(&mut self) -> Stats {
        engine_stats(&self.host(|control, store| control.stats(store), LocalMap::stats))
    }

    fn sweep(&mut self, max: u32) -> u32 {
        self.host(
            |control, store| control.sweep(store, max),
            |map| map.sweep(max),
        )
    }

    fn clear(&mut self) {
        self.host(|control, store| control.clear(store), LocalMap::clear);
    }

    fn watch(&mut self, max_bytes: u32) -> bool {
        let watched = self.host(
            |control, store| control.watch(store, max_bytes),
            |map| Ok(map.watch(max_bytes)),
        );
        match watched {
            Err(WatchError::NoMemory) => false,
            watched => {
                watched.expect(ALIVE);
                true
            }
        }
    }

    fn changes(&mut self) -> Changes {
        let changes = self.host(
            |control, store| control.changes(store),
            |map| Ok(map.changes()),
        );
        engine_changes(changes.expect(ALIVE))
    }

    fn peek(&mut self, keys: &[Vec<u8>]) -> Vec<Option<Entry>> {
        let keys: Vec<&[u8]> = keys.iter().map(Vec::as_slice).collect();
        let found = self.host(
            |control, store| control.peek(store, &keys),
            |map| Ok(map.peek(&keys)),
        );
        let found = found.expect(ALIVE).into_iter();
        found.map(|found| found.map(engine_entry)).collect()
    }
}

impl From<Ttl> for wit::Ttl {
    fn from(ttl: Ttl) -> Self {
        match ttl {
            Ttl::Default => Self::Default,
            Ttl::Never => Self::Never,
            Ttl::After(after) => Self::After(after),
        }
    }
}

impl From<Condition> for wit::Condition {
    fn from(condition: Condition) -> Self {
        match condition {
            Condition::Absent => Self::Absent,
            Condition::Present => Self::Present,
            Condition::Version(version) => Self::Version(version),
        }
    }
}

impl<'a> From<&Change<'a>> for wit::Change<'a> {
    fn from(change: &Change<'a>) -> Self {
        match *change {
            Change::Set { key, value, ttl } => Self::Set(wit::SetChange {
                key,
                value,
                ttl: ttl.into(),
            }),
            Change::SetIf {
                key,
                value,
                ttl,
                condition,
            } => Self::SetIf(wit::SetIfChange {
                key,
                value,
                ttl: ttl.into(),
                condition: condition.into(),
            }),
            Change::Increment { key, delta, ttl } => Self::Increment(wit::IncrementChange {
                key,
                delta,
                ttl: ttl.into(),
            }),
            Change::Touch { key, ttl } => Self::Touch(wit::TouchChange {
                key,
                ttl: ttl.into(),
            }),
            Change::Delete { key } => Self::Delete(key),
            Change::DeleteIf { key, version } => {
                Self::DeleteIf(wit::DeleteIfChange { key, version })
            }
        }
    }
}

impl From<wit::Outcome> for Outcome {
    fn from(outcome: wit::Outcome) -> Self {
        match outcome {
            wit::Outcome::Stored(version) => Self::Stored(version),
            wit::Outcome::Counter(sum) => Self::Counter(sum),
            wit::Outcome::Touched(there) => Self::Touched(there),
            wit::Outcome::Deleted(there) => Self::Deleted(there),
        }
    }
}

impl From<wit::Error> for Error {
    fn from(error: wit::Error) -> Self {
        match error {
            wit::Error::InvalidKey(fault) => Self::InvalidKey(match fault {
                wit::KeyFault::Empty => KeyFault::Empty,
                wit::KeyFault::TooLong(len) => KeyFault::TooLong(len),
                wit::KeyFault::NotUtf8 => KeyFault::NotUtf8,
            }),
            wit::Error::ValueTooLarge(max) => Self::ValueTooLarge(max),
            wit::Error::InvalidTtl => Self::InvalidTtl,
            wit::Error::Full => Self::Full,
            wit::Error::Conflict(current) => Self::Conflict(current),
            wit::Error::NotACounter => Self::NotACounter,
            wit::Error::Overflow => Self::Overflow,
        }
    }
}
