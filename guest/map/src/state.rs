//! The map of this instance, with its clock.

use crate::bindings::wasi::clocks::monotonic_clock;
use crate::bindings::wasi::random::insecure_seed::insecure_seed;
use crate::{baked, memory};
use localmap_abi::Instance;
use localmap_engine::{Clock, ConfigureError, Limits, MAX_KEY_LEN, MAX_PAGE_BYTES, Map};

/// The host's monotonic clock.
pub(crate) struct WasiClock;

impl Clock for WasiClock {
    fn now(&self) -> u64 {
        monotonic_clock::now()
    }
}

static MAP: Instance<Option<Map<WasiClock>>> = Instance::new(None);

/// Calls `call` with the map. The first call creates it.
pub(crate) fn with_map<R>(call: impl FnOnce(&mut Map<WasiClock>) -> R) -> R {
    MAP.with(|map| call(map.get_or_insert_with(new_map)))
}

#[cold]
#[inline(never)]
fn new_map() -> Map<WasiClock> {
    let (seed, _) = insecure_seed();
    let map = Map::new(WasiClock, seed, baked::limits());
    memory::keep(largest_call(map.limits()));
    if baked::is_plugged() {
        memory::reserve();
    }
    map
}

/// Sets the limits, and reserves room for the largest call that they allow.
pub(crate) fn configure(limits: Limits) -> Result<(), ConfigureError> {
    storing(|map| map.configure(limits))?;
    memory::keep(with_map(|map| largest_call(map.limits())));
    Ok(())
}

/// Calls `call` with the map, for a call that stores data. It must leave room for the next call.
pub(crate) fn storing<R>(call: impl FnOnce(&mut Map<WasiClock>) -> R) -> R {
    with_map(|map| memory::storing(|| call(map)))
}

/// Returns the maximum number of bytes that a call may take up. The contract guarantees room
/// for parameters of one key, one value and 64 KiB, or of a batch. A result may be a page of a
/// scan.
fn largest_call(limits: &Limits) -> usize {
    let value = limits.max_value.min(limits.max_bytes);
    let value = usize::try_from(value).unwrap_or(usize::MAX / 4);
    value.max(MAX_PAGE_BYTES) + MAX_KEY_LEN + (64 << 10) + PAGE_RECORDS
}

/// The number of bytes that the records of a page take in addition to keys and values: up to
/// 4,096 records in a list that doubles, each with two separate blocks. A batch needs less:
/// 1,024 records, held twice, and its outcomes.
const PAGE_RECORDS: usize = 512 << 10;
