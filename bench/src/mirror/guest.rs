//! A guest that reads a mirror through the interface `localmap:core/mirror`.

use anyhow::{Result, ensure};
use localmap::wasmtime::component::{Component, Linker, TypedFunc};
use localmap::wasmtime::{Engine, Store};
use localmap_mirror::{MirrorReader, Mirrors};

/// An instance of the guest.
pub(super) struct Guest {
    store: Store<Mirrors>,
    read: TypedFunc<(u32,), (u32,)>,
}

impl Guest {
    /// Creates a guest that reads one mirror.
    pub(super) fn new(reader: MirrorReader) -> Result<Self> {
        let engine = Engine::default();
        let component = Component::new(&engine, wat::parse_str(include_str!("guest.wat"))?)?;
        let mut linker = Linker::<Mirrors>::new(&engine);
        localmap_mirror::add_to_linker(&mut linker, |mirrors| mirrors)?;
        let mirrors = Mirrors::new().mirror("settings", reader);
        let mut store = Store::new(&engine, mirrors);
        let instance = linker.instantiate(&mut store, &component)?;
        let read = instance.get_typed_func(&mut store, "read")?;
        Ok(Self { store, read })
    }

    /// Reads keys, each of which must be there.
    pub(super) fn read(&mut self, count: u32) -> Result<()> {
        let (found,) = self.read.call(&mut self.store, (count,))?;
        ensure!(
            found == count,
            "the guest has found {found} of {count} keys"
        );
        Ok(())
    }
}
