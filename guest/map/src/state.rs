//! The one map of this instance.

use crate::abi::Instance;
use crate::baked;
use crate::bindings::wasi::clocks::monotonic_clock;
use crate::bindings::wasi::random::insecure_seed::insecure_seed;
use localmap_engine::{Clock, Map};

/// The host's monotonic clock.
pub(crate) struct WasiClock;

impl Clock for WasiClock {
    fn now(&self) -> u64 {
        monotonic_clock::now()
    }
}

static MAP: Instance<Option<Map<WasiClock>>> = Instance::new(None);

/// Calls with the map, which the first call makes.
pub(crate) fn with_map<R>(call: impl FnOnce(&mut Map<WasiClock>) -> R) -> R {
    MAP.with(|map| {
        call(map.get_or_insert_with(|| {
            let (seed, _) = insecure_seed();
            Map::new(WasiClock, seed, baked::limits())
        }))
    })
}
