//! The monotonic clock of a guest during a replay.

use super::guest_data::GuestData;
use crate::replay::{ReplayClock, Sleep};
use localmap::wasmtime;
use localmap::wasmtime::component::{HasData, Linker, Resource, ResourceTable};
use localmap_serve::Sandbox;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, subscribe};

/// Links the replay clock instead of the system clock.
pub(super) fn link(linker: &mut Linker<Sandbox<GuestData>>) -> wasmtime::Result<()> {
    monotonic_clock::add_to_linker::<Sandbox<GuestData>, HasClock>(linker, |guest| {
        let (table, data) = guest.parts();
        Clock {
            table,
            clock: &data.replay,
        }
    })
}

struct HasClock;

impl HasData for HasClock {
    type Data<'a> = Clock<'a>;
}

struct Clock<'a> {
    table: &'a mut ResourceTable,
    clock: &'a ReplayClock,
}

/// The clock jumps when the guest sleeps.
impl monotonic_clock::Host for Clock<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.look())
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }

    fn subscribe_instant(&mut self, until: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let clock = self.clock.clone();
        let sleep = self.table.push(Sleep { clock, until })?;
        subscribe(self.table, sleep)
    }

    fn subscribe_duration(&mut self, nanos: u64) -> wasmtime::Result<Resource<DynPollable>> {
        self.subscribe_instant(self.clock.nanos().saturating_add(nanos))
    }
}
