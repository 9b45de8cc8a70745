//! What `run` and `serve` say of a guest that cannot be instantiated.

use crate::commands::preflight;
use anyhow::{Error, anyhow};
use localmap::Inspection;
use localmap_serve::InstanceError;

/// Names the cause, and the option that helps if one does. `guest` tells how much memory that has to
/// allow.
pub(super) fn explain(error: &InstanceError, guest: Option<&Inspection>) -> Error {
    let hint = match error {
        InstanceError::Memory { asked, .. } => {
            let declared = guest.map_or(0, declared_memory);
            match declared > u64::try_from(*asked).unwrap_or(u64::MAX) {
                true => format!(
                    "; raise -W max-memory-size=SIZE: its memories have {declared} bytes at its start"
                ),
                false => "; raise -W max-memory-size=SIZE".to_owned(),
            }
        }
        InstanceError::AddressSpace { .. } => {
            format!("; {}", preflight::advice(guest.map_or(0, declared_memory)))
        }
        InstanceError::TimedOut { .. } => "; raise -W timeout=TIME".to_owned(),
        _ => String::new(),
    };
    // The text names the cause, and the rest would be Wasmtime's words for it.
    anyhow!("the guest cannot be instantiated: {error}{hint}")
}

/// Returns the initial size of all memories that a component declares, in bytes.
pub(super) fn declared_memory(guest: &Inspection) -> u64 {
    let sizes = guest.memories.iter().map(|memory| memory.initial);
    sizes.fold(0, u64::saturating_add)
}
