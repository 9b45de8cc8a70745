//! Pipelines: requests of many operations on a stream, each of which is performed under one lock of the
//! map. A codec of our own reads the operations where they lie and lets the map write their results.

mod perform;
mod request;
mod response;
#[cfg(test)]
mod tests;
mod wire;

use crate::call::Call;
use crate::codec::malformed;
use crate::options::MAX_MESSAGE_LEN;
use crate::{grpc, rejection};
use bytes::{Buf, BufMut, Bytes};
use hyper::{Request, Response};
use localmap_sidecar_proto::PipelineRequest;
use perform::{check, perform};
use prost::Message;
use request::{Batch, BatchError};
use response::Results;
use std::future::{self, Ready};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio_stream::Stream;
use tonic::body::Body;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::server::StreamingService;
use tonic::{Status, Streaming};

/// The most operations of a request, which bounds the time for which it locks the map.
const MAX_OPERATIONS: usize = 16_384;

/// The number of operations after which a stream lets other tasks run.
const OPERATIONS_PER_TURN: usize = 4_096;

/// The bytes of a result for which a response has memory at first.
const RESULT_LEN: usize = 80;

/// Passes on messages as their bytes.
struct Whole;

impl Codec for Whole {
    type Encode = Vec<u8>;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Whole {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, message: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.reserve(message.len());
        to.put_slice(&message);
        Ok(())
    }
}

impl Decoder for Whole {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

/// Answers a call of `Pipeline`.
pub(crate) async fn serve(call: Call, request: Request<grpc::RequestBody>) -> Response<Body> {
    grpc::server(Whole).streaming(Service(call), request).await
}

struct Service(Call);

impl StreamingService<Bytes> for Service {
    type Response = Vec<u8>;
    type ResponseStream = Responses;
    type Future = Ready<Result<tonic::Response<Responses>, Status>>;

    fn call(&mut self, request: tonic::Request<Streaming<Bytes>>) -> Self::Future {
        future::ready(Ok(tonic::Response::new(Responses {
            pipeline: Pipeline::new(self.0.clone()),
            requests: request.into_inner(),
            turn: 0,
        })))
    }
}

/// The responses to a stream of requests.
struct Responses {
    pipeline: Pipeline,
    requests: Streaming<Bytes>,
    /// The number of operations since other tasks could run.
    turn: usize,
}

impl Stream for Responses {
    type Item = Result<Vec<u8>, Status>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(status) = this.pipeline.end.take() {
            return Poll::Ready(Some(Err(status)));
        }
        if this.turn >= OPERATIONS_PER_TURN {
            this.turn = 0;
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let request = match ready!(Pin::new(&mut this.requests).poll_next(context)) {
            Some(Ok(request)) => request,
            Some(Err(status)) => return Poll::Ready(Some(Err(status))),
            None => return Poll::Ready(None),
        };
        let results = this.pipeline.answer(&request);
        Poll::Ready(Some(results.map(|results| {
            this.turn += results.count();
            results.into_bytes()
        })))
    }
}

/// The state of a pipeline between its requests.
struct Pipeline {
    call: Call,
    /// The tenant that the first request has named.
    tenant: Option<String>,
    /// The status with which it ends before the next request.
    end: Option<Status>,
}

impl Pipeline {
    fn new(call: Call) -> Self {
        Self {
            call,
            tenant: None,
            end: None,
        }
    }

    /// Performs the operations of a request.
    ///
    /// # Errors
    ///
    /// Returns the status with which the pipeline ends. No operation has been performed, unless the map
    /// has terminated.
    fn answer(&mut self, bytes: &[u8]) -> Result<Results, Status> {
        let batch = Batch::read(bytes, MAX_OPERATIONS).map_err(|error| unread(error, bytes))?;
        check(&batch.operations)?;
        let tenant = bind(&mut self.tenant, batch.tenant)?;
        let map = self.call.checkout(tenant)?;
        map.admit(batch.count())
            .map_err(|error| rejection::no_answer(error.into()))?;
        let shared = map.shared().ok_or_else(several_shards)?;
        let mut results = Results::with_capacity(batch.operations.len() * RESULT_LEN);
        let performed = perform(
            &mut map.lock(&shared),
            |change, ttl| map.admit_write(change, ttl),
            &batch.operations,
            &mut results,
        );
        let writes = batch
            .operations
            .iter()
            .filter(|operation| operation.writes());
        match writes.count() {
            0 => {}
            writes => map.changed_by(u32::try_from(writes).unwrap_or(u32::MAX)),
        }
        performed?;
        if results.count() < batch.operations.len() {
            self.end = Some(too_large(results.count(), batch.operations.len()));
        }
        Ok(results)
    }
}

/// Returns the tenant of a request that names `name`, or none.
fn bind<'a>(tenant: &'a mut Option<String>, name: &str) -> Result<&'a str, Status> {
    let tenant = tenant.get_or_insert_with(|| name.to_owned());
    if !name.is_empty() && name != tenant {
        return Err(Status::invalid_argument(
            "the pipeline has another tenant: open another pipeline for this one",
        ));
    }
    Ok(tenant)
}

/// Returns the status of a request that cannot be read: of a malformed one, that of the generated types.
fn unread(error: BatchError, bytes: &[u8]) -> Status {
    match error {
        BatchError::Malformed { at } => {
            let rest = bytes.get(at..).unwrap_or_default();
            match PipelineRequest::decode(rest) {
                Err(error) => malformed(&error),
                Ok(_) => Status::invalid_argument("malformed message"),
            }
        }
        BatchError::TooMany { max } => Status::invalid_argument(format!(
            "the request has more than {max} operations: send them in several requests; none of them was \
             performed"
        )),
    }
}

/// Returns the status after a response that lacks results.
fn too_large(performed: usize, operations: usize) -> Status {
    Status::out_of_range(format!(
        "the response would exceed {MAX_MESSAGE_LEN} bytes: of {operations} operations the first \
         {performed} were performed, whose results were sent before this status; send the others in \
         further requests"
    ))
}

fn several_shards() -> Status {
    Status::unimplemented("the map of the tenant has several shards, so it has no pipelines")
}
