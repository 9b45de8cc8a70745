//! Checks for responses that would mislead a client.

use crate::exchange::ResponseSide;
use crate::failure::Failure;
use crate::guest_body::GuestResponse;
use hyper::StatusCode;
use hyper::body::Body;
use hyper::header::CONTENT_LENGTH;

/// Rejects a response that would mislead the client or keep it waiting. `side` is that of this
/// response.
pub(crate) fn check_response(
    response: GuestResponse,
    side: &ResponseSide,
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
    let bodyless = side.is_head() || status == StatusCode::NOT_MODIFIED;
    let size = response.body().size_hint();
    let other = match size.exact() {
        // A guest that has failed has a better cause.
        _ if bodyless || side.guest_failed() => None,
        Some(exact) if exact != length => Some(format!("a body of {exact} bytes")),
        None if size.lower() > length => Some(format!("a body of at least {} bytes", size.lower())),
        _ => None,
    };
    match other {
        Some(other) => Err(Failure::of_guest(format!(
            "the guest returned a content-length of {length} and {other}"
        ))),
        None => Ok(response),
    }
}
