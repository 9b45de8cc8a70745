//! Sends requests with `wasi:http` itself.

use wasip2::http::outgoing_handler;
use wasip2::http::types::{
    Fields, FutureIncomingResponse, IncomingResponse, Method, OutgoingBody, OutgoingRequest,
    RequestOptions, Scheme,
};
use wasip2::io::streams::StreamError;

/// What a request has besides its target.
#[derive(Default)]
pub(crate) struct Options<'a> {
    /// The method; `GET` if it is empty.
    pub(crate) method: &'a str,
    pub(crate) body: &'a str,
    pub(crate) header: Option<(&'a str, &'a str)>,
    /// All timeouts in milliseconds.
    pub(crate) millis: Option<u64>,
    /// Whether the result is the length of the body.
    pub(crate) length: bool,
}

/// Sends a request. Returns the status and the body of the response.
pub(crate) fn fetch(url: &str, options: &Options<'_>) -> Result<String, String> {
    let (response, body) = begin(url, options)?;
    OutgoingBody::finish(body, None).map_err(|code| format!("{code:?}"))?;
    let response = wait(&response)?;
    let status = response.status();
    let (body, length) = read(&response)?;
    Ok(match options.length {
        true => format!("{status} {length}"),
        false => format!("{status} {body}"),
    })
}

/// Sends requests whose bodies end when all have been begun. Returns the results.
pub(crate) fn fetch_all(url: &str, count: usize) -> Result<String, String> {
    let options = Options {
        method: "POST",
        ..Options::default()
    };
    let begun: Result<Vec<_>, _> = (0..count).map(|_| begin(url, &options)).collect();
    let (responses, bodies): (Vec<_>, Vec<_>) = begun?.into_iter().unzip();
    for body in bodies {
        // That of a request that was refused has no other side.
        let _ = OutgoingBody::finish(body, None);
    }
    let results = responses.iter().map(|response| {
        let read = wait(response).and_then(|response| read(&response));
        read.map_or_else(|error| error, |(body, _)| body)
    });
    Ok(results.collect::<Vec<_>>().join(" "))
}

/// Sends a request to `SCHEME://AUTHORITY[/PATH]`, apart from the end of its body.
fn begin(
    url: &str,
    options: &Options<'_>,
) -> Result<(FutureIncomingResponse, OutgoingBody), String> {
    let (scheme, rest) = url.split_once("://").ok_or("expected a scheme")?;
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, "/"),
    };
    let scheme = match scheme {
        "http" => Scheme::Http,
        "https" => Scheme::Https,
        other => Scheme::Other(other.to_owned()),
    };
    let headers = Fields::new();
    if let Some((name, value)) = options.header {
        let appended = headers.append(name, value.as_bytes());
        appended.map_err(|error| format!("header: {error:?}"))?;
    }
    let request = OutgoingRequest::new(headers);
    let refused = |what: &'static str| move |()| format!("{what} is refused");
    request
        .set_method(&method(options.method))
        .map_err(refused("the method"))?;
    request
        .set_scheme(Some(&scheme))
        .map_err(refused("the scheme"))?;
    request
        .set_authority(Some(authority))
        .map_err(refused("the authority"))?;
    request
        .set_path_with_query(Some(path))
        .map_err(refused("the path"))?;
    let body = request.body().map_err(refused("the body"))?;
    let timeouts = options.millis.map(|millis| {
        let timeouts = RequestOptions::new();
        let nanos = Some(millis.saturating_mul(1_000_000));
        let _ = timeouts.set_connect_timeout(nanos);
        let _ = timeouts.set_first_byte_timeout(nanos);
        let _ = timeouts.set_between_bytes_timeout(nanos);
        timeouts
    });
    let response = outgoing_handler::handle(request, timeouts);
    let response = response.map_err(|code| format!("{code:?}"))?;
    if !options.body.is_empty() {
        let stream = body.write().map_err(refused("the stream"))?;
        for chunk in options.body.as_bytes().chunks(4096) {
            stream
                .blocking_write_and_flush(chunk)
                .map_err(|error| format!("{error:?}"))?;
        }
    }
    Ok((response, body))
}

fn method(name: &str) -> Method {
    match name {
        "" | "GET" => Method::Get,
        "POST" => Method::Post,
        "CONNECT" => Method::Connect,
        other => Method::Other(other.to_owned()),
    }
}

fn wait(response: &FutureIncomingResponse) -> Result<IncomingResponse, String> {
    response.subscribe().block();
    match response.get() {
        Some(Ok(done)) => done.map_err(|code| format!("{code:?}")),
        other => Err(format!("no response: {other:?}")),
    }
}

/// Returns the beginning of a body, and its length.
fn read(response: &IncomingResponse) -> Result<(String, usize), String> {
    let body = response.consume().map_err(|()| "no body".to_owned())?;
    let stream = body.stream().map_err(|()| "no stream".to_owned())?;
    let (mut text, mut length) = (Vec::new(), 0);
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(bytes) => {
                length += bytes.len();
                text.extend(bytes.iter().take(4096_usize.saturating_sub(text.len())));
            }
            Err(StreamError::Closed) => break,
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(format!("after {length} bytes: {}", error.to_debug_string()));
            }
        }
    }
    Ok((String::from_utf8_lossy(&text).into_owned(), length))
}
