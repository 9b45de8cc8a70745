//! Checks for requests that cannot be passed to a guest, and for responses that would mislead a
//! client.

use crate::failure::Failure;
use hyper::body::Body;
use hyper::header::{CONTENT_LENGTH, HOST, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Version};
use std::net::SocketAddr;
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

/// Rejects a request that cannot be passed to a guest. `local` is the address that the client has
/// connected to.
pub(crate) fn check_request<B>(request: &mut Request<B>, local: SocketAddr) -> Result<(), Failure> {
    let refuse = |status, why: &str| Err(Failure::new(status, why));
    if *request.method() == Method::CONNECT {
        return refuse(StatusCode::NOT_IMPLEMENTED, "CONNECT is not supported");
    }
    if request.uri().authority().is_some() {
        return Ok(());
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (Some(host), None) if host.to_str().is_ok() => Ok(()),
        // HTTP/1.0 does not require this header, but a guest needs it.
        (None, _) if request.version() < Version::HTTP_11 => {
            let local = HeaderValue::from_str(&local.to_string());
            let headers = request.headers_mut();
            headers.extend(local.ok().map(|local| (HOST, local)));
            Ok(())
        }
        _ => refuse(
            StatusCode::BAD_REQUEST,
            "the header `host` must appear exactly once, in ASCII",
        ),
    }
}

/// Rejects a response that would mislead the client or keep it waiting. `head` is `true` if the
/// response consists only of headers.
pub(crate) fn check_response(
    response: Response<HyperOutgoingBody>,
    head: bool,
) -> Result<Response<HyperOutgoingBody>, Failure> {
    let status = response.status();
    if status.is_informational() {
        let cause =
            format!("the guest returned {status}, which cannot be the status of a final response");
        return Err(Failure::of_guest(cause));
    }
    let Some(length) = response.headers().get(CONTENT_LENGTH) else {
        return Ok(response);
    };
    let length = length.to_str().ok();
    let digits = length.filter(|length| length.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(length) = digits.and_then(|digits| digits.parse::<u64>().ok()) else {
        return Err(Failure::of_guest(
            "the guest returned a content-length that is not a number",
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
        let cause = format!("the guest returned a content-length of {length} but no body");
        return Err(Failure::of_guest(cause));
    }
    Ok(response)
}
