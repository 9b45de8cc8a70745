//! What is compared: a system in a place, and the loops that run on a map of it.

use crate::guest::{Guest, State};
use crate::measure;
use anyhow::{Result, ensure};
use localmap::wasmtime::Store;
use localmap::wasmtime::component::TypedFunc;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Inside the sandbox.
    Sandbox,
    /// The same source with the same profile, compiled for this machine.
    Native,
}

/// The systems, with their numbers in `bench/guests/engine/src/runner.rs`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    Ours = 0,
    Boxed = 1,
    BoxedWords = 2,
    BoxedInPlace = 3,
    OursSystemClock = 4,
    BoxedSystemClock = 5,
    Moka = 6,
    QuickSync = 7,
    QuickUnsync = 8,
}

#[derive(Clone, Copy)]
pub(crate) enum Work {
    Get = 0,
    Overwrite = 1,
    Insert = 2,
    /// Makes keys and values for nothing.
    Nothing = 3,
    /// Reads of which each needs what the one before found.
    Chase = 4,
}

pub(crate) type Kind = (Place, System);

pub(crate) const OURS: Kind = (Place::Sandbox, System::Ours);

/// What a reader is to call it. Each label says what is done for time to live.
pub(crate) fn label((place, system): Kind) -> String {
    let place = match place {
        Place::Sandbox => "in the sandbox",
        Place::Native => "native",
    };
    let system = match system {
        System::Ours => "localmap",
        System::Boxed => "boxed map (deadline compared)",
        System::BoxedWords => "boxed map, keys compared by words (deadline compared)",
        System::BoxedInPlace => "boxed map, overwriting in place (deadline compared)",
        System::OursSystemClock => "localmap, system's clock",
        System::BoxedSystemClock => "boxed map, system's clock",
        System::Moka => "moka sync (time_to_live, own clock)",
        System::QuickSync => "quick_cache sync (deadline compared)",
        System::QuickUnsync => "quick_cache unsync (deadline compared)",
    };
    format!("{system}, {place}")
}

/// A map of some kind.
pub(crate) struct Subject(Inner);

enum Inner {
    Sandbox(Box<Sandbox>),
    Native(u32),
}

struct Sandbox {
    store: Store<State>,
    run: TypedFunc<(u32, u32), (u32,)>,
    footprint: TypedFunc<(), (u64,)>,
    memory: TypedFunc<(), (u64,)>,
}

#[expect(
    unsafe_code,
    reason = "the library that build.rs builds from guests/engine/src/native.rs"
)]
// SAFETY: the signatures are those of that file, and its functions check what they are
// given.
unsafe extern "C" {
    safe fn localmap_bench_make(system: u32, capacity: u32, value_len: u32) -> u32;
    safe fn localmap_bench_run(map: u32, work: u32, count: u32) -> u32;
    safe fn localmap_bench_footprint(map: u32) -> u64;
    safe fn localmap_bench_drop(map: u32);
}

impl Subject {
    /// An empty map of `kind`, in an instance of its own, that evicts nothing before it
    /// holds `capacity` entries.
    pub(crate) fn new(guest: &Guest, kind: Kind, capacity: u32, value_len: u32) -> Result<Self> {
        let (place, system) = kind;
        let inner = match place {
            Place::Sandbox => Inner::Sandbox(Box::new(Sandbox::new(
                guest,
                system as u32,
                capacity,
                value_len,
            )?)),
            Place::Native => {
                let map = localmap_bench_make(system as u32, capacity, value_len);
                ensure!(map != u32::MAX, "there is no {}", label(kind));
                Inner::Native(map)
            }
        };
        Ok(Self(inner))
    }

    /// Does `count` times the same and tells how many succeeded.
    pub(crate) fn run(&mut self, work: Work, count: u32) -> Result<u32> {
        match &mut self.0 {
            Inner::Sandbox(sandbox) => Ok(sandbox
                .run
                .call(&mut sandbox.store, (work as u32, count))?
                .0),
            Inner::Native(map) => Ok(localmap_bench_run(*map, work as u32, count)),
        }
    }

    /// Does `count` times the same, which must succeed, and gives the nanoseconds of one.
    pub(crate) fn time(&mut self, work: Work, count: u32) -> Result<f64> {
        let start = measure::nanos();
        let done = self.run(work, count)?;
        let nanos = (measure::nanos() - start) as f64 / f64::from(count);
        ensure!(done == count, "{done} of {count} succeeded");
        Ok(nanos)
    }

    /// How often it does `work` in one turn: for about 50 ms, which is long against a call
    /// and short against what disturbs. Half of that goes before.
    pub(crate) fn turn(&mut self, work: Work) -> Result<u32> {
        const FEW: u32 = 10_000;
        self.time(work, FEW)?;
        let nanos = self.time(work, FEW)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped, and no time is negative"
        )]
        Ok((50e6 / nanos).clamp(2_000.0, 3e6) as u32)
    }

    /// Bytes that the map says it takes; 0: it says nothing.
    pub(crate) fn footprint(&mut self) -> Result<u64> {
        match &mut self.0 {
            Inner::Sandbox(sandbox) => Ok(sandbox.footprint.call(&mut sandbox.store, ())?.0),
            Inner::Native(map) => Ok(localmap_bench_footprint(*map)),
        }
    }

    /// Bytes of the linear memory; 0: there is none.
    pub(crate) fn memory(&mut self) -> Result<u64> {
        match &mut self.0 {
            Inner::Sandbox(sandbox) => Ok(sandbox.memory.call(&mut sandbox.store, ())?.0),
            Inner::Native(_) => Ok(0),
        }
    }

    /// Fuel of `count` times the same, which must succeed, where the engine of the guest
    /// counts fuel.
    pub(crate) fn fuel(&mut self, work: Work, count: u32) -> Result<u64> {
        let Inner::Sandbox(sandbox) = &mut self.0 else {
            return Ok(0);
        };
        let before = sandbox.store.get_fuel()?;
        let (done,) = sandbox.run.call(&mut sandbox.store, (work as u32, count))?;
        let after = sandbox.store.get_fuel()?;
        ensure!(done == count, "{done} of {count} succeeded");
        Ok(before - after)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if let Inner::Native(map) = self.0 {
            localmap_bench_drop(map);
        }
    }
}

impl Sandbox {
    fn new(guest: &Guest, system: u32, capacity: u32, value_len: u32) -> Result<Self> {
        let mut store = guest.store();
        let instance = guest.linker.instantiate(&mut store, &guest.component)?;
        let (made,) = instance
            .get_typed_func::<(u32, u32, u32), (bool,)>(&mut store, "make")?
            .call(&mut store, (system, capacity, value_len))?;
        ensure!(made, "the guest has no such system");
        Ok(Self {
            run: instance.get_typed_func(&mut store, "run")?,
            footprint: instance.get_typed_func(&mut store, "footprint")?,
            memory: instance.get_typed_func(&mut store, "linear-memory")?,
            store,
        })
    }
}
