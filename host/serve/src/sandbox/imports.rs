//! The imports that a sandbox provides, added to a linker.

use super::data::Sandbox;
use super::{config_store, debug_string, logging};
use localmap::wasmtime::{self, component::Linker};

impl<T: Send + 'static> Sandbox<T> {
    /// Adds everything that a sandbox provides, apart from a map and [mirrors](Self::mirrors), for guests whose calls are sync:
    /// WASI 0.2, `wasi:http`, `wasi:config/store` and `wasi:logging`. What a guest reaches through
    /// them depends on the [`SandboxConfig`](crate::SandboxConfig) of its store. The debug string of
    /// a `wasi:io/error` has the messages of the error, and no backtrace of the host.
    ///
    /// ```
    /// use localmap::wasmtime::component::Linker;
    /// use localmap_serve::{Sandbox, SandboxConfig};
    ///
    /// # fn run(bytes: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
    /// let config = SandboxConfig::new().allow_http("example.com".parse()?);
    /// let component = config.compile(bytes)?;
    /// let mut linker = Linker::<Sandbox<()>>::new(component.engine());
    /// Sandbox::add_to_linker_sync(&mut linker)?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the linker already has one of these interfaces.
    pub fn add_to_linker_sync(linker: &mut Linker<Self>) -> wasmtime::Result<()> {
        wasmtime_wasi::p2::add_to_linker_sync(linker)?;
        debug_string::replace(linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_sync(linker)?;
        config_store::add_to_linker(linker)?;
        logging::add_to_linker_sync(linker)
    }

    /// Adds the same imports as [`add_to_linker_sync`](Self::add_to_linker_sync), for guests whose
    /// calls are async, and those of WASI 0.3 if the engine supports concurrency, as that of a
    /// component that [needs it](localmap::needs_concurrency) does.
    ///
    /// # Errors
    ///
    /// Returns an error if the linker already has one of these interfaces.
    pub fn add_to_linker_async(linker: &mut Linker<Self>) -> wasmtime::Result<()> {
        wasmtime_wasi::p2::add_to_linker_async(linker)?;
        debug_string::replace(linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker)?;
        if linker.engine().get_concurrency_support() {
            wasmtime_wasi::p3::add_to_linker(linker)?;
            wasmtime_wasi_http::p3::add_to_linker(linker)?;
        }
        config_store::add_to_linker(linker)?;
        logging::add_to_linker_async(linker)
    }
}
