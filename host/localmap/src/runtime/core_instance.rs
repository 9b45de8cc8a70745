//! An instance of a map's core module in its store. Each function of the contract takes and returns
//! the types that Wasmtime generates from the WIT.

mod changes;
mod control;
mod local_map;

use crate::runtime::abi::functions::{
    ChangesFunctions, Export, Exports, Function, Functions, HostFunctions,
};
use crate::runtime::abi::lift::{Lift, Source};
use crate::runtime::abi::lower::Parameters;
use crate::runtime::compiled::{Compiled, Room};
use crate::runtime::store_data::StoreData;
use std::sync::Arc;
use wasmtime::{Instance, Memory, Result, Store, WasmParams, WasmResults, bail, format_err};

/// An instance of a map's core module.
pub(crate) struct CoreInstance {
    pub(crate) store: Store<StoreData>,
    instance: Instance,
    memory: Memory,
    compiled: Arc<Compiled>,
    /// The buffer, once it is known.
    room: Option<Room>,
    host: HostFunctions,
    /// The other functions, once one has been called: a map that is only read and written does not
    /// need them.
    functions: Option<Box<Functions>>,
    /// The functions that tell what changes, once one has been called.
    changes: Option<Box<ChangesFunctions>>,
    /// The maximum number of bytes that the result of a call may have.
    fuel: usize,
}

impl CoreInstance {
    /// Creates an instance. A result of it can have at most `fuel` bytes.
    pub(crate) fn new(
        mut store: Store<StoreData>,
        compiled: &Arc<Compiled>,
        fuel: usize,
    ) -> Result<Self> {
        let instance = compiled.instance.instantiate(&mut store)?;
        let memory = instance
            .get_module_export(&mut store, &compiled.memory)
            .and_then(wasmtime::Extern::into_memory)
            .ok_or_else(|| format_err!("the map has no memory"))?;
        store.data_mut().instance_memory = Some(memory);
        if let Some(initialize) = &compiled.initialize
            && let Some(function) = instance
                .get_module_export(&mut store, initialize)
                .and_then(wasmtime::Extern::into_func)
        {
            function.typed::<(), ()>(&store)?.call(&mut store, ())?;
        }
        Ok(Self {
            store,
            instance,
            memory,
            compiled: Arc::clone(compiled),
            room: compiled.room.get().copied(),
            host: HostFunctions::default(),
            functions: None,
            changes: None,
            fuel,
        })
    }

    /// Calls a function, and leaves its result in place.
    fn call<P: WasmParams, R: WasmResults + WasmParams>(
        &mut self,
        export: fn(&Exports) -> &Export,
        function: fn(&mut Functions) -> &mut Function<P, R>,
        params: P,
    ) -> Result<R> {
        let export = export(&self.compiled.exports);
        let function = function(self.functions.get_or_insert_default());
        function.call(&mut self.store, &self.instance, export, params)
    }

    /// Calls a function of the contract whose result is a number.
    fn count<P: WasmParams, R: WasmResults + WasmParams + Copy>(
        &mut self,
        export: fn(&Exports) -> &Export,
        function: fn(&mut Functions) -> &mut Function<P, R>,
        params: P,
    ) -> Result<R> {
        let result = self.call(export, function, params)?;
        let function = function(self.functions.get_or_insert_default());
        let export = export(&self.compiled.exports);
        function.post_return(&mut self.store, &self.instance, export, result)?;
        Ok(result)
    }

    /// Calls a function of the contract and reads its result from memory.
    fn ask<P: WasmParams, R: Lift>(
        &mut self,
        export: fn(&Exports) -> &Export,
        function: fn(&mut Functions) -> &mut Function<P, u32>,
        params: P,
    ) -> Result<R> {
        let address = self.call(export, function, params)?;
        let result = self.results().read(address)?;
        let function = function(self.functions.get_or_insert_default());
        let export = export(&self.compiled.exports);
        function.post_return(&mut self.store, &self.instance, export, address)?;
        Ok(result)
    }

    /// Returns the memory from which the result of a call is read.
    fn results(&self) -> Source<'_> {
        Source::new(self.memory.data(&self.store), self.fuel)
    }

    /// Copies a key or a value into memory that the map allocates. Returns its address and its
    /// length.
    fn pass_bytes(&mut self, bytes: &[u8]) -> Result<(u32, u32)> {
        Ok((self.pass(bytes, 1)?, u32::try_from(bytes.len())?))
    }

    /// Returns the buffer, if the map has one.
    fn room(&mut self) -> Result<Option<Room>> {
        if let (None, Some(exports)) = (self.room, &self.compiled.host) {
            let room = &mut self.host.room;
            let room = room.call(&mut self.store, &self.instance, &exports.room, ())?;
            let room = Room::new(room);
            // Another component could answer with what it has stored, and its next instance would
            // see that in the address of its own parameters.
            if self.compiled.is_own {
                self.compiled.room.get_or_init(|| room);
            }
            self.room = Some(room);
        }
        Ok(self.room)
    }

    /// Copies a key and a value into the buffer. Returns `false` if they do not fit.
    fn fill_room(&mut self, key: &[u8], value: &[u8]) -> Result<bool> {
        let Some(room) = self.room()? else {
            return Ok(false);
        };
        if key.len().saturating_add(value.len()) > room.size {
            return Ok(false);
        }
        let memory = self.memory.data_mut(&mut self.store);
        let Some(room) = memory.get_mut(room.address..) else {
            bail!("the map's room is beyond end of memory");
        };
        let Some((for_key, rest)) = room.split_at_mut_checked(key.len()) else {
            bail!("the map's room is beyond end of memory");
        };
        let Some(for_value) = rest.get_mut(..value.len()) else {
            bail!("the map's room is beyond end of memory");
        };
        for_key.copy_from_slice(key);
        for_value.copy_from_slice(value);
        Ok(true)
    }
}

impl Parameters for CoreInstance {
    fn pass(&mut self, bytes: &[u8], align: usize) -> Result<u32> {
        let (len, align) = (u32::try_from(bytes.len())?, u32::try_from(align)?);
        if len == 0 {
            return Ok(align);
        }
        let address = self.call(
            |exports| &exports.realloc,
            |functions| &mut functions.realloc,
            (0, 0, align, len),
        )?;
        if !address.is_multiple_of(align) {
            bail!(
                "the map allocated parameters at an address that is not aligned to {align}: {address}"
            );
        }
        let memory = self.memory.data_mut(&mut self.store);
        let start = address as usize;
        let room = start
            .checked_add(bytes.len())
            .and_then(|end| memory.get_mut(start..end));
        let Some(room) = room else {
            bail!("the map allocated parameters beyond end of memory: {len} bytes at {address}");
        };
        room.copy_from_slice(bytes);
        Ok(address)
    }
}
