//! Calls of gRPC on top of tonic's codecs, with the limits of the sidecar.

use crate::buffers::Buffers;
use crate::call::Call;
use crate::codec::MessageCodec;
use crate::options::MAX_MESSAGE_LEN;
pub(crate) use crate::request_body::RequestBody;
use hyper::{Request, Response};
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use tokio_stream::Stream;
use tonic::body::Body;
use tonic::codec::Codec;
use tonic::server::{Grpc, StreamingService, UnaryService};
use tonic::{Status, Streaming};

/// A message that this crate decodes and encodes as a whole.
pub(crate) trait Message: prost::Message + Default + Send + 'static {}

impl<T: prost::Message + Default + Send + 'static> Message for T {}

/// Returns the server side of calls with this codec.
pub(crate) fn server<C: Codec>(codec: C) -> Grpc<C> {
    Grpc::new(codec)
        .max_decoding_message_size(MAX_MESSAGE_LEN)
        .max_encoding_message_size(MAX_MESSAGE_LEN)
}

/// Answers a call with one request and one response, which is known at once.
pub(crate) async fn unary<Req: Message, Res: Message>(
    call: Call,
    request: Request<RequestBody>,
    answer: fn(&Call, &Req) -> Result<Res, Status>,
) -> Response<Body> {
    let codec = MessageCodec::<Req, Res>::new();
    let buffers = Arc::clone(request.body().buffers());
    let service = Immediate {
        call,
        buffers,
        answer,
    };
    server(codec).unary(service, request).await
}

/// Answers a call with one request and one response, which takes time.
pub(crate) async fn unary_async<Req: Message, Res: Message, F>(
    call: Call,
    request: Request<RequestBody>,
    answer: fn(Call, Req) -> F,
) -> Response<Body>
where
    F: Future<Output = Result<Res, Status>> + Send + 'static,
{
    let codec = MessageCodec::<Req, Res>::new();
    let buffers = Arc::clone(request.body().buffers());
    let service = Eventual {
        call,
        buffers,
        answer,
    };
    server(codec).unary(service, request).await
}

/// Answers a call with a stream of requests and a stream of responses. `nested` has the numbers of the
/// fields of a request whose messages have repeated fields.
pub(crate) async fn streaming<Req: Message, Res: Message, R>(
    call: Call,
    request: Request<RequestBody>,
    nested: &'static [u32],
    answer: fn(Call, Streaming<Req>) -> R,
) -> Response<Body>
where
    R: Stream<Item = Result<Res, Status>> + Send + 'static,
{
    let codec = MessageCodec::<Req, Res>::nesting(nested);
    let streams = Streams { call, answer };
    server(codec).streaming(streams, request).await
}

struct Immediate<Req, Res> {
    call: Call,
    buffers: Arc<Buffers>,
    answer: fn(&Call, &Req) -> Result<Res, Status>,
}

impl<Req, Res> UnaryService<Req> for Immediate<Req, Res> {
    type Response = Res;
    type Future = Ready<Result<tonic::Response<Res>, Status>>;

    fn call(&mut self, request: tonic::Request<Req>) -> Self::Future {
        let room = self.buffers.check_room();
        let answer = room.and_then(|()| (self.answer)(&self.call, request.get_ref()));
        ready(answer.map(tonic::Response::new))
    }
}

struct Eventual<Req, F> {
    call: Call,
    buffers: Arc<Buffers>,
    answer: fn(Call, Req) -> F,
}

impl<Req, Res, F> UnaryService<Req> for Eventual<Req, F>
where
    F: Future<Output = Result<Res, Status>> + Send + 'static,
{
    type Response = Res;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<Res>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<Req>) -> Self::Future {
        let room = self.buffers.check_room();
        let answer = room.map(|()| (self.answer)(self.call.clone(), request.into_inner()));
        Box::pin(async { answer?.await.map(tonic::Response::new) })
    }
}

struct Streams<Req, R> {
    call: Call,
    answer: fn(Call, Streaming<Req>) -> R,
}

impl<Req, Res, R> StreamingService<Req> for Streams<Req, R>
where
    R: Stream<Item = Result<Res, Status>>,
{
    type Response = Res;
    type ResponseStream = R;
    type Future = Ready<Result<tonic::Response<R>, Status>>;

    fn call(&mut self, request: tonic::Request<Streaming<Req>>) -> Self::Future {
        let responses = (self.answer)(self.call.clone(), request.into_inner());
        ready(Ok(tonic::Response::new(responses)))
    }
}
