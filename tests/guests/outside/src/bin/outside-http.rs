//! An HTTP guest that runs the command in the body of a request, one argument in each line.

use wstd::http::{Body, Error, Request, Response};

#[wstd::http_server]
async fn main(mut request: Request<Body>) -> Result<Response<Body>, Error> {
    let body = request.body_mut().str_contents().await?.to_owned();
    let args: Vec<&str> = body.lines().collect();
    Ok(Response::new(outside::run(&args).into()))
}
