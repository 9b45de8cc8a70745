//! An HTTP guest for tests that runs the command in the path of a request.
//!
//! A path is `/COMMAND/ARG…`. [`run`] lists the commands.

use std::{io::Write, thread, time::Duration};

use localmap_client::LocalMap;
use wasip2::http::{
    outgoing_handler,
    types::{
        ErrorCode, Fields, IncomingBody, IncomingRequest, OutgoingBody, OutgoingRequest,
        OutgoingResponse, ResponseOutparam,
    },
};
use wasip2::io::streams::{InputStream, OutputStream, StreamError};

wasip2::http::proxy::export!(Served);

struct Served;

impl wasip2::exports::http::incoming_handler::Guest for Served {
    fn handle(request: IncomingRequest, out: ResponseOutparam) {
        let path = request.path_with_query().unwrap_or_default();
        let args: Vec<&str> = path.trim_matches('/').split('/').collect();
        run(&args, &request, out);
    }
}

#[allow(clippy::panic, reason = "some commands panic")]
fn run(args: &[&str], request: &IncomingRequest, out: ResponseOutparam) {
    let map = LocalMap::new();
    match args {
        // The map.
        ["count"] => {
            let n = map.increment("n", 1, localmap_client::Ttl::Never);
            say(out, format!("{}\n", n.expect("room")));
        }
        ["set", key, value] => {
            map.set(key, value, localmap_client::Ttl::Never)
                .expect("room");
            say(out, "set\n");
        }
        ["get", key] => match map.get(key) {
            Some(value) => say(out, value),
            None => say(out, "(absent)"),
        },
        ["len"] => say(out, map.len().to_string()),
        ["pin", key] => {
            let pinned = map.pin(key).is_ok_and(|pin| pin.is_some());
            std::mem::forget(map.pin(key));
            say(out, pinned.to_string());
        }
        // Failures.
        ["count-and-trap"] => {
            map.increment("n", 1, localmap_client::Ttl::Never)
                .expect("room");
            panic!("as it was told");
        }
        ["count-and-sleep", millis] => {
            map.increment("n", 1, localmap_client::Ttl::Never)
                .expect("room");
            sleep(millis);
            say(out, "slept");
        }
        ["trap"] => panic!("as it was told"),
        ["trap-late"] => {
            let _body = begin(out, &[], b"begun");
            panic!("as it was told");
        }
        ["spin"] => spin(),
        ["spin-late"] => {
            let _body = begin(out, &[], b"begun");
            spin();
        }
        ["bomb"] => {
            let mut all = Vec::new();
            loop {
                all.push(vec![1u8; 1 << 20]);
            }
        }
        ["nothing"] => {}
        ["error"] => ResponseOutparam::set(out, Err(ErrorCode::LoopDetected)),
        ["exit", code] => std::process::exit(code.parse().expect("a code")),
        ["no-body", length] => {
            let headers = fields(&[("content-length", length)]);
            ResponseOutparam::set(out, Ok(OutgoingResponse::new(headers)));
        }
        ["unfinished"] => std::mem::forget(begin(out, &[], b"begun")),
        ["dropped"] => {
            let (body, stream) = begin(out, &[], b"begun");
            drop(stream);
            drop(body);
        }
        ["short", length] => drop(begin(out, &[("content-length", length)], b"abc")),
        // Bodies.
        ["echo"] => echo(request, out),
        ["length"] => {
            let mut length = 0;
            read(request, |bytes| length += bytes.len());
            say(out, length.to_string());
        }
        ["big", length] => {
            let (body, mut stream) = begin(out, &[], b"");
            let mut left: usize = length.parse().expect("a length");
            while left > 0 {
                let now = left.min(60_000);
                stream.write_all(&vec![b'x'; now]).expect("it is read");
                left -= now;
            }
            end(body, stream);
        }
        ["before", length] => {
            let response = OutgoingResponse::new(Fields::new());
            let body = response.body().expect("the first");
            let mut stream = body.write().expect("the first");
            let bytes = vec![b'x'; length.parse().expect("a length")];
            stream.write_all(&bytes).expect("there is room");
            ResponseOutparam::set(out, Ok(response));
            end(body, stream);
        }
        ["stream", chunks, millis] => {
            let (body, mut stream) = begin(out, &[], b"");
            for n in 0..chunks.parse().expect("a number") {
                let n: u32 = n;
                stream.write_all(format!("{n}\n").as_bytes()).expect("read");
                stream.flush().expect("it is read");
                sleep(millis);
            }
            end(body, stream);
        }
        ["trailers"] => {
            let (body, stream) = begin(out, &[("trailer", "x-sum")], b"a body");
            drop(stream);
            let trailers = fields(&[("x-sum", "6")]);
            OutgoingBody::finish(body, Some(trailers)).expect("it is whole");
        }
        // Others.
        ["sleep", millis] => {
            sleep(millis);
            say(out, "slept");
        }
        ["after", millis] => {
            say(out, "before");
            sleep(millis);
            map.set("after", "done", localmap_client::Ttl::Never)
                .expect("room");
        }
        ["status", status, length @ ..] => {
            let length = length.first().map(|length| ("content-length", *length));
            let response = OutgoingResponse::new(fields(length.as_slice()));
            let status = status.parse().expect("a status");
            response.set_status_code(status).expect("a status");
            let body = response.body().expect("the first");
            ResponseOutparam::set(out, Ok(response));
            let mut stream = body.write().expect("the first");
            let _ = stream.write_all(b"a body");
            drop(stream);
            let _ = OutgoingBody::finish(body, None);
        }
        ["header", name] => {
            let values = request.headers().get(name);
            say(out, values.join(&b", "[..]));
        }
        ["trailers-of", name] => {
            let body = request.consume().expect("the first");
            let stream = body.stream().expect("the first");
            while stream.blocking_read(64 << 10).is_ok() {}
            drop(stream);
            let trailers = IncomingBody::finish(body);
            trailers.subscribe().block();
            let trailers = trailers.get().expect("they are there");
            let trailers = trailers.expect("the first").expect("they arrive");
            let values = trailers.map(|trailers| trailers.get(name));
            say(out, values.unwrap_or_default().join(&b", "[..]));
        }
        ["scheme"] => say(out, format!("{:?}", request.scheme())),
        ["authority"] => say(out, request.authority().unwrap_or_default()),
        ["method"] => say(out, format!("{:?}", request.method())),
        ["env", name] => say(out, std::env::var(name).unwrap_or_default()),
        ["cat", file @ ..] => {
            let file = format!("/{}", file.join("/"));
            say(out, std::fs::read(file).unwrap_or_default());
        }
        ["print", text] => {
            println!("{text}");
            eprintln!("{text}!");
            say(out, "printed");
        }
        ["flood", millions] => {
            let line = "x".repeat(1 << 20);
            for _ in 0..millions.parse().expect("a number") {
                println!("{line}");
            }
            say(out, "printed");
        }
        ["fetch"] => say(out, fetch()),
        _ => say(out, "hello\n"),
    }
}

