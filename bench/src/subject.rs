//! The systems that are compared, in the sandbox or natively, and the loops that run on them.

use crate::guest::{Guest, State};
use crate::measure::{self, Clock};
use anyhow::{Context as _, Result, ensure};
pub(crate) use bench_loops::Work;
use bench_loops::{NONE, Plan, Runner};
use localmap::wasmtime::Store;
use localmap::wasmtime::component::TypedFunc;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// In the sandbox.
    Sandbox,
    /// The same source, compiled with the same profile for this machine.
    Native,
}

/// The systems, numbered as in `bench/guests/engine/src/systems.rs`.
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
    MiniMoka = 9,
    QuickSyncSystemClock = 10,
    QuickUnsyncSystemClock = 11,
}

pub(crate) type Kind = (Place, System);

pub(crate) const OURS: Kind = (Place::Sandbox, System::Ours);

/// Returns the name of a system in tables. Each says how the system handles time to live.
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
        System::MiniMoka => "mini-moka unsync (time_to_live, own clock)",
        System::QuickSyncSystemClock => "quick_cache sync, system's clock (deadline compared)",
        System::QuickUnsyncSystemClock => "quick_cache unsync, system's clock (deadline compared)",
    };
    format!("{system}, {place}")
}

/// A map of one system.
pub(crate) struct Subject(Inner);

enum Inner {
    Sandbox(Box<Sandbox>),
    Native(u32),
    Here(Box<dyn Runner>),
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
// SAFETY: the signatures are those of that file, and its functions check their arguments.
unsafe extern "C" {
    safe fn localmap_bench_make(system: u32, capacity: u32, value_len: u32, ttl: bool) -> u32;
    safe fn localmap_bench_run(map: u32, work: u32, count: u32) -> u32;
    safe fn localmap_bench_footprint(map: u32) -> u64;
    safe fn localmap_bench_drop(map: u32);
    safe fn localmap_bench_allocated() -> u64;
    safe fn localmap_bench_trim();
    safe fn localmap_bench_threads(
        system: u32,
        entries: u32,
        value_len: u32,
        threads: u32,
        cores: u64,
        reads: u32,
    ) -> f64;
}

/// Returns the bytes that all native maps have allocated, or 0 if the system does not report
/// them.
pub(crate) fn allocated() -> u64 {
    localmap_bench_allocated()
}

/// Returns free memory to the system, so that it is not counted as memory in use.
pub(crate) fn trim() {
    localmap_bench_trim();
}

/// Returns the wall-clock nanoseconds of a read when `threads` threads read at the same time
/// natively, or `None` if threads cannot share this system.
pub(crate) fn threads(
    system: System,
    entries: u32,
    size: u32,
    threads: u32,
    reads: u32,
) -> Option<f64> {
    let cores = measure::cores().iter().filter(|core| core.id < 64);
    let cores = cores.fold(0, |all, core| all | 1 << core.id);
    let nanos = localmap_bench_threads(system as u32, entries, size, threads, cores, reads);
    (nanos > 0.0).then_some(nanos)
}

impl Subject {
    /// Creates an empty map of `kind`, in its own instance, that evicts nothing before it holds
    /// `capacity` entries. Entries have a TTL.
    pub(crate) fn new(guest: &Guest, kind: Kind, capacity: u32, value_len: u32) -> Result<Self> {
        let plan = Plan {
            capacity: capacity as usize,
            value_len: value_len as usize,
            ttl: true,
        };
        Self::planned(guest, kind, plan)
    }

    /// Creates an empty map of `kind` for `plan`.
    pub(crate) fn planned(guest: &Guest, (place, system): Kind, plan: Plan) -> Result<Self> {
        match place {
            Place::Sandbox => Self::in_guest(guest, system as u32, plan),
            Place::Native => Self::native(system, plan),
        }
    }

    /// Creates an empty map of the system with this number in a guest.
    pub(crate) fn in_guest(guest: &Guest, system: u32, plan: Plan) -> Result<Self> {
        let sandbox = Sandbox::new(guest, system, plan)?;
        Ok(Self(Inner::Sandbox(Box::new(sandbox))))
    }

    /// Creates an empty native map.
    pub(crate) fn native(system: System, plan: Plan) -> Result<Self> {
        let (capacity, value_len) = lengths(plan)?;
        let map = localmap_bench_make(system as u32, capacity, value_len, plan.ttl);
        ensure!(
            map != u32::MAX,
            "no system {}",
            label((Place::Native, system))
        );
        Ok(Self(Inner::Native(map)))
    }

    /// Wraps a map that this program calls itself.
    pub(crate) fn here(runner: Box<dyn Runner>) -> Self {
        Self(Inner::Here(runner))
    }

