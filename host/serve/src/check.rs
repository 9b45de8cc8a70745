//! Requests that no guest can be called with, and responses that would lead a client astray.

use crate::failure::Failure;
use hyper::body::Body;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use std::net::SocketAddr;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

/// Refuses a request that no guest can be called with. `local`: the address that the client
/// has connected to.
pub(crate) fn check_request<B>(request: &mut Request<B>, local: SocketAddr) -> Result<(), Failure> {
    let refuse = |status, why: &str| Err(Failure::new(status, why));
    if *request.method() == Method::CONNECT {
        return refuse(
            StatusCode::NOT_IMPLEMENTED,
            "there is nothing to CONNECT to",
        );
    }
    if request.uri().authority().is_some() {
        return Ok(());
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if host.to_str().is_ok() => Ok(()),
        // HTTP/1.0 has no such header, and a guest needs one.
        (None, _) if request.version() < Version::HTTP_11 => {
            let local = HeaderValue::from_str(&local.to_string());
            let headers = request.headers_mut();
            headers.extend(local.ok().map(|local| (HOST, local)));
            Ok(())
        }
        _ => refuse(
            StatusCode::BAD_REQUEST,
            "the header `host` must be there once, in ASCII",
        ),
    }
}

/// Refuses a response that would leave the client waiting, or lead it astray. `head`: the
/// response has headers only.
pub(crate) fn check_response(
    response: Response<HyperOutgoingBody>,
    head: bool,
) -> Result<Response<HyperOutgoingBody>, Failure> {
    let status = response.status();
    if status.is_informational() {
        let cause = format!("the guest gave the status {status}, which is not one of a response");
        return Err(Failure::of_guest(cause));
    }
    let Some(length) = response.headers().get(CONTENT_LENGTH) else {
        return Ok(response);
    };
    let length = length.to_str().ok();
    let digits = length.filter(|length| length.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(length) = digits.and_then(|digits| digits.parse::<u64>().ok()) else {
        return Err(Failure::of_guest(
            "the guest gave a content-length that is not a number",
        ));
    };
    let bodyless = head || status == StatusCode::NOT_MODIFIED;
    if !bodyless
        && response
            .body()
            .size_hint()
            .exact()
            .is_some_and(|body| body != length)
    {
        let cause = format!("the guest gave a content-length of {length} and no body");
        return Err(Failure::of_guest(cause));
    }
    Ok(response)
}
