//! An HTTP handler for WASI 0.3 for tests that runs the command in the path of a request.
//!
//! A path is `/COMMAND/ARG…`. [`of_request`], [`instance::run`] and [`run`] list the commands. One
//! instance may answer many requests at a time.

mod instance;
mod message;

use std::{hint, process};

use localmap_client::{LocalMap, Ttl};
use wasip3::cli::{exit, stderr, stdout};
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::http::types::{ErrorCode, Request, Response};
use wasip3::wit_stream;

use message::{Body, begin, fields, say, spawn};

struct Handler;

wasip3::http::service::export!(Handler);

pub(crate) type Answer = Result<Response, ErrorCode>;

impl wasip3::exports::http::handler::Guest for Handler {
    async fn handle(request: Request) -> Answer {
        let _here = instance::enter();
        let path = request.get_path_with_query().unwrap_or_default();
        let args: Vec<&str> = path.trim_matches('/').split('/').collect();
        of_request(&args, request).await
    }
}

/// Commands that need neither the request nor the others in the instance.
#[allow(clippy::panic, reason = "some commands panic")]
pub(crate) async fn run(args: &[&str]) -> Answer {
    let map = LocalMap::new();
    match *args {
        // The map.
        ["count"] => say(format!("{}\n", count("n"))),
        ["count", key] => say(format!("{}\n", count(key))),
        ["set", key, value] => {
            map.set(key, value, Ttl::Never).expect("room");
            say("set\n")
        }
        ["get", key] => match map.get(key) {
            Some(value) => say(value),
            None => say("(absent)"),
        },
        ["len"] => say(map.len().to_string()),
        ["pin", key] => {
            let pinned = map.pin(key).is_ok_and(|pin| pin.is_some());
            std::mem::forget(map.pin(key));
            say(pinned.to_string())
        }
        // Failures.
        ["error"] => Err(ErrorCode::LoopDetected),
        ["refuse"] => Err(ErrorCode::HttpRequestDenied),
        ["trap"] => panic!("as the path demands"),
        ["count-and-trap"] => {
            count("n");
            panic!("as the path demands")
        }
        ["trap-after", millis] => {
            sleep(millis).await;
            panic!("as the path demands")
        }
        ["trap-late"] => {
            let (response, mut body) = begin(&[]);
            spawn(async move {
                body.write("begun").await;
                process::abort();
            });
            response
        }
        ["spin"] => spin(),
        ["spin-after", millis] => {
            sleep(millis).await;
            spin()
        }
        ["spin-late"] => {
            let (response, mut body) = begin(&[]);
            spawn(async move {
                body.write("begun").await;
                spin();
            });
            response
        }
        ["bomb"] => {
            let mut all = Vec::new();
            loop {
                all.push(vec![1u8; 1 << 20]);
            }
        }
        ["exit", code] => {
            exit::exit_with_code(code.parse().expect("a code"));
            process::abort()
        }
        ["never"] => {
            wait_for(u64::MAX / 2).await;
            say("it has ended\n")
        }
        // Bodies.
        ["no-body", length] => message::empty(&[("content-length", length)]),
        ["short", length] => {
            let (response, mut body) = begin(&[("content-length", length)]);
            spawn(async move { body.write("abc").await });
            response
        }
        ["unfinished"] => {
            let (response, mut body) = begin(&[]);
            spawn(async move {
                body.write("begun").await;
                wait_for(u64::MAX / 2).await;
                body.finish(None);
            });
            response
        }
        ["broken"] => {
            let (response, mut body) = begin(&[]);
            spawn(async move {
                body.write("begun").await;
                body.fail(ErrorCode::HttpResponseIncomplete);
            });
            response
        }
        ["big", length] => {
            let (response, mut body) = begin(&[]);
            let mut left: usize = length.parse().expect("a length");
            spawn(async move {
                while left > 0 && body.write(vec![b'x'; left.min(60_000)]).await {
                    left = left.saturating_sub(60_000);
                }
                body.finish(None);
            });
            response
        }
        ["late-body", millis] => {
            let (response, mut body) = begin(&[]);
            let millis = millis.to_owned();
            spawn(async move {
                sleep(&millis).await;
                body.write("late\n").await;
                body.finish(None);
            });
            response
        }
        ["stream", chunks, millis] => stream(chunks, millis, &[], |n| format!("{n}\n")),
        ["events", events, millis] => {
            let headers = [("content-type", "text/event-stream")];
            stream(events, millis, &headers, |n| {
                format!("id: {n}\ndata: event {n}\n\n")
            })
        }
        // Records whether its body was sent.
        ["sent", length] => {
            let (response, mut body, sent) = message::follow(&[]);
            let mut left: usize = length.parse().expect("a length");
            spawn(async move {
                while left > 0 && body.write(vec![b'x'; left.min(60_000)]).await {
                    left = left.saturating_sub(60_000);
                }
                body.finish(None);
                let sent = format!("{:?}", sent.await);
                map.set("sent", sent, Ttl::Never).expect("room");
            });
            response
        }
        ["trailers"] => {
            let (response, mut body) = begin(&[("trailer", "x-sum")]);
            spawn(async move {
                body.write("a body").await;
                body.finish(Some(fields(&[("x-sum", "6")])));
            });
            response
        }
        // Work after the response.
        ["after", millis] => {
            let millis = millis.to_owned();
            spawn(async move {
                sleep(&millis).await;
                LocalMap::new()
                    .set("after", "done", Ttl::Never)
                    .expect("room");
            });
            say("before")
        }
        ["trap-after-response", millis] => {
            let millis = millis.to_owned();
            spawn(async move {
                sleep(&millis).await;
                process::abort();
            });
            say("before")
        }
        ["count-after", times, millis] => {
            let (times, millis) = (times.parse().expect("a number"), millis.to_owned());
            spawn(async move {
                for _ in 0..times {
                    let _: u32 = times;
                    sleep(&millis).await;
                    count("n");
                }
            });
            say("before")
        }
        // Others.
        ["sleep", millis] => {
            sleep(millis).await;
            say("slept")
        }
        // Answers with the result of setting a header.
        // Answers with the response of a site.
        ["upstream", authority, ref path @ ..] => {
            message::relay_from(authority, &format!("/{}", path.join("/"))).await
        }
        ["set-header", name] => {
            let set = fields(&[]).append(name, b"x");
            say(format!("{set:?}"))
        }
        // Opens that many streams, and keeps them.
        ["streams", streams] => {
            let streams: u32 = streams.parse().expect("a number");
            let all: Vec<_> = (0..streams).map(|_| wit_stream::new::<u8>()).collect();
            say(all.len().to_string())
        }
        ["status", status] => message::with_status(status.parse().expect("a status")),
        ["env", name] => say(std::env::var(name).unwrap_or_default()),
        ["cat", ref file @ ..] => {
            let file = format!("/{}", file.join("/"));
            say(std::fs::read(file).unwrap_or_default())
        }
        ["print", text] => print(text).await,
        _ => say("hello\n"),
    }
}