    /// Does `work` `count` times. Returns how many times succeeded, or [`NONE`].
    pub(crate) fn run(&mut self, work: Work, count: u32) -> Result<u32> {
        match &mut self.0 {
            Inner::Sandbox(sandbox) => Ok(sandbox
                .run
                .call(&mut sandbox.store, (work as u32, count))?
                .0),
            Inner::Native(map) => Ok(localmap_bench_run(*map, work as u32, count)),
            Inner::Here(runner) => Ok(runner.run(work as u32, count)),
        }
    }

    /// Returns `true` if the system has an operation for `work`.
    pub(crate) fn can(&mut self, work: Work) -> Result<bool> {
        // A new key would have to be deleted again.
        let work = match work {
            Work::New => Work::Forget,
            other => other,
        };
        Ok(self.run(work, 1)? != NONE)
    }

    /// Does `work` `count` times, all of which must succeed. Returns the nanoseconds of one, in
    /// CPU time of this thread.
    pub(crate) fn time(&mut self, work: Work, count: u32) -> Result<f64> {
        self.time_by(measure::nanos, work, count)
    }

    /// Measures like [`time`](Self::time), with another clock. Afterwards deletes new keys.
    pub(crate) fn time_by(&mut self, clock: Clock, work: Work, count: u32) -> Result<f64> {
        let start = clock();
        let done = self.run(work, count)?;
        let nanos = (clock() - start) as f64 / f64::from(count);
        ensure!(done == count, "{done} of {count} succeeded");
        if work == Work::New {
            self.run(Work::Forget, count)?;
        }
        Ok(nanos)
    }

    /// Returns how often to do `work` in one turn of about 50 ms, which is long compared with a
    /// call and short compared with disturbances. Half as many go before as a warm-up.
    pub(crate) fn turn(&mut self, work: Work) -> Result<u32> {
        self.turn_of(measure::nanos, work, 50e6)
    }

    /// Returns how often to do `work` to fill about `nanos` nanoseconds.
    pub(crate) fn turn_of(&mut self, clock: Clock, work: Work, nanos: f64) -> Result<u32> {
        let mut count = 64;
        let each = loop {
            let each = self.time_by(clock, work, count)?;
            if each * f64::from(count) > nanos / 10.0 || count >= 1 << 20 {
                break each;
            }
            count *= 2;
        };
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "clamped, and no time is negative"
        )]
        let count = (nanos / each).clamp(16.0, 3e6) as u32;
        // Few new keys at a time, compared with those in the map.
        Ok(if work == Work::New {
            count.min(5_000)
        } else {
            count
        })
    }

    /// Returns the bytes that the map reports, or 0 if it reports nothing.
    pub(crate) fn footprint(&mut self) -> Result<u64> {
        match &mut self.0 {
            Inner::Sandbox(sandbox) => Ok(sandbox.footprint.call(&mut sandbox.store, ())?.0),
            Inner::Native(map) => Ok(localmap_bench_footprint(*map)),
            Inner::Here(runner) => Ok(runner.footprint()),
        }
    }

    /// Returns the bytes of the linear memory, or 0 if there is none.
    pub(crate) fn memory(&mut self) -> Result<u64> {
        match &mut self.0 {
            Inner::Sandbox(sandbox) => Ok(sandbox.memory.call(&mut sandbox.store, ())?.0),
            Inner::Native(_) | Inner::Here(_) => Ok(0),
        }
    }

    /// Does `work` `count` times, all of which must succeed. Returns the fuel, if the engine of
    /// the guest counts it.
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

/// Returns capacity and value length as the guests and the native library take them.
fn lengths(plan: Plan) -> Result<(u32, u32)> {
    Ok((plan.capacity.try_into()?, plan.value_len.try_into()?))
}

impl Sandbox {
    fn new(guest: &Guest, system: u32, plan: Plan) -> Result<Self> {
        let mut store = guest.store()?;
        let instance = guest.linker.instantiate(&mut store, &guest.component)?;
        let loops = instance
            .get_export_index(&mut store, None, "localmap:bench/loops")
            .context("the guest does not export `localmap:bench/loops`")?;
        let mut find = |name| {
            let found = instance.get_export_index(&mut store, Some(&loops), name);
            found.with_context(|| format!("the guest does not export `{name}`"))
        };
        let (make, run) = (find("make")?, find("run")?);
        let (footprint, memory) = (find("footprint")?, find("linear-memory")?);
        let (capacity, value_len) = lengths(plan)?;
        let (made,) = instance
            .get_typed_func::<(u32, u32, u32, bool), (bool,)>(&mut store, make)?
            .call(&mut store, (system, capacity, value_len, plan.ttl))?;
        ensure!(made, "the guest does not have the system {system}");
        Ok(Self {
            run: instance.get_typed_func(&mut store, run)?,
            footprint: instance.get_typed_func(&mut store, footprint)?,
            memory: instance.get_typed_func(&mut store, memory)?,
            store,
        })
    }
}
