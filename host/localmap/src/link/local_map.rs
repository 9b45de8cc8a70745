//! The functions of `localmap:core/local-map`.

use super::call::{Call, done, hit, looked_up, read};
use super::convert::{self, Bytes, Pin, SentChange};
use super::linked_map::{Get, LinkedMap};
use crate::contract::bindings::local_map as wit;
use crate::contract::change::{Change, Outcome};
use crate::contract::check::MAX_BATCH;
use crate::contract::error::{ApplyError, Error};
use crate::contract::limits::MAX_KEY_LEN;
use crate::contract::names::LOCAL_MAP;
use crate::contract::observer::{Asked, Operation};
use crate::runtime::local_map::LocalMap;
use crate::runtime::pinned::Pinned;
use wasmtime::StoreContextMut;
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType, WasmList};

/// The maximum size of the keys of one `get-many` in bytes, including the list of each key. The
/// map guarantees room for this in addition to one key and one value.
pub(super) const MAX_KEYS_BYTES: usize = 64 << 10;
/// The size of a list in WebAssembly in bytes: its address and its length.
pub(super) const LIST: usize = 8;

/// Adds the functions of the interface to a linker.
pub(super) fn add_to_linker<T: 'static>(
    linker: &mut Linker<T>,
    get: Get<T>,
) -> wasmtime::Result<()> {
    let mut map = linker.instance(LOCAL_MAP)?;
    reads(&mut map, get)?;
    writes(&mut map, get)?;
    batches(&mut map, get)?;
    pins(&mut map, get)
}

type Store<'a, T> = StoreContextMut<'a, T>;

fn reads<T: 'static>(map: &mut LinkerInstance<'_, T>, get: Get<T>) -> wasmtime::Result<()> {
    map.func_wrap("get", move |mut store: Store<'_, T>, (key,): (Bytes,)| {
        let call = Call::of(&mut store, get);
        let key = key.as_le_slice(&store);
        let value = call.read(Asked::key(Operation::Get, key), read, |map| map.get(key))?;
        Ok((value,))
    })?;
    map.func_wrap(
        "get-entry",
        move |mut store: Store<'_, T>, (key,): (Bytes,)| {
            let call = Call::of(&mut store, get);
            let key = key.as_le_slice(&store);
            let entry = call.read(Asked::key(Operation::GetEntry, key), read, |map| {
                map.get_entry(key)
            })?;
            Ok((entry.map(convert::entry),))
        },
    )?;
    map.func_wrap(
        "contains",
        move |mut store: Store<'_, T>, (key,): (Bytes,)| {
            let call = Call::of(&mut store, get);
            let key = key.as_le_slice(&store);
            let there = call.read(Asked::key(Operation::Contains, key), hit, |map| {
                map.contains(key)
            })?;
            Ok((there,))
        },
    )?;
    map.func_wrap(
        "get-many",
        move |mut store: Store<'_, T>, (keys,): (WasmList<Bytes>,)| {
            let call = Call::of(&mut store, get);
            // Takes as many keys as the map has room for. The app calls again for the rest.
            let mut room = MAX_KEYS_BYTES;
            let fits = |key: &Bytes| {
                let left = room.checked_sub(LIST + findable(key.len()));
                room = left.unwrap_or(0);
                left.is_some()
            };
            let keys: Vec<Bytes> = until(keys.iter(&mut store)?, fits)?;
            let mut key_len = 0;
            let keys: Vec<&[u8]> = keys
                .iter()
                .map(|key| {
                    key_len += key.len();
                    key.as_le_slice(&store)
                        .get(..findable(key.len()))
                        .unwrap_or_default()
                })
                .collect();
            let values = call.read(Asked::keys(Operation::GetMany, key_len), read, |map| {
                map.get_some(&keys)
            })?;
            Ok((values,))
        },
    )?;
    map.func_wrap(
        "scan",
        move |mut store: Store<'_, T>, (prefix, cursor, limit): (Bytes, u64, u32)| {
            let call = Call::of(&mut store, get);
            let prefix = prefix.as_le_slice(&store);
            let page = call.read(Asked::key(Operation::Scan, prefix), read, |map| {
                map.scan(prefix, cursor, limit)
            })?;
            Ok((convert::page(page),))
        },
    )?;
    map.func_wrap("len", move |mut store: Store<'_, T>, (): ()| {
        let call = Call::of(&mut store, get);
        Ok((call.read(Asked::keys(Operation::Len, 0), done, LocalMap::len)?,))
    })
}

