//! Batches of changes that are made all or not at all.

use crate::call::Call;
use crate::convert;
use crate::rejection::{self, answer, no_answer};
use crate::state::CheckedOut;
use localmap::{Change, Ttl};
use localmap_sidecar_proto::{ApplyRequest, ApplyResponse, Rejection};
use tonic::Status;

pub(crate) fn apply(call: &Call, request: &ApplyRequest) -> Result<ApplyResponse, Status> {
    let map = call.checkout(&request.tenant)?;
    let changes = request.changes.iter().map(convert::change);
    let mut changes = changes.collect::<Result<Vec<_>, _>>()?;
    if let Err(rejected) = admit_all(&map, &mut changes) {
        map.admit(1).map_err(|error| no_answer(error.into()))?;
        return Ok(rejected_batch(rejected));
    }
    match map.apply(&changes) {
        Ok(outcomes) => {
            map.changed();
            Ok(ApplyResponse {
                outcomes: outcomes.into_iter().map(convert::outcome).collect(),
                rejected: None,
            })
        }
        Err(error) => Ok(rejected_batch(answer(error)?)),
    }
}

fn rejected_batch(rejected: Rejection) -> ApplyResponse {
    ApplyResponse {
        outcomes: Vec::new(),
        rejected: Some(rejected),
    }
}

/// Checks all writes against the rule of the sidecar, and sets the TTLs that they get. The rejection
/// has the index of the first one that is not accepted.
fn admit_all(map: &CheckedOut<'_>, changes: &mut [Change<'_>]) -> Result<(), Rejection> {
    for (index, change) in changes.iter_mut().enumerate() {
        let Some(ttl) = ttl_of(change) else { continue };
        let admitted = map.admit_write(change, ttl);
        let admitted = admitted.map_err(|rejected| rejection::at(rejected, index))?;
        set_ttl(change, admitted);
    }
    Ok(())
}

/// Returns the TTL of a write; `None` for a delete.
fn ttl_of(change: &Change<'_>) -> Option<Ttl> {
    match change {
        Change::Set { ttl, .. }
        | Change::SetIf { ttl, .. }
        | Change::Increment { ttl, .. }
        | Change::Touch { ttl, .. } => Some(*ttl),
        Change::Delete { .. } | Change::DeleteIf { .. } => None,
    }
}

fn set_ttl(change: &mut Change<'_>, new: Ttl) {
    match change {
        Change::Set { ttl, .. }
        | Change::SetIf { ttl, .. }
        | Change::Increment { ttl, .. }
        | Change::Touch { ttl, .. } => *ttl = new,
        Change::Delete { .. } | Change::DeleteIf { .. } => {}
    }
}
