//! Answers 200 to a client that may make a request, and 429 to a client that has made too
//! many.

mod limiter;

use std::{env, time::Duration};

use wstd::http::{Body, Error, Request, Response, StatusCode};

use crate::limiter::{Limiter, MAX_NAME};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    answer(&request)
}

fn answer(request: &Request<Body>) -> Result<Response<Body>, Error> {
    let client = request.headers().get("x-client");
    let client = client.map(|name| name.as_bytes());
    if client.is_some_and(|name| name.len() > MAX_NAME) {
        let text = format!("x-client has more than {MAX_NAME} bytes: use a shorter name\n");
        return respond(StatusCode::BAD_REQUEST, &[], text);
    }
    let limiter = Limiter::new(limit()?, window()?);
    let verdict = match limiter.count(client) {
        Ok(verdict) => verdict,
        // A client must not pass uncounted.
        Err(error) => {
            let headers = [("retry-after", limiter.window.as_secs().max(1))];
            let text = format!("{error}\n");
            return respond(StatusCode::SERVICE_UNAVAILABLE, &headers, text);
        }
    };
    let headers = [
        ("ratelimit-limit", u64::from(limiter.limit)),
        ("ratelimit-remaining", u64::from(verdict.remaining)),
        ("ratelimit-reset", verdict.reset),
        ("retry-after", verdict.reset),
    ];
    if verdict.allowed {
        respond(StatusCode::OK, &headers[..3], "go on\n".to_owned())
    } else {
        let text = "too many requests\n".to_owned();
        respond(StatusCode::TOO_MANY_REQUESTS, &headers, text)
    }
}

fn respond(
    status: StatusCode,
    headers: &[(&str, u64)],
    text: String,
) -> Result<Response<Body>, Error> {
    let response = Response::builder().status(status);
    let response = headers.iter().fold(response, |response, (name, value)| {
        response.header(*name, *value)
    });
    Ok(response.body(text.into())?)
}

/// Returns the number of requests allowed in one window.
fn limit() -> Result<u32, Error> {
    let text = option("LIMIT", "10");
    text.parse()
        .map_err(|error| Error::msg(format!("LIMIT={text}: {error}; expected a whole number")))
}

/// Returns the length of a window, which is not zero.
fn window() -> Result<Duration, Error> {
    let text = option("WINDOW", "60s");
    match humantime::parse_duration(&text) {
        Ok(Duration::ZERO) => Err(Error::msg("WINDOW: use a time span of more than zero")),
        Ok(window) => Ok(window),
        Err(error) => Err(Error::msg(format!(
            "WINDOW={text}: {error}; expected a time span such as 60s or 5m"
        ))),
    }
}

fn option(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}
