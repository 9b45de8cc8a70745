//! Guests: components that peers call, each with the map of a tenant. Not built yet.

use crate::state::State;
use localmap_sidecar_proto::{CallGuestRequest, CallGuestResponse};
use std::sync::Arc;
use tonic::Status;

/// Answers a call of `CallGuest`.
pub(crate) async fn call(
    _state: Arc<State>,
    _request: CallGuestRequest,
) -> Result<CallGuestResponse, Status> {
    Err(Status::unimplemented(
        "this version of the sidecar has no guests",
    ))
}
