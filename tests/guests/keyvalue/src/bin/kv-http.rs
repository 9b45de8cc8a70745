//! An HTTP guest that imports 0.2.0-draft2 and counts the requests for each path.

#[path = "../bindings2.rs"]
mod bindings2;

use bindings2::wasi::keyvalue0_2_0_draft2::{atomics, store};
use wstd::http::{Body, Error, Request, Response};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let count = store::open("hits")
        .and_then(|bucket| atomics::increment(&bucket, request.uri().path(), 1))
        .map_err(|error| Error::msg(format!("{error:?}")))?;
    Ok(Response::new(format!("{count}\n").into()))
}
