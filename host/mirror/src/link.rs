//! The functions of `localmap:core/mirror`, with which guests read mirrors.

use crate::error::{OmittedReason, ReadError};
use crate::mirrors::Mirrors;
use crate::read::{Freshness, MirrorEntry, Read};
use crate::reader::MirrorReader;
use crate::status::MirrorState;
use localmap::names::MIRROR;
use localmap::wasmtime::component::{ComponentType, Linker, Lower, WasmList, WasmStr};
use localmap::wasmtime::{self, StoreContextMut};
use std::time::Duration;

/// The maximum number of keys that one `get-many` reads.
const MAX_KEYS: usize = 1_024;
/// The maximum number of bytes of its values, unless there is only one.
const MAX_VALUES_BYTES: usize = 1 << 20;

/// Adds `localmap:core/mirror` to your own linker. Apps that import it read the mirrors of their store:
/// those that `get` returns from the store's data. They find a mirror by its name, and can change none.
///
/// The functions are synchronous, and work in stores with sync calls as well as in stores with async calls,
/// with any engine. They are found by their names: your own world for
/// [`bindgen!`](localmap::wasmtime::component::bindgen) may import the interface, and you need not implement
/// the trait that it generates for it.
///
/// An app gets what [`MirrorReader::get`] returns, but not the texts of its errors, since these name the
/// source. A read holds the lock of the mirror: at most for 1,024 keys and 1 MiB of values, unless there is
/// one value, which is copied.
///
/// Keys are read in place, in the app's memory. Set
/// [`Store::set_hostcall_fuel`](localmap::wasmtime::Store::set_hostcall_fuel) on your store to limit the
/// number of bytes that an app can make the host look at.
///
/// # Errors
///
/// Returns an error if the name is already defined, for example by an earlier call.
///
/// # Examples
///
/// ```
#[doc = include_str!("../examples/mirror_linker.rs")]
/// ```
pub fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    get: fn(&T) -> &Mirrors,
) -> wasmtime::Result<()> {
    let mut mirror = linker.instance(MIRROR)?;
    mirror.func_wrap(
        "get",
        move |store: Store<'_, T>, (name, key): (WasmStr, WasmList<u8>)| {
            let found = find(&store, get, &name)?.and_then(|mirror| {
                let read = mirror.get(key.as_le_slice(&store))?;
                Ok(Found {
                    entry: read.found.map(Entry::from),
                    as_of: read.as_of,
                    freshness: read.freshness.into(),
                })
            });
            Ok((found,))
        },
    )?;
    mirror.func_wrap(
        "get-many",
        move |mut store: Store<'_, T>, (name, keys): (WasmStr, WasmList<WasmList<u8>>)| {
            // The app calls again for the rest.
            let keys = keys.iter(&mut store)?.take(MAX_KEYS);
            let keys = keys.collect::<wasmtime::Result<Vec<_>>>()?;
            let found = find(&store, get, &name)?.and_then(|mirror| {
                let keys: Vec<&[u8]> = keys.iter().map(|key| key.as_le_slice(&store)).collect();
                let Read {
                    found,
                    as_of,
                    freshness,
                } = mirror.get_some(&keys, MAX_VALUES_BYTES)?;
                Ok(FoundMany {
                    entries: found
                        .into_iter()
                        .map(|found| found.map(Entry::from))
                        .collect(),
                    as_of,
                    freshness: freshness.into(),
                })
            });
            Ok((found,))
        },
    )?;
    mirror.func_wrap("status", move |store: Store<'_, T>, (name,): (WasmStr,)| {
        let status = find(&store, get, &name)?.map(|mirror| {
            let status = mirror.status();
            Status {
                state: status.state.into(),
                revision: status.revision,
                age: status.age.map(nanos),
                entries: status.entries,
                omitted: status.omitted,
            }
        });
        Ok((status,))
    })
}

type Store<'a, T> = StoreContextMut<'a, T>;

/// Finds a mirror of a store by its name, which is read in place.
fn find<'a, T: 'static>(
    store: &'a Store<'_, T>,
    get: fn(&T) -> &Mirrors,
    name: &WasmStr,
) -> wasmtime::Result<Result<&'a MirrorReader, Error>> {
    let name = name.to_str(store)?;
    Ok(get(store.data()).get(&name).ok_or(Error::UnknownMirror))
}

#[derive(ComponentType, Lower)]
#[component(record)]
#[component(wasmtime_crate = localmap::wasmtime)]
struct Entry {
    value: Vec<u8>,
    #[component(name = "mod-revision")]
    mod_revision: u64,
}