fn writes<T: 'static>(map: &mut LinkerInstance<'_, T>, get: Get<T>) -> wasmtime::Result<()> {
    map.func_wrap(
        "set",
        move |mut store: Store<'_, T>, (key, value, ttl): (Bytes, Bytes, wit::Ttl)| {
            let call = Call::of(&mut store, get);
            let (key, value) = (key.as_le_slice(&store), value.as_le_slice(&store));
            let answer = call.ask(
                Asked::key(Operation::Set, key).value_len(value.len()),
                done,
                |map| {
                    let ttl = ttl.into();
                    let ttl = map.admit(&Change::Set { key, value, ttl }, ttl)?;
                    Ok::<_, Error>(map.set(key, value, ttl)?)
                },
            )?;
            Ok((answer,))
        },
    )?;
    type SetIf = (Bytes, Bytes, wit::Ttl, wit::Condition);
    map.func_wrap(
        "set-if",
        move |mut store: Store<'_, T>, (key, value, ttl, condition): SetIf| {
            let call = Call::of(&mut store, get);
            let (key, value) = (key.as_le_slice(&store), value.as_le_slice(&store));
            let answer = call.ask(
                Asked::key(Operation::SetIf, key).value_len(value.len()),
                done,
                |map| {
                    let (ttl, condition) = (ttl.into(), condition.into());
                    let change = Change::SetIf {
                        key,
                        value,
                        ttl,
                        condition,
                    };
                    let ttl = map.admit(&change, ttl)?;
                    Ok::<_, Error>(map.set_if(key, value, ttl, condition)?)
                },
            )?;
            Ok((answer,))
        },
    )?;
    map.func_wrap(
        "increment",
        move |mut store: Store<'_, T>, (key, delta, ttl): (Bytes, i64, wit::Ttl)| {
            let call = Call::of(&mut store, get);
            let key = key.as_le_slice(&store);
            let answer = call.ask(Asked::key(Operation::Increment, key), done, |map| {
                let ttl = ttl.into();
                let ttl = map.admit(&Change::Increment { key, delta, ttl }, ttl)?;
                Ok::<_, Error>(map.increment(key, delta, ttl)?)
            })?;
            Ok((answer,))
        },
    )?;
    map.func_wrap(
        "touch",
        move |mut store: Store<'_, T>, (key, ttl): (Bytes, wit::Ttl)| {
            let call = Call::of(&mut store, get);
            let key = key.as_le_slice(&store);
            let answer = call.ask(Asked::key(Operation::Touch, key), hit, |map| {
                let ttl = ttl.into();
                let ttl = map.admit(&Change::Touch { key, ttl }, ttl)?;
                Ok::<_, Error>(map.touch(key, ttl)?)
            })?;
            Ok((answer,))
        },
    )?;
    map.func_wrap("take", move |mut store: Store<'_, T>, (key,): (Bytes,)| {
        let call = Call::of(&mut store, get);
        let key = key.as_le_slice(&store);
        let value = call.read(Asked::key(Operation::Take, key), read, |map| map.take(key))?;
        Ok((value,))
    })?;
    map.func_wrap(
        "delete",
        move |mut store: Store<'_, T>, (key,): (Bytes,)| {
            let call = Call::of(&mut store, get);
            let key = key.as_le_slice(&store);
            let there = call.read(Asked::key(Operation::Delete, key), hit, |map| {
                map.delete(key)
            })?;
            Ok((there,))
        },
    )?;
    map.func_wrap(
        "delete-if",
        move |mut store: Store<'_, T>, (key, version): (Bytes, u64)| {
            let call = Call::of(&mut store, get);
            let key = key.as_le_slice(&store);
            let answer = call.ask(Asked::key(Operation::DeleteIf, key), done, |map| {
                map.delete_if(key, version)
            })?;
            Ok((answer,))
        },
    )
}

