//! What `run` and `serve` say of a guest that cannot be instantiated.

use anyhow::{Error, anyhow};
use localmap_serve::InstanceError;

/// Names the cause, and the option that helps if one does.
pub(super) fn explain(error: &InstanceError) -> Error {
    let hint = match error {
        InstanceError::Memory { .. } => "; raise -W max-memory-size=SIZE",
        InstanceError::AddressSpace { .. } => "; raise the limit, or lower -W max-memory-size=SIZE",
        InstanceError::TimedOut { .. } => "; raise -W timeout=TIME",
        _ => "",
    };
    // The text names the cause, and the rest would be Wasmtime's words for it.
    anyhow!("the guest cannot be instantiated: {error}{hint}")
}
