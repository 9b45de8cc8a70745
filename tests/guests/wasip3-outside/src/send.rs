//! Sends requests with `wasi:http/client` itself.

use futures::future::{join, join_all};
use wasip3::http::client;
use wasip3::http::types::{Fields, Method, Request, RequestOptions, Response, Scheme};
use wasip3::wit_bindgen::StreamResult;
use wasip3::{wit_future, wit_stream};

/// What a request has besides its target.
#[derive(Default)]
struct Options<'a> {
    /// The method; `GET` if it is empty.
    method: &'a str,
    body: &'a str,
    header: Option<(&'a str, &'a str)>,
    /// All timeouts in milliseconds.
    millis: Option<u64>,
    /// Whether the result is the length of the body.
    length: bool,
}

pub(crate) async fn run(args: &[&str]) -> Result<String, String> {
    let mut options = Options::default();
    let url = match *args {
        ["get", url] => url,
        ["method", method, url] => {
            options.method = method;
            url
        }
        ["post", url, body] => {
            (options.method, options.body) = ("POST", body);
            url
        }
        ["header", name, value, url] => {
            options.header = Some((name, value));
            url
        }
        ["within", millis, url] => {
            options.millis = millis.parse().ok();
            url
        }
        ["length", url] => {
            options.length = true;
            url
        }
        ["all", url, count] => return Ok(all(url, count.parse().unwrap_or(0)).await),
        _ => return Err(format!("no such request: {args:?}")),
    };
    fetch(url, &options).await
}

/// Sends requests at the same time. Returns the results.
async fn all(url: &str, count: usize) -> String {
    let options = Options::default();
    let results = join_all((0..count).map(|_| fetch(url, &options))).await;
    let results = results
        .into_iter()
        .map(|done| done.unwrap_or_else(|error| error));
    results.collect::<Vec<_>>().join(" ")
}

/// Sends a request to `SCHEME://AUTHORITY[/PATH]`. Returns the status and the body of the response.
async fn fetch(url: &str, options: &Options<'_>) -> Result<String, String> {
    let (mut body, contents) = wit_stream::new();
    let request = request(url, options, contents)?;
    let write = async {
        let _ = body.write_all(options.body.as_bytes().to_vec()).await;
        drop(body);
    };
    let (response, ()) = join(client::send(request), write).await;
    let response = response.map_err(|code| format!("{code:?}"))?;
    let status = response.get_status_code();
    let (text, length) = read(response).await?;
    Ok(match options.length {
        true => format!("{status} {length}"),
        false => format!("{status} {text}"),
    })
}

fn request(
    url: &str,
    options: &Options<'_>,
    contents: wasip3::wit_bindgen::StreamReader<u8>,
) -> Result<Request, String> {
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
    let method = match options.method {
        "" | "GET" => Method::Get,
        "POST" => Method::Post,
        "CONNECT" => Method::Connect,
        other => Method::Other(other.to_owned()),
    };
    let headers = Fields::new();
    if let Some((name, value)) = options.header {
        let appended = headers.append(name, value.as_bytes());
        appended.map_err(|error| format!("header: {error:?}"))?;
    }
    let timeouts = options.millis.map(|millis| {
        let timeouts = RequestOptions::new();
        let nanos = Some(millis.saturating_mul(1_000_000));
        let _ = timeouts.set_connect_timeout(nanos);
        let _ = timeouts.set_first_byte_timeout(nanos);
        let _ = timeouts.set_between_bytes_timeout(nanos);
        timeouts
    });
    let (_, trailers) = wit_future::new(|| Ok(None));
    let (request, _sent) = Request::new(headers, Some(contents), trailers, timeouts);
    let refused = |what: &'static str| move |()| format!("{what} is refused");
    request.set_method(&method).map_err(refused("the method"))?;
    request
        .set_scheme(Some(&scheme))
        .map_err(refused("the scheme"))?;
    request
        .set_authority(Some(authority))
        .map_err(refused("the authority"))?;
    request
        .set_path_with_query(Some(path))
        .map_err(refused("the path"))?;
    Ok(request)
}

/// Returns the beginning of a body, and its length.
async fn read(response: Response) -> Result<(String, usize), String> {
    let (_done, read) = wit_future::new(|| Ok(()));
    let (mut from, trailers) = Response::consume_body(response, read);
    let (mut text, mut length) = (Vec::new(), 0);
    loop {
        let (status, bytes) = from.read(Vec::with_capacity(64 << 10)).await;
        length += bytes.len();
        text.extend(bytes.iter().take(4096_usize.saturating_sub(text.len())));
        if bytes.is_empty() && !matches!(status, StreamResult::Complete(_)) {
            break;
        }
    }
    drop(from);
    let end = trailers.await;
    end.map_err(|code| format!("after {length} bytes: {code:?}"))?;
    Ok((String::from_utf8_lossy(&text).into_owned(), length))
}
