//! The statuses with which a mirror ends.

use super::feed::OpenError;
use super::session::Fault;
use crate::status;
use localmap::WatchError;
use std::time::Duration;
use tonic::Status;

/// Returns the status for a mirror that has made a mistake, or has not answered in time.
pub(super) fn fault(fault: &Fault) -> Status {
    let text = fault.to_string();
    match fault {
        Fault::NoAck { .. } | Fault::NoHeld { .. } => Status::deadline_exceeded(text),
        Fault::TooManyRefused(_) => Status::resource_exhausted(text),
        _ => Status::invalid_argument(text),
    }
}

/// Returns the status for a stream on which no mirror was opened.
pub(super) fn no_open(within: Duration) -> Status {
    Status::deadline_exceeded(format!("no `open` within {within:?}"))
}

/// Returns the status for a mirror that cannot be opened.
pub(super) fn open(error: &OpenError) -> Status {
    match error {
        OpenError::TooMany { .. } => Status::resource_exhausted(error.to_string()),
        OpenError::Watch(error) => watch(error),
    }
}

/// Returns the status for a map that cannot be mirrored, or no longer.
pub(super) fn watch(error: &WatchError) -> Status {
    match error {
        WatchError::Terminated { source, .. } => status::terminated(source),
        WatchError::NoMemory => Status::resource_exhausted(
            "the map has no memory for a list of its changes: raise its limit",
        ),
        WatchError::Unsupported => Status::unimplemented(error.to_string()),
        _ => Status::internal(error.to_string()),
    }
}

/// Returns the status for a tenant with several maps.
pub(super) fn sharded() -> Status {
    Status::unimplemented("the map of the tenant has several shards, so it has no mirrors")
}

/// Returns the status for a map that has ended, for a reason that is not known.
pub(super) fn ended() -> Status {
    Status::unavailable("the map has ended: open another mirror")
}

/// Returns the status for one more mirror than the sidecar has places for.
pub(super) fn too_many_in_all(max: usize) -> Status {
    Status::resource_exhausted(format!(
        "the sidecar has {max} mirrors, as many as it may have: close one, or raise --max-all-mirrors"
    ))
}

/// Returns the status for a tenant to which the embedder has attached something.
pub(super) fn attached() -> Status {
    Status::unimplemented("something else is attached to the tenant, so its map has no mirrors")
}
