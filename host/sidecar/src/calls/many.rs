//! Reads of many entries, which are bounded so that a response fits into a message and the map is not
//! locked for long.

use crate::call::Call;
use crate::convert;
use crate::rejection::no_answer;
use bytes::Bytes;
use localmap::{MapTerminated, ScanCursor, TenantError};
use localmap_sidecar_proto::get_many_response::Value;
use localmap_sidecar_proto::{GetManyRequest, GetManyResponse, ScanRequest, ScanResponse};
use tonic::Status;

/// The maximum size of the values of a response, unless the first one is larger.
const MAX_BYTES: usize = 1 << 20;

/// The maximum number of values or entries of a response.
const MAX_COUNT: u32 = 4_096;

/// Returns the values of the first keys. They are read under one lock.
pub(crate) fn get_many(call: &Call, request: &GetManyRequest) -> Result<GetManyResponse, Status> {
    let checked_out = call.checkout(&request.tenant)?;
    let map = checked_out.shared().ok_or_else(several_shards)?;
    let mut map = checked_out.lock(&map);
    let (mut values, mut bytes) = (Vec::new(), 0);
    for key in request.keys.iter().take(MAX_COUNT as usize) {
        match checked_out.admit(1) {
            Ok(()) => {}
            // What was read so far is an answer. The rest is asked for again.
            Err(_) if !values.is_empty() => break,
            Err(error) => return Err(no_answer(error.into())),
        }
        let value = map.get(key).map_err(ended)?;
        bytes += value.as_ref().map_or(0, Vec::len);
        if bytes > MAX_BYTES && !values.is_empty() {
            break;
        }
        values.push(Value {
            value: value.map(Bytes::from),
        });
    }
    Ok(GetManyResponse { values })
}

/// Returns one page of a scan. The map bounds its size.
pub(crate) fn scan(call: &Call, request: &ScanRequest) -> Result<ScanResponse, Status> {
    let map = call.checkout(&request.tenant)?;
    if map.shared().is_none() {
        return Err(several_shards());
    }
    let cursor = ScanCursor {
        shard: 0,
        cursor: request.cursor,
    };
    let limit = match request.limit {
        0 => MAX_COUNT,
        limit => limit.min(MAX_COUNT),
    };
    let page = map
        .scan(&request.prefix, cursor, limit)
        .map_err(no_answer)?;
    let entries = page.entries.into_iter();
    Ok(ScanResponse {
        entries: entries
            .map(|found| convert::entry(found.key.into(), found.entry))
            .collect(),
        next: page.next.map(|next| next.cursor),
    })
}

fn ended(terminated: MapTerminated) -> Status {
    no_answer(TenantError::from(terminated))
}

/// Returns the status for a call that one lock must cover.
fn several_shards() -> Status {
    Status::unimplemented("the map of the tenant has several shards, which cannot be read at once")
}
