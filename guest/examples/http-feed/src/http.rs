//! Requests and responses of WASI 0.3.

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::wit_bindgen::{StreamResult, StreamWriter};
use wasip3::{wit_future, wit_stream};

const CHUNK: usize = 16 << 10;

/// Reads the body of a request. Returns `None` if it has more than `max` bytes.
pub(crate) async fn body(request: Request, max: usize) -> Result<Option<Vec<u8>>, ErrorCode> {
    let (_done, result) = wit_future::new(|| Ok(()));
    let (mut stream, trailers) = Request::consume_body(request, result);
    let mut body = Vec::new();
    loop {
        body.reserve(CHUNK);
        let (result, read) = stream.read(body).await;
        body = read;
        if body.len() > max {
            return Ok(None);
        }
        if !matches!(result, StreamResult::Complete(_)) {
            break;
        }
    }
    // The trailers say whether the body is whole.
    trailers.await?;
    Ok(Some(body))
}

/// Returns a response with a text.
pub(crate) fn respond(
    status: u16,
    headers: &[(&str, &str)],
    text: String,
) -> Result<Response, ErrorCode> {
    stream(status, headers, async move |mut body| {
        body.write_all(text.into_bytes()).await;
    })
}

/// Returns a response whose body `write` writes, while it is sent.
pub(crate) fn stream(
    status: u16,
    headers: &[(&str, &str)],
    write: impl AsyncFnOnce(StreamWriter<u8>) + 'static,
) -> Result<Response, ErrorCode> {
    let fields = Fields::new();
    for (name, value) in headers {
        fields
            .append(name, value.as_bytes())
            .map_err(|error| ErrorCode::InternalError(Some(format!("{name}: {error:?}"))))?;
    }
    let (writer, body) = wit_stream::new();
    // No trailers: the other end of this future is dropped.
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(fields, Some(body), trailers);
    response
        .set_status_code(status)
        .map_err(|()| ErrorCode::InternalError(Some(format!("{status} is no status"))))?;
    wasip3::spawn_local(write(writer));
    Ok(response)
}
