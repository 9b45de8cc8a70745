//! Answers with the value of a feature flag, which a mirror has from etcd.

mod flags;

use std::{env, time::Duration};

use localmap_client::mirror::Mirror;
use wstd::http::{Body, Error, Request, Response, StatusCode};

use crate::flags::{Answer, Flags, MAX_NAME, Source};

#[wstd::http_server]
async fn main(request: Request<Body>) -> Result<Response<Body>, Error> {
    let name = request.uri().path().trim_start_matches('/');
    if name.is_empty() || name.len() > MAX_NAME {
        let text = format!("use the name of a flag, of 1 to {MAX_NAME} bytes, as in /dark-mode\n");
        let response = Response::builder().status(StatusCode::NOT_FOUND);
        return Ok(response.body(text.into())?);
    }
    let mirror = Mirror::named(option("MIRROR", "flags"));
    let flags = Flags::new(remember()?, option("DEFAULT", "off"));
    respond(flags.decide(name, mirror.get(name))?)
}

fn respond(Answer { mut value, source }: Answer) -> Result<Response<Body>, Error> {
    let response = Response::builder().header("cache-control", "no-store");
    let response = match source {
        Source::Mirror { as_of, freshness } => response
            .header(
                "flag-source",
                if freshness.is_fresh() {
                    "fresh"
                } else {
                    "stale"
                },
            )
            .header("flag-age-ms", freshness.age().as_millis().to_string())
            .header("flag-revision", as_of),
        Source::Memory => response.header("flag-source", "memory"),
        Source::Default => response.header("flag-source", "default"),
    };
    value.push(b'\n');
    Ok(response.body(value.into())?)
}

/// Returns how long a value is of use after it was read, which is not zero.
fn remember() -> Result<Duration, Error> {
    let text = option("REMEMBER", "1h");
    match humantime::parse_duration(&text) {
        Ok(Duration::ZERO) => Err(Error::msg("REMEMBER: use a time span of more than zero")),
        Ok(remember) => Ok(remember),
        Err(error) => Err(Error::msg(format!(
            "REMEMBER={text}: {error}; expected a time span such as 10m or 1h"
        ))),
    }
}

fn option(name: &str, default: &str) -> String {
    env::var(name).unwrap_or_else(|_| default.to_owned())
}