fn spin() {
    loop {
        std::hint::black_box(());
    }
}

fn sleep(millis: &str) {
    thread::sleep(Duration::from_millis(millis.parse().expect("a number")));
}

fn fields(headers: &[(&str, &str)]) -> Fields {
    let fields = Fields::new();
    for (name, value) in headers {
        fields.append(name, value.as_bytes()).expect("a header");
    }
    fields
}

/// Starts a response with the first bytes of its body.
fn begin(
    out: ResponseOutparam,
    headers: &[(&str, &str)],
    bytes: &[u8],
) -> (OutgoingBody, OutputStream) {
    let response = OutgoingResponse::new(fields(headers));
    let body = response.body().expect("the first");
    ResponseOutparam::set(out, Ok(response));
    let mut stream = body.write().expect("the first");
    stream.write_all(bytes).expect("it is read");
    stream.flush().expect("it is read");
    (body, stream)
}

fn end(body: OutgoingBody, stream: OutputStream) {
    drop(stream);
    OutgoingBody::finish(body, None).expect("it is whole");
}

fn say(out: ResponseOutparam, text: impl AsRef<[u8]>) {
    let text = text.as_ref();
    let length = text.len().to_string();
    let headers = [("content-length", length.as_str())];
    let (body, stream) = begin(out, &headers, text);
    end(body, stream);
}

fn read(request: &IncomingRequest, mut with: impl FnMut(&[u8])) {
    let body = request.consume().expect("the first");
    let stream: InputStream = body.stream().expect("the first");
    loop {
        match stream.blocking_read(64 << 10) {
            Ok(bytes) => with(&bytes),
            Err(StreamError::Closed) => return,
            Err(StreamError::LastOperationFailed(error)) => {
                eprintln!("the body ends early: {}", error.to_debug_string());
                return;
            }
        }
    }
}

fn echo(request: &IncomingRequest, out: ResponseOutparam) {
    let (body, mut to) = begin(out, &[], b"");
    read(request, |bytes| to.write_all(bytes).expect("it is read"));
    end(body, to);
}

/// Sends a request. Returns the error code, or `answered`.
fn fetch() -> String {
    let request = OutgoingRequest::new(Fields::new());
    request.set_authority(Some("localhost")).expect("a host");
    request.set_path_with_query(Some("/")).expect("a path");
    let response = match outgoing_handler::handle(request, None) {
        Ok(response) => response,
        Err(code) => return format!("{code:?}"),
    };
    response.subscribe().block();
    match response.get() {
        Some(Ok(Err(code))) => format!("{code:?}"),
        _ => "answered".to_owned(),
    }
}