/// Commands that answer with a part of the request.
async fn of_request(args: &[&str], request: Request) -> Answer {
    match *args {
        // The body of the request is that of the response, a chunk at a time.
        ["echo"] => {
            let mut body = Body::of(request);
            let (response, mut to) = begin(&[]);
            spawn(async move {
                while let Some(bytes) = body.read().await {
                    if !to.write(bytes).await {
                        break;
                    }
                }
                match body.finish().await {
                    Ok(trailers) => to.finish(trailers),
                    Err(code) => to.fail(code),
                }
            });
            response
        }
        // The stream of the request is that of the response.
        ["relay"] => Body::relay(request),
        ["length"] => {
            let mut body = Body::of(request);
            let mut length = 0;
            while let Some(bytes) = body.read().await {
                length += bytes.len();
            }
            match body.finish().await {
                Ok(_) => say(length.to_string()),
                Err(code) => Err(code),
            }
        }
        ["ignore"] => {
            drop(request);
            say("ignored")
        }
        // Does not read the body for a while, and then answers.
        ["hold", millis] => {
            let held = Body::of(request);
            sleep(millis).await;
            drop(held);
            say("held")
        }
        // Reads at least that many bytes, and leaves the rest.
        ["first", length] => {
            let mut body = Body::of(request);
            let length: usize = length.parse().expect("a length");
            let mut first = Vec::new();
            while first.len() < length {
                match body.read().await {
                    Some(bytes) => first.extend(bytes),
                    None => break,
                }
            }
            first.truncate(length);
            say(first)
        }
        ["trailers-of"] => {
            let mut body = Body::of(request);
            while body.read().await.is_some() {}
            match body.finish().await {
                Ok(trailers) => say(message::text_of(trailers)),
                Err(code) => Err(code),
            }
        }
        ["headers-of"] => say(message::text_of(Some(request.get_headers()))),
        ["header", name] => say(request.get_headers().get(name).join(&b", "[..])),
        ["authority"] => say(request.get_authority().unwrap_or_default()),
        ["method"] => say(format!("{:?}", request.get_method())),
        ["scheme"] => say(format!("{:?}", request.get_scheme())),
        ["path", ..] => say(request.get_path_with_query().unwrap_or_default()),
        _ => instance::run(args).await,
    }
}

/// Answers with numbered chunks, and waits after each of them.
fn stream(
    chunks: &str,
    millis: &str,
    headers: &[(&str, &str)],
    chunk: fn(u32) -> String,
) -> Answer {
    let (response, mut body) = begin(headers);
    let (chunks, millis) = (chunks.parse().expect("a number"), millis.to_owned());
    spawn(async move {
        for n in 0..chunks {
            if !body.write(chunk(n)).await {
                // The client has left.
                count("left");
                return;
            }
            sleep(&millis).await;
        }
        body.finish(None);
    });
    response
}

fn count(key: &str) -> i64 {
    let map = LocalMap::new();
    map.increment(key, 1, Ttl::Never).expect("room")
}

fn spin() -> ! {
    loop {
        hint::black_box(());
    }
}

pub(crate) async fn sleep(millis: &str) {
    let millis: u64 = millis.parse().expect("a number");
    wait_for(millis * 1_000_000).await;
}

/// Prints by WASI 0.3 to both outputs.
async fn print(text: &str) -> Answer {
    let (mut to, from) = wit_stream::new();
    let (mut to_error, from_error) = wit_stream::new();
    let closed = stdout::write_via_stream(from);
    let closed_error = stderr::write_via_stream(from_error);
    to.write_all(format!("{text}\n").into_bytes()).await;
    to_error.write_all(format!("{text}!\n").into_bytes()).await;
    drop((to, to_error));
    let written = closed.await.is_ok() && closed_error.await.is_ok();
    say(if written {
        "printed"
    } else {
        "the host refused"
    })
}
