//! The monotonic clock of a guest during a replay.

use super::guest_data::GuestData;
use crate::replay::{ReplayClock, Sleep};
use localmap::wasmtime;
use localmap::wasmtime::component::{Accessor, HasData, Linker, Resource, ResourceTable};
use localmap_serve::Sandbox;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::{DynPollable, subscribe};
use wasmtime_wasi::p3::bindings::clocks::monotonic_clock as monotonic_clock_0_3;

/// Links the replay clock of WASI 0.2 instead of the system clock.
pub(super) fn link(linker: &mut Linker<Sandbox<GuestData>>) -> wasmtime::Result<()> {
    monotonic_clock::add_to_linker::<_, HasClock>(linker, clock)
}

/// Links that of WASI 0.3.
pub(super) fn link_0_3(linker: &mut Linker<Sandbox<GuestData>>) -> wasmtime::Result<()> {
    monotonic_clock_0_3::add_to_linker::<_, HasClock>(linker, clock)
}

fn clock(guest: &mut Sandbox<GuestData>) -> Clock<'_> {
    let (table, data) = guest.parts();
    Clock {
        table,
        clock: &data.replay,
    }
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

impl monotonic_clock_0_3::Host for Clock<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        Ok(self.clock.look())
    }

    fn get_resolution(&mut self) -> wasmtime::Result<u64> {
        Ok(1)
    }
}

impl<T> monotonic_clock_0_3::HostWithStore<T> for HasClock {
    async fn wait_until(store: &Accessor<T, Self>, end: u64) -> wasmtime::Result<()> {
        let clock = store.with(|mut store| store.get().clock.clone());
        // A guest that waits for an instant that has passed may wait by looking.
        if clock.look() < end {
            clock.sleep_until(end).await;
        }
        Ok(())
    }

    async fn wait_for(store: &Accessor<T, Self>, nanos: u64) -> wasmtime::Result<()> {
        let now = store.with(|mut store| store.get().clock.nanos());
        Self::wait_until(store, now.saturating_add(nanos)).await
    }
}
