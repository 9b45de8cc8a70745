//! Pipelines: batches of operations on a stream, each of which is performed under one lock of the map.

use crate::rejection::{no_answer, of_map};
use crate::state::{CheckedOut, State};
use crate::{convert, grpc};
use bytes::Bytes;
use hyper::{Request, Response};
use localmap::{Change, Error, LocalMap, MapTerminated, Ttl, lock};
use localmap_sidecar_proto::operation::Kind;
use localmap_sidecar_proto::operation_result::Kind as Found;
use localmap_sidecar_proto::{
    Operation, OperationResult, PipelineRequest, PipelineResponse, Rejection,
};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio_stream::Stream;
use tonic::body::Body;
use tonic::{Status, Streaming};

/// Answers a call of `Pipeline`.
pub(crate) async fn serve(
    state: Arc<State>,
    request: Request<grpc::RequestBody>,
) -> Response<Body> {
    grpc::streaming(state, request, Pipeline::new).await
}

/// A pipeline: one response for each request.
struct Pipeline {
    state: Arc<State>,
    requests: Streaming<PipelineRequest>,
    /// The tenant that the first request has named.
    tenant: Option<String>,
}

impl Pipeline {
    fn new(state: Arc<State>, requests: Streaming<PipelineRequest>) -> Self {
        Self {
            state,
            requests,
            tenant: None,
        }
    }

    /// Performs the operations of one request.
    fn perform(&mut self, request: PipelineRequest) -> Result<PipelineResponse, Status> {
        let tenant = match &mut self.tenant {
            Some(known) if request.tenant.is_empty() || request.tenant == *known => known,
            Some(_) => {
                return Err(Status::invalid_argument(
                    "a pipeline has one tenant: open another one",
                ));
            }
            unknown => unknown.insert(request.tenant),
        };
        let checked_out = self.state.checkout(tenant)?;
        let count = u32::try_from(request.operations.len()).unwrap_or(u32::MAX);
        let admitted = checked_out.admit(count);
        admitted.map_err(|error| no_answer(error.into()))?;
        let map = checked_out.shared().ok_or_else(|| {
            Status::unimplemented(
                "the map of the tenant has several shards, so it has no pipelines",
            )
        })?;
        let mut map = lock(&map);
        let operations = request.operations.into_iter();
        let results = operations.map(|operation| one(&checked_out, &mut map, operation));
        let results = results.collect::<Result<Vec<_>, _>>();
        drop(map);
        checked_out.changed();
        Ok(PipelineResponse { results: results? })
    }
}

impl Stream for Pipeline {
    type Item = Result<PipelineResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let request = ready!(Pin::new(&mut self.requests).poll_next(context));
        let response = request.map(|request| self.perform(request?));
        Poll::Ready(response)
    }
}

/// Performs one operation.
fn one(
    checked_out: &CheckedOut<'_>,
    map: &mut LocalMap,
    operation: Operation,
) -> Result<OperationResult, Status> {
    let kind = operation
        .kind
        .ok_or_else(|| Status::invalid_argument("an operation is empty: set one of its fields"))?;
    let found = match kind {
        Kind::Get(key) => value(map.get(&key))?,
        Kind::Take(key) => value(map.take(&key))?,
        Kind::Contains(key) => Found::Present(map.contains(&key).map_err(ended)?),
        Kind::GetEntry(key) => match map.get_entry(&key).map_err(ended)? {
            Some(entry) => Found::Entry(convert::entry(key, entry)),
            None => Found::Absent(true),
        },
        Kind::Set(set) => write(checked_out, map, convert::set_change(&set)?)?,
        Kind::Increment(increment) => {
            write(checked_out, map, convert::increment_change(&increment)?)?
        }
        Kind::Touch(touch) => write(checked_out, map, convert::touch_change(&touch)?)?,
        Kind::Delete(delete) => write(checked_out, map, convert::delete_change(&delete))?,
    };
    Ok(OperationResult { kind: Some(found) })
}

fn value(read: Result<Option<Vec<u8>>, MapTerminated>) -> Result<Found, Status> {
    let value = read.map_err(ended)?;
    Ok(match value {
        Some(value) => Found::Value(Bytes::from(value)),
        None => Found::Absent(true),
    })
}

/// Makes a change that the rule of the sidecar accepts.
fn write(
    checked_out: &CheckedOut<'_>,
    map: &mut LocalMap,
    change: Change<'_>,
) -> Result<Found, Status> {
    let admit = |ttl: Ttl| checked_out.admit_write(&change, ttl);
    match make(map, change, admit) {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(error)) => of_map(error).map(Found::Rejected),
        Err(rejected) => Ok(Found::Rejected(rejected)),
    }
}

/// Makes a change with the TTL that `admit` gives it.
fn make(
    map: &mut LocalMap,
    change: Change<'_>,
    admit: impl Fn(Ttl) -> Result<Ttl, Rejection>,
) -> Result<Result<Found, Error>, Rejection> {
    Ok(match change {
        Change::Set { key, value, ttl } => {
            let set = map.set(key, value, admit(ttl)?);
            set.map(Found::Stored).map_err(Error::from)
        }
        Change::SetIf {
            key,
            value,
            ttl,
            condition,
        } => {
            let set = map.set_if(key, value, admit(ttl)?, condition);
            set.map(Found::Stored).map_err(Error::from)
        }
        Change::Increment { key, delta, ttl } => {
            let sum = map.increment(key, delta, admit(ttl)?);
            sum.map(Found::Sum).map_err(Error::from)
        }
        Change::Touch { key, ttl } => {
            let touched = map.touch(key, admit(ttl)?);
            touched.map(Found::Present).map_err(Error::from)
        }
        Change::Delete { key } => {
            let deleted = map.delete(key);
            deleted.map(Found::Present).map_err(Error::from)
        }
        Change::DeleteIf { key, version } => {
            let deleted = map.delete_if(key, version);
            deleted.map(|()| Found::Present(true)).map_err(Error::from)
        }
    })
}

fn ended(terminated: MapTerminated) -> Status {
    no_answer(terminated.into())
}
