//! Mirrors: streams that keep copies of a map up to date. Not built yet.

use crate::grpc;
use crate::state::State;
use hyper::{Request, Response};
use std::sync::Arc;
use tonic::Status;
use tonic::body::Body;

/// Answers a call of `Mirror`.
pub(crate) async fn serve(
    _state: Arc<State>,
    _request: Request<grpc::RequestBody>,
) -> Response<Body> {
    Status::unimplemented("this version of the sidecar has no mirrors").into_http()
}
