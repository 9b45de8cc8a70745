//! The functions of the contract's interface `changes`, which a map component may lack.

use super::CoreInstance;
use crate::contract::bindings::changes::{Entry, Told};
use crate::runtime::abi::lower::Parameters;
use wasmtime::{Result, bail};

impl CoreInstance {
    /// Begins or ends the list of changes. Returns whether the map has memory for it; `None` if its
    /// component does not tell what changes.
    pub(crate) fn watch(&mut self, max_bytes: u32) -> Result<Option<bool>> {
        let Some(exports) = &self.compiled.changes else {
            return Ok(None);
        };
        let watch = &mut self.changes.get_or_insert_default().watch;
        let (store, instance) = (&mut self.store, &self.instance);
        let failed = watch.call(store, instance, &exports.watch, max_bytes)?;
        watch.post_return(store, instance, &exports.watch, failed)?;
        match failed {
            0 => Ok(Some(true)),
            1 => Ok(Some(false)),
            case => bail!("the map returned an invalid discriminant: {case}"),
        }
    }

    /// Returns what has changed; `None` if the map's component does not tell.
    pub(crate) fn drain(&mut self) -> Result<Option<Told>> {
        let Some(exports) = &self.compiled.changes else {
            return Ok(None);
        };
        let drain = &mut self.changes.get_or_insert_default().drain;
        let address = drain.call(&mut self.store, &self.instance, &exports.drain, ())?;
        let told = self.results().read(address)?;
        let drain = &mut self.changes.get_or_insert_default().drain;
        drain.post_return(&mut self.store, &self.instance, &exports.drain, address)?;
        Ok(Some(told))
    }

    /// Returns the entries of some keys; `None` if the map's component has no such function.
    pub(crate) fn peek(&mut self, keys: &[&[u8]]) -> Result<Option<Vec<Option<Entry>>>> {
        if self.compiled.changes.is_none() {
            return Ok(None);
        }
        let keys = self.pass_list(keys)?;
        let Some(exports) = &self.compiled.changes else {
            return Ok(None);
        };
        let peek = &mut self.changes.get_or_insert_default().peek;
        let address = peek.call(&mut self.store, &self.instance, &exports.peek, keys)?;
        let entries = self.results().read(address)?;
        let peek = &mut self.changes.get_or_insert_default().peek;
        peek.post_return(&mut self.store, &self.instance, &exports.peek, address)?;
        Ok(Some(entries))
    }
}
