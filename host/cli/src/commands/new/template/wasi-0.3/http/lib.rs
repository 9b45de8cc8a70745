//! Answers each request with the number of times its path has been requested within the last
//! minute: an HTTP handler for WASI 0.3.

mod seen;

use wasip3::http::types::{ErrorCode, Fields, Request, Response};
use wasip3::{wit_future, wit_stream};

use seen::Seen;

struct Handler;

wasip3::http::service::export!(Handler);

// The map outlives the instance of a request, for as long as `localmap serve --map-scope` says.
impl wasip3::exports::http::handler::Guest for Handler {
    async fn handle(request: Request) -> Result<Response, ErrorCode> {
        let target = request.get_path_with_query().unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        let (status, text) = answer(&Seen::default(), path);
        respond(status, text)
    }
}

fn answer(seen: &Seen, path: &str) -> (u16, String) {
    if path == "/" {
        let latest = seen.latest().unwrap_or_default();
        let different = seen.different();
        let text = format!("{different} different paths, the last one: {latest}\n");
        return (200, text);
    }
    match seen.count(path) {
        Ok(times) => (200, format!("{path}: {times}\n")),
        // The path is too long for a key, or the map is full. The message says what to do.
        // Nothing has changed.
        Err(error) => (503, format!("{error}\n")),
    }
}

/// Returns a response. A task in the background writes its body, while the host sends it.
fn respond(status: u16, text: String) -> Result<Response, ErrorCode> {
    let (mut writer, body) = wit_stream::new();
    // No trailers: the other end of this future is dropped.
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (response, _sent) = Response::new(Fields::new(), Some(body), trailers);
    response
        .set_status_code(status)
        .map_err(|()| ErrorCode::InternalError(Some(format!("{status} is no status"))))?;
    wasip3::spawn_local(async move { writer.write_all(text.into_bytes()).await });
    Ok(response)
}
