//! Checks for responses that would mislead a client.

use crate::failure::Failure;
use crate::guest_body::GuestResponse;
use hyper::StatusCode;
use hyper::body::Body;
use hyper::header::CONTENT_LENGTH;

/// Rejects a response that would mislead the client or keep it waiting. `head` is `true` if the
/// response consists only of headers.
pub(crate) fn check_response(
    response: GuestResponse,
    head: bool,
) -> Result<GuestResponse, Failure> {
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
