//! The functions of the contract's interface `local-map`.

use super::CoreInstance;
use crate::contract::bindings::local_map::{Change, Condition, Entry, Error, Outcome, Page, Ttl};
use crate::runtime::abi::functions::Bytes;
use crate::runtime::abi::lower::Parameters;
use crate::runtime::abi::page::ScannedInPlace;
use wasmtime::Result;

/// Calls a function of the contract by its name.
macro_rules! call {
    ($method:ident, $core:ident.$name:ident, $params:expr) => {{
        let params = $params;
        $core.$method(
            |exports| &exports.$name,
            |functions| &mut functions.$name,
            params,
        )
    }};
}

impl CoreInstance {
    /// Calls `read` with the value of `key` in the memory of the map; with `None` if it is absent.
    pub(crate) fn get<R>(
        &mut self,
        key: &[u8],
        read: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R> {
        if self.fill_room(key, &[])?
            && let Some(exports) = &self.compiled.host
        {
            let len = u32::try_from(key.len())?;
            let get = &mut self.host.get;
            let address = get.call(&mut self.store, &self.instance, &exports.get, len)?;
            return Ok(read(self.results().read_in_place(address)?));
        }
        let key = self.pass_bytes(key)?;
        let address = call!(call, self.get, key)?;
        let result = read(self.results().read_in_place(address)?);
        let get = &mut self.functions.get_or_insert_default().get;
        let export = &self.compiled.exports.get;
        get.post_return(&mut self.store, &self.instance, export, address)?;
        Ok(result)
    }

    pub(crate) fn get_entry(&mut self, key: &[u8]) -> Result<Option<Entry>> {
        let key = self.pass_bytes(key)?;
        call!(ask, self.get_entry, key)
    }

    pub(crate) fn get_many(&mut self, keys: &[&[u8]]) -> Result<Vec<Option<Vec<u8>>>> {
        let keys = self.pass_list(keys)?;
        call!(ask, self.get_many, keys)
    }

    pub(crate) fn contains(&mut self, key: &[u8]) -> Result<bool> {
        let key = self.pass_bytes(key)?;
        Ok(call!(count, self.contains, key)? != 0)
    }

    pub(crate) fn set(&mut self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<Result<u64, Error>> {
        let (case, nanos) = flat_ttl(ttl);
        if self.fill_room(key, value)?
            && let Some(exports) = &self.compiled.host
        {
            let (key, value) = (u32::try_from(key.len())?, u32::try_from(value.len())?);
            let set = &mut self.host.set;
            let params = (key, value, case, nanos);
            let address = set.call(&mut self.store, &self.instance, &exports.set, params)?;
            return self.results().read(address);
        }
        let (key, key_len) = self.pass_bytes(key)?;
        let (value, value_len) = self.pass_bytes(value)?;
        call!(ask, self.set, (key, key_len, value, value_len, case, nanos))
    }

    pub(crate) fn set_if(
        &mut self,
        key: &[u8],
        value: &[u8],
        ttl: Ttl,
        condition: Condition,
    ) -> Result<Result<u64, Error>> {
        let (key, key_len) = self.pass_bytes(key)?;
        let (value, value_len) = self.pass_bytes(value)?;
        let (case, nanos) = flat_ttl(ttl);
        let (condition, version) = match condition {
            Condition::Absent => (0, 0),
            Condition::Present => (1, 0),
            Condition::Version(version) => (2, version),
        };
        let params = (
            key, key_len, value, value_len, case, nanos, condition, version,
        );
        call!(ask, self.set_if, params)
    }

    pub(crate) fn increment(
        &mut self,
        key: &[u8],
        delta: i64,
        ttl: Ttl,
    ) -> Result<Result<i64, Error>> {
        let (key, len) = self.pass_bytes(key)?;
        let (case, nanos) = flat_ttl(ttl);
        call!(ask, self.increment, (key, len, delta, case, nanos))
    }

    pub(crate) fn touch(&mut self, key: &[u8], ttl: Ttl) -> Result<Result<bool, Error>> {
        let (key, len) = self.pass_bytes(key)?;
        let (case, nanos) = flat_ttl(ttl);
        call!(ask, self.touch, (key, len, case, nanos))
    }

    pub(crate) fn take(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>> {
        let key = self.pass_bytes(key)?;
        call!(ask, self.take, key)
    }

    pub(crate) fn delete(&mut self, key: &[u8]) -> Result<bool> {
        let key = self.pass_bytes(key)?;
        Ok(call!(count, self.delete, key)? != 0)
    }

    pub(crate) fn delete_if(&mut self, key: &[u8], version: u64) -> Result<Result<(), Error>> {
        let (key, len) = self.pass_bytes(key)?;
        call!(ask, self.delete_if, (key, len, version))
    }

    pub(crate) fn apply(
        &mut self,
        changes: &[Change<'_>],
    ) -> Result<Result<Vec<Outcome>, (u32, Error)>> {
        let changes = self.pass_list(changes)?;
        call!(ask, self.apply, changes)
    }

    /// Pins the value of a key. Returns the representation of the pin.
    pub(crate) fn pin(&mut self, key: &[u8]) -> Result<Result<Option<u32>, Error>> {
        let key = self.pass_bytes(key)?;
        let handle: Result<Option<u32>, Error> = call!(ask, self.pin, key)?;
        Ok(match handle {
            Ok(Some(handle)) => Ok(Some(self.store.data_mut().pins.lend(handle)?)),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        })
    }

    pub(crate) fn pinned_value(&mut self, pin: u32) -> Result<Vec<u8>> {
        call!(ask, self.pinned_value, pin)
    }

    pub(crate) fn pinned_version(&mut self, pin: u32) -> Result<u64> {
        call!(count, self.pinned_version, pin)
    }

    pub(crate) fn drop_pinned(&mut self, pin: u32) -> Result<()> {
        self.store.data_mut().pins.give_back();
        call!(call, self.drop_pinned, pin)
    }

    pub(crate) fn scan(&mut self, prefix: &[u8], cursor: u64, limit: u32) -> Result<Page> {
        let (prefix, len): Bytes = self.pass_bytes(prefix)?;
        call!(ask, self.scan, (prefix, len, cursor, limit))
    }

    /// Calls `visit` with each entry of a page in the memory of the map. Returns the cursor of the
    /// next page.
    pub(crate) fn scan_in_place(
        &mut self,
        cursor: u64,
        limit: u32,
        visit: impl FnMut(&ScannedInPlace<'_>) -> Result<()>,
    ) -> Result<Option<u64>> {
        let (prefix, len) = self.pass_bytes(&[])?;
        let address = call!(call, self.scan, (prefix, len, cursor, limit))?;
        let next = self.results().read_page(address, visit)?;
        let scan = &mut self.functions.get_or_insert_default().scan;
        let export = &self.compiled.exports.scan;
        scan.post_return(&mut self.store, &self.instance, export, address)?;
        Ok(next)
    }

    pub(crate) fn len(&mut self) -> Result<u64> {
        call!(count, self.len, ())
    }
}

/// Flattens a TTL to the number of its case and its payload.
fn flat_ttl(ttl: Ttl) -> (u32, u64) {
    match ttl {
        Ttl::Default => (0, 0),
        Ttl::Never => (1, 0),
        Ttl::After(nanos) => (2, nanos),
    }
}
