//! The reasons why a component cannot be a guest of a sidecar.

use localmap::wasmtime;
use localmap::{ComponentError, CreateError, Incompatibility, PlugError};
use localmap_serve::{InstanceError, SandboxError};
use std::time::Duration;

/// The reason why a component cannot be a guest of a sidecar.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GuestError {
    /// There can be no guest of this name.
    #[error("its name is invalid: use 1 to 63 of the characters A-Z a-z 0-9 - _ .")]
    Name,
    /// There is a guest of this name.
    #[error("there is another guest of this name: choose another one")]
    Duplicate,
    /// The bytes are not a valid component.
    #[error(transparent)]
    Component(#[from] ComponentError),
    /// The component does not export `localmap:core/handler@0.1.0`.
    #[error(
        "it does not export localmap:core/handler@0.1.0, which a sidecar calls; in Rust, \
         localmap_client::export_handler! does that"
    )]
    NoHandler,
    /// The component exports `localmap:core/handler@0.1.0`, but not with the types of the contract.
    #[error(
        "its export localmap:core/handler@0.1.0 is not that of the contract: expected a function \
         `handle: func(request: list<u8>) -> result<list<u8>, string>`"
    )]
    OtherHandler,
    /// The component imports another map than that of the contract.
    #[error(transparent)]
    Incompatible(#[from] PlugError),
    /// The component imports `wasi:keyvalue`.
    #[error(
        "it imports wasi:keyvalue, and the maps of a sidecar have no buckets: import \
         localmap:core/local-map instead"
    )]
    Keyvalue,
    /// The component imports interfaces that a sidecar does not provide.
    #[error(
        "it imports what a sidecar does not provide:{}",
        missing.iter().map(|reason| format!("\n- {reason}")).collect::<String>()
    )]
    #[non_exhaustive]
    Imports {
        /// One reason for each import.
        missing: Vec<Incompatibility>,
    },
    /// Wasmtime cannot link WASI.
    #[error("cannot link WASI")]
    #[non_exhaustive]
    Linker {
        /// The error from Wasmtime.
        source: wasmtime::Error,
    },
    /// The sandbox could not be set up.
    #[error(transparent)]
    Sandbox(#[from] SandboxError),
    /// There is no map for an instance that is tried.
    #[error(transparent)]
    Map(#[from] CreateError),
    /// The guest cannot be instantiated.
    #[error(transparent)]
    Instance(#[from] InstanceError),
    /// The guest does not start in time.
    #[error("its start takes longer than {limit:?}")]
    #[non_exhaustive]
    TimedOut {
        /// The timeout of a call.
        limit: Duration,
    },
}
