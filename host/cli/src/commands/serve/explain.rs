//! Says what to do about a guest that cannot be served.

use crate::args::common;
use crate::args::entry::{CliEntry, refused_entry};
use crate::commands::instance;
use localmap_serve::{HandlerError, MapError};

/// Adds the option that caused an error of the handler, or that helps.
pub(super) fn explain(error: HandlerError, entries: &[CliEntry]) -> anyhow::Error {
    match error {
        HandlerError::Sandbox(error) => name_address_space(common::explain(error)),
        HandlerError::Map(MapError::Preload(refused)) => refused_entry(entries, refused),
        HandlerError::Instance(error) => instance::explain(&error),
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