fn batches<T: 'static>(map: &mut LinkerInstance<'_, T>, get: Get<T>) -> wasmtime::Result<()> {
    map.func_wrap(
        "apply",
        move |mut store: Store<'_, T>, (sent,): (WasmList<SentChange>,)| {
            let call = Call::of(&mut store, get);
            // One change more than the limit is enough for the map to reject the batch.
            let mut room = MAX_BATCH + 1;
            let fits = |_: &SentChange| {
                let left = room.checked_sub(1);
                room = left.unwrap_or(0);
                left.is_some()
            };
            let sent = until(sent.iter(&mut store)?, fits)?;
            let changes = sent.iter().map(|change| change.read(&store));
            let mut changes: Vec<_> = changes.collect();
            let key_len = changes.iter().map(Change::key_len).sum();
            let value_len = changes.iter().map(Change::stored_value_len).sum();
            let asked = Asked::keys(Operation::Apply, key_len).value_len(value_len);
            let mut at = 0;
            let answer = call.ask(asked, done, |map| apply(map, &mut changes, &mut at))?;
            let answer = match answer {
                Ok(outcomes) => Ok(outcomes.into_iter().map(convert::outcome).collect()),
                Err(error) => Err((u32::try_from(at)?, error)),
            };
            Ok((answer as Result<Vec<wit::Outcome>, _>,))
        },
    )
}

/// Makes a batch of an app. Sets `at` to the index of a change that is rejected.
pub(super) fn apply(
    map: &mut LocalMap,
    changes: &mut [Change<'_>],
    at: &mut usize,
) -> Result<Vec<Outcome>, Error> {
    map.admit_all(changes).map_err(|(index, error)| {
        *at = index;
        error
    })?;
    map.apply(changes).map_err(|error| match error {
        ApplyError::Refused { index, source } => {
            *at = index;
            Error::from(source)
        }
        ApplyError::Terminated { source } => source.into(),
    })
}

fn pins<T: 'static>(map: &mut LinkerInstance<'_, T>, get: Get<T>) -> wasmtime::Result<()> {
    map.resource(
        "pinned",
        ResourceType::host::<Pin>(),
        move |mut store, id| {
            let call = Call::of(&mut store, get);
            let pin = get(store.data_mut()).pins.remove(id);
            let pin = pin.ok_or_else(no_such_pin)?;
            call.read(Asked::keys(Operation::Unpin, 0), done, |map| map.unpin(pin))
        },
    )?;
    map.func_wrap("pin", move |mut store: Store<'_, T>, (key,): (Bytes,)| {
        let call = Call::of(&mut store, get);
        let key = key.as_le_slice(&store);
        let answer = call.ask(Asked::key(Operation::Pin, key), looked_up, |map| {
            map.pin(key)
        })?;
        let keep = |pin| {
            let id = get(store.data_mut()).pins.add(pin);
            id.map(Resource::<Pin>::new_own).ok_or_else(no_such_pin)
        };
        Ok((match answer {
            Ok(pin) => Ok(pin.map(keep).transpose()?),
            Err(error) => Err(error),
        },))
    })?;
    map.func_wrap(
        "[method]pinned.value",
        move |mut store: Store<'_, T>, (pin,): (Resource<Pin>,)| {
            let call = Call::of(&mut store, get);
            let pin = pinned(get(store.data_mut()), &pin)?;
            let value = call.read(Asked::keys(Operation::PinnedValue, 0), read, |map| {
                map.pinned(pin)
            })?;
            Ok((value,))
        },
    )?;
    map.func_wrap(
        "[method]pinned.version",
        move |mut store: Store<'_, T>, (pin,): (Resource<Pin>,)| {
            Ok((pinned(get(store.data_mut()), &pin)?.version(),))
        },
    )
}

/// Returns the pin of a resource of the app.
fn pinned<'a>(linked: &'a LinkedMap, pin: &Resource<Pin>) -> wasmtime::Result<&'a Pinned> {
    linked.pins.get(pin.rep()).ok_or_else(no_such_pin)
}

/// Returns the error for an id that this store's map has not returned. Wasmtime guarantees that an
/// id belongs to the same store.
fn no_such_pin() -> wasmtime::Error {
    wasmtime::Error::msg("no such pin: do not replace the store's map while the app holds pins")
}

/// Returns the number of bytes of a key that are passed to the map. A key that is too long is
/// absent, and so is the empty key, which replaces it.
pub(super) fn findable(key_len: usize) -> usize {
    if key_len > MAX_KEY_LEN { 0 } else { key_len }
}

/// Returns the elements of a list up to the first one that does not fit.
fn until<E>(
    list: impl Iterator<Item = wasmtime::Result<E>>,
    mut fits: impl FnMut(&E) -> bool,
) -> wasmtime::Result<Vec<E>> {
    list.take_while(|element| element.as_ref().map_or(true, &mut fits))
        .collect()
}
