//! What changes in the map of a plugged app.

use super::Control;
use super::functions::Peeked;
use crate::contract::changes::Changes;
use crate::contract::entry::Entry;
use crate::contract::error::WatchError;
use wasmtime::{AsContextMut, bail};

/// The number of keys in one call of `peek`, for which the map guarantees room.
const KEYS_PER_CALL: usize = 256;

/// # Changes
///
/// Each method returns the inner [`WatchError::Unsupported`] if the app has been plugged by a version
/// of localmap whose maps do not tell what changes.
impl Control {
    /// Begins to note each change of the map in a list of at most `max_bytes`, or ends the list with
    /// 0, as [`LocalMap::watch`](crate::LocalMap::watch) does.
    ///
    /// ```
    /// # use localmap::wasmtime::component::{Component, Linker};
    /// # use localmap::wasmtime::{Engine, Store, StoreContextMut};
    /// use localmap::{Control, Limits, Preload, Ttl, plug};
    ///
    /// # fn add_wasi_to_linker(linker: &mut Linker<()>) -> localmap::wasmtime::Result<()> {
    /// #     let mut clock = linker.instance("wasi:clocks/monotonic-clock@0.2.0")?;
    /// #     clock.func_wrap("now", |_: StoreContextMut<'_, ()>, (): ()| Ok((1u64,)))?;
    /// #     clock.func_wrap("resolution", |_: StoreContextMut<'_, ()>, (): ()| Ok((1u64,)))?;
    /// #     let mut seed = linker.instance("wasi:random/insecure-seed@0.2.0")?;
    /// #     seed.func_wrap("insecure-seed", |_: StoreContextMut<'_, ()>, (): ()| Ok(((1u64, 2u64),)))
    /// # }
    /// # let app = wat::parse_str(r#"(component (import "localmap:core/local-map@0.1.0" (instance)))"#)?;
    /// # let engine = Engine::default();
    /// # let component = Component::new(&engine, plug(&app, &Limits::default())?)?;
    /// # let mut linker = Linker::new(&engine);
    /// # add_wasi_to_linker(&mut linker)?;
    /// # let mut store = Store::new(&engine, ());
    /// # let instance = linker.instantiate(&mut store, &component)?;
    /// let control = Control::find(&mut store, &component, &instance)?.ok_or("not plugged")?;
    /// control.watch(&mut store, 65_536)??;
    /// let user = Preload { key: b"user".to_vec(), value: b"alice".to_vec(), ttl: Ttl::Never };
    /// control.preload(&mut store, &[user])??;
    /// let changed = control.changes(&mut store)??.changed;
    /// let entries = control.peek(&mut store, &[&changed[0].key])??;
    /// assert_eq!(entries[0].as_ref().map(|entry| &*entry.value), Some(&b"alice"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns the inner [`WatchError::NoMemory`] if the map gets no memory for the list.
    /// - Returns the outer error if the instance cannot be called.
    pub fn watch(
        &self,
        store: impl AsContextMut,
        max_bytes: u32,
    ) -> wasmtime::Result<Result<(), WatchError>> {
        let Some(functions) = &self.changes else {
            return Ok(Err(WatchError::Unsupported));
        };
        let (watched,) = functions.watch.call(store, (max_bytes,))?;
        Ok(watched.map_err(|()| WatchError::NoMemory))
    }

    /// Begins or ends the list of changes, in a store whose calls are async.
    ///
    /// # Errors
    ///
    /// The errors are those of [`watch`](Self::watch).
    pub async fn watch_async(
        &self,
        store: impl AsContextMut<Data: Send>,
        max_bytes: u32,
    ) -> wasmtime::Result<Result<(), WatchError>> {
        let Some(functions) = &self.changes else {
            return Ok(Err(WatchError::Unsupported));
        };
        let (watched,) = functions.watch.call_async(store, (max_bytes,)).await?;
        Ok(watched.map_err(|()| WatchError::NoMemory))
    }

    /// Returns the changes since the previous call and forgets them, as
    /// [`LocalMap::changes`](crate::LocalMap::changes) does. See [`watch`](Self::watch) for an
    /// example.
    ///
    /// # Errors
    ///
    /// Returns the outer error if the instance cannot be called.
    pub fn changes(
        &self,
        store: impl AsContextMut,
    ) -> wasmtime::Result<Result<Changes, WatchError>> {
        let Some(functions) = &self.changes else {
            return Ok(Err(WatchError::Unsupported));
        };
        Ok(Ok(functions.drain.call(store, ())?.0.try_into()?))
    }

    /// Returns the changes since the previous call and forgets them, in a store whose calls are async.
    ///
    /// # Errors
    ///
    /// Returns the outer error if the instance cannot be called.
    pub async fn changes_async(
        &self,
        store: impl AsContextMut<Data: Send>,
    ) -> wasmtime::Result<Result<Changes, WatchError>> {
        let Some(functions) = &self.changes else {
            return Ok(Err(WatchError::Unsupported));
        };
        Ok(Ok(functions
            .drain
            .call_async(store, ())
            .await?
            .0
            .try_into()?))
    }

    /// Returns the values of several keys with their versions and remaining times, without counting
    /// as a use of them, as [`LocalMap::peek`](crate::LocalMap::peek) does. See
    /// [`watch`](Self::watch) for an example.
    ///
    /// # Errors
    ///
    /// Returns the outer error if the instance cannot be called.
    pub fn peek(
        &self,
        mut store: impl AsContextMut,
        keys: &[&[u8]],
    ) -> wasmtime::Result<Result<Vec<Option<Entry>>, WatchError>> {
        let Some(functions) = &self.changes else {
            return Ok(Err(WatchError::Unsupported));
        };
        let mut entries = Vec::with_capacity(keys.len());
        while let Some(asked) = rest(keys, entries.len()) {
            let (found,) = functions.peek.call(&mut store, (asked,))?;
            add(&mut entries, found, asked)?;
        }
        Ok(Ok(entries))
    }

    /// Returns the values of several keys with their versions and remaining times, in a store whose
    /// calls are async.
    ///
    /// # Errors
    ///
    /// Returns the outer error if the instance cannot be called.
    pub async fn peek_async(
        &self,
        mut store: impl AsContextMut<Data: Send>,
        keys: &[&[u8]],
    ) -> wasmtime::Result<Result<Vec<Option<Entry>>, WatchError>> {
        let Some(functions) = &self.changes else {
            return Ok(Err(WatchError::Unsupported));
        };
        let mut entries = Vec::with_capacity(keys.len());
        while let Some(asked) = rest(keys, entries.len()) {
            let (found,) = functions.peek.call_async(&mut store, (asked,)).await?;
            add(&mut entries, found, asked)?;
        }
        Ok(Ok(entries))
    }
}

/// Returns the keys of the next call, or `None` if all have been read.
fn rest<'a, 'k>(keys: &'a [&'k [u8]], read: usize) -> Option<&'a [&'k [u8]]> {
    let rest = keys.get(read..).filter(|rest| !rest.is_empty())?;
    rest.chunks(KEYS_PER_CALL).next()
}

/// Adds the entries that a call has found.
fn add(entries: &mut Vec<Option<Entry>>, found: Peeked, asked: &[&[u8]]) -> wasmtime::Result<()> {
    if found.is_empty() || found.len() > asked.len() {
        bail!("the map contradicts its contract: peek returned a wrong number of entries");
    }
    entries.extend(found.into_iter().map(|entry| entry.map(Entry::from)));
    Ok(())
}
