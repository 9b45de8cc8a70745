//! Says what to do about a guest that cannot be served.

use crate::args::common;
use crate::args::entry::{CliEntry, refused_entry};
use anyhow::anyhow;
use localmap_serve::{HandlerError, InstanceError, MapError};

/// Adds the option that caused an error of the handler, or that helps.
pub(super) fn explain(error: HandlerError, entries: &[CliEntry]) -> anyhow::Error {
    match error {
        HandlerError::Sandbox(error) => name_address_space(common::explain(error)),
        HandlerError::Map(MapError::Preload(refused)) => refused_entry(entries, refused),
        HandlerError::Instance(error) => {
            let hint = match &error {
                InstanceError::Memory { .. } => "; raise -W max-memory-size=SIZE",
                InstanceError::AddressSpace { .. } => {
                    "; raise the limit, or lower -W max-memory-size=SIZE"
                }
                InstanceError::TimedOut { .. } => "; raise -W timeout=TIME",
                _ => "",
            };
            let text = format!("the guest cannot be instantiated: {error}{hint}");
            // The text names the cause, and the rest would be Wasmtime's words for it.
            anyhow!(text)
        }
        other => name_address_space(other.into()),
    }
}

/// Names the cause if the operating system has refused address space for a map or for code.
fn name_address_space(error: anyhow::Error) -> anyhow::Error {
    // Wasmtime's own type of the error of a system call is private. 12 is ENOMEM, on each Unix.
    let refused = std::io::Error::from_raw_os_error(12).to_string();
    if cfg!(unix) && error.root_cause().to_string() == refused {
        let text = "there is too little address space (`ulimit -v`); raise the limit, or lower \
                    --max-bytes";
        return error.context(text);
    }
    error
}
