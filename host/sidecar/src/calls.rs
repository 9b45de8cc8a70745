//! The calls with one request and one response, all of which are short: each is a call or a few into the
//! map of a tenant. The submodules have those on several keys.

mod batch;
mod many;

pub(crate) use batch::apply;
pub(crate) use many::{get_many, scan};

use crate::call::Call;
use crate::convert;
use crate::rejection::{answer, no_answer};
use crate::state::CheckedOut;
use localmap::{Change, Condition, TenantError, Ttl};
use localmap_sidecar_proto::{
    ContainsRequest, ContainsResponse, DeleteRequest, DeleteResponse, GetRequest, GetResponse,
    IncrementRequest, IncrementResponse, Rejection, SetIfRequest, SetIfResponse, SetRequest,
    SetResponse, StatsRequest, StatsResponse, TakeRequest, TakeResponse, TouchRequest,
    TouchResponse, delete_response, increment_response, set_if_response, set_response,
    touch_response,
};
use tonic::Status;

pub(crate) fn get(call: &Call, request: &GetRequest) -> Result<GetResponse, Status> {
    let map = call.checkout(&request.tenant)?;
    let entry = map.get_entry(&request.key).map_err(no_answer)?;
    Ok(GetResponse {
        entry: entry.map(|entry| convert::entry(request.key.clone(), entry)),
    })
}

pub(crate) fn contains(call: &Call, request: &ContainsRequest) -> Result<ContainsResponse, Status> {
    let map = call.checkout(&request.tenant)?;
    let present = map.contains(&request.key).map_err(no_answer)?;
    Ok(ContainsResponse { present })
}

pub(crate) fn set(call: &Call, request: &SetRequest) -> Result<SetResponse, Status> {
    use set_response::Result;
    let map = call.checkout(&request.tenant)?;
    let (key, value) = (&request.key[..], &request.value[..]);
    let ttl = convert::ttl(request.ttl.as_ref())?;
    let result = write(&map, &Change::Set { key, value, ttl }, ttl, |ttl| {
        map.set(key, value, ttl)
    })?;
    Ok(SetResponse {
        result: Some(result.map_or_else(Result::Rejected, Result::Version)),
    })
}

pub(crate) fn set_if(call: &Call, request: &SetIfRequest) -> Result<SetIfResponse, Status> {
    use set_if_response::Result;
    let map = call.checkout(&request.tenant)?;
    let (key, value) = (&request.key[..], &request.value[..]);
    let ttl = convert::ttl(request.ttl.as_ref())?;
    let condition: Condition =
        convert::condition(request.condition.as_ref())?.ok_or_else(|| {
            Status::invalid_argument("`condition` is not set: set it, or call Set instead")
        })?;
    let change = Change::SetIf {
        key,
        value,
        ttl,
        condition,
    };
    let result = write(&map, &change, ttl, |ttl| {
        map.set_if(key, value, ttl, condition)
    })?;
    Ok(SetIfResponse {
        result: Some(result.map_or_else(Result::Rejected, Result::Version)),
    })
}

pub(crate) fn increment(
    call: &Call,
    request: &IncrementRequest,
) -> Result<IncrementResponse, Status> {
    use increment_response::Result;
    let map = call.checkout(&request.tenant)?;
    let (key, delta) = (&request.key[..], request.delta);
    let ttl = convert::ttl(request.ttl.as_ref())?;
    let result = write(&map, &Change::Increment { key, delta, ttl }, ttl, |ttl| {
        map.increment(key, delta, ttl)
    })?;
    Ok(IncrementResponse {
        result: Some(result.map_or_else(Result::Rejected, Result::Sum)),
    })
}

pub(crate) fn touch(call: &Call, request: &TouchRequest) -> Result<TouchResponse, Status> {
    use touch_response::Result;
    let map = call.checkout(&request.tenant)?;
    let key = &request.key[..];
    let ttl = convert::ttl(request.ttl.as_ref())?;
    let result = write(&map, &Change::Touch { key, ttl }, ttl, |ttl| {
        map.touch(key, ttl)
    })?;
    Ok(TouchResponse {
        result: Some(result.map_or_else(Result::Rejected, Result::Present)),
    })
}

pub(crate) fn take(call: &Call, request: &TakeRequest) -> Result<TakeResponse, Status> {
    let map = call.checkout(&request.tenant)?;
    let value = map.take(&request.key).map_err(no_answer)?;
    if value.is_some() {
        map.changed();
    }
    Ok(TakeResponse {
        value: value.map(Into::into),
    })
}

pub(crate) fn delete(call: &Call, request: &DeleteRequest) -> Result<DeleteResponse, Status> {
    use delete_response::Result;
    let map = call.checkout(&request.tenant)?;
    let deleted = match request.version {
        None => map.delete(&request.key),
        Some(version) => map.delete_if(&request.key, version).map(|()| true),
    };
    if matches!(deleted, Ok(true)) {
        map.changed();
    }
    let result = match deleted {
        Ok(present) => Result::Present(present),
        Err(error) => Result::Rejected(answer(error)?),
    };
    Ok(DeleteResponse {
        result: Some(result),
    })
}

pub(crate) fn stats(call: &Call, request: &StatsRequest) -> Result<StatsResponse, Status> {
    let map = call.checkout(&request.tenant)?;
    let stats = map.stats().map_err(no_answer)?;
    let mirrors = map.mirrors();
    Ok(StatsResponse {
        entries: stats.entries,
        bytes: stats.bytes,
        payload: stats.payload,
        overhead: stats.overhead,
        free: stats.free,
        high_water: stats.high_water,
        hits: stats.hits,
        misses: stats.misses,
        writes: stats.writes,
        expired: stats.expired,
        evicted: stats.evicted,
        refused: stats.refused,
        class: map.class().to_owned(),
        epoch: mirrors.position.map(|(epoch, _)| epoch),
        revision: mirrors.position.map(|(_, revision)| revision),
        mirrors: mirrors.mirrors,
        refused_by_mirrors: mirrors.refused,
    })
}

/// Makes a write that the rule of the sidecar accepts. The inner error is an answer.
fn write<R>(
    map: &CheckedOut<'_>,
    change: &Change<'_>,
    ttl: Ttl,
    write: impl FnOnce(Ttl) -> Result<R, TenantError>,
) -> Result<Result<R, Rejection>, Status> {
    let ttl = match map.admit_write(change, ttl) {
        Ok(ttl) => ttl,
        // A write that the rule rejects counts towards the rate of the tenant, too.
        Err(rejected) => {
            map.admit(1).map_err(|error| no_answer(error.into()))?;
            return Ok(Err(rejected));
        }
    };
    match write(ttl) {
        Ok(result) => {
            map.changed();
            Ok(Ok(result))
        }
        Err(error) => Ok(Err(answer(error)?)),
    }
}
