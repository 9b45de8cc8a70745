//! Answers each request with the number of times its path has been requested within the last
//! minute.

mod seen;

use wstd::http::{Body, Error, Request, Response, StatusCode};

use seen::Seen;

// Each request runs in its own instance. Only the map outlives it, for as long as
// `localmap serve --map-scope` says.
#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let (status, text) = answer(&Seen::default(), request.uri().path());
    Ok(Response::builder().status(status).body(text.into())?)
}

fn answer(seen: &Seen, path: &str) -> (StatusCode, String) {
    if path == "/" {
        let latest = seen.latest().unwrap_or_default();
        let different = seen.different();
        let text = format!("{different} different paths, the last one: {latest}\n");
        return (StatusCode::OK, text);
    }
    match seen.count(path) {
        Ok(times) => (StatusCode::OK, format!("{path}: {times}\n")),
        // The path is too long for a key, or the map is full. The message says what to do.
        // Nothing has changed.
        Err(error) => (StatusCode::SERVICE_UNAVAILABLE, format!("{error}\n")),
    }
}