#[derive(ComponentType, Lower)]
#[component(variant)]
#[component(wasmtime_crate = localmap::wasmtime)]
enum Age {
    #[component(name = "fresh")]
    Fresh(u64),
    #[component(name = "stale")]
    Stale(u64),
}

#[derive(ComponentType, Lower)]
#[component(record)]
#[component(wasmtime_crate = localmap::wasmtime)]
struct Found {
    entry: Option<Entry>,
    #[component(name = "as-of")]
    as_of: u64,
    freshness: Age,
}

#[derive(ComponentType, Lower)]
#[component(record)]
#[component(wasmtime_crate = localmap::wasmtime)]
struct FoundMany {
    entries: Vec<Option<Entry>>,
    #[component(name = "as-of")]
    as_of: u64,
    freshness: Age,
}

#[derive(ComponentType, Lower, Clone, Copy)]
#[component(enum)]
#[component(wasmtime_crate = localmap::wasmtime)]
#[repr(u8)]
enum Reason {
    #[component(name = "empty-key")]
    EmptyKey,
    #[component(name = "key-too-long")]
    KeyTooLong,
    #[component(name = "not-utf8")]
    NotUtf8,
    #[component(name = "value-too-large")]
    ValueTooLarge,
}

#[derive(ComponentType, Lower)]
#[component(record)]
#[component(wasmtime_crate = localmap::wasmtime)]
struct Omitted {
    index: u32,
    reason: Reason,
}

#[derive(ComponentType, Lower)]
#[component(variant)]
#[component(wasmtime_crate = localmap::wasmtime)]
enum Error {
    #[component(name = "unknown-mirror")]
    UnknownMirror,
    #[component(name = "not-ready")]
    NotReady,
    #[component(name = "too-stale")]
    TooStale(u64),
    #[component(name = "omitted")]
    Omitted(Omitted),
    #[component(name = "does-not-fit")]
    DoesNotFit,
    #[component(name = "other-cluster")]
    OtherCluster,
    #[component(name = "ended")]
    Ended,
}

#[derive(ComponentType, Lower, Clone, Copy)]
#[component(enum)]
#[component(wasmtime_crate = localmap::wasmtime)]
#[repr(u8)]
enum State {
    #[component(name = "starting")]
    Starting,
    #[component(name = "listing")]
    Listing,
    #[component(name = "live")]
    Live,
    #[component(name = "reconnecting")]
    Reconnecting,
    #[component(name = "does-not-fit")]
    DoesNotFit,
    #[component(name = "other-cluster")]
    OtherCluster,
    #[component(name = "ended")]
    Ended,
}

#[derive(ComponentType, Lower)]
#[component(record)]
#[component(wasmtime_crate = localmap::wasmtime)]
struct Status {
    state: State,
    revision: Option<u64>,
    age: Option<u64>,
    entries: u64,
    omitted: u64,
}

impl From<MirrorEntry> for Entry {
    fn from(entry: MirrorEntry) -> Self {
        Self {
            value: entry.value,
            mod_revision: entry.mod_revision,
        }
    }
}

impl From<Freshness> for Age {
    fn from(freshness: Freshness) -> Self {
        match freshness {
            Freshness::Fresh { age } => Self::Fresh(nanos(age)),
            Freshness::Stale { age } => Self::Stale(nanos(age)),
        }
    }
}

impl From<ReadError> for Error {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::NotReady { .. } => Self::NotReady,
            ReadError::TooStale { age, .. } => Self::TooStale(nanos(age)),
            ReadError::Omitted { index, reason } => Self::Omitted(Omitted {
                // A call reads 1,024 keys.
                index: u32::try_from(index).unwrap_or(u32::MAX),
                reason: match reason {
                    OmittedReason::EmptyKey => Reason::EmptyKey,
                    OmittedReason::KeyTooLong { .. } => Reason::KeyTooLong,
                    OmittedReason::NotUtf8 => Reason::NotUtf8,
                    OmittedReason::ValueTooLarge { .. } => Reason::ValueTooLarge,
                },
            }),
            ReadError::DoesNotFit { .. } => Self::DoesNotFit,
            ReadError::OtherCluster { .. } => Self::OtherCluster,
            ReadError::Ended => Self::Ended,
        }
    }
}

impl From<MirrorState> for State {
    fn from(state: MirrorState) -> Self {
        match state {
            MirrorState::Starting => Self::Starting,
            MirrorState::Listing => Self::Listing,
            MirrorState::Live => Self::Live,
            MirrorState::Reconnecting => Self::Reconnecting,
            MirrorState::DoesNotFit => Self::DoesNotFit,
            MirrorState::OtherCluster => Self::OtherCluster,
            MirrorState::Ended => Self::Ended,
        }
    }
}

/// Returns nanoseconds, at most the longest span of the contract.
fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}
