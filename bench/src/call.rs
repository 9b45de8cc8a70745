//! The cost of a call from the host: the map's operations, compared with a call made by
//! Wasmtime alone.

use crate::Options;
use crate::measure::{Times, nanos};
use crate::report::{Report, Row};
use anyhow::{Context, Result};
use localmap::names::LOCAL_MAP;
use localmap::wasmtime::component::{Component, Linker, TypedFunc};
use localmap::wasmtime::{Store, StoreContextMut};
use localmap::{Host, LocalMap, MapOptions, Ttl};
use std::hint::black_box;
use std::time::Duration;

const ENTRIES: u32 = 1_000;
const SIZE: u32 = 64;
/// Calls in one turn.
const CALLS: u32 = 5_000;
/// Writes of a watched map between two questions for its changes.
const ASKED: u32 = 256;

type Len = TypedFunc<(), (u64,)>;

/// The calls that are compared.
#[derive(Clone, Copy)]
enum Call {
    Noop,
    Bare,
    Get,
    GetInto,
    GetTtl,
    Set,
    SetTtl,
    SetWatched,
}

const SYSTEMS: [(Call, &str, &str); 8] = [
    (Call::Noop, "a call that does nothing", "localmap"),
    (
        Call::Bare,
        "a call that does nothing",
        "Wasmtime alone, same settings",
    ),
    (Call::Get, "get from the host", "localmap"),
    (
        Call::GetInto,
        "get from the host, into a buffer",
        "localmap",
    ),
    (Call::GetTtl, "get from the host, with a TTL", "localmap"),
    (Call::Set, "set from the host", "localmap"),
    (Call::SetTtl, "set from the host, with a TTL", "localmap"),
    (
        Call::SetWatched,
        "set from the host, watched, and asked after 256",
        "localmap",
    ),
];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let host = Host::new()?;
    let mut calls = Calls::new(&host)?;
    let times = Times::take(SYSTEMS.len(), 10 * options.rounds(), |system| {
        let started = nanos();
        calls.run(SYSTEMS[system].0, CALLS)?;
        anyhow::Ok((nanos() - started) as f64 / f64::from(CALLS))
    })?;
    for ((call, work, system), median) in SYSTEMS.into_iter().zip(times.medians()) {
        let (size, entries) = match call {
            Call::Noop | Call::Bare => (0, 0),
            _ => (SIZE, ENTRIES),
        };
        report.add(Row::time(work, size, entries, system.into(), &median));
    }
    Ok(())
}

struct Calls {
    empty: LocalMap,
    map: LocalMap,
    /// Its entries have a TTL.
    mortal: LocalMap,
    /// It tells its changes.
    watched: LocalMap,
    ttl: Ttl,
    keys: Vec<[u8; 16]>,
    value: Vec<u8>,
    buffer: Vec<u8>,
    store: Store<()>,
    len: Len,
}

impl Calls {
    fn new(host: &Host) -> Result<Self> {
        let mut map = host.map(&MapOptions::new())?;
        let mut mortal = host.map(&MapOptions::new())?;
        let mut watched = host.map(&MapOptions::new())?;
        watched.watch(65_536)?;
        let ttl = Ttl::After(Duration::from_secs(3600));
        let keys: Vec<[u8; 16]> = (0..ENTRIES).map(key).collect();
        let value = vec![7; SIZE as usize];
        for key in &keys {
            map.set(key, &value, Ttl::Never)?;
            mortal.set(key, &value, ttl)?;
            watched.set(key, &value, Ttl::Never)?;
        }
        let (store, len) = bare(host)?;
        Ok(Self {
            empty: host.map(&MapOptions::new())?,
            map,
            mortal,
            watched,
            ttl,
            keys,
            value,
            buffer: Vec::new(),
            store,
            len,
        })
    }

    fn run(&mut self, call: Call, times: u32) -> Result<()> {
        let keys = self.keys.iter().cycle().take(times as usize);
        match call {
            Call::Noop => {
                for _ in 0..times {
                    black_box(self.empty.len()?);
                }
            }
            Call::Bare => {
                for _ in 0..times {
                    self.store.set_epoch_deadline(1);
                    black_box(self.len.call(&mut self.store, ())?);
                }
            }
            Call::Get => {
                for key in keys {
                    black_box(self.map.get(key)?);
                }
            }
            Call::GetInto => {
                for key in keys {
                    self.buffer.clear();
                    black_box(self.map.get_into(key, &mut self.buffer)?);
                }
            }
            Call::GetTtl => {
                for key in keys {
                    black_box(self.mortal.get(key)?);
                }
            }
            Call::Set => {
                for key in keys {
                    self.map.set(key, &self.value, Ttl::Never)?;
                }
            }
            Call::SetTtl => {
                for key in keys {
                    self.mortal.set(key, &self.value, self.ttl)?;
                }
            }
            Call::SetWatched => {
                for (number, key) in (1..).zip(keys) {
                    self.watched.set(key, &self.value, Ttl::Never)?;
                    if number % ASKED == 0 {
                        black_box(self.watched.changes()?);
                    }
                }
            }
        }
        Ok(())
    }
}

fn key(number: u32) -> [u8; 16] {
    let mut key = *b"key-............";
    key[4..8].copy_from_slice(&number.to_le_bytes());
    key
}

/// Returns the map's `len`, to be called by Wasmtime alone: same component, engine and limits.
fn bare(host: &Host) -> Result<(Store<()>, Len)> {
    let engine = host.as_ref();
    let component = Component::new(engine, localmap::MAP_COMPONENT)?;
    let mut linker = Linker::<()>::new(engine);
    linker
        .instance("wasi:clocks/monotonic-clock@0.2.0")?
        .func_wrap("now", |_: StoreContextMut<'_, ()>, (): ()| Ok((0u64,)))?;
    linker
        .instance("wasi:random/insecure-seed@0.2.0")?
        .func_wrap("insecure-seed", |_: StoreContextMut<'_, ()>, (): ()| {
            Ok(((1u64, 2u64),))
        })?;
    let mut store = Store::new(engine, ());
    store.epoch_deadline_callback(|_| Ok(localmap::wasmtime::UpdateDeadline::Continue(1)));
    store.set_epoch_deadline(1);
    let instance = linker.instantiate(&mut store, &component)?;
    let map = instance
        .get_export_index(&mut store, None, LOCAL_MAP)
        .context("no map")?;
    let len = instance
        .get_export_index(&mut store, Some(&map), "len")
        .context("no len")?;
    let len = instance.get_typed_func(&mut store, len)?;
    Ok((store, len))
}
