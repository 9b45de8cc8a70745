//! The one map of this instance.

use crate::abi::{self, Instance};
use crate::baked;
use crate::bindings::wasi::clocks::monotonic_clock;
use crate::bindings::wasi::random::insecure_seed::insecure_seed;
use localmap_engine::{Clock, ConfigureError, Limits, MAX_KEY_LEN, MAX_PAGE_BYTES, Map};

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
    MAP.with(|map| call(map.get_or_insert_with(new_map)))
}

#[cold]
#[inline(never)]
fn new_map() -> Map<WasiClock> {
    let (seed, _) = insecure_seed();
    let map = Map::new(WasiClock, seed, baked::limits());
    abi::keep_scratch(largest_call(map.limits()));
    if baked::is_plugged() {
        abi::reserve();
    }
    map
}

/// Sets the limits, and keeps room for the calls that they allow.
pub(crate) fn configure(limits: Limits) -> Result<(), ConfigureError> {
    storing(|map| map.configure(limits))?;
    abi::keep_scratch(with_map(|map| largest_call(map.limits())));
    Ok(())
}

/// Does so for what stores, which must leave room for the next call.
pub(crate) fn storing<R>(call: impl FnOnce(&mut Map<WasiClock>) -> R) -> R {
    with_map(|map| abi::storing(|| call(map)))
}

/// The bytes that a call may take up: the parameters that the contract promises room
/// for, which are one key, one value and 64 KiB, or a batch; or a page of a scan.
fn largest_call(limits: &Limits) -> usize {
    let value = limits.max_value.min(limits.max_bytes);
    let value = usize::try_from(value).unwrap_or(usize::MAX / 4);
    value.max(MAX_PAGE_BYTES) + MAX_KEY_LEN + (64 << 10) + PAGE_RECORDS
}

/// What the records of a page cost beside keys and values: up to 4,096 of them, in a list
/// that doubles, each with two blocks of its own. Those of a batch are 1,024, which are
/// there twice, and its outcomes.
const PAGE_RECORDS: usize = 512 << 10;
